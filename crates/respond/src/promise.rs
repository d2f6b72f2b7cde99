//! "Next update by": made when an incident opens, and scored in public. Every promise ends kept or
//! missed, once.

use crate::desk::{Desk, Next};
use std::time::Duration;
use stillhere_model::{Audience, Author, Entry, Occasion, Promise, Said, Time};

/// After several promises missed in a row the next ones reach further, up to this: nobody is there,
/// and to promise every twenty minutes what was shown not to be kept would be one more untruth each time.
pub const PROMISE_STRETCH_MAX: Duration = Duration::from_hours(24);

// === impl Desk ===

impl Desk<'_> {
    pub(crate) fn promise_by_policy(&mut self, at: usize) -> Option<Time> {
        let every = self.policy.update_every(self.incident(at).impact)?;
        let due = self.now.wall.plus(every);
        self.promise(at, due);
        Some(due)
    }

    pub(crate) fn promise(&mut self, at: usize, due: Time) {
        let made_at = self.now.wall;
        let promise = Promise { made_at, due, kept_at: None, missed_at: None, nagged_at: None };
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
            let every = self.policy.update_every(self.incident(at).impact);
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

    /// Reminds staff once of a promise that is due soon; of a short one at half of its time.
    pub(crate) fn nag(&mut self) {
        let now = self.now.wall;
        for at in 0..self.state.open.len() {
            let Some(p) = self.incident(at).open_promise().copied() else { continue };
            if p.nagged_at.is_none() && nag_at(&p, self.policy.nag_before) <= now {
                let incident = &mut self.held(at).incident;
                let id = incident.id;
                if let Some(p) = incident.promises.last_mut() {
                    p.nagged_at = Some(now);
                }
                self.announce(Occasion::PromiseDue { incident: id, due: p.due }, Audience::Staff);
            }
        }
    }
}

/// When staff are reminded of a promise.
pub(crate) fn nag_at(p: &Promise, before: Duration) -> Time {
    let half = p.made_at.plus(p.due.since(p.made_at) / 2);
    p.due.minus(before).max(half)
}
