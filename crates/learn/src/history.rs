//! The incidents that are known, by their beginning. A correction replaces what was known of one.

use std::collections::{BTreeMap, HashMap};
use stillhere_model::{Eta, Impact, Incident, IncidentId, ServiceId, Time};

/// Incidents remembered: the youngest by their beginning. With a weight that halves every 60 incidents, older ones would
/// count for less than a hundredth.
pub const CASES_MAX: usize = 400;
/// Services of one incident that likeness is judged by.
const SERVICES_MAX: usize = 32;

/// What counts of one incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub id: IncidentId,
    pub started_at: Time,
    /// `None`: not over yet, or not known.
    pub over_at: Option<Time>,
    /// See [`Incident::known_until`].
    pub known_until: Option<Time>,
    /// Says how long outages last. Of one that does not, only the times that were given are scored.
    pub counts: bool,
    pub impact: Impact,
    pub services: Vec<ServiceId>,
    /// What was shown, oldest first.
    pub etas: Vec<Eta>,
}

/// What is known, bounded by [`CASES_MAX`].
#[derive(Debug, Clone, Default)]
pub struct History {
    cases: BTreeMap<(Time, IncidentId), Case>,
    started: HashMap<IncidentId, Time>,
}

// === impl Case ===

impl Case {
    /// What was merged into another, and what hurt nobody, says nothing about how long outages last. `None`: nor was any time
    /// given for it.
    #[must_use]
    pub fn of(incident: &Incident) -> Option<Case> {
        let counts = !incident.is_merged() && incident.impact != Impact::None;
        if !counts && incident.etas.is_empty() {
            return None;
        }
        Some(Case {
            id: incident.id,
            started_at: incident.started_at,
            over_at: incident.over_at(),
            known_until: incident.known_until(),
            counts,
            impact: incident.impact,
            services: incident.affected.iter().map(|a| a.service.clone()).take(SERVICES_MAX).collect(),
            etas: incident.etas.clone(),
        })
    }

    /// Whether it was over by the time that was given, as it was known at `now`.
    pub(crate) fn held(&self, eta: &Eta, now: Time) -> Option<bool> {
        let until = self.known_until.map_or(now, |until| until.min(now));
        eta.held(self.over_at.filter(|at| *at <= now), until)
    }
}

// === impl History ===

impl History {
    /// From incidents in any order, later ones replacing earlier ones of the same id.
    #[must_use]
    pub fn new<'a>(incidents: impl IntoIterator<Item = &'a Incident>) -> History {
        let mut history = History::default();
        for incident in incidents {
            history.note(incident);
        }
        history
    }

    /// Takes in an incident as it is now.
    pub fn note(&mut self, incident: &Incident) {
        match Case::of(incident) {
            Some(case) => self.put(case),
            None => self.forget(incident.id),
        }
    }

    /// Takes in one case, in place of what was known of it.
    pub fn put(&mut self, case: Case) {
        self.forget(case.id);
        self.started.insert(case.id, case.started_at);
        self.cases.insert((case.started_at, case.id), case);
        if self.cases.len() > CASES_MAX {
            // The oldest of which nothing more is to come; where all are open, the oldest.
            let over = self.cases.values().find(|c| c.over_at.is_some() || !c.counts);
            if let Some(id) = over.or_else(|| self.cases.values().next()).map(|c| c.id) {
                self.forget(id);
            }
        }
    }

    /// As if it had never been told.
    pub fn forget(&mut self, id: IncidentId) {
        if let Some(started) = self.started.remove(&id) {
            self.cases.remove(&(started, id));
        }
    }

    #[must_use]
    pub fn case(&self, id: IncidentId) -> Option<&Case> {
        self.cases.get(&(*self.started.get(&id)?, id))
    }

    /// By their beginning, oldest first.
    pub fn cases(&self) -> impl DoubleEndedIterator<Item = &Case> {
        self.cases.values()
    }
}
