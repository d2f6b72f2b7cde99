//! A webhook's POST: at most once, bounded, and honest about whether it may have arrived.

use bytes::Bytes;
use http::HeaderMap;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use stillhere_model::Finding;
use stillhere_net::{
    dns::Resolver,
    guard::Policy,
    http::{Answered, Failed, Post, Poster},
    tls,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// A server that hands on what it was sent and then answers with these bytes; `None`: it says nothing.
async fn server(answer: Option<Vec<u8>>) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (sent, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buf = Vec::new();
            while !buf.ends_with(b"{}") {
                if stream.read_buf(&mut buf).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            sent.send(String::from_utf8(buf).unwrap()).unwrap();
            match &answer {
                Some(bytes) => drop(stream.write_all(bytes).await),
                None => hold(stream),
            }
        }
    });
    (addr, seen)
}

fn hold(stream: TcpStream) {
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
}

async fn post(url: &str, policy: Policy, timeout: Duration) -> Result<Answered, Failed> {
    tls::install();
    let poster =
        Poster::new(Arc::new(Resolver::system()), &Arc::default(), &tls::Options::default()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", "1".parse().unwrap());
    poster.post(Post { url, headers, body: Bytes::from_static(b"{}"), timeout, policy }).await
}

const PATIENT: Duration = Duration::from_secs(10);
const BRIEF: Duration = Duration::from_millis(300);

#[tokio::test]
async fn what_the_far_side_says_is_handed_back_and_nothing_is_followed() {
    let (elsewhere, mut not_seen) = server(Some(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())).await;
    let answer = format!("HTTP/1.1 307 Go\r\nLocation: http://{elsewhere}/\r\nRetry-After: 120\r\n\r\nwhy");
    let (addr, mut seen) = server(Some(answer.into_bytes())).await;
    let answered = post(&format!("http://{addr}/hook?t=1"), Policy::Operator, PATIENT).await.unwrap();
    assert_eq!(answered, Answered { status: 307, retry_after: Some("120".into()), body: b"why".to_vec() });
    let request = seen.recv().await.unwrap();
    assert!(request.starts_with("POST /hook?t=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nWebhook-Id: 1\r\n"), "{request}");
    assert!(request.ends_with("\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"), "{request}");
    assert!(not_seen.try_recv().is_err());
}

#[tokio::test]
async fn an_answer_is_read_only_so_far() {
    let mut answer = b"HTTP/1.1 500 Oh\r\n\r\n".to_vec();
    answer.resize(5_000_000, b'x');
    let (addr, _seen) = server(Some(answer)).await;
    let answered = post(&format!("http://{addr}/"), Policy::Operator, PATIENT).await.unwrap();
    assert_eq!((answered.status, answered.body.len()), (500, 4096));
}

#[tokio::test]
async fn it_is_known_whether_the_message_may_have_arrived() {
    for answer in
        [None, Some(b"".to_vec()), Some(b"nonsense".to_vec()), Some(b"HTTP/1.1 200 OK\r\nX".to_vec())]
    {
        let (addr, mut seen) = server(answer.clone()).await;
        let failed = post(&format!("http://{addr}/"), Policy::Operator, BRIEF).await.unwrap_err();
        assert!(matches!(failed, Failed::MaybeSent(_)), "{answer:?}: {failed:?}");
        assert!(seen.recv().await.is_some());
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failed = post(&format!("http://{closed}/"), Policy::Operator, PATIENT).await.unwrap_err();
    assert!(matches!(&failed, Failed::NotSent(f) if f.finding == Finding::ConnectRefused), "{failed:?}");
    for url in ["nonsense", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/"] {
        assert!(matches!(post(url, Policy::Operator, PATIENT).await, Err(Failed::BadUrl(_))), "{url}");
    }
}

#[tokio::test]
async fn strangers_cannot_have_us_ask_our_own_network() {
    let (addr, mut seen) = server(Some(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())).await;
    let urls = [format!("http://{addr}/"), format!("http://[::ffff:127.0.0.1]:{}/", addr.port())];
    for url in
        urls.iter().map(String::as_str).chain(["http://localhost/", "http://2130706433/", "http://0x7f.1/"])
    {
        let failed = post(url, Policy::Public, PATIENT).await.unwrap_err();
        assert!(matches!(failed, Failed::Refused(_)), "{url}: {failed:?}");
    }
    let failed = post("http://169.254.169.254/", Policy::Operator, PATIENT).await.unwrap_err();
    assert!(matches!(failed, Failed::Refused(_)), "{failed:?}");
    assert!(seen.try_recv().is_err(), "nothing was sent");
}
