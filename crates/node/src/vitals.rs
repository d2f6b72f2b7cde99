//! The node's own numbers, for `/metrics`, `/healthz` and `doctor`. Counters only; nothing decides by them.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// Upper bounds of the lag histogram's buckets in milliseconds; the last bucket has no bound.
pub const LAG_BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 20_000];

#[derive(Debug, Default)]
pub struct Vitals {
    /// Checks configured, heartbeats included.
    pub checks: AtomicU64,
    pub looks_up: AtomicU64,
    pub looks_slow: AtomicU64,
    pub looks_down: AtomicU64,
    pub looks_unknown: AtomicU64,
    pub looks_running: AtomicU64,
    /// Looks that were due and not begun before the next one was due.
    pub looks_skipped: AtomicU64,
    /// How late looks began, by [`LAG_BOUNDS_MS`].
    pub lag: [AtomicU64; LAG_BOUNDS_MS.len() + 1],
    pub lag_sum_ms: AtomicU64,
    pub commits: AtomicU64,
    pub commits_failed: AtomicU64,
    pub commit_us_sum: AtomicU64,
    /// Observations that could not be handed to the judge because its queue was full.
    pub observations_dropped: AtomicU64,
    pub verdict_changes: AtomicU64,
    pub delivered: AtomicU64,
    pub deferred: AtomicU64,
    pub dead_letters: AtomicU64,
    /// Deliveries repeated under the same id because we cannot know whether the far side had them.
    pub sent_again: AtomicU64,
    pub outbox_queued: AtomicI64,
    /// Age of the oldest undelivered message in milliseconds.
    pub outbox_oldest_ms: AtomicI64,
    pub outbox_dead: AtomicI64,
    /// 1 while our own uplink works or is not guarded.
    pub uplink_up: AtomicU64,
    /// Wall time of the last commit, epoch ms.
    pub last_commit_ms: AtomicI64,
}

// === impl Vitals ===

impl Vitals {
    pub(crate) fn began(&self, lag_ms: u64) {
        let bucket = LAG_BOUNDS_MS.iter().position(|b| lag_ms <= *b).unwrap_or(LAG_BOUNDS_MS.len());
        self.lag[bucket].fetch_add(1, Relaxed);
        self.lag_sum_ms.fetch_add(lag_ms, Relaxed);
        self.looks_running.fetch_add(1, Relaxed);
    }

    pub(crate) fn ended(&self, outcome: stillhere_model::Outcome) {
        self.looks_running.fetch_sub(1, Relaxed);
        self.ended_passive(outcome);
    }

    /// An observation that was not looked for: a heartbeat, or its absence.
    pub(crate) fn ended_passive(&self, outcome: stillhere_model::Outcome) {
        use stillhere_model::Outcome;
        let counter = match outcome {
            Outcome::Up => &self.looks_up,
            Outcome::Slow => &self.looks_slow,
            Outcome::Down => &self.looks_down,
            Outcome::Unknown => &self.looks_unknown,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// The lag below which `share` of all looks began, as the bucket's upper bound in ms; `None` before the first.
    #[must_use]
    pub fn lag_quantile(&self, share: f64) -> Option<u64> {
        let counts: Vec<u64> = self.lag.iter().map(|c| c.load(Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return None;
        }
        let mut seen = 0;
        for (i, c) in counts.iter().enumerate() {
            seen += c;
            #[expect(clippy::cast_precision_loss, reason = "counts of looks, far below 2^52")]
            if seen as f64 >= total as f64 * share {
                return Some(LAG_BOUNDS_MS.get(i).copied().unwrap_or(u64::MAX));
            }
        }
        None
    }
}
