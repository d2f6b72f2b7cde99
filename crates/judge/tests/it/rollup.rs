//! Dependencies: who is taken along by an outage, who is not, and where to look.

use crate::scene::{INTERVAL_MS, Scene, TOOK_MS};
use stillhere_judge::{Look, RECHECK_AFTER, Why};
use stillhere_model::{Outcome, Reason, Status};

fn on(service: &str) -> Reason {
    Reason::Dependency { on: service.into() }
}

const CHAIN: &str = "page: major < shop\n shop: major < db\n db: major";

#[test]
fn an_outage_takes_along_whoever_depends_on_it_through_others_too() {
    let mut s = Scene::all_up(CHAIN);
    let changes = s.after(INTERVAL_MS).fail("db/0").changes;
    let said: Vec<_> = changes.iter().map(|c| (c.now.service.as_str(), c.now.status)).collect();
    assert_eq!(
        said,
        [("db", Status::MajorOutage), ("shop", Status::MajorOutage), ("page", Status::MajorOutage)]
    );
    assert_eq!((s.reason("shop"), s.reason("page")), (&on("db"), &on("db")));
    assert!(changes.iter().all(|c| c.now.since == changes[0].now.since));
}

#[test]
fn a_service_seen_to_work_since_is_let_go_and_with_it_those_behind_it() {
    let mut s = Scene::all_up(CHAIN);
    s.after(INTERVAL_MS).fail("db/0");
    let step = s.after(100).look("shop/0", Outcome::Up);
    let said: Vec<_> = step.changes.iter().map(|c| (c.now.service.as_str(), c.now.status)).collect();
    assert_eq!(said, [("shop", Status::Operational), ("page", Status::Operational)]);
    assert_eq!(step.changes[0].now.since.0, s.now.wall.0 - TOOK_MS, "not from the outage's beginning");
}

#[test]
fn a_good_look_that_began_before_the_outage_lets_nobody_go() {
    let mut s = Scene::all_up(CHAIN);
    s.after(INTERVAL_MS).look("db/0", Outcome::Down);
    // Began 400 ms before db's failing look did, and ends after it.
    let mut obs = crate::scene::observation("core", "shop/0", Outcome::Up, s.now);
    obs.at.0 -= 400;
    obs.total_us = 440_000;
    s.step(stillhere_judge::Input::Observed(&obs));
    s.after(500).look("db/0", Outcome::Down);
    assert_eq!(s.status("shop"), Status::MajorOutage);
}

#[test]
fn every_own_check_must_be_seen_to_work() {
    let mut s = Scene::all_up("shop: major, minor < db\n db: major");
    s.after(INTERVAL_MS).fail("db/0");
    s.after(100).look("shop/0", Outcome::Up);
    assert_eq!(s.reason("shop"), &on("db"));
    s.after(100).look("shop/1", Outcome::Up);
    assert_eq!(s.status("shop"), Status::Operational);
}

#[test]
fn a_service_without_checks_follows_what_it_depends_on() {
    let mut s = Scene::all_up("shop: < db\n db: major");
    s.after(INTERVAL_MS).fail("db/0");
    assert_eq!((s.status("shop"), s.reason("shop")), (Status::MajorOutage, &on("db")));
    s.after(INTERVAL_MS).mend("db/0");
    assert_eq!((s.status("shop"), s.reason("shop")), (Status::Operational, &Reason::NoChecks));
}

#[test]
fn the_dependency_recovers_and_releases_all_at_once() {
    let mut s = Scene::all_up(CHAIN);
    s.after(INTERVAL_MS).fail("db/0");
    let changes = s.after(INTERVAL_MS).mend("db/0").changes;
    assert_eq!(changes.len(), 3);
    assert!(changes.iter().all(|c| c.now.status == Status::Operational));
}

#[test]
fn a_partial_outage_is_passed_on_as_partial_and_a_degraded_or_unknown_one_is_not() {
    let mut s = Scene::all_up("shop: major < db\n db: major, major, minor");
    s.after(INTERVAL_MS).fail("db/2");
    assert_eq!((s.status("db"), s.status("shop")), (Status::DegradedPerformance, Status::Operational));
    s.fail("db/0");
    assert_eq!((s.status("db"), s.status("shop")), (Status::PartialOutage, Status::PartialOutage));
    let mut s = Scene::all_up("shop: major < db\n db: major");
    s.after(3 * INTERVAL_MS).look("shop/0", Outcome::Up);
    s.tick();
    assert_eq!((s.status("db"), s.status("shop")), (Status::Unknown, Status::Operational));
}

#[test]
fn the_nearest_origin_is_named() {
    let mut s = Scene::all_up("page: major < shop\n shop: major < db\n db: major");
    s.after(INTERVAL_MS).fail("shop/0");
    s.after(INTERVAL_MS * 4).fail("db/0");
    assert_eq!(s.reason("page"), &on("shop"), "shop failed by itself long before db did");
    assert!(matches!(s.reason("shop"), Reason::ChecksDown { .. }));
}

#[test]
fn a_dependant_that_was_seen_down_first_is_explained_once_the_origin_is_found() {
    let mut s = Scene::all_up("shop: major < db\n db: major");
    s.after(INTERVAL_MS).fail("shop/0");
    let began = s.verdict("shop").since;
    assert!(matches!(s.reason("shop"), Reason::ChecksDown { .. }));
    let changes = s.after(2_000).fail("db/0").changes;
    let shop = changes.iter().find(|c| c.now.service.as_str() == "shop").expect("its reason changed");
    assert_eq!((shop.now.reason.clone(), shop.now.since), (on("db"), began));
}

#[test]
fn after_it_was_seen_to_work_its_own_failure_is_its_own() {
    let mut s = Scene::all_up("shop: major < db\n db: major");
    s.after(INTERVAL_MS).fail("db/0");
    s.after(100).look("shop/0", Outcome::Up);
    s.after(INTERVAL_MS).fail("shop/0");
    assert!(matches!(s.reason("shop"), Reason::ChecksDown { .. }));
}

#[test]
fn an_outage_asks_for_looks_at_ancestors_and_dependants_once() {
    let mut s = Scene::all_up(
        "page: major < shop\n shop: major < db\n db: major < disk\n disk: major, minor\n x: major",
    );
    s.looks.clear();
    let looks = s.after(INTERVAL_MS).fail("db/0").looks;
    let now = |check: &str, why: Why| Look::Now { check: check.into(), why };
    assert_eq!(
        looks,
        [
            now("disk/0", Why::AncestorOf("db".into())),
            now("disk/1", Why::AncestorOf("db".into())),
            now("shop/0", Why::DependantOf("db".into())),
            now("page/0", Why::DependantOf("db".into())),
        ]
    );
    assert!(s.after(INTERVAL_MS).look("db/0", Outcome::Down).looks.is_empty());
    s.looks.clear();
    s.fail("shop/0");
    let recheck = Look::Recheck { check: "shop/0".into(), after: RECHECK_AFTER };
    assert_eq!(s.looks, [recheck], "it is out already, by its dependency, so nobody else is asked again");
}

#[test]
fn a_circle_of_dependencies_comes_to_rest_and_recovers() {
    let mut s = Scene::all_up("a: major < b, x\n b: major < c\n c: major < a\n x: major");
    s.after(INTERVAL_MS).fail("x/0");
    assert!(["a", "b", "c"].iter().all(|n| s.reason(n) == &on("x")));
    s.after(INTERVAL_MS).mend("x/0");
    assert!(s.statuses().values().all(|st| *st == Status::Operational), "{:?}", s.statuses());
    s.after(INTERVAL_MS).fail("b/0");
    assert_eq!((s.reason("a"), s.reason("c")), (&on("b"), &on("b")));
    s.after(INTERVAL_MS).mend("b/0");
    assert!(s.statuses().values().all(|st| *st == Status::Operational), "{:?}", s.statuses());
}

#[test]
fn planned_work_on_a_dependency_takes_nobody_along() {
    let mut s = Scene::all_up("shop: major < db\n db: major");
    s.plan(1, &["db"], Status::MajorOutage, true);
    s.after(INTERVAL_MS).fail("db/0");
    assert_eq!((s.status("db"), s.status("shop")), (Status::UnderMaintenance, Status::Operational));
    s.after(INTERVAL_MS).look("db/0", Outcome::Down);
    let changes = s.plan(1, &["db"], Status::MajorOutage, false).changes;
    assert_eq!(changes.len(), 2, "when it ends and db is still down, that is an outage, from now on");
    assert!(changes.iter().all(|c| c.now.since == s.now.wall && c.now.status == Status::MajorOutage));
}
