//! `[[maintenance]]`.

use crate::{bounds, file::When};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stillhere_model::{Status, Text};

/// Planned work. It is announced, and it never masks what is worse than planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceTable {
    /// Its slug, unique in the file. Give one if the window may be moved: without it a new `starts_at` is a new
    /// window, and the old one is cancelled.
    #[schemars(length(min = 1, max = bounds::ID_CHARS), extend("format" = "slug"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What people read: one text, or one per language.
    #[schemars(extend("maxLength" = bounds::NAME_CHARS))]
    pub title: Text,
    /// What is done and what to expect: one text, or one per language.
    #[schemars(extend("maxLength" = bounds::TEXT_CHARS))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Text>,
    /// Ids of the services that are worked on.
    #[schemars(length(min = 1, max = bounds::SERVICES_NAMED))]
    pub services: Vec<String>,
    /// When it begins, such as `2026-12-01T22:00:00+01:00`; without an offset in the site's time zone.
    pub starts_at: When,
    /// When it ends.
    pub ends_at: When,
    /// The worst status that is part of the plan; anything worse is shown as what it is.
    #[serde(default = "MaintenanceTable::usual_plan")]
    pub expect: Status,
}

// === impl MaintenanceTable ===

impl MaintenanceTable {
    fn usual_plan() -> Status {
        Status::MajorOutage
    }
}
