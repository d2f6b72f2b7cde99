//! What was made in the console, a row each. What a body means is known by who reads it; secrets in it are sealed already.

use crate::{
    Store, StoreError,
    live::set_number,
    open::{FILE, options_for},
    writer::Fault,
};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};
use std::path::Path;
use stillhere_model::Time;

/// The counter of changes: no version is given out twice, also not to something that was removed and made again.
const COUNTER: &str = "settings";

/// One service, channel or the like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub kind: String,
    pub id: String,
    /// Another one with every change, and higher than any before.
    pub version: u64,
    pub changed_at: Time,
    pub changed_by: String,
    /// JSON.
    pub body: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingWrite {
    /// As it is from now on. Its place among the others stays.
    Put(Setting),
    Removed {
        kind: String,
        id: String,
        version: u64,
    },
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// In the order in which they were made.
    pub kept: Vec<Setting>,
    /// The highest version that was given out.
    pub version: u64,
}

// === impl Store ===

impl Store {
    /// # Errors
    /// When the file cannot be read.
    pub async fn settings(&self) -> Result<Settings, StoreError> {
        let read = async {
            let mut tx = self.0.readers.begin().await?;
            let settings = read(&mut tx).await?;
            tx.rollback().await?;
            Ok::<_, Fault>(settings)
        };
        read.await.map_err(|e| self.0.err(e))
    }
}

/// Those in a data folder, for who only looks; a Stillhere may be running there. `None`: there is no database, or one of before there
/// were any.
///
/// # Errors
/// When the file cannot be read.
pub async fn settings_in(dir: &Path) -> Result<Option<Settings>, StoreError> {
    let path = dir.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let read = async {
        let mut conn = options_for(&path).read_only(true).create_if_missing(false).connect().await?;
        let there = sqlx::query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'setting'")
            .fetch_optional(&mut conn)
            .await?;
        let settings = match there {
            Some(_) => Some(read(&mut conn).await?),
            None => None,
        };
        conn.close().await?;
        Ok::<_, Fault>(settings)
    };
    read.await.map_err(|e| e.at(&path))
}

async fn read(conn: &mut SqliteConnection) -> Result<Settings, Fault> {
    let mut settings = Settings::default();
    let counter =
        sqlx::query("SELECT number FROM meta WHERE key = $1").bind(COUNTER).fetch_optional(&mut *conn);
    if let Some(row) = counter.await? {
        settings.version = row.try_get::<i64, _>(0)?.cast_unsigned();
    }
    let rows =
        sqlx::query("SELECT kind, id, version, changed_at, changed_by, body FROM setting ORDER BY seq")
            .fetch_all(&mut *conn)
            .await?;
    for row in rows {
        settings.kept.push(Setting {
            kind: row.try_get(0)?,
            id: row.try_get(1)?,
            version: row.try_get::<i64, _>(2)?.cast_unsigned(),
            changed_at: Time(row.try_get(3)?),
            changed_by: row.try_get(4)?,
            body: row.try_get(5)?,
        });
    }
    Ok(settings)
}

pub(crate) async fn write(conn: &mut SqliteConnection, w: &SettingWrite) -> Result<(), Fault> {
    let version = match w {
        SettingWrite::Put(s) => {
            sqlx::query(
                "INSERT INTO setting (kind, id, version, changed_at, changed_by, body) VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, changed_at = excluded.changed_at,
                     changed_by = excluded.changed_by, body = excluded.body",
            )
            .bind(&s.kind)
            .bind(&s.id)
            .bind(s.version.cast_signed())
            .bind(s.changed_at.0)
            .bind(&s.changed_by)
            .bind(&s.body)
            .execute(&mut *conn)
            .await?;
            s.version
        }
        SettingWrite::Removed { kind, id, version } => {
            sqlx::query("DELETE FROM setting WHERE kind = $1 AND id = $2")
                .bind(kind)
                .bind(id)
                .execute(&mut *conn)
                .await?;
            *version
        }
    };
    set_number(conn, COUNTER, version.cast_signed()).await?;
    Ok(())
}
