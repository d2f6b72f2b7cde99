//! The judge's view of a service now, and why.

use crate::{
    id::{CheckId, IncidentId, MaintenanceId, ServiceId},
    observation::{Finding, Outcome},
    time::Time,
};
use serde::{Deserialize, Serialize};

/// Statuspage's five component states, and `unknown`: we cannot see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Operational,
    UnderMaintenance,
    Unknown,
    DegradedPerformance,
    PartialOutage,
    MajorOutage,
}

/// What the judge says of one service, with its reason and its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub service: ServiceId,
    pub status: Status,
    /// When this status began: for an outage the first failed look, not the one that decided.
    pub since: Time,
    pub reason: Reason,
    /// Every check of the service, in the order of the configuration.
    pub checks: Vec<CheckView>,
    /// Many changes in a short time (flapping).
    pub unstable: bool,
    /// A planned maintenance is in progress, whatever the status says.
    pub maintenance: Option<MaintenanceId>,
}

/// One check as the judge sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckView {
    pub check: CheckId,
    pub outcome: Outcome,
    pub since: Time,
    pub last_look: Option<Time>,
    pub finding: Option<Finding>,
    pub votes_down: u32,
    pub votes_live: u32,
}

/// Why a service has its status. Each variant has a message `reason-<kebab-case>` in the locale files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// All checks are up.
    AllUp,
    /// The checks that matter most are up; `unseen` of `of` checks (less severe ones) could not look.
    PartlySeen {
        unseen: u32,
        of: u32,
    },
    /// `down` of `of` checks are down; `finding` is the gravest one's.
    ChecksDown {
        down: u32,
        of: u32,
        finding: Option<Finding>,
    },
    ChecksSlow {
        slow: u32,
        of: u32,
        finding: Option<Finding>,
    },
    /// A service that this one depends on is down and this one has not been seen up since.
    Dependency {
        on: ServiceId,
    },
    /// In planned maintenance, and nothing is worse than planned.
    Maintenance {
        id: MaintenanceId,
    },
    /// In planned maintenance, but worse than planned.
    BeyondMaintenance {
        id: MaintenanceId,
        finding: Option<Finding>,
    },
    /// Said by a person, in an incident.
    Declared {
        incident: IncidentId,
    },
    /// We cannot see: the checks could not look.
    CannotSee {
        finding: Option<Finding>,
    },
    OwnUplinkDown,
    NoFreshNews,
    NotYetLooked,
    /// The service has no check; nobody has declared anything.
    NoChecks,
    /// Stillhere itself was off or frozen.
    Gap,
}

/// A new verdict and what it replaces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerdictChange {
    pub before: Option<Status>,
    pub now: Verdict,
}

// === impl Status ===

impl Status {
    pub const ALL: [Status; 6] = [
        Status::Operational,
        Status::UnderMaintenance,
        Status::Unknown,
        Status::DegradedPerformance,
        Status::PartialOutage,
        Status::MajorOutage,
    ];

    /// How bad it is for a user; `worst` of several is the greatest. Maintenance never masks an outage.
    #[must_use]
    pub fn gravity(self) -> u8 {
        match self {
            Status::Operational => 0,
            Status::UnderMaintenance => 1,
            Status::Unknown => 2,
            Status::DegradedPerformance => 3,
            Status::PartialOutage => 4,
            Status::MajorOutage => 5,
        }
    }

    #[must_use]
    pub fn worst(self, other: Status) -> Status {
        if other.gravity() > self.gravity() { other } else { self }
    }

    /// Degraded or worse: something a user can feel.
    #[must_use]
    pub fn is_problem(self) -> bool {
        self.gravity() >= Status::DegradedPerformance.gravity()
    }

    /// The weight of this status in uptime, `None` when the time does not count at all.
    /// Uptime = 1 − Σ(weight × known time) / Σ known time.
    #[must_use]
    pub fn weight(self) -> Option<f64> {
        match self {
            Status::MajorOutage => Some(1.0),
            Status::PartialOutage => Some(0.3),
            Status::Operational | Status::UnderMaintenance | Status::DegradedPerformance => Some(0.0),
            Status::Unknown => None,
        }
    }

    /// As written in JSON, SQL and CSS.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Operational => "operational",
            Status::UnderMaintenance => "under_maintenance",
            Status::Unknown => "unknown",
            Status::DegradedPerformance => "degraded_performance",
            Status::PartialOutage => "partial_outage",
            Status::MajorOutage => "major_outage",
        }
    }
}

impl std::str::FromStr for Status {
    type Err = ();
    fn from_str(s: &str) -> Result<Status, ()> {
        Status::ALL.into_iter().find(|x| x.as_str() == s).ok_or(())
    }
}
