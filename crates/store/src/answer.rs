//! Answers that are given again when the same request comes again under the same key.
//!
//! They are written in the transaction of what was done: after a crash either both are there or neither.

use crate::{Store, StoreError, writer::Fault};
use sqlx::{Row, SqliteConnection};
use std::time::Duration;
use stillhere_model::{Time, time::millis};

/// How long an answer is kept.
pub const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Most answers that are kept; the oldest go first.
pub const ANSWERS_MAX: i64 = 10_000;

/// What was answered to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Whose key, and which: hashed by the caller.
    pub key: String,
    /// What was asked: hashed by the caller.
    pub request: String,
    pub at: Time,
    pub answer: String,
}

// === impl Store ===

impl Store {
    /// What was answered under `key`, if that is not too long ago.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn answered(&self, key: &str, now: Time) -> Result<Option<Answered>, StoreError> {
        let row = sqlx::query("SELECT request, at_ms, answer FROM answer WHERE key = $1 AND at_ms >= $2")
            .bind(key)
            .bind(now.minus(ANSWERS_KEPT).0)
            .fetch_optional(&self.0.readers)
            .await
            .map_err(|e| self.0.err(e))?;
        let read = |row: sqlx::sqlite::SqliteRow| {
            Ok::<_, sqlx::Error>(Answered {
                key: key.to_owned(),
                request: row.try_get(0)?,
                at: Time(row.try_get(1)?),
                answer: row.try_get(2)?,
            })
        };
        row.map(read).transpose().map_err(|e| self.0.err(e))
    }
}

/// Keeps an answer, and forgets those that are too old or too many.
pub(crate) async fn write(conn: &mut SqliteConnection, a: &Answered) -> Result<(), Fault> {
    // A key that comes again after its time is a new one, also in the order of forgetting.
    sqlx::query("DELETE FROM answer WHERE at_ms < $1 OR key = $2")
        .bind(a.at.0.saturating_sub(millis(ANSWERS_KEPT)))
        .bind(&a.key)
        .execute(&mut *conn)
        .await?;
    sqlx::query("INSERT INTO answer (key, request, at_ms, answer) VALUES ($1, $2, $3, $4)")
        .bind(&a.key)
        .bind(&a.request)
        .bind(a.at.0)
        .bind(&a.answer)
        .execute(&mut *conn)
        .await?;
    sqlx::query("DELETE FROM answer WHERE seq <= (SELECT MAX(seq) FROM answer) - $1")
        .bind(ANSWERS_MAX)
        .execute(&mut *conn)
        .await?;
    Ok(())
}
