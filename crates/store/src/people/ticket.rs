//! Links that are good once: for setting up the first person, and for choosing a password.

use super::{Answer, NewSession, PeopleError, Refused, acted, find, insert};
use crate::{
    Store, StoreError,
    writer::{Fault, Tx},
};
use sqlx::{Row, SqliteConnection};
use std::time::Duration;
use stillhere_model::{Act, By, Person, PersonId, Time, With, person::name_key};

/// How long the link of the first start is good. Each start without people makes a new one.
pub const SETUP_FOR: Duration = Duration::from_secs(86_400);
/// How long somebody who was added, or whose way in was reset, has to choose a password.
pub const INVITED_FOR: Duration = Duration::from_secs(3 * 86_400);

/// What is kept of a link.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub sha256: String,
    pub expires_at: Time,
}

// === impl Ticket ===

impl Ticket {
    /// The only one for this person: earlier links are not good any more.
    pub(super) async fn write(
        &self,
        conn: &mut SqliteConnection,
        person: Option<PersonId>,
    ) -> Result<(), Fault> {
        let person = person.map(|p| p.to_string());
        sqlx::query("DELETE FROM ticket WHERE person IS $1").bind(&person).execute(&mut *conn).await?;
        sqlx::query("INSERT INTO ticket (sha256, person, expires_at) VALUES ($1, $2, $3)")
            .bind(&self.sha256)
            .bind(&person)
            .bind(self.expires_at.0)
            .execute(conn)
            .await?;
        Ok(())
    }
}

// === impl Store ===

impl Store {
    /// Makes the link for the first person, if there is nobody. False: there is somebody.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn setup_offer(&self, ticket: &Ticket) -> Result<bool, StoreError> {
        let offer = async |tx: &mut Tx<'_>| -> Answer<bool> {
            if anybody(&mut tx.conn).await? {
                return Ok(Ok(false));
            }
            ticket.write(&mut tx.conn, None).await?;
            Ok(Ok(true))
        };
        match self.people_write(offer).await {
            Ok(offered) => Ok(offered),
            Err(PeopleError::Store(e)) => Err(e),
            Err(PeopleError::Refused(_)) => Ok(false),
        }
    }

    /// Whether a link is good at this moment. Asked before anything costly is done for whoever sent it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn ticket_good(&self, sha256: &str, now: Time) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM ticket WHERE sha256 = $1 AND expires_at > $2")
            .bind(sha256)
            .bind(now.0)
            .fetch_optional(&self.0.readers)
            .await;
        row.map(|r| r.is_some()).map_err(|e| self.0.err(e))
    }

    /// Uses a link up: its person (or the first one, made from `first`) has this password and this session. All of it, or
    /// nothing and the link is still good.
    ///
    /// # Errors
    /// `LinkGone`, `OtherName`.
    pub async fn set_up(
        &self,
        sha256: &str,
        first: Person,
        password: &str,
        session: &NewSession,
        from: Option<String>,
        now: Time,
    ) -> Result<Person, PeopleError> {
        let set_up = async |tx: &mut Tx<'_>| -> Answer<Person> {
            let row = sqlx::query("SELECT person FROM ticket WHERE sha256 = $1 AND expires_at > $2")
                .bind(sha256)
                .bind(now.0)
                .fetch_optional(&mut tx.conn)
                .await?;
            let Some(row) = row else { return Ok(Err(Refused::LinkGone)) };
            let person = match row.try_get::<Option<&str>, _>(0)? {
                Some(id) => {
                    let id = id.parse().map_err(|_| crate::pack::Malformed)?;
                    let Some(person) = find(&mut tx.conn, id).await? else {
                        return Ok(Err(Refused::LinkGone));
                    };
                    if name_key(&person.name) != name_key(&first.name) {
                        return Ok(Err(Refused::OtherName(person.name)));
                    }
                    person
                }
                None => {
                    if anybody(&mut tx.conn).await? {
                        return Ok(Err(Refused::LinkGone));
                    }
                    if let Err(no) = insert(&mut tx.conn, &first).await? {
                        return Ok(Err(no));
                    }
                    first
                }
            };
            let by = By { name: person.name.clone(), from };
            sqlx::query("DELETE FROM ticket WHERE sha256 = $1").bind(sha256).execute(&mut tx.conn).await?;
            sqlx::query("UPDATE person SET password = $1 WHERE id = $2")
                .bind(password)
                .bind(person.id.to_string())
                .execute(&mut tx.conn)
                .await?;
            acted(&mut tx.conn, now, &by, Act::PasswordChosen { person: person.name.clone() }).await?;
            session.write(&mut tx.conn, &person, With::Link, &by, now).await?;
            Ok(Ok(person))
        };
        self.people_write(set_up).await
    }
}

async fn anybody(conn: &mut SqliteConnection) -> Result<bool, Fault> {
    let n: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM person WHERE removed_at IS NULL").fetch_one(conn).await?;
    Ok(n > 0)
}
