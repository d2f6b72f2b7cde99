//! What was written comes back, and the timeline says what was decided.

use crate::kit::{T0, at, incident, incident_id, look, shared, store, verdict};
use stillhere_model::{Amendment, CheckId, Entry, IncidentStatus, Outcome, ServiceId, Status, Time};
use stillhere_store::{Segment, Store, Write};

async fn segments(store: &Store) -> Vec<(i64, Option<i64>, Status)> {
    let all = store.segments(at(-1_000_000), at(1_000_000)).await.unwrap();
    all.into_iter().map(|s: Segment| (s.from.0 - T0.0, s.until.map(|t| t.0 - T0.0), s.status)).collect()
}

#[tokio::test]
async fn everything_of_one_decision_is_there_after_a_restart() {
    let (dir, store) = store().await;
    let open = incident(1, IncidentStatus::Investigating);
    let over = incident(2, IncidentStatus::Resolved);
    let change = verdict("shop", None, Status::MajorOutage, at(0));
    let entry = Entry::Started { version: "1".to_owned() };
    let w = Write {
        observations: vec![look("shop/http", at(0), Outcome::Down, 900)],
        verdicts: vec![change.clone()],
        incidents: vec![open.clone(), over.clone()],
        journal: vec![(at(5), entry.clone())],
        gaps: vec![(at(-500), at(-100))],
        push: vec![(CheckId::new("shop/backup"), "{}".to_owned())],
        alive_at: Some(at(7)),
        seq: Some(42),
        ..Write::default()
    };
    store.commit(&w).await.unwrap();
    drop(store);
    let store = Store::open(dir.path(), at(100)).await.unwrap();
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.verdicts, [change.now]);
    assert_eq!(loaded.open, std::slice::from_ref(&open));
    assert_eq!(loaded.resolved, std::slice::from_ref(&over));
    assert_eq!((loaded.epoch, loaded.seq, loaded.alive_at, loaded.created_at), (1, 42, Some(at(7)), T0));
    assert_eq!(loaded.push, [(CheckId::new("shop/backup"), "{}".to_owned())]);
    assert_eq!(store.gaps(at(-1000), at(0)).await.unwrap(), [(at(-500), at(-100))]);
    let journal = store.journal(0, 10).await.unwrap();
    assert_eq!(journal.iter().map(|r| (r.seq, r.at, &r.entry)).collect::<Vec<_>>(), [(1, at(5), &entry)]);
    assert_eq!(store.incidents(None, 10).await.unwrap(), [over.clone(), open.clone()]);
    assert_eq!(store.incidents(Some(over.id), 10).await.unwrap(), std::slice::from_ref(&open));
    assert_eq!(store.incident(incident_id(1)).await.unwrap(), Some(open));
    let looks = store.looks(&CheckId::new("shop/http"), at(-10), at(10), 5).await.unwrap();
    assert_eq!(looks, w.observations);
}

#[tokio::test]
async fn an_incident_written_again_replaces_itself() {
    let (_dir, store) = store().await;
    for status in [IncidentStatus::Investigating, IncidentStatus::Resolved] {
        store.commit(&Write { incidents: vec![incident(1, status)], ..Write::default() }).await.unwrap();
    }
    let loaded = store.load().await.unwrap();
    assert_eq!((loaded.open.len(), loaded.resolved.len()), (0, 1));
}

#[tokio::test]
async fn each_segment_ends_where_the_next_begins() {
    let (_dir, store) = store().await;
    for (before, status, since) in [
        (None, Status::Operational, 0),
        (Some(Status::Operational), Status::MajorOutage, 50_000),
        // the same status for another reason is no new segment
        (Some(Status::MajorOutage), Status::MajorOutage, 60_000),
        (Some(Status::MajorOutage), Status::Operational, 90_000),
    ] {
        let w = Write { verdicts: vec![verdict("shop", before, status, at(since))], ..Write::default() };
        store.commit(&w).await.unwrap();
    }
    assert_eq!(
        segments(&store).await,
        [
            (0, Some(50_000), Status::Operational),
            (50_000, Some(90_000), Status::MajorOutage),
            (90_000, None, Status::Operational),
        ]
    );
}

#[tokio::test]
async fn a_back_dated_decision_overrules_what_was_decided_before_about_that_time() {
    let (dir, store) = store().await;
    for (status, since) in [
        (Status::Operational, 0),
        (Status::DegradedPerformance, 50_000),
        (Status::Operational, 60_000),
        (Status::MajorOutage, 40_000),
    ] {
        let w = Write { verdicts: vec![verdict("shop", None, status, at(since))], ..Write::default() };
        store.commit(&w).await.unwrap();
    }
    assert_eq!(
        segments(&store).await,
        [(0, Some(40_000), Status::Operational), (40_000, None, Status::MajorOutage)]
    );
    // a service that is no longer watched has no open end
    let w = Write { retired: vec![(ServiceId::new("shop"), at(70_000))], ..Write::default() };
    store.commit(&w).await.unwrap();
    assert_eq!(segments(&store).await.last(), Some(&(40_000, Some(70_000), Status::MajorOutage)));
    assert!(shared(&dir).await.load().await.unwrap().verdicts.is_empty());
}

#[tokio::test]
async fn case_k_amendments_come_back_in_the_order_they_were_made() {
    let (_dir, store) = store().await;
    let amendment = |from: i64, made: i64| Amendment {
        service: ServiceId::new("shop"),
        from: at(from),
        until: at(10_000),
        status: Status::MajorOutage,
        incident: incident_id(1),
        made_at: at(made),
    };
    let (first, second) = (amendment(5_000, 20_000), amendment(1_000, 30_000));
    for a in [&first, &second] {
        store.commit(&Write { amendments: vec![a.clone()], ..Write::default() }).await.unwrap();
    }
    assert_eq!(store.amendments(at(0), at(99_999)).await.unwrap(), [first, second]);
    assert_eq!(store.amendments(at(10_000), at(99_999)).await.unwrap(), []);
}

#[tokio::test]
async fn the_last_looks_of_a_check_come_newest_first_and_bounded() {
    let (_dir, store) = store().await;
    for batch in 0..10 {
        let observations = (0..20)
            .map(|i| {
                let check = if i % 2 == 0 { "a/http" } else { "b/http" };
                look(check, at(batch * 1000 + i), Outcome::Up, 1000)
            })
            .collect();
        store.commit(&Write { observations, ..Write::default() }).await.unwrap();
    }
    let looks = store.looks(&CheckId::new("b/http"), at(0), at(9_500), 13).await.unwrap();
    let times: Vec<Time> = looks.iter().map(|o| o.at).collect();
    assert_eq!(times.len(), 13);
    assert_eq!(times[0], at(9_019));
    assert!(times.windows(2).all(|w| w[0] > w[1]), "{times:?}");
    assert!(store.looks(&CheckId::new("never/seen"), at(0), at(1), 5).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_journal_is_read_backwards_a_page_at_a_time_and_only_so_far_for_one_answer() {
    let (_dir, store) = store().await;
    // Every tenth one is sought; there are more than one answer looks at.
    let entries: Vec<_> = (1..=6_000_i64).map(|n| (at(n), Entry::ClockJumped { by_ms: n % 10 })).collect();
    store.commit(&Write { journal: entries, ..Write::default() }).await.unwrap();
    let sought = |e: &Entry| *e == Entry::ClockJumped { by_ms: 0 };

    let first = store.journal_back(None, 3, sought).await.unwrap();
    assert_eq!(first.rows.iter().map(|r| r.seq).collect::<Vec<_>>(), [6_000, 5_990, 5_980]);
    assert_eq!(first.looked_to, Some((5_980, at(5_980))));
    let second = store.journal_back(Some(5_980), 1, sought).await.unwrap();
    assert_eq!(second.rows[0].seq, 5_970);

    let nothing = store.journal_back(None, 3, |_| false).await.unwrap();
    assert_eq!((nothing.rows, nothing.looked_to), (Vec::new(), Some((1_001, at(1_001)))));
    let rest = store.journal_back(Some(1_001), 1_000, sought).await.unwrap();
    assert_eq!((rest.rows.len(), rest.looked_to), (100, None), "the beginning was reached");
    assert_eq!(store.journal_back(Some(1), 10, |_| true).await.unwrap().rows, []);
    assert_eq!(store.journal_back(Some(u64::MAX), 1, |_| true).await.unwrap().rows[0].seq, 6_000);
}
