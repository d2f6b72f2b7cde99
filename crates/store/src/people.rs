//! Who may come in. What is decided about people, the journal's word on it, and the sessions it ends are one transaction each.
//!
//! A person's row stays when they are removed, without what they came in with: names are never given out twice.

mod browser;
mod code;
mod passkey;
mod provider;
mod session;
mod ticket;

pub use browser::{BROWSERS_MAX, Browser};
pub use passkey::{PASSKEYS_MAX, Passkey, Question};
pub use provider::Subject;
pub use session::{Code, NewSession, SESSION_IDLE, SESSION_MAX, SESSIONS_MAX, Session, SessionInfo};
pub use ticket::{INVITED_FOR, SETUP_FOR, Ticket};

use crate::{
    Store, StoreError,
    commit::journal,
    writer::{Fault, Tx},
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use stillhere_model::{Act, By, Entry, Person, PersonId, Role, Time, With, person::name_key};

/// Most people; more than that want single sign-on.
pub const PEOPLE_MAX: i64 = 1_000;

/// What a log-in is held against.
#[derive(Clone)]
pub struct Account {
    pub person: Person,
    /// Argon2id, in its own format. `None`: none was chosen yet.
    pub password: Option<String>,
    /// Sealed. `None`: no codes.
    pub totp: Option<Vec<u8>>,
    /// Sealed; shown, and not confirmed yet.
    pub totp_offered: Option<Vec<u8>>,
}

/// A person as others see them in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonInfo {
    pub person: Person,
    pub has_password: bool,
    pub has_totp: bool,
    /// That are good now.
    pub sessions: u32,
    /// By the latest of these sessions.
    pub used_at: Option<Time>,
}

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there is, or was, already somebody named \"{0}\"")]
    NameTaken(String),
    #[error("there is no such person")]
    NoSuchPerson,
    #[error("that would leave nobody who may decide who comes in; make somebody else an admin first")]
    LastAdmin,
    #[error("there are {PEOPLE_MAX} people already")]
    TooMany,
    #[error("this link is not good any more; ask for a new one")]
    LinkGone,
    #[error("this link is for \"{0}\"")]
    OtherName(String),
    #[error("{PASSKEYS_MAX} passkeys are kept already; take one away first")]
    TooManyPasskeys,
    #[error("{BROWSERS_MAX} browsers are alerted already; take one away first")]
    TooManyBrowsers,
    #[error("this was changed meanwhile")]
    Changed,
    #[error("this code was used already")]
    CodeUsed,
}

#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of a transaction that may say no. Whoever says no has changed nothing yet.
type Answer<T> = Result<Result<T, Refused>, Fault>;

// === impl Store ===

impl Store {
    /// Whether anybody could ever come in: false until the first person is set up or added.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn anybody(&self) -> Result<bool, StoreError> {
        let n: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM person WHERE removed_at IS NULL")
            .fetch_one(&self.0.readers)
            .await
            .map_err(|e| self.0.err(e))?;
        Ok(n > 0)
    }

    /// By name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn people(&self, now: Time) -> Result<Vec<PersonInfo>, StoreError> {
        let rows = sqlx::query(
            "SELECT p.id, p.name, p.role, p.teams, p.created_at, p.password IS NOT NULL, p.totp IS NOT NULL,
                 COUNT(s.id), MAX(s.used_at)
             FROM person p LEFT JOIN session s
                 ON s.person = p.id AND s.used_at > $1 AND s.created_at > $2
             WHERE p.removed_at IS NULL GROUP BY p.id ORDER BY p.name_key",
        )
        .bind(now.minus(SESSION_IDLE).0)
        .bind(now.minus(SESSION_MAX).0)
        .fetch_all(&self.0.readers)
        .await;
        self.read(rows, |row| {
            Ok(PersonInfo {
                person: person_of(row)?,
                has_password: row.try_get(5)?,
                has_totp: row.try_get(6)?,
                sessions: row.try_get(7)?,
                used_at: row.try_get::<Option<i64>, _>(8)?.map(Time),
            })
        })
    }

    /// # Errors
    /// When the file cannot be read.
    pub async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query(ACCOUNT_BY_NAME).bind(name_key(name)).fetch_optional(&self.0.readers).await;
        row.map_err(Fault::from)
            .and_then(|row| row.as_ref().map(account_of).transpose())
            .map_err(|e| self.0.err(e))
    }

    /// # Errors
    /// When the file cannot be read.
    pub async fn account_by_id(&self, id: PersonId) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query(ACCOUNT_BY_ID).bind(id.to_string()).fetch_optional(&self.0.readers).await;
        row.map_err(Fault::from)
            .and_then(|row| row.as_ref().map(account_of).transpose())
            .map_err(|e| self.0.err(e))
    }

    /// Adds somebody who will choose a password with `ticket`.
    ///
    /// # Errors
    /// `NameTaken`, `TooMany`.
    pub async fn person_add(
        &self,
        person: &Person,
        ticket: &Ticket,
        by: &By,
        now: Time,
    ) -> Result<(), PeopleError> {
        let add = async |tx: &mut Tx<'_>| -> Answer<()> {
            if let Err(no) = insert(&mut tx.conn, person).await? {
                return Ok(Err(no));
            }
            ticket.write(&mut tx.conn, Some(person.id)).await?;
            let Person { name, role, teams, .. } = person.clone();
            acted(&mut tx.conn, now, by, Act::PersonAdded { person: name, role, teams }).await?;
            Ok(Ok(()))
        };
        self.people_write(add).await
    }

    /// Another role, other teams. Their sessions end: what a session may do never grows or shrinks under way.
    ///
    /// # Errors
    /// `NoSuchPerson`, `LastAdmin`.
    pub async fn person_change(
        &self,
        id: PersonId,
        role: Option<Role>,
        teams: Option<Vec<String>>,
        by: &By,
        now: Time,
    ) -> Result<Person, PeopleError> {
        let change = async |tx: &mut Tx<'_>| -> Answer<Person> {
            let Some(before) = find(&mut tx.conn, id).await? else { return Ok(Err(Refused::NoSuchPerson)) };
            let (role, teams) = (role.unwrap_or(before.role), teams.unwrap_or_else(|| before.teams.clone()));
            if role != Role::Admin && last_admin(&mut tx.conn, &before).await? {
                return Ok(Err(Refused::LastAdmin));
            }
            let person = Person { role, teams: teams.clone(), ..before.clone() };
            if person == before {
                return Ok(Ok(person));
            }
            sqlx::query("UPDATE person SET role = $1, teams = $2 WHERE id = $3")
                .bind(role.as_str())
                .bind(serde_json::to_string(&teams)?)
                .bind(id.to_string())
                .execute(&mut tx.conn)
                .await?;
            let act = Act::PersonChanged { person: person.name.clone(), role, teams };
            acted(&mut tx.conn, now, by, act).await?;
            session::end_all(&mut tx.conn, &person, "the role or the teams were changed", by, now).await?;
            Ok(Ok(person))
        };
        self.people_write(change).await
    }

    /// Takes away everything they come in with; they choose a password anew with `ticket`.
    ///
    /// # Errors
    /// `NoSuchPerson`.
    pub async fn person_reset(
        &self,
        id: PersonId,
        ticket: &Ticket,
        by: &By,
        now: Time,
    ) -> Result<Person, PeopleError> {
        let reset = async |tx: &mut Tx<'_>| -> Answer<Person> {
            let Some(person) = find(&mut tx.conn, id).await? else { return Ok(Err(Refused::NoSuchPerson)) };
            strip(&mut tx.conn, id).await?;
            provider::unbind(&mut tx.conn, id).await?;
            ticket.write(&mut tx.conn, Some(id)).await?;
            acted(&mut tx.conn, now, by, Act::PersonReset { person: person.name.clone() }).await?;
            session::end_all(&mut tx.conn, &person, "the way in was reset", by, now).await?;
            Ok(Ok(person))
        };
        self.people_write(reset).await
    }

    /// # Errors
    /// `NoSuchPerson`, `LastAdmin`.
    pub async fn person_remove(&self, id: PersonId, by: &By, now: Time) -> Result<Person, PeopleError> {
        let remove = async |tx: &mut Tx<'_>| -> Answer<Person> {
            let Some(person) = find(&mut tx.conn, id).await? else { return Ok(Err(Refused::NoSuchPerson)) };
            if last_admin(&mut tx.conn, &person).await? {
                return Ok(Err(Refused::LastAdmin));
            }
            strip(&mut tx.conn, id).await?;
            sqlx::query("DELETE FROM ticket WHERE person = $1")
                .bind(id.to_string())
                .execute(&mut tx.conn)
                .await?;
            sqlx::query("UPDATE person SET removed_at = $1 WHERE id = $2")
                .bind(now.0)
                .bind(id.to_string())
                .execute(&mut tx.conn)
                .await?;
            acted(&mut tx.conn, now, by, Act::PersonRemoved { person: person.name.clone() }).await?;
            session::end_all(&mut tx.conn, &person, "the person was removed", by, now).await?;
            Ok(Ok(person))
        };
        self.people_write(remove).await
    }

    /// Another password, a fresh session, and no other of theirs. `was`: the one that was just proved.
    ///
    /// # Errors
    /// `Changed`: another was chosen meanwhile. `CodeUsed`.
    #[expect(clippy::too_many_arguments, reason = "one transaction")]
    pub async fn password_choose(
        &self,
        person: &Person,
        was: &str,
        proof: &Code,
        password: &str,
        fresh: &NewSession,
        by: &By,
        now: Time,
    ) -> Result<(), PeopleError> {
        let choose = async |tx: &mut Tx<'_>| -> Answer<()> {
            if let Err(no) = code::take(&mut tx.conn, person, proof, by, now).await? {
                return Ok(Err(no));
            }
            let done = sqlx::query(
                "UPDATE person SET password = $1 WHERE id = $2 AND password = $3 AND removed_at IS NULL",
            )
            .bind(password)
            .bind(person.id.to_string())
            .bind(was)
            .execute(&mut tx.conn)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(Err(Refused::Changed));
            }
            acted(&mut tx.conn, now, by, Act::PasswordChosen { person: person.name.clone() }).await?;
            session::end_all(&mut tx.conn, person, "another password was chosen", by, now).await?;
            fresh.write(&mut tx.conn, person, With::Session, by, now).await?;
            Ok(Ok(()))
        };
        self.people_write(choose).await
    }

    /// Writes down one thing that somebody did.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn acted(&self, by: &By, act: Act, now: Time) -> Result<(), StoreError> {
        let write = async {
            let mut tx = self.0.begin().await?;
            acted(&mut tx.conn, now, by, act).await?;
            tx.commit().await
        };
        write.await.map_err(|e| self.0.err(e))
    }

    pub(crate) async fn people_write<T>(
        &self,
        change: impl AsyncFnOnce(&mut Tx<'_>) -> Answer<T>,
    ) -> Result<T, PeopleError> {
        let write = async {
            let mut tx = self.0.begin().await?;
            let answer = change(&mut tx).await?;
            tx.commit().await?;
            Ok::<_, Fault>(answer)
        };
        Ok(write.await.map_err(|e| self.0.err(e))??)
    }
}

const ACCOUNT_BY_NAME: &str =
    "SELECT id, name, role, teams, created_at, password, totp, totp_offered FROM person
     WHERE name_key = $1 AND removed_at IS NULL";
const ACCOUNT_BY_ID: &str =
    "SELECT id, name, role, teams, created_at, password, totp, totp_offered FROM person
     WHERE id = $1 AND removed_at IS NULL";

pub(crate) async fn acted(conn: &mut SqliteConnection, now: Time, by: &By, act: Act) -> Result<(), Fault> {
    journal(conn, now, &Entry::Acted { by: by.name.clone(), from: by.from.clone(), act }).await
}

async fn insert(conn: &mut SqliteConnection, person: &Person) -> Answer<()> {
    let there: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM person").fetch_one(&mut *conn).await?;
    if there >= PEOPLE_MAX {
        return Ok(Err(Refused::TooMany));
    }
    let done = sqlx::query(
        "INSERT INTO person (id, name, name_key, role, teams, created_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (name_key) DO NOTHING",
    )
    .bind(person.id.to_string())
    .bind(&person.name)
    .bind(name_key(&person.name))
    .bind(person.role.as_str())
    .bind(serde_json::to_string(&person.teams)?)
    .bind(person.created_at.0)
    .execute(conn)
    .await?;
    Ok(if done.rows_affected() == 0 { Err(Refused::NameTaken(person.name.clone())) } else { Ok(()) })
}

async fn find(conn: &mut SqliteConnection, id: PersonId) -> Result<Option<Person>, Fault> {
    let row = sqlx::query(
        "SELECT id, name, role, teams, created_at FROM person WHERE id = $1 AND removed_at IS NULL",
    )
    .bind(id.to_string())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(person_of).transpose()
}

async fn last_admin(conn: &mut SqliteConnection, person: &Person) -> Result<bool, Fault> {
    let others: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM person WHERE role = 'admin' AND removed_at IS NULL AND id <> $1",
    )
    .bind(person.id.to_string())
    .fetch_one(conn)
    .await?;
    Ok(person.role == Role::Admin && others == 0)
}

async fn strip(conn: &mut SqliteConnection, id: PersonId) -> Result<(), Fault> {
    sqlx::query("UPDATE person SET password = NULL, totp = NULL, totp_offered = NULL WHERE id = $1")
        .bind(id.to_string())
        .execute(&mut *conn)
        .await?;
    passkey::forget_all(conn, id).await?;
    browser::forget_all(conn, id).await?;
    code::forget_recovery(conn, id).await
}

/// From the columns id, name, role, teams, created_at, in this order.
fn person_of(row: &SqliteRow) -> Result<Person, Fault> {
    let id: &str = row.try_get(0)?;
    Ok(Person {
        id: id.parse().map_err(|_| crate::pack::Malformed)?,
        name: row.try_get(1)?,
        // A role of a newer version may do here what the least may.
        role: Role::of(row.try_get(2)?).unwrap_or(Role::Viewer),
        teams: serde_json::from_str(row.try_get(3)?)?,
        created_at: Time(row.try_get(4)?),
    })
}

fn account_of(row: &SqliteRow) -> Result<Account, Fault> {
    Ok(Account {
        person: person_of(row)?,
        password: row.try_get(5)?,
        totp: row.try_get(6)?,
        totp_offered: row.try_get(7)?,
    })
}
