//! What waits to be told.
//!
//! A message is claimed for a time (a lease), sent, and settled by its receipt. A claim without a receipt is not
//! proof of anything: the far side may have taken the message before we went down. The next claim says so
//! (`sent_before`) and the journal too. Channels do not know of each other, and within a channel only the
//! messages of one incident wait for each other.

mod look;
mod queue;

pub(crate) use queue::{enqueue, withdraw};

use crate::{Store, StoreError, commit::journal, writer::Fault};
use queue::{bury, end};
use sqlx::Row;
use std::time::Duration;
use stillhere_model::{
    Time,
    id::DeliveryId,
    journal::Entry,
    message::{OutboxMessage, Receipt},
    time::millis,
};

/// Most messages that wait in one channel. Beyond it the oldest public updates become dead letters; staff alerts
/// are always taken (they end by age, after [`GIVE_UP_AFTER`]).
pub const QUEUE_MAX: i64 = 10_000;
/// Time of tries after which a message is a dead letter.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Tries it gets at the least, so that a night without power does not count as trying.
pub const TRIES_MIN: u32 = 10;
/// Longest wait between two tries of our own choosing.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(600);
/// Longest wait that the far side may ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);
/// Longest reason or proof that is kept, in bytes.
const REASON_MAX: usize = 512;

/// A message to be sent now, until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub message: OutboxMessage,
    /// 1 for the first try.
    pub attempt: u32,
    /// The try before this one has no receipt: the far side may have the message already. (Journalled.)
    pub sent_before: bool,
}

/// What a receipt did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    Delivered {
        attempts: u32,
    },
    Again {
        at: Time,
    },
    Dead {
        reason: String,
    },
    /// It had been settled already, or somebody else has claimed it since.
    NotOurs,
}

/// One channel's queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelQueue {
    pub channel: String,
    pub queued: u64,
    pub in_flight: u64,
    /// When the oldest waiting message was written.
    pub oldest: Option<Time>,
    /// Dead letters that are still kept.
    pub dead: u64,
    pub delivered: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub message: OutboxMessage,
    pub at: Time,
    pub attempts: u32,
    pub reason: String,
}

// === impl Store ===

impl Store {
    /// Takes up to `limit` messages of `channel` that are due, for `lease`; nobody else gets them until then.
    ///
    /// # Errors
    /// Nothing was claimed.
    pub async fn claim(
        &self,
        channel: &str,
        now: Time,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        // Asking is a read: an idle channel must not cost a write to disk.
        match self.next_due(channel).await? {
            Some(due) if due <= now => {}
            _ => return Ok(Vec::new()),
        }
        self.claim_now(channel, now, limit, lease).await.map_err(|e| self.0.err(e))
    }

    async fn claim_now(
        &self,
        channel: &str,
        now: Time,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Claimed>, Fault> {
        let mut tx = self.0.begin().await?;
        // The guard stands in the outer WHERE too: without it two PostgreSQL sessions could claim the same row.
        let rows = sqlx::query(
            "UPDATE outbox SET lease_until = $1, attempt = attempt + 1, sent_before = in_flight, in_flight = 1,
                 first_try = COALESCE(first_try, $2)
             WHERE seq IN (
                 SELECT o.seq FROM outbox o
                 WHERE o.channel = $3 AND o.state = 'queued' AND o.not_before <= $2 AND o.lease_until <= $2
                   AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.channel = o.channel AND e.thread = o.thread
                                   AND e.state = 'queued' AND e.seq < o.seq)
                 ORDER BY o.seq LIMIT $4)
               AND state = 'queued' AND lease_until <= $2
             RETURNING seq, message, attempt, sent_before",
        )
        .bind(now.plus(lease).0)
        .bind(now.0)
        .bind(channel)
        .bind(i64::from(limit))
        .fetch_all(&mut tx.conn)
        .await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in rows {
            let message: OutboxMessage = serde_json::from_str(row.try_get(1)?)?;
            let sent_before = row.try_get::<i64, _>(3)? != 0;
            if sent_before {
                let entry = Entry::SentAgain { delivery: message.id, channel: message.channel.clone() };
                journal(&mut tx.conn, now, &entry).await?;
            }
            let attempt = u32::try_from(row.try_get::<i64, _>(2)?).unwrap_or(u32::MAX);
            claimed.push((row.try_get::<i64, _>(0)?, Claimed { message, attempt, sent_before }));
        }
        tx.commit().await?;
        claimed.sort_by_key(|c| c.0);
        Ok(claimed.into_iter().map(|c| c.1).collect())
    }

    /// Writes down what became of a claimed message. `jitter` is any random number: it spreads the next try.
    ///
    /// # Errors
    /// Nothing was written: the message will be sent again when its lease ends.
    pub async fn settle(
        &self,
        claimed: &Claimed,
        receipt: &Receipt,
        now: Time,
        jitter: u64,
    ) -> Result<Settled, StoreError> {
        self.settle_now(claimed, receipt, now, jitter).await.map_err(|e| self.0.err(e))
    }

    async fn settle_now(
        &self,
        claimed: &Claimed,
        receipt: &Receipt,
        now: Time,
        jitter: u64,
    ) -> Result<Settled, Fault> {
        let mut tx = self.0.begin().await?;
        let id = claimed.message.id;
        let row = sqlx::query("SELECT attempt, first_try FROM outbox WHERE id = $1 AND state = 'queued'")
            .bind(id.to_string())
            .fetch_optional(&mut tx.conn)
            .await?;
        let Some(row) = row else {
            tx.commit().await?;
            return Ok(Settled::NotOurs);
        };
        let ours = row.try_get::<i64, _>(0)? == i64::from(claimed.attempt);
        let first_try = Time(row.try_get::<Option<i64>, _>(1)?.unwrap_or(now.0));
        let settled = match receipt {
            // The far side has it: true whoever holds the message by now.
            Receipt::Accepted { .. } => Settled::Delivered { attempts: claimed.attempt },
            _ if !ours => Settled::NotOurs,
            Receipt::Refused { reason } => Settled::Dead { reason: bounded(reason) },
            Receipt::Deferred { reason, .. }
                if now.since(first_try) >= GIVE_UP_AFTER && claimed.attempt >= TRIES_MIN =>
            {
                Settled::Dead {
                    reason: bounded(&format!(
                        "given up after {} tries in {} h: {reason}",
                        claimed.attempt,
                        now.since(first_try).as_secs() / 3600
                    )),
                }
            }
            Receipt::Deferred { retry_after_ms, .. } => {
                let wait = back_off(claimed.attempt, jitter);
                let asked = Duration::from_millis(retry_after_ms.unwrap_or(0)).min(RETRY_AFTER_MAX);
                Settled::Again { at: now.plus(wait.max(asked)) }
            }
        };
        let conn = &mut tx.conn;
        match &settled {
            Settled::Delivered { attempts } => {
                let proof = if let Receipt::Accepted { proof } = receipt { proof.as_str() } else { "" };
                end(conn, id, "delivered", now, proof).await?;
                let channel = claimed.message.channel.clone();
                journal(conn, now, &Entry::Delivered { delivery: id, channel, attempts: *attempts }).await?;
            }
            Settled::Dead { reason } => {
                end(conn, id, "dead", now, reason).await?;
                let channel = claimed.message.channel.clone();
                journal(conn, now, &Entry::DeadLettered { delivery: id, channel, reason: reason.clone() })
                    .await?;
            }
            Settled::Again { at } => {
                let reason = if let Receipt::Deferred { reason, .. } = receipt {
                    bounded(reason)
                } else {
                    String::new()
                };
                sqlx::query(
                    "UPDATE outbox SET not_before = $1, lease_until = 0, in_flight = 0, reason = $2 WHERE id = $3",
                )
                .bind(at.0)
                .bind(reason)
                .bind(id.to_string())
                .execute(&mut *conn)
                .await?;
            }
            Settled::NotOurs => {}
        }
        tx.commit().await?;
        Ok(settled)
    }

    /// When the next message of `channel` can be claimed. `None`: nothing waits.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn next_due(&self, channel: &str) -> Result<Option<Time>, StoreError> {
        let due: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(CASE WHEN o.lease_until > o.not_before THEN o.lease_until ELSE o.not_before END)
             FROM outbox o WHERE o.channel = $1 AND o.state = 'queued'
               AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.channel = o.channel AND e.thread = o.thread
                               AND e.state = 'queued' AND e.seq < o.seq)",
        )
        .bind(channel)
        .fetch_one(&self.0.readers)
        .await
        .map_err(|e| self.0.err(e))?;
        Ok(due.map(Time))
    }

    /// Gives up all leases: to be called once at the start by the process that alone has this folder, so that what
    /// was under way when it died does not wait for its lease to end. Returns how many.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn release_leases(&self) -> Result<u64, StoreError> {
        let release = async {
            let mut tx = self.0.begin().await?;
            let done =
                sqlx::query("UPDATE outbox SET lease_until = 0 WHERE state = 'queued' AND lease_until > 0")
                    .execute(&mut tx.conn)
                    .await?;
            let parcels =
                sqlx::query("UPDATE parcel SET lease_until = 0 WHERE state = 'queued' AND lease_until > 0")
                    .execute(&mut tx.conn)
                    .await?;
            tx.commit().await?;
            Ok::<_, Fault>(done.rows_affected() + parcels.rows_affected())
        };
        release.await.map_err(|e| self.0.err(e))
    }

    /// The wall clock jumped: what waits, waits as long as before.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn clock_jumped(&self, by_ms: i64) -> Result<(), StoreError> {
        let shift = async {
            let mut tx = self.0.begin().await?;
            sqlx::query(
                "UPDATE outbox SET not_before = not_before + $1,
                     lease_until = CASE WHEN lease_until = 0 THEN 0 ELSE lease_until + $1 END
                 WHERE state = 'queued'",
            )
            .bind(by_ms)
            .execute(&mut tx.conn)
            .await?;
            sqlx::query(
                "UPDATE parcel SET not_before = not_before + $1,
                     lease_until = CASE WHEN lease_until = 0 THEN 0 ELSE lease_until + $1 END
                 WHERE state = 'queued'",
            )
            .bind(by_ms)
            .execute(&mut tx.conn)
            .await?;
            tx.commit().await
        };
        shift.await.map_err(|e| self.0.err(e))
    }

    /// Everything that waits in a channel that is no more becomes a dead letter. Returns how many.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn abandon(&self, channel: &str, reason: &str, now: Time) -> Result<u64, StoreError> {
        let abandon = async {
            let mut tx = self.0.begin().await?;
            let n = bury(&mut tx.conn, channel, None, now, reason).await?;
            tx.commit().await?;
            Ok::<_, Fault>(n)
        };
        abandon.await.map_err(|e| self.0.err(e))
    }

    /// Queues a dead letter again, under the same id. False: there is no such dead letter.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn revive(&self, id: DeliveryId, now: Time) -> Result<bool, StoreError> {
        let revive = async {
            let mut tx = self.0.begin().await?;
            let row = sqlx::query(
                "UPDATE outbox SET state = 'queued', not_before = $1, lease_until = 0, first_try = NULL,
                     settled_at = NULL WHERE id = $2 AND state = 'dead' RETURNING channel",
            )
            .bind(now.0)
            .bind(id.to_string())
            .fetch_optional(&mut tx.conn)
            .await?;
            if let Some(row) = &row {
                journal(&mut tx.conn, now, &Entry::Queued { delivery: id, channel: row.try_get(0)? }).await?;
            }
            tx.commit().await?;
            Ok::<_, Fault>(row.is_some())
        };
        revive.await.map_err(|e| self.0.err(e))
    }
}

/// 1 s, 2 s, 4 s, … up to [`BACK_OFF_MAX`], each ± 20 %.
pub(crate) fn back_off(attempt: u32, jitter: u64) -> Duration {
    let base = millis(Duration::from_secs(1 << attempt.saturating_sub(1).min(20)).min(BACK_OFF_MAX));
    let spread = base * 2 / 5;
    let ms = base - spread / 2 + i64::try_from(jitter % (spread.unsigned_abs() + 1)).unwrap_or(0);
    Duration::from_millis(ms.unsigned_abs())
}

pub(crate) fn bounded(s: &str) -> String {
    let mut end = s.len().min(REASON_MAX);
    while !s.is_char_boundary(end) {
        end -= 1;
    }
    s[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_ten_minutes_and_are_spread() {
        for (attempt, secs) in [(1, 1), (2, 2), (3, 4), (10, 512), (11, 600), (200, 600), (u32::MAX, 600)] {
            let (low, high) = (secs * 800, secs * 1200);
            for jitter in [0, 1, 77, 123_456_789, u64::MAX] {
                let ms = millis(back_off(attempt, jitter));
                assert!((low..=high).contains(&ms), "attempt {attempt}: {ms} ms");
            }
        }
        assert_ne!(back_off(5, 1), back_off(5, 4_000));
    }

    #[test]
    fn a_reason_is_cut_between_characters() {
        assert_eq!(bounded(&"ü".repeat(400)).len(), 512);
        assert_eq!(bounded(&format!("x{}", "ü".repeat(400))).len(), 511);
    }
}
