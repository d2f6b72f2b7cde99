//! Tokens for HTTP writes: 256 random bits, kept only as their SHA-256.

use crate::{Store, StoreError, commit::journal, writer::Fault};
use ring::digest::{SHA256, digest};
use sqlx::Row;
use std::fmt::Write as _;
use stillhere_model::{Time, journal::Entry};

/// So that a token is recognised as one, by people and by scanners for leaked secrets.
const PREFIX: &str = "sth_";
/// `last_used` is kept this exact, so that using a token does not write to disk each time.
const USED_EVERY_MS: i64 = 60_000;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenScope {
    /// The whole API.
    Write,
    /// Joining as an edge, and nothing else: it lies on another machine.
    Edge,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    pub name: String,
    pub scope: TokenScope,
    pub created_at: Time,
    /// Within a minute.
    pub last_used: Option<Time>,
}

// === impl TokenScope ===

impl TokenScope {
    /// As written in SQL and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TokenScope::Write => "write",
            TokenScope::Edge => "edge",
        }
    }

    #[must_use]
    pub fn of(word: &str) -> Option<TokenScope> {
        [TokenScope::Write, TokenScope::Edge].into_iter().find(|s| s.as_str() == word)
    }
}

// === impl Store ===

impl Store {
    /// Makes a token for the whole API from 256 bits of entropy. This is the only time it can be seen.
    ///
    /// # Errors
    /// [`StoreError::TokenExists`] when the name is taken.
    pub async fn token_new(&self, name: &str, random: [u8; 32], now: Time) -> Result<String, StoreError> {
        self.token_new_for(name, TokenScope::Write, random, now).await
    }

    /// The same for one purpose.
    ///
    /// # Errors
    /// [`StoreError::TokenExists`] when the name is taken.
    pub async fn token_new_for(
        &self,
        name: &str,
        scope: TokenScope,
        random: [u8; 32],
        now: Time,
    ) -> Result<String, StoreError> {
        let token = format!("{PREFIX}{}", hex(&random));
        let make = async {
            let mut tx = self.0.begin().await?;
            let done = sqlx::query(
                "INSERT INTO token (name, sha256, created_at, scope) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING",
            )
            .bind(name)
            .bind(hash(&token))
            .bind(now.0)
            .bind(scope.as_str())
            .execute(&mut tx.conn)
            .await?;
            if done.rows_affected() == 0 {
                tx.commit().await?;
                return Err(Fault::Store(StoreError::TokenExists(name.to_owned())));
            }
            journal(&mut tx.conn, now, &Entry::TokenMade { name: name.to_owned() }).await?;
            tx.commit().await
        };
        make.await.map_err(|e| self.0.err(e))?;
        Ok(token)
    }

    /// The name of a token for the whole API, if it is one.
    ///
    /// # Errors
    /// When the file cannot be read. (That it was used is written when possible; failing to is not an error.)
    pub async fn token_check(&self, token: &str, now: Time) -> Result<Option<String>, StoreError> {
        self.token_check_for(token, TokenScope::Write, now).await
    }

    /// The name of a token, if it is one of this scope.
    ///
    /// # Errors
    /// As [`Store::token_check`].
    pub async fn token_check_for(
        &self,
        token: &str,
        scope: TokenScope,
        now: Time,
    ) -> Result<Option<String>, StoreError> {
        // Looked up by its hash: how long that takes says nothing about the token.
        let row = sqlx::query("SELECT name, last_used FROM token WHERE sha256 = $1 AND scope = $2")
            .bind(hash(token))
            .bind(scope.as_str())
            .fetch_optional(&self.0.readers)
            .await
            .map_err(|e| self.0.err(e))?;
        let Some(row) = row else { return Ok(None) };
        let name: String = row.try_get(0).map_err(|e| self.0.err(e))?;
        let last: Option<i64> = row.try_get(1).map_err(|e| self.0.err(e))?;
        if last.is_none_or(|last| (now.0 - last).abs() >= USED_EVERY_MS)
            && let Err(e) = self.token_used(&name, now).await
        {
            tracing::warn!(token = %name, error = %e, "cannot write down that the token was used");
        }
        Ok(Some(name))
    }

    async fn token_used(&self, name: &str, now: Time) -> Result<(), StoreError> {
        let used = async {
            let mut tx = self.0.begin().await?;
            sqlx::query("UPDATE token SET last_used = $1 WHERE name = $2")
                .bind(now.0)
                .bind(name)
                .execute(&mut tx.conn)
                .await?;
            tx.commit().await
        };
        used.await.map_err(|e| self.0.err(e))
    }

    /// False: there is no such token.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn token_revoke(&self, name: &str, now: Time) -> Result<bool, StoreError> {
        let revoke = async {
            let mut tx = self.0.begin().await?;
            let done =
                sqlx::query("DELETE FROM token WHERE name = $1").bind(name).execute(&mut tx.conn).await?;
            let there = done.rows_affected() > 0;
            if there {
                journal(&mut tx.conn, now, &Entry::TokenRevoked { name: name.to_owned() }).await?;
            }
            tx.commit().await?;
            Ok::<_, Fault>(there)
        };
        revoke.await.map_err(|e| self.0.err(e))
    }

    /// By name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn tokens(&self) -> Result<Vec<TokenInfo>, StoreError> {
        let rows = sqlx::query("SELECT name, created_at, last_used, scope FROM token ORDER BY name")
            .fetch_all(&self.0.readers)
            .await;
        self.read(rows, |row| {
            Ok(TokenInfo {
                name: row.try_get(0)?,
                created_at: Time(row.try_get(1)?),
                last_used: row.try_get::<Option<i64>, _>(2)?.map(Time),
                // A scope of a newer version is good for nothing that this one knows.
                scope: TokenScope::of(row.try_get(3)?).unwrap_or(TokenScope::Edge),
            })
        })
    }
}

fn hash(token: &str) -> String {
    hex(digest(&SHA256, token.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut s, b| {
        let _ = write!(s, "{b:02x}"); // writing into a String cannot fail
        s
    })
}
