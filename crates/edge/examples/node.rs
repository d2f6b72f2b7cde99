//! An origin's node for benchmarks and for trying things out: `node LISTEN [--work MS] [--slots N] [--log FILE] [--name NAME]`.
//!
//! HTTP/1.1 with keep-alive. Each request takes MS of one of N slots (first come, first served), then gets 100 bytes.
//! A POST with `Idempotency-Key` is written to FILE when it is received, before the work: what is in the file was
//! executed. A key that was executed before is answered again without being executed again.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    collections::HashMap,
    convert::Infallible,
    fs::{File, OpenOptions},
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{OnceCell, Semaphore},
};

struct Node {
    name: String,
    work: Duration,
    slots: Option<Semaphore>,
    log: Option<Mutex<File>>,
    /// By key: done once, and the answer again.
    done: Mutex<HashMap<String, Arc<OnceCell<Bytes>>>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut args = std::env::args().skip(1);
    let listen = args.next().expect("LISTEN");
    let mut node =
        Node { name: listen.clone(), work: Duration::ZERO, slots: None, log: None, done: Mutex::default() };
    while let Some(key) = args.next() {
        let value = args.next().expect("a value");
        match key.as_str() {
            "--work" => node.work = Duration::from_millis(value.parse().expect("milliseconds")),
            "--slots" => node.slots = Some(Semaphore::new(value.parse().expect("a number"))),
            "--log" => {
                let file = OpenOptions::new().append(true).create(true).open(value).expect("a file");
                node.log = Some(Mutex::new(file));
            }
            "--name" => node.name = value,
            other => panic!("what is {other}?"),
        }
    }
    let listener = TcpListener::bind(&listen).await.expect("an address");
    let node = Arc::new(node);
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let node = node.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let node = node.clone();
                async move { Ok::<_, Infallible>(node.answer(request).await) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Node {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let key = request.headers().get("idempotency-key").and_then(|k| k.to_str().ok()).map(str::to_owned);
        let _ = request.into_body().collect().await;
        let body = match key {
            None => self.work().await,
            Some(key) => {
                let cell = {
                    let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.entry(key.clone()).or_default().clone()
                };
                cell.get_or_init(|| async {
                    if let Some(log) = &self.log {
                        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                        log.write_all(format!("{} {key}\n", self.name).as_bytes()).expect("the log");
                    }
                    self.work().await
                })
                .await
                .clone()
            }
        };
        let mut response = Response::new(Full::new(body));
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("text/plain"));
        response
    }

    async fn work(&self) -> Bytes {
        let _slot = match &self.slots {
            Some(slots) => Some(slots.acquire().await.expect("never closed")),
            None => None,
        };
        if !self.work.is_zero() {
            tokio::time::sleep(self.work).await;
        }
        Bytes::from(format!("{:-<100}", self.name))
    }
}
