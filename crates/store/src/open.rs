//! Opening the data folder: one process at a time, the file brought up to date.

use crate::{
    Store, StoreError,
    live::{Live, number, set_number},
    schema,
    stats::Metrics,
    writer::{Fault, Writer},
};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use stillhere_model::Time;
use tokio::sync::Mutex;

/// The database's name in the data folder.
pub const FILE: &str = "stillhere.db";
/// Locked by the process that has the folder.
const LOCK: &str = "lock";
/// Connections that only read.
const READERS: u32 = 2;
/// How long a write waits for another process that has the file locked.
const BUSY: Duration = Duration::from_secs(5);
/// How long a read waits for a free reader.
const READER_WITHIN: Duration = Duration::from_secs(5);
/// The write-ahead log is cut back to this when it has been written to the database.
const WAL_BYTES: &str = "67108864";
/// SQLite's default; the size limit is counted in pages.
const PAGE_BYTES: u64 = 4096;

/// How to keep a data folder.
#[derive(Debug, Clone)]
pub struct Options {
    pub retention: Retention,
    /// The database does not grow beyond this; a write that would is refused with [`StoreError::Full`].
    pub max_bytes: Option<u64>,
    /// Lock the folder against a second Stillhere.
    pub exclusive: bool,
}

/// How long things are kept. What was decided and said (verdicts, incidents, journal) is kept for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    pub observations: Duration,
    pub minutes: Duration,
    pub hours: Duration,
    /// `None`: for ever.
    pub days: Option<Duration>,
    /// Outbox messages that are settled.
    pub settled: Duration,
    /// When the database holds more, single looks, then minutes, then hours go before their time, oldest first.
    pub max_bytes: Option<u64>,
}

pub(crate) struct Inner {
    pub(crate) path: PathBuf,
    pub(crate) options: Options,
    connect: SqliteConnectOptions,
    pub(crate) readers: SqlitePool,
    pub(crate) writer: Mutex<Writer>,
    pub(crate) metrics: Metrics,
    /// Held as long as the store lives.
    _lock: Option<File>,
}

// === impl Options ===

impl Default for Options {
    fn default() -> Options {
        Options { retention: Retention::default(), max_bytes: None, exclusive: true }
    }
}

impl Default for Retention {
    fn default() -> Retention {
        const DAY: Duration = Duration::from_secs(86_400);
        Retention {
            observations: 7 * DAY,
            minutes: 30 * DAY,
            hours: 2 * 365 * DAY,
            days: None,
            settled: 30 * DAY,
            max_bytes: None,
        }
    }
}

// === impl Store ===

impl Store {
    /// # Errors
    /// See [`StoreError`]; nothing was changed, except that a folder may have been made.
    pub async fn open(dir: &Path, now: Time) -> Result<Store, StoreError> {
        Store::open_with(dir, now, Options::default()).await
    }

    /// # Errors
    /// See [`Store::open`].
    pub async fn open_with(dir: &Path, now: Time, options: Options) -> Result<Store, StoreError> {
        let lock = if options.exclusive { Some(lock(dir)?) } else { make(dir).map(|()| None)? };
        let path = dir.join(FILE);
        // The file holds hashes of tokens and what failed where: nobody else's business. SQLite gives its
        // side files the same mode.
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| StoreError::Folder { path: path.clone(), source })?;
        let connect = options_for(&path);
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(READER_WITHIN)
            .test_before_acquire(false)
            .connect_lazy_with(connect.clone().pragma("query_only", "ON"));
        let connect = match options.max_bytes {
            Some(n) => connect.pragma("max_page_count", (n / PAGE_BYTES).max(1).to_string()),
            None => connect,
        };
        let first = async {
            let mut conn = connect.connect().await?;
            schema::migrate(&mut conn, &path).await?;
            if number(&mut conn, "epoch").await?.is_none() {
                sqlx::query("BEGIN IMMEDIATE").execute(&mut conn).await?;
                set_number(&mut conn, "epoch", 1).await?;
                set_number(&mut conn, "created_at", now.0).await?;
                sqlx::query("COMMIT").execute(&mut conn).await?;
            }
            let live = Live::load(&mut conn).await?;
            Ok::<_, Fault>(Writer::new(conn, live))
        };
        let writer = first.await.map_err(|e| e.at(&path))?;
        Ok(Store(Arc::new(Inner {
            path,
            options,
            connect,
            readers,
            writer: Mutex::new(writer),
            metrics: Metrics::default(),
            _lock: lock,
        })))
    }

    /// Closes all connections; the last one writes the log into the database. Not needed for anything to be safe:
    /// a graceful stop just leaves one tidy file.
    ///
    /// # Errors
    /// When that last writing fails; the log stays, and nothing is lost.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.readers.close().await;
        self.0.writer.lock().await.close().await.map_err(|e| self.0.err(e))
    }

    /// Reads the whole file and says what is wrong with it: nothing, or SQLite's words. Slow on a large file.
    ///
    /// # Errors
    /// When it cannot even be read.
    pub async fn check(&self) -> Result<Vec<String>, StoreError> {
        let rows: Vec<String> = sqlx::query_scalar("PRAGMA quick_check(20)")
            .fetch_all(&self.0.readers)
            .await
            .map_err(|e| self.0.err(e))?;
        Ok(rows.into_iter().filter(|r| r != "ok").collect())
    }
}

// === impl Inner ===

impl Inner {
    pub(crate) async fn connect(&self) -> Result<SqliteConnection, sqlx::Error> {
        SqliteConnection::connect_with(&self.connect).await
    }

    pub(crate) fn err(&self, e: impl Into<Fault>) -> StoreError {
        self.metrics.failed();
        e.into().at(&self.path)
    }
}

pub(crate) fn options_for(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .pragma("journal_size_limit", WAL_BYTES)
        // Who is forgotten is written over, where the page is written anyway.
        .pragma("secure_delete", "FAST")
        .disable_statement_logging()
}

fn make(dir: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| StoreError::Folder { path: dir.to_owned(), source })
}

/// Makes the folder if need be, and locks it for this process. The kernel unlocks it when the process ends.
pub(crate) fn lock(dir: &Path) -> Result<File, StoreError> {
    make(dir)?;
    let path = dir.join(LOCK);
    let folder = |source| StoreError::Folder { path: path.clone(), source };
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(dir.to_owned())),
        Err(TryLockError::Error(e)) => Err(folder(e)),
    }
}
