//! How long outages of other operators lasted: what a site that has few of its own leans on.
//!
//! Source: Cloud Uptime Archive (atlarge-research/cloud-uptime-archive, MIT licence, commit 044a5cb): times as declared by
//! four operators, 967 outages; AWS 2018 to 2020. The table has the median, the 80 % and the 90 % quantile (nearest rank),
//! and is printed by `cargo run -p stillhere-learn --example backtest -- prior outages.csv`. They are old, large and slow
//! compared with most sites, so they weigh as much as [`WEIGHT`] incidents and no more.

use crate::normal;

/// Own incidents that the whole prior counts as.
pub(crate) const WEIGHT: f64 = 10.0;
/// The normal quantiles of 80 % and 90 %.
const Z80: f64 = 0.841_621_233_572_914;
const Z90: f64 = 1.281_551_565_544_600_4;
/// Points that stand for one operator's distribution.
const POINTS: usize = 20;

/// Quantiles of one operator's outages, in minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operator {
    pub name: &'static str,
    pub outages: u32,
    pub median_min: f64,
    pub p80_min: f64,
    pub p90_min: f64,
}

pub const OPERATORS: [Operator; 4] = [
    Operator {
        name: "atlassian-developers",
        outages: 136,
        median_min: 537.9,
        p80_min: 2160.4,
        p90_min: 5074.9,
    },
    Operator { name: "aws", outages: 340, median_min: 126.0, p80_min: 252.0, p90_min: 419.0 },
    Operator { name: "github", outages: 230, median_min: 179.0, p80_min: 192.6, p90_min: 360.8 },
    Operator { name: "slack", outages: 261, median_min: 180.0, p80_min: 900.0, p90_min: 1620.0 },
];

/// Points of equal weight that stand for other operators' outages.
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    pub(crate) seconds: Vec<f64>,
}

// === impl Prior ===

impl Default for Prior {
    /// All operators of the table, each counting the same.
    fn default() -> Prior {
        Prior::without("")
    }
}

impl Prior {
    /// All but one: a back-test must not lean on what it is tested on.
    #[must_use]
    pub fn without(name: &str) -> Prior {
        let operators = OPERATORS.iter().filter(|o| o.name != name);
        Prior { seconds: operators.flat_map(|o| (0..POINTS).map(|i| o.seconds(share(i)))).collect() }
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most twenty")]
fn share(i: usize) -> f64 {
    (i as f64 + 0.5) / POINTS as f64
}

// === impl Operator ===

impl Operator {
    /// The duration that a share `p` of the outages does not exceed: straight lines between the three figures in the
    /// logarithm of time against the normal quantile (a lognormal is one line), carried on at both ends.
    #[must_use]
    pub fn seconds(&self, p: f64) -> f64 {
        let at = |z: f64, minutes: f64| (z, (minutes * 60.0).ln());
        let (half, most, nearly) = (at(0.0, self.median_min), at(Z80, self.p80_min), at(Z90, self.p90_min));
        let z = normal::quantile(p);
        let (a, b) = if z < most.0 { (half, most) } else { (most, nearly) };
        (a.1 + (z - a.0) / (b.0 - a.0) * (b.1 - a.1)).exp()
    }
}
