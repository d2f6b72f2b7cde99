//! What is really the case: services, what they stand on, and how they fail.

use crate::{DAY, Dice, Event, HOUR, MINUTE, SECOND, World};
use std::time::Duration;
use stillhere_model::{CheckDef, CheckId, Quorum, ServiceDef, ServiceId, Severity, Text, Topology};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Health {
    Good,
    Slow,
    Down,
}

pub(crate) struct Truth {
    pub(crate) topology: Topology,
    pub(crate) services: Vec<Service>,
    pub(crate) checks: Vec<Check>,
    pub(crate) uplink: bool,
    pub(crate) uplink_since: i64,
}

pub(crate) struct Service {
    pub(crate) id: ServiceId,
    /// Those without which it really does not work; the declared ones may be more.
    hard: Vec<usize>,
    /// All that are declared, directly or through others.
    pub(crate) above: Vec<usize>,
    own: Health,
    /// As a user has it.
    pub(crate) health: Health,
    pub(crate) since: i64,
    /// How long it had been well before.
    pub(crate) was_well_ms: i64,
    /// How long it takes at most until a change is seen: looks, their time-outs, second looks.
    pub(crate) seen_within: i64,
    mean_between_faults: i64,
    pub(crate) down_ms: i64,
    pub(crate) changes: u32,
}

pub(crate) struct Check {
    pub(crate) id: CheckId,
    pub(crate) service: usize,
    pub(crate) interval: i64,
    pub(crate) timeout: i64,
}

// === impl Truth ===

impl Truth {
    pub(crate) fn new(dice: &mut Dice) -> Truth {
        let n = 4 + dice.below(7);
        let mut topology = Topology::default();
        let mut services: Vec<Service> = Vec::new();
        let mut checks = Vec::new();
        for s in 0..n {
            let id = ServiceId::new(format!("s{s}"));
            let mut declared: Vec<usize> = Vec::new();
            for _ in 0..dice.below(3).min(s) {
                let on = dice.below(s);
                if !declared.contains(&on) {
                    declared.push(on);
                }
            }
            let mut own_checks = Vec::new();
            let mut seen_within = 0;
            for c in 0..1 + dice.below(2) {
                let check_id = CheckId::new(format!("s{s}/c{c}"));
                let interval = dice.between(45, 300) * SECOND;
                let timeout = dice.between(2, 10) * SECOND;
                let fail_after = if dice.chance(80) { 2 } else { 3 };
                seen_within = seen_within.max(3 * (interval + timeout) + 20 * SECOND);
                let def = CheckDef {
                    id: check_id.clone(),
                    service: id.clone(),
                    name: Text::from("check"),
                    kind: "http".to_owned(),
                    interval: duration(interval),
                    timeout: duration(timeout),
                    fail_after,
                    recover_after: 2,
                    severity: Severity::Major,
                    quorum: Quorum::Majority,
                    passive: false,
                };
                topology.checks.insert(check_id.clone(), def);
                own_checks.push(check_id.clone());
                checks.push(Check { id: check_id, service: s, interval, timeout });
            }
            let mut above = declared.clone();
            let further: Vec<usize> = declared.iter().flat_map(|d| services[*d].above.clone()).collect();
            above.extend(further);
            above.sort_unstable();
            above.dedup();
            topology.services.push(ServiceDef {
                id: id.clone(),
                name: Text::from(id.as_str()),
                description: None,
                group: None,
                depends_on: declared.iter().map(|d| services[*d].id.clone()).collect(),
                checks: own_checks,
                public: true,
                team: None,
            });
            services.push(Service {
                id,
                hard: declared.into_iter().filter(|_| dice.chance(85)).collect(),
                above,
                own: Health::Good,
                health: Health::Good,
                since: 0,
                was_well_ms: 0,
                seen_within,
                mean_between_faults: dice.between(2, 8) * DAY,
                down_ms: 0,
                changes: 0,
            });
        }
        Truth { topology, services, checks, uplink: true, uplink_since: 0 }
    }

    /// Carries what fails by itself to those that stand on it. Services come after what they depend on.
    fn spread(&mut self, now: i64) -> u64 {
        let mut outages = 0;
        for s in 0..self.services.len() {
            let broken = self.services[s].hard.iter().any(|h| self.services[*h].health == Health::Down);
            let service = &mut self.services[s];
            let health = if broken { Health::Down } else { service.own };
            if health != service.health {
                outages += u64::from(health == Health::Down);
                service.was_well_ms = if service.health == Health::Good { now - service.since } else { 0 };
                service.health = health;
                service.since = now;
                service.changes += 1;
            }
        }
        outages
    }

    pub(crate) fn index(&self, id: &ServiceId) -> Option<usize> {
        self.services.iter().position(|s| &s.id == id)
    }
}

// === impl Service ===

impl Service {
    pub(crate) fn next_fault(&self, dice: &mut Dice) -> i64 {
        dice.about(self.mean_between_faults)
    }
}

// === impl World ===

impl World {
    /// Something breaks: for good, for a moment, slowly, or again and again.
    pub(crate) fn fault(&mut self, service: usize) {
        if self.is_calm() {
            return;
        }
        let dice = &mut self.dice;
        let lasting = match dice.below(4) {
            0 => dice.about(20 * SECOND),
            1 => dice.about(3 * MINUTE),
            2 => dice.about(20 * MINUTE),
            _ => dice.about(3 * HOUR),
        };
        let mut then = Vec::new();
        let to = match dice.below(10) {
            0 => {
                for _ in 0..dice.between(2, 12) {
                    then.push((dice.about(2 * MINUTE), Health::Good));
                    then.push((dice.about(2 * MINUTE), Health::Down));
                }
                Health::Down
            }
            1 | 2 => {
                if dice.chance(40) {
                    then.push((dice.about(10 * MINUTE), Health::Down));
                }
                Health::Slow
            }
            _ => Health::Down,
        };
        then.push((lasting, Health::Good));
        self.change(service, to, then);
    }

    pub(crate) fn change(&mut self, service: usize, to: Health, mut then: Vec<(i64, Health)>) {
        self.settle_down_time();
        // When the calm begins all is repaired, whatever was still to come.
        let to = if self.is_calm() { Health::Good } else { to };
        self.truth.services[service].own = to;
        self.report.outages += self.truth.spread(self.now);
        if then.is_empty() || self.is_calm() {
            if !self.is_calm() {
                let wait = self.truth.services[service].next_fault(&mut self.dice);
                self.plan_in(wait, Event::Fault { service });
            }
            return;
        }
        let (wait, next) = then.remove(0);
        let at = (self.now + wait).min(self.calm_from.max(self.now + 1));
        self.plan(at, Event::Change { service, to: next, then });
    }

    pub(crate) fn cut_uplink(&mut self) {
        if self.is_calm() {
            return;
        }
        self.settle_down_time();
        self.report.uplink_cuts += 1;
        self.set_uplink(false);
        let lasting = if self.dice.chance(40) { 20 * SECOND } else { 15 * MINUTE };
        let at = self.now + self.dice.about(lasting);
        self.plan(at.min(self.calm_from), Event::UplinkBack);
    }

    pub(crate) fn restore_uplink(&mut self) {
        self.settle_down_time();
        self.set_uplink(true);
        self.plan_in_about(10 * DAY, Event::UplinkCut);
    }

    /// The process finds out before a second look could confirm a failed first one.
    fn set_uplink(&mut self, up: bool) {
        (self.truth.uplink, self.truth.uplink_since) = (up, self.now);
        let life = self.life;
        self.plan_in(200, Event::UplinkKnown { life, up });
    }
}

fn duration(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
