//! Browsers that people have alerted. They go with a person's other ways in: when somebody is reset or removed, nothing of theirs
//! opens a link any more.

use super::{Answer, PeopleError, Refused, acted, person_of};
use crate::{
    Store, StoreError,
    writer::{Fault, Tx},
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use stillhere_model::{Act, By, Lang, Person, PersonId, Time, subscriber::BrowserKeys};

/// Browsers of one person.
pub const BROWSERS_MAX: i64 = 8;

/// One that is alerted, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browser {
    pub id: String,
    pub person: PersonId,
    pub name: String,
    /// Of what it is told.
    pub lang: Lang,
    pub endpoint: String,
    pub keys: BrowserKeys,
    pub created_at: Time,
    /// When its push service last took a message.
    pub told_at: Option<Time>,
}

/// The person and the browser, as [`both`] reads them.
macro_rules! where_both {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.name, p.role, p.teams, p.created_at,
                 b.id, b.name, b.lang, b.endpoint, b.keys, b.created_at, b.told_at
             FROM browser b JOIN person p ON p.id = b.person WHERE p.removed_at IS NULL ",
            $rest
        )
    };
}

// === impl Store ===

impl Store {
    /// Of all who are here, in the order in which they were added.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn staff_browsers(&self) -> Result<Vec<(Person, Browser)>, StoreError> {
        let rows = sqlx::query(where_both!("ORDER BY b.created_at, b.id")).fetch_all(&self.0.readers).await;
        self.read(rows, both)
    }

    /// One of them, and whose it is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn staff_browser(&self, id: &str) -> Result<Option<(Person, Browser)>, StoreError> {
        let rows = sqlx::query(where_both!("AND b.id = $1")).bind(id).fetch_all(&self.0.readers).await;
        Ok(self.read(rows, both)?.pop())
    }

    /// The same browser again takes the place of itself.
    ///
    /// # Errors
    /// `NoSuchPerson`, `TooManyBrowsers`.
    pub async fn browser_keep(&self, b: &Browser, by: &By, now: Time) -> Result<(), PeopleError> {
        let keep = async |tx: &mut Tx<'_>| -> Answer<()> {
            let Some(person) = super::find(&mut tx.conn, b.person).await? else {
                return Ok(Err(Refused::NoSuchPerson));
            };
            sqlx::query("DELETE FROM browser WHERE person = $1 AND endpoint = $2")
                .bind(person.id.to_string())
                .bind(&b.endpoint)
                .execute(&mut tx.conn)
                .await?;
            let there: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM browser WHERE person = $1")
                .bind(person.id.to_string())
                .fetch_one(&mut tx.conn)
                .await?;
            if there >= BROWSERS_MAX {
                return Ok(Err(Refused::TooManyBrowsers));
            }
            sqlx::query(
                "INSERT INTO browser (id, person, name, lang, endpoint, keys, created_at, told_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(&b.id)
            .bind(person.id.to_string())
            .bind(&b.name)
            .bind(b.lang.tag())
            .bind(&b.endpoint)
            .bind(b.keys.to_kept())
            .bind(b.created_at.0)
            .bind(b.told_at.map(|t| t.0))
            .execute(&mut tx.conn)
            .await?;
            let act = Act::BrowserAdded { person: person.name, browser: b.name.clone() };
            acted(&mut tx.conn, now, by, act).await?;
            Ok(Ok(()))
        };
        self.people_write(keep).await
    }

    /// False: there is none.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn browser_forget(
        &self,
        of: &Person,
        id: &str,
        by: &By,
        now: Time,
    ) -> Result<bool, PeopleError> {
        let forget = async |tx: &mut Tx<'_>| -> Answer<bool> {
            let row = sqlx::query("DELETE FROM browser WHERE id = $1 AND person = $2 RETURNING name")
                .bind(id)
                .bind(of.id.to_string())
                .fetch_optional(&mut tx.conn)
                .await?;
            let Some(row) = row else { return Ok(Ok(false)) };
            let act = Act::BrowserRemoved { person: of.name.clone(), browser: row.try_get(0)? };
            acted(&mut tx.conn, now, by, act).await?;
            Ok(Ok(true))
        };
        self.people_write(forget).await
    }

    /// Its push service took a message.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn browser_told(&self, id: &str, now: Time) -> Result<(), StoreError> {
        let told = async {
            let mut tx = self.0.begin().await?;
            sqlx::query("UPDATE browser SET told_at = $1 WHERE id = $2")
                .bind(now.0)
                .bind(id)
                .execute(&mut tx.conn)
                .await?;
            tx.commit().await
        };
        told.await.map_err(|e: Fault| self.0.err(e))
    }
}

pub(super) async fn forget_all(conn: &mut SqliteConnection, person: PersonId) -> Result<(), Fault> {
    sqlx::query("DELETE FROM browser WHERE person = $1").bind(person.to_string()).execute(conn).await?;
    Ok(())
}

fn both(row: &SqliteRow) -> Result<(Person, Browser), Fault> {
    let person = person_of(row)?;
    let browser = Browser {
        id: row.try_get(5)?,
        person: person.id,
        name: row.try_get(6)?,
        lang: row.try_get::<&str, _>(7)?.parse().map_err(|_| crate::pack::Malformed)?,
        endpoint: row.try_get(8)?,
        keys: BrowserKeys::kept(row.try_get(9)?).ok_or(crate::pack::Malformed)?,
        created_at: Time(row.try_get(10)?),
        told_at: row.try_get::<Option<i64>, _>(11)?.map(Time),
    };
    Ok((person, browser))
}
