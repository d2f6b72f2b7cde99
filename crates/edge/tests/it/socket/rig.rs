//! A real edge in front of a real origin (somebody else's WebSocket implementation), which can be killed with RST and
//! started again on the same address.

use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::Empty;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use stillhere_edge::{
    Body,
    socket::{
        BoxFuture, Dial, DialError, Dialled, Notice, SocketSpec, Sockets, Way, Why, Words, is_handshake,
    },
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::broadcast,
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _, handshake::server},
};

pub type Ws<S = TcpStream> = WebSocketStream<S>;

/// Everything in these tests happens within this time, or has failed.
pub const SOON: Duration = Duration::from_secs(20);

pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.expect("in time")
}

// === the edge ===

pub struct Edge {
    pub address: SocketAddr,
    pub sockets: Arc<Sockets>,
    pub notice: Arc<Mutex<Option<Notice>>>,
    way: Way,
    _tasks: JoinSet<()>,
}

/// What a node's address answers to, with the patience of a pool.
struct To {
    node: SocketAddr,
    hold: Duration,
}

struct Spoken(Arc<Mutex<Option<Notice>>>);

impl Words for Spoken {
    fn reason(&self, why: Why, languages: Option<&str>) -> String {
        if languages.is_some_and(|l| l.starts_with("zh")) {
            format!("{why:?}：服务正在恢复，请稍候。").repeat(5)
        } else {
            format!("{why:?}: the service is coming back.")
        }
    }
    fn notice(&self, _: Option<&str>) -> Option<Notice> {
        self.0.lock().unwrap().clone()
    }
}

impl Dial for To {
    fn dial(&self, handshake: http::request::Parts) -> BoxFuture<'_, Result<Dialled, DialError>> {
        Box::pin(async move {
            let connect = async {
                loop {
                    if let Ok(stream) = TcpStream::connect(self.node).await {
                        return stream;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            let away = || {
                let mut answer = Response::new(Body::empty());
                *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
                DialError::Away(Why::OriginAway, Box::new(answer))
            };
            let stream = tokio::time::timeout(self.hold, connect).await.map_err(|_| away())?;
            let (mut sender, conn) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| away())?;
            tokio::spawn(conn.with_upgrades());
            let request = Request::from_parts(handshake, Empty::<bytes::Bytes>::new());
            let mut answer = sender.send_request(request).await.map_err(|_| away())?;
            let upgrade = hyper::upgrade::on(&mut answer);
            let (head, body) = answer.into_parts();
            if head.status != 101 {
                return Err(DialError::Refused(Box::new(Response::from_parts(head, Body::wire(body)))));
            }
            let stream = upgrade.await.map_err(|_| away())?;
            Ok(Dialled { head, stream: Box::new(TokioIo::new(stream)), guard: None })
        })
    }
}

impl Edge {
    pub async fn start(node: SocketAddr, spec: SocketSpec) -> Edge {
        Edge::patient(node, spec, Duration::from_millis(100)).await
    }

    /// What became of sockets since the last time.
    pub fn happened(&self) -> Vec<String> {
        self.sockets.take().into_iter().map(|(what, n)| format!("{what} {n}")).collect()
    }

    pub async fn patient(node: SocketAddr, spec: SocketSpec, hold: Duration) -> Edge {
        assert_eq!(spec.validate(), []);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sockets = Sockets::new();
        let notice = Arc::new(Mutex::new(None));
        let way = Way {
            route: "chat".into(),
            service: Some("shop".into()),
            spec: Arc::new(spec),
            dial: Arc::new(To { node, hold }),
            words: Arc::new(Spoken(notice.clone())),
            client: (std::net::Ipv4Addr::LOCALHOST.into(), false),
        };
        let mut tasks = JoinSet::new();
        let (serving, of_all) = (sockets.clone(), way.clone());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (sockets, way) = (serving.clone(), way.clone());
                connections.spawn(async move {
                    let service = service_fn(move |request: Request<Incoming>| {
                        let (sockets, way) = (sockets.clone(), way.clone());
                        async move {
                            if is_handshake(&request) {
                                return Ok::<_, Infallible>(sockets.serve(request, way).await);
                            }
                            Ok(Response::new(Body::whole("plain HTTP")))
                        }
                    });
                    let mut first = [0; 3];
                    if stream.peek(&mut first).await.is_ok_and(|n| &first[..n] == b"PRI") {
                        let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        server.enable_connect_protocol();
                        let _ = server.serve_connection(TokioIo::new(stream), service).await;
                    } else {
                        let server = hyper::server::conn::http1::Builder::new();
                        let _ = server.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
                    }
                });
            }
        });
        Edge { address, sockets, notice, way: of_all, _tasks: tasks }
    }

    /// As two processes do: the other one's sessions come here, unless they are refused.
    pub fn takes_over(&self, from: &Edge, refuses: bool) {
        let (give, take) = std::os::unix::net::UnixStream::pair().unwrap();
        let (old, new, way) = (from.sockets.clone(), self.sockets.clone(), self.way.clone());
        let (will, expecting) = (old.will(), new.expect());
        tokio::spawn(async move { old.give_away(will, give).await });
        let takes = new.clone();
        tokio::spawn(async move { takes.take_in(expecting, take).await });
        tokio::spawn(async move {
            loop {
                let arrival = new.arrival().await;
                assert_eq!(arrival.handshake().uri, "/chat?room=1");
                if !refuses {
                    new.go_on(arrival, way.clone());
                }
            }
        });
    }

    pub fn open(&self) -> usize {
        self.sockets.open().iter().map(|open| open.sockets()).sum()
    }

    pub async fn until_open(&self, n: usize) {
        soon(async {
            while self.open() != n {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    /// A client of somebody else's making.
    pub async fn client(&self, headers: &[(&'static str, &str)]) -> (Ws, HeaderMap) {
        let (ws, head) = self.try_client(headers).await.unwrap();
        (ws, head.headers().clone())
    }

    pub async fn try_client(
        &self,
        headers: &[(&'static str, &str)],
    ) -> Result<(Ws, server::Response), tokio_tungstenite::tungstenite::Error> {
        try_client(self.address, headers).await
    }
}

pub async fn try_client(
    at: SocketAddr,
    headers: &[(&'static str, &str)],
) -> Result<(Ws, server::Response), tokio_tungstenite::tungstenite::Error> {
    // By whatever process it is answered, it is the same shop.
    let mut request = "ws://shop.example/chat?room=1".into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(at).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (ws, head) = soon(client_async(request, stream)).await?;
    Ok((ws, head.map(|_| ())))
}

// === the origin ===

/// What the origin's connections are told.
#[derive(Debug, Clone)]
pub enum Tell {
    Say(Message),
}

pub struct Origin {
    pub address: SocketAddr,
    pub heard: Arc<Mutex<Vec<Message>>>,
    pub handshakes: Arc<Mutex<Vec<HeaderMap>>>,
    pub closes: Arc<Mutex<Vec<Option<u16>>>>,
    tell: broadcast::Sender<Tell>,
    tasks: JoinSet<()>,
}

impl Origin {
    pub async fn start() -> Origin {
        Origin::at("127.0.0.1:0".parse().unwrap()).await
    }

    /// Echoes everything, says what it is told, and takes the subprotocol `chat` when it is offered.
    pub async fn at(address: SocketAddr) -> Origin {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(1024).unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, _) = broadcast::channel(10_000);
        let (heard, handshakes, closes) =
            <(Arc<Mutex<Vec<Message>>>, Arc<Mutex<Vec<HeaderMap>>>, Arc<Mutex<Vec<_>>>)>::default();
        let mut tasks = JoinSet::new();
        let shared = (tell.clone(), heard.clone(), handshakes.clone(), closes.clone());
        tasks.spawn(async move {
            let (tell, heard, handshakes, closes) = shared;
            let mut sockets = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (told, heard, handshakes, closes) =
                    (tell.subscribe(), heard.clone(), handshakes.clone(), closes.clone());
                sockets.spawn(serve(stream, told, heard, handshakes, closes));
            }
        });
        Origin { address, heard, handshakes, closes, tell, tasks }
    }

    pub fn say(&self, message: impl Into<Message>) {
        let _ = self.tell.send(Tell::Say(message.into()));
    }

    pub fn connections(&self) -> usize {
        self.tell.receiver_count()
    }

    pub async fn until_heard(&self, n: usize) -> Vec<Message> {
        soon(async {
            while self.heard.lock().unwrap().len() < n {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        self.heard.lock().unwrap().clone()
    }

    /// Dies as a process does that is killed: every connection ends with RST, nobody listens.
    pub async fn kill(mut self) -> SocketAddr {
        self.tasks.shutdown().await;
        self.address
    }
}

async fn serve(
    stream: TcpStream,
    mut told: broadcast::Receiver<Tell>,
    heard: Arc<Mutex<Vec<Message>>>,
    handshakes: Arc<Mutex<Vec<HeaderMap>>>,
    closes: Arc<Mutex<Vec<Option<u16>>>>,
) {
    #[expect(clippy::result_large_err, reason = "the library's shape")]
    let look = |request: &server::Request, mut answer: server::Response| {
        handshakes.lock().unwrap().push(request.headers().clone());
        if request.headers().get("authorization").is_some_and(|a| a == "wrong") {
            let mut no = server::ErrorResponse::new(None);
            *no.status_mut() = http::StatusCode::FORBIDDEN;
            return Err(no);
        }
        let offers = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
        if offers.is_some_and(|o| o.to_str().unwrap().split(',').any(|o| o.trim() == "chat")) {
            answer.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("chat"));
        }
        answer.headers_mut().insert("x-origin", HeaderValue::from_static("yes"));
        Ok(answer)
    };
    let Ok(mut ws) = tokio_tungstenite::accept_hdr_async(stream, look).await else { return };
    ws.get_ref().set_zero_linger().unwrap(); // when it is dropped, the edge sees RST
    loop {
        tokio::select! {
            message = ws.next() => match message {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    heard.lock().unwrap().push(message.clone());
                    if ws.send(message).await.is_err() { return }
                }
                Some(Ok(Message::Close(frame))) => {
                    closes.lock().unwrap().push(frame.map(|f| f.code.into()));
                    let _ = ws.flush().await;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            Ok(Tell::Say(message)) = told.recv() => {
                if ws.send(message).await.is_err() { return }
            }
        }
    }
}
