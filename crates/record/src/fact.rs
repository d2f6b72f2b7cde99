//! What an entry of the public record says.

use crate::{
    ENTRY_MAX_BYTES, canon,
    text::{TextHash, Words},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stillhere_model::{
    Impact, IncidentId, IncidentStatus, MaintenanceId, MaintenanceStatus, PreventionId, ServiceId, Status,
    Time, UpdateId,
};

/// Services named by one entry; further ones are counted.
pub const SERVICES_MAX: usize = 512;

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it became public.
    pub at: Time,
    #[serde(flatten)]
    pub fact: Fact,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// The first entry of a log. Where it goes on from another one: which, and as far as what.
    LogOpened {
        origin: String,
        continues: Option<Continued>,
    },
    /// Whoever writes this went back to what they knew at entry `back_to`; the log did not.
    Restored {
        epoch: u64,
        back_to: u64,
    },
    /// What the page says of a service.
    Verdict {
        service: ServiceId,
        before: Option<Status>,
        now: Status,
        since: Time,
        why: String,
    },
    /// The page says nothing more about it.
    ServiceGone {
        service: ServiceId,
    },
    IncidentOpened {
        incident: IncidentId,
        services: Services,
        impact: Impact,
        status: IncidentStatus,
        /// When it began for users, as known then.
        started_at: Time,
        opened_at: Time,
        /// When it began with the services that visitors see, where it began with others.
        seen_since: Option<Time>,
        by: Voice,
        title: Words,
    },
    IncidentJoined {
        incident: IncidentId,
        service: ServiceId,
    },
    IncidentReopened {
        incident: IncidentId,
        service: Option<ServiceId>,
    },
    IncidentRenamed {
        incident: IncidentId,
        title: Words,
    },
    Update {
        incident: IncidentId,
        update: UpdateId,
        status: IncidentStatus,
        impact: Impact,
        /// When it began, as known now.
        started_at: Time,
        /// When it ended, where it has.
        resolved_at: Option<Time>,
        by: Voice,
        /// As in the API, with hashes in place of texts.
        said: Value,
        next_update_by: Option<Time>,
    },
    IncidentResolved {
        incident: IncidentId,
        resolved_at: Time,
    },
    PromiseMade {
        incident: IncidentId,
        due: Time,
    },
    PromiseKept {
        incident: IncidentId,
        due: Time,
        kept_at: Time,
    },
    PromiseMissed {
        incident: IncidentId,
        due: Time,
    },
    /// It went on as part of another incident, whose own promise stands.
    PromiseWithdrawn {
        incident: IncidentId,
        due: Time,
    },
    /// A person took it on.
    Acknowledged {
        incident: IncidentId,
    },
    /// "Over by", as it was shown; without `by`: from here on no time was given.
    EtaShown {
        incident: IncidentId,
        by: Option<Time>,
        half: Option<Time>,
        from: EtaFrom,
    },
    EtaPassed {
        incident: IncidentId,
        by: Time,
    },
    /// Something that is done so that it does not happen again, as it is from now on.
    Prevention {
        incident: IncidentId,
        prevention: PreventionId,
        what: Words,
        due: Time,
        done_at: Option<Time>,
        /// It will not be done: it counts as not done when its day has come.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dropped_at: Option<Time>,
    },
    /// A stretch of the past is corrected.
    Amended {
        incident: IncidentId,
        service: ServiceId,
        from: Time,
        until: Time,
        status: Status,
    },
    Maintenance {
        maintenance: MaintenanceId,
        status: MaintenanceStatus,
        services: Services,
        starts_at: Time,
        ends_at: Time,
        title: Words,
        body: Words,
    },
    MaintenanceSaid {
        maintenance: MaintenanceId,
        text: Words,
    },
    /// Nothing was seen in this time.
    Gap {
        from: Time,
        until: Time,
    },
    /// Our own way out was lost, or is back.
    Uplink {
        up: bool,
    },
    /// These texts of an earlier entry were taken out.
    Redacted {
        entry: u64,
        texts: Vec<TextHash>,
        why: Words,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continued {
    pub origin: String,
    pub size: u64,
    /// In hexadecimal.
    pub root: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Services {
    pub named: Vec<ServiceId>,
    /// As many more.
    pub more: u32,
}

/// Who said it. Never a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Voice {
    Automatic,
    Person,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EtaFrom {
    Computed,
    Person,
}

// === impl Entry ===

impl Entry {
    /// The bytes that go into the log, always the same for the same entry.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let value = serde_json::to_value(self).expect("an entry is JSON");
        let bytes = canon::bytes(&value);
        debug_assert!(bytes.len() < ENTRY_MAX_BYTES, "every list and text in an entry is bounded");
        bytes
    }

    /// # Errors
    /// When it is no entry that is known here.
    pub fn parse(bytes: &[u8]) -> Result<Entry, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

// === impl Fact ===

impl Fact {
    /// As in its bytes.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Fact::LogOpened { .. } => "log_opened",
            Fact::Restored { .. } => "restored",
            Fact::Verdict { .. } => "verdict",
            Fact::ServiceGone { .. } => "service_gone",
            Fact::IncidentOpened { .. } => "incident_opened",
            Fact::IncidentJoined { .. } => "incident_joined",
            Fact::IncidentReopened { .. } => "incident_reopened",
            Fact::IncidentRenamed { .. } => "incident_renamed",
            Fact::Update { .. } => "update",
            Fact::IncidentResolved { .. } => "incident_resolved",
            Fact::PromiseMade { .. } => "promise_made",
            Fact::PromiseKept { .. } => "promise_kept",
            Fact::PromiseMissed { .. } => "promise_missed",
            Fact::PromiseWithdrawn { .. } => "promise_withdrawn",
            Fact::Acknowledged { .. } => "acknowledged",
            Fact::EtaShown { .. } => "eta_shown",
            Fact::EtaPassed { .. } => "eta_passed",
            Fact::Prevention { .. } => "prevention",
            Fact::Amended { .. } => "amended",
            Fact::Maintenance { .. } => "maintenance",
            Fact::MaintenanceSaid { .. } => "maintenance_said",
            Fact::Gap { .. } => "gap",
            Fact::Uplink { .. } => "uplink",
            Fact::Redacted { .. } => "redacted",
        }
    }

    /// What it is about: an incident's or a maintenance's id, or a service.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        match self {
            Fact::Verdict { service, .. } | Fact::ServiceGone { service } => Some(service.to_string()),
            Fact::IncidentOpened { incident, .. }
            | Fact::IncidentJoined { incident, .. }
            | Fact::IncidentReopened { incident, .. }
            | Fact::IncidentRenamed { incident, .. }
            | Fact::Update { incident, .. }
            | Fact::IncidentResolved { incident, .. }
            | Fact::PromiseMade { incident, .. }
            | Fact::PromiseKept { incident, .. }
            | Fact::PromiseMissed { incident, .. }
            | Fact::PromiseWithdrawn { incident, .. }
            | Fact::Acknowledged { incident }
            | Fact::EtaShown { incident, .. }
            | Fact::EtaPassed { incident, .. }
            | Fact::Prevention { incident, .. }
            | Fact::Amended { incident, .. } => Some(incident.to_string()),
            Fact::Maintenance { maintenance, .. } | Fact::MaintenanceSaid { maintenance, .. } => {
                Some(maintenance.to_string())
            }
            Fact::LogOpened { .. }
            | Fact::Restored { .. }
            | Fact::Gap { .. }
            | Fact::Uplink { .. }
            | Fact::Redacted { .. } => None,
        }
    }
}

// === impl Services ===

impl FromIterator<ServiceId> for Services {
    fn from_iter<I: IntoIterator<Item = ServiceId>>(all: I) -> Services {
        let mut all = all.into_iter();
        let named = all.by_ref().take(SERVICES_MAX).collect();
        Services { named, more: u32::try_from(all.count()).unwrap_or(u32::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_with_everything_at_its_limit_fits_and_reads_the_same_again() {
        let id = |n: usize| ServiceId::new(format!("{n:0>63}"));
        let title = |n: u8| (format!("l{n}"), TextHash("a".repeat(64)));
        let entry = Entry {
            at: Time(1_795_341_600_000),
            fact: Fact::IncidentOpened {
                incident: IncidentId(uuid::Uuid::from_u128(7)),
                services: (0..3_000).map(id).collect(),
                impact: Impact::Critical,
                status: IncidentStatus::Investigating,
                started_at: Time(1_795_341_500_000),
                opened_at: Time(1_795_341_600_000),
                seen_since: None,
                by: Voice::Automatic,
                title: (0..8).map(title).collect(),
            },
        };
        let bytes = entry.bytes();
        assert!(bytes.len() < ENTRY_MAX_BYTES, "{}", bytes.len());
        let again = Entry::parse(&bytes).unwrap();
        assert_eq!(again, entry);
        assert_eq!(again.bytes(), bytes);
        let Fact::IncidentOpened { services, .. } = again.fact else { panic!() };
        assert_eq!((services.named.len(), services.more), (SERVICES_MAX, 2_488));
    }

    #[test]
    fn the_bytes_of_an_entry_never_change() {
        let entry = Entry { at: Time(0), fact: Fact::Gap { from: Time(1), until: Time(2) } };
        assert_eq!(
            String::from_utf8(entry.bytes()).unwrap(),
            r#"{"at":"1970-01-01T00:00:00.000Z","from":"1970-01-01T00:00:00.001Z","kind":"gap","until":"1970-01-01T00:00:00.002Z"}"#
        );
    }
}
