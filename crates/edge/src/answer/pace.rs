//! When those who wait come back: never all at once.
//!
//! A fixed `Retry-After` makes a herd of clients; ten thousand pages that reload when the origin is back are a second
//! outage. Everyone gets an own time, drawn evenly from as long as the origin needs for all of them.

use super::{Trouble, Why};
use std::time::Duration;
use stillhere_model::Time;

/// The shortest time over which those who wait are spread.
pub const SPREAD_MIN: Duration = Duration::from_secs(2);
/// The longest. Who comes then and finds no room is told to wait once more.
pub const SPREAD_MAX: Duration = Duration::from_secs(600);
/// What an origin is thought to take in a second before anything is measured.
pub const PER_SECOND_UNKNOWN: f64 = 50.0;
/// The least that a measured origin is thought to take: what it answered lately is what it was asked, and a quiet shop would
/// otherwise send those who wait away for minutes. What is too much for it waits at the edge and is told to wait once more.
pub const PER_SECOND_LEAST: f64 = 20.0;
/// The longest that anybody is told to stay away.
const RETRY_MAX: Duration = Duration::from_secs(3_600);

/// When one of `waiting` people comes back: anywhere in the time that `per_second` (measured; 0: not known) takes for
/// all of them. `dice` is one random number.
#[must_use]
pub fn slot(dice: u64, waiting: u64, per_second: f64) -> Duration {
    spread(waiting, per_second).mul_f64(unit(dice))
}

/// How long it takes until all are back.
#[must_use]
pub fn spread(waiting: u64, per_second: f64) -> Duration {
    let known = per_second.is_finite() && per_second > 0.0;
    let rate = if known { per_second.max(PER_SECOND_LEAST) } else { PER_SECOND_UNKNOWN };
    let seconds = (waiting as f64 / rate).min(SPREAD_MAX.as_secs_f64());
    Duration::from_secs_f64(seconds).clamp(SPREAD_MIN, SPREAD_MAX)
}

/// When a program should ask again.
pub(super) fn retry(trouble: &Trouble, now: Time, dice: u64) -> Duration {
    let base = trouble.retry_after.unwrap_or_else(|| usual(&trouble.why, now)).min(RETRY_MAX);
    // Half of the wait is added at random even when nobody is known to wait: there are always others.
    let jitter = spread(trouble.waiting, trouble.per_second).max(base / 2);
    base + jitter.mul_f64(unit(dice))
}

/// How often a page asks whether the origin is back, so that all pages together ask the edge at most some hundred
/// times in a second.
pub(super) fn every(waiting: u64) -> Duration {
    Duration::from_millis((waiting.saturating_mul(2)).clamp(3_000, 30_000))
}

fn usual(why: &Why, now: Time) -> Duration {
    Duration::from_secs(match why {
        Why::Paused { until: Some(until) } => until.since(now).as_secs().clamp(2, 60),
        Why::WaitingRoom { eta, .. } => eta.map_or(5, |e| e.as_secs()).clamp(2, 20),
        Why::AllOut | Why::Paused { .. } | Why::OutcomeUnknown | Why::TooSlow | Why::Kept => 5,
        Why::Overloaded | Why::QueueFull | Why::NotForwarded => 2,
        _ => 1,
    })
}

/// Evenly in [0, 1).
fn unit(dice: u64) -> f64 {
    (dice >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// SplitMix64: enough to look at a distribution.
    fn dice(seed: u64) -> u64 {
        let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[test]
    fn ten_thousand_come_back_evenly_over_the_time_that_the_origin_needs_for_them() {
        let (people, per_second) = (10_000_u64, 250.0);
        let mut arrivals = [0_u32; 40];
        for person in 1..=people {
            arrivals[slot(dice(person), people, per_second).as_secs() as usize] += 1;
        }
        assert_eq!(arrivals.iter().sum::<u32>(), 10_000);
        let worst = arrivals.iter().max().unwrap();
        assert!(*worst < 330, "the worst second has {worst}, an even one 250");
        assert!(arrivals.iter().all(|n| *n > 170), "{arrivals:?}");
    }

    #[test]
    fn the_same_trouble_is_told_to_come_back_at_different_times() {
        let trouble = Trouble::of(Why::AllOut, 1);
        let all: std::collections::BTreeSet<_> =
            (0..100).map(|n| retry(&trouble, Time(0), dice(n))).collect();
        assert!(all.len() > 95);
        assert!(all.iter().all(|d| (5_000..8_000).contains(&d.as_millis())));
        let limited =
            Trouble { retry_after: Some(Duration::from_secs(60)), ..Trouble::of(Why::TooManyRequests, 1) };
        assert!((0..100).all(|n| (60..90).contains(&retry(&limited, Time(0), dice(n)).as_secs())));
    }

    #[test]
    fn who_waits_for_a_quiet_shop_is_not_sent_away_for_minutes() {
        // One visit in ten seconds, and thirty people at its door.
        assert!((0..100).all(|n| slot(dice(n), 30, 0.1) <= SPREAD_MIN));
    }

    proptest! {
        #[test]
        fn a_slot_is_within_its_bounds_whatever_was_measured(d: u64, waiting: u64, per_second: f64) {
            let all = spread(waiting, per_second);
            prop_assert!((SPREAD_MIN..=SPREAD_MAX).contains(&all));
            prop_assert!(slot(d, waiting, per_second) <= all);
            let trouble = Trouble { waiting, per_second, retry_after: Some(Duration::MAX), ..Trouble::of(Why::AllOut, 1) };
            prop_assert!(retry(&trouble, Time(0), d) <= RETRY_MAX * 2);
            prop_assert!((3_000..=30_000).contains(&every(waiting).as_millis()));
        }
    }
}
