//! Links in mails to staff: which incident and whom each is bound to, and whether it was used or revoked.
//!
//! A copy of the database opens nothing: what opens a link is signed with a key that is not in here.

use crate::{Store, StoreError, writer::Fault};
use sqlx::{Row, SqliteConnection};
use stillhere_model::{IncidentId, Link, LinkId, Time};

// === impl Store ===

impl Store {
    /// # Errors
    /// When the file cannot be read.
    pub async fn link(&self, id: LinkId) -> Result<Option<Link>, StoreError> {
        let read = async {
            let row = sqlx::query("SELECT link, used_at, revoked_at FROM link WHERE id = $1")
                .bind(id.to_string())
                .fetch_optional(&self.0.readers)
                .await?;
            let Some(row) = row else { return Ok(None) };
            let mut link: Link = serde_json::from_str(row.try_get(0)?)?;
            link.used_at = row.try_get::<Option<i64>, _>(1)?.map(Time);
            link.revoked_at = row.try_get::<Option<i64>, _>(2)?.map(Time);
            Ok::<_, Fault>(Some(link))
        };
        read.await.map_err(|e| self.0.err(e))
    }

    /// Revokes all links that still open something; of one incident, or of all. Gives their number.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn revoke_links(&self, of: Option<IncidentId>, now: Time) -> Result<u64, StoreError> {
        let revoke = async {
            let mut tx = self.0.begin().await?;
            let done = sqlx::query(
                "UPDATE link SET revoked_at = $1 WHERE revoked_at IS NULL AND expires_at > $1
                   AND ($2 IS NULL OR incident = $2)",
            )
            .bind(now.0)
            .bind(of.map(|i| i.to_string()))
            .execute(&mut tx.conn)
            .await?;
            let n = done.rows_affected();
            if n > 0 {
                let entry = stillhere_model::Entry::LinksRevoked { incident: of, links: n };
                crate::commit::journal(&mut tx.conn, now, &entry).await?;
            }
            tx.commit().await?;
            Ok::<_, Fault>(n)
        };
        revoke.await.map_err(|e| self.0.err(e))
    }
}

pub(crate) async fn write(conn: &mut SqliteConnection, l: &Link) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO link (id, incident, expires_at, link) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
    )
    .bind(l.id.to_string())
    .bind(l.incident.to_string())
    .bind(l.expires_at.0)
    .bind(serde_json::to_string(l)?)
    .execute(conn)
    .await?;
    Ok(())
}

/// Only the first use counts.
pub(crate) async fn used(conn: &mut SqliteConnection, id: LinkId, at: Time) -> Result<(), Fault> {
    sqlx::query("UPDATE link SET used_at = $1 WHERE id = $2 AND used_at IS NULL")
        .bind(at.0)
        .bind(id.to_string())
        .execute(conn)
        .await?;
    Ok(())
}
