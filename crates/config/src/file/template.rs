//! `[[template]]`.

use crate::bounds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stillhere_model::{IncidentStatus, Text};

/// A beginning of an update, offered where one is written. In its text, `{services}`, `{began}`, `{duration}`, `{next_update}`
/// and `{eta}` are filled when it is published; `{{` and `}}` stand for braces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateTable {
    /// Its slug, unique in the file.
    #[schemars(length(min = 1, max = bounds::ID_CHARS), extend("format" = "slug"))]
    pub id: String,
    /// What it is called where one chooses: one text, or one per language.
    #[schemars(extend("maxLength" = bounds::NAME_CHARS))]
    pub name: Text,
    /// What it begins with: one text, or one per language.
    #[schemars(extend("maxLength" = bounds::TEXT_CHARS))]
    pub text: Text,
    /// The incident's status that it goes with; it is chosen along. `resolved`: for calling one over. Without it, it is offered
    /// for every update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<TemplateStatus>,
}

/// A status of an incident that is open, or its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateStatus {
    Investigating,
    Identified,
    Monitoring,
    Resolved,
}

// === impl TemplateStatus ===

impl From<TemplateStatus> for IncidentStatus {
    fn from(s: TemplateStatus) -> IncidentStatus {
        match s {
            TemplateStatus::Investigating => IncidentStatus::Investigating,
            TemplateStatus::Identified => IncidentStatus::Identified,
            TemplateStatus::Monitoring => IncidentStatus::Monitoring,
            TemplateStatus::Resolved => IncidentStatus::Resolved,
        }
    }
}
