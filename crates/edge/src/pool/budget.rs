//! How often a pool's requests may be sent again: retries and hedges together.
//!
//! Without it, a pool that is slow because it has too much to do is given each request twice.

use std::time::Duration;

/// Of a hundred requests ten may be repeated.
const SHARE: f64 = 0.1;
/// And three a second whatever the traffic.
const FLOOR_PER_S: f64 = 3.0;
/// What is earned in this time can be spent at once.
const SAVED_S: f64 = 10.0;

#[derive(Debug, Clone)]
pub(super) struct Budget {
    tokens: f64,
    /// Requests a second, lately.
    rate: f64,
    requests: u64,
    at_us: u64,
}

// === impl Budget ===

impl Budget {
    pub(super) fn new(now_us: u64) -> Budget {
        Budget { tokens: FLOOR_PER_S * SAVED_S, rate: 0.0, requests: 0, at_us: now_us }
    }

    /// `requests`: all there have been since the start.
    pub(super) fn take(&mut self, requests: u64, now_us: u64) -> bool {
        self.earn(requests, now_us);
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }

    pub(super) fn left(&mut self, requests: u64, now_us: u64) -> f64 {
        self.earn(requests, now_us);
        self.tokens
    }

    fn earn(&mut self, requests: u64, now_us: u64) {
        let passed = Duration::from_micros(now_us.saturating_sub(self.at_us)).as_secs_f64();
        let came = requests.saturating_sub(self.requests) as f64;
        self.requests = requests;
        self.at_us = self.at_us.max(now_us);
        if passed > 0.0 {
            let weight = 1.0 - (-passed / SAVED_S).exp();
            self.rate += (came / passed - self.rate) * weight;
        }
        let most = (FLOOR_PER_S + SHARE * self.rate) * SAVED_S;
        self.tokens = (self.tokens + SHARE * came + FLOOR_PER_S * passed).min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    #[test]
    fn a_stall_at_300_a_second_can_hedge_thirty_at_once() {
        let mut b = Budget::new(0);
        let mut requests = 0;
        for second in 1..=20 {
            requests += 300;
            let _left = b.left(requests, second * S);
        }
        let granted = (0..1_000).filter(|_| b.take(requests, 20 * S)).count();
        assert!((100..=330).contains(&granted), "{granted}");
    }

    #[test]
    fn repeats_stay_at_a_tenth_and_three_a_second() {
        let mut b = Budget::new(0);
        while b.take(0, 0) {}
        let (mut requests, mut granted) = (0, 0);
        for step in 1..=6_000u64 {
            requests += 1;
            // A hundred requests a second, each of which would like to be repeated.
            granted += u64::from(b.take(requests, step * S / 100));
        }
        assert!((740..=790).contains(&granted), "{granted} of 6,000 in 60 s");
    }

    #[test]
    fn a_quiet_pool_keeps_its_floor_but_saves_no_more_than_ten_seconds() {
        let mut b = Budget::new(0);
        let granted = (0..1_000).filter(|_| b.take(0, 3_600 * S)).count();
        assert_eq!(granted, 30);
    }
}
