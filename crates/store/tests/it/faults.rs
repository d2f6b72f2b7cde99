//! A disk that fails is an error that says what to do, and the store goes on when the disk does.

use crate::kit::{T0, at, look, shared, store, verdict};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use stillhere_model::{CheckId, Outcome, Status};
use stillhere_store::{FILE, Options, Retention, Store, StoreError, Write};
use tempfile::TempDir;

async fn raw(dir: &TempDir) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(dir.path().join(FILE)))
        .await
        .unwrap()
}

#[tokio::test]
async fn case_a_a_full_database_is_a_retryable_error_and_what_was_written_stays() {
    let dir = tempfile::tempdir().unwrap();
    let options = |max_bytes| Options { max_bytes, ..Options::default() };
    let store = Store::open_with(dir.path(), T0, options(Some(600_000))).await.unwrap();
    let mut written = 0;
    let error = loop {
        let mut w = Write::default();
        for _ in 0..50 {
            let mut o = look("shop/http", at(written), Outcome::Down, 1);
            o.detail = Some("x".repeat(400));
            w.observations.push(o);
        }
        match store.commit(&w).await {
            Ok(()) => written += 1,
            Err(e) => break e,
        }
        assert!(written < 1_000, "the limit has no effect");
    };
    assert!(matches!(error, StoreError::Full(_)) && error.retryable(), "{error:?}");
    // reading goes on, and so does writing of what fits
    let looks = store.looks(&CheckId::new("shop/http"), at(0), at(9999), 100_000).await.unwrap();
    assert_eq!(looks.len() as i64, written * 50, "the failed write left nothing behind");
    assert_eq!(store.stats().unwrap().failures, 1);
    drop(store);
    let store = Store::open_with(dir.path(), T0, options(None)).await.unwrap();
    let change = verdict("shop", None, Status::Operational, at(0));
    store.commit(&Write { verdicts: vec![change], ..Write::default() }).await.unwrap();
}

#[tokio::test]
async fn case_a_a_write_that_fails_in_the_middle_leaves_nothing_and_the_next_one_works() {
    let (dir, store) = store().await;
    let mut conn = raw(&dir).await;
    sqlx::query(
        "CREATE TRIGGER fault BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'disk on fire'); END",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    let w = Write {
        observations: vec![look("new/http", at(0), Outcome::Up, 1)],
        verdicts: vec![verdict("shop", None, Status::Operational, at(0))],
        journal: vec![(at(0), stillhere_model::Entry::Stopped)],
        ..Write::default()
    };
    let error = store.commit(&w).await.unwrap_err();
    assert!(error.to_string().contains("disk on fire"), "{error}");
    assert!(store.load().await.unwrap().verdicts.is_empty());
    sqlx::query("DROP TRIGGER fault").execute(&mut conn).await.unwrap();
    store.commit(&w).await.unwrap();
    assert_eq!(store.looks(&CheckId::new("new/http"), at(0), at(1), 9).await.unwrap().len(), 1);
    assert_eq!(store.load().await.unwrap().verdicts.len(), 1);
}

#[tokio::test]
async fn a_database_that_another_process_holds_is_busy_and_then_free() {
    let (dir, store) = store().await;
    let mut conn = raw(&dir).await;
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut conn).await.unwrap();
    let w = Write { alive_at: Some(at(1)), ..Write::default() };
    let error = store.commit(&w).await.unwrap_err();
    assert!(matches!(error, StoreError::Busy(_)) && error.retryable(), "{error:?}");
    sqlx::query("ROLLBACK").execute(&mut conn).await.unwrap();
    store.commit(&w).await.unwrap();
    assert_eq!(store.load().await.unwrap().alive_at, Some(at(1)));
}

#[tokio::test]
async fn a_caller_that_goes_away_in_the_middle_leaves_the_store_usable() {
    let (dir, store) = store().await;
    for i in 0..40 {
        let observations = (0..200).map(|n| look(&format!("s{n}/http"), at(i), Outcome::Up, 1)).collect();
        let w = Write { observations, alive_at: Some(at(i)), ..Write::default() };
        let polls = usize::try_from(i).unwrap();
        let mut commit = Box::pin(store.commit(&w));
        // dropped after a few steps of its work
        for _ in 0..polls {
            let step = std::future::poll_fn(|cx| std::task::Poll::Ready(commit.as_mut().poll(cx)));
            if step.await.is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let w = Write { observations: vec![look("last/http", at(99), Outcome::Up, 1)], ..Write::default() };
    store.commit(&w).await.unwrap();
    assert_eq!(store.looks(&CheckId::new("last/http"), at(0), at(100), 9).await.unwrap().len(), 1);
    // whatever of the dropped ones took place took place wholly
    let other = shared(&dir).await;
    let first = other.looks(&CheckId::new("s0/http"), at(0), at(98), 99).await.unwrap().len();
    let last = other.looks(&CheckId::new("s199/http"), at(0), at(98), 99).await.unwrap().len();
    assert_eq!(first, last);
    assert_eq!(other.check().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_as_damaged() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE), "not a database, but long enough to look like one ".repeat(100))
        .unwrap();
    let error = Store::open(dir.path(), T0).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }) && !error.retryable(), "{error:?}");
    assert!(error.to_string().contains(FILE) && error.to_string().contains("restore"), "{error}");
}

#[tokio::test]
async fn a_damaged_page_is_an_error_and_not_a_panic() {
    let (dir, store) = store().await;
    let observations = (0..4_000).map(|i| look(&format!("s{i}/http"), at(i), Outcome::Down, 1)).collect();
    store.commit(&Write { observations, ..Write::default() }).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let path = dir.path().join(FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() > 100_000);
    for b in &mut bytes[8192..] {
        *b = 0xa5;
    }
    std::fs::write(&path, bytes).unwrap();
    match Store::open(dir.path(), T0).await {
        Err(e) => assert!(matches!(e, StoreError::Damaged { .. }), "{e:?}"),
        Ok(store) => assert_ne!(store.check().await.unwrap(), Vec::<String>::new()),
    }
}

#[tokio::test]
async fn beyond_its_size_the_oldest_looks_go_first_and_what_was_decided_stays() {
    const MAX: u64 = 590_000;
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { max_bytes: Some(MAX), ..Retention::default() };
    let options = Options { retention, ..Options::default() };
    let store = Store::open_with(dir.path(), T0, options).await.unwrap();
    let change = verdict("shop", None, Status::Operational, at(0));
    store.commit(&Write { verdicts: vec![change], ..Write::default() }).await.unwrap();
    assert_eq!(store.sweep(at(0)).await.unwrap().early, 0, "small enough");
    for n in 0..200 {
        let mut w = Write::default();
        for i in 0..20 {
            let mut o = look("shop/http", at(n * 20 + i), Outcome::Down, 1);
            // Nothing that packs well.
            o.detail = Some(format!("{:x}", (n * 20 + i).pow(3)).repeat(30));
            w.observations.push(o);
        }
        store.commit(&w).await.unwrap();
    }
    let mut early = 0;
    loop {
        let swept = store.sweep(at(10_000)).await.unwrap();
        early += swept.early;
        if !swept.more {
            break;
        }
    }
    assert!(early > 0);
    let looks = store.looks(&CheckId::new("shop/http"), at(0), at(9_999), 100_000).await.unwrap();
    assert!((1..4_000).contains(&looks.len()), "{} looks are left", looks.len());
    assert_eq!(looks.iter().map(|o| o.at).max(), Some(at(3_999)), "the newest are kept");
    assert!(looks.iter().all(|o| o.at > at(20)), "the oldest are gone");
    assert_eq!(store.load().await.unwrap().verdicts.len(), 1);
    assert_eq!(store.sweep(at(10_000)).await.unwrap().early, 0, "it fits now");
}
