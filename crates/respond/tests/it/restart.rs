//! Case h: a restart in the middle of it.

use crate::room::{Room, mins, secs};
use stillhere_model::*;

#[test]
fn case_h_a_restart_during_an_outage_tells_nothing_twice_and_the_incident_continues() {
    let mut r = Room::new(&["host", "a: host", "b: host"]);
    r.down(&["a", "b"]);
    r.pass(secs(1));
    r.down(&["host"]);
    r.tick_for(secs(10));
    let (told, said) = (r.announced.len(), r.said(r.only().id));
    for _ in 0..3 {
        r.restart(secs(20));
        r.tick_for(secs(20));
    }
    assert_eq!(r.announced.len(), told, "{:#?}", &r.announced[told..]);
    assert_eq!(r.said(r.only().id), said);
    assert!(r.only().status.is_open());
    r.up(&["host", "a", "b"]);
    r.tick_for(secs(40));
    assert_eq!(r.only().status, IncidentStatus::Resolved);
    assert_eq!(r.incidents.len(), 1);
}

#[test]
fn case_h_a_promise_that_passed_while_we_were_off_is_missed_at_the_first_tick() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    r.pass(mins(1));
    r.restart(mins(60));
    let i = r.only();
    assert_eq!(i.promises[0].missed_at, Some(r.now.wall));
    assert_eq!(i.promises.len(), 2);
    let missed = |r: &Room| {
        r.announced.iter().filter(|a| matches!(a.occasion, Occasion::PromiseMissed { .. })).count()
    };
    assert_eq!(missed(&r), 1);
    r.restart(secs(5));
    r.tick_for(secs(60));
    assert_eq!(missed(&r), 1);
}

#[test]
fn case_h_a_reminder_that_was_due_while_we_were_off_is_not_lost() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    r.restart(mins(8));
    let due = r.announced.iter().filter(|a| matches!(a.occasion, Occasion::PromiseDue { .. })).count();
    assert_eq!(due, 1);
    r.restart(secs(10));
    let due = r.announced.iter().filter(|a| matches!(a.occasion, Occasion::PromiseDue { .. })).count();
    assert_eq!(due, 1);
}

#[test]
fn case_h_one_that_was_being_verified_is_verified_anew_and_keeps_its_end() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    r.pass(mins(2));
    r.up(&["a"]);
    let end = r.now.wall;
    r.tick_for(secs(20));
    r.restart(mins(3));
    r.tick_for(secs(40));
    let i = r.only();
    assert_eq!(i.status, IncidentStatus::Resolved);
    assert!(i.resolved_at.is_some_and(|at| at <= end));
    assert_eq!(r.said(i.id), ["opened", "recovering", "resolved"]);
}

#[test]
fn case_h_it_can_be_reopened_across_a_restart_and_what_a_person_dismissed_stays_dismissed() {
    let mut r = Room::new(&["a", "b"]);
    r.down(&["a"]);
    r.pass(secs(30));
    r.up(&["a"]);
    r.tick_for(secs(40));
    r.down(&["b"]);
    let b = r.open()[0].id;
    r.pass(secs(30));
    r.command(Command::ResolveIncident { incident: b, text: Some("the check is wrong".into()) }).expect("ok");
    r.restart(mins(2));
    assert!(r.open().is_empty());
    r.down(&["a"]);
    assert_eq!(r.open().len(), 1);
    assert_eq!(r.open()[0].reopened, 1);
    // Once it was good, failing again counts.
    r.up(&["b"]);
    r.pass(mins(20));
    r.down(&["b"]);
    assert_eq!(r.open().len(), 2);
}

#[test]
fn case_h_services_that_had_joined_unnamed_are_named_after_the_restart() {
    let mut r = Room::new(&["host", "a: host"]);
    r.down(&["host"]);
    r.pass(secs(1));
    r.down(&["a"]);
    assert_eq!(r.said(r.only().id), ["opened"]);
    r.restart(secs(2));
    assert_eq!(r.said(r.only().id), ["opened", "joined"]);
    r.restart(secs(2));
    assert_eq!(r.said(r.only().id), ["opened", "joined"]);
}

#[test]
fn case_h_the_judge_is_told_again_what_was_declared_and_what_is_maintained() {
    use stillhere_respond::Effect;
    let mut r = Room::new(&["a", "b"]);
    let (starts_at, ends_at) = (r.now.wall, r.now.wall.plus(mins(60)));
    r.command(Command::ScheduleMaintenance {
        title: "work".into(),
        body: None,
        services: vec![crate::room::id("b")],
        starts_at,
        ends_at,
        expect: Status::MajorOutage,
        from_file: None,
    })
    .expect("accepted");
    r.opened(crate::commands::open_by_hand(&[("a", Status::PartialOutage)]));
    r.effects.clear();
    r.restart(secs(10));
    assert!(r.effects.iter().any(|e| matches!(e, Effect::MaintenanceActive { active: true, .. })));
    assert!(r.effects.iter().any(
        |e| matches!(e, Effect::Declare { services, .. } if services[0].1 == Some(Status::PartialOutage))
    ));
}
