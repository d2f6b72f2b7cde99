//! What is said while an incident is open: it speaks when the whole gets worse or better, not when each
//! part does. The parts are in `Update::changed`, and on the page at once through the verdicts.
//!
//! Bounded by construction: the opening, one update per wave of services that join, one per origin, per
//! rise and fall of the worst status, one *recovering*, one *unstable*, after which only what is graver
//! than ever is said, and [`AUTOMATIC_UPDATES_MAX`] for all that could still repeat.

use crate::{
    desk::{Desk, Next},
    state::{Birth, Held},
};
use std::collections::HashSet;
use stillhere_model::{
    Affected, Author, Entry, Finding, Impact, IncidentStatus, Occasion, Said, ServiceId, Status, time::millis,
};

/// Automatic updates in one incident, not counting its end and missed promises.
pub const AUTOMATIC_UPDATES_MAX: usize = 200;

// === impl Desk ===

impl Desk<'_> {
    /// Carries the service's last verdict into its open incident.
    pub(crate) fn follow(&mut self, service: &ServiceId) {
        let Some(at) = self.state.attached.get(service).and_then(|id| self.open_at(*id)) else { return };
        let Some(seen) = self.state.seen.get(service) else { return };
        let (status, since, unstable) = (seen.status, seen.since, seen.unstable);
        let good = self.good(status);
        let held = &mut self.state.open[at];
        let Some(a) = held.incident.affected.iter_mut().find(|a| &a.service == service) else { return };
        let (before, ended) = (a.now, a.until);
        a.now = status;
        a.worst = a.worst.worst(status);
        if good {
            if a.until.is_none() {
                a.until = Some(since.max(a.since));
            }
        } else if status.is_problem() {
            a.until = None;
        }
        // One that a person declared, and whose incident was called over and opened again, fails as it was declared.
        let turned = a.until != ended;
        if before != status {
            held.note_change(service, before, status);
        }
        held.touched |= unstable || turned;
    }

    pub(crate) fn settle_all(&mut self) {
        for at in 0..self.state.open.len() {
            if self.state.open[at].touched {
                self.settle(at);
            }
        }
    }

    /// Says what the changes of this step make of the incident, in at most one update.
    pub(crate) fn settle(&mut self, at: usize) {
        self.raise_impact_of_birth(at);
        match std::mem::replace(&mut self.held(at).birth, Birth::Known) {
            Birth::Opened => self.say_opened(at),
            Birth::Reopened => self.say_reopened(at),
            Birth::Known => self.say_changes(at),
        }
        self.watch_recovery(at);
    }

    fn raise_impact_of_birth(&mut self, at: usize) {
        if self.state.open[at].birth != Birth::Known {
            let impact = self.impact_now(at);
            let incident = &mut self.held(at).incident;
            incident.impact = incident.impact.max(impact);
        }
    }

    fn impact_now(&self, at: usize) -> Impact {
        self.incident(at).affected.iter().map(|a| Impact::of(a.worst)).max().unwrap_or(Impact::None)
    }

    /// The worst status now. One out of sight counts as it was: losing sight of it makes nothing better.
    pub(crate) fn level_now(&self, at: usize) -> Status {
        self.parts(at)
            .map(|a| if a.now == Status::Unknown && a.until.is_none() { a.worst } else { a.now })
            .filter(|s| self.worthy(*s))
            .fold(Status::Operational, Status::worst)
    }

    /// The affected services that are this incident's to watch: not gone from the configuration, nor taken
    /// into another while it was closed.
    pub(crate) fn parts(&self, at: usize) -> impl Iterator<Item = &Affected> {
        let i = self.incident(at);
        i.affected.iter().filter(|a| self.state.attached.get(&a.service) == Some(&i.id))
    }

    fn say_opened(&mut self, at: usize) {
        let origin = self.explains_all(at);
        self.held(at).incident.origin = origin;
        let (services, finding) = self.with_finding_first(self.names(at), self.incident(at).origin.is_some());
        let level = self.level_now(at);
        self.held(at).level = level;
        let id = self.incident(at).id;
        let why = match &self.incident(at).origin {
            Some(origin) => format!("{origin} is failing and the others depend on it"),
            None => "its checks fail, and no open incident explains it".to_owned(),
        };
        self.journal(Entry::IncidentOpened { incident: id, services: services.clone(), why });
        let said = Said::Opened { services, finding };
        let update = self.say(at, said, Author::Automatic, IncidentStatus::Investigating, Next::ByPolicy);
        self.announce_public(at, Occasion::IncidentOpened { incident: id, update });
        self.alert(at, update);
    }

    fn say_reopened(&mut self, at: usize) {
        let level = self.level_now(at);
        let held = self.held(at);
        held.level = level;
        let down = held.incident.affected.iter().filter(|a| a.now.is_problem());
        let services: Vec<ServiceId> = down.map(|a| a.service.clone()).collect();
        let (services, finding) = self.with_finding_first(services, false);
        let said = Said::Reopened { services, finding };
        let update = self.say(at, said, Author::Automatic, IncidentStatus::Investigating, Next::ByPolicy);
        self.tell_all(at, update);
    }

    /// The finding that is told with several services is that of the first of them. One that explains the others
    /// stays the first.
    fn with_finding_first(
        &self,
        mut services: Vec<ServiceId>,
        explained: bool,
    ) -> (Vec<ServiceId>, Option<Finding>) {
        let of = |s: &ServiceId| self.state.seen.get(s).and_then(|seen| seen.finding.clone());
        if !explained && let Some(owner) = services.iter().position(|s| of(s).is_some()) {
            services[..=owner].rotate_right(1);
        }
        let finding = services.first().and_then(of);
        (services, finding)
    }

    fn first_finding(&self, services: &[ServiceId]) -> Option<Finding> {
        services.iter().find_map(|s| self.state.seen.get(s).and_then(|seen| seen.finding.clone()))
    }

    fn say_changes(&mut self, at: usize) {
        let impact = self.impact_now(at);
        let incident = &mut self.held(at).incident;
        let graver = impact > incident.impact;
        incident.impact = incident.impact.max(impact);
        let quiet = incident.unstable;
        let talkative = incident.updates.len() < AUTOMATIC_UPDATES_MAX;
        let level = self.level_now(at);
        let before = self.state.open[at].level;
        if !talkative {
            self.held(at).level = level;
        } else if let Some(origin) = self.new_origin(at) {
            self.say_origin(at, origin, graver);
        } else if !quiet && self.turned_unstable(at) {
            self.say_unstable(at);
        } else if level.gravity() > before.gravity() {
            self.say_worse(at, level, graver);
        } else if level.gravity() < before.gravity() && !quiet && level.is_problem() {
            self.say_better(at, level);
        } else if level.gravity() < before.gravity() && quiet {
            self.held(at).level = level;
        }
        self.say_lost_sight(at);
    }

    fn say_worse(&mut self, at: usize, level: Status, graver: bool) {
        let held = &self.state.open[at];
        let rose = self.parts(at).find(|a| a.now == level && a.until.is_none());
        let Some(service) = rose.map(|a| a.service.clone()) else { return };
        let quiet = held.incident.unstable && !graver;
        let relapsed = held.good_since.is_some() || held.level == Status::Operational;
        let joined = held.joined.contains(&service);
        let status = match held.incident.status {
            IncidentStatus::Monitoring if relapsed => IncidentStatus::Investigating,
            status => status,
        };
        let held = self.held(at);
        held.level = level;
        held.relapses += u32::from(relapsed);
        if quiet {
            return;
        }
        if joined {
            self.say_joined(at, graver);
            return;
        }
        let finding = self.first_finding(std::slice::from_ref(&service));
        let said = Said::Worse { service, status: level, finding };
        let update = self.say(at, said, Author::Automatic, status, Next::ByPolicy);
        self.tell(at, update, graver);
    }

    fn say_better(&mut self, at: usize, level: Status) {
        let held = self.held(at);
        held.level = level;
        let fell = held.changed.iter().rev().find(|(_, before, now)| now.gravity() < before.gravity());
        let Some((service, _, status)) = fell.cloned() else { return };
        let now = held.incident.status;
        let update = self.say(at, Said::Better { service, status }, Author::Automatic, now, Next::ByPolicy);
        self.tell(at, update, false);
    }

    fn say_unstable(&mut self, at: usize) {
        let level = self.level_now(at);
        let since = self.mono_ago(self.policy.unstable_window);
        let flips = |s: &ServiceId| self.state.seen.get(s).map_or(0, |s| s.flips_since(since));
        let changes = self.incident(at).affected.iter().map(|a| flips(&a.service)).max().unwrap_or(0);
        let window_ms = u64::try_from(millis(self.policy.unstable_window)).unwrap_or(0);
        let held = self.held(at);
        held.level = level;
        held.incident.unstable = true;
        let status = match held.incident.status {
            IncidentStatus::Monitoring => IncidentStatus::Investigating,
            status => status,
        };
        let said = Said::Unstable { changes, window_ms };
        let update = self.say(at, said, Author::Automatic, status, Next::Leave);
        self.tell_all(at, update);
    }

    fn turned_unstable(&self, at: usize) -> bool {
        let since = self.mono_ago(self.policy.unstable_window);
        self.incident(at)
            .affected
            .iter()
            .filter_map(|a| self.state.seen.get(&a.service))
            .any(|s| s.unstable || s.flips_since(since) >= self.policy.unstable_after.max(2))
    }

    /// Once in the life of an incident, and once more for each time it was reopened.
    fn say_lost_sight(&mut self, at: usize) {
        let i = self.incident(at);
        let lost =
            self.parts(at).any(|a| a.now == Status::Unknown) && !self.parts(at).any(|a| self.worthy(a.now));
        let life = i.updates.iter().rev().take_while(|u| !matches!(u.said, Said::Reopened { .. }));
        let said = life.clone().any(|u| u.said == Said::LostSight);
        if lost && !said && i.updates.len() < AUTOMATIC_UPDATES_MAX {
            let status = i.status;
            let update = self.say(at, Said::LostSight, Author::Automatic, status, Next::Leave);
            self.tell(at, update, true);
        }
    }

    // -- services that joined --

    /// Names the services that came in since the last such update.
    pub(crate) fn name_joined(&mut self) {
        for at in 0..self.state.open.len() {
            let due = self.state.open[at].join_at.is_some_and(|at| at <= self.now.mono_ms);
            if due && self.state.open[at].joined.is_empty() {
                self.held(at).join_at = None;
            } else if due {
                let impact = self.impact_now(at);
                let graver = impact > self.incident(at).impact;
                let incident = &mut self.held(at).incident;
                incident.impact = incident.impact.max(impact);
                self.say_joined(at, graver);
            }
        }
    }

    /// Staff are told where no failing ancestor explains what joined, or where it makes things graver.
    fn say_joined(&mut self, at: usize, graver: bool) {
        let held = self.held(at);
        held.join_at = None;
        let services = std::mem::take(&mut held.joined);
        if services.is_empty() || held.incident.updates.len() >= AUTOMATIC_UPDATES_MAX {
            return;
        }
        let status = held.incident.status;
        let affected: Vec<ServiceId> = held.incident.affected.iter().map(|a| a.service.clone()).collect();
        let explained = |s: &ServiceId| self.state.graph.ancestors(s).iter().any(|a| affected.contains(a));
        let unexplained = !services.iter().all(explained);
        let update = self.say(at, Said::Joined { services }, Author::Automatic, status, Next::ByPolicy);
        self.tell_public(at, update);
        if (unexplained || graver) && !self.replace_alert(at, update) {
            self.tell_staff(at, update);
        }
    }

    // -- the origin --

    /// The service on which all other affected ones depend, when there are others.
    fn explains_all(&self, at: usize) -> Option<ServiceId> {
        let affected = &self.incident(at).affected;
        if affected.len() < 2 {
            return None;
        }
        let stands = |on: &ServiceId| {
            let below: HashSet<ServiceId> = self.state.graph.dependants(on).into_iter().collect();
            below.len() + 1 >= affected.len()
                && affected.iter().all(|a| &a.service == on || below.contains(&a.service))
        };
        affected.iter().filter(|a| self.worthy(a.worst)).map(|a| &a.service).find(|s| stands(s)).cloned()
    }

    /// An origin that was not known before, or lies further back than the known one.
    fn new_origin(&self, at: usize) -> Option<ServiceId> {
        let found = self.explains_all(at)?;
        match &self.incident(at).origin {
            None => Some(found),
            Some(known) => {
                let graph = &self.state.graph;
                (graph.depends(known, &found) && !graph.depends(&found, known)).then_some(found)
            }
        }
    }

    fn say_origin(&mut self, at: usize, origin: ServiceId, graver: bool) {
        let level = self.level_now(at);
        let held = self.held(at);
        held.incident.origin = Some(origin.clone());
        held.level = level;
        let first = held.incident.updates.first();
        let named = first.is_some_and(|u| match &u.said {
            Said::Opened { services, .. } => services.first() == Some(&origin),
            _ => false,
        });
        if named && !graver {
            // The first word already named it; what joined since will be named by itself.
            return;
        }
        // The finding of the origin names it; services that came with it are in `changed`.
        held.joined.retain(|s| s != &origin);
        let relapsed = held.good_since.is_some();
        held.relapses += u32::from(relapsed);
        let said = Said::OriginFound { origin };
        let update = self.say(at, said, Author::Automatic, IncidentStatus::Identified, Next::ByPolicy);
        self.tell_public(at, update);
        if !self.replace_alert(at, update) {
            self.tell_staff(at, update);
        }
    }
}

// === impl Held ===

impl Held {
    /// Whether words of recovery are the last that were said about it.
    pub(crate) fn is_recovering(&self) -> bool {
        self.incident.status == IncidentStatus::Monitoring && self.incident.monitoring_at.is_some()
    }
}
