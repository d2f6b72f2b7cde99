//! The own-uplink guard: while our own connection is cut, a failed look says nothing about its target.

use stillhere_model::{Finding, Observation, Outcome, Side};

/// The observation as it should be kept and judged. While our uplink is down a failed or slow look becomes
/// *unknown, our side*; a good look (of a target on this machine or network) stays what it is.
#[must_use]
pub fn attribute(obs: Observation, uplink_up: bool) -> Observation {
    match seen(obs.outcome, uplink_up) {
        Outcome::Unknown if obs.outcome != Outcome::Unknown => Observation {
            outcome: Outcome::Unknown,
            side: Some(Side::Us),
            finding: Some(Finding::OwnUplinkDown),
            ..obs
        },
        _ => obs,
    }
}

/// What a look is worth.
pub(crate) fn seen(outcome: Outcome, uplink_up: bool) -> Outcome {
    match outcome {
        Outcome::Down | Outcome::Slow if !uplink_up => Outcome::Unknown,
        o => o,
    }
}
