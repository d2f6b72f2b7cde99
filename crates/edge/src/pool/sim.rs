//! Seeded simulations: experiments B (stall) and C (overload) of the research, as discrete events, against the whole
//! pool. Users come open loop, nodes are FIFO queues with slots; nothing is configured.

use super::*;
use std::{
    collections::{BinaryHeap, VecDeque},
    task::{Wake, Waker},
};

pub(super) const MS: u64 = 1_000;
pub(super) const S: u64 = 1_000_000;

/// What a node is made of.
#[derive(Clone, Copy)]
pub(super) struct NodeIs {
    pub slots: usize,
    /// 2.0: takes twice as long for everything.
    pub slow: f64,
}

/// A kind of request.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub route: u64,
    pub service_us: u64,
    /// Of all requests.
    pub share: f64,
    /// May be sent a second time while the first is under way.
    pub hedged: bool,
}

pub(super) struct World {
    pub nodes: Vec<NodeIs>,
    pub kinds: Vec<Kind>,
    /// Users a second, from a time on.
    pub rates: Vec<(u64, f64)>,
    pub end_us: u64,
    /// A user leaves after this, comes again after that, so often in all.
    pub patience_us: u64,
    pub again_us: u64,
    pub attempts: u32,
    /// Node 0 is stopped from, until.
    pub stopped: Option<(u64, u64)>,
    /// All nodes are killed from, until.
    pub killed: Option<(u64, u64)>,
    /// The whole machine stands still, from, until.
    pub frozen: Vec<(u64, u64)>,
    /// Everything takes so many times as long, from, until; however much there is to do.
    pub slowed: Option<(u64, u64, f64)>,
    pub seed: u64,
}

/// What happened to one user.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub due_us: u64,
    pub kind: usize,
    pub served_us: Option<u64>,
    pub refused: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Comes(usize),
    Leaves(usize, u32),
    Deadline(usize),
    Done(usize, usize, u32),
    Hedge(usize),
    Probed(usize, u64, bool),
    Tick,
    Continue,
    Kill,
    Revive,
}

struct User {
    fate: Fate,
    attempt: u32,
    trying: bool,
    /// What was sent for the present attempt.
    sendings: Vec<usize>,
}

/// One sending of a user's attempt: it waits for a place, or is at a node.
struct Sending {
    user: usize,
    attempt: u32,
    hedge: bool,
    ticket: Option<Ticket>,
    place: Option<(Place, u64)>,
}

#[derive(Default)]
struct Origin {
    busy: usize,
    queue: VecDeque<usize>,
    stopped: bool,
    down: bool,
    /// Done while it was stopped.
    stuck: Vec<usize>,
    /// Rises with each restart.
    life: u32,
}

struct Told(Mutex<Vec<usize>>);
struct Tell(usize, Arc<Told>);

impl Wake for Tell {
    fn wake(self: Arc<Self>) {
        self.1.0.lock().unwrap().push(self.0);
    }
}

pub(super) struct Run {
    pool: Arc<Pool>,
    world: World,
    began: Instant,
    now: u64,
    seq: u64,
    events: BinaryHeap<std::cmp::Reverse<(u64, u64, Event)>>,
    users: Vec<User>,
    sendings: Vec<Sending>,
    origins: Vec<Origin>,
    told: Arc<Told>,
    seed: u64,
    pub hedges: u32,
    pub limits: Vec<(u64, Vec<u32>)>,
}

impl World {
    pub(super) fn overload(nodes: Vec<NodeIs>, service_us: u64, capacity: f64, seed: u64) -> World {
        World {
            nodes,
            kinds: vec![Kind { route: 1, service_us, share: 1.0, hedged: false }],
            rates: vec![(0, 0.6 * capacity), (5 * S, 2.0 * capacity), (10 * S, 0.6 * capacity)],
            end_us: 35 * S,
            patience_us: 2 * S,
            again_us: 300 * MS,
            attempts: 3,
            stopped: None,
            killed: None,
            frozen: Vec::new(),
            slowed: None,
            seed,
        }
    }

    pub(super) fn run(self) -> (Vec<Fate>, Run) {
        let began = stillhere_net::clock::mono();
        let names = (0..self.nodes.len()).map(|n| format!("http://10.0.0.{}:80", n + 1)).collect();
        let pool = Pool::seeded("sim", &PoolSpec::of(names), None, began, self.seed).expect("good addresses");
        let origins = self.nodes.iter().map(|_| Origin::default()).collect();
        let mut run = Run {
            pool,
            began,
            now: 0,
            seq: 0,
            events: BinaryHeap::new(),
            users: Vec::new(),
            sendings: Vec::new(),
            origins,
            told: Arc::new(Told(Mutex::new(Vec::new()))),
            seed: self.seed,
            hedges: 0,
            limits: Vec::new(),
            world: self,
        };
        run.go();
        (run.users.iter().map(|u| u.fate).collect(), run)
    }
}

impl Run {
    fn roll(&mut self) -> f64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) as f64 / f64::from(1u32 << 31)
    }

    fn instant(&self) -> Instant {
        self.began + Duration::from_micros(self.now)
    }

    fn at(&mut self, when: u64, event: Event) {
        self.seq += 1;
        self.events.push(std::cmp::Reverse((when.max(self.now), self.seq, event)));
    }

    fn go(&mut self) {
        let mut due = 0.0;
        while due < self.world.end_us as f64 {
            let rate = self.world.rates.iter().rev().find(|r| r.0 as f64 <= due).map_or(1.0, |r| r.1);
            due += 1e6 / rate * (0.5 + self.roll());
            let mut dice = self.roll();
            let mut kind = 0;
            for (n, k) in self.world.kinds.iter().enumerate() {
                kind = n;
                dice -= k.share;
                if dice < 0.0 {
                    break;
                }
            }
            let fate = Fate { due_us: due as u64, kind, served_us: None, refused: 0 };
            self.users.push(User { fate, attempt: 0, trying: false, sendings: Vec::new() });
            self.at(due as u64, Event::Comes(self.users.len() - 1));
        }
        self.at(0, Event::Tick);
        if let Some((from, until)) = self.world.stopped {
            self.at(from, Event::Kill);
            self.at(until, Event::Continue);
        }
        if let Some((from, until)) = self.world.killed {
            self.at(from, Event::Kill);
            self.at(until, Event::Revive);
        }
        while let Some(std::cmp::Reverse((when, _, event))) = self.events.pop() {
            if when > self.world.end_us + 10 * S {
                break;
            }
            self.now = when;
            self.happen(event);
            loop {
                let told = std::mem::take(&mut *self.told.0.lock().unwrap());
                if told.is_empty() {
                    break;
                }
                told.into_iter().for_each(|sending| self.look(sending));
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Comes(user) => {
                self.users[user].attempt += 1;
                self.users[user].trying = true;
                let attempt = self.users[user].attempt;
                self.at(self.now + self.world.patience_us, Event::Leaves(user, attempt));
                self.ask(user, None);
            }
            Event::Leaves(user, attempt) => {
                if self.users[user].trying && self.users[user].attempt == attempt {
                    self.again(user);
                }
            }
            Event::Deadline(sending) => {
                let now = self.instant();
                if let Some(ticket) = &mut self.sendings[sending].ticket {
                    ticket.overdue(now);
                    let deadline = ticket.deadline;
                    if deadline > now {
                        let when = (deadline - self.began).as_micros() as u64;
                        self.at(when, Event::Deadline(sending));
                    }
                    self.look(sending);
                }
            }
            Event::Done(node, sending, life) => {
                if self.origins[node].life == life && !self.origins[node].down {
                    if self.origins[node].stopped {
                        self.origins[node].stuck.push(sending);
                    } else {
                        self.done(node, sending);
                    }
                }
            }
            Event::Hedge(sending) => self.hedge(sending),
            Event::Tick => self.tick(),
            Event::Probed(node, sent, answered) => {
                let id = NodeId(node as u32);
                let after = Duration::from_micros(self.now - sent);
                let sign = if answered {
                    Sign::Answers
                } else if self.origins[node].down {
                    Sign::Nothing
                } else {
                    Sign::Connects
                };
                self.pool.probed(id, sign, after, self.instant());
                self.abandoned();
            }
            Event::Kill => {
                if self.world.stopped.is_some() {
                    self.origins[0].stopped = true;
                } else {
                    self.kill();
                }
            }
            Event::Continue => {
                self.origins[0].stopped = false;
                for sending in std::mem::take(&mut self.origins[0].stuck) {
                    self.done(0, sending);
                }
            }
            Event::Revive => {
                for origin in &mut self.origins {
                    origin.down = false;
                }
            }
        }
    }

    fn kill(&mut self) {
        for origin in &mut self.origins {
            *origin = Origin { down: true, life: origin.life + 1, ..Origin::default() };
        }
        let now = self.instant();
        for n in 0..self.sendings.len() {
            if let Some((mut place, _)) = self.sendings[n].place.take() {
                place.failed(Failure::Cut, now);
                drop(place);
                let (user, attempt) = (self.sendings[n].user, self.sendings[n].attempt);
                // All of them may be repeated here.
                if self.users[user].trying && self.users[user].attempt == attempt {
                    self.ask(user, None);
                }
            }
        }
    }

    fn tick(&mut self) {
        let now = self.instant();
        for probe in self.pool.probes_due(now) {
            let node = probe.node.id().0 as usize;
            let origin = &self.origins[node];
            let answers = !origin.down && !origin.stopped;
            let after = if answers || origin.down { MS } else { probe.within.as_micros() as u64 };
            self.at(self.now + after, Event::Probed(node, self.now, answers));
        }
        let limits = self.pool.nodes().iter().map(|n| n.state().limit()).collect();
        self.limits.push((self.now, limits));
        let next = self.now + self.pool.next_tick().as_micros() as u64;
        self.at(next, Event::Tick);
    }

    fn ask(&mut self, user: usize, not: Option<NodeId>) {
        let now = self.instant();
        let kind = self.world.kinds[self.users[user].fate.kind];
        let hedge = not.is_some();
        let until = if hedge { Some(now) } else { None };
        let ask = Ask {
            client: user as u64 % 50,
            priority: Priority::Page,
            bytes: 500,
            not,
            route: kind.route,
            until,
            patient: false,
            may_try: false,
        };
        let attempt = self.users[user].attempt;
        let sending = self.sendings.len();
        self.users[user].sendings.push(sending);
        match self.pool.enter(ask, now) {
            Ok(Entry::Place(place)) => {
                self.sendings.push(Sending { user, attempt, hedge, ticket: None, place: None });
                self.send(sending, place);
            }
            Ok(Entry::Ticket(ticket)) => {
                let when = (ticket.deadline - self.began).as_micros() as u64;
                self.at(when, Event::Deadline(sending));
                self.sendings.push(Sending { user, attempt, hedge, ticket: Some(ticket), place: None });
                self.look(sending);
            }
            Err(_) if hedge => {
                self.users[user].sendings.pop();
            }
            Err(_) => {
                self.users[user].sendings.pop();
                self.refused(user);
            }
        }
    }

    fn refused(&mut self, user: usize) {
        self.users[user].fate.refused += 1;
        self.again(user);
    }

    /// This attempt is over; perhaps there is another one.
    fn again(&mut self, user: usize) {
        self.users[user].trying = false;
        let attempt = self.users[user].attempt;
        for n in std::mem::take(&mut self.users[user].sendings) {
            // The node goes on working on what was left there.
            self.sendings[n].ticket = None;
            self.sendings[n].place = None;
        }
        if attempt < self.world.attempts {
            self.at(self.now + self.world.again_us, Event::Comes(user));
        }
    }

    fn look(&mut self, sending: usize) {
        let waker = Waker::from(Arc::new(Tell(sending, self.told.clone())));
        let Some(ticket) = &mut self.sendings[sending].ticket else { return };
        let Some(ended) = ticket.take(Some(&waker)) else { return };
        self.sendings[sending].ticket = None;
        match ended {
            wait::Ended::Place(place) => self.send(sending, place),
            wait::Ended::No(_) => self.refused(self.sendings[sending].user),
            wait::Ended::Moved { .. } => unreachable!("no reload here"),
        }
    }

    fn send(&mut self, sending: usize, mut place: Place) {
        let node = place.node().id().0 as usize;
        let user = self.sendings[sending].user;
        let kind = self.world.kinds[self.users[user].fate.kind];
        if self.origins[node].down {
            place.failed(Failure::Connect, self.instant());
            drop(place);
            return self.ask(user, None);
        }
        if kind.hedged
            && !self.sendings[sending].hedge
            && let Some(after) = self.pool.hedge_after(kind.route)
        {
            self.at(self.now + after.as_micros() as u64, Event::Hedge(sending));
        }
        self.sendings[sending].place = Some((place, self.now));
        let origin = &mut self.origins[node];
        if origin.busy < self.world.nodes[node].slots {
            origin.busy += 1;
            self.work(node, sending);
        } else {
            origin.queue.push_back(sending);
        }
    }

    fn work(&mut self, node: usize, sending: usize) {
        let kind = self.world.kinds[self.users[self.sendings[sending].user].fate.kind];
        let wobble = 0.8 + 0.4 * self.roll();
        let slowed = self.world.slowed.filter(|(from, until, _)| (*from..*until).contains(&self.now));
        let takes =
            kind.service_us as f64 * self.world.nodes[node].slow * wobble * slowed.map_or(1.0, |s| s.2);
        let life = self.origins[node].life;
        let mut done = self.now + takes as u64;
        let frozen = self.world.frozen.iter().find(|(from, until)| (*from..*until).contains(&done));
        if let Some((_, until)) = frozen.copied() {
            // Afterwards everybody wants the processor at once.
            done = until + (self.roll() * 30_000.0) as u64;
        }
        self.at(done, Event::Done(node, sending, life));
    }

    fn done(&mut self, node: usize, sending: usize) {
        match self.origins[node].queue.pop_front() {
            Some(next) => self.work(node, next),
            None => self.origins[node].busy -= 1,
        }
        let now = self.instant();
        if let Some((mut place, sent)) = self.sendings[sending].place.take() {
            place.answered(200, Duration::from_micros(self.now - sent), now);
            drop(place);
            let (user, attempt) = (self.sendings[sending].user, self.sendings[sending].attempt);
            let u = &mut self.users[user];
            if u.trying && u.attempt == attempt {
                u.trying = false;
                u.fate.served_us = Some(self.now);
                for n in std::mem::take(&mut self.users[user].sendings) {
                    self.sendings[n].ticket = None;
                    self.sendings[n].place = None;
                }
            }
        }
    }

    fn hedge(&mut self, sending: usize) {
        let Some((place, _)) = &self.sendings[sending].place else { return };
        let node = place.node().id();
        let up = self.pool.nodes().iter().any(|n| n.id() != node && n.state().is(State::Up));
        if up && self.pool.may_repeat(self.instant()) {
            self.hedges += 1;
            self.ask(self.sendings[sending].user, Some(node));
        }
    }

    /// Requests at a node that was thrown out: those that may be repeated are, the others wait on.
    fn abandoned(&mut self) {
        for n in 0..self.sendings.len() {
            let s = &self.sendings[n];
            let Some((place, _)) = &s.place else { continue };
            let kind = self.world.kinds[self.users[s.user].fate.kind];
            if place.node().state().is(State::Down) && kind.hedged {
                self.sendings[n].place = None;
                let user = self.sendings[n].user;
                if self.users[user].trying && self.pool.may_repeat(self.instant()) {
                    self.ask(user, None);
                }
            }
        }
    }
}

/// The figures of experiment C.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Overload {
    pub spike: usize,
    pub spike_users: usize,
    pub after: usize,
    pub after_users: usize,
    pub normal_at_ms: u64,
    pub refused_before: usize,
}

pub(super) fn figures(fates: &[Fate]) -> Overload {
    let in_time = |f: &&Fate| f.served_us.is_some_and(|s| s - f.due_us <= S);
    let due = |from: u64, until: u64| fates.iter().filter(move |f| f.due_us >= from && f.due_us < until);
    let normal = (100..350).find(|tenth| {
        // From then on all are served in time.
        due(tenth * S / 10, 35 * S).all(|f| in_time(&f))
    });
    Overload {
        spike: due(5 * S, 10 * S).filter(in_time).count(),
        spike_users: due(5 * S, 10 * S).count(),
        after: due(10 * S, 35 * S).filter(|f| f.served_us.is_some()).count(),
        after_users: due(10 * S, 35 * S).count(),
        normal_at_ms: normal.unwrap_or(u64::MAX / 1_000) * 100,
        refused_before: due(0, 5 * S).filter(|f| f.refused > 0 || !in_time(f)).count(),
    }
}

fn two(slots: usize) -> Vec<NodeIs> {
    vec![NodeIs { slots, slow: 1.0 }; 2]
}

fn capacity(nodes: &[NodeIs], service_us: u64) -> f64 {
    nodes.iter().map(|n| n.slots as f64 * 1e6 / service_us as f64 / n.slow).sum()
}

/// Runs experiment C and holds it to the figures; `spike` is the share of what the nodes can do at best.
fn hold(name: &str, nodes: &[NodeIs], kinds: &[Kind], (spike, after, normal_at_ms): (f64, f64, u64)) {
    let mean = kinds.iter().map(|k| k.share * k.service_us as f64).sum::<f64>();
    let can = capacity(nodes, mean as u64);
    for seed in 1..=if can > 1_000.0 { 1 } else { 5 } {
        let world =
            World { kinds: kinds.to_vec(), ..World::overload(nodes.to_vec(), mean as u64, can, seed) };
        let (fates, run) = world.run();
        let f = figures(&fates);
        let share = f.spike as f64 / (5.0 * can);
        let late = run.limits.iter().rev().find(|l| l.0 <= 9_900 * MS).map(|l| l.1.clone());
        let said = format!("{name}, seed {seed}: {share:.3} of what can be done, {f:?}, limits {late:?}");
        println!("{said}");
        assert!(share >= spike, "{said}");
        assert!(f.after as f64 >= after * f.after_users as f64, "{said}");
        assert!(f.normal_at_ms <= normal_at_ms, "{said}");
        assert_eq!(f.refused_before, 0, "{said}");
    }
}

/// Experiment C's goals: of what can be done in the spike, of the users after it, back to normal.
const GOOD: (f64, f64, u64) = (0.95, 0.998, 11_000);

fn one_kind(service_us: u64) -> Vec<Kind> {
    vec![Kind { route: 1, service_us, share: 1.0, hedged: false }]
}

#[test]
fn experiment_c_the_overload_ends_with_its_cause_and_no_number_is_configured() {
    hold("4 × 40 ms", &two(4), &one_kind(40 * MS), GOOD);
}

#[test]
fn experiment_c_with_other_nodes() {
    hold("4 × 5 ms", &two(4), &one_kind(5 * MS), GOOD);
    hold("1 × 20 ms", &two(1), &one_kind(20 * MS), GOOD);
    hold("50 × 40 ms", &two(50), &one_kind(40 * MS), GOOD);
    // A quarter of the spike is over before the first slow answer can be seen.
    hold("4 × 200 ms", &two(4), &one_kind(200 * MS), (0.68, 0.99, 13_200));
}

#[test]
fn experiment_c_with_one_node_twice_as_fast() {
    let nodes = [NodeIs { slots: 4, slow: 0.5 }, NodeIs { slots: 4, slow: 1.0 }];
    hold("4 × 20 and 40 ms", &nodes, &one_kind(40 * MS), GOOD);
}

#[test]
fn experiment_c_with_fast_and_slow_paths() {
    let kinds = [
        Kind { route: 1, service_us: 10 * MS, share: 0.8, hedged: false },
        Kind { route: 2, service_us: 160 * MS, share: 0.2, hedged: false },
    ];
    // Where quick and slow paths share a node, it takes longer to be sure of anything.
    hold("10 and 160 ms", &two(4), &kinds, (0.88, 0.995, 11_500));
}

#[test]
fn experiment_b_a_stalled_node_is_hardly_felt() {
    for seed in 1..=5 {
        let kinds = vec![
            Kind { route: 1, service_us: 40 * MS, share: 0.8, hedged: true },
            Kind { route: 2, service_us: 40 * MS, share: 0.2, hedged: false },
        ];
        let world = World {
            kinds,
            rates: vec![(0, 300.0)],
            end_us: 14 * S,
            patience_us: 12 * S,
            attempts: 1,
            stopped: Some((4 * S, 10 * S)),
            ..World::overload(two(100), 40 * MS, 300.0, seed)
        };
        let (fates, run) = world.run();
        let took = |f: &Fate| f.served_us.map_or(u64::MAX, |s| s - f.due_us);
        let window: Vec<&Fate> = fates.iter().filter(|f| (3_900 * MS..10 * S).contains(&f.due_us)).collect();
        let gets = window.iter().filter(|f| f.kind == 0).map(|f| took(f)).max().unwrap_or(0);
        let late = window.iter().filter(|f| took(f) > 500 * MS).count();
        let unserved = fates.iter().filter(|f| f.served_us.is_none()).count();
        let said = format!(
            "seed {seed}: {} requests, slowest GET {} ms, {late} over 0.5 s, {} hedges, {unserved} unserved",
            window.len(),
            gets / MS,
            run.hedges
        );
        println!("{said}");
        assert!(gets < 500 * MS && late <= 20 && unserved == 0, "{said}");
    }
}

#[test]
fn experiment_a_both_nodes_are_killed_and_everybody_waits_no_longer_than_that() {
    for slots in [8, 100] {
        for seed in 1..=5 {
            let world = World {
                kinds: one_kind(40 * MS),
                rates: vec![(0, 300.0)],
                end_us: 14 * S,
                patience_us: 12 * S,
                attempts: 1,
                killed: Some((4 * S, 7 * S)),
                ..World::overload(two(slots), 40 * MS, 300.0, seed)
            };
            let (fates, _) = world.run();
            let unserved = fates.iter().filter(|f| f.served_us.is_none()).count();
            let worst = fates.iter().filter_map(|f| Some(f.served_us? - f.due_us)).max().unwrap_or(0);
            let said = format!("{slots} slots, seed {seed}: {unserved} unserved, worst {} ms", worst / MS);
            println!("{said}");
            let most = if slots == 100 { 3_100 } else { 3_110 };
            assert!(unserved == 0 && worst <= most * MS, "{said}");
        }
    }
}

#[test]
fn a_busy_machine_that_stands_still_for_moments_is_no_overload() {
    for pause in [50, 100, 200, 400, 700, 900] {
        for seed in 1..=5 {
            let frozen = (1..12).map(|n| (n * 2 * S, n * 2 * S + pause * MS)).collect();
            let world = World {
                rates: vec![(0, 300.0)],
                end_us: 26 * S,
                attempts: 1,
                frozen,
                ..World::overload(two(100), 40 * MS, 300.0, seed)
            };
            let (fates, run) = world.run();
            let refused = fates.iter().filter(|f| f.served_us.is_none()).count();
            let worst = fates.iter().filter_map(|f| Some(f.served_us? - f.due_us)).max().unwrap_or(0);
            let least = run.limits.iter().flat_map(|l| l.1.clone()).min();
            let said = format!(
                "{pause} ms, seed {seed}: {refused} unserved, worst {} ms, least {least:?}",
                worst / MS
            );
            println!("{said}");
            assert!(refused == 0 && worst <= (pause + 300) * MS, "{said}");
        }
    }
}

#[test]
fn a_machine_that_is_slow_for_a_while_is_hardly_taken_for_an_overload() {
    for (times, served) in [(2.0, 0.93), (3.0, 0.88), (6.0, 0.6)] {
        for seed in 1..=5 {
            let world = World {
                rates: vec![(0, 300.0)],
                end_us: 20 * S,
                attempts: 1,
                slowed: Some((5 * S, 10 * S, times)),
                ..World::overload(two(100), 40 * MS, 300.0, seed)
            };
            let (fates, run) = world.run();
            let then = || fates.iter().filter(|f| (5 * S..10 * S).contains(&f.due_us));
            let share = then().filter(|f| f.served_us.is_some()).count() as f64 / then().count() as f64;
            let later = fates.iter().filter(|f| f.due_us >= 10 * S && f.served_us.is_none()).count();
            let least = run.limits.iter().flat_map(|l| l.1.clone()).min();
            let said = format!(
                "{times} times, seed {seed}: {share:.3} served, {later} unserved after it, least {least:?}"
            );
            println!("{said}");
            assert!(share >= served && later == 0, "{said}");
        }
    }
}
