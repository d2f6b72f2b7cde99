//! What a person may ask for, from the command line or over HTTP. `respond` accepts or refuses it.

use crate::{
    id::{IncidentId, MaintenanceId, PreventionId, ServiceId, UpdateId},
    incident::{Impact, IncidentStatus},
    text::Text,
    time::Time,
    verdict::Status,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    OpenIncident {
        title: Text,
        text: Text,
        status: IncidentStatus,
        impact: Option<Impact>,
        /// Services and the status a person declares for them.
        services: Vec<(ServiceId, Status)>,
        /// When it began; default now. Not in the future.
        started_at: Option<Time>,
        next_update_by: Option<Time>,
    },
    UpdateIncident {
        incident: IncidentId,
        text: Text,
        status: Option<IncidentStatus>,
        title: Option<Text>,
        services: Vec<(ServiceId, Status)>,
        next_update_by: Option<Time>,
    },
    ResolveIncident {
        incident: IncidentId,
        text: Option<Text>,
    },
    /// A person takes it on.
    AcknowledgeIncident {
        incident: IncidentId,
    },
    /// When a person expects it to be over. `None`: we give no time, and compute none.
    EstimateIncident {
        incident: IncidentId,
        by: Option<Time>,
    },
    /// Something to do so that it does not happen again.
    AddPrevention {
        incident: IncidentId,
        what: Text,
        owner: String,
        due: Time,
        public: bool,
    },
    /// What is `None` stays as it is.
    ChangePrevention {
        incident: IncidentId,
        prevention: PreventionId,
        owner: Option<String>,
        due: Option<Time>,
        public: Option<bool>,
        done: Option<bool>,
        /// It will not be done; `false`: it will, after all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dropped: Option<bool>,
    },
    CorrectIncident {
        incident: IncidentId,
        started_at: Option<Time>,
        resolved_at: Option<Time>,
        /// Replaces the words of one update; the old words stay visible.
        update: Option<(UpdateId, Text)>,
        note: Option<Text>,
    },
    ScheduleMaintenance {
        title: Text,
        body: Option<Text>,
        services: Vec<ServiceId>,
        starts_at: Time,
        ends_at: Time,
        expect: Status,
        /// Set for windows from the configuration file: scheduling the same key again changes the window.
        from_file: Option<String>,
    },
    UpdateMaintenance {
        maintenance: MaintenanceId,
        text: Text,
        ends_at: Option<Time>,
    },
    /// Ends it before its time.
    CompleteMaintenance {
        maintenance: MaintenanceId,
        text: Option<Text>,
    },
    CancelMaintenance {
        maintenance: MaintenanceId,
        text: Option<Text>,
    },
}

/// What a command made or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepted {
    Incident(IncidentId),
    Maintenance(MaintenanceId),
}

/// Why a command was refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    #[error("there is no incident {id}")]
    NoSuchIncident { id: IncidentId },
    #[error("there is no maintenance {id}")]
    NoSuchMaintenance { id: MaintenanceId },
    #[error("there is no update {id} in that incident")]
    NoSuchUpdate { id: UpdateId },
    #[error("there is no service \"{id}\"")]
    NoSuchService { id: ServiceId },
    #[error("the incident is already resolved; correct it, or open a new one")]
    AlreadyResolved,
    #[error("the incident is still open; resolve it before you correct its end")]
    StillOpen,
    #[error("the maintenance is already {status}")]
    MaintenanceOver { status: String },
    #[error("{field}: {problem}")]
    Invalid { field: String, problem: String },
}
