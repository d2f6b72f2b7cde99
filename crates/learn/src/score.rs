//! How the times that were shown turned out. Only what was shown is scored, every one of them, also those that were
//! replaced; always from the incident's own times, so that a correction of its end corrects the score.

use crate::{correct::LEVEL, history::History};
use stillhere_model::{Eta, EtaRecord, EtaScore, Time};

/// Times that the published record looks back on, the youngest. Fewer would jump, more would praise or blame the past.
const RECORD_MAX: usize = 40;

/// Scores in numbers; with `n` zero the others are zero too and mean nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// Times whose outcome is known.
    pub n: u32,
    /// Share of them that it was not over by. One in five is meant.
    pub late: f64,
    /// Mean pinball loss at the level of four in five, in minutes; of those that are over.
    pub pinball_min: f64,
    /// The end minus the time that was given, in minutes: the median. Negative: it was over earlier.
    pub off_min: f64,
}

/// The published record: how many of the last times held.
#[must_use]
pub fn record(history: &History, now: Time) -> EtaRecord {
    let mut record = EtaRecord::default();
    for (computed, score) in [(true, &mut record.computed), (false, &mut record.people)] {
        let mut known: Vec<(Time, bool)> =
            known(history, computed, now).map(|k| (k.shown_at, k.held)).collect();
        known.sort();
        for (_, held) in known.iter().rev().take(RECORD_MAX) {
            *score = EtaScore { given: score.given + 1, held: score.held + u32::from(*held) };
        }
    }
    record
}

/// All scores of the computed times, or of those that people gave.
#[must_use]
pub fn score(history: &History, computed: bool, now: Time) -> Score {
    let all: Vec<Known> = known(history, computed, now).collect();
    let mut off: Vec<f64> = all.iter().filter_map(|k| k.off_min).collect();
    off.sort_by(f64::total_cmp);
    let share = |n: usize, of: usize| count(n) / count(of.max(1));
    let pinball: f64 = off.iter().map(|off| pinball(*off, LEVEL)).sum();
    Score {
        n: u32::try_from(all.len()).unwrap_or(u32::MAX),
        late: share(all.iter().filter(|k| !k.held).count(), all.len()),
        pinball_min: pinball / count(off.len().max(1)),
        off_min: off.get(off.len() / 2).copied().unwrap_or_default(),
    }
}

/// The loss of a quantile at `level` that was missed by `off`: too early costs `level` a unit, too late the rest.
#[must_use]
pub fn pinball(off: f64, level: f64) -> f64 {
    if off >= 0.0 { off * level } else { -off * (1.0 - level) }
}

#[expect(clippy::cast_precision_loss, reason = "counts of what is bounded")]
fn count(n: usize) -> f64 {
    n as f64
}

struct Known {
    shown_at: Time,
    held: bool,
    off_min: Option<f64>,
}

fn known(history: &History, computed: bool, now: Time) -> impl Iterator<Item = Known> {
    let all = history.cases().flat_map(|c| c.etas.iter().map(move |e| (c, e)));
    let wanted = move |e: &Eta| e.is_computed() == computed && e.shown_at <= now;
    all.filter(move |(_, e)| wanted(e)).filter_map(move |(c, e)| {
        let over = c.over_at.filter(|at| *at <= now);
        let held = c.held(e, now)?;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of years are exact")]
        let off_min = over.zip(e.by).map(|(over, by)| over.0.saturating_sub(by.0) as f64 / 60_000.0);
        Some(Known { shown_at: e.shown_at, held, off_min })
    })
}
