//! What the writer keeps in memory: names, and the minutes that are still being counted.
//!
//! Nothing here is the only copy. A minute is written when it is over; until then its looks lie in the chunks,
//! from which [`Live::load`] counts them again after a crash or a failed write. `rolled_until` is the line between
//! the two: minutes before it are in the table and are merged into there, minutes from it on are counted here.

use crate::{
    chunk,
    names::{Kind, Names},
    pack::Malformed,
    rollup::{Bucket, Level},
    writer::Fault,
};
use sqlx::{Row, SqliteConnection};
use std::collections::{BTreeMap, HashMap};
use stillhere_model::{Outcome, Time};

/// A minute is written so long after its end: looks are dated by their beginning and may take this long.
const GRACE_MS: i64 = 60_000;
/// Most counts written along with one commit, so that the first commit of a minute is not a slow one.
pub(crate) const FLUSH_ROWS: usize = 1024;

pub(crate) struct Live {
    pub(crate) names: Names,
    open: BTreeMap<i64, HashMap<u32, Bucket>>,
    /// The minute being written, by check, and what is left of it.
    flushing: Option<(i64, BTreeMap<u32, Bucket>)>,
    rolled_until: i64,
    pub(crate) folded_hours_until: i64,
    pub(crate) folded_days_until: i64,
}

/// Looks of minutes that are in the table already.
pub(crate) type Late = HashMap<(i64, u32), Bucket>;

// === impl Live ===

impl Live {
    pub(crate) async fn load(conn: &mut SqliteConnection) -> Result<Live, Fault> {
        let mut names = Names::default();
        for row in sqlx::query("SELECT no, kind, name FROM name").fetch_all(&mut *conn).await? {
            let no = u32::try_from(row.try_get::<i64, _>(0)?).map_err(|_| Malformed)?;
            if let Some(kind) = Kind::parse(row.try_get(1)?) {
                names.insert(kind, row.try_get(2)?, no);
            }
        }
        let mut live = Live {
            names,
            open: BTreeMap::new(),
            flushing: None,
            rolled_until: number(conn, "rolled_until").await?.unwrap_or(i64::MIN),
            folded_hours_until: number(conn, "folded_hours_until").await?.unwrap_or(i64::MIN),
            folded_days_until: number(conn, "folded_days_until").await?.unwrap_or(i64::MIN),
        };
        let rows = sqlx::query("SELECT body FROM observation WHERE until_ms >= $1")
            .bind(live.rolled_until)
            .fetch_all(&mut *conn)
            .await?;
        for row in rows {
            chunk::unpack(row.try_get(0)?, |p| {
                let minute = Level::Minute.floor(p.at.0);
                if minute >= live.rolled_until {
                    live.open
                        .entry(minute)
                        .or_default()
                        .entry(p.check)
                        .or_default()
                        .add(p.outcome, p.total_us);
                }
            })?;
        }
        Ok(live)
    }

    /// Counts one look, here or, when its minute has been written, in `late`.
    pub(crate) fn count(&mut self, check: u32, at: Time, outcome: Outcome, total_us: u32, late: &mut Late) {
        let minute = Level::Minute.floor(at.0);
        let bucket = match &mut self.flushing {
            Some((m, left)) if *m == minute => left.get_mut(&check),
            _ if minute < self.rolled_until => None,
            _ => Some(self.open.entry(minute).or_default().entry(check).or_default()),
        };
        bucket.unwrap_or_else(|| late.entry((minute, check)).or_default()).add(outcome, total_us);
    }

    /// The next counts to be written, by minute and check. The second value is the new `rolled_until`, when a
    /// minute is wholly written with them.
    pub(crate) fn flush(&mut self, now: Time) -> (Vec<(i64, u32, Bucket)>, Option<i64>) {
        if self.flushing.is_none() {
            let over = Level::Minute.floor(now.0.saturating_sub(GRACE_MS));
            match self.open.first_entry().filter(|e| *e.key() < over) {
                Some(first) => {
                    let (minute, buckets) = first.remove_entry();
                    self.flushing = Some((minute, buckets.into_iter().collect()));
                }
                // Minutes without a look are over too: an hour must not wait for a look to be folded.
                None if over > self.rolled_until => {
                    self.rolled_until = over;
                    return (Vec::new(), Some(over));
                }
                None => return (Vec::new(), None),
            }
        }
        let Some((minute, left)) = &mut self.flushing else { return (Vec::new(), None) };
        let minute = *minute;
        let mut rows = Vec::with_capacity(left.len().min(FLUSH_ROWS));
        while rows.len() < FLUSH_ROWS
            && let Some((check, bucket)) = left.pop_first()
        {
            rows.push((minute, check, bucket));
        }
        if !left.is_empty() {
            return (rows, None);
        }
        self.flushing = None;
        self.rolled_until = minute + Level::Minute.ms();
        (rows, Some(self.rolled_until))
    }

    /// Minutes that wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.open.len()
    }
}

/// A number from `meta`.
pub(crate) async fn number(
    conn: &mut SqliteConnection,
    key: &'static str,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT number FROM meta WHERE key = $1").bind(key).fetch_optional(conn).await
}

pub(crate) async fn set_number(
    conn: &mut SqliteConnection,
    key: &'static str,
    number: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO meta (key, number) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET number = excluded.number",
    )
    .bind(key)
    .bind(number)
    .execute(conn)
    .await
    .map(drop)
}
