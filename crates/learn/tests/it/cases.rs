//! The hold rule on incidents as they are kept.

use crate::laws::case;
use std::time::Duration;
use stillhere_learn::{Change, ETAS_MAX, History, Prior, decide, record, score};
use stillhere_model::{
    Affected, Author, Basis, Eta, EtaScore, Impact, Incident, IncidentId, IncidentStatus, Said, ServiceId,
    Status, Time, Update, UpdateId,
};
use uuid::Uuid;

const DAY: i64 = 86_400_000;
const START: Time = Time(20_000 * DAY);

fn minutes(n: u64) -> Time {
    START.plus(Duration::from_mins(n))
}

fn incident(etas: Vec<Eta>) -> Incident {
    Incident {
        id: IncidentId(Uuid::from_u128(7_777)),
        title: None,
        impact: Impact::Major,
        status: IncidentStatus::Investigating,
        started_at: START,
        opened_at: START,
        monitoring_at: None,
        resolved_at: None,
        affected: vec![Affected {
            service: ServiceId::new("checkout"),
            worst: Status::MajorOutage,
            now: Status::MajorOutage,
            since: START,
            until: None,
            declared: false,
        }],
        origin: None,
        updates: Vec::new(),
        promises: Vec::new(),
        etas,
        unstable: false,
        by_hand: false,
        reopened: 0,
        acknowledgements: Vec::new(),
        called_again: 0,
        preventions: Vec::new(),
    }
}

/// Forty incidents of ten minutes to seven hours.
fn past() -> History {
    let mut history = History::default();
    for i in 1..=40_u128 {
        history.put(case(i, START.0 - DAY * i as i64, Some(i as i64 * 600_000)));
    }
    history
}

fn first() -> Eta {
    match decide(&past(), &Prior::default(), &incident(Vec::new()), START) {
        Some(Change::First(eta)) => eta,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_shown_stays_until_most_of_its_time_has_passed_and_is_then_only_moved_back() {
    let eta = first();
    let by = eta.by.unwrap();
    let lead = by.since(START);
    let shown = incident(vec![eta]);
    let decide = |at: Time| decide(&past(), &Prior::default(), &shown, at);
    for tenth in 0..8 {
        assert_eq!(decide(START.plus(lead / 10 * tenth)), None, "{tenth}");
    }
    let Some(Change::Later(later)) = decide(START.plus(lead.mul_f64(0.81))) else { panic!() };
    assert!(later.by > Some(by));
}

#[test]
fn a_persons_word_stands_until_it_has_passed() {
    let person = Eta {
        shown_at: START,
        by: Some(minutes(30)),
        half: None,
        basis: Basis::Person { name: "ann".to_owned() },
        passed_at: None,
    };
    let shown = incident(vec![person.clone()]);
    assert_eq!(decide(&past(), &Prior::default(), &shown, minutes(30)), None);
    assert!(matches!(decide(&past(), &Prior::default(), &shown, minutes(31)), Some(Change::Later(_))));
    // Taken back by a person: nothing is computed against their word.
    let silent = incident(vec![Eta { by: None, ..person }]);
    assert_eq!(decide(&past(), &Prior::default(), &silent, minutes(90)), None);
}

#[test]
fn what_seems_to_be_over_is_not_estimated() {
    let mut good = incident(Vec::new());
    good.status = IncidentStatus::Monitoring;
    good.affected[0].until = Some(minutes(1));
    assert_eq!(decide(&past(), &Prior::default(), &good, minutes(2)), None);
    good.status = IncidentStatus::Resolved;
    assert_eq!(decide(&past(), &Prior::default(), &good, minutes(2)), None);
    let mut harmless = incident(Vec::new());
    harmless.impact = Impact::None;
    assert_eq!(decide(&past(), &Prior::default(), &harmless, minutes(2)), None);
}

#[test]
fn what_is_good_again_gets_no_new_time_whatever_its_status_says() {
    let mut shown = incident(vec![first()]);
    let long = first().by.unwrap();
    shown.unstable = true;
    assert!(decide(&past(), &Prior::default(), &shown, long).is_some(), "it would");
    shown.affected[0].until = Some(minutes(9));
    assert_eq!(decide(&past(), &Prior::default(), &shown, long), None);
    // A person opened it, and a person says when it is over.
    shown.by_hand = true;
    assert!(decide(&past(), &Prior::default(), &shown, long).is_some());
}

#[test]
fn case_l_a_time_is_not_judged_while_it_is_verified_that_it_held() {
    let mut good = incident(vec![Eta { by: Some(minutes(30)), ..first() }]);
    good.affected[0].until = Some(minutes(29));
    let mut history = past();
    history.note(&good);
    assert_eq!(record(&history, minutes(31)).computed.given, 0, "it seems to have held");
    good.affected[0].until = Some(minutes(31));
    history.note(&good);
    assert_eq!(record(&history, minutes(32)).computed, EtaScore { given: 1, held: 0 }, "it cannot have held");
}

#[test]
fn case_l_what_went_on_in_another_incident_is_judged_as_far_as_it_was_seen() {
    let mut merged = incident(vec![
        Eta { by: Some(minutes(10)), ..first() },
        Eta { shown_at: minutes(10), by: Some(minutes(60)), ..first() },
    ]);
    merged.status = IncidentStatus::Resolved;
    merged.resolved_at = Some(minutes(30));
    merged.updates.push(Update {
        id: UpdateId(Uuid::from_u128(1)),
        at: minutes(30),
        status: IncidentStatus::Resolved,
        said: Said::MergedInto { incident: IncidentId(Uuid::from_u128(8)) },
        by: Author::Automatic,
        changed: Vec::new(),
        next_update_by: None,
    });
    let mut history = past();
    let before = estimates(&history);
    history.note(&merged);
    assert_eq!(record(&history, minutes(100)).computed, EtaScore { given: 1, held: 0 });
    let seen: Vec<_> = merged.etas.iter().map(|e| merged.held(e, minutes(100))).collect();
    assert_eq!(seen, [Some(false), None]);
    assert_eq!(estimates(&history), before, "it says nothing about how long outages last");
}

fn estimates(history: &History) -> Option<Eta> {
    let asked = Incident { id: IncidentId(Uuid::from_u128(9_999)), ..incident(Vec::new()) };
    decide(history, &Prior::default(), &asked, minutes(200)).map(|c| c.eta().clone())
}

#[test]
fn peoples_times_do_not_use_up_the_computed_ones() {
    let person = |n: u64| Eta {
        shown_at: minutes(n),
        by: Some(minutes(n + 1)),
        half: None,
        basis: Basis::Person { name: "ann".to_owned() },
        passed_at: None,
    };
    let mut shown = incident((0..ETAS_MAX as u64).map(person).collect());
    assert!(decide(&past(), &Prior::default(), &shown, minutes(50)).is_some());
    let computed = Eta { shown_at: minutes(0), by: Some(minutes(1)), ..first() };
    shown.etas = vec![computed; ETAS_MAX];
    assert_eq!(decide(&past(), &Prior::default(), &shown, minutes(50)), None, "these do");
}

#[test]
fn where_nothing_more_can_be_said_the_time_that_passed_stays() {
    let shown = incident(vec![first()]);
    let months = START.plus(Duration::from_hours(24 * 90));
    assert_eq!(decide(&past(), &Prior::default(), &shown, months), None);
}

#[test]
fn the_revisions_of_one_incident_are_bounded() {
    let mut shown = incident(Vec::new());
    let (mut now, past, prior) = (START, past(), Prior::default());
    for _ in 0..2_000 {
        if let Some(change) = decide(&past, &prior, &shown, now) {
            shown.etas.push(change.eta().clone());
        }
        now = now.plus(Duration::from_mins(1) + now.since(START) / 50);
    }
    assert!(shown.etas.len() <= ETAS_MAX, "{}", shown.etas.len());
    assert!(shown.etas.len() > 2, "it was revised at all");
}

#[test]
fn case_l_every_time_that_was_shown_counts_also_the_one_that_was_replaced() {
    let mut over = incident(vec![
        Eta { by: Some(minutes(10)), ..first() },
        Eta { shown_at: minutes(8), by: Some(minutes(60)), ..first() },
    ]);
    let mut history = past();
    // Still open: the first is known to have been too early, the second is not known.
    history.note(&over);
    assert_eq!(record(&history, minutes(20)).computed.given, 1);
    assert_eq!(record(&history, minutes(20)).computed.held, 0);
    over.status = IncidentStatus::Resolved;
    over.resolved_at = Some(minutes(45));
    history.note(&over);
    let record_now = record(&history, minutes(100)).computed;
    assert_eq!((record_now.given, record_now.held), (2, 1));
    let score = score(&history, true, minutes(100));
    assert_eq!(score.n, 2);
    assert!((score.late - 0.5).abs() < 1e-9);
    // 35 min late at 0.8, and 15 min early at 0.2, of two.
    assert!((score.pinball_min - (35.0 * 0.8 + 15.0 * 0.2) / 2.0).abs() < 1e-9, "{score:?}");
}

#[test]
fn case_k_a_corrected_end_corrects_the_score() {
    let mut over = incident(vec![Eta { by: Some(minutes(30)), ..first() }]);
    over.status = IncidentStatus::Resolved;
    over.resolved_at = Some(minutes(40));
    let mut history = past();
    history.note(&over);
    assert_eq!(record(&history, minutes(100)).computed.held, 0);
    over.resolved_at = Some(minutes(25));
    history.note(&over);
    assert_eq!(record(&history, minutes(100)).computed.held, 1);
}
