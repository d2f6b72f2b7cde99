//! The servers of the shop, and breaking them for real: a killed one closes its listener, a frozen one accepts and
//! never answers.

use super::{
    ledger::Ledger,
    storefront::{Storefront, meet},
};
use hyper::{Request, Response, StatusCode, body::Incoming, header, service::service_fn, upgrade::OnUpgrade};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};
use stillhere_edge::Body;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};

/// How long a slow part thinks before it answers: more than the checks' limit for *slow*, less than their timeout.
pub const SLOW: Duration = Duration::from_millis(700);
/// Connections of one part at a time; more are closed at once.
const CONNECTIONS_MAX: usize = 512;
/// How long a mended part tries to have its port back.
const REBIND_WITHIN: Duration = Duration::from_secs(3);
/// Nobody needs longer to send a request to a part.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
/// The database closes a connection on which nothing is asked for so long.
const QUESTION_WITHIN: Duration = Duration::from_secs(5);
/// The longest question to the database.
const QUESTION_MAX: usize = 4 * 1024;

/// How a part behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Well,
    /// Connections are refused.
    Killed,
    /// Connections are accepted and never answered.
    Frozen,
    /// Answers after [`SLOW`].
    Slow,
    /// Answers with status 503.
    Failing,
}

/// What a part does when it is well.
#[derive(Clone)]
pub enum Role {
    /// Serves the shop's pages and takes orders; asks the database for both.
    Checkout(Arc<Storefront>),
    Search,
    /// Speaks a line protocol: `PING` is answered with `PONG`.
    Database(Arc<Ledger>),
}

/// One server of the shop.
pub struct Part {
    pub id: &'static str,
    pub addr: SocketAddr,
    pub role: Role,
    orders: mpsc::Sender<(Mode, oneshot::Sender<io::Result<()>>)>,
    mode: std::sync::Mutex<Mode>,
}

/// All of them, in the order of the page.
pub struct Parts {
    all: Vec<Part>,
    /// What the database keeps, for those who check it.
    pub ledger: Arc<Ledger>,
}

// === impl Mode ===

impl Mode {
    /// The ways to break something, then mending; as in the form's address and in the keys of the words.
    pub const ALL: [Mode; 5] = [Mode::Killed, Mode::Frozen, Mode::Slow, Mode::Failing, Mode::Well];

    pub fn word(self) -> &'static str {
        match self {
            Mode::Well => "well",
            Mode::Killed => "killed",
            Mode::Frozen => "frozen",
            Mode::Slow => "slow",
            Mode::Failing => "failing",
        }
    }

    pub fn parse(word: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|m| m.word() == word)
    }
}

// === impl Role ===

impl Role {
    /// The ways this part can be broken; slowness and error pages are a matter of HTTP here.
    pub fn can(&self, mode: Mode) -> bool {
        !matches!(self, Role::Database(_)) || matches!(mode, Mode::Well | Mode::Killed | Mode::Frozen)
    }
}

// === impl Parts ===

impl Parts {
    /// `status` and `control`: the pages that the shop's own page links to.
    pub async fn start(status: SocketAddr, control: SocketAddr) -> io::Result<Parts> {
        let ledger = Arc::new(Ledger::default());
        let database = Part::start("database", Role::Database(ledger.clone())).await?;
        let checkout =
            |node| Role::Checkout(Arc::new(Storefront { node, database: database.addr, status, control }));
        let a = Part::start("node-a", checkout('A')).await?;
        let b = Part::start("node-b", checkout('B')).await?;
        let search = Part::start("search", Role::Search).await?;
        Ok(Parts { all: vec![a, b, database, search], ledger })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Part> {
        self.all.iter()
    }

    pub fn nodes(&self) -> impl Iterator<Item = &Part> {
        self.iter().filter(|p| matches!(p.role, Role::Checkout(_)))
    }

    pub fn get(&self, id: &str) -> Option<&Part> {
        self.iter().find(|p| p.id == id)
    }

    /// The address of a part that is known to be there.
    pub fn addr(&self, id: &str) -> SocketAddr {
        self.get(id).expect("start makes the part of every id that plan and shop name").addr
    }
}

// === impl Part ===

impl Part {
    async fn start(id: &'static str, role: Role) -> io::Result<Part> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let (orders, todo) = mpsc::channel(8);
        tokio::spawn(live(addr, listener, role.clone(), todo));
        Ok(Part { id, addr, role, orders, mode: std::sync::Mutex::new(Mode::Well) })
    }

    pub fn mode(&self) -> Mode {
        *self.mode.lock().expect("nothing panics while it holds this lock")
    }

    /// Comes back when the part behaves so: a killed one refuses connections by then.
    pub async fn set(&self, mode: Mode) -> io::Result<()> {
        let ended = || io::Error::other("the part has ended");
        let (reply, done) = oneshot::channel();
        self.orders.send((mode, reply)).await.map_err(|_| ended())?;
        done.await.map_err(|_| ended())??;
        *self.mode.lock().expect("nothing panics while it holds this lock") = mode;
        Ok(())
    }
}

/// The life of a part. Every change of mode cuts off what is under way, as a crash or a restart would.
async fn live(
    addr: SocketAddr,
    listener: TcpListener,
    role: Role,
    mut todo: mpsc::Receiver<(Mode, oneshot::Sender<io::Result<()>>)>,
) {
    let mut listener = Some(listener);
    let mut mode = Mode::Well;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            order = todo.recv() => {
                let Some((wanted, reply)) = order else { return };
                connections.shutdown().await;
                let done = if wanted == Mode::Killed {
                    listener = None;
                    Ok(())
                } else if listener.is_none() {
                    bind_again(addr).await.map(|l| listener = Some(l))
                } else {
                    Ok(())
                };
                if done.is_ok() {
                    mode = wanted;
                }
                // Whoever asked may have gone; the part behaves as asked all the same.
                let _ = reply.send(done);
            }
            Some(stream) = accept(listener.as_ref()) => {
                if connections.len() < CONNECTIONS_MAX {
                    connections.spawn(connection(stream, role.clone(), mode));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener?.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(_) => {
            // Out of descriptors: without a pause this would spin.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// The port belonged to nobody while the part was killed; a client may be using it for the moment.
async fn bind_again(addr: SocketAddr) -> io::Result<TcpListener> {
    let tries = async {
        loop {
            match TcpListener::bind(addr).await {
                Ok(listener) => return listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    timeout(REBIND_WITHIN, tries)
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::AddrInUse, format!("{addr} is taken by another program")))
}

async fn connection(mut stream: TcpStream, role: Role, mode: Mode) {
    match (mode, role) {
        (Mode::Frozen, _) => {
            // Reads on, so that it notices when the other side gives up.
            let mut sink = [0u8; 1024];
            while matches!(stream.read(&mut sink).await, Ok(n) if n > 0) {}
        }
        (_, Role::Database(ledger)) => {
            // Errors are the client's going away.
            let _ = database(&mut stream, &ledger).await;
        }
        (_, role @ (Role::Checkout(_) | Role::Search)) => {
            let (room, mut joins) = mpsc::channel(1);
            let served = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(REQUEST_WITHIN)
                .serve_connection(TokioIo::new(stream), service_fn(|r| http(&role, mode, r, &room)))
                .with_upgrades();
            let _ = served.await;
            // In this task, so that who kills the part cuts the meeting, too.
            if let (Role::Checkout(node), Ok(joins)) = (&role, joins.try_recv())
                && let Ok(upgraded) = joins.await
            {
                meet(node, upgraded).await;
            }
        }
    }
}

/// `room`: where a connection goes that becomes a WebSocket.
async fn http(
    role: &Role,
    mode: Mode,
    request: Request<Incoming>,
    room: &mpsc::Sender<OnUpgrade>,
) -> Result<Response<Body>, Infallible> {
    if mode == Mode::Slow {
        tokio::time::sleep(SLOW).await;
    }
    Ok(match (mode, role) {
        (Mode::Failing, _) => text(StatusCode::SERVICE_UNAVAILABLE, "something broke\n"),
        (_, Role::Checkout(storefront)) => storefront.answer(request, room).await,
        (_, Role::Search | Role::Database(_)) => text(StatusCode::OK, "3 lanterns found\n"),
    })
}

pub fn text(status: StatusCode, text: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::whole(text.into()));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn database(stream: &mut TcpStream, ledger: &Ledger) -> io::Result<()> {
    let mut question = Vec::new();
    while question.len() < QUESTION_MAX {
        let byte = timeout(QUESTION_WITHIN, stream.read_u8()).await??;
        if byte == b'\n' {
            let asked = String::from_utf8_lossy(&question);
            let mut answer = match asked.strip_prefix("SINCE ").map(str::parse) {
                Some(Ok(seq)) => ledger.board.since(seq).await,
                _ => ledger.answer(&asked),
            };
            answer.push('\n');
            stream.write_all(answer.as_bytes()).await?;
            question.clear();
        } else {
            question.push(byte);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::demo::ask;

    async fn ask_node(addr: SocketAddr) -> Result<u16, String> {
        ask::http(addr, hyper::Method::GET, "/", Duration::from_secs(5)).await.map(|a| a.status)
    }

    async fn start() -> Parts {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
        Parts::start(nowhere, nowhere).await.unwrap()
    }

    #[tokio::test]
    async fn each_way_to_break_a_node_is_real_on_the_wire() {
        let parts = start().await;
        let a = parts.get("node-a").unwrap();
        assert_eq!(ask_node(a.addr).await, Ok(200));
        a.set(Mode::Failing).await.unwrap();
        assert_eq!(ask_node(a.addr).await, Ok(503));
        a.set(Mode::Killed).await.unwrap();
        let refused = TcpStream::connect(a.addr).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        a.set(Mode::Frozen).await.unwrap();
        let silence = ask::http(a.addr, hyper::Method::GET, "/", Duration::from_millis(200)).await;
        assert!(silence.unwrap_err().contains("did not answer"));
        a.set(Mode::Slow).await.unwrap();
        let begun = stillhere_net::clock::mono();
        assert_eq!(ask_node(a.addr).await, Ok(200));
        assert!(begun.elapsed() >= SLOW);
        a.set(Mode::Well).await.unwrap();
        assert_eq!(ask_node(a.addr).await, Ok(200));
    }

    #[tokio::test]
    async fn both_nodes_really_need_the_database_and_search_does_not() {
        let parts = start().await;
        parts.get("database").unwrap().set(Mode::Killed).await.unwrap();
        assert_eq!(ask_node(parts.addr("node-a")).await, Ok(503));
        assert_eq!(ask_node(parts.addr("node-b")).await, Ok(503));
        assert_eq!(ask_node(parts.addr("search")).await, Ok(200));
        parts.get("database").unwrap().set(Mode::Frozen).await.unwrap();
        assert_eq!(ask_node(parts.addr("node-a")).await, Ok(503));
        parts.get("database").unwrap().set(Mode::Well).await.unwrap();
        assert_eq!(ask_node(parts.addr("node-a")).await, Ok(200));
    }

    #[tokio::test]
    async fn the_meeting_is_joined_by_its_own_pages_and_by_no_other_site() {
        let parts = start().await;
        let node = parts.addr("node-a");
        let join = async |origin: &str| {
            let request = Request::get("/meeting/socket")
                .header("host", node.to_string())
                .header("origin", origin)
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
                .body(http_body_util::Full::default())
                .unwrap();
            let answer = ask::send(node, request, Duration::from_secs(5)).await.unwrap();
            (answer.status, answer.headers.get("sec-websocket-accept").cloned())
        };
        assert_eq!(join("https://evil.example").await, (403, None));
        // The answer that RFC 6455 gives for this key.
        let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".parse().ok();
        assert_eq!(join(&format!("http://{node}")).await, (101, accept));
        let plain = ask::http(node, hyper::Method::GET, "/meeting/socket", Duration::from_secs(5)).await;
        assert_eq!(plain.map(|a| a.status), Ok(426));
    }
}
