//! Looks counted: per check and minute, hour or day.

use crate::{
    chunk::outcome_no,
    pack::{Malformed, Reader, put},
    sketch::Sketch,
};
use stillhere_model::{Outcome, Time};

/// First byte of every packed count.
const VERSION: u8 = 1;

/// How long one count covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    Minute,
    Hour,
    /// A day of UTC.
    Day,
}

/// What one check's looks came to in one stretch of time, over all vantages, re-checks included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollup {
    /// When the stretch begins.
    pub at: Time,
    pub up: u64,
    pub slow: u64,
    pub down: u64,
    pub unknown: u64,
    /// How long the looks that came to an answer (up or slow) took, in microseconds.
    pub latency: Sketch,
}

/// A count being made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    counts: [u64; 4],
    latency: Sketch,
}

// === impl Level ===

impl Level {
    #[must_use]
    pub fn ms(self) -> i64 {
        match self {
            Level::Minute => 60_000,
            Level::Hour => 3_600_000,
            Level::Day => 86_400_000,
        }
    }

    /// When the stretch that `at` is in begins.
    #[must_use]
    pub fn floor(self, at: i64) -> i64 {
        at - at.rem_euclid(self.ms())
    }
}

// === impl Bucket ===

impl Bucket {
    pub(crate) fn add(&mut self, outcome: Outcome, total_us: u32) {
        self.counts[usize::from(outcome_no(outcome))] += 1;
        // A refused connection fails within a millisecond: it must not make the service look fast.
        if matches!(outcome, Outcome::Up | Outcome::Slow) {
            self.latency.add(total_us);
        }
    }

    pub(crate) fn merge(&mut self, other: &Bucket) {
        for (a, b) in self.counts.iter_mut().zip(other.counts) {
            *a += b;
        }
        self.latency.merge(&other.latency);
    }

    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        out.push(VERSION);
        for n in self.counts {
            put(&mut out, n);
        }
        self.latency.write(&mut out);
        out
    }

    pub(crate) fn unpack(body: &[u8]) -> Result<Bucket, Malformed> {
        let mut r = Reader::new(body);
        if r.byte()? != VERSION {
            return Err(Malformed);
        }
        let mut counts = [0; 4];
        for n in &mut counts {
            *n = r.get()?;
        }
        Ok(Bucket { counts, latency: Sketch::read(&mut r)? })
    }

    pub(crate) fn at(self, at: i64) -> Rollup {
        let [up, slow, down, unknown] = self.counts;
        Rollup { at: Time(at), up, slow, down, unknown, latency: self.latency }
    }
}

// === impl Rollup ===

impl Rollup {
    #[must_use]
    pub fn looks(&self) -> u64 {
        self.up + self.slow + self.down + self.unknown
    }

    /// Takes in another stretch; keeps its own beginning.
    pub fn merge(&mut self, other: &Rollup) {
        self.up += other.up;
        self.slow += other.slow;
        self.down += other.down;
        self.unknown += other.unknown;
        self.latency.merge(&other.latency);
    }
}
