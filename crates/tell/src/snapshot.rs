//! What is public now, in one value. Every public form is cut from it and from nothing else.

use crate::logo::Logo;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use stillhere_model::{
    EtaRecord, Incident, IncidentId, Lang, Maintenance, MaintenanceId, ServiceId, Status, Text, Time, Verdict,
};

/// The public state at one moment, ordered by (`epoch`, `seq`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Raised by a restore from backup.
    pub epoch: u64,
    /// Raised by every public change.
    pub seq: u64,
    pub made_at: Time,
    /// After this time a reader must say that there is no fresh news.
    pub fresh_until: Time,
    /// When the newest look began. `None`: nothing was looked at yet.
    pub last_look: Option<Time>,
    pub site: Site,
    /// Public services, in the order of the configuration; those of a group follow each other.
    /// Shared between snapshots: a change replaces only the views it touches.
    pub services: Vec<Arc<ServiceView>>,
    /// Open ones, newest first.
    pub incidents: Vec<Incident>,
    /// Resolved ones, newest first, bounded by who makes the snapshot.
    pub history: Vec<Incident>,
    /// Scheduled, active, and lately ended ones.
    pub maintenances: Vec<Maintenance>,
    /// What is wrong with Stillhere itself and limits what it can say.
    pub own: Vec<OwnTrouble>,
    /// How the times turned out by which incidents were said to be over.
    #[serde(default)]
    pub eta_record: EtaRecord,
    /// Entries of the public record that are part of it: a copy has as many.
    #[serde(default)]
    pub recorded: u64,
}

/// The operator's name, words and look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    pub name: Text,
    /// Absolute, without a trailing slash: `https://status.example.com`.
    pub url: String,
    /// IANA name, such as `Asia/Shanghai`. An unknown name is read as UTC.
    pub time_zone: String,
    /// At least one; the first is the default.
    pub languages: Vec<Lang>,
    pub contact: Contact,
    /// `#rrggbb`. Used for links and the focus ring where its contrast allows it.
    pub accent: Option<String>,
    /// The operator's own mark.
    pub logo: Option<Arc<Logo>>,
    #[serde(default)]
    pub subscribe: Offer,
}

/// How visitors can have themselves told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub mail: bool,
    pub webhook: bool,
    /// A notification in the visitor's browser.
    #[serde(default)]
    pub push: bool,
    /// What a browser's subscription is bound to (RFC 8292), for scripts of the services that this site is about. `None`: they
    /// have nothing to offer.
    #[serde(default)]
    pub push_key: Option<String>,
}

// === impl Offer ===

impl Offer {
    /// Whether there is any way. Without one there is no form at all.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.mail || self.webhook || self.push
    }
}

/// How a person reaches the operator when everything is down.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    pub phone: Option<String>,
    /// `https:` only; anything else is left out.
    pub chat_url: Option<String>,
    pub email: Option<String>,
    pub hours: Option<Text>,
}

/// One service as visitors see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceView {
    pub id: ServiceId,
    pub name: Text,
    pub description: Option<Text>,
    pub group: Option<Text>,
    pub verdict: Verdict,
    /// [`crate::timeline::DAYS`] days, oldest first, today last.
    pub days: Arc<[Day]>,
    /// Between 0 and 1 over `days`. `None`: nothing is known.
    pub uptime: Option<f64>,
    /// The last 24 hours, oldest first.
    pub latency: Vec<LatencyPoint>,
    pub depends_on: Vec<ServiceId>,
    pub created_at: Time,
    /// The last change of its status.
    pub updated_at: Time,
}

/// One day of one service, in the site's time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// In JSON `YYYY-MM-DD`. 90 of these are kept for every service, so the type is small.
    pub date: jiff::civil::Date,
    /// Milliseconds in each status, in the order of [`Status::ALL`]. All zero: not recorded.
    pub ms: [u32; 6],
    /// An amendment changed this day.
    pub corrected: bool,
    pub incidents: Vec<IncidentId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatencyPoint {
    pub at: Time,
    /// `None`: no successful look in this bucket.
    pub p50_ms: Option<f32>,
    pub p95_ms: Option<f32>,
}

/// What is wrong with Stillhere itself. Each variant has a message `own-<kebab-case>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OwnTrouble {
    /// Our own way out is cut: nothing outside can be seen.
    UplinkDown { since: Time },
    /// Looks begin later than they should.
    FallingBehind { since: Time },
    /// What happens is seen, but cannot be written down.
    StoreFailing { since: Time },
}

// === impl Snapshot ===

impl Snapshot {
    #[must_use]
    pub fn service(&self, id: &ServiceId) -> Option<&ServiceView> {
        self.services.iter().map(AsRef::as_ref).find(|s| &s.id == id)
    }

    /// An open or a resolved one.
    #[must_use]
    pub fn incident(&self, id: &IncidentId) -> Option<&Incident> {
        self.incidents.iter().chain(&self.history).find(|i| &i.id == id)
    }

    #[must_use]
    pub fn maintenance(&self, id: &MaintenanceId) -> Option<&Maintenance> {
        self.maintenances.iter().find(|m| &m.id == id)
    }

    /// The language to answer in: `wanted` if the site has it, else the site's first.
    #[must_use]
    pub fn lang(&self, wanted: Option<Lang>) -> Lang {
        wanted
            .filter(|l| self.site.languages.contains(l))
            .or_else(|| self.site.languages.first().copied())
            .unwrap_or_default()
    }

    /// True when `now` is past `fresh_until`.
    #[must_use]
    pub fn is_stale(&self, now: Time) -> bool {
        now > self.fresh_until
    }
}

// === impl Day ===

impl Day {
    #[must_use]
    pub fn of(&self, status: Status) -> u64 {
        Status::ALL.iter().position(|s| *s == status).map_or(0, |i| u64::from(self.ms[i]))
    }

    /// Milliseconds of which anything is recorded, `unknown` included.
    #[must_use]
    pub fn recorded_ms(&self) -> u64 {
        self.ms.iter().copied().map(u64::from).sum()
    }

    /// The gravest status of the day that is known; `Unknown` when nothing of it is; `None` when not recorded.
    #[must_use]
    pub fn worst(&self) -> Option<Status> {
        let known = Status::ALL.into_iter().filter(|s| *s != Status::Unknown && self.of(*s) > 0);
        known
            .max_by_key(|s| s.gravity())
            .or_else(|| (self.of(Status::Unknown) > 0).then_some(Status::Unknown))
    }
}
