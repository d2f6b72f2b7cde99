//! One check: the votes of its vantages, and what they come to.

use crate::vote::{Needed, Vote};
use stillhere_model::{CheckDef, Finding, Moment, Outcome, Quorum, Severity, time::millis};

/// Voters of one check. More than anybody runs; looks from further vantages are not counted.
pub(crate) const MAX_VANTAGES: usize = 64;

/// Why a check is not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blind {
    NotYetLooked,
    CannotSee,
    NoFreshNews,
    OwnUplinkDown,
}

/// A check's definition as far as judging needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub needed: Needed,
    pub severity: Severity,
    pub quorum: Quorum,
    pub passive: bool,
    pub interval_ms: i64,
    pub timeout_ms: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Check {
    /// Its service, and its place among that service's checks.
    pub service: usize,
    pub place: usize,
    pub rules: Rules,
    pub votes: Vec<Vote>,
    /// What the votes come to.
    pub outcome: Outcome,
    pub since: Moment,
    /// Why, while `outcome` is `Unknown`.
    pub blind: Blind,
    /// What the newest look that could not look found.
    pub unseen: Option<Finding>,
    /// What was known before there were votes (a restart): it stands until a look, and new voters start from it.
    pub seed: Option<Outcome>,
    /// Monotonic time at which the newest good look *began*; `i64::MIN` before the first.
    pub worked_ms: i64,
    /// Monotonic times of arrival: the newest look that counts, and the newest of any sort.
    pub known_ms: i64,
    pub heard_ms: i64,
    /// No time-out of this check can be due before; `i64::MAX` when time alone changes nothing.
    pub deadline_ms: i64,
}

/// The votes, counted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tally {
    pub outcome: Outcome,
    pub down: u32,
    pub live: u32,
    /// For an outage: when as many vantages as needed had begun to fail.
    pub since: Option<Moment>,
}

// === impl Blind ===

impl Blind {
    /// What a look that could not look tells.
    pub(crate) fn because(finding: Option<&Finding>, uplink: bool) -> Blind {
        match finding {
            _ if !uplink => Blind::OwnUplinkDown,
            Some(Finding::OwnUplinkDown) => Blind::OwnUplinkDown,
            Some(Finding::NotYetLooked) => Blind::NotYetLooked,
            Some(Finding::NoFreshNews) => Blind::NoFreshNews,
            _ => Blind::CannotSee,
        }
    }
}

// === impl Rules ===

impl Rules {
    pub(crate) fn of(def: &CheckDef) -> Rules {
        // A heartbeat cannot be looked at a second time, and its kind has already waited for the grace time:
        // what it says counts at once.
        let times = |n: u32| if def.passive { 1 } else { n.max(1) };
        Rules {
            needed: Needed { fail_after: times(def.fail_after), recover_after: times(def.recover_after) },
            severity: def.severity,
            quorum: def.quorum,
            passive: def.passive,
            interval_ms: millis(def.interval),
            timeout_ms: millis(def.timeout),
        }
    }

    /// Silence beyond this is no fresh news: 2 intervals and the timeout.
    pub(crate) fn stale_ms(&self) -> i64 {
        self.interval_ms.saturating_mul(2).saturating_add(self.timeout_ms)
    }

    /// A single vantage's vote is worth nothing after this: 2.5 intervals and the timeout.
    pub(crate) fn vote_ms(&self) -> i64 {
        self.stale_ms().saturating_add(self.interval_ms / 2)
    }
}

// === impl Check ===

impl Check {
    pub(crate) fn new(rules: Rules) -> Check {
        Check {
            service: 0,
            place: 0,
            rules,
            votes: Vec::new(),
            outcome: Outcome::Unknown,
            since: Moment::new(stillhere_model::Time::MIN, i64::MIN),
            blind: Blind::NotYetLooked,
            unseen: None,
            seed: None,
            worked_ms: i64::MIN,
            known_ms: i64::MIN,
            heard_ms: i64::MIN,
            deadline_ms: i64::MAX,
        }
    }

    pub(crate) fn tally(&self) -> Tally {
        let (mut live, mut down, mut bad) = (0u32, 0u32, 0u32);
        for vote in &self.votes {
            live += u32::from(vote.standing != Outcome::Unknown);
            down += u32::from(vote.standing == Outcome::Down);
            bad += u32::from(matches!(vote.standing, Outcome::Down | Outcome::Slow));
        }
        let enough = needed(self.rules.quorum, live);
        let outcome = match live {
            0 => self.seed.unwrap_or(Outcome::Unknown),
            _ if down >= enough => Outcome::Down,
            // A vantage that says down says at least slow.
            _ if bad >= enough => Outcome::Slow,
            _ => Outcome::Up,
        };
        let since = (outcome == Outcome::Down && down > 0).then(|| self.began(enough)).flatten();
        Tally { outcome, down, live, since }
    }

    /// When the `nth` vantage began to fail.
    fn began(&self, nth: u32) -> Option<Moment> {
        let mut failing: Vec<Moment> =
            self.votes.iter().filter(|v| v.standing == Outcome::Down).map(|v| v.since).collect();
        failing.sort_by_key(|m| m.mono_ms);
        failing.get(usize::try_from(nth.max(1) - 1).unwrap_or(0)).copied()
    }

    /// The evidence to show: of a vote that says what they all come to.
    pub(crate) fn finding(&self) -> Option<&Finding> {
        self.votes.iter().find(|v| v.standing == self.outcome).and_then(|v| v.finding.as_ref())
    }

    /// When time alone may change something next.
    pub(crate) fn next_deadline(&self) -> i64 {
        if self.rules.passive {
            return i64::MAX;
        }
        let stale = self.rules.stale_ms();
        match self.outcome {
            Outcome::Unknown => match self.blind {
                Blind::NotYetLooked if self.heard_ms == i64::MIN => i64::MAX,
                Blind::NoFreshNews if self.votes.is_empty() => i64::MAX,
                _ => self.heard_ms.saturating_add(stale),
            },
            _ => self
                .votes
                .iter()
                .map(|v| v.heard_ms.saturating_add(self.rules.vote_ms()))
                .fold(self.known_ms.saturating_add(stale), i64::min),
        }
    }
}

/// How many of `live` vantages must agree. Never more than there are.
pub(crate) fn needed(quorum: Quorum, live: u32) -> u32 {
    match quorum {
        Quorum::Majority => live / 2 + 1,
        Quorum::Any => 1,
        Quorum::All => live,
        Quorum::AtLeast(n) => u32::from(n),
    }
    .min(live)
    .max(1)
}
