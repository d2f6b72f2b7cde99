//! Opening, migrating, backing up and restoring.

use crate::kit::{T0, at, message, shared, store, verdict};
use sqlx::{Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{os::unix::fs::PermissionsExt, path::Path, time::Duration};
use stillhere_model::{Audience, Entry, Status};
use stillhere_store::{FILE, Store, StoreError, Write, restore};

/// The numbers of all migrations there are.
fn numbers() -> Vec<i64> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sqlite");
    let names = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
    let mut all: Vec<i64> = names.map(|n| n.split('_').next().unwrap().parse().unwrap()).collect();
    all.sort_unstable();
    all
}

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path).create_if_missing(true))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_folder_belongs_to_one_process_and_to_its_owner() {
    let (dir, store) = store().await;
    let second = Store::open(dir.path(), T0).await;
    assert!(matches!(second, Err(StoreError::InUse(_))), "{second:?}");
    store.commit(&Write { alive_at: Some(at(1)), ..Write::default() }).await.unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} can be read by others: {mode:o}", file.path());
    }
    drop(store);
    Store::open(dir.path(), T0).await.unwrap();
}

#[tokio::test]
async fn an_older_file_is_brought_forward_and_keeps_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    // a file as the first version made it
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sqlite");
    let migrator = sqlx::migrate::Migrator::new(migrations).await.unwrap();
    let mut conn = raw(&path).await;
    migrator.run_to(1, &mut conn).await.unwrap();
    sqlx::query("INSERT INTO meta (key, number) VALUES ('epoch', 3), ('seq', 9)")
        .execute(&mut conn)
        .await
        .unwrap();
    conn.close().await.unwrap();

    let store = Store::open(dir.path(), T0).await.unwrap();
    let loaded = store.load().await.unwrap();
    assert_eq!((loaded.epoch, loaded.seq), (3, 9));
    drop(store);
    let mut conn = raw(&path).await;
    let rows = sqlx::query("SELECT version FROM _sqlx_migrations ORDER BY version")
        .fetch_all(&mut conn)
        .await
        .unwrap();
    let versions: Vec<i64> = rows.iter().map(|r| r.get(0)).collect();
    assert_eq!(versions, numbers());
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let (dir, store) = store().await;
    drop(store);
    let path = dir.path().join(FILE);
    let mut conn = raw(&path).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99, 'future', 1, x'00', 0)",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    conn.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = Store::open(dir.path(), T0).await.unwrap_err();
    let newest = *numbers().last().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 99, known, .. } if known == newest), "{error:?}");
    assert!(error.to_string().contains("newer Stillhere"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_backup_is_taken_while_writing_goes_on_and_a_restore_raises_the_epoch() {
    let (dir, store) = store().await;
    let w = Write {
        verdicts: vec![verdict("shop", None, Status::Operational, at(0))],
        outbox: vec![message(1, "ops", Audience::Staff, 1)],
        alive_at: Some(at(100)),
        seq: Some(5),
        ..Write::default()
    };
    store.commit(&w).await.unwrap();
    let file = dir.path().join("copy.db");
    let writer = store.clone();
    let (backed_up, ()) = tokio::join!(store.backup(&file), async {
        for i in 0..20 {
            writer.commit(&Write { alive_at: Some(at(100 + i)), ..Write::default() }).await.unwrap();
        }
    });
    backed_up.unwrap();
    assert!(matches!(store.backup(&file).await, Err(StoreError::Exists(_))));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0);

    // history goes on, then is put back
    let claimed = store.claim("ops", at(200), 1, Duration::from_secs(1)).await.unwrap();
    let accepted = stillhere_model::Receipt::Accepted { proof: String::new() };
    store.settle(&claimed[0], &accepted, at(201), 0).await.unwrap();
    store.commit(&Write { seq: Some(900), ..Write::default() }).await.unwrap();
    assert!(matches!(restore(&file, dir.path(), at(300)).await, Err(StoreError::InUse(_))));
    drop((store, writer));
    let restored = restore(&file, dir.path(), at(300)).await.unwrap();
    assert_eq!(restored.epoch, 2);
    assert!(restored.alive_at.is_some_and(|t| t >= at(100) && t < at(200)));
    assert!(restored.before.as_ref().is_some_and(|p| p.exists()));

    let store = Store::open(dir.path(), at(301)).await.unwrap();
    let loaded = store.load().await.unwrap();
    assert_eq!((loaded.epoch, loaded.seq, loaded.verdicts.len()), (2, 5, 1));
    let journal = store.journal(0, 100).await.unwrap();
    assert_eq!(journal.last().unwrap().entry, Entry::Restored { epoch: 2 });
    // told after the backup was taken: told again, and said so
    let claimed = store.claim("ops", at(400), 1, Duration::from_secs(1)).await.unwrap();
    assert!(claimed[0].sent_before);
    // twice restored from the same file, the epoch still only rises
    drop(store);
    assert_eq!(restore(&file, dir.path(), at(500)).await.unwrap().epoch, 3);
    // over a database that nobody can read any more, and on a new machine: above every count
    std::fs::write(dir.path().join(FILE), "gone").unwrap();
    let third = restore(&file, dir.path(), at(1_000)).await.unwrap();
    assert_eq!(third.epoch, u64::try_from(at(1_000).0 / 1000).unwrap());
    let elsewhere = tempfile::tempdir().unwrap();
    assert!(restore(&file, elsewhere.path(), at(2_000)).await.unwrap().epoch > third.epoch);
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_the_database_stays() {
    let (dir, store) = store().await;
    store.commit(&Write { seq: Some(7), ..Write::default() }).await.unwrap();
    let file = dir.path().join("copy.db");
    store.backup(&file).await.unwrap();
    drop(store);
    let mut bytes = std::fs::read(&file).unwrap();
    let len = bytes.len();
    bytes.truncate(len / 2);
    std::fs::write(&file, bytes).unwrap();
    let error = restore(&file, dir.path(), at(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert_eq!(shared(&dir).await.load().await.unwrap().seq, 7);
    // neither is a database of something else
    let other = dir.path().join("other.db");
    let mut conn = raw(&other).await;
    sqlx::query("CREATE TABLE t (a TEXT)").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    assert!(matches!(restore(&other, dir.path(), at(1)).await, Err(StoreError::Damaged { .. })));
}

#[tokio::test]
async fn sizes_and_commit_times_are_reported() {
    let (_dir, store) = store().await;
    for i in 0..10 {
        store.commit(&Write { alive_at: Some(at(i)), ..Write::default() }).await.unwrap();
    }
    let stats = store.stats().unwrap();
    assert_eq!((stats.commits, stats.failures), (10, 0));
    assert!(stats.bytes > stats.wal_bytes && stats.wal_bytes > 0, "{stats:?}");
    assert!(stats.commit_p50_us > 0 && stats.commit_max_us >= stats.commit_last_us, "{stats:?}");
}
