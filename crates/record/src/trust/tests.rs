use super::*;
use crate::{Fact, Services, Voice};
use serde_json::{Value, json};
use stillhere_model::{IncidentStatus, Mint, PreventionId, Status, UpdateId};

/// 2026-11-22T10:00:00Z
const T0: i64 = 1_795_341_600_000;
const MIN: i64 = 60_000;

/// A log in the making; times in minutes after [`T0`].
#[derive(Default)]
struct Log(Vec<Option<Entry>>);

fn id(n: u64) -> IncidentId {
    IncidentId(Mint::new(n).uuid(Time(T0)))
}

fn t(min: i64) -> Time {
    Time(T0 + min * MIN)
}

impl Log {
    fn new() -> Log {
        let mut log = Log::default();
        log.put(0, Fact::LogOpened { origin: "x".into(), continues: None });
        log
    }
    fn put(&mut self, min: i64, fact: Fact) -> &mut Log {
        self.0.push(Some(Entry { at: t(min), fact }));
        self
    }
    fn verdict(&mut self, min: i64, now: Status, since: i64) -> &mut Log {
        let why = "checks_down".to_owned();
        self.put(min, Fact::Verdict { service: "shop".into(), before: None, now, since: t(since), why })
    }
    fn opened(&mut self, n: u64, min: i64, started: i64, by: Voice) -> &mut Log {
        let services: Services = [ServiceId::new("shop")].into_iter().collect();
        self.put(
            min,
            Fact::IncidentOpened {
                incident: id(n),
                services,
                impact: Impact::Major,
                status: IncidentStatus::Investigating,
                started_at: t(started),
                opened_at: t(min),
                seen_since: None,
                by,
                title: Default::default(),
            },
        )
    }
    fn said(&mut self, n: u64, min: i64, said: Value, started: i64, over: Option<i64>) -> &mut Log {
        let update = UpdateId(Mint::new(self.0.len() as u64).uuid(t(min)));
        self.put(
            min,
            Fact::Update {
                incident: id(n),
                update,
                status: IncidentStatus::Identified,
                impact: Impact::Major,
                started_at: t(started),
                resolved_at: over.map(t),
                by: Voice::Person,
                said,
                next_update_by: None,
            },
        )
    }
    /// Opened and told at `told`, over at `over`, which is said then.
    fn whole(&mut self, n: u64, started: i64, told: i64, over: i64) -> &mut Log {
        self.opened(n, told, started, Voice::Automatic).said(
            n,
            told,
            json!({ "kind": "opened" }),
            started,
            None,
        );
        self.said(n, over.max(told), json!({ "kind": "resolved" }), started, Some(over))
    }
    fn report(&self) -> Report {
        let log = Checkpoint { origin: "x".into(), size: self.0.len() as u64, root: crate::Hash::empty() };
        Report::new(&self.0, &log, None)
    }
}

#[test]
fn case_k_a_start_that_is_corrected_to_earlier_changes_every_figure_and_is_visible() {
    let mut log = Log::new();
    log.verdict(0, Status::Operational, 0).verdict(61, Status::MajorOutage, 60);
    log.opened(1, 61, 60, Voice::Automatic).said(1, 61, json!({ "kind": "opened" }), 60, None);
    log.verdict(92, Status::Operational, 90).said(1, 92, json!({ "kind": "resolved" }), 60, Some(90));
    let before = log.report();
    assert_eq!((before.incidents[0].detect_ms, before.incidents[0].tell_ms), (Some(MIN), Some(MIN)));
    let honesty = before.figures.honesty.unwrap();
    assert_eq!((honesty.said_fine_ms, honesty.said_broken_ms), (MIN, 2 * MIN));
    assert_eq!(before.incidents[0].started_at_first, None);

    log.put(
        200,
        Fact::Amended {
            incident: id(1),
            service: "shop".into(),
            from: t(40),
            until: t(60),
            status: Status::MajorOutage,
        },
    );
    log.said(1, 200, json!({ "kind": "start_corrected", "from": t(60), "to": t(40) }), 40, Some(90));
    let after = log.report();
    let line = &after.incidents[0];
    assert_eq!((line.detect_ms, line.tell_ms), (Some(21 * MIN), Some(21 * MIN)));
    assert_eq!(
        (line.started_at, line.started_at_first),
        (t(40), Some(t(60))),
        "what was said first stays visible"
    );
    let honesty = after.figures.honesty.unwrap();
    assert_eq!((honesty.said_fine_ms, honesty.said_fine_longest_ms), (21 * MIN, 21 * MIN));
    assert_eq!(honesty.services[0].service.as_str(), "shop");
}

#[test]
fn the_first_word_is_measured_from_the_start_and_told_after_the_end_is_counted() {
    let mut log = Log::new();
    for n in 0..9 {
        let start = i64::try_from(n).unwrap() * 100;
        log.whole(n, start, start + 4, start + 50);
    }
    log.whole(9, 900, 990, 950);
    let figures = log.report().figures;
    let tell = figures.tell.unwrap();
    assert_eq!(
        (tell.n, tell.p50_ms, tell.p90_ms, tell.worst_ms),
        (10, Some(4 * MIN), Some(4 * MIN), Some(90 * MIN))
    );
    assert_eq!(figures.told_within_5m, Some(Share { n: 9, of: 10 }));
    assert_eq!(figures.told_after_end, Some(Share { n: 1, of: 10 }));
    assert_eq!(figures.found_by_person, Some(Share { n: 0, of: 10 }));
    assert_eq!(figures.longest_silence.unwrap().p50_ms, Some(46 * MIN));
    assert!(figures.promises_kept.is_none() && figures.eta_computed.is_none(), "no data, no figure");
}

#[test]
fn what_a_person_saw_first_is_no_detection_of_ours() {
    let mut log = Log::new();
    log.verdict(0, Status::Operational, 0).opened(1, 30, 10, Voice::Person);
    log.said(1, 30, json!({ "kind": "text" }), 10, None);
    log.verdict(105, Status::PartialOutage, 104).opened(2, 110, 100, Voice::Person).said(
        2,
        110,
        json!({ "kind": "text" }),
        100,
        None,
    );
    let r = log.report();
    assert_eq!(r.figures.found_by_person, Some(Share { n: 1, of: 2 }));
    assert_eq!(r.incidents.iter().map(|l| l.detect_ms).collect::<Vec<_>>(), [None, Some(5 * MIN)]);
}

#[test]
fn case_m_a_promise_is_kept_within_a_minute_and_a_notice_that_it_was_missed_keeps_nothing() {
    let mut log = Log::new();
    log.opened(1, 0, 0, Voice::Automatic).said(1, 0, json!({ "kind": "opened" }), 0, None);
    let promise = |log: &mut Log, min, due| {
        log.put(min, Fact::PromiseMade { incident: id(1), due: t(due) });
    };
    promise(&mut log, 0, 20);
    log.put(15, Fact::PromiseKept { incident: id(1), due: t(20), kept_at: t(15) });
    promise(&mut log, 15, 35);
    log.put(35, Fact::PromiseMissed { incident: id(1), due: t(35) });
    log.said(1, 35, json!({ "kind": "promise_missed" }), 0, None);
    promise(&mut log, 35, 55);
    log.put(55, Fact::PromiseMissed { incident: id(1), due: t(55) });
    log.said(1, 55, json!({ "kind": "promise_missed" }), 0, None);
    log.said(1, 56, json!({ "kind": "text" }), 0, None);
    promise(&mut log, 56, 76);
    let r = log.report();
    assert_eq!(r.figures.promises_kept, Some(Share { n: 2, of: 3 }), "the last one is still open");
    assert_eq!(r.incidents[0].longest_silence_ms, Some(56 * MIN), "missed promises are no words");
}

#[test]
fn case_l_a_time_that_passed_unmet_counts_against_the_record_while_the_incident_is_open() {
    let mut log = Log::new();
    let eta = |log: &mut Log, min, by: Option<i64>, from| {
        log.put(min, Fact::EtaShown { incident: id(1), by: by.map(t), half: None, from });
    };
    log.opened(1, 0, 0, Voice::Automatic).said(1, 0, json!({ "kind": "opened" }), 0, None);
    eta(&mut log, 0, Some(30), EtaFrom::Computed);
    eta(&mut log, 25, Some(60), EtaFrom::Computed);
    eta(&mut log, 40, Some(80), EtaFrom::Computed);
    eta(&mut log, 41, Some(90), EtaFrom::Person);
    log.put(61, Fact::EtaPassed { incident: id(1), by: t(60) });
    let open = log.report().figures;
    assert_eq!(open.eta_computed.as_ref().unwrap().late, Share { n: 2, of: 2 }, "the third is not known yet");
    assert!(open.eta_person.is_none());
    log.said(1, 75, json!({ "kind": "resolved" }), 0, Some(70));
    let over = log.report().figures;
    let computed = over.eta_computed.unwrap();
    assert_eq!(
        (computed.late, computed.off.n, computed.off.worst_ms),
        (Share { n: 2, of: 3 }, 3, Some(40 * MIN))
    );
    assert_eq!(computed.slipped_often, Share { n: 1, of: 1 });
    assert_eq!(over.eta_person.unwrap().late, Share { n: 0, of: 1 }, "people are scored apart");
}

#[test]
fn what_a_person_took_on_is_timed_from_its_opening_and_what_nobody_did_counts() {
    let mut log = Log::new();
    log.opened(1, 2, 0, Voice::Automatic).put(9, Fact::Acknowledged { incident: id(1) });
    log.put(30, Fact::Acknowledged { incident: id(1) }).whole(2, 100, 101, 110);
    log.opened(3, 200, 200, Voice::Person).put(201, Fact::Acknowledged { incident: id(3) });
    log.opened(4, 300, 300, Voice::Automatic);
    let f = log.report().figures;
    assert_eq!(
        f.acknowledge.map(|q| (q.n, q.worst_ms)),
        Some((1, Some(7 * MIN))),
        "the first one, from the opening"
    );
    assert_eq!(
        f.acknowledged,
        Some(Share { n: 1, of: 2 }),
        "the last is open, the third a person had from the start"
    );
    let mut log = Log::new();
    log.whole(1, 0, 1, 10);
    assert_eq!(log.report().figures.acknowledged, None, "nobody uses it here");
}

#[test]
fn what_was_to_be_done_counts_when_its_time_has_come() {
    let mut log = Log::new();
    log.whole(1, 0, 1, 10);
    let mut item = |n: u64, min, due, done: Option<i64>| {
        let prevention = PreventionId(Mint::new(n).uuid(t(0)));
        let what = Default::default();
        log.put(
            min,
            Fact::Prevention {
                incident: id(1),
                prevention,
                what,
                due: t(due),
                done_at: done.map(t),
                dropped_at: None,
            },
        );
    };
    item(1, 20, 100, None);
    item(2, 20, 50, None);
    item(3, 20, 500, None);
    item(1, 90, 100, Some(90));
    item(4, 95, 40, Some(95));
    assert_eq!(
        log.report().figures.prevented,
        Some(Share { n: 1, of: 3 }),
        "one in time, one late, one overdue, one not due"
    );
}

#[test]
fn a_promise_that_was_withdrawn_is_neither_kept_nor_missed() {
    let mut log = Log::new();
    log.opened(1, 0, 0, Voice::Automatic).put(0, Fact::PromiseMade { incident: id(1), due: t(20) });
    log.put(10, Fact::PromiseWithdrawn { incident: id(1), due: t(20) })
        .put(90, Fact::Gap { from: t(88), until: t(89) });
    assert_eq!(log.report().figures.promises_kept, None);
}

#[test]
fn case_b_what_nobody_could_see_counts_neither_as_said_nor_as_wrong() {
    let mut log = Log::new();
    log.verdict(0, Status::Operational, 0);
    log.put(50, Fact::Gap { from: t(20), until: t(50) });
    log.verdict(51, Status::MajorOutage, 40);
    log.put(60, Fact::Uplink { up: false }).put(70, Fact::Uplink { up: true });
    let h = log.report().figures.honesty.unwrap();
    assert_eq!(h.unseen_ms, 40 * MIN);
    assert_eq!(h.said_fine_ms, MIN, "from 50 to 51; the rest of it was in the gap");
    assert_eq!(h.known_ms, 30 * MIN);
}

#[test]
fn what_began_before_the_log_or_was_merged_or_lost_is_shown_and_not_counted() {
    let mut log = Log::new();
    log.whole(1, 10, 11, 30);
    log.opened(2, 40, 39, Voice::Automatic).said(2, 40, json!({ "kind": "merged_into" }), 39, Some(40));
    let Some(Entry { fact: Fact::IncidentOpened { opened_at, .. }, .. }) = log.0[1].as_mut() else {
        panic!()
    };
    *opened_at = t(-5);
    log.opened(3, 50, 50, Voice::Automatic);
    log.put(60, Fact::Restored { epoch: 2, back_to: 6 });
    let r = log.report();
    let out: Vec<_> = r.incidents.iter().map(|l| l.left_out).collect();
    assert_eq!(out, [Some(LeftOut::BeforeTheLog), Some(LeftOut::Merged), Some(LeftOut::Lost)]);
    assert!(r.figures.tell.is_none());
}

#[test]
fn the_same_log_gives_the_same_bytes_and_a_month_has_what_began_in_it() {
    let mut log = Log::new();
    log.verdict(0, Status::Operational, 0).whole(1, 10, 11, 30);
    let december = 9 * 24 * 60;
    log.whole(2, december, december + 2, december + 30);
    log.0.push(None);
    assert_eq!(log.report().bytes(), log.report().bytes());
    assert_eq!(log.report().unknown_entries, 1);
    let read: Report = serde_json::from_slice(&log.report().bytes()).unwrap();
    assert_eq!(read, log.report());
    let months = Report::months(&log.0);
    assert_eq!(months.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2026-11", "2026-12"]);
    let head = Checkpoint { origin: "x".into(), size: 1, root: crate::Hash::empty() };
    let of = |m: &str| Report::new(&log.0, &head, Some(m.parse().unwrap()));
    assert_eq!(of("2026-11").incidents.len(), 1);
    assert_eq!(of("2026-12").incidents[0].incident, id(2));
    assert_eq!(of("2026-11").until, Time::parse("2026-12-01T00:00:00Z").unwrap());
    assert_eq!(of("2026-11").from, t(0), "the log began then");
    assert_eq!(of("2027-01").incidents.len(), 0);
}
