//! What is shown is held: a time that moves with every look is worth nothing to whoever plans by it.

use crate::{
    estimate::estimate,
    history::{Case, History},
    prior::Prior,
};
use stillhere_model::{Basis, Eta, Incident, Time};

/// The share of the time between showing and "over by" that must have passed before another time may replace it.
pub(crate) const USED: f64 = 0.8;
/// Computed estimates in one incident. The last stays, and is said to have passed when it has.
pub const ETAS_MAX: usize = 40;

/// What is to be shown from now on, and why.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The first one.
    First(Eta),
    /// Most of the time has passed, and it is not over.
    Later(Eta),
}

/// Decides whether `incident` gets another estimate. `None`: what is shown stays, and so does showing nothing.
#[must_use]
pub fn decide(history: &History, prior: &Prior, incident: &Incident, now: Time) -> Option<Change> {
    let case = Case::of(incident).filter(|case| case.counts && incident.status.is_open())?;
    if incident.seems_over_since().is_some() {
        return None;
    }
    let Some(last) = incident.etas.last() else {
        return estimate(history, prior, &case, now).ok().map(|e| Change::First(e.shown(now)));
    };
    // A person took it back: it stays so.
    let by = last.by?;
    if now < open_from(last, by) {
        return None;
    }
    if incident.etas.iter().filter(|e| e.is_computed()).count() >= ETAS_MAX {
        return None;
    }
    match estimate(history, prior, &case, now) {
        // An earlier time would be good news that nobody needs, and one more change.
        Ok(e) if e.by > by => Some(Change::Later(e.shown(now))),
        // Where nothing more can be said, the page says that the time has passed: that is the truth.
        Ok(_) | Err(_) => None,
    }
}

/// When another time may take its place. A person's word stands until it has passed.
fn open_from(last: &Eta, by: Time) -> Time {
    match last.basis {
        Basis::Record { .. } => last.shown_at.plus(by.since(last.shown_at).mul_f64(USED)),
        Basis::Person { .. } => Time(by.0.saturating_add(1)),
    }
}

// === impl Change ===

impl Change {
    #[must_use]
    pub fn eta(&self) -> &Eta {
        match self {
            Change::First(eta) | Change::Later(eta) => eta,
        }
    }

    /// For the journal.
    #[must_use]
    pub fn why(&self) -> &'static str {
        match self {
            Change::First(_) => "enough is known",
            Change::Later(_) => "most of the time has passed and it is not over",
        }
    }
}
