//! Connections to the nodes. Each worker keeps its own, so that a request never crosses threads.
//!
//! Not hyper's pooling client: that one repeats requests by itself, outside our budget, and hides whether anything was
//! written. Here every failure says whether the node may have seen the request ([`Sent`]).

mod link;
mod shared;
mod wire;

pub use link::{Link, Message, Sent};
pub use shared::Shared;
pub use wire::Flow;
#[doc(hidden)]
pub use wire::{Framing, Garbled, HEADERS_MAX, Head, Inside, Opening, Piece, TRAILERS_MAX};

use crate::{
    Body,
    body::BodyError,
    deadline::{Deadline, Spare},
    pool::{Failure, Node, Place, Scheme, Sign},
};
use http::{HeaderMap, HeaderValue, Method, Request, header, uri::PathAndQuery};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use link::To;
use std::{
    collections::HashMap,
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
use wire::{AnyIo, Io, Rest, Wire};

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
            Scheme::H2c => self.http2(Io::Plain(stream), node, generation).await,
            Scheme::Https => {
                let peer = self.shared.peer(origin, way == Way::Upgrade)?;
                let (stream, _) = peer
                    .handshake(stream, &mut Trace::start(clock::mono()))
                    .await
                    .map_err(|fault| ConnectError::Tls(fault.detail))?;
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                if h2 {
                    self.http2(Io::Tls(Box::new(stream)), node, generation).await
                } else {
                    self.http1(Io::Tls(Box::new(stream)), way).await
                }
            }
        }
    }

    async fn http1(&self, io: Io, way: Way) -> Result<To, ConnectError> {
        match (io, way) {
            (io, Way::Whole) => Ok(To::Wire(Some(Wire::new(io)))),
            (io, way) => self.hyper1(TokioIo::new(io.boxed()), way).await,
        }
    }

    async fn hyper1(&self, io: TokioIo<Box<dyn AnyIo>>, way: Way) -> Result<To, ConnectError> {
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

    async fn http2(&self, io: Io, node: &Arc<Node>, generation: u64) -> Result<To, ConnectError> {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(H2_STREAM_WINDOW)
            .initial_connection_window_size(H2_CONNECTION_WINDOW)
            .max_header_list_size(256 * 1024)
            .handshake(TokioIo::new(io.boxed()))
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

/// Asks a node for its health page on a connection of its own.
/// `on_connection`: called when it has one.
pub async fn probe(
    shared: &Arc<Shared>,
    node: &Arc<Node>,
    path: &str,
    within: Duration,
    on_connection: impl FnOnce(),
) -> Sign {
    // Its own: a node that is full of our connections may still refuse new ones, and that is what we want to know.
    let own = Upstream::new(shared.clone());
    let connected = AtomicBool::new(false);
    let asked = async {
        let Ok(mut link) = own.link(node, false, false).await else { return Sign::Nothing };
        connected.store(true, Relaxed);
        on_connection();
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
