//! How incidents go on and end.

use crate::room::{Room, id, mins, secs};
use stillhere_model::*;

#[test]
fn it_is_verified_then_resolved_and_dated_to_the_recovery() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    let started = r.only().started_at;
    r.tick_for(mins(3));
    r.up(&["a"]);
    let recovered = r.verdicts[&id("a")].since;
    assert_eq!(r.only().status, IncidentStatus::Monitoring);
    r.tick_for(secs(29));
    assert!(r.only().status.is_open());
    r.tick_for(secs(2));
    let i = r.only();
    assert_eq!(i.status, IncidentStatus::Resolved);
    assert_eq!(i.resolved_at, Some(recovered));
    let lasted_ms = u64::try_from(recovered.since(started).as_millis()).expect("fits");
    assert_eq!(i.updates.last().expect("said").said, Said::Resolved { lasted_ms });
    assert_eq!(r.said(i.id), ["opened", "recovering", "resolved"]);
    let public: Vec<_> = r.to_public();
    assert_eq!(public.len(), 3);
    assert!(matches!(public[2].occasion, Occasion::IncidentResolved { .. }));
    assert_eq!(r.to_staff().len(), 2, "opened and resolved");
}

#[test]
fn failing_again_soon_reopens_the_same_incident_and_later_opens_another() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    r.pass(secs(30));
    r.up(&["a"]);
    r.tick_for(secs(40));
    r.tick_for(mins(5));
    r.down(&["a"]);
    let i = r.only();
    assert_eq!((i.reopened, i.status), (1, IncidentStatus::Investigating));
    assert_eq!(i.resolved_at, None);
    assert!(i.open_promise().is_some());
    r.pass(secs(30));
    r.up(&["a"]);
    r.tick_for(mins(30));
    assert_eq!(r.only().status, IncidentStatus::Resolved);
    r.down(&["a"]);
    assert_eq!(r.incidents.len(), 2);
}

#[test]
fn case_q_ten_transitions_in_ten_minutes_are_one_incident_marked_unstable_without_a_storm() {
    let mut r = Room::new(&["a"]);
    for n in 0..10 {
        if n % 2 == 0 {
            r.down(&["a"])
        } else {
            r.up(&["a"])
        }
        r.tick_for(mins(1));
    }
    assert!(r.only().unstable);
    r.tick_for(mins(3));
    assert!(r.only().status.is_open(), "it is watched for longer");
    r.tick_for(mins(3));
    let i = r.only();
    assert_eq!(i.status, IncidentStatus::Resolved);
    assert!(i.updates.len() <= 6, "{:?}", r.said(i.id));
    // Nobody takes it on: they are called again, and reminded of what was promised.
    let reminder = |o: &Occasion| matches!(o, Occasion::Unacknowledged { .. } | Occasion::PromiseDue { .. });
    let (reminders, alerts): (Vec<_>, Vec<_>) = r.to_staff().into_iter().partition(|a| reminder(&a.occasion));
    assert!(alerts.len() <= 5 && reminders.len() <= 3, "{:#?}", r.to_staff());
    assert_eq!(r.said(i.id).iter().filter(|s| *s == "unstable").count(), 1);
}

#[test]
fn case_q_a_trouble_that_grows_and_shrinks_did_not_come_and_go() {
    let mut r = Room::new(&["a"]);
    for status in [Status::PartialOutage, Status::MajorOutage, Status::PartialOutage, Status::Operational] {
        r.see(&[("a", status)]);
        r.tick_for(secs(20));
    }
    assert!(!r.only().unstable, "{:?}", r.said(r.only().id));
    r.tick_for(mins(1));
    assert_eq!(r.only().status, IncidentStatus::Resolved);
}

#[test]
fn case_q_a_service_that_flaps_beside_one_that_stays_down_makes_no_storm_either() {
    let mut r = Room::new(&["host", "a: host"]);
    r.down(&["host", "a"]);
    for n in 0..40 {
        if n % 2 == 0 {
            r.up(&["a"])
        } else {
            r.down(&["a"])
        }
        r.tick_for(secs(15));
    }
    assert!(r.only().updates.len() <= 4, "{:?}", r.said(r.only().id));
}

#[test]
fn the_impact_is_the_worst_and_getting_graver_is_told_to_staff() {
    let mut r = Room::new(&["a"]);
    r.see(&[("a", Status::DegradedPerformance)]);
    assert_eq!(r.only().impact, Impact::Minor);
    r.pass(secs(20));
    r.see(&[("a", Status::MajorOutage)]);
    assert_eq!(r.only().impact, Impact::Critical);
    assert_eq!(r.to_staff().len(), 2);
    r.pass(secs(20));
    r.see(&[("a", Status::PartialOutage)]);
    assert_eq!(r.only().impact, Impact::Critical);
    assert_eq!(r.said(r.only().id), ["opened", "worse", "better"]);
    assert_eq!(r.to_staff().len(), 2, "better is for the public");
}

#[test]
fn parts_that_recover_one_by_one_are_not_thirty_updates() {
    let names: Vec<String> =
        std::iter::once("host".to_owned()).chain((0..30).map(|i| format!("app{i}: host"))).collect();
    let mut r = Room::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let all: Vec<&str> = names.iter().map(|n| n.split(':').next().expect("a name")).collect();
    r.down(&all);
    for s in &all {
        r.tick_for(secs(3));
        r.up(&[s]);
    }
    r.tick_for(mins(1));
    assert_eq!(r.said(r.only().id), ["opened", "recovering", "resolved"]);
    let changed = &r.only().updates[1].changed;
    assert_eq!(changed.len(), 31, "but each is in the record");
}

#[test]
fn losing_sight_keeps_it_open_and_is_said_once() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    for _ in 0..3 {
        r.pass(secs(60));
        r.see(&[("a", Status::Unknown)]);
        r.tick_for(mins(2));
        assert!(r.only().status.is_open());
        r.down(&["a"]);
    }
    let said = r.said(r.only().id);
    assert_eq!(said.iter().filter(|s| *s == "lost_sight").count(), 1, "{said:?}");
    assert!(!said.contains(&"worse".to_owned()) && !said.contains(&"better".to_owned()), "{said:?}");
}

#[test]
fn unknown_while_verifying_breaks_the_verification_off() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    r.pass(secs(30));
    r.up(&["a"]);
    r.tick_for(secs(20));
    r.see(&[("a", Status::Unknown)]);
    r.tick_for(mins(5));
    assert!(r.only().status.is_open(), "nobody has seen it good");
    r.up(&["a"]);
    r.tick_for(secs(31));
    assert_eq!(r.only().status, IncidentStatus::Resolved);
}

#[test]
fn a_relapse_while_verifying_is_said_and_verified_longer() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    r.pass(secs(30));
    r.up(&["a"]);
    r.tick_for(secs(10));
    r.down(&["a"]);
    assert_eq!(r.only().status, IncidentStatus::Investigating);
    r.pass(mins(15));
    r.up(&["a"]);
    r.tick_for(secs(60));
    assert!(r.only().status.is_open());
    r.tick_for(secs(61));
    assert_eq!(r.said(r.only().id), ["opened", "recovering", "worse", "recovering", "resolved"]);
}

#[test]
fn a_service_that_left_the_configuration_is_not_waited_for() {
    let mut r = Room::new(&["a", "b"]);
    r.down(&["a"]);
    r.topology = crate::room::topology(&["b"]);
    r.input(stillhere_respond::Input::TopologyChanged);
    r.tick_for(secs(40));
    assert_eq!(r.only().status, IncidentStatus::Resolved);
}

#[test]
fn one_that_is_reopened_waits_for_no_service_that_belongs_to_another_incident_by_now() {
    let mut r = Room::new(&["host", "a: host", "c: host"]);
    r.down(&["a", "c"]);
    let first = r.only().id;
    r.command(Command::ResolveIncident { incident: first, text: None }).expect("accepted");
    let second = r.opened(crate::commands::open_by_hand(&[("c", Status::MajorOutage)]));
    r.up(&["a"]);
    r.down(&["a"]);
    assert_eq!(r.incidents[&first].reopened, 1);
    r.up(&["a"]);
    r.tick_for(mins(6));
    assert_eq!(r.incidents[&first].status, IncidentStatus::Resolved);
    assert!(r.incidents[&second].status.is_open());
}
