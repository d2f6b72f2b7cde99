//! What holds whatever happens: random looks, claims, cuts, jumps and ticks against simple laws.

use crate::scene::{INTERVAL_MS, NOON, Scene, maintenance, observation, topology};
use proptest::{collection::vec, prelude::*, sample::select};
use std::collections::HashMap;
use stillhere_judge::{Input, State, Step, step};
use stillhere_model::{Moment, Outcome, Quorum, Severity, Status, Time, Topology, Verdict};

const TEXT: &str = "page: major < shop, auth\n shop: major, major, minor < db\n auth: partial, minor\n db: major\n desk: < auth";
const CHECKS: [&str; 7] = ["page/0", "shop/0", "shop/1", "shop/2", "auth/0", "auth/1", "db/0"];
const SERVICES: [&str; 5] = ["page", "shop", "auth", "db", "desk"];
const VANTAGES: [&str; 2] = ["berlin", "boston"];

#[derive(Debug, Clone)]
enum Happens {
    Look { vantage: &'static str, check: &'static str, outcome: Outcome, times: u8 },
    Pass { ms: i64 },
    Jump { ms: i64 },
    Tick,
    Uplink { up: bool },
    Declare { n: u128, service: &'static str, status: Option<Status> },
    Plan { n: u128, service: &'static str, expect: Status, active: bool },
    Restart,
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    select(vec![Outcome::Up, Outcome::Slow, Outcome::Down, Outcome::Down, Outcome::Unknown])
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        12 => (select(VANTAGES.to_vec()), select(CHECKS.to_vec()), outcomes(), 1u8..4)
            .prop_map(|(vantage, check, outcome, times)| Happens::Look { vantage, check, outcome, times }),
        4 => (0i64..2 * INTERVAL_MS).prop_map(|ms| Happens::Pass { ms }),
        1 => (-3_600_000i64..3_600_000).prop_map(|ms| Happens::Jump { ms }),
        3 => Just(Happens::Tick),
        1 => any::<bool>().prop_map(|up| Happens::Uplink { up }),
        1 => (1u128..4, select(SERVICES.to_vec()), proptest::option::of(select(Status::ALL.to_vec())))
            .prop_map(|(n, service, status)| Happens::Declare { n, service, status }),
        1 => (1u128..4, select(SERVICES.to_vec()), select(Status::ALL.to_vec()), any::<bool>())
            .prop_map(|(n, service, expect, active)| Happens::Plan { n, service, expect, active }),
        1 => Just(Happens::Restart),
    ]
}

fn world() -> Topology {
    let mut t = topology(TEXT);
    t.checks.get_mut("shop/0").unwrap().quorum = Quorum::All;
    t.checks.get_mut("db/0").unwrap().quorum = Quorum::Any;
    t.checks.get_mut("page/0").unwrap().fail_after = 3;
    t
}

/// Keeps its own, plain books beside the judge.
struct Books {
    s: Scene,
    uplink: bool,
    declared: HashMap<(u128, &'static str), Status>,
    planned: HashMap<u128, (&'static str, Status)>,
    /// Failed looks in a row, per check and vantage.
    failed: HashMap<(&'static str, &'static str), u32>,
    /// Has failed often enough in a row, and was not seen to work often enough in a row since.
    may_be_down: HashMap<(&'static str, &'static str), bool>,
    worked: HashMap<(&'static str, &'static str), u32>,
    told: HashMap<String, Verdict>,
}

// === impl Books ===

impl Books {
    fn new() -> Books {
        let s = Scene::of(world());
        let told = s.log.iter().map(|c| (c.now.service.to_string(), c.now.clone())).collect();
        Books {
            s,
            uplink: true,
            declared: HashMap::new(),
            planned: HashMap::new(),
            failed: HashMap::new(),
            may_be_down: HashMap::new(),
            worked: HashMap::new(),
            told,
        }
    }

    fn apply(&mut self, what: &Happens) {
        match *what {
            Happens::Look { vantage, check, outcome, times } => {
                for _ in 0..times {
                    self.s.after(50);
                    self.book(vantage, check, outcome);
                    if outcome == Outcome::Unknown {
                        // Votes that end with time may change the majority; that is not this look's doing.
                        let step = self.s.tick();
                        self.check(&step);
                    }
                    let before = self.down_checks();
                    let step = self.s.look_from(vantage, check, outcome);
                    self.check(&step);
                    let after = self.down_checks();
                    if outcome == Outcome::Unknown {
                        assert!(after <= before, "a look that could not look made something down");
                    }
                }
            }
            Happens::Pass { ms } => {
                self.s.after(ms);
            }
            Happens::Jump { ms } => {
                self.s.jump(ms);
            }
            Happens::Tick => {
                let step = self.s.tick();
                self.check(&step);
            }
            Happens::Uplink { up } => {
                self.uplink = up;
                let step = self.s.step(Input::Uplink { up });
                self.check(&step);
            }
            Happens::Declare { n, service, status } => {
                match status {
                    Some(st) => self.declared.insert((n, service), st),
                    None => self.declared.remove(&(n, service)),
                };
                let step = self.s.declare(n, service, status);
                self.check(&step);
            }
            Happens::Plan { n, service, expect, active } => {
                if active {
                    self.planned.insert(n, (service, expect));
                } else {
                    self.planned.remove(&n);
                }
                let step = self.s.plan(n, &[service], expect, active);
                self.check(&step);
            }
            Happens::Restart => self.restart(),
        }
    }

    fn down_checks(&self) -> usize {
        self.s.state.verdicts().flat_map(|v| &v.checks).filter(|c| c.outcome == Outcome::Down).count()
    }

    fn book(&mut self, vantage: &'static str, check: &'static str, outcome: Outcome) {
        let outcome = if self.uplink || outcome == Outcome::Up { outcome } else { Outcome::Unknown };
        let def = &self.s.topology.checks[check];
        let key = (check, vantage);
        match outcome {
            Outcome::Unknown => {}
            Outcome::Down => {
                *self.failed.entry(key).or_default() += 1;
                self.worked.insert(key, 0);
                if self.failed[&key] >= def.fail_after {
                    self.may_be_down.insert(key, true);
                }
            }
            Outcome::Up | Outcome::Slow => {
                self.failed.insert(key, 0);
                *self.worked.entry(key).or_default() += 1;
                if self.worked[&key] >= def.recover_after {
                    self.may_be_down.insert(key, false);
                }
            }
        }
    }

    fn check(&mut self, step: &Step) {
        let now = self.s.now.wall;
        for c in &step.changes {
            let name = c.now.service.to_string();
            let old = self.told.insert(name.clone(), c.now.clone()).expect("all were announced at first");
            assert_eq!(c.before, Some(old.status), "{name}");
            assert!(c.now.since >= old.since, "{name}: the record goes back");
            assert!(c.now.since <= now.max(old.since), "{name}: begins in the future");
            assert!(old.status == c.now.status || c.now.checks == *self.s.verdict(&name).checks, "{name}");
            let told = |v: &Verdict| (v.status, v.since, v.unstable, v.maintenance, kinds(v));
            assert_ne!(told(&old), told(&c.now), "{name}: nothing changed");
            if old.status == c.now.status {
                assert_eq!(old.since, c.now.since, "{name}: the same status began anew");
            }
        }
        for v in self.s.state.verdicts() {
            let told = &self.told[v.service.as_str()];
            assert_eq!((v.status, v.since, v.unstable), (told.status, told.since, told.unstable), "untold");
            for view in v.checks.iter().filter(|c| c.outcome == Outcome::Down) {
                let def = &self.s.topology.checks[&view.check];
                let may = |vantage: &&str| {
                    let key = (*CHECKS.iter().find(|c| **c == view.check.as_str()).unwrap(), *vantage);
                    self.may_be_down.get(&key).copied().unwrap_or(false)
                };
                let grounds = VANTAGES.iter().filter(|v| may(v)).count();
                assert!(grounds >= 1, "{} is down without {} failed looks", view.check, def.fail_after);
                assert!(view.votes_live == 0 || view.votes_down >= needed(def.quorum, view.votes_live));
            }
            // The worst holds: nothing declared is hidden.
            for ((_, service), status) in &self.declared {
                if *service == v.service.as_str() {
                    assert!(v.status.gravity() >= status.gravity(), "{service} hides what was declared");
                }
            }
            let planned = self.planned.values().any(|(s, _)| *s == v.service.as_str());
            assert_eq!(v.maintenance.is_some(), planned, "{}", v.service);
            let masked = |c: &&stillhere_model::CheckView| {
                c.outcome == Outcome::Down && self.s.topology.checks[&c.check].severity == Severity::Major
            };
            if !planned && !v.checks.is_empty() && v.checks.iter().any(|c| masked(&c)) {
                assert!(v.status.gravity() >= Status::PartialOutage.gravity(), "an outage is masked");
            }
        }
    }

    /// The state is thrown away and made again from what was saved.
    fn restart(&mut self) {
        let saved = self.s.saved();
        let now = Moment::new(self.s.now.wall, 7);
        let mut state = State::restore(&self.s.topology, saved.clone());
        let topology = self.s.topology.clone();
        let mut say = |input| {
            let done = step(&mut state, &topology, input, now);
            assert_eq!(done.changes, [], "a restart is no news");
        };
        for ((n, service), status) in &self.declared {
            let services = vec![((*service).into(), Some(*status))];
            say(Input::Declared { incident: crate::scene::incident(*n), services });
        }
        for (n, (service, expect)) in &self.planned {
            let services = vec![(*service).into()];
            say(Input::Maintenance { id: maintenance(*n), services, expect: *expect, active: true });
        }
        say(Input::Uplink { up: true });
        say(Input::Tick);
        let restored: Vec<Verdict> = state.verdicts().cloned().collect();
        assert_eq!(restored, saved, "restore after save is the same");
        if !self.uplink {
            return; // the cut is still there; go on with the old state
        }
        (self.s.state, self.s.now) = (state, now);
        for v in self.failed.values_mut() {
            *v = 0; // a run that had begun is not saved
        }
        for v in self.worked.values_mut() {
            *v = 0;
        }
        // Whoever was down may be said to be down by any vantage until it has spoken.
        for check in CHECKS {
            if self.s.view(check).outcome == Outcome::Down {
                for vantage in VANTAGES {
                    self.may_be_down.insert((check, vantage), true);
                }
            }
        }
    }
}

fn kinds(v: &Verdict) -> String {
    let reason = serde_json::to_value(&v.reason).unwrap();
    let mut reason = reason.as_object().unwrap().clone();
    reason.remove("finding");
    serde_json::to_string(&reason).unwrap()
}

fn needed(quorum: Quorum, live: u32) -> u32 {
    match quorum {
        Quorum::Majority => live / 2 + 1,
        Quorum::Any => 1,
        Quorum::All => live,
        Quorum::AtLeast(n) => u32::from(n).min(live),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_whatever_happens(story in vec(happens(), 1..80)) {
        let mut books = Books::new();
        for what in &story {
            books.apply(what);
        }
    }

    #[test]
    fn claims_come_to_the_same_in_any_order(
        seen in outcomes(),
        claims in vec(
            (1u128..5, any::<bool>(), select(Status::ALL.to_vec())), 0..6
        ),
        seed in any::<u64>(),
    ) {
        // One claim per kind and id: the last one said of several is another matter.
        let mut unique: Vec<(u128, bool, Status)> = Vec::new();
        for c in claims {
            if !unique.iter().any(|u| (u.0, u.1) == (c.0, c.1)) {
                unique.push(c);
            }
        }
        let mut shuffled = unique.clone();
        let mut mint = stillhere_model::Mint::new(seed);
        shuffled.sort_by_key(|_| mint.next_u64());
        let play = |order: &[(u128, bool, Status)]| {
            let mut s = Scene::new("x: major");
            for _ in 0..2 {
                s.after(50).look("x/0", seen);
            }
            for (n, word, status) in order {
                if *word {
                    s.declare(*n, "x", Some(*status));
                } else {
                    s.plan(*n, &["x"], *status, true);
                }
            }
            let v = s.verdict("x");
            (v.status, v.reason.clone(), v.maintenance)
        };
        let verdict = play(&unique);
        prop_assert_eq!(&verdict, &play(&shuffled));
        let worst_word = unique.iter().filter(|c| c.1).map(|c| c.2.gravity()).max().unwrap_or(0);
        prop_assert!(verdict.0.gravity() >= worst_word);
    }

    #[test]
    fn a_service_is_as_bad_as_its_checks_are(
        checks in vec((select(vec!["major", "partial", "minor"]), outcomes()), 1..6)
    ) {
        let line: Vec<&str> = checks.iter().map(|c| c.0).collect();
        let mut s = Scene::new(&format!("x: {}", line.join(",")));
        for (n, (_, outcome)) in checks.iter().enumerate() {
            for _ in 0..2 {
                let obs = observation("core", &format!("x/{n}"), *outcome, s.after(50).now);
                s.step(Input::Observed(&obs));
            }
        }
        let is = |severity: &str, outcome: Outcome| checks.iter().filter(|c| c.0 == severity && c.1 == outcome).count();
        let majors = checks.iter().filter(|c| c.0 == "major").count();
        let lead = ["major", "partial", "minor"].into_iter().find(|s| checks.iter().any(|c| c.0 == *s)).unwrap();
        let expected = if majors > 0 && is("major", Outcome::Down) == majors {
            Status::MajorOutage
        } else if is("major", Outcome::Down) + is("partial", Outcome::Down) > 0 {
            Status::PartialOutage
        } else if is("minor", Outcome::Down) > 0 || checks.iter().any(|c| c.1 == Outcome::Slow) {
            Status::DegradedPerformance
        } else if is(lead, Outcome::Unknown) > 0 {
            Status::Unknown
        } else {
            Status::Operational
        };
        prop_assert_eq!(s.status("x"), expected);
        prop_assert!(s.verdict("x").since >= NOON && s.verdict("x").since <= Time(s.now.wall.0));
    }
}
