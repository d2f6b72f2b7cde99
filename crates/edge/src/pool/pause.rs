//! A person lets requests wait, for a deploy.

use super::Pool;
use std::{
    sync::atomic::Ordering::{Relaxed, SeqCst},
    time::Instant,
};

/// A paused node may have been restarted meanwhile.
const PAUSE_FRESH_US: u64 = 1_000_000;

impl Pool {
    /// Requests wait from now on, at most until `until`; none is sent to a node. For a deploy.
    pub fn pause(&self, until: Option<Instant>, now: Instant) {
        let t = self.us(now);
        if !self.paused_at(t) {
            self.paused_us.store(t, Relaxed);
        }
        self.paused_until_us.store(until.map_or(u64::MAX, |u| self.us(u)), SeqCst);
    }

    /// They go on, the oldest first.
    pub fn resume(&self, now: Instant) {
        let t = self.us(now);
        if self.paused_until_us.swap(0, SeqCst) == 0 {
            return;
        }
        if t.saturating_sub(self.paused_us.load(Relaxed)) > PAUSE_FRESH_US {
            for node in &self.nodes {
                node.state().limiter(|l| l.start_again(t));
            }
        }
        self.catch_up(t);
        self.go_on(t);
    }
}
