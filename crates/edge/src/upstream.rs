//! Connections to the nodes. Each worker keeps its own, so that a request never crosses threads.
//!
//! Not hyper's pooling client: that one repeats requests by itself, outside our budget, and hides whether anything was
//! written. Here every failure says whether the node may have seen the request ([`Sent`]).

mod shared;
mod wire;

pub use shared::Shared;
pub use wire::Flow;

use crate::{
    Body,
    body::BodyError,
    deadline::{Deadline, Spare},
    pool::{Failure, Node, Place, Scheme, Sign},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header, uri, uri::PathAndQuery};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
    rt::{Read, Write},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::{
    collections::HashMap,
    error::Error as _,
    fmt,
    hash::{BuildHasherDefault, Hasher},
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use stillhere_net::{Trace, clock};
use tokio::time::timeout;
use wire::{Home, Io, Rest, Wire};

/// Kept connections to one node, in each worker. One more is closed instead of kept.
pub const IDLE_MAX: usize = 256;
/// A kept connection that was not used for this long is closed.
pub const IDLE_FOR: Duration = Duration::from_secs(30);
/// A request that must not be repeated goes only on a connection that was in use this recently: many origins close
/// after 5 s, and a request that meets the closing may or may not have been read.
pub const FRESH_FOR: Duration = Duration::from_secs(2);
/// How long making a connection may take, TLS included.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(2);
const H2_STREAM_WINDOW: u32 = 1024 * 1024;
const H2_CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// One worker's connections.
pub struct Upstream {
    kept: Mutex<Nodes>,
    shared: Arc<Shared>,
    deadlines: Spare,
}

/// By the node's address in memory.
type Nodes = HashMap<usize, Kept, BuildHasherDefault<Spread>>;

/// Spreads addresses. Nobody outside chooses them, and each request looks one up twice.
#[derive(Debug, Clone, Copy, Default)]
struct Spread(u64);

/// Kept connections of one node. Holds the node, so that its address in memory stays its own.
struct Kept {
    node: Arc<Node>,
    /// For requests that are there as a whole.
    wires: Vec<Rest>,
    /// For requests whose body still comes.
    idle: Vec<Idle>,
    many: Option<(u64, http2::SendRequest<Body>)>,
}

struct Idle {
    sender: http1::SendRequest<Body>,
    generation: u64,
    since: Instant,
}

/// A request as the connection that it goes on wants it.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub enum Message {
    /// All of it, as it is written; whether the answer has no body (HEAD).
    Bytes {
        bytes: Bytes,
        head: bool,
    },
    Request(Request<Body>),
}

/// A connection that takes a request now.
pub struct Link {
    to: To,
    node: Arc<Node>,
    generation: u64,
    /// It had served a request before.
    pub reused: bool,
    home: Weak<Upstream>,
}

enum To {
    /// None: it is with the answer.
    Wire(Option<Wire>),
    One(http1::SendRequest<Body>),
    Many(http2::SendRequest<Body>),
}

/// Why no answer came.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub enum Sent {
    /// Nothing was written: the request is given back as it was, if it was a stream.
    Nothing(Option<Request<Body>>),
    /// The node says that it did not look at it (RFC 9113 §8.7). The request is gone.
    NotTaken,
    /// The client's own body broke off; the node is not to blame.
    ClientBody,
    /// The node may have seen it, and done it.
    Maybe(Failure),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the name {0} has no address: {1}")]
    Name(String, String),
    #[error("{0}: {1}")]
    Refused(SocketAddr, std::io::Error),
    #[error("{0}")]
    Tls(String),
    #[error("the connection was not made in {} ms", CONNECT_WITHIN.as_millis())]
    TooSlow,
    #[error("the node does not speak HTTP/2: {0}")]
    Handshake(hyper::Error),
}

// === impl Upstream ===

impl Upstream {
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Arc<Upstream> {
        Arc::new(Upstream { kept: Mutex::default(), shared, deadlines: Spare::default() })
    }

    /// The node of this place has failed: the pool is told, and whoever keeps the pools looks at once.
    pub fn failed(&self, place: &mut Place, how: Failure) {
        place.failed(how, clock::mono());
        self.shared.stirred.notify_one();
    }

    /// A deadline for one request; see [`Upstream::over`].
    pub(crate) fn deadline(&self, until: Instant) -> Deadline {
        self.deadlines.take(until)
    }

    /// The deadline is needed no more.
    pub(crate) fn over(&self, deadline: Deadline) {
        self.deadlines.give_back(deadline);
    }

    /// See [`Shared::ending`].
    pub async fn ending(&self) {
        self.shared.ending().await;
    }

    /// A connection to the node: a kept one, or a new one. With `only_fresh`, a kept one only if it was in use a
    /// moment ago. `flows`: the request's body still comes.
    ///
    /// # Errors
    /// When none can be made.
    pub async fn link(
        self: &Arc<Self>,
        node: &Arc<Node>,
        only_fresh: bool,
        flows: bool,
    ) -> Result<Link, ConnectError> {
        let generation = node.generation();
        if let Some(to) = self.take(node, generation, only_fresh, flows) {
            return Ok(Link { to, node: node.clone(), generation, reused: true, home: Arc::downgrade(self) });
        }
        // Boxed: it is large, and nearly all requests go on a kept connection.
        let to = timeout(
            CONNECT_WITHIN,
            Box::pin(self.open(node, generation, if flows { Way::Flowing } else { Way::Whole })),
        )
        .await;
        let to = to.unwrap_or(Err(ConnectError::TooSlow))?;
        Ok(Link { to, node: node.clone(), generation, reused: false, home: Arc::downgrade(self) })
    }

    /// A new HTTP/1.1 connection that may leave HTTP behind; never kept.
    ///
    /// # Errors
    /// When none can be made.
    pub async fn link_for_upgrade(self: &Arc<Self>, node: &Arc<Node>) -> Result<Link, ConnectError> {
        let generation = node.generation();
        let to = timeout(CONNECT_WITHIN, Box::pin(self.open(node, generation, Way::Upgrade))).await;
        let to = to.unwrap_or(Err(ConnectError::TooSlow))?;
        Ok(Link { to, node: node.clone(), generation, reused: false, home: Weak::new() })
    }

    fn kept(&self) -> MutexGuard<'_, Nodes> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, node: &Arc<Node>, generation: u64, only_fresh: bool, flows: bool) -> Option<To> {
        let mut kept = self.kept();
        let of_node = kept.get_mut(&key(node))?;
        if let Some((made, sender)) = &of_node.many {
            if *made == generation && !sender.is_closed() {
                return Some(To::Many(sender.clone()));
            }
            of_node.many = None;
        }
        // The newest first: the others may then grow old and be closed. The clock is read only where it decides something.
        let stale = |since| only_fresh && clock::mono().saturating_duration_since(since) > FRESH_FOR;
        if !flows {
            while let Some(mut rest) = of_node.wires.pop() {
                if rest.generation != generation || !rest.wire.is_quiet() {
                    continue;
                }
                if stale(rest.since) {
                    of_node.wires.push(rest);
                    return None;
                }
                return Some(To::Wire(Some(rest.wire)));
            }
            return None;
        }
        let mut at = of_node.idle.len();
        while at > 0 {
            at -= 1;
            let idle = &of_node.idle[at];
            if idle.generation != generation || idle.sender.is_closed() {
                of_node.idle.swap_remove(at);
                continue;
            }
            if stale(idle.since) {
                return None;
            }
            if idle.sender.is_ready() {
                return Some(To::One(of_node.idle.swap_remove(at).sender));
            }
        }
        None
    }

    async fn open(&self, node: &Arc<Node>, generation: u64, way: Way) -> Result<To, ConnectError> {
        let origin = node.origin();
        let stream = self.shared.connect(origin).await?;
        match origin.scheme {
            Scheme::Http => self.http1(Io::Plain(stream), way).await,
            Scheme::H2c => self.http2(TokioIo::new(stream), node, generation).await,
            Scheme::Https => {
                let peer = self.shared.peer(origin, way == Way::Upgrade)?;
                let (stream, _) = peer
                    .handshake(stream, &mut Trace::start(clock::mono()))
                    .await
                    .map_err(|fault| ConnectError::Tls(fault.detail))?;
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                if h2 {
                    self.http2(TokioIo::new(stream), node, generation).await
                } else {
                    self.http1(Io::Tls(Box::new(stream)), way).await
                }
            }
        }
    }

    async fn http1(&self, io: Io, way: Way) -> Result<To, ConnectError> {
        match (io, way) {
            (io, Way::Whole) => Ok(To::Wire(Some(Wire::new(io)))),
            (Io::Plain(io), way) => self.hyper1(TokioIo::new(io), way).await,
            (Io::Tls(io), way) => self.hyper1(TokioIo::new(io), way).await,
        }
    }

    async fn hyper1<I>(&self, io: I, way: Way) -> Result<To, ConnectError>
    where
        I: Read + Write + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .max_headers(200)
            .max_buf_size(256 * 1024)
            .handshake(io)
            .await
            .map_err(ConnectError::Handshake)?;
        if way == Way::Upgrade {
            tokio::spawn(async move {
                let _ = connection.with_upgrades().await;
            });
        } else {
            tokio::spawn(async move {
                let _ = connection.await;
            });
        }
        Ok(To::One(sender))
    }

    async fn http2<I>(&self, io: I, node: &Arc<Node>, generation: u64) -> Result<To, ConnectError>
    where
        I: Read + Write + Unpin + Send + 'static,
    {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(H2_STREAM_WINDOW)
            .initial_connection_window_size(H2_CONNECTION_WINDOW)
            .max_header_list_size(256 * 1024)
            .handshake(io)
            .await
            .map_err(ConnectError::Handshake)?;
        tokio::spawn(async move {
            let _ = connection.await;
        });
        let mut kept = self.kept();
        kept.entry(key(node)).or_insert_with(|| Kept::new(node)).many = Some((generation, sender.clone()));
        Ok(To::Many(sender))
    }

    fn keep(&self, node: &Arc<Node>, sender: http1::SendRequest<Body>, generation: u64) {
        let mut kept = self.kept();
        let of_node = kept.entry(key(node)).or_insert_with(|| Kept::new(node));
        if of_node.idle.len() < IDLE_MAX {
            of_node.idle.push(Idle { sender, generation, since: clock::mono() });
        }
    }

    /// Closes what has grown old, and forgets nodes that nobody else knows any more. To be called each second.
    pub fn sweep(&self, now: Instant) {
        let mut kept = self.kept();
        kept.retain(|_, of_node| {
            let generation = of_node.node.generation();
            of_node.wires.retain_mut(|rest| {
                rest.generation == generation
                    && now.saturating_duration_since(rest.since) < IDLE_FOR
                    && rest.wire.is_quiet()
            });
            of_node.idle.retain(|idle| {
                idle.generation == generation
                    && !idle.sender.is_closed()
                    && now.saturating_duration_since(idle.since) < IDLE_FOR
            });
            of_node.many.take_if(|(made, sender)| *made != generation || sender.is_closed());
            Arc::strong_count(&of_node.node) > 1
        });
    }
}

/// What a connection is to be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Requests that are there as a whole.
    Whole,
    /// Those whose body still comes.
    Flowing,
    /// It may leave HTTP behind.
    Upgrade,
}

fn key(node: &Arc<Node>) -> usize {
    Arc::as_ptr(node) as usize
}

impl Kept {
    fn new(node: &Arc<Node>) -> Kept {
        Kept { node: node.clone(), wires: Vec::new(), idle: Vec::new(), many: None }
    }
}

// === impl Message ===

impl Message {
    /// `body`: all of it.
    #[must_use]
    pub fn bytes(method: &Method, path: &PathAndQuery, headers: &HeaderMap, body: &[u8]) -> Message {
        let bytes = wire::written(method, path, headers, body).into();
        Message::Bytes { bytes, head: *method == Method::HEAD }
    }
}

impl From<Request<Body>> for Message {
    fn from(request: Request<Body>) -> Message {
        Message::Request(request)
    }
}

// === impl Link ===

impl Link {
    #[must_use]
    pub fn is_http2(&self) -> bool {
        matches!(self.to, To::Many(_))
    }

    /// It wants a request as bytes.
    #[must_use]
    pub fn takes_bytes(&self) -> bool {
        matches!(self.to, To::Wire(_))
    }

    /// Sends it, and waits for the head of the answer.
    ///
    /// # Errors
    /// [`Sent`] says whether the node may have seen the request.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<Response<Body>, Sent> {
        let request = match message.into() {
            Message::Bytes { bytes, head } => {
                let To::Wire(wire) = &mut self.to else { return Err(Sent::Nothing(None)) };
                let Some(wire) = wire.take() else { return Err(Sent::Nothing(None)) };
                let (upstream, node) = (self.home.clone(), self.node.clone());
                let home = Home { upstream, node, generation: self.generation };
                return wire.exchange(bytes, head, home).await;
            }
            Message::Request(request) => request,
        };
        match &mut self.to {
            To::Wire(_) => Err(Sent::Nothing(Some(request))),
            To::One(sender) => sender.try_send_request(request).await.map(of_hyper).map_err(sent),
            To::Many(sender) => {
                if sender.ready().await.is_err() {
                    return Err(Sent::Nothing(Some(request)));
                }
                // Over HTTP/2 the stream's reset does not say that it was our side that broke off.
                let mut request = request;
                let broke = request.body_mut().watched();
                let done = sender.try_send_request(request).await.map_err(sent);
                match done {
                    Err(Sent::Maybe(_)) if broke.is_some_and(|b| b.load(Relaxed)) => Err(Sent::ClientBody),
                    done => done.map(of_hyper),
                }
            }
        }
    }

    /// What the node is called where the client does not say it.
    #[must_use]
    pub fn host(&self) -> Option<HeaderValue> {
        let text = self.node.origin().to_string();
        HeaderValue::from_str(text.split_once("://")?.1).ok()
    }

    /// The address of a request as this connection wants it.
    #[must_use]
    pub fn address(&self, path: &uri::PathAndQuery, authority: Option<uri::Authority>) -> Uri {
        if !self.is_http2() {
            return Uri::from(path.clone());
        }
        let mut parts = uri::Parts::default();
        let tls = self.node.origin().scheme == Scheme::Https;
        parts.scheme = Some(if tls { uri::Scheme::HTTPS } else { uri::Scheme::HTTP });
        parts.authority = authority.or_else(|| {
            let origin = self.node.origin();
            format!("{}:{}", origin.host, origin.port).parse().ok()
        });
        parts.path_and_query = Some(path.clone());
        Uri::from_parts(parts).unwrap_or_else(|_| Uri::from(path.clone()))
    }

    /// The answer has been read to its end: the connection can take the next request.
    pub fn finished(self) {
        let Link { to, node, generation, home, .. } = self;
        if let (To::One(sender), Some(home)) = (to, home.upgrade())
            && !sender.is_closed()
        {
            home.keep(&node, sender, generation);
        }
    }
}

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }
    fn write_usize(&mut self, n: usize) {
        self.0 = (self.0 ^ n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }
}

fn of_hyper(response: Response<Incoming>) -> Response<Body> {
    response.map(Body::wire)
}

fn sent(mut e: TrySendError<Request<Body>>) -> Sent {
    if let Some(request) = e.take_message() {
        return Sent::Nothing(Some(request));
    }
    let error = e.error();
    if error.is_user() {
        return Sent::ClientBody;
    }
    if error.source().and_then(|e| e.downcast_ref::<h2::Error>()).is_some_and(not_taken) {
        return Sent::NotTaken;
    }
    Sent::Maybe(if error.is_parse() { Failure::Garbled } else { Failure::Cut })
}

/// A stream that the node refused, or that came after the last one that its GOAWAY names: a node that goes in peace
/// says so, and what it did not take may go elsewhere, a POST too.
fn not_taken(e: &h2::Error) -> bool {
    e.is_remote() && (e.is_go_away() || e.is_reset() && e.reason() == Some(h2::Reason::REFUSED_STREAM))
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("node", self.node.origin())
            .field("reused", &self.reused)
            .finish_non_exhaustive()
    }
}

/// Asks a node for its health page on a connection of its own.
pub async fn probe(shared: &Arc<Shared>, node: &Arc<Node>, path: &str, within: Duration) -> Sign {
    // Its own: a node that is full of our connections may still refuse new ones, and that is what we want to know.
    let own = Upstream::new(shared.clone());
    let connected = AtomicBool::new(false);
    let asked = async {
        let Ok(mut link) = own.link(node, false, false).await else { return Sign::Nothing };
        connected.store(true, Relaxed);
        let path = PathAndQuery::try_from(path).unwrap_or_else(|_| PathAndQuery::from_static("/"));
        let origin = node.origin();
        let host = format!("{}:{}", origin.host, origin.port);
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_static("stillhere-edge"));
        if !link.is_http2()
            && let Ok(host) = HeaderValue::from_str(&host)
        {
            headers.insert(header::HOST, host);
        }
        let message = if link.takes_bytes() {
            Message::bytes(&Method::HEAD, &path, &headers, &[])
        } else {
            let mut request = Request::new(Body::empty());
            *request.method_mut() = Method::HEAD;
            *request.uri_mut() = link.address(&path, host.parse().ok());
            *request.headers_mut() = headers;
            request.into()
        };
        match link.send(message).await {
            Ok(response) if response.status().as_u16() < 500 => Sign::Answers,
            Ok(_) => Sign::Errs,
            // A connection that ends at once, before or after it was accepted, is no connection.
            Err(_) => Sign::Nothing,
        }
    };
    let in_time = timeout(within, asked).await.ok();
    in_time.unwrap_or(if connected.load(Relaxed) { Sign::Connects } else { Sign::Nothing })
}

/// What a body of the client's is, as a request to a node takes it.
impl From<Incoming> for Body {
    fn from(incoming: Incoming) -> Body {
        Body::wire(incoming)
    }
}

/// An error of ours while a body flows.
#[must_use]
pub fn body_error(text: &'static str) -> BodyError {
    BodyError::from(text)
}
