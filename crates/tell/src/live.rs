//! What goes over the live stream `/live?lang=…`: the `data:` of its two events.

use crate::snapshot::Snapshot;
use stillhere_model::{Lang, Time};

/// Event `change`: the fragments of `next` that differ from `before`, by element id:
/// `{"seq":n,"html":{"<id>":"<inner html>"},"looked":ms,"now":ms,"fresh":ms}`. When the set of elements itself changed
/// (services came or went) `"reload":true` stands instead of `html`. `None`: nothing visible changed.
#[must_use]
pub fn change(
    _before: &[(String, String)],
    _after: &[(String, String)],
    _next: &Snapshot,
    _now: Time,
) -> Option<String> {
    None
}

/// Event `beat`, at once on connect and then every [`BEAT_S`] seconds: `{"seq":n,"looked":ms,"now":ms,"fresh":ms}`. It keeps "checked N s
/// ago" right and tells the page that the connection lives; after 30 s of silence the page says so.
#[must_use]
pub fn beat(_snapshot: &Snapshot, _now: Time) -> String {
    String::new()
}

/// Everything of the page as one `change`: for a reader whose `Last-Event-ID` is too old to send differences.
#[must_use]
pub fn whole(_snapshot: &Snapshot, _lang: Lang, _now: Time) -> String {
    String::new()
}

/// Seconds between two `beat` events.
pub const BEAT_S: u64 = 10;
