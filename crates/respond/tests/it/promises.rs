//! Promises are made, kept or missed, once, in public.

use crate::room::{Room, kind, mins, secs};
use std::time::Duration;
use stillhere_model::*;
use stillhere_respond::{Cadence, Pace};

fn update(incident: IncidentId, due: Option<Time>) -> Command {
    Command::UpdateIncident {
        incident,
        text: "still at it".into(),
        status: None,
        title: None,
        services: Vec::new(),
        next_update_by: due,
    }
}

fn occasions<'a>(r: &'a Room, name: &str) -> Vec<&'a Occasion> {
    let is = |o: &&Occasion| serde_json::to_value(o).expect("JSON")["occasion"] == name;
    r.announced.iter().map(|a| &a.occasion).filter(is).collect()
}

#[test]
fn case_m_the_responder_is_nagged_before_and_the_page_says_after_that_it_was_missed() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    let due = r.only().open_promise().expect("made at the opening").due;
    assert_eq!(due, r.now.wall.plus(mins(10)), "who and what is affected");
    assert_eq!(r.only().updates[0].next_update_by, Some(due));

    // At 75 and at 95 of 100 of its time.
    r.tick_for(secs(449));
    assert!(occasions(&r, "promise_due").is_empty());
    r.tick_for(secs(10));
    assert_eq!(occasions(&r, "promise_due").len(), 1, "once");
    r.tick_for(secs(120));
    assert_eq!(occasions(&r, "promise_due").len(), 2, "and once more");

    r.tick_for(secs(30));
    let i = r.only();
    assert!(i.promises[0].missed_at.is_some_and(|at| at >= due && at <= due.plus(secs(1))));
    assert_eq!(i.updates.last().expect("said").said, Said::PromiseMissed { due });
    assert_eq!(occasions(&r, "promise_missed").len(), 1);
    assert!(r.to_staff().iter().any(|a| matches!(a.occasion, Occasion::PromiseMissed { .. })));
    let missed = r.journal.iter().filter(|e| matches!(e, Entry::PromiseMissed { .. })).count();
    assert_eq!(missed, 1);
    let next = i.open_promise().expect("a new one");
    assert_eq!(i.updates.last().expect("said").next_update_by, Some(next.due));
}

#[test]
fn a_persons_update_keeps_the_promise_and_makes_theirs() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    let incident = r.only().id;
    r.pass(mins(7));
    let due = r.now.wall.plus(mins(100));
    r.command(update(incident, Some(due))).expect("accepted");
    let p = &r.only().promises;
    assert_eq!(p[0].kept_at, Some(r.now.wall));
    assert_eq!(p[1].due, due);
    r.tick_for(mins(74));
    assert!(occasions(&r, "promise_due").is_empty());
    r.tick_for(mins(2));
    assert_eq!(occasions(&r, "promise_due").len(), 1);
}

#[test]
fn an_update_after_the_time_comes_too_late() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    let incident = r.only().id;
    r.pass(mins(10));
    r.command(update(incident, None)).expect("accepted");
    let i = r.only();
    assert!(i.promises[0].missed_at.is_some() && i.promises[0].kept_at.is_none());
    assert!(i.promises[1].kept_at.is_some());
}

#[test]
fn recovery_and_resolution_keep_promises() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    r.pass(mins(1));
    r.up(&["a"]);
    r.tick_for(secs(40));
    let i = r.only();
    assert_eq!(i.promises.len(), 2);
    assert!(i.promises.iter().all(|p| p.kept_at.is_some() && p.missed_at.is_none()));
    r.tick_for(mins(60));
    assert!(occasions(&r, "promise_missed").is_empty());
}

#[test]
fn nobody_there_for_a_month_is_not_a_message_every_twenty_minutes() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    for _ in 0..30 * 24 * 12 {
        r.pass(mins(5));
        r.input(stillhere_respond::Input::Tick);
    }
    let missed = occasions(&r, "promise_missed").len();
    assert!((30..45).contains(&missed), "{missed}");
    assert!(r.only().promises.iter().rev().skip(1).all(|p| p.missed_at.is_some()));
}

#[test]
fn the_pace_is_that_of_the_impact_and_slows_after_two_hours() {
    let mut r = Room::new(&["a"]);
    r.policy.cadence.minor = Pace { every: Some(mins(30)), ..Pace::default() };
    r.down(&["a"]);
    let incident = r.only().id;
    let mut gaps = Vec::new();
    for _ in 0..9 {
        r.pass(mins(19));
        r.command(update(incident, None)).expect("accepted");
        let p = r.only().open_promise().expect("one stands");
        gaps.push(p.due.since(p.made_at));
    }
    assert_eq!(gaps[..6], [mins(20); 6], "below two hours");
    assert_eq!(gaps[6..], [mins(60); 3]);
    let mut slow = Room::new(&["a"]);
    slow.policy = r.policy.clone();
    slow.see(&[("a", Status::DegradedPerformance)]);
    let id = slow.only().id;
    slow.pass(mins(5));
    slow.command(update(id, None)).expect("accepted");
    assert_eq!(slow.only().open_promise().expect("one").due, slow.now.wall.plus(mins(30)));
}

#[test]
fn reminders_that_fell_due_while_nobody_could_send_them_become_one() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    r.restart(secs(580));
    assert_eq!(occasions(&r, "promise_due").len(), 1);
    r.tick_for(secs(15));
    assert_eq!(occasions(&r, "promise_due").len(), 1);
    assert_eq!(r.only().open_promise().expect("it stands").nags, 2);
}

#[test]
fn the_promise_of_an_incident_that_proves_to_be_part_of_another_is_withdrawn() {
    let mut r = Room::new(&["host", "a: host", "b: host"]);
    r.policy.sibling_window = Duration::ZERO;
    r.down(&["a"]);
    r.pass(mins(2));
    r.down(&["b"]);
    assert_eq!(r.open().len(), 2);
    r.pass(secs(30));
    r.down(&["host"]);
    let merged = r.incidents.values().find(|i| !i.status.is_open()).expect("one was merged");
    let p = merged.promises.last().expect("it had one");
    assert_eq!(p.withdrawn.map(|w| w.why), Some(WithdrawnWhy::Merged));
    assert_eq!((p.kept_at, p.missed_at), (None, None));
    assert!(r.open()[0].open_promise().is_some(), "that of the other stands");
    assert!(r.journal.iter().any(|e| matches!(e, Entry::PromiseWithdrawn { .. })));
}

#[test]
fn policy_may_make_no_promise() {
    let mut r = Room::new(&["a"]);
    r.policy.cadence = Cadence::all(Pace::silent());
    r.down(&["a"]);
    r.tick_for(mins(60));
    assert!(r.only().promises.is_empty());
    assert_eq!(r.said(r.only().id), ["opened"]);
}

#[test]
fn case_r_a_clock_that_jumps_forth_and_back_scores_a_promise_once() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    let wall = |r: &mut Room, by: i64| {
        r.now = Moment::new(Time(r.now.wall.0 + by), r.now.mono_ms);
        r.input(stillhere_respond::Input::ClockJumped { by_ms: by });
    };
    wall(&mut r, 3_600_000);
    r.tick_for(secs(5));
    wall(&mut r, -3_600_000);
    r.tick_for(mins(30));
    assert_eq!(occasions(&r, "promise_missed").len(), 1);
    assert_eq!(r.only().promises.iter().filter(|p| p.missed_at.is_some()).count(), 1);
}

#[test]
fn case_r_verification_is_measured_on_the_monotonic_clock() {
    let mut r = Room::new(&["a"]);
    r.policy.cadence = Cadence::all(Pace::silent());
    r.down(&["a"]);
    r.pass(secs(60));
    r.up(&["a"]);
    r.now = Moment::new(r.now.wall.plus(Duration::from_secs(3600)), r.now.mono_ms);
    r.tick_for(secs(10));
    assert!(r.only().status.is_open(), "an hour on the wall is no hour of good looks");
    r.tick_for(secs(25));
    assert_eq!(r.only().status, IncidentStatus::Resolved);
    assert_eq!(r.said(r.only().id), ["opened", "recovering", "resolved"]);
    assert_eq!(kind(&r.only().updates[2].said), "resolved");
}
