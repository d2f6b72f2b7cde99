//! How many there are, how far the news has come, and what is known of one of them.

use super::{columns, hand_out::read_news, read};
use crate::{Store, StoreError, writer::Fault};
use sqlx::Row;
use std::collections::BTreeMap;
use stillhere_model::{News, Pace, Subscriber, SubscriberId, Time, Way, Wish, subscriber::SubscriberState};

/// Subscribers of one way in one state.
pub type States = (Way, SubscriberState, u64);

/// How far one piece of news has come among those who are reached one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FanoutView {
    pub news: News,
    pub way: Way,
    /// Everybody has their parcel.
    pub handed_out: bool,
    pub made: u64,
    pub delivered: u64,
    pub failed: u64,
    /// Left before their turn.
    pub gone: u64,
    pub ended_at: Option<Time>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    pub states: Vec<States>,
    /// Parcels that wait, by way, and since when the oldest does.
    pub waiting: Vec<(Way, u64, Option<Time>)>,
    /// Newest news first.
    pub news: Vec<FanoutView>,
}

/// Everything that is known of one subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    pub subscriber: Subscriber,
    /// Why nothing more is sent: since when, in our words, and what the far side said.
    pub stopped: Option<(Time, String, String)>,
    /// What was sent lately, and what waits.
    pub messages: Vec<ExportedMessage>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedMessage {
    pub id: String,
    pub about: Option<News>,
    pub state: String,
    pub created_at: Time,
    pub settled_at: Option<Time>,
    pub attempts: u64,
}

// === impl Store ===

impl Store {
    /// With the last `limit` pieces of news.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn subscriber_progress(&self, limit: u32) -> Result<Progress, StoreError> {
        let way = |row: &sqlx::sqlite::SqliteRow, i: usize| -> Result<Way, Fault> {
            row.try_get::<&str, _>(i)?.parse().map_err(|()| Fault::Malformed)
        };
        let n = |row: &sqlx::sqlite::SqliteRow, i: usize| -> Result<u64, Fault> {
            Ok(row.try_get::<i64, _>(i)?.cast_unsigned())
        };
        let rows =
            sqlx::query("SELECT way, state, COUNT(*) FROM subscriber GROUP BY state, way ORDER BY 1, 2")
                .fetch_all(&self.0.readers)
                .await;
        let states = self.read(rows, |r| {
            Ok((way(r, 0)?, r.try_get::<&str, _>(1)?.parse().map_err(|()| Fault::Malformed)?, n(r, 2)?))
        })?;
        let rows = sqlx::query(
            "SELECT way, COUNT(*), MIN(created_at) FROM parcel WHERE state = 'queued' GROUP BY way ORDER BY way",
        )
        .fetch_all(&self.0.readers)
        .await;
        let waiting =
            self.read(rows, |r| Ok((way(r, 0)?, n(r, 1)?, r.try_get::<Option<i64>, _>(2)?.map(Time))))?;
        let rows = sqlx::query(
            "SELECT f.way, f.state, f.made, f.delivered, f.failed, f.gone, f.ended_at, n.id, n.at_ms, n.what
             FROM fanout f JOIN news n ON n.no = f.news ORDER BY f.news DESC, f.way LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.0.readers)
        .await;
        let news = self.read(rows, |r| {
            Ok(FanoutView {
                way: way(r, 0)?,
                handed_out: r.try_get::<&str, _>(1)? != "making",
                made: n(r, 2)?,
                delivered: n(r, 3)?,
                failed: n(r, 4)?,
                gone: n(r, 5)?,
                ended_at: r.try_get::<Option<i64>, _>(6)?.map(Time),
                news: read_news(r, 7)?,
            })
        })?;
        Ok(Progress { states, waiting, news })
    }

    /// How many of those who are told by themselves or once a day want what `wants` says, by way: at once, and once a day.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn subscribers_who(
        &self,
        wants: impl Fn(&Wish) -> bool,
    ) -> Result<BTreeMap<Way, (u64, u64)>, StoreError> {
        // Few wishes are rare: most subscribers want everything.
        let rows = sqlx::query(
            "SELECT way, wish, COUNT(*) FROM subscriber WHERE state = 'active' GROUP BY way, wish",
        )
        .fetch_all(&self.0.readers)
        .await;
        let all = self.read(rows, |r| {
            let way: Way = r.try_get::<&str, _>(0)?.parse().map_err(|()| Fault::Malformed)?;
            let wish: Wish = serde_json::from_str(r.try_get(1)?)?;
            Ok((way, wish, r.try_get::<i64, _>(2)?.cast_unsigned()))
        })?;
        let mut sums: BTreeMap<Way, (u64, u64)> = BTreeMap::new();
        for (way, wish, n) in all {
            if wants(&wish) {
                let (at_once, daily) = sums.entry(way).or_default();
                *if wish.pace == Pace::Daily { daily } else { at_once } += n;
            }
        }
        Ok(sums)
    }

    /// `None`: there is no such subscriber.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn subscriber_export(&self, id: SubscriberId) -> Result<Option<Export>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT s.no, s.stopped_at, s.stopped_why, s.stopped_said, ",
            columns!("s"),
            " FROM subscriber s WHERE s.id = $1"
        ))
        .bind(id.to_string())
        .fetch_all(&self.0.readers)
        .await;
        let found = self.read(rows, |r| {
            let stopped = match r.try_get::<Option<i64>, _>(1)? {
                Some(at) => Some((Time(at), r.try_get(2)?, r.try_get(3)?)),
                None => None,
            };
            Ok((r.try_get::<i64, _>(0)?, stopped, read(r, 4)?))
        })?;
        let Some((no, stopped, subscriber)) = found.into_iter().next() else { return Ok(None) };
        let rows = sqlx::query(
            "SELECT p.id, p.state, p.created_at, p.settled_at, p.attempt, p.news, n.id, n.at_ms, n.what
             FROM parcel p LEFT JOIN news n ON n.no = p.news WHERE p.subscriber = $1 ORDER BY p.no",
        )
        .bind(no)
        .fetch_all(&self.0.readers)
        .await;
        let messages = self.read(rows, |r| {
            Ok(ExportedMessage {
                id: r.try_get(0)?,
                state: r.try_get(1)?,
                created_at: Time(r.try_get(2)?),
                settled_at: r.try_get::<Option<i64>, _>(3)?.map(Time),
                attempts: r.try_get::<i64, _>(4)?.cast_unsigned(),
                about: match r.try_get::<Option<&str>, _>(6)? {
                    Some(_) => Some(read_news(r, 6)?),
                    None => None,
                },
            })
        })?;
        Ok(Some(Export { subscriber, stopped, messages }))
    }

    /// Writes into the journal that somebody was given what is known of a subscriber.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn subscriber_exported(&self, who: &str, by: &str, now: Time) -> Result<(), StoreError> {
        let write = async {
            let mut tx = self.0.begin().await?;
            let entry = stillhere_model::Entry::SubscriberExported { who: who.to_owned(), by: by.to_owned() };
            crate::commit::journal(&mut tx.conn, now, &entry).await?;
            tx.commit().await
        };
        write.await.map_err(|e| self.0.err(e))
    }
}
