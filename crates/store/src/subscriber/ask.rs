//! Coming, changing and going.
//!
//! The threat: whoever fills in the form learns who has a subscription, or has a stranger's mailbox flooded. So a
//! request costs the same statements and one commit whatever is known of the address, and a mailbox gets
//! [`ASKS_A_DAY`] letters at most, however often and from wherever it is asked for.

use super::{columns, read};
use crate::{Store, StoreError, commit::journal, writer::Fault};
use sqlx::{Row, SqliteConnection};
use std::time::Duration;
use stillhere_model::{
    DeliveryId, Entry, IncidentId, Subscriber, SubscriberId, Time, Way, Wish,
    subscriber::{BrowserKeys, SubscriberState},
    time::millis,
};

/// Letters about subscribing that one mailbox gets in 24 hours. Beyond it nothing is sent, and the answer is the same.
pub const ASKS_A_DAY: i64 = 3;
/// Such letters to all mailboxes in an hour: beyond it nobody gets one.
pub const ASKS_AN_HOUR: i64 = 1_000;
/// A subscription that nobody confirms within this time is forgotten.
pub const ASKED_KEPT: Duration = Duration::from_secs(86_400);
/// Subscriptions that wait to be confirmed; beyond it new ones are not taken up.
pub const ASKED_MAX: i64 = 10_000;

/// Browsers that are told once that an incident is over, of all incidents; beyond it none is taken up. A bound of their own: whoever
/// fills it keeps nobody from subscribing.
pub const ONCE_MAX: i64 = 20_000;
/// Who waits this long for the end of an incident is forgotten.
pub const ONCE_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Somebody asks for a subscription.
#[derive(Debug, Clone)]
pub struct Asking {
    pub id: SubscriberId,
    pub way: Way,
    pub address: String,
    /// Of a browser.
    pub keys: Option<BrowserKeys>,
    /// Keyed hash of way and address.
    pub who: String,
    /// Keyed hash of what is flooded if this is asked too often: not the same as the address (`a+1@`, `a+2@`).
    pub mailbox: String,
    pub wish: Wish,
    /// Of the letter.
    pub letter: DeliveryId,
    /// Most subscribers that are taken.
    pub at_most: u32,
    pub at: Time,
}

/// What the confirmation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    Now,
    /// It was before.
    Already,
    /// There is none, it was too long ago, or the link is of an earlier one.
    NotThere,
    Full,
}

/// Whether somebody is told of the end of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    Yes,
    /// There is no such incident, or it is over already.
    Over,
    Full,
}

// === impl Store ===

impl Store {
    /// Takes down a request and the letter that answers it: the question to confirm, or to whoever has a subscription
    /// already, its link. True when a letter was written; whoever asked must not learn it.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn subscriber_ask(&self, a: &Asking) -> Result<bool, StoreError> {
        self.ask(a).await.map_err(|e| self.0.err(e))
    }

    async fn ask(&self, a: &Asking) -> Result<bool, Fault> {
        let mut tx = self.0.begin().await?;
        let conn = &mut tx.conn;
        let count = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql);
        let day = a.at.0 - millis(ASKED_KEPT);
        let of_mailbox = count("SELECT COUNT(*) FROM asking WHERE mailbox = $1 AND at_ms > $2")
            .bind(&a.mailbox)
            .bind(day)
            .fetch_one(&mut *conn)
            .await?;
        let of_hour = count("SELECT COUNT(*) FROM asking WHERE at_ms > $1")
            .bind(a.at.0 - 3_600_000)
            .fetch_one(&mut *conn)
            .await?;
        let asked = of_state(conn, SubscriberState::Asked).await?;
        let active = of_state(conn, SubscriberState::Active).await?;
        let known = sqlx::query("SELECT no, state FROM subscriber WHERE who = $1")
            .bind(&a.who)
            .fetch_optional(&mut *conn)
            .await?;
        let state = match &known {
            Some(row) => {
                Some(row.try_get::<&str, _>(1)?.parse::<SubscriberState>().map_err(|()| Fault::Malformed)?)
            }
            None => None,
        };
        let room = state == Some(SubscriberState::Active)
            || (active < i64::from(a.at_most) && (state.is_some() || asked < ASKED_MAX));
        let send = of_mailbox < ASKS_A_DAY && of_hour < ASKS_AN_HOUR && room;
        // What an active one wants is changed by its link alone: a stranger may know the address.
        sqlx::query(
            "INSERT INTO subscriber (id, way, address, who, state, wish, link, asked_at, confirmed_at, bounces, keys)
             SELECT $1, $2, $3, $4, 'asked', $5, 1, $6, NULL, 0, $8 WHERE $7 = 1
             ON CONFLICT (who) DO UPDATE SET
                 keys = CASE state WHEN 'active' THEN keys ELSE excluded.keys END,
                 wish = CASE state WHEN 'active' THEN wish ELSE excluded.wish END,
                 asked_at = CASE state WHEN 'active' THEN asked_at ELSE excluded.asked_at END,
                 state = CASE state WHEN 'active' THEN state ELSE 'asked' END",
        )
        .bind(a.id.to_string())
        .bind(a.way.as_str())
        .bind(&a.address)
        .bind(&a.who)
        .bind(serde_json::to_string(&a.wish)?)
        .bind(a.at.0)
        .bind(i64::from(send))
        .bind(a.keys.as_ref().map(BrowserKeys::to_kept))
        .execute(&mut *conn)
        .await?;
        let letter = if state == Some(SubscriberState::Active) { "known" } else { "confirm" };
        sqlx::query(
            "INSERT INTO parcel (id, way, subscriber, news, letter, created_at, not_before, lease_until, in_flight, attempt,
                 sent_before, state)
             SELECT $1, way, no, NULL, $2, $3, $3, 0, 0, 0, 0, 'queued' FROM subscriber WHERE who = $4 AND $5 = 1",
        )
        .bind(a.letter.to_string())
        .bind(letter)
        .bind(a.at.0)
        .bind(&a.who)
        .bind(i64::from(send))
        .execute(&mut *conn)
        .await?;
        sqlx::query("INSERT INTO asking (mailbox, at_ms) SELECT $1, $2 WHERE $3 = 1")
            .bind(&a.mailbox)
            .bind(a.at.0)
            .bind(i64::from(send))
            .execute(&mut *conn)
            .await?;
        tx.commit().await?;
        Ok(send)
    }

    /// Takes down that a browser is told once, when the incident of its wish is over. There is no question to confirm: the only message
    /// that an address gets by this is the answer itself.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn subscriber_await(&self, a: &Asking, incident: IncidentId) -> Result<Awaited, StoreError> {
        let take = async {
            let mut tx = self.0.begin().await?;
            let conn = &mut tx.conn;
            // In the same transaction: who is written down before the incident ends is there when its end is handed out.
            let open: Option<i64> =
                sqlx::query_scalar("SELECT 1 FROM incident WHERE id = $1 AND is_open = 1")
                    .bind(incident.to_string())
                    .fetch_optional(&mut *conn)
                    .await?;
            let taken = if open.is_none() {
                Awaited::Over
            } else if of_state(conn, SubscriberState::Once).await? >= ONCE_MAX {
                Awaited::Full
            } else {
                // A browser has an address for each site that it is notified by: that of a subscription is another one.
                sqlx::query(
                    "INSERT INTO subscriber (id, way, address, who, state, wish, link, asked_at, confirmed_at, bounces, keys)
                     VALUES ($1, $2, $3, $4, 'once', $5, 1, $6, $6, 0, $7)
                     ON CONFLICT (who) DO UPDATE SET keys = excluded.keys, wish = excluded.wish,
                         asked_at = excluded.asked_at, confirmed_at = excluded.confirmed_at WHERE state = 'once'",
                )
                .bind(a.id.to_string())
                .bind(a.way.as_str())
                .bind(&a.address)
                .bind(&a.who)
                .bind(serde_json::to_string(&a.wish)?)
                .bind(a.at.0)
                .bind(a.keys.as_ref().map(BrowserKeys::to_kept))
                .execute(&mut *conn)
                .await?;
                Awaited::Yes
            };
            tx.commit().await?;
            Ok::<_, Fault>(taken)
        };
        take.await.map_err(|e| self.0.err(e))
    }

    /// Takes over subscribers who were asked elsewhere and said yes; no letter is written. Those that are there already stay
    /// as they are. Gives how many are new.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn subscriber_import(&self, all: &[Asking]) -> Result<u64, StoreError> {
        let import = async {
            let mut tx = self.0.begin().await?;
            let conn = &mut tx.conn;
            let mut active = of_state(conn, SubscriberState::Active).await?;
            let mut new = 0;
            for a in all {
                if active >= i64::from(a.at_most) {
                    break;
                }
                let done = sqlx::query(
                    "INSERT INTO subscriber (id, way, address, who, state, wish, link, asked_at, confirmed_at, bounces)
                     VALUES ($1, $2, $3, $4, 'active', $5, 1, $6, $6, 0) ON CONFLICT (who) DO NOTHING",
                )
                .bind(a.id.to_string())
                .bind(a.way.as_str())
                .bind(&a.address)
                .bind(&a.who)
                .bind(serde_json::to_string(&a.wish)?)
                .bind(a.at.0)
                .execute(&mut *conn)
                .await?;
                if done.rows_affected() > 0 {
                    active += 1;
                    new += 1;
                    journal(conn, a.at, &Entry::SubscriberJoined { who: a.who.clone(), way: a.way }).await?;
                }
            }
            tx.commit().await?;
            Ok::<_, Fault>(new)
        };
        import.await.map_err(|e| self.0.err(e))
    }

    /// Makes a subscription active.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn subscriber_confirm(
        &self,
        id: SubscriberId,
        link: u32,
        at_most: u32,
        now: Time,
    ) -> Result<Confirmed, StoreError> {
        let confirm = async {
            let mut tx = self.0.begin().await?;
            let conn = &mut tx.conn;
            let Some(s) = by_id(conn, id).await?.filter(|s| s.link == link) else {
                tx.commit().await?;
                return Ok(Confirmed::NotThere);
            };
            let confirmed = match s.state {
                SubscriberState::Active => Confirmed::Already,
                SubscriberState::Silenced | SubscriberState::Once => Confirmed::NotThere,
                SubscriberState::Asked if now.since(s.asked_at) > ASKED_KEPT => Confirmed::NotThere,
                SubscriberState::Asked
                    if of_state(conn, SubscriberState::Active).await? >= i64::from(at_most) =>
                {
                    Confirmed::Full
                }
                SubscriberState::Asked => Confirmed::Now,
            };
            if confirmed == Confirmed::Now {
                sqlx::query(
                    "UPDATE subscriber SET state = 'active', confirmed_at = $1, bounces = 0 WHERE id = $2",
                )
                .bind(now.0)
                .bind(id.to_string())
                .execute(&mut *conn)
                .await?;
                super::bounce::forgive(conn, id).await?;
                journal(conn, now, &Entry::SubscriberJoined { who: s.who, way: s.way }).await?;
            }
            tx.commit().await?;
            Ok::<_, Fault>(confirmed)
        };
        confirm.await.map_err(|e| self.0.err(e))
    }

    /// False: there is none.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn subscriber_change(
        &self,
        id: SubscriberId,
        wish: &Wish,
        now: Time,
    ) -> Result<bool, StoreError> {
        let change = async {
            let mut tx = self.0.begin().await?;
            let row = sqlx::query(
                "UPDATE subscriber SET wish = $1 WHERE id = $2 AND state = 'active' RETURNING who",
            )
            .bind(serde_json::to_string(wish)?)
            .bind(id.to_string())
            .fetch_optional(&mut tx.conn)
            .await?;
            if let Some(row) = &row {
                journal(&mut tx.conn, now, &Entry::SubscriberChanged { who: row.try_get(0)? }).await?;
            }
            tx.commit().await?;
            Ok::<_, Fault>(row.is_some())
        };
        change.await.map_err(|e| self.0.err(e))
    }

    /// Forgets everything that is known of a subscriber; what waits for them is not sent. False: there is none.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn subscriber_leave(&self, id: SubscriberId, why: &str, now: Time) -> Result<bool, StoreError> {
        let leave = async {
            let mut tx = self.0.begin().await?;
            let there = leave(&mut tx.conn, id, why, now).await?;
            tx.commit().await?;
            Ok::<_, Fault>(there)
        };
        leave.await.map_err(|e| self.0.err(e))
    }

    /// # Errors
    /// When the file cannot be read.
    pub async fn subscriber(&self, id: SubscriberId) -> Result<Option<Subscriber>, StoreError> {
        let row = sqlx::query(concat!("SELECT ", columns!("s"), " FROM subscriber s WHERE s.id = $1"))
            .bind(id.to_string())
            .fetch_optional(&self.0.readers)
            .await
            .map_err(|e| self.0.err(e))?;
        row.map(|r| read(&r, 0)).transpose().map_err(|e| self.0.err(e))
    }

    /// By the keyed hash of way and address.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn subscriber_by_who(&self, who: &str) -> Result<Option<Subscriber>, StoreError> {
        let row = sqlx::query(concat!("SELECT ", columns!("s"), " FROM subscriber s WHERE s.who = $1"))
            .bind(who)
            .fetch_optional(&self.0.readers)
            .await
            .map_err(|e| self.0.err(e))?;
        row.map(|r| read(&r, 0)).transpose().map_err(|e| self.0.err(e))
    }
}

/// Who waits for the end of an incident that proved to be a part of another one waits for the end of that.
pub(crate) async fn follow(
    conn: &mut SqliteConnection,
    from: IncidentId,
    into: IncidentId,
) -> Result<(), Fault> {
    sqlx::query(
        "UPDATE subscriber SET wish = json_set(wish, '$.end_of', $2)
         WHERE state = 'once' AND json_extract(wish, '$.end_of') = $1",
    )
    // As JSON has them: with hyphens.
    .bind(from.0.hyphenated().to_string())
    .bind(into.0.hyphenated().to_string())
    .execute(conn)
    .await?;
    Ok(())
}

async fn by_id(conn: &mut SqliteConnection, id: SubscriberId) -> Result<Option<Subscriber>, Fault> {
    let row = sqlx::query(concat!("SELECT ", columns!("s"), " FROM subscriber s WHERE s.id = $1"))
        .bind(id.to_string())
        .fetch_optional(conn)
        .await?;
    row.map(|r| read(&r, 0)).transpose()
}

async fn of_state(conn: &mut SqliteConnection, state: SubscriberState) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM subscriber WHERE state = $1")
        .bind(state.as_str())
        .fetch_one(conn)
        .await
}

pub(super) async fn leave(
    conn: &mut SqliteConnection,
    id: SubscriberId,
    why: &str,
    now: Time,
) -> Result<bool, Fault> {
    let row = sqlx::query("DELETE FROM subscriber WHERE id = $1 RETURNING no, who, state")
        .bind(id.to_string())
        .fetch_optional(&mut *conn)
        .await?;
    let Some(row) = row else { return Ok(false) };
    let no: i64 = row.try_get(0)?;
    let waiting = sqlx::query(
        "SELECT news, way FROM parcel WHERE subscriber = $1 AND state = 'queued' AND news IS NOT NULL",
    )
    .bind(no)
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query("DELETE FROM parcel WHERE subscriber = $1").bind(no).execute(&mut *conn).await?;
    sqlx::query("DELETE FROM bounce WHERE subscriber = $1").bind(no).execute(&mut *conn).await?;
    for w in waiting {
        let way: Way = w.try_get::<&str, _>(1)?.parse().map_err(|()| Fault::Malformed)?;
        super::parcel::count(
            conn,
            w.try_get(0)?,
            way,
            super::parcel::Sums { gone: 1, ..Default::default() },
            now,
        )
        .await?;
    }
    let state: SubscriberState = row.try_get::<&str, _>(2)?.parse().map_err(|()| Fault::Malformed)?;
    // Those who never were subscribers leave no trace.
    if !matches!(state, SubscriberState::Asked | SubscriberState::Once) {
        let entry = Entry::SubscriberLeft { who: row.try_get(1)?, why: why.to_owned() };
        journal(conn, now, &entry).await?;
    }
    Ok(true)
}
