//! `[[channel]]`: the keys that every kind has. The others belong to the kind, in `stillhere-send`.

use crate::bounds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stillhere_model::{Audience, Lang};

/// A way to tell somebody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelTable {
    /// Its slug, unique in the file. What waits to be sent belongs to it, so keep it.
    #[schemars(length(min = 1, max = bounds::ID_CHARS), extend("format" = "slug"))]
    pub name: String,
    /// Who reads it: `public` gets what the page says, `staff` gets alerts and reminders.
    #[schemars(length(min = 1, max = 2))]
    #[serde(default = "ChannelTable::usual_audience")]
    pub audience: Vec<Audience>,
    /// Ids of the services it is about. All of them if it is empty.
    #[schemars(length(max = bounds::SERVICES_NAMED))]
    #[serde(default)]
    pub services: Vec<String>,
    /// The language of its messages. The page's first one if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Lang>,
}

// === impl ChannelTable ===

impl ChannelTable {
    fn usual_audience() -> Vec<Audience> {
        vec![Audience::Staff]
    }
}
