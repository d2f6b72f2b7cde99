//! What the template shows of one service: its word, its reason, its bars and the days worth knowing about.

use super::{
    bars::{self, Path, SHOWN_GAP_MS},
    class,
    links::Links,
    part::whole_seconds,
};
use crate::{
    snapshot::{Day, ServiceView, Snapshot},
    words::Words,
};
use serde::Serialize;
use stillhere_model::{IncidentId, Reason, Status};

/// Days listed in words for one service.
const WORST_DAYS: usize = 5;

#[derive(Serialize)]
pub(super) struct Service {
    id: String,
    name: String,
    class: &'static str,
    word: String,
    why: Option<String>,
    description: Option<String>,
    paths: Vec<Path>,
    alt: String,
    uptime: String,
    spark: Option<Spark>,
    bad_days: usize,
    worst: Vec<DayLine>,
    worst_more: usize,
}

#[derive(Serialize)]
struct Spark {
    d: String,
    now: Option<String>,
    alt: String,
}

#[derive(Serialize)]
struct DayLine {
    class: &'static str,
    text: String,
    /// To what happened then.
    href: Option<String>,
}

pub(super) fn service(s: &ServiceView, snapshot: &Snapshot, w: &Words, links: &Links<'_>) -> Service {
    let days = Days::of(&s.days);
    let mut bad: Vec<&Day> = s.days.iter().filter(|d| is_notable(d)).collect();
    let bad_days = bad.len();
    bad.sort_by_key(|d| std::cmp::Reverse((d.worst().map_or(0, Status::gravity), problem_ms(d), d.date)));
    bad.truncate(WORST_DAYS);
    bad.sort_by_key(|d| std::cmp::Reverse(d.date));
    Service {
        id: format!("s-{}", s.id),
        name: w.name(&s.name),
        class: class::status(s.verdict.status),
        word: w.status(s.verdict.status),
        why: why(s, snapshot, w),
        description: s.description.as_ref().map(|d| w.name(d)),
        paths: bars::bars(&s.days),
        alt: w.say(
            "bars-alt",
            &[
                ("n", s.days.len().into()),
                ("bad", days.bad.into()),
                ("unseen", days.unseen.into()),
                ("none", days.none.into()),
            ],
        ),
        uptime: match s.uptime {
            Some(uptime) => {
                w.say("uptime", &[("percent", percent(uptime).into()), ("n", days.recorded.into())])
            }
            None => w.plain("uptime-none"),
        },
        spark: spark(s, w),
        bad_days,
        worst: bad.iter().map(|d| day_line(d, snapshot, w, links)).collect(),
        worst_more: bad_days.saturating_sub(WORST_DAYS),
    }
}

fn why(s: &ServiceView, snapshot: &Snapshot, w: &Words) -> Option<String> {
    let v = &s.verdict;
    let mut said = Vec::new();
    if v.status != Status::Operational || !matches!(v.reason, Reason::AllUp | Reason::Declared { .. }) {
        said.push(w.reason(v, snapshot));
    }
    if v.unstable {
        said.push(w.plain("unstable"));
    }
    if v.status != Status::Operational && !matches!(v.reason, Reason::NotYetLooked | Reason::NoChecks) {
        said.push(w.say("since", &[("time", w.clock(v.since, snapshot.made_at).into())]));
    }
    (!said.is_empty()).then(|| w.sentences(&said))
}

/// The number beside the picture is shown only while it is of now: the service answers, and lately did.
fn spark(s: &ServiceView, w: &Words) -> Option<Spark> {
    let d = bars::spark(&s.latency)?;
    let known = || s.latency.iter().filter_map(|p| p.p50_ms).filter(|ms| ms.is_finite() && *ms >= 0.0);
    let answers = !matches!(s.verdict.status, Status::MajorOutage | Status::Unknown);
    let now = s.latency.last().and_then(|p| p.p50_ms).filter(|_| answers).map(|ms| milliseconds(w, ms));
    let low = milliseconds(w, known().fold(f32::INFINITY, f32::min));
    let high = milliseconds(w, known().fold(0.0, f32::max));
    let alt = w.say("latency-alt", &[("low", low.into()), ("high", high.into())]);
    Some(Spark { d, now, alt })
}

/// `0.4 ms`, `12 ms`, `1200 ms`.
pub(crate) fn milliseconds(w: &Words, ms: f32) -> String {
    let n = if ms < 10.0 { format!("{ms:.1}") } else { format!("{ms:.0}") };
    w.say("duration-milliseconds", &[("n", n.into())])
}

/// Two digits, rounded down: 100 is said only when nothing is missing.
pub(crate) fn percent(uptime: f64) -> String {
    // 1e-9 forgives the last bit of the division, not a second of outage
    let hundredths = (uptime.clamp(0.0, 1.0) * 10_000.0 + 1e-9).floor();
    if uptime >= 1.0 { "100".to_owned() } else { format!("{:.2}", hundredths.min(9_999.0) / 100.0) }
}

/// How many days are what.
struct Days {
    recorded: usize,
    bad: usize,
    unseen: usize,
    none: usize,
}

impl Days {
    fn of(days: &[Day]) -> Days {
        let count = |f: fn(&Day) -> bool| days.iter().filter(|d| f(d)).count();
        Days {
            recorded: count(|d| d.recorded_ms() > 0),
            bad: count(|d| d.worst().is_some_and(Status::is_problem)),
            unseen: count(|d| d.of(Status::Unknown) >= SHOWN_GAP_MS),
            none: count(|d| d.recorded_ms() == 0),
        }
    }
}

fn is_notable(day: &Day) -> bool {
    day.corrected || problem_ms(day) > 0 || day.of(Status::Unknown) >= SHOWN_GAP_MS
}

fn problem_ms(day: &Day) -> u64 {
    Status::ALL.into_iter().filter(|s| s.is_problem()).map(|s| day.of(s)).sum()
}

/// `12 Nov: down for 2 h, not seen for 5 min`.
fn day_line(day: &Day, snapshot: &Snapshot, w: &Words, links: &Links<'_>) -> DayLine {
    let mut statuses: Vec<Status> = Status::ALL
        .into_iter()
        .filter(|s| *s != Status::Operational && day.of(*s) > 0)
        .filter(|s| *s != Status::Unknown || day.of(*s) >= SHOWN_GAP_MS)
        .collect();
    statuses.sort_by_key(|s| std::cmp::Reverse(s.gravity()));
    let part = |s: &Status| {
        w.say(&format!("day-{}", s.as_str()), &[("time", w.duration(whole_seconds(day.of(*s))).into())])
    };
    let mut parts: Vec<String> = statuses.iter().map(part).collect();
    if parts.is_empty() {
        parts.push(w.plain("day-operational"));
    }
    if day.corrected {
        parts.push(w.plain("day-corrected"));
    }
    let what = w.commas(&parts);
    let date = w.date(day.date, snapshot.made_at);
    let known = |id: &&IncidentId| snapshot.incident(id).is_some();
    let mut incidents = day.incidents.iter().filter(known);
    // The list of all of them tells what one link cannot.
    let href = match (incidents.next(), incidents.next()) {
        (Some(one), None) => Some(links.incident(one)),
        (Some(_), Some(_)) => Some(links.history()),
        (None, _) => None,
    };
    DayLine {
        class: class::status(day.worst().unwrap_or(Status::Unknown)),
        text: w.say("day-line", &[("date", date.into()), ("what", what.into())]),
        href,
    }
}
