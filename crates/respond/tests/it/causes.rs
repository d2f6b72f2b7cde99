//! One cause, one incident.

use crate::room::{Room, id, kind, mins, secs};
use proptest::prelude::*;
use stillhere_model::*;
use stillhere_respond::Effect;

fn host_and_apps(n: usize) -> Vec<String> {
    std::iter::once("host".to_owned()).chain((0..n).map(|i| format!("app{i}: host"))).collect()
}

fn room_of(names: &[String]) -> Room {
    Room::new(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn one_incident_and_one_alert(r: &Room) {
    let i = r.only();
    assert_eq!(i.origin, Some(id("host")));
    assert_eq!(i.affected.len(), 31);
    assert!(i.affected.iter().all(|a| a.now == Status::MajorOutage));
    let staff = r.to_staff();
    assert_eq!(staff.len(), 1, "one alert: {staff:#?}");
    let alert = r.update(&staff[0].occasion);
    let names_origin = match &alert.said {
        Said::OriginFound { origin } => origin == &id("host"),
        Said::Opened { services, .. } => services.first() == Some(&id("host")),
        _ => false,
    };
    assert!(names_origin, "the alert names the origin: {alert:#?}");
    assert!(staff[0].not_before <= i.opened_at.plus(secs(5)));
    assert!(r.to_public().len() <= 3, "{:#?}", r.to_public());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn case_j_a_host_and_30_dependants_in_any_order_are_one_incident_and_one_alert_that_names_the_host(
        order in Just((0..31).collect::<Vec<usize>>()).prop_shuffle(),
        gaps in prop::collection::vec(0_u64..130, 31),
        cuts in prop::collection::vec(any::<bool>(), 31),
    ) {
        let names = host_and_apps(30);
        let mut r = room_of(&names);
        let mut batch: Vec<&str> = Vec::new();
        let mut passed = 0;
        for (n, i) in order.iter().enumerate() {
            batch.push(names[*i].split(':').next().expect("a name"));
            if cuts[n] || n == 30 {
                r.down(&batch);
                for s in batch.drain(..) {
                    // The public status is the verdict, and the incident has it at once.
                    assert!(r.only().affects(&id(s)));
                }
                r.pass(std::time::Duration::from_millis(gaps[n]));
                passed += gaps[n];
                r.input(stillhere_respond::Input::Tick);
            }
        }
        prop_assert!(passed < 5_000);
        r.tick_for(secs(20));
        one_incident_and_one_alert(&r);
    }
}

#[test]
fn case_j_dependants_first_asks_for_a_look_at_the_host_and_holds_the_alert_for_it() {
    let mut r = Room::new(&["host", "a: host", "b: host"]);
    let step = r.see(&[("a", Status::MajorOutage)]);
    assert!(step.effects.contains(&Effect::LookNow { services: vec![id("host")] }));
    assert_eq!(r.to_staff()[0].not_before, r.now.wall.plus(secs(5)));
    assert_eq!(r.to_public()[0].not_before, r.now.wall, "the public is told at once");
    r.pass(secs(2));
    r.down(&["host"]);
    assert_eq!(r.to_staff().len(), 1);
    assert_eq!(r.to_staff()[0].not_before, r.now.wall, "nothing is left to wait for");
    assert_eq!(r.only().status, IncidentStatus::Identified);
}

#[test]
fn case_j_an_alert_that_was_held_goes_out_after_five_seconds_even_if_the_ancestor_says_nothing() {
    let mut r = Room::new(&["host", "a: host"]);
    r.down(&["a"]);
    r.tick_for(secs(30));
    assert_eq!(r.to_staff().len(), 1);
    assert_eq!(r.to_staff()[0].not_before, r.only().opened_at.plus(secs(5)));
    // An origin found later is worth another word, and does not take back what was sent.
    r.down(&["host"]);
    assert_eq!(r.to_staff().len(), 2);
    assert_eq!(kind(&r.update(&r.to_staff()[1].occasion).said), "origin_found");
}

#[test]
fn case_r_a_clock_that_goes_back_does_not_hold_an_alert_for_an_hour() {
    let mut r = Room::new(&["host", "a: host"]);
    r.down(&["a"]);
    r.now = Moment::new(r.now.wall.minus(mins(60)), r.now.mono_ms + 1_000);
    r.input(stillhere_respond::Input::ClockJumped { by_ms: -3_600_000 });
    let opened: Vec<_> =
        r.to_staff().into_iter().filter(|a| matches!(a.occasion, Occasion::IncidentOpened { .. })).collect();
    assert_eq!(opened.len(), 1, "{opened:#?}");
    assert_eq!(opened[0].not_before, r.now.wall);
    // Long after it was sent, another jump does not send it again.
    r.tick_for(secs(20));
    let told = r.announced.len();
    r.now = Moment::new(r.now.wall.minus(mins(60)), r.now.mono_ms);
    r.input(stillhere_respond::Input::ClockJumped { by_ms: -3_600_000 });
    assert!(r.announced.len() == told, "{:#?}", &r.announced[told..]);
}

#[test]
fn a_service_without_ancestors_alerts_at_once() {
    let mut r = Room::new(&["a", "b"]);
    r.down(&["a"]);
    assert_eq!(r.to_staff()[0].not_before, r.now.wall);
    assert!(!r.effects.iter().any(|e| matches!(e, Effect::LookNow { .. })));
}

#[test]
fn the_origin_moves_to_the_furthest_failing_ancestor() {
    let mut r = Room::new(&["router", "host: router", "app: host"]);
    r.down(&["app"]);
    r.pass(secs(1));
    r.down(&["host"]);
    assert_eq!(r.only().origin, Some(id("host")));
    assert_eq!(r.to_staff().len(), 1);
    assert!(r.to_staff()[0].not_before > r.now.wall, "the router may still be it");
    r.pass(secs(1));
    r.down(&["router"]);
    assert_eq!(r.only().origin, Some(id("router")));
    assert_eq!(r.to_staff().len(), 1);
}

#[test]
fn services_that_share_nothing_have_an_incident_each() {
    let mut r = Room::new(&["a", "b"]);
    r.down(&["a", "b"]);
    assert_eq!(r.incidents.len(), 2);
}

#[test]
fn siblings_that_fail_at_about_the_same_time_share_an_incident_and_later_ones_do_not() {
    let mut r = Room::new(&["host", "a: host", "b: host", "c: host"]);
    r.down(&["a"]);
    r.pass(secs(10));
    r.down(&["b"]);
    assert_eq!(r.only().affected.len(), 2);
    r.tick_for(secs(60));
    // Nothing explains the second one, so staff hear of it.
    assert_eq!(r.to_staff().len(), 2, "{:#?}", r.to_staff());
    r.down(&["c"]);
    assert_eq!(r.incidents.len(), 2);
}

#[test]
fn a_common_cause_found_late_merges_the_younger_incident_into_the_older() {
    let mut r = Room::new(&["host", "a: host", "b: host"]);
    r.down(&["a"]);
    r.tick_for(mins(2));
    r.down(&["b"]);
    assert_eq!(r.open().len(), 2);
    r.tick_for(secs(10));
    r.down(&["host"]);
    let older = r.open()[0].clone();
    assert_eq!(r.open().len(), 1);
    assert_eq!(older.affected.len(), 3);
    assert_eq!(older.origin, Some(id("host")));
    let younger = r.incidents.values().find(|i| i.id != older.id).expect("it is kept");
    assert_eq!(younger.status, IncidentStatus::Resolved);
    assert_eq!(younger.updates.last().expect("said").said, Said::MergedInto { incident: older.id });
    assert!(younger.promises.iter().all(|p| p.withdrawn.is_some()), "the promise of the older one stands");
    // Failing on, it does not come back.
    r.up(&["host", "a", "b"]);
    r.tick_for(secs(40));
    r.down(&["b"]);
    assert_eq!(r.open().len(), 1);
    assert_eq!(r.open()[0].id, older.id);
}

#[test]
fn suffering_from_two_causes_joins_the_older_and_merges_nothing() {
    let mut r = Room::new(&["a", "b", "c: a b"]);
    r.down(&["a"]);
    r.tick_for(secs(70));
    r.down(&["b"]);
    r.tick_for(secs(70));
    r.down(&["c"]);
    assert_eq!(r.open().len(), 2);
    assert_eq!(r.open().iter().filter(|i| i.affects(&id("c"))).count(), 1);
}

#[test]
fn an_incident_in_which_a_person_spoke_is_not_merged_away() {
    let mut r = Room::new(&["host", "a: host", "b: host"]);
    r.down(&["a"]);
    r.tick_for(mins(2));
    r.down(&["b"]);
    let younger = r.state.open().find(|i| i.affects(&id("b"))).expect("open").id;
    r.command(Command::UpdateIncident {
        incident: younger,
        text: "we look at the disk".into(),
        status: None,
        title: None,
        services: Vec::new(),
        next_update_by: None,
    })
    .expect("accepted");
    r.down(&["host"]);
    assert_eq!(r.open().len(), 2);
}

#[test]
fn unknown_and_maintenance_open_nothing_and_slow_opens_by_policy() {
    let mut r = Room::new(&["a"]);
    r.see(&[("a", Status::Unknown)]);
    r.see(&[("a", Status::UnderMaintenance)]);
    assert!(r.incidents.is_empty());
    r.policy.open_when_slow = false;
    r.see(&[("a", Status::DegradedPerformance)]);
    assert!(r.incidents.is_empty());
    let mut r = Room::new(&["a"]);
    r.see(&[("a", Status::DegradedPerformance)]);
    assert_eq!(r.only().impact, Impact::Minor);
}

#[test]
fn worse_than_planned_inside_a_maintenance_opens_an_incident() {
    let mut r = Room::new(&["a"]);
    let mut v = crate::room::verdict("a", Status::MajorOutage, r.now.wall);
    let m = MaintenanceId(r.mint.uuid(r.now.wall));
    v.reason = Reason::BeyondMaintenance { id: m, finding: None };
    v.maintenance = Some(m);
    let change = VerdictChange { before: Some(Status::UnderMaintenance), now: v };
    r.input(stillhere_respond::Input::Verdicts(&[change]));
    assert_eq!(r.only().impact, Impact::Critical);
}

#[test]
fn a_storm_without_declared_dependencies_is_bounded() {
    let names: Vec<String> = (0..500).map(|i| format!("s{i}")).collect();
    let mut r = room_of(&names);
    for n in &names {
        r.down(&[n]);
    }
    r.tick_for(secs(10));
    assert_eq!(r.open().len(), r.policy.storm_after);
    assert!(r.to_staff().len() <= r.policy.storm_after + 3, "{}", r.to_staff().len());
    let held: usize = r.open().iter().map(|i| i.affected.len()).sum();
    assert_eq!(held, 500, "each is in one");
}

#[test]
fn what_the_public_cannot_see_is_told_to_staff_only() {
    let mut r = Room::new(&["hidden-db"]);
    r.down(&["hidden-db"]);
    r.up(&["hidden-db"]);
    r.tick_for(secs(40));
    assert!(r.to_public().is_empty());
    assert_eq!(r.to_staff().len(), 2);
}
