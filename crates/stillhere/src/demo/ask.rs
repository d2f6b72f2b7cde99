//! How the demo's parts and its crowd ask: one request on a connection of its own, with a deadline.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// No answer in the demo is longer.
const ANSWER_MAX: usize = 256 * 1024;
/// The database did not take it for a question.
pub const NOT_UNDERSTOOD: &str = "it did not understand";
/// No line of the database is longer.
const LINE_MAX: u64 = 16 * 1024;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

/// One HTTP request without a body.
pub async fn http(addr: SocketAddr, method: Method, path: &str, within: Duration) -> Result<Answer, String> {
    let request =
        Request::builder().method(method).uri(path).body(Full::default()).map_err(|e| e.to_string())?;
    send(addr, request, within).await
}

/// One HTTP request; `host` is added where it is missing.
pub async fn send(
    addr: SocketAddr,
    mut request: Request<Full<Bytes>>,
    within: Duration,
) -> Result<Answer, String> {
    let asked = async {
        let stream = TcpStream::connect(addr).await.map_err(|e| e.to_string())?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
        if !request.headers().contains_key("host") {
            let host = addr.to_string().parse().map_err(|_| "an address is no header")?;
            request.headers_mut().insert("host", host);
        }
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(|e| e.to_string())?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(|e| e.to_string())?;
            let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
        };
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            answer = &mut exchange => answer,
            // Everything that came before the end of the connection is still to be read.
            _ = connection => exchange.await,
        }
    };
    timeout(within, asked).await.map_err(|_| format!("did not answer within {} ms", within.as_millis()))?
}

/// One line to the database, and its line back.
pub async fn database(addr: SocketAddr, line: &str, within: Duration) -> Result<String, String> {
    let asked = async {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_all(format!("{line}\n").as_bytes()).await?;
        let mut answer = Vec::new();
        let mut stream = stream.take(LINE_MAX);
        while answer.last() != Some(&b'\n') {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err(std::io::Error::other("it ended in the middle of a line"));
            }
        }
        Ok(String::from_utf8_lossy(&answer).trim_end().to_owned())
    };
    match timeout(within, asked).await {
        Ok(Ok(said)) if said == "WHAT?" => Err(NOT_UNDERSTOOD.to_owned()),
        Ok(said) => said.map_err(|e| e.to_string()),
        Err(_) => Err(format!("it did not answer within {} ms", within.as_millis())),
    }
}
