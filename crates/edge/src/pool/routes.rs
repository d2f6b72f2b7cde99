//! What is usual for each kind of request of a pool, learnt from its answers.
//!
//! A log-in takes 200 ms and a picture 5: mixed together, a page full of log-ins looks like an overloaded node, and
//! either everything or nothing is hedged. So latencies are always compared with what is usual on their own route.
//! The table is bounded: a route that finds no room shares a row with all others like it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// Rows of the table; one more is shared by all routes that found none.
const ROWS: usize = 128;
/// Quarter octaves from 256 µs: the last one begins at 222 s.
const BUCKETS: usize = 80;
const FIRST_US: f64 = 256.0;
/// A row unused so long may be taken by another route.
const STALE_US: u64 = 30_000_000;
/// Answers until a row's numbers are used.
const WARM: u32 = 16;
/// At so many answers all counts are halved: about the last thousand count.
const REMEMBERED: u32 = 1_024;
/// Quantiles are worked out anew after so many answers.
const REFRESH: u32 = 16;

/// Before anything is learnt, a second node is asked after this long.
const HEDGE_UNLEARNT: Duration = Duration::from_millis(250);
const HEDGE_LEAST: Duration = Duration::from_millis(100);
const HEDGE_MOST: Duration = Duration::from_millis(400);
/// A route this slow is not hedged at all.
const HEDGE_NEVER: Duration = Duration::from_secs(10);
/// Hedged after so many times the route's 95th percentile.
const HEDGE_P95: f64 = 3.0;
/// Never before the 99th percentile and a bit: on a slow route nearly every request would be sent twice.
const HEDGE_P99: f64 = 1.2;

/// How long a node may be silent, in classes: the outstanding requests of each class are counted.
pub(super) const PATIENCE_US: [u64; 6] = [150_000, 300_000, 600_000, 1_200_000, 2_400_000, 5_000_000];
/// The class of a route of which nothing is known.
const PATIENCE_UNLEARNT: u8 = 3;
/// A silence of so many times the 95th percentile is odd.
const PATIENCE_P95: f64 = 3.0;

/// The row of a route: found once per request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row(u16);

#[derive(Debug)]
pub(super) struct Routes {
    rows: Box<[Slot]>,
}

#[derive(Debug)]
struct Slot {
    key: AtomicU64,
    used_us: AtomicU64,
    /// Usual latency in µs as f32 bits; 0 while it is not known.
    usual: AtomicU32,
    hedge_us: AtomicU32,
    patience: AtomicU32,
    learnt: Mutex<Learnt>,
}

/// The latencies of one route.
#[derive(Debug)]
pub(super) struct Learnt {
    counts: [u16; BUCKETS],
    total: u32,
    fresh: u32,
    seen: u32,
    usual_us: f64,
}

// === impl Routes ===

impl Routes {
    pub(super) fn new() -> Routes {
        Routes { rows: (0..=ROWS).map(|_| Slot::new()).collect() }
    }

    /// The row of a route, taken if need be.
    pub(super) fn row(&self, route: u64, now_us: u64) -> Row {
        // Zero marks an empty row.
        let key = route.max(1);
        let mixed = key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        for probe in 0..2 {
            let n = (mixed as usize + probe * 61) % ROWS;
            let slot = &self.rows[n];
            let held = slot.key.load(Relaxed);
            if held == key {
                // Written rarely, so that the workers do not fight for the line.
                if now_us.saturating_sub(slot.used_us.load(Relaxed)) > 1_000_000 {
                    slot.used_us.store(now_us, Relaxed);
                }
                return Row(n as u16);
            }
            let stale = now_us.saturating_sub(slot.used_us.load(Relaxed)) > STALE_US;
            if (held == 0 || stale) && slot.key.compare_exchange(held, key, Relaxed, Relaxed).is_ok() {
                slot.used_us.store(now_us, Relaxed);
                slot.forget();
                return Row(n as u16);
            }
        }
        Row(ROWS as u16)
    }

    /// What is usual in µs, once it is known.
    pub(super) fn usual_us(&self, row: Row) -> Option<f64> {
        let usual = f32::from_bits(self.rows[usize::from(row.0)].usual.load(Relaxed));
        (usual > 0.0).then_some(f64::from(usual))
    }

    pub(super) fn hedge_after(&self, row: Row) -> Option<Duration> {
        let after = Duration::from_micros(u64::from(self.rows[usize::from(row.0)].hedge_us.load(Relaxed)));
        (after < HEDGE_NEVER).then_some(after)
    }

    /// The class of its patience, of [`PATIENCE_US`].
    pub(super) fn patience(&self, row: Row) -> u8 {
        self.rows[usize::from(row.0)].patience.load(Relaxed) as u8
    }

    /// `calm`: the node had nothing to queue, so that this is what the work itself takes.
    pub(super) fn learn(&self, row: Row, after: Duration, calm: bool) {
        let slot = &self.rows[usize::from(row.0)];
        let mut learnt = slot.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        learnt.add(after.as_micros() as f64, calm);
        if learnt.seen >= WARM {
            slot.usual.store((learnt.usual_us as f32).to_bits(), Relaxed);
        }
        if learnt.fresh >= REFRESH {
            learnt.fresh = 0;
            let (hedge, patience) = (learnt.hedge(), learnt.patience());
            slot.hedge_us.store(hedge.as_micros() as u32, Relaxed);
            slot.patience.store(u32::from(patience), Relaxed);
        }
    }
}

impl Slot {
    fn new() -> Slot {
        Slot {
            key: AtomicU64::new(0),
            used_us: AtomicU64::new(0),
            usual: AtomicU32::new(0),
            hedge_us: AtomicU32::new(HEDGE_UNLEARNT.as_micros() as u32),
            patience: AtomicU32::new(u32::from(PATIENCE_UNLEARNT)),
            learnt: Mutex::new(Learnt::new()),
        }
    }

    fn forget(&self) {
        *self.learnt.lock().unwrap_or_else(PoisonError::into_inner) = Learnt::new();
        self.usual.store(0, Relaxed);
        self.hedge_us.store(HEDGE_UNLEARNT.as_micros() as u32, Relaxed);
        self.patience.store(u32::from(PATIENCE_UNLEARNT), Relaxed);
    }
}

// === impl Learnt ===

impl Learnt {
    fn new() -> Learnt {
        Learnt { counts: [0; BUCKETS], total: 0, fresh: 0, seen: 0, usual_us: 0.0 }
    }

    fn add(&mut self, us: f64, calm: bool) {
        let bucket = ((us.max(FIRST_US) / FIRST_US).log2() * 4.0) as usize;
        self.counts[bucket.min(BUCKETS - 1)] += 1;
        self.total += 1;
        self.fresh += 1;
        self.seen = self.seen.saturating_add(1);
        if self.total >= REMEMBERED {
            self.total = 0;
            for count in &mut self.counts {
                *count /= 2;
                self.total += u32::from(*count);
            }
        }
        if self.seen <= WARM {
            self.usual_us += (us - self.usual_us) / f64::from(self.seen);
        } else if calm || us < self.usual_us {
            // One answer moves it little, however late it is.
            self.usual_us += (us.min(2.0 * self.usual_us) - self.usual_us) / 64.0;
        }
        self.usual_us = self.usual_us.max(1.0);
    }

    /// The upper edge of the bucket below which the share `q` of all answers lies.
    fn quantile(&self, q: f64) -> Duration {
        let wanted = (f64::from(self.total) * q).ceil() as u32;
        let mut below = 0;
        let bucket = self.counts.iter().position(|count| {
            below += u32::from(*count);
            below >= wanted
        });
        let edge = FIRST_US * ((bucket.unwrap_or(BUCKETS - 1) + 1) as f64 / 4.0).exp2();
        Duration::from_micros(edge as u64)
    }

    fn hedge(&self) -> Duration {
        let quick = self.quantile(0.95).mul_f64(HEDGE_P95).clamp(HEDGE_LEAST, HEDGE_MOST);
        quick.max(self.quantile(0.99).mul_f64(HEDGE_P99)).min(HEDGE_NEVER)
    }

    fn patience(&self) -> u8 {
        let wanted = self.quantile(0.95).mul_f64(PATIENCE_P95).as_micros() as u64;
        PATIENCE_US.iter().position(|p| *p >= wanted).unwrap_or(PATIENCE_US.len() - 1) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_route_is_hedged_after_three_times_its_95th_percentile_within_bounds() {
        let table = [(1, 100, 100), (40, 120, 145), (100, 300, 400), (1_000, 1_000, 1_500), (20_000, 0, 0)];
        for (ms, least, most) in table {
            let routes = Routes::new();
            let row = routes.row(7, 0);
            assert_eq!(routes.hedge_after(row), Some(HEDGE_UNLEARNT));
            for _ in 0..100 {
                routes.learn(row, MS * ms, true);
            }
            match routes.hedge_after(row) {
                Some(after) => assert!((MS * least..=MS * most).contains(&after), "{ms} ms: {after:?}"),
                None => assert_eq!(most, 0, "{ms} ms"),
            }
        }
    }

    #[test]
    fn fast_and_slow_routes_do_not_mix() {
        let routes = Routes::new();
        let (fast, slow) = (routes.row(1, 0), routes.row(2, 0));
        for _ in 0..50 {
            routes.learn(fast, MS * 5, true);
            routes.learn(slow, MS * 500, true);
        }
        assert_eq!(routes.usual_us(fast).map(f64::round), Some(5_000.0));
        assert_eq!(routes.usual_us(slow).map(f64::round), Some(500_000.0));
        assert_eq!((routes.patience(fast), routes.patience(slow)), (0, 4));
    }

    #[test]
    fn what_queues_does_not_count_as_usual() {
        let routes = Routes::new();
        let row = routes.row(1, 0);
        for _ in 0..50 {
            routes.learn(row, MS * 40, true);
        }
        for _ in 0..10_000 {
            routes.learn(row, MS * 400, false);
        }
        assert_eq!(routes.usual_us(row).map(f64::round), Some(40_000.0));
    }

    #[test]
    fn the_table_is_bounded_and_old_rows_are_used_again() {
        let routes = Routes::new();
        for route in 0..10_000 {
            let _row = routes.row(route, 0);
        }
        assert_eq!(routes.row(999_999, 0), Row(ROWS as u16), "all rows are taken: the shared one");
        let row = routes.row(999_999, STALE_US + 1);
        assert_ne!(row, Row(ROWS as u16));
        assert_eq!(routes.usual_us(row), None, "what another route taught is forgotten");
    }
}
