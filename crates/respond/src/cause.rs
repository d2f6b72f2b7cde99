//! Which incident a failure belongs to: one cause, one incident.
//!
//! A failing service joins an open incident, in this order,
//! 1. when it depends on a service in it, or a service in it depends on it (then it may be the origin);
//! 2. when both depend on a third that is failing;
//! 3. when both depend on a third that nobody has seen down yet, and they fail within a short time;
//! 4. when it was in an incident that was resolved a moment ago: that one is opened again;
//! 5. in a storm (many incidents within a minute) the youngest one.
//!
//! Else it opens its own. A service that others in several open incidents depend on shows these to be one:
//! the oldest takes over the services of the younger ones, and these are closed with a word that says
//! where the story goes on. (A service that merely suffers from two causes joins the older of them.) An
//! incident in which a person has spoken is never merged away, and one opened by a person only takes in
//! what depends on its services.

use crate::{
    desk::{Desk, Next},
    effect::Effect,
    policy::STORM_WINDOW,
    state::{Birth, Held},
};
use std::{collections::HashSet, fmt};
use stillhere_model::{
    Affected, Author, Entry, Impact, Incident, IncidentId, IncidentStatus, Occasion, Said, ServiceId, Status,
    VerdictChange, WithdrawnWhy,
};

/// Updates after which a resolved incident is not opened again: a new one begins.
pub const REOPEN_UPDATES_MAX: usize = 200;

/// Why a service was taken into an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    DependsOn(ServiceId),
    NeededBy(ServiceId),
    /// Both depend on this one, which is failing.
    FailingAncestor(ServiceId),
    /// Both depend on this one and failed at about the same time.
    SharedAncestor(ServiceId),
    Storm,
}

// === impl Link ===

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Link::DependsOn(s) => write!(f, "it depends on {s}, which is affected"),
            Link::NeededBy(s) => write!(f, "{s}, which is affected, depends on it"),
            Link::FailingAncestor(s) => write!(f, "both depend on {s}, which is failing"),
            Link::SharedAncestor(s) => write!(f, "both depend on {s} and failed at about the same time"),
            Link::Storm => f.write_str("too many incidents opened within a minute"),
        }
    }
}

// === impl Desk ===

impl Desk<'_> {
    pub(crate) fn verdicts(&mut self, changes: &[VerdictChange]) {
        for change in changes {
            if self.state.note(change, self.now) {
                self.follow(&change.now.service);
            }
        }
        self.attach_failures();
        self.settle_all();
    }

    /// Takes every failing service that belongs to no incident into one; those that others stand on first.
    pub(crate) fn attach_failures(&mut self) {
        let mut loose: Vec<(usize, ServiceId)> = Vec::new();
        for service in &self.state.failing {
            if !self.state.attached.contains_key(service) && self.opens(service) {
                let ancestors = self.state.graph.ancestors(service);
                let failing = ancestors.iter().filter(|a| self.state.failing.contains(*a)).count();
                loose.push((failing, service.clone()));
            }
        }
        loose.sort();
        for (_, service) in loose {
            // An incident that was opened again for another of them has taken its services back.
            if !self.state.attached.contains_key(&service) {
                self.attach(&service);
            }
        }
    }

    /// Whether this failing service calls for an incident.
    fn opens(&self, service: &ServiceId) -> bool {
        let Some(seen) = self.state.seen.get(service) else { return false };
        let dismissed = self.state.dismissed.get(service);
        self.worthy(seen.status)
            && !seen.declared
            && dismissed.is_none_or(|at| seen.status.gravity() > at.gravity())
    }

    fn attach(&mut self, service: &ServiceId) {
        let linked = self.linked(service);
        if let Some((first, link)) = linked.first().cloned() {
            self.join(first, service, &link.to_string());
            self.merge(&linked);
        } else if let Some(past) = self.reopenable(service) {
            self.reopen(past, service);
        } else if let Some(at) = self.storm() {
            self.join(at, service, &Link::Storm.to_string());
        } else {
            self.open_for(service);
        }
    }

    /// The open incidents that this failure belongs to: the one it joins first, then those to be merged.
    fn linked(&self, service: &ServiceId) -> Vec<(usize, Link)> {
        if self.state.open.is_empty() {
            return Vec::new();
        }
        let above = self.state.graph.ancestors(service);
        let mut hard: Vec<(usize, Link)> = Vec::new();
        let mut link = |s: &ServiceId, needed: bool| {
            let Some(at) = self.state.attached.get(s).and_then(|id| self.open_at(*id)) else { return };
            // By hand: only what stands on a service that is out takes part; the cause is the person's to name.
            let i = self.incident(at);
            let takes =
                !i.by_hand || (!needed && i.affected.iter().any(|a| &a.service == s && a.now.is_problem()));
            if takes && hard.iter().all(|(known, _)| *known != at) {
                let s = s.clone();
                hard.push((at, if needed { Link::NeededBy(s) } else { Link::DependsOn(s) }));
            }
        };
        above.iter().for_each(|s| link(s, false));
        self.state.graph.dependants(service).iter().for_each(|s| link(s, true));
        // Those of the checks before those of a person, the oldest first.
        hard.sort_by_key(|(at, _)| (self.incident(*at).by_hand, self.incident(*at).opened_at));
        if !hard.is_empty() {
            return hard;
        }
        self.soft_link(&above).into_iter().collect()
    }

    fn soft_link(&self, above: &[ServiceId]) -> Option<(usize, Link)> {
        let window = self.mono_ago(self.policy.sibling_window);
        for ancestor in above {
            let failing = self.state.failing.contains(ancestor);
            let candidate = |h: &Held| !h.incident.by_hand && (failing || h.opened_mono >= window);
            if !self.state.open.iter().any(candidate) {
                continue;
            }
            let below: HashSet<ServiceId> = self.state.graph.dependants(ancestor).into_iter().collect();
            let shares = |h: &Held| h.incident.affected.iter().any(|a| below.contains(&a.service));
            if let Some(at) = self.state.open.iter().position(|h| candidate(h) && shares(h)) {
                let a = ancestor.clone();
                return Some((at, if failing { Link::FailingAncestor(a) } else { Link::SharedAncestor(a) }));
            }
        }
        None
    }

    fn storm(&self) -> Option<usize> {
        let since = self.mono_ago(STORM_WINDOW);
        let mut young = self
            .state
            .open
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, h)| !h.incident.by_hand && h.opened_mono >= since);
        let youngest = young.next()?.0;
        (young.count() + 1 >= self.policy.storm_after.max(1)).then_some(youngest)
    }

    pub(crate) fn join(&mut self, at: usize, service: &ServiceId, why: &str) {
        self.affect(at, service);
        let wait = self.mono_in(self.policy.join_wait);
        let held = self.held(at);
        if held.birth == Birth::Known {
            held.joined.push(service.clone());
            held.join_at.get_or_insert(wait);
        }
        let (incident, service) = (held.incident.id, service.clone());
        self.journal(Entry::IncidentJoined { incident, service, why: why.to_owned() });
    }

    /// Puts the service among the affected, as it is seen now.
    fn affect(&mut self, at: usize, service: &ServiceId) {
        let Some(seen) = self.state.seen.get(service) else { return };
        let (status, since, before) = (seen.status, seen.since, seen.before);
        let id = self.incident(at).id;
        self.state.attached.insert(service.clone(), id);
        let held = self.held(at);
        held.note_change(service, before, status);
        let affected = &mut held.incident.affected;
        match affected.iter_mut().find(|a| &a.service == service) {
            Some(a) => {
                a.worst = a.worst.worst(status);
                a.now = status;
                a.until = None;
            }
            None => affected.push(Affected {
                service: service.clone(),
                worst: status,
                now: status,
                since,
                until: None,
                declared: false,
            }),
        }
        // A cause found later may have begun earlier; what a person corrected stays as they said.
        let corrected = held.incident.updates.iter().any(|u| matches!(u.said, Said::StartCorrected { .. }));
        if !held.incident.by_hand && !corrected && since < held.incident.started_at {
            held.incident.started_at = since;
        }
    }

    fn open_for(&mut self, service: &ServiceId) {
        let since = self.state.seen.get(service).map_or(self.now.wall, |s| s.since);
        let incident = Incident {
            id: IncidentId(self.mint.uuid(self.now.wall)),
            title: None,
            impact: Impact::None,
            status: IncidentStatus::Investigating,
            started_at: since.min(self.now.wall),
            opened_at: self.now.wall,
            monitoring_at: None,
            resolved_at: None,
            affected: Vec::new(),
            origin: None,
            updates: Vec::new(),
            promises: Vec::new(),
            etas: Vec::new(),
            unstable: false,
            by_hand: false,
            reopened: 0,
            acknowledgements: Vec::new(),
            called_again: 0,
            preventions: Vec::new(),
        };
        let mut held = Held::new(incident, self.now.mono_ms);
        held.birth = Birth::Opened;
        self.state.open.push(held);
        self.affect(self.state.open.len() - 1, service);
    }

    /// The incident that was resolved a moment ago and had this service in it.
    fn reopenable(&self, service: &ServiceId) -> Option<usize> {
        let since = self.mono_ago(self.policy.reopen_within);
        self.state.past.iter().rposition(|h| {
            let i = &h.incident;
            let merged = i.is_merged();
            h.resolved_mono >= since
                && !i.by_hand
                && !merged
                && i.affects(service)
                && i.updates.len() < REOPEN_UPDATES_MAX
        })
    }

    fn reopen(&mut self, past: usize, service: &ServiceId) {
        let Some(mut held) = self.state.past.remove(past) else { return };
        held.birth = Birth::Reopened;
        held.good_since = None;
        held.level = Status::Operational;
        held.opened_mono = self.now.mono_ms;
        held.relapses += 1;
        let i = &mut held.incident;
        (i.resolved_at, i.monitoring_at) = (None, None);
        i.status = IncidentStatus::Investigating;
        i.reopened += 1;
        i.called_again = 0;
        let id = i.id;
        let all: Vec<ServiceId> = i.affected.iter().map(|a| a.service.clone()).collect();
        self.state.open.push(held);
        let at = self.state.open.len() - 1;
        for s in &all {
            if !self.state.graph.knows(s) {
                continue;
            }
            // One that has since failed for another cause belongs there now.
            self.state.attached.entry(s.clone()).or_insert(id);
            self.follow(s);
        }
        self.affect(at, service);
        self.journal(Entry::IncidentReopened { incident: id, service: service.clone() });
    }

    /// The first of `linked` takes over what the other automatic ones hold.
    fn merge(&mut self, linked: &[(usize, Link)]) {
        let Some((into, _)) = linked.first() else { return };
        let into_id = self.incident(*into).id;
        if self.incident(*into).by_hand {
            return;
        }
        let personal =
            |i: &Incident| i.by_hand || i.updates.iter().any(|u| matches!(u.by, Author::Person(_)));
        let needed = linked[1..].iter().filter(|(_, link)| matches!(link, Link::NeededBy(_)));
        let from: Vec<IncidentId> =
            needed.map(|(at, _)| self.incident(*at)).filter(|i| !personal(i)).map(|i| i.id).collect();
        for id in from {
            if let (Some(into), Some(from)) = (self.open_at(into_id), self.open_at(id)) {
                self.merge_one(into, from);
            }
        }
    }

    fn merge_one(&mut self, into: usize, from: usize) {
        let (into_id, now) = (self.incident(into).id, self.now.wall);
        let wait = self.mono_in(self.policy.join_wait);
        let young = self.state.open[from].clone();
        for a in &young.incident.affected {
            // It may have been attached elsewhere meanwhile, when `young` was opened again.
            if self.state.attached.get(&a.service) != Some(&young.incident.id) {
                continue;
            }
            self.state.attached.insert(a.service.clone(), into_id);
            let held = self.held(into);
            match held.incident.affected.iter_mut().find(|b| b.service == a.service) {
                Some(b) => (b.worst, b.now, b.until) = (b.worst.worst(a.worst), a.now, a.until),
                None => held.incident.affected.push(a.clone()),
            }
            if held.birth == Birth::Known {
                held.joined.push(a.service.clone());
                held.join_at.get_or_insert(wait);
            }
            held.incident.started_at = held.incident.started_at.min(young.incident.started_at);
            let why = format!("merged from incident {}", young.incident.id);
            self.journal(Entry::IncidentJoined { incident: into_id, service: a.service.clone(), why });
        }
        if young.birth == Birth::Opened {
            // Opened in this very step: nothing was said of it, so there is nothing to close.
            self.state.open.remove(from);
            return;
        }
        if young.alert.is_some_and(|a| a.waits(self.now)) {
            self.effect(Effect::Withdraw { incident: young.incident.id });
        }
        let held = self.held(from);
        // The clock may have gone back since it opened.
        held.incident.resolved_at = Some(now.max(held.incident.started_at));
        for a in &mut held.incident.affected {
            a.until.get_or_insert(now.max(a.since));
        }
        self.withdraw_promise(from, WithdrawnWhy::Merged);
        let said = Said::MergedInto { incident: into_id };
        let id = young.incident.id;
        let update = self.say(from, said, Author::Automatic, IncidentStatus::Resolved, Next::End);
        self.journal(Entry::IncidentResolved { incident: id });
        self.announce_public(from, Occasion::IncidentResolved { incident: id, update });
        self.put_away(from);
    }

    /// An incident that is over goes from the open to the past.
    pub(crate) fn put_away(&mut self, at: usize) {
        let mut held = self.state.open.remove(at);
        held.resolved_mono = self.now.mono_ms;
        (held.alert, held.good_since, held.join_at) = (None, None, None);
        held.joined.clear();
        held.asked.clear();
        held.birth = Birth::Known;
        for a in &held.incident.affected {
            if self.state.attached.get(&a.service) == Some(&held.incident.id) {
                self.state.attached.remove(&a.service);
            }
        }
        self.state.keep_past(held);
    }
}
