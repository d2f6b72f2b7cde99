//! What waits where, and what was given up.

use super::{ChannelQueue, DeadLetter};
use crate::{Store, StoreError};
use sqlx::Row;
use stillhere_model::Time;

// === impl Store ===

impl Store {
    /// Every channel that has or had messages, by name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn outbox_stats(&self) -> Result<Vec<ChannelQueue>, StoreError> {
        let rows = sqlx::query(
            "SELECT channel, SUM(CASE WHEN state = 'queued' THEN 1 ELSE 0 END),
                 SUM(CASE WHEN state = 'queued' THEN in_flight ELSE 0 END),
                 MIN(CASE WHEN state = 'queued' THEN created_at END),
                 SUM(CASE WHEN state = 'dead' THEN 1 ELSE 0 END),
                 SUM(CASE WHEN state = 'delivered' THEN 1 ELSE 0 END)
             FROM outbox GROUP BY channel ORDER BY channel",
        )
        .fetch_all(&self.0.readers)
        .await;
        self.read(rows, |row| {
            Ok(ChannelQueue {
                channel: row.try_get(0)?,
                queued: row.try_get::<i64, _>(1)?.cast_unsigned(),
                in_flight: row.try_get::<i64, _>(2)?.cast_unsigned(),
                oldest: row.try_get::<Option<i64>, _>(3)?.map(Time),
                dead: row.try_get::<i64, _>(4)?.cast_unsigned(),
                delivered: row.try_get::<i64, _>(5)?.cast_unsigned(),
            })
        })
    }

    /// The newest dead letters.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        let rows = sqlx::query(
            "SELECT message, settled_at, attempt, reason FROM outbox WHERE state = 'dead'
             ORDER BY settled_at DESC, seq DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.0.readers)
        .await;
        self.read(rows, |row| {
            Ok(DeadLetter {
                message: serde_json::from_str(row.try_get(0)?)?,
                at: Time(row.try_get(1)?),
                attempts: u32::try_from(row.try_get::<i64, _>(2)?).unwrap_or(u32::MAX),
                reason: row.try_get(3)?,
            })
        })
    }
}
