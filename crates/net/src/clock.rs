//! The one place that asks the machine what time it is. Everybody else is given the time.

use std::time::{Instant, SystemTime};
use stillhere_model::{Moment, Time, time::millis};

/// Reads both clocks. `mono_ms` counts from `start`, and goes on counting when the wall clock is set.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

/// The wall clock. A machine whose clock stands before 1970 reads as 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn wall() -> Time {
    Time(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, millis))
}

/// The monotonic clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn mono() -> Instant {
    Instant::now()
}

// === impl Clock ===

impl Clock {
    #[must_use]
    pub fn start() -> Clock {
        Clock { started: mono() }
    }

    #[must_use]
    pub fn now(&self) -> Moment {
        self.at(mono())
    }

    /// The moment of an instant just taken, so that a hot path reads the monotonic clock once.
    #[must_use]
    pub fn at(&self, instant: Instant) -> Moment {
        Moment::new(wall(), millis(instant.saturating_duration_since(self.started)))
    }

    /// Microseconds since `start`, for schedules finer than a millisecond.
    #[must_use]
    pub fn mono_us(&self) -> u64 {
        u64::try_from(mono().saturating_duration_since(self.started).as_micros()).unwrap_or(u64::MAX)
    }
}
