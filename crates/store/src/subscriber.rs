//! Subscribers, and what is on its way to them.
//!
//! ```text
//! decision ─commit─▶ news + one fanout row a way ─hand out, in batches─▶ parcels ─claim─▶ sent ─settle─▶ counted
//! ```
//! The deciding transaction writes one piece of news, whoever many want it. A batch of parcels and how far the
//! handing out has come are written in one transaction, so that a crash neither leaves anybody out nor serves anybody twice; the
//! id of a parcel is made from the news and the subscriber, so that it is the same however often it is made.

mod ask;
mod bounce;
mod hand_out;
mod look;
mod parcel;

pub use ask::{
    ASKED_KEPT, ASKED_MAX, ASKS_A_DAY, ASKS_AN_HOUR, Asking, Awaited, Confirmed, ONCE_KEPT, ONCE_MAX,
};
pub use bounce::{BOUNCES_KEPT, Bounce, Bounced, Stopped};
pub use hand_out::{HandedOut, PARCELS_WAITING};
pub use look::{Export, ExportedMessage, FanoutView, Progress, States};
pub use parcel::{ClaimedParcel, Outcome, QUESTION_TRIES};

pub(crate) use ask::follow;
pub(crate) use hand_out::write_news;

use crate::writer::Fault;
use sqlx::{Row, sqlite::SqliteRow};
use std::time::Duration;
use stillhere_model::{
    Time,
    subscriber::{BrowserKeys, Subscriber},
};

/// Receipts of single parcels are kept this long; the sums of each piece of news as long as all that is settled.
pub const RECEIPTS_KEPT: Duration = Duration::from_secs(2 * 86_400);
/// News is kept at least this long: a digest of yesterday needs it.
pub const NEWS_KEPT: Duration = Duration::from_secs(3 * 86_400);

/// The columns that [`read`] reads, in its order.
macro_rules! columns {
    ($s:literal) => {
        concat!(
            $s,
            ".id, ",
            $s,
            ".way, ",
            $s,
            ".address, ",
            $s,
            ".who, ",
            $s,
            ".state, ",
            $s,
            ".wish, ",
            $s,
            ".link, ",
            $s,
            ".asked_at, ",
            $s,
            ".confirmed_at, ",
            $s,
            ".bounces, ",
            $s,
            ".keys"
        )
    };
}
pub(crate) use columns;

/// A subscriber from the columns of [`columns`], which begin at `at`.
fn read(row: &SqliteRow, at: usize) -> Result<Subscriber, Fault> {
    let number = |i: usize| -> Result<u32, Fault> {
        u32::try_from(row.try_get::<i64, _>(at + i)?).map_err(|_| Fault::Malformed)
    };
    Ok(Subscriber {
        id: row.try_get::<&str, _>(at)?.parse().map_err(|_| Fault::Malformed)?,
        way: row.try_get::<&str, _>(at + 1)?.parse().map_err(|()| Fault::Malformed)?,
        address: row.try_get(at + 2)?,
        who: row.try_get(at + 3)?,
        state: row.try_get::<&str, _>(at + 4)?.parse().map_err(|()| Fault::Malformed)?,
        wish: serde_json::from_str(row.try_get(at + 5)?)?,
        link: number(6)?,
        asked_at: Time(row.try_get(at + 7)?),
        confirmed_at: row.try_get::<Option<i64>, _>(at + 8)?.map(Time),
        bounces: number(9)?,
        keys: match row.try_get::<Option<&str>, _>(at + 10)? {
            Some(kept) => Some(BrowserKeys::kept(kept).ok_or(Fault::Malformed)?),
            None => None,
        },
    })
}
