//! For `EventSource`: the stream stays open while the origin is away.
//!
//! In every browser one 503 ends an `EventSource` for ever. So the stream is answered with 200, held with comments,
//! told in events what is going on, and ended cleanly when the origin is back, each with an own time to come back. The
//! events are named `stillhere`, so that no page takes them for its own, and carry no `id:`, so that the last one of
//! the origin stays what the browser asks to go on from.

use super::{Asked, REQUEST, Trouble, finish, pace, problem::problem, said::Said};
use crate::{Body, known::Board};
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use stillhere_model::Time;
use tokio::sync::Semaphore;

/// A comment is sent this often, so that nothing on the way takes the stream for dead.
pub const BEAT: Duration = Duration::from_secs(15);
/// A stream is held at most this long, and then comes back by itself.
pub const HOLD_MAX: Duration = Duration::from_secs(1_800);
/// Streams held at once, when the configuration does not say; more are sent away with a time to come back.
pub const STREAMS_USUAL: usize = 20_000;
/// Pieces that wait for a slow reader.
const AHEAD: usize = 4;

/// What is known when the origin is back.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Back {
    /// How many come back at the same time, and how many the origin takes in a second (measured; 0: not known).
    pub waiting: u64,
    pub per_second: f64,
}

/// The streams that are held.
#[derive(Debug)]
pub struct Streams {
    open: AtomicUsize,
    max: usize,
    /// Closed when the edge goes. It has no permits.
    ending: Semaphore,
}

/// One of them; its place is free again when this is dropped.
struct Open(Arc<Streams>);

// === impl Streams ===

impl Streams {
    #[must_use]
    pub fn new(max: usize) -> Arc<Streams> {
        Arc::new(Streams { open: AtomicUsize::new(0), max, ending: Semaphore::new(0) })
    }

    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// The edge goes: all are told when to come back, and end. None is held from now on.
    pub fn end(&self) {
        self.ending.close();
    }

    /// Answers an `EventSource` and holds it until `back` is ready. Must be called inside a tokio runtime: the stream
    /// is written by a task, which ends with the reader, with `back`, with the edge, or after [`HOLD_MAX`].
    #[must_use]
    pub fn hold<B>(
        self: &Arc<Self>,
        asked: Asked,
        trouble: Trouble,
        board: Arc<Board>,
        wall: fn() -> Time,
        dice: u64,
        back: B,
    ) -> Response<Body>
    where
        B: Future<Output = Back> + Send + 'static,
    {
        let known = board.current();
        let Some(open) = self.enter().filter(|_| !self.ending.is_closed()) else {
            return once(&Said::new(&asked, &trouble, &known, wall()), dice);
        };
        let mut answer = head(&Said::new(&asked, &trouble, &known, wall()));
        if asked.head {
            return answer;
        }
        let (pieces, body) = Body::task(AHEAD);
        *answer.body_mut() = body;
        tokio::spawn(async move {
            let held = write(&asked, &trouble, &board, wall, dice, back, &pieces);
            let back = tokio::select! {
                () = pieces.closed() => return,
                held = tokio::time::timeout(HOLD_MAX, held) => held.ok().flatten(),
                _closed = open.0.ending.acquire() => None,
            };
            let slot = match back {
                Some(b) => pace::slot(dice, b.waiting, b.per_second),
                None => pace::slot(dice, trouble.waiting, trouble.per_second),
            };
            let state = if back.is_some() { "back" } else { "away" };
            let last = json!({ "state": state, "return_ms": millis(slot) });
            let _ = pieces.send(Ok(end(slot, &last.to_string()))).await;
            drop(open);
        });
        answer
    }

    fn enter(self: &Arc<Self>) -> Option<Open> {
        let entered = self.open.fetch_update(Relaxed, Relaxed, |n| (n < self.max).then_some(n + 1));
        entered.is_ok().then(|| Open(self.clone()))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

type Pieces = tokio::sync::mpsc::Sender<Result<Bytes, crate::body::BodyError>>;

/// `None`: nobody listens any more.
async fn write<B: Future<Output = Back>>(
    asked: &Asked,
    trouble: &Trouble,
    board: &Board,
    wall: fn() -> Time,
    dice: u64,
    back: B,
    pieces: &Pieces,
) -> Option<Back> {
    let mut changes = board.changes();
    changes.mark_unchanged();
    // Should the edge itself die, its listeners come back spread as well.
    let retry = pace::retry(trouble, wall(), dice);
    let frame = || {
        let known = board.current();
        let said = Said::new(asked, trouble, &known, wall());
        event(&said, Some(retry))
    };
    let first = format!(": held by the edge\nretry: {}\n\n{}", millis(retry), frame());
    pieces.send(Ok(first.into())).await.ok()?;
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    beat.tick().await;
    let mut back = std::pin::pin!(back);
    loop {
        let piece = tokio::select! {
            back = &mut back => return Some(back),
            _ = beat.tick() => ": still here\n\n".to_owned(),
            changed = changes.changed() => match changed {
                Ok(()) => frame(),
                Err(_) => return None,
            },
        };
        pieces.send(Ok(piece.into())).await.ok()?;
    }
}

/// Told, and sent away with a time to come back.
pub(super) fn once(said: &Said<'_>, dice: u64) -> Response<Body> {
    let mut answer = head(said);
    if !said.asked.head {
        let retry = pace::retry(said.trouble, said.now, dice);
        let body = format!("retry: {}\n\n{}", millis(retry), event(said, Some(retry)));
        *answer.body_mut() = Body::whole(body);
    }
    answer
}

fn head(said: &Said<'_>) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // nginx and its like would keep the comments to themselves.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    finish(headers, said);
    debug_assert!(headers.contains_key(REQUEST));
    answer
}

/// JSON has no line ends in it, so it is one line of data.
fn event(said: &Said<'_>, retry: Option<Duration>) -> String {
    let data = serde_json::to_string(&problem(said, retry)).expect("texts and numbers are JSON");
    format!("event: stillhere\ndata: {data}\n\n")
}

fn end(slot: Duration, data: &str) -> Bytes {
    format!("retry: {}\nevent: stillhere\ndata: {data}\n\n", millis(slot).max(1)).into()
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}
