//! People who come in through an OpenID Connect provider: who is who, bound at the first log-in.
//!
//! Threat: at the provider somebody gets a name or an address that was another's. The name is asked for once; after that only the subject
//! counts, and a person who has one is never given a second.

use super::{Answer, NewSession, PeopleError, Question, Refused, acted, find, insert, person_of};
use crate::{
    Store,
    writer::{Fault, Tx},
};
use sqlx::{Row, SqliteConnection};
use stillhere_model::{Act, By, Person, PersonId, Time, With, person::name_key};

/// Who adds people that come for the first time, in the journal.
const ADDS: &str = "identity provider";

/// Somebody, by what a provider has said and has signed.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub issuer: &'a str,
    pub subject: &'a str,
    /// The name that they would have here. `None`: the provider says none that counts.
    pub name: Option<&'a str>,
    /// Who they become if nobody ever had the name. `None`: nobody is added.
    pub added: Option<&'a Person>,
}

// === impl Store ===

impl Store {
    /// Begins a session for somebody that a provider has named.
    ///
    /// # Errors
    /// `CodeUsed`: the errand was taken before. `NoSuchPerson`: nobody here goes by this, or not any more, or they are bound to another
    /// subject; which of these it is, nobody outside learns. `TooMany`.
    pub async fn provider_log_in(
        &self,
        who: Subject<'_>,
        errand: &Question,
        session: &NewSession,
        from: Option<String>,
        now: Time,
    ) -> Result<Person, PeopleError> {
        let enter = async |tx: &mut Tx<'_>| -> Answer<Person> {
            if !errand.take(&mut tx.conn, now).await? {
                return Ok(Err(Refused::CodeUsed));
            }
            let person = match who.bound(&mut tx.conn).await? {
                Some(id) => {
                    let Some(person) = find(&mut tx.conn, id).await? else {
                        return Ok(Err(Refused::NoSuchPerson));
                    };
                    person
                }
                None => match who.bind(&mut tx.conn, from.as_deref(), now).await? {
                    Ok(person) => person,
                    Err(no) => return Ok(Err(no)),
                },
            };
            sqlx::query("UPDATE provider_subject SET used_at = $1 WHERE issuer = $2 AND subject = $3")
                .bind(now.0)
                .bind(who.issuer)
                .bind(who.subject)
                .execute(&mut tx.conn)
                .await?;
            let by = By { name: person.name.clone(), from: from.clone() };
            session.write(&mut tx.conn, &person, With::Provider, &by, now).await?;
            Ok(Ok(person))
        };
        self.people_write(enter).await
    }
}

// === impl Subject ===

impl Subject<'_> {
    async fn bound(&self, conn: &mut SqliteConnection) -> Result<Option<PersonId>, Fault> {
        let row = sqlx::query("SELECT person FROM provider_subject WHERE issuer = $1 AND subject = $2")
            .bind(self.issuer)
            .bind(self.subject)
            .fetch_optional(conn)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(row.try_get::<&str, _>(0)?.parse().map_err(|_| crate::pack::Malformed)?))
    }

    /// The first time.
    async fn bind(&self, conn: &mut SqliteConnection, from: Option<&str>, now: Time) -> Answer<Person> {
        let Some(name) = self.name else { return Ok(Err(Refused::NoSuchPerson)) };
        let row = sqlx::query(
            "SELECT id, name, role, teams, created_at FROM person WHERE name_key = $1 AND removed_at IS NULL",
        )
        .bind(name_key(name))
        .fetch_optional(&mut *conn)
        .await?;
        let (there, added) = (row.as_ref().map(person_of).transpose()?, self.added);
        let person = match (there, added) {
            (Some(person), _) => person,
            (None, Some(added)) => {
                match insert(&mut *conn, added).await? {
                    // Somebody who was removed had this name.
                    Err(Refused::NameTaken(_)) => return Ok(Err(Refused::NoSuchPerson)),
                    Err(no) => return Ok(Err(no)),
                    Ok(()) => {}
                }
                let Person { name: person, role, teams, .. } = added.clone();
                let by = By { name: ADDS.to_owned(), from: from.map(str::to_owned) };
                acted(&mut *conn, now, &by, Act::PersonAdded { person, role, teams }).await?;
                added.clone()
            }
            (None, None) => return Ok(Err(Refused::NoSuchPerson)),
        };
        let done = sqlx::query(
            "INSERT INTO provider_subject (issuer, subject, person, bound_at, used_at) VALUES ($1, $2, $3, $4, $4)
             ON CONFLICT DO NOTHING",
        )
        .bind(self.issuer)
        .bind(self.subject)
        .bind(person.id.to_string())
        .bind(now.0)
        .execute(&mut *conn)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(Err(Refused::NoSuchPerson));
        }
        let by = By { name: person.name.clone(), from: from.map(str::to_owned) };
        let act = Act::ProviderBound {
            person: person.name.clone(),
            issuer: self.issuer.to_owned(),
            subject: self.subject.to_owned(),
        };
        acted(conn, now, &by, act).await?;
        Ok(Ok(person))
    }
}

/// They come in anew, whoever they are at the provider by then.
pub(super) async fn unbind(conn: &mut SqliteConnection, person: PersonId) -> Result<(), Fault> {
    sqlx::query("DELETE FROM provider_subject WHERE person = $1")
        .bind(person.to_string())
        .execute(conn)
        .await?;
    Ok(())
}
