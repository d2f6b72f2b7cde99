//! Dating things although the wall clock may jump.
//!
//! Waiting, expiry and order are decided on monotonic time alone. Wall time only names a moment for people,
//! and where both clocks disagree about how long ago it was, the monotonic one is right.

use stillhere_model::{Moment, Observation, Time};

/// The longest credible time between a look's end and its hand-over to the judge (batches, a queue, a remote
/// vantage). An age beyond it is a clock that jumped or is wrong.
const MAX_HANDOVER_MS: i64 = 60_000;

/// Wall and monotonic time may drift apart by this much (slewing) before it is called a jump.
const DRIFT_MS: i64 = 2_000;

/// When the look began, on both clocks.
pub(crate) fn began(obs: &Observation, now: Moment) -> Moment {
    let took = i64::from(obs.total_us / 1_000);
    let age = now.wall.0.saturating_sub(obs.at.0);
    let age = if (0..=took + MAX_HANDOVER_MS).contains(&age) { age } else { took };
    ago(age, now)
}

/// The moment `ms` before now.
pub(crate) fn ago(ms: i64, now: Moment) -> Moment {
    Moment::new(Time(now.wall.0.saturating_sub(ms)), now.mono_ms.saturating_sub(ms))
}

/// The moment at which the monotonic clock showed `mono_ms`, dated by the wall clock as it stands now.
pub(crate) fn at_mono(mono_ms: i64, now: Moment) -> Moment {
    ago(now.mono_ms.saturating_sub(mono_ms), now)
}

/// The wall time of `m`, corrected when the wall clock has jumped since.
fn dated(m: Moment, now: Moment) -> Time {
    let today = at_mono(m.mono_ms, now).wall;
    if (today.0 - m.wall.0).abs() <= DRIFT_MS { m.wall } else { today }
}

/// When something that began at `m` is said to have begun: not later than now, and never before `floor`, the
/// beginning of what was said last, so that the record stays in order. `floor` wins when the clock went back.
pub(crate) fn since(m: Moment, floor: Time, now: Moment) -> Time {
    dated(m, now).min(now.wall).max(floor)
}
