//! Brings one request to a node and the answer back: tries again what may be tried again, and nothing else.
//!
//! The rule (RFC 9110 §9.2.2): a request that a node *may* have read is repeated only if doing it twice is doing it
//! once. Everything else gets an honest "we don't know". Browsers repeat a request by themselves when a connection is
//! cut without an answer, so there is always an answer.

mod outgoing;

pub use outgoing::Outgoing;

use crate::{
    Body, headers,
    pool::{Ask, Failure, NoPlace, NodeId, Place, Pool},
    upstream::{Link, Message, Sent, Upstream},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use stillhere_net::clock;

/// The greatest body that is read before a node is asked for. That of an idempotent request can be sent again.
pub const REPEATABLE_BODY_MAX: u64 = 64 * 1024;
/// How often one request is sent at most, hedges included.
pub const SENT_MAX: u32 = 3;
/// How long a node may think before the head of its answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Where there is nobody to hedge with: after so long it is watched whether the node is given up.
const WATCHED_AFTER: Duration = Duration::from_millis(100);
/// Whether a node that is waited for beyond `hold` still does well is looked at this often.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// A client's body that is waited for so long is the client's business: the node's place goes to somebody else. It is not
/// taken again: who has sent all at last has waited enough.
const UPLOAD_PAUSE: Duration = Duration::from_millis(250);
/// A request whose repeat is over the budget asks for it again after this long.
const BUDGET_PAUSE: Duration = Duration::from_millis(25);

/// What may be done when a node may have seen the request and did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It asks for nothing to be done: a second node may even be asked at the same time.
    Freely,
    /// Doing it twice is doing it once.
    Again,
    /// Only what was never written is sent again.
    Never,
}

/// Why there is no answer of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// It was never sent.
    NoPlace(NoPlace),
    /// A node may have done it; it did not answer.
    Unknown(Failure),
    /// It was sent as often as it may be, and nobody answered.
    NoAnswer(Failure),
    /// The client's own body ended too early or is too large: nothing that a node is to blame for.
    ClientBody,
    TooLarge,
}

/// A node's answer; its body still flows.
#[derive(Debug)]
pub struct Answered {
    pub response: Response<Body>,
    pub flight: Flight,
    /// From the last sending to the head.
    pub after: Duration,
    /// How often it was sent.
    pub sent: u32,
}

/// Holds the node's place and the connection until the body has been read.
#[derive(Debug)]
pub struct Flight {
    place: Option<Place>,
    link: Option<Link>,
}

/// How one try ended.
pub(crate) enum Tried {
    Answered(Box<Answered>),
    /// It was not written, so that it can go elsewhere as it is.
    Unsent,
    /// A node said that it did not look at it.
    NotTaken,
    Lost(Failure),
    ClientBody,
}

/// Reads a body to its end.
///
/// # Errors
/// When it is larger than `most`, or ends before it should.
pub async fn whole(body: Body, most: u64) -> Result<Bytes, Failed> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    match Limited::new(body, most).collect().await {
        Ok(read) => Ok(read.to_bytes()),
        Err(e) if e.is::<LengthLimitError>() => Err(Failed::TooLarge),
        Err(_) => Err(Failed::ClientBody),
    }
}

/// A body, read as far as it may be kept.
pub enum Read {
    /// With its trailers, which are few.
    Whole(Bytes, HeaderMap),
    /// It is larger; what was read comes first.
    More(Body),
}

/// Reads a body of at most `most` bytes.
///
/// # Errors
/// When it ends before it should.
pub async fn read(mut body: Body, most: u64) -> Result<Read, Failed> {
    let mut read = BytesMut::new();
    let mut trailers = HeaderMap::new();
    while let Some(frame) = body.frame().await {
        let data = match frame.map_err(|_| Failed::ClientBody)?.into_data() {
            Ok(data) => data,
            Err(frame) => {
                if let Ok(last) = frame.into_trailers() {
                    trailers = last;
                }
                continue;
            }
        };
        read.extend_from_slice(&data);
        if read.len() as u64 > most {
            return Ok(Read::More(body.behind(read.freeze())));
        }
    }
    Ok(Read::Whole(read.freeze(), trailers))
}

pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Sends it until somebody answers, or nothing more may be tried. `first`: it has waited for a place already.
///
/// # Errors
/// [`Failed`] says whether a node may have seen it.
pub async fn forward(
    upstream: &Arc<Upstream>,
    pool: &Arc<Pool>,
    mut first: Option<Result<Place, NoPlace>>,
    ask: Ask,
    out: &mut Outgoing,
    came: Instant,
) -> Result<Answered, Failed> {
    let until = ask.until.unwrap_or(came + pool.spec().hold);
    let may_try = out.repeat == Repeat::Freely;
    let mut ask = Ask { bytes: out.bytes(), until: Some(until), may_try, ..ask };
    let mut sent = 0;
    let mut now = came;
    // A node may have seen it; that nobody is there any more does not undo that.
    let mut lost = None;
    loop {
        let place = match first.take() {
            Some(place) => place,
            None => tokio::select! {
                biased;
                place = pool.admit(ask, now) => place,
                // Who still waits when the edge stops is told so; there is just time enough for it.
                () = upstream.ending() => {
                    Err(NoPlace::AllOut { waited: clock::mono().saturating_duration_since(came) })
                }
            },
        };
        let place = place.map_err(|no| match lost {
            Some(how) if !headers::is_safe(&out.method) => Failed::Unknown(how),
            _ => Failed::NoPlace(no),
        })?;
        ask.not = Some(place.node().id());
        let trial = place.is_trial();
        match attempt(upstream, place, ask, out, &mut sent).await {
            // It was worth a try, and takes nothing away from those that it has when somebody is there.
            Tried::Lost(_) | Tried::NotTaken if trial => {
                sent = sent.saturating_sub(1);
                now = clock::mono();
            }
            Tried::Answered(answered) => return Ok(*answered),
            Tried::Unsent => now = clock::mono(),
            // A body that flowed is gone with it.
            Tried::NotTaken if sent < SENT_MAX && !out.flows() => now = clock::mono(),
            Tried::NotTaken => return Err(Failed::NoAnswer(Failure::Connect)),
            Tried::ClientBody => return Err(Failed::ClientBody),
            Tried::Lost(how) => {
                now = clock::mono();
                lost = Some(how);
                if out.repeat == Repeat::Never {
                    // A body that cannot be sent again; but asking for nothing to be done is never in doubt.
                    let safe = headers::is_safe(&out.method);
                    return Err(if safe { Failed::NoAnswer(how) } else { Failed::Unknown(how) });
                }
                // Over the budget it waits as it would for a node: a hundred that were cut at once are all served in
                // the end, and none is sent too often.
                let enough = sent >= SENT_MAX || how == Failure::Silent && now >= until;
                while enough || !pool.may_repeat(now) {
                    if enough || now >= until {
                        return Err(Failed::NoAnswer(how));
                    }
                    tokio::time::sleep(BUDGET_PAUSE).await;
                    now = clock::mono();
                }
            }
        }
    }
}

/// One try at one node; while that node is slow to answer, a second one may be asked as well.
pub(crate) async fn attempt(
    upstream: &Arc<Upstream>,
    place: Place,
    ask: Ask,
    out: &mut Outgoing,
    sent: &mut u32,
) -> Tried {
    let pool = place.pool().clone();
    let node = place.node().id();
    let Ready { mut link, mut message, mut place } = match prepare(upstream, place, out).await {
        Ok(ready) => ready,
        Err(tried) => return tried,
    };
    if out.flows()
        && let Message::Request(request) = &mut message
    {
        // Else a few who send slowly would keep a node from everybody.
        request.body_mut().when_late(UPLOAD_PAUSE, place.lend());
    }
    *sent += 1;
    let began = clock::mono();
    let hedge_after = if out.repeat == Repeat::Never { None } else { pool.hedge_after(ask.route) };
    let patience = if out.repeat == Repeat::Never { None } else { hedge_after.or(Some(WATCHED_AFTER)) };
    let reused = link.reused;
    let end = {
        let mut sending = pin!(link.send(message));
        let mut quiet = upstream.deadline(began + patience.unwrap_or(ANSWER_WITHIN));
        let end = tokio::select! {
            biased;
            got = &mut sending => End::First(got),
            () = poll_fn(|cx| quiet.poll(cx)) => if patience.is_none() { End::Silent } else {
                // It is slow. A second node is asked where that does no harm and the budget allows it. What may be
                // repeated, but not be done twice at once, waits until the first node is given up.
                quiet.set(began + pool.spec().hold.min(ANSWER_WITHIN));
                let mut second = Box::pin(beside(upstream, &pool, node, ask, out, sent));
                let mut hedged = hedge_after.is_some();
                let mut given_up = false;
                loop {
                    tokio::select! {
                        biased;
                        got = &mut sending, if !given_up => break End::First(got),
                        done = &mut second, if hedged => match done {
                            Ok(answered) => break End::Second(answered),
                            Err(()) if given_up => break End::GivenUp,
                            Err(()) => hedged = false,
                        },
                        () = place.given_up(), if !given_up => {
                            if !hedged {
                                break End::GivenUp;
                            }
                            given_up = true;
                        }
                        () = poll_fn(|cx| quiet.poll(cx)) => {
                            let now = clock::mono();
                            // A node that works on it, and answers its probes, has its time. One that hangs does not,
                            // be it the last one: somebody looks at a white page.
                            if place.is_suspected() || now >= began + ANSWER_WITHIN {
                                break End::Silent;
                            }
                            quiet.set(now + LOOK_AGAIN);
                        }
                    }
                }
            },
        };
        upstream.over(quiet);
        end
    };
    let now = clock::mono();
    match end {
        // A server that has just begun may not be ready for anybody: whoever waits for it does not want to hear that.
        End::First(Ok(response)) if place.is_trial() && response.status().is_server_error() => {
            Tried::Lost(Failure::Cut)
        }
        End::First(Ok(response)) => {
            let after = now.saturating_duration_since(began);
            place.answered(response.status().as_u16(), after, now);
            let flight = Flight { place: Some(place), link: Some(link) };
            Tried::Answered(Box::new(Answered { response, flight, after, sent: *sent }))
        }
        End::First(Err(Sent::Nothing(request))) => {
            // That a kept connection had been closed meanwhile says nothing about the node.
            if !reused {
                upstream.failed(&mut place, Failure::Cut);
            }
            out.take_back(request);
            Tried::Unsent
        }
        End::First(Err(Sent::NotTaken)) => Tried::NotTaken,
        End::First(Err(Sent::ClientBody)) => Tried::ClientBody,
        End::First(Err(Sent::Maybe(how))) => {
            upstream.failed(&mut place, how);
            Tried::Lost(how)
        }
        End::Second(answered) => Tried::Answered(answered),
        End::Silent => {
            upstream.failed(&mut place, Failure::Silent);
            Tried::Lost(Failure::Silent)
        }
        End::GivenUp => Tried::Lost(Failure::Silent),
    }
}

/// How waiting for an answer ended.
#[expect(
    clippy::large_enum_variant,
    reason = "the first one is nearly every request's, and lives on the stack for a moment"
)]
enum End {
    First(Result<Response<Body>, Sent>),
    Second(Box<Answered>),
    Silent,
    GivenUp,
}

/// Asks a second node while the first is slow. `Err(())`: that was not to be.
async fn beside(
    upstream: &Arc<Upstream>,
    pool: &Arc<Pool>,
    not: NodeId,
    ask: Ask,
    out: &mut Outgoing,
    sent: &mut u32,
) -> Result<Box<Answered>, ()> {
    if out.repeat != Repeat::Freely || *sent >= SENT_MAX {
        return Err(());
    }
    let now = clock::mono();
    let at_once = Ask { not: Some(not), until: Some(now), ..ask };
    let place = pool.admit(at_once, now).await.map_err(|_| ())?;
    if place.node().id() == not || !pool.may_repeat(now) {
        return Err(());
    }
    let Ok(Ready { mut link, message, mut place }) = prepare(upstream, place, out).await else {
        return Err(());
    };
    *sent += 1;
    let began = clock::mono();
    let got = tokio::select! {
        biased;
        got = link.send(message) => got,
        () = place.given_up() => return Err(()),
    };
    let now = clock::mono();
    match got {
        Ok(response) => {
            let after = now.saturating_duration_since(began);
            place.answered(response.status().as_u16(), after, now);
            let flight = Flight { place: Some(place), link: Some(link) };
            Ok(Box::new(Answered { response, flight, after, sent: *sent }))
        }
        Err(Sent::Nothing(_) | Sent::NotTaken | Sent::ClientBody) => Err(()),
        Err(Sent::Maybe(how)) => {
            upstream.failed(&mut place, how);
            Err(())
        }
    }
}

struct Ready {
    link: Link,
    message: Message,
    place: Place,
}

async fn prepare(upstream: &Arc<Upstream>, mut place: Place, out: &mut Outgoing) -> Result<Ready, Tried> {
    let link = match upstream.link(place.node(), out.repeat == Repeat::Never, out.flows()).await {
        Ok(link) => link,
        Err(e) => {
            tracing::debug!(node = ?place.node().origin(), error = %e, "no connection");
            upstream.failed(&mut place, Failure::Connect);
            return Err(Tried::Unsent);
        }
    };
    match out.message(&link) {
        Some(message) => Ok(Ready { link, message, place }),
        None => Err(Tried::Lost(Failure::Cut)),
    }
}

// === impl Flight ===

impl Flight {
    /// The node's place is given back though the body still flows: a stream that lasts for hours must not take one.
    pub fn lasts(&mut self) {
        self.place = None;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            link.finished();
        }
    }
}
