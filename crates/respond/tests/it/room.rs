//! A desk with a clock that the test turns, and a record of everything that was decided.

use std::{collections::BTreeMap, time::Duration};
use stillhere_model::*;
use stillhere_respond::{Effect, Input, Kept, Policy, State, Step, step};

pub struct Room {
    pub topology: Topology,
    pub state: State,
    pub policy: Policy,
    pub mint: Mint,
    pub now: Moment,
    /// As a store would have them: the last upsert by id.
    pub incidents: BTreeMap<IncidentId, Incident>,
    pub maintenances: BTreeMap<MaintenanceId, Maintenance>,
    pub announced: Vec<Announced>,
    pub journal: Vec<Entry>,
    pub amendments: Vec<Amendment>,
    pub effects: Vec<Effect>,
    pub verdicts: BTreeMap<ServiceId, Verdict>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Announced {
    pub occasion: Occasion,
    pub audience: Audience,
    pub not_before: Time,
    pub at: Time,
    pub withdrawn: bool,
}

pub const T0: Time = Time(1_800_000_000_000);

// === impl Room ===

impl Room {
    /// `services`: `"app: host db"` depends on `host` and `db`.
    pub fn new(services: &[&str]) -> Room {
        let topology = topology(services);
        Room {
            state: State::new(&topology),
            topology,
            policy: Policy::default(),
            mint: Mint::new(7),
            now: Moment::new(T0, 1_000_000),
            incidents: BTreeMap::new(),
            maintenances: BTreeMap::new(),
            announced: Vec::new(),
            journal: Vec::new(),
            amendments: Vec::new(),
            effects: Vec::new(),
            verdicts: BTreeMap::new(),
        }
    }

    pub fn input(&mut self, input: Input<'_>) -> Step {
        let step = step(&mut self.state, &self.policy, &self.topology, input, self.now, &mut self.mint);
        for effect in &step.effects {
            match effect {
                Effect::Incident(i) => {
                    self.incidents.insert(i.id, (**i).clone());
                }
                Effect::Maintenance(m) => {
                    self.maintenances.insert(m.id, (**m).clone());
                }
                Effect::Announce { occasion, audience, not_before } => self.announced.push(Announced {
                    occasion: occasion.clone(),
                    audience: *audience,
                    not_before: *not_before,
                    at: self.now.wall,
                    withdrawn: false,
                }),
                Effect::Withdraw { incident } => {
                    for a in &mut self.announced {
                        let unsent = a.audience == Audience::Staff && a.not_before > self.now.wall;
                        a.withdrawn |= unsent && about(&a.occasion) == Some(*incident);
                    }
                }
                Effect::Amend(a) => self.amendments.push(a.clone()),
                Effect::Journal(e) => self.journal.push(e.clone()),
                _ => {}
            }
        }
        self.effects.extend(step.effects.iter().cloned());
        step
    }

    pub fn pass(&mut self, d: Duration) {
        self.now = Moment::new(self.now.wall.plus(d), self.now.mono_ms + time::millis(d));
    }

    /// Time passes with a tick each second.
    pub fn tick_for(&mut self, d: Duration) {
        for _ in 0..d.as_secs() {
            self.pass(Duration::from_secs(1));
            self.input(Input::Tick);
        }
    }

    pub fn see(&mut self, changes: &[(&str, Status)]) -> Step {
        let since = self.now.wall.minus(Duration::from_millis(500));
        let changes: Vec<VerdictChange> = changes
            .iter()
            .map(|(s, status)| {
                let before = self.verdicts.get(*s).map(|v| v.status);
                let now = verdict(s, *status, since);
                self.verdicts.insert(now.service.clone(), now.clone());
                VerdictChange { before, now }
            })
            .collect();
        self.input(Input::Verdicts(&changes))
    }

    pub fn down(&mut self, services: &[&str]) {
        let changes: Vec<_> = services.iter().map(|s| (*s, Status::MajorOutage)).collect();
        self.see(&changes);
    }

    pub fn up(&mut self, services: &[&str]) {
        let changes: Vec<_> = services.iter().map(|s| (*s, Status::Operational)).collect();
        self.see(&changes);
    }

    pub fn command(&mut self, command: Command) -> Result<Accepted, Refusal> {
        let step = self.input(Input::Command { by: "kim".to_owned(), command });
        let outcome = step.outcome.expect("a command has an outcome");
        if outcome.is_err() {
            let decided = step.effects.iter().filter(|e| !missed(e)).count();
            assert_eq!(decided, 0, "a refused command changes nothing: {:?}", step.effects);
        }
        outcome
    }

    pub fn opened(&mut self, command: Command) -> IncidentId {
        match self.command(command) {
            Ok(Accepted::Incident(id)) => id,
            other => panic!("{other:?}"),
        }
    }

    /// The process ends and another starts `off` later from what was committed.
    pub fn restart(&mut self, off: Duration) {
        let wall = self.now.wall.plus(off);
        self.now = Moment::new(wall, 5_000);
        let kept = Kept {
            incidents: self.incidents.values().cloned().collect(),
            maintenances: self.maintenances.values().cloned().collect(),
            verdicts: self.verdicts.values().cloned().collect(),
            certificates: self.state.certificates().map(|(c, d)| (c.clone(), d)).collect(),
            uplink_lost: self.state.uplink_lost(),
        };
        self.state = State::restore(&self.topology, kept, self.now);
        self.input(Input::Tick);
    }

    pub fn only(&self) -> &Incident {
        assert_eq!(self.incidents.len(), 1, "{:#?}", self.incidents);
        self.incidents.values().next().expect("there is one")
    }

    pub fn open(&self) -> Vec<&Incident> {
        self.incidents.values().filter(|i| i.status.is_open()).collect()
    }

    /// What is or will be sent to staff.
    pub fn to_staff(&self) -> Vec<&Announced> {
        self.announced.iter().filter(|a| a.audience == Audience::Staff && !a.withdrawn).collect()
    }

    pub fn to_public(&self) -> Vec<&Announced> {
        self.announced.iter().filter(|a| a.audience == Audience::Public).collect()
    }

    /// The names of what was said, in order.
    pub fn said(&self, id: IncidentId) -> Vec<String> {
        self.incidents[&id].updates.iter().map(|u| kind(&u.said)).collect()
    }

    pub fn update(&self, occasion: &Occasion) -> &Update {
        let (Occasion::IncidentOpened { incident, update }
        | Occasion::IncidentUpdated { incident, update }
        | Occasion::IncidentResolved { incident, update }) = occasion
        else {
            panic!("{occasion:?} has no update")
        };
        self.incidents[incident].updates.iter().find(|u| u.id == *update).expect("it was said")
    }
}

fn missed(e: &Effect) -> bool {
    matches!(
        e,
        Effect::Incident(_)
            | Effect::Journal(_)
            | Effect::Announce { occasion: Occasion::PromiseMissed { .. }, .. }
    )
}

pub fn kind(said: &Said) -> String {
    let json = serde_json::to_value(said).expect("it is JSON");
    json["kind"].as_str().expect("it has a kind").to_owned()
}

pub fn about(o: &Occasion) -> Option<IncidentId> {
    match o {
        Occasion::IncidentOpened { incident, .. }
        | Occasion::IncidentUpdated { incident, .. }
        | Occasion::IncidentResolved { incident, .. }
        | Occasion::PromiseDue { incident, .. }
        | Occasion::PromiseMissed { incident, .. }
        | Occasion::Unacknowledged { incident, .. }
        | Occasion::Acknowledged { incident, .. }
        | Occasion::PreventionOverdue { incident, .. } => Some(*incident),
        _ => None,
    }
}

pub fn id(s: &str) -> ServiceId {
    ServiceId::new(s)
}

pub fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

pub fn mins(m: u64) -> Duration {
    Duration::from_secs(60 * m)
}

pub fn topology(services: &[&str]) -> Topology {
    let mut t = Topology::default();
    for line in services {
        let (name, on) = line.split_once(':').unwrap_or((line, ""));
        let check = CheckId::new(format!("{name}/check"));
        t.services.push(ServiceDef {
            id: id(name),
            name: Text::from(name),
            description: None,
            group: None,
            depends_on: on.split_whitespace().map(id).collect(),
            checks: vec![check.clone()],
            public: !name.starts_with("hidden"),
            team: None,
        });
        let def = CheckDef {
            id: check.clone(),
            service: id(name),
            name: Text::from("check"),
            kind: "http".to_owned(),
            interval: secs(20),
            timeout: secs(10),
            fail_after: 2,
            recover_after: 2,
            severity: Severity::Major,
            quorum: Quorum::Majority,
            passive: false,
        };
        t.checks.insert(check, def);
    }
    t
}

pub fn verdict(service: &str, status: Status, since: Time) -> Verdict {
    let finding = Some(Finding::HttpStatus { status: 503 });
    let reason = match status {
        Status::Unknown => Reason::CannotSee { finding: None },
        s if s.is_problem() => Reason::ChecksDown { down: 1, of: 1, finding },
        _ => Reason::AllUp,
    };
    Verdict {
        service: id(service),
        status,
        since,
        reason,
        checks: Vec::new(),
        unstable: false,
        maintenance: None,
    }
}
