//! The accept loop and the way of a connection: express lane first, hyper for whatever that lane has no ready
//! answer for, the live hub for those who stay to listen.
//!
//! Why not hyper alone: during an outage everybody reads the same page at once, on the machine that also has to
//! watch and to alert. A page that is ready in memory then costs two system calls; everything else keeps the
//! full parser and the full router.
//!
//! | bound | value | beyond |
//! |---|---|---|
//! | connections, listeners not counted | [`Limits::connections`] | 503 with `Retry-After`, closed |
//! | refusals being said at a time | [`REFUSALS`] | closed without a word |
//! | head | 16 KiB, 64 header lines, 10 s | 431, 431, closed |
//! | idle between requests | 75 s | closed |
//! | an answer being taken | 30 s | closed |

pub(crate) mod express;
#[doc(hidden)]
pub mod head;
pub(crate) mod rewind;

use crate::{host::Hosts, live::Hub, peer::Peer, ready::Shelves};
use axum::Router;
use bytes::BytesMut;
use express::End;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rewind::Rewind;
use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, Id, JoinSet},
    time::sleep,
};

/// Connections that are being told that there are too many.
pub const REFUSALS: usize = 64;
/// When accepting fails (no descriptors left), the next try comes after this pause.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const REFUSE_WITHIN: Duration = Duration::from_secs(1);
const TOO_MANY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n\
    retry-after: 2\r\nconnection: close\r\ncontent-length: 61\r\n\r\n\
    Too many connections at the moment. Please try again shortly.";

#[derive(Debug, Clone)]
pub struct Limits {
    pub connections: usize,
    /// How long requests under way may still take when the server stops.
    pub grace: Duration,
}

/// What the accept loop serves from.
pub struct Front {
    pub hosts: Hosts,
    pub shelves: Arc<Shelves>,
    pub hub: Hub,
    pub router: Router,
    pub limits: Limits,
    pub counts: Arc<Counts>,
    behind_proxy: bool,
    stopping: AtomicBool,
}

/// For `/metrics`.
#[derive(Debug, Default)]
pub struct Counts {
    pub connections: AtomicUsize,
    pub accepted: AtomicU64,
    pub refused: AtomicU64,
    pub accept_errors: AtomicU64,
    /// Requests answered by the express lane.
    pub express: AtomicU64,
    /// Requests answered by the router.
    pub routed: AtomicU64,
}

/// A connection's task, and whether it is in the middle of something.
struct Open {
    task: AbortHandle,
    busy: Arc<AtomicBool>,
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Limits {
        Limits { connections: 4096, grace: Duration::from_secs(8) }
    }
}

// === impl Front ===

impl Front {
    #[must_use]
    pub fn new(hosts: Hosts, shelves: Arc<Shelves>, hub: Hub, router: Router, limits: Limits) -> Front {
        Front {
            hosts,
            shelves,
            hub,
            router,
            limits,
            counts: Arc::new(Counts::default()),
            behind_proxy: false,
            stopping: AtomicBool::new(false),
        }
    }

    #[must_use]
    pub fn with_counts(mut self, counts: Arc<Counts>) -> Front {
        self.counts = counts;
        self
    }

    /// A proxy on this machine says in `X-Forwarded-For` who asks.
    #[must_use]
    pub fn behind_proxy(mut self, it_is: bool) -> Front {
        self.behind_proxy = it_is;
        self
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(SeqCst)
    }

    pub(crate) fn count_express(&self) {
        self.counts.express.fetch_add(1, Relaxed);
    }

    /// Serves until `stop` turns true, then lets requests under way finish within the grace time.
    pub async fn serve(self: Arc<Front>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let mut open: HashMap<Id, Open> = HashMap::new();
        let mut tasks = JoinSet::new();
        let refusing = Arc::new(AtomicUsize::new(0));
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(ended) = tasks.join_next_with_id() => {
                    self.ended(&mut open, ended);
                    continue;
                }
                () = stopped(&mut stop) => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(e) => {
                    self.accept_failed(&e).await;
                    continue;
                }
            };
            self.counts.accepted.fetch_add(1, Relaxed);
            if open.len() >= self.limits.connections {
                self.counts.refused.fetch_add(1, Relaxed);
                refuse(stream, &refusing);
                continue;
            }
            let busy = Arc::new(AtomicBool::new(false));
            let task = tasks.spawn(connection(self.clone(), stream, busy.clone(), stop.clone()));
            open.insert(task.id(), Open { task, busy });
            self.counts.connections.store(open.len(), Relaxed);
        }
        drop(listener);
        self.stopping.store(true, SeqCst);
        self.hub.close();
        for connection in open.values().filter(|c| !c.busy.load(SeqCst)) {
            connection.task.abort();
        }
        let rest = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.limits.grace, rest).await.is_err() {
            tracing::warn!("requests were still under way when the time to stop was over; cut off");
            tasks.abort_all();
        }
        self.counts.connections.store(0, Relaxed);
    }

    fn ended(&self, open: &mut HashMap<Id, Open>, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(e) => {
                if e.is_panic() {
                    tracing::error!(error = %e, "a connection's task broke");
                }
                e.id()
            }
        };
        open.remove(&id);
        self.counts.connections.store(open.len(), Relaxed);
    }

    async fn accept_failed(&self, e: &io::Error) {
        // A client that left before we accepted it is no trouble of ours.
        if matches!(e.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        if self.counts.accept_errors.fetch_add(1, Relaxed).is_power_of_two() {
            tracing::warn!(error = %e, "cannot accept connections; the open-file limit may be too low");
        }
        sleep(ACCEPT_PAUSE).await;
    }
}

async fn connection(
    front: Arc<Front>,
    mut stream: TcpStream,
    busy: Arc<AtomicBool>,
    stop: watch::Receiver<bool>,
) {
    // Answers are written whole; waiting to fill a packet would only delay their last part.
    let _ = stream.set_nodelay(true);
    match express::run(&front, &mut stream, &busy).await {
        End::Close => {}
        End::Live(seat, lang, since) => front.hub.join(seat, stream, lang, since),
        // Boxed: hyper's state is large, and most connections never need it.
        End::Hyper(read) => {
            busy.store(true, SeqCst);
            let peer = stream.peer_addr().ok().map(|at| Peer { at, behind_proxy: front.behind_proxy });
            Box::pin(routed(front.router.clone(), read, stream, peer, stop, front.counts.clone())).await;
        }
    }
}

/// The rest of a connection's life with hyper and the router.
pub(crate) async fn routed<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    router: Router,
    read: BytesMut,
    stream: T,
    peer: Option<Peer>,
    mut stop: watch::Receiver<bool>,
    counts: Arc<Counts>,
) {
    let io = TokioIo::new(Rewind::new(read.freeze(), stream));
    let counted = tower::service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        counts.routed.fetch_add(1, Relaxed);
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        let router = router.clone();
        async move { tower::ServiceExt::oneshot(router, request.map(axum::body::Body::new)).await }
    });
    // Not `pipeline_flush`: with it the automatic 400 to an unreadable head is never flushed.
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(express::HEAD_WITHIN)
        .max_buf_size(head::MAX_HEAD_BYTES)
        .max_headers(head::MAX_HEADERS);
    let mut served = std::pin::pin!(http.serve_connection(io, TowerToHyperService::new(counted)));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stopped(&mut stop) => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!(error = %e, "a connection ended badly");
    }
}

/// Returns when the server is to stop, also when whoever could say so is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Says why before closing, to a bounded number at a time.
fn refuse(mut stream: TcpStream, refusing: &Arc<AtomicUsize>) {
    if refusing.fetch_add(1, Relaxed) >= REFUSALS {
        refusing.fetch_sub(1, Relaxed);
        return;
    }
    let refusing = refusing.clone();
    tokio::spawn(async move {
        let say = async {
            // Read first: closing with unread bytes would reset the connection and lose the answer.
            let _request = stream.read(&mut [0; 4096]).await?;
            stream.write_all(TOO_MANY.as_bytes()).await?;
            stream.shutdown().await
        };
        let _ = tokio::time::timeout(REFUSE_WITHIN, say).await;
        refusing.fetch_sub(1, Relaxed);
    });
}
