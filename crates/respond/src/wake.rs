//! When the next tick is worth its while, so that nobody has to ask every second.

use crate::{
    acknowledge::call_at, maintenance::VERIFY_MAX, policy::Policy, promise::nag_at, recover::verify_for,
    state::State,
};
use stillhere_model::{MaintenanceStatus, Moment, Time, time::millis};

/// When a [`crate::Input::Tick`] is worth its while, if nothing else happens. `None`: not before the next input.
#[must_use]
pub fn next_wake(state: &State, policy: &Policy, now: Moment) -> Option<Time> {
    if state.resuming {
        return Some(now.wall);
    }
    // What waits on the monotonic clock, as the wall clock will show it if it does not jump meanwhile.
    let wall = |mono: i64| Time(now.wall.0.saturating_add(mono.saturating_sub(now.mono_ms)));
    let open = state.open.iter().flat_map(|h| {
        let promise = h.incident.open_promise();
        let nag = promise.and_then(|p| nag_at(p, &policy.nag_at));
        let verified = h.good_since.map(|at| wall(at.saturating_add(millis(verify_for(h, policy)))));
        let eta = h.incident.eta().filter(|e| e.passed_at.is_none() && h.good_since.is_none());
        let passed = eta.and_then(|e| e.by).map(|by| Time(by.0.saturating_add(1)));
        [promise.map(|p| p.due), nag, call_at(h, policy), verified, h.join_at.map(wall), passed]
            .into_iter()
            .flatten()
    });
    let works = state.works.iter().flat_map(|w| {
        let m = &w.maintenance;
        let (a, b) = match m.status {
            MaintenanceStatus::Scheduled => (Some(m.starts_at), None),
            MaintenanceStatus::InProgress => (Some(m.ends_at), None),
            MaintenanceStatus::Verifying => {
                let good = w.good_since.map(|at| wall(at.saturating_add(millis(policy.verify))));
                let last = w.verifying_since.map(|at| wall(at.saturating_add(millis(VERIFY_MAX))));
                (good, last.or(Some(now.wall)))
            }
            MaintenanceStatus::Completed | MaintenanceStatus::Cancelled => (None, None),
        };
        [a, b].into_iter().flatten()
    });
    open.chain(works).chain(state.next_reminder()).min().map(|t| t.max(now.wall))
}
