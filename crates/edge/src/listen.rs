//! Takes connections: one listener, several workers, each a thread with a runtime of its own.
//!
//! A connection stays on its worker, and so do the connections to nodes that it uses: no request crosses threads, which
//! is a good part of what a proxied request costs otherwise. The workers share one listening socket, so that none is
//! left behind with connections that nobody accepts when a worker is busy. Who accepts is chance, and a worker with
//! twice the connections makes everybody on it wait twice as long: so whoever has more than its share hands the new
//! one on ([`Crew`](crew::Crew)).

mod crew;

use crate::{
    Body,
    deadline::IdleTimer,
    dial,
    gate::{self, Gated, Kind},
    hall,
    serve::{Connection, Shared},
    tls,
    upstream::Upstream,
};
use bytes::Bytes;
use crew::{Handed, Post};
use http::{HeaderValue, Request, StatusCode, header};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::Ordering::{Relaxed, SeqCst},
    },
    thread,
    time::Duration,
};
use stillhere_net::clock;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

/// Connections that wait to be accepted, in the kernel.
const BACKLOG: u32 = 4096;
/// After accepting failed (usually: no more open files), how long until the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// Requests that one HTTP/2 connection may have open.
const H2_STREAMS: u32 = 200;
/// How long a TLS handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
const SWEEP: Duration = Duration::from_secs(1);
/// A connection that has said nothing yet when we stop is listened to for so long.
pub(crate) const UNREAD_FOR: Duration = Duration::from_millis(500);

/// While stopping: how often it is looked whether a connection has become a WebSocket.
const SWITCH_LOOK: Duration = Duration::from_millis(20);

/// How far stopping has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    /// No new connections; each one ends after the request that it has. One that has none ends after `idle`, so that a
    /// request that is on its way does not meet a closed door.
    Draining {
        idle: Duration,
    },
    /// What is left is cut.
    Over,
}

pub(crate) use crew::Crew;

/// A listener of a worker.
pub(crate) struct Door {
    pub(crate) listener: std::net::TcpListener,
    /// None: plain HTTP.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// # Errors
/// When the address cannot be listened on.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<std::net::TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(i32::try_from(BACKLOG).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// Starts one worker thread.
///
/// # Errors
/// When the system gives no thread or no runtime.
pub(crate) fn worker(
    post: Post,
    doors: Vec<Door>,
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
) -> io::Result<thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    shared.busy.fetch_add(1, SeqCst);
    thread::Builder::new().name(format!("edge-{}", post.number())).spawn(move || {
        runtime.block_on(async move {
            let upstream = Upstream::new(shared.nodes.clone());
            let sweeper = tokio::spawn(sweep(upstream.clone()));
            let arrivals = tokio::spawn(take_arrivals(shared.clone(), upstream.clone()));
            let mut open = JoinSet::new();
            let (crew, handed) = post.begin();
            let takes = Takes { crew, shared: shared.clone(), upstream, phase: phase.clone() };
            open.spawn(takes.clone().take_over(handed));
            for door in doors {
                match TcpListener::from_std(door.listener) {
                    Ok(listener) => {
                        open.spawn(takes.clone().accept(listener, door.tls));
                    }
                    Err(e) => tracing::error!(error = %e, "a worker cannot use the listener"),
                }
            }
            open.join_all().await;
            shared.busy.fetch_sub(1, SeqCst);
            // WebSockets have left the connections that are waited for above; whoever stops tells them.
            let _ = phase.wait_for(|p| *p == Phase::Over).await;
            sweeper.abort();
            arrivals.abort();
        });
    })
}

/// What a worker needs to serve connections.
#[derive(Clone)]
struct Takes {
    crew: crew::Member,
    shared: Arc<Shared>,
    upstream: Arc<Upstream>,
    phase: watch::Receiver<Phase>,
}

/// Each connection holds one end; when all are gone, the worker is done.
type Alive = tokio::sync::mpsc::Sender<Infallible>;

impl Takes {
    async fn accept(mut self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let (alive, all_gone) = tokio::sync::mpsc::channel::<Infallible>(1);
        loop {
            let accepted = tokio::select! {
                biased;
                changed = self.phase.changed() => match changed {
                    Ok(()) if *self.phase.borrow() == Phase::Serving => continue,
                    _ => break,
                },
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let limits = &self.shared.limits;
                    let Ok(seat) = limits.connection(peer.ip(), clock::wall()) else { continue };
                    let _ = limits.tune(&stream);
                    let handed = Handed { stream, peer, seat, tls: tls.clone() };
                    if let Some(mine) = self.crew.hand_on(handed) {
                        self.serve(mine, &alive);
                    }
                }
                Err(e) => {
                    tracing::warn!(error = %e, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        drop(alive);
        self.until(all_gone).await;
    }

    /// Serves what others hand on. What they have handed on when we stop is served, too.
    async fn take_over(mut self, mut handed: crew::Inbox) {
        let (alive, all_gone) = tokio::sync::mpsc::channel::<Infallible>(1);
        loop {
            let next = tokio::select! {
                biased;
                next = handed.next() => next,
                () = async { drop(self.phase.wait_for(|p| *p != Phase::Serving).await) }, if handed.is_open() => {
                    handed.close();
                    continue;
                }
            };
            let Some(next) = next else { break };
            self.serve(next, &alive);
        }
        drop(alive);
        self.until(all_gone).await;
    }

    fn serve(&self, handed: Handed, alive: &Alive) {
        let Handed { stream, peer, seat, tls } = handed;
        let counted = self.crew.counted();
        let Takes { shared, upstream, phase, .. } = self.clone();
        let alive = alive.clone();
        tokio::spawn(async move {
            match tls {
                None => connection(stream, peer, shared, upstream, phase).await,
                // Boxed, so that a plain connection does not take the room of one with TLS.
                Some(tls) => Box::pin(secured(stream, tls, peer, shared, upstream, phase)).await,
            }
            drop((alive, seat, counted));
        });
    }

    async fn until(&mut self, mut all_gone: tokio::sync::mpsc::Receiver<Infallible>) {
        tokio::select! {
            _ = all_gone.recv() => {}
            _ = self.phase.wait_for(|p| *p == Phase::Over) => {}
        }
    }
}

/// Sessions of WebSockets that another process had, each worker in its turn.
async fn take_arrivals(shared: Arc<Shared>, upstream: Arc<Upstream>) {
    loop {
        dial::arrived(&shared, &upstream, shared.sockets.arrival().await);
    }
}

async fn sweep(upstream: Arc<Upstream>) {
    let mut tick = interval(SWEEP);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
        upstream.sweep(clock::mono());
    }
}

async fn connection<I>(
    mut io: I,
    peer: SocketAddr,
    shared: Arc<Shared>,
    upstream: Arc<Upstream>,
    mut phase: watch::Receiver<Phase>,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = shared.limits.spec().gate();
    let sniffed = tokio::select! {
        biased;
        sniffed = gate::sniff(&mut io, shared.limits.spec().idle) => sniffed,
        () = stopping(&mut phase, UNREAD_FOR) => return,
    };
    let Ok((prefix, kind)) = sniffed else { return };
    let (mut io, control) = Gated::new(io, prefix, limits);
    match kind {
        Kind::H1 => {
            let about = Arc::new(Connection::new(shared, upstream, peer, false, Some(control)));
            tokio::select! {
                biased;
                waited = hall::wait(&mut io, &about) => if waited.is_err() { return },
                _ = phase.wait_for(|p| *p == Phase::Over) => return,
            }
            http1_connection(io, about, phase).await;
        }
        Kind::H2 => {
            let about = Arc::new(Connection::new(shared, upstream, peer, false, None));
            Box::pin(http2_connection(Box::new(io), about, phase)).await;
        }
    }
}

async fn secured(
    stream: TcpStream,
    tls: TlsAcceptor,
    peer: SocketAddr,
    shared: Arc<Shared>,
    upstream: Arc<Upstream>,
    phase: watch::Receiver<Phase>,
) {
    let io = match timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await {
        Ok(Ok(io)) => io,
        Ok(Err(e)) => {
            if tls::is_news(&e) {
                tracing::debug!(error = %e, "a TLS handshake failed");
            }
            return;
        }
        Err(_) => return,
    };
    let limits = shared.limits.spec().gate();
    let protocol = io.get_ref().1.alpn_protocol();
    if protocol == Some(tls::ALPN) {
        return; // the handshake was all that the authority wanted
    }
    if protocol == Some(b"h2") {
        let about = Arc::new(Connection::new(shared, upstream, peer, true, None));
        return Box::pin(http2_connection(Box::new(Gated::transparent(io, limits)), about, phase)).await;
    }
    let (io, control) = Gated::new(io, Bytes::new(), limits);
    let about = Arc::new(Connection::new(shared, upstream, peer, true, Some(control)));
    http1_connection(io, about, phase).await;
}

async fn http1_connection<I>(io: I, about: Arc<Connection>, mut phase: watch::Receiver<Phase>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let idle = about.shared.limits.spec().idle;
    let switching = about.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let about = about.clone();
        async move {
            let mut answer = about.serve(request).await;
            if about.shared.draining.load(Relaxed) && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<http::Response<Body>, Infallible>(answer)
        }
    });
    let mut builder = http1::Builder::new();
    // The gate sees to it that a head is not slow; here it is how long a connection may wait for its next one.
    builder.timer(IdleTimer::new()).header_read_timeout(idle);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(io), service).with_upgrades());
    tokio::select! {
        biased;
        done = &mut serving => return ended(done),
        () = async {
            stopping(&mut phase, Duration::ZERO).await;
            // hyper would say `Connection: close` beside the answer that switches, and some clients believe it.
            while switching.switching.load(Relaxed) && *phase.borrow() != Phase::Over {
                sleep(SWITCH_LOOK).await;
            }
        } => serving.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        done = &mut serving => ended(done),
        _ = phase.wait_for(|p| *p == Phase::Over) => {}
    }
}

/// Boxed, what HTTP/2 goes over is one type, and its machine is in the binary once.
trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Io for S {}

async fn http2_connection(io: Box<dyn Io>, about: Arc<Connection>, mut phase: watch::Receiver<Phase>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let about = about.clone();
        async move { Ok::<http::Response<Body>, Infallible>(about.serve(request).await) }
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS)
        .max_header_list_size(64 * 1024)
        .initial_stream_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .enable_connect_protocol();
    let mut serving = pin!(builder.serve_connection(TokioIo::new(io), service));
    tokio::select! {
        biased;
        done = &mut serving => return ended(done),
        _ = phase.wait_for(|p| *p != Phase::Serving) => serving.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        done = &mut serving => ended(done),
        _ = phase.wait_for(|p| *p == Phase::Over) => {}
    }
}

/// Ready when this connection is to end by itself: when we stop, and it has been idle for as long as it may then, and
/// for `least`.
async fn stopping(phase: &mut watch::Receiver<Phase>, least: Duration) {
    let idle = match phase.wait_for(|p| *p != Phase::Serving).await.as_deref() {
        Ok(Phase::Draining { idle }) => *idle,
        _ => Duration::ZERO,
    };
    tokio::select! {
        () = sleep(idle.max(least)) => {}
        _ = phase.wait_for(|p| *p == Phase::Over) => {}
    }
}

fn ended(done: hyper::Result<()>) {
    if let Err(e) = done {
        tracing::trace!(error = %e, "a client's connection ended");
    }
}
