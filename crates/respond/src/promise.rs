//! "Next update by": made when an incident opens, and scored in public. Every promise ends kept, missed or
//! withdrawn with a reason, once.
//!
//! While one stands the responder is reminded of it at shares of its time (`Policy::nag_at`). Reminders that fell due while
//! nobody could send them become one.

use crate::desk::{Desk, Next};
use crate::policy::NAGS_MAX;
use std::time::Duration;
use stillhere_model::{Audience, Author, Entry, Occasion, Promise, Said, Time, Withdrawn, WithdrawnWhy};

/// After several promises missed in a row the next ones reach further, up to this: nobody is there,
/// and to promise every twenty minutes what was shown not to be kept would be one more untruth each time.
pub const PROMISE_STRETCH_MAX: Duration = Duration::from_hours(24);

// === impl Desk ===

impl Desk<'_> {
    pub(crate) fn promise_by_policy(&mut self, at: usize) -> Option<Time> {
        let due = self.now.wall.plus(self.next_in(at)?);
        self.promise(at, due);
        Some(due)
    }

    fn next_in(&self, at: usize) -> Option<Duration> {
        let i = self.incident(at);
        let pace = self.policy.pace(i.impact);
        pace.next(i.updates.len(), self.now.wall.since(i.opened_at))
    }

    pub(crate) fn promise(&mut self, at: usize, due: Time) {
        let made_at = self.now.wall;
        let promise = Promise::new(made_at, due);
        let held = self.held(at);
        held.incident.promises.push(promise);
        let incident = held.incident.id;
        self.journal(Entry::PromiseMade { incident, promise });
    }

    pub(crate) fn keep_promise(&mut self, at: usize) {
        let now = self.now.wall;
        let incident = &mut self.held(at).incident;
        if incident.open_promise().is_some()
            && let Some(p) = incident.promises.last_mut()
        {
            p.kept_at = Some(now);
            let entry = Entry::PromiseKept { incident: incident.id, promise: *p };
            self.journal(entry);
        }
    }

    /// It will not be kept here, and that breaks no word.
    pub(crate) fn withdraw_promise(&mut self, at: usize, why: WithdrawnWhy) {
        let withdrawn = Some(Withdrawn { at: self.now.wall, why });
        let incident = &mut self.held(at).incident;
        let id = incident.id;
        if let Some(p) = incident.promises.last_mut().filter(|p| p.is_open()) {
            p.withdrawn = withdrawn;
            let promise = *p;
            self.journal(Entry::PromiseWithdrawn { incident: id, promise });
        }
    }

    /// Whatever is due has been missed: said in the incident, told to staff, and promised anew.
    pub(crate) fn miss_promises(&mut self) {
        let now = self.now.wall;
        for at in 0..self.state.open.len() {
            let incident = self.incident(at);
            let Some(due) = incident.open_promise().map(|p| p.due).filter(|due| *due <= now) else {
                continue;
            };
            let status = incident.status;
            let incident = &mut self.held(at).incident;
            let id = incident.id;
            let in_a_row =
                incident.promises.iter().rev().skip(1).take_while(|p| p.missed_at.is_some()).count();
            if let Some(p) = incident.promises.last_mut() {
                p.missed_at = Some(now);
                let promise = *p;
                self.journal(Entry::PromiseMissed { incident: id, promise });
            }
            let every = self.next_in(at);
            let next = every.map(|every| {
                let stretch = 1_u32 << in_a_row.min(16);
                now.plus(every.saturating_mul(stretch).min(PROMISE_STRETCH_MAX.max(every)))
            });
            // Not through `say`'s keeping: what was missed stays missed.
            let next = next.map_or(Next::Leave, Next::By);
            self.say(at, Said::PromiseMissed { due }, Author::Automatic, status, next);
            self.announce(Occasion::PromiseMissed { incident: id, due }, Audience::Staff);
        }
    }

    /// Reminds the responder of promises that are due soon.
    pub(crate) fn nag(&mut self) {
        let now = self.now.wall;
        for at in 0..self.state.open.len() {
            let Some(mut p) = self.incident(at).open_promise().copied() else { continue };
            if nag_at(&p, &self.policy.nag_at).is_none_or(|t| t > now) {
                continue;
            }
            while nag_at(&p, &self.policy.nag_at).is_some_and(|t| t <= now) {
                p.nags += 1;
            }
            p.nagged_at = Some(now);
            let incident = &mut self.held(at).incident;
            let id = incident.id;
            if let Some(last) = incident.promises.last_mut() {
                *last = p;
            }
            self.journal(Entry::Nagged { incident: id, due: p.due, nth: p.nags });
            self.announce(Occasion::PromiseDue { incident: id, due: p.due, nth: p.nags }, Audience::Staff);
        }
    }
}

/// When the responder is next reminded of a promise, by shares of its time in per cent.
pub(crate) fn nag_at(p: &Promise, shares: &[u8]) -> Option<Time> {
    let nth = usize::try_from(p.nags).unwrap_or(usize::MAX);
    let share = shares.iter().take(NAGS_MAX).nth(nth)?;
    Some(p.made_at.plus(p.due.since(p.made_at) / 100 * u32::from(*share)))
}
