//! Sessions: opaque, kept as a hash, ended by whoever they belong to, by an admin, by time, and by any change of what they may do.
//!
//! What a person may do is read with the session, each time: nothing about it is kept in the cookie.

use super::{Answer, PeopleError, Refused, acted, code, person_of};
use crate::{
    Store, StoreError,
    writer::{Fault, Tx},
};
use sqlx::{Row, SqliteConnection};
use std::time::Duration;
use stillhere_model::{Act, By, Person, PersonId, Time, With, time::millis};

/// A session that is not used ends after this. Who is called at night must not be logged out by having slept a few hours.
pub const SESSION_IDLE: Duration = Duration::from_secs(12 * 3600);
/// Every session ends after this.
pub const SESSION_MAX: Duration = Duration::from_secs(7 * 86_400);
/// Sessions of one person; a further one ends the one that was not used for the longest time.
pub const SESSIONS_MAX: i64 = 16;
/// `used_at` is kept this exact, so that reading does not write each time.
const USED_EVERY_MS: i64 = 60_000;

/// One that is to be.
#[derive(Debug, Clone)]
pub struct NewSession {
    pub id: String,
    pub sha256: String,
    pub agent: Option<String>,
    /// The one whose cookie came along: it ends, so that a cookie that somebody else put there is worth nothing.
    pub replaces: Option<String>,
    /// Of one that begins through a provider: what it said, sealed, or nothing if that is too long.
    pub id_token: Option<String>,
}

/// One that is good now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    pub person: Person,
    /// When it ends if nothing more is done.
    pub expires_at: Time,
}

/// One in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    pub id: String,
    pub person: String,
    pub created_at: Time,
    pub used_at: Time,
    pub expires_at: Time,
    pub address: Option<String>,
    pub agent: Option<String>,
}

/// What was shown beside the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    None,
    /// The step of a code that was right.
    Totp(i64),
    /// The hash of a recovery code, right or not.
    Recovery(String),
}

// === impl Store ===

impl Store {
    /// Begins a session for somebody whose password was right: it must still be the one that was compared with.
    ///
    /// # Errors
    /// `Changed`: the person, the password or the codes are others now. `CodeUsed`.
    pub async fn log_in(
        &self,
        person: &Person,
        password: &str,
        proof: &Code,
        session: &NewSession,
        by: &By,
        now: Time,
    ) -> Result<(), PeopleError> {
        let begin = async |tx: &mut Tx<'_>| -> Answer<()> {
            let same = sqlx::query(
                "SELECT totp IS NOT NULL FROM person WHERE id = $1 AND password = $2 AND removed_at IS NULL",
            )
            .bind(person.id.to_string())
            .bind(password)
            .fetch_optional(&mut tx.conn)
            .await?;
            let Some(row) = same else { return Ok(Err(Refused::Changed)) };
            if row.try_get::<bool, _>(0)? == (*proof == Code::None) {
                return Ok(Err(Refused::Changed));
            }
            if let Err(no) = code::take(&mut tx.conn, person, proof, by, now).await? {
                return Ok(Err(no));
            }
            session.write(&mut tx.conn, person, With::Password, by, now).await?;
            Ok(Ok(()))
        };
        self.people_write(begin).await
    }

    /// The session with this secret, if it is good now.
    ///
    /// # Errors
    /// When the file cannot be read. (That it was used is written when possible; failing to is not an error.)
    pub async fn session(&self, sha256: &str, now: Time) -> Result<Option<Session>, StoreError> {
        // Looked up by its hash: how long that takes says nothing about the secret.
        let row = sqlx::query(
            "SELECT p.id, p.name, p.role, p.teams, p.created_at, s.id, s.created_at, s.used_at
             FROM session s JOIN person p ON p.id = s.person
             WHERE s.sha256 = $1 AND p.removed_at IS NULL AND s.used_at > $2 AND s.created_at > $3",
        )
        .bind(sha256)
        .bind(now.minus(SESSION_IDLE).0)
        .bind(now.minus(SESSION_MAX).0)
        .fetch_optional(&self.0.readers)
        .await
        .map_err(|e| self.0.err(e))?;
        let Some(row) = row else { return Ok(None) };
        let read = || {
            let created = Time(row.try_get(6)?);
            let session =
                Session { id: row.try_get(5)?, person: person_of(&row)?, expires_at: ends(created, now) };
            Ok::<_, Fault>((session, row.try_get::<i64, _>(7)?))
        };
        let (session, used) = read().map_err(|e| self.0.err(e))?;
        if (now.0 - used).abs() >= USED_EVERY_MS
            && let Err(e) = self.session_used(sha256, now).await
        {
            tracing::warn!(error = %e, "cannot write down that a session was used");
        }
        Ok(Some(session))
    }

    async fn session_used(&self, sha256: &str, now: Time) -> Result<(), StoreError> {
        let used = async {
            let mut tx = self.0.begin().await?;
            sqlx::query("UPDATE session SET used_at = $1 WHERE sha256 = $2")
                .bind(now.0)
                .bind(sha256)
                .execute(&mut tx.conn)
                .await?;
            tx.commit().await
        };
        used.await.map_err(|e| self.0.err(e))
    }

    /// Those that are good now, of one person or of all, the latest used first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn sessions(&self, of: Option<PersonId>, now: Time) -> Result<Vec<SessionInfo>, StoreError> {
        let rows = sqlx::query(
            "SELECT s.id, p.name, s.created_at, s.used_at, s.address, s.agent
             FROM session s JOIN person p ON p.id = s.person
             WHERE ($1 IS NULL OR p.id = $1) AND s.used_at > $2 AND s.created_at > $3 ORDER BY s.used_at DESC",
        )
        .bind(of.map(|p| p.to_string()))
        .bind(now.minus(SESSION_IDLE).0)
        .bind(now.minus(SESSION_MAX).0)
        .fetch_all(&self.0.readers)
        .await;
        self.read(rows, |row| {
            let (created_at, used_at) = (Time(row.try_get(2)?), Time(row.try_get(3)?));
            Ok(SessionInfo {
                id: row.try_get(0)?,
                person: row.try_get(1)?,
                created_at,
                used_at,
                expires_at: ends(created_at, used_at),
                address: row.try_get(4)?,
                agent: row.try_get(5)?,
            })
        })
    }

    /// What a provider said when this session began, sealed. `None`: it did not begin through one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn session_id_token(&self, id: &str) -> Result<Option<String>, StoreError> {
        let found: Result<Option<Option<String>>, _> =
            sqlx::query_scalar("SELECT id_token FROM session WHERE id = $1")
                .bind(id)
                .fetch_optional(&self.0.readers)
                .await;
        Ok(found.map_err(|e| self.0.err(e))?.flatten())
    }

    /// Ends one, of one person or of anybody. False: there is no such session.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn session_end(
        &self,
        id: &str,
        of: Option<PersonId>,
        by: &By,
        now: Time,
    ) -> Result<bool, StoreError> {
        let end = async |tx: &mut Tx<'_>| -> Answer<bool> {
            let row = sqlx::query(
                "DELETE FROM session WHERE id = $1 AND ($2 IS NULL OR person = $2)
                 RETURNING (SELECT name FROM person p WHERE p.id = person)",
            )
            .bind(id)
            .bind(of.map(|p| p.to_string()))
            .fetch_optional(&mut tx.conn)
            .await?;
            let Some(row) = row else { return Ok(Ok(false)) };
            let person: String = row.try_get(0)?;
            let act = if person == by.name {
                Act::LoggedOut { session: id.to_owned() }
            } else {
                Act::SessionsEnded { person, sessions: 1, why: "ended by an admin".to_owned() }
            };
            acted(&mut tx.conn, now, by, act).await?;
            Ok(Ok(true))
        };
        match self.people_write(end).await {
            Ok(there) => Ok(there),
            Err(PeopleError::Store(e)) => Err(e),
            Err(PeopleError::Refused(_)) => Ok(false),
        }
    }
}

// === impl NewSession ===

impl NewSession {
    /// Makes room, ends the one it replaces, and begins.
    pub(super) async fn write(
        &self,
        conn: &mut SqliteConnection,
        person: &Person,
        with: With,
        by: &By,
        now: Time,
    ) -> Result<(), Fault> {
        sqlx::query("DELETE FROM session WHERE sha256 = $1 OR used_at <= $2 OR created_at <= $3")
            .bind(&self.replaces)
            .bind(now.minus(SESSION_IDLE).0)
            .bind(now.minus(SESSION_MAX).0)
            .execute(&mut *conn)
            .await?;
        sqlx::query(
            "DELETE FROM session WHERE sha256 IN
             (SELECT sha256 FROM session WHERE person = $1 ORDER BY used_at DESC, created_at DESC LIMIT -1 OFFSET $2)",
        )
        .bind(person.id.to_string())
        .bind(SESSIONS_MAX - 1)
        .execute(&mut *conn)
        .await?;
        sqlx::query(
            "INSERT INTO session (sha256, id, person, created_at, used_at, address, agent, id_token)
             VALUES ($1, $2, $3, $4, $4, $5, $6, $7)",
        )
        .bind(&self.sha256)
        .bind(&self.id)
        .bind(person.id.to_string())
        .bind(now.0)
        .bind(&by.from)
        .bind(&self.agent)
        .bind(&self.id_token)
        .execute(&mut *conn)
        .await?;
        acted(conn, now, by, Act::LoggedIn { session: self.id.clone(), with: Some(with) }).await
    }
}

/// Ends all sessions of a person, and says so if there were any.
pub(super) async fn end_all(
    conn: &mut SqliteConnection,
    person: &Person,
    why: &str,
    by: &By,
    now: Time,
) -> Result<(), Fault> {
    let done = sqlx::query("DELETE FROM session WHERE person = $1")
        .bind(person.id.to_string())
        .execute(&mut *conn)
        .await?;
    let sessions = u32::try_from(done.rows_affected()).unwrap_or(u32::MAX);
    if sessions == 0 {
        return Ok(());
    }
    let act = Act::SessionsEnded { person: person.name.clone(), sessions, why: why.to_owned() };
    acted(conn, now, by, act).await
}

fn ends(created: Time, used: Time) -> Time {
    Time((created.0 + millis(SESSION_MAX)).min(used.0 + millis(SESSION_IDLE)))
}
