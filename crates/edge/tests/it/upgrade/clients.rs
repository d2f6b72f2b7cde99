//! Clients that ask without a pause while the processes change, and note everything that is not as it should be.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    error::Error as _,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::tungstenite::Message;

/// What the clients have seen.
#[derive(Default)]
pub struct Seen {
    pub stop: AtomicBool,
    pub good: AtomicUsize,
    pub bad: Mutex<Vec<String>>,
}

enum To {
    One(http1::SendRequest<Full<Bytes>>),
    Many(http2::SendRequest<Full<Bytes>>),
}

/// Why there is no answer. A request that was not sent is given back.
struct Failed {
    why: String,
    unsent: Option<Request<Full<Bytes>>>,
}

impl Seen {
    fn bad(&self, what: impl Into<String>) {
        self.bad.lock().unwrap().push(what.into());
    }
}

impl To {
    async fn dial(at: SocketAddr, http2: bool) -> io::Result<To> {
        let io = TokioIo::new(TcpStream::connect(at).await?);
        Ok(if http2 {
            let made = http2::handshake(TokioExecutor::new(), io).await;
            let (sender, connection) = made.map_err(io::Error::other)?;
            tokio::spawn(connection);
            To::Many(sender)
        } else {
            let (sender, connection) = http1::handshake(io).await.map_err(io::Error::other)?;
            tokio::spawn(connection);
            To::One(sender)
        })
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<u16, Failed> {
        let ready = match self {
            To::One(s) => s.ready().await,
            To::Many(s) => s.ready().await,
        };
        if let Err(e) = ready {
            return Err(Failed { why: e.to_string(), unsent: Some(request) });
        }
        let spare = request.clone();
        let answer = match self {
            To::One(s) => s.try_send_request(request).await,
            To::Many(s) => s.try_send_request(request).await,
        };
        match answer {
            Ok(answer) => {
                let status = answer.status().as_u16();
                let body = answer.into_body().collect().await;
                body.map_err(|e| Failed { why: format!("the body: {e:?}"), unsent: None })?;
                Ok(status)
            }
            Err(mut e) => {
                let unsent = e.take_message();
                let error = e.into_error();
                // What came after the last stream that a GOAWAY names was not looked at (RFC 9113 §6.8).
                let goes = error.source().and_then(|e| e.downcast_ref::<h2::Error>());
                let unsent = unsent.or(goes.is_some_and(h2::Error::is_go_away).then_some(spare));
                Err(Failed { why: format!("{error:?}"), unsent })
            }
        }
    }
}

pub fn key(client: usize, request: usize) -> String {
    format!("\"a-key-of-client-{client}-and-{request}\"")
}

/// One client on one kept connection after the other. Every third request is a POST with a key of its own. As any
/// client does, it sends what was never sent, because the connection had ended, on another one.
pub async fn client(at: SocketAddr, number: usize, seen: Arc<Seen>) {
    let http2 = number % 4 == 3;
    let mut to = None;
    let mut n = 0;
    while !seen.stop.load(SeqCst) {
        n += 1;
        let uri = if http2 { "http://shop.example" } else { "" };
        let request = if n % 3 == 0 {
            Request::post(format!("{uri}/order"))
                .header("authorization", "Bearer ann")
                .header("idempotency-key", key(number, n))
        } else {
            Request::get(format!("{uri}/page"))
        };
        let mut request = Some(request.header("host", "shop.example").body(Full::from("x")).unwrap());
        while let Some(one) = request.take() {
            if to.is_none() {
                match To::dial(at, http2).await {
                    Ok(new) => to = Some(new),
                    Err(e) => return seen.bad(format!("no connection: {e}")),
                }
            }
            match to.as_mut().unwrap().send(one).await {
                Ok(200) => _ = seen.good.fetch_add(1, SeqCst),
                Ok(status) => seen.bad(format!("client {number}, request {n}: {status}")),
                Err(Failed { why, unsent }) => {
                    to = None;
                    if unsent.is_none() {
                        seen.bad(format!("client {number}, request {n}: {why}"));
                    }
                    request = unsent;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A WebSocket that is opened again whenever it is closed; each close is noted.
pub async fn watcher(at: SocketAddr, seen: Arc<Seen>, closes: Arc<Mutex<Vec<u16>>>) {
    while !seen.stop.load(SeqCst) {
        let stream = TcpStream::connect(at).await.unwrap();
        let (mut ws, _) = tokio_tungstenite::client_async(format!("ws://{at}/ws"), stream).await.unwrap();
        loop {
            match tokio::time::timeout(Duration::from_millis(50), ws.next()).await {
                Err(_) if seen.stop.load(SeqCst) => return,
                Err(_) => {}
                Ok(Some(Ok(Message::Close(frame)))) => {
                    closes.lock().unwrap().push(frame.map_or(0, |f| f.code.into()));
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(e))) => {
                    seen.bad(format!("a WebSocket was cut: {e}"));
                    break;
                }
                Ok(None) => break,
            }
        }
    }
}

/// A node for WebSockets: it says again what is said to it.
pub async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut first = [0; 4];
                if stream.peek(&mut first).await.is_ok_and(|n| &first[..n] == b"HEAD") {
                    // The edge looks whether we are well.
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                    let _ = stream.read(&mut [0; 4096]).await;
                    return;
                }
                let Ok(mut ws) = tokio_tungstenite::accept_async(stream).await else { return };
                while let Some(Ok(message)) = ws.next().await {
                    if message.is_text() && ws.send(message).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    at
}
