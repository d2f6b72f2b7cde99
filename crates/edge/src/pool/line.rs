//! Those who wait: who goes on, who has waited too long, and what they are told then.

use super::{
    Ask, Line, NoPlace, Outcome, Pool, Queue, ROOM_LONGEST_US, SILENT, SILENT_LEAST_US, STANDING_US,
    STANDING_WAIT, STANDING_WAIT_LEAST_US, State, TARGET_US, Turn, Waiting,
};
use std::{
    sync::{
        Arc,
        atomic::Ordering::{Relaxed, SeqCst},
    },
    time::{Duration, Instant},
};

impl Pool {
    /// Those who waited for a node go first, as long as they may have waited.
    pub(super) fn catch_up(&self, t: u64) {
        if self.waiting.load(SeqCst) > 0 {
            self.catching_up_us.store(t + self.spec.hold.as_micros() as u64, Relaxed);
        }
    }

    /// Gives room to those who wait.
    pub(super) fn go_on(&self, t: u64) {
        if self.waiting.load(SeqCst) == 0 {
            return;
        }
        let mut q = self.queue();
        self.pump(&mut q, t);
        let woken = q.woken();
        self.waiting.store(q.len(), SeqCst);
        drop(q);
        wake(woken);
    }

    pub(super) fn pump(&self, q: &mut Queue, t: u64) {
        // Said before the room is looked at: whoever makes room looks at this afterwards.
        self.waiting.store(q.len(), SeqCst);
        if self.paused_at(t) {
            return;
        }
        if self.all_out() {
            return self.try_out(q, t);
        }
        self.shed(q, t);
        for line in Line::ALL {
            while q.len_of(line) > 0 {
                let newest_first = self.newest_first(q, line, t);
                let next = if newest_first { q.newest_of(line) } else { q.oldest_of(line) };
                let Some((turn, waiting)) = next else { break };
                let since_us = waiting.since_us;
                // With only one node that has room, waiting on for another would be worse.
                let picked = self.pick(&waiting.ask, t).or_else(|| {
                    waiting.ask.not.and_then(|_| self.pick(&Ask { not: None, ..waiting.ask }, t))
                });
                let Some((node, taken)) = picked else { return };
                q.end(turn, Outcome::Place { node, taken, since_us });
            }
        }
        if q.len() == 0 {
            self.catching_up_us.store(0, Relaxed);
        }
    }

    /// Sends some of those who have waited longest to nodes that are tried.
    fn try_out(&self, q: &mut Queue, t: u64) {
        let next = |q: &Queue| {
            let (turn, w) = Line::ALL.into_iter().find_map(|line| q.oldest_that(line, |w| w.ask.may_try))?;
            Some((turn, w.ask.route, w.since_us))
        };
        for (node, known) in self.nodes.iter().enumerate() {
            while known.state().is_tried()
                && let Some((turn, route, since_us)) = next(q)
            {
                let patience = self.routes.patience(self.routes.row(route, t));
                let Some(taken) = known.state().take_trial(patience, t) else { break };
                q.end(turn, Outcome::Place { node, taken, since_us });
            }
        }
    }

    /// Since when no node has answered anything, if that is odd.
    pub(super) fn silent_since(&self, t: u64) -> Option<u64> {
        let up = || self.nodes.iter().map(|n| n.state()).filter(|s| s.is(State::Up));
        // One that just finished its last request is not silent.
        let last = up().map(|s| if s.in_flight() == 0 { t } else { s.quiet_us() }).max()?;
        let odd = ((SILENT * self.typical_us()) as u64).max(SILENT_LEAST_US);
        (t.saturating_sub(last) >= odd).then_some(last)
    }

    /// Nobody is sent away for having waited, not even who came while there still seemed to be a node.
    pub(super) fn bridged(&self, t: u64) -> bool {
        t < self.bridging_us.load(Relaxed)
            || t < self.catching_up_us.load(Relaxed)
            || self.silent_since(t).is_some()
    }

    /// Sends those away who have waited too long for room, but for the patient.
    pub(super) fn shed(&self, q: &mut Queue, t: u64) {
        if self.bridged(t) {
            return;
        }
        let longest = self.longest_us(q, t);
        for line in Line::ALL.into_iter().filter(|line| !line.patient) {
            while let Some((turn, waiting)) = q.oldest_of(line) {
                let waited = t.saturating_sub(waiting.since_us);
                if waiting.held || waited < longest {
                    break;
                }
                self.refuse(q, turn, NoPlace::Overloaded { waited: Duration::from_micros(waited) }, t);
            }
        }
    }

    pub(super) fn refuse(&self, q: &mut Queue, turn: Turn, why: NoPlace, t: u64) {
        if q.end(turn, Outcome::No(why)) {
            self.count(why);
            if matches!(why, NoPlace::Overloaded { .. }) {
                self.overloaded_us.store(t.max(1), Relaxed);
            }
        }
    }

    /// How long one may wait for room now.
    pub(super) fn longest_us(&self, q: &Queue, t: u64) -> u64 {
        let since = q.waiting_since_us().map(|since| since.max(self.bridging_us.load(Relaxed)));
        let standing = since.is_some_and(|since| t.saturating_sub(since) >= STANDING_US);
        if !standing {
            return ROOM_LONGEST_US;
        }
        let usual = (STANDING_WAIT * self.typical_us()) as u64;
        usual.clamp(STANDING_WAIT_LEAST_US, ROOM_LONGEST_US)
    }

    pub(super) fn newest_first(&self, q: &Queue, line: Line, t: u64) -> bool {
        let fifo = t < self.catching_up_us.load(Relaxed) || t < self.bridging_us.load(Relaxed);
        if fifo || line.patient || self.paused_at(t) {
            return false;
        }
        let late = q.oldest_of(line).is_some_and(|(_, w)| t.saturating_sub(w.since_us) > TARGET_US);
        if late {
            self.overloaded_us.store(t.max(1), Relaxed);
        }
        late
    }

    /// Until when somebody may wait as things are now, and what to say then.
    pub(super) fn deadline(&self, w: &Waiting, t: u64) -> (u64, fn(Duration) -> NoPlace) {
        let hold = w.since_us + self.spec.hold.as_micros() as u64;
        let (until, why): (u64, fn(Duration) -> NoPlace) = if self.paused_at(t) {
            (hold, |waited| NoPlace::Paused { waited })
        } else if self.all_out() {
            (hold, |waited| NoPlace::AllOut { waited })
        } else {
            let until = if w.held || w.ask.patient || self.bridged(t) {
                hold
            } else {
                w.since_us + ROOM_LONGEST_US.min(hold - w.since_us)
            };
            (until, |waited| NoPlace::Overloaded { waited })
        };
        (w.ask.until.map_or(until, |u| until.min(self.us_of(u))), why)
    }

    /// Without telling the pool that it is so late.
    pub(super) fn us_of(&self, when: Instant) -> u64 {
        when.saturating_duration_since(self.began).as_micros() as u64
    }

    pub(super) fn expire(&self, q: &mut Queue, turn: Turn, t: u64) -> Option<u64> {
        let waiting = q.waiting(turn)?;
        let (deadline, why) = self.deadline(waiting, t);
        if t < deadline {
            return Some(deadline);
        }
        let waited = Duration::from_micros(t.saturating_sub(waiting.since_us));
        self.refuse(q, turn, why(waited), t);
        None
    }

    /// The deadline of somebody who waits has come. The next one, if it may wait on.
    pub(super) fn overdue(&self, turn: Turn, now: Instant) -> Option<Instant> {
        let t = self.us(now);
        let mut q = self.queue();
        let next = self.expire(&mut q, turn, t);
        let woken = q.woken();
        self.waiting.store(q.len(), SeqCst);
        drop(q);
        wake(woken);
        next.map(|us| self.instant(us))
    }

    /// Somebody who waited has gone.
    pub(super) fn leave(self: &Arc<Self>, turn: Turn, ask: &Ask) {
        let mut q = self.queue();
        let outcome = q.leave(turn);
        self.waiting.store(q.len(), SeqCst);
        drop(q);
        if let Some(Outcome::Place { node, taken, since_us }) = outcome {
            drop(self.place(node, taken, ask, since_us));
        }
    }

    /// Everybody who waits goes to the heir.
    pub(super) fn move_all(&self) {
        let mut q = self.queue();
        for line in Line::ALL {
            while let Some((turn, waiting)) = q.oldest_of(line) {
                let since_us = waiting.since_us;
                q.end(turn, Outcome::Moved { since_us });
            }
        }
        let woken = q.woken();
        self.waiting.store(0, SeqCst);
        drop(q);
        wake(woken);
    }
}

pub(super) fn wake(woken: Vec<std::task::Waker>) {
    for waker in woken {
        waker.wake();
    }
}
