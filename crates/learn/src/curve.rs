//! From durations with weights to the time that remains.
//!
//! Kaplan–Meier, so that what is still open counts for as long as it has lasted, conditional on the time that has already
//! passed; mixed with a lognormal fitted to the same, which has the more to say the fewer outages have ever lasted so long.

use crate::normal;

/// Outages beyond the elapsed time at which the sample and its lognormal count the same.
const TRUST: f64 = 8.0;
/// The lognormal is this much wider than its fit: the ends of a small sample are never in it.
const WIDER: f64 = 1.15;
/// The least spread of the logarithm: equal durations are no proof that the next one is equal too.
const SPREAD_MIN: f64 = 0.3;
/// Longest total duration that is considered, in seconds: 400 days.
const LONGEST: f64 = 400.0 * 86_400.0;

/// One duration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Atom {
    /// At least one.
    pub(crate) seconds: f64,
    /// False: it lasted at least so long.
    pub(crate) over: bool,
    /// Share of the whole.
    pub(crate) weight: f64,
    /// Outages that it stands for.
    pub(crate) count: f64,
}

/// The share that lasts longer than a time.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    /// By time: seconds, the share that lasts longer, the outages that stand for it.
    steps: Vec<(f64, f64, f64)>,
    /// Outages in all.
    count: f64,
    /// Of the logarithm of seconds.
    middle: f64,
    spread: f64,
}

// === impl Curve ===

impl Curve {
    /// `None` without any duration.
    pub(crate) fn new(mut atoms: Vec<Atom>) -> Option<Curve> {
        // What ended at an instant ended before what was still open then was last seen.
        atoms.sort_by(|a, b| a.seconds.total_cmp(&b.seconds).then(b.over.cmp(&a.over)));
        // The curve goes down to nothing: what lies beyond the longest is the lognormal's to say.
        atoms.last_mut()?.over = true;
        let total: f64 = atoms.iter().map(|a| a.weight).sum();
        let count: f64 = atoms.iter().map(|a| a.count).sum();
        let (mut risk, mut left, mut survival) = (total, count, 1.0);
        let mut steps: Vec<(f64, f64, f64)> = Vec::with_capacity(atoms.len());
        let (mut mass, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for a in &atoms {
            let before = survival;
            if a.over && risk > 0.0 {
                survival *= (1.0 - a.weight / risk).clamp(0.0, 1.0);
            }
            risk -= a.weight;
            left = (left - a.count).max(0.0);
            let (fell, ln) = (before - survival, a.seconds.ln());
            mass += fell;
            sum += fell * ln;
            squares += fell * ln * ln;
            match steps.last_mut() {
                Some(last) if last.0 >= a.seconds => (last.1, last.2) = (survival, left),
                _ => steps.push((a.seconds, survival, left)),
            }
        }
        if let Some(last) = steps.last_mut() {
            (last.1, last.2) = (0.0, 0.0);
        }
        if mass <= 0.0 {
            return None;
        }
        let middle = sum / mass;
        let spread = (squares / mass - middle * middle).max(0.0).sqrt() * WIDER;
        Some(Curve { steps, count, middle, spread: spread.max(SPREAD_MIN) })
    }

    fn at(&self, seconds: f64) -> (f64, f64) {
        match self.steps.partition_point(|s| s.0 <= seconds) {
            0 => (1.0, self.count),
            n => (self.steps[n - 1].1, self.steps[n - 1].2),
        }
    }

    fn ln_tail(&self, seconds: f64) -> f64 {
        normal::ln_above((seconds.max(1e-3).ln() - self.middle) / self.spread)
    }

    /// Outages known to have lasted longer than this.
    pub(crate) fn support(&self, elapsed: f64) -> f64 {
        self.at(elapsed).1
    }

    /// Seconds from `elapsed` on within which a share `level` is over. Never negative, never more than 400 days, and no
    /// less for a greater `level`.
    pub(crate) fn remaining(&self, elapsed: f64, level: f64) -> f64 {
        let elapsed = elapsed.clamp(0.0, LONGEST);
        let (still, support) = self.at(elapsed);
        let trust = if still > 1e-9 { support / (support + TRUST) } else { 0.0 };
        let tail = self.ln_tail(elapsed);
        let over = |t: f64| {
            let seen = if trust > 0.0 { self.at(t).0 / still } else { 0.0 };
            1.0 - trust * seen - (1.0 - trust) * (self.ln_tail(t) - tail).exp()
        };
        // Halving on the logarithm: minutes matter at an hour, hours at a week.
        let (mut low, mut high) = (0.0_f64, (2.0 * LONGEST).ln_1p());
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if over(elapsed + middle.exp_m1()) < level {
                low = middle;
            } else {
                high = middle;
            }
        }
        high.exp_m1().clamp(0.0, LONGEST)
    }
}
