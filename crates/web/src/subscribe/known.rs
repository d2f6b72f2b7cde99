//! What is known of a subscriber, for themselves and for operators who were asked.

use crate::lang;
use axum::http::{HeaderMap, header};
use serde_json::{Value, json};
use stillhere_model::{Lang, What};
use stillhere_store::Export;
use stillhere_tell::Snapshot;

/// The language of somebody of whom nothing is known.
pub(super) fn lang(headers: &HeaderMap, s: &Snapshot, asked: Option<Lang>) -> Lang {
    let accepted = headers.get(header::ACCEPT_LANGUAGE);
    s.lang(asked.or_else(|| lang::accepted(accepted?.as_bytes(), &s.site.languages)))
}

/// Everything.
pub(crate) fn exported(e: &Export) -> Value {
    let s = &e.subscriber;
    let messages: Vec<Value> = e
        .messages
        .iter()
        .map(|m| {
            let about = m.about.as_ref().map(|n| match &n.what {
                What::Occasion { letters, .. } => {
                    let letter = letters.get(&s.wish.lang).or_else(|| letters.values().next());
                    letter.map(|l| l.subject.clone()).unwrap_or_default()
                }
                What::Digest { .. } => "digest".to_owned(),
            });
            json!({
                "id": m.id, "about": about, "state": m.state, "written_at": m.created_at, "settled_at": m.settled_at,
                "attempts": m.attempts,
            })
        })
        .collect();
    json!({
        "id": s.id.to_string(),
        "way": s.way,
        "address": s.address,
        // The other half that is kept is a secret of the browser, and of no use to anybody who reads this.
        "public_key": s.keys.as_ref().map(stillhere_model::subscriber::BrowserKeys::public_key),
        "name_in_the_journal": s.who,
        "state": s.state,
        "wish": s.wish,
        "asked_at": s.asked_at,
        "confirmed_at": s.confirmed_at,
        "refusals_in_a_row": s.bounces,
        "stopped": e.stopped.as_ref().map(|(at, why, said)| json!({ "at": at, "why": why, "said": said })),
        "messages": messages,
    })
}
