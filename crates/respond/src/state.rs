//! What respond remembers between two steps.

use crate::{graph::Graph, maintenance::Work, ours::Ours};
use std::collections::{BTreeSet, HashMap, VecDeque};
use stillhere_model::{
    CheckId, Finding, Incident, IncidentId, Maintenance, Moment, Occasion, Reason, ServiceId, Status, Time,
    Topology, Verdict, VerdictChange,
};

/// Resolved incidents held for reopening and correcting. Older ones come back with [`State::remember`].
pub const PAST_MAX: usize = 200;
/// Status changes of one service that are remembered; more make it no more unstable.
const FLIPS_MAX: usize = 32;

/// Everything respond remembers between two steps.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(crate) graph: Graph,
    /// The last verdict of each service, as far as it matters here.
    pub(crate) seen: HashMap<ServiceId, Seen>,
    /// Services whose last verdict is a problem.
    pub(crate) failing: BTreeSet<ServiceId>,
    /// Oldest first.
    pub(crate) open: Vec<Held>,
    /// Resolved ones, oldest first.
    pub(crate) past: VecDeque<Held>,
    /// The open incident of a service.
    pub(crate) attached: HashMap<ServiceId, IncidentId>,
    /// Services whose incident a person called over while the checks still saw this: it opens no other
    /// unless it gets worse or fails anew.
    pub(crate) dismissed: HashMap<ServiceId, Status>,
    pub(crate) works: Vec<Work>,
    pub(crate) ours: Ours,
    /// Restored, and not yet told the judge what was declared and what is maintained.
    pub(crate) resuming: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) before: Status,
    pub(crate) status: Status,
    pub(crate) since: Time,
    pub(crate) finding: Option<Finding>,
    /// A person's word, not a check's.
    pub(crate) declared: bool,
    pub(crate) unstable: bool,
    /// When it changed to or from a problem, on the monotonic clock.
    pub(crate) flips: VecDeque<i64>,
}

/// An incident with what is only needed while it is open, or may be again.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) incident: Incident,
    pub(crate) opened_mono: i64,
    pub(crate) resolved_mono: i64,
    /// Since when all affected are good.
    pub(crate) good_since: Option<i64>,
    /// How bad it was when it was last spoken about.
    pub(crate) level: Status,
    /// The staff alert about its opening that still waits.
    pub(crate) alert: Option<Alert>,
    /// Ancestors that were asked to be looked at.
    pub(crate) asked: Vec<ServiceId>,
    /// Services that came in and were not yet named, and when they will be.
    pub(crate) joined: Vec<ServiceId>,
    pub(crate) join_at: Option<i64>,
    /// Status changes not yet in an update: service, before, now.
    pub(crate) changed: Vec<(ServiceId, Status, Status)>,
    /// Failed again after all had been good.
    pub(crate) relapses: u32,
    pub(crate) birth: Birth,
    pub(crate) touched: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(crate) occasion: Occasion,
    pub(crate) until_mono: i64,
    pub(crate) until: Time,
}

impl Alert {
    /// Whether it is still to be sent, by either clock.
    pub(crate) fn waits(&self, now: Moment) -> bool {
        self.until_mono > now.mono_ms && self.until > now.wall
    }
}

/// What this step did to the incident before a word was said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Birth {
    Opened,
    Reopened,
    Known,
}

// === impl State ===

impl State {
    #[must_use]
    pub fn new(topology: &Topology) -> State {
        State { graph: Graph::new(topology), ..State::default() }
    }

    /// Open incidents, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.open.iter().map(|h| &h.incident)
    }

    /// An incident that is held here, open or not.
    #[must_use]
    pub fn incident(&self, id: IncidentId) -> Option<&Incident> {
        self.open.iter().chain(&self.past).map(|h| &h.incident).find(|i| i.id == id)
    }

    /// Takes in an old resolved incident from the store, so that a command may correct it. One that is
    /// held already, or is open, is left as it is.
    pub fn remember(&mut self, incident: Incident) {
        if self.incident(incident.id).is_none() && !incident.status.is_open() {
            let mut held = Held::new(incident, i64::MIN);
            held.resolved_mono = i64::MIN;
            self.keep_past(held);
        }
    }

    /// All that are scheduled or under way, and the latest of those that are over.
    pub fn maintenances(&self) -> impl Iterator<Item = &Maintenance> {
        self.works.iter().map(|w| &w.maintenance)
    }

    /// Certificate thresholds that staff were told about, to be kept through a restart.
    pub fn certificates(&self) -> impl Iterator<Item = (&CheckId, u32)> {
        self.ours.certificates.iter().map(|(c, days)| (c, *days))
    }

    /// Staff were told that our uplink is lost, and not yet that it is back.
    #[must_use]
    pub fn uplink_lost(&self) -> bool {
        self.ours.uplink_lost
    }

    pub(crate) fn keep_past(&mut self, held: Held) {
        self.past.push_back(held);
        // What is still to be done is not forgotten with the incident it is about.
        let done = |h: &Held| h.incident.preventions.iter().all(|p| !p.is_open());
        if self.past.len() > PAST_MAX
            && let Some(at) = self.past.iter().position(done)
        {
            self.past.remove(at);
        }
        if self.past.len() > 2 * PAST_MAX {
            self.past.pop_front();
        }
    }

    /// Takes down a verdict. False when its service is not one of ours.
    pub(crate) fn note(&mut self, change: &VerdictChange, now: Moment) -> bool {
        let v = &change.now;
        if !self.graph.knows(&v.service) {
            return false;
        }
        let first = Seen::first(change.before.unwrap_or(Status::Operational), v.since);
        let seen = self.seen.entry(v.service.clone()).or_insert(first);
        seen.take(v, Some(now.mono_ms));
        self.mark(&v.service);
        true
    }

    /// The same for a verdict that was kept through a restart: nothing changed by it.
    pub(crate) fn note_kept(&mut self, v: &Verdict) {
        if self.graph.knows(&v.service) {
            let mut seen = Seen::first(v.status, v.since);
            seen.take(v, None);
            self.seen.insert(v.service.clone(), seen);
            self.mark(&v.service);
        }
    }

    fn mark(&mut self, service: &ServiceId) {
        let Some(seen) = self.seen.get(service) else { return };
        if seen.status.is_problem() {
            self.failing.insert(service.clone());
        } else {
            self.failing.remove(service);
            if seen.status != Status::Unknown {
                self.dismissed.remove(service);
            }
        }
    }

    pub(crate) fn status(&self, service: &ServiceId) -> Status {
        self.seen.get(service).map_or(Status::Unknown, |s| s.status)
    }
}

// === impl Seen ===

impl Seen {
    fn first(status: Status, since: Time) -> Seen {
        let flips = VecDeque::new();
        Seen { before: status, status, since, finding: None, declared: false, unstable: false, flips }
    }

    fn take(&mut self, v: &Verdict, flipped_at: Option<i64>) {
        let known = self.status != Status::Unknown && v.status != Status::Unknown;
        // From partly down to down and back is one trouble that grew and shrank. It did not come and go.
        let turned = self.status.is_problem() != v.status.is_problem();
        if let Some(at) = flipped_at
            && known
            && turned
        {
            self.flips.push_back(at);
            if self.flips.len() > FLIPS_MAX {
                self.flips.pop_front();
            }
        }
        if self.status != v.status {
            self.before = self.status;
        }
        self.status = v.status;
        self.since = v.since;
        self.declared = matches!(v.reason, Reason::Declared { .. });
        self.finding = match &v.reason {
            Reason::ChecksDown { finding, .. }
            | Reason::ChecksSlow { finding, .. }
            | Reason::BeyondMaintenance { finding, .. } => finding.clone(),
            _ => None,
        };
        self.unstable = v.unstable;
    }

    /// Changes to or from a problem since then.
    pub(crate) fn flips_since(&self, mono_ms: i64) -> u32 {
        let n = self.flips.iter().filter(|at| **at >= mono_ms).count();
        u32::try_from(n).unwrap_or(u32::MAX)
    }
}

// === impl Held ===

impl Held {
    pub(crate) fn new(incident: Incident, opened_mono: i64) -> Held {
        Held {
            incident,
            opened_mono,
            resolved_mono: i64::MIN,
            good_since: None,
            level: Status::Operational,
            alert: None,
            asked: Vec::new(),
            joined: Vec::new(),
            join_at: None,
            changed: Vec::new(),
            relapses: 0,
            birth: Birth::Known,
            touched: false,
        }
    }

    /// Remembers a status change until the next update names it; several become one.
    pub(crate) fn note_change(&mut self, service: &ServiceId, before: Status, now: Status) {
        match self.changed.iter_mut().find(|c| &c.0 == service) {
            Some(c) => c.2 = now,
            None => self.changed.push((service.clone(), before, now)),
        }
        self.touched = true;
    }
}
