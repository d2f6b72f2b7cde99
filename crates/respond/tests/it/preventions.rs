//! What is done so that it does not happen again.

use crate::room::{Room, mins, secs};
use std::time::Duration;
use stillhere_model::*;

const DAY: Duration = Duration::from_secs(86_400);

fn add(r: &mut Room, incident: IncidentId, days: u32) -> Result<Accepted, Refusal> {
    let due = r.now.wall.plus(DAY * days);
    let (what, owner) = ("Alarm at 80 % of the disk".into(), "kim".to_owned());
    r.command(Command::AddPrevention { incident, what, owner, due, public: true })
}

fn change(r: &mut Room, done: Option<bool>, due: Option<Time>) -> Result<Accepted, Refusal> {
    let (incident, prevention) = (r.only().id, r.only().preventions[0].id);
    r.command(Command::ChangePrevention {
        incident,
        prevention,
        owner: None,
        due,
        public: None,
        done,
        dropped: None,
    })
}

fn reminders(r: &Room) -> usize {
    r.to_staff().iter().filter(|a| matches!(a.occasion, Occasion::PreventionOverdue { .. })).count()
}

fn over(r: &mut Room) -> IncidentId {
    r.down(&["a"]);
    r.up(&["a"]);
    r.tick_for(secs(40));
    assert!(!r.only().status.is_open());
    r.only().id
}

fn days(r: &mut Room, n: u32) {
    for _ in 0..n * 24 {
        r.pass(mins(60));
        r.input(stillhere_respond::Input::Tick);
    }
}

#[test]
fn an_item_that_nobody_does_is_called_to_mind_a_few_times_a_week_apart() {
    let mut r = Room::new(&["a"]);
    let id = over(&mut r);
    add(&mut r, id, 3).expect("accepted");
    days(&mut r, 2);
    assert_eq!(reminders(&r), 0);
    days(&mut r, 2);
    assert_eq!(reminders(&r), 1);
    days(&mut r, 7);
    assert_eq!(reminders(&r), 2);
    days(&mut r, 100);
    assert_eq!(reminders(&r), stillhere_respond::REMINDERS_MAX as usize);
    assert!(r.journal.iter().any(|e| matches!(e, Entry::PreventionChanged { .. })));
}

#[test]
fn what_is_done_is_left_in_peace_and_another_day_is_another_reminder() {
    let mut r = Room::new(&["a"]);
    let id = over(&mut r);
    add(&mut r, id, 1).expect("accepted");
    days(&mut r, 2);
    assert_eq!(reminders(&r), 1);
    let later = r.now.wall.plus(DAY * 5);
    change(&mut r, None, Some(later)).expect("accepted");
    days(&mut r, 6);
    assert_eq!(reminders(&r), 2);
    change(&mut r, Some(true), None).expect("accepted");
    days(&mut r, 30);
    assert_eq!(reminders(&r), 2);
    assert!(r.only().preventions[0].done_at.is_some());
}

#[test]
fn what_is_given_up_stays_on_the_record_is_called_to_mind_no_more_and_can_be_taken_up_again() {
    let mut r = Room::new(&["a"]);
    let id = over(&mut r);
    add(&mut r, id, 3).expect("accepted");
    let say = |r: &mut Room, done, dropped| {
        let (incident, prevention) = (r.only().id, r.only().preventions[0].id);
        let (owner, due, public) = (None, None, None);
        r.command(Command::ChangePrevention { incident, prevention, owner, due, public, done, dropped })
    };
    assert!(say(&mut r, Some(true), Some(true)).is_err(), "it cannot be both");
    assert!(r.only().preventions[0].is_open(), "and nothing came of it");
    say(&mut r, None, Some(true)).expect("accepted");
    days(&mut r, 30);
    assert_eq!(reminders(&r), 0);
    assert!(r.only().preventions[0].dropped_at.is_some(), "it stays");
    say(&mut r, None, Some(false)).expect("accepted");
    days(&mut r, 1);
    assert_eq!(reminders(&r), 1);
    say(&mut r, None, Some(true)).expect("accepted");
    say(&mut r, Some(true), None).expect("accepted");
    let item = &r.only().preventions[0];
    assert!(item.done_at.is_some() && item.dropped_at.is_none(), "the later word holds");
}

#[test]
fn an_item_outlives_the_process_and_two_hundred_later_incidents() {
    let mut r = Room::new(&["a", "b"]);
    let id = over(&mut r);
    add(&mut r, id, 30).expect("accepted");
    for _ in 0..210 {
        r.pass(mins(20));
        r.down(&["b"]);
        r.up(&["b"]);
        r.tick_for(secs(40));
    }
    assert!(r.incidents.len() > 200);
    r.restart(secs(5));
    days(&mut r, 31);
    assert_eq!(reminders(&r), 1);
}

#[test]
fn a_day_that_is_past_or_beyond_all_plans_and_a_nameless_owner_are_refused() {
    let mut r = Room::new(&["a"]);
    let id = over(&mut r);
    assert!(add(&mut r, id, 0).is_err());
    assert!(add(&mut r, id, 800).is_err());
    let due = r.now.wall.plus(DAY);
    let nameless =
        Command::AddPrevention { incident: id, what: "x".into(), owner: " ".to_owned(), due, public: false };
    assert!(r.command(nameless).is_err());
    for _ in 0..stillhere_respond::PREVENTIONS_MAX {
        add(&mut r, id, 1).expect("accepted");
    }
    assert!(add(&mut r, id, 1).is_err(), "bounded");
}

#[test]
fn a_post_mortem_with_blanks_in_it_is_not_published() {
    let mut r = Room::new(&["a"]);
    let incident = over(&mut r);
    let publish = |text: Text| Command::UpdateIncident {
        incident,
        text,
        status: Some(IncidentStatus::Postmortem),
        title: None,
        services: Vec::new(),
        next_update_by: None,
    };
    let each =
        |en: &str, zh: &str| Text::Each([(Lang::En, en.to_owned()), (Lang::ZhCn, zh.to_owned())].into());
    assert!(r.command(publish(each("Cause: [To write]", "原因：磁盘"))).is_err());
    assert!(r.command(publish(each("Cause: a disk", "原因：【待填写】"))).is_err());
    r.command(publish(each("Cause: a disk", "原因：磁盘"))).expect("accepted");
    assert_eq!(r.only().status, IncidentStatus::Postmortem);
}
