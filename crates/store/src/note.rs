//! What staff write down about an incident for each other.
//!
//! Threat: words that are meant for colleagues reach the public. Everything public is made from incidents, maintenances and the public
//! record, and a note is in none of them: it has a table of its own that only [`Store::notes`] reads. The journal says that
//! one was written, by whom, and not what: so its words can be taken out for good.

use crate::{Store, StoreError, people::acted, writer::Fault};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use stillhere_model::{Act, By, IncidentId, NoteId, Time};

/// Notes about one incident, those that were taken out among them. Who has more to write down has a document for it.
pub const NOTES_MAX: i64 = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub id: NoteId,
    pub incident: IncidentId,
    pub at: Time,
    pub by: String,
    /// `None`: it was taken out.
    pub text: Option<String>,
    pub taken_out: Option<(Time, String)>,
}

/// What somebody writes down.
#[derive(Debug, Clone, Copy)]
pub struct NewNote<'a> {
    pub id: NoteId,
    pub incident: IncidentId,
    pub text: &'a str,
    /// The name of the request, of which each caller has their own, and what was asked under it, both as hashes.
    pub once: Option<(&'a str, &'a str)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noted {
    Written(Note),
    NoSuchIncident,
    /// There are [`NOTES_MAX`].
    TooMany,
    /// Something else was asked under this name.
    OtherRequest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenOut {
    /// It is now, or was already.
    Done,
    NoSuchNote,
    /// Somebody else wrote it.
    NotTheirs,
}

// === impl Store ===

impl Store {
    /// About one incident, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn notes(&self, incident: IncidentId) -> Result<Vec<Note>, StoreError> {
        let read = async {
            let rows = sqlx::query(
                "SELECT id, incident, at_ms, by_whom, text, taken_out_at, taken_out_by FROM note
                 WHERE incident = $1 ORDER BY at_ms, id",
            )
            .bind(incident.to_string())
            .fetch_all(&self.0.readers)
            .await?;
            rows.iter().map(note).collect::<Result<Vec<_>, Fault>>()
        };
        read.await.map_err(|e| self.0.err(e))
    }

    /// With its line in the journal. Sent again under the same name, it is there once.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn note_write(&self, new: NewNote<'_>, by: &By, now: Time) -> Result<Noted, StoreError> {
        let write = async {
            let mut tx = self.0.begin().await?;
            let noted = insert(&mut tx.conn, new, by, now).await?;
            // Where nothing was written there is nothing to undo either.
            tx.commit().await?;
            Ok::<_, Fault>(noted)
        };
        write.await.map_err(|e| self.0.err(e))
    }

    /// Takes its words out; that it was there, and who took it out, stays. `any`: not only what they wrote themselves.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn note_take_out(
        &self,
        incident: IncidentId,
        id: NoteId,
        any: bool,
        by: &By,
        now: Time,
    ) -> Result<TakenOut, StoreError> {
        let take = async {
            let mut tx = self.0.begin().await?;
            let row = sqlx::query("SELECT by_whom, text IS NULL FROM note WHERE id = $1 AND incident = $2")
                .bind(id.to_string())
                .bind(incident.to_string())
                .fetch_optional(&mut tx.conn)
                .await?;
            let done = match row {
                None => TakenOut::NoSuchNote,
                Some(row) if !any && row.try_get::<&str, _>(0)? != by.name => TakenOut::NotTheirs,
                Some(row) if row.try_get(1)? => TakenOut::Done,
                Some(_) => {
                    sqlx::query(
                        "UPDATE note SET text = NULL, asked = NULL, taken_out_at = $1, taken_out_by = $2 WHERE id = $3",
                    )
                    .bind(now.0)
                    .bind(&by.name)
                    .bind(id.to_string())
                    .execute(&mut tx.conn)
                    .await?;
                    acted(&mut tx.conn, now, by, Act::NoteTakenOut { incident, note: id }).await?;
                    TakenOut::Done
                }
            };
            tx.commit().await?;
            Ok::<_, Fault>(done)
        };
        take.await.map_err(|e| self.0.err(e))
    }
}

async fn insert(conn: &mut SqliteConnection, new: NewNote<'_>, by: &By, now: Time) -> Result<Noted, Fault> {
    if let Some((once, asked)) = new.once {
        let row = sqlx::query(
            "SELECT id, incident, at_ms, by_whom, text, taken_out_at, taken_out_by, asked FROM note WHERE once = $1",
        )
        .bind(once)
        .fetch_optional(&mut *conn)
        .await?;
        if let Some(row) = row {
            // Of what was taken out nothing is kept, not even a hash by which a guess could be tried.
            let same = row.try_get::<Option<&str>, _>(7)?.is_none_or(|was| was == asked);
            return if same { Ok(Noted::Written(note(&row)?)) } else { Ok(Noted::OtherRequest) };
        }
    }
    let there: Option<i64> = sqlx::query_scalar("SELECT 1 FROM incident WHERE id = $1")
        .bind(new.incident.to_string())
        .fetch_optional(&mut *conn)
        .await?;
    if there.is_none() {
        return Ok(Noted::NoSuchIncident);
    }
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM note WHERE incident = $1")
        .bind(new.incident.to_string())
        .fetch_one(&mut *conn)
        .await?;
    if count >= NOTES_MAX {
        return Ok(Noted::TooMany);
    }
    sqlx::query(
        "INSERT INTO note (id, incident, at_ms, by_whom, text, once, asked) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(new.id.to_string())
    .bind(new.incident.to_string())
    .bind(now.0)
    .bind(&by.name)
    .bind(new.text)
    .bind(new.once.map(|(once, _)| once))
    .bind(new.once.map(|(_, asked)| asked))
    .execute(&mut *conn)
    .await?;
    acted(conn, now, by, Act::NoteWritten { incident: new.incident, note: new.id }).await?;
    Ok(Noted::Written(Note {
        id: new.id,
        incident: new.incident,
        at: now,
        by: by.name.clone(),
        text: Some(new.text.to_owned()),
        taken_out: None,
    }))
}

fn note(row: &SqliteRow) -> Result<Note, Fault> {
    let id = |at: usize| row.try_get::<&str, _>(at);
    let taken_out = match (row.try_get::<Option<i64>, _>(5)?, row.try_get::<Option<String>, _>(6)?) {
        (Some(at), Some(by)) => Some((Time(at), by)),
        _ => None,
    };
    Ok(Note {
        id: id(0)?.parse().map_err(|_| Fault::Malformed)?,
        incident: id(1)?.parse().map_err(|_| Fault::Malformed)?,
        at: Time(row.try_get(2)?),
        by: row.try_get(3)?,
        text: row.try_get(4)?,
        taken_out,
    })
}
