//! How much each known incident counts for the one in question.
//!
//! Four strata, each inside the next: same service and same impact; same service; this site; other operators. The
//! distribution of each is mixed with [`prior::WEIGHT`] incidents' worth of the next wider one: with no incident of the kind
//! the wider one speaks, with forty it hardly does. (There is no cause class in the record that would be worth a stratum: the
//! affected service is what is known in the first second.)

use crate::{
    curve::Atom,
    history::{Case, History},
    prior::{self, Prior},
};
use stillhere_model::Time;

/// An incident counts half as much when so many came after it: what a site is like changes.
const HALF_LIFE: f64 = 60.0;
/// Site, same service, same service and impact.
const STRATA: usize = 3;

/// Durations with their weights, and how many stand behind them.
pub(crate) struct Sample {
    pub(crate) atoms: Vec<Atom>,
    /// Own incidents that were over.
    pub(crate) own: u32,
    /// Those of them that touched a service of the one in question.
    pub(crate) alike: u32,
    /// The share of the whole weight that is the prior's.
    pub(crate) prior_share: f64,
}

struct Row {
    seconds: f64,
    over: bool,
    fresh: f64,
    /// The innermost stratum it lies in.
    depth: usize,
}

/// What is known at `now` that bears on `case`, which itself is left out.
pub(crate) fn sample(history: &History, prior: &Prior, case: &Case, now: Time) -> Sample {
    let rows = rows(history, case, now);
    let mut inside = [0.0; STRATA];
    for row in &rows {
        inside.iter_mut().take(row.depth + 1).for_each(|n| *n += row.fresh);
    }
    // What is left for the next wider stratum, and what one incident of each has of the whole.
    let mut left = 1.0;
    let mut each = [0.0; STRATA];
    for (n, each) in inside.iter().zip(&mut each).rev() {
        *each = left / (n + prior::WEIGHT);
        left *= prior::WEIGHT / (n + prior::WEIGHT);
    }
    let mut atoms: Vec<Atom> = rows
        .iter()
        .map(|r| {
            let weight = r.fresh * each[..=r.depth].iter().sum::<f64>();
            Atom { seconds: r.seconds, over: r.over, weight, count: r.fresh }
        })
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "at most eighty")]
    let points = prior.seconds.len().max(1) as f64;
    let (weight, count) = (left / points, prior::WEIGHT / points);
    atoms.extend(prior.seconds.iter().map(|s| Atom { seconds: *s, over: true, weight, count }));
    let over = |least: usize| {
        let n = rows.iter().filter(|r| r.over && r.depth >= least).count();
        u32::try_from(n).unwrap_or(u32::MAX)
    };
    Sample { atoms, own: over(0), alike: over(1), prior_share: left }
}

fn rows(history: &History, case: &Case, now: Time) -> Vec<Row> {
    let known = || history.cases().filter(|c| c.counts && c.id != case.id && c.started_at <= now);
    let count = known().count();
    let row = |(rank, other): (usize, &Case)| {
        #[expect(clippy::cast_precision_loss, reason = "at most 400")]
        let fresh = 0.5_f64.powf((count - 1 - rank) as f64 / HALF_LIFE);
        let alike = other.services.iter().any(|s| case.services.contains(s));
        let depth = usize::from(alike) + usize::from(alike && other.impact == case.impact);
        // What we learn later than `now` is not known at `now`.
        let over = other.over_at.is_some_and(|at| at <= now);
        let end = other.over_at.filter(|at| *at <= now).unwrap_or(now);
        let seconds = end.since(other.started_at).as_secs_f64().max(1.0);
        Row { seconds, over, fresh, depth }
    };
    known().enumerate().map(row).collect()
}
