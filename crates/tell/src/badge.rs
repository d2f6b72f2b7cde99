//! Badges: small pictures for other people's pages.

use crate::snapshot::Snapshot;
use serde_json::Value;
use stillhere_model::{Lang, ServiceId};

/// What a badge shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Badge {
    /// The headline of the whole site.
    Site,
    Status(ServiceId),
    /// Uptime over the 90 days of the bars.
    Uptime(ServiceId),
    /// The newest median latency.
    Latency(ServiceId),
}

/// `None`: no such service.
#[must_use]
pub fn svg(_s: &Snapshot, _lang: Lang, _badge: &Badge) -> Option<String> {
    None
}
/// For shields.io's endpoint badge. `None`: no such service.
#[must_use]
pub fn shields(_s: &Snapshot, _lang: Lang, _badge: &Badge) -> Option<Value> {
    None
}
