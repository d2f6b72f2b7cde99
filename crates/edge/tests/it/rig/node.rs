//! An origin's node: refuses, cuts, freezes, answers slowly, and comes back on the same port.

use super::{soon, until};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpSocket, TcpStream},
    sync::watch,
    task::JoinHandle,
};

type BoxBody = http_body_util::combinators::UnsyncBoxBody<Bytes, io::Error>;
type Handler = Arc<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// A request as it reached the node.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    pub uri: Uri,
    pub version: Version,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

/// What the node does then.
pub enum Reply {
    Answer(Response<BoxBody>),
    After(Duration, Response<BoxBody>),
    /// The connection ends with RST before the head of the answer.
    Cut,
    Never,
}

pub struct Node {
    pub addr: SocketAddr,
    state: Arc<State>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

struct State {
    seen: Mutex<Vec<Seen>>,
    handler: Mutex<Handler>,
    frozen: watch::Sender<bool>,
    /// The edge's probes get no answer.
    starting: watch::Sender<bool>,
    /// Raised when all connections are to be cut.
    killed: watch::Sender<u64>,
    /// Its connections.
    live: AtomicUsize,
    http2: bool,
}

/// Ends with RST when it is told to.
struct Io {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
    state: Arc<State>,
}

/// An answer of 200 with this text.
pub fn text(body: impl Into<Bytes>) -> Response<BoxBody> {
    let body = http_body_util::Full::new(body.into());
    Response::new(body.map_err(|never| match never {}).boxed_unsync())
}

impl Reply {
    pub fn text(body: impl Into<Bytes>) -> Reply {
        Reply::Answer(text(body))
    }

    pub fn status(status: u16) -> Reply {
        let mut answer = text("");
        *answer.status_mut() = status.try_into().unwrap();
        Reply::Answer(answer)
    }

    /// These frames; `Err` cuts the connection there.
    pub fn frames(frames: Vec<Result<Frame<Bytes>, io::Error>>) -> Response<BoxBody> {
        let frames = futures_util::stream::iter(frames).then(|frame| async {
            if frame.is_err() {
                // hyper throws away what it has not written yet, and that would be another test.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            frame
        });
        Response::new(StreamBody::new(frames).boxed_unsync())
    }

    /// A body that comes as it is sent into the channel, without an end while that is open.
    pub fn stream() -> (tokio::sync::mpsc::UnboundedSender<Bytes>, Response<BoxBody>) {
        let (pieces, taken) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
        let frames = futures_util::stream::unfold(taken, |mut taken| async move {
            taken.recv().await.map(|piece| (Ok(Frame::data(piece)), taken))
        });
        (pieces, Response::new(StreamBody::new(frames).boxed_unsync()))
    }
}

impl Node {
    /// Answers everything with `ok`.
    pub async fn start() -> Node {
        Node::with(|_| Reply::text("ok")).await
    }

    pub async fn with(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Node {
        Node::speaking(false, handler).await
    }

    /// HTTP/2 only.
    pub async fn h2(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Node {
        Node::speaking(true, handler).await
    }

    async fn speaking(http2: bool, handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Node {
        let state = Arc::new(State {
            seen: Mutex::default(),
            handler: Mutex::new(Arc::new(handler)),
            frozen: watch::channel(false).0,
            starting: watch::channel(false).0,
            killed: watch::channel(0).0,
            live: AtomicUsize::new(0),
            http2,
        });
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (addr, listener) = listen(any, state.clone()).unwrap();
        Node { addr, state, listener: Mutex::new(Some(listener)) }
    }

    /// A port where nobody listens, until [`Node::back`].
    pub async fn refusing() -> Node {
        let node = Node::start().await;
        node.kill().await;
        node
    }

    pub fn on(&self, handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) {
        *self.state.handler.lock().unwrap() = Arc::new(handler);
    }

    /// What came, without the edge's own probes.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    pub fn last(&self) -> Seen {
        self.seen().pop().expect("a request")
    }

    /// How many requests came for this path.
    pub fn count(&self, path: &str) -> usize {
        self.state.seen.lock().unwrap().iter().filter(|s| s.uri.path() == path).count()
    }

    pub async fn has_seen(&self, path: &str, count: usize) {
        until(&format!("{count} at {path}"), || self.count(path) >= count).await;
    }

    /// Accepts, and answers nothing any more.
    pub fn freeze(&self) {
        self.state.frozen.send_replace(true);
    }

    /// Its health page takes its time; everything else is answered.
    pub fn starts(&self, starting: bool) {
        self.state.starting.send_replace(starting);
    }

    pub fn thaw(&self) {
        self.state.frozen.send_replace(false);
    }

    /// All its connections end with RST, and have ended then; it goes on listening.
    pub async fn cut(&self) {
        self.state.killed.send_modify(|n| *n += 1);
        until("its connections are gone", || self.state.live.load(SeqCst) == 0).await;
    }

    /// As `kill -9`: connections are reset, and nobody listens.
    pub async fn kill(&self) {
        let listener = self.listener.lock().unwrap().take();
        if let Some(listener) = listener {
            listener.abort();
            let _aborted = soon(listener).await;
        }
        self.cut().await;
    }

    /// Listens again where it was.
    pub async fn back(&self) {
        self.thaw();
        let mut listening = None;
        until("the port is free", || {
            listening = listen(self.addr, self.state.clone()).ok();
            listening.is_some()
        })
        .await;
        *self.listener.lock().unwrap() = listening.map(|(_, listener)| listener);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take() {
            listener.abort();
        }
        self.state.killed.send_modify(|n| *n += 1);
    }
}

fn listen(at: SocketAddr, state: Arc<State>) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    let listener = socket.listen(1024)?;
    let addr = listener.local_addr()?;
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            state.live.fetch_add(1, SeqCst);
            let killed = state.killed.subscribe();
            tokio::spawn(connection(stream, state.clone(), killed));
        }
    });
    Ok((addr, task))
}

async fn connection(stream: TcpStream, state: Arc<State>, mut killed: watch::Receiver<u64>) {
    stream.set_nodelay(true).unwrap();
    let reset = Arc::new(AtomicBool::new(false));
    let cut = Arc::new(tokio::sync::Notify::new());
    let io = TokioIo::new(Io { stream, reset: reset.clone(), state: state.clone() });
    let (serving, told) = (state.clone(), cut.clone());
    let service = service_fn(move |request: Request<Incoming>| serve(request, serving.clone(), told.clone()));
    let end = async {
        tokio::select! {
            () = cut.notified() => {}
            _ = killed.changed() => {}
        }
        reset.store(true, SeqCst);
    };
    if state.http2 {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.enable_connect_protocol();
        tokio::select! { _ = builder.serve_connection(io, service) => {}, () = end => {} }
    } else {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.half_close(true);
        tokio::select! { _ = builder.serve_connection(io, service) => {}, () = end => {} }
    }
}

async fn serve(
    request: Request<Incoming>,
    state: Arc<State>,
    cut: Arc<tokio::sync::Notify>,
) -> Result<Response<BoxBody>, io::Error> {
    let (parts, body) = request.into_parts();
    let probe = parts.headers.get("user-agent").is_some_and(|ua| ua == "stillhere-edge");
    if probe {
        let _ = state.frozen.subscribe().wait_for(|frozen| !frozen).await;
        let _ = state.starting.subscribe().wait_for(|starting| !starting).await;
        return Ok(text(""));
    }
    let body = body.collect().await.map_err(io::Error::other)?;
    let trailers = body.trailers().cloned();
    let seen = Seen {
        method: parts.method,
        uri: parts.uri,
        version: parts.version,
        headers: parts.headers,
        body: body.to_bytes(),
        trailers,
    };
    state.seen.lock().unwrap().push(seen.clone());
    let _ = state.frozen.subscribe().wait_for(|frozen| !frozen).await;
    let handler = state.handler.lock().unwrap().clone();
    match handler(&seen) {
        Reply::Answer(answer) => Ok(answer),
        Reply::After(pause, answer) => {
            tokio::time::sleep(pause).await;
            Ok(answer)
        }
        Reply::Cut => {
            cut.notify_one();
            std::future::pending().await
        }
        Reply::Never => std::future::pending().await,
    }
}

// === impl Io ===

impl Drop for Io {
    fn drop(&mut self) {
        if self.reset.load(SeqCst) {
            let _ = self.stream.set_zero_linger();
        }
        // The socket itself is closed right behind this; nothing waits between.
        self.state.live.fetch_sub(1, SeqCst);
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// How a [`Script`] goes on after its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Close,
    Reset,
    /// It reads the next request, and says the same.
    Again,
}

/// A node that says these bytes to each request, whatever they are; probes are answered well.
pub struct Script {
    pub addr: SocketAddr,
    pub heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Script {
    pub async fn start(says: &'static [u8], then: Then) -> Script {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = heads.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(script(stream, kept.clone(), says, then));
            }
        });
        Script { addr, heads, task }
    }

    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn script(mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>, says: &[u8], then: Then) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut read = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = read.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            let mut room = [0; 4096];
            match stream.read(&mut room).await {
                Ok(n) if n > 0 => read.extend_from_slice(&room[..n]),
                _ => return,
            }
        };
        let head = String::from_utf8_lossy(&read.drain(..end).collect::<Vec<u8>>()).to_ascii_lowercase();
        if head.contains("user-agent: stillhere-edge") {
            let fine = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(fine).await;
            return;
        }
        heads.lock().unwrap().push(head);
        let _ = stream.write_all(says).await;
        match then {
            Then::Again => {}
            Then::Close => return,
            Then::Reset => {
                // What was said must arrive before the reset does.
                tokio::time::sleep(Duration::from_millis(20)).await;
                let _ = stream.set_zero_linger();
                return;
            }
        }
    }
}
