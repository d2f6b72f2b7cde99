//! How the shop's parts speak with each other and with Stillhere: one request, with a deadline.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// No answer in the demo is longer.
const ANSWER_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// One HTTP request on a connection of its own.
pub async fn http(addr: SocketAddr, method: Method, path: &str, within: Duration) -> Result<Answer, String> {
    let asked = async {
        let stream = TcpStream::connect(addr).await.map_err(|e| e.to_string())?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", addr.to_string())
            .body(Empty::<Bytes>::new())
            .map_err(|e| e.to_string())?;
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(|e| e.to_string())?;
            let status = answer.status().as_u16();
            let body =
                Limited::new(answer.into_body(), ANSWER_MAX).collect().await.map_err(|e| e.to_string())?;
            Ok(Answer { status, body: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
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

/// Whether the database answers.
pub async fn database(addr: SocketAddr, within: Duration) -> Result<(), String> {
    let asked = async {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_all(b"PING\n").await?;
        let mut answer = [0u8; 5];
        stream.read_exact(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    match timeout(within, asked).await {
        Ok(Ok(answer)) if &answer == b"PONG\n" => Ok(()),
        Ok(Ok(_)) => Err("it said something else".to_owned()),
        Ok(Err(e)) => Err(e.to_string()),
        Err(_) => Err(format!("it did not answer within {} ms", within.as_millis())),
    }
}
