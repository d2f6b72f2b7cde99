//! Worlds, one after another.

use stillhere_world::{Report, Settings, run};

/// Simulated days of each world. `WORLD_DAYS` overrides it.
const DAYS: u32 = 20;
/// Worlds in the short run. `WORLD_SEEDS` overrides it, `WORLD_FIRST` says where to begin.
const SEEDS: u64 = 8;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn no_outage_is_untold_none_is_decided_twice_and_all_adds_up() {
    let (first, seeds) = (number("WORLD_FIRST", 0), number("WORLD_SEEDS", SEEDS));
    let days = u32::try_from(number("WORLD_DAYS", u64::from(DAYS))).expect("a number of days");
    let mut all: Vec<Report> = Vec::new();
    let mut violations = Vec::new();
    for seed in first..first + seeds {
        match run(Settings::of(seed, days)) {
            Ok(report) => all.push(report),
            Err(violation) => violations.push(violation.to_string()),
        }
    }
    let sum = |f: fn(&Report) -> u64| all.iter().map(f).sum::<u64>();
    println!(
        "looks {} steps {} outages {} audited {} incidents {} reopened {} merged {}",
        sum(|r| r.looks),
        sum(|r| r.steps),
        sum(|r| r.outages),
        sum(|r| r.audited_outages),
        sum(|r| r.incidents),
        sum(|r| r.reopened),
        sum(|r| r.merged)
    );
    println!(
        "kills {} (lost steps {}) cuts {} jumps {} commands {} refused {} maintenances {}",
        sum(|r| r.kills),
        sum(|r| r.lost_steps),
        sum(|r| r.uplink_cuts),
        sum(|r| r.jumps),
        sum(|r| r.commands),
        sum(|r| r.refused),
        sum(|r| r.maintenances)
    );
    println!(
        "announced {} delivered {} repeated {} withdrawn {} promises kept {} missed {} withdrawn {} taken on {} reminders {} called again {} uptimes {}",
        sum(|r| r.announced),
        sum(|r| r.delivered),
        sum(|r| r.repeated),
        sum(|r| r.withdrawn),
        sum(|r| r.promises_kept),
        sum(|r| r.promises_missed),
        sum(|r| r.promises_withdrawn),
        sum(|r| r.acknowledged),
        sum(|r| r.nagged),
        sum(|r| r.called_again),
        sum(|r| r.uptime_checked)
    );
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    // Worlds in which nothing happens prove nothing; of a few, not each has everything.
    if seeds < SEEDS || days < DAYS {
        return;
    }
    let happened: [fn(&Report) -> u64; 18] = [
        |r| r.audited_outages,
        |r| r.incidents,
        |r| r.reopened,
        |r| r.kills,
        |r| r.lost_steps,
        |r| r.uplink_cuts,
        |r| r.jumps,
        |r| r.repeated,
        |r| r.withdrawn,
        |r| r.promises_kept,
        |r| r.promises_missed,
        |r| r.promises_withdrawn,
        |r| r.acknowledged,
        |r| r.nagged,
        |r| r.called_again,
        |r| r.maintenances,
        |r| r.delivered,
        |r| r.uptime_checked,
    ];
    for (n, f) in happened.into_iter().enumerate() {
        assert!(sum(f) > 0, "number {n} of what should happen did not");
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    let settings = Settings::of(3, 5);
    assert_eq!(run(settings), run(settings));
}
