//! What is watched: services, their checks, and how they depend on each other.

use crate::{
    id::{CheckId, ServiceId},
    text::Text,
    verdict::Status,
};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, time::Duration};

/// Everything the pure stages need to know about the configuration. Rebuilt on reload.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Topology {
    /// In the order of the configuration, which is the order on the page.
    pub services: Vec<ServiceDef>,
    pub checks: HashMap<CheckId, CheckDef>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceDef {
    pub id: ServiceId,
    pub name: Text,
    pub description: Option<Text>,
    pub group: Option<Text>,
    /// Services without which this one cannot work.
    pub depends_on: Vec<ServiceId>,
    /// In the order of the configuration.
    pub checks: Vec<CheckId>,
    /// Whether visitors see it.
    pub public: bool,
    /// Who looks after it: responders of other teams do not speak about it. `None`: everybody.
    pub team: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckDef {
    pub id: CheckId,
    pub service: ServiceId,
    pub name: Text,
    /// The probe kind's name: `http`, `tcp`, …
    pub kind: String,
    pub interval: Duration,
    pub timeout: Duration,
    /// Consecutive failed looks until the check is down; the quick re-check counts. Default 2.
    pub fail_after: u32,
    /// Consecutive good looks until it is up again. Default 2.
    pub recover_after: u32,
    pub severity: Severity,
    pub quorum: Quorum,
    /// True for kinds whose observations come in by themselves (heartbeats): silence is judged by the kind, not here.
    pub passive: bool,
}

/// What a failing check means for its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The service cannot be used: `major_outage`.
    #[default]
    Major,
    /// A part of it cannot be used: `partial_outage`.
    Partial,
    /// It works less well: `degraded_performance`.
    Minor,
}

/// How many live vantages must say *down*. Votes expire; the needed number never exceeds the live ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quorum {
    #[default]
    Majority,
    Any,
    All,
    AtLeast(u8),
}

// === impl Topology ===

impl Topology {
    #[must_use]
    pub fn service(&self, id: &ServiceId) -> Option<&ServiceDef> {
        self.services.iter().find(|s| &s.id == id)
    }

    /// All services that `id` depends on, directly or through others, nearest first, without `id`.
    #[must_use]
    pub fn ancestors(&self, id: &ServiceId) -> Vec<ServiceId> {
        self.reach(id, |t, at| t.service(at).map(|s| s.depends_on.clone()).unwrap_or_default())
    }

    /// All services that depend on `id`, directly or through others, nearest first, without `id`.
    #[must_use]
    pub fn dependants(&self, id: &ServiceId) -> Vec<ServiceId> {
        self.reach(id, |t, at| {
            t.services.iter().filter(|s| s.depends_on.contains(at)).map(|s| s.id.clone()).collect()
        })
    }

    fn reach(
        &self,
        from: &ServiceId,
        next: impl Fn(&Topology, &ServiceId) -> Vec<ServiceId>,
    ) -> Vec<ServiceId> {
        let mut found: Vec<ServiceId> = Vec::new();
        let mut at = 0;
        let mut todo = next(self, from);
        loop {
            for s in todo {
                if &s != from && !found.contains(&s) {
                    found.push(s);
                }
            }
            let Some(s) = found.get(at) else { return found };
            todo = next(self, s);
            at += 1;
        }
    }
}

// === impl Severity ===

impl Severity {
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Severity::Major => Status::MajorOutage,
            Severity::Partial => Status::PartialOutage,
            Severity::Minor => Status::DegradedPerformance,
        }
    }
}
