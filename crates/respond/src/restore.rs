//! Going on after a restart: nothing is told twice, and no promise is lost.

use crate::{
    desk::Desk,
    effect::Effect,
    graph::Graph,
    maintenance::Work,
    state::{Held, State},
};
use std::collections::HashSet;
use stillhere_model::{
    Author, CheckId, Incident, Maintenance, MaintenanceStatus, Moment, Said, ServiceId, Status, Topology,
    Update, Verdict, time::millis,
};

/// What was kept through a restart.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// All open incidents, and those resolved within the last day.
    pub incidents: Vec<Incident>,
    /// All that are not over, and those from the file that are.
    pub maintenances: Vec<Maintenance>,
    /// The same that the judge restores from.
    pub verdicts: Vec<Verdict>,
    /// Certificate thresholds that staff were already told about ([`State::certificates`]).
    pub certificates: Vec<(CheckId, u32)>,
    /// Staff were told that our uplink is lost, and not yet that it is back.
    pub uplink_lost: bool,
}

// === impl State ===

impl State {
    /// Goes on where the last process stopped. The first input after it must be a [`crate::Input::Tick`],
    /// before the judge's: it brings what the judge has to be told again.
    #[must_use]
    pub fn restore(topology: &Topology, kept: Kept, now: Moment) -> State {
        let mut state = State { graph: Graph::new(topology), resuming: true, ..State::default() };
        let mut incidents = kept.incidents;
        incidents.sort_by_key(|i| (i.opened_at, i.id));
        for verdict in &kept.verdicts {
            state.note_kept(verdict);
        }
        for incident in incidents {
            // A duration on the wall clock is the best there is for the time before this process.
            let mono = |t| now.mono_ms.saturating_sub(millis(now.wall.since(t)));
            let mut held = Held::new(incident, 0);
            held.opened_mono = mono(held.incident.opened_at);
            held.relapses = held.incident.reopened;
            if held.incident.status.is_open() {
                state.take_up(held);
            } else {
                held.resolved_mono = resolving(&held.incident).map_or(i64::MIN, |u| mono(u.at));
                state.dismiss_again(&held.incident);
                state.keep_past(held);
            }
        }
        let mut works: Vec<Work> = kept.maintenances.into_iter().map(Work::new).collect();
        works.sort_by_key(|w| (w.maintenance.created_at, w.maintenance.id));
        state.works = works;
        state.ours.certificates = kept.certificates.into_iter().collect();
        state.ours.uplink_lost = kept.uplink_lost;
        state
    }

    fn take_up(&mut self, mut held: Held) {
        let mut named: HashSet<&ServiceId> = HashSet::new();
        for update in &held.incident.updates {
            named.extend(update.changed.iter().map(|c| &c.0));
            if let Said::Opened { services, .. } | Said::Joined { services } = &update.said {
                named.extend(services);
            }
        }
        let affected = held.incident.affected.iter().filter(|a| !a.declared);
        let silent = affected.map(|a| &a.service).filter(|s| !named.contains(*s));
        held.joined = silent.cloned().collect();
        if !held.joined.is_empty() {
            held.join_at = Some(i64::MIN);
            held.changed =
                held.joined.iter().map(|s| (s.clone(), Status::Operational, self.status(s))).collect();
        }
        held.level = held
            .incident
            .affected
            .iter()
            .map(|a| if a.now == Status::Unknown && a.until.is_none() { a.worst } else { a.now })
            .filter(|s| s.is_problem())
            .fold(Status::Operational, Status::worst);
        held.touched = true;
        for a in &held.incident.affected {
            let other = self.attached.get(&a.service).copied();
            // Where two hold the same service, it belongs to the one it is failing in.
            if other.is_none() || a.until.is_none() {
                self.attached.insert(a.service.clone(), held.incident.id);
            }
        }
        self.open.push(held);
    }

    /// A person called it over while the checks still saw it: that word outlives the process.
    fn dismiss_again(&mut self, incident: &Incident) {
        let Some(end) = resolving(incident).filter(|u| matches!(u.by, Author::Person(_))) else { return };
        for a in &incident.affected {
            let Some(seen) = self.seen.get(&a.service) else { continue };
            if seen.status.is_problem() && !seen.declared && seen.since <= end.at {
                self.dismissed.insert(a.service.clone(), seen.status);
            }
        }
    }
}

/// The update that called it over: what came later are corrections and words in hindsight.
fn resolving(incident: &Incident) -> Option<&Update> {
    let last_open = incident.updates.iter().rposition(|u| u.status.is_open())?;
    incident.updates.get(last_open + 1)
}

// === impl Desk ===

impl Desk<'_> {
    /// Tells the judge again what it does not keep, and takes in what the verdicts say now.
    pub(crate) fn resume(&mut self) {
        for at in 0..self.state.works.len() {
            if self.state.works[at].maintenance.status == MaintenanceStatus::InProgress {
                self.activate(at, true);
            }
        }
        for at in 0..self.state.open.len() {
            let i = self.incident(at);
            let incident = i.id;
            let declared = i.affected.iter().filter(|a| a.declared);
            let services: Vec<_> = declared.map(|a| (a.service.clone(), Some(a.now))).collect();
            if !services.is_empty() {
                self.effect(Effect::Declare { incident, services });
            }
        }
        let attached: Vec<ServiceId> = self.state.attached.keys().cloned().collect();
        for service in attached {
            self.follow(&service);
        }
    }

    /// The services are others: what is gone from the configuration is not waited for.
    pub(crate) fn topology_changed(&mut self) {
        self.state.graph = Graph::new(self.topology);
        let graph = &self.state.graph;
        self.state.seen.retain(|s, _| graph.knows(s));
        self.state.failing.retain(|s| graph.knows(s));
        self.state.dismissed.retain(|s, _| graph.knows(s));
        self.state.attached.retain(|s, _| graph.knows(s));
        self.state.ours.certificates.retain(|c, _| self.topology.checks.contains_key(c));
        for held in &mut self.state.open {
            for a in held.incident.affected.iter_mut().filter(|a| !graph.knows(&a.service)) {
                if a.until.is_none() {
                    a.until = Some(self.now.wall.max(a.since));
                    a.declared = false;
                    held.touched = true;
                }
            }
        }
        self.attach_failures();
        self.settle_all();
    }
}
