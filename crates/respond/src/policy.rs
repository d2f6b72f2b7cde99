//! How long respond waits, promises and remembers. Defaults in code, numbers from the configuration.

use std::time::Duration;
use stillhere_model::Impact;

/// The numbers behind the decisions. All of them may be changed by a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// A slow service opens an incident of impact `minor`.
    pub open_when_slow: bool,
    /// How long a staff alert waits while ancestors are looked at again. At most [`ALERT_WAIT_MAX`].
    pub alert_wait: Duration,
    /// Services that join an incident within this time are named in one update instead of one each.
    pub join_wait: Duration,
    /// Services below one ancestor that fail within this time of each other are taken for one cause
    /// before the ancestor itself has been seen down.
    pub sibling_window: Duration,
    /// After so many automatic incidents within [`STORM_WINDOW`], what fails next joins the youngest of them.
    pub storm_after: usize,
    /// How long all must be good before it is called over.
    pub verify: Duration,
    /// The same, while the incident is unstable.
    pub verify_unstable: Duration,
    /// Changes of one service to or from a problem within `unstable_window` that make its incident unstable.
    pub unstable_after: u32,
    pub unstable_window: Duration,
    /// Failing again so soon after the resolution is the same incident.
    pub reopen_within: Duration,
    /// When the next update is promised, by impact.
    pub cadence: Cadence,
    /// A person is expected to have taken an incident on, or to have said something in it, this long after staff
    /// were told. Until then staff are told again, at once, three, seven and fifteen times this time, and then no
    /// more ([`CALLS_MAX`]). `None`: they are told once.
    pub first_word: Option<Duration>,
    /// Shares of a promise's time, in per cent, at which the responder is reminded of it; rising.
    pub nag_at: Vec<u8>,
    /// Days before a certificate's end at which staff are told, greatest first.
    pub certificate_days: Vec<u32>,
    /// Not more often than this do we tell staff that we fall behind or that the clock jumped.
    pub own_again_after: Duration,
}

/// The promised pace of words for each impact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cadence {
    pub none: Pace,
    pub minor: Pace,
    pub major: Pace,
    pub critical: Pace,
}

/// How soon the next word is promised. The first one, that it is down, needs no promise: it is said by itself, in
/// the second in which it is decided. (First notice within 5 minutes, scope 5 minutes later, updates at least every
/// 20 minutes for two hours, then a slower pace that is stated: the published practice of incident response teams.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From the first word to the one that says who and what is affected.
    pub scope: Duration,
    /// From then on; `None` promises nothing at all.
    pub every: Option<Duration>,
    /// For this long after the opening.
    pub every_for: Duration,
    /// Afterwards.
    pub later: Duration,
}

/// Times that staff are told again of an incident that nobody takes on. Whoever did not hear five messages within
/// 75 minutes will not hear the sixth; the promises that are missed meanwhile are told besides.
pub const CALLS_MAX: u32 = 4;
/// Reminders of one promise.
pub const NAGS_MAX: usize = 4;

/// A staff alert never waits longer, whatever the configuration says.
pub const ALERT_WAIT_MAX: Duration = Duration::from_secs(5);
/// The time within which [`Policy::storm_after`] counts.
pub const STORM_WINDOW: Duration = Duration::from_secs(60);

// === impl Policy ===

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            open_when_slow: true,
            alert_wait: ALERT_WAIT_MAX,
            join_wait: Duration::from_secs(3),
            sibling_window: Duration::from_secs(30),
            storm_after: 8,
            verify: Duration::from_secs(30),
            verify_unstable: Duration::from_mins(5),
            unstable_after: 4,
            unstable_window: Duration::from_mins(10),
            reopen_within: Duration::from_mins(10),
            cadence: Cadence::all(Pace::default()),
            first_word: Some(Duration::from_mins(5)),
            nag_at: vec![75, 95],
            certificate_days: vec![21, 14, 7],
            own_again_after: Duration::from_hours(1),
        }
    }
}

impl Policy {
    /// The pace that an incident of this impact promises.
    #[must_use]
    pub fn pace(&self, impact: Impact) -> Pace {
        match impact {
            Impact::None => self.cadence.none,
            Impact::Minor => self.cadence.minor,
            Impact::Major => self.cadence.major,
            Impact::Critical => self.cadence.critical,
        }
    }

    pub(crate) fn alert_wait(&self) -> Duration {
        self.alert_wait.min(ALERT_WAIT_MAX)
    }
}

// === impl Cadence ===

impl Cadence {
    /// The same pace whatever the impact.
    #[must_use]
    pub fn all(pace: Pace) -> Cadence {
        Cadence { none: pace, minor: pace, major: pace, critical: pace }
    }
}

// === impl Pace ===

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            scope: Duration::from_mins(10),
            every: Some(Duration::from_mins(20)),
            every_for: Duration::from_hours(2),
            later: Duration::from_hours(1),
        }
    }
}

impl Pace {
    /// Makes no promise.
    #[must_use]
    pub fn silent() -> Pace {
        Pace { every: None, ..Pace::default() }
    }

    /// The time to the next word that is promised now: `said` words were said so far, and it is open for `open`.
    #[must_use]
    pub fn next(&self, said: usize, open: Duration) -> Option<Duration> {
        let every = self.every?;
        Some(match said {
            0 => self.scope.min(every),
            _ if open < self.every_for => every,
            _ => self.later.max(every),
        })
    }
}
