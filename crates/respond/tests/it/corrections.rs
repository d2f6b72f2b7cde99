//! Case k: the record is corrected, visibly.

use crate::room::{Room, id, mins, secs};
use stillhere_model::*;
use stillhere_respond::Input;

fn correct(incident: IncidentId, start: Option<Time>, end: Option<Time>) -> Command {
    Command::CorrectIncident {
        incident,
        started_at: start,
        resolved_at: end,
        update: None,
        note: Some("from the logs".into()),
    }
}

/// Down for ten minutes, resolved; `b` joined after five.
fn past() -> (Room, Incident) {
    let mut r = Room::new(&["a", "b: a"]);
    r.down(&["a"]);
    r.tick_for(mins(5));
    r.see(&[("b", Status::PartialOutage)]);
    r.tick_for(mins(5));
    r.up(&["a", "b"]);
    r.tick_for(secs(40));
    let i = r.only().clone();
    assert_eq!(i.status, IncidentStatus::Resolved);
    (r, i)
}

fn seconds(amendments: &[Amendment], service: &str, status: Status) -> i64 {
    let of = amendments.iter().filter(|a| a.service == id(service) && a.status == status);
    of.map(|a| (a.until.0 - a.from.0) / 1000).sum()
}

#[test]
fn case_k_a_start_corrected_to_earlier_changes_bars_uptime_and_duration_and_is_visible() {
    let (mut r, before) = past();
    let to = before.started_at.minus(mins(7));
    r.command(correct(before.id, Some(to), None)).expect("accepted");
    let i = r.only();
    assert_eq!(i.started_at, to);
    assert_eq!(seconds(&r.amendments, "a", Status::MajorOutage), 7 * 60);
    assert_eq!(seconds(&r.amendments, "b", Status::PartialOutage), 0, "it came in later");
    assert_eq!(i.affected[0].since, to);
    let Said::StartCorrected { from, to: said, note } = &i.updates.last().expect("said").said else {
        panic!()
    };
    assert_eq!((*from, *said, note.is_some()), (before.started_at, to, true));
    assert_eq!(i.updates[..before.updates.len()], before.updates[..], "the old words stay");
    let public = r.to_public();
    assert!(matches!(public.last().expect("told").occasion, Occasion::IncidentUpdated { .. }));
    assert!(r.journal.iter().any(|e| matches!(e, Entry::Amended { .. })));
}

#[test]
fn case_k_a_start_corrected_to_later_and_back_leaves_the_sum_where_it_was() {
    let (mut r, before) = past();
    let to = before.started_at.plus(mins(2));
    r.command(correct(before.id, Some(to), None)).expect("accepted");
    assert_eq!(seconds(&r.amendments, "a", Status::Operational), 120);
    assert_eq!(r.only().affected[0].since, to);
    r.command(correct(before.id, Some(before.started_at), None)).expect("accepted");
    assert_eq!(seconds(&r.amendments, "a", Status::MajorOutage), 120);
    assert_eq!(r.only().affected, before.affected);
}

#[test]
fn case_k_an_end_corrected_moves_those_that_were_in_it_to_the_end() {
    let (mut r, before) = past();
    let end = before.resolved_at.expect("resolved");
    r.pass(mins(30));
    r.command(correct(before.id, None, Some(end.plus(mins(3))))).expect("accepted");
    assert_eq!(seconds(&r.amendments, "a", Status::MajorOutage), 180);
    assert_eq!(seconds(&r.amendments, "b", Status::PartialOutage), 180);
    r.command(correct(before.id, None, Some(end.minus(mins(8))))).expect("accepted");
    assert_eq!(seconds(&r.amendments, "a", Status::Operational), 11 * 60);
    let b = &r.only().affected[1];
    assert!(b.since <= b.until.expect("over"), "no negative durations: {b:?}");
    assert_eq!(r.only().resolved_at, Some(end.minus(mins(8))));
}

#[test]
fn case_k_words_are_corrected_beside_the_old_ones_and_again_from_the_corrected_ones() {
    let mut r = Room::new(&["a"]);
    let i = r.opened(crate::commands::open_by_hand(&[]));
    let update = r.only().updates[0].id;
    let words = |t: &str| Command::CorrectIncident {
        incident: i,
        started_at: None,
        resolved_at: None,
        update: Some((update, t.into())),
        note: None,
    };
    r.command(words("first")).expect("accepted");
    r.command(words("second")).expect("accepted");
    assert_eq!(r.only().updates[0].said, Said::Text { text: "We are looking into it.".into() });
    let wanted = Said::TextCorrected { update, from: "first".into(), to: "second".into() };
    assert_eq!(r.only().updates.last().expect("said").said, wanted);
    assert!(r.command(words("second")).is_err(), "changes nothing");
}

#[test]
fn corrections_that_make_no_sense_are_refused() {
    let (mut r, i) = past();
    let (start, end) = (i.started_at, i.resolved_at.expect("resolved"));
    let ghost = UpdateId(r.mint.uuid(r.now.wall));
    let words = |update: UpdateId| Command::CorrectIncident {
        incident: i.id,
        started_at: None,
        resolved_at: None,
        update: Some((update, "x".into())),
        note: None,
    };
    let table = [
        ("future", correct(i.id, Some(r.now.wall.plus(secs(1))), None)),
        ("future", correct(i.id, None, Some(r.now.wall.plus(secs(1))))),
        ("before the start", correct(i.id, Some(end.plus(secs(1))), None)),
        ("before the start", correct(i.id, None, Some(start.minus(secs(1))))),
        ("changes nothing", correct(i.id, Some(start), Some(end))),
        ("changes nothing", correct(i.id, None, None)),
        ("no update", words(ghost)),
        ("only a person's words", words(i.updates[0].id)),
    ];
    for (wanted, command) in table {
        let refused = r.command(command.clone()).expect_err(wanted).to_string();
        assert!(refused.contains(wanted), "{command:?}: {refused}");
    }
    r.pass(mins(30));
    r.down(&["a"]);
    let open = r.open()[0].id;
    assert_eq!(r.command(correct(open, None, Some(r.now.wall))), Err(Refusal::StillOpen));
}

#[test]
fn an_old_incident_is_corrected_after_it_was_taken_in_from_the_store() {
    let (mut r, i) = past();
    r.state = stillhere_respond::State::new(&r.topology);
    let c = correct(i.id, Some(i.started_at.minus(mins(1))), None);
    assert_eq!(r.command(c.clone()), Err(Refusal::NoSuchIncident { id: i.id }));
    r.state.remember(i.clone());
    r.command(c).expect("accepted");
    assert_eq!(r.only().started_at, i.started_at.minus(mins(1)));
    // It is known, not alive: it is not reopened.
    r.input(Input::Tick);
    r.down(&["a"]);
    assert_eq!(r.incidents.len(), 2);
}
