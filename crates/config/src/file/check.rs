//! `[[service.check]]`: the keys that every kind has. The others belong to the kind, in `stillhere-observe`.

use crate::{bounds, duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use stillhere_model::{Quorum, Severity, Text};

/// One check of a service: what is looked at, how often, and what a failure means.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CheckTable {
    /// Its slug, unique in the service; in the history it stands as `<service>/<check>`. Made from `name`, or
    /// else the kind.
    #[schemars(length(min = 1, max = bounds::ID_CHARS), extend("format" = "slug"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What people read: one text, or one per language. The id if it is not given.
    #[schemars(extend("maxLength" = bounds::NAME_CHARS))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// How often to look. `[defaults]` if it is not given.
    #[serde(with = "duration::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-min" = duration::text(bounds::INTERVAL_MIN), "x-max" = duration::text(bounds::INTERVAL_MAX)))]
    pub interval: Option<Duration>,
    /// How long one look may take, at most the interval. `[defaults]` if it is not given, cut to the interval.
    #[serde(with = "duration::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-min" = duration::text(bounds::TIMEOUT_MIN), "x-max" = duration::text(bounds::TIMEOUT_MAX)))]
    pub timeout: Option<Duration>,
    /// Failed looks in a row until the check is down; the quick second look, 500 ms after a failed one, counts.
    #[schemars(range(min = 1, max = bounds::IN_A_ROW))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_after: Option<u32>,
    /// Good looks in a row until it is up again.
    #[schemars(range(min = 1, max = bounds::IN_A_ROW))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recover_after: Option<u32>,
    /// An answer that takes longer than this is slow: the service counts as degraded.
    #[serde(with = "duration::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-min" = "1ms", "x-max" = duration::text(bounds::TIMEOUT_MAX)))]
    pub slow_over: Option<Duration>,
    /// What it means for the service when this check is down: it cannot be used (`major`), a part of it cannot
    /// be used (`partial`), it works less well (`minor`).
    pub severity: Severity,
    /// How many of the places we look from must say *down*: `majority`, `any`, `all` or `{ at_least = 2 }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quorum: Option<Quorum>,
    /// What must be true of the answer, each in CEL over the names of the kind, such as `status == 200`.
    #[schemars(length(max = bounds::CONDITIONS), inner(length(min = 1, max = bounds::CONDITION_BYTES)))]
    pub conditions: Vec<String>,
}

/// What holds for every check that does not say otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// How often to look.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-min" = duration::text(bounds::INTERVAL_MIN), "x-max" = duration::text(bounds::INTERVAL_MAX)))]
    pub interval: Duration,
    /// How long one look may take. Cut to the interval where that is shorter.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-min" = duration::text(bounds::TIMEOUT_MIN), "x-max" = duration::text(bounds::TIMEOUT_MAX)))]
    pub timeout: Duration,
    /// Failed looks in a row until a check is down; the quick second look, 500 ms after a failed one, counts.
    #[schemars(range(min = 1, max = bounds::IN_A_ROW))]
    pub fail_after: u32,
    /// Good looks in a row until it is up again.
    #[schemars(range(min = 1, max = bounds::IN_A_ROW))]
    pub recover_after: u32,
    /// An answer that takes longer than this is slow. Without it only checks with a limit of their own can be.
    #[serde(with = "duration::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-min" = "1ms", "x-max" = duration::text(bounds::TIMEOUT_MAX)))]
    pub slow_over: Option<Duration>,
    /// How many of the places we look from must say *down*: `majority`, `any`, `all` or `{ at_least = 2 }`.
    pub quorum: Quorum,
}

// === impl Defaults ===

impl Default for Defaults {
    fn default() -> Defaults {
        Defaults {
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
            fail_after: 2,
            recover_after: 2,
            slow_over: None,
            quorum: Quorum::Majority,
        }
    }
}
