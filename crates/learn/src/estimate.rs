//! The two times that are shown, or the reason why there are none.

use crate::{
    correct,
    curve::Curve,
    history::{Case, History},
    prior::Prior,
    strata,
};
use std::time::Duration;
use stillhere_model::{Basis, Eta, Time};

/// Incidents of this site that must be over before any time is given. With fewer it would be other operators' record.
pub const OWN_MIN: u32 = 5;
/// Outages, other operators' included, that must be known to have lasted longer than this one has.
const SUPPORT_MIN: f64 = 0.5;
/// No time further ahead than this is given: "over within three weeks" helps nobody to decide anything.
pub const LEAD_MAX: Duration = Duration::from_hours(7 * 24);
/// The share of the weight from which on other operators are named in the basis.
const OTHERS: f64 = 0.25;
/// Times are rounded up to this, by how far ahead they are: a minute in a time two hours away would be pretence.
const GRAINS: [(Duration, Duration); 3] = [
    (Duration::from_mins(30), Duration::from_mins(1)),
    (Duration::from_hours(2), Duration::from_mins(5)),
    (Duration::MAX, Duration::from_mins(15)),
];

/// When it is likely to be over.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Four of five are over by then.
    pub by: Time,
    /// Half are.
    pub half: Time,
    pub basis: Basis,
    /// What was asked of the curve for `by`, after the correction.
    pub level: f64,
}

/// Why there is no estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoEstimate {
    #[error("the incident is over, or not one that an estimate is made for")]
    NotOpen,
    #[error("{have} incidents of this site are over; it takes {OWN_MIN}")]
    TooFew { have: u32 },
    #[error("hardly any outage that is known lasted as long as this one")]
    BeyondExperience,
    #[error("it may last longer than a week")]
    TooFar,
}

/// When `case` is likely to be over, from what is known at `now`.
///
/// # Errors
/// With the reason why no time can be given honestly.
pub fn estimate(history: &History, prior: &Prior, case: &Case, now: Time) -> Result<Estimate, NoEstimate> {
    if case.over_at.is_some() || case.started_at > now {
        return Err(NoEstimate::NotOpen);
    }
    let sample = strata::sample(history, prior, case, now);
    if sample.own < OWN_MIN {
        return Err(NoEstimate::TooFew { have: sample.own });
    }
    let others = sample.prior_share >= OTHERS;
    let basis = Basis::Record { own: sample.own, alike: sample.alike, others };
    let curve = Curve::new(sample.atoms).ok_or(NoEstimate::BeyondExperience)?;
    let elapsed = now.since(case.started_at).as_secs_f64();
    if curve.support(elapsed) < SUPPORT_MIN {
        return Err(NoEstimate::BeyondExperience);
    }
    let level = correct::level(history, now);
    let by = Duration::from_secs_f64(curve.remaining(elapsed, level));
    if by > LEAD_MAX {
        return Err(NoEstimate::TooFar);
    }
    let half = Duration::from_secs_f64(curve.remaining(elapsed, 0.5));
    let grain = grain(by);
    Ok(Estimate { by: round_up(now, by, grain), half: round_up(now, half, grain), basis, level })
}

/// Remaining seconds at each of `levels`, neither corrected nor rounded: for measuring the method. `None` where
/// [`estimate`] gives none for want of incidents.
#[must_use]
pub fn quantiles<const N: usize>(
    history: &History,
    prior: &Prior,
    case: &Case,
    now: Time,
    levels: [f64; N],
) -> Option<[f64; N]> {
    let sample = strata::sample(history, prior, case, now);
    let enough = sample.own >= OWN_MIN;
    let curve = Curve::new(sample.atoms).filter(|_| enough)?;
    let elapsed = now.since(case.started_at).as_secs_f64();
    Some(levels.map(|level| curve.remaining(elapsed, level)))
}

fn grain(lead: Duration) -> Duration {
    GRAINS.iter().find(|(to, _)| lead < *to).map_or(GRAINS[2].1, |g| g.1)
}

/// The next whole grain at or after `now + lead`, and at least one grain from now. Every time zone in use is a whole
/// number of quarter hours from UTC, so whole in UTC is whole on the reader's clock.
fn round_up(now: Time, lead: Duration, grain: Duration) -> Time {
    let step = stillhere_model::time::millis(grain);
    let at = now.plus(lead.max(grain)).0;
    Time(at.div_euclid(step).saturating_add(i64::from(at.rem_euclid(step) != 0)).saturating_mul(step))
}

// === impl Estimate ===

impl Estimate {
    /// As it is shown from `now` on.
    #[must_use]
    pub fn shown(self, now: Time) -> Eta {
        Eta { shown_at: now, by: Some(self.by), half: Some(self.half), basis: self.basis, passed_at: None }
    }
}
