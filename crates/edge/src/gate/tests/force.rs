//! The gate in force: a real hyper server behind it, real sockets.

use super::{
    table::{ambiguous, clear, others},
    *,
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Longer than anything here takes; a test that reaches it has failed.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// What reached the service, in order: path, and the body if it came whole.
pub(super) type Seen = Arc<Mutex<Vec<(String, Option<Bytes>)>>>;

/// A server behind the gate, which says what it got. `Upgrade` is declined.
pub(super) async fn server(limits: Limits) -> (SocketAddr, Seen, Arc<Mutex<Vec<GateControl>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let seen = Seen::default();
    let controls = Arc::new(Mutex::new(Vec::new()));
    let (seen_by, kept) = (seen.clone(), controls.clone());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (seen, kept, limits) = (seen_by.clone(), kept.clone(), limits.clone());
            tokio::spawn(async move {
                let Ok((prefix, kind)) = sniff(&mut socket, DEADLINE).await else { return };
                let (gated, control) = Gated::new(socket, prefix, limits);
                kept.lock().unwrap().push(control.clone());
                let service = service_fn(move |request| answer(request, seen.clone(), control.clone()));
                let io = TokioIo::new(gated);
                if kind == Kind::H2 {
                    let executor = hyper_util::rt::TokioExecutor::new();
                    let _ended = hyper::server::conn::http2::Builder::new(executor)
                        .timer(TokioTimer::new())
                        .serve_connection(io, service)
                        .await;
                } else {
                    let _ended = hyper::server::conn::http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(io, service)
                        .with_upgrades()
                        .await;
                }
            });
        }
    });
    (at, seen, controls)
}

async fn answer(
    mut request: Request<Incoming>,
    seen: Seen,
    control: GateControl,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let path = request.uri().path().to_owned();
    if request.headers().contains_key("upgrade") {
        if path == "/switch" {
            let upgrade = hyper::upgrade::on(&mut request);
            seen.lock().unwrap().push((path, None));
            control.upgraded();
            tokio::spawn(async move {
                let mut io = TokioIo::new(upgrade.await.unwrap());
                let mut bytes = [0; 5];
                io.read_exact(&mut bytes).await.unwrap();
                io.write_all(&bytes).await.unwrap();
                io.shutdown().await.unwrap();
            });
            let answer =
                Response::builder().status(101).header("connection", "upgrade").header("upgrade", "echo");
            return Ok(answer.body(Full::default()).unwrap());
        }
        if path != "/undecided" {
            control.declined();
        }
    }
    let body = request.into_body().collect().await.ok().map(|b| b.to_bytes());
    let status = if body.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    seen.lock().unwrap().push((path, body));
    Ok(Response::builder().status(status).body(Full::from("done")).unwrap())
}

/// Sends these pieces and reads until the server closes.
pub(super) async fn talk(at: SocketAddr, pieces: &[&[u8]]) -> String {
    let mut socket = TcpStream::connect(at).await.unwrap();
    socket.set_nodelay(true).unwrap();
    for piece in pieces {
        // The server may have closed already: what it said is still to be read.
        let _sent = socket.write_all(piece).await;
        tokio::task::yield_now().await;
    }
    let mut all = Vec::new();
    let read = tokio::time::timeout(DEADLINE, socket.read_to_end(&mut all)).await;
    read.expect("the server closes").expect("and does so in peace");
    String::from_utf8_lossy(&all).into_owned()
}

/// Statuses of the answers in what came back.
pub(super) fn statuses(all: &str) -> Vec<u16> {
    all.match_indices("HTTP/1.1 ").map(|(at, _)| all[at + 9..at + 12].parse().unwrap()).collect()
}

#[tokio::test]
async fn each_of_the_ambiguous_messages_is_answered_400_and_closed_and_reaches_nobody_whole() {
    let (at, seen, controls) = server(Limits::default()).await;
    let mut tried = 0;
    for case in ambiguous().into_iter().chain(others()) {
        for size in [case.bytes.len(), 7] {
            let pieces: Vec<&[u8]> = case.bytes.chunks(size).collect();
            let all = talk(at, &pieces).await;
            let said = controls.lock().unwrap().last().unwrap().violation();
            // In pieces, hyper may see that a line is wrong before the head has ended, and answers by itself.
            assert!(said == case.refused || said.is_none() && size == 7, "{}: {said:?}", case.name);
            let want = said.map_or(400, |why| why.status().0);
            assert_eq!(statuses(&all).last(), Some(&want), "{}: {all:?}", case.name);
            let got: Vec<_> = std::mem::take(&mut *seen.lock().unwrap());
            // A body that went bad reaches the service as a failure, a bad head not at all. Some cases have a
            // good request before the bad one.
            let before = usize::from(case.name.ends_with("behind a good one"));
            let whole = got.iter().filter(|(_, body)| body.is_some()).count();
            assert_eq!(whole, before, "{}: {got:?}", case.name);
            assert!(!got.iter().any(|(path, _)| path == "/smuggled"), "{}", case.name);
            tried += 1;
        }
    }
    assert!(tried > 100);
}

#[tokio::test]
async fn what_was_refused_is_said_in_the_answer() {
    let (at, _, _) = server(Limits::default()).await;
    let all = talk(at, &[b"GET / HTTP/1.1\r\n\r\n"]).await;
    assert!(all.starts_with("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"), "{all}");
    assert!(all.ends_with("\r\n\r\nThere is no Host header.\n"), "{all}");
}

#[tokio::test]
async fn clear_messages_reach_the_service_as_they_were_sent() {
    let (at, seen, _) = server(Limits::default()).await;
    let last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (name, text) in clear().into_iter().filter(|(name, _)| *name != "extensions") {
        for size in [text.len(), 3] {
            let bytes = format!("{text}{last}");
            let pieces: Vec<&[u8]> = bytes.as_bytes().chunks(size).collect();
            let all = talk(at, &pieces).await;
            assert!(
                statuses(&all.replace("HTTP/1.0", "HTTP/1.1")).iter().all(|s| *s == 200),
                "{name}: {all}"
            );
            let got: Vec<_> = std::mem::take(&mut *seen.lock().unwrap());
            assert!(got.iter().all(|(_, body)| body.is_some()), "{name}");
            if name == "chunks" {
                assert_eq!(got[0].1.as_deref(), Some(&b"hello0123456789"[..]));
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_behind_a_request_in_work_waits_for_its_answer() {
    let (at, seen, _) = server(Limits::default()).await;
    let all = talk(at, &[b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /2 HTTP/1.1\n\n"]).await;
    assert_eq!(statuses(&all), [200, 400], "{all}");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_client_that_goes_on_sending_after_a_refusal_still_reads_why() {
    let (at, _, _) = server(Limits::default()).await;
    let rest = vec![b'x'; 100_000];
    let all = talk(at, &[b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n", &rest]).await;
    assert_eq!(statuses(&all), [400], "{all}");
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_let_through() {
    let (at, seen, _) = server(Limits::default()).await;
    let socket = TcpStream::connect(at).await.unwrap();
    let (mut send, connection) = hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(
        hyper_util::rt::TokioExecutor::new(),
        TokioIo::new(socket),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    let request = Request::post("http://a/h2").body(Full::from("\0\n\0")).unwrap();
    assert_eq!(send.send_request(request).await.unwrap().status(), 200);
    assert_eq!(seen.lock().unwrap()[0], ("/h2".to_owned(), Some(Bytes::from("\0\n\0"))));
}
