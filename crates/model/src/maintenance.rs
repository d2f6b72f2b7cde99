//! Planned work. It never masks an outage.

use crate::{
    id::{MaintenanceId, ServiceId},
    incident::Update,
    text::Text,
    time::Time,
    verdict::Status,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaintenanceStatus {
    Scheduled,
    InProgress,
    Verifying,
    Completed,
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Maintenance {
    pub id: MaintenanceId,
    pub title: Text,
    pub body: Option<Text>,
    pub services: Vec<ServiceId>,
    pub starts_at: Time,
    pub ends_at: Time,
    /// The worst status that is part of the plan. Anything worse is shown as what it is.
    pub expect: Status,
    pub status: MaintenanceStatus,
    pub created_at: Time,
    pub completed_at: Option<Time>,
    pub updates: Vec<Update>,
    /// Written in the configuration file (read-only elsewhere) under this key.
    pub from_file: Option<String>,
}

// === impl MaintenanceStatus ===

impl MaintenanceStatus {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            MaintenanceStatus::Scheduled => "scheduled",
            MaintenanceStatus::InProgress => "in_progress",
            MaintenanceStatus::Verifying => "verifying",
            MaintenanceStatus::Completed => "completed",
            MaintenanceStatus::Cancelled => "cancelled",
        }
    }
    /// The services are worked on now.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, MaintenanceStatus::InProgress | MaintenanceStatus::Verifying)
    }
}
