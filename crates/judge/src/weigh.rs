//! From checks to a service's public verdict: own checks, what takes it along, the plan, a person's word.

use crate::{
    Look, MAX_LOOKS_NOW, Why,
    flap::Flap,
    state::{Before, Service, State, is_outage},
    when,
};
use std::collections::HashSet;
use stillhere_model::{IncidentId, MaintenanceId, Moment, Outcome, Reason, ServiceId, Status, VerdictChange};

/// In a graph without cycles each service is weighed again at most once per path; a cycle, which the
/// configuration refuses, must not hold us up either. So many weighings per service and cause.
const MAX_ROUNDS: usize = 16;

/// What a dependency's outage does to a service that needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pull {
    pub dependency: usize,
    pub status: Status,
    /// The dependency fails by itself.
    pub near: bool,
    pub origin: usize,
    pub since: Moment,
}

// === impl Pull ===

impl Pull {
    /// The gravest explains most, then the nearest; of equals the one that was named already.
    pub(crate) fn rank(&self, current: Option<usize>) -> (u8, bool, bool) {
        (self.status.gravity(), self.near, current == Some(self.origin))
    }
}

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
            for n in 0..self.services[s].dependants.len() {
                let d = self.services[s].dependants[n];
                let over = self.services[s].verdict.service.clone();
                self.services[d].freed.retain(|f| *f != over);
            }
        }
        spreads
    }

    /// The gravest outage among its dependencies, when it explains the service's state at least as well as
    /// its own checks do: the status, and the service it began with.
    fn taken_along(&self, s: usize, own: Status) -> Option<(Status, ServiceId)> {
        let current = self.named_origin(s);
        let pull = self
            .pulls(s)
            .filter(|p| !self.works_without(s, p))
            .reduce(|best, p| if p.rank(current) > best.rank(current) { p } else { best })?;
        let explains = match pull.status.gravity().cmp(&own.gravity()) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Less => false,
            // Both are equally bad. It may have been seen here first, but not long before the origin could be.
            std::cmp::Ordering::Equal => {
                let slack = self.services[pull.origin].spacing_ms;
                current == Some(pull.origin)
                    || self.down_since(s).is_none_or(|own| own.saturating_add(slack) >= pull.since.mono_ms)
            }
        };
        explains.then(|| (pull.status, self.services[pull.origin].verdict.service.clone()))
    }

    /// Its direct dependencies that are out, by themselves or because of something that still is.
    pub(crate) fn pulls(&self, s: usize) -> impl Iterator<Item = Pull> {
        self.services[s].depends_on.iter().filter_map(move |&d| {
            let on = &self.services[d];
            let since = on.outage?;
            let origin = match self.named_origin(d) {
                // In a circle a service must not hold itself, nor may two hold each other after the end.
                Some(o) => (o != s && self.fails_by_itself(o)).then_some(o)?,
                None => d,
            };
            Some(Pull { dependency: d, status: on.verdict.status, near: origin == d, origin, since })
        })
    }

    /// The origin that its verdict names, if it was taken along.
    pub(crate) fn named_origin(&self, s: usize) -> Option<usize> {
        match &self.services[s].verdict.reason {
            Reason::Dependency { on } => self.service_at.get(on).copied(),
            _ => None,
        }
    }

    fn fails_by_itself(&self, s: usize) -> bool {
        let v = &self.services[s].verdict;
        is_outage(v.status) && !matches!(v.reason, Reason::Dependency { .. })
    }

    /// All its checks have been seen to work by a look that began after the outage it depends on.
    fn works_without(&self, s: usize, pull: &Pull) -> bool {
        let Service { checks, freed, .. } = &self.services[s];
        freed.contains(&self.services[pull.dependency].verdict.service)
            || !checks.is_empty() && checks.iter().all(|i| self.checks[*i].worked_ms > pull.since.mono_ms)
    }

    fn down_since(&self, s: usize) -> Option<i64> {
        let checks = self.services[s].checks.iter().map(|i| &self.checks[*i]);
        checks.filter(|c| c.outcome == Outcome::Down).map(|c| c.since.mono_ms).min()
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

    /// An outage raises two questions at once: who else is out with it, and what is it out with?
    fn look_around(&self, failed: &[usize], looks: &mut Vec<Look>) {
        let mut asked = HashSet::new();
        for &s in failed.iter().filter(|s| self.fails_by_itself(**s)) {
            let id = &self.services[s].verdict.service;
            for a in self.reach(s, |x| &x.depends_on) {
                self.ask(a, &Why::AncestorOf(id.clone()), &mut asked, looks);
            }
            for d in self.reach(s, |x| &x.dependants) {
                self.ask(d, &Why::DependantOf(id.clone()), &mut asked, looks);
            }
        }
    }

    fn ask(&self, s: usize, why: &Why, asked: &mut HashSet<usize>, looks: &mut Vec<Look>) {
        let service = &self.services[s];
        for (i, view) in service.checks.iter().zip(&service.verdict.checks) {
            if asked.len() >= MAX_LOOKS_NOW {
                return;
            }
            if !self.checks[*i].rules.passive && asked.insert(*i) {
                looks.push(Look::Now { check: view.check.clone(), why: why.clone() });
            }
        }
    }

    /// Everything reached from `s` along `edges`, nearest first, without `s`.
    fn reach(&self, s: usize, edges: impl Fn(&Service) -> &Vec<usize>) -> Vec<usize> {
        let mut seen = HashSet::from([s]);
        let mut found: Vec<usize> = Vec::new();
        let (mut at, mut from) = (0, s);
        loop {
            found.extend(edges(&self.services[from]).iter().filter(|n| seen.insert(**n)));
            match found.get(at) {
                Some(&next) if found.len() <= MAX_LOOKS_NOW => from = next,
                _ => return found,
            }
            at += 1;
        }
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
