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
    /// Time to the next update that an incident promises, by impact; `None` makes no promise.
    pub update_every: UpdateEvery,
    /// How long before a promise is due staff are reminded.
    pub nag_before: Duration,
    /// Days before a certificate's end at which staff are told, greatest first.
    pub certificate_days: Vec<u32>,
    /// Not more often than this do we tell staff that we fall behind or that the clock jumped.
    pub own_again_after: Duration,
}

/// The promised time to the next update for each impact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateEvery {
    pub none: Option<Duration>,
    pub minor: Option<Duration>,
    pub major: Option<Duration>,
    pub critical: Option<Duration>,
}

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
            update_every: UpdateEvery::all(Some(Duration::from_mins(20))),
            nag_before: Duration::from_mins(5),
            certificate_days: vec![21, 14, 7],
            own_again_after: Duration::from_hours(1),
        }
    }
}

impl Policy {
    /// The time to the next update that an incident of this impact promises.
    #[must_use]
    pub fn update_every(&self, impact: Impact) -> Option<Duration> {
        match impact {
            Impact::None => self.update_every.none,
            Impact::Minor => self.update_every.minor,
            Impact::Major => self.update_every.major,
            Impact::Critical => self.update_every.critical,
        }
    }

    pub(crate) fn alert_wait(&self) -> Duration {
        self.alert_wait.min(ALERT_WAIT_MAX)
    }
}

// === impl UpdateEvery ===

impl UpdateEvery {
    /// The same promise whatever the impact.
    #[must_use]
    pub fn all(every: Option<Duration>) -> UpdateEvery {
        UpdateEvery { none: every, minor: every, major: every, critical: every }
    }
}
