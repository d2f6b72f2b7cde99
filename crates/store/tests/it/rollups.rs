//! Counting: nothing twice, nothing lost, over minutes, hours, restarts and jumps of the clock.

use crate::kit::{T0, at, look, store};
use std::time::Duration;
use stillhere_model::{CheckId, Outcome, Time};
use stillhere_store::{Level, Options, Retention, Rollup, Store, Write};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;

async fn write(store: &Store, at: Time, outcome: Outcome, us: u32) {
    let w = Write { observations: vec![look("shop/http", at, outcome, us)], ..Write::default() };
    store.commit(&w).await.unwrap();
}

async fn tick(store: &Store, now: Time) {
    store.commit(&Write { alive_at: Some(now), ..Write::default() }).await.unwrap();
}

async fn rollups(store: &Store, level: Level) -> Vec<Rollup> {
    store.rollups(&CheckId::new("shop/http"), level, at(-100 * HOUR), at(100 * HOUR)).await.unwrap()
}

fn counts(r: &Rollup) -> (i64, u64, u64, u64, u64) {
    (r.at.0 - T0.0, r.up, r.slow, r.down, r.unknown)
}

#[tokio::test]
async fn minutes_are_counted_when_they_are_over() {
    let (_dir, store) = store().await;
    write(&store, at(1_000), Outcome::Up, 1_000).await;
    write(&store, at(2_000), Outcome::Slow, 9_000).await;
    write(&store, at(3_000), Outcome::Down, 10).await;
    write(&store, at(MINUTE), Outcome::Unknown, 5).await;
    assert!(rollups(&store, Level::Minute).await.is_empty());
    tick(&store, at(3 * MINUTE)).await;
    tick(&store, at(3 * MINUTE + 200)).await;
    let got = rollups(&store, Level::Minute).await;
    assert_eq!(got.iter().map(counts).collect::<Vec<_>>(), [(0, 1, 1, 1, 0), (MINUTE, 0, 0, 0, 1)]);
    assert_eq!(got[0].latency.count(), 2, "a refused connection is no fast answer");
    let p100 = got[0].latency.quantile(1.0).unwrap();
    assert!((8_900..9_100).contains(&p100), "{p100}");
}

#[tokio::test]
async fn a_restart_in_the_middle_of_a_minute_counts_each_look_once() {
    let (dir, store) = store().await;
    write(&store, at(1_000), Outcome::Up, 1_000).await;
    write(&store, at(MINUTE + 1_000), Outcome::Up, 1_000).await;
    tick(&store, at(2 * MINUTE)).await; // writes the first minute; the second is still open
    drop(store);
    let store = Store::open(dir.path(), at(2 * MINUTE)).await.unwrap();
    write(&store, at(MINUTE + 30_000), Outcome::Up, 1_000).await;
    tick(&store, at(4 * MINUTE)).await;
    tick(&store, at(4 * MINUTE)).await;
    let got = rollups(&store, Level::Minute).await;
    assert_eq!(got.iter().map(counts).collect::<Vec<_>>(), [(0, 1, 0, 0, 0), (MINUTE, 2, 0, 0, 0)]);
}

#[tokio::test]
async fn case_r_looks_of_a_minute_that_was_written_are_added_to_it() {
    let (dir, store) = store().await;
    write(&store, at(1_000), Outcome::Up, 1_000).await;
    tick(&store, at(2 * HOUR)).await;
    tick(&store, at(2 * HOUR)).await;
    while store.sweep(at(2 * HOUR)).await.unwrap().more {}
    assert_eq!(rollups(&store, Level::Hour).await.iter().map(counts).collect::<Vec<_>>(), [(0, 1, 0, 0, 0)]);
    write(&store, at(2_000), Outcome::Down, 1_000).await; // the clock was set back
    for level in [Level::Minute, Level::Hour] {
        assert_eq!(rollups(&store, level).await.iter().map(counts).collect::<Vec<_>>(), [(0, 1, 0, 1, 0)]);
    }
    drop(store);
    let store = Store::open(dir.path(), at(2 * HOUR)).await.unwrap();
    tick(&store, at(3 * HOUR)).await;
    assert_eq!(
        rollups(&store, Level::Minute).await.iter().map(counts).collect::<Vec<_>>(),
        [(0, 1, 0, 1, 0)]
    );
}

#[tokio::test]
async fn more_checks_than_fit_into_one_commit_are_written_with_the_next_ones() {
    let (_dir, store) = store().await;
    let observations =
        (0..3_000).map(|i| look(&format!("s{i}/http"), at(1_000), Outcome::Up, 1_000)).collect();
    store.commit(&Write { observations, ..Write::default() }).await.unwrap();
    tick(&store, at(2 * MINUTE)).await;
    // late, for a check whose count has been written and for one whose count has not
    let late = ["s0/http", "s2999/http"].map(|c| look(c, at(2_000), Outcome::Down, 10));
    store.commit(&Write { observations: late.to_vec(), ..Write::default() }).await.unwrap();
    for _ in 0..3 {
        tick(&store, at(2 * MINUTE)).await;
    }
    let mut looks = 0;
    for i in 0..3_000 {
        let check = CheckId::new(format!("s{i}/http"));
        let got = store.rollups(&check, Level::Minute, at(0), at(MINUTE)).await.unwrap();
        looks += got.iter().map(Rollup::looks).sum::<u64>();
    }
    assert_eq!(looks, 3_002);
}

#[tokio::test]
async fn minutes_fold_into_hours_and_hours_into_days_and_only_then_are_they_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention {
        observations: Duration::from_secs(3600),
        minutes: Duration::from_secs(2 * 3600),
        hours: Duration::from_secs(30 * 3600),
        ..Retention::default()
    };
    let store = Store::open_with(dir.path(), T0, Options { retention, ..Options::default() }).await.unwrap();
    // four looks an hour for 40 hours
    for quarter in 0..160 {
        write(&store, at(quarter * HOUR / 4), Outcome::Up, 2_000).await;
    }
    let now = at(41 * HOUR);
    for _ in 0..4 {
        tick(&store, now).await;
    }
    let mut sweeps = 0;
    while store.sweep(now).await.unwrap().more {
        sweeps += 1;
        assert!(sweeps < 100);
    }
    let hours = rollups(&store, Level::Hour).await;
    assert_eq!(hours.iter().map(|r| r.up).max(), Some(4));
    assert!(hours.iter().all(|r| r.at >= at(10 * HOUR)), "hours that are in a day and too old are gone");
    let days = rollups(&store, Level::Day).await;
    // T0 is at 10:00: 14 hours of the first day, 24 of the second; the third goes on
    assert_eq!(days.iter().map(|r| r.up).collect::<Vec<_>>(), [14 * 4, 24 * 4]);
    let minutes = rollups(&store, Level::Minute).await;
    assert!(!minutes.is_empty() && minutes.iter().all(|r| r.at >= at(39 * HOUR)), "{minutes:?}");
    let looks = store.looks(&CheckId::new("shop/http"), at(0), now, 1_000).await.unwrap();
    assert!(looks.iter().all(|o| o.at >= at(40 * HOUR)));
    assert_eq!(store.sweep(now).await.unwrap().deleted, 0);
}

#[tokio::test]
async fn a_latency_picture_merges_minutes() {
    let (_dir, store) = store().await;
    for i in 0..120 {
        write(&store, at(i * MINUTE), Outcome::Up, if i < 30 { 1_000 } else { 5_000 }).await;
    }
    tick(&store, at(125 * MINUTE)).await;
    for _ in 0..5 {
        tick(&store, at(125 * MINUTE)).await;
    }
    let check = CheckId::new("shop/http");
    let points = store.latency(&check, at(0), at(2 * HOUR), Duration::from_secs(1800)).await.unwrap();
    assert_eq!(points.iter().map(|p| (p.at.0 - T0.0) / MINUTE).collect::<Vec<_>>(), [0, 30, 60, 90]);
    assert!(points.iter().all(|p| p.up == 30));
    let p50 = |i: usize| points[i].latency.quantile(0.5).unwrap();
    assert!((980..1_020).contains(&p50(0)) && (4_950..5_050).contains(&p50(3)), "{} {}", p50(0), p50(3));
}
