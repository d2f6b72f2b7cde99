//! What several of the console's answers have in common.

use super::Scene;
use serde::Serialize;
use stillhere_model::{
    Affected, Author, CheckView, Impact, Incident, IncidentId, IncidentStatus, Maintenance, MaintenanceId,
    MaintenanceStatus, Outcome, Promise, ServiceId, Status, Time,
};
use stillhere_tell::{ServiceView, clean};
use utoipa::ToSchema;

use super::super::view::{ImpactWord, IncidentWord, MaintenanceWord, OutcomeWord, StatusWord};

/// Services named by one incident in a list.
const NAMED_MAX: usize = 12;

/// A service by its name.
#[derive(Serialize, ToSchema)]
pub(crate) struct Named {
    #[schema(value_type = String)]
    pub(super) id: ServiceId,
    pub(super) name: String,
    #[schema(value_type = StatusWord)]
    pub(super) status: Status,
}

/// "Next update by".
#[derive(Serialize, ToSchema)]
pub(crate) struct Due {
    #[schema(value_type = String, format = DateTime)]
    due: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    kept_at: Option<Time>,
    #[schema(value_type = Option<String>, format = DateTime)]
    missed_at: Option<Time>,
}

/// An incident in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct IncidentBrief {
    #[schema(value_type = String)]
    id: IncidentId,
    /// As visitors read it; made of the services' names where nobody gave one.
    title: String,
    #[schema(value_type = ImpactWord)]
    impact: Impact,
    #[schema(value_type = IncidentWord)]
    status: IncidentStatus,
    #[schema(value_type = String, format = DateTime)]
    started_at: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    resolved_at: Option<Time>,
    /// At most 12 of them.
    affected: Vec<Named>,
    affected_more: usize,
    unstable: bool,
    /// The promise that was made last.
    promise: Option<Due>,
    /// The time that is given by which it is over.
    #[schema(value_type = Option<String>, format = DateTime)]
    eta: Option<Time>,
    /// What was said last.
    said: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    said_at: Option<Time>,
    /// Whether a person has said anything yet.
    said_by_person: bool,
    /// Who has it. `null`: nobody has taken it on since it was last opened.
    taken_by: Option<String>,
}

/// Planned work in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct MaintenanceBrief {
    #[schema(value_type = String)]
    id: MaintenanceId,
    title: String,
    #[schema(value_type = MaintenanceWord)]
    status: MaintenanceStatus,
    #[schema(value_type = String, format = DateTime)]
    starts_at: Time,
    #[schema(value_type = String, format = DateTime)]
    ends_at: Time,
}

/// The evidence of one check, in words.
#[derive(Serialize, ToSchema)]
pub(crate) struct Evidence {
    /// `<service>/<check>`
    id: String,
    #[schema(value_type = OutcomeWord)]
    outcome: Outcome,
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    /// What was found.
    found: Option<String>,
    votes_down: u32,
    votes_live: u32,
}

/// Who it was; `None`: nobody, it was made from what was seen.
pub(super) fn person(by: &Author) -> Option<String> {
    match by {
        Author::Automatic => None,
        Author::Person(name) => Some(clean::who(name).to_owned()),
    }
}

// === impl Scene ===

impl Scene {
    pub(super) fn name(&self, id: &ServiceId) -> String {
        self.words.service(id, &self.all).unwrap_or_else(|| id.to_string())
    }

    pub(super) fn why(&self, service: &ServiceView) -> String {
        self.words.reason(&service.verdict, &self.all)
    }

    pub(super) fn named(&self, id: &ServiceId, status: Option<Status>) -> Named {
        let known = self.all.service(id).map(|s| s.verdict.status);
        Named { id: id.clone(), name: self.name(id), status: status.or(known).unwrap_or(Status::Unknown) }
    }

    pub(super) fn incident(&self, i: &Incident) -> IncidentBrief {
        let open = i.status.is_open();
        let status = |a: &Affected| if open { a.now } else { a.worst };
        let last = i.updates.last();
        IncidentBrief {
            id: i.id,
            title: self.words.title(i, &self.all),
            impact: i.impact,
            status: i.status,
            started_at: i.started_at,
            resolved_at: i.resolved_at,
            affected: i
                .affected
                .iter()
                .take(NAMED_MAX)
                .map(|a| self.named(&a.service, Some(status(a))))
                .collect(),
            affected_more: i.affected.len().saturating_sub(NAMED_MAX),
            unstable: open && i.unstable,
            promise: i.promises.last().map(Due::from),
            eta: i.eta().and_then(|e| e.by),
            said: last.map(|u| {
                let text = self.words.said(&u.said, &self.all, clean::TITLE_CHARS);
                clean::line(&text, clean::TITLE_CHARS)
            }),
            said_at: last.map(|u| u.at),
            said_by_person: i.updates.iter().any(|u| matches!(u.by, Author::Person(_))),
            taken_by: i.acknowledged().and_then(|a| person(&a.by)),
        }
    }

    pub(super) fn maintenance(&self, m: &Maintenance) -> MaintenanceBrief {
        MaintenanceBrief {
            id: m.id,
            title: self.words.name(&m.title),
            status: m.status,
            starts_at: m.starts_at,
            ends_at: m.ends_at,
        }
    }

    pub(super) fn evidence(&self, c: &CheckView) -> Evidence {
        Evidence {
            id: c.check.to_string(),
            outcome: c.outcome,
            since: c.since,
            found: c.finding.as_ref().map(|f| self.words.finding(f, self.all.made_at)),
            votes_down: c.votes_down,
            votes_live: c.votes_live,
        }
    }
}

// === impl Due ===

impl From<&Promise> for Due {
    fn from(p: &Promise) -> Due {
        Due { due: p.due, kept_at: p.kept_at, missed_at: p.missed_at }
    }
}
