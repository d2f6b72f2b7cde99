//! Codes beside the password: each is good once. That it was used is written with what it was used for, so that no crash gives it back.

use super::{Answer, NewSession, PeopleError, Refused, acted, session::Code};
use crate::{
    Store, StoreError,
    writer::{Fault, Tx},
};
use sqlx::SqliteConnection;
use stillhere_model::{Act, By, Person, PersonId, Time, With};

// === impl Store ===

impl Store {
    /// Uses a code up that was asked for beside the password, for what keeps nothing else.
    ///
    /// # Errors
    /// `CodeUsed`.
    pub async fn code_take(
        &self,
        person: &Person,
        proof: &Code,
        by: &By,
        now: Time,
    ) -> Result<(), PeopleError> {
        self.people_write(async |tx: &mut Tx<'_>| take(&mut tx.conn, person, proof, by, now).await).await
    }

    /// Keeps a sealed seed that is shown now and not confirmed yet.
    ///
    /// # Errors
    /// `CodeUsed`, `NoSuchPerson`.
    pub async fn totp_offer(
        &self,
        person: &Person,
        proof: &Code,
        sealed: &[u8],
        by: &By,
        now: Time,
    ) -> Result<(), PeopleError> {
        let offer = async |tx: &mut Tx<'_>| -> Answer<()> {
            if let Err(no) = take(&mut tx.conn, person, proof, by, now).await? {
                return Ok(Err(no));
            }
            let done =
                sqlx::query("UPDATE person SET totp_offered = $1 WHERE id = $2 AND removed_at IS NULL")
                    .bind(sealed)
                    .bind(person.id.to_string())
                    .execute(&mut tx.conn)
                    .await?;
            Ok(if done.rows_affected() == 0 { Err(Refused::NoSuchPerson) } else { Ok(()) })
        };
        self.people_write(offer).await
    }

    /// From now on a code is asked for: the seed that was offered, whose code of `step` was right. A fresh session, and no other.
    ///
    /// # Errors
    /// `Changed`: another was offered meanwhile.
    #[expect(clippy::too_many_arguments, reason = "one transaction")]
    pub async fn totp_on(
        &self,
        person: &Person,
        offered: &[u8],
        step: i64,
        recovery: &[String],
        fresh: &NewSession,
        by: &By,
        now: Time,
    ) -> Result<(), PeopleError> {
        let on = async |tx: &mut Tx<'_>| -> Answer<()> {
            let done = sqlx::query(
                "UPDATE person SET totp = totp_offered, totp_offered = NULL, totp_step = $1
                 WHERE id = $2 AND totp_offered = $3 AND removed_at IS NULL",
            )
            .bind(step)
            .bind(person.id.to_string())
            .bind(offered)
            .execute(&mut tx.conn)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(Err(Refused::Changed));
            }
            forget_recovery(&mut tx.conn, person.id).await?;
            for sha256 in recovery {
                sqlx::query("INSERT INTO recovery_code (sha256, person) VALUES ($1, $2)")
                    .bind(sha256)
                    .bind(person.id.to_string())
                    .execute(&mut tx.conn)
                    .await?;
            }
            acted(&mut tx.conn, now, by, Act::TotpOn { person: person.name.clone() }).await?;
            super::session::end_all(&mut tx.conn, person, "codes are asked for from now on", by, now).await?;
            fresh.write(&mut tx.conn, person, With::Session, by, now).await?;
            Ok(Ok(()))
        };
        self.people_write(on).await
    }

    /// How many recovery codes somebody still has. 0 without codes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn recovery_codes(&self, person: PersonId) -> Result<u32, StoreError> {
        sqlx::query_scalar("SELECT COUNT(*) FROM recovery_code WHERE person = $1")
            .bind(person.to_string())
            .fetch_one(&self.0.readers)
            .await
            .map_err(|e| self.0.err(e))
    }

    /// No more codes. A fresh session, and no other.
    ///
    /// # Errors
    /// `CodeUsed`.
    pub async fn totp_off(
        &self,
        person: &Person,
        proof: &Code,
        fresh: &NewSession,
        by: &By,
        now: Time,
    ) -> Result<(), PeopleError> {
        let off = async |tx: &mut Tx<'_>| -> Answer<()> {
            if let Err(no) = take(&mut tx.conn, person, proof, by, now).await? {
                return Ok(Err(no));
            }
            sqlx::query("UPDATE person SET totp = NULL, totp_offered = NULL WHERE id = $1")
                .bind(person.id.to_string())
                .execute(&mut tx.conn)
                .await?;
            forget_recovery(&mut tx.conn, person.id).await?;
            acted(&mut tx.conn, now, by, Act::TotpOff { person: person.name.clone() }).await?;
            super::session::end_all(&mut tx.conn, person, "codes are asked for no more", by, now).await?;
            fresh.write(&mut tx.conn, person, With::Session, by, now).await?;
            Ok(Ok(()))
        };
        self.people_write(off).await
    }
}

/// Uses a code up.
pub(super) async fn take(
    conn: &mut SqliteConnection,
    person: &Person,
    proof: &Code,
    by: &By,
    now: Time,
) -> Answer<()> {
    let id = person.id.to_string();
    match proof {
        Code::None => Ok(Ok(())),
        Code::Totp(step) => {
            let done = sqlx::query("UPDATE person SET totp_step = $1 WHERE id = $2 AND totp_step < $1")
                .bind(step)
                .bind(&id)
                .execute(conn)
                .await?;
            Ok(if done.rows_affected() == 0 { Err(Refused::CodeUsed) } else { Ok(()) })
        }
        Code::Recovery(sha256) => {
            let done = sqlx::query("DELETE FROM recovery_code WHERE sha256 = $1 AND person = $2")
                .bind(sha256)
                .bind(&id)
                .execute(&mut *conn)
                .await?;
            if done.rows_affected() == 0 {
                return Ok(Err(Refused::CodeUsed));
            }
            let left: u32 = sqlx::query_scalar("SELECT COUNT(*) FROM recovery_code WHERE person = $1")
                .bind(&id)
                .fetch_one(&mut *conn)
                .await?;
            acted(conn, now, by, Act::RecoveryCodeUsed { person: person.name.clone(), left }).await?;
            Ok(Ok(()))
        }
    }
}

pub(super) async fn forget_recovery(conn: &mut SqliteConnection, person: PersonId) -> Result<(), Fault> {
    sqlx::query("DELETE FROM recovery_code WHERE person = $1").bind(person.to_string()).execute(conn).await?;
    Ok(())
}
