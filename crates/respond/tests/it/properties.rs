//! What holds whatever happens: random services, verdicts, commands, waits, restarts and clock jumps.

use crate::room::{Room, about, id, secs};
use proptest::prelude::*;
use std::{collections::HashMap, time::Duration};
use stillhere_model::*;
use stillhere_respond::{Input, next_wake};

#[derive(Debug, Clone)]
enum Event {
    See(Vec<(usize, usize)>),
    Wait(u64),
    Restart(u64),
    Jump(i64),
    OpenByHand(usize, usize),
    Update(usize, usize, usize),
    Resolve(usize),
    CorrectStart(usize, i64),
    CorrectEnd(usize, i64),
    Uplink(bool),
    Acknowledge(usize),
}

const SERVICES: [&str; 8] =
    ["router", "host: router", "db: host", "a: host db", "b: host", "c: host", "x", "y: x"];

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => prop::collection::vec((0..8_usize, 0..6_usize), 1..5).prop_map(Event::See),
        6 => (1..90_u64).prop_map(Event::Wait),
        1 => (90..4000_u64).prop_map(Event::Wait),
        1 => (1..2000_u64).prop_map(Event::Restart),
        1 => (-4_000_000..4_000_000_i64).prop_map(Event::Jump),
        1 => (0..8_usize, 0..6_usize).prop_map(|(s, st)| Event::OpenByHand(s, st)),
        1 => (0..9_usize, 0..8_usize, 0..6_usize).prop_map(|(i, s, st)| Event::Update(i, s, st)),
        1 => (0..9_usize).prop_map(Event::Resolve),
        1 => (0..9_usize, -2_000_000..2_000_000_i64).prop_map(|(i, by)| Event::CorrectStart(i, by)),
        1 => (0..9_usize, -2_000_000..2_000_000_i64).prop_map(|(i, by)| Event::CorrectEnd(i, by)),
        1 => any::<bool>().prop_map(Event::Uplink),
        1 => (0..9_usize).prop_map(Event::Acknowledge),
    ]
}

fn name(at: usize) -> &'static str {
    SERVICES[at].split(':').next().expect("a name")
}

fn pick(r: &Room, at: usize) -> Option<Incident> {
    r.incidents.values().nth(at % r.incidents.len().max(1)).cloned()
}

fn carry_out(r: &mut Room, event: Event) {
    match event {
        Event::See(list) => {
            let mut changes: Vec<(&str, Status)> = Vec::new();
            for (s, st) in list {
                let (s, status) = (name(s), Status::ALL[st]);
                let same = r.verdicts.get(&id(s)).is_some_and(|v| v.status == status);
                if !same && changes.iter().all(|c| c.0 != s) {
                    changes.push((s, status));
                }
            }
            r.see(&changes);
        }
        Event::Wait(s) => r.tick_for(secs(s)),
        Event::Restart(s) => r.restart(secs(s)),
        Event::Jump(by_ms) => {
            r.now = Moment::new(Time(r.now.wall.0 + by_ms), r.now.mono_ms);
            r.input(Input::ClockJumped { by_ms });
        }
        Event::OpenByHand(s, st) => {
            let services = [(name(s), Status::ALL[st])];
            let _ = r.command(crate::commands::open_by_hand(&services));
        }
        Event::Update(i, s, st) => {
            let Some(i) = pick(r, i) else { return };
            let _ = r.command(Command::UpdateIncident {
                incident: i.id,
                text: "words".into(),
                status: (st < 3).then_some(IncidentStatus::Monitoring),
                title: None,
                services: if st == 5 { Vec::new() } else { vec![(id(name(s)), Status::ALL[st])] },
                next_update_by: None,
            });
        }
        Event::Resolve(i) => {
            let Some(i) = pick(r, i) else { return };
            let _ = r.command(Command::ResolveIncident { incident: i.id, text: None });
        }
        Event::CorrectStart(i, by) => {
            let Some(i) = pick(r, i) else { return };
            let started_at = Some(Time(i.started_at.0 + by));
            correct(r, i.id, started_at, None);
        }
        Event::CorrectEnd(i, by) => {
            let Some(i) = pick(r, i) else { return };
            let resolved_at = i.resolved_at.map(|t| Time(t.0 + by));
            correct(r, i.id, None, resolved_at);
        }
        Event::Acknowledge(i) => {
            let Some(i) = pick(r, i) else { return };
            let _ = r.command(Command::AcknowledgeIncident { incident: i.id });
        }
        Event::Uplink(up) => {
            r.input(Input::Uplink { up });
        }
    }
}

fn correct(r: &mut Room, incident: IncidentId, started_at: Option<Time>, resolved_at: Option<Time>) {
    let _ =
        r.command(Command::CorrectIncident { incident, started_at, resolved_at, update: None, note: None });
}

/// Holds after every event.
fn check(r: &Room, before: &HashMap<IncidentId, Vec<Update>>) {
    let mut holds: HashMap<&ServiceId, IncidentId> = HashMap::new();
    for i in r.incidents.values() {
        if let Some(old) = before.get(&i.id) {
            assert_eq!(&i.updates[..old.len()], &old[..], "updates are only appended to");
        }
        for a in i.affected.iter().filter(|a| i.status.is_open() && a.until.is_none()) {
            let other = holds.insert(&a.service, i.id);
            assert_eq!(other, None, "{} is in two open incidents", a.service);
        }
        assert_eq!(i.status.is_open(), i.resolved_at.is_none());
        assert!(i.resolved_at.is_none_or(|end| end >= i.started_at), "negative duration: {i:#?}");
        for a in &i.affected {
            assert!(a.until.is_none_or(|until| until >= a.since), "negative stretch: {a:?}");
        }
        for p in &i.promises {
            let ends = [p.kept_at, p.missed_at, p.withdrawn.map(|w| w.at)];
            assert!(ends.iter().flatten().count() <= 1, "ended twice: {p:?}");
            assert!(p.nags as usize <= r.policy.nag_at.len(), "nagged too often: {p:?}");
        }
        assert!(i.called_again <= stillhere_respond::CALLS_MAX);
        let unscored = |p: &&Promise| p.is_open();
        let open: Vec<_> = i.promises.iter().filter(unscored).collect();
        assert!(open.len() <= usize::from(i.status.is_open()), "{open:?}");
        assert_eq!(open.first().copied(), i.open_promise());
        for u in &i.updates {
            assert!(u.changed.len() <= SERVICES.len());
        }
    }
    for a in &r.amendments {
        assert!(a.from < a.until);
    }
}

/// Holds at the end of a run.
fn check_told(r: &Room) {
    let mut occasions: HashMap<(&Occasion, Audience), u32> = HashMap::new();
    // What is about ourselves is told apart by its time, which comes twice when the clock is set back.
    for a in r.announced.iter().filter(|a| !a.withdrawn && about(&a.occasion).is_some()) {
        *occasions.entry((&a.occasion, a.audience)).or_default() += 1;
    }
    for (o, n) in occasions {
        assert_eq!(n, 1, "announced twice: {o:?}");
    }
    for i in r.incidents.values() {
        for audience in [Audience::Public, Audience::Staff] {
            let opened = r.announced.iter().filter(|a| {
                a.audience == audience
                    && !a.withdrawn
                    && matches!(a.occasion, Occasion::IncidentOpened { incident, .. } if incident == i.id)
            });
            let merged = i.updates.iter().any(|u| matches!(u.said, Said::MergedInto { .. }));
            let n = opened.count();
            assert!(
                n == 1 || (n == 0 && merged && audience == Audience::Staff),
                "{n} times to {audience:?}: {i:#?}"
            );
        }
    }
    // No promise is silently dropped: each that was made is in its incident, and ended as the journal says it did.
    let (mut made, mut kept, mut missed, mut withdrawn, mut taken) = (0, 0, 0, 0, 0);
    for e in &r.journal {
        match e {
            Entry::PromiseMade { .. } => made += 1,
            Entry::PromiseKept { .. } => kept += 1,
            Entry::PromiseMissed { .. } => missed += 1,
            Entry::PromiseWithdrawn { .. } => withdrawn += 1,
            Entry::Acknowledged { .. } => taken += 1,
            _ => {}
        }
    }
    let promises = || r.incidents.values().flat_map(|i| &i.promises);
    assert_eq!(promises().count(), made);
    assert_eq!(promises().filter(|p| p.kept_at.is_some()).count(), kept);
    assert_eq!(promises().filter(|p| p.missed_at.is_some()).count(), missed);
    assert_eq!(promises().filter(|p| p.withdrawn.is_some()).count(), withdrawn);
    assert_eq!(promises().filter(|p| p.is_open()).count(), made - kept - missed - withdrawn);
    let of_open = r.incidents.values().filter(|i| i.status.is_open()).flat_map(|i| i.promises.last());
    assert_eq!(
        of_open.filter(|p| p.is_open()).count(),
        made - kept - missed - withdrawn,
        "left open in what is over"
    );
    assert_eq!(r.incidents.values().map(|i| i.acknowledgements.len()).sum::<usize>(), taken);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn invariants_hold_whatever_happens(events in prop::collection::vec(event(), 1..60)) {
        let mut r = Room::new(&SERVICES);
        for e in events {
            let before = r.incidents.iter().map(|(id, i)| (*id, i.updates.clone())).collect();
            carry_out(&mut r, e);
            check(&r, &before);
            let stored: Vec<_> = r.open().into_iter().cloned().collect();
            let mut held: Vec<_> = r.state.open().cloned().collect();
            held.sort_by_key(|i| i.id);
            prop_assert_eq!(stored, held, "what is stored is what is held");
        }
        // Everything is good for long: nothing automatic is left open.
        let all: Vec<_> = (0..8).map(|s| (name(s), Status::Operational)).collect();
        r.see(&all);
        for _ in 0..12 {
            r.tick_for(secs(61));
        }
        for i in r.open() {
            prop_assert!(i.by_hand || i.affected.iter().any(|a| a.declared), "left open: {i:#?}");
        }
        check_told(&r);
    }

    #[test]
    fn a_tick_is_never_needed_before_it_is_asked_for(events in prop::collection::vec(event(), 1..25)) {
        let mut r = Room::new(&SERVICES);
        for e in events {
            carry_out(&mut r, e);
            r.input(Input::Tick);
            let wake = next_wake(&r.state, &r.policy, r.now);
            for _ in 0..20 {
                r.pass(Duration::from_millis(1700));
                if wake.is_some_and(|w| w <= r.now.wall) {
                    break;
                }
                let step = r.input(Input::Tick);
                prop_assert_eq!(step.effects, vec![], "before {:?} at {}", wake, r.now.wall);
            }
        }
    }
}
