//! A consistent copy while everything goes on, and the way back.
//!
//! The public log never goes back: what the database that was there has of it is taken over into the restored one.

use crate::{
    Store, StoreError,
    commit::journal,
    live::{number, set_number},
    open::{FILE, lock, options_for},
    record::{self, Recorded},
    schema,
    writer::Fault,
};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use stillhere_model::{Time, journal::Entry};
use stillhere_record::{Draft, Entry as RecordEntry, Fact};

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    pub epoch: u64,
    /// Where the database that was there before is now.
    pub before: Option<PathBuf>,
    /// When the backup was last alive: nothing after it is known.
    pub alive_at: Option<Time>,
}

// === impl Store ===

impl Store {
    /// Writes a consistent copy to `to`, which must not exist. It appears there only when it is whole.
    ///
    /// # Errors
    /// Nothing is left behind but, at worst, a file ending in `.part`.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let folder = |source| StoreError::Folder { path: to.to_owned(), source };
        if to.try_exists().map_err(folder)? {
            return Err(StoreError::Exists(to.to_owned()));
        }
        let mut part = to.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        // An empty file is a place SQLite accepts; made here, it has the right mode from its first byte.
        OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&part).map_err(folder)?;
        let mut conn = self.0.connect().await.map_err(|e| self.0.err(e))?;
        let copied = sqlx::query("VACUUM INTO $1").bind(part.to_string_lossy()).execute(&mut conn).await;
        conn.close().await.map_err(|e| self.0.err(e))?;
        copied.map_err(|e| self.0.err(e))?;
        File::open(&part).and_then(|f| f.sync_all()).map_err(folder)?;
        // A link, unlike a rename, does not replace a file that has appeared in the meantime. Some file systems
        // have none.
        match fs::hard_link(&part, to) {
            Ok(()) => fs::remove_file(&part).map_err(folder)?,
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(StoreError::Exists(to.to_owned()));
            }
            Err(_) => fs::rename(&part, to).map_err(folder)?,
        }
        sync_dir(to).map_err(folder)
    }
}

/// Puts the backup `from` in the place of the database of `dir`; no Stillhere may be running there. The epoch is
/// raised above both, so that nobody takes the restored numbers for newer ones; what waits to be sent is marked
/// as perhaps sent.
///
/// # Errors
/// The database of `dir` is as it was.
pub async fn restore(from: &Path, dir: &Path, now: Time) -> Result<Restored, StoreError> {
    let _lock = lock(dir)?;
    let path = dir.join(FILE);
    let part = dir.join("restore.part");
    let folder = |path: &Path, source| StoreError::Folder { path: path.to_owned(), source };
    remove_with_sides(&part).map_err(|e| folder(&part, e))?;
    copy(from, &part).map_err(|e| folder(from, e))?;

    let old_epoch = if path.exists() { epoch_of(&path).await } else { None };
    let restored = async {
        let mut conn = options_for(&part).connect().await?;
        let what: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(5)").fetch_all(&mut conn).await?;
        if what != ["ok"] {
            let what = what.join("; ");
            return Err(Fault::Store(StoreError::Damaged { path: from.to_owned(), what }));
        }
        let made = number_or_none(&mut conn, "epoch").await;
        let Some(backed_up) = made else {
            let what = "it has no epoch".to_owned();
            return Err(Fault::Store(StoreError::Damaged { path: from.to_owned(), what }));
        };
        schema::migrate(&mut conn, from).await?;
        let (back_to, goes_on) = (record::size_of(&mut conn).await?, log_goes_on(&mut conn, &path).await);
        let epoch = match old_epoch {
            Some(old) => backed_up.max(old) + 1,
            // Nobody knows how often it was raised before: the seconds since 1970 are above any such count.
            None => (backed_up + 1).max(now.0 / 1000),
        };
        sqlx::query("BEGIN IMMEDIATE").execute(&mut conn).await?;
        set_number(&mut conn, "epoch", epoch).await?;
        sqlx::query("UPDATE outbox SET in_flight = 1, lease_until = 0 WHERE state = 'queued'")
            .execute(&mut conn)
            .await?;
        // A session or a link that was ended since the backup must not come back to life.
        for table in ["DELETE FROM session", "DELETE FROM ticket"] {
            sqlx::query(table).execute(&mut conn).await?;
        }
        sqlx::query("UPDATE parcel SET in_flight = 1, lease_until = 0 WHERE state = 'queued'")
            .execute(&mut conn)
            .await?;
        journal(&mut conn, now, &Entry::Restored { epoch: epoch.cast_unsigned() }).await?;
        if goes_on {
            let first = record::size_of(&mut conn).await?;
            let fact = Fact::Restored { epoch: epoch.cast_unsigned(), back_to };
            let drafts = vec![Draft { entry: RecordEntry { at: now, fact }, texts: Vec::new() }];
            record::append(&mut conn, &Recorded { first, drafts }).await?;
        } else if back_to > 0 {
            set_number(&mut conn, "record_torn", 1).await?;
        }
        let alive_at = number(&mut conn, "alive_at").await?.map(Time);
        sqlx::query("COMMIT").execute(&mut conn).await?;
        // Into the one file that is moved.
        sqlx::query("PRAGMA journal_mode = DELETE").execute(&mut conn).await?;
        conn.close().await?;
        Ok((epoch.cast_unsigned(), alive_at))
    };
    let (epoch, alive_at) = restored.await.map_err(|e| e.at(from))?;

    let before = if path.exists() { Some(move_aside(&path, now).await?) } else { None };
    fs::rename(&part, &path).map_err(|e| folder(&path, e))?;
    sync_dir(&path).map_err(|e| folder(dir, e))?;
    Ok(Restored { epoch, before, alive_at })
}

/// Whether the public log goes on: the database that is there has all of it, and what the backup lacks of it was taken over.
/// Else a new one begins at the next start, and names this one.
async fn log_goes_on(conn: &mut SqliteConnection, there: &Path) -> bool {
    if !there.exists() {
        return false;
    }
    match record::take_over(conn, &there.to_string_lossy()).await {
        Ok(taken) => taken && record::size_of(conn).await.is_ok_and(|n| n > 0),
        Err(e) => {
            tracing::warn!(error = ?e, "the public log of the database that was there cannot be gone on with");
            false
        }
    }
}

/// The epoch of the database that is there, if it can be read.
async fn epoch_of(path: &Path) -> Option<i64> {
    let mut conn = options_for(path).connect().await.ok()?;
    let epoch = number_or_none(&mut conn, "epoch").await;
    // Closing writes the log into the database, so that moving one file is enough; if not, all are moved.
    let _ = conn.close().await;
    epoch
}

async fn number_or_none(conn: &mut SqliteConnection, key: &'static str) -> Option<i64> {
    number(conn, key).await.ok().flatten()
}

/// The database and, where they remain, its side files, under a name that says when.
async fn move_aside(path: &Path, now: Time) -> Result<PathBuf, StoreError> {
    let to = path.with_file_name(format!("{FILE}.before-restore-{}", now.0));
    for side in ["", "-wal", "-shm"] {
        let from = with_suffix(path, side);
        if from.exists() {
            fs::rename(&from, with_suffix(&to, side))
                .map_err(|source| StoreError::Folder { path: from, source })?;
        }
    }
    Ok(to)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new().create_new(true).write(true).mode(0o600).open(to)?;
    std::io::copy(&mut source, &mut target)?;
    target.sync_all()
}

fn remove_with_sides(path: &Path) -> std::io::Result<()> {
    for side in ["", "-wal", "-shm", "-journal"] {
        match fs::remove_file(with_suffix(path, side)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut s = path.as_os_str().to_owned();
    s.push(suffix);
    PathBuf::from(s)
}

/// A new name in a folder is on disk when the folder is.
fn sync_dir(of: &Path) -> std::io::Result<()> {
    match of.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => File::open(dir)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
