use super::*;
use stillhere_model::{PersonId, Time};

fn address(n: u32) -> Option<IpAddr> {
    Some(IpAddr::V4(n.into()))
}

fn device(n: u8) -> Device {
    Device { id: [n; 16], person: PersonId::from_bytes([1; 16]), since: Time(0) }
}

/// Tries until the gate says wait, at one moment.
fn tries(gate: &mut Gate, now_ms: i64, mut pass: impl FnMut(&mut Gate, i64) -> Result<Pass, Wait>) -> u32 {
    (0..1_000).find(|_| pass(gate, now_ms).is_err()).unwrap()
}

#[test]
fn one_account_is_guessed_at_a_hundred_times_a_day_however_many_addresses_guess() {
    let mut gate = Gate::new();
    let (mut now_ms, mut guesses) = (0, 0);
    while now_ms < 86_400_000 {
        match gate.pass(address(guesses), "kim", None, now_ms) {
            Ok(_) => guesses += 1,
            Err(Wait(wait)) => now_ms += millis(wait),
        }
    }
    assert!((90..=120).contains(&guesses), "{guesses}");
}

#[test]
fn one_address_is_slowed_down_however_many_accounts_it_guesses_at() {
    let mut gate = Gate::new();
    let mut n = 0;
    let free = tries(&mut gate, 0, |g, now| {
        n += 1;
        g.pass(address(7), &format!("name{n}"), None, now)
    });
    assert_eq!(free, ADDRESS.free);
    assert!(gate.pass(address(8), "kim", None, 0).is_ok(), "another address is not");
}

#[test]
fn an_ipv6_network_counts_as_one_address() {
    let mut gate = Gate::new();
    let mut n = 0u64;
    let free = tries(&mut gate, 0, |g, now| {
        n += 1;
        let ip: IpAddr = format!("2001:db8::{n:x}").parse().unwrap();
        g.pass(Some(ip), &format!("name{n}"), None, now)
    });
    assert_eq!(free, ADDRESS.free);
    assert_eq!(network("::ffff:192.0.2.7".parse().unwrap()), network("192.0.2.7".parse().unwrap()));
}

#[test]
fn strangers_who_guess_in_the_owners_name_cannot_keep_the_owner_out() {
    let mut gate = Gate::new();
    let owners = device(1);
    for n in 0..100_000 {
        let _ = gate.pass(address(n), "kim", None, i64::from(n));
    }
    assert!(gate.pass(address(1), "kim", None, 100_000).is_err(), "a new device waits");
    let pass = gate.pass(address(1), "kim", Some(&owners), 100_000).expect("a device that is known does not");
    gate.worked(&pass);
    assert!(
        gate.pass(address(1), "kim", None, 100_000).is_err(),
        "and that does not wash the strangers' tries away"
    );
}

/// A device that was stolen is slowed down by itself.
#[test]
fn a_known_device_has_a_budget_too() {
    let mut gate = Gate::new();
    assert_eq!(tries(&mut gate, 0, |g, now| g.pass(address(1), "kim", Some(&device(1)), now)), DEVICE.free);
    assert!(
        gate.pass(address(1), "kim", Some(&device(2)), 0).is_ok(),
        "another device of theirs is not concerned"
    );
    assert!(gate.pass(address(1), "kim", None, 0).is_ok());
}

#[test]
fn coming_in_as_oneself_does_not_wash_away_what_was_tried_as_others() {
    let mut gate = Gate::new();
    let mut guesses = 0;
    for n in 0..200 {
        match gate.pass(address(7), &format!("name{n}"), None, 0) {
            Ok(_) => guesses += 1,
            Err(_) => break,
        }
        if let Ok(own) = gate.pass(address(7), "mallory", None, 0) {
            gate.worked(&own);
        }
    }
    assert_eq!(guesses, ADDRESS.free);
}

#[test]
fn waits_grow_are_bounded_and_are_forgotten() {
    let waits: Vec<u64> = (4..16).map(|n| ACCOUNT.after(n).as_secs()).collect();
    assert_eq!(waits, [0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    assert_eq!(ACCOUNT.after(u32::MAX).as_secs(), 900);
    let mut gate = Gate::new();
    let mut n = 0;
    tries(&mut gate, 0, |g, now| {
        n += 1;
        g.pass(address(n), "kim", None, now)
    });
    let later = millis(ACCOUNT.forget) + 1;
    n = 0;
    let again = tries(&mut gate, later, |g, now| {
        n += 1;
        g.pass(address(n), "kim", None, now)
    });
    assert_eq!(again, ACCOUNT.free);
}

/// A flood of names makes nobody's tries forgotten.
#[test]
fn a_flood_of_names_does_not_free_an_account() {
    let mut gate = Gate::new();
    for n in 0..20 {
        let _ = gate.pass(address(n), "kim", None, 0);
    }
    for n in 0..100_000u32 {
        let _ = gate.pass(address(n % 50_000), &format!("name{n}"), None, 1);
    }
    assert!(gate.pass(address(99), "kim", None, 1).is_err());
}
