//! Flapping: many changes in a short time are one trouble, not many.

use std::time::Duration;
use stillhere_model::Status;

/// So many changes …
pub const UNSTABLE_CHANGES: usize = 6;
/// … within this time make a service unstable …
pub const UNSTABLE_WINDOW: Duration = Duration::from_secs(10 * 60);
/// … until it has kept one status for this long.
pub const UNSTABLE_CALM: Duration = Duration::from_secs(5 * 60);

/// The newest changes of one service's status, on monotonic time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flap {
    at_ms: [i64; UNSTABLE_CHANGES],
    count: usize,
}

// === impl Flap ===

impl Flap {
    /// Whether a change counts. Losing sight of a service, or planned work on it, is not its instability.
    pub(crate) fn counts(before: Status, now: Status) -> bool {
        let its_own = |s| !matches!(s, Status::Unknown | Status::UnderMaintenance);
        its_own(before) && its_own(now)
    }

    /// Takes down a change; true when there have been many.
    pub(crate) fn record(&mut self, mono_ms: i64) -> bool {
        self.at_ms.rotate_left(1);
        self.at_ms[UNSTABLE_CHANGES - 1] = mono_ms;
        self.count = (self.count + 1).min(UNSTABLE_CHANGES);
        self.count == UNSTABLE_CHANGES
            && mono_ms - self.at_ms[0] <= stillhere_model::time::millis(UNSTABLE_WINDOW)
    }

    pub(crate) fn is_calm(&self, mono_ms: i64) -> bool {
        mono_ms - self.at_ms[UNSTABLE_CHANGES - 1] >= stillhere_model::time::millis(UNSTABLE_CALM)
    }

    /// After a restart an unstable service has to show its calm anew.
    pub(crate) fn resume(&mut self, mono_ms: i64) {
        self.at_ms[UNSTABLE_CHANGES - 1] = mono_ms;
    }
}
