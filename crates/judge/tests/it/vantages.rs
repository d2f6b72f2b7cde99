//! Votes of several vantages: quorum, expiry, who may vote.

use crate::scene::{INTERVAL_MS, Scene, TIMEOUT_MS, TOOK_MS, topology};
use stillhere_judge::Input;
use stillhere_model::{Outcome, Quorum, Status, Time};

fn scene(quorum: Quorum) -> Scene {
    let mut t = topology("shop: major");
    t.checks.get_mut("shop/0").unwrap().quorum = quorum;
    let mut s = Scene::of(t);
    for v in ["berlin", "shanghai", "boston"] {
        s.look_from(v, "shop/0", Outcome::Up);
    }
    s
}

fn fail_from(s: &mut Scene, vantage: &str) -> bool {
    s.look_from(vantage, "shop/0", Outcome::Down);
    !s.after(500).look_from(vantage, "shop/0", Outcome::Down).changes.is_empty()
}

#[test]
fn a_majority_must_have_settled_on_down_and_the_outage_begins_with_the_deciding_vantage() {
    let mut s = scene(Quorum::Majority);
    assert!(!fail_from(&mut s, "berlin"));
    let view = s.view("shop/0");
    assert_eq!((view.outcome, view.votes_down, view.votes_live), (Outcome::Up, 1, 3));
    s.after(5_000);
    let second = Time(s.now.wall.0 - TOOK_MS);
    assert!(fail_from(&mut s, "boston"));
    assert_eq!((s.status("shop"), s.verdict("shop").since), (Status::MajorOutage, second));
}

#[test]
fn any_needs_one_all_needs_every_one() {
    let mut s = scene(Quorum::Any);
    assert!(fail_from(&mut s, "berlin"));
    let mut s = scene(Quorum::All);
    assert!(!fail_from(&mut s, "berlin"));
    assert!(!fail_from(&mut s, "boston"));
    assert!(fail_from(&mut s, "shanghai"));
}

#[test]
fn a_vote_expires_and_the_others_decide_without_it() {
    let mut s = scene(Quorum::Majority);
    fail_from(&mut s, "berlin");
    for _ in 0..2 {
        s.after(INTERVAL_MS);
        s.look_from("berlin", "shop/0", Outcome::Down);
        s.look_from("boston", "shop/0", Outcome::Up);
        s.tick();
        assert_eq!(s.view("shop/0").votes_live, 3);
    }
    s.after(INTERVAL_MS / 2 + TIMEOUT_MS + 1).tick();
    let view = s.view("shop/0");
    assert_eq!((view.votes_down, view.votes_live, view.outcome), (1, 2, Outcome::Up), "2 of 2 are needed");
    // Boston falls silent too; the only one left says down.
    for _ in 0..5 {
        s.look_from("berlin", "shop/0", Outcome::Down);
        s.after(INTERVAL_MS / 2).tick();
        if s.status("shop") != Status::Operational {
            break;
        }
    }
    assert_eq!((s.view("shop/0").votes_live, s.status("shop")), (1, Status::MajorOutage));
    assert_eq!(s.verdict("shop").since, s.now.wall, "until now the others stood against it");
}

#[test]
fn more_than_there_are_is_never_needed() {
    let mut s = scene(Quorum::AtLeast(9));
    fail_from(&mut s, "berlin");
    fail_from(&mut s, "boston");
    assert!(fail_from(&mut s, "shanghai"));
}

#[test]
fn a_vantage_that_is_gone_votes_no_more_and_one_that_is_unknown_never_did() {
    let mut s = scene(Quorum::Majority);
    fail_from(&mut s, "berlin");
    let step = s.step(Input::Vantages(vec!["berlin".into()]));
    assert_eq!(step.changes[0].now.status, Status::MajorOutage);
    s.mend("shop/0"); // from "core", which is not one of them
    assert_eq!(s.status("shop"), Status::MajorOutage);
}

#[test]
fn when_the_last_vantage_is_renamed_the_verdict_stands_until_a_look() {
    let mut s = scene(Quorum::Majority);
    for v in ["berlin", "boston"] {
        fail_from(&mut s, v);
    }
    assert!(s.step(Input::Vantages(vec!["core".into()])).changes.is_empty());
    assert_eq!(s.status("shop"), Status::MajorOutage);
    s.look("shop/0", Outcome::Up);
    assert_eq!(s.status("shop"), Status::MajorOutage, "one good look is no recovery");
    assert_eq!(s.look("shop/0", Outcome::Up).changes[0].now.status, Status::Operational);
}

#[test]
fn a_vantage_that_joins_long_after_a_restart_starts_from_nothing() {
    let mut s = scene(Quorum::Any);
    fail_from(&mut s, "berlin");
    let mut s = Scene::restored(s.topology.clone(), s.saved(), s.now);
    s.tick();
    for _ in 0..4 {
        s.after(INTERVAL_MS).look_from("berlin", "shop/0", Outcome::Up);
        s.tick();
    }
    assert_eq!(s.status("shop"), Status::Operational);
    s.look_from("oslo", "shop/0", Outcome::Down);
    assert_eq!(s.status("shop"), Status::Operational, "it does not take up the outage of before the restart");
}
