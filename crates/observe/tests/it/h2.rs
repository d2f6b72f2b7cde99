//! HTTP/2: agreed on in TLS, or known before.

use crate::server::*;
use bytes::Bytes;
use std::net::SocketAddr;
use stillhere_model::{Finding, Side};
use stillhere_observe::{
    Spec,
    probe::http::{HttpSpec, HttpVersion},
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

/// Answers every request with 200, its path in a header, and this body.
async fn speak<S: AsyncRead + AsyncWrite + Unpin>(io: S, body: Bytes) {
    let Ok(mut connection) = h2::server::handshake(io).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let path = request.uri().path().to_owned();
        let answer = http::Response::builder().status(200).header("x-path", path).body(()).unwrap();
        let Ok(mut stream) = respond.send_response(answer, false) else { return };
        let _ = stream.send_data(body.clone(), true);
    }
}

fn plain(addr: SocketAddr) -> HttpSpec {
    let mut spec = HttpSpec::get(&format!("http://{addr}/a"));
    spec.version = HttpVersion::Http2;
    spec
}

#[tokio::test]
async fn in_tls_the_version_is_agreed_on() {
    let ours = Authority::new();
    let identity = ours.issue(&["127.0.0.1"], GOOD);
    let both = {
        let acceptor = acceptor(&identity, &["h2", "http/1.1"], None);
        serve(move |tcp, _| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(tcp).await else { return };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    return speak(stream, Bytes::from_static(b"two")).await;
                }
                request(&mut stream).await;
                let _ = stream.write_all(ok("one").as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    };
    let only_old = https(acceptor(&identity, &["http/1.1"], None)).await;
    let silent_about_it = https(acceptor(&identity, &[], None)).await;
    let (auto, old, new) = (HttpVersion::Auto, HttpVersion::Http11, HttpVersion::Http2);
    for (addr, version, expected) in [
        (both, auto, Some("HTTP/2")),
        (both, old, Some("HTTP/1.1")),
        (both, new, Some("HTTP/2")),
        (only_old, auto, Some("HTTP/1.1")),
        (only_old, new, None),
        (silent_about_it, auto, Some("HTTP/1.1")),
        (silent_about_it, new, None),
    ] {
        let mut spec = HttpSpec::get(&format!("https://{addr}/"));
        spec.tls.ca_file = Some(ours.ca_file());
        spec.version = version;
        let r = report(Spec::Http(spec), PATIENT, &[]).await;
        assert_eq!(r.report.http_version, expected, "{version:?}: {:?}", r.observation);
        match expected {
            Some(_) => assert_up(&r.observation),
            None => assert_eq!(r.observation.side, Some(Side::Target)),
        }
    }
}

#[tokio::test]
async fn in_plain_text_it_is_known_before() {
    let large = Bytes::from(vec![b'x'; 700_000]);
    let addr = serve(move |tcp, _| speak(tcp, large.clone())).await;
    let conditions = ["http_version == 'HTTP/2' && headers['x-path'] == '/a' && body_bytes == 700000"];
    assert_up(&report(Spec::Http(plain(addr)), PATIENT, &conditions).await.observation);
    let mut spec = plain(addr);
    spec.max_body_bytes = 1000;
    let r = report(Spec::Http(spec), PATIENT, &["body_bytes == 1000"]).await;
    assert_up(&r.observation);
}

#[tokio::test]
async fn a_request_body_goes_out_and_the_answer_is_judged() {
    let addr = serve(|tcp, _| async move {
        let mut connection = h2::server::handshake(tcp).await.unwrap();
        while let Some(Ok((mut request, mut respond))) = connection.accept().await {
            tokio::spawn(async move {
                let mut got = Vec::new();
                while let Some(Ok(piece)) = request.body_mut().data().await {
                    let _ = request.body_mut().flow_control().release_capacity(piece.len());
                    got.extend_from_slice(&piece);
                }
                let status = if got.len() == 200_000 { 503 } else { 500 };
                let answer = http::Response::builder().status(status).body(()).unwrap();
                let _ = respond.send_response(answer, true);
            });
        }
    })
    .await;
    let mut spec = plain(addr);
    spec.method = "POST".into();
    spec.body = Some(stillhere_observe::probe::http::Body::Text("y".repeat(200_000)));
    assert_down(&look_http(spec).await, Side::Target, Finding::HttpStatus { status: 503 });
}

#[tokio::test]
async fn hostile_peers_are_bounded_and_named() {
    // It reads on, else the kernel resets the connection and its answer may be lost.
    let old = serve(|mut s, _| async move {
        let _ = s.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        let _ = tokio::io::copy(&mut s, &mut tokio::io::sink()).await;
    })
    .await;
    let o = look_http(plain(old)).await;
    assert_eq!((o.side, o.finding), (Some(Side::Target), Some(Finding::MalformedAnswer)));

    let resets = serve(|tcp, _| async move {
        let mut connection = h2::server::handshake(tcp).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            respond.send_reset(h2::Reason::REFUSED_STREAM);
        }
    })
    .await;
    assert_down(&look_http(plain(resets)).await, Side::Target, Finding::ClosedEarly);

    let leaves = serve(|tcp, _| async move {
        let mut connection = h2::server::handshake(tcp).await.unwrap();
        let _ = connection.accept().await;
        connection.abrupt_shutdown(h2::Reason::ENHANCE_YOUR_CALM);
        while let Some(Ok(_)) = connection.accept().await {}
    })
    .await;
    assert_down(&look_http(plain(leaves)).await, Side::Target, Finding::ClosedEarly);

    let closes = serve(|_, _| async {}).await;
    let o = look_http(plain(closes)).await;
    assert!(matches!(o.finding, Some(Finding::ClosedEarly | Finding::ConnectReset)), "{o:?}");

    let bloated = serve(|tcp, _| async move {
        let mut connection = h2::server::handshake(tcp).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            let answer = http::Response::builder().header("x", "y".repeat(200_000)).body(()).unwrap();
            let _ = respond.send_response(answer, true);
        }
    })
    .await;
    let o = look_http(plain(bloated)).await;
    assert_eq!((o.side, o.finding), (Some(Side::Target), Some(Finding::MalformedAnswer)), "{:?}", o.detail);

    let silent = serve(|tcp, _| async move {
        let mut connection = h2::server::handshake(tcp).await.unwrap();
        let held = connection.accept().await;
        let _ = connection.accept().await;
        drop(held);
    })
    .await;
    let o = look(Spec::Http(plain(silent)), BRIEF).await;
    assert_down(&o, Side::Target, Finding::FirstByteTimeout { timeout_ms: 300 });

    let endless = serve(|tcp, _| async move {
        let mut connection = h2::server::handshake(tcp).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            tokio::spawn(async move {
                let answer = http::Response::new(());
                let Ok(mut stream) = respond.send_response(answer, false) else { return };
                stream.reserve_capacity(1024);
                while let Some(Ok(_)) = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
                    if stream.send_data(Bytes::from_static(&[b'x'; 1024]), false).is_err() {
                        return;
                    }
                    stream.reserve_capacity(1024);
                }
            });
        }
    })
    .await;
    let mut spec = plain(endless);
    spec.max_body_bytes = 50_000;
    let r = report(Spec::Http(spec), PATIENT, &[]).await;
    assert_up(&r.observation);
    assert_eq!(r.report.body_bytes, Some(50_000));
}
