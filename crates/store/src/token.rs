//! Tokens for programs: 256 random bits, kept only as their SHA-256.

use crate::{Store, StoreError, people::acted, writer::Fault};
use ring::digest::{SHA256, digest};
use sqlx::Row;
use std::fmt::Write as _;
use stillhere_model::{Act, By, Role, Time};

/// So that a token is recognised as one, by people and by scanners for leaked secrets.
const PREFIX: &str = "sth_";
/// `last_used` is kept this exact, so that using a token does not write to disk each time.
const USED_EVERY_MS: i64 = 60_000;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenScope {
    /// The API, as far as its role goes.
    Write,
    /// Joining as an edge, and nothing else: it lies on another machine.
    Edge,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    pub name: String,
    pub scope: TokenScope,
    pub role: Role,
    pub teams: Vec<String>,
    pub created_at: Time,
    /// It is good until then. `None`: until it is revoked.
    pub expires_at: Option<Time>,
    /// Within a minute.
    pub last_used: Option<Time>,
}

/// One that is to be.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    pub name: &'a str,
    pub scope: TokenScope,
    /// What it may do in the API; an edge's token may do nothing there.
    pub role: Role,
    /// As a person's.
    pub teams: &'a [String],
    pub expires_at: Option<Time>,
}

/// What a token that is good lets its bearer do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub name: String,
    pub role: Role,
    pub teams: Vec<String>,
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
    /// Makes a token that may do everything, for ever, from 256 bits of entropy. This is the only time it can be seen.
    ///
    /// # Errors
    /// [`StoreError::TokenExists`] when the name is taken.
    pub async fn token_new(&self, name: &str, random: [u8; 32], now: Time) -> Result<String, StoreError> {
        let new =
            NewToken { name, scope: TokenScope::Write, role: Role::Admin, teams: &[], expires_at: None };
        self.token_make(&new, random, &By::local(), now).await
    }

    /// Makes a token from 256 bits of entropy. This is the only time it can be seen.
    ///
    /// # Errors
    /// [`StoreError::TokenExists`] when the name is taken.
    pub async fn token_make(
        &self,
        new: &NewToken<'_>,
        random: [u8; 32],
        by: &By,
        now: Time,
    ) -> Result<String, StoreError> {
        let token = format!("{PREFIX}{}", hex(&random));
        let make = async {
            let mut tx = self.0.begin().await?;
            let done = sqlx::query(
                "INSERT INTO token (name, sha256, created_at, scope, role, teams, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING",
            )
            .bind(new.name)
            .bind(hash(&token))
            .bind(now.0)
            .bind(new.scope.as_str())
            .bind(new.role.as_str())
            .bind(serde_json::to_string(new.teams)?)
            .bind(new.expires_at.map(|t| t.0))
            .execute(&mut tx.conn)
            .await?;
            if done.rows_affected() == 0 {
                tx.commit().await?;
                return Err(Fault::Store(StoreError::TokenExists(new.name.to_owned())));
            }
            let act = Act::TokenMade {
                token: new.name.to_owned(),
                scope: new.scope.as_str().to_owned(),
                role: new.role,
                teams: new.teams.to_vec(),
                expires_at: new.expires_at,
            };
            acted(&mut tx.conn, now, by, act).await?;
            tx.commit().await
        };
        make.await.map_err(|e| self.0.err(e))?;
        Ok(token)
    }

    /// What a token is good for, if it is one of this scope and good now.
    ///
    /// # Errors
    /// When the file cannot be read. (That it was used is written when possible; failing to is not an error.)
    pub async fn token_grant(
        &self,
        token: &str,
        scope: TokenScope,
        now: Time,
    ) -> Result<Option<Grant>, StoreError> {
        // Looked up by its hash: how long that takes says nothing about the token.
        let row = sqlx::query(
            "SELECT name, role, teams, last_used FROM token
             WHERE sha256 = $1 AND scope = $2 AND (expires_at IS NULL OR expires_at > $3)",
        )
        .bind(hash(token))
        .bind(scope.as_str())
        .bind(now.0)
        .fetch_optional(&self.0.readers)
        .await
        .map_err(|e| self.0.err(e))?;
        let Some(row) = row else { return Ok(None) };
        let read = || {
            let grant =
                Grant { name: row.try_get(0)?, role: role(row.try_get(1)?), teams: teams(row.try_get(2)?)? };
            Ok::<_, Fault>((grant, row.try_get::<Option<i64>, _>(3)?))
        };
        let (grant, last) = read().map_err(|e| self.0.err(e))?;
        if last.is_none_or(|last| (now.0 - last).abs() >= USED_EVERY_MS)
            && let Err(e) = self.token_used(&grant.name, now).await
        {
            tracing::warn!(token = %grant.name, error = %e, "cannot write down that the token was used");
        }
        Ok(Some(grant))
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
    pub async fn token_revoke(&self, name: &str, by: &By, now: Time) -> Result<bool, StoreError> {
        let revoke = async {
            let mut tx = self.0.begin().await?;
            let done =
                sqlx::query("DELETE FROM token WHERE name = $1").bind(name).execute(&mut tx.conn).await?;
            let there = done.rows_affected() > 0;
            if there {
                acted(&mut tx.conn, now, by, Act::TokenRevoked { token: name.to_owned() }).await?;
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
        let rows = sqlx::query(
            "SELECT name, created_at, last_used, scope, role, teams, expires_at FROM token ORDER BY name",
        )
        .fetch_all(&self.0.readers)
        .await;
        self.read(rows, |row| {
            Ok(TokenInfo {
                name: row.try_get(0)?,
                created_at: Time(row.try_get(1)?),
                last_used: row.try_get::<Option<i64>, _>(2)?.map(Time),
                // A scope of a newer version is good for nothing that this one knows.
                scope: TokenScope::of(row.try_get(3)?).unwrap_or(TokenScope::Edge),
                role: role(row.try_get(4)?),
                teams: teams(row.try_get(5)?)?,
                expires_at: row.try_get::<Option<i64>, _>(6)?.map(Time),
            })
        })
    }
}

/// A role of a newer version may do here what the least may.
fn role(word: &str) -> Role {
    Role::of(word).unwrap_or(Role::Viewer)
}

fn teams(json: &str) -> Result<Vec<String>, Fault> {
    Ok(serde_json::from_str(json)?)
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
