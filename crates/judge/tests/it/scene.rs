//! A small world to judge: a topology in one line each, two clocks, and looks.

use std::{collections::HashMap, time::Duration};
use stillhere_judge::{Input, Look, State, Step, step};
use stillhere_model::{
    CheckDef, CheckId, CheckView, Finding, IncidentId, MaintenanceId, Moment, Observation, Outcome, Phases,
    Quorum, Reason, ServiceDef, ServiceId, Severity, Status, Time, Topology, Verdict, VerdictChange,
};

pub const INTERVAL_MS: i64 = 20_000;
pub const TIMEOUT_MS: i64 = 5_000;
/// 2026-11-22T12:00:00Z
pub const NOON: Time = Time(1_795_348_800_000);
/// How long a look takes here.
pub const TOOK_MS: i64 = 40;

pub struct Scene {
    pub topology: Topology,
    pub state: State,
    pub now: Moment,
    /// Every change since the beginning.
    pub log: Vec<VerdictChange>,
    pub looks: Vec<Look>,
}

/// One service a line: `shop: major, partial < db, cache`. Checks are named `shop/0`, `shop/1`, …
pub fn topology(text: &str) -> Topology {
    let mut t = Topology::default();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let (name, rest) = line.split_once(':').expect("name: checks < dependencies");
        let (checks, on) = rest.split_once('<').unwrap_or((rest, ""));
        let words =
            |s: &str| s.split(',').map(|w| w.trim().to_owned()).filter(|w| !w.is_empty()).collect::<Vec<_>>();
        let id = ServiceId::from(name.trim());
        let mut service = ServiceDef {
            id: id.clone(),
            name: name.trim().into(),
            description: None,
            group: None,
            depends_on: words(on).iter().map(|w| ServiceId::from(w.as_str())).collect(),
            checks: Vec::new(),
            public: true,
            team: None,
        };
        for (n, word) in words(checks).iter().enumerate() {
            let severity = match word.as_str() {
                "major" => Severity::Major,
                "partial" => Severity::Partial,
                "minor" => Severity::Minor,
                other => panic!("no severity {other:?}"),
            };
            let check = check(&format!("{id}/{n}"), &id, severity);
            service.checks.push(check.id.clone());
            t.checks.insert(check.id.clone(), check);
        }
        t.services.push(service);
    }
    t
}

pub fn check(id: &str, service: &ServiceId, severity: Severity) -> CheckDef {
    CheckDef {
        id: CheckId::new(id),
        service: service.clone(),
        name: id.into(),
        kind: "http".into(),
        interval: Duration::from_millis(INTERVAL_MS.unsigned_abs()),
        timeout: Duration::from_millis(TIMEOUT_MS.unsigned_abs()),
        fail_after: 2,
        recover_after: 2,
        severity,
        quorum: Quorum::Majority,
        passive: false,
    }
}

pub fn incident(n: u128) -> IncidentId {
    IncidentId(format!("{n:032x}").parse().expect("32 hex digits are a UUID"))
}

pub fn maintenance(n: u128) -> MaintenanceId {
    MaintenanceId(incident(n).0)
}

// === impl Scene ===

impl Scene {
    /// Judged once, so that the first verdicts are out of the way.
    pub fn new(text: &str) -> Scene {
        Scene::of(topology(text))
    }

    pub fn of(topology: Topology) -> Scene {
        let state = State::new(&topology);
        let mut scene =
            Scene { topology, state, now: Moment::new(NOON, 1_000), log: Vec::new(), looks: Vec::new() };
        scene.tick();
        scene
    }

    /// Everything is seen to be up.
    pub fn all_up(text: &str) -> Scene {
        let mut scene = Scene::new(text);
        scene.round(&[]);
        scene
    }

    pub fn restored(topology: Topology, verdicts: Vec<Verdict>, now: Moment) -> Scene {
        let state = State::restore(&topology, verdicts);
        Scene { topology, state, now, log: Vec::new(), looks: Vec::new() }
    }

    pub fn step(&mut self, input: Input<'_>) -> Step {
        let step = step(&mut self.state, &self.topology, input, self.now);
        self.log.extend(step.changes.iter().cloned());
        self.looks.extend(step.looks.iter().cloned());
        step
    }

    pub fn after(&mut self, ms: i64) -> &mut Self {
        self.now = Moment::new(Time(self.now.wall.0 + ms), self.now.mono_ms + ms);
        self
    }

    /// Somebody sets the wall clock.
    pub fn jump(&mut self, ms: i64) -> &mut Self {
        self.now.wall = Time(self.now.wall.0 + ms);
        self
    }

    pub fn tick(&mut self) -> Step {
        self.step(Input::Tick)
    }

    /// A look that is over now.
    pub fn look(&mut self, check: &str, outcome: Outcome) -> Step {
        self.look_from("core", check, outcome)
    }

    pub fn look_from(&mut self, vantage: &str, check: &str, outcome: Outcome) -> Step {
        let obs = observation(vantage, check, outcome, self.now);
        self.step(Input::Observed(&obs))
    }

    /// Two failed looks, half a second apart.
    pub fn fail(&mut self, check: &str) -> Step {
        self.look(check, Outcome::Down);
        self.after(500).look(check, Outcome::Down)
    }

    /// Two good looks, half a second apart.
    pub fn mend(&mut self, check: &str) -> Step {
        self.look(check, Outcome::Up);
        self.after(500).look(check, Outcome::Up)
    }

    /// A look at every check, down for those in `down`, up for the others.
    pub fn round(&mut self, down: &[&str]) -> Vec<VerdictChange> {
        let checks: Vec<CheckId> = self.topology.services.iter().flat_map(|s| s.checks.clone()).collect();
        let mut changes = Vec::new();
        for check in checks {
            let outcome = if down.contains(&check.as_str()) { Outcome::Down } else { Outcome::Up };
            changes.extend(self.look(check.as_str(), outcome).changes);
        }
        changes
    }

    pub fn declare(&mut self, n: u128, service: &str, status: Option<Status>) -> Step {
        self.step(Input::Declared { incident: incident(n), services: vec![(service.into(), status)] })
    }

    pub fn plan(&mut self, n: u128, services: &[&str], expect: Status, active: bool) -> Step {
        let services = services.iter().map(|s| ServiceId::from(*s)).collect();
        self.step(Input::Maintenance { id: maintenance(n), services, expect, active })
    }

    pub fn verdict(&self, service: &str) -> &Verdict {
        self.state.verdict(&service.into()).expect("the service is in the topology")
    }

    pub fn status(&self, service: &str) -> Status {
        self.verdict(service).status
    }

    pub fn reason(&self, service: &str) -> &Reason {
        &self.verdict(service).reason
    }

    pub fn view(&self, check: &str) -> &CheckView {
        let mut views = self.state.verdicts().flat_map(|v| &v.checks);
        views.find(|v| v.check.as_str() == check).expect("the check is in the topology")
    }

    pub fn statuses(&self) -> HashMap<String, Status> {
        self.state.verdicts().map(|v| (v.service.to_string(), v.status)).collect()
    }

    pub fn saved(&self) -> Vec<Verdict> {
        self.state.verdicts().cloned().collect()
    }
}

pub fn observation(vantage: &str, check: &str, outcome: Outcome, now: Moment) -> Observation {
    Observation {
        check: CheckId::new(check),
        vantage: vantage.into(),
        at: Time(now.wall.0 - TOOK_MS),
        outcome,
        side: None,
        total_us: u32::try_from(TOOK_MS).expect("small") * 1_000,
        phases: Phases::default(),
        finding: match outcome {
            Outcome::Up => None,
            Outcome::Slow => Some(Finding::Slow { took_ms: 40, limit_ms: 30 }),
            Outcome::Down => Some(Finding::ConnectRefused),
            Outcome::Unknown => Some(Finding::OwnFault { what: "too many open files".into() }),
        },
        detail: None,
        recheck: false,
    }
}
