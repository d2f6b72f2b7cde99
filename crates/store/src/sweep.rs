//! Folding minutes into hours into days, and forgetting what is too old, a little at a time.

use crate::{
    Store, StoreError,
    commit::write_rollups,
    live::{FLUSH_ROWS, number, set_number},
    rollup::{Bucket, Level},
    subscriber::{ASKED_KEPT, BOUNCES_KEPT, NEWS_KEPT, ONCE_KEPT, RECEIPTS_KEPT},
    writer::Fault,
};
use sqlx::Row;
use std::collections::HashMap;
use stillhere_model::{Time, time::millis};

/// Rows deleted by one statement: a write that waits for it waits for some milliseconds.
const ROWS: i64 = 1000;
/// Chunks of looks deleted by one statement; they are larger than other rows.
const CHUNKS: i64 = 100;
/// The same where the size decides: no more than needed.
const CHUNKS_EARLY: i64 = 10;
/// Deletes of one sweep.
const DELETES: u32 = 40;
/// Stretches folded by one sweep.
const FOLDS: u32 = 3;
/// An hour or day is folded so long after its end.
const FOLD_AFTER_MS: i64 = 5 * 60_000;

/// What one sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    pub deleted: u64,
    pub folded: u32,
    /// Of those deleted: rows that went before their time because the database was too large.
    pub early: u64,
    /// There is more to do: sweep again soon.
    pub more: bool,
}

// === impl Store ===

impl Store {
    /// Does a bounded piece of housekeeping. To be called every half minute or so, and not while the clock is
    /// in doubt: what is too old is decided by `now`.
    ///
    /// # Errors
    /// What was done before the error stays done; the next sweep goes on from there.
    pub async fn sweep(&self, now: Time) -> Result<Swept, StoreError> {
        self.sweep_some(now).await.map_err(|e| self.0.err(e))
    }

    async fn sweep_some(&self, now: Time) -> Result<Swept, Fault> {
        let mut swept = Swept::default();
        while swept.folded < FOLDS && self.fold(Level::Hour, now).await? {
            swept.folded += 1;
        }
        while swept.folded < FOLDS && self.fold(Level::Day, now).await? {
            swept.folded += 1;
        }
        swept.more = swept.folded == FOLDS;

        let keep = &self.0.options.retention;
        let (hours_until, days_until) = {
            let mut conn = self.0.readers.acquire().await?;
            (
                number(&mut conn, "folded_hours_until").await?.unwrap_or(i64::MIN),
                number(&mut conn, "folded_days_until").await?.unwrap_or(i64::MIN),
            )
        };
        // Nothing is forgotten before it has been counted into the next level.
        let old = |keep| now.0.saturating_sub(millis(keep));
        let mut jobs = vec![
            (
                "DELETE FROM observation WHERE id IN (SELECT id FROM observation WHERE until_ms < $1 LIMIT $2)",
                old(keep.observations),
                CHUNKS,
            ),
            (
                "DELETE FROM rollup_1m WHERE (at_ms, check_no) IN
                 (SELECT at_ms, check_no FROM rollup_1m WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)",
                old(keep.minutes).min(hours_until),
                ROWS,
            ),
            (
                "DELETE FROM rollup_1h WHERE (at_ms, check_no) IN
                 (SELECT at_ms, check_no FROM rollup_1h WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)",
                old(keep.hours).min(days_until),
                ROWS,
            ),
            (
                "DELETE FROM outbox WHERE seq IN
                 (SELECT seq FROM outbox WHERE state <> 'queued' AND settled_at < $1 LIMIT $2)",
                old(keep.settled),
                ROWS,
            ),
            (
                "DELETE FROM link WHERE id IN (SELECT id FROM link WHERE expires_at < $1 LIMIT $2)",
                old(keep.settled),
                ROWS,
            ),
        ];
        jobs.extend([
            ("DELETE FROM asking WHERE rowid IN (SELECT rowid FROM asking WHERE at_ms < $1 LIMIT $2)", old(ASKED_KEPT), ROWS),
            (
                "DELETE FROM subscriber WHERE no IN
                 (SELECT no FROM subscriber WHERE state = 'asked' AND asked_at < $1 LIMIT $2)",
                old(ASKED_KEPT),
                ROWS,
            ),
            (
                "DELETE FROM subscriber WHERE no IN
                 (SELECT no FROM subscriber WHERE state = 'once' AND asked_at < $1 LIMIT $2)",
                old(ONCE_KEPT),
                ROWS,
            ),
            (
                "DELETE FROM bounce WHERE (subscriber, letter) IN
                 (SELECT subscriber, letter FROM bounce WHERE at_ms < $1 LIMIT $2)",
                old(BOUNCES_KEPT),
                ROWS,
            ),
            (
                "DELETE FROM parcel WHERE no IN
                 (SELECT no FROM parcel WHERE state <> 'queued' AND settled_at < $1 LIMIT $2)",
                old(RECEIPTS_KEPT.min(keep.settled)),
                ROWS,
            ),
            (
                "DELETE FROM news WHERE no IN
                 (SELECT n.no FROM news n WHERE n.at_ms < $1
                    AND NOT EXISTS (SELECT 1 FROM fanout f WHERE f.news = n.no AND f.state <> 'over') LIMIT $2)",
                old(NEWS_KEPT.max(keep.settled)),
                ROWS,
            ),
            (
                "DELETE FROM fanout WHERE (news, way) IN
                 (SELECT f.news, f.way FROM fanout f WHERE f.ended_at < $1
                    AND NOT EXISTS (SELECT 1 FROM news n WHERE n.no = f.news) LIMIT $2)",
                now.0,
                ROWS,
            ),
        ]);
        if let Some(days) = keep.days {
            jobs.push((
                "DELETE FROM rollup_1d WHERE (at_ms, check_no) IN
                 (SELECT at_ms, check_no FROM rollup_1d WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)",
                old(days),
                ROWS,
            ));
        }
        let mut left = DELETES;
        for (sql, before, rows) in jobs {
            loop {
                if left == 0 {
                    swept.more = true;
                    return Ok(swept);
                }
                let mut tx = self.0.begin().await?;
                let n = sqlx::query(sql).bind(before).bind(rows).execute(&mut tx.conn).await?.rows_affected();
                tx.commit().await?;
                swept.deleted += n;
                left -= 1;
                if n < rows.unsigned_abs() {
                    break;
                }
            }
        }
        if let Some(max) = keep.max_bytes {
            self.shrink(max, [i64::MAX, hours_until, days_until], left, &mut swept).await?;
        }
        Ok(swept)
    }

    /// Forgets the finest and oldest first, until the rest fits. What was decided and said, and days, stay.
    async fn shrink(&self, max: u64, until: [i64; 3], mut left: u32, swept: &mut Swept) -> Result<(), Fault> {
        let finest = [
            (
                "DELETE FROM observation WHERE id IN
                 (SELECT id FROM observation WHERE until_ms < $1 ORDER BY id LIMIT $2)",
                CHUNKS_EARLY,
            ),
            (
                "DELETE FROM rollup_1m WHERE (at_ms, check_no) IN
                 (SELECT at_ms, check_no FROM rollup_1m WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)",
                ROWS,
            ),
            (
                "DELETE FROM rollup_1h WHERE (at_ms, check_no) IN
                 (SELECT at_ms, check_no FROM rollup_1h WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)",
                ROWS,
            ),
        ];
        for ((sql, rows), until) in finest.into_iter().zip(until) {
            while self.used_bytes().await? > max {
                if left == 0 {
                    swept.more = true;
                    return Ok(());
                }
                let mut tx = self.0.begin().await?;
                let n = sqlx::query(sql).bind(until).bind(rows).execute(&mut tx.conn).await?.rows_affected();
                tx.commit().await?;
                swept.deleted += n;
                swept.early += n;
                left -= 1;
                if n == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// What the database holds. The file may be larger: what was freed in it is used again.
    async fn used_bytes(&self) -> Result<u64, Fault> {
        let used: i64 = sqlx::query_scalar(
            "SELECT (page_count - freelist_count) * page_size
             FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
        )
        .fetch_one(&self.0.readers)
        .await?;
        Ok(used.unsigned_abs())
    }

    /// Folds the oldest hour (from minutes) or day (from hours) that is over. False: there is none.
    async fn fold(&self, to: Level, now: Time) -> Result<bool, Fault> {
        let (done, parts_done, first, select) = match to {
            Level::Hour => (
                "folded_hours_until",
                "rolled_until",
                "SELECT MIN(at_ms) FROM rollup_1m WHERE at_ms >= $1",
                "SELECT check_no, body FROM rollup_1m WHERE at_ms >= $1 AND at_ms < $2",
            ),
            Level::Day => (
                "folded_days_until",
                "folded_hours_until",
                "SELECT MIN(at_ms) FROM rollup_1h WHERE at_ms >= $1",
                "SELECT check_no, body FROM rollup_1h WHERE at_ms >= $1 AND at_ms < $2",
            ),
            Level::Minute => return Ok(false),
        };
        let mut reader = self.0.readers.acquire().await?;
        let from = number(&mut reader, done).await?.unwrap_or(i64::MIN);
        let parts_until = number(&mut reader, parts_done).await?.unwrap_or(i64::MIN);
        let first: Option<i64> = sqlx::query_scalar(first).bind(from).fetch_one(&mut *reader).await?;
        let Some(at) = first.map(|first| to.floor(first)) else { return Ok(false) };
        let end = at + to.ms();
        // An hour without a look has no minute that says it is over: after some time it is over anyway.
        if end + FOLD_AFTER_MS > now.0 || (parts_until < end && end + 2 * Level::Hour.ms() > now.0) {
            return Ok(false);
        }
        let mut folded: HashMap<u32, Bucket> = HashMap::new();
        for row in sqlx::query(select).bind(at).bind(end).fetch_all(&mut *reader).await? {
            let check = u32::try_from(row.try_get::<i64, _>(0)?).map_err(|_| Fault::Malformed)?;
            folded.entry(check).or_default().merge(&Bucket::unpack(row.try_get(1)?)?);
        }
        drop(reader);
        let mut rows: Vec<_> = folded.into_iter().map(|(check, bucket)| (at, check, bucket)).collect();
        rows.sort_unstable_by_key(|r| r.1);
        // In pieces, so that no commit waits long. The mark comes last: done half, it is done again.
        loop {
            let rest = rows.split_off(rows.len().min(FLUSH_ROWS));
            let mut tx = self.0.begin().await?;
            write_rollups(&mut tx.conn, to, rows).await?;
            if rest.is_empty() {
                set_number(&mut tx.conn, done, end).await?;
                match to {
                    Level::Day => tx.live.folded_days_until = end,
                    _ => tx.live.folded_hours_until = end,
                }
            }
            tx.commit().await?;
            if rest.is_empty() {
                return Ok(true);
            }
            rows = rest;
        }
    }
}
