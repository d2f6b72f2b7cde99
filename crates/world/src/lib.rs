//! Years of faults in seconds: a seeded simulation that drives the real judge and the real respond, with a
//! modelled store, outbox and far side, and holds them to what Stillhere promises.
//!
//! One seed is one world: services that depend on each other, faults, an uplink that is cut, a process that
//! is killed between any two effects and started again from what was committed, receipts that get lost,
//! and, by seed, a clock that jumps and persons who write, plan and correct. Plain loops and a queue of
//! events; nothing waits, so a simulated month takes about a second without optimisation.
//!
//! What must hold is in `audit`. A violation names the seed and the simulated time.

mod audit;
mod dice;
mod outbox;
mod person;
mod process;
mod store;
mod sum;
mod truth;

pub use dice::Dice;

use audit::Audit;
use outbox::FarSide;
use process::Process;
use std::{cmp::Reverse, collections::BinaryHeap};
use stillhere_model::{Moment, Observation, Time};
use stillhere_respond::Policy;
use store::Store;
use truth::Truth;

/// What one seed makes of a world.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub seed: u64,
    pub days: u32,
    /// The wall clock jumps.
    pub jumps: bool,
    /// Persons open, write, correct, plan and resolve.
    pub persons: bool,
}

/// What happened in it, so that a run in which nothing happened does not pass for a good one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    pub looks: u64,
    pub steps: u64,
    pub outages: u64,
    pub audited_outages: u64,
    pub incidents: u64,
    pub merged: u64,
    pub reopened: u64,
    pub kills: u64,
    pub lost_steps: u64,
    pub uplink_cuts: u64,
    pub jumps: u64,
    pub announced: u64,
    pub delivered: u64,
    pub repeated: u64,
    pub withdrawn: u64,
    pub promises_kept: u64,
    pub promises_missed: u64,
    pub promises_withdrawn: u64,
    pub acknowledged: u64,
    pub nagged: u64,
    pub called_again: u64,
    pub commands: u64,
    pub refused: u64,
    pub maintenances: u64,
    pub uptime_checked: u64,
}

/// Something that must not happen did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, at {at}: {what}")]
pub struct Violation {
    pub seed: u64,
    pub at: Time,
    pub what: String,
}

/// What may happen next.
#[derive(Debug)]
pub(crate) enum Event {
    Look { check: usize, life: u32, recheck: bool, regular: bool },
    Seen { check: usize, life: u32, observation: Box<Observation> },
    Tick { life: u32 },
    Send { life: u32 },
    Fault { service: usize },
    Change { service: usize, to: truth::Health, then: Vec<(i64, truth::Health)> },
    UplinkCut,
    UplinkBack,
    UplinkKnown { life: u32, up: bool },
    Kill,
    Start,
    Jump,
    Person,
    Audit,
}

pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) dice: Dice,
    pub(crate) policy: Policy,
    /// Milliseconds of true time since the world began.
    pub(crate) now: i64,
    /// How far the wall clock is off.
    pub(crate) off_by: i64,
    /// Faults and other mischief end here; then everything is good until the end.
    pub(crate) calm_from: i64,
    queue: BinaryHeap<Reverse<(i64, u64, Box<Queued>)>>,
    queued: u64,
    pub(crate) truth: Truth,
    pub(crate) process: Option<Process>,
    pub(crate) life: u32,
    pub(crate) store: Store,
    pub(crate) far: FarSide,
    pub(crate) audit: Audit,
    pub(crate) report: Report,
}

struct Queued(Event);

/// The end of each world: nothing fails any more, and all that is open must come to its end.
const CALM_MS: i64 = 4 * HOUR;
pub(crate) const SECOND: i64 = 1000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;
pub(crate) const BEGIN: Time = Time(1_800_000_000_000);

/// Lives through one world.
///
/// # Errors
/// When something that must hold did not.
pub fn run(settings: Settings) -> Result<Report, Violation> {
    let mut world = World::new(settings);
    let end = world.calm_from + CALM_MS;
    let fail = |w: &World, what| Violation { seed: settings.seed, at: w.wall(), what };
    while let Some(Reverse((at, _, event))) = world.queue.pop() {
        if at > end {
            break;
        }
        world.now = at;
        if let Err(what) = world.happen(event.0) {
            return Err(fail(&world, what));
        }
    }
    if let Err(what) = world.judgement_day() {
        return Err(fail(&world, what));
    }
    Ok(world.report)
}

// === impl Settings ===

impl Settings {
    /// Every kind of world comes by turns.
    #[must_use]
    pub fn of(seed: u64, days: u32) -> Settings {
        Settings { seed, days, jumps: seed % 4 >= 2, persons: seed % 2 == 1 }
    }

    /// Nothing that makes recorded time differ from true time for good reasons.
    #[must_use]
    pub fn is_plain(self) -> bool {
        !self.jumps && !self.persons
    }
}

// === impl World ===

impl World {
    fn new(settings: Settings) -> World {
        let mut dice = Dice::new(settings.seed);
        let truth = Truth::new(&mut dice);
        let policy = Policy::default();
        let mut world = World {
            settings,
            policy,
            now: 0,
            off_by: 0,
            calm_from: i64::from(settings.days) * DAY,
            queue: BinaryHeap::new(),
            queued: 0,
            process: None,
            life: 0,
            store: Store::new(),
            far: FarSide::default(),
            audit: Audit::new(truth.services.len()),
            report: Report::default(),
            truth,
            dice,
        };
        world.plan(0, Event::Start);
        for service in 0..world.truth.services.len() {
            let at = world.truth.services[service].next_fault(&mut world.dice);
            world.plan(at, Event::Fault { service });
        }
        let first = [(10, Event::UplinkCut), (12, Event::Kill)];
        for (days, event) in first {
            let at = world.dice.about(days * DAY);
            world.plan(at, event);
        }
        if settings.jumps {
            world.plan_in_about(15 * DAY, Event::Jump);
        }
        if settings.persons {
            world.plan_in_about(2 * HOUR, Event::Person);
        }
        world.plan(MINUTE, Event::Audit);
        world
    }

    pub(crate) fn plan(&mut self, at: i64, event: Event) {
        self.queued += 1;
        self.queue.push(Reverse((at, self.queued, Box::new(Queued(event)))));
    }

    pub(crate) fn plan_in(&mut self, wait: i64, event: Event) {
        self.plan(self.now + wait, event);
    }

    /// After a random time with this mean.
    pub(crate) fn plan_in_about(&mut self, mean: i64, event: Event) {
        let wait = self.dice.about(mean);
        self.plan_in(wait, event);
    }

    pub(crate) fn wall(&self) -> Time {
        Time(BEGIN.0 + self.now + self.off_by)
    }

    pub(crate) fn moment(&self) -> Moment {
        let started = self.process.as_ref().map_or(0, |p| p.started);
        Moment::new(self.wall(), self.now - started + SECOND)
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.now >= self.calm_from
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Look { check, life, recheck, regular } => self.look(check, life, recheck, regular),
            Event::Seen { check, life, observation } => return self.seen(check, life, *observation),
            Event::Tick { life } => return self.tick(life),
            Event::Send { life } => self.send(life),
            Event::Fault { service } => self.fault(service),
            Event::Change { service, to, then } => self.change(service, to, then),
            Event::UplinkCut => self.cut_uplink(),
            Event::UplinkBack => self.restore_uplink(),
            Event::UplinkKnown { life, up } => return self.uplink_known(life, up),
            Event::Kill => self.kill_for_a_while(),
            Event::Start => return self.start(),
            Event::Jump => return self.jump(),
            Event::Person => return self.person(),
            Event::Audit => return self.audit_now(),
        }
        Ok(())
    }
}

// === impl Queued ===

// The queue is in order of time and then of planning; what is planned has no order of its own.
impl PartialEq for Queued {
    fn eq(&self, _: &Queued) -> bool {
        true
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Queued) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, _: &Queued) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}
