//! Days and uptime: the one place where bars and percentages are computed from the record.
//!
//! The record is read in three layers, later ones over earlier ones: what the judge said (segments), when
//! Stillhere itself could not know (gaps, painted `unknown`), and what people corrected (amendments, in the order
//! they were made). Uptime is 1 − Σ(weight × known time) / Σ known time with the weights of [`Status::weight`].

use crate::snapshot::Day;
use jiff::{ToSpan as _, civil, tz::TimeZone};
use stillhere_model::{Amendment, Incident, ServiceId, Status, Time};

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

/// Bars and uptime of one service. `amendments` are of this service alone, in the order they were made.
///
/// Time before the first segment is not recorded at all, unless an amendment speaks of it.
#[must_use]
pub fn days(
    segments: &[Segment],
    gaps: &[(Time, Time)],
    amendments: &[Amendment],
    now: Time,
    tz: &TimeZone,
) -> (Vec<Day>, Option<f64>) {
    let bounds = bounds(now, tz);
    let mut line = Line { pieces: Vec::with_capacity(segments.len() + gaps.len() + amendments.len()) };
    for s in segments {
        line.paint(s.from, s.until.unwrap_or(now).min(now), s.status);
    }
    let born = line.pieces.first().map_or(now, |p| p.from);
    for (from, until) in gaps {
        line.paint((*from).max(born), (*until).min(now), Status::Unknown);
    }
    for a in amendments {
        line.paint(a.from, a.until.min(now), a.status);
    }
    let days: Vec<Day> = bounds
        .iter()
        .map(|(date, from, until)| Day {
            date: *date,
            ms: line.sums(*from, *until),
            corrected: amendments.iter().any(|a| a.from < *until && a.until > *from),
            incidents: Vec::new(),
        })
        .collect();
    let uptime = uptime(&days);
    (days, uptime)
}

/// Between 0 and 1. `None`: nothing of it is known.
#[must_use]
pub fn uptime(days: &[Day]) -> Option<f64> {
    let (mut lost, mut known) = (0.0, 0.0);
    for day in days {
        for status in Status::ALL {
            if let Some(weight) = status.weight() {
                #[expect(clippy::cast_precision_loss, reason = "90 days of milliseconds fit exactly")]
                let ms = day.of(status) as f64;
                lost += weight * ms;
                known += ms;
            }
        }
    }
    (known > 0.0).then(|| 1.0 - lost / known)
}

/// Writes onto `days` which incidents touched `service` on them.
pub fn mark<'a>(
    days: &mut [Day],
    incidents: impl Iterator<Item = &'a Incident>,
    service: &ServiceId,
    now: Time,
    tz: &TimeZone,
) {
    for incident in incidents.filter(|i| i.affects(service)) {
        let first = date_of(incident.started_at, tz);
        let last = date_of(incident.resolved_at.unwrap_or(now), tz);
        for day in days.iter_mut().filter(|d| first <= d.date && d.date <= last) {
            if !day.incidents.contains(&incident.id) {
                day.incidents.push(incident.id);
            }
        }
    }
}

/// The time zone by its IANA name; UTC when the machine does not know it.
#[must_use]
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The calendar day of `time` in `tz`.
#[must_use]
pub fn date_of(time: Time, tz: &TimeZone) -> civil::Date {
    tz.to_datetime(time.to_jiff().unwrap_or_default()).date()
}

/// The last [`DAYS`] calendar days with their first instant and the first one after them. A day may have 23 or 25
/// hours, and in some places begins at one o'clock.
fn bounds(now: Time, tz: &TimeZone) -> Vec<(civil::Date, Time, Time)> {
    let today = date_of(now, tz);
    let starts: Vec<(civil::Date, Time)> = (0..=DAYS)
        .map(|i| {
            let back =
                i64::try_from(i).expect("DAYS is small") - i64::try_from(DAYS).expect("DAYS is small") + 1;
            let date = today.checked_add(back.days()).unwrap_or(today);
            (date, start_of(date, tz))
        })
        .collect();
    starts.windows(2).map(|w| (w[0].0, w[0].1, w[1].1)).collect()
}

fn start_of(date: civil::Date, tz: &TimeZone) -> Time {
    match date.to_zoned(tz.clone()).and_then(|z| z.start_of_day()) {
        Ok(z) => Time::from_jiff(z.timestamp()),
        Err(_) => Time::MIN,
    }
}

/// Sorted pieces that do not overlap.
struct Line {
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy)]
struct Piece {
    from: Time,
    until: Time,
    status: Status,
}

// === impl Line ===

impl Line {
    /// Puts a piece over whatever was there.
    fn paint(&mut self, from: Time, until: Time, status: Status) {
        if from >= until {
            return;
        }
        let first = self.pieces.partition_point(|p| p.until <= from);
        let last = self.pieces.partition_point(|p| p.from < until);
        let piece = Piece { from, until, status };
        if first >= last {
            self.pieces.insert(first, piece);
            return;
        }
        let (left, right) = (self.pieces[first], self.pieces[last - 1]);
        let left = (left.from < from).then_some(Piece { until: from, ..left });
        let right = (right.until > until).then_some(Piece { from: until, ..right });
        self.pieces.splice(first..last, left.into_iter().chain([piece]).chain(right));
    }

    /// Milliseconds in each status between two times.
    fn sums(&self, from: Time, until: Time) -> [u32; 6] {
        let mut ms = [0; 6];
        let first = self.pieces.partition_point(|p| p.until <= from);
        for p in self.pieces[first..].iter().take_while(|p| p.from < until) {
            let length = p.until.min(until).since(p.from.max(from)).as_millis();
            let at = Status::ALL.iter().position(|s| *s == p.status).unwrap_or(0);
            ms[at] += u32::try_from(length).unwrap_or(0);
        }
        ms
    }
}

#[cfg(test)]
mod tests;
