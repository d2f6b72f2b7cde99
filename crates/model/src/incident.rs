//! One cause, whom it touches, and everything that was said about it.

use crate::{
    eta::Eta,
    id::{IncidentId, PreventionId, ServiceId, UpdateId},
    observation::Finding,
    text::Text,
    time::Time,
    verdict::Status,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    None,
    Minor,
    Major,
    Critical,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentStatus {
    Investigating,
    Identified,
    Monitoring,
    Resolved,
    Postmortem,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub id: IncidentId,
    /// `None`: made from the affected services' names, in every language.
    pub title: Option<Text>,
    pub impact: Impact,
    pub status: IncidentStatus,
    /// When it began for users (back-dated to the first failed look; may be corrected).
    pub started_at: Time,
    /// When we opened it. Never changes.
    pub opened_at: Time,
    pub monitoring_at: Option<Time>,
    pub resolved_at: Option<Time>,
    pub affected: Vec<Affected>,
    /// The service whose failure explains the others by declared dependencies. `None`: we do not know.
    pub origin: Option<ServiceId>,
    /// Oldest first. Only ever appended to.
    pub updates: Vec<Update>,
    /// Oldest first; the last one is in force while the incident is open.
    pub promises: Vec<Promise>,
    /// When it was said to be over, oldest first; the last one is in force while the incident is open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub etas: Vec<Eta>,
    pub unstable: bool,
    /// Opened by a person; automatic updates are then limited to what the checks see.
    pub by_hand: bool,
    /// Times it was opened again after it had been resolved.
    pub reopened: u32,
    /// Who took it on, oldest first; the last one has it, see [`Incident::acknowledged`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledgements: Vec<Acknowledgement>,
    /// Times that staff were called again because nobody had taken it on, since it was last opened.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub called_again: u32,
    /// What is done so that it does not happen again, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preventions: Vec<Prevention>,
}

/// Something that is done so that an incident does not happen again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prevention {
    pub id: PreventionId,
    pub what: Text,
    /// Who does it. For staff only.
    pub owner: String,
    pub due: Time,
    /// Visitors read it, and whether it was done by its day.
    pub public: bool,
    pub made_at: Time,
    pub done_at: Option<Time>,
    /// It will not be done. It stays on the record, and counts as not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped_at: Option<Time>,
    /// How often staff were told that it is overdue.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reminders: u32,
}

/// A person took an incident on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub at: Time,
    pub by: Author,
    /// How often it had been opened again by then: who had it the last time may be asleep by now.
    #[serde(default)]
    pub reopened: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    pub service: ServiceId,
    /// The worst it has been in this incident.
    pub worst: Status,
    pub now: Status,
    pub since: Time,
    pub until: Option<Time>,
    /// Said by a person rather than seen by a check.
    pub declared: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Update {
    pub id: UpdateId,
    pub at: Time,
    pub status: IncidentStatus,
    pub said: Said,
    pub by: Author,
    /// What this update changed: service, status before, status now.
    pub changed: Vec<(ServiceId, Status, Status)>,
    /// When we promised the next word in this update.
    pub next_update_by: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    Automatic,
    /// As in [`crate::By`]: a person's name, `token <name>`, or `local`.
    Person(String),
}

/// What an update says: a person's words, or a fact that is put into words in each language
/// (message `said-<kebab-case>` in the locale files).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Said {
    Text {
        text: Text,
    },
    Opened {
        services: Vec<ServiceId>,
        /// Of the first of them.
        finding: Option<Finding>,
    },
    Joined {
        services: Vec<ServiceId>,
    },
    Worse {
        service: ServiceId,
        status: Status,
        finding: Option<Finding>,
    },
    Better {
        service: ServiceId,
        status: Status,
    },
    /// The origin was found through declared dependencies.
    OriginFound {
        origin: ServiceId,
    },
    /// Looks are good again; being verified for `verify_ms` before it is called over.
    Recovering {
        verify_ms: u64,
    },
    Resolved {
        lasted_ms: u64,
    },
    Reopened {
        services: Vec<ServiceId>,
        /// Of the first of them.
        finding: Option<Finding>,
    },
    Unstable {
        changes: u32,
        window_ms: u64,
    },
    PromiseMissed {
        due: Time,
    },
    /// We cannot see the affected services any more; the incident stays open.
    LostSight,
    StartCorrected {
        from: Time,
        to: Time,
        note: Option<Text>,
    },
    EndCorrected {
        from: Time,
        to: Time,
        note: Option<Text>,
    },
    TextCorrected {
        update: UpdateId,
        from: Text,
        to: Text,
    },
    /// It proved to be part of an older incident, where the story goes on.
    MergedInto {
        incident: IncidentId,
    },
    /// A maintenance was moved.
    Rescheduled {
        starts_at: Time,
        ends_at: Time,
    },
}

/// "Next update by": made in public; kept, missed or withdrawn in public, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    pub made_at: Time,
    pub due: Time,
    pub kept_at: Option<Time>,
    pub missed_at: Option<Time>,
    /// When the responder was last reminded of it.
    pub nagged_at: Option<Time>,
    /// How often.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub nags: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Withdrawn>,
}

/// A promise that will not be kept here, and why that is no broken word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    pub at: Time,
    pub why: WithdrawnWhy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawnWhy {
    /// The incident proved to be part of an older one, whose own promise stands.
    Merged,
}

/// A correction of what the record says about a stretch of time. The record itself stays; readers apply
/// amendments in the order they were made, and show that they did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    pub service: ServiceId,
    pub from: Time,
    pub until: Time,
    pub status: Status,
    pub incident: IncidentId,
    pub made_at: Time,
}

// === impl Impact ===

impl Impact {
    #[must_use]
    pub fn of(status: Status) -> Impact {
        match status {
            Status::MajorOutage => Impact::Critical,
            Status::PartialOutage => Impact::Major,
            Status::DegradedPerformance => Impact::Minor,
            Status::Operational | Status::UnderMaintenance | Status::Unknown => Impact::None,
        }
    }
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Impact::None => "none",
            Impact::Minor => "minor",
            Impact::Major => "major",
            Impact::Critical => "critical",
        }
    }
}

// === impl IncidentStatus ===

impl IncidentStatus {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            IncidentStatus::Investigating => "investigating",
            IncidentStatus::Identified => "identified",
            IncidentStatus::Monitoring => "monitoring",
            IncidentStatus::Resolved => "resolved",
            IncidentStatus::Postmortem => "postmortem",
        }
    }
    #[must_use]
    pub fn is_open(self) -> bool {
        !matches!(self, IncidentStatus::Resolved | IncidentStatus::Postmortem)
    }
}

// === impl Prevention ===

impl Prevention {
    /// It is still to be done.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.done_at.is_none() && self.dropped_at.is_none()
    }
}

// === impl Promise ===

impl Promise {
    /// One that was just made.
    #[must_use]
    pub fn new(made_at: Time, due: Time) -> Promise {
        Promise { made_at, due, kept_at: None, missed_at: None, nagged_at: None, nags: 0, withdrawn: None }
    }
    /// Neither kept nor missed nor withdrawn.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.kept_at.is_none() && self.missed_at.is_none() && self.withdrawn.is_none()
    }
}

// === impl Incident ===

impl Incident {
    /// It went on as a part of another one.
    #[must_use]
    pub fn is_merged(&self) -> bool {
        self.merged_into().is_some()
    }

    /// The one that it went on as a part of.
    #[must_use]
    pub fn merged_into(&self) -> Option<IncidentId> {
        self.updates.iter().rev().find_map(|u| match u.said {
            Said::MergedInto { incident } => Some(incident),
            _ => None,
        })
    }

    /// When it was over. `None`: it is open, or went on as a part of another one.
    #[must_use]
    pub fn over_at(&self) -> Option<Time> {
        self.resolved_at.filter(|_| !self.status.is_open() && !self.is_merged())
    }

    /// Since when everything is good again, which is being verified. One that a person opened is over when a person says so.
    #[must_use]
    pub fn seems_over_since(&self) -> Option<Time> {
        if self.by_hand || !self.status.is_open() {
            return None;
        }
        let ends = self.affected.iter().map(|a| a.until);
        ends.collect::<Option<Vec<Time>>>()?.into_iter().max()
    }

    /// The promise in force: made, neither kept nor missed.
    #[must_use]
    pub fn open_promise(&self) -> Option<&Promise> {
        self.promises.last().filter(|p| p.is_open())
    }
    /// Who has it: the last to take it on since it was last opened.
    #[must_use]
    pub fn acknowledged(&self) -> Option<&Acknowledgement> {
        self.acknowledgements.last().filter(|a| a.reopened == self.reopened)
    }
    #[must_use]
    pub fn affects(&self, service: &ServiceId) -> bool {
        self.affected.iter().any(|a| &a.service == service)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}
