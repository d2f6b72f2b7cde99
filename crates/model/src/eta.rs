//! When an incident is likely to be over: what was said about it, when, and on what basis.

use crate::{incident::Incident, time::Time};
use serde::{Deserialize, Serialize};

/// One estimate as it was shown. An incident keeps all of them; the last one is in force while it is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eta {
    pub shown_at: Time,
    /// "Over by": of four times out of five that such a time is given, it is over by then. `None`: from here on no
    /// time was given.
    pub by: Option<Time>,
    /// Half are over by then. `None` where a person gave the time.
    pub half: Option<Time>,
    pub basis: Basis,
    /// When the page said that the time had passed and it was not over.
    pub passed_at: Option<Time>,
}

/// Where an estimate comes from. The two kinds are scored apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Basis {
    /// Computed from how long incidents lasted.
    Record {
        /// Incidents of this site that were over by then and went into it.
        own: u32,
        /// How many of them touched a service that is affected now.
        alike: u32,
        /// Published outages of other operators count for a quarter or more of it.
        others: bool,
    },
    /// Somebody on staff gave it.
    Person { name: String },
}

/// How the times that were given turned out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtaScore {
    /// Times that were given, and of which it is known how they turned out.
    pub given: u32,
    /// How many of them it was over by.
    pub held: u32,
}

/// The published record: computed times and those that people gave, apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtaRecord {
    pub computed: EtaScore,
    pub people: EtaScore,
}

// === impl Eta ===

impl Eta {
    #[must_use]
    pub fn is_computed(&self) -> bool {
        matches!(self.basis, Basis::Record { .. })
    }

    /// Whether it was over by the time that was given. `None`: no time was given, or it is not known yet. Always
    /// taken from the incident's own times, so that a corrected end corrects the score.
    #[must_use]
    pub fn held(&self, over_at: Option<Time>, now: Time) -> Option<bool> {
        let by = self.by?;
        match over_at {
            // What was resolved at a time before it was said says nothing about the estimate.
            Some(over) if over <= self.shown_at => None,
            Some(over) => Some(over <= by),
            None if now > by => Some(false),
            None => None,
        }
    }
}

// === impl Incident ===

impl Incident {
    /// The estimate in force. `None`: none was given, or it was taken back, or the incident is over or seems so.
    #[must_use]
    pub fn eta(&self) -> Option<&Eta> {
        let expected = self.status.is_open() && self.seems_over_since().is_none();
        self.etas.last().filter(|e| expected && e.by.is_some())
    }

    /// Whether it was over by the time that was given. `None`: no time was given, or it is not known. What went on as a
    /// part of another incident was not over while it was seen, and nothing is known of it afterwards; what is good again
    /// and being verified is judged when that is done.
    #[must_use]
    pub fn held(&self, eta: &Eta, now: Time) -> Option<bool> {
        eta.held(self.over_at(), self.known_until().map_or(now, |until| until.min(now)))
    }

    /// After this nothing is known yet of whether it lasted. `None`: it lasts, or it is over.
    #[must_use]
    pub fn known_until(&self) -> Option<Time> {
        if self.is_merged() { self.resolved_at } else { self.seems_over_since() }
    }
}
