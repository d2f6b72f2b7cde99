//! Taking out what somebody wrote, for good: beside the log, in the incident and the notes about it, in the journal, in what was sent. The log itself
//! stays as it is, and shows that something was taken out, when, and why.
//!
//! Done while no Stillhere is running, because a running one has the words in its memory.

use crate::{
    StoreError,
    open::{FILE, lock, options_for},
    record::{self, Recorded},
    schema,
    writer::Fault,
};
use serde_json::Value;
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};
use std::path::Path;
use stillhere_model::Time;
use stillhere_record::{Draft, Entry, Fact, Kept, Salt, TextHash, canon};

/// What stands in the place of a text that was taken out.
pub const TAKEN_OUT: &str = "[…]";

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// Texts, each in each of its languages.
    pub texts: usize,
    /// Rows in which they stood, those beside the log not counted.
    pub rows: usize,
}

/// The entries beside which a text stands that has `part` in it, with that text.
///
/// # Errors
/// When the folder is in use, or the database cannot be read.
pub async fn find_text(dir: &Path, part: &str) -> Result<Vec<(u64, String)>, StoreError> {
    let (_lock, path) = (lock(dir)?, dir.join(FILE));
    let found = async {
        let mut conn = opened(&path).await?;
        let rows = sqlx::query("SELECT idx, text FROM record_text WHERE text IS NOT NULL ORDER BY idx, hash")
            .fetch_all(&mut conn)
            .await?;
        conn.close().await?;
        let mut found = Vec::new();
        for row in rows {
            let (n, text): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
            if text.contains(part) {
                found.push((n.cast_unsigned(), text));
            }
        }
        Ok(found)
    };
    found.await.map_err(|e: Fault| e.at(&path))
}

/// Takes out all texts of one entry of the log. `None`: it has none.
///
/// # Errors
/// Nothing was changed.
pub async fn redact(
    dir: &Path,
    entry: u64,
    why: Option<(&str, Salt)>,
    now: Time,
) -> Result<Option<Redacted>, StoreError> {
    let (_lock, path) = (lock(dir)?, dir.join(FILE));
    let done = async {
        let mut conn = opened(&path).await?;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut conn).await?;
        let done = take_out(&mut conn, entry, why, now).await?;
        sqlx::query("COMMIT").execute(&mut conn).await?;
        // What was overwritten must not stay in the file's free pages, nor in the log.
        sqlx::query("VACUUM").execute(&mut conn).await?;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut conn).await?;
        conn.close().await?;
        Ok(done)
    };
    done.await.map_err(|e: Fault| e.at(&path))
}

async fn opened(path: &Path) -> Result<SqliteConnection, Fault> {
    let mut conn = options_for(path).connect().await?;
    schema::migrate(&mut conn, path).await?;
    Ok(conn)
}

async fn take_out(
    conn: &mut SqliteConnection,
    entry: u64,
    why: Option<(&str, Salt)>,
    now: Time,
) -> Result<Option<Redacted>, Fault> {
    let at = i64::try_from(entry).unwrap_or(i64::MAX);
    let rows =
        sqlx::query("SELECT hash, text FROM record_text WHERE idx = $1 AND text IS NOT NULL ORDER BY hash")
            .bind(at)
            .fetch_all(&mut *conn)
            .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut texts: Vec<String> = Vec::new();
    let mut hashes = Vec::new();
    for row in rows {
        hashes.push(TextHash(row.try_get(0)?));
        texts.push(row.try_get(1)?);
    }
    sqlx::query("UPDATE record_text SET salt = NULL, text = NULL WHERE idx = $1")
        .bind(at)
        .execute(&mut *conn)
        .await?;
    let subject: Option<String> = sqlx::query_scalar("SELECT subject FROM record WHERE idx = $1")
        .bind(at)
        .fetch_one(&mut *conn)
        .await?;
    let about = format!("%{}%", subject.unwrap_or_default());
    let mut rows = 0;
    for (select, update) in [
        (
            "SELECT rowid, incident FROM incident WHERE id LIKE $1",
            "UPDATE incident SET incident = $1 WHERE rowid = $2",
        ),
        (
            "SELECT rowid, maintenance FROM maintenance WHERE id LIKE $1",
            "UPDATE maintenance SET maintenance = $1 WHERE rowid = $2",
        ),
        // A command that opens an incident does not know its id yet: the whole journal, and everything that was sent.
        ("SELECT seq, entry FROM journal WHERE $1 <> ''", "UPDATE journal SET entry = $1 WHERE seq = $2"),
        ("SELECT seq, message FROM outbox WHERE $1 <> ''", "UPDATE outbox SET message = $1 WHERE seq = $2"),
    ] {
        let all = sqlx::query(select).bind(about.as_str()).fetch_all(&mut *conn).await?;
        for row in all {
            let before: String = row.try_get(1)?;
            let mut value: Value = serde_json::from_str(&before)?;
            if replace(&mut value, &texts) {
                rows += 1;
                sqlx::query(update)
                    .bind(value.to_string())
                    .bind(row.try_get::<i64, _>(0)?)
                    .execute(&mut *conn)
                    .await?;
            }
        }
    }
    for text in texts.iter().filter(|t| !t.is_empty()) {
        let done = sqlx::query(
            "UPDATE note SET text = replace(text, $1, $2), asked = NULL WHERE instr(text, $1) > 0",
        )
        .bind(text)
        .bind(TAKEN_OUT)
        .execute(&mut *conn)
        .await?;
        rows += usize::try_from(done.rows_affected()).unwrap_or(usize::MAX);
    }
    let why: Option<Kept> = why.map(|(text, salt)| Kept::new(salt, text));
    let words = why.iter().map(|k| ("*".to_owned(), k.hash.clone())).collect();
    let fact = Fact::Redacted { entry, texts: hashes, why: words };
    let drafts = vec![Draft { entry: Entry { at: now, fact }, texts: why.into_iter().collect() }];
    let first = record::size_of(conn).await?;
    record::append(conn, &Recorded { first, drafts }).await?;
    Ok(Some(Redacted { texts: texts.len(), rows }))
}

/// Takes the texts out of every string in which they stand, and findings that are one of them as a whole.
fn replace(value: &mut Value, texts: &[String]) -> bool {
    match value {
        Value::String(s) => {
            let mut changed = false;
            for text in texts.iter().filter(|t| !t.is_empty()) {
                if s.contains(text.as_str()) {
                    *s = s.replace(text.as_str(), TAKEN_OUT);
                    changed = true;
                }
            }
            changed
        }
        Value::Array(all) => all.iter_mut().fold(false, |changed, v| replace(v, texts) | changed),
        Value::Object(map) => {
            let mut changed = false;
            for (key, v) in map.iter_mut() {
                let whole = key == "finding" && texts.iter().any(|t| t.as_bytes() == canon::bytes(v));
                if whole {
                    *v = Value::Null;
                }
                changed |= whole || replace(v, texts);
            }
            changed
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
