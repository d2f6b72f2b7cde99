//! An origin's node for benchmarks and for trying things out:
//! `node LISTEN [--work MS] [--slots N] [--ledger FILE] [--name NAME]`.
//!
//! HTTP/1.1 with keep-alive, and WebSockets that are accepted and then silent. Each request takes MS of one of N slots
//! (first come, first served), then gets 100 bytes. A POST is written to FILE when it is received, before the work: what
//! is in the file was executed, as often as it stands there.
//!
//! Nodes with the same FILE are one service that honours `Idempotency-Key`: under the file's lock a node reads what the
//! others have written, and a key that stands there already is answered without being executed. So a key that stands
//! there twice was sent twice as two different ones. A POST without a key is executed as often as it comes.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    collections::HashSet,
    convert::Infallible,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

struct Node {
    answer: Bytes,
    name: String,
    work: Duration,
    slots: Option<Semaphore>,
    ledger: Option<Mutex<Ledger>>,
}

/// What the nodes of one service have in common.
struct Ledger {
    /// Read from where the last reading ended; written at the end.
    file: File,
    keys: HashSet<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut args = std::env::args().skip(1);
    let listen = args.next().expect("LISTEN");
    let (mut name, mut work, mut slots, mut ledger) = (listen.clone(), Duration::ZERO, None, None);
    while let Some(key) = args.next() {
        let value = args.next().expect("a value");
        match key.as_str() {
            "--work" => work = Duration::from_millis(value.parse().expect("milliseconds")),
            "--slots" => slots = Some(Semaphore::new(value.parse().expect("a number"))),
            "--ledger" => ledger = Some(Mutex::new(Ledger::open(&value).expect("a file"))),
            "--name" => name = value,
            other => panic!("what is {other}?"),
        }
    }
    let answer = Bytes::from(format!("{name:-<100}"));
    let node = Arc::new(Node { answer, name, work, slots, ledger });
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option");
    socket.bind(listen.parse().expect("an address")).expect("a free port");
    let listener: TcpListener = socket.listen(4096).expect("a listener");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let node = node.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let node = node.clone();
                async move { Ok::<_, Infallible>(node.answer(request).await) }
            });
            let _ =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
        });
    }
}

impl Node {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) {
            let accept = derive_accept_key(key.as_bytes());
            return open_socket(request, &accept);
        }
        let value =
            |name| request.headers().get(name).and_then(|v: &HeaderValue| v.to_str().ok()).map(str::to_owned);
        let (key, order) = (value("idempotency-key"), value("x-order"));
        if request.method() != http::Method::GET {
            let _ = request.into_body().collect().await;
        }
        if let (Some(ledger), Some(order)) = (&self.ledger, order) {
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.execute(key.as_deref(), &order, &self.name).expect("the ledger");
        }
        let _slot = match &self.slots {
            Some(slots) => Some(slots.acquire().await.expect("never closed")),
            None => None,
        };
        if !self.work.is_zero() {
            tokio::time::sleep(self.work).await;
        }
        let mut response = Response::new(Full::new(self.answer.clone()));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        response
    }
}

impl Ledger {
    fn open(path: &str) -> io::Result<Ledger> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        Ok(Ledger { file, keys: HashSet::new() })
    }

    fn execute(&mut self, key: Option<&str>, order: &str, name: &str) -> io::Result<()> {
        self.file.lock()?;
        let done = match key {
            None => false,
            Some(key) => {
                let mut news = String::new();
                self.file.read_to_string(&mut news)?;
                self.keys.extend(news.lines().filter_map(|line| line.split(' ').nth(2)).map(str::to_owned));
                self.keys.contains(key)
            }
        };
        if !done {
            self.file.write_all(format!("{name} {order} {}\n", key.unwrap_or("-")).as_bytes())?;
        }
        self.file.unlock()
    }
}

/// Accepts, and reads until the other side has gone.
fn open_socket(mut request: Request<Incoming>, accept: &str) -> Response<Full<Bytes>> {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(open) = upgrade.await {
            let mut open = TokioIo::new(open);
            let _ = tokio::io::copy(&mut open, &mut tokio::io::sink()).await;
        }
    });
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(accept).expect("a value"));
    response
}
