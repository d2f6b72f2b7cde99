//! From one piece of news to a parcel for each subscriber who wants it.

use crate::{
    Store, StoreError,
    commit::journal,
    live::{number, set_number},
    writer::Fault,
};
use ring::digest::{SHA256, digest};
use sqlx::{Row, SqliteConnection};
use stillhere_model::{DeliveryId, Entry, News, NewsId, Pace, SubscriberId, Time, Way, What, Wish};

/// Subscribers that one transaction looks at: a decision that waits for it waits for some milliseconds.
const BATCH: i64 = 500;
/// Parcels of one way that may wait to be sent. Beyond it no more are made until some are gone: what is not made yet costs
/// nothing, and a mail server that is away does not fill the disk.
pub const PARCELS_WAITING: i64 = 5_000;

/// What one batch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandedOut {
    /// So many parcels; there may be more to do at once.
    Some(u64),
    /// As many wait as may.
    Full,
    /// There is no news that has not been handed out.
    Nothing,
}

// === impl Store ===

impl Store {
    /// Makes the next parcels for those who are reached this way.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn hand_out(&self, way: Way, now: Time) -> Result<HandedOut, StoreError> {
        // Asking is a read: with nothing to hand out there is no write.
        let open: Option<i64> =
            sqlx::query_scalar("SELECT news FROM fanout WHERE way = $1 AND state = 'making' LIMIT 1")
                .bind(way.as_str())
                .fetch_optional(&self.0.readers)
                .await
                .map_err(|e| self.0.err(e))?;
        if open.is_none() {
            return Ok(HandedOut::Nothing);
        }
        self.hand_out_some(way, now).await.map_err(|e| self.0.err(e))
    }

    async fn hand_out_some(&self, way: Way, now: Time) -> Result<HandedOut, Fault> {
        let mut tx = self.0.begin().await?;
        let conn = &mut tx.conn;
        let open = sqlx::query(
            "SELECT f.news, f.after_no, f.until_no, n.id, n.at_ms, n.what FROM fanout f JOIN news n ON n.no = f.news
             WHERE f.way = $1 AND f.state = 'making' ORDER BY f.news LIMIT 1",
        )
        .bind(way.as_str())
        .fetch_optional(&mut *conn)
        .await?;
        let Some(open) = open else {
            tx.commit().await?;
            return Ok(HandedOut::Nothing);
        };
        let waiting: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM parcel WHERE way = $1 AND state = 'queued'")
                .bind(way.as_str())
                .fetch_one(&mut *conn)
                .await?;
        if waiting >= PARCELS_WAITING {
            tx.commit().await?;
            return Ok(HandedOut::Full);
        }
        let no: i64 = open.try_get(0)?;
        let news = read_news(&open, 3)?;
        let of_the_day = match &news.what {
            What::Digest { after, until } => range(conn, *after, *until).await?,
            What::Occasion { .. } => Vec::new(),
        };
        let rows = sqlx::query(
            // Two reads in the order of an index each, which are merged: an `IN` would sort everybody for each batch. Who waits for an end
            // was taken down while the incident was open, whatever the clock said.
            "SELECT no, id, wish FROM subscriber
             WHERE state = 'active' AND way = $1 AND no > $2 AND no <= $3 AND confirmed_at <= $4
             UNION ALL SELECT no, id, wish FROM subscriber
             WHERE state = 'once' AND way = $1 AND no > $2 AND no <= $3
             ORDER BY no LIMIT $5",
        )
        .bind(way.as_str())
        .bind(open.try_get::<i64, _>(1)?)
        .bind(open.try_get::<i64, _>(2)?)
        .bind(news.at.0)
        .bind(BATCH)
        .fetch_all(&mut *conn)
        .await?;
        let mut made = 0u64;
        for row in &rows {
            let wish: Wish = serde_json::from_str(row.try_get(2)?)?;
            if !is_for(&news, &of_the_day, &wish) {
                continue;
            }
            let subscriber: SubscriberId =
                row.try_get::<&str, _>(1)?.parse().map_err(|_| Fault::Malformed)?;
            let done = sqlx::query(
                "INSERT INTO parcel (id, way, subscriber, news, letter, created_at, not_before, lease_until, in_flight,
                     attempt, sent_before, state)
                 VALUES ($1, $2, $3, $4, NULL, $5, $5, 0, 0, 0, 0, 'queued') ON CONFLICT DO NOTHING",
            )
            .bind(delivery(news.id, subscriber).to_string())
            .bind(way.as_str())
            .bind(row.try_get::<i64, _>(0)?)
            .bind(no)
            .bind(now.0)
            .execute(&mut *conn)
            .await?;
            made += done.rows_affected();
        }
        let all = i64::try_from(rows.len()).unwrap_or(BATCH) < BATCH;
        let after: i64 = match rows.last() {
            Some(row) => row.try_get(0)?,
            None => open.try_get(2)?,
        };
        sqlx::query(
            "UPDATE fanout SET after_no = $1, made = made + $2, state = $3 WHERE news = $4 AND way = $5",
        )
        .bind(after)
        .bind(i64::try_from(made).unwrap_or(i64::MAX))
        .bind(if all { "made" } else { "making" })
        .bind(no)
        .bind(way.as_str())
        .execute(&mut *conn)
        .await?;
        super::parcel::count(conn, no, way, super::parcel::Sums::default(), now).await?;
        tx.commit().await?;
        Ok(HandedOut::Some(made))
    }

    /// Writes the digest of `day` (any number that rises by the day), of all news since the last one, unless there is one of
    /// that day. True when one was written.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn write_digest(&self, id: NewsId, day: i64, now: Time) -> Result<bool, StoreError> {
        let write = async {
            let mut tx = self.0.begin().await?;
            let conn = &mut tx.conn;
            if number(conn, "digest_day").await?.is_some_and(|last| last >= day) {
                tx.commit().await?;
                return Ok(false);
            }
            let after = number(conn, "digest_until").await?.unwrap_or(0);
            let until: Option<i64> =
                sqlx::query_scalar("SELECT MAX(no) FROM news").fetch_one(&mut *conn).await?;
            let until = until.unwrap_or(after).max(after);
            let some = !range(conn, after, until).await?.is_empty();
            if some {
                write_news(conn, &News { id, at: now, what: What::Digest { after, until } }).await?;
            }
            set_number(conn, "digest_day", day).await?;
            set_number(conn, "digest_until", until).await?;
            tx.commit().await?;
            Ok::<_, Fault>(some)
        };
        write.await.map_err(|e| self.0.err(e))
    }
}

/// Writes one piece of news, if there is anybody to read it. The same again changes nothing.
pub(crate) async fn write_news(conn: &mut SqliteConnection, news: &News) -> Result<(), Fault> {
    let row = sqlx::query(
        "INSERT INTO news (id, at_ms, what)
         SELECT $1, $2, $3 WHERE EXISTS (SELECT 1 FROM subscriber WHERE state IN ('active', 'once'))
         ON CONFLICT (id) DO NOTHING RETURNING no",
    )
    .bind(news.id.to_string())
    .bind(news.at.0)
    .bind(serde_json::to_string(&news.what)?)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let no: i64 = row.try_get(0)?;
    for way in Way::ALL {
        let until: Option<i64> =
            // Each of the two is one look into the index.
            sqlx::query_scalar(
                "SELECT MAX(no) FROM (SELECT MAX(no) AS no FROM subscriber WHERE state = 'active' AND way = $1
                 UNION ALL SELECT MAX(no) FROM subscriber WHERE state = 'once' AND way = $1)",
            )
            .bind(way.as_str())
            .fetch_one(&mut *conn)
            .await?;
        let Some(until) = until else { continue };
        sqlx::query(
            "INSERT INTO fanout (news, way, after_no, until_no, state, made, delivered, failed, gone)
             VALUES ($1, $2, 0, $3, 'making', 0, 0, 0, 0)",
        )
        .bind(no)
        .bind(way.as_str())
        .bind(until)
        .execute(&mut *conn)
        .await?;
    }
    if let What::Occasion { occasion, .. } = &news.what {
        journal(conn, news.at, &Entry::NewsWritten { news: news.id, occasion: occasion.clone() }).await?;
    }
    Ok(())
}

/// The pieces of news after one up to another, but for digests.
pub(super) async fn range(conn: &mut SqliteConnection, after: i64, until: i64) -> Result<Vec<News>, Fault> {
    let rows = sqlx::query("SELECT id, at_ms, what FROM news WHERE no > $1 AND no <= $2 ORDER BY no")
        .bind(after)
        .bind(until)
        .fetch_all(conn)
        .await?;
    let mut all = rows.iter().map(|r| read_news(r, 0)).collect::<Result<Vec<_>, _>>()?;
    all.retain(|n| matches!(n.what, What::Occasion { .. }));
    Ok(all)
}

/// From the columns id, `at_ms`, what, which begin at `at`.
pub(super) fn read_news(row: &sqlx::sqlite::SqliteRow, at: usize) -> Result<News, Fault> {
    Ok(News {
        id: row.try_get::<&str, _>(at)?.parse().map_err(|_| Fault::Malformed)?,
        at: Time(row.try_get(at + 1)?),
        what: serde_json::from_str(row.try_get(at + 2)?)?,
    })
}

fn is_for(news: &News, of_the_day: &[News], wish: &Wish) -> bool {
    match news.what {
        What::Occasion { .. } => wish.pace == Pace::Instant && news.is_for(wish),
        What::Digest { .. } => wish.pace == Pace::Daily && of_the_day.iter().any(|n| n.is_for(wish)),
    }
}

/// The id of what a subscriber is told of a piece of news: always the same.
fn delivery(news: NewsId, subscriber: SubscriberId) -> DeliveryId {
    let hash = digest(&SHA256, &[*news.0.as_bytes(), *subscriber.0.as_bytes()].concat());
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    DeliveryId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
