//! One decision, one transaction.

use crate::{
    Store, StoreError, Write, answer,
    chunk::{self, LOOKS_MAX},
    link,
    live::{Late, set_number},
    names::Kind,
    outbox, record,
    rollup::{Bucket, Level},
    setting, subscriber,
    writer::{Fault, Tx},
};
use sqlx::{Row, SqliteConnection};
use std::{fmt::Write as _, sync::LazyLock};
use stillhere_model::{
    Amendment, Incident, Maintenance, Observation, ServiceId, Time, VerdictChange, journal::Entry,
    maintenance::MaintenanceStatus,
};
use stillhere_net::clock;

/// Counts written by one statement.
const ROWS: usize = 32;
/// Minutes that may wait to be written while only decisions are committed.
const MINUTES_WAIT: usize = 4;

/// Level by level: `$1` time, `$2` check, `$3` body.
static UPSERT: LazyLock<[String; 3]> =
    LazyLock::new(|| [Level::Minute, Level::Hour, Level::Day].map(|l| upsert(l, 1)));
static UPSERT_MINUTES: LazyLock<String> = LazyLock::new(|| upsert(Level::Minute, ROWS));

// === impl Store ===

impl Store {
    /// Writes all of `w` in one transaction; returns after the disk has it. Cancelled in the middle, it may or may
    /// not have taken place: wait for it.
    ///
    /// # Errors
    /// Nothing was written, except when the answer to the last step was lost ([`StoreError::Io`]). Writing the
    /// same again is then safe for everything that has an id.
    pub async fn commit(&self, w: &Write) -> Result<(), StoreError> {
        let started = clock::mono();
        self.commit_all(w).await.map_err(|e| self.0.err(e))?;
        self.0.metrics.committed(started.elapsed(), w.observations.len());
        Ok(())
    }

    async fn commit_all(&self, w: &Write) -> Result<(), Fault> {
        let mut tx = self.0.begin().await?;
        write_looks(&mut tx, &w.observations).await?;
        let newest = w.observations.iter().map(|o| o.at).chain(w.alive_at).max();
        if let Some(newest) = newest
            && (w.is_ordinary() || tx.live.waiting() > MINUTES_WAIT)
        {
            flush(&mut tx, newest).await?;
        }
        let conn = &mut tx.conn;
        for v in &w.verdicts {
            write_verdict(conn, v).await?;
        }
        for (service, at) in &w.retired {
            retire(conn, service, *at).await?;
        }
        for i in &w.incidents {
            write_incident(conn, i).await?;
            if let Some(into) = i.merged_into() {
                subscriber::follow(conn, i.id, into).await?;
            }
        }
        for m in &w.maintenances {
            write_maintenance(conn, m).await?;
        }
        for a in &w.amendments {
            write_amendment(conn, a).await?;
        }
        for (from, until) in &w.gaps {
            sqlx::query("INSERT INTO gap (from_ms, until_ms) VALUES ($1, $2)")
                .bind(from.0)
                .bind(until.0)
                .execute(&mut *conn)
                .await?;
        }
        for (check, state) in &w.push {
            sqlx::query(
                "INSERT INTO push_state (check_id, state) VALUES ($1, $2)
                 ON CONFLICT (check_id) DO UPDATE SET state = excluded.state",
            )
            .bind(check.as_str())
            .bind(state.as_str())
            .execute(&mut *conn)
            .await?;
        }
        for (at, entry) in &w.journal {
            journal(conn, *at, entry).await?;
        }
        if let Some(r) = &w.record
            && !record::append(conn, r).await?
        {
            // The answer to an earlier attempt was lost; all of it is on disk, and this one is rolled back.
            return Ok(());
        }
        for a in &w.answers {
            answer::write(conn, a).await?;
        }
        for l in &w.links {
            link::write(conn, l).await?;
        }
        for (id, at) in &w.links_used {
            link::used(conn, *id, *at).await?;
        }
        for s in &w.settings {
            setting::write(conn, s).await?;
        }
        for incident in &w.withdraw {
            outbox::withdraw(conn, *incident).await?;
        }
        for m in &w.outbox {
            outbox::enqueue(conn, m).await?;
        }
        for news in &w.news {
            subscriber::write_news(conn, news).await?;
        }
        if let Some(at) = w.alive_at {
            set_number(conn, "alive_at", at.0).await?;
        }
        if let Some(seq) = w.seq {
            set_number(conn, "seq", i64::try_from(seq).unwrap_or(i64::MAX)).await?;
        }
        tx.commit().await
    }
}

async fn write_looks(tx: &mut Tx<'_>, looks: &[Observation]) -> Result<(), Fault> {
    let mut late = Late::new();
    for looks in looks.chunks(LOOKS_MAX) {
        for o in looks {
            let check = number_of(tx, Kind::Check, o.check.as_str()).await?;
            number_of(tx, Kind::Vantage, o.vantage.as_str()).await?;
            tx.live.count(check, o.at, o.outcome, o.total_us, &mut late);
        }
        let chunk = chunk::pack(looks, &tx.live.names)?;
        sqlx::query("INSERT INTO observation (from_ms, until_ms, looks, body) VALUES ($1, $2, $3, $4)")
            .bind(chunk.from.0)
            .bind(chunk.until.0)
            .bind(i64::try_from(chunk.looks).unwrap_or(i64::MAX))
            .bind(chunk.body)
            .execute(&mut tx.conn)
            .await?;
    }
    for ((minute, check), bucket) in late {
        merge_late(tx, minute, check, &bucket).await?;
    }
    Ok(())
}

/// The number of a name, given out now if it is new. (A failed transaction forgets it: memory is then read anew.)
async fn number_of(tx: &mut Tx<'_>, kind: Kind, name: &str) -> Result<u32, Fault> {
    if let Some(no) = tx.live.names.get(kind, name) {
        return Ok(no);
    }
    let no = tx.live.names.next_no();
    sqlx::query("INSERT INTO name (no, kind, name) VALUES ($1, $2, $3)")
        .bind(i64::from(no))
        .bind(kind.as_str())
        .bind(name)
        .execute(&mut tx.conn)
        .await?;
    tx.live.names.insert(kind, name, no);
    Ok(no)
}

async fn flush(tx: &mut Tx<'_>, now: Time) -> Result<(), Fault> {
    let (rows, rolled_until) = tx.live.flush(now);
    write_rollups(&mut tx.conn, Level::Minute, rows).await?;
    if let Some(until) = rolled_until {
        set_number(&mut tx.conn, "rolled_until", until).await?;
    }
    Ok(())
}

pub(crate) async fn write_rollups(
    conn: &mut SqliteConnection,
    level: Level,
    rows: Vec<(i64, u32, Bucket)>,
) -> Result<(), Fault> {
    let mut rows = rows.into_iter();
    while level == Level::Minute && rows.len() >= ROWS {
        let mut q = sqlx::query(UPSERT_MINUTES.as_str());
        for (at, check, bucket) in rows.by_ref().take(ROWS) {
            q = q.bind(at).bind(i64::from(check)).bind(bucket.pack());
        }
        q.execute(&mut *conn).await?;
    }
    for (at, check, bucket) in rows {
        sqlx::query(UPSERT[level as usize].as_str())
            .bind(at)
            .bind(i64::from(check))
            .bind(bucket.pack())
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// Looks whose minute has been written already: after a jump of the clock, or a very long look.
async fn merge_late(tx: &mut Tx<'_>, minute: i64, check: u32, bucket: &Bucket) -> Result<(), Fault> {
    let hour = Level::Hour.floor(minute);
    let day = Level::Day.floor(minute);
    let folded = [
        (Level::Minute, minute, true),
        (Level::Hour, hour, hour < tx.live.folded_hours_until),
        (Level::Day, day, day < tx.live.folded_days_until),
    ];
    for (level, at, written) in folded {
        if !written {
            continue;
        }
        let select = match level {
            Level::Minute => "SELECT body FROM rollup_1m WHERE at_ms = $1 AND check_no = $2",
            Level::Hour => "SELECT body FROM rollup_1h WHERE at_ms = $1 AND check_no = $2",
            Level::Day => "SELECT body FROM rollup_1d WHERE at_ms = $1 AND check_no = $2",
        };
        let row = sqlx::query(select).bind(at).bind(i64::from(check)).fetch_optional(&mut tx.conn).await?;
        let mut whole = match row {
            Some(row) => Bucket::unpack(row.try_get(0)?)?,
            None => Bucket::default(),
        };
        whole.merge(bucket);
        write_rollups(&mut tx.conn, level, vec![(at, check, whole)]).await?;
    }
    Ok(())
}

async fn write_verdict(conn: &mut SqliteConnection, v: &VerdictChange) -> Result<(), Fault> {
    let now = &v.now;
    sqlx::query(
        "INSERT INTO verdict (service, verdict) VALUES ($1, $2)
         ON CONFLICT (service) DO UPDATE SET verdict = excluded.verdict",
    )
    .bind(now.service.as_str())
    .bind(serde_json::to_string(now)?)
    .execute(&mut *conn)
    .await?;
    let open = sqlx::query("SELECT from_ms, status FROM segment WHERE service = $1 AND until_ms IS NULL")
        .bind(now.service.as_str())
        .fetch_optional(&mut *conn)
        .await?;
    if let Some(open) = open
        && open.try_get::<&str, _>(1)? == now.status.as_str()
        && open.try_get::<i64, _>(0)? <= now.since.0
    {
        return Ok(());
    }
    retire_segments(conn, &now.service, now.since).await?;
    sqlx::query(
        "INSERT INTO segment (service, from_ms, until_ms, status, reason) VALUES ($1, $2, NULL, $3, $4)",
    )
    .bind(now.service.as_str())
    .bind(now.since.0)
    .bind(now.status.as_str())
    .bind(serde_json::to_string(&now.reason)?)
    .execute(&mut *conn)
    .await?;
    Ok(())
}

/// Ends what the record says of a service at `at`. What began later was decided earlier and is overruled: it
/// stays, with no length.
async fn retire_segments(
    conn: &mut SqliteConnection,
    service: &ServiceId,
    at: Time,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE segment SET until_ms = CASE WHEN from_ms > $1 THEN from_ms ELSE $1 END
         WHERE service = $2 AND (until_ms IS NULL OR until_ms > $1)",
    )
    .bind(at.0)
    .bind(service.as_str())
    .execute(conn)
    .await
    .map(drop)
}

async fn retire(conn: &mut SqliteConnection, service: &ServiceId, at: Time) -> Result<(), Fault> {
    retire_segments(conn, service, at).await?;
    sqlx::query("DELETE FROM verdict WHERE service = $1").bind(service.as_str()).execute(conn).await?;
    Ok(())
}

async fn write_incident(conn: &mut SqliteConnection, i: &Incident) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO incident (id, is_open, resolved_at, incident, open_work) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET is_open = excluded.is_open, resolved_at = excluded.resolved_at,
             incident = excluded.incident, open_work = excluded.open_work",
    )
    .bind(i.id.to_string())
    .bind(i64::from(i.status.is_open()))
    .bind(i.resolved_at.map(|t| t.0))
    .bind(serde_json::to_string(i)?)
    .bind(i64::try_from(i.preventions.iter().filter(|p| p.is_open()).count()).unwrap_or(i64::MAX))
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_maintenance(conn: &mut SqliteConnection, m: &Maintenance) -> Result<(), Fault> {
    let over = matches!(m.status, MaintenanceStatus::Completed | MaintenanceStatus::Cancelled);
    sqlx::query(
        "INSERT INTO maintenance (id, is_over, starts_at, maintenance) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET is_over = excluded.is_over, starts_at = excluded.starts_at,
             maintenance = excluded.maintenance",
    )
    .bind(m.id.to_string())
    .bind(i64::from(over))
    .bind(m.starts_at.0)
    .bind(serde_json::to_string(m)?)
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_amendment(conn: &mut SqliteConnection, a: &Amendment) -> Result<(), Fault> {
    sqlx::query("INSERT INTO amendment (from_ms, until_ms, amendment) VALUES ($1, $2, $3)")
        .bind(a.from.0)
        .bind(a.until.0)
        .bind(serde_json::to_string(a)?)
        .execute(conn)
        .await?;
    Ok(())
}

pub(crate) async fn journal(conn: &mut SqliteConnection, at: Time, entry: &Entry) -> Result<(), Fault> {
    sqlx::query("INSERT INTO journal (at_ms, entry) VALUES ($1, $2)")
        .bind(at.0)
        .bind(serde_json::to_string(entry)?)
        .execute(conn)
        .await?;
    Ok(())
}

/// An insert of `rows` counts that replaces what is there.
fn upsert(level: Level, rows: usize) -> String {
    let table = match level {
        Level::Minute => "rollup_1m",
        Level::Hour => "rollup_1h",
        Level::Day => "rollup_1d",
    };
    let mut sql = format!("INSERT INTO {table} (at_ms, check_no, body) VALUES ");
    for i in 0..rows {
        let comma = if i == 0 { "" } else { ", " };
        // Writing into a String cannot fail.
        let _ = write!(sql, "{comma}(${}, ${}, ${})", 3 * i + 1, 3 * i + 2, 3 * i + 3);
    }
    sql.push_str(" ON CONFLICT (at_ms, check_no) DO UPDATE SET body = excluded.body");
    sql
}
