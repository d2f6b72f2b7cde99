//! The nodes that do the same work: who takes the next request, who is out, who must wait.
//!
//! Shared by all workers. Everything takes the time as a parameter; nothing here does I/O: the connections belong to
//! `upstream`, which reports what happened to a [`Place`].

mod budget;
mod health;
mod learn;
mod limiter;
mod line;
mod made;
mod node;
mod pause;
mod pick;
mod place;
mod probes;
mod queue;
mod routes;
mod spec;
mod view;
mod wait;

#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;

pub use health::{NodeState, Sign, Why};
pub use node::{Node, NodeId, NodeTls, Origin, Scheme};
pub use place::Place;
pub use probes::Probe;
pub use spec::PoolSpec;
pub use view::{NodeView, PoolView, QueueView, Refused};

use crate::spec::Priority;
use budget::Budget;
use health::{Change, State};
use limiter::Sample;
use line::wake;
use node::Taken;
use queue::{Line, Outcome, Queue, Turn, Waiting};
use routes::{Routes, Row};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use wait::{Entry, Ticket};

/// While nodes are up, nobody waits longer than this for room.
const ROOM_LONGEST_US: u64 = 1_000_000;
/// When there has been a queue for so long, there are too many; the rest of the wait is cut short, so that whoever
/// cannot be served learns it while it can still do something else.
const STANDING_US: u64 = 500_000;
/// When no node that is up answers anything for this long, or so many times the usual, it is no overload but a stall
/// (a busy machine, a hanging database): whoever waits is held, and let in afterwards in the order they came.
const SILENT_LEAST_US: u64 = 100_000;
const SILENT: f64 = 2.0;
/// How long one may wait in a standing queue: so many times the usual answer, within bounds.
const STANDING_WAIT: f64 = 2.0;
const STANDING_WAIT_LEAST_US: u64 = 100_000;
/// When somebody waits longer than this, the newest go first: they are the ones who are still there.
const TARGET_US: u64 = 50_000;
/// After the last sign of overload nothing is repeated for so long.
const OVERLOAD_US: u64 = 1_000_000;
/// How exact the time is for those who cannot tell it.
const LATELY_US: u64 = 500;
/// A request that was left after so many times the usual counts as a late answer.
const LEFT_LATE: f64 = 1.5;
/// So many of those who wait go to a node that takes connections again, while its health page is still being asked for.
const TRIALS: u32 = 10;
/// Who asks for a place.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// Hash of the client: one client may take only its share of a queue.
    pub client: u64,
    pub priority: Priority,
    /// Bytes that are kept in memory while it waits.
    pub bytes: u64,
    /// A node that just failed this request, or is being hedged against.
    pub not: Option<NodeId>,
    /// Which kind of request it is, so that fast and slow paths of one node are not mixed up.
    pub route: u64,
    /// Not later than this, whatever the pool's `hold` says.
    pub until: Option<Instant>,
    /// It waits for room as long as for a node, behind those that somebody looks at: a WebSocket. When ten thousand come
    /// back at once, sending them away only brings them back once more.
    pub patient: bool,
    /// It may go to a node that takes connections again and has answered nothing yet: whatever comes of it there, it can be
    /// sent again.
    pub may_try: bool,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// All nodes are out, and it has waited as long as it may.
    AllOut { waited: Duration },
    /// A person paused the service, and it has waited as long as it may.
    Paused { waited: Duration },
    /// There are more requests than the nodes can do.
    Overloaded { waited: Duration },
    /// The queue is full (of all clients, or of this one's share).
    QueueFull,
}

/// How a pool looks to whoever comes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Takes,
    Paused,
    AllOut,
    Overloaded,
}

/// How an attempt ended, as far as the node is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection: nothing was sent.
    Connect,
    /// The connection ended before the head of the answer.
    Cut,
    /// The answer's head did not come in time.
    Silent,
    /// It answered something that is not HTTP.
    Garbled,
}

/// A pool and its nodes' state.
#[derive(Debug)]
pub struct Pool {
    name: Arc<str>,
    spec: PoolSpec,
    nodes: Vec<Arc<Node>>,
    routes: Arc<Routes>,
    queue: Mutex<Queue>,
    /// So that nobody needs the lock to see that nobody waits.
    waiting: AtomicUsize,
    budget: Mutex<Budget>,
    /// Times are microseconds since then.
    began: Instant,
    /// The last time anybody told.
    lately_us: AtomicU64,
    dice: AtomicU64,
    typical_us: AtomicU32,
    /// Zero when it is not paused.
    paused_until_us: AtomicU64,
    paused_us: AtomicU64,
    overloaded_us: AtomicU64,
    /// Until then those who waited for a node to come back are let in, in the order they came.
    catching_up_us: AtomicU64,
    /// Until then whoever waited while nothing was answered is let in, in the order they came.
    bridging_us: AtomicU64,
    admitted: AtomicU64,
    refused: [AtomicU64; 4],
    rate: Mutex<Rate>,
    heir: OnceLock<Arc<Pool>>,
}

/// Answers a second.
#[derive(Debug, Default)]
struct Rate {
    per_s: f64,
    answers: u64,
    at_us: u64,
}

// === impl Pool ===

impl Pool {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The same, to be kept.
    #[must_use]
    pub fn shared_name(&self) -> &Arc<str> {
        &self.name
    }
    #[must_use]
    pub fn spec(&self) -> &PoolSpec {
        &self.spec
    }
    #[must_use]
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// Takes one repeat (retry or hedge) out of the budget. False: there have been too many already, or the nodes
    /// have too much to do as it is.
    #[must_use]
    pub fn may_repeat(&self, now: Instant) -> bool {
        let t = self.us(now);
        !self.overloaded_at(t) && self.budget().take(self.admitted.load(Relaxed), t)
    }

    /// How long the answer's head may take before a second node is asked as well; None: there is no second node.
    #[must_use]
    pub fn hedge_after(&self, route: u64) -> Option<Duration> {
        let up = self.nodes.iter().filter(|n| n.state().is(State::Up)).count();
        // One that is suspected is what is hedged against.
        let usable = up + self.nodes.iter().filter(|n| n.state().is(State::Suspect)).count();
        if up == 0 || usable < 2 {
            return None;
        }
        self.routes.hedge_after(self.routes.row(route, self.lately_us.load(Relaxed)))
    }

    /// Whether a request would be sent to a node now rather than held until one is back.
    #[must_use]
    pub fn available(&self, now: Instant) -> bool {
        !self.paused_at(self.us(now)) && !self.all_out()
    }

    /// How it looks to whoever comes now.
    #[must_use]
    pub fn standing(&self, now: Instant) -> Standing {
        let t = self.us(now);
        match () {
            () if self.paused_at(t) => Standing::Paused,
            () if self.all_out() => Standing::AllOut,
            () if self.overloaded_at(t) => Standing::Overloaded,
            () => Standing::Takes,
        }
    }

    /// How long a new request will probably wait. None: nobody knows, because no node is there.
    #[must_use]
    pub fn estimate(&self, now: Instant, priority: Priority) -> Option<Duration> {
        let t = self.us(now);
        let until = self.paused_until_us.load(SeqCst);
        if t < until {
            return (until != u64::MAX).then(|| Duration::from_micros(until - t));
        }
        if self.all_out() {
            return None;
        }
        if self.waiting.load(SeqCst) == 0 {
            return Some(Duration::ZERO);
        }
        let before: usize = {
            let q = self.queue();
            let before = |l: &Line| *l <= Line { priority, patient: false };
            Line::ALL.into_iter().take_while(before).map(|l| q.len_of(l)).sum()
        };
        let rate = self.answers_per_s().max(1.0);
        Some(Duration::from_secs_f64(before as f64 / rate).min(self.spec.hold))
    }
}

// === impl Pool: for those who have a place, or wait for one ===

impl Pool {
    /// The pool that has replaced this one, or itself.
    fn heir(self: &Arc<Self>) -> &Arc<Pool> {
        let mut pool = self;
        while let Some(heir) = pool.heir.get() {
            pool = heir;
        }
        pool
    }

    fn us(&self, now: Instant) -> u64 {
        let t = now.saturating_duration_since(self.began).as_micros() as u64;
        // Written rarely, so that the workers do not fight for the line.
        if t > self.lately_us.load(Relaxed) + LATELY_US {
            self.lately_us.store(t, Relaxed);
        }
        t
    }
    fn instant(&self, us: u64) -> Instant {
        self.began + Duration::from_micros(us)
    }
    fn lately(&self) -> Instant {
        self.instant(self.lately_us.load(Relaxed))
    }
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn typical_us(&self) -> f64 {
        f64::from(f32::from_bits(self.typical_us.load(Relaxed)))
    }
    fn paused_at(&self, t: u64) -> bool {
        t < self.paused_until_us.load(SeqCst)
    }
    fn overloaded_at(&self, t: u64) -> bool {
        let at = self.overloaded_us.load(Relaxed);
        at != 0 && t < at + OVERLOAD_US
    }
    fn all_out(&self) -> bool {
        self.nodes.iter().all(|n| n.state().is(State::Down))
    }
    /// Requests that wait for a place.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    pub(crate) fn answers_per_s(&self) -> f64 {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner).per_s
    }

    fn measure_rate(&self, t: u64) {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = t.saturating_sub(rate.at_us);
        if passed < 100_000 {
            return;
        }
        let answers = self.nodes.iter().map(|n| n.state().answers()).sum::<u64>();
        if self.paused_at(t) || self.all_out() {
            // That nobody could answer says nothing of how much they can: those who come back are spread by that.
            *rate = Rate { answers, at_us: t, ..*rate };
            return;
        }
        let passed_s = passed as f64 / 1e6;
        let lately = answers.saturating_sub(rate.answers) as f64 / passed_s;
        let weight = if rate.at_us == 0 { 0.0 } else { 1.0 - (-passed_s).exp() };
        *rate = Rate { per_s: rate.per_s + (lately - rate.per_s) * weight, answers, at_us: t };
    }

    /// A place at once, or a turn in the queue.
    fn enter(self: &Arc<Self>, ask: Ask, now: Instant) -> Result<Entry, NoPlace> {
        let t = self.us(now);
        if self.waiting.load(SeqCst) == 0
            && !self.paused_at(t)
            && let Some((index, taken)) = self.pick(&ask, t)
        {
            return Ok(Entry::Place(self.place(index, taken, &ask, t)));
        }
        if ask.until.is_some_and(|until| self.us_of(until) <= t) {
            // Somebody who only asks: that is no sign of anything.
            let (_, why) = self.deadline(&Waiting { ask, since_us: t, held: false }, t);
            return Err(why(Duration::ZERO));
        }
        let mut q = self.queue();
        let held = self.paused_at(t) || self.all_out() || t < self.catching_up_us.load(Relaxed);
        let newest_first = self.newest_first(&q, Line::of(&ask), t);
        let turn = q.push(ask, held, t, newest_first);
        self.pump(&mut q, t);
        let woken = q.woken();
        let result = turn.map(|turn| (turn, q.waiting(turn).map_or(t, |w| self.deadline(w, t).0)));
        self.waiting.store(q.len(), SeqCst);
        drop(q);
        wake(woken);
        match result {
            Ok((turn, deadline)) => {
                let deadline = self.instant(deadline);
                Ok(Entry::Ticket(Ticket::new(self.clone(), ask, turn, deadline)))
            }
            Err(why) => {
                self.count(why);
                Err(why)
            }
        }
    }

    fn place(self: &Arc<Self>, index: usize, taken: Taken, ask: &Ask, since_us: u64) -> Place {
        self.admitted.fetch_add(1, Relaxed);
        let waited = Duration::from_micros(taken.at_us.saturating_sub(since_us));
        Place::new(self.clone(), index, taken, self.routes.row(ask.route, taken.at_us), waited)
    }

    fn count(&self, why: NoPlace) {
        let kind = match why {
            NoPlace::AllOut { .. } => 0,
            NoPlace::Paused { .. } => 1,
            NoPlace::Overloaded { .. } => 2,
            NoPlace::QueueFull => 3,
        };
        self.refused[kind].fetch_add(1, Relaxed);
    }
}
