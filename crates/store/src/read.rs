//! What people and pages ask for. All of it comes from the readers, which never wait for a write.

use crate::{
    Store, StoreError, chunk,
    load::json,
    rollup::{Bucket, Level, Rollup},
    writer::Fault,
};
use sqlx::{Row, sqlite::SqliteRow};
use std::{collections::HashMap, time::Duration};
use stillhere_model::{
    Amendment, CheckId, Incident, IncidentId, Maintenance, MaintenanceId, Observation, ServiceId, Status,
    Time, VantageId, journal::Entry, time::millis,
};

/// Chunks read at a time when looks are searched.
const CHUNKS: i64 = 256;
/// Entries of the journal read at a time when it is searched.
const ENTRIES: usize = 250;
/// Entries looked at for one answer. What is further back is asked for again, so that nobody waits long for what may not be there.
const ENTRIES_LOOKED_AT: usize = 5_000;

/// A stretch of one service's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub service: ServiceId,
    pub from: Time,
    /// `None`: until now.
    pub until: Option<Time>,
    pub status: Status,
}

#[derive(Debug, Clone, PartialEq)]
pub struct JournalRow {
    pub seq: u64,
    pub at: Time,
    pub entry: Entry,
}

/// A stretch of the journal, read backwards.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalPage {
    /// Those that fit, newest first.
    pub rows: Vec<JournalRow>,
    /// The oldest entry that was looked at: what fits before it has not been looked for. `None`: the journal has no older ones.
    pub looked_to: Option<(u64, Time)>,
}

// === impl Store ===

impl Store {
    /// The record of all services that touches `from..until`, by service, then by time.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn segments(&self, from: Time, until: Time) -> Result<Vec<Segment>, StoreError> {
        let rows = sqlx::query(
            "SELECT service, from_ms, until_ms, status FROM segment
             WHERE from_ms < $2 AND (until_ms IS NULL OR (until_ms > $1 AND until_ms > from_ms))
             ORDER BY service, from_ms",
        )
        .bind(from.0)
        .bind(until.0)
        .fetch_all(&self.0.readers)
        .await;
        self.read(rows, |row| {
            Ok(Segment {
                service: ServiceId::new(row.try_get::<&str, _>(0)?),
                from: Time(row.try_get(1)?),
                until: row.try_get::<Option<i64>, _>(2)?.map(Time),
                status: row.try_get::<&str, _>(3)?.parse().map_err(|()| Fault::Malformed)?,
            })
        })
    }

    /// Stretches that nothing is known about, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn gaps(&self, from: Time, until: Time) -> Result<Vec<(Time, Time)>, StoreError> {
        let rows = sqlx::query(
            "SELECT from_ms, until_ms FROM gap WHERE until_ms > $1 AND from_ms < $2 ORDER BY from_ms",
        )
        .bind(from.0)
        .bind(until.0)
        .fetch_all(&self.0.readers)
        .await;
        self.read(rows, |row| Ok((Time(row.try_get(0)?), Time(row.try_get(1)?))))
    }

    /// Corrections of stretches that touch `from..until`, in the order they were made.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn amendments(&self, from: Time, until: Time) -> Result<Vec<Amendment>, StoreError> {
        let rows =
            sqlx::query("SELECT amendment FROM amendment WHERE until_ms > $1 AND from_ms < $2 ORDER BY id")
                .bind(from.0)
                .bind(until.0)
                .fetch_all(&self.0.readers)
                .await;
        self.read(rows, |row| Ok(serde_json::from_str(row.try_get(0)?)?))
    }

    /// Entries after `after`, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn journal(&self, after: u64, limit: u32) -> Result<Vec<JournalRow>, StoreError> {
        let rows = sqlx::query("SELECT seq, at_ms, entry FROM journal WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(i64::try_from(after).unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .fetch_all(&self.0.readers)
            .await;
        self.read(rows, journal_row)
    }

    /// Entries that fit, newest first, from before `before` or from the end: at most `limit`, out of at most 5,000 looked at.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn journal_back(
        &self,
        before: Option<u64>,
        limit: usize,
        fits: impl Fn(&Entry) -> bool,
    ) -> Result<JournalPage, StoreError> {
        let mut page = JournalPage { rows: Vec::new(), looked_to: None };
        let mut below = before.map_or(i64::MAX, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
        let mut looked_at = 0;
        while looked_at < ENTRIES_LOOKED_AT {
            let rows = sqlx::query(
                "SELECT seq, at_ms, entry FROM journal WHERE seq < $1 ORDER BY seq DESC LIMIT $2",
            )
            .bind(below)
            .bind(i64::try_from(ENTRIES).unwrap_or(i64::MAX))
            .fetch_all(&self.0.readers)
            .await;
            let rows: Vec<JournalRow> = self.read(rows, journal_row)?;
            let last = rows.len() < ENTRIES;
            looked_at += rows.len();
            for row in rows {
                page.looked_to = Some((row.seq, row.at));
                below = row.seq.cast_signed();
                if fits(&row.entry) {
                    page.rows.push(row);
                    if page.rows.len() == limit {
                        return Ok(page);
                    }
                }
            }
            if last {
                page.looked_to = None;
                return Ok(page);
            }
        }
        Ok(page)
    }

    /// Incidents opened before `before`, open and resolved, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn incidents(
        &self,
        before: Option<IncidentId>,
        limit: u32,
    ) -> Result<Vec<Incident>, StoreError> {
        // Ids are UUIDs v7 in hexadecimal: "g" sorts after all of them.
        let rows = sqlx::query("SELECT incident FROM incident WHERE id < $1 ORDER BY id DESC LIMIT $2")
            .bind(before.map_or_else(|| "g".to_owned(), |id| id.to_string()))
            .bind(i64::from(limit))
            .fetch_all(&self.0.readers)
            .await;
        self.read(rows, |row| Ok(serde_json::from_str(row.try_get(0)?)?))
    }

    /// Incidents with prevention items that are still to be done, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn incidents_with_work(&self, limit: u32) -> Result<Vec<Incident>, StoreError> {
        let rows = sqlx::query("SELECT incident FROM incident WHERE open_work > 0 ORDER BY id DESC LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(&self.0.readers)
            .await;
        self.read(rows, |row| Ok(serde_json::from_str(row.try_get(0)?)?))
    }

    /// # Errors
    /// When the file cannot be read.
    pub async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        let rows = sqlx::query("SELECT incident FROM incident WHERE id = $1")
            .bind(id.to_string())
            .fetch_all(&self.0.readers)
            .await;
        Ok(self.read(rows, |row| Ok(serde_json::from_str(row.try_get(0)?)?))?.pop())
    }

    /// # Errors
    /// When the file cannot be read.
    pub async fn maintenance(&self, id: MaintenanceId) -> Result<Option<Maintenance>, StoreError> {
        let rows = sqlx::query("SELECT maintenance FROM maintenance WHERE id = $1")
            .bind(id.to_string())
            .fetch_all(&self.0.readers)
            .await
            .map_err(|e| self.0.err(e))?;
        Ok(json(rows).map_err(|e| self.0.err(e))?.pop())
    }

    /// The last looks of a check that began in `from..until`, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn looks(
        &self,
        check: &CheckId,
        from: Time,
        until: Time,
        limit: usize,
    ) -> Result<Vec<Observation>, StoreError> {
        self.looks_of(check, from, until, limit).await.map_err(|e| self.0.err(e))
    }

    async fn looks_of(
        &self,
        check: &CheckId,
        from: Time,
        until: Time,
        limit: usize,
    ) -> Result<Vec<Observation>, Fault> {
        let Some(no) = self.check_no(check).await? else { return Ok(Vec::new()) };
        let mut vantages = HashMap::new();
        for row in
            sqlx::query("SELECT no, name FROM name WHERE kind = 'vantage'").fetch_all(&self.0.readers).await?
        {
            vantages.insert(row.try_get::<i64, _>(0)?, VantageId::new(row.try_get::<&str, _>(1)?));
        }
        let mut found = Vec::new();
        let mut below = i64::MAX;
        while found.len() < limit {
            let rows = sqlx::query(
                "SELECT id, body FROM observation WHERE id < $1 AND until_ms >= $2 AND from_ms < $3
                 ORDER BY id DESC LIMIT $4",
            )
            .bind(below)
            .bind(from.0)
            .bind(until.0)
            .bind(CHUNKS)
            .fetch_all(&self.0.readers)
            .await?;
            let Some(last) = rows.last() else { break };
            below = last.try_get(0)?;
            for row in &rows {
                let first = found.len();
                chunk::unpack(row.try_get(1)?, |p| {
                    if i64::from(p.check) == no
                        && (from..until).contains(&p.at)
                        && let Some(vantage) = vantages.get(&i64::from(p.vantage))
                    {
                        found.push(p.observation(check.clone(), vantage.clone()));
                    }
                })?;
                found[first..].reverse();
                if found.len() >= limit {
                    break;
                }
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The counts of a check for the stretches of `level` that begin in `from..until`, oldest first; those without
    /// a look are left out. Minutes appear about a minute after their end, hours and days some minutes after.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn rollups(
        &self,
        check: &CheckId,
        level: Level,
        from: Time,
        until: Time,
    ) -> Result<Vec<Rollup>, StoreError> {
        self.rollups_of(check, level, from, until).await.map_err(|e| self.0.err(e))
    }

    async fn rollups_of(
        &self,
        check: &CheckId,
        level: Level,
        from: Time,
        until: Time,
    ) -> Result<Vec<Rollup>, Fault> {
        let Some(no) = self.check_no(check).await? else { return Ok(Vec::new()) };
        // The tables are keyed by time first: each stretch is one look-up, whatever else is in the table.
        let sql = match level {
            Level::Minute => {
                "WITH RECURSIVE t (at_ms) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT at_ms + $2 FROM t WHERE at_ms + $2 < $3)
                 SELECT r.at_ms, r.body FROM t JOIN rollup_1m r ON r.at_ms = t.at_ms AND r.check_no = $4"
            }
            Level::Hour => {
                "WITH RECURSIVE t (at_ms) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT at_ms + $2 FROM t WHERE at_ms + $2 < $3)
                 SELECT r.at_ms, r.body FROM t JOIN rollup_1h r ON r.at_ms = t.at_ms AND r.check_no = $4"
            }
            Level::Day => {
                "WITH RECURSIVE t (at_ms) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT at_ms + $2 FROM t WHERE at_ms + $2 < $3)
                 SELECT r.at_ms, r.body FROM t JOIN rollup_1d r ON r.at_ms = t.at_ms AND r.check_no = $4"
            }
        };
        let first = level.floor(from.0.saturating_add(level.ms() - 1));
        if first >= until.0 {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(sql)
            .bind(first)
            .bind(level.ms())
            .bind(until.0)
            .bind(no)
            .fetch_all(&self.0.readers)
            .await?;
        rows.iter().map(|row| Ok(Bucket::unpack(row.try_get(1)?)?.at(row.try_get(0)?))).collect()
    }

    /// Counts of a check over stretches of `step` (whole minutes), for pictures. Oldest first; a stretch without a
    /// look is left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn latency(
        &self,
        check: &CheckId,
        from: Time,
        until: Time,
        step: Duration,
    ) -> Result<Vec<Rollup>, StoreError> {
        let step = millis(step).max(Level::Minute.ms());
        let level = if step % Level::Hour.ms() == 0 { Level::Hour } else { Level::Minute };
        let mut out: Vec<Rollup> = Vec::new();
        for r in self.rollups(check, level, from, until).await? {
            let at = Time(r.at.0 - r.at.0.rem_euclid(step));
            match out.last_mut() {
                Some(last) if last.at == at => last.merge(&r),
                _ => out.push(Rollup { at, ..r }),
            }
        }
        Ok(out)
    }

    async fn check_no(&self, check: &CheckId) -> Result<Option<i64>, sqlx::Error> {
        sqlx::query_scalar("SELECT no FROM name WHERE kind = 'check' AND name = $1")
            .bind(check.as_str())
            .fetch_optional(&self.0.readers)
            .await
    }

    pub(crate) fn read<T>(
        &self,
        rows: Result<Vec<sqlx::sqlite::SqliteRow>, sqlx::Error>,
        each: impl Fn(&sqlx::sqlite::SqliteRow) -> Result<T, Fault>,
    ) -> Result<Vec<T>, StoreError> {
        rows.map_err(Fault::from).and_then(|r| r.iter().map(each).collect()).map_err(|e| self.0.err(e))
    }
}

fn journal_row(row: &SqliteRow) -> Result<JournalRow, Fault> {
    Ok(JournalRow {
        seq: row.try_get::<i64, _>(0)?.cast_unsigned(),
        at: Time(row.try_get(1)?),
        entry: serde_json::from_str(row.try_get(2)?)?,
    })
}
