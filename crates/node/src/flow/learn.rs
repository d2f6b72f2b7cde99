//! When it is likely to be over, asked of the record whenever an incident changed and every few seconds.
//!
//! Only incidents that visitors can see count, for the estimate as for the record printed beside it: whoever reads the
//! public record must be able to count them again.

use super::Flow;
use crate::public::Public;
use std::time::Duration;
use stillhere_learn::{CASES_MAX, History};
use stillhere_model::{Incident, IncidentId, Moment, time::millis};
use stillhere_respond::Input as RespondInput;
use stillhere_store::{Store, StoreError};

/// Between two looks at what is shown while nothing else happens.
const AGAIN: Duration = Duration::from_secs(5);

/// Incidents read at once, and how often: past so many that nobody could see, nothing more is looked for.
const PAGE: u32 = 200;
const PAGES_MAX: usize = 20;

/// What is known of the past, as far as it counts.
pub(crate) async fn past(store: &Store, public: &Public) -> Result<History, StoreError> {
    let mut history = History::default();
    let mut before = None;
    for _ in 0..PAGES_MAX {
        let page = store.incidents(before, PAGE).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        page.iter().filter(|i| public.concerns_visitors(i)).for_each(|i| history.note(i));
        if history.cases().count() >= CASES_MAX {
            break;
        }
    }
    Ok(history)
}

// === impl Flow ===

impl Flow {
    /// What visitors can see has changed, and so has what counts.
    pub(super) async fn learn_anew(&mut self) {
        match past(&self.store, &self.public).await {
            Ok(history) => self.history = history,
            Err(e) => tracing::warn!(error = %e, "estimates go on resting on what visitors could see before"),
        }
        // What is decided and not yet on disk.
        let decided: Vec<Incident> =
            self.pending.write.incidents.iter().chain(self.respond.open()).cloned().collect();
        decided.iter().for_each(|i| self.learn(i));
    }

    /// Takes down what an incident has become.
    pub(super) fn learn(&mut self, incident: &Incident) {
        if self.public.concerns_visitors(incident) {
            self.history.note(incident);
        } else {
            self.history.forget(incident.id);
        }
        self.learnt_at_ms = None;
    }

    /// Shows what the hold rule lets be shown. Before the commit, so that the first word about an incident has it.
    pub(crate) fn estimate(&mut self, now: Moment) {
        if self.learnt_at_ms.is_some_and(|at| now.mono_ms - at < millis(AGAIN)) {
            return;
        }
        let decide = |i: &Incident| {
            let change = stillhere_learn::decide(&self.history, &self.prior, i, now.wall)?;
            Some((i.id, change))
        };
        let visible = self.respond.open().filter(|i| self.public.concerns_visitors(i));
        let changes: Vec<(IncidentId, stillhere_learn::Change)> = visible.filter_map(decide).collect();
        for (incident, change) in changes {
            let (eta, why) = (change.eta().clone(), change.why().to_owned());
            tracing::info!(%incident, by = ?eta.by, %why, "the estimate changed");
            self.respond(RespondInput::Estimated { incident, eta, why }, now);
        }
        self.public.eta_record(stillhere_learn::record(&self.history, now.wall));
        self.learnt_at_ms = Some(now.mono_ms);
    }
}
