//! Streams whose distribution is known: one in five is late after the warm-up, whatever the shape.

use crate::outages;
use std::time::Duration;
use stillhere_learn::{
    OPERATORS, Prior,
    replay::{self, Outage},
};
use stillhere_model::{Mint, Time};

const INCIDENTS: usize = 1_200;
/// Incidents before anything counts.
const WARM_UP: usize = 100;

/// An even draw strictly between 0 and 1.
fn even(mint: &mut Mint) -> f64 {
    ((mint.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// One incident every ten hours or so, some of them overlapping; durations in minutes.
fn stream(seed: u64, minutes: impl Fn(usize, f64, f64) -> f64) -> Vec<Outage> {
    let mut mint = Mint::new(seed);
    let mut at = Time::parse("2026-01-01T00:00:00Z").expect("a time");
    (0..INCIDENTS)
        .map(|i| {
            at = at.plus(Duration::from_secs_f64(-even(&mut mint).ln() * 36_000.0));
            let minutes = minutes(i, even(&mut mint), even(&mut mint));
            Outage { started_at: at, lasted: Duration::from_secs_f64(minutes * 60.0) }
        })
        .collect()
}

/// A normal draw of two even ones.
fn normal(a: f64, b: f64) -> f64 {
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

fn one_in_five_is_late(outages: &[Outage]) {
    one_in_five_is_late_within(outages, 17.0..=23.0);
}

fn one_in_five_is_late_within(outages: &[Outage], wanted: std::ops::RangeInclusive<f64>) {
    let prior = Prior::default();
    let forecasts = replay::at_marks(outages, &prior);
    // The marks of one incident lie together: the warm-up's share of all is theirs.
    let from = forecasts.len() * WARM_UP / INCIDENTS;
    let late = outages::late(&forecasts[from..]);
    assert!(wanted.contains(&late), "{late} % of {} at the marks", forecasts.len() - from);
    let told = replay::held(outages, &prior);
    let hold = outages::hold(&told[WARM_UP.min(told.len())..]);
    assert!(wanted.contains(&hold.all_late), "{} % of what was shown", hold.all_late);
    let (once, never, most) = (hold.at_most_once, hold.never_revised, hold.most);
    assert!(once >= 85.0, "{once} % were revised at most once, {never} % never, one {most} times");
}

#[test]
fn a_lognormal_stream_is_late_one_time_in_five() {
    one_in_five_is_late(&stream(11, |_, a, b| 60.0 * normal(a, b).exp()));
}

#[test]
fn a_stream_that_ends_the_sooner_the_longer_it_lasts_is_late_one_time_in_five() {
    one_in_five_is_late(&stream(12, |_, a, _| 90.0 * (-a.ln()).powf(1.0 / 2.0)));
}

#[test]
fn a_stream_that_lasts_the_longer_the_longer_it_has_lasted_is_late_one_time_in_five() {
    one_in_five_is_late(&stream(13, |_, a, _| 90.0 * (-a.ln()).powf(1.0 / 0.6)));
}

#[test]
fn a_site_that_becomes_three_times_slower_and_then_six_times_faster_is_late_one_time_in_five() {
    one_in_five_is_late(&stream(14, |i, a, b| {
        let median = [60.0, 180.0, 30.0][i * 3 / INCIDENTS];
        median * normal(a, b).exp()
    }));
}

#[test]
fn streams_with_the_quantiles_of_four_operators_are_late_one_time_in_five() {
    for (seed, operator) in OPERATORS.iter().enumerate() {
        one_in_five_is_late(&stream(20 + seed as u64, |_, a, _| operator.seconds(a) / 60.0));
    }
}

#[test]
fn the_streams_can_fail_a_method_that_forgets_how_long_it_has_lasted() {
    let outages = stream(13, |_, a, _| 90.0 * (-a.ln()).powf(1.0 / 0.6));
    let forecasts = replay::at_marks(&outages, &Prior::default());
    let fixed = forecasts.iter().filter(|f| f.mark_min == 240 && f.fixed_late).count();
    let all = forecasts.iter().filter(|f| f.mark_min == 240).count();
    assert!(outages::share(fixed, all) > 40.0, "{fixed} of {all}");
    assert!(outages::loss(&forecasts) < 0.98, "{}", outages::loss(&forecasts));
}
