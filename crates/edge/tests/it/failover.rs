//! Nodes die, freeze and come back under requests: what is sent again, what waits, and what is said.

use crate::rig::{
    Answer, Node, Raw, Reply, Running, Script, Then, ask, get, h2, now, pool, since, soon, text, until,
};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::{body::Frame, client::conn};
use hyper_util::rt::TokioIo;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

fn later(
    at: SocketAddr,
    method: &'static str,
    path: &'static str,
    headers: &'static [&'static str],
    body: &'static str,
) -> tokio::task::JoinHandle<Answer> {
    tokio::spawn(async move { ask(at, method, path, headers, body).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_that_one_of_two_nodes_refuses() {
    let (here, gone) = (Node::start().await, Node::refusing().await);
    let edge = Running::before(&[&gone, &here]);
    let mut all = JoinSet::new();
    for n in 0..40 {
        let at = edge.addr;
        all.spawn(async move {
            let method = if n % 2 == 0 { "GET" } else { "POST" };
            ask(at, method, "/", &[], "x").await.status.as_u16()
        });
    }
    assert_eq!(all.join_all().await, [200; 40]);
    assert_eq!(here.seen().len(), 40);
}

/// What a kept connection is for a POST: good while it was just used, and if it is dead nothing was written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_that_was_reset_costs_nobody_a_request() {
    let node = Node::start().await;
    let edge = Running::before(&[&node]);
    for round in 1..=20 {
        assert_eq!(get(edge.addr, "/warm", &[]).await.status, 200);
        node.cut().await;
        let answer = ask(edge.addr, "POST", "/order", &[], "x").await;
        assert_eq!(answer.status, 200, "{round}: {}", answer.text());
        assert_eq!(node.count("/order"), round);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_o_a_post_that_was_cut_is_never_sent_again_and_nobody_claims_to_know() {
    let cut =
        |seen: &crate::rig::Seen| if seen.uri.path() == "/order" { Reply::Cut } else { Reply::text("ok") };
    let nodes = [Node::with(cut).await, Node::with(cut).await];
    let edge = Running::before(&[&nodes[0], &nodes[1]]);
    for (n, body) in ["small", &"large ".repeat(100_000)].into_iter().enumerate() {
        let answer = ask(edge.addr, "POST", "/order", &["accept: application/json"], body.to_owned()).await;
        assert_eq!(answer.status, 502);
        assert_eq!(answer.header("stillhere-outcome"), "unknown");
        assert_eq!(answer.header("retry-after"), "", "nobody is invited to do it twice");
        assert_eq!(answer.json()["type"].as_str().unwrap().rsplit(':').next(), Some("outcome-unknown"));
        assert_eq!(nodes.iter().map(|n| n.count("/order")).sum::<usize>(), n + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_o_what_a_node_may_have_done_is_not_called_undone_because_nobody_is_there_any_more() {
    let node = Node::with(|_| Reply::Never).await;
    let edge = Running::start(&pool(&[&node], "hold = \"1s\""));
    for (method, path) in [("PUT", "/put"), ("DELETE", "/delete")] {
        let sent = later(edge.addr, method, path, &["accept: application/json"], "");
        node.has_seen(path, 1).await;
        node.kill().await;
        let answer = soon(sent).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.header("stillhere-outcome")),
            (502, "unknown"),
            "{method}"
        );
        node.back().await;
        edge.takes(true).await;
    }
    node.kill().await;
    let never = ask(edge.addr, "PUT", "/put", &["accept: application/json"], "").await;
    assert_eq!((never.status.as_u16(), never.header("stillhere-outcome")), (503, "not-forwarded"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_done_twice_is_sent_to_the_other_node() {
    let bad = Node::with(|_| Reply::Cut).await;
    let good = Node::with(|seen| Reply::text(seen.body.clone())).await;
    for (method, body) in [("GET", ""), ("HEAD", ""), ("PUT", "the same"), ("DELETE", ""), ("OPTIONS", "")] {
        let edge = Running::before(&[&bad, &good]);
        // Whichever is chosen first, twenty of them meet the bad one at some time.
        for _ in 0..20 {
            let answer = ask(edge.addr, method, "/", &[], body).await;
            assert_eq!(answer.status, 200, "{method}");
            if method == "PUT" {
                assert_eq!(answer.text(), body);
            }
        }
    }
    assert!(!bad.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_that_were_cut_at_once_are_all_answered_though_the_budget_is_small() {
    let bad = Node::with(|_| Reply::Never).await;
    let good = Node::start().await;
    let edge = Running::before(&[&bad, &good]);
    let mut all = JoinSet::new();
    for _ in 0..120 {
        let at = edge.addr;
        all.spawn(async move { get(at, "/", &[]).await.status.as_u16() });
    }
    until("some are at the bad one", || bad.seen().len() >= 4).await;
    bad.kill().await;
    let answers = all.join_all().await;
    assert_eq!(answers.iter().filter(|s| **s != 200).count(), 0, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_o_a_node_that_takes_connections_again_is_tried_with_what_can_be_sent_again_and_its_first_errors_are_shown_to_nobody()
 {
    let node = Node::start().await;
    let edge = Running::before(&[&node]);
    get(edge.addr, "/", &[]).await;
    node.kill().await;
    let safe = later(edge.addr, "GET", "/page", &[], "");
    edge.held(1).await;
    let once = later(edge.addr, "POST", "/order", &[], "x");
    edge.held(2).await;
    let asked = AtomicUsize::new(0);
    node.on(move |seen| {
        let first = seen.uri.path() == "/page" && asked.fetch_add(1, Relaxed) == 0;
        if first { Reply::status(503) } else { Reply::text("ok") }
    });
    // It accepts connections, and its health page has not answered yet.
    node.starts(true);
    node.back().await;
    node.has_seen("/page", 1).await;
    assert!(!edge.pool().available(now()), "nobody else is sent there yet");
    assert_eq!(node.count("/order"), 0);
    node.starts(false);
    assert_eq!(soon(safe).await.unwrap().status, 200);
    assert_eq!(soon(once).await.unwrap().status, 200);
    assert_eq!((node.count("/page"), node.count("/order")), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_are_out_requests_wait_and_go_on_in_order_when_one_is_back() {
    let nodes = [Node::start().await, Node::start().await];
    let edge = Running::before(&[&nodes[0], &nodes[1]]);
    get(edge.addr, "/", &[]).await;
    nodes[0].kill().await;
    nodes[1].kill().await;
    // The first one finds it out.
    let mut waiting = vec![later(edge.addr, "POST", "/first", &[], "")];
    edge.held(1).await;
    let mut senders = Vec::new();
    for n in 0..30 {
        let at = edge.addr;
        let method = if n % 3 == 0 { "POST" } else { "GET" };
        let path: &'static str = Box::leak(format!("/{n}").into_boxed_str());
        senders.push(path);
        waiting.push(later(at, method, path, &[], if method == "POST" { "body" } else { "" }));
        edge.held(n + 2).await;
    }
    nodes[1].back().await;
    for one in waiting {
        assert_eq!(soon(one).await.unwrap().status, 200);
    }
    let seen: Vec<String> =
        nodes[1].seen().iter().filter(|s| s.uri.path() != "/").map(|s| s.uri.path().to_owned()).collect();
    assert_eq!(seen.len(), 31, "each exactly once: {seen:?}");
    let place = |path: &&str| seen.iter().position(|s| s == path).unwrap();
    // They go over several connections of two workers, so neighbours may overtake each other on the way.
    let sum = |some: &[&str]| some.iter().map(place).sum::<usize>();
    assert!(sum(&senders[..10]) < sum(&senders[20..]), "the first go first: {seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_deadline_each_gets_the_notice_in_its_kind_and_language() {
    let node = Node::refusing().await;
    let edge = Running::start(&pool(&[&node], "hold = \"150ms\""));
    let page = ["accept: text/html", "accept-language: zh-CN,zh;q=0.9", "sec-fetch-dest: document"];
    let at = now();
    let answer = get(edge.addr, "/", &page).await;
    let waited = since(at);
    assert!(waited >= Duration::from_millis(140) && waited < Duration::from_secs(5), "{waited:?}");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("content-language"), "zh-CN");
    assert!(answer.text().contains("lang=\"zh-CN\""), "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    for (method, headers, kind) in [
        ("GET", &["accept: application/json"][..], "application/problem+json"),
        ("POST", &["content-type: application/json"], "application/problem+json"),
        ("GET", &["accept: text/plain"], "text/plain; charset=utf-8"),
        ("POST", &["content-type: application/grpc"], "application/grpc"),
        ("GET", &["sec-fetch-dest: script"], "text/javascript; charset=utf-8"),
    ] {
        let answer = ask(edge.addr, method, "/api", headers, "").await;
        assert_eq!(answer.header("content-type"), kind, "{headers:?}");
        assert_eq!(answer.header("stillhere-outcome"), "not-forwarded", "{headers:?}");
        assert_eq!(answer.header("stillhere-why"), "all-out", "{headers:?}");
        assert_eq!(answer.header("stillhere-request").len(), 16);
        if kind == "application/grpc" {
            assert_eq!((answer.status.as_u16(), answer.header("grpc-status")), (200, "14"));
        } else {
            assert_eq!(answer.status, 503);
            assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
        }
    }
    let answer = get(edge.addr, "/api", &["accept: application/json"]).await;
    assert_eq!(answer.json()["status"], 503);
    let answer = ask(edge.addr, "HEAD", "/", &page, "").await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (503, 0));
    assert_eq!(node.seen().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_node_is_not_felt_by_gets_and_kills_no_post() {
    let nodes = [Node::start().await, Node::start().await];
    let edge = Running::start(&pool(&[&nodes[0], &nodes[1]], "hold = \"15s\""));
    for _ in 0..40 {
        get(edge.addr, "/", &[]).await;
    }
    nodes[0].freeze();
    let mut gets = JoinSet::new();
    let mut posts = JoinSet::new();
    for n in 0..60 {
        let at = edge.addr;
        if n % 6 == 0 {
            posts.spawn(async move { ask(at, "POST", "/order", &[], "x").await.status.as_u16() });
        } else {
            gets.spawn(async move {
                let began = now();
                (get(at, "/", &[]).await.status.as_u16(), since(began))
            });
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let gets = soon(gets.join_all()).await;
    let slowest = gets.iter().map(|(_, took)| *took).max().unwrap();
    assert!(gets.iter().all(|(status, _)| *status == 200), "{gets:?}");
    // Bounds for a busy machine; what it costs on a quiet one is measured in bench/.
    assert!(slowest < Duration::from_secs(4), "{slowest:?}");
    nodes[0].thaw();
    assert_eq!(soon(posts.join_all()).await, [200; 10]);
    assert_eq!(nodes.iter().map(|n| n.count("/order")).sum::<usize>(), 10, "no POST was sent twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_node_freezes_and_nobody_looks_at_a_white_page_for_a_minute() {
    let node = Node::start().await;
    let edge = Running::start(&pool(&[&node], "hold = \"1s\""));
    for _ in 0..20 {
        get(edge.addr, "/", &[]).await;
    }
    node.freeze();
    let answer = get(edge.addr, "/", &["accept: text/html"]).await;
    assert!(answer.status.is_server_error(), "{}", answer.status);
    assert!(answer.text().contains("<html"), "{}", answer.text());
    // An un-keyed POST that may have been read is waited for: it ends when the node thaws.
    let post = later(edge.addr, "POST", "/order", &[], "x");
    node.has_seen("/order", 1).await;
    node.thaw();
    assert_eq!(soon(post).await.unwrap().status, 200);
    assert_eq!(node.count("/order"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_while_waiting_is_not_served() {
    let node = Node::refusing().await;
    let edge = Running::start(&pool(&[&node], ""));
    edge.takes(false).await;
    let mut one = Raw::connect(edge.addr).await;
    one.send("POST /gone HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx").await;
    edge.held(1).await;
    let two = later(edge.addr, "GET", "/stays", &[], "");
    edge.held(2).await;
    // Over HTTP/2 a stream is taken back.
    let mut sender = h2(edge.addr).await;
    let request = Request::get("http://a/reset").body(Full::new(Bytes::new())).unwrap();
    let third = tokio::spawn(async move { sender.send_request(request).await.map(|_| ()) });
    edge.held(3).await;
    drop(one);
    edge.held(2).await;
    third.abort();
    edge.held(1).await;
    node.back().await;
    assert_eq!(soon(two).await.unwrap().status, 200);
    assert_eq!((node.count("/gone"), node.count("/stays"), node.count("/reset")), (0, 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_holds_everybody_and_loses_nobody() {
    let node = Node::start().await;
    let edge = Running::before(&[&node]);
    get(edge.addr, "/", &[]).await;
    edge.pool().pause(None, now());
    let mut all: Vec<_> = (0..20).map(|_| later(edge.addr, "POST", "/deploy", &[], "x")).collect();
    edge.held(20).await;
    assert_eq!(node.count("/deploy"), 0);
    edge.pool().resume(now());
    for one in all.drain(..) {
        assert_eq!(soon(one).await.unwrap().status, 200);
    }
    assert_eq!(node.count("/deploy"), 20);
    // A pause that ends by itself, and one that is longer than anybody waits.
    edge.pool().pause(Some(now() + Duration::from_millis(100)), now());
    assert_eq!(get(edge.addr, "/", &[]).await.status, 200);
    let edge = Running::start(&pool(&[&node], "hold = \"100ms\""));
    edge.pool().pause(None, now());
    let answer = get(edge.addr, "/", &["accept: application/json"]).await;
    assert_eq!((answer.status.as_u16(), answer.header("stillhere-why")), (503, "paused"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_takes_only_its_share_of_the_queue() {
    let node = Node::refusing().await;
    let edge = Running::start(&pool(&[&node], "queue = 20\nhold = \"5s\""));
    edge.takes(false).await;
    // All of them through a proxy on this machine, so the header says who it is.
    let mut greedy = JoinSet::new();
    for _ in 0..40 {
        let at = edge.addr;
        greedy.spawn(async move { get(at, "/", &["x-forwarded-for: 203.0.113.1"]).await });
    }
    let refused = soon(greedy.join_next()).await.unwrap().unwrap();
    assert_eq!(refused.header("stillhere-why"), "queue-full");
    let modest = later(edge.addr, "GET", "/modest", &["x-forwarded-for: 203.0.113.2"], "");
    let pool = edge.pool();
    until("room for another", || pool.waiting() <= 20 && pool.waiting() > 0).await;
    node.back().await;
    assert_eq!(soon(modest).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_drops_no_request_and_a_bad_one_changes_nothing() {
    let (old, new) = (Node::with(|_| Reply::text("old")).await, Node::with(|_| Reply::text("new")).await);
    let edge = Running::before(&[&old]);
    let (pieces, answer) = Reply::stream();
    let answer = std::sync::Mutex::new(Some(answer));
    old.on(move |seen| match seen.uri.path() {
        "/long" => Reply::Answer(answer.lock().unwrap().take().unwrap()),
        _ => Reply::text("old"),
    });
    let mut long = Raw::connect(edge.addr).await;
    long.send("GET /long HTTP/1.1\r\nhost: a\r\n\r\n").await;
    pieces.send(Bytes::from("first")).unwrap();
    long.upto("first").await;
    // Requests all the time, while the file changes under them.
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (stopping, at) = (stop.clone(), edge.addr);
    let load = tokio::spawn(async move {
        let mut answers = Vec::new();
        while !stopping.load(std::sync::atomic::Ordering::SeqCst) {
            answers.push(get(at, "/", &[]).await.status.as_u16());
        }
        answers
    });
    for n in 0..20 {
        let node = if n % 2 == 0 { &new } else { &old };
        edge.edge().reload(&crate::rig::spec(&pool(&[node], ""))).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    edge.edge().reload(&crate::rig::spec(&pool(&[&new], ""))).unwrap();
    assert_eq!(get(edge.addr, "/", &[]).await.text(), "new");
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(soon(load).await.unwrap().iter().all(|s| *s == 200));
    pieces.send(Bytes::from("last")).unwrap();
    drop(pieces);
    long.upto("last\r\n0\r\n\r\n").await;

    // A bad one: the good part of it is not taken over either, and whoever waits goes on waiting where it was.
    new.kill().await;
    let waits = later(edge.addr, "GET", "/waits", &[], "");
    edge.held(1).await;
    let bad = format!("{}[[routes]]\npool = \"nowhere\"\n", pool(&[&old], ""));
    let problems = edge.edge().reload(&crate::rig::spec(&bad)).unwrap_err();
    assert_eq!(problems[0].path, "routes[1].pool");
    edge.held(1).await;
    new.back().await;
    assert_eq!(soon(waits).await.unwrap().text(), "new");
    assert_eq!(get(edge.addr, "/", &[]).await.text(), "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_during_a_reload_goes_to_the_new_nodes() {
    let (gone, new) = (Node::refusing().await, Node::start().await);
    let edge = Running::before(&[&gone]);
    edge.takes(false).await;
    let waits = later(edge.addr, "POST", "/waits", &[], "x");
    edge.held(1).await;
    edge.edge().reload(&crate::rig::spec(&pool(&[&new], ""))).unwrap();
    assert_eq!(soon(waits).await.unwrap().status, 200);
    assert_eq!(new.count("/waits"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_requests_end_and_keeps_nobody_beyond_its_deadline() {
    let node = Node::with(|seen| match seen.uri.path() {
        "/slow" => Reply::After(Duration::from_millis(300), text("slow")),
        _ => Reply::text("ok"),
    })
    .await;
    let edge = Running::before(&[&node]);
    let at = edge.addr;
    // One connection that is idle, one with a request under way.
    let mut idle = Raw::connect(at).await;
    idle.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    idle.upto("ok").await;
    let slow = later(at, "GET", "/slow", &[], "");
    node.has_seen("/slow", 1).await;
    let began = now();
    edge.stop(Duration::from_secs(10)).await;
    assert!(since(began) < Duration::from_secs(5), "it waits only for what is there");
    assert_eq!(soon(slow).await.unwrap().text(), "slow");
    let (_, clean) = idle.rest().await;
    assert!(clean);
    assert!(TcpStream::connect(at).await.is_err());

    let stuck = Node::with(|_| Reply::Never).await;
    let edge = Running::before(&[&stuck]);
    let mut never = Raw::connect(edge.addr).await;
    never.send("GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
    stuck.has_seen("/never", 1).await;
    let began = now();
    edge.stop(Duration::from_millis(300)).await;
    assert!(since(began) < Duration::from_secs(3));
    never.rest().await;
}

/// A client that waits in the queue is told the truth before the edge goes, and not cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_when_the_edge_stops_gets_an_answer() {
    let node = Node::refusing().await;
    let edge = Running::start(&pool(&[&node], "hold = \"60s\""));
    edge.takes(false).await;
    let waits = later(edge.addr, "POST", "/", &["accept: application/json"], "x");
    edge.held(1).await;
    edge.stop(Duration::from_millis(800)).await;
    let answer = soon(waits).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("stillhere-outcome")), (503, "not-forwarded"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_h2_node_that_dies_costs_no_get_and_no_untouched_post() {
    let node = Node::h2(|_| Reply::text("ok")).await;
    let edge = Running::start(&format!("[[routes]]\nnodes = [\"h2c://{}\"]\n", node.addr));
    for _ in 0..10 {
        assert_eq!(get(edge.addr, "/", &[]).await.status, 200);
        node.cut().await;
        assert_eq!(get(edge.addr, "/", &[]).await.status, 200);
    }
    node.kill().await;
    edge.takes(false).await;
    let post = later(edge.addr, "POST", "/order", &[], "x");
    edge.held(1).await;
    node.back().await;
    assert_eq!(soon(post).await.unwrap().status, 200);
    assert_eq!(node.count("/order"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_streamed_upload_waits_for_a_node_without_being_read() {
    let node = Node::refusing().await;
    let edge = Running::start(&pool(&[&node], ""));
    edge.takes(false).await;
    let stream = TcpStream::connect(edge.addr).await.unwrap();
    let (mut sender, connection) = conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let pieces = (0..64).map(|_| Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![7; 64 * 1024]))));
    let body = http_body_util::StreamBody::new(futures_util::stream::iter(pieces));
    let request = Request::post("/up").header("host", "a").body(body).unwrap();
    let answer = tokio::spawn(async move { sender.send_request(request).await });
    edge.held(1).await;
    node.back().await;
    assert_eq!(soon(answer).await.unwrap().unwrap().status(), 200);
    assert_eq!(node.last().body.len(), 64 * 64 * 1024);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_closes_after_each_answer_is_no_worse() {
    let node = Script::start(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Then::Close).await;
    let edge = Running::start(&format!("[[routes]]\nnodes = [\"http://{}\"]\n", node.addr));
    for n in 1..=20 {
        let method = if n % 2 == 0 { "GET" } else { "POST" };
        let answer = ask(edge.addr, method, "/", &[], "").await;
        assert_eq!(answer.status, 200, "{n}: {}", answer.text());
        assert_eq!(node.heads().len(), n);
    }
}

/// A node for HTTP/2 that refuses the first `refused` streams, and answers the others.
async fn picky(refused: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, asked) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
    let count = asked.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let count = count.clone();
            tokio::spawn(async move {
                let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                while let Some(Ok((request, mut answer))) = connection.accept().await {
                    let probe = request.method() == http::Method::HEAD;
                    if !probe && count.fetch_add(1, Relaxed) < refused {
                        answer.send_reset(h2::Reason::REFUSED_STREAM);
                    } else {
                        let _ = answer.send_response(http::Response::new(()), true);
                    }
                }
            });
        }
    });
    (at, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_says_it_did_not_look_at_is_sent_again_a_post_too_and_not_for_ever() {
    for (refused, status, outcome, asked_in_all) in [(1, 200, "", 2), (usize::MAX, 502, "not-forwarded", 3)] {
        let (at, asked) = picky(refused).await;
        let edge = Running::start(&format!("[[routes]]\nnodes = [\"h2c://{at}\"]\n"));
        let answer = soon(ask(edge.addr, "POST", "/order", &[], "x")).await;
        assert_eq!((answer.status.as_u16(), answer.header("stillhere-outcome")), (status, outcome));
        assert_eq!(asked.load(Relaxed), asked_in_all);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_ends_every_connection_at_once_is_not_asked_for_a_socket_without_a_pause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, count) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
    let accepted = count.clone();
    tokio::spawn(async move {
        loop {
            drop(listener.accept().await);
            accepted.fetch_add(1, Relaxed);
        }
    });
    let toml = format!("[[routes]]\npool = \"p\"\n[pools.p]\nnodes = [\"http://{at}\"]\nhold = \"1s\"\n");
    let edge = Running::start(&toml);
    let mut raw = Raw::connect(edge.addr).await;
    raw.send(
        "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    .await;
    soon(raw.head()).await;
    // Probes among them, every 35 ms at most.
    assert!(count.load(Relaxed) < 200, "{} connections in a second", count.load(Relaxed));
}
