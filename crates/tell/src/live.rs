//! What goes over the live stream: the `data:` of its two events, `change` and `beat`.
//!
//! The page opens `/live?lang=<tag>&seen=<epoch>-<seq>`: `seen` is what it shows, so that a change between the
//! rendering and the connection is not lost. Each event's `id:` is `<epoch>-<seq>` ([`id`]); browsers send the last
//! one back as `Last-Event-ID` when they reconnect, and it then outranks `seen`. Who was away too long gets
//! [`whole`]. Every event carries the server's clock, so that ages are right on a machine whose clock is not.

use crate::{page, snapshot::Snapshot};
use serde_json::{Map, Value, json};
use stillhere_model::{Lang, Time};

/// Seconds between two `beat` events; the page calls the connection lost after 30 s without any event.
pub const BEAT_S: u64 = 10;

/// The `id:` of an event that brings a page to `snapshot`.
#[must_use]
pub fn id(snapshot: &Snapshot) -> String {
    format!("{}-{}", snapshot.epoch, snapshot.seq)
}

/// Event `change`: what differs between two results of [`page::fragments`], as
/// `{"seq":n,"html":{"<id>":"<inner html>"},"looked":ms,"now":ms,"fresh":ms}`. When the set of elements itself changed
/// (services came or went) `"reload":true` stands instead of `html`, and the page loads itself anew after a random
/// moment. `None`: nothing visible changed.
#[must_use]
pub fn change(
    before: &[(String, String)],
    after: &[(String, String)],
    next: &Snapshot,
    now: Time,
) -> Option<String> {
    let same_elements = before.len() == after.len() && before.iter().zip(after).all(|(b, a)| b.0 == a.0);
    let mut event = clocks(next, now);
    if same_elements {
        let changed = before.iter().zip(after).filter(|(b, a)| b.1 != a.1);
        let html: Map<String, Value> = changed.map(|(_, a)| (a.0.clone(), a.1.clone().into())).collect();
        if html.is_empty() {
            return None;
        }
        event.insert("html".into(), html.into());
    } else {
        event.insert("reload".into(), true.into());
    }
    Some(Value::from(event).to_string())
}

/// Event `beat`, at once on connect and then every [`BEAT_S`] seconds: `{"seq":n,"looked":ms,"now":ms,"fresh":ms}`.
/// It keeps "checked N s ago" right and shows that the connection lives.
#[must_use]
pub fn beat(snapshot: &Snapshot, now: Time) -> String {
    Value::from(clocks(snapshot, now)).to_string()
}

/// Every fragment as one `change`: for a page of which the server no longer knows what it shows.
#[must_use]
pub fn whole(snapshot: &Snapshot, lang: Lang, now: Time) -> String {
    let mut event = clocks(snapshot, now);
    let html: Map<String, Value> =
        page::fragments(snapshot, lang).into_iter().map(|(id, html)| (id, html.into())).collect();
    event.insert("html".into(), html.into());
    Value::from(event).to_string()
}

fn clocks(snapshot: &Snapshot, now: Time) -> Map<String, Value> {
    let Value::Object(map) = json!({
        "seq": snapshot.seq,
        "looked": snapshot.last_look.map(|t| t.0),
        "now": now.0,
        "fresh": snapshot.fresh_until.0,
    }) else {
        unreachable!("json! of braces is an object")
    };
    map
}
