//! What the judge remembers between steps, indexed so that a look touches one check and one service.

use crate::{
    check::{Check, Rules},
    claims::Claims,
    flap::Flap,
    own::{Part, own},
};
use std::collections::{HashMap, VecDeque};
use stillhere_model::{
    CheckId, CheckView, Finding, MaintenanceId, Moment, Outcome, Reason, ServiceId, Status, Time, Topology,
    VantageId, Verdict,
};

/// Everything known about every check and service.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) services: Vec<Service>,
    pub(crate) checks: Vec<Check>,
    pub(crate) service_at: HashMap<ServiceId, usize>,
    pub(crate) check_at: HashMap<CheckId, usize>,
    /// `None` until somebody says which there are: then every vantage may vote.
    pub(crate) vantages: Option<Vec<VantageId>>,
    pub(crate) uplink: bool,
    /// The first step has dated everything.
    begun: bool,
    /// Restored, and no tick yet: claims read off the verdicts may still be confirmed.
    pub(crate) resuming: bool,
    pub(crate) unstable: Vec<usize>,
    /// Scratch of one step: what the touched services' verdicts were before it, and whom to weigh next.
    pub(crate) before: Vec<(usize, Before)>,
    pub(crate) todo: VecDeque<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub verdict: Verdict,
    pub checks: Vec<usize>,
    pub depends_on: Vec<usize>,
    pub dependants: Vec<usize>,
    pub claims: Claims,
    pub flap: Flap,
    /// Since when it is in partial or major outage.
    pub outage: Option<Moment>,
    /// Dependencies whose outage it had been seen to work without before a restart; until those end.
    pub freed: Vec<ServiceId>,
    /// The longest time between two looks at it.
    pub spacing_ms: i64,
    /// Its first verdict has been reported.
    pub announced: bool,
    /// Restored: moments are still to be derived from its wall times.
    pub resumed: bool,
    /// Its place in `State::before`.
    pub touched: Option<usize>,
    pub queued: bool,
}

/// What a verdict was before the step.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    pub status: Status,
    pub since: Time,
    pub reason: Reason,
    pub unstable: bool,
    pub maintenance: Option<MaintenanceId>,
}

/// Checks by id, with what was shown of them.
pub(crate) type Kept = HashMap<CheckId, (Check, CheckView)>;

// === impl State ===

impl State {
    /// Nothing has been looked at yet.
    #[must_use]
    pub fn new(topology: &Topology) -> State {
        State::restore(topology, Vec::new())
    }

    pub(crate) fn empty() -> State {
        State {
            services: Vec::new(),
            checks: Vec::new(),
            service_at: HashMap::new(),
            check_at: HashMap::new(),
            vantages: None,
            uplink: true,
            begun: false,
            resuming: false,
            unstable: Vec::new(),
            before: Vec::new(),
            todo: VecDeque::new(),
        }
    }

    /// The verdicts now, in the order of the configuration.
    pub fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.services.iter().map(|s| &s.verdict)
    }

    #[must_use]
    pub fn verdict(&self, service: &ServiceId) -> Option<&Verdict> {
        self.service_at.get(service).map(|s| &self.services[*s].verdict)
    }

    pub(crate) fn own(&self, s: usize) -> (Status, Reason) {
        let service = &self.services[s];
        own(service.checks.iter().zip(&service.verdict.checks).map(|(i, view)| {
            let check = &self.checks[*i];
            Part {
                severity: check.rules.severity,
                outcome: check.outcome,
                blind: check.blind,
                finding: view.finding.as_ref(),
            }
        }))
    }

    /// Takes over a new topology; what is still there keeps what is known of it.
    pub(crate) fn rebuild(&mut self, topology: &Topology, now: Moment) {
        let mut kept = Kept::new();
        let mut services = HashMap::new();
        // Places change: what `begin` touched (nothing announced yet) is touched again below.
        self.before.clear();
        let mut checks: Vec<Option<Check>> = std::mem::take(&mut self.checks).into_iter().map(Some).collect();
        for service in std::mem::take(&mut self.services) {
            for (i, view) in service.checks.iter().zip(&service.verdict.checks) {
                if let Some(check) = checks[*i].take() {
                    kept.insert(view.check.clone(), (check, view.clone()));
                }
            }
            services.insert(service.verdict.service.clone(), service);
        }
        self.build(topology, services, kept);
        for check in &mut self.checks {
            check.deadline_ms = check.next_deadline();
        }
        self.unstable = (0..self.services.len()).filter(|s| self.services[*s].verdict.unstable).collect();
        self.date(now);
        self.weigh_all(now);
    }

    pub(crate) fn build(
        &mut self,
        topology: &Topology,
        mut services: HashMap<ServiceId, Service>,
        mut kept: Kept,
    ) {
        self.services = Vec::with_capacity(topology.services.len());
        self.checks = Vec::with_capacity(topology.checks.len());
        self.check_at = HashMap::with_capacity(topology.checks.len());
        self.service_at = topology.services.iter().enumerate().map(|(s, def)| (def.id.clone(), s)).collect();
        for (s, def) in topology.services.iter().enumerate() {
            let known = services.remove(&def.id);
            let fresh = known.is_none();
            let mut service = known.unwrap_or_else(|| Service::new(unlooked(def.id.clone()), false));
            service.checks.clear();
            service.verdict.checks.clear();
            service.dependants.clear();
            service.touched = None;
            service.spacing_ms = 0;
            for id in &def.checks {
                let Some(check_def) = topology.checks.get(id) else { continue };
                if self.check_at.contains_key(id) {
                    continue;
                }
                let rules = Rules::of(check_def);
                let (mut check, view) =
                    kept.remove(id).unwrap_or_else(|| (Check::new(rules), unseen_view(id.clone())));
                (check.rules, check.service, check.place) = (rules, s, service.checks.len());
                service.spacing_ms =
                    service.spacing_ms.max(rules.interval_ms.saturating_add(rules.timeout_ms));
                service.checks.push(self.checks.len());
                service.verdict.checks.push(view);
                self.check_at.insert(id.clone(), self.checks.len());
                self.checks.push(check);
            }
            service.depends_on = def
                .depends_on
                .iter()
                .filter_map(|d| self.service_at.get(d).copied())
                .filter(|d| *d != s)
                .collect();
            self.services.push(service);
            if fresh {
                (self.services[s].verdict.status, self.services[s].verdict.reason) = self.own(s);
            }
        }
        for s in 0..self.services.len() {
            for d in self.services[s].depends_on.clone() {
                self.services[d].dependants.push(s);
            }
        }
    }

    /// Dates what was made or restored without a clock: services never looked at are unknown since `now`. The first step
    /// does so too; who shows verdicts before that calls this first.
    pub fn begin(&mut self, now: Moment) {
        if !self.begun {
            self.begun = true;
            self.date(now);
        }
    }

    fn date(&mut self, now: Moment) {
        self.resume(now);
        for s in 0..self.services.len() {
            for view in &mut self.services[s].verdict.checks {
                if view.since == Time::MIN {
                    view.since = now.wall;
                }
            }
            if !self.services[s].announced {
                self.services[s].verdict.since = now.wall;
                self.touch(s);
            }
        }
    }
}

// === impl Service ===

impl Service {
    pub(crate) fn new(verdict: Verdict, resumed: bool) -> Service {
        Service {
            verdict,
            checks: Vec::new(),
            depends_on: Vec::new(),
            dependants: Vec::new(),
            claims: Claims::default(),
            flap: Flap::default(),
            outage: None,
            freed: Vec::new(),
            spacing_ms: 0,
            announced: resumed,
            resumed,
            touched: None,
            queued: false,
        }
    }
}

/// What takes dependants along.
pub(crate) fn is_outage(status: Status) -> bool {
    matches!(status, Status::PartialOutage | Status::MajorOutage)
}

fn unlooked(service: ServiceId) -> Verdict {
    Verdict {
        service,
        status: Status::Unknown,
        since: Time::MIN,
        reason: Reason::NotYetLooked,
        checks: Vec::new(),
        unstable: false,
        maintenance: None,
    }
}

fn unseen_view(check: CheckId) -> CheckView {
    CheckView {
        check,
        outcome: Outcome::Unknown,
        since: Time::MIN,
        last_look: None,
        finding: Some(Finding::NotYetLooked),
        votes_down: 0,
        votes_live: 0,
    }
}
