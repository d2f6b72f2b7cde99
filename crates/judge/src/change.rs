//! What a step has changed, told once per service however often it was weighed within the step.

use crate::{
    Look,
    flap::Flap,
    state::{Before, State, is_outage},
};
use stillhere_model::{Moment, Reason, VerdictChange};

// === impl State ===

impl State {
    /// Remembers what a verdict was before this step.
    pub(crate) fn touch(&mut self, s: usize) -> &Before {
        let service = &mut self.services[s];
        let at = *service.touched.get_or_insert_with(|| {
            let v = &service.verdict;
            self.before.push((
                s,
                Before {
                    status: v.status,
                    since: v.since,
                    reason: v.reason.clone(),
                    unstable: v.unstable,
                    maintenance: v.maintenance,
                },
            ));
            self.before.len() - 1
        });
        &self.before[at].1
    }

    /// What has really changed in this step, and where to look because of it.
    pub(crate) fn finish(&mut self, now: Moment, looks: &mut Vec<Look>) -> Vec<VerdictChange> {
        if self.before.is_empty() {
            return Vec::new();
        }
        let touched = std::mem::take(&mut self.before);
        let mut changes = Vec::with_capacity(touched.len());
        let mut failed = Vec::new();
        for (s, before) in touched {
            let service = &mut self.services[s];
            service.touched = None;
            let first = !std::mem::replace(&mut service.announced, true);
            let verdict = &mut service.verdict;
            if verdict.status != before.status {
                if Flap::counts(before.status, verdict.status)
                    && service.flap.record(now.mono_ms)
                    && !std::mem::replace(&mut verdict.unstable, true)
                {
                    self.unstable.push(s);
                }
                if is_outage(verdict.status) && !is_outage(before.status) {
                    failed.push(s);
                }
            }
            let differs = verdict.status != before.status
                || verdict.since != before.since
                || verdict.unstable != before.unstable
                || verdict.maintenance != before.maintenance
                || !same_reason(&verdict.reason, &before.reason);
            if first || differs {
                changes
                    .push(VerdictChange { before: (!first).then_some(before.status), now: verdict.clone() });
            }
        }
        self.look_around(&failed, looks);
        changes
    }
}

/// Evidence that moves with every look (a finding's numbers) is no change of reason.
fn same_reason(a: &Reason, b: &Reason) -> bool {
    match (a, b) {
        (Reason::ChecksDown { down, of, .. }, Reason::ChecksDown { down: d, of: o, .. }) => {
            (down, of) == (d, o)
        }
        (Reason::ChecksSlow { slow, of, .. }, Reason::ChecksSlow { slow: s, of: o, .. }) => {
            (slow, of) == (s, o)
        }
        (Reason::BeyondMaintenance { id, .. }, Reason::BeyondMaintenance { id: i, .. }) => id == i,
        (Reason::CannotSee { .. }, Reason::CannotSee { .. }) => true,
        _ => a == b,
    }
}
