//! The honesty cases that the judge answers for, each by its letter.

use crate::scene::{INTERVAL_MS, NOON, Scene, TIMEOUT_MS, TOOK_MS, maintenance, observation, topology};
use stillhere_judge::{Input, Look, UNSTABLE_CALM, attribute};
use stillhere_model::{Finding, Moment, Outcome, Reason, Side, Status, Time, time::millis};

const HOUR_MS: i64 = 3_600_000;

#[test]
fn case_a_our_own_fault_is_unknown_and_never_down() {
    let mut s = Scene::all_up("shop: major");
    for _ in 0..20 {
        s.after(INTERVAL_MS).look("shop/0", Outcome::Unknown);
        s.tick();
    }
    assert_eq!(s.status("shop"), Status::Unknown);
    assert!(matches!(s.reason("shop"), Reason::CannotSee { finding: Some(Finding::OwnFault { .. }) }));
    assert!(s.log.iter().all(|c| !c.now.status.is_problem()));
}

#[test]
fn case_c_a_frozen_scheduler_is_no_fresh_news_from_the_look_that_was_missed() {
    let mut s = Scene::all_up("shop: major\n db: major");
    s.after(INTERVAL_MS).fail("db/0");
    let shop_known = s.now.wall.0 - 500 - INTERVAL_MS;
    s.after(2 * INTERVAL_MS + TIMEOUT_MS).tick();
    s.after(1).tick();
    for (service, known) in [("shop", shop_known), ("db", shop_known + INTERVAL_MS + 500)] {
        let v = s.verdict(service);
        assert_eq!((v.status, &v.reason), (Status::Unknown, &Reason::NoFreshNews), "{service}");
        assert_eq!(v.since, Time(known + INTERVAL_MS), "{service}");
    }
    assert_eq!(s.look("shop/0", Outcome::Up).changes[0].now.status, Status::Operational);
}

#[test]
fn case_d_every_service_down_is_a_major_outage_each() {
    let mut s = Scene::all_up("a: major\n b: major, minor\n c: major, major\n d: < a");
    s.after(INTERVAL_MS);
    for check in ["a/0", "b/0", "b/1", "c/0", "c/1"] {
        s.fail(check);
    }
    assert!(s.statuses().values().all(|st| *st == Status::MajorOutage), "{:?}", s.statuses());
}

#[test]
fn case_e_maintenance_masks_neither_another_services_outage_nor_its_own_beyond_the_plan() {
    let mut s = Scene::all_up("a: major\n b: major");
    s.plan(1, &["a"], Status::DegradedPerformance, true);
    s.after(INTERVAL_MS).fail("b/0");
    assert_eq!((s.status("a"), s.status("b")), (Status::UnderMaintenance, Status::MajorOutage));
    s.fail("a/0");
    assert_eq!(s.status("a"), Status::MajorOutage);
    assert_eq!(
        s.reason("a"),
        &Reason::BeyondMaintenance { id: maintenance(1), finding: Some(Finding::ConnectRefused) }
    );
}

#[test]
fn case_h_a_restart_in_the_middle_of_an_outage_announces_nothing_again() {
    let text = "page: major < shop\n shop: major < db\n db: major\n alone: major < db";
    let mut s = Scene::all_up(text);
    s.after(INTERVAL_MS).fail("db/0");
    s.after(100).look("alone/0", Outcome::Up);
    let saved = s.saved();
    let statuses = s.statuses();
    assert_eq!(statuses["alone"], Status::Operational);
    // Off for 20 seconds; the monotonic clock starts from nothing.
    let now = Moment::new(Time(s.now.wall.0 + 20_000), 5);
    let mut s = Scene::restored(topology(text), saved.clone(), now);
    assert_eq!(s.tick(), stillhere_judge::Step::default());
    assert_eq!(s.saved(), saved, "since included");
    for _ in 0..3 {
        s.after(INTERVAL_MS);
        for check in ["page/0", "shop/0", "db/0"] {
            assert!(s.look(check, Outcome::Down).changes.is_empty(), "{check}");
        }
        assert!(s.look("alone/0", Outcome::Up).changes.is_empty());
        s.tick();
    }
    assert_eq!(s.statuses(), statuses);
    assert_eq!(s.verdict("db").since, saved[2].since);
    s.after(INTERVAL_MS).look("db/0", Outcome::Up);
    assert_eq!(s.status("db"), Status::MajorOutage, "a restart is no excuse for a hasty all-clear");
    assert_eq!(s.after(500).look("db/0", Outcome::Up).changes[0].now.status, Status::Operational);
}

#[test]
fn case_h_after_a_restart_without_looks_the_old_verdict_ends_as_no_fresh_news() {
    let mut s = Scene::all_up("shop: major");
    s.after(INTERVAL_MS).fail("shop/0");
    let mut s = Scene::restored(s.topology.clone(), s.saved(), Moment::new(Time(s.now.wall.0 + 1_000), 0));
    s.tick();
    for _ in 0..2 * INTERVAL_MS / 1_000 + TIMEOUT_MS / 1_000 {
        s.after(1_000).tick();
    }
    assert_eq!(s.status("shop"), Status::MajorOutage);
    s.after(1_000).tick();
    assert_eq!((s.status("shop"), s.reason("shop")), (Status::Unknown, &Reason::NoFreshNews));
}

#[test]
fn case_h_claims_are_said_again_after_a_restart_or_dropped() {
    let mut s = Scene::all_up("a: major\n b:\n c: major");
    s.declare(1, "b", Some(Status::MajorOutage));
    s.plan(2, &["a"], Status::MajorOutage, true);
    s.plan(3, &["c"], Status::UnderMaintenance, true);
    s.after(INTERVAL_MS).fail("c/0");
    let saved = s.saved();
    let mut s = Scene::restored(s.topology.clone(), saved.clone(), s.now);
    assert!(s.declare(1, "b", Some(Status::MajorOutage)).changes.is_empty());
    assert!(s.plan(2, &["a"], Status::MajorOutage, true).changes.is_empty());
    let dropped = s.tick().changes;
    assert_eq!(dropped.len(), 1, "nobody said again that c is worked on");
    assert_eq!((s.status("c"), s.verdict("c").maintenance), (Status::MajorOutage, None));
    assert_eq!((s.status("a"), s.status("b")), (Status::UnderMaintenance, Status::MajorOutage));
}

#[test]
fn case_i_our_uplink_is_cut_and_no_target_is_blamed() {
    let mut s = Scene::all_up("a: major\n b: major < a\n local: major");
    s.after(INTERVAL_MS).fail("a/0");
    let before = s.log.len();
    let step = s.after(1_000).step(Input::Uplink { up: false });
    assert_eq!(step.changes.len(), 3);
    for v in s.saved() {
        assert_eq!((v.status, v.reason, v.since), (Status::Unknown, Reason::OwnUplinkDown, s.now.wall));
    }
    // Failing looks say nothing, whether they come attributed or raw.
    for _ in 0..5 {
        s.after(INTERVAL_MS);
        for check in ["a/0", "b/0"] {
            assert_eq!(s.fail(check), stillhere_judge::Step::default());
        }
        let obs = attribute(observation("core", "b/0", Outcome::Down, s.now), false);
        assert_eq!((obs.outcome, obs.side), (Outcome::Unknown, Some(Side::Us)));
        assert_eq!(obs.finding, Some(Finding::OwnUplinkDown));
        assert!(s.step(Input::Observed(&obs)).changes.is_empty());
        s.tick();
    }
    // What is on this side of the cut is still seen.
    assert_eq!(s.look("local/0", Outcome::Up).changes[0].now.status, Status::Operational);
    assert!(s.log[before..].iter().all(|c| !c.now.status.is_problem()));
    assert!(s.step(Input::Uplink { up: true }).changes.is_empty());
    s.after(1_000).look("a/0", Outcome::Up);
    assert_eq!(s.status("a"), Status::Operational);
    s.fail("b/0");
    assert_eq!(s.status("b"), Status::MajorOutage, "from now on a failed look counts again");
}

#[test]
fn case_i_a_good_look_stays_good_and_an_uncut_uplink_changes_nothing() {
    let now = Moment::new(NOON, 0);
    for (outcome, up) in [(Outcome::Up, false), (Outcome::Down, true), (Outcome::Unknown, false)] {
        let obs = observation("core", "a/0", outcome, now);
        assert_eq!(attribute(obs.clone(), up), obs);
    }
}

#[test]
fn case_i_when_no_looks_come_after_the_uplink_is_back_that_is_no_fresh_news() {
    let mut s = Scene::all_up("a: major");
    s.step(Input::Uplink { up: false });
    s.after(10 * INTERVAL_MS).tick();
    assert_eq!(s.reason("a"), &Reason::OwnUplinkDown);
    s.step(Input::Uplink { up: true });
    s.after(2 * INTERVAL_MS + TIMEOUT_MS).tick();
    assert_eq!(s.reason("a"), &Reason::OwnUplinkDown);
    s.after(1).tick();
    assert_eq!(s.reason("a"), &Reason::NoFreshNews);
}

#[test]
fn case_j_a_host_with_thirty_dependants_dies_and_all_31_change_in_one_step() {
    let mut text = String::from("host: major\n");
    for n in 0..30 {
        // A few hang on it through another one.
        let on = if n % 5 == 4 { format!("s{}", n - 1) } else { "host".to_owned() };
        text += &format!("s{n}: major < {on}\n");
    }
    let mut s = Scene::all_up(&text);
    s.after(INTERVAL_MS).look("host/0", Outcome::Down);
    let since = Time(s.now.wall.0 - TOOK_MS);
    let step = s.after(500).look("host/0", Outcome::Down);
    assert_eq!(step.changes.len(), 31);
    assert_eq!(step.changes[0].now.service.as_str(), "host");
    for c in &step.changes {
        assert_eq!((c.now.status, c.now.since), (Status::MajorOutage, since), "{}", c.now.service);
    }
    for c in &step.changes[1..] {
        assert_eq!(c.now.reason, Reason::Dependency { on: "host".into() });
    }
    let asked = step.looks.iter().filter(|l| matches!(l, Look::Now { .. })).count();
    assert_eq!(asked, 30, "each dependant is looked at, once");
    // They fail too, as they must: nothing new is said.
    for n in 0..30 {
        assert!(s.fail(&format!("s{n}/0")).changes.is_empty());
    }
}

#[test]
fn case_q_ten_changes_in_ten_minutes_are_shown_as_unstable() {
    let mut s = Scene::all_up("shop: major");
    let mut shown = Vec::new();
    for n in 0..10 {
        // A minute in which nothing new is seen, then the change.
        let same = if n % 2 == 0 { Outcome::Up } else { Outcome::Down };
        for _ in 0..3 {
            assert!(s.after(19_500).look("shop/0", same).changes.is_empty());
        }
        let step = if n % 2 == 0 { s.fail("shop/0") } else { s.mend("shop/0") };
        assert_eq!(step.changes.len(), 1);
        shown.push(step.changes[0].now.unstable);
    }
    assert_eq!(shown, [false, false, false, false, false, true, true, true, true, true]);
    let quiet = millis(UNSTABLE_CALM);
    let last = s.now;
    while s.now.mono_ms + INTERVAL_MS < last.mono_ms + quiet {
        s.after(INTERVAL_MS).look("shop/0", Outcome::Up);
        assert!(s.tick().changes.is_empty());
    }
    assert!(s.verdict("shop").unstable);
    s.after(INTERVAL_MS).look("shop/0", Outcome::Up);
    let step = s.tick();
    assert!(!step.changes[0].now.unstable, "five calm minutes");
    assert_eq!((step.changes.len(), step.changes[0].before), (1, Some(Status::Operational)));
}

#[test]
fn case_q_losing_sight_again_and_again_is_not_the_services_instability() {
    let mut s = Scene::all_up("shop: major");
    for _ in 0..10 {
        s.after(1_000).step(Input::Uplink { up: false });
        s.after(1_000).step(Input::Uplink { up: true });
        s.look("shop/0", Outcome::Up);
    }
    assert!(s.log.len() > 20 && s.log.iter().all(|c| !c.now.unstable));
}

#[test]
fn case_r_the_clock_jumps_an_hour_forth_or_back_and_nothing_happens() {
    for jump in [HOUR_MS, -HOUR_MS] {
        let mut s = Scene::all_up("shop: major\n db: major");
        s.after(INTERVAL_MS).fail("db/0");
        let said = s.log.len();
        s.jump(jump);
        for _ in 0..10 {
            s.after(INTERVAL_MS).look("shop/0", Outcome::Up);
            s.look("db/0", Outcome::Down);
            s.tick();
        }
        assert_eq!(s.log.len(), said, "jump by {jump}");
    }
}

#[test]
fn case_r_a_jump_between_the_failed_looks_dates_the_outage_by_the_clock_as_it_is_now() {
    for jump in [HOUR_MS, -HOUR_MS] {
        let mut s = Scene::all_up("shop: major");
        s.after(3 * HOUR_MS).look("shop/0", Outcome::Up);
        s.after(INTERVAL_MS).look("shop/0", Outcome::Down);
        s.jump(jump);
        let change = s.after(500).look("shop/0", Outcome::Down).changes.remove(0);
        assert_eq!(change.now.status, Status::MajorOutage);
        assert_eq!(change.now.since, Time(s.now.wall.0 - 500 - TOOK_MS), "jump by {jump}");
    }
}

#[test]
fn case_r_after_a_jump_back_the_record_of_a_service_stays_in_order() {
    let mut s = Scene::all_up("shop: major");
    s.after(INTERVAL_MS).fail("shop/0");
    s.jump(-HOUR_MS);
    s.after(INTERVAL_MS).mend("shop/0");
    s.after(INTERVAL_MS).fail("shop/0");
    let since: Vec<Time> = s.log.iter().map(|c| c.now.since).collect();
    assert!(since.is_sorted(), "{since:?}");
}

#[test]
fn case_r_a_jump_during_a_look_does_not_misdate_it() {
    let mut s = Scene::all_up("shop: major < db\n db: major");
    s.after(INTERVAL_MS).fail("db/0");
    // Begun after the outage did; the clock goes back an hour while it runs.
    s.after(5_000);
    let obs = observation("core", "shop/0", Outcome::Up, s.now);
    s.jump(-HOUR_MS);
    s.step(Input::Observed(&obs));
    assert_eq!(s.status("shop"), Status::Operational, "it is order that counts, and that is monotonic");
}
