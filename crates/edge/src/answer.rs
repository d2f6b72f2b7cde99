//! Own answers: the notice in the kind and language of whoever asks, never a black screen.
//!
//! A person gets a page that says what is known and brings them back by itself; a program gets RFC 9457; gRPC gets
//! its status; an event stream stays open. No own answer waits for anything: it is put together from [`Known`]
//! and from why we answer ourselves ([`Trouble`]).

mod asked;
mod grpc;
mod pace;
mod page;
mod problem;
mod said;
mod stream;
mod trouble;
mod words;

pub use asked::{Asked, Kind};
pub use pace::{PER_SECOND_UNKNOWN, SPREAD_MAX, SPREAD_MIN, slot, spread};
pub use stream::{BEAT, Back, HOLD_MAX, STREAMS_USUAL, Streams};
pub use trouble::{Kept, KeptState, Outcome, Trouble, Why};

use crate::{Body, known::Known};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use said::Said;
use std::time::Duration;
use stillhere_model::Time;
use stillhere_tell::away;

/// Says what the outcome of a request is that the origin did not answer: `unknown` or `not-forwarded`.
pub const OUTCOME: HeaderName = HeaderName::from_static("stillhere-outcome");
/// Seconds after which the one who asked may come back: its place in the crowd that comes back.
pub const RETURN: HeaderName = HeaderName::from_static("stillhere-return");
/// The operation id: 16 hexadecimal digits, also in the log.
pub const REQUEST: HeaderName = HeaderName::from_static("stillhere-request");
/// Why the edge answered, as the last part of the problem's type. On every own answer and on no other.
pub const WHY: HeaderName = HeaderName::from_static("stillhere-why");
/// Sent by our page with HEAD: is the origin back? Such requests are answered by the edge alone ([`probe`]).
pub const PROBE: HeaderName = HeaderName::from_static("stillhere-probe");
/// How many are before one in the waiting room.
pub const AHEAD: HeaderName = HeaderName::from_static("stillhere-ahead");

/// What the answer depends on, for caches in between that do not know `no-store`.
const VARY: HeaderValue = HeaderValue::from_static(
    "Accept, Accept-Language, Content-Type, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With",
);
/// What a script of another origin may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Retry-After, Stillhere-Outcome, Stillhere-Request, Stillhere-Return, Stillhere-Why",
);

/// Makes the answer. `dice` is one random number.
#[must_use]
pub fn answer(asked: &Asked, trouble: &Trouble, known: &Known, now: Time, dice: u64) -> Response<Body> {
    if trouble.why == Why::Kept && trouble.kept.is_none() {
        // Without a receipt nothing is called kept, whatever the caller thought.
        let unsure = Trouble { why: Why::OutcomeUnknown, ..trouble.clone() };
        return answer(asked, &unsure, known, now, dice);
    }
    let said = Said::new(asked, trouble, known, now);
    if asked.kind == Kind::EventStream && trouble.why.passes() {
        return stream::once(&said, dice);
    }
    let retry = trouble.why.passes().then(|| pace::retry(trouble, now, dice));
    // Nobody is invited to do twice what may have been done.
    let unknown = trouble.why.outcome(asked.safe) == Some(Outcome::Unknown);
    let may_repeat = retry.filter(|_| !unknown || asked.idempotent);

    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = trouble.why.status();
    let headers = answer.headers_mut();
    finish(headers, &said);
    if let Some(retry) = may_repeat {
        headers.insert(header::RETRY_AFTER, page::pace_seconds(retry).into());
    }
    let body: Vec<u8> = match asked.kind {
        Kind::Page => {
            let slot = slot(dice.rotate_left(32), trouble.waiting, trouble.per_second);
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(away::csp()));
            if retry.is_some() {
                headers.insert(RETURN, page::pace_seconds(slot).into());
            }
            if asked.head { Vec::new() } else { page::page(&said, slot, retry.unwrap_or_default()).into() }
        }
        Kind::Json | Kind::EventStream => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
            if asked.head {
                Vec::new()
            } else {
                serde_json::to_vec(&problem::problem(&said, may_repeat)).expect("texts and numbers are JSON")
            }
        }
        Kind::Grpc => {
            let kind = if asked.grpc_web { "application/grpc-web+proto" } else { "application/grpc" };
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            headers.remove(header::RETRY_AFTER);
            // There is room for two sentences. Whose call is kept needs no other word.
            let more = said.about_what_is_kept().unwrap_or_else(|| said.detail.clone());
            let message = said.joined(&[said.ended(&said.title), more]);
            grpc::head(headers, &trouble.why, &message, may_repeat);
            *answer.status_mut() = StatusCode::OK;
            Vec::new()
        }
        // A page that waits for its script or style must not be given text for it.
        Kind::Script => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
            Vec::new()
        }
        Kind::Style => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
            Vec::new()
        }
        Kind::Text | Kind::Other => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            if asked.head { Vec::new() } else { problem::text(&said).into() }
        }
    };
    if !body.is_empty() {
        *answer.body_mut() = Body::whole(body);
    }
    answer
}

/// The answer to a probe of our page when the origin takes requests again: when to come back.
#[must_use]
pub fn probe(waiting: u64, per_second: f64, dice: u64) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer.headers_mut().insert(RETURN, page::pace_seconds(slot(dice, waiting, per_second)).into());
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The headers of every own answer.
fn finish(headers: &mut HeaderMap, said: &Said<'_>) {
    let trouble = said.trouble;
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, VARY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(said.lang.tag()));
    headers.insert(WHY, HeaderValue::from_static(trouble.why.key()));
    let request = format!("{:016x}", trouble.request);
    headers.insert(REQUEST, HeaderValue::try_from(request).expect("hexadecimal digits are a header's value"));
    if let Some(outcome) = trouble.why.outcome(said.asked.safe) {
        headers.insert(OUTCOME, HeaderValue::from_static(outcome.as_str()));
    }
    if let Why::WaitingRoom { ahead, .. } = &trouble.why {
        headers.insert(AHEAD, (*ahead).into());
    }
    // What everybody may know may be read by everybody's scripts; receipts and tickets are not that.
    let private = trouble.kept.is_some() || matches!(trouble.why, Why::WaitingRoom { .. });
    if said.asked.cross_origin && !private {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

/// How long a program is told to stay away, for whoever answers in another protocol (a WebSocket's close).
#[must_use]
pub fn retry(trouble: &Trouble, now: Time, dice: u64) -> Duration {
    pace::retry(trouble, now, dice)
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
