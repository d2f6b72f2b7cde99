//! WebSockets: kept open while nodes come and go, and told the reason when they cannot be.
//!
//! The failure this defends against: a node restarts, and everybody's socket dies with code 1006 and no word. Two ways:
//!
//! - *plain*, for any client: the origin's handshake decides, then bytes flow both ways untouched (compression too).
//!   Only frame headers are read, so that when the origin dies a proper Close with the reason can be said at a frame
//!   boundary instead of a cut.
//! - *resume*, for clients that offer [`RESUME`]: the edge ends the client's socket itself and keeps a session, with
//!   numbered messages and replay both ways. The client's network or the origin may die; the other side stays.
//!   The wire format is `docs/socket-resume.md`.
//!
//! Nothing here picks a node: [`Dial`] does, and waits for one like any request.

mod conn;
mod frame;
mod handover;
mod handshake;
mod plain;
mod registry;
mod resume;
mod scratch;
mod session;
mod spec;
mod wire;

pub use handover::{Arrival, Expecting, Will};
pub(crate) use handshake::offers_resume;
pub use handshake::{RESUME, is_handshake};
pub use spec::SocketSpec;

use crate::body::{Body, Guard};
use frame::code;
use handover::Arrivals;
use handshake::Asked;
use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use plain::Pump;
use registry::{As, Happened, Registry};
use resume::Sessions;
use std::{collections::BTreeMap, future::Future, net::IpAddr, pin::Pin, sync::Arc, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};

/// How long a client may take to read the answer to its handshake.
const UPGRADE_WAIT: Duration = Duration::from_secs(10);
/// An `Accept-Language` that is longer is as if not there.
const LANGUAGES_MAX: usize = 256;

/// A future behind a trait.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connection that bytes flow through.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens a WebSocket to a node. It waits for a node as long as any request may.
pub trait Dial: Send + Sync {
    /// `handshake` is always in the form of HTTP/1.1 (GET, `Upgrade: websocket`, a key of ours), whatever the client
    /// speaks: the host is in `Host`, the address is path and query. Its extensions are those of the client's request. For a node that is spoken to in HTTP/2, it is for
    /// the implementation to make an extended CONNECT of it; then a 200 is the good answer.
    fn dial(&self, handshake: http::request::Parts) -> BoxFuture<'_, Result<Dialled, DialError>>;
}

/// A node that took the socket.
pub struct Dialled {
    /// 101, or 200 over HTTP/2.
    pub head: http::response::Parts,
    pub stream: Box<dyn Io>,
    /// Held as long as the connection lives: the node's place.
    pub guard: Option<Guard>,
}

/// No socket.
#[derive(Debug)]
pub enum DialError {
    /// A node answered, and not with a socket (401, 404, a redirect…): its answer.
    Refused(Box<Response<Body>>),
    /// No node could be asked in time: why, and the answer for a client that cannot be told any other way (503 with the
    /// notice).
    Away(Why, Box<Response<Body>>),
}

/// Why a socket is being closed, or waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The server ended without a word. It may be back at once.
    OriginGone,
    /// No server can be reached at present.
    OriginAway,
    /// The servers have more to do than they can.
    Overloaded,
    /// The edge itself is being replaced; another takes over.
    EdgeRestarts,
    /// Nothing was said for a long time.
    Idle,
    /// There are more sockets than we may keep.
    TooMany,
}

/// What is known about the service, for people whose socket waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Notice {
    /// One or two sentences in the visitor's language.
    pub text: String,
    /// The service's state as in the notice: `down`, `degraded`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// When it is expected back: milliseconds since 1970, as said by a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta: Option<u64>,
}

/// The words, which belong to `locales/`. `languages` is the value of the client's `Accept-Language`.
pub trait Words: Send + Sync {
    /// One short sentence; what is longer than 123 bytes is cut off at a letter.
    fn reason(&self, why: Why, languages: Option<&str>) -> String;
    /// What is known at present about the service of this route; None: nothing bad is known.
    fn notice(&self, languages: Option<&str>) -> Option<Notice>;
}

/// What a socket's route says about it.
#[derive(Clone)]
pub struct Way {
    /// The route's name, as in the access log.
    pub route: Arc<str>,
    pub service: Option<Arc<str>>,
    pub spec: Arc<SocketSpec>,
    pub dial: Arc<dyn Dial>,
    pub words: Arc<dyn Words>,
    /// Who the client is, and whether it came over TLS.
    pub client: (IpAddr, bool),
}

/// How many sockets are open on a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    pub route: Arc<str>,
    pub service: Option<Arc<str>>,
    /// Sockets in plain mode.
    pub plain: usize,
    /// Sessions whose client is connected.
    pub resumable: usize,
    /// Sessions that wait for their client.
    pub lingering: usize,
    /// Sessions whose origin is away.
    pub away: usize,
}

/// All open sockets.
#[derive(Debug, Default)]
pub struct Sockets {
    registry: Arc<Registry>,
    sessions: Sessions,
    arrivals: Arrivals,
}

// === impl Sockets ===

impl Sockets {
    #[must_use]
    pub fn new() -> Arc<Sockets> {
        Arc::new(Sockets::default())
    }

    /// Answers a handshake, and goes on with the socket in a task of its own.
    pub async fn serve(self: &Arc<Self>, mut request: Request<Incoming>, way: Way) -> Response<Body> {
        let upgrade = hyper::upgrade::on(&mut request);
        let (mut parts, _) = request.into_parts();
        handshake::settle(&mut parts);
        let asked = match handshake::read(&parts) {
            Ok(asked) => asked,
            Err(answer) => return *answer,
        };
        if way.spec.resume && asked.offers.iter().any(|offer| offer == RESUME) {
            return self.resumable(upgrade, parts, asked, way);
        }
        self.plain(upgrade, parts, asked, way).await
    }

    /// The edge ends this socket itself, so it is open at once: a node is asked for when the client has said hello.
    fn resumable(
        self: &Arc<Self>,
        upgrade: OnUpgrade,
        parts: http::request::Parts,
        asked: Asked,
        way: Way,
    ) -> Response<Body> {
        let answer = handshake::own_answer(&asked, Some(RESUME));
        let languages = languages(&parts.headers);
        let sockets = self.clone();
        tokio::spawn(async move {
            if let Some(client) = upgraded(upgrade).await {
                resume::greet(sockets, client, parts, asked.offers, languages, way).await;
            }
        });
        answer
    }

    async fn plain(
        self: &Arc<Self>,
        upgrade: OnUpgrade,
        mut parts: http::request::Parts,
        asked: Asked,
        way: Way,
    ) -> Response<Body> {
        let languages = languages(&parts.headers);
        let offers: Vec<&str> = asked.offers.iter().map(String::as_str).filter(|o| *o != RESUME).collect();
        let expected = handshake::to_node(&mut parts, &offers);
        let seat = |kind| self.registry.seat(&way, languages.as_deref(), kind);
        match way.dial.dial(parts).await {
            Ok(dialled) if handshake::is_open(&dialled.head, &expected) => {
                let answer = handshake::answer(&asked, dialled.head.headers);
                let (idle, stall) = (way.spec.idle, way.spec.write_stall);
                let seat = seat(Some(As::Plain));
                tokio::spawn(async move {
                    if let Some(client) = upgraded(upgrade).await {
                        Box::pin(Pump::new(client, dialled.stream, dialled.guard).run(seat, idle, stall))
                            .await;
                    }
                });
                answer
            }
            Ok(dialled) => {
                tracing::warn!(route = %way.route, status = %dialled.head.status, "a node answered a WebSocket handshake wrongly");
                let mut answer = Response::new(Body::empty());
                *answer.status_mut() = StatusCode::BAD_GATEWAY;
                answer
            }
            Err(DialError::Refused(answer)) => *answer,
            Err(DialError::Away(_, answer)) if !way.spec.tell => {
                self.registry.happened(Happened::TurnedAway);
                *answer
            }
            Err(DialError::Away(why, _)) => {
                self.registry.happened(Happened::TurnedAway);
                // The browser fails the handshake when it offered subprotocols and none is taken.
                let answer = handshake::own_answer(&asked, offers.first().copied());
                let seat = seat(None);
                tokio::spawn(async move {
                    if let Some(client) = upgraded(upgrade).await {
                        plain::refuse(client, code::TRY_AGAIN, &seat.reason(why)).await;
                    }
                });
                answer
            }
        }
    }

    /// What is open at present, by route.
    #[must_use]
    pub fn open(&self) -> Vec<Open> {
        self.registry.open()
    }

    /// What became of sockets since the last call of this, by name.
    #[must_use]
    pub fn take(&self) -> BTreeMap<String, u64> {
        self.registry.take()
    }

    /// Closes every socket with 1012 at a frame boundary, spread over `spread`; those still open at `deadline` (from
    /// now) are cut. New handshakes are still taken: whoever stops stops listening first. Answers how many were cut.
    pub async fn drain(self: &Arc<Self>, spread: Duration, deadline: Duration) -> usize {
        self.registry.drain(spread, deadline).await
    }
}

/// The client's connection, once it has the answer to its handshake.
async fn upgraded(upgrade: OnUpgrade) -> Option<Box<dyn Io>> {
    match tokio::time::timeout(UPGRADE_WAIT, upgrade).await {
        Ok(Ok(upgraded)) => Some(Box::new(TokioIo::new(upgraded))),
        Ok(Err(_)) | Err(_) => None,
    }
}

fn languages(headers: &http::HeaderMap) -> Option<String> {
    headers
        .get(http::header::ACCEPT_LANGUAGE)
        .and_then(|v| v.to_str().ok())
        .filter(|v| v.len() <= LANGUAGES_MAX)
        .map(str::to_owned)
}
