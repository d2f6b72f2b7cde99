//! Planned work begins and ends by itself, and never masks an outage.

use crate::room::{Room, id, mins, secs};
use std::time::Duration;
use stillhere_model::*;
use stillhere_respond::Effect;

fn window(r: &Room, from: u64, to: u64, key: Option<&str>) -> Command {
    Command::ScheduleMaintenance {
        title: "New disks".into(),
        body: Some("We put in new disks.".into()),
        services: vec![id("a")],
        starts_at: r.now.wall.plus(mins(from)),
        ends_at: r.now.wall.plus(mins(to)),
        expect: Status::MajorOutage,
        from_file: key.map(str::to_owned),
    }
}

fn scheduled(r: &mut Room, c: Command) -> MaintenanceId {
    match r.command(c) {
        Ok(Accepted::Maintenance(id)) => id,
        other => panic!("{other:?}"),
    }
}

fn told(r: &Room) -> Vec<String> {
    let name =
        |o: &Occasion| serde_json::to_value(o).expect("JSON")["occasion"].as_str().expect("str").to_owned();
    r.to_public().iter().map(|a| name(&a.occasion)).collect()
}

fn active(r: &Room) -> Vec<bool> {
    let active = |e: &Effect| match e {
        Effect::MaintenanceActive { active, .. } => Some(*active),
        _ => None,
    };
    r.effects.iter().filter_map(active).collect()
}

#[test]
fn it_runs_by_the_clock_and_each_occasion_is_told_once() {
    let mut r = Room::new(&["a"]);
    r.up(&["a"]);
    let command = window(&r, 10, 20, None);
    let m = scheduled(&mut r, command);
    r.tick_for(mins(9));
    assert_eq!(r.maintenances[&m].status, MaintenanceStatus::Scheduled);
    r.tick_for(mins(2));
    assert_eq!(r.maintenances[&m].status, MaintenanceStatus::InProgress);
    assert_eq!(active(&r), [true]);
    r.tick_for(mins(9));
    assert_eq!(r.maintenances[&m].status, MaintenanceStatus::Verifying);
    assert_eq!(active(&r), [true, false], "over is over: from now on nothing is planned");
    r.tick_for(mins(1));
    assert_eq!(r.maintenances[&m].status, MaintenanceStatus::Completed);
    assert_eq!(told(&r), ["maintenance_scheduled", "maintenance_started", "maintenance_completed"]);
}

#[test]
fn case_e_what_still_fails_when_it_should_be_over_is_an_incident() {
    let mut r = Room::new(&["a"]);
    let command = window(&r, 0, 10, None);
    let m = scheduled(&mut r, command);
    r.see(&[("a", Status::UnderMaintenance)]);
    r.tick_for(mins(10));
    r.down(&["a"]);
    r.tick_for(mins(30));
    assert_eq!(r.open().len(), 1);
    assert_eq!(r.maintenances[&m].status, MaintenanceStatus::Verifying);
    r.tick_for(mins(31));
    assert_eq!(r.maintenances[&m].status, MaintenanceStatus::Completed, "the rest is the incident's");
}

#[test]
fn a_window_from_the_file_is_known_by_its_key() {
    let mut r = Room::new(&["a"]);
    let c = window(&r, 10, 20, Some("disks"));
    let m = scheduled(&mut r, c.clone());
    assert_eq!(scheduled(&mut r, c.clone()), m);
    assert_eq!(told(&r).len(), 1, "reading the file again says nothing");
    let later = window(&r, 15, 25, Some("disks"));
    assert_eq!(scheduled(&mut r, later.clone()), m);
    assert_eq!(told(&r), ["maintenance_scheduled", "maintenance_updated"]);
    r.up(&["a"]);
    r.tick_for(mins(27));
    assert_eq!(r.maintenances[&m].status, MaintenanceStatus::Completed);
    assert_eq!(scheduled(&mut r, later), m, "done is not begun again");
    assert_eq!(r.maintenances.len(), 1);
    r.restart(secs(30));
    assert_eq!(r.maintenances[&m].status, MaintenanceStatus::Completed);
}

#[test]
fn a_window_that_passed_while_we_were_off_is_completed_and_not_begun() {
    let mut r = Room::new(&["a"]);
    let command = window(&r, 10, 20, None);
    let m = scheduled(&mut r, command);
    r.restart(mins(60));
    assert_eq!(r.maintenances[&m].status, MaintenanceStatus::Completed);
    assert!(active(&r).is_empty());
}

#[test]
fn persons_may_prolong_end_and_cancel_it() {
    let mut r = Room::new(&["a"]);
    r.up(&["a"]);
    let command = window(&r, 0, 10, None);
    let m = scheduled(&mut r, command);
    let prolong = |r: &Room, by: Duration| Command::UpdateMaintenance {
        maintenance: m,
        text: "longer".into(),
        ends_at: Some(r.now.wall.plus(by)),
    };
    r.tick_for(mins(10) + secs(5));
    assert_eq!(r.maintenances[&m].status, MaintenanceStatus::Verifying);
    let command = prolong(&r, mins(10));
    r.command(command).expect("accepted");
    assert_eq!(r.maintenances[&m].status, MaintenanceStatus::InProgress);
    assert_eq!(active(&r), [true, false, true]);
    r.command(Command::CompleteMaintenance { maintenance: m, text: Some("done".into()) }).expect("accepted");
    assert_eq!(active(&r), [true, false, true, false]);
    let command = prolong(&r, mins(1));
    assert!(matches!(r.command(command), Err(Refusal::MaintenanceOver { .. })));

    let command = window(&r, 10, 20, None);
    let n = scheduled(&mut r, command);
    assert!(r.command(Command::CompleteMaintenance { maintenance: n, text: None }).is_err());
    r.command(Command::CancelMaintenance { maintenance: n, text: None }).expect("accepted");
    assert_eq!(told(&r).last().expect("told"), "maintenance_cancelled");
    r.tick_for(mins(15));
    assert_eq!(r.maintenances[&n].status, MaintenanceStatus::Cancelled);
}

#[test]
fn windows_that_make_no_sense_are_refused() {
    let mut r = Room::new(&["a"]);
    let long = 60 * 24 * 31;
    let ghost = MaintenanceId(r.mint.uuid(r.now.wall));
    let mut nothing = window(&r, 1, 2, None);
    let mut stranger = window(&r, 1, 2, None);
    for (c, list) in [(&mut nothing, vec![]), (&mut stranger, vec![id("zz")])] {
        if let Command::ScheduleMaintenance { services, .. } = c {
            *services = list;
        }
    }
    let table = [
        ("not after the start", window(&r, 5, 5, None)),
        ("more than 30 days after", window(&r, 0, long, None)),
        ("more than 400 days ahead", window(&r, 14 * long, 14 * long + 1, None)),
        ("services: is empty", nothing),
        ("no service \"zz\"", stranger),
        ("no maintenance", Command::CancelMaintenance { maintenance: ghost, text: None }),
    ];
    for (wanted, command) in table {
        let refused = r.command(command).expect_err(wanted).to_string();
        assert!(refused.contains(wanted), "{refused}");
    }
    let fixed = window(&r, 0, 10, Some("disks"));
    let m = scheduled(&mut r, fixed);
    let text = Text::from("x");
    let move_it =
        Command::UpdateMaintenance { maintenance: m, text, ends_at: Some(r.now.wall.plus(mins(50))) };
    assert!(r.command(move_it).expect_err("read-only").to_string().contains("configuration file"));
}
