//! When it is likely to be over, asked of the record whenever an incident changed and every few seconds.
//!
//! Only incidents that visitors can see count, for the estimate as for the record printed beside it: whoever reads the
//! public record must be able to count them again.

use super::Flow;
use std::time::Duration;
use stillhere_model::{Incident, IncidentId, Moment, time::millis};
use stillhere_respond::Input as RespondInput;

/// Between two looks at what is shown while nothing else happens.
const AGAIN: Duration = Duration::from_secs(5);

// === impl Flow ===

impl Flow {
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
