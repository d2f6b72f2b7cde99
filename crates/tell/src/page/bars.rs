//! The picture of 90 days, and of the last day's latency, as a few short SVG paths.
//!
//! One path for each status, not one element for each day: 20 services stay a few kilobytes. Colour is not alone:
//! the graver the day, the higher its bar. A break in a bar is time that we did not see (at least [`SHOWN_GAP_MS`]);
//! a dot is a day of which nothing is known.

use super::class;
use crate::snapshot::{Day, LatencyPoint};
use serde::Serialize;
use std::fmt::Write as _;
use stillhere_model::Status;

/// Unseen time of a day from which its bar is broken.
pub(crate) const SHOWN_GAP_MS: u64 = 60_000;

/// Width of one day in the view box of 720 × 34.
const PITCH: i64 = 8;
/// Where bars stand.
const FLOOR: i64 = 31;
/// Length of the break in a bar, ends included.
const BREAK: i64 = 9;
/// View box of the latency picture: 96 × 20.
const SPARK: (f32, f32) = (96.0, 20.0);

#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) class: &'static str,
    pub(crate) d: String,
}

/// One path for each status there is, and one (`n`) for days that are not recorded.
pub(crate) fn bars(days: &[Day]) -> Vec<Path> {
    let mut paths: Vec<(Path, (i64, i64))> = Vec::new();
    for (i, day) in days.iter().enumerate() {
        let x = PITCH * i64::try_from(i).unwrap_or(0) + PITCH / 2;
        let worst = day.worst();
        let class = worst.map_or("n", class::status);
        let at = paths.iter().position(|(p, _)| p.class == class).unwrap_or_else(|| {
            paths.push((Path { class, d: String::new() }, (0, 0)));
            paths.len() - 1
        });
        let (path, pen) = &mut paths[at];
        let height = worst.map_or(0, height);
        let broken = height > 0 && day.of(Status::Unknown) >= SHOWN_GAP_MS;
        move_to(&mut path.d, pen, x, FLOOR);
        if broken {
            let lower = (height - BREAK) / 2;
            let _ = write!(path.d, "v-{lower}m0-{BREAK}v-{}", height - BREAK - lower);
        } else if height == 0 {
            path.d.push_str("h0"); // with round ends: a dot
        } else {
            let _ = write!(path.d, "v-{height}");
        }
        pen.1 -= height;
    }
    paths.into_iter().map(|(path, _)| path).collect()
}

/// The first move is absolute, the others are relative: repeated days are repeated bytes.
fn move_to(d: &mut String, pen: &mut (i64, i64), x: i64, y: i64) {
    let _ = match (d.is_empty(), y - pen.1) {
        (true, _) => write!(d, "M{x} {y}"),
        (false, dy) if dy < 0 => write!(d, "m{}{dy}", x - pen.0),
        (false, dy) => write!(d, "m{} {dy}", x - pen.0),
    };
    *pen = (x, y);
}

fn height(status: Status) -> i64 {
    match status {
        Status::Unknown => 0,
        Status::Operational | Status::UnderMaintenance => 17,
        Status::DegradedPerformance => 20,
        Status::PartialOutage => 24,
        Status::MajorOutage => 28,
    }
}

/// A line through the medians; it breaks where there are none. `None` with less than two of them.
pub(crate) fn spark(points: &[LatencyPoint]) -> Option<String> {
    let known = || points.iter().filter_map(|p| p.p50_ms).filter(|ms| ms.is_finite() && *ms >= 0.0);
    if known().count() < 2 {
        return None;
    }
    let top = known().fold(f32::MIN_POSITIVE, f32::max);
    #[expect(clippy::cast_precision_loss, reason = "a handful of points")]
    let step = SPARK.0 / (points.len() - 1) as f32;
    let mut d = String::new();
    let mut pen: Option<(i64, i64)> = None;
    for (i, point) in points.iter().enumerate() {
        let Some(ms) = point.p50_ms.filter(|ms| ms.is_finite() && *ms >= 0.0) else {
            pen = None;
            continue;
        };
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "inside of the view box"
        )]
        let (x, y) =
            ((step * i as f32).round() as i64, (SPARK.1 - (SPARK.1 - 1.0) * ms / top).round() as i64);
        let _ = match pen {
            None => write!(d, "M{x} {y}"),
            Some((px, py)) if y == py => write!(d, "h{}", x - px),
            Some((px, py)) if y < py => write!(d, "l{}{}", x - px, y - py),
            Some((px, py)) => write!(d, "l{} {}", x - px, y - py),
        };
        pen = Some((x, y));
    }
    Some(d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stillhere_model::Time;

    fn day(worst: &[(Status, u32)]) -> Day {
        let mut ms = [0; 6];
        for (status, n) in worst {
            ms[Status::ALL.iter().position(|s| s == status).unwrap()] = *n;
        }
        Day { date: jiff::civil::date(2026, 11, 22), ms, corrected: false, incidents: vec![] }
    }

    #[test]
    fn the_graver_the_day_the_higher_its_bar_and_a_day_unseen_is_a_dot() {
        let days = [
            day(&[(Status::Operational, 1)]),
            day(&[(Status::Operational, 1)]),
            day(&[(Status::MajorOutage, 1)]),
            day(&[(Status::Unknown, 1)]),
            day(&[]),
        ];
        let paths: Vec<(&str, String)> = bars(&days).into_iter().map(|p| (p.class, p.d)).collect();
        let want = [("o", "M4 31v-17m8 17v-17"), ("x", "M20 31v-28"), ("u", "M28 31h0"), ("n", "M36 31h0")];
        assert_eq!(paths, want.map(|(c, d)| (c, d.to_owned())));
    }

    #[test]
    fn case_b_a_gap_of_half_an_hour_is_a_break_in_the_bar() {
        let whole = bars(&[day(&[(Status::Operational, 86_400_000)])]);
        let gap = bars(&[day(&[(Status::Operational, 84_600_000), (Status::Unknown, 1_800_000)])]);
        assert_eq!(whole[0].d, "M4 31v-17");
        assert_eq!(gap[0].d, "M4 31v-4m0-9v-4");
        assert_eq!(gap[0].class, "o", "a gap is not a problem of the service");
        let down = bars(&[day(&[(Status::MajorOutage, 84_600_000), (Status::Unknown, 1_800_000)])]);
        assert_eq!((down[0].class, down[0].d.as_str()), ("x", "M4 31v-9m0-9v-10"));
    }

    #[test]
    fn the_line_breaks_where_nothing_was_measured() {
        let point = |ms| LatencyPoint { at: Time(0), p50_ms: ms, p95_ms: None };
        assert_eq!(spark(&[point(Some(1.0)), point(None)]), None);
        let line = [point(Some(10.0)), point(Some(10.0)), point(None), point(Some(5.0)), point(Some(10.0))];
        assert_eq!(spark(&line).unwrap(), "M0 1h24M72 11l24-10");
    }
}
