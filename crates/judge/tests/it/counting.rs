//! Consecutive looks: what it takes to be down, up again, slow, or unknown.

use crate::scene::{INTERVAL_MS, NOON, Scene, TIMEOUT_MS, TOOK_MS, topology};
use std::time::Duration;
use stillhere_judge::{Look, RECHECK_AFTER};
use stillhere_model::{Finding, Outcome, Reason, Status, Time};

fn recheck(check: &str) -> Vec<Look> {
    vec![Look::Recheck { check: check.into(), after: RECHECK_AFTER }]
}

#[test]
fn the_first_failed_look_asks_for_a_quick_second_one_and_says_nothing() {
    let mut s = Scene::all_up("shop: major");
    let step = s.after(INTERVAL_MS).look("shop/0", Outcome::Down);
    assert_eq!((step.changes, step.looks), (vec![], recheck("shop/0")));
    assert_eq!(RECHECK_AFTER, Duration::from_millis(500));
    assert_eq!(s.status("shop"), Status::Operational);
}

#[test]
fn the_second_failed_look_decides_and_the_outage_begins_with_the_first() {
    let mut s = Scene::all_up("shop: major");
    s.after(INTERVAL_MS).look("shop/0", Outcome::Down);
    let first = Time(s.now.wall.0 - TOOK_MS);
    let step = s.after(500).look("shop/0", Outcome::Down);
    assert!(step.looks.is_empty(), "nobody else to ask, and it has been re-checked");
    let change = &step.changes[0];
    assert_eq!((change.before, change.now.status), (Some(Status::Operational), Status::MajorOutage));
    assert_eq!(change.now.since, first);
    assert_eq!(
        change.now.reason,
        Reason::ChecksDown { down: 1, of: 1, finding: Some(Finding::ConnectRefused) }
    );
    let view = &change.now.checks[0];
    assert_eq!((view.outcome, view.votes_down, view.votes_live), (Outcome::Down, 1, 1));
    assert_eq!(view.last_look, Some(Time(s.now.wall.0 - TOOK_MS)));
}

#[test]
fn a_good_look_between_failed_ones_starts_the_count_again() {
    let mut s = Scene::all_up("shop: major");
    for _ in 0..5 {
        assert!(s.after(INTERVAL_MS).look("shop/0", Outcome::Down).changes.is_empty());
        assert!(s.after(500).look("shop/0", Outcome::Up).changes.is_empty());
    }
}

#[test]
fn fail_after_one_decides_at_once_and_asks_for_no_second_look() {
    let mut t = topology("shop: major");
    t.checks.get_mut("shop/0").unwrap().fail_after = 1;
    let mut s = Scene::of(t);
    let step = s.look("shop/0", Outcome::Down);
    assert_eq!(step.changes[0].now.status, Status::MajorOutage);
    assert!(step.looks.is_empty());
}

#[test]
fn a_heartbeat_counts_at_once_and_is_never_looked_at_out_of_turn() {
    let mut t = topology("job: major\n shop: major < job");
    t.checks.get_mut("job/0").unwrap().passive = true;
    let mut s = Scene::of(t);
    s.round(&[]);
    assert_eq!(s.look("job/0", Outcome::Down).changes[0].now.status, Status::MajorOutage);
    assert_eq!(s.look("job/0", Outcome::Up).changes[0].now.status, Status::Operational);
    s.looks.clear();
    s.after(500).fail("shop/0");
    assert_eq!(s.looks, recheck("shop/0"), "its dependency is a heartbeat, which cannot be asked");
}

#[test]
fn silence_of_a_heartbeat_is_not_judged_here() {
    let mut t = topology("job: major");
    t.checks.get_mut("job/0").unwrap().passive = true;
    let mut s = Scene::of(t);
    s.look("job/0", Outcome::Up);
    assert!(s.after(100 * INTERVAL_MS).tick().changes.is_empty());
    assert_eq!(s.status("job"), Status::Operational);
}

#[test]
fn recovery_takes_two_good_looks_and_begins_with_the_first() {
    let mut s = Scene::all_up("shop: major");
    s.after(INTERVAL_MS).fail("shop/0");
    let step = s.after(INTERVAL_MS).look("shop/0", Outcome::Up);
    assert_eq!((step.changes, step.looks), (vec![], recheck("shop/0")));
    let first = Time(s.now.wall.0 - TOOK_MS);
    let step = s.after(500).look("shop/0", Outcome::Up);
    assert_eq!((step.changes[0].now.status, step.changes[0].now.since), (Status::Operational, first));
    assert_eq!(step.changes[0].now.reason, Reason::AllUp);
}

#[test]
fn the_first_look_ever_makes_a_service_operational_at_once() {
    let mut s = Scene::new("shop: major");
    assert_eq!((s.status("shop"), s.reason("shop")), (Status::Unknown, &Reason::NotYetLooked));
    assert_eq!(s.log[0].before, None, "the first verdict replaces nothing");
    let step = s.look("shop/0", Outcome::Up);
    assert_eq!(step.changes[0].before, Some(Status::Unknown));
    assert_eq!(step.changes[0].now.status, Status::Operational);
}

#[test]
fn a_first_failed_look_leaves_it_unknown_until_the_second() {
    let mut s = Scene::new("shop: major");
    let step = s.look("shop/0", Outcome::Down);
    assert_eq!((step.changes, step.looks), (vec![], recheck("shop/0")));
    assert_eq!(s.after(500).look("shop/0", Outcome::Down).changes[0].now.status, Status::MajorOutage);
}

#[test]
fn slow_looks_count_like_failed_ones_and_make_it_degraded() {
    let mut s = Scene::all_up("shop: major");
    let step = s.after(INTERVAL_MS).look("shop/0", Outcome::Slow);
    assert_eq!((step.changes, step.looks), (vec![], vec![]));
    let step = s.after(INTERVAL_MS).look("shop/0", Outcome::Slow);
    assert_eq!(step.changes[0].now.status, Status::DegradedPerformance);
    assert!(matches!(step.changes[0].now.reason, Reason::ChecksSlow { slow: 1, of: 1, .. }));
    assert_eq!(step.changes[0].now.since, Time(s.now.wall.0 - TOOK_MS - INTERVAL_MS));
    s.after(INTERVAL_MS).look("shop/0", Outcome::Up);
    assert_eq!(s.status("shop"), Status::DegradedPerformance);
    s.after(INTERVAL_MS).look("shop/0", Outcome::Up);
    assert_eq!(s.status("shop"), Status::Operational);
}

#[test]
fn a_down_check_that_answers_slowly_works_again() {
    let mut s = Scene::all_up("shop: major");
    s.after(INTERVAL_MS).fail("shop/0");
    s.after(INTERVAL_MS).look("shop/0", Outcome::Slow);
    assert_eq!(s.after(500).look("shop/0", Outcome::Slow).changes[0].now.status, Status::DegradedPerformance);
}

#[test]
fn a_look_that_could_not_look_neither_counts_nor_resets() {
    let mut s = Scene::all_up("shop: major");
    s.after(INTERVAL_MS).look("shop/0", Outcome::Down);
    let first = Time(s.now.wall.0 - TOOK_MS);
    assert_eq!(s.after(500).look("shop/0", Outcome::Unknown).changes, vec![]);
    let step = s.after(INTERVAL_MS).look("shop/0", Outcome::Down);
    assert_eq!((step.changes[0].now.status, step.changes[0].now.since), (Status::MajorOutage, first));
    assert_eq!(s.after(500).look("shop/0", Outcome::Unknown).changes, vec![]);
}

#[test]
fn nothing_but_looks_that_could_not_look_makes_it_unknown_with_their_reason() {
    let mut s = Scene::all_up("shop: major");
    let known = s.now.wall;
    for _ in 0..2 {
        s.after(INTERVAL_MS).look("shop/0", Outcome::Unknown);
        s.tick();
    }
    s.after(TIMEOUT_MS).tick();
    assert_eq!(s.status("shop"), Status::Operational, "2 intervals and the timeout are not over");
    let step = s.after(1).tick();
    let what = Some(Finding::OwnFault { what: "too many open files".into() });
    assert_eq!(step.changes[0].now.reason, Reason::CannotSee { finding: what });
    assert_eq!(step.changes[0].now.since, Time(known.0 + INTERVAL_MS), "from when the first look was missed");
    s.after(3 * INTERVAL_MS).tick();
    assert_eq!(s.reason("shop"), &Reason::NoFreshNews, "now not even they come");
}

#[test]
fn a_look_that_changes_nothing_says_nothing_but_freshens_the_evidence() {
    let mut s = Scene::all_up("shop: major");
    for _ in 0..10 {
        let step = s.after(INTERVAL_MS).look("shop/0", Outcome::Up);
        assert_eq!(step, stillhere_judge::Step::default());
        assert_eq!(s.view("shop/0").last_look, Some(Time(s.now.wall.0 - TOOK_MS)));
    }
    assert!(s.verdict("shop").since < Time(NOON.0 + INTERVAL_MS));
}

#[test]
fn evidence_that_moves_with_every_look_is_kept_fresh_without_a_change() {
    let mut s = Scene::all_up("shop: major");
    s.after(INTERVAL_MS).fail("shop/0");
    let mut obs = crate::scene::observation("core", "shop/0", Outcome::Down, s.now);
    obs.finding = Some(Finding::HttpStatus { status: 502 });
    assert_eq!(s.step(stillhere_judge::Input::Observed(&obs)).changes, vec![]);
    assert!(matches!(
        s.reason("shop"),
        Reason::ChecksDown { finding: Some(Finding::HttpStatus { status: 502 }), .. }
    ));
}

#[test]
fn what_we_lost_sight_of_is_judged_anew() {
    let mut s = Scene::all_up("shop: major");
    s.after(INTERVAL_MS).fail("shop/0");
    s.after(3 * INTERVAL_MS).tick();
    assert_eq!(s.status("shop"), Status::Unknown);
    s.after(INTERVAL_MS).look("shop/0", Outcome::Down);
    assert_eq!(s.status("shop"), Status::Unknown, "one failed look is not yet an outage");
    assert_eq!(s.after(500).look("shop/0", Outcome::Down).changes[0].now.status, Status::MajorOutage);
}

#[test]
fn an_unknown_check_id_is_ignored() {
    let mut s = Scene::all_up("shop: major");
    assert_eq!(s.look("ghost/0", Outcome::Down), stillhere_judge::Step::default());
}
