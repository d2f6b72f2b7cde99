//! Dependencies: whom an outage takes along, who is let go again, and where to look because of it.

use crate::{
    Look, MAX_LOOKS_NOW, Why,
    state::{Service, State, is_outage},
};
use std::collections::HashSet;
use stillhere_model::{Moment, Outcome, Reason, ServiceId, Status};

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
    /// The gravest outage among its dependencies, when it explains the service's state at least as well as
    /// its own checks do: the status, and the service it began with.
    pub(crate) fn taken_along(&self, s: usize, own: Status) -> Option<(Status, ServiceId)> {
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

    /// An outage raises two questions at once: who else is out with it, and what is it out with?
    pub(crate) fn look_around(&self, failed: &[usize], looks: &mut Vec<Look>) {
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
