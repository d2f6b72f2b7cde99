//! The modelled process: looks, judge, respond, one commit for each input; killed at any moment between
//! them, and started again from what was committed.

use crate::{DAY, Event, HOUR, MINUTE, SECOND, World, store::Write, truth::Health};
use std::collections::HashMap;
use stillhere_judge as judge;
use stillhere_model::{CheckId, Finding, Mint, Observation, Outcome, Phases, Side, VantageId};
use stillhere_respond as respond;

pub(crate) struct Process {
    pub(crate) started: i64,
    pub(crate) judge: judge::State,
    pub(crate) respond: respond::State,
    uplink: bool,
    mint: Mint,
    checks: HashMap<CheckId, usize>,
    /// A jump of the clock that is to be noticed at the next tick.
    jumped: i64,
}

/// How often time is told to judge and respond.
const TICK_MS: i64 = 10 * SECOND;

// === impl World ===

impl World {
    pub(crate) fn start(&mut self) -> Result<(), String> {
        self.settle_down_time();
        self.life += 1;
        let life = self.life;
        let now = self.wall();
        let (verdicts, kept) = self.store.load(now);
        let topology = &self.truth.topology;
        let checks = self.truth.checks.iter().enumerate().map(|(i, c)| (c.id.clone(), i)).collect();
        let moment = stillhere_model::Moment::new(now, SECOND);
        self.process = Some(Process {
            started: self.now,
            judge: judge::State::restore(topology, verdicts),
            respond: respond::State::restore(topology, kept, moment),
            uplink: true,
            mint: Mint::new(self.dice.roll()),
            checks,
            jumped: 0,
        });
        self.store.sums.gap_ends(self.wall());
        for check in 0..self.truth.checks.len() {
            let wait = self.dice.between(0, self.truth.checks[check].interval);
            self.plan_in(wait, Event::Look { check, life, recheck: false, regular: true });
        }
        self.plan_in(SECOND, Event::Send { life });
        // First respond, which says again what the judge does not keep; then what we know of our uplink.
        self.handle(None, Some(respond::Input::Tick))?;
        self.uplink_known(life, self.truth.uplink)?;
        self.tick(life)
    }

    /// The process is gone; what it had not committed is lost.
    pub(crate) fn die(&mut self) {
        self.settle_down_time();
        self.report.kills += 1;
        self.process = None;
        let wall = self.wall();
        self.store.sums.gap_begins(wall);
        self.life += 1;
        let off = if self.dice.chance(70) { 10 * SECOND } else { HOUR };
        let at = self.now + self.dice.about(off);
        self.plan(at.min(self.calm_from.max(self.now)), Event::Start);
    }

    pub(crate) fn kill_for_a_while(&mut self) {
        if self.is_calm() {
            return;
        }
        if self.process.is_some() {
            self.die();
        }
        self.plan_in_about(12 * DAY, Event::Kill);
    }

    // -- looking --

    pub(crate) fn look(&mut self, check: usize, life: u32, recheck: bool, regular: bool) {
        if life != self.life || self.process.is_none() {
            return;
        }
        let (interval, timeout) = (self.truth.checks[check].interval, self.truth.checks[check].timeout);
        if regular {
            self.plan_in(interval, Event::Look { check, life, recheck: false, regular });
        }
        self.report.looks += 1;
        let health = self.truth.services[self.truth.checks[check].service].health;
        let timed_out = self.dice.chance(50);
        let (outcome, side, took) = match health {
            _ if !self.truth.uplink => (Outcome::Down, Some(Side::Path), 30),
            _ if self.dice.once_in(5_000) => (Outcome::Unknown, Some(Side::Us), 1),
            // A failed look that means nothing: the second look is for it.
            Health::Good if !recheck && self.dice.once_in(3_000) => (Outcome::Down, Some(Side::Path), 200),
            Health::Good => (Outcome::Up, None, 40),
            Health::Slow => (Outcome::Slow, Some(Side::Target), 1_500),
            Health::Down => (Outcome::Down, Some(Side::Target), if timed_out { timeout } else { 20 }),
        };
        let finding = match outcome {
            Outcome::Up => None,
            Outcome::Slow => Some(Finding::Slow { took_ms: 1_500, limit_ms: 1_000 }),
            Outcome::Down => Some(Finding::HttpStatus { status: 503 }),
            Outcome::Unknown => Some(Finding::OwnFault { what: "no file left".to_owned() }),
        };
        let observation = Box::new(Observation {
            check: self.truth.checks[check].id.clone(),
            vantage: VantageId::new("core"),
            at: self.wall(),
            outcome,
            side,
            total_us: u32::try_from(took * 1000).unwrap_or(u32::MAX),
            phases: Phases::default(),
            finding,
            detail: None,
            recheck,
        });
        self.plan_in(took, Event::Seen { check, life, observation });
    }

    pub(crate) fn seen(&mut self, _check: usize, life: u32, observation: Observation) -> Result<(), String> {
        let Some(process) = self.process.as_ref().filter(|_| life == self.life) else { return Ok(()) };
        let observation = judge::attribute(observation, process.uplink);
        self.handle(Some(judge::Input::Observed(&observation)), None)
    }

    pub(crate) fn tick(&mut self, life: u32) -> Result<(), String> {
        if life != self.life || self.process.is_none() {
            return Ok(());
        }
        self.plan_in(TICK_MS, Event::Tick { life });
        let jumped = self.process.as_mut().map_or(0, |p| std::mem::take(&mut p.jumped));
        if jumped != 0 {
            self.handle(None, Some(respond::Input::ClockJumped { by_ms: jumped }))?;
        }
        self.handle(Some(judge::Input::Tick), None)?;
        self.handle(None, Some(respond::Input::Tick))
    }

    pub(crate) fn uplink_known(&mut self, life: u32, up: bool) -> Result<(), String> {
        let Some(process) = self.process.as_mut().filter(|_| life == self.life) else { return Ok(()) };
        process.uplink = up;
        self.handle(Some(judge::Input::Uplink { up }), Some(respond::Input::Uplink { up }))
    }

    pub(crate) fn jump(&mut self) -> Result<(), String> {
        if self.is_calm() {
            return Ok(());
        }
        let by = [HOUR, -HOUR, 90 * SECOND, -90 * SECOND, 7 * MINUTE][self.dice.below(5)];
        self.off_by += by;
        self.report.jumps += 1;
        if let Some(p) = &mut self.process {
            p.jumped += by;
        }
        self.plan_in_about(10 * DAY, Event::Jump);
        Ok(())
    }

    // -- deciding --

    /// One input through judge and respond, until both are quiet, into one transaction.
    pub(crate) fn handle(
        &mut self,
        to_judge: Option<judge::Input<'_>>,
        to_respond: Option<respond::Input<'_>>,
    ) -> Result<(), String> {
        let now = self.moment();
        let Some(process) = self.process.as_mut() else { return Ok(()) };
        self.report.steps += 1;
        let topology = &self.truth.topology;
        let mut write = Write::default();
        let mut todo: Vec<judge::Input<'static>> = Vec::new();
        let respond = |process: &mut Process, input: respond::Input<'_>, write: &mut Write| {
            let step =
                respond::step(&mut process.respond, &self.policy, topology, input, now, &mut process.mint);
            let outcome = step.outcome.clone();
            (write.add(step), outcome)
        };
        if let Some(input) = to_judge {
            let step = judge::step(&mut process.judge, topology, input, now);
            write.looks.extend(step.looks);
            if !step.changes.is_empty() {
                todo.extend(respond(process, respond::Input::Verdicts(&step.changes), &mut write).0);
                write.changes.extend(step.changes);
            }
        }
        let mut outcome = None;
        if let Some(input) = to_respond {
            let (more, answer) = respond(process, input, &mut write);
            todo.extend(more);
            outcome = answer;
        }
        let mut rounds = 0;
        while !todo.is_empty() {
            rounds += 1;
            if rounds > 20 {
                return Err("judge and respond do not come to an end".to_owned());
            }
            for input in std::mem::take(&mut todo) {
                let step = judge::step(&mut process.judge, topology, input, now);
                write.looks.extend(step.looks);
                if !step.changes.is_empty() {
                    todo.extend(respond(process, respond::Input::Verdicts(&step.changes), &mut write).0);
                    write.changes.extend(step.changes);
                }
            }
        }
        self.report.refused += u64::from(matches!(outcome, Some(Err(_))));
        self.finish(write)
    }

    /// Killed before the commit: all of it is lost. After it: only what it would have asked for.
    fn finish(&mut self, write: Write) -> Result<(), String> {
        let weighty = !write.effects.is_empty() || !write.changes.is_empty();
        if weighty && !self.is_calm() && self.dice.once_in(300) {
            self.report.lost_steps += 1;
            self.die();
            return Ok(());
        }
        let wall = self.wall();
        self.store.commit(&write, wall, !self.settings.jumps)?;
        self.note_commit(&write)?;
        if weighty && !self.is_calm() && self.dice.once_in(300) {
            self.die();
            return Ok(());
        }
        let life = self.life;
        for look in write.looks {
            let (check, wait, recheck) = match look {
                judge::Look::Recheck { check, after } => (check, stillhere_model::time::millis(after), true),
                judge::Look::Now { check, .. } => (check, 10, false),
            };
            let at = self.process.as_ref().and_then(|p| p.checks.get(&check).copied());
            if let Some(check) = at {
                self.plan_in(wait, Event::Look { check, life, recheck, regular: false });
            }
        }
        for effect in &write.effects {
            if let respond::Effect::LookNow { services } = effect {
                let of = |c: &&crate::truth::Check| services.contains(&self.truth.services[c.service].id);
                let ids: Vec<CheckId> = self.truth.checks.iter().filter(of).map(|c| c.id.clone()).collect();
                for id in ids {
                    let at = self.process.as_ref().and_then(|p| p.checks.get(&id).copied());
                    if let Some(check) = at {
                        self.plan_in(10, Event::Look { check, life, recheck: false, regular: false });
                    }
                }
            }
        }
        Ok(())
    }
}
