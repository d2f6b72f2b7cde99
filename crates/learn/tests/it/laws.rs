//! What holds for every past, however strange: no time in the past, nothing that is not a number, bounded work.

use proptest::prelude::*;
use std::time::Duration;
use stillhere_learn::{
    CASES_MAX, Case, History, LEAD_MAX, NoEstimate, OWN_MIN, Prior, estimate, quantiles, record,
};
use stillhere_model::{Basis, Eta, Impact, IncidentId, ServiceId, Time};
use uuid::Uuid;

pub fn case(n: u128, started_ms: i64, lasted_ms: Option<i64>) -> Case {
    Case {
        id: IncidentId(Uuid::from_u128(n)),
        started_at: Time(started_ms),
        over_at: lasted_ms.map(|ms| Time(started_ms.saturating_add(ms))),
        known_until: None,
        counts: true,
        impact: Impact::Major,
        services: vec![ServiceId::new("checkout")],
        etas: Vec::new(),
    }
}

fn history(cases: impl IntoIterator<Item = Case>) -> History {
    let mut history = History::default();
    cases.into_iter().for_each(|c| history.put(c));
    history
}

const DAY: i64 = 86_400_000;
const NOW: Time = Time(20_000 * DAY);

/// Times of any kind: nothing, equal ones, before 1970, as far as the type goes, ending before they began.
fn any_case() -> impl Strategy<Value = (i64, Option<i64>)> {
    let start = prop_oneof![
        5 => (0..NOW.0).boxed(),
        1 => Just(NOW.0 - 3_600_000).boxed(),
        1 => Just(i64::MIN).boxed(),
        1 => Just(i64::MAX).boxed(),
    ];
    let lasted = prop_oneof![
        1 => Just(None).boxed(),
        1 => Just(Some(0)).boxed(),
        1 => Just(Some(i64::MAX)).boxed(),
        1 => Just(Some(-5_000)).boxed(),
        2 => Just(Some(1_800_000)).boxed(),
        6 => (1_i64..3 * DAY).prop_map(Some).boxed(),
    ];
    (start, lasted)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_the_past_was_a_time_lies_ahead_and_half_lies_before_most(
        cases in prop::collection::vec(any_case(), 0..60),
        elapsed in prop_oneof![Just(0_i64), Just(i64::MAX / 4), 0..40 * DAY],
    ) {
        let known = cases.iter().zip(1..).map(|((start, lasted), n)| case(n, *start, *lasted));
        let history = history(known);
        let asked = case(0, NOW.0.saturating_sub(elapsed), None);
        match estimate(&history, &Prior::default(), &asked, NOW) {
            Ok(e) => {
                prop_assert!(e.by > NOW && e.half > NOW && e.half <= e.by, "{e:?}");
                prop_assert!(e.by <= NOW.plus(LEAD_MAX + Duration::from_mins(15)));
                prop_assert!(e.level.is_finite());
                prop_assert_eq!(e.by.0 % 60_000, 0);
            }
            Err(why) => prop_assert_ne!(why, NoEstimate::NotOpen),
        }
    }

    #[test]
    fn a_surer_time_is_never_an_earlier_one(
        cases in prop::collection::vec(any_case(), 0..60),
        elapsed in 0..40 * DAY,
    ) {
        let known = cases.iter().zip(1..).map(|((start, lasted), n)| case(n, *start, *lasted));
        let asked = case(0, NOW.0 - elapsed, None);
        let levels = [0.01, 0.1, 0.25, 0.5, 0.6, 0.8, 0.9, 0.99];
        if let Some(times) = quantiles(&history(known), &Prior::default(), &asked, NOW, levels) {
            prop_assert!(times.iter().all(|t| t.is_finite() && *t >= 0.0), "{times:?}");
            prop_assert!(times.is_sorted(), "{times:?}");
        }
    }

    #[test]
    fn the_order_in_which_the_past_is_told_changes_nothing(
        mut cases in prop::collection::vec((0..NOW.0, 1_i64..3 * DAY), 0..40),
    ) {
        let told = |cases: &[(i64, i64)]| {
            let known = cases.iter().map(|(s, l)| case((*s as u128) << 64 | *l as u128, *s, Some(*l)));
            estimate(&history(known), &Prior::default(), &case(0, NOW.0 - 1, None), NOW)
        };
        let before = told(&cases);
        cases.reverse();
        prop_assert_eq!(before, told(&cases));
    }
}

#[test]
fn with_too_few_of_its_own_a_site_says_that_there_is_no_estimate() {
    let known = |n: u128| (1..=n).map(|i| case(i, NOW.0 - DAY * i as i64, Some(3_600_000)));
    let asked = case(0, NOW.0 - 60_000, None);
    let few = u128::from(OWN_MIN) - 1;
    let none = estimate(&history(known(few)), &Prior::default(), &asked, NOW);
    assert_eq!(none, Err(NoEstimate::TooFew { have: OWN_MIN - 1 }));
    assert!(estimate(&history(known(few + 1)), &Prior::default(), &asked, NOW).is_ok());
}

#[test]
fn what_lasts_longer_than_anything_known_has_no_estimate() {
    let known = (1..=30).map(|i| case(i, NOW.0 - DAY * 100 - DAY * i as i64, Some(3_600_000)));
    let asked = case(0, NOW.0 - 90 * DAY, None);
    let none = estimate(&history(known), &Prior::default(), &asked, NOW);
    assert_eq!(none, Err(NoEstimate::BeyondExperience));
}

#[test]
fn a_hundred_thousand_incidents_are_bounded_to_the_youngest() {
    let all = (1..=100_000_u128).map(|i| case(i, i as i64 * 60_000, Some(600_000)));
    let history = history(all);
    assert_eq!(history.cases().count(), CASES_MAX);
    assert_eq!(history.cases().next().map(|c| c.id), Some(IncidentId(Uuid::from_u128(99_601))));
    let e = estimate(&history, &Prior::default(), &case(0, NOW.0 - 60_000, None), NOW).unwrap();
    // All lasted ten minutes, and it has lasted one.
    assert!(e.by.since(NOW) >= Duration::from_mins(9) && e.by.since(NOW) <= Duration::from_mins(12), "{e:?}");
}

#[test]
fn the_same_incident_told_a_hundred_times_is_one() {
    let mut history = history((0..100).map(|_| case(1, 0, Some(60_000))));
    assert_eq!(history.cases().count(), 1);
    // A corrected start moves it.
    history.put(case(1, 5_000, Some(60_000)));
    assert_eq!(history.cases().map(|c| c.started_at).collect::<Vec<_>>(), [Time(5_000)]);
}

#[test]
fn the_services_own_past_counts_for_more_than_the_sites() {
    let of = |name: &str, n: u128, minutes: i64| {
        let service = ServiceId::new(name);
        (0..30_u128).map(move |i| Case {
            services: vec![service.clone()],
            ..case(n + i, NOW.0 - DAY * (1 + i as i64), Some(minutes * 60_000))
        })
    };
    let history = history(of("checkout", 1, 20).chain(of("search", 100, 300)));
    let by = |name: &str| {
        let asked = Case { services: vec![ServiceId::new(name)], ..case(0, NOW.0 - 60_000, None) };
        estimate(&history, &Prior::default(), &asked, NOW).unwrap()
    };
    let (checkout, search) = (by("checkout"), by("search"));
    assert!(checkout.by.0 * 2 < NOW.0 + search.by.0, "{checkout:?} {search:?}");
    assert!(checkout.by.since(NOW) * 2 < search.by.since(NOW), "{checkout:?} {search:?}");
    assert_eq!(checkout.basis, Basis::Record { own: 60, alike: 30, others: false });
}

#[test]
fn a_time_that_nobody_could_know_yet_is_not_used() {
    // Over tomorrow: today it is open.
    let known = (1..=20).map(|i| case(i, NOW.0 - DAY, Some(DAY + 3_600_000)));
    let none = estimate(&history(known), &Prior::default(), &case(0, NOW.0 - 1, None), NOW);
    assert_eq!(none, Err(NoEstimate::TooFew { have: 0 }));
}

#[test]
fn times_that_came_too_early_make_the_next_ones_later_and_people_are_scored_apart() {
    let shown = |computed: bool, by: i64| Eta {
        shown_at: Time(0),
        by: Some(Time(by)),
        half: None,
        basis: if computed {
            Basis::Record { own: 9, alike: 9, others: false }
        } else {
            Basis::Person { name: "ann".to_owned() }
        },
        passed_at: None,
    };
    let with = |computed: bool, early: bool| {
        history((1..=30_u128).map(|i| {
            let start = NOW.0 - DAY * i as i64;
            let by = if early { start + 60_000 } else { start + DAY };
            let etas = vec![Eta { shown_at: Time(start), ..shown(computed, by) }];
            Case { etas, ..case(i, start, Some((10 + i as i64) * 60_000)) }
        }))
    };
    let level = |h: &History| estimate(h, &Prior::default(), &case(0, NOW.0 - 1, None), NOW).unwrap().level;
    assert!(level(&with(true, true)) > 0.85);
    assert!(level(&with(true, false)) < 0.8);
    assert!((level(&with(false, true)) - 0.8).abs() < 1e-9, "a person's times correct nothing");
    let people = record(&with(false, true), NOW);
    assert_eq!((people.computed.given, people.people.given, people.people.held), (0, 30, 0));
    let computed = record(&with(true, false), NOW);
    assert_eq!((computed.computed.given, computed.computed.held, computed.people.given), (30, 30, 0));
}
