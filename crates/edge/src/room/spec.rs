//! What stands under `waiting_room` of a route.

use crate::spec::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use stillhere_model::duration;

/// A queue before the door, for when more people come than can be served at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoomSpec {
    /// Sessions inside at the same time. No limit unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_active: Option<u32>,
    /// Sessions that begin in a minute. Unless set, what the nodes can take as it is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub enter_per_minute: Option<u32>,
    /// A session that asks for nothing for this long has ended.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub pass_for: Duration,
    /// A ticket that is not shown for this long has lost its place.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub ticket_for: Duration,
}

impl Default for RoomSpec {
    fn default() -> RoomSpec {
        RoomSpec {
            max_active: None,
            enter_per_minute: None,
            pass_for: Duration::from_secs(10 * 60),
            ticket_for: Duration::from_secs(30 * 60),
        }
    }
}

pub(super) fn validate(spec: &RoomSpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |path: &str, problem: &str| problems.push(Problem::new(path, problem, None));
    if spec.max_active.is_some_and(|n| !(1..=1_000_000).contains(&n)) {
        say("max_active", "is not between 1 and 1000000");
    }
    if spec.enter_per_minute.is_some_and(|n| !(1..=10_000_000).contains(&n)) {
        say("enter_per_minute", "is not between 1 and 10000000");
    }
    let (minute, day) = (Duration::from_secs(60), Duration::from_secs(86_400));
    for (path, time) in [("pass_for", spec.pass_for), ("ticket_for", spec.ticket_for)] {
        if !(minute..=day).contains(&time) {
            say(path, "is not between 1m and 24h");
        }
    }
    problems
}
