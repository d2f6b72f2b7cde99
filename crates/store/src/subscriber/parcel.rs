//! Single messages to single subscribers: claimed for a time, sent, settled in batches.

use super::{columns, hand_out, read};
use crate::{
    Store, StoreError,
    commit::journal,
    outbox::{GIVE_UP_AFTER, RETRY_AFTER_MAX, TRIES_MIN, back_off, bounded},
    writer::Fault,
};
use sqlx::{Row, SqliteConnection};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use stillhere_model::{
    Entry, News, Parcel, Time, Way, What,
    subscriber::{SubscriberState, Telling},
};

/// A question to a webhook or a browser is put so often at most: its address came from a stranger, and one request to us must not become
/// many to somebody else. Letters go to our own mail server, which some put off for a while, and are tried as long as anything.
pub const QUESTION_TRIES: u32 = 3;

/// A parcel to be sent now, until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedParcel {
    no: i64,
    subscriber: i64,
    news: Option<i64>,
    /// 1 for the first try.
    pub attempt: u32,
    /// The try before this one has no receipt: the far side may have it already.
    pub sent_before: bool,
    pub parcel: Parcel,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// To be tried again, not before that time where the far side named one.
    Later {
        reason: String,
        retry_after_ms: Option<u64>,
    },
    /// Trying again cannot help; it says nothing about the address.
    Dead {
        reason: String,
    },
    /// The far side says that there is nobody at this address. After `silence_after` of them in a row nothing more is sent.
    NobodyThere {
        reason: String,
        silence_after: u32,
    },
    /// The far side says that this address has ended for good, and another person can never have it: the subscription is forgotten.
    Gone {
        reason: String,
    },
    /// It holds nothing any more that is wanted.
    NotWanted,
}

/// What is added to the sums of a piece of news.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) delivered: i64,
    pub(super) failed: i64,
    pub(super) gone: i64,
}

// === impl Store ===

impl Store {
    /// Takes up to `limit` parcels of one way that are due, for `lease`; nobody else gets them until then. Letters about
    /// subscriptions come before news. To one subscriber never more than one at a time, the oldest.
    ///
    /// # Errors
    /// Nothing was claimed.
    pub async fn claim_parcels(
        &self,
        way: Way,
        now: Time,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<ClaimedParcel>, StoreError> {
        let due: Option<i64> = sqlx::query_scalar(
            "SELECT no FROM parcel WHERE way = $1 AND state = 'queued' AND not_before <= $2 AND lease_until <= $2 LIMIT 1",
        )
        .bind(way.as_str())
        .bind(now.0)
        .fetch_optional(&self.0.readers)
        .await
        .map_err(|e| self.0.err(e))?;
        if due.is_none() {
            return Ok(Vec::new());
        }
        self.claim_some(way, now, i64::from(limit), lease).await.map_err(|e| self.0.err(e))
    }

    async fn claim_some(
        &self,
        way: Way,
        now: Time,
        limit: i64,
        lease: Duration,
    ) -> Result<Vec<ClaimedParcel>, Fault> {
        let mut tx = self.0.begin().await?;
        let conn = &mut tx.conn;
        let until = now.plus(lease).0;
        let mut taken: HashSet<i64> = HashSet::new();
        for sql in [
            "UPDATE parcel SET lease_until = $1, attempt = attempt + 1, sent_before = in_flight, in_flight = 1,
                 first_try = COALESCE(first_try, $2)
             WHERE no IN (
                 SELECT p.no FROM parcel p
                 WHERE p.way = $3 AND p.state = 'queued' AND p.news IS NULL AND p.not_before <= $2 AND p.lease_until <= $2
                   AND NOT EXISTS (SELECT 1 FROM parcel e WHERE e.subscriber = p.subscriber AND e.state = 'queued'
                                   AND e.no < p.no)
                 ORDER BY p.no LIMIT $4)
               AND state = 'queued' AND lease_until <= $2 RETURNING no",
            "UPDATE parcel SET lease_until = $1, attempt = attempt + 1, sent_before = in_flight, in_flight = 1,
                 first_try = COALESCE(first_try, $2)
             WHERE no IN (
                 SELECT p.no FROM parcel p
                 WHERE p.way = $3 AND p.state = 'queued' AND p.not_before <= $2 AND p.lease_until <= $2
                   AND NOT EXISTS (SELECT 1 FROM parcel e WHERE e.subscriber = p.subscriber AND e.state = 'queued'
                                   AND e.no < p.no)
                 ORDER BY p.no LIMIT $4)
               AND state = 'queued' AND lease_until <= $2 RETURNING no",
        ] {
            let left = limit - i64::try_from(taken.len()).unwrap_or(limit);
            let rows = sqlx::query(sql)
                .bind(until)
                .bind(now.0)
                .bind(way.as_str())
                .bind(left)
                .fetch_all(&mut *conn)
                .await?;
            for row in rows {
                taken.insert(row.try_get(0)?);
            }
        }
        let (first, last) = (taken.iter().min().copied(), taken.iter().max().copied());
        let rows = sqlx::query(concat!(
            "SELECT p.no, p.subscriber, p.news, p.attempt, p.sent_before, p.id, p.letter, p.created_at, ",
            columns!("s"),
            " FROM parcel p JOIN subscriber s ON s.no = p.subscriber
              WHERE p.no BETWEEN $1 AND $2 AND p.way = $3 AND p.state = 'queued' AND p.lease_until = $4 ORDER BY p.no"
        ))
        .bind(first)
        .bind(last)
        .bind(way.as_str())
        .bind(until)
        .fetch_all(&mut *conn)
        .await?;
        let mut read_before: HashMap<i64, (bool, Vec<News>)> = HashMap::new();
        let mut claimed = Vec::with_capacity(rows.len());
        for row in rows {
            let no: i64 = row.try_get(0)?;
            if !taken.remove(&no) {
                continue;
            }
            let to = read(&row, 8)?;
            let news: Option<i64> = row.try_get(2)?;
            let telling = match news {
                None if row.try_get::<Option<&str>, _>(6)? == Some("known") => Telling::Known,
                None => Telling::Confirm,
                Some(news) => {
                    if let std::collections::hash_map::Entry::Vacant(e) = read_before.entry(news) {
                        e.insert(told(conn, news).await?);
                    }
                    let (digest, all) = &read_before[&news];
                    let wanted = |n: &&News| to.state.is_told() && n.is_for(&to.wish);
                    let mut wanted = all.iter().filter(wanted).cloned();
                    if *digest { Telling::Digest(wanted.collect()) } else { Telling::News(wanted.next()) }
                }
            };
            claimed.push(ClaimedParcel {
                no,
                subscriber: row.try_get(1)?,
                news,
                attempt: u32::try_from(row.try_get::<i64, _>(3)?).unwrap_or(u32::MAX),
                sent_before: row.try_get::<i64, _>(4)? != 0,
                parcel: Parcel {
                    id: row.try_get::<&str, _>(5)?.parse().map_err(|_| Fault::Malformed)?,
                    to,
                    telling,
                    created_at: Time(row.try_get(7)?),
                },
            });
        }
        // Their subscription was never confirmed and is forgotten.
        for no in taken {
            sqlx::query("DELETE FROM parcel WHERE no = $1").bind(no).execute(&mut *conn).await?;
        }
        tx.commit().await?;
        Ok(claimed)
    }

    /// Writes down what became of claimed parcels, in one transaction. `jitter` spreads the next tries.
    ///
    /// # Errors
    /// Nothing was written: they will be sent again when their leases end.
    pub async fn settle_parcels(
        &self,
        settled: &[(ClaimedParcel, Outcome)],
        now: Time,
        jitter: u64,
    ) -> Result<(), StoreError> {
        self.settle_some(settled, now, jitter).await.map_err(|e| self.0.err(e))
    }

    async fn settle_some(
        &self,
        settled: &[(ClaimedParcel, Outcome)],
        now: Time,
        jitter: u64,
    ) -> Result<(), Fault> {
        let mut tx = self.0.begin().await?;
        let conn = &mut tx.conn;
        let mut sums: HashMap<(i64, Way), Sums> = HashMap::new();
        for (i, (claimed, outcome)) in (0u64..).zip(settled) {
            let spread = jitter.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let Some(add) = settle_one(conn, claimed, outcome, now, spread).await? else { continue };
            if let Some(news) = claimed.news {
                let of = sums.entry((news, claimed.parcel.to.way)).or_default();
                of.delivered += add.delivered;
                of.failed += add.failed;
                of.gone += add.gone;
            }
        }
        for ((news, way), add) in sums {
            count(conn, news, way, add, now).await?;
        }
        tx.commit().await
    }
}

/// Whether a row of `news` is a digest, and the pieces of news that it stands for.
async fn told(conn: &mut SqliteConnection, no: i64) -> Result<(bool, Vec<News>), Fault> {
    let row =
        sqlx::query("SELECT id, at_ms, what FROM news WHERE no = $1").bind(no).fetch_one(&mut *conn).await?;
    let news = hand_out::read_news(&row, 0)?;
    match news.what {
        What::Digest { after, until } => Ok((true, hand_out::range(conn, after, until).await?)),
        What::Occasion { .. } => Ok((false, vec![news])),
    }
}

/// `None`: it is no longer ours to settle, or not settled yet.
async fn settle_one(
    conn: &mut SqliteConnection,
    c: &ClaimedParcel,
    outcome: &Outcome,
    now: Time,
    jitter: u64,
) -> Result<Option<Sums>, Fault> {
    let one = |delivered, failed, gone| Some(Sums { delivered, failed, gone });
    let (state, reason, add) = match outcome {
        Outcome::Delivered => ("delivered", None, one(1, 0, 0)),
        Outcome::NotWanted => ("dead", Some("no longer wanted"), one(0, 0, 1)),
        Outcome::Dead { reason } | Outcome::NobodyThere { reason, .. } | Outcome::Gone { reason } => {
            ("dead", Some(reason.as_str()), one(0, 1, 0))
        }
        Outcome::Later { reason, retry_after_ms } => {
            let first: Option<Option<i64>> = sqlx::query_scalar("SELECT first_try FROM parcel WHERE no = $1")
                .bind(c.no)
                .fetch_optional(&mut *conn)
                .await?;
            let first = first.flatten().map_or(now, Time);
            let question = c.news.is_none() && c.parcel.to.way != Way::Mail;
            let again = if question {
                c.attempt < QUESTION_TRIES
            } else {
                now.since(first) < GIVE_UP_AFTER || c.attempt < TRIES_MIN
            };
            if again {
                let asked = Duration::from_millis(retry_after_ms.unwrap_or(0)).min(RETRY_AFTER_MAX);
                sqlx::query(
                    "UPDATE parcel SET not_before = $1, lease_until = 0, in_flight = 0, reason = $2
                     WHERE no = $3 AND state = 'queued' AND attempt = $4",
                )
                .bind(now.plus(back_off(c.attempt, jitter).max(asked)).0)
                .bind(bounded(reason))
                .bind(c.no)
                .bind(i64::from(c.attempt))
                .execute(&mut *conn)
                .await?;
                return Ok(None);
            }
            ("dead", Some(reason.as_str()), one(0, 1, 0))
        }
    };
    // What was accepted is accepted whoever holds it by now; anything else counts only from its holder.
    let done = sqlx::query(
        "UPDATE parcel SET state = $1, settled_at = $2, reason = $3, in_flight = 0, lease_until = 0
         WHERE no = $4 AND state = 'queued' AND (attempt = $5 OR $1 = 'delivered')",
    )
    .bind(state)
    .bind(now.0)
    .bind(reason.map(bounded))
    .bind(c.no)
    .bind(i64::from(c.attempt))
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    match outcome {
        Outcome::NobodyThere { reason, silence_after } => {
            let in_a_row: Option<i64> = sqlx::query_scalar(
                "UPDATE subscriber SET bounces = bounces + 1 WHERE no = $1 RETURNING bounces",
            )
            .bind(c.subscriber)
            .fetch_optional(&mut *conn)
            .await?;
            if let Some(n) = in_a_row.filter(|n| *n >= i64::from(*silence_after)) {
                let why = match c.parcel.to.way {
                    Way::Webhook => "its server says that it has ended (410)".to_owned(),
                    Way::Mail | Way::Push => format!("refused {n} times in a row"),
                };
                super::bounce::silence(conn, c.subscriber, &why, reason, now).await?;
            }
        }
        Outcome::Gone { reason } => {
            super::ask::leave(conn, c.parcel.to.id, reason, now).await?;
        }
        Outcome::Delivered if c.parcel.to.bounces > 0 => {
            sqlx::query("UPDATE subscriber SET bounces = 0 WHERE no = $1")
                .bind(c.subscriber)
                .execute(&mut *conn)
                .await?;
        }
        _ if c.parcel.to.state == SubscriberState::Once => {
            super::ask::leave(conn, c.parcel.to.id, "was told", now).await?;
        }
        _ => {}
    }
    Ok(add)
}

/// Adds to the sums of a piece of news, and notes when everybody has been told.
pub(super) async fn count(
    conn: &mut SqliteConnection,
    news: i64,
    way: Way,
    add: Sums,
    now: Time,
) -> Result<(), Fault> {
    let row = sqlx::query(
        "UPDATE fanout SET delivered = delivered + $1, failed = failed + $2, gone = gone + $3,
             ended_at = CASE WHEN state = 'made' AND delivered + failed + gone + $1 + $2 + $3 >= made THEN $4 END,
             state = CASE WHEN state = 'made' AND delivered + failed + gone + $1 + $2 + $3 >= made THEN 'over' ELSE state END
         WHERE news = $5 AND way = $6 AND state <> 'over' RETURNING state, delivered, failed, gone",
    )
    .bind(add.delivered)
    .bind(add.failed)
    .bind(add.gone)
    .bind(now.0)
    .bind(news)
    .bind(way.as_str())
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row.filter(|r| r.try_get::<&str, _>(0).is_ok_and(|s| s == "over")) else { return Ok(()) };
    let id: String =
        sqlx::query_scalar("SELECT id FROM news WHERE no = $1").bind(news).fetch_one(&mut *conn).await?;
    let sum = |i: usize| -> Result<u64, sqlx::Error> { Ok(row.try_get::<i64, _>(i)?.cast_unsigned()) };
    let entry = Entry::NewsTold {
        news: id.parse().map_err(|_| Fault::Malformed)?,
        way,
        delivered: sum(1)?,
        failed: sum(2)?,
        left: sum(3)?,
    };
    journal(conn, now, &entry).await
}
