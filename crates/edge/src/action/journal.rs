//! The file: opening it, taking stock after a crash, and one transaction at a time.
//!
//! redb, because it is one file without a server, syncs once for each transaction, and checks every page when it is
//! opened. The key file lies beside it. A file that is damaged, or was written with another key, is moved aside with
//! its name saying when, and a new one is begun: the edge serves in any case.

use super::{
    OpenError,
    principal::Hash,
    record::{Owner, Record},
    seal::{KEY_FILE, Secrets},
    state::{Event, State, step},
};
use redb::{
    Builder, CompactionError, Database, DatabaseError, Durability, ReadableTable as _, StorageError, Table,
    TableDefinition, TableError,
};
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};
use stillhere_model::Time;

/// The journal's name.
pub const FILE: &str = "actions.redb";
/// What is written, and how. A file of another version is moved aside, never guessed at.
const VERSION: &[u8] = b"1";
/// Memory for pages of the file. What every request asks for is in memory anyway.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// A file that is smaller than this stays as large as it is.
const PACK_FROM: u64 = 8 * 1024 * 1024;
/// A file is packed when what is needed of it would fit so many times.
const PACK_TIMES: u64 = 4;
/// More than this is never moved for the sake of space: requests with a key wait meanwhile. What is free in a larger file
/// is used again.
const PACK_MOST: u64 = 64 * 1024 * 1024;

const RECORDS: TableDefinition<&Hash, &[u8]> = TableDefinition::new("action");
const REQUESTS: TableDefinition<&Hash, &[u8]> = TableDefinition::new("request");
const ANSWERS: TableDefinition<&Hash, &[u8]> = TableDefinition::new("answer");
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");

pub(super) struct Journal {
    dir: PathBuf,
    disk: Disk,
    secrets: Arc<Secrets>,
    /// None: the last transaction failed, and the file has to be opened again.
    db: Option<Database>,
    epoch: u64,
}

/// What is on disk when it is opened.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) records: Vec<(Hash, Record)>,
    pub(super) moved_aside: Option<PathBuf>,
}

/// Where it is kept.
pub(super) enum Disk {
    File,
    /// A file on a disk that fails when it is told to.
    #[cfg(test)]
    Failing(super::tests::Switch),
}

/// Why the journal could not be read or written.
#[derive(Debug)]
pub(super) enum Trouble {
    /// What is in the file makes no sense.
    Damaged(String),
    InUse,
    /// The disk.
    Io(String),
}

/// One transaction, its tables open.
pub(super) struct Tx<'t> {
    records: Table<'t, &'static Hash, &'static [u8]>,
    requests: Table<'t, &'static Hash, &'static [u8]>,
    answers: Table<'t, &'static Hash, &'static [u8]>,
    /// Something was written: without it there is nothing to sync.
    written: bool,
}

// === impl Journal ===

impl Journal {
    pub(super) fn open(dir: &Path, disk: Disk, now: Time) -> Result<(Journal, Loaded), OpenError> {
        let folder = |source| OpenError::Folder { path: dir.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(folder)?;
        let (secrets, bad_key) = match Secrets::open(dir) {
            Ok((secrets, _)) => (secrets, None),
            Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                let aside = move_aside(&dir.join(KEY_FILE), now).map_err(folder)?;
                tracing::error!(moved_to = %aside.display(), "the key file of keyed actions is damaged");
                (Secrets::open(dir).map_err(folder)?.0, Some(aside))
            }
            Err(e) => return Err(folder(e)),
        };
        let mut journal =
            Journal { dir: dir.to_owned(), disk, secrets: Arc::new(secrets), db: None, epoch: 0 };
        let mut loaded = journal.reopen(now).map_err(|e| match e {
            Trouble::InUse => OpenError::InUse(journal.path()),
            Trouble::Damaged(problem) | Trouble::Io(problem) => {
                OpenError::Unusable { path: journal.path(), problem }
            }
        })?;
        loaded.moved_aside = loaded.moved_aside.or(bad_key);
        Ok((journal, loaded))
    }

    pub(super) fn secrets(&self) -> Arc<Secrets> {
        self.secrets.clone()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn is_open(&self) -> bool {
        self.db.is_some()
    }

    /// The file is closed, and another process may open it.
    pub(super) fn close(&mut self) {
        self.db = None;
    }

    fn path(&self) -> PathBuf {
        self.dir.join(FILE)
    }

    /// Opens the file (again), moving it aside when it is damaged.
    pub(super) fn reopen(&mut self, now: Time) -> Result<Loaded, Trouble> {
        self.db = None;
        let problem = match self.attempt() {
            Ok(records) => return Ok(Loaded { records, moved_aside: None }),
            Err(Trouble::Damaged(problem)) => problem,
            Err(e) => return Err(e),
        };
        let aside = move_aside(&self.path(), now).map_err(|e| Trouble::Io(e.to_string()))?;
        tracing::error!(
            problem, moved_to = %aside.display(),
            "the journal of keyed actions is damaged; it was moved aside and a new one begun. Keys used before are \
             not known any more"
        );
        Ok(Loaded { records: self.attempt()?, moved_aside: Some(aside) })
    }

    fn attempt(&mut self) -> Result<Vec<(Hash, Record)>, Trouble> {
        let path = self.path();
        // Made by us, so that it is nobody else's to read at any time.
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(|e| Trouble::Io(e.to_string()))?;
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        // redb panics on some damage instead of returning it.
        let (db, epoch, records) = catch_unwind(AssertUnwindSafe(|| {
            let db = match &self.disk {
                Disk::File => builder.create(&path)?,
                #[cfg(test)]
                Disk::Failing(switch) => builder.create_with_backend(switch.disk(&path))?,
            };
            let (epoch, records) = self.take_stock(&db)?;
            Ok::<_, Trouble>((db, epoch, records))
        }))
        .unwrap_or_else(|_| Err(Trouble::Damaged("reading it failed without a reason".to_owned())))?;
        // The file may be new: then its name has to be on disk too.
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(|e| Trouble::Io(e.to_string()))?;
        self.epoch = epoch;
        self.db = Some(db);
        Ok(records)
    }

    /// Reads everything. The first time, who was sending when the last process died is gone: what it sent has an
    /// unknown outcome, and its claims are void because the epoch is a new one.
    fn take_stock(&self, db: &Database) -> Result<(u64, Vec<(Hash, Record)>), Trouble> {
        let damaged = |what: &str| Trouble::Damaged(what.to_owned());
        let check = self.secrets.hash("this is the key").finish();
        let write = db.begin_write().map_err(trouble)?;
        let mut records = Vec::new();
        let mut epoch = self.epoch;
        let mut changed = false;
        {
            let mut meta = write.open_table(META).map_err(table_trouble)?;
            match meta.get("version").map_err(storage)?.map(|v| v.value() == VERSION) {
                Some(true) => {}
                Some(false) => return Err(damaged("it was written by another version")),
                None => changed = true,
            }
            if meta.get("key").map_err(storage)?.is_some_and(|v| v.value() != check) {
                return Err(damaged("it was written with another key file"));
            }
            if changed {
                meta.insert("version", VERSION).map_err(storage)?;
                meta.insert("key", check.as_slice()).map_err(storage)?;
            }
            let mut tx = Tx::open(&write)?;
            for row in tx.records.iter().map_err(storage)? {
                let (id, record) = row.map_err(storage)?;
                let record =
                    Record::decode(record.value()).ok_or_else(|| damaged("a record cannot be understood"))?;
                records.push((*id.value(), record));
            }
            // Zero: this process opens it for the first time. Later its own senders are still alive.
            if epoch == 0 {
                let before = match meta.get("epoch").map_err(storage)? {
                    Some(v) => {
                        u64::from_be_bytes(v.value().try_into().map_err(|_| damaged("it has no epoch"))?)
                    }
                    None => 0,
                };
                epoch = before.checked_add(1).ok_or_else(|| damaged("its epoch is the last one"))?;
                meta.insert("epoch", epoch.to_be_bytes().as_slice()).map_err(storage)?;
                changed = true;
                // Who was sending when the last process died is gone.
                for (id, record) in &mut records {
                    if record.at.state == State::Sent
                        && let Ok(at) = step(record.at, Event::Lost)
                    {
                        record.at = at;
                        record.owner = Owner { epoch, attempt: record.owner.attempt };
                        tx.put(id, record)?;
                    }
                }
            } else if meta.get("epoch").map_err(storage)?.is_none() {
                meta.insert("epoch", epoch.to_be_bytes().as_slice()).map_err(storage)?;
            }
        }
        if changed {
            write.commit().map_err(commit_trouble)?;
        } else {
            write.abort().map_err(storage)?;
        }
        Ok((epoch, records))
    }

    /// Gives back to the disk what the file has too much, which is what a crowd left behind. Each step is a transaction of
    /// its own: whoever dies in the middle finds the same actions in another place. False: there is no need.
    pub(super) fn pack(&mut self, needed: u64) -> Result<bool, Trouble> {
        let path = self.path();
        let size = || std::fs::metadata(&path).map(|m| m.len()).map_err(|e| Trouble::Io(e.to_string()));
        let before = size()?;
        let loose = before >= PACK_FROM && needed <= PACK_MOST && needed.saturating_mul(PACK_TIMES) <= before;
        let Some(db) = self.db.as_mut().filter(|_| loose) else { return Ok(false) };
        let packed = catch_unwind(AssertUnwindSafe(|| {
            db.compact().map_err(|e| match e {
                CompactionError::Storage(e) => storage(e),
                e => Trouble::Io(e.to_string()),
            })
        }))
        .unwrap_or_else(|_| Err(Trouble::Io("packing failed without a reason".to_owned())));
        if let Err(trouble) = packed {
            self.db = None;
            return Err(trouble);
        }
        tracing::info!(before, after = size()?, "the journal of keyed actions was packed");
        Ok(true)
    }

    /// Runs `work` in one transaction. When it comes back, all that it wrote is on disk, or nothing is.
    /// False: nothing was written, and nothing synced.
    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Trouble>,
    ) -> Result<(T, bool), Trouble> {
        let Some(db) = &self.db else {
            return Err(Trouble::Io("the file is closed after an error".to_owned()));
        };
        let done = catch_unwind(AssertUnwindSafe(|| {
            let mut write = db.begin_write().map_err(trouble)?;
            write.set_durability(Durability::Immediate).map_err(|e| Trouble::Io(e.to_string()))?;
            let (out, written) = {
                let mut tx = Tx::open(&write)?;
                let out = work(&mut tx)?;
                (out, tx.written)
            };
            if written {
                write.commit().map_err(commit_trouble)?;
            } else {
                write.abort().map_err(storage)?;
            }
            Ok((out, written))
        }))
        .unwrap_or_else(|_| Err(Trouble::Io("writing failed without a reason".to_owned())));
        if done.is_err() {
            // Its state in memory is not to be trusted after an error: it is read again from the disk.
            self.db = None;
        }
        done
    }
}

// === impl Tx ===

impl<'t> Tx<'t> {
    fn open(write: &'t redb::WriteTransaction) -> Result<Tx<'t>, Trouble> {
        Ok(Tx {
            records: write.open_table(RECORDS).map_err(table_trouble)?,
            requests: write.open_table(REQUESTS).map_err(table_trouble)?,
            answers: write.open_table(ANSWERS).map_err(table_trouble)?,
            written: false,
        })
    }

    pub(super) fn get(&self, id: &Hash) -> Result<Option<Record>, Trouble> {
        match self.records.get(id).map_err(storage)? {
            None => Ok(None),
            Some(v) => match Record::decode(v.value()) {
                Some(record) => Ok(Some(record)),
                None => Err(Trouble::Damaged("a record cannot be understood".to_owned())),
            },
        }
    }

    /// Writes the record, and lets go of the request when it will not be sent any more: what is not needed is not kept.
    pub(super) fn put(&mut self, id: &Hash, record: &mut Record) -> Result<(), Trouble> {
        self.written = true;
        if !record.at.needs_request() && record.request_bytes != 0 {
            self.requests.remove(id).map_err(storage)?;
            record.request_bytes = 0;
        }
        self.records.insert(id, record.encode().as_slice()).map_err(storage)?;
        Ok(())
    }

    pub(super) fn put_request(&mut self, id: &Hash, sealed: &[u8]) -> Result<(), Trouble> {
        self.requests.insert(id, sealed).map_err(storage)?;
        Ok(())
    }

    pub(super) fn put_answer(&mut self, id: &Hash, sealed: &[u8]) -> Result<(), Trouble> {
        self.answers.insert(id, sealed).map_err(storage)?;
        Ok(())
    }

    pub(super) fn request(&self, id: &Hash) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.requests.get(id).map_err(storage)?.map(|v| v.value().to_vec()))
    }

    pub(super) fn answer(&self, id: &Hash) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.answers.get(id).map_err(storage)?.map(|v| v.value().to_vec()))
    }

    pub(super) fn remove(&mut self, id: &Hash) -> Result<(), Trouble> {
        self.written = true;
        self.records.remove(id).map_err(storage)?;
        self.requests.remove(id).map_err(storage)?;
        self.answers.remove(id).map_err(storage)?;
        Ok(())
    }
}

// === impl Trouble ===

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Damaged(what) => write!(f, "the file is damaged: {what}"),
            Trouble::InUse => f.write_str("the file is in use by another process"),
            Trouble::Io(what) => f.write_str(what),
        }
    }
}

impl From<DatabaseError> for Trouble {
    fn from(e: DatabaseError) -> Trouble {
        match e {
            DatabaseError::DatabaseAlreadyOpen => Trouble::InUse,
            DatabaseError::Storage(e) => storage(e),
            e => Trouble::Damaged(e.to_string()),
        }
    }
}

fn storage(e: StorageError) -> Trouble {
    match e {
        StorageError::Corrupted(what) => Trouble::Damaged(what),
        // how redb says that it is no database, and that it ends too early
        StorageError::Io(e)
            if matches!(e.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
        {
            Trouble::Damaged(e.to_string())
        }
        e => Trouble::Io(e.to_string()),
    }
}

fn trouble(e: redb::TransactionError) -> Trouble {
    match e {
        redb::TransactionError::Storage(e) => storage(e),
        e => Trouble::Io(e.to_string()),
    }
}

fn commit_trouble(e: redb::CommitError) -> Trouble {
    match e {
        redb::CommitError::Storage(e) => storage(e),
        e => Trouble::Io(e.to_string()),
    }
}

fn table_trouble(e: TableError) -> Trouble {
    match e {
        TableError::Storage(e) => storage(e),
        e => Trouble::Damaged(e.to_string()),
    }
}

fn move_aside(path: &Path, now: Time) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A name that is taken already is never written over.
    let aside = (0..1_000)
        .map(|n| path.with_file_name(format!("{name}.damaged-{}-{n}", now.0)))
        .find(|p| !p.exists())
        .ok_or_else(|| io::Error::other("there are a thousand damaged files already"))?;
    std::fs::rename(path, &aside)?;
    Ok(aside)
}
