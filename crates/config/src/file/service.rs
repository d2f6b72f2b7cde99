//! `[[service]]`.

use crate::{bounds, duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use stillhere_model::Text;

/// Something users depend on. Services stand on the page in the order of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceTable {
    /// Its slug, unique in the file: `a` to `z`, `0` to `9` and `-`. The history belongs to it, so keep it.
    #[schemars(length(min = 1, max = bounds::ID_CHARS), extend("format" = "slug"))]
    pub id: String,
    /// What people read: one text, or one per language. The id if it is not given.
    #[schemars(extend("maxLength" = bounds::NAME_CHARS))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// One line under the name: one text, or one per language.
    #[schemars(extend("maxLength" = bounds::TEXT_CHARS))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
    /// Services with the same group stand together under its name.
    #[schemars(extend("maxLength" = bounds::NAME_CHARS))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Text>,
    /// Ids of the services without which this one cannot work.
    #[schemars(length(max = bounds::DEPENDENCIES))]
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// Whether visitors see it.
    #[serde(default = "ServiceTable::seen")]
    pub public: bool,
    /// The team that looks after it, as a slug. Responders who belong to other teams alone do not speak about it.
    #[schemars(length(min = 1, max = bounds::ID_CHARS), extend("format" = "slug"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Short for one check: `https://…`, `http://…`, `tcp://host:port`, `tls://host:port`, `icmp://host` or
    /// `dns://name`. Write `[[service.check]]` instead where more needs to be said.
    #[schemars(length(max = bounds::URL_CHARS))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How often to look, with `url`. `[defaults]` if it is not given.
    #[serde(default, with = "duration::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-min" = duration::text(bounds::INTERVAL_MIN), "x-max" = duration::text(bounds::INTERVAL_MAX)))]
    pub interval: Option<Duration>,
    /// What must be true of the answer, with `url`.
    #[schemars(length(max = bounds::CONDITIONS), inner(length(min = 1, max = bounds::CONDITION_BYTES)))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
}

// === impl ServiceTable ===

impl ServiceTable {
    fn seen() -> bool {
        true
    }
}
