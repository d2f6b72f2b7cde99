//! The one-line truth about everything: what the page says first, what badges and `/api/v2/status` roll up to.

use crate::snapshot::Snapshot;
use serde::{Deserialize, Serialize};
use stillhere_model::{Impact, Status};

/// Gravest last. Each variant has the messages `headline-<kebab-case>` and `headline-<kebab-case>-more`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Headline {
    Operational,
    Maintenance,
    /// We cannot see some or all services, and nothing that we do see has a problem.
    Unknown,
    /// The snapshot itself is old: whatever it says is from then. Only a reader with a clock can tell.
    NoFreshNews,
    Degraded,
    Partial,
    /// Every service that we can see and that is not in planned maintenance is down.
    Major,
}

/// What `snapshot` says as a whole. Never [`Headline::NoFreshNews`]: that depends on the reader's clock.
#[must_use]
pub fn headline(snapshot: &Snapshot) -> Headline {
    let statuses = snapshot.services.iter().map(|s| s.verdict.status);
    from_statuses(statuses).max(from_incidents(snapshot))
}

fn from_statuses(statuses: impl Iterator<Item = Status>) -> Headline {
    let (mut seen, mut down, mut worst, mut any) = (0u32, 0u32, Status::Operational, false);
    for status in statuses {
        any = true;
        worst = worst.worst(status);
        match status {
            Status::Unknown | Status::UnderMaintenance => {}
            Status::MajorOutage => (seen, down) = (seen + 1, down + 1),
            _ => seen += 1,
        }
    }
    match worst {
        _ if !any => Headline::Unknown,
        Status::MajorOutage if down == seen => Headline::Major,
        Status::MajorOutage | Status::PartialOutage => Headline::Partial,
        Status::DegradedPerformance => Headline::Degraded,
        Status::Unknown => Headline::Unknown,
        Status::UnderMaintenance => Headline::Maintenance,
        Status::Operational => Headline::Operational,
    }
}

/// An open incident that names no service still counts: a person said that something is wrong.
fn from_incidents(snapshot: &Snapshot) -> Headline {
    let open = snapshot.incidents.iter().filter(|i| i.status.is_open() && i.affected.is_empty());
    let impacts = open.map(|i| match i.impact {
        Impact::None => Headline::Operational,
        Impact::Minor => Headline::Degraded,
        Impact::Major => Headline::Partial,
        Impact::Critical => Headline::Major,
    });
    impacts.max().unwrap_or(Headline::Operational)
}

// === impl Headline ===

impl Headline {
    pub const ALL: [Headline; 7] = [
        Headline::Operational,
        Headline::Maintenance,
        Headline::Unknown,
        Headline::NoFreshNews,
        Headline::Degraded,
        Headline::Partial,
        Headline::Major,
    ];

    /// As in message keys and CSS classes.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Headline::Operational => "operational",
            Headline::Maintenance => "maintenance",
            Headline::Unknown => "unknown",
            Headline::NoFreshNews => "no-fresh-news",
            Headline::Degraded => "degraded",
            Headline::Partial => "partial",
            Headline::Major => "major",
        }
    }

    /// Statuspage's `status.indicator`.
    #[must_use]
    pub fn indicator(self) -> &'static str {
        match self {
            Headline::Operational => "none",
            Headline::Maintenance => "maintenance",
            Headline::Unknown | Headline::NoFreshNews | Headline::Degraded => "minor",
            Headline::Partial => "major",
            Headline::Major => "critical",
        }
    }
}
