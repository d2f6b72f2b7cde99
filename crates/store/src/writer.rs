//! The one connection that writes.
//!
//! A transaction takes the connection out of its place and puts it back only when it was committed. After any
//! error, and when a caller goes away in the middle, the connection is closed (SQLite rolls back) and the next
//! transaction begins with a new one and with memory read anew: there is no half-known state to reason about.

use crate::{StoreError, live::Live, open::Inner, pack::Malformed};
use sqlx::{Connection, SqliteConnection};
use tokio::sync::MutexGuard;

pub(crate) struct Writer {
    conn: Option<(SqliteConnection, Live)>,
}

/// A transaction. Dropped without [`Tx::commit`], it has not taken place.
pub(crate) struct Tx<'a> {
    place: MutexGuard<'a, Writer>,
    pub(crate) conn: SqliteConnection,
    pub(crate) live: Live,
}

/// Why a transaction failed, before it is known to the outside.
#[derive(Debug)]
pub(crate) enum Fault {
    Sql(sqlx::Error),
    Malformed,
    Json(serde_json::Error),
    Store(StoreError),
}

// === impl Writer ===

impl Writer {
    pub(crate) fn new(conn: SqliteConnection, live: Live) -> Writer {
        Writer { conn: Some((conn, live)) }
    }

    pub(crate) async fn close(&mut self) -> Result<(), sqlx::Error> {
        match self.conn.take() {
            Some((conn, _)) => conn.close().await,
            None => Ok(()),
        }
    }
}

// === impl Tx ===

impl Inner {
    pub(crate) async fn begin(&self) -> Result<Tx<'_>, Fault> {
        let mut place = self.writer.lock().await;
        let (mut conn, live) = match place.conn.take() {
            Some((conn, live)) => (conn, Some(live)),
            None => (self.connect().await?, None),
        };
        sqlx::query("BEGIN IMMEDIATE").execute(&mut conn).await?;
        let live = match live {
            Some(live) => live,
            None => Live::load(&mut conn).await?,
        };
        Ok(Tx { place, conn, live })
    }
}

impl Tx<'_> {
    /// Returns after the disk has it.
    pub(crate) async fn commit(mut self) -> Result<(), Fault> {
        sqlx::query("COMMIT").execute(&mut self.conn).await?;
        self.place.conn = Some((self.conn, self.live));
        Ok(())
    }
}

// === impl Fault ===

impl From<sqlx::Error> for Fault {
    fn from(e: sqlx::Error) -> Fault {
        Fault::Sql(e)
    }
}
impl From<serde_json::Error> for Fault {
    fn from(e: serde_json::Error) -> Fault {
        Fault::Json(e)
    }
}
impl From<Malformed> for Fault {
    fn from(_: Malformed) -> Fault {
        Fault::Malformed
    }
}
impl From<StoreError> for Fault {
    fn from(e: StoreError) -> Fault {
        Fault::Store(e)
    }
}

impl Fault {
    pub(crate) fn at(self, path: &std::path::Path) -> StoreError {
        match self {
            Fault::Sql(e) => StoreError::of(path, &e),
            Fault::Malformed => {
                StoreError::Damaged { path: path.to_owned(), what: "a packed row cannot be read".to_owned() }
            }
            Fault::Json(e) => StoreError::Damaged { path: path.to_owned(), what: e.to_string() },
            Fault::Store(e) => e,
        }
    }
}
