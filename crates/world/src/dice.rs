//! Chance from a seed.

use stillhere_model::Mint;

#[derive(Debug, Clone)]
pub struct Dice(Mint);

// === impl Dice ===

impl Dice {
    #[must_use]
    pub fn new(seed: u64) -> Dice {
        Dice(Mint::new(seed ^ 0x5EED_0FA1_1F47_E500))
    }

    pub fn roll(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..n`; 0 for an empty range.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % (n.max(1) as u64)).unwrap_or(0)
    }

    /// Uniform in `from..=to`.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        let span = u64::try_from(to.saturating_sub(from)).unwrap_or(0).saturating_add(1);
        from + i64::try_from(self.roll() % span).unwrap_or(0)
    }

    /// True in `percent` of a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.roll() % 100 < percent
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.roll().is_multiple_of(times.max(1))
    }

    /// A waiting time with this mean, in milliseconds (exponential: no memory), at least one.
    pub fn about(&mut self, mean: i64) -> i64 {
        let unit = (self.roll() >> 11) as f64 / (1_u64 << 53) as f64;
        let wait = -(1.0 - unit).ln() * mean as f64;
        (wait as i64).max(1)
    }
}
