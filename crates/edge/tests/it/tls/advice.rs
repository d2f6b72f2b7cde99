//! Renewal information (RFC 9773), which Debian's pebble does not have yet: a door in front of it adds what is missing of
//! it, and writes down what it was asked for. Everything else is pebble's own word.

use super::{pebble::Pebble, seen};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client, server, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

pub struct Advising {
    pub directory: String,
    said: Arc<Said>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Said {
    /// From when until when to renew.
    window: Mutex<(String, String)>,
    /// The certificates that were asked about.
    asked: Mutex<Vec<String>>,
    /// What new orders say to replace.
    replaced: Mutex<Vec<Option<String>>>,
    new_order: Mutex<String>,
}

impl Advising {
    pub async fn before(pebble: &Pebble) -> Advising {
        let chain: Vec<_> =
            CertificateDer::pem_file_iter(pebble.file("own.pem")).unwrap().flatten().collect();
        let key = PrivateKeyDer::from_pem_file(pebble.file("own.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (own, behind, said) = (listener.local_addr().unwrap(), pebble.api(), Arc::<Said>::default());
        let all = said.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, said) = (acceptor.clone(), all.clone());
                connections.spawn(async move {
                    let Ok(io) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        let said = said.clone();
                        async move { Ok::<_, Infallible>(said.answer(request, own, behind).await) }
                    });
                    let http = server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(io), service).await;
                });
            }
        });
        Advising { directory: format!("https://{own}/dir"), said, _tasks: tasks }
    }

    pub fn advise(&self, from: &str, to: &str) {
        *self.said.window.lock().unwrap() = (from.to_owned(), to.to_owned());
    }

    pub fn asked(&self) -> Vec<String> {
        self.said.asked.lock().unwrap().clone()
    }

    pub fn replaced(&self) -> Vec<Option<String>> {
        self.said.replaced.lock().unwrap().clone()
    }
}

impl Said {
    async fn answer(
        &self,
        request: Request<Incoming>,
        own: SocketAddr,
        behind: SocketAddr,
    ) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        if let Some(certificate) = path.strip_prefix("/renewal-info/") {
            assert_eq!(parts.method, Method::GET);
            self.asked.lock().unwrap().push(certificate.to_owned());
            let (start, end) = self.window.lock().unwrap().clone();
            let advice = json!({ "suggestedWindow": { "start": start, "end": end } }).to_string();
            let answer = Response::builder().header(header::RETRY_AFTER, "21600");
            return answer.body(Full::from(advice)).unwrap();
        }
        let body = body.collect().await.unwrap().to_bytes();
        let is_order = path == *self.new_order.lock().unwrap();
        let replaces = is_order.then(|| payload(&body)["replaces"].as_str().map(str::to_owned));
        let Some(io) = seen::connect(behind, "127.0.0.1", &[b"http/1.1"]).await else {
            return Response::builder().status(502).body(Full::default()).unwrap();
        };
        let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(io)).await.unwrap();
        tokio::spawn(connection);
        // Its `Host` goes along: pebble's addresses are this door's.
        let answer =
            sender.send_request(Request::from_parts(parts, Full::<Bytes>::from(body))).await.unwrap();
        let (mut head, body) = answer.into_parts();
        let mut body = body.collect().await.unwrap().to_bytes();
        let mut change = |with: &dyn Fn(&mut Value)| {
            let mut said: Value = serde_json::from_slice(&body).unwrap();
            with(&mut said);
            body = said.to_string().into();
        };
        if path == "/dir" {
            change(&|directory| {
                let order = directory["newOrder"].as_str().unwrap().parse::<http::Uri>().unwrap();
                *self.new_order.lock().unwrap() = order.path().to_owned();
                directory["renewalInfo"] = format!("https://{own}/renewal-info").into();
            });
        }
        if let Some(replaces) = replaces.filter(|_| head.status.is_success()) {
            change(&|order| order["replaces"] = json!(replaces));
            self.replaced.lock().unwrap().push(replaces);
        }
        head.headers.remove(header::TRANSFER_ENCODING);
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        Response::from_parts(head, Full::from(body))
    }
}

/// What was signed.
fn payload(request: &[u8]) -> Value {
    let request: Value = serde_json::from_slice(request).unwrap();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(request["payload"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}
