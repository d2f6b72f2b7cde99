//! What a `tcp` check makes of connections.

use crate::server::*;
use std::net::SocketAddr;
use stillhere_model::{Finding, Side};
use stillhere_observe::{Spec, probe::tcp::TcpSpec};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn tcp(addr: SocketAddr, send: Option<&str>, expect: Option<&str>) -> Spec {
    Spec::Tcp(TcpSpec {
        host: addr.ip().to_string(),
        port: addr.port(),
        ip: Default::default(),
        send: send.map(str::to_owned),
        expect: expect.map(str::to_owned),
    })
}

async fn says(text: &'static [u8]) -> SocketAddr {
    serve(move |mut s, _| async move {
        let _ = s.write_all(text).await;
    })
    .await
}

#[tokio::test]
async fn an_accepted_connection_is_up_and_a_refused_one_is_not() {
    let addr = serve(|_, _| async {}).await;
    let r = report(tcp(addr, None, None), PATIENT, &["connect_ms >= 0 && answer == null"]).await;
    assert_up(&r.observation);
    assert_eq!((r.remote, r.observation.phases.first_byte_us), (Some(addr), None));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_down(&look(tcp(closed, None, None), PATIENT).await, Side::Target, Finding::ConnectRefused);
}

#[tokio::test]
async fn a_banner_is_found_however_it_comes() {
    let addr = says(b"220 mail ready\r\n").await;
    let r = report(tcp(addr, None, Some("220")), PATIENT, &["answer.startsWith('220 mail')"]).await;
    assert_up(&r.observation);
    let drips = serve(|mut s, _| async move {
        for b in b"xxPOxxPONG" {
            let _ = s.write_all(&[*b]).await;
            tokio::task::yield_now().await;
        }
        std::future::pending::<()>().await;
    })
    .await;
    assert_up(&look(tcp(drips, None, Some("PONG")), PATIENT).await);
    let echo = serve(|mut s, _| async move {
        let mut buf = [0; 64];
        while let Ok(n @ 1..) = s.read(&mut buf).await {
            let _ = s.write_all(&buf[..n]).await;
        }
    })
    .await;
    assert_up(&look(tcp(echo, Some("PING\r\n"), Some("PING")), PATIENT).await);
}

#[tokio::test]
async fn a_wrong_word_a_flood_and_silence_are_down() {
    let o = look(tcp(says(b"500 go away\r\n").await, None, Some("220")), PATIENT).await;
    assert_down(
        &o,
        Side::Target,
        Finding::ConditionFailed {
            condition: "answer contains \"220\"".into(),
            actual: "13 bytes without it".into(),
        },
    );
    let flood = serve(|mut s, _| async move { while s.write_all(&[0; 4096]).await.is_ok() {} }).await;
    let o = look(tcp(flood, None, Some("220")), PATIENT).await;
    assert!(matches!(o.finding, Some(Finding::ConditionFailed { .. })), "{o:?}");
    let o = look(tcp(says(b"").await, None, Some("220")), PATIENT).await;
    assert_down(&o, Side::Target, Finding::ClosedEarly);
    let silent = serve(|s, _| async move {
        std::future::pending::<()>().await;
        drop(s);
    })
    .await;
    let o = look(tcp(silent, None, Some("220")), BRIEF).await;
    assert_down(&o, Side::Target, Finding::FirstByteTimeout { timeout_ms: 300 });
}
