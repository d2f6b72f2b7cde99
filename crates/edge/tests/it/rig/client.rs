//! Clients: one that writes and reads bytes, and hyper's over HTTP/1.1 and 2.

use super::soon;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

/// A connection of which every byte is seen.
pub struct Raw {
    pub stream: TcpStream,
    read: BytesMut,
}

/// `GET path` on a connection of its own. Headers as `name: value`.
pub async fn get(at: SocketAddr, path: &str, headers: &[&str]) -> Answer {
    ask(at, "GET", path, headers, "").await
}

/// One request over HTTP/1.1 on a connection of its own.
pub async fn ask(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
    body: impl Into<Bytes>,
) -> Answer {
    soon(async {
        let stream = TcpStream::connect(at).await.unwrap();
        let (mut sender, connection) = conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = path.parse().unwrap();
        let given = headers.iter().map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        request.headers_mut().extend(given);
        if !request.headers().contains_key("host") {
            request.headers_mut().insert("host", HeaderValue::from_static("shop.example"));
        }
        let answer = sender.send_request(request).await.unwrap();
        Answer::read(answer).await.unwrap()
    })
    .await
}

/// A connection over HTTP/2 with prior knowledge.
pub async fn h2<B>(at: SocketAddr) -> conn::http2::SendRequest<B>
where
    B: http_body::Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = TcpStream::connect(at).await.unwrap();
    let io = TokioIo::new(stream);
    let (sender, connection) = conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender
}

// === impl Answer ===

impl Answer {
    /// # Errors
    /// When it breaks off.
    pub async fn read(answer: Response<Incoming>) -> hyper::Result<Answer> {
        let (head, body) = answer.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned();
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes(), trailers })
    }

    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", self.body))
    }
}

// === impl Raw ===

impl Raw {
    pub async fn connect(at: SocketAddr) -> Raw {
        let stream = soon(TcpStream::connect(at)).await.unwrap();
        Raw::over(stream)
    }

    pub fn over(stream: TcpStream) -> Raw {
        stream.set_nodelay(true).unwrap();
        Raw { stream, read: BytesMut::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// A head, with its line ends, up to and without the empty line.
    pub async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = self.read.split_to(end + 4);
                return String::from_utf8(head[..end].to_vec()).unwrap().to_ascii_lowercase();
            }
            assert!(self.more().await.unwrap(), "the connection ended in a head: {:?}", self.read);
        }
    }

    /// So many bytes.
    pub async fn bytes(&mut self, count: usize) -> Bytes {
        while self.read.len() < count {
            assert!(self.more().await.unwrap(), "the connection ended in a body: {:?}", self.read);
        }
        self.read.split_to(count).freeze()
    }

    /// Up to and with this text.
    pub async fn upto(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.read.windows(text.len()).position(|w| w == text.as_bytes()) {
                return String::from_utf8(self.read.split_to(at + text.len()).to_vec()).unwrap();
            }
            assert!(self.more().await.unwrap(), "the connection ended before {text:?}: {:?}", self.read);
        }
    }

    /// Everything until the far side ends the connection, and whether it did so cleanly.
    pub async fn rest(&mut self) -> (String, bool) {
        let clean = loop {
            match self.more().await {
                Ok(true) => {}
                Ok(false) => break true,
                Err(_) => break false,
            }
        };
        (String::from_utf8_lossy(&self.read.split()).into_owned(), clean)
    }

    async fn more(&mut self) -> std::io::Result<bool> {
        let mut room = [0; 16 * 1024];
        let n = soon(self.stream.read(&mut room)).await?;
        self.read.extend_from_slice(&room[..n]);
        Ok(n > 0)
    }
}
