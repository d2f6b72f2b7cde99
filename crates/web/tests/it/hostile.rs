use crate::running::{SOON, start, start_with};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

/// Whatever comes, the answer is a refusal or silence, and the next visitor is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_refused_and_hurts_nobody() {
    let s = start().await;
    let huge = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(100_000));
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "a".repeat(3_000));
    let fat = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "b".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(500));
    let newlines = "\r\n".repeat(20_000);
    for (what, bytes, want) in [
        ("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03", "400"),
        ("nonsense", "\0\0\0\0\r\n\r\n", "400"),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""),
        ("no version", "GET /\r\n\r\n", "400"),
        ("a bad version", "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", "400"),
        ("a space in the name", "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", "400"),
        ("a folded line", "GET / HTTP/1.1\r\nHost: localhost\r\n X: y\r\n\r\n", "400"),
        ("a huge target", &huge, "4"),
        ("a long target", &long, "414"),
        ("a fat header", &fat, "431"),
        ("many headers", &many, "431"),
        ("newlines only", &newlines, "4"),
    ] {
        let answer = s.bytes(bytes).await;
        let line = String::from_utf8_lossy(&answer[..answer.len().min(12)]).into_owned();
        // Silence will do for what is not HTTP at all.
        let silent = want.is_empty() && line.is_empty();
        assert!(silent || line.starts_with(&format!("HTTP/1.1 {want}")), "{what}: {line:?}");
        assert!(!line.contains(" 200"), "{what}");
    }
    assert_eq!(s.express("/", "").await.status, 200);
}

/// A body must never be read as a request: that is what smuggling is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_never_taken_for_a_request() {
    let s = start().await;
    let inner = "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let n = inner.len();
    for (what, head) in [
        (
            "length",
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {n}\r\n\r\n{inner}"
            ),
        ),
        (
            "both",
            format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {n}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"
            ),
        ),
        (
            "two lengths",
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: {n}\r\n\r\n{inner}"
            ),
        ),
        (
            "a strange coding",
            format!("GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n{inner}"),
        ),
        (
            "a hidden coding",
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n{inner}"
            ),
        ),
        (
            "a signed length",
            format!("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: +{n}\r\n\r\n{inner}"),
        ),
        (
            "a bad chunk",
            format!("GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{inner}"),
        ),
    ] {
        let mut stream = s.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut all = Vec::new();
        timeout(SOON, stream.read_to_end(&mut all))
            .await
            .unwrap_or_else(|_| panic!("{what}: not closed"))
            .ok();
        let all = String::from_utf8_lossy(&all);
        assert!(!all.contains("\"headline\""), "{what}: the body was answered: {all}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_finishes_a_head_is_let_go() {
    let s = start().await;
    let mut slow = s.connect().await;
    let mut silent = s.connect().await;
    let dripping = async {
        for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".iter().cycle() {
            if slow.write_all(&[*byte]).await.is_err() {
                return;
            }
            // Paces a hostile client; nothing is waited for by this.
            if let Ok(Ok(0) | Err(_)) = timeout(Duration::from_millis(100), slow.read(&mut [0; 512])).await {
                return;
            }
        }
    };
    // The head's deadline is 10 s in the express lane and 10 s more with hyper.
    timeout(Duration::from_secs(40), dripping).await.expect("let go");
    let mut nothing = Vec::new();
    timeout(SOON, silent.read_to_end(&mut nothing)).await.expect("who says nothing is let go as well").ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_bound_connections_are_refused_with_a_reason() {
    let s = start_with(|settings| settings.limits.connections = 2).await;
    let (_a, _b) = (s.connect().await, s.connect().await);
    let refused = s.express("/", "").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("2")));
    assert!(refused.text().contains("Too many connections"));
    drop((_a, _b));
    crate::running::wait_for("places come back", || async {
        (s.express("/", "").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_bound_listeners_are_refused_with_a_reason() {
    let s = start_with(|settings| settings.live.listeners = 1).await;
    let mut first = s.connect().await;
    first.write_all(format!("GET /live HTTP/1.1\r\nHost: {}\r\n\r\n", s.addr).as_bytes()).await.unwrap();
    let mut head = [0; 16];
    timeout(SOON, first.read_exact(&mut head)).await.unwrap().unwrap();
    let refused = s.express("/live", "").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("30")));
    insta::assert_snapshot!(refused.text());
}
