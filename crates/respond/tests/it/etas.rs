//! Estimates are taken down as they were shown, and said to have passed when they have.

use crate::room::{Room, mins, secs};
use stillhere_model::*;
use stillhere_respond::{ETAS_MAX, Input};

fn computed(r: &Room, minutes: u64) -> Eta {
    Eta {
        shown_at: r.now.wall,
        by: Some(r.now.wall.plus(mins(minutes))),
        half: None,
        basis: Basis::Record { own: 9, alike: 3, others: false },
        passed_at: None,
    }
}

fn show(r: &mut Room, eta: Eta) {
    let incident = r.only().id;
    r.input(Input::Estimated { incident, eta, why: "enough is known".to_owned() });
}

fn by_hand(r: &mut Room, by: Option<Time>) -> Result<Accepted, Refusal> {
    let incident = r.only().id;
    r.command(Command::EstimateIncident { incident, by })
}

#[test]
fn case_l_a_time_that_passes_unmet_is_said_to_have_passed_within_a_second_once_and_stays_on_record() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    let eta = computed(&r, 10);
    let by = eta.by.unwrap();
    show(&mut r, eta);
    r.tick_for(mins(10));
    assert_eq!(r.only().etas[0].passed_at, None, "not before it has passed");
    r.tick_for(secs(90));
    assert!(r.only().etas[0].passed_at.is_some_and(|at| at > by && at <= by.plus(secs(1))));
    let said = r.journal.iter().filter(|e| matches!(e, Entry::EtaPassed { by: b, .. } if *b == by)).count();
    assert_eq!(said, 1);
    assert_eq!(r.only().etas[0].held(None, r.now.wall), Some(false));
    // The next one stands beside it.
    let eta = computed(&r, 30);
    show(&mut r, eta);
    assert_eq!(r.only().etas.len(), 2);
    assert!(r.only().etas[0].passed_at.is_some());
}

#[test]
fn case_l_what_was_over_in_time_is_not_said_to_have_passed_while_it_is_verified() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    let eta = computed(&r, 10);
    show(&mut r, eta);
    r.tick_for(mins(10) - secs(10));
    r.up(&["a"]);
    r.tick_for(mins(2));
    let i = r.only();
    assert_eq!(i.status, IncidentStatus::Resolved);
    assert_eq!(i.etas[0].passed_at, None);
    assert_eq!(i.etas[0].held(i.resolved_at, r.now.wall), Some(true));
}

#[test]
fn case_l_what_a_person_opened_and_left_open_is_said_to_have_passed_though_all_looks_good() {
    let mut r = Room::new(&["a"]);
    r.command(Command::OpenIncident {
        title: Text::from("Slow"),
        text: Text::from("We look into it."),
        status: IncidentStatus::Investigating,
        impact: None,
        services: vec![(ServiceId::new("a"), Status::PartialOutage)],
        started_at: None,
        next_update_by: None,
    })
    .unwrap();
    let by = r.now.wall.plus(mins(20));
    by_hand(&mut r, Some(by)).unwrap();
    let incident = r.only().id;
    r.command(Command::UpdateIncident {
        incident,
        text: Text::from("It looks good."),
        status: Some(IncidentStatus::Monitoring),
        title: None,
        services: vec![(ServiceId::new("a"), Status::Operational)],
        next_update_by: None,
    })
    .unwrap();
    r.tick_for(mins(21));
    assert!(r.only().etas[0].passed_at.is_some_and(|at| at > by));
}

#[test]
fn a_persons_time_goes_before_a_computed_one_until_it_has_passed() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    let by = r.now.wall.plus(mins(20));
    by_hand(&mut r, Some(by)).unwrap();
    let eta = computed(&r, 60);
    show(&mut r, eta);
    assert_eq!(r.only().etas.len(), 1);
    assert_eq!(r.only().etas[0].basis, Basis::Person { name: "kim".to_owned() });
    r.tick_for(mins(21));
    let eta = computed(&r, 60);
    show(&mut r, eta);
    assert!(r.only().eta().is_some_and(Eta::is_computed));
    // And back: a person says that no time can be given.
    by_hand(&mut r, None).unwrap();
    assert_eq!(r.only().eta(), None);
    let eta = computed(&r, 60);
    show(&mut r, eta);
    assert_eq!(r.only().etas.len(), 3, "nothing is computed against a person's word");
}

#[test]
fn a_time_in_the_past_or_too_far_ahead_is_refused_and_so_are_more_than_can_be_read() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    let now = r.now.wall;
    assert!(by_hand(&mut r, Some(now)).is_err());
    assert!(by_hand(&mut r, Some(now.plus(mins(60 * 24 * 31)))).is_err());
    for n in 0..ETAS_MAX as u64 {
        by_hand(&mut r, Some(now.plus(mins(1 + n)))).unwrap();
    }
    assert!(by_hand(&mut r, Some(now.plus(mins(5)))).is_err());
    r.up(&["a"]);
    r.tick_for(mins(2));
    let by = r.now.wall.plus(mins(5));
    let over = by_hand(&mut r, Some(by));
    assert_eq!(over, Err(Refusal::AlreadyResolved));
}

#[test]
fn case_h_an_estimate_survives_a_restart_and_is_not_said_to_have_passed_twice() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    let eta = computed(&r, 10);
    show(&mut r, eta.clone());
    r.restart(mins(3));
    assert_eq!(r.only().etas, [eta]);
    r.restart(mins(30));
    r.restart(mins(1));
    let said = r.journal.iter().filter(|e| matches!(e, Entry::EtaPassed { .. })).count();
    assert_eq!(said, 1);
}
