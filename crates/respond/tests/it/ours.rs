//! What staff hear about Stillhere itself.

use crate::room::{Room, mins, secs};
use stillhere_model::*;
use stillhere_respond::Input;

#[test]
fn case_i_our_own_uplink_cut_is_one_alert_about_ourselves_and_blames_nobody() {
    let mut r = Room::new(&["a", "b", "c"]);
    r.input(Input::Uplink { up: true });
    r.input(Input::Uplink { up: false });
    r.see(&[("a", Status::Unknown), ("b", Status::Unknown), ("c", Status::Unknown)]);
    r.input(Input::Uplink { up: false });
    r.tick_for(mins(5));
    assert!(r.incidents.is_empty());
    assert_eq!(r.announced.len(), 1);
    assert!(matches!(r.announced[0].occasion, Occasion::UplinkLost { .. }));
    assert_eq!(r.announced[0].audience, Audience::Staff);
    r.input(Input::Uplink { up: true });
    r.up(&["a", "b", "c"]);
    assert_eq!(r.announced.len(), 2);
    assert!(matches!(r.announced[1].occasion, Occasion::UplinkBack { .. }));
}

#[test]
fn a_certificate_is_told_once_per_threshold_also_across_a_restart_and_again_after_renewal() {
    let mut r = Room::new(&["a"]);
    let check = CheckId::new("a/tls");
    let days = |r: &mut Room, range: Vec<u32>| {
        for days in range {
            for _ in 0..3 {
                r.input(Input::Certificate { check: check.clone(), days });
            }
        }
    };
    days(&mut r, (15..40).rev().collect());
    r.restart(secs(5));
    days(&mut r, (0..15).rev().collect());
    let told = |r: &Room| -> Vec<u32> {
        let days = |o: &Occasion| match o {
            Occasion::CertificateEnding { days, .. } => Some(*days),
            _ => None,
        };
        r.announced.iter().filter_map(|a| days(&a.occasion)).collect()
    };
    assert_eq!(told(&r), [21, 14, 7]);
    days(&mut r, vec![90, 20]);
    assert_eq!(told(&r), [21, 14, 7, 21]);
    // Found late, it is one message, not three.
    let mut r = Room::new(&["a"]);
    days(&mut r, vec![3]);
    assert_eq!(told(&r), [7]);
}

#[test]
fn falling_behind_and_a_jumping_clock_are_not_told_all_the_time() {
    let mut r = Room::new(&["a"]);
    for n in 0..120 {
        r.input(Input::FellBehind { looks: 5 });
        r.input(Input::ClockJumped { by_ms: if n % 2 == 0 { 3_600_000 } else { -3_600_000 } });
        r.tick_for(secs(60));
    }
    let behind = r.announced.iter().filter(|a| matches!(a.occasion, Occasion::FallingBehind { .. })).count();
    let jumps = r.announced.len() - behind;
    assert_eq!((behind, jumps), (2, 4));
    let journalled = r.journal.iter().filter(|e| matches!(e, Entry::ClockJumped { .. })).count();
    assert_eq!(journalled, 120, "the journal has them all");
}
