//! When it is likely to be over: taken down as it was shown, and said to have passed when it has (case l).
//!
//! What the time is, and when it may change, is decided by whoever learns from the record; here it enters the incident, the
//! journal and the page. A person's word goes before a computed one, and is scored apart.

use crate::{command::PROMISE_MAX, desk::Desk, words::invalid};
use stillhere_model::{Accepted, Basis, Command, Entry, Eta, IncidentId, Refusal, Time};

/// Estimates in one incident, people's included. The incident is read whole with every page.
pub const ETAS_MAX: usize = 100;

// === impl Desk ===

impl Desk<'_> {
    /// An estimate that was computed. One for an incident that is over meanwhile is dropped, and so is one that would
    /// stand against a person's word.
    pub(crate) fn estimated(&mut self, id: IncidentId, eta: Eta, why: String) {
        let now = self.now.wall;
        let Some(at) = self.open_at(id) else { return };
        let etas = &self.incident(at).etas;
        let persons = etas.last().is_some_and(|e| !e.is_computed() && e.by.is_none_or(|by| by >= now));
        if !persons && etas.len() < ETAS_MAX && eta.by.is_none_or(|by| by > now) {
            self.show_eta(at, eta, why);
        }
    }

    pub(crate) fn estimate_by_hand(
        &mut self,
        by: String,
        id: IncidentId,
        over_by: Option<Time>,
    ) -> Result<Accepted, Refusal> {
        let now = self.now.wall;
        let at = self.find_open(id)?;
        match over_by {
            Some(t) if t <= now => return Err(invalid("by", "is not in the future")),
            Some(t) if t > now.plus(PROMISE_MAX) => return Err(invalid("by", "is more than 30 days ahead")),
            _ => {}
        }
        if self.incident(at).etas.len() >= ETAS_MAX {
            return Err(invalid("by", format!("{ETAS_MAX} times were given already")));
        }
        self.commanded(&by, Command::EstimateIncident { incident: id, by: over_by });
        let basis = Basis::Person { name: by };
        let eta = Eta { shown_at: now, by: over_by, half: None, basis, passed_at: None };
        self.show_eta(at, eta, "a person said so".to_owned());
        Ok(Accepted::Incident(id))
    }

    fn show_eta(&mut self, at: usize, eta: Eta, why: String) {
        let incident = &mut self.held(at).incident;
        let id = incident.id;
        incident.etas.push(eta.clone());
        self.journal(Entry::EtaShown { incident: id, eta, why });
    }

    /// Whatever has passed is said to have passed. Not while everything is good again: it was over in time then, or
    /// will be said to have passed when it fails again.
    pub(crate) fn pass_etas(&mut self) {
        let now = self.now.wall;
        for at in 0..self.state.open.len() {
            let over = self.state.open[at].good_since.is_some();
            let passed = self.incident(at).eta().filter(|e| e.passed_at.is_none()).and_then(|e| e.by);
            let Some(by) = passed.filter(|by| *by < now && !over) else { continue };
            let incident = &mut self.held(at).incident;
            let id = incident.id;
            if let Some(eta) = incident.etas.last_mut() {
                eta.passed_at = Some(now);
            }
            self.journal(Entry::EtaPassed { incident: id, by });
        }
    }
}
