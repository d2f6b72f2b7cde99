//! Into the queue, and out of it without having been sent.

use super::{QUEUE_MAX, bounded};
use crate::{commit::journal, load::json, writer::Fault};
use sqlx::SqliteConnection;
use stillhere_model::{
    Time,
    id::{DeliveryId, IncidentId},
    journal::Entry,
    message::{Audience, OutboxMessage},
};

/// Writes a message into its queue. The same id again changes nothing.
pub(crate) async fn enqueue(conn: &mut SqliteConnection, m: &OutboxMessage) -> Result<(), Fault> {
    let waiting: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE channel = $1 AND state = 'queued'")
            .bind(&m.channel)
            .fetch_one(&mut *conn)
            .await?;
    let full = format!("the queue of this channel was full ({QUEUE_MAX} messages); newer updates follow");
    let room = waiting < QUEUE_MAX
        || bury(conn, &m.channel, Some(waiting - QUEUE_MAX + 1), m.created_at, &full).await? > 0
        || m.audience == Audience::Staff;
    let (state, settled_at, reason) = if room {
        ("queued", None, None)
    } else {
        ("dead", Some(m.created_at.0), Some("the queue was full of alerts"))
    };
    let done = sqlx::query(
        "INSERT INTO outbox (id, channel, audience, thread, created_at, not_before, lease_until, in_flight, attempt,
             sent_before, state, settled_at, reason, message)
         VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, 0, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
    )
    .bind(m.id.to_string())
    .bind(&m.channel)
    .bind(audience(m.audience))
    .bind(thread(m))
    .bind(m.created_at.0)
    .bind(m.not_before.0)
    .bind(state)
    .bind(settled_at)
    .bind(reason)
    .bind(serde_json::to_string(m)?)
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    let (delivery, channel) = (m.id, m.channel.clone());
    let entry = match reason {
        None => Entry::Queued { delivery, channel },
        Some(reason) => Entry::DeadLettered { delivery, channel, reason: reason.to_owned() },
    };
    journal(conn, m.created_at, &entry).await
}

/// Staff messages about `incident` that are not on their way are taken back.
pub(crate) async fn withdraw(conn: &mut SqliteConnection, incident: IncidentId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE outbox SET state = 'withdrawn', settled_at = created_at
         WHERE (thread = $1 OR thread LIKE $1 || '/%') AND state = 'queued' AND in_flight = 0",
    )
    .bind(format!("staff/{incident}"))
    .execute(conn)
    .await
    .map(drop)
}

/// Makes dead letters of waiting messages: with `oldest_public`, of so many of the oldest public ones that are
/// not under way; without, of all.
pub(super) async fn bury(
    conn: &mut SqliteConnection,
    channel: &str,
    oldest_public: Option<i64>,
    now: Time,
    reason: &str,
) -> Result<u64, Fault> {
    let rows =
        match oldest_public {
            None => {
                sqlx::query("SELECT message FROM outbox WHERE channel = $1 AND state = 'queued' ORDER BY seq")
                    .bind(channel)
                    .fetch_all(&mut *conn)
                    .await?
            }
            Some(n) => sqlx::query(
                "SELECT message FROM outbox WHERE channel = $1 AND state = 'queued' AND audience = 'public'
                   AND in_flight = 0 ORDER BY seq LIMIT $2",
            )
            .bind(channel)
            .bind(n)
            .fetch_all(&mut *conn)
            .await?,
        };
    let mut n = 0;
    for m in json::<OutboxMessage>(rows)? {
        end(conn, m.id, "dead", now, reason).await?;
        let entry =
            Entry::DeadLettered { delivery: m.id, channel: channel.to_owned(), reason: bounded(reason) };
        journal(conn, now, &entry).await?;
        n += 1;
    }
    Ok(n)
}

pub(super) async fn end(
    conn: &mut SqliteConnection,
    id: DeliveryId,
    state: &str,
    now: Time,
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE outbox SET state = $1, settled_at = $2, reason = $3, in_flight = 0, lease_until = 0
         WHERE id = $4 AND state = 'queued'",
    )
    .bind(state)
    .bind(now.0)
    .bind(bounded(reason))
    .bind(id.to_string())
    .execute(conn)
    .await
    .map(drop)
}

fn audience(a: Audience) -> &'static str {
    match a {
        Audience::Public => "public",
        Audience::Staff => "staff",
    }
}

fn thread(m: &OutboxMessage) -> Option<String> {
    let about = m.occasion.incident().map(|i| i.to_string());
    let about = about.or_else(|| m.occasion.maintenance().map(|i| i.to_string()))?;
    let thread = format!("{}/{about}", audience(m.audience));
    // One whose server puts them off holds up nobody else.
    Some(match &m.personal {
        Some(personal) => format!("{thread}/{}", personal.to),
        None => thread,
    })
}
