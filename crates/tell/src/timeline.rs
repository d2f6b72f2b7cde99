//! Days and uptime: the one place where bars and percentages are computed from the record.

use crate::snapshot::Day;
use jiff::tz::TimeZone;
use stillhere_model::{Amendment, Status, Time};

/// Days on the page, today included.
pub const DAYS: usize = 90;

/// A stretch of one service's public timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub from: Time,
    /// `None`: until now.
    pub until: Option<Time>,
    pub status: Status,
}

/// Bars and uptime of one service. `amendments` in the order they were made.
#[must_use]
pub fn days(
    _segments: &[Segment],
    _gaps: &[(Time, Time)],
    _amendments: &[Amendment],
    _now: Time,
    _tz: &TimeZone,
) -> (Vec<Day>, Option<f64>) {
    (Vec::new(), None)
}

/// Writes onto `days` which incidents touched them.
pub fn mark<'a>(
    _days: &mut [Day],
    _incidents: impl Iterator<Item = &'a stillhere_model::Incident>,
    _service: &stillhere_model::ServiceId,
    _now: Time,
    _tz: &TimeZone,
) {
}

/// The time zone by its IANA name; UTC when the machine does not know it.
#[must_use]
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}
