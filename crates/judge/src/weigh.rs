//! From checks to a service's public verdict: own checks, what takes it along, the plan, a person's word.

use crate::{
    state::{State, is_outage},
    when,
};
use std::collections::HashSet;
use stillhere_model::{IncidentId, MaintenanceId, Moment, Reason, ServiceId, Status};

/// In a graph without cycles each service is weighed again at most once per path; a cycle, which the
/// configuration refuses, must not hold us up either. So many weighings per service and cause.
const MAX_ROUNDS: usize = 16;

// === impl State ===

impl State {
    /// Weighs a service anew, then whoever depends on it. `began`: when the cause of the change began.
    pub(crate) fn weigh(&mut self, s: usize, began: Moment, now: Moment) {
        let mut left = self.services.len().saturating_mul(MAX_ROUNDS);
        self.todo.push_back(s);
        while let Some(s) = self.todo.pop_front() {
            self.services[s].queued = false;
            if left == 0 {
                continue;
            }
            left -= 1;
            if self.weigh_one(s, began, now) {
                for n in 0..self.services[s].dependants.len() {
                    let d = self.services[s].dependants[n];
                    if !std::mem::replace(&mut self.services[d].queued, true) {
                        self.todo.push_back(d);
                    }
                }
            }
        }
    }

    pub(crate) fn weigh_all(&mut self, now: Moment) {
        for s in 0..self.services.len() {
            self.weigh(s, now, now);
        }
    }

    /// True when its dependants are to be weighed too.
    fn weigh_one(&mut self, s: usize, began: Moment, now: Moment) -> bool {
        let (mut status, mut reason) = self.own(s);
        if let Some((taken, on)) = self.taken_along(s, status) {
            (status, reason) = (taken, Reason::Dependency { on });
        }
        let (status, reason, maintenance) = self.services[s].claims.weigh(status, reason);
        let verdict = &self.services[s].verdict;
        if (verdict.status, &verdict.reason, verdict.maintenance) == (status, &reason, maintenance) {
            return false;
        }
        let before = self.touch(s);
        let (same, floor) = (before.status == status, before.since);
        let service = &mut self.services[s];
        let origin = |r: &Reason| if let Reason::Dependency { on } = r { Some(on.clone()) } else { None };
        let spreads = is_outage(status) || is_outage(service.verdict.status);
        let spreads = spreads
            && (status != service.verdict.status || origin(&reason) != origin(&service.verdict.reason));
        service.verdict.since = if same { floor } else { when::since(began, floor, now) };
        let ended = service.outage.is_some() && !is_outage(status);
        service.outage = match service.outage {
            _ if !is_outage(status) => None,
            Some(since) => Some(since),
            None => Some(Moment::new(service.verdict.since, began.mono_ms)),
        };
        (service.verdict.status, service.verdict.reason, service.verdict.maintenance) =
            (status, reason, maintenance);
        if ended {
            // Its next outage is a new one, and nobody has been seen to work without it.
            for n in 0..self.services[s].dependants.len() {
                let d = self.services[s].dependants[n];
                let over = self.services[s].verdict.service.clone();
                self.services[d].freed.retain(|f| *f != over);
            }
        }
        spreads
    }

    pub(crate) fn declare(
        &mut self,
        incident: IncidentId,
        services: &[(ServiceId, Option<Status>)],
        now: Moment,
    ) {
        for (id, status) in services {
            if let Some(&s) = self.service_at.get(id) {
                self.services[s].claims.declare(incident, *status);
                self.claimed(s, now);
            }
        }
    }

    /// A window covers exactly `services` while it is active: those it no longer names are let go.
    pub(crate) fn plan(
        &mut self,
        id: MaintenanceId,
        services: &[ServiceId],
        expect: Option<Status>,
        now: Moment,
    ) {
        let named: HashSet<&ServiceId> = services.iter().collect();
        for s in 0..self.services.len() {
            let service = &mut self.services[s];
            let expect = expect.filter(|_| named.contains(&service.verdict.service));
            if service.claims.plan(id, expect) {
                self.claimed(s, now);
            }
        }
    }

    /// After a restart claims are said again one by one. Only when all have been (the first tick) are they
    /// weighed, or else some verdicts would change and change back.
    fn claimed(&mut self, s: usize, now: Moment) {
        if !self.resuming {
            self.weigh(s, now, now);
        }
    }
}
