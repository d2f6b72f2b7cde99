//! A new configuration: what is kept, what is new, what is gone.

use crate::scene::{INTERVAL_MS, Scene, check, topology};
use std::time::Duration;
use stillhere_judge::{Input, State, step};
use stillhere_model::{Outcome, Reason, Severity, Status};

#[test]
fn kept_services_keep_their_verdicts_and_new_ones_are_not_yet_looked_at() {
    let mut s = Scene::all_up("a: major\n b: major");
    s.after(INTERVAL_MS).fail("b/0");
    let before = s.verdict("b").clone();
    s.topology = topology("c: major\n b: major");
    s.topology.checks.get_mut("b/0").unwrap().interval = Duration::from_secs(1);
    let step = s.after(1_000).step(Input::TopologyChanged);
    assert_eq!(s.verdict("b"), &before);
    assert_eq!(s.state.verdicts().map(|v| v.service.as_str()).collect::<Vec<_>>(), ["c", "b"]);
    assert_eq!(s.state.verdict(&"a".into()), None);
    let said: Vec<_> =
        step.changes.iter().map(|c| (c.before, c.now.service.as_str(), &c.now.reason)).collect();
    assert_eq!(said, [(None, "c", &Reason::NotYetLooked)]);
    s.mend("b/0");
    assert_eq!(s.status("b"), Status::Operational);
}

#[test]
fn a_count_that_has_begun_goes_on() {
    let mut s = Scene::all_up("a: major");
    s.after(INTERVAL_MS).look("a/0", Outcome::Down);
    s.topology.checks.get_mut("a/0").unwrap().timeout = Duration::from_secs(1);
    s.step(Input::TopologyChanged);
    assert_eq!(s.after(500).look("a/0", Outcome::Down).changes[0].now.status, Status::MajorOutage);
}

#[test]
fn an_added_check_is_unknown_and_a_removed_one_counts_no_more() {
    let mut s = Scene::all_up("a: major, major");
    s.after(INTERVAL_MS).fail("a/1");
    assert_eq!(s.status("a"), Status::PartialOutage);
    s.topology = topology("a: major");
    assert_eq!(s.step(Input::TopologyChanged).changes[0].now.status, Status::Operational);
    let id = s.topology.services[0].id.clone();
    let added = check("a/new", &id, Severity::Major);
    s.topology.services[0].checks.push(added.id.clone());
    s.topology.checks.insert(added.id.clone(), added);
    assert_eq!(s.step(Input::TopologyChanged).changes[0].now.status, Status::Unknown);
    assert_eq!(s.look("a/new", Outcome::Up).changes[0].now.status, Status::Operational);
}

#[test]
fn a_new_severity_or_dependency_is_applied_at_once() {
    let mut s = Scene::all_up("a: major\n b: major");
    s.after(INTERVAL_MS).fail("a/0");
    s.topology = topology("a: partial\n b: major < a");
    s.step(Input::TopologyChanged);
    assert_eq!((s.status("a"), s.status("b")), (Status::PartialOutage, Status::PartialOutage));
}

#[test]
fn a_new_topology_may_be_the_very_first_input() {
    let first = topology("a: major\n b: major");
    let second = topology("b: major\n c:");
    let mut state = State::new(&first);
    let done = step(&mut state, &second, Input::TopologyChanged, Scene::of(second.clone()).now);
    let said: Vec<_> = done.changes.iter().map(|c| (c.before, c.now.service.as_str())).collect();
    assert_eq!(said, [(None, "b"), (None, "c")]);
}

#[test]
fn who_asks_before_the_first_step_is_told_of_an_unknown_since_the_beginning_and_it_is_announced_all_the_same()
{
    let topology = topology("a: major");
    let now = Scene::of(topology.clone()).now;
    let mut state = State::new(&topology);
    state.begin(now);
    let verdict = state.verdict(&"a".into()).unwrap().clone();
    assert_eq!(
        (verdict.status, verdict.since, verdict.checks[0].since),
        (Status::Unknown, now.wall, now.wall)
    );
    let done = step(&mut state, &topology, Input::Tick, now);
    assert_eq!(done.changes.iter().map(|c| (c.before, &c.now)).collect::<Vec<_>>(), [(None, &verdict)]);
}
