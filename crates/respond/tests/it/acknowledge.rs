//! Who has taken an incident on, and who is called while nobody has.

use crate::room::{Room, mins, secs};
use stillhere_model::*;

fn take_on(r: &mut Room, by: &str) -> Result<Accepted, Refusal> {
    let incident = r.only().id;
    let command = Command::AcknowledgeIncident { incident };
    r.input(stillhere_respond::Input::Command { by: by.to_owned(), command }).outcome.expect("an outcome")
}

fn calls(r: &Room) -> usize {
    r.to_staff().iter().filter(|a| matches!(a.occasion, Occasion::Unacknowledged { .. })).count()
}

fn person(name: &str) -> Author {
    Author::Person(name.to_owned())
}

#[test]
fn staff_are_called_again_until_somebody_has_it_each_time_after_twice_the_wait() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    r.tick_for(mins(5) - secs(1));
    assert_eq!(calls(&r), 0);
    r.tick_for(secs(2));
    assert_eq!(calls(&r), 1, "after five minutes");
    r.tick_for(mins(10));
    assert_eq!(calls(&r), 2, "after fifteen");
    take_on(&mut r, "kim").expect("accepted");
    assert_eq!(r.only().acknowledged().map(|a| &a.by), Some(&person("kim")));
    let told = r.to_staff().iter().filter(|a| matches!(a.occasion, Occasion::Acknowledged { .. })).count();
    assert_eq!(told, 1, "the others can go back to sleep");
    r.tick_for(mins(120));
    assert_eq!(calls(&r), 2);
}

#[test]
fn nobody_there_for_a_week_is_no_storm() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    for _ in 0..7 * 24 * 12 {
        r.pass(mins(5));
        r.input(stillhere_respond::Input::Tick);
    }
    assert_eq!(calls(&r), stillhere_respond::CALLS_MAX as usize);
}

#[test]
fn taking_it_on_is_a_fact_in_the_journal_from_which_the_time_follows() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    r.pass(secs(90));
    take_on(&mut r, "kim").expect("accepted");
    let i = r.only();
    assert_eq!(i.acknowledgements[0].at.since(i.opened_at), secs(90));
    let entry = Entry::Acknowledged { incident: i.id, acknowledgement: i.acknowledgements[0].clone() };
    assert!(r.journal.contains(&entry));
}

#[test]
fn pressing_twice_changes_nothing_and_a_colleague_may_take_over() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    take_on(&mut r, "kim").expect("accepted");
    let before = (r.only().clone(), r.journal.len());
    r.pass(secs(5));
    take_on(&mut r, "kim").expect("still hers");
    assert_eq!((r.only().clone(), r.journal.len()), before);
    take_on(&mut r, "lee").expect("accepted");
    assert_eq!(r.only().acknowledged().map(|a| &a.by), Some(&person("lee")));
    assert_eq!(r.only().acknowledgements.len(), 2, "that kim had it first stays");
}

#[test]
fn whoever_says_something_has_it_too() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    let command = Command::UpdateIncident {
        incident: r.only().id,
        text: "we look".into(),
        status: None,
        title: None,
        services: Vec::new(),
        next_update_by: None,
    };
    r.command(command).expect("accepted");
    assert_eq!(r.only().acknowledged().map(|a| &a.by), Some(&person("kim")));
    r.tick_for(mins(10));
    assert_eq!(calls(&r), 0);
}

#[test]
fn one_that_was_opened_again_needs_somebody_anew() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    take_on(&mut r, "kim").expect("accepted");
    r.up(&["a"]);
    r.tick_for(secs(40));
    assert!(!r.only().status.is_open());
    r.down(&["a"]);
    assert_eq!(r.only().reopened, 1);
    assert_eq!(r.only().acknowledged(), None);
    r.tick_for(mins(6));
    assert_eq!(calls(&r), 1);
}

#[test]
fn what_is_over_cannot_be_taken_on() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    r.up(&["a"]);
    r.tick_for(secs(40));
    assert_eq!(take_on(&mut r, "kim"), Err(Refusal::AlreadyResolved));
}

#[test]
fn who_has_it_and_how_often_it_was_called_outlive_the_process() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    r.tick_for(mins(6));
    assert_eq!(calls(&r), 1);
    r.restart(secs(5));
    r.tick_for(mins(3));
    assert_eq!(calls(&r), 1, "no second call for the same wait");
    take_on(&mut r, "kim").expect("accepted");
    r.restart(secs(5));
    r.tick_for(mins(30));
    assert_eq!(calls(&r), 1);
}

#[test]
fn it_may_be_switched_off() {
    let mut r = Room::new(&["a"]);
    r.policy.first_word = None;
    r.down(&["a"]);
    r.tick_for(mins(60));
    assert_eq!(calls(&r), 0);
}
