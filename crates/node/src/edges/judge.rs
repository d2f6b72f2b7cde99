//! What a vantage says of a service, from what its edge reports.

use std::{collections::VecDeque, time::Duration};
use stillhere_model::{
    Finding, Moment, Outcome, Time,
    edge::{PoolReport, Standing, Tally},
    time::millis,
};

/// The time in which errors are weighed.
const WINDOW: Duration = Duration::from_secs(5);
/// Fewer requests than this tell nothing.
const ANSWERS_LEAST: u64 = 5;
/// From this share of errors on the service is down, in percent.
const ERRORS_DOWN: u64 = 50;
/// A report about a longer time says little about now.
const COVERS_MAX: Duration = Duration::from_secs(15);
/// After errors and then no traffic at all, so long until it is called well again.
const ERRORS_HOLD: Duration = Duration::from_secs(30);
/// A deploy that pauses no longer than this is no news: requests wait, and are answered.
const PAUSE_FINE: Duration = Duration::from_secs(10);
/// What the edge waits for an answer of a node that nobody asks.
const SILENT_MS: u32 = 2_000;

/// What is said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) outcome: Outcome,
    pub(super) finding: Option<Finding>,
}

/// The last requests.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// When, sent, bad.
    parts: VecDeque<(i64, u64, u64)>,
    /// When there were mostly errors the last time.
    errors_ms: Option<i64>,
    now_ms: i64,
}

// === impl Window ===

impl Window {
    pub(super) fn add(&mut self, tally: &Tally, covers_ms: u64, now: Moment) {
        self.now_ms = now.mono_ms;
        let old = now.mono_ms - millis(WINDOW);
        while self.parts.front().is_some_and(|(at, ..)| *at < old) {
            self.parts.pop_front();
        }
        let fresh = covers_ms <= u64::try_from(COVERS_MAX.as_millis()).unwrap_or(u64::MAX);
        if fresh && tally.sent() > 0 {
            self.parts.push_back((now.mono_ms, tally.sent(), tally.bad()));
        }
        if self.errors().is_some() {
            self.errors_ms = Some(now.mono_ms);
        } else if self.sums().0 >= ANSWERS_LEAST {
            self.errors_ms = None;
        }
    }

    fn sums(&self) -> (u64, u64) {
        self.parts.iter().fold((0, 0), |(sent, bad), (_, s, b)| (sent + s, bad + b))
    }

    /// Mostly errors now: percent, and of how many.
    fn errors(&self) -> Option<(u64, u64)> {
        let (sent, bad) = self.sums();
        let percent = (bad * 100).checked_div(sent)?;
        (sent >= ANSWERS_LEAST && percent >= ERRORS_DOWN).then_some((percent, sent))
    }

    /// There were, and nothing has said otherwise since.
    fn still_errors(&self) -> bool {
        self.errors_ms.is_some_and(|at| self.now_ms - at <= millis(ERRORS_HOLD))
    }
}

/// What the vantage says of a service whose pools look so, and since when. `None`: nothing new can be said.
pub(super) fn said(
    pools: &[&PoolReport],
    window: &Window,
    before: Option<&Said>,
    now: Time,
) -> Option<(Said, Time)> {
    let of = |standing: Standing| pools.iter().filter(move |p| p.standing == standing);
    let since = |standing: Standing| of(standing).map(|p| p.since).min().unwrap_or(now);
    let every = |f: &dyn Fn(&PoolReport) -> bool| pools.iter().all(|p| f(p));
    let say = |outcome, finding| Said { outcome, finding };
    let nodes = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    // A service with several pools is down when all of them are; with one of them out, a part of it is.
    let out = |p: &PoolReport| matches!(p.standing, Standing::AllOut | Standing::Silent);
    if pools.iter().any(|p| out(p)) {
        let gone = of(Standing::AllOut).map(|p| p.nodes.len()).sum::<usize>();
        let finding = match gone {
            0 => Finding::FirstByteTimeout { timeout_ms: SILENT_MS },
            n => Finding::EdgeAllOut { nodes: nodes(n) },
        };
        let outcome = if every(&out) { Outcome::Down } else { Outcome::Slow };
        let since = pools.iter().filter(|p| out(p)).map(|p| p.since).min().unwrap_or(now);
        return Some((say(outcome, Some(finding)), since));
    }
    if let Some((percent, answers)) = window.errors() {
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let finding = Finding::EdgeErrors { percent: small(percent), answers: small(answers) };
        // The numbers change with every report; only that it is so is news.
        if let Some(before @ Said { finding: Some(Finding::EdgeErrors { .. }), .. }) = before {
            return Some((before.clone(), now));
        }
        return Some((say(Outcome::Down, Some(finding)), now));
    }
    if of(Standing::Paused).next().is_some() {
        let since = since(Standing::Paused);
        if now.since(since) <= PAUSE_FINE {
            return None;
        }
        return Some((say(Outcome::Slow, Some(Finding::EdgePaused)), since));
    }
    if of(Standing::Overloaded).next().is_some() {
        return Some((say(Outcome::Slow, Some(Finding::EdgeOverloaded)), since(Standing::Overloaded)));
    }
    if window.still_errors()
        && let Some(before @ Said { finding: Some(Finding::EdgeErrors { .. }), .. }) = before
    {
        return Some((before.clone(), now));
    }
    Some((say(Outcome::Up, None), pools.iter().map(|p| p.since).max().unwrap_or(now)))
}
