//! How requests for each service ended, in steps of time: to say of an incident how many it has met.
//!
//! In memory alone, and bounded: who asks is told from when on it was counted. Requests, not people: an edge says nothing by which one
//! could be told from another.

use super::{Edges, SILENT_AFTER};
use std::{collections::BTreeMap, sync::PoisonError};
use stillhere_model::{Moment, ServiceId, Time, edge::Tally, time::millis};

/// One step.
const STEP_MS: i64 = 10_000;
/// Steps that are kept, those of all services together: a day of 23 busy services, about 20 MB. The oldest go first.
const STEPS_MAX: usize = 200_000;

/// How requests ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// Answered by the origin, with anything below 500.
    pub answered: u64,
    /// Answered by the origin with 500 or above.
    pub failed: u64,
    /// Answered by the edge in place of the origin.
    pub told: u64,
    /// Answered from what the edge had kept.
    pub stale: u64,
    /// Waited because nothing could take them; how they ended is among the others.
    pub held: u64,
}

/// What edges have counted of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub ends: Ends,
    /// From when on.
    pub from: Time,
    /// Edges that stand before it, and how many of them say nothing at the moment.
    pub edges: usize,
    pub silent: usize,
}

#[derive(Debug)]
pub(super) struct Counts {
    /// Nothing is known of before.
    from: Time,
    steps: BTreeMap<(i64, ServiceId), Ends>,
}

// === impl Counts ===

impl Counts {
    pub(super) fn since(now: Time) -> Counts {
        Counts { from: now, steps: BTreeMap::new() }
    }

    /// What was counted in the `window_ms` before `now` counts from its beginning on: nothing that was before an incident is
    /// taken for a part of it.
    pub(super) fn add(&mut self, service: &ServiceId, tally: &Tally, window_ms: u64, now: Time) {
        let more = Ends {
            answered: tally.answered,
            failed: tally.failed,
            told: tally.told,
            stale: tally.stale,
            held: tally.held,
        };
        if more == Ends::default() {
            return;
        }
        let began = now.0.saturating_sub(i64::try_from(window_ms).unwrap_or(i64::MAX));
        let sum = self.steps.entry((step(began), service.clone())).or_default();
        sum.add(more);
        while self.steps.len() > STEPS_MAX
            && let Some(((at, _), _)) = self.steps.pop_first()
        {
            // What is left of the same step is not all of it.
            self.from = self.from.max(Time(at + STEP_MS));
        }
    }

    fn of(&self, service: &ServiceId, from: Time, until: Option<Time>) -> (Ends, Time) {
        let mut ends = Ends::default();
        let known = self.from.max(from);
        let first = step(from.0).max(self.from.0 - STEP_MS);
        for ((at, of), more) in self.steps.range((first, ServiceId::new(""))..) {
            if until.is_some_and(|until| *at > until.0) {
                break;
            }
            if of == service {
                ends.add(*more);
            }
        }
        (ends, known)
    }
}

fn step(ms: i64) -> i64 {
    ms.div_euclid(STEP_MS) * STEP_MS
}

// === impl Ends ===

impl Ends {
    fn add(&mut self, more: Ends) {
        for (sum, n) in [
            (&mut self.answered, more.answered),
            (&mut self.failed, more.failed),
            (&mut self.told, more.told),
            (&mut self.stale, more.stale),
            (&mut self.held, more.held),
        ] {
            *sum = sum.saturating_add(n);
        }
    }
}

// === impl Edges ===

impl Edges {
    /// What was counted of a service between these times. `None`: no edge stands before it, so nothing is known of its visitors.
    #[must_use]
    pub fn counted(
        &self,
        service: &ServiceId,
        from: Time,
        until: Option<Time>,
        now: Moment,
    ) -> Option<Counted> {
        let (mut edges, mut silent) = (0, 0);
        for known in self.known().values() {
            if known.report.pools.iter().any(|p| p.service.as_ref() == Some(service)) {
                edges += 1;
                silent += usize::from(now.mono_ms - known.heard.mono_ms > millis(SILENT_AFTER));
            }
        }
        if edges == 0 {
            return None;
        }
        let counts = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (ends, from) = counts.of(service, from, until);
        Some(Counted { ends, from, edges, silent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(s: i64) -> Time {
        Time(1_800_000_000_000 + s * 1_000)
    }

    fn tally(answered: u64, told: u64) -> Tally {
        Tally { answered, told, ..Tally::default() }
    }

    #[test]
    fn what_was_before_it_or_after_it_or_of_another_service_is_not_counted() {
        let (shop, pay) = (ServiceId::new("shop"), ServiceId::new("pay"));
        let mut counts = Counts::since(t(0));
        for s in 1..=100 {
            counts.add(&shop, &tally(1, 0), 1_000, t(s));
            counts.add(&pay, &tally(0, 7), 1_000, t(s));
        }
        let of = |from, until| counts.of(&shop, t(from), until).0.answered;
        assert_eq!((of(0, None), of(50, None), of(57, None)), (100, 50, 50), "in steps of ten seconds");
        assert_eq!(of(50, Some(t(69))), 20);
        assert_eq!(counts.of(&pay, t(90), None).0, Ends { told: 70, ..Ends::default() });
        // A report about a long silence says nothing about its last moment.
        counts.add(&shop, &tally(1_000, 0), 60_000, t(110));
        assert_eq!(
            (counts.of(&shop, t(60), None).0.answered, counts.of(&shop, t(50), None).0.answered),
            (40, 1_050)
        );
        assert_eq!(counts.of(&shop, t(-500), None).1, t(0), "what was before we began nobody knows");
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for_and_who_asks_is_told_from_when_on() {
        let mut counts = Counts::since(t(0));
        let shop = ServiceId::new("shop");
        let last = i64::try_from(STEPS_MAX).unwrap() + 50;
        for n in 0..last {
            counts.add(&shop, &tally(1, 0), 0, t(n * 10));
        }
        assert_eq!(counts.steps.len(), STEPS_MAX);
        let (ends, from) = counts.of(&shop, t(0), None);
        assert_eq!((ends.answered, from), (STEPS_MAX as u64, t(500)));
    }
}
