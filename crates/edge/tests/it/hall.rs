//! The first request of a connection waits before anything is made for it; it must look as if it waited inside.

use crate::rig::{Node, Raw, Reply, Running, get, pool, soon};

const GET: &str = "GET /one HTTP/1.1\r\nhost: a\r\n\r\n";

fn named() -> impl Future<Output = Node> {
    Node::with(|seen| Reply::text(format!("this is {}", seen.uri.path())))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_behind_a_request_that_waits_is_answered_behind_it() {
    let node = named().await;
    node.kill().await;
    let edge = Running::start(&pool(&[&node], "hold = \"60s\""));
    edge.takes(false).await;
    let mut raw = Raw::connect(edge.addr).await;
    raw.send(GET).await;
    edge.held(1).await;
    raw.send("POST /two HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc").await;
    node.back().await;
    soon(raw.upto("this is /one")).await;
    soon(raw.upto("this is /two")).await;
    assert_eq!(&node.last().body[..], b"abc");
    assert_eq!((node.count("/one"), node.count("/two")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_request_of_a_connection_waits_as_well() {
    let node = named().await;
    let edge = Running::start(&pool(&[&node], "hold = \"60s\""));
    let mut raw = Raw::connect(edge.addr).await;
    raw.send(GET).await;
    soon(raw.upto("this is /one")).await;
    node.kill().await;
    raw.send("GET /two HTTP/1.1\r\nhost: a\r\n\r\n").await;
    edge.held(1).await;
    node.back().await;
    soon(raw.upto("this is /two")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_while_it_waits_is_in_nobodys_way() {
    let node = named().await;
    node.kill().await;
    let edge = Running::start(&pool(&[&node], "hold = \"60s\""));
    edge.takes(false).await;
    let mut raw = Raw::connect(edge.addr).await;
    raw.send(GET).await;
    edge.held(1).await;
    drop(raw);
    edge.held(0).await;
    node.back().await;
    assert_eq!(get(edge.addr, "/after", &[]).await.text(), "this is /after");
    assert_eq!(node.count("/one"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_waited_is_counted_once_and_told_so_after_the_hold() {
    let node = named().await;
    node.kill().await;
    let limits = "[limits.by_address]\nper_second = 1\nburst = 3\n";
    let edge = Running::start(&format!("{limits}{}", pool(&[&node], "hold = \"300ms\"")));
    edge.takes(false).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(get(edge.addr, "/", &[]).await.status.as_u16());
    }
    assert_eq!(statuses, [503, 503, 503]);
    node.back().await;
    edge.takes(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_gate_refuses_is_refused_at_once_though_all_wait() {
    let node = named().await;
    node.kill().await;
    let edge = Running::start(&pool(&[&node], "hold = \"60s\""));
    edge.takes(false).await;
    let mut raw = Raw::connect(edge.addr).await;
    raw.send("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n").await;
    let (said, _) = soon(raw.rest()).await;
    assert!(said.to_ascii_lowercase().starts_with("http/1.1 400"), "{said}");
    // And a head that comes in two pieces waits inside.
    let mut raw = Raw::connect(edge.addr).await;
    raw.send("GET /one HTTP/1.1\r\n").await;
    raw.send("host: a\r\n\r\n").await;
    edge.held(1).await;
    node.back().await;
    soon(raw.upto("this is /one")).await;
}
