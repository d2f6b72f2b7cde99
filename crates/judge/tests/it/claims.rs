//! What people declare and plan, against what is seen.

use crate::scene::{INTERVAL_MS, Scene, incident, maintenance};
use stillhere_model::{Outcome, Reason, Status};

#[test]
fn a_declared_status_is_shown_when_it_is_worse_than_what_is_seen() {
    let mut s = Scene::all_up("shop: major");
    s.declare(1, "shop", Some(Status::PartialOutage));
    assert_eq!(s.status("shop"), Status::PartialOutage);
    assert_eq!(s.reason("shop"), &Reason::Declared { incident: incident(1) });
    s.after(INTERVAL_MS).fail("shop/0");
    assert_eq!(s.status("shop"), Status::MajorOutage, "no declaration makes an outage smaller");
    assert!(matches!(s.reason("shop"), Reason::ChecksDown { .. }));
    s.after(INTERVAL_MS).mend("shop/0");
    assert_eq!(s.status("shop"), Status::PartialOutage);
    s.declare(1, "shop", None);
    assert_eq!((s.status("shop"), s.reason("shop")), (Status::Operational, &Reason::AllUp));
}

#[test]
fn without_checks_a_persons_word_is_the_status() {
    let mut s = Scene::new("desk:");
    assert_eq!((s.status("desk"), s.reason("desk")), (Status::Operational, &Reason::NoChecks));
    s.declare(1, "desk", Some(Status::MajorOutage));
    assert_eq!(s.status("desk"), Status::MajorOutage);
    s.declare(2, "desk", Some(Status::DegradedPerformance));
    s.declare(1, "desk", None);
    assert_eq!(s.reason("desk"), &Reason::Declared { incident: incident(2) });
    s.declare(2, "desk", Some(Status::Operational));
    assert_eq!(
        (s.status("desk"), s.reason("desk")),
        (Status::Operational, &Reason::Declared { incident: incident(2) })
    );
    s.declare(2, "desk", None);
    assert_eq!(s.reason("desk"), &Reason::NoChecks);
}

#[test]
fn a_declared_outage_takes_dependants_along_until_they_are_seen_to_work() {
    let mut s = Scene::all_up("shop: major < db\n db:");
    let step = s.after(INTERVAL_MS).declare(1, "db", Some(Status::MajorOutage));
    assert_eq!(step.changes.len(), 2);
    assert!(!step.looks.is_empty(), "and they are looked at");
    s.after(100).look("shop/0", Outcome::Up);
    assert_eq!(s.status("shop"), Status::Operational);
}

#[test]
fn the_plan_covers_what_it_expects_and_nothing_else() {
    let mut s = Scene::all_up("shop: major, minor");
    let step = s.plan(1, &["shop"], Status::DegradedPerformance, true);
    assert_eq!(step.changes[0].now.reason, Reason::Maintenance { id: maintenance(1) });
    assert_eq!(step.changes[0].now.maintenance, Some(maintenance(1)));
    s.after(INTERVAL_MS).fail("shop/1");
    assert_eq!(s.status("shop"), Status::UnderMaintenance);
    s.fail("shop/0");
    assert_eq!(s.status("shop"), Status::MajorOutage);
    assert!(matches!(s.reason("shop"), Reason::BeyondMaintenance { finding: Some(_), .. }));
    assert_eq!(s.verdict("shop").maintenance, Some(maintenance(1)));
    s.mend("shop/0");
    assert_eq!(s.status("shop"), Status::UnderMaintenance);
    s.plan(1, &["shop"], Status::DegradedPerformance, false);
    assert_eq!((s.status("shop"), s.verdict("shop").maintenance), (Status::DegradedPerformance, None));
}

#[test]
fn a_window_that_no_longer_names_a_service_lets_it_go() {
    let mut s = Scene::all_up("shop: major\n db: major");
    s.plan(1, &["shop", "db"], Status::MajorOutage, true);
    s.plan(1, &["db"], Status::MajorOutage, true);
    assert_eq!((s.status("shop"), s.status("db")), (Status::Operational, Status::UnderMaintenance));
}

#[test]
fn a_plan_does_not_hide_what_a_person_declares_nor_what_a_dependency_does() {
    let mut s = Scene::all_up("shop: major < db\n db: major");
    s.plan(1, &["shop"], Status::DegradedPerformance, true);
    s.declare(1, "shop", Some(Status::DegradedPerformance));
    assert_eq!(s.status("shop"), Status::DegradedPerformance);
    s.after(INTERVAL_MS).fail("db/0");
    assert_eq!(s.reason("shop"), &Reason::Dependency { on: "db".into() });
    assert_eq!(s.verdict("shop").maintenance, Some(maintenance(1)));
}
