//! What a starting node must know.

use crate::{Store, StoreError, writer::Fault};
use sqlx::{Row, SqliteConnection};
use stillhere_model::{CheckId, Incident, Maintenance, Occasion, OutboxMessage, Time, Verdict};

/// Resolved incidents that are loaded, those that ended last; older ones are read when somebody asks.
pub const RESOLVED: i64 = 200;
/// Older resolved incidents that are loaded because something is still to be done about them.
pub const WORK_LEFT: i64 = 200;
/// Maintenances that are over and loaded.
pub const MAINTENANCES_OVER: i64 = 100;

#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Raised when a backup is restored, so that readers never take old numbers for new ones.
    pub epoch: u64,
    /// The last snapshot number that was written.
    pub seq: u64,
    /// When the process last said that it lives. `None`: a new folder.
    pub alive_at: Option<Time>,
    pub created_at: Time,
    pub verdicts: Vec<Verdict>,
    /// Newest first.
    pub open: Vec<Incident>,
    /// The last [`RESOLVED`], newest resolution first.
    pub resolved: Vec<Incident>,
    /// Older ones with prevention items that are not done, at most [`WORK_LEFT`].
    pub work_left: Vec<Incident>,
    /// Planned and running ones, then the last [`MAINTENANCES_OVER`] that are over; each latest start first.
    pub maintenances: Vec<Maintenance>,
    pub push: Vec<(CheckId, String)>,
    /// What staff were told about ourselves and about certificates, oldest first, as far back as settled messages
    /// are kept: so that a restart does not tell it again.
    pub told: Vec<Occasion>,
}

// === impl Store ===

impl Store {
    /// # Errors
    /// A row that cannot be read is an error, not a gap.
    pub async fn load(&self) -> Result<Loaded, StoreError> {
        self.load_all().await.map_err(|e| self.0.err(e))
    }

    async fn load_all(&self) -> Result<Loaded, Fault> {
        let mut tx = self.0.readers.begin().await?; // one state, whatever is written meanwhile
        let conn: &mut SqliteConnection = &mut tx;
        let mut loaded = Loaded::default();
        for row in sqlx::query("SELECT key, number FROM meta").fetch_all(&mut *conn).await? {
            let number: i64 = row.try_get(1)?;
            match row.try_get::<&str, _>(0)? {
                "epoch" => loaded.epoch = u64::try_from(number).unwrap_or(0),
                "seq" => loaded.seq = u64::try_from(number).unwrap_or(0),
                "alive_at" => loaded.alive_at = Some(Time(number)),
                "created_at" => loaded.created_at = Time(number),
                _ => {}
            }
        }
        loaded.verdicts = json(sqlx::query("SELECT verdict FROM verdict").fetch_all(&mut *conn).await?)?;
        loaded.open = json(
            sqlx::query("SELECT incident FROM incident WHERE is_open = 1 ORDER BY id DESC")
                .fetch_all(&mut *conn)
                .await?,
        )?;
        loaded.resolved = json(
            sqlx::query("SELECT incident FROM incident WHERE is_open = 0 ORDER BY resolved_at DESC LIMIT $1")
                .bind(RESOLVED)
                .fetch_all(&mut *conn)
                .await?,
        )?;
        let work_left: Vec<Incident> = json(
            sqlx::query(
                "SELECT incident FROM incident WHERE open_work > 0 AND is_open = 0 ORDER BY id DESC LIMIT $1",
            )
            .bind(RESOLVED + WORK_LEFT)
            .fetch_all(&mut *conn)
            .await?,
        )?;
        let known = |i: &Incident| loaded.resolved.iter().any(|r| r.id == i.id);
        let older = work_left.into_iter().filter(|i| !known(i)).take(usize::try_from(WORK_LEFT).unwrap_or(0));
        loaded.work_left = older.collect();
        for (over, limit) in [(0, i64::MAX), (1, MAINTENANCES_OVER)] {
            let rows = sqlx::query(
                "SELECT maintenance FROM maintenance WHERE is_over = $1 ORDER BY starts_at DESC LIMIT $2",
            )
            .bind(over)
            .bind(limit)
            .fetch_all(&mut *conn)
            .await?;
            loaded.maintenances.append(&mut json(rows)?);
        }
        for row in sqlx::query("SELECT check_id, state FROM push_state").fetch_all(&mut *conn).await? {
            loaded.push.push((CheckId::new(row.try_get::<&str, _>(0)?), row.try_get(1)?));
        }
        // LIKE over the JSON text is the same SQL on every database, and this is read once a start.
        let told: Vec<OutboxMessage> = json(
            sqlx::query(
                "SELECT message FROM outbox WHERE audience = 'staff' AND state <> 'withdrawn'
                   AND (message LIKE '%\"occasion\":\"uplink_%' OR message LIKE '%\"occasion\":\"certificate_ending\"%')
                 ORDER BY seq",
            )
            .fetch_all(&mut *conn)
            .await?,
        )?;
        loaded.told = told.into_iter().map(|m| m.occasion).collect();
        tx.rollback().await?;
        Ok(loaded)
    }
}

/// The first column of each row, read as JSON.
pub(crate) fn json<T: serde::de::DeserializeOwned>(
    rows: Vec<sqlx::sqlite::SqliteRow>,
) -> Result<Vec<T>, Fault> {
    rows.iter().map(|r| Ok(serde_json::from_str(r.try_get(0)?)?)).collect()
}
