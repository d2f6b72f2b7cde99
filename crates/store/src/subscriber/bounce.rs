//! Addresses that nothing more is sent to: when letters came back, or the far side refused them.
//!
//! A letter is counted once, however often somebody hands in its report. It counts only if it is younger than the last confirmation, and for
//! [`BOUNCES_KEPT`]: with an old letter nobody can end what was begun anew.

use crate::{Store, StoreError, commit::journal, outbox::bounded, writer::Fault};
use sqlx::{Row, SqliteConnection};
use std::time::Duration;
use stillhere_model::{Entry, SubscriberId, Time, Way, time::millis};

/// Mail servers try for five days as a rule; a letter that comes back later than this is not looked at.
pub const BOUNCES_KEPT: Duration = Duration::from_secs(14 * 86_400);

/// A letter that came back; that we sent it is known already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    pub subscriber: SubscriberId,
    /// What tells it from the other letters to this subscriber.
    pub letter: i64,
    /// When it was sent, in days since 1970.
    pub day: i64,
    /// There is no such mailbox: one is enough. Otherwise letters of so many days.
    pub gone: bool,
    pub stop_after_days: u32,
    /// The status, which holds no address.
    pub status: String,
    /// In the far side's words.
    pub said: String,
}

/// What a letter that came back did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounced {
    /// Nothing more is sent to this address from now on.
    Stopped,
    /// With letters of so many days now.
    Counted(u32),
    /// It was counted before.
    Again,
    /// It was too long ago, or there is no such subscription that is told anything.
    Nothing,
}

/// An address that nothing more is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// What the journal calls them.
    pub who: String,
    pub way: Way,
    pub at: Time,
    pub why: String,
}

// === impl Store ===

impl Store {
    /// Counts a letter that came back.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn subscriber_bounced(&self, b: &Bounce, now: Time) -> Result<Bounced, StoreError> {
        self.bounced(b, now).await.map_err(|e| self.0.err(e))
    }

    async fn bounced(&self, b: &Bounce, now: Time) -> Result<Bounced, Fault> {
        let oldest = day_of(now.0 - millis(BOUNCES_KEPT));
        if b.day < oldest || b.day > day_of(now.0) + 1 {
            return Ok(Bounced::Nothing);
        }
        let mut tx = self.0.begin().await?;
        let conn = &mut tx.conn;
        let row = sqlx::query("SELECT no, confirmed_at FROM subscriber WHERE id = $1 AND state = 'active'")
            .bind(b.subscriber.to_string())
            .fetch_optional(&mut *conn)
            .await?;
        let Some(row) = row else { return Ok(Bounced::Nothing) };
        let (no, confirmed): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        if confirmed.is_some_and(|at| b.day < day_of(at)) {
            return Ok(Bounced::Nothing);
        }
        let new = sqlx::query(
            "INSERT INTO bounce (subscriber, letter, day, at_ms) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(no)
        .bind(b.letter)
        .bind(b.day)
        .bind(now.0)
        .execute(&mut *conn)
        .await?;
        if new.rows_affected() == 0 {
            return Ok(Bounced::Again);
        }
        let days: i64 =
            sqlx::query_scalar("SELECT COUNT(DISTINCT day) FROM bounce WHERE subscriber = $1 AND day >= $2")
                .bind(no)
                .bind(oldest)
                .fetch_one(&mut *conn)
                .await?;
        let why = if b.gone {
            format!("a letter came back: {}, no such mailbox", b.status)
        } else {
            format!("letters of {days} days came back, the last with {}", b.status)
        };
        let stop = b.gone || days >= i64::from(b.stop_after_days);
        if stop {
            silence(conn, no, &why, &b.said, now).await?;
        }
        tx.commit().await?;
        Ok(if stop { Bounced::Stopped } else { Bounced::Counted(u32::try_from(days).unwrap_or(u32::MAX)) })
    }

    /// Those that nothing more is sent to, the last first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn subscribers_stopped(&self, limit: u32) -> Result<Vec<Stopped>, StoreError> {
        let rows = sqlx::query(
            "SELECT who, way, stopped_at, stopped_why FROM subscriber
             WHERE state = 'silenced' AND stopped_at IS NOT NULL ORDER BY stopped_at DESC, no DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.0.readers)
        .await;
        self.read(rows, |r| {
            Ok(Stopped {
                who: r.try_get(0)?,
                way: r.try_get::<&str, _>(1)?.parse().map_err(|()| Fault::Malformed)?,
                at: Time(r.try_get(2)?),
                why: r.try_get(3)?,
            })
        })
    }
}

fn day_of(ms: i64) -> i64 {
    ms.div_euclid(86_400_000)
}

/// Nothing more is sent; `why` goes into the journal, `said` stays with the address.
pub(super) async fn silence(
    conn: &mut SqliteConnection,
    no: i64,
    why: &str,
    said: &str,
    now: Time,
) -> Result<(), Fault> {
    let row = sqlx::query(
        "UPDATE subscriber SET state = 'silenced', stopped_at = $1, stopped_why = $2, stopped_said = $3
         WHERE no = $4 AND state = 'active' RETURNING who",
    )
    .bind(now.0)
    .bind(why)
    .bind(bounded(said))
    .bind(no)
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(row) = row {
        let entry = Entry::SubscriberSilenced { who: row.try_get(0)?, why: Some(why.to_owned()) };
        journal(conn, now, &entry).await?;
    }
    Ok(())
}

/// They said again that they are there.
pub(super) async fn forgive(conn: &mut SqliteConnection, id: SubscriberId) -> Result<(), Fault> {
    sqlx::query("DELETE FROM bounce WHERE subscriber = (SELECT no FROM subscriber WHERE id = $1)")
        .bind(id.to_string())
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "UPDATE subscriber SET stopped_at = NULL, stopped_why = NULL, stopped_said = NULL WHERE id = $1",
    )
    .bind(id.to_string())
    .execute(&mut *conn)
    .await?;
    Ok(())
}
