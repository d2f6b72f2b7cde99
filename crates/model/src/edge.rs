//! What an edge and the core say to each other: what is to be done goes down, sums of what happened go up.
//!
//! Nothing here holds an address of a client, a path of a request, or a secret.

use crate::{id::ServiceId, sketch, time::Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most pools, nodes of a pool, and reasons that a report may hold.
pub const POOLS_MAX: usize = 1_200;
pub const NODES_MAX: usize = 64;
pub const REASONS_MAX: usize = 64;
/// Most buckets of a latency sketch: all that `u32` microseconds can fill.
pub const BINS_MAX: usize = 1_110;
/// Most certificates of a report, those that end first.
pub const CERTIFICATES_MAX: usize = 32;
/// Longest name that a certificate is told by.
pub const DOMAIN_MAX: usize = 253;
/// Longest name of an edge.
pub const NAME_MAX: usize = 64;

/// How the nodes of a pool look to whoever comes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    #[default]
    Takes,
    /// A person paused it.
    Paused,
    /// No node answers.
    AllOut,
    /// More comes than they can do.
    Overloaded,
    /// Every node takes connections and none has answered lately.
    Silent,
}

/// From one report to the next that was acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What the edge is called; the vantage is `edge-<name>`.
    pub edge: String,
    /// Drawn at the start of its process: tells a report that is sent again from one of another life.
    pub life: u64,
    /// Goes up with each report of a life.
    pub number: u64,
    pub version: String,
    /// The tag of the configuration that it serves, and since when.
    pub config: String,
    pub config_at: Time,
    /// When the notice that it holds was made.
    pub notice_at: Option<Time>,
    /// What it could not take over of the newest configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The time that the tallies cover.
    pub window_ms: u64,
    pub pools: Vec<PoolReport>,
    /// Own answers by reason, of all pools and of none.
    #[serde(default)]
    pub told: BTreeMap<String, u64>,
    pub connections: u64,
    pub sockets: u64,
    /// Browsers' reports of requests that never reached us, by their type.
    #[serde(default)]
    pub browsers: BTreeMap<String, u64>,
    /// What became of WebSockets.
    #[serde(default)]
    pub socket_events: BTreeMap<String, u64>,
    /// The certificates that it shows, those that end first.
    #[serde(default)]
    pub certificates: Vec<Certificate>,
}

/// A certificate of an edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The first name that it is for.
    pub name: String,
    pub until: Time,
}

/// One pool, for one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolReport {
    pub pool: String,
    pub service: Option<ServiceId>,
    pub standing: Standing,
    /// When it began to look so.
    pub since: Time,
    pub nodes: Vec<NodeReport>,
    pub waiting: u64,
    pub answers_per_s: f64,
    pub tally: Tally,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeReport {
    pub address: String,
    /// `up`, `slow_start`, `suspect`, `down`.
    pub state: String,
    pub why: String,
    pub since_ms: u64,
    pub in_flight: u32,
    pub latency_ms: f64,
}

/// Counts of how requests ended. They add up: two in a row are one of the whole time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// By the origin, with anything below 500.
    pub answered: u64,
    /// By the origin, with 500 or above.
    pub failed: u64,
    /// Sent more than once until it was answered.
    pub repeated: u64,
    /// Waited because no node could take them.
    pub held: u64,
    /// The connection to the node ended before an answer.
    pub cut: u64,
    /// No answer in time.
    pub silent: u64,
    /// No connection to a node.
    pub refused: u64,
    /// The node's answer was not HTTP.
    pub garbled: u64,
    /// The client's own fault: a body that broke off or was too large.
    pub client: u64,
    /// Answered by the edge in place of the origin, because the pool could not.
    pub told: u64,
    /// Answered from what was kept for bad times.
    pub stale: u64,
    /// From the sending to the head of the answer.
    pub latency: Latency,
}

/// Counts by logarithmic bucket, in microseconds: DDSketch with 1 % relative error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Latency {
    /// Number of the bucket and count, by number.
    pub bins: Vec<(u16, u64)>,
}

/// What the core tells an edge. A part that the edge has already is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Feed {
    /// What the edge says it has when it asks the next time.
    pub have: Have,
    /// `[edge]` of the core's file. `None` beside another `have.config`: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// The public key of notices, as 64 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice_key: Option<String>,
    /// The newest signed notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// What people asked for by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orders: Option<Orders>,
}

/// Which version of each part somebody has. Texts that only the core understands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Have {
    pub config: String,
    pub notice: String,
    pub orders: String,
}

/// What people asked for by hand. All of it, each time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Orders {
    /// Services whose requests wait, and until when.
    pub paused: BTreeMap<String, Time>,
    pub bans: Vec<Banned>,
}

/// A network that is shut out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Banned {
    /// `203.0.113.0/24`.
    pub network: String,
    pub since: Time,
    pub until: Time,
    pub why: String,
}

// === impl Have ===

impl Have {
    /// In place of the configuration's: there is no `[edge]`.
    pub const NO_CONFIG: &str = "none";
}

// === impl Standing ===

impl Standing {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Takes => "takes",
            Standing::Paused => "paused",
            Standing::AllOut => "all_out",
            Standing::Overloaded => "overloaded",
            Standing::Silent => "silent",
        }
    }
}

// === impl Report ===

impl Report {
    /// What is wrong with one that somebody else made: it is bounded whoever sends it.
    ///
    /// # Errors
    /// The part, and its bound.
    pub fn check(&self) -> Result<(), String> {
        let name = |s: &str| {
            (1..=NAME_MAX).contains(&s.len())
                && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        if !name(&self.edge) {
            return Err(format!("edge: 1 to {NAME_MAX} of a to z, 0 to 9, `-`, `_`, `.`"));
        }
        let counts = [
            ("pools", self.pools.len(), POOLS_MAX),
            ("told", self.told.len(), REASONS_MAX),
            ("browsers", self.browsers.len(), REASONS_MAX),
            ("socket_events", self.socket_events.len(), REASONS_MAX),
            ("certificates", self.certificates.len(), CERTIFICATES_MAX),
            ("nodes", self.pools.iter().map(|p| p.nodes.len()).max().unwrap_or(0), NODES_MAX),
            ("latency", self.pools.iter().map(|p| p.tally.latency.bins.len()).max().unwrap_or(0), BINS_MAX),
        ];
        if self.certificates.iter().any(|c| c.name.len() > DOMAIN_MAX || c.name.contains('/')) {
            return Err("certificates: each has a domain for its name".to_owned());
        }
        match counts.into_iter().find(|(_, n, most)| n > most) {
            Some((what, _, most)) => Err(format!("{what}: at most {most}")),
            None => Ok(()),
        }
    }
}

// === impl Tally ===

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        let pairs = [
            (&mut self.answered, other.answered),
            (&mut self.failed, other.failed),
            (&mut self.repeated, other.repeated),
            (&mut self.held, other.held),
            (&mut self.cut, other.cut),
            (&mut self.silent, other.silent),
            (&mut self.refused, other.refused),
            (&mut self.garbled, other.garbled),
            (&mut self.client, other.client),
            (&mut self.told, other.told),
            (&mut self.stale, other.stale),
        ];
        for (sum, more) in pairs {
            *sum = sum.saturating_add(more);
        }
        self.latency.add(&other.latency);
    }

    /// How requests ended, by name: as in the API and in `/metrics`.
    #[must_use]
    pub fn outcomes(&self) -> [(&'static str, u64); 11] {
        [
            ("answered", self.answered),
            ("failed", self.failed),
            ("repeated", self.repeated),
            ("held", self.held),
            ("cut", self.cut),
            ("silent", self.silent),
            ("refused", self.refused),
            ("garbled", self.garbled),
            ("client", self.client),
            ("told", self.told),
            ("stale", self.stale),
        ]
    }

    /// Requests that got an answer of the origin, or should have.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.answered + self.failed + self.cut + self.silent + self.refused + self.garbled
    }

    /// Of these, those that the origin is to blame for.
    #[must_use]
    pub fn bad(&self) -> u64 {
        self.sent() - self.answered
    }
}

// === impl Latency ===

impl Latency {
    pub fn add(&mut self, other: &Latency) {
        for &(bin, count) in &other.bins {
            match self.bins.binary_search_by_key(&bin, |b| b.0) {
                Ok(i) => self.bins[i].1 = self.bins[i].1.saturating_add(count),
                Err(i) if self.bins.len() < BINS_MAX => self.bins.insert(i, (bin, count)),
                Err(_) => {}
            }
        }
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.bins.iter().fold(0, |sum, b| sum.saturating_add(b.1))
    }

    /// The bucket of a value.
    #[must_use]
    pub fn bin(us: u32) -> u16 {
        sketch::bin(us)
    }

    /// The value below which the share `q` of all lies, within 1 %, in microseconds.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u32> {
        sketch::quantile(self.bins.iter().copied(), q)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_has_a_bucket_and_quantiles_are_within_one_percent() {
        assert!(usize::from(Latency::bin(u32::MAX)) < BINS_MAX);
        for us in [1u32, 2, 50, 999, 12_345, 4_000_000, u32::MAX] {
            let one = Latency { bins: vec![(Latency::bin(us), 1)] };
            let got = f64::from(one.quantile(0.5).expect("one value"));
            assert!((got - f64::from(us)).abs() <= f64::from(us) * 0.0101 + 1.0, "{us}: {got}");
        }
    }

    #[test]
    fn tallies_add_up() {
        let one =
            Tally { answered: 2, failed: 1, latency: Latency { bins: vec![(3, 2)] }, ..Tally::default() };
        let mut sum = Tally { cut: 1, latency: Latency { bins: vec![(1, 1), (3, 1)] }, ..Tally::default() };
        sum.add(&one);
        assert_eq!((sum.sent(), sum.bad()), (4, 2));
        assert_eq!(sum.latency.bins, [(1, 1), (3, 3)]);
    }

    #[test]
    fn a_report_with_too_much_in_it_is_refused() {
        let report = Report {
            edge: "local".to_owned(),
            life: 1,
            number: 1,
            version: String::new(),
            config: String::new(),
            config_at: Time(0),
            notice_at: None,
            refused: None,
            window_ms: 1,
            pools: Vec::new(),
            told: BTreeMap::new(),
            connections: 0,
            sockets: 0,
            browsers: BTreeMap::new(),
            socket_events: BTreeMap::new(),
            certificates: Vec::new(),
        };
        assert_eq!(report.check(), Ok(()));
        for name in ["", "a b", "../x", &"x".repeat(65)] {
            assert!(Report { edge: name.to_owned(), ..report.clone() }.check().is_err(), "{name}");
        }
        let named = |name: &str| vec![Certificate { name: name.to_owned(), until: Time(0) }];
        assert_eq!(Report { certificates: named("*.example.com"), ..report.clone() }.check(), Ok(()));
        let too_many = vec![named("a").remove(0); CERTIFICATES_MAX + 1];
        for certificates in [named("a/b"), named(&"a".repeat(DOMAIN_MAX + 1)), too_many] {
            assert!(Report { certificates, ..report.clone() }.check().is_err());
        }
        let told = (0..=REASONS_MAX).map(|n| (n.to_string(), 1)).collect();
        assert!(Report { told, ..report }.check().is_err());
    }
}
