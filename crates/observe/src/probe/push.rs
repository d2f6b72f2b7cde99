//! `push`: a job that reports by itself, and whose silence is the news (heartbeats, Healthchecks-style).
//!
//! A pure state machine: it is told signals and the time, and says what came of it. What makes it careful is that
//! silence has other causes than a dead job, and none of them may become the job's *down*: nobody ever called
//! (not yet looked), we were not listening (our own gap), or a clock was set (case r).

mod signal;
#[cfg(test)]
mod tests;

pub use signal::{Action, MAX_BODY_BYTES, MAX_RUN_ID_BYTES, Signal, SignalError};

use crate::{
    condition::{Condition, Facts, Name, Sample},
    probe::{CheckSpec, MAX_CONDITIONS, Problem, Spec},
    schedule::{Cron, CronPart, Length, Schedule, Slot},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use stillhere_model::{
    CheckId, Finding, Moment, Observation, Outcome, Phases, Side, Time, VantageId, time::millis,
};
use stillhere_net::{SecretSource, fault::clip};

/// What conditions may say. They are asked when a run ends well.
pub static NAMES: &[Name] = &[
    Name::public(
        "run_ms",
        "How long the run took, from `/start` to its end; null without a `/start`.",
        Sample::Int(4200),
    ),
    Name::private("body", "What the job sent along, as text.", Sample::Text("backup complete")),
    Name::private("json", "The same as JSON; null when it is none.", Sample::Json("{}")),
];

/// Grace when none is set.
const DEFAULT_GRACE: Length = Length(Duration::from_secs(3600));
/// A heartbeat this much before its time counts for it: clocks of two machines differ.
const EARLY: Duration = Duration::from_secs(60);
/// A difference between the two clocks that is more than drift and slewing.
const JUMP: Duration = Duration::from_secs(30);
/// How long we allow for the size of a jump: by then the clock was set right, or its being wrong is the news.
const DOUBT_FOR: Duration = Duration::from_secs(48 * 3600);
/// Runs remembered at a time; the oldest is forgotten.
const MAX_RUNS: usize = 16;
/// Slots skipped over when we come back after a long time, before the schedule is begun anew from now.
const MAX_SKIPPED: usize = 64;

/// The keys of a `push` check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PushSpec {
    /// Where the secret key in the heartbeat's URL is read from: an environment variable or a file.
    pub key: SecretSource,
    /// A heartbeat is due this long after the last one. Set this or `cron`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Length>,
    /// A heartbeat is due at the times of this cron expression (minute hour day month weekday).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// The time zone of `cron`, such as `Europe/Berlin`. Default `UTC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// How late a heartbeat may be. Default `1h`.
    #[serde(default = "default_grace")]
    pub grace: Length,
    /// How long a run may take from `/start` to its end. Default: the grace time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_run: Option<Length>,
}

/// A `push` check, ready to be asked again and again.
#[derive(Debug, Clone)]
pub struct Push {
    check: CheckId,
    vantage: VantageId,
    schedule: Schedule,
    /// The schedule's label, to be compared on every tick.
    label: String,
    grace: Duration,
    max_run: Duration,
    slow_over: Option<Duration>,
    conditions: Vec<Condition>,
}

/// What is kept of a job between its signals, as JSON, across restarts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PushState {
    /// The schedule `due` was made under.
    schedule: String,
    /// What was said last; `None` before the first signal.
    outcome: Option<Outcome>,
    last_good: Option<Time>,
    last_signal: Option<Time>,
    /// The heartbeat we wait for.
    due: Option<Due>,
    /// The last one that was waited for did not come, so that the next to come may be that one, late.
    overdue: bool,
    /// Runs that began and did not end, oldest first.
    runs: Vec<Run>,
    /// When we last could not hear.
    deaf: Option<(Time, Time)>,
    /// What the job sent last: for the operator only.
    body: String,
    /// When both clocks were read last. Monotonic time means nothing after a restart.
    #[serde(skip)]
    seen: Option<Moment>,
    #[serde(skip)]
    set: Option<Set>,
}

/// How the wall clock was set, in milliseconds against where it would be had nobody touched it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set {
    by: i64,
    /// The range it was in. Times taken at one end may be compared with times taken at the other.
    low: i64,
    high: i64,
    /// When it was last set, on the monotonic clock.
    at_mono_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Due {
    opens: Time,
    at: Time,
    /// Until the one after it: what is "early" depends on that.
    gap_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    id: Option<String>,
    began: Time,
    /// It was said that it takes too long.
    told: bool,
}

fn default_grace() -> Length {
    DEFAULT_GRACE
}

// === impl PushSpec ===

impl PushSpec {
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Err(p) = self.schedule() {
            problems.push(p);
        }
        for (path, length) in [("period", self.period), ("max_run", self.max_run)] {
            if length.is_some_and(|l| l.0 < Duration::from_secs(1)) {
                problems
                    .push(Problem::new(path, "is shorter than a second").hint(format!("{path} = \"5m\"")));
            }
        }
        if self.time_zone.is_some() && self.cron.is_none() {
            problems.push(Problem::new("time_zone", "has a meaning only with `cron`").hint("leave it out"));
        }
        problems
    }

    /// # Errors
    /// When it is neither a period nor a cron expression, or a wrong one.
    pub fn schedule(&self) -> Result<Schedule, Problem> {
        match (&self.period, &self.cron) {
            (Some(period), None) => Ok(Schedule::Every(period.0)),
            (None, Some(text)) => {
                let zone = self.time_zone.as_deref().unwrap_or("UTC");
                let cron = Cron::parse(text, zone).map_err(|(part, e)| match part {
                    CronPart::Expression => {
                        Problem::new("cron", e).hint("cron = \"30 2 * * *\" is half past two, every day")
                    }
                    CronPart::Zone => Problem::new("time_zone", e).hint("time_zone = \"Europe/Berlin\""),
                })?;
                Ok(Schedule::Cron(Box::new(cron)))
            }
            (None, None) => Err(Problem::new("period", "is missing: when is a heartbeat due?")
                .hint("period = \"1 day\", or cron = \"30 2 * * *\"")),
            (Some(_), Some(_)) => {
                Err(Problem::new("cron", "cannot be set together with `period`")
                    .hint("leave one of them out"))
            }
        }
    }
}

// === impl Push ===

impl Push {
    /// # Errors
    /// The first thing that is wrong, also when the check is of another kind.
    pub fn new(check: &CheckSpec) -> Result<Push, Problem> {
        let Spec::Push(spec) = &check.spec else {
            return Err(Problem::new("kind", "is not \"push\""));
        };
        if let Some(p) = spec.validate().into_iter().next() {
            return Err(p);
        }
        if check.conditions.len() > MAX_CONDITIONS {
            return Err(Problem::new("conditions", format!("more than {MAX_CONDITIONS} conditions")));
        }
        let conditions = check
            .conditions
            .iter()
            .enumerate()
            .map(|(i, c)| {
                Condition::parse(NAMES, c).map_err(|p| Problem { path: format!("conditions[{i}]"), ..p })
            })
            .collect::<Result<_, _>>()?;
        let schedule = spec.schedule()?;
        Ok(Push {
            check: check.id.clone(),
            vantage: check.vantage.clone(),
            label: schedule.label(),
            schedule,
            grace: spec.grace.0,
            max_run: spec.max_run.unwrap_or(spec.grace).0,
            slow_over: check.slow_over,
            conditions,
        })
    }

    fn due(&self, slot: Option<Slot>) -> Option<Due> {
        let slot = slot?;
        let next = self.schedule.after(slot.due).map_or(slot.due, |s| s.due);
        let gap_ms = u64::try_from(millis(next.since(slot.due))).unwrap_or(0);
        Some(Due { opens: slot.opens, at: slot.due, gap_ms })
    }

    fn first_due_after(&self, t: Time) -> Option<Due> {
        self.due(self.schedule.after(t))
    }
}

// === impl PushState ===

impl PushState {
    /// Before the first signal it is unknown: nobody has called yet.
    #[must_use]
    pub fn new() -> PushState {
        PushState::default()
    }

    /// # Errors
    /// When the kept text is not one of ours.
    pub fn from_json(json: &str) -> Result<PushState, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and times only")
    }

    /// We hear again since `now`, and heard nothing since `from`. To be called after a start with the time we were
    /// last alive, and after a freeze, before any `signal` or `tick`.
    pub fn listening_since(&mut self, from: Time, now: Moment) {
        let from = from.min(now.wall);
        self.deaf = Some(match self.deaf {
            // Two gaps within one waiting time are one: what came between them was heard, and ended the waiting.
            Some((earlier, until)) if self.last_signal.is_none_or(|s| s < earlier) && until <= now.wall => {
                (earlier, now.wall)
            }
            _ => (from, now.wall),
        });
        self.seen = Some(now);
    }

    /// A signal came in. `None` when it says nothing of how the job fares (`/start`, `/log`).
    pub fn signal(&mut self, push: &Push, signal: &Signal, now: Moment) -> Option<Observation> {
        self.notice(push, now);
        self.last_signal = Some(now.wall);
        self.body.clone_from(&signal.body);
        match signal.action {
            Action::Log => None,
            Action::Start => {
                self.runs.retain(|r| r.id != signal.run);
                if self.runs.len() == MAX_RUNS {
                    self.runs.remove(0);
                }
                self.runs.push(Run { id: signal.run.clone(), began: now.wall, told: false });
                if self.due.is_none() {
                    // Nobody called before: from now on one is expected to end.
                    self.due = push.first_due_after(now.wall.plus(EARLY));
                }
                None
            }
            Action::Fail { exit_code } => {
                let took = self.end_run(signal, now.wall);
                self.advance(push, now);
                let finding = Finding::HeartbeatFailed { exit_code };
                Some(self.say(push, now, Outcome::Down, Some(Side::Target), Some(finding), took))
            }
            Action::Success => {
                let took = self.end_run(signal, now.wall);
                self.advance(push, now);
                self.last_good = Some(now.wall);
                if let Some(finding) = self.failed_condition(push, signal, took) {
                    return Some(self.say(push, now, Outcome::Down, Some(Side::Target), Some(finding), took));
                }
                match (took, push.slow_over) {
                    (Some(took), Some(limit)) if took > limit => {
                        let finding = Finding::Slow {
                            took_ms: stillhere_net::trace::millis(took),
                            limit_ms: stillhere_net::trace::millis(limit),
                        };
                        Some(self.say(push, now, Outcome::Slow, None, Some(finding), Some(took)))
                    }
                    _ => Some(self.say(push, now, Outcome::Up, None, None, took)),
                }
            }
        }
    }

    /// Time has passed. Says so when a heartbeat did not come or a run does not end; once for each.
    pub fn tick(&mut self, push: &Push, now: Moment) -> Option<Observation> {
        self.notice(push, now);
        let doubt = self.doubt(now);
        let late = |r: &Run| !r.told && now.wall >= run_limit(r.began, push, doubt);
        if let Some(began) = self.runs.iter().filter(|r| late(r)).map(|r| r.began).min() {
            self.runs.iter_mut().filter(|r| late(r)).for_each(|r| r.told = true);
            if let Some(due) = self.due
                && (began >= self.opens(due, push).minus(doubt)
                    || now.wall >= self.deadline(due, push, doubt))
            {
                // One thing is said at a time: this run is the one that was due, it is not missed as well.
                self.overdue = true;
                self.due = push.first_due_after(now.wall.max(due.at));
            }
            if self.was_deaf(began, run_limit(began, push, doubt)) {
                // Its end may have been told while we did not hear.
                self.runs.retain(|r| !r.told);
                return Some(self.not_heard(push, now));
            }
            let finding =
                Finding::HeartbeatTooLong { limit_ms: u64::try_from(millis(push.max_run)).unwrap_or(0) };
            return Some(self.say(push, now, Outcome::Down, Some(Side::Target), Some(finding), None));
        }
        let due = self.due?;
        if now.wall < self.deadline(due, push, doubt) {
            return None;
        }
        let (opens, deadline) = (self.opens(due, push), self.deadline(due, push, doubt));
        let deaf = self.was_deaf(opens, deadline);
        self.skip(push, due, now.wall, deaf);
        if deaf {
            return Some(self.not_heard(push, now));
        }
        self.overdue = true;
        let finding = Finding::HeartbeatMissed { due: due.at };
        Some(self.say(push, now, Outcome::Down, Some(Side::Target), Some(finding), None))
    }

    /// When `tick` has something to say, if no signal comes before.
    #[must_use]
    pub fn next_due(&self, push: &Push, now: Moment) -> Option<Time> {
        let doubt = self.doubt(now);
        let runs = self.runs.iter().filter(|r| !r.told).map(|r| run_limit(r.began, push, doubt));
        runs.chain(self.due.map(|d| self.deadline(d, push, doubt))).min()
    }

    /// When the next heartbeat is expected, without the grace time. `None` before the first signal.
    #[must_use]
    pub fn expected(&self) -> Option<Time> {
        self.due.map(|d| d.at)
    }

    /// What was said last. `Unknown` before the first signal.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome.unwrap_or(Outcome::Unknown)
    }

    /// What the job sent last: for the operator only.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Reads both clocks, and what is configured now.
    fn notice(&mut self, push: &Push, now: Moment) {
        if let Some(seen) = self.seen {
            let jump = (now.wall.0 - seen.wall.0) - (now.mono_ms - seen.mono_ms);
            if jump.unsigned_abs() > JUMP.as_millis().try_into().unwrap_or(u64::MAX) {
                let fresh = Set { by: 0, low: 0, high: 0, at_mono_ms: now.mono_ms };
                let before = self.set.filter(|s| s.holds(now)).unwrap_or(fresh);
                let by = before.by.saturating_add(jump);
                let (low, high) = (before.low.min(by), before.high.max(by));
                self.set = Some(Set { by, low, high, at_mono_ms: now.mono_ms });
            }
        }
        self.seen = Some(now);
        if self.schedule != push.label {
            self.schedule.clone_from(&push.label);
            if self.due.is_some() {
                self.due = push.first_due_after(now.wall);
                self.overdue = false;
            }
        }
    }

    /// By how much our clock and the job's may differ because ours was set.
    fn doubt(&self, now: Moment) -> Duration {
        let range = self.set.filter(|s| s.holds(now)).map_or(0, |s| s.high.saturating_sub(s.low));
        Duration::from_millis(u64::try_from(range).unwrap_or(0))
    }

    /// From here on a heartbeat may be the one that is due.
    fn opens(&self, due: Due, push: &Push) -> Time {
        let half = Duration::from_millis(due.gap_ms / 2);
        let slack = match push.schedule {
            // A job that runs "every day" drifts; its grace is what it is allowed to.
            Schedule::Every(_) => push.grace.min(half),
            Schedule::Cron(_) => EARLY.min(half),
        };
        due.opens.minus(slack)
    }

    /// From here on it is too late. A run that is under way has its own limit.
    fn deadline(&self, due: Due, push: &Push, doubt: Duration) -> Time {
        let opens = self.opens(due, push).minus(doubt);
        let run = self.runs.iter().filter(|r| r.began >= opens).map(|r| r.began.plus(push.max_run)).max();
        let late = due.at.plus(push.grace);
        run.map_or(late, |run| late.max(run)).plus(doubt)
    }

    /// A run ended: the wait is now for the one after.
    fn advance(&mut self, push: &Push, now: Moment) {
        let t = now.wall;
        let overdue = std::mem::replace(&mut self.overdue, false);
        let Schedule::Cron(_) = push.schedule else {
            self.due = push.first_due_after(t);
            return;
        };
        let Some(due) = self.due else {
            self.due = push.first_due_after(t.plus(EARLY));
            return;
        };
        let half = Duration::from_millis(due.gap_ms / 2);
        // When the one before did not come, an early one may as well be that one, late.
        let slack = if overdue { EARLY.min(half) } else { push.grace.max(EARLY).min(half) + self.doubt(now) };
        if t < due.opens.minus(slack) {
            return; // an extra one, in between
        }
        self.due = push.first_due_after(t.max(due.at));
    }

    /// The wait for `due` is over; the next one begins.
    fn skip(&mut self, push: &Push, due: Due, now: Time, deaf: bool) {
        // What came while we did not hear is not known, so the wait begins with the next one after we came back.
        let heard = if deaf { self.deaf.map_or(now, |(_, until)| until) } else { due.at };
        let mut next = push.first_due_after(due.at);
        for _ in 0..MAX_SKIPPED {
            match next {
                Some(n) if n.at <= heard || n.at.plus(push.grace) <= now => next = push.first_due_after(n.at),
                _ => break,
            }
        }
        if next.is_none_or(|n| n.at.plus(push.grace) <= now) {
            next = push.first_due_after(now);
        }
        self.due = next;
    }

    fn was_deaf(&self, from: Time, until: Time) -> bool {
        self.deaf.is_some_and(|(start, end)| start < until && end > from)
    }

    fn end_run(&mut self, signal: &Signal, now: Time) -> Option<Duration> {
        let run = self.runs.iter().rev().find(|r| r.id == signal.run).or(self.runs.last());
        let took = run.filter(|r| signal.run.is_none() || r.id == signal.run).map(|r| now.since(r.began));
        // An end without a run id ends them all; one with an id also ends those that began without.
        self.runs.retain(|r| signal.run.is_some() && r.id.is_some() && r.id != signal.run);
        took
    }

    fn failed_condition(&self, push: &Push, signal: &Signal, took: Option<Duration>) -> Option<Finding> {
        if push.conditions.is_empty() {
            return None;
        }
        let mut facts = Facts::new(NAMES);
        facts.set("run_ms", took.map(millis));
        facts.set_body("body", "json", signal.body.as_bytes());
        push.conditions.iter().find_map(|c| c.check(&facts).err())
    }

    fn not_heard(&mut self, push: &Push, now: Moment) -> Observation {
        let finding = Finding::OwnFault { what: "not listening when the heartbeat was due".to_owned() };
        self.say(push, now, Outcome::Unknown, Some(Side::Us), Some(finding), None)
    }

    fn say(
        &mut self,
        push: &Push,
        now: Moment,
        outcome: Outcome,
        side: Option<Side>,
        finding: Option<Finding>,
        took: Option<Duration>,
    ) -> Observation {
        self.outcome = Some(outcome);
        Observation {
            check: push.check.clone(),
            vantage: push.vantage.clone(),
            at: now.wall,
            outcome,
            side,
            total_us: took.map_or(0, stillhere_net::trace::micros),
            phases: Phases::default(),
            finding,
            detail: (!self.body.is_empty()).then(|| clip(self.body.clone())),
            recheck: false,
        }
    }
}

// === impl Set ===

impl Set {
    fn holds(&self, now: Moment) -> bool {
        now.mono_ms.saturating_sub(self.at_mono_ms) < millis(DOUBT_FOR)
    }
}

fn run_limit(began: Time, push: &Push, doubt: Duration) -> Time {
    began.plus(push.max_run + doubt)
}
