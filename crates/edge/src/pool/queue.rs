//! Requests that wait for a node: in what order they go on, and which go away.
//!
//! Every operation is O(1) whatever waits: entries stand in a slab and are linked in one list for each [`Line`], so
//! that a client that leaves is taken out of the middle. One client may fill at most as much as is still free, so
//! that there is always room for another.

use super::{Ask, NoPlace, node::Taken};
use crate::spec::Priority;
use std::{collections::HashMap, task::Waker};

const NONE: u32 = u32::MAX;
/// Of those who wait, so many are looked at for one that fits.
const LOOKED_AT: usize = 64;
/// An empty queue keeps room for so many.
const KEPT: usize = 1_024;

#[derive(Debug)]
pub(super) struct Queue {
    entries: Vec<Entry>,
    free: u32,
    lists: [List; Line::ALL.len()],
    clients: HashMap<u64, Share>,
    len: usize,
    bytes: u64,
    most: usize,
    most_bytes: u64,
    turn: u64,
    waiting_since_us: u64,
    woken: Vec<Waker>,
}

/// Who stands behind whom: by priority, and in each the patient ones behind those that somebody looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub priority: Priority,
    pub patient: bool,
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    slot: u32,
    turn: u64,
}

/// How the waiting ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Place {
        node: usize,
        taken: Taken,
        since_us: u64,
    },
    No(NoPlace),
    /// The pool was replaced: wait there.
    Moved {
        since_us: u64,
    },
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub ask: Ask,
    pub since_us: u64,
    /// It may wait for a node to come back, rather than only for room.
    pub held: bool,
}

#[derive(Debug)]
struct Entry {
    turn: u64,
    before: u32,
    after: u32,
    waker: Option<Waker>,
    state: State,
}

#[derive(Debug)]
enum State {
    Free,
    Waiting(Waiting),
    Ended(Outcome),
}

#[derive(Debug, Clone, Copy)]
struct List {
    oldest: u32,
    newest: u32,
    len: usize,
    bytes: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Share {
    count: usize,
    bytes: u64,
}

// === impl Line ===

impl Line {
    /// In the order in which they are served.
    pub(super) const ALL: [Line; 2 * Priority::ALL.len()] = {
        let mut all = [Line { priority: Priority::Vital, patient: false }; 2 * Priority::ALL.len()];
        let mut n = 0;
        while n < all.len() {
            all[n] = Line { priority: Priority::ALL[n / 2], patient: n % 2 == 1 };
            n += 1;
        }
        all
    };

    pub(super) fn of(ask: &Ask) -> Line {
        Line { priority: ask.priority, patient: ask.patient }
    }

    fn index(self) -> usize {
        2 * self.priority as usize + usize::from(self.patient)
    }
}

// === impl Queue ===

impl Queue {
    pub(super) fn new(most: usize, most_bytes: u64) -> Queue {
        Queue {
            entries: Vec::new(),
            free: NONE,
            lists: [List { oldest: NONE, newest: NONE, len: 0, bytes: 0 }; Line::ALL.len()],
            clients: HashMap::new(),
            len: 0,
            bytes: 0,
            most,
            most_bytes,
            turn: 0,
            waiting_since_us: 0,
            woken: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
    pub(super) fn len_of(&self, line: Line) -> usize {
        self.lists[line.index()].len
    }
    /// The patient ones too.
    pub(super) fn len_of_all(&self, priority: Priority) -> usize {
        [false, true].map(|patient| self.len_of(Line { priority, patient })).iter().sum()
    }
    /// Since when there has always been somebody waiting.
    pub(super) fn waiting_since_us(&self) -> Option<u64> {
        (self.len > 0).then_some(self.waiting_since_us)
    }

    /// Somebody who came first, of a priority or of all.
    pub(super) fn oldest_us(&self) -> Option<u64> {
        self.lists.iter().filter_map(|l| self.waiting_at(l.oldest)).map(|w| w.since_us).min()
    }

    /// Whoever waits longest in this line.
    pub(super) fn oldest_of(&self, line: Line) -> Option<(Turn, &Waiting)> {
        self.at(self.lists[line.index()].oldest)
    }

    /// Whoever waits longest in this line of those that fit, among the first [`LOOKED_AT`].
    pub(super) fn oldest_that(
        &self,
        line: Line,
        fits: impl Fn(&Waiting) -> bool,
    ) -> Option<(Turn, &Waiting)> {
        let mut slot = self.lists[line.index()].oldest;
        for _ in 0..LOOKED_AT {
            let (turn, waiting) = self.at(slot)?;
            if fits(waiting) {
                return Some((turn, waiting));
            }
            slot = self.entries[slot as usize].after;
        }
        None
    }

    pub(super) fn newest_of(&self, line: Line) -> Option<(Turn, &Waiting)> {
        self.at(self.lists[line.index()].newest)
    }

    /// # Errors
    /// When there is no room, not even by sending somebody away who is less urgent.
    pub(super) fn push(
        &mut self,
        ask: Ask,
        held: bool,
        now_us: u64,
        newest_first: bool,
    ) -> Result<Turn, NoPlace> {
        if ask.bytes > self.most_bytes || self.most == 0 {
            return Err(NoPlace::QueueFull);
        }
        let mine = self.clients.get(&ask.client).copied().unwrap_or_default();
        let urgent = ask.priority == Priority::Vital;
        let free = (self.most.saturating_sub(self.len), self.most_bytes.saturating_sub(self.bytes));
        if mine.count > 0 && !urgent && (mine.count >= free.0 || mine.bytes.max(ask.bytes) > free.1) {
            return Err(NoPlace::QueueFull);
        }
        // Nobody is sent away for somebody who finds no room even so.
        let line = Line::of(&ask);
        let staying = &self.lists[..=line.index()];
        if staying.iter().map(|l| l.len).sum::<usize>() >= self.most
            || staying.iter().map(|l| l.bytes).sum::<u64>() + ask.bytes > self.most_bytes
        {
            return Err(NoPlace::QueueFull);
        }
        while self.len >= self.most || self.bytes + ask.bytes > self.most_bytes {
            let mut lower = Line::ALL.into_iter().rev().take_while(|l| *l > line);
            let Some(least) = lower.find(|l| self.len_of(*l) > 0) else {
                return Err(NoPlace::QueueFull);
            };
            // Whoever would be served last.
            let last = if newest_first { self.oldest_of(least) } else { self.newest_of(least) };
            let Some((turn, _)) = last else { return Err(NoPlace::QueueFull) };
            self.end(turn, Outcome::No(NoPlace::QueueFull));
        }
        if self.len == 0 {
            self.waiting_since_us = now_us;
        }
        self.len += 1;
        self.bytes += ask.bytes;
        let share = self.clients.entry(ask.client).or_default();
        share.count += 1;
        share.bytes += ask.bytes;
        self.turn += 1;
        let list = &mut self.lists[line.index()];
        let entry = Entry {
            turn: self.turn,
            before: list.newest,
            after: NONE,
            waker: None,
            state: State::Waiting(Waiting { ask, since_us: now_us, held }),
        };
        let slot = if self.free == NONE {
            self.entries.push(entry);
            (self.entries.len() - 1) as u32
        } else {
            let slot = self.free;
            self.free = self.entries[slot as usize].after;
            self.entries[slot as usize] = entry;
            slot
        };
        if list.newest == NONE {
            list.oldest = slot;
        } else {
            self.entries[list.newest as usize].after = slot;
        }
        list.newest = slot;
        list.len += 1;
        list.bytes += ask.bytes;
        Ok(Turn { slot, turn: self.turn })
    }

    pub(super) fn waiting(&self, turn: Turn) -> Option<&Waiting> {
        match self.at(turn.slot) {
            Some((at, waiting)) if at == turn => Some(waiting),
            _ => None,
        }
    }

    /// Its waiting ends; whoever asks for `turn` is told. False: it had ended before.
    pub(super) fn end(&mut self, turn: Turn, outcome: Outcome) -> bool {
        let Some(waker) = self.unlink(turn) else { return false };
        self.entries[turn.slot as usize].state = State::Ended(outcome);
        self.woken.extend(waker);
        true
    }

    /// The outcome, once; or the waker is kept until there is one.
    pub(super) fn take(&mut self, turn: Turn, waker: Option<&Waker>) -> Option<Outcome> {
        let entry = self.entries.get_mut(turn.slot as usize).filter(|e| e.turn == turn.turn)?;
        if let State::Waiting(_) = entry.state {
            if let Some(waker) = waker
                && !entry.waker.as_ref().is_some_and(|w| w.will_wake(waker))
            {
                entry.waker = Some(waker.clone());
            }
            return None;
        }
        let State::Ended(outcome) = std::mem::replace(&mut entry.state, State::Free) else { return None };
        self.release(turn.slot);
        Some(outcome)
    }

    /// It waits no longer. A place it had already been given is handed back.
    pub(super) fn leave(&mut self, turn: Turn) -> Option<Outcome> {
        if self.unlink(turn).is_some() {
            self.release(turn.slot);
            return None;
        }
        self.take(turn, None)
    }

    /// Those to be woken, outside of the lock.
    pub(super) fn woken(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.woken)
    }

    fn at(&self, slot: u32) -> Option<(Turn, &Waiting)> {
        let entry = self.entries.get(slot as usize)?;
        match &entry.state {
            State::Waiting(w) => Some((Turn { slot, turn: entry.turn }, w)),
            _ => None,
        }
    }

    fn waiting_at(&self, slot: u32) -> Option<&Waiting> {
        self.at(slot).map(|(_, w)| w)
    }

    /// Takes it out of its list and of the sums.
    fn unlink(&mut self, turn: Turn) -> Option<Option<Waker>> {
        let entry = self.entries.get_mut(turn.slot as usize).filter(|e| e.turn == turn.turn)?;
        let State::Waiting(waiting) = &entry.state else { return None };
        let (ask, before, after) = (waiting.ask, entry.before, entry.after);
        let waker = entry.waker.take();
        let list = &mut self.lists[Line::of(&ask).index()];
        list.len -= 1;
        list.bytes -= ask.bytes;
        match before {
            NONE => list.oldest = after,
            b => self.entries[b as usize].after = after,
        }
        match after {
            NONE => list.newest = before,
            a => self.entries[a as usize].before = before,
        }
        self.len -= 1;
        self.bytes -= ask.bytes;
        if let Some(share) = self.clients.get_mut(&ask.client) {
            share.count -= 1;
            share.bytes -= ask.bytes;
            if share.count == 0 {
                self.clients.remove(&ask.client);
            }
        }
        Some(waker)
    }

    fn release(&mut self, slot: u32) {
        let entry = &mut self.entries[slot as usize];
        entry.turn = 0;
        entry.state = State::Free;
        entry.waker = None;
        entry.after = self.free;
        self.free = slot;
        if self.len == 0 && self.entries.len() > KEPT {
            self.shrink();
        }
    }

    /// After a storm the memory goes back, unless somebody has still to fetch an outcome.
    fn shrink(&mut self) {
        while self.entries.last().is_some_and(|e| matches!(e.state, State::Free)) {
            self.entries.pop();
        }
        self.entries.shrink_to(KEPT);
        self.clients.shrink_to(KEPT);
        self.free = NONE;
        for slot in 0..self.entries.len() {
            if matches!(self.entries[slot].state, State::Free) {
                self.entries[slot].after = self.free;
                self.free = slot as u32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(client: u64, priority: Priority, bytes: u64) -> Ask {
        Ask { client, priority, bytes, not: None, route: 0, until: None, patient: false, may_try: false }
    }

    #[test]
    fn ten_thousand_wait_in_less_than_a_kilobyte_each() {
        assert!(size_of::<Entry>() + 2 * size_of::<(u64, Share)>() <= 320, "{}", size_of::<Entry>());
    }

    #[test]
    fn one_client_fills_half_and_leaves_room_for_the_next() {
        let mut q = Queue::new(100, 1 << 20);
        let fill = |q: &mut Queue, client| {
            (0..200).filter(|_| q.push(ask(client, Priority::Page, 0), true, 1, false).is_ok()).count()
        };
        assert_eq!((fill(&mut q, 1), fill(&mut q, 2), fill(&mut q, 3)), (50, 25, 13));
        let bytes = 600 << 10;
        assert!(q.push(ask(4, Priority::Page, bytes), true, 1, false).is_ok());
        assert_eq!(q.push(ask(4, Priority::Page, bytes), true, 1, false), Err(NoPlace::QueueFull));
    }

    #[test]
    fn the_urgent_send_the_less_urgent_away() {
        let mut q = Queue::new(3, 1 << 20);
        let bots: Vec<_> =
            (0..3).map(|c| q.push(ask(c, Priority::Bot, 1), false, c, false).expect("room")).collect();
        assert_eq!(q.push(ask(9, Priority::Bot, 1), false, 9, false), Err(NoPlace::QueueFull));
        q.push(ask(9, Priority::Page, 1), false, 9, false).expect("instead of a bot");
        assert!(matches!(q.take(bots[2], None), Some(Outcome::No(NoPlace::QueueFull))));
        assert!(q.take(bots[1], None).is_none());
        let of = |priority| q.len_of(Line { priority, patient: false });
        assert_eq!((q.len(), of(Priority::Bot), of(Priority::Page)), (3, 2, 1));
    }

    #[test]
    fn a_turn_that_is_over_cannot_be_used_again() {
        let mut q = Queue::new(3, 1 << 20);
        let first = q.push(ask(1, Priority::Page, 0), false, 0, false).expect("room");
        assert!(q.leave(first).is_none());
        let second = q.push(ask(1, Priority::Page, 0), false, 0, false).expect("room");
        assert!(q.leave(first).is_none() && !q.end(first, Outcome::Moved { since_us: 0 }));
        assert!(q.waiting(second).is_some());
    }

    proptest::proptest! {
        /// Held against a plain list.
        #[test]
        fn it_does_what_a_plain_list_does(
            steps in proptest::collection::vec((0u8..6, 0u64..4, 0usize..4, 0u64..40), 1..300)
        ) {
            let mut q = Queue::new(20, 300);
            let mut model: Vec<(Turn, Ask, u64)> = Vec::new();
            let mut ended: Vec<Turn> = Vec::new();
            for (now, (what, client, priority, bytes)) in steps.into_iter().enumerate() {
                let (now, priority) = (now as u64, Priority::ALL[priority]);
                let line = Line { priority, patient: client == 3 };
                let asked = Ask { patient: line.patient, ..ask(client, priority, bytes) };
                let first = |m: &[(Turn, Ask, u64)]| m.iter().position(|e| Line::of(&e.1) == line);
                match what {
                    0..=2 => if let Ok(turn) = q.push(asked, false, now, false) {
                        model.push((turn, asked, now));
                        // Whoever was sent away for it.
                        model.retain(|e| if q.waiting(e.0).is_none() { ended.push(e.0); false } else { true });
                    },
                    3 => if let Some(at) = first(&model) {
                        proptest::prop_assert_eq!(q.oldest_of(line).map(|e| e.0), Some(model[at].0));
                        q.end(model[at].0, Outcome::No(NoPlace::QueueFull));
                        ended.push(model.remove(at).0);
                    },
                    4 => if let Some(at) = model.iter().rposition(|e| Line::of(&e.1) == line) {
                        proptest::prop_assert_eq!(q.newest_of(line).map(|e| e.0), Some(model[at].0));
                        q.leave(model.remove(at).0);
                    },
                    _ => if !model.is_empty() {
                        let at = bytes as usize % model.len();
                        q.leave(model.remove(at).0);
                    } else if let Some(turn) = ended.pop() {
                        proptest::prop_assert!(q.take(turn, None).is_some());
                    },
                }
                proptest::prop_assert_eq!(q.len(), model.len());
                proptest::prop_assert!(q.len() <= 20 && q.bytes() <= 300);
                proptest::prop_assert_eq!(q.bytes(), model.iter().map(|e| e.1.bytes).sum::<u64>());
                proptest::prop_assert_eq!(q.oldest_us(), model.iter().map(|e| e.2).min());
                let clients: std::collections::HashSet<u64> = model.iter().map(|e| e.1.client).collect();
                proptest::prop_assert_eq!(q.clients.len(), clients.len());
            }
            for turn in ended {
                proptest::prop_assert!(q.take(turn, None).is_some());
            }
        }
    }
}
