//! How requests ended, counted where they end: a few relaxed additions to memory that all workers share, no lock, no
//! allocation.

use crate::{answer::Why, forward::Failed, pool::Failure};
use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use std::{collections::BTreeMap, time::Duration};
use stillhere_model::edge::{BINS_MAX, Latency, Tally};

/// The requests of one pool for one service. Two routes of the same service to the same pool share it.
pub struct Counts {
    answered: AtomicU64,
    failed: AtomicU64,
    repeated: AtomicU64,
    held: AtomicU64,
    cut: AtomicU64,
    silent: AtomicU64,
    refused: AtomicU64,
    garbled: AtomicU64,
    client: AtomicU64,
    told: AtomicU64,
    stale: AtomicU64,
    /// By [`Latency::bin`].
    latency: Box<[AtomicU32]>,
}

/// Own answers, by reason.
#[derive(Debug, Default)]
pub struct Told([AtomicU64; REASONS.len()]);

/// [`Why::key`] of every reason; one that is missing here is counted as the last.
const REASONS: [&str; 22] = [
    "all-out",
    "paused",
    "overloaded",
    "queue-full",
    "too-many-requests",
    "waiting-room",
    "outcome-unknown",
    "not-forwarded",
    "broken",
    "too-slow",
    "kept",
    "body-too-large",
    "head-too-large",
    "request-timeout",
    "bad-request",
    "not-routed",
    "key-in-flight",
    "key-other-body",
    "key-needed",
    "key-malformed",
    "banned",
    "other",
];

// === impl Counts ===

impl Default for Counts {
    fn default() -> Counts {
        Counts {
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            held: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            silent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            garbled: AtomicU64::new(0),
            client: AtomicU64::new(0),
            told: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            latency: (0..BINS_MAX).map(|_| AtomicU32::new(0)).collect(),
        }
    }
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counts").field("answered", &self.answered).finish_non_exhaustive()
    }
}

impl Counts {
    /// A node has answered, `after` it was sent for the `sent`th time.
    pub fn answered(&self, status: u16, after: Duration, sent: u32) {
        let count = if status < 500 { &self.answered } else { &self.failed };
        count.fetch_add(1, Relaxed);
        if sent > 1 {
            self.repeated.fetch_add(1, Relaxed);
        }
        let us = u32::try_from(after.as_micros()).unwrap_or(u32::MAX);
        if let Some(bin) = self.latency.get(usize::from(Latency::bin(us))) {
            bin.fetch_add(1, Relaxed);
        }
    }

    /// Nobody has answered; we do.
    pub fn failed(&self, how: &Failed) {
        let count = match how {
            Failed::NoPlace(_) => &self.told,
            Failed::Unknown(how) | Failed::NoAnswer(how) => match how {
                Failure::Connect => &self.refused,
                Failure::Cut => &self.cut,
                Failure::Silent => &self.silent,
                Failure::Garbled => &self.garbled,
            },
            Failed::ClientBody | Failed::TooLarge => &self.client,
        };
        count.fetch_add(1, Relaxed);
    }

    /// It waits for a node to come back.
    pub fn held(&self) {
        self.held.fetch_add(1, Relaxed);
    }

    /// Answered from what was kept.
    pub fn stale(&self) {
        self.stale.fetch_add(1, Relaxed);
    }

    /// What was counted since the last time. Each request is in exactly one.
    #[must_use]
    pub fn take(&self) -> Tally {
        let take = |count: &AtomicU64| count.swap(0, SeqCst);
        let mut tally = Tally {
            answered: take(&self.answered),
            failed: take(&self.failed),
            repeated: take(&self.repeated),
            held: take(&self.held),
            cut: take(&self.cut),
            silent: take(&self.silent),
            refused: take(&self.refused),
            garbled: take(&self.garbled),
            client: take(&self.client),
            told: take(&self.told),
            stale: take(&self.stale),
            latency: Latency::default(),
        };
        // A thousand words are read only where something has been written.
        if tally.answered + tally.failed > 0 {
            let bins = self.latency.iter().enumerate().filter_map(|(n, count)| {
                let count = if count.load(Relaxed) == 0 { 0 } else { count.swap(0, SeqCst) };
                (count > 0).then_some((n as u16, u64::from(count)))
            });
            tally.latency.bins = bins.collect();
        }
        tally
    }
}

// === impl Told ===

impl Told {
    pub fn count(&self, why: &Why) {
        let key = why.key();
        let at = REASONS.iter().position(|r| *r == key).unwrap_or(REASONS.len() - 1);
        self.0[at].fetch_add(1, Relaxed);
    }

    /// What was counted since the last time, without zeros.
    #[must_use]
    pub fn take(&self) -> BTreeMap<String, u64> {
        let counts = REASONS.iter().zip(&self.0).map(|(r, n)| ((*r).to_owned(), n.swap(0, SeqCst)));
        counts.filter(|(_, n)| *n > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::NoPlace;
    use std::{sync::Arc, thread};

    #[test]
    fn each_request_is_in_exactly_one_tally() {
        let counts = Arc::new(Counts::default());
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let counts = counts.clone();
                thread::spawn(move || {
                    for i in 0..10_000u32 {
                        counts.answered(
                            if i % 10 == 0 { 503 } else { 200 },
                            Duration::from_micros(n * 100),
                            1 + i % 2,
                        );
                    }
                })
            })
            .collect();
        let mut sum = Tally::default();
        while threads.iter().any(|t| !t.is_finished()) {
            sum.add(&counts.take());
        }
        threads.into_iter().for_each(|t| t.join().expect("a thread"));
        sum.add(&counts.take());
        assert_eq!((sum.answered, sum.failed, sum.repeated), (36_000, 4_000, 20_000));
        // What is swapped between a count and its bucket is in the next tally, or waits for the next answer.
        counts.answered(200, Duration::ZERO, 1);
        sum.add(&counts.take());
        assert_eq!(sum.latency.count(), 40_001);
    }

    #[test]
    fn what_failed_is_counted_by_whose_side_it_was() {
        let counts = Counts::default();
        for how in [
            Failed::NoPlace(NoPlace::QueueFull),
            Failed::Unknown(Failure::Cut),
            Failed::NoAnswer(Failure::Silent),
            Failed::NoAnswer(Failure::Connect),
            Failed::NoAnswer(Failure::Garbled),
            Failed::ClientBody,
            Failed::TooLarge,
        ] {
            counts.failed(&how);
        }
        let tally = counts.take();
        let sides = (tally.told, tally.cut, tally.silent, tally.refused, tally.garbled, tally.client);
        assert_eq!(sides, (1, 1, 1, 1, 1, 2));
        assert_eq!(counts.take(), Tally::default());
    }

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let told = Told::default();
        for why in [Why::AllOut, Why::Banned, Why::BadRequest("x"), Why::Kept] {
            told.count(&why);
        }
        let taken = told.take();
        assert_eq!(taken.keys().collect::<Vec<_>>(), ["all-out", "bad-request", "banned", "kept"]);
        assert!(told.take().is_empty());
    }
}
