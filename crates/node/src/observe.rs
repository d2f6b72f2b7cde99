//! Looks at every check in its turn, and hands each observation to the judge.
//!
//! One task keeps a heap of what is due; each look is a task of its own. Looks are spread over the interval by
//! a hash of the check's id, so that neither a start nor a full minute makes a thundering herd; the first
//! round after a start is quicker where there are few checks ([`FIRST_LOOK_SPACING`]).
//!
//! Bounds: [`Limits::looks`] looks at once, [`Limits::per_target`] of them towards one target. A look that finds no
//! place waits; one that still waits when its next turn comes is skipped *aloud*: it becomes an observation of
//! ours (`FellBehind`), a counter and a journal entry, never silence.

use crate::{flow::Seen, uplink::Guard, vitals::Vitals};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use stillhere_model::{CheckId, Finding, Observation, Outcome, Phases, Side, VantageId};
use stillhere_net::clock::Clock;
use stillhere_observe::Probe;
use tokio::sync::mpsc;

/// In the first round after a start the looks are at least this far apart, unless the interval forces them closer.
const FIRST_LOOK_SPACING: Duration = Duration::from_millis(5);
/// The first round takes at most this many hundredths of an interval: with the time that a start takes, every check is
/// looked at within one interval after it.
const FIRST_ROUND_PERCENT: u64 = 90;
/// Re-checks and looks asked for by a decision that may wait for their turn; more are refused and left to the schedule.
pub(crate) const ASKED_MAX: usize = 65_536;

/// Waiting looks that are tried when a place becomes free; those behind them come at the next one.
const TRIES_A_PASS: usize = 256;

/// What the configuration allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub looks: usize,
    pub per_target: usize,
}

/// One check, ready to be looked at.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) id: CheckId,
    pub(crate) probe: Arc<Probe>,
    pub(crate) interval: Duration,
    /// The host (and port) that is asked, for the bound per target.
    pub(crate) target: Arc<str>,
    /// On this machine: our own uplink has no say in it.
    pub(crate) local: bool,
}

pub(crate) enum Ask {
    /// Look at this check after so long, outside its turn.
    Look { check: CheckId, after: Duration, recheck: bool },
    /// From now on watch these.
    Replace(Vec<Watched>),
}

pub(crate) struct Watcher {
    slots: Vec<Slot>,
    index: HashMap<CheckId, usize>,
    due: BinaryHeap<Reverse<(u64, usize, Turn)>>,
    waiting: VecDeque<(usize, Turn, u64)>,
    running: usize,
    per_target: HashMap<Arc<str>, usize>,
    limits: Limits,
    vantage: VantageId,
    clock: Clock,
    guard: Arc<Guard>,
    vitals: Arc<Vitals>,
    seen: mpsc::Sender<Seen>,
    done: mpsc::UnboundedSender<(u64, usize)>,
    /// Raised by every `Replace`, so that looks of before don't count towards what is watched now.
    round: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Regular,
    Asked { recheck: bool },
}

struct Slot {
    watched: Watched,
    phase_us: u64,
    looking: Arc<AtomicBool>,
    /// An asked look is already under way or queued.
    asked: bool,
    /// Its regular look stands in the waiting line.
    waits: bool,
}

// === impl Watcher ===

impl Watcher {
    #[expect(clippy::too_many_arguments, reason = "what it is wired to, said once")]
    pub(crate) fn start(
        watched: Vec<Watched>,
        limits: Limits,
        vantage: VantageId,
        clock: Clock,
        guard: Arc<Guard>,
        vitals: Arc<Vitals>,
        seen: mpsc::Sender<Seen>,
        asks: mpsc::Receiver<Ask>,
        stop: tokio::sync::watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send {
        // Unbounded in type only: never more entries than looks under way, which `limits.looks` bounds.
        let (done, finished) = mpsc::unbounded_channel();
        let mut watcher = Watcher {
            slots: Vec::new(),
            index: HashMap::new(),
            due: BinaryHeap::new(),
            waiting: VecDeque::new(),
            running: 0,
            per_target: HashMap::new(),
            limits,
            vantage,
            clock,
            guard,
            vitals,
            seen,
            done,
            round: 0,
        };
        watcher.replace(watched);
        watcher.run(asks, finished, stop)
    }

    async fn run(
        mut self,
        mut asks: mpsc::Receiver<Ask>,
        mut finished: mpsc::UnboundedReceiver<(u64, usize)>,
        mut stop: tokio::sync::watch::Receiver<bool>,
    ) {
        loop {
            let now = self.now_us();
            self.begin_due(now);
            let wait = match self.due.peek() {
                Some(Reverse((at, ..))) => Duration::from_micros(at.saturating_sub(now)),
                None => Duration::from_secs(3_600),
            };
            tokio::select! {
                biased;
                _ = stop.wait_for(|s| *s) => return,
                Some((round, slot)) = finished.recv() => {
                    self.ended(round, slot);
                    while let Ok((round, slot)) = finished.try_recv() {
                        self.ended(round, slot);
                    }
                    self.begin_waiting();
                }
                ask = asks.recv() => match ask {
                    Some(ask) => self.asked(ask),
                    None => return,
                },
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn replace(&mut self, watched: Vec<Watched>) {
        self.round += 1;
        let now = self.now_us();
        let known: HashMap<CheckId, (u64, Duration)> = std::mem::take(&mut self.slots)
            .into_iter()
            .map(|s| (s.watched.id.clone(), (s.phase_us, s.watched.interval)))
            .collect();
        self.due.clear();
        self.waiting.clear();
        self.per_target.clear();
        self.running = 0;
        let mut order: Vec<(u64, usize)> =
            watched.iter().enumerate().map(|(i, w)| (hash(w.id.as_str()), i)).collect();
        order.sort_unstable();
        let new = order.iter().filter(|(_, i)| !known.contains_key(&watched[*i].id)).count().max(1) as u64;
        let mut rank = 0u64;
        self.index = watched.iter().enumerate().map(|(i, w)| (w.id.clone(), i)).collect();
        for (h, i) in order {
            let w = &watched[i];
            let interval = micros(w.interval).max(1);
            let phase_us = h % interval;
            let first = match known.get(&w.id) {
                Some((_, before)) if *before == w.interval => next_turn(now, phase_us, interval),
                _ => {
                    let window = (interval / 100 * FIRST_ROUND_PERCENT).min(new * micros(FIRST_LOOK_SPACING));
                    rank += 1;
                    now + (rank - 1) * window / new
                }
            };
            self.due.push(Reverse((first, i, Turn::Regular)));
        }
        let mut phases: Vec<u64> =
            watched.iter().map(|w| hash(w.id.as_str()) % micros(w.interval).max(1)).collect();
        self.slots = watched
            .into_iter()
            .zip(phases.drain(..))
            .map(|(watched, phase_us)| Slot {
                watched,
                phase_us,
                looking: Arc::default(),
                asked: false,
                waits: false,
            })
            .collect();
        self.vitals.checks.store(self.slots.len() as u64, Relaxed);
    }

    fn asked(&mut self, ask: Ask) {
        match ask {
            Ask::Replace(watched) => self.replace(watched),
            Ask::Look { check, after, recheck } => {
                let Some(i) = self.index.get(&check).copied() else { return };
                if !self.slots[i].asked && self.due.len() < self.slots.len() + ASKED_MAX {
                    self.slots[i].asked = true;
                    self.due.push(Reverse((self.now_us() + micros(after), i, Turn::Asked { recheck })));
                }
            }
        }
    }

    fn begin_due(&mut self, now: u64) {
        while let Some(Reverse((at, i, turn))) = self.due.peek().copied() {
            if at > now {
                return;
            }
            self.due.pop();
            if turn == Turn::Regular {
                let slot = &self.slots[i];
                // A turn at least half an interval away: the first quick round must not be followed at once by the
                // hashed turn of the same check.
                let interval = micros(slot.watched.interval).max(1);
                let next =
                    next_turn(at.max(now.saturating_sub(interval)) + interval / 2, slot.phase_us, interval);
                self.due.push(Reverse((next, i, Turn::Regular)));
                if slot.looking.load(Relaxed) {
                    // Its look of before has not ended: waiting in line, or slower than its interval.
                    if slot.waits {
                        self.skipped(i);
                    }
                    continue;
                }
                slot.looking.store(true, Relaxed);
            }
            if self.has_place(i) {
                self.begin(i, turn, now.saturating_sub(at));
            } else {
                self.slots[i].waits |= turn == Turn::Regular;
                self.waiting.push_back((i, turn, at));
            }
        }
    }

    fn has_place(&self, i: usize) -> bool {
        self.running < self.limits.looks
            && self.per_target.get(&self.slots[i].watched.target).copied().unwrap_or(0)
                < self.limits.per_target
    }

    fn begin_waiting(&mut self) {
        // Each waiting look is tried at most once a pass: one busy target must not hold up the others.
        for _ in 0..self.waiting.len().min(TRIES_A_PASS) {
            if self.running >= self.limits.looks {
                return;
            }
            let Some((i, turn, at)) = self.waiting.pop_front() else { return };
            if self.has_place(i) {
                self.slots[i].waits &= turn != Turn::Regular;
                let lag = self.now_us().saturating_sub(at);
                self.begin(i, turn, lag);
            } else {
                self.waiting.push_back((i, turn, at));
            }
        }
    }

    fn begin(&mut self, i: usize, turn: Turn, lag_us: u64) {
        let slot = &mut self.slots[i];
        let watched = slot.watched.clone();
        self.running += 1;
        *self.per_target.entry(watched.target.clone()).or_default() += 1;
        self.vitals.began(lag_us / 1_000);
        let recheck = matches!(turn, Turn::Asked { recheck: true });
        if matches!(turn, Turn::Asked { .. }) {
            slot.asked = false;
        }
        let looking = (turn == Turn::Regular).then(|| slot.looking.clone());
        let ended = Ended { done: self.done.clone(), round: self.round, slot: i, looking };
        let look = Look {
            watched,
            recheck,
            guard: self.guard.clone(),
            vitals: self.vitals.clone(),
            seen: self.seen.clone(),
            vantage: self.vantage.clone(),
            clock: self.clock,
        };
        tokio::spawn(look.take(ended));
    }

    fn ended(&mut self, round: u64, i: usize) {
        if round != self.round {
            return;
        }
        self.running = self.running.saturating_sub(1);
        if let Some(n) = self.per_target.get_mut(&self.slots[i].watched.target) {
            *n = n.saturating_sub(1);
        }
    }

    fn skipped(&mut self, i: usize) {
        self.vitals.looks_skipped.fetch_add(1, Relaxed);
        let observation = own_fault(
            self.slots[i].watched.id.clone(),
            self.vantage.clone(),
            self.clock.now().wall,
            Finding::FellBehind,
        );
        hand_over(&self.seen, &self.vitals, Seen::Skipped(observation));
    }

    fn now_us(&self) -> u64 {
        self.clock.mono_us()
    }
}

/// One look under way, with all it needs.
struct Look {
    watched: Watched,
    recheck: bool,
    guard: Arc<Guard>,
    vitals: Arc<Vitals>,
    seen: mpsc::Sender<Seen>,
    vantage: VantageId,
    clock: Clock,
}

/// Gives the place back, also when the look panics.
struct Ended {
    done: mpsc::UnboundedSender<(u64, usize)>,
    round: u64,
    slot: usize,
    looking: Option<Arc<AtomicBool>>,
}

// === impl Look ===

impl Look {
    async fn take(self, ended: Ended) {
        let began = self.clock.now().wall;
        let probe = self.watched.probe.clone();
        let recheck = self.recheck;
        // A panic in a probe is our fault, and must neither be silence nor the target's *down*: hence a task.
        // Only failing looks pay for more than the one poll chain.
        let mut unfinished = Unfinished { look: &self, began, armed: true };
        let mut observation = probe.look(recheck).await;
        unfinished.armed = false;
        drop(unfinished);
        if matches!(observation.outcome, Outcome::Down | Outcome::Unknown) && !self.watched.local {
            let up = self.guard.uplink_is_up().await;
            observation = stillhere_judge::attribute(observation, up);
        }
        self.vitals.ended(observation.outcome);
        hand_over(&self.seen, &self.vitals, Seen::Look(observation));
        drop(ended);
    }
}

struct Unfinished<'a> {
    look: &'a Look,
    began: stillhere_model::Time,
    armed: bool,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.armed && std::thread::panicking() {
            self.look.vitals.ended(Outcome::Unknown);
            let finding = Finding::OwnFault { what: "the probe stopped unexpectedly".to_owned() };
            let observation =
                own_fault(self.look.watched.id.clone(), self.look.vantage.clone(), self.began, finding);
            hand_over(&self.look.seen, &self.look.vitals, Seen::Look(observation));
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(looking) = &self.looking {
            looking.store(false, Relaxed);
        }
        // The watcher is gone when the process stops: nobody counts places then.
        let _ = self.done.send((self.round, self.slot));
    }
}

/// Never waits: a full queue must not hold up looks. What does not fit is counted, and the judge's own rule of
/// freshness says that nothing was seen.
fn hand_over(seen: &mpsc::Sender<Seen>, vitals: &Vitals, what: Seen) {
    if seen.try_send(what).is_err() {
        vitals.observations_dropped.fetch_add(1, Relaxed);
    }
}

pub(crate) fn own_fault(
    check: CheckId,
    vantage: VantageId,
    at: stillhere_model::Time,
    finding: Finding,
) -> Observation {
    Observation {
        check,
        vantage,
        at,
        outcome: Outcome::Unknown,
        side: Some(Side::Us),
        total_us: 0,
        phases: Phases::default(),
        finding: Some(finding),
        detail: None,
        recheck: false,
    }
}

/// The first time from `from` on that is `phase` in its interval.
fn next_turn(from: u64, phase: u64, interval: u64) -> u64 {
    let base = from / interval * interval + phase;
    if base >= from { base } else { base + interval }
}

fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX / 4)
}

/// FNV-1a, 64 bit, finished by a multiply-shift so that neighbouring names land far apart.
fn hash(s: &str) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325u64;
    for b in s.bytes() {
        h = (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
    }
    h ^= h >> 33;
    h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
    h ^ (h >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_turn_is_never_in_the_past_and_less_than_an_interval_away() {
        for from in [0, 1, 999, 1_000, 1_001, 123_456] {
            for phase in [0, 1, 500, 999] {
                let at = next_turn(from, phase, 1_000);
                assert!(at >= from && at < from + 1_000 && at % 1_000 == phase, "{from} {phase} {at}");
            }
        }
    }

    #[test]
    fn similar_names_are_spread_over_the_interval() {
        let mut buckets = [0u32; 20];
        for i in 0..20_000 {
            buckets[(hash(&format!("service-{i}/http")) % 20_000 / 1_000) as usize] += 1;
        }
        assert!(buckets.iter().all(|n| (800..1_200).contains(n)), "{buckets:?}");
    }
}
