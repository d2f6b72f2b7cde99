//! What persons ask for, and what they are refused.

use crate::room::{Room, T0, id, kind, mins, secs};
use stillhere_model::*;
use stillhere_respond::{Effect, TEXT_MAX, TITLE_MAX};

pub fn open_by_hand(services: &[(&str, Status)]) -> Command {
    Command::OpenIncident {
        title: "Orders are late".into(),
        text: "We are looking into it.".into(),
        status: IncidentStatus::Investigating,
        impact: None,
        services: services.iter().map(|(s, st)| (id(s), *st)).collect(),
        started_at: None,
        next_update_by: None,
    }
}

fn update(incident: IncidentId, services: &[(&str, Status)], status: Option<IncidentStatus>) -> Command {
    Command::UpdateIncident {
        incident,
        text: "More words.".into(),
        status,
        title: None,
        services: services.iter().map(|(s, st)| (id(s), *st)).collect(),
        next_update_by: None,
    }
}

#[test]
fn case_g_opened_by_hand_it_declares_its_services_and_is_told_once_to_each_audience() {
    let mut r = Room::new(&["a", "b"]);
    let i = r.opened(open_by_hand(&[("a", Status::MajorOutage), ("b", Status::DegradedPerformance)]));
    assert_eq!(r.only().impact, Impact::Critical);
    assert!(r.only().by_hand && r.only().open_promise().is_some());
    assert!(r.effects.contains(&Effect::Declare {
        incident: i,
        services: vec![(id("a"), Some(Status::MajorOutage)), (id("b"), Some(Status::DegradedPerformance))],
    }));
    assert_eq!((r.to_public().len(), r.to_staff().len()), (1, 1));
    assert_eq!(r.to_public()[0].not_before, r.now.wall);
    // What the judge then says of them opens nothing more.
    let declared = |s: &str, status| {
        let mut v = crate::room::verdict(s, status, r.now.wall);
        v.reason = Reason::Declared { incident: i };
        VerdictChange { before: Some(Status::Operational), now: v }
    };
    let changes = [declared("a", Status::MajorOutage), declared("b", Status::DegradedPerformance)];
    r.input(stillhere_respond::Input::Verdicts(&changes));
    assert_eq!(r.said(i), ["text"]);
}

#[test]
fn one_about_no_service_at_all_is_public() {
    let mut r = Room::new(&["a"]);
    r.opened(open_by_hand(&[]));
    assert_eq!(r.to_public().len(), 1);
    assert_eq!(r.only().impact, Impact::None);
}

#[test]
fn one_opened_by_hand_ends_by_hand_and_takes_its_declarations_back() {
    let mut r = Room::new(&["a"]);
    let i = r.opened(open_by_hand(&[("a", Status::MajorOutage)]));
    r.pass(mins(2));
    r.command(update(i, &[("a", Status::Operational)], Some(IncidentStatus::Monitoring))).expect("accepted");
    assert!(r.effects.contains(&Effect::Declare { incident: i, services: vec![(id("a"), None)] }));
    r.tick_for(mins(10));
    assert!(r.only().status.is_open());
    r.command(Command::ResolveIncident { incident: i, text: None }).expect("accepted");
    assert_eq!(r.only().status, IncidentStatus::Resolved);
    assert_eq!(r.only().resolved_at, Some(T0.plus(mins(2))), "dated to what was said of its service");
    assert!(r.only().promises.iter().all(|p| p.kept_at.is_some()));
    assert_eq!(r.command(update(i, &[], None)), Err(Refusal::AlreadyResolved));
}

#[test]
fn dependants_of_a_declared_outage_join_it() {
    let mut r = Room::new(&["host", "a: host"]);
    r.opened(open_by_hand(&[("host", Status::MajorOutage)]));
    r.down(&["a"]);
    assert!(r.only().affects(&id("a")));
}

#[test]
fn an_update_may_resolve_and_hindsight_comes_after() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    let i = r.only().id;
    r.pass(mins(1));
    r.up(&["a"]);
    r.pass(secs(5));
    r.command(update(i, &[], Some(IncidentStatus::Resolved))).expect("accepted");
    assert_eq!(r.only().resolved_at, Some(r.verdicts[&id("a")].since));
    r.pass(mins(60));
    r.command(update(i, &[], Some(IncidentStatus::Postmortem))).expect("accepted");
    assert_eq!(r.only().status, IncidentStatus::Postmortem);
    assert!(r.open().is_empty());
}

#[test]
fn a_person_may_call_it_over_while_the_checks_still_see_it_and_is_not_overruled_at_once() {
    let mut r = Room::new(&["a"]);
    r.see(&[("a", Status::DegradedPerformance)]);
    let i = r.only().id;
    r.command(Command::ResolveIncident { incident: i, text: None }).expect("accepted");
    r.tick_for(mins(1));
    assert!(r.open().is_empty());
    r.down(&["a"]);
    assert_eq!(r.open().len(), 1, "worse than what was dismissed");
}

#[test]
fn what_was_called_over_and_fails_again_is_opened_again_once_with_all_that_it_had() {
    let mut r = Room::new(&["a", "x"]);
    r.see(&[("x", Status::DegradedPerformance)]);
    let i = r.only().id;
    r.command(update(i, &[("a", Status::DegradedPerformance)], None)).expect("accepted");
    r.command(Command::ResolveIncident { incident: i, text: None }).expect("accepted");
    r.see(&[("x", Status::PartialOutage), ("a", Status::PartialOutage)]);
    assert_eq!(r.only().id, i, "both were in it: it is one incident, not two");
    assert!(r.only().affected.iter().all(|a| a.until.is_none()));
}

#[test]
fn a_service_that_fails_as_it_was_declared_is_stored_as_it_is_held() {
    let mut r = Room::new(&["a", "c"]);
    r.see(&[("a", Status::DegradedPerformance)]);
    let i = r.only().id;
    r.command(update(i, &[("c", Status::PartialOutage)], None)).expect("accepted");
    r.command(Command::ResolveIncident { incident: i, text: None }).expect("accepted");
    r.see(&[("a", Status::PartialOutage)]);
    r.see(&[("c", Status::PartialOutage)]);
    assert_eq!(r.open(), r.state.open().collect::<Vec<_>>());
    assert!(r.only().affected.iter().all(|a| a.until.is_none()), "{:?}", r.only().affected);
}

#[test]
fn refusals_say_what_is_wrong_and_change_nothing() {
    let mut r = Room::new(&["a", "b"]);
    r.down(&["a"]);
    let open = r.only().id;
    let ghost = IncidentId(r.mint.uuid(r.now.wall));
    let with = |f: &dyn Fn(&mut Command)| {
        let mut c = open_by_hand(&[]);
        f(&mut c);
        c
    };
    macro_rules! set {
        ($field:ident, $value:expr) => {
            with(&|c| {
                if let Command::OpenIncident { $field, .. } = c {
                    *$field = $value;
                }
            })
        };
    }
    let now = r.now.wall;
    let table: Vec<(&str, Command)> = vec![
        ("services: \"a\" is already in the open incident", open_by_hand(&[("a", Status::MajorOutage)])),
        ("there is no service \"zz\"", open_by_hand(&[("zz", Status::MajorOutage)])),
        ("named twice", open_by_hand(&[("b", Status::MajorOutage), ("b", Status::MajorOutage)])),
        ("cannot be declared unknown", open_by_hand(&[("b", Status::Unknown)])),
        ("title: is empty", set!(title, " \n".into())),
        ("title: is longer than 200", set!(title, "x".repeat(TITLE_MAX + 1).into())),
        ("text: is longer than 10000", set!(text, "x".repeat(TEXT_MAX + 1).into())),
        ("text: is longer than 10000", set!(text, "x".repeat(10_000_000).into())),
        ("status: an incident opens as", set!(status, IncidentStatus::Resolved)),
        ("started_at: is in the future", set!(started_at, Some(now.plus(secs(1))))),
        ("started_at: is more than 400 days ago", set!(started_at, Some(Time(0)))),
        ("next_update_by: is not in the future", set!(next_update_by, Some(now))),
        ("next_update_by: is more than 30 days", set!(next_update_by, Some(now.plus(mins(60 * 24 * 31))))),
        ("there is no incident", update(ghost, &[], None)),
        ("there is no incident", Command::ResolveIncident { incident: ghost, text: None }),
        ("nobody can declare it better", update(open, &[("a", Status::Operational)], None)),
        ("still open", update(open, &[], Some(IncidentStatus::Postmortem))),
    ];
    for (wanted, command) in table {
        let refused = r.command(command.clone()).expect_err(wanted).to_string();
        assert!(refused.contains(wanted), "{command:?}: {refused}");
    }
    assert_eq!(r.incidents.len(), 1);
}

#[test]
fn updates_by_hand_are_bounded() {
    let mut r = Room::new(&["a"]);
    r.down(&["a"]);
    let i = r.only().id;
    for _ in 0..200 {
        r.command(update(i, &[], None)).expect("accepted");
    }
    assert!(r.command(update(i, &[], None)).is_err());
    r.command(Command::ResolveIncident { incident: i, text: None }).expect("it can always be ended");
}

#[test]
fn a_backdated_opening_amends_the_record() {
    let mut r = Room::new(&["a"]);
    let from = r.now.wall.minus(mins(30));
    let mut c = open_by_hand(&[("a", Status::PartialOutage)]);
    if let Command::OpenIncident { started_at, .. } = &mut c {
        *started_at = Some(from);
    }
    let incident = r.opened(c);
    let (until, made_at) = (r.now.wall, r.now.wall);
    let wanted =
        Amendment { service: id("a"), from, until, status: Status::PartialOutage, incident, made_at };
    assert_eq!(r.amendments, [wanted]);
    assert_eq!(r.only().started_at, from);
    assert_eq!(kind(&r.only().updates[0].said), "text");
}

#[test]
fn case_t_what_is_stored_and_journalled_has_no_invisible_characters() {
    let mut r = Room::new(&["a"]);
    let mut c = open_by_hand(&[]);
    if let Command::OpenIncident { text, title, .. } = &mut c {
        *text = "<b>\u{202E}evil\u{0}</b>".into();
        *title = "x\r\nBcc: y".into();
    }
    r.opened(c);
    let all = serde_json::to_string(&(r.only(), &r.journal)).expect("JSON");
    assert!(!all.contains('\u{202E}') && !all.contains("\\u0000") && !all.contains("\\r"));
    assert!(all.contains("<b>evil</b>"), "{all}");
}
