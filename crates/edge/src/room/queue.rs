//! Who waits, who is inside, and who is next. Everything here can be learned again from the tokens.

use super::{RoomSpec, ticket::Token};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};
use stillhere_model::{Time, time::millis};

/// Most who are known to wait, about 40 MB. Further ones have their ticket, and are known when they are further ahead.
const WAITING_MAX: usize = 500_000;
/// Most sessions that are known to be inside.
const ACTIVE_MAX: usize = 1_000_000;
/// Most ended sessions whose tickets are remembered as used; the oldest are forgotten first.
const DONE_MAX: usize = 200_000;
/// How often the frontier moves, in milliseconds.
const TICK: i64 = 100;
/// Between two asks of one who waits.
const ASK_LEAST: Duration = Duration::from_secs(2);
const ASK_MOST: Duration = Duration::from_secs(30);
/// Asks in a second that we want of all who wait together: more of them ask less often.
const ASKS_PER_SECOND: u64 = 4_000;
/// Somebody who is this late, after having had as long again as they were told, has gone.
const LATE: Duration = Duration::from_secs(5);
/// After a restart, when somebody shows a ticket from before: until all of them must have asked.
const SETTLE: Duration = Duration::from_secs(35);
/// Over how many seconds the rate of entry is measured, and how many of them it takes to be said.
const RATE_SECONDS: i64 = 60;
const RATE_LEAST: i64 = 3;

/// Place in the order: when they came, and who.
type Key = (i64, u64);

#[derive(Debug)]
pub(super) struct Queue {
    started: i64,
    /// A ticket from before the start was shown.
    inherited: bool,
    /// By order; until when each is counted as present.
    waiting: BTreeMap<Key, i64>,
    /// How many of them came in each second.
    seconds: BTreeMap<i64, usize>,
    inside: HashMap<u64, i64>,
    ends: BTreeSet<(i64, u64)>,
    /// Sessions that ended: their tickets do not bring anybody to the front again. True: somebody said so, and the
    /// pass is worth nothing either.
    done: HashMap<u64, bool>,
    done_order: VecDeque<(i64, u64)>,
    /// Those who were inside before the start and have not been seen since, as a token said at that time.
    ghosts: Option<Ghosts>,
    /// Everybody up to here may enter, as long as there are places.
    frontier: Key,
    /// So many of those up to the frontier have not come for their place yet.
    invited: usize,
    next_tick: i64,
    /// Entries that the rate allows, in thousandths.
    allowance: i64,
    allowed_at: i64,
    entries: VecDeque<(i64, u64)>,
    /// Since when somebody has been waiting.
    busy_since: Option<i64>,
    /// Sessions a second that the nodes can begin.
    pub(super) capacity: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Ghosts {
    count: u32,
    at: i64,
    gone: i64,
    seen: u32,
}

/// Where somebody stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Inside,
    Waiting { ahead: Option<u64>, eta: Option<Duration>, ask_again: Duration },
}

// === impl Queue ===

impl Queue {
    pub(super) fn new(now: Time) -> Queue {
        Queue {
            started: now.0,
            inherited: false,
            waiting: BTreeMap::new(),
            seconds: BTreeMap::new(),
            inside: HashMap::new(),
            ends: BTreeSet::new(),
            done: HashMap::new(),
            done_order: VecDeque::new(),
            ghosts: None,
            frontier: (i64::MAX, 0),
            invited: 0,
            next_tick: 0,
            allowance: 0,
            allowed_at: i64::MIN,
            entries: VecDeque::new(),
            busy_since: None,
            capacity: None,
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Sessions inside, with those that must be assumed.
    pub(super) fn active(&self, now: Time) -> u32 {
        let ghosts = self.ghosts.map_or(0, |g| {
            let left = (g.gone - now.0).max(0);
            let span = (g.gone - g.at).max(1);
            let still = (i64::from(g.count) * left.min(span) + span - 1) / span;
            u32::try_from(still).unwrap_or(0).saturating_sub(g.seen)
        });
        u32::try_from(self.inside.len()).unwrap_or(u32::MAX).saturating_add(ghosts)
    }

    /// Takes from a token what was known before the start.
    pub(super) fn learn(&mut self, token: &Token, pass_for: Duration, now: Time) {
        if token.stamp.0 >= self.started {
            return;
        }
        if token.kind == super::Kind::Ticket {
            if !self.inherited && now.0 < self.started.saturating_add(millis(SETTLE)) {
                self.inherited = true;
                self.next_tick = 0;
            }
        } else if !self.inside.contains_key(&token.nonce)
            && let Some(ghosts) = &mut self.ghosts
        {
            ghosts.seen = ghosts.seen.saturating_add(1);
        }
        // The newest word counts.
        if self.ghosts.is_none_or(|g| g.at < token.stamp.0) {
            let seen = self.ghosts.map_or(0, |g| g.seen);
            let gone = token.stamp.plus(pass_for).0;
            self.ghosts = Some(Ghosts { count: token.active, at: token.stamp.0, gone, seen });
        }
    }

    /// One session is inside, until then.
    pub(super) fn occupy(&mut self, nonce: u64, until: Time) {
        if let Some(before) = self.inside.get(&nonce) {
            self.ends.remove(&(*before, nonce));
        } else if self.inside.len() >= ACTIVE_MAX {
            return;
        }
        self.inside.insert(nonce, until.0);
        self.ends.insert((until.0, nonce));
    }

    pub(super) fn leave(&mut self, nonce: u64, now: Time) {
        if let Some(until) = self.inside.remove(&nonce) {
            self.ends.remove(&(until, nonce));
        }
        self.finish(nonce, true, now);
    }

    /// Whether a token of a session that ended is shown.
    pub(super) fn is_done(&self, token: &Token) -> bool {
        let left = self.done.get(&token.nonce);
        left.is_some_and(|left| *left || token.kind == super::Kind::Ticket)
    }

    fn finish(&mut self, nonce: u64, left: bool, now: Time) {
        if self.done.insert(nonce, left).is_none() {
            self.done_order.push_back((now.0, nonce));
        }
        while let Some(&(at, nonce)) = self.done_order.front()
            && (self.done_order.len() > DONE_MAX || now.0 - at > millis(super::ticket::LONGEST))
        {
            self.done_order.pop_front();
            self.done.remove(&nonce);
        }
    }

    /// Somebody with this ticket asks.
    pub(super) fn ask(&mut self, issued: Time, nonce: u64, spec: &RoomSpec, now: Time) -> Place {
        let key = (issued.0, nonce);
        self.allow(spec, now);
        if self.inside.contains_key(&nonce) {
            // The answer that said so was lost, or two share a ticket.
            self.forget(key);
            self.occupy(nonce, now.plus(spec.pass_for));
            return Place::Inside;
        }
        let known = self.waiting.contains_key(&key);
        // An open door is shut when the first one must wait, not at the next tick: a place that becomes free meanwhile
        // belongs to the first, not to whoever asks next.
        let stale = self.frontier.0 == i64::MAX && self.free(spec, now) < self.waiting.len();
        if now.0 >= self.next_tick || stale {
            self.tick(spec, now);
        }
        let free = self.free(spec, now);
        // Places up to the frontier are kept for those who are there. A newcomer takes one that is left over.
        let mine =
            key <= self.frontier && (known || self.frontier.0 != i64::MAX || free > self.waiting.len());
        if mine && free > 0 {
            self.forget(key);
            self.occupy(nonce, now.plus(spec.pass_for));
            self.allowance -= 1000;
            self.invited = self.invited.saturating_sub(1);
            self.entered(now);
            return Place::Inside;
        }
        let ahead = self.ahead(key);
        let eta = self.eta(ahead, spec, now);
        let ask_again = self.ask_again(eta);
        self.wait(key, now.plus(ask_again * 2).plus(LATE).0);
        self.busy_since.get_or_insert(now.0);
        Place::Waiting { ahead: Some(ahead), eta, ask_again }
    }

    /// People a second who entered while others waited.
    pub(super) fn rate(&self, now: Time) -> Option<f64> {
        let span = (now.0 - self.busy_since?) / 1000;
        let since = now.0 / 1000 - RATE_SECONDS;
        let entered: u64 = self.entries.iter().filter(|(s, _)| *s > since).map(|(_, n)| n).sum();
        (span >= RATE_LEAST && entered > 0).then(|| entered as f64 / span.min(RATE_SECONDS) as f64)
    }

    /// Sets the frontier: as many of the first who are present as there are places.
    fn tick(&mut self, spec: &RoomSpec, now: Time) {
        self.next_tick = now.0 + TICK;
        if self.inherited && now.0 < self.started.saturating_add(millis(SETTLE)) {
            self.frontier = (i64::MIN, 0);
            self.invited = 0;
            return;
        }
        let free = self.free(spec, now);
        let mut gone = Vec::new();
        let mut places = 0;
        let mut frontier = (i64::MAX, 0);
        if free == 0 {
            frontier = (i64::MIN, 0);
        } else {
            for (key, until) in &self.waiting {
                if *until <= now.0 {
                    gone.push(*key);
                    continue;
                }
                places += 1;
                if places == free {
                    frontier = *key;
                    break;
                }
            }
        }
        for key in gone {
            self.forget(key);
        }
        self.frontier = frontier;
        self.invited = places;
    }

    fn free(&self, spec: &RoomSpec, now: Time) -> usize {
        let places = spec.max_active.map_or(u32::MAX, |most| most.saturating_sub(self.active(now)));
        let paced = if self.per_second(spec).is_some() { (self.allowance / 1000).max(0) } else { i64::MAX };
        usize::try_from(paced).unwrap_or(usize::MAX).min(places as usize)
    }

    fn per_second(&self, spec: &RoomSpec) -> Option<f64> {
        spec.enter_per_minute.map(|n| f64::from(n) / 60.0).or(self.capacity)
    }

    /// Entries that have become allowed. Those of one second may come at once, and one in any case; beyond that, what
    /// is kept for those who are invited is not lost while they take their time.
    fn allow(&mut self, spec: &RoomSpec, now: Time) {
        let Some(rate) = self.per_second(spec) else { return };
        // Beyond a million a second a limit is none, and the sum stays far from the end of the numbers.
        let rate = rate.min(1e6);
        let kept = i64::try_from(self.invited).unwrap_or(0).saturating_mul(1000);
        let most = ((rate * 1000.0).max(1000.0) as i64).saturating_add(kept);
        if self.allowed_at == i64::MIN {
            self.allowance = (rate * 1000.0).max(1000.0) as i64;
            self.allowed_at = now.0;
        }
        let passed = (now.0 - self.allowed_at).clamp(0, 60_000);
        let more = (rate * passed as f64) as i64;
        if more > 0 {
            self.allowance = (self.allowance + more).min(most);
            self.allowed_at = now.0;
        } else if now.0 < self.allowed_at {
            self.allowed_at = now.0;
        }
    }

    pub(super) fn expire(&mut self, now: Time) {
        while let Some(&(until, nonce)) = self.ends.first()
            && until <= now.0
        {
            self.ends.pop_first();
            self.inside.remove(&nonce);
            self.finish(nonce, false, now);
        }
    }

    fn wait(&mut self, key: Key, until: i64) {
        if let Some(present) = self.waiting.get_mut(&key) {
            *present = until;
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            match self.waiting.last_key_value() {
                Some((last, _)) if *last > key => {
                    let last = *last;
                    self.forget(last);
                }
                _ => return,
            }
        }
        self.waiting.insert(key, until);
        *self.seconds.entry(second(key)).or_default() += 1;
    }

    fn forget(&mut self, key: Key) {
        if self.waiting.remove(&key).is_none() {
            return;
        }
        if let Some(count) = self.seconds.get_mut(&second(key)) {
            *count -= 1;
            if *count == 0 {
                self.seconds.remove(&second(key));
            }
        }
        if self.waiting.is_empty() {
            self.busy_since = None;
            self.entries.clear();
        }
    }

    fn entered(&mut self, now: Time) {
        let second = now.0 / 1000;
        match self.entries.back_mut() {
            Some((last, count)) if *last == second => *count += 1,
            _ => self.entries.push_back((second, 1)),
        }
        if self.entries.len() > RATE_SECONDS as usize {
            self.entries.pop_front();
        }
    }

    /// How many are before this one: exact where few came in the same second, else by their share of it.
    fn ahead(&self, key: Key) -> u64 {
        const FEW: usize = 256;
        let own = second(key);
        let before: usize = self.seconds.range(..own).map(|(_, n)| n).sum();
        let within = self.seconds.get(&own).copied().unwrap_or(0);
        let part = if within <= FEW {
            self.waiting.range((own * 1000, 0)..key).count()
        } else {
            within * usize::try_from(key.0.rem_euclid(1000)).unwrap_or(0) / 1000
        };
        (before + part) as u64
    }

    fn eta(&self, ahead: u64, spec: &RoomSpec, now: Time) -> Option<Duration> {
        let settling = if self.inherited { self.started + millis(SETTLE) - now.0 } else { 0 };
        let rate = self.rate(now).or_else(|| self.per_second(spec)).filter(|r| *r > 0.0)?;
        let seconds = ((ahead + 1) as f64 / rate).min(86_400.0);
        let settling = Duration::from_millis(u64::try_from(settling).unwrap_or(0));
        Some(settling + Duration::from_millis((seconds * 1000.0) as u64))
    }

    fn ask_again(&self, eta: Option<Duration>) -> Duration {
        let by_crowd = Duration::from_millis(self.waiting.len() as u64 * 1000 / ASKS_PER_SECOND);
        let by_turn = eta.map_or(ASK_LEAST, |eta| eta / 2);
        by_turn.max(by_crowd).clamp(ASK_LEAST, ASK_MOST)
    }
}

fn second(key: Key) -> i64 {
    key.0.div_euclid(1000)
}
