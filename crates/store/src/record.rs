//! The public log on disk: entries, the hashes of its tree, the texts beside it.
//!
//! An entry is written in the transaction of what it records, under the number that it is to have. A transaction whose first
//! number is taken already is one that had been committed before, and is not carried out again: no entry is lost, none is
//! doubled. Checkpoints are signed from what a reader sees, which is what the disk has.

use crate::{Store, StoreError, writer::Fault};
use sqlx::{Row, SqliteConnection};
use stillhere_model::Time;
use stillhere_record::{
    Checkpoint, Draft, Entry, Fact, Hash, Salt, Scribe,
    tree::{self, Place, Step},
};

/// Witnesses whose word is kept.
pub const WITNESSES_MAX: i64 = 16;

/// Entries that belong to one decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The number of the first of them.
    pub first: u64,
    pub drafts: Vec<Draft>,
}

/// Which log it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub origin: String,
    /// Of the key that signs it.
    pub key_id: String,
    pub size: u64,
}

/// What a starting node must know of the log.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// `None`: there is none yet.
    pub log: Option<Log>,
    pub root: Option<Hash>,
    /// What it has introduced.
    pub scribe: Scribe,
    /// A backup was put in place, and what was published after it is not known: this log must not go on under its name.
    pub torn: bool,
}

/// A text beside the log. Without salt and text it was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextBeside {
    pub index: u64,
    pub hash: String,
    pub kept: Option<(Salt, String)>,
}

// === impl Store ===

impl Store {
    /// # Errors
    /// When the file cannot be read.
    pub async fn record_found(&self) -> Result<Found, StoreError> {
        self.found().await.map_err(|e| self.0.err(e))
    }

    async fn found(&self) -> Result<Found, Fault> {
        let mut tx = self.0.readers.begin().await?;
        let conn: &mut SqliteConnection = &mut tx;
        let log = log_of(conn).await?;
        let root = match &log {
            Some(log) => Some(root_at(conn, log.size).await?),
            None => None,
        };
        let mut scribe = Scribe::default();
        let opened: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT subject FROM record WHERE kind = 'incident_opened'")
                .fetch_all(&mut *conn)
                .await?;
        scribe.introduced = opened.iter().filter_map(|id| id.parse().ok()).collect();
        let last: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT entry FROM record WHERE idx IN
             (SELECT MAX(idx) FROM record WHERE kind IN ('verdict', 'service_gone') GROUP BY subject)",
        )
        .fetch_all(&mut *conn)
        .await?;
        for entry in last {
            if let Fact::Verdict { service, now, .. } = Entry::parse(&entry)?.fact {
                scribe.services.insert(service, now);
            }
        }
        let torn = crate::live::number(conn, "record_torn").await?.is_some_and(|n| n > 0);
        tx.rollback().await?;
        Ok(Found { log, root, scribe, torn })
    }

    /// Begins a log under a new name, with its first entries.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn record_open(
        &self,
        origin: &str,
        key_id: &str,
        now: Time,
        entries: &Recorded,
    ) -> Result<(), StoreError> {
        let opened = async {
            let mut tx = self.0.begin().await?;
            sqlx::query("INSERT INTO record_log (origin, key_id, at_ms) VALUES ($1, $2, $3)")
                .bind(origin)
                .bind(key_id)
                .bind(now.0)
                .execute(&mut tx.conn)
                .await?;
            append(&mut tx.conn, entries).await?;
            crate::live::set_number(&mut tx.conn, "record_torn", 0).await?;
            tx.commit().await
        };
        opened.await.map_err(|e| self.0.err(e))
    }

    /// The log as it is on disk.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn record_head(&self) -> Result<Option<Checkpoint>, StoreError> {
        let head = async {
            let mut tx = self.0.readers.begin().await?;
            let Some(log) = log_of(&mut tx).await? else { return Ok(None) };
            let root = root_at(&mut tx, log.size).await?;
            tx.rollback().await?;
            Ok(Some(Checkpoint { origin: log.origin, size: log.size, root }))
        };
        head.await.map_err(|e: Fault| self.0.err(e))
    }

    /// The root that the log had with so many entries.
    ///
    /// # Errors
    /// When the file cannot be read, or the log has fewer.
    pub async fn record_root(&self, size: u64) -> Result<Hash, StoreError> {
        let root = async {
            let mut tx = self.0.readers.begin().await?;
            let root = root_at(&mut tx, size).await?;
            tx.rollback().await?;
            Ok(root)
        };
        root.await.map_err(|e: Fault| self.0.err(e))
    }

    /// The hashes of subtrees of one level, from `first` on; fewer where there are not so many.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn record_hashes(&self, first: Place, count: u16) -> Result<Vec<Hash>, StoreError> {
        let rows =
            sqlx::query("SELECT hash FROM record_hash WHERE level = $1 AND n >= $2 AND n < $3 ORDER BY n")
                .bind(i64::from(first.level))
                .bind(signed(first.n))
                .bind(signed(first.n.saturating_add(u64::from(count))))
                .fetch_all(&self.0.readers)
                .await;
        self.read(rows, |row| Ok(Hash::from_slice(row.try_get(0)?).ok_or(crate::pack::Malformed)?))
    }

    /// The bytes of entries, from `first` on.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn record_entries(&self, first: u64, count: u32) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = sqlx::query("SELECT entry FROM record WHERE idx >= $1 AND idx < $2 ORDER BY idx")
            .bind(signed(first))
            .bind(signed(first.saturating_add(u64::from(count))))
            .fetch_all(&self.0.readers)
            .await;
        self.read(rows, |row| Ok(row.try_get(0)?))
    }

    /// What stands beside these entries.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn record_texts(&self, first: u64, count: u32) -> Result<Vec<TextBeside>, StoreError> {
        let rows = sqlx::query(
            "SELECT idx, hash, salt, text FROM record_text WHERE idx >= $1 AND idx < $2 ORDER BY idx, hash",
        )
        .bind(signed(first))
        .bind(signed(first.saturating_add(u64::from(count))))
        .fetch_all(&self.0.readers)
        .await;
        self.read(rows, |row| {
            let salt: Option<&[u8]> = row.try_get(2)?;
            let salt = salt.and_then(|s| Salt::try_from(s).ok());
            Ok(TextBeside {
                index: row.try_get::<i64, _>(0)?.cast_unsigned(),
                hash: row.try_get(1)?,
                kept: salt.zip(row.try_get(3)?),
            })
        })
    }

    /// The hashes of a proof.
    ///
    /// # Errors
    /// When the file cannot be read, or lacks one.
    pub async fn record_prove(&self, steps: &[Step]) -> Result<Vec<Hash>, StoreError> {
        let proved = async {
            let mut tx = self.0.readers.begin().await?;
            let mut proof = Vec::with_capacity(steps.len());
            for step in steps {
                proof.push(root_of(&mut tx, step).await?);
            }
            tx.rollback().await?;
            Ok(proof)
        };
        proved.await.map_err(|e: Fault| self.0.err(e))
    }

    /// Keeps a witness's word on the checkpoint of `size`; one about an older size does not replace a newer one. False: the
    /// words of [`WITNESSES_MAX`] others are kept already.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn record_cosigned(&self, witness: &str, size: u64, line: &str) -> Result<bool, StoreError> {
        let kept = async {
            let mut tx = self.0.begin().await?;
            let others: i64 =
                sqlx::query_scalar("SELECT COUNT(*) FROM record_cosignature WHERE witness <> $1")
                    .bind(witness)
                    .fetch_one(&mut tx.conn)
                    .await?;
            if others >= WITNESSES_MAX {
                tx.commit().await?;
                return Ok(false);
            }
            sqlx::query(
                "INSERT INTO record_cosignature (witness, size, line) VALUES ($1, $2, $3)
                 ON CONFLICT (witness) DO UPDATE SET size = excluded.size, line = excluded.line
                 WHERE excluded.size >= record_cosignature.size",
            )
            .bind(witness)
            .bind(signed(size))
            .bind(line)
            .execute(&mut tx.conn)
            .await?;
            tx.commit().await.map(|()| true)
        };
        kept.await.map_err(|e: Fault| self.0.err(e))
    }

    /// What witnesses said about the checkpoint of `size`: lines of its note.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn record_cosignatures(&self, size: u64) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("SELECT line FROM record_cosignature WHERE size = $1 ORDER BY witness")
            .bind(signed(size))
            .fetch_all(&self.0.readers)
            .await;
        self.read(rows, |row| Ok(row.try_get(0)?))
    }
}

/// Writes the entries, unless they are there. Gives back whether it did.
pub(crate) async fn append(conn: &mut SqliteConnection, r: &Recorded) -> Result<bool, Fault> {
    let size = size_of(conn).await?;
    if size > r.first && !r.drafts.is_empty() {
        return Ok(false);
    }
    for (n, draft) in (size..).zip(&r.drafts) {
        let bytes = draft.entry.bytes();
        let leaf = Hash::leaf(&bytes);
        sqlx::query("INSERT INTO record (idx, kind, subject, entry) VALUES ($1, $2, $3, $4)")
            .bind(signed(n))
            .bind(draft.entry.fact.kind())
            .bind(draft.entry.fact.subject())
            .bind(bytes)
            .execute(&mut *conn)
            .await?;
        put(conn, Place { level: 0, n }, &leaf).await?;
        let mut last = leaf;
        for (left, made) in tree::grown(n) {
            last = Hash::node(&hash_at(conn, left).await?, &last);
            put(conn, made, &last).await?;
        }
        for kept in &draft.texts {
            sqlx::query(
                "INSERT INTO record_text (idx, hash, salt, text) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            )
            .bind(signed(n))
            .bind(kept.hash.0.as_str())
            .bind(&kept.salt[..])
            .bind(kept.text.as_str())
            .execute(&mut *conn)
            .await?;
        }
    }
    Ok(true)
}

/// Goes on with the log of the database `old`, where the one that `conn` has is its beginning. False: it is not, and
/// nothing was changed; the log of `conn` must not go on under its name.
pub(crate) async fn take_over(conn: &mut SqliteConnection, old: &str) -> Result<bool, Fault> {
    let size = size_of(conn).await?;
    let ours = log_of(conn).await?;
    sqlx::query("ATTACH DATABASE $1 AS before").bind(old).execute(&mut *conn).await?;
    let taken = take(conn, size, ours).await;
    if taken.is_err() {
        // Of a transaction that has begun; where none has, this is refused, and that is right, too.
        let _ = sqlx::query("ROLLBACK").execute(&mut *conn).await;
    }
    sqlx::query("DETACH DATABASE before").execute(&mut *conn).await?;
    taken
}

async fn take(conn: &mut SqliteConnection, size: u64, ours: Option<Log>) -> Result<bool, Fault> {
    let has_log: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM before.sqlite_master WHERE name = 'record_log'")
            .fetch_one(&mut *conn)
            .await?;
    if has_log == 0 {
        // Nothing was ever published after the backup: it knows no log, or an older program was here in between.
        return Ok(ours.is_none());
    }
    let theirs: Option<String> =
        sqlx::query_scalar("SELECT origin FROM before.record_log ORDER BY no DESC LIMIT 1")
            .fetch_optional(&mut *conn)
            .await?;
    if theirs.is_none() {
        return Ok(ours.is_none());
    }
    let there: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM before.record").fetch_one(&mut *conn).await?;
    if there < signed(size) {
        return Ok(false);
    }
    // The same subtrees at the backup's size: the same log up to there.
    for place in tree::peaks(size) {
        let theirs: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT hash FROM before.record_hash WHERE level = $1 AND n = $2")
                .bind(i64::from(place.level))
                .bind(signed(place.n))
                .fetch_optional(&mut *conn)
                .await?;
        if theirs.as_deref().and_then(Hash::from_slice) != Some(hash_at(conn, place).await?) {
            return Ok(false);
        }
    }
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *conn).await?;
    for sql in [
        "DELETE FROM main.record_log",
        "INSERT INTO main.record_log SELECT * FROM before.record_log",
        "INSERT INTO main.record SELECT * FROM before.record WHERE idx >= (SELECT COALESCE(MAX(idx), -1) + 1 FROM main.record)",
        "INSERT OR IGNORE INTO main.record_hash SELECT * FROM before.record_hash",
        // What was taken out since the backup stays out.
        "DELETE FROM main.record_text",
        "INSERT INTO main.record_text SELECT * FROM before.record_text",
        "DELETE FROM main.record_cosignature",
        "INSERT INTO main.record_cosignature SELECT * FROM before.record_cosignature",
    ] {
        sqlx::query(sql).execute(&mut *conn).await?;
    }
    sqlx::query("COMMIT").execute(&mut *conn).await?;
    Ok(true)
}

async fn log_of(conn: &mut SqliteConnection) -> Result<Option<Log>, Fault> {
    let row = sqlx::query("SELECT origin, key_id FROM record_log ORDER BY no DESC LIMIT 1")
        .fetch_optional(&mut *conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Log { origin: row.try_get(0)?, key_id: row.try_get(1)?, size: size_of(conn).await? }))
}

pub(crate) async fn size_of(conn: &mut SqliteConnection) -> Result<u64, Fault> {
    let last: Option<i64> = sqlx::query_scalar("SELECT MAX(idx) FROM record").fetch_one(&mut *conn).await?;
    Ok(last.map_or(0, |n| n.cast_unsigned() + 1))
}

async fn root_at(conn: &mut SqliteConnection, size: u64) -> Result<Hash, Fault> {
    root_of(conn, &tree::peaks(size)).await
}

async fn root_of(conn: &mut SqliteConnection, places: &[Place]) -> Result<Hash, Fault> {
    let mut hashes = Vec::with_capacity(places.len());
    for place in places {
        hashes.push(hash_at(conn, *place).await?);
    }
    Ok(tree::root(&hashes))
}

async fn hash_at(conn: &mut SqliteConnection, place: Place) -> Result<Hash, Fault> {
    let hash: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT hash FROM record_hash WHERE level = $1 AND n = $2")
            .bind(i64::from(place.level))
            .bind(signed(place.n))
            .fetch_optional(conn)
            .await?;
    Ok(hash.as_deref().and_then(Hash::from_slice).ok_or(crate::pack::Malformed)?)
}

async fn put(conn: &mut SqliteConnection, place: Place, hash: &Hash) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO record_hash (level, n, hash) VALUES ($1, $2, $3)")
        .bind(i64::from(place.level))
        .bind(signed(place.n))
        .bind(&hash.0[..])
        .execute(conn)
        .await
        .map(drop)
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
