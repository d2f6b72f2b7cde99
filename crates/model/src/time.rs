//! Wall time and monotonic time, both given from outside.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, time::Duration};

/// Wall-clock time in milliseconds since the Unix epoch. JSON form: RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

/// One instant as both clocks see it. Verdicts are dated by `wall`; waiting, expiry and windows
/// are measured on `mono_ms` (milliseconds since the process started), because the wall clock may jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub wall: Time,
    pub mono_ms: i64,
}

// === impl Time ===

impl Time {
    pub const MIN: Time = Time(0);

    #[must_use]
    pub fn plus(self, d: Duration) -> Time {
        Time(self.0.saturating_add(millis(d)))
    }

    #[must_use]
    pub fn minus(self, d: Duration) -> Time {
        Time(self.0.saturating_sub(millis(d)))
    }

    /// Time from `earlier` to `self`; zero when the clock went backwards.
    #[must_use]
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// `None` outside the years that RFC 3339 can write.
    #[must_use]
    pub fn to_jiff(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_millisecond(self.0).ok()
    }

    #[must_use]
    pub fn from_jiff(t: jiff::Timestamp) -> Time {
        Time(t.as_millisecond())
    }

    /// # Errors
    /// When `s` is not an RFC 3339 time stamp with an offset.
    pub fn parse(s: &str) -> Result<Time, jiff::Error> {
        s.parse::<jiff::Timestamp>().map(Time::from_jiff)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_jiff() {
            Some(t) => write!(f, "{t:.3}"),
            None => write!(f, "{}ms", self.0),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let s = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        Time::parse(&s).map_err(serde::de::Error::custom)
    }
}

// === impl Moment ===

impl Moment {
    #[must_use]
    pub fn new(wall: Time, mono_ms: i64) -> Moment {
        Moment { wall, mono_ms }
    }
}

/// Milliseconds of a duration, saturating.
#[must_use]
pub fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}
