//! Passkeys. That a question was answered is written with what the answer did, so that the same answer does nothing a second time.

use super::{Answer, NewSession, PeopleError, Refused, acted, session};
use crate::{
    Store, StoreError,
    writer::{Fault, Tx},
};
use sqlx::{Row, SqliteConnection};
use stillhere_model::{Act, By, Person, PersonId, Time, With};

/// Passkeys of one person.
pub const PASSKEYS_MAX: i64 = 16;

/// One that is kept, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    pub id: String,
    pub person: PersonId,
    pub name: String,
    /// The host name that it answers.
    pub site: String,
    pub public_key: Vec<u8>,
    pub counter: u32,
    pub created_at: Time,
    pub used_at: Option<Time>,
}

/// A question that was answered rightly.
#[derive(Debug, Clone)]
pub struct Question {
    pub sha256: String,
    /// When it would have been too late for it.
    pub expires_at: Time,
}

// === impl Store ===

impl Store {
    /// # Errors
    /// When the file cannot be read.
    pub async fn passkey(&self, id: &str) -> Result<Option<Passkey>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, person, name, site, public_key, counter, created_at, used_at FROM passkey WHERE id = $1",
        )
        .bind(id)
        .fetch_all(&self.0.readers)
        .await;
        Ok(self.read(rows, passkey_of)?.pop())
    }

    /// Of one person, in the order in which they were made.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn passkeys(&self, of: PersonId) -> Result<Vec<Passkey>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, person, name, site, public_key, counter, created_at, used_at FROM passkey
             WHERE person = $1 ORDER BY created_at, id",
        )
        .bind(of.to_string())
        .fetch_all(&self.0.readers)
        .await;
        self.read(rows, passkey_of)
    }

    /// # Errors
    /// `CodeUsed`: the question was answered before. `TooMany`, `Changed`: there is such a passkey already, or the person is gone.
    pub async fn passkey_keep(
        &self,
        passkey: &Passkey,
        question: &Question,
        by: &By,
        now: Time,
    ) -> Result<(), PeopleError> {
        let keep = async |tx: &mut Tx<'_>| -> Answer<()> {
            let Some(person) = super::find(&mut tx.conn, passkey.person).await? else {
                return Ok(Err(Refused::NoSuchPerson));
            };
            let there: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM passkey WHERE person = $1")
                .bind(person.id.to_string())
                .fetch_one(&mut tx.conn)
                .await?;
            if there >= PASSKEYS_MAX {
                return Ok(Err(Refused::TooManyPasskeys));
            }
            if !question.take(&mut tx.conn, now).await? {
                return Ok(Err(Refused::CodeUsed));
            }
            let done = sqlx::query(
                "INSERT INTO passkey (id, person, name, site, public_key, counter, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
            )
            .bind(&passkey.id)
            .bind(person.id.to_string())
            .bind(&passkey.name)
            .bind(&passkey.site)
            .bind(&passkey.public_key)
            .bind(i64::from(passkey.counter))
            .bind(now.0)
            .execute(&mut tx.conn)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(Err(Refused::Changed));
            }
            let act = Act::PasskeyKept { person: person.name, passkey: passkey.name.clone() };
            acted(&mut tx.conn, now, by, act).await?;
            Ok(Ok(()))
        };
        self.people_write(keep).await
    }

    /// Begins a session for the owner of a passkey that has just answered.
    ///
    /// # Errors
    /// `CodeUsed`: the question was answered before, or the device's counter does not grow, which means that there are two of it.
    /// `NoSuchPerson`.
    pub async fn passkey_log_in(
        &self,
        passkey: &Passkey,
        counter: u32,
        question: &Question,
        session: &NewSession,
        from: Option<String>,
        now: Time,
    ) -> Result<Person, PeopleError> {
        let enter = async |tx: &mut Tx<'_>| -> Answer<Person> {
            let Some(person) = super::find(&mut tx.conn, passkey.person).await? else {
                return Ok(Err(Refused::NoSuchPerson));
            };
            if !question.take(&mut tx.conn, now).await? {
                return Ok(Err(Refused::CodeUsed));
            }
            // A device that does not count says 0 each time.
            let done = sqlx::query(
                "UPDATE passkey SET counter = $1, used_at = $2
                 WHERE id = $3 AND person = $4 AND (counter < $1 OR (counter = 0 AND $1 = 0))",
            )
            .bind(i64::from(counter))
            .bind(now.0)
            .bind(&passkey.id)
            .bind(person.id.to_string())
            .execute(&mut tx.conn)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(Err(Refused::CodeUsed));
            }
            let by = By { name: person.name.clone(), from };
            session.write(&mut tx.conn, &person, With::Passkey, &by, now).await?;
            Ok(Ok(person))
        };
        self.people_write(enter).await
    }

    /// Forgets one; whoever holds the device may have a session, so all of them end but a fresh one. False: there is none.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn passkey_forget(
        &self,
        person: &Person,
        id: &str,
        fresh: &NewSession,
        by: &By,
        now: Time,
    ) -> Result<bool, PeopleError> {
        let forget = async |tx: &mut Tx<'_>| -> Answer<bool> {
            let row = sqlx::query("DELETE FROM passkey WHERE id = $1 AND person = $2 RETURNING name")
                .bind(id)
                .bind(person.id.to_string())
                .fetch_optional(&mut tx.conn)
                .await?;
            let Some(row) = row else { return Ok(Ok(false)) };
            let act = Act::PasskeyForgotten { person: person.name.clone(), passkey: row.try_get(0)? };
            acted(&mut tx.conn, now, by, act).await?;
            session::end_all(&mut tx.conn, person, "a passkey was taken away", by, now).await?;
            fresh.write(&mut tx.conn, person, With::Session, by, now).await?;
            Ok(Ok(true))
        };
        self.people_write(forget).await
    }
}

// === impl Question ===

impl Question {
    /// False: it was taken before.
    pub(super) async fn take(&self, conn: &mut SqliteConnection, now: Time) -> Result<bool, Fault> {
        sqlx::query("DELETE FROM answered_question WHERE expires_at <= $1")
            .bind(now.0)
            .execute(&mut *conn)
            .await?;
        let done = sqlx::query(
            "INSERT INTO answered_question (sha256, expires_at) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING",
        )
        .bind(&self.sha256)
        .bind(self.expires_at.0)
        .execute(conn)
        .await?;
        Ok(done.rows_affected() > 0)
    }
}

pub(super) async fn forget_all(conn: &mut SqliteConnection, person: PersonId) -> Result<(), Fault> {
    sqlx::query("DELETE FROM passkey WHERE person = $1").bind(person.to_string()).execute(conn).await?;
    Ok(())
}

fn passkey_of(row: &sqlx::sqlite::SqliteRow) -> Result<Passkey, Fault> {
    let person: &str = row.try_get(1)?;
    Ok(Passkey {
        id: row.try_get(0)?,
        person: person.parse().map_err(|_| crate::pack::Malformed)?,
        name: row.try_get(2)?,
        site: row.try_get(3)?,
        public_key: row.try_get(4)?,
        counter: row.try_get(5)?,
        created_at: Time(row.try_get(6)?),
        used_at: row.try_get::<Option<i64>, _>(7)?.map(Time),
    })
}
