//! Goes through a past in its order and says what would have been said, knowing at each instant only what was known then:
//! which incidents had begun, which were over, and which times had proved too early. This is how the method is
//! tested.

use crate::{
    estimate::{estimate, quantiles},
    history::{Case, History},
    hold::decide,
    prior::Prior,
    score::pinball,
};
use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};
use stillhere_model::{Eta, Impact, Incident, IncidentId, IncidentStatus, Mint, Time};

/// One outage of a past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    pub started_at: Time,
    pub lasted: Duration,
}

/// When a forecast is asked for, after the beginning, in minutes.
pub const MARKS_MIN: [u64; 6] = [0, 15, 30, 60, 120, 240];
/// The levels at which the loss is measured.
pub const LEVELS: [f64; 4] = [0.1, 0.5, 0.8, 0.9];

/// One answer at one mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    pub mark_min: u64,
    /// What would have been shown; `None` where it would have said that there is no estimate.
    pub late: Option<bool>,
    /// The quantiles of all durations known then, counted from the beginning, were later than that at the level of four in five.
    pub fixed_late: bool,
    /// So was the mean of all durations known then.
    pub mean_late: bool,
    /// It was over between the times of the levels 0.1 and 0.9.
    pub covered: bool,
    /// Mean pinball loss over [`LEVELS`], in minutes: the method's, and that of the fixed quantiles.
    pub loss: f64,
    pub fixed_loss: f64,
}

/// What would have been shown during one outage under the hold rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub etas: Vec<Eta>,
    pub over_at: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Over,
    Begins,
    Asked(u64),
}

/// What was, and what is known of it.
struct Past<'a> {
    outages: &'a [Outage],
    ids: Vec<IncidentId>,
    history: History,
    events: BinaryHeap<Reverse<(Time, Event, usize)>>,
}

/// Asks at each of [`MARKS_MIN`] that an outage reaches. Each answer counts as shown, for the correction.
#[must_use]
pub fn at_marks(outages: &[Outage], prior: &Prior) -> Vec<Forecast> {
    let mut past = Past::new(outages);
    let mut ended: Vec<f64> = Vec::new();
    let mut forecasts = Vec::new();
    while let Some((now, event, i)) = past.next() {
        let Outage { started_at, lasted } = outages[i];
        match event {
            Event::Over => {
                let at = ended.partition_point(|d| *d < minutes(lasted));
                ended.insert(at, minutes(lasted));
            }
            Event::Begins => {
                for mark in MARKS_MIN.into_iter().filter(|m| Duration::from_mins(*m) < lasted) {
                    past.plan(started_at.plus(Duration::from_mins(mark)), Event::Asked(mark), i);
                }
            }
            Event::Asked(mark_min) => {
                let Some(case) = past.history.case(past.ids[i]).cloned() else { continue };
                let Some(ours) = quantiles(&past.history, prior, &case, now, LEVELS) else { continue };
                let shown = estimate(&past.history, prior, &case, now).ok().map(|e| e.shown(now));
                let over_at = started_at.plus(lasted);
                let late = shown.as_ref().and_then(|e| e.by).map(|by| over_at > by);
                past.history.put(Case { etas: case.etas.iter().cloned().chain(shown).collect(), ..case });
                let left = minutes(over_at.since(now));
                #[expect(clippy::cast_precision_loss, reason = "hours")]
                let from_start = |total: f64| (total - mark_min as f64).max(0.0);
                let fixed = LEVELS.map(|p| from_start(ranked(&ended, p)));
                #[expect(clippy::cast_precision_loss, reason = "a count of outages")]
                let mean = from_start(ended.iter().sum::<f64>() / ended.len().max(1) as f64);
                let loss = |of: [f64; 4]| {
                    LEVELS.iter().zip(of).map(|(p, at)| pinball(left - at, *p)).sum::<f64>() / 4.0
                };
                let ours = ours.map(|s| s / 60.0);
                forecasts.push(Forecast {
                    mark_min,
                    late,
                    fixed_late: left > fixed[2],
                    mean_late: left > mean,
                    covered: (ours[0]..=ours[3]).contains(&left),
                    loss: loss(ours),
                    fixed_loss: loss(fixed),
                });
            }
        }
    }
    forecasts
}

/// What would have been shown, first and later, under the hold rule. One for each outage during which anything was.
#[must_use]
pub fn held(outages: &[Outage], prior: &Prior) -> Vec<Told> {
    let mut past = Past::new(outages);
    let mut told = Vec::new();
    while let Some((now, event, i)) = past.next() {
        let Some(case) = past.history.case(past.ids[i]).cloned() else { continue };
        match event {
            Event::Begins => past.plan(now, Event::Asked(0), i),
            Event::Over if case.etas.is_empty() => {}
            Event::Over => told.push(Told { etas: case.etas, over_at: now }),
            Event::Asked(_) if case.over_at.is_some() => {}
            Event::Asked(_) => {
                let change = decide(&past.history, prior, &incident(&case), now);
                let etas: Vec<Eta> =
                    case.etas.iter().chain(change.as_ref().map(|c| c.eta())).cloned().collect();
                let soon = now.plus(Duration::from_mins(1) + now.since(case.started_at) / 4);
                let next = match etas.last() {
                    None => Some(soon),
                    Some(Eta { by: None, .. }) => None,
                    Some(Eta { by: Some(by), shown_at, .. }) if change.is_some() => {
                        Some(shown_at.plus(by.since(*shown_at).mul_f64(crate::hold::USED)))
                    }
                    Some(Eta { by: Some(by), .. }) if now <= *by => Some(Time(by.0 + 1)),
                    Some(_) => Some(soon),
                };
                past.history.put(Case { etas, ..case });
                if let Some(at) = next {
                    past.plan(at, Event::Asked(0), i);
                }
            }
        }
    }
    told
}

// === impl Past ===

impl<'a> Past<'a> {
    fn new(outages: &'a [Outage]) -> Past<'a> {
        let mut mint = Mint::new(1);
        let ids = outages.iter().map(|o| IncidentId(mint.uuid(o.started_at))).collect();
        let mut past = Past { outages, ids, history: History::default(), events: BinaryHeap::new() };
        for (i, o) in outages.iter().enumerate() {
            past.plan(o.started_at, Event::Begins, i);
            past.plan(o.started_at.plus(o.lasted), Event::Over, i);
        }
        past
    }

    fn plan(&mut self, at: Time, event: Event, i: usize) {
        self.events.push(Reverse((at, event, i)));
    }

    /// The next event, with the history as it is from then on.
    fn next(&mut self) -> Option<(Time, Event, usize)> {
        let Reverse((now, event, i)) = self.events.pop()?;
        let (id, Outage { started_at, lasted }) = (self.ids[i], self.outages[i]);
        let known = self.history.case(id);
        match event {
            Event::Begins => {
                let over_at = lasted.is_zero().then_some(now);
                self.history.put(Case {
                    id,
                    started_at,
                    over_at,
                    known_until: None,
                    counts: true,
                    impact: Impact::Major,
                    services: Vec::new(),
                    etas: Vec::new(),
                });
            }
            Event::Over => {
                if let Some(case) = known.cloned() {
                    self.history.put(Case { over_at: Some(now), ..case });
                }
            }
            Event::Asked(_) => {}
        }
        Some((now, event, i))
    }
}

/// As the hold rule sees it.
fn incident(case: &Case) -> Incident {
    Incident {
        id: case.id,
        title: None,
        impact: case.impact,
        status: IncidentStatus::Investigating,
        started_at: case.started_at,
        opened_at: case.started_at,
        monitoring_at: None,
        resolved_at: None,
        affected: Vec::new(),
        origin: None,
        updates: Vec::new(),
        promises: Vec::new(),
        etas: case.etas.clone(),
        unstable: false,
        by_hand: false,
        reopened: 0,
        acknowledgements: Vec::new(),
        called_again: 0,
        preventions: Vec::new(),
    }
}

fn minutes(d: Duration) -> f64 {
    d.as_secs_f64() / 60.0
}

/// The quantile by nearest rank; zero of nothing.
#[must_use]
pub fn ranked(sorted: &[f64], p: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank between nothing and the length"
    )]
    let rank = (p * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}
