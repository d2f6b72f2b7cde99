//! A request through the edge and its answer back: what is passed on, what is not, and what is said of the client.

use crate::rig::{Answer, Node, Raw, Reply, Running, Script, Then, ask, get, h2, pool, soon, text, until};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::Frame;
use std::{io, time::Duration};

fn get_of(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: shop.example\r\n{more}\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_method_arrives_with_its_path_query_and_body() {
    let node = Node::start().await;
    let edge = Running::before(&[&node]);
    for (method, body) in [
        ("GET", ""),
        ("POST", "a=1"),
        ("PUT", "whole"),
        ("PATCH", "part"),
        ("DELETE", ""),
        ("OPTIONS", ""),
        ("PROPFIND", "<x/>"),
    ] {
        let answer = ask(edge.addr, method, "/a%2Fb/c?q=%20x&y", &[], body).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "ok"), "{method}");
        let seen = node.last();
        assert_eq!(seen.method.as_str(), method);
        assert_eq!(seen.uri.to_string(), "/a%2Fb/c?q=%20x&y");
        assert_eq!(seen.body, body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_stays_and_the_client_is_named_by_us_alone() {
    let node = Node::start().await;
    // Nobody is trusted: whoever says so could be anybody.
    let edge = Running::start(&format!("{}[limits]\ntrust_forwarded_from = []\n", pool(&[&node], "")));
    get(
        edge.addr,
        "/",
        &[
            "host: Shop.Example:8443",
            "x-forwarded-for: 10.9.9.9",
            "x-forwarded-proto: https",
            "x-forwarded-host: evil",
            "forwarded: for=10.9.9.9",
            "via: 1.0 far",
        ],
    )
    .await;
    let h = node.last().headers;
    assert_eq!(h["host"], "Shop.Example:8443");
    assert_eq!(all(&h, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(all(&h, "x-forwarded-proto"), ["http"]);
    assert_eq!(all(&h, "x-forwarded-host"), ["Shop.Example:8443"]);
    assert!(!h.contains_key("forwarded"));
    assert_eq!(all(&h, "via").join(", "), "1.0 far, 1.1 stillhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_proxy_names_the_client_and_is_added_to_the_list() {
    let node = Node::start().await;
    let edge = Running::before(&[&node]);
    let from_proxy = ["x-forwarded-for: 203.0.113.9", "x-forwarded-proto: https", "x-forwarded-host: shop"];
    get(edge.addr, "/", &from_proxy).await;
    let h = node.last().headers;
    assert_eq!(all(&h, "x-forwarded-for"), ["203.0.113.9, 127.0.0.1"]);
    assert_eq!(all(&h, "x-forwarded-proto"), ["https"]);
    assert_eq!(all(&h, "x-forwarded-host"), ["shop"]);
    // A proxy that says nothing is itself the client.
    get(edge.addr, "/", &[]).await;
    let h = node.last().headers;
    assert_eq!(all(&h, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(all(&h, "x-forwarded-proto"), ["http"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_one_connection_is_not_passed_on_either_way() {
    let node = Node::with(|_| {
        let mut answer = text("ok");
        for (name, value) in [
            ("connection", "x-of-node"),
            ("x-of-node", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("x-end", "stays"),
        ] {
            answer.headers_mut().append(name, HeaderValue::from_static(value));
        }
        Reply::Answer(answer)
    })
    .await;
    let edge = Running::before(&[&node]);
    let mut raw = Raw::connect(edge.addr).await;
    raw.send(get_of(
        "/",
        "connection: keep-alive\r\nconnection: x-hop, te\r\nx-hop: 1\r\nkeep-alive: 5\r\nte: trailers\r\n\
         proxy-connection: x\r\nx-end: stays\r\n",
    ))
    .await;
    let head = raw.head().await;
    assert!(head.contains("x-end: stays"), "{head}");
    for gone in ["x-of-node", "keep-alive:", "proxy-connection"] {
        assert!(!head.contains(gone), "{gone} in {head}");
    }
    let h = node.last().headers;
    assert_eq!(h["x-end"], "stays");
    for gone in ["x-hop", "keep-alive", "proxy-connection", "connection"] {
        assert!(!h.contains_key(gone), "{gone} in {h:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_edge_says_can_be_said_by_neither_origin_nor_client() {
    let own = ["outcome", "why", "request", "return", "ahead", "ticket", "stale", "anything-to-come"];
    let node = Node::with(move |_| {
        let mut answer = text("ok");
        for name in own {
            let name: http::HeaderName = format!("stillhere-{name}").parse().unwrap();
            answer.headers_mut().insert(name, HeaderValue::from_static("forged"));
        }
        Reply::Answer(answer)
    })
    .await;
    let edge = Running::before(&[&node]);
    let said: Vec<String> = own.iter().map(|n| format!("stillhere-{n}: forged")).collect();
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    let answer = get(edge.addr, "/", &said).await;
    let ours = |h: &HeaderMap| h.keys().filter(|n| n.as_str().starts_with("stillhere-")).count();
    assert_eq!(ours(&answer.headers), 0, "{:?}", answer.headers);
    assert_eq!(ours(&node.last().headers), 0, "{:?}", node.last().headers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_without_a_body_have_none_and_the_connection_goes_on() {
    let node = Node::with(|seen| {
        let mut answer = text(if seen.uri.path() == "/page" { "x".repeat(1234) } else { String::new() });
        match seen.uri.path() {
            "/204" => *answer.status_mut() = http::StatusCode::NO_CONTENT,
            "/304" => {
                *answer.status_mut() = http::StatusCode::NOT_MODIFIED;
                answer.headers_mut().insert("etag", HeaderValue::from_static("\"1\""));
            }
            _ => {}
        }
        Reply::Answer(answer)
    })
    .await;
    let edge = Running::before(&[&node]);
    let mut raw = Raw::connect(edge.addr).await;
    raw.send("HEAD /page HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let head = raw.head().await;
    assert!(head.starts_with("http/1.1 200") && head.contains("content-length: 1234"), "{head}");
    raw.send(get_of("/204", "")).await;
    let head = raw.head().await;
    assert!(head.starts_with("http/1.1 204") && !head.contains("content-length"), "{head}");
    raw.send(get_of("/304", "")).await;
    let head = raw.head().await;
    assert!(head.starts_with("http/1.1 304") && head.contains("etag: \"1\""), "{head}");
    raw.send(get_of("/page", "")).await;
    assert!(raw.head().await.starts_with("http/1.1 200"));
    assert_eq!(raw.bytes(1234).await.len(), 1234);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_order() {
    let node = Node::with(|seen| {
        // The first is the slowest.
        let pause = if seen.uri.path() == "/0" { 80 } else { 0 };
        Reply::After(Duration::from_millis(pause), text(format!("[{}]", seen.uri.path())))
    })
    .await;
    let edge = Running::before(&[&node]);
    let mut raw = Raw::connect(edge.addr).await;
    let post = "POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nGET ";
    raw.send(format!("{}{post}{}", get_of("/0", ""), get_of("/2", ""))).await;
    for n in 0..3 {
        raw.upto(&format!("[/{n}]")).await;
    }
    assert_eq!(node.seen()[1].body, "GET ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_flow_in_both_directions_without_being_gathered() {
    const PIECE: usize = 64 * 1024;
    const PIECES: usize = 320;
    let node = Node::with(|seen| {
        let length = seen.body.len();
        let piece = Bytes::from(vec![b'd'; PIECE]);
        let frames = (0..PIECES).map(|_| Ok(Frame::data(piece.clone()))).collect();
        let mut answer = Reply::frames(frames);
        answer.headers_mut().insert("x-got", length.into());
        Reply::Answer(answer)
    })
    .await;
    let edge = Running::before(&[&node]);
    let body = Bytes::from(vec![b'u'; PIECE * PIECES]);
    let answer = ask(edge.addr, "POST", "/up", &[], body.clone()).await;
    assert_eq!(answer.header("x-got"), (PIECE * PIECES).to_string());
    assert_eq!(answer.body.len(), PIECE * PIECES);
    // The same over HTTP/2.
    let mut sender = h2(edge.addr).await;
    let request = Request::post("http://shop.example/up").body(Full::new(body)).unwrap();
    let answer = Answer::read(soon(sender.send_request(request)).await.unwrap()).await.unwrap();
    assert_eq!(answer.header("x-got"), (PIECE * PIECES).to_string());
    assert_eq!(answer.body.len(), PIECE * PIECES);
    assert_eq!(node.last().headers["host"], "shop.example");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_arrives_piece_by_piece_as_the_node_says_it() {
    let (pieces, answer) = Reply::stream();
    let answer = std::sync::Mutex::new(Some(answer));
    let node = Node::with(move |_| Reply::Answer(answer.lock().unwrap().take().unwrap())).await;
    let edge = Running::before(&[&node]);
    let mut raw = Raw::connect(edge.addr).await;
    raw.send(get_of("/", "")).await;
    for word in ["one", "two", "three"] {
        pieces.send(Bytes::from(word)).unwrap();
        raw.upto(word).await;
    }
    drop(pieces);
    raw.upto("0\r\n\r\n").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_pass_in_both_directions() {
    let node = Node::h2(|_| {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let frames = vec![Ok(Frame::data(Bytes::from("answer"))), Ok(Frame::trailers(trailers))];
        Reply::Answer(Reply::frames(frames))
    })
    .await;
    let edge = Running::start(&format!("[[routes]]\nnodes = [\"h2c://{}\"]\n[pools]\n", node.addr));
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("17"));
    let frames: Vec<Result<Frame<Bytes>, io::Error>> =
        vec![Ok(Frame::data(Bytes::from("question"))), Ok(Frame::trailers(trailers))];
    let mut sender = h2(edge.addr).await;
    let request = Request::post("http://shop.example/say")
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(StreamBody::new(futures_util::stream::iter(frames)))
        .unwrap();
    let answer = Answer::read(soon(sender.send_request(request)).await.unwrap()).await.unwrap();
    assert_eq!(answer.trailers.unwrap()["grpc-status"], "0");
    let seen = node.last();
    assert_eq!(seen.version, Version::HTTP_2);
    assert_eq!(seen.headers["te"], "trailers");
    assert_eq!(seen.trailers.unwrap()["x-sum"], "17");
    assert_eq!(seen.uri.authority().unwrap(), "shop.example");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_http_1_0_is_served_and_the_node_gets_a_host() {
    let node = Node::with(|seen| match seen.uri.path() {
        "/long" => Reply::Answer(Reply::frames(vec![
            Ok(Frame::data(Bytes::from("no "))),
            Ok(Frame::data(Bytes::from("length"))),
        ])),
        _ => Reply::text("ok"),
    })
    .await;
    let edge = Running::before(&[&node]);
    let mut raw = Raw::connect(edge.addr).await;
    raw.send("GET /old HTTP/1.0\r\n\r\n").await;
    let (answer, clean) = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.") && answer.ends_with("\r\n\r\nok") && clean, "{answer}");
    let seen = node.last();
    assert_eq!(seen.version, Version::HTTP_11);
    assert_eq!(seen.headers["host"], node.addr.to_string());
    assert_eq!(seen.headers["via"], "1.0 stillhere");
    // It does not know chunks.
    let mut raw = Raw::connect(edge.addr).await;
    raw.send("GET /long HTTP/1.0\r\nhost: a\r\n\r\n").await;
    let (answer, _) = raw.rest().await;
    assert!(answer.ends_with("\r\n\r\nno length") && !answer.contains("chunked"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_http_1_0_does_not_make_our_answer_one() {
    let says = b"HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nold";
    let node = Script::start(says, Then::Close).await;
    let edge = Running::start(&format!("[[routes]]\nnodes = [\"http://{}\"]\n", node.addr));
    let mut raw = Raw::connect(edge.addr).await;
    raw.send(format!("{}{}", get_of("/1", ""), get_of("/2", ""))).await;
    for _ in 0..2 {
        let head = raw.head().await;
        assert!(head.starts_with("http/1.1 200") && head.contains("transfer-encoding: chunked"), "{head}");
        raw.upto("0\r\n\r\n").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_length_beside_a_coding_is_not_believed() {
    let says =
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let node = Script::start(says, Then::Close).await;
    let edge = Running::start(&format!("[[routes]]\nnodes = [\"http://{}\"]\n", node.addr));
    let answer = get(edge.addr, "/", &[]).await;
    assert_eq!((answer.header("content-length"), answer.text()), ("", "hello"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_protocol_is_not_switched_to_and_the_connection_goes_on() {
    let node = Node::start().await;
    let edge = Running::before(&[&node]);
    let mut raw = Raw::connect(edge.addr).await;
    let asks = "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n";
    raw.send(format!("{}{}", get_of("/1", asks), get_of("/2", ""))).await;
    for _ in 0..2 {
        assert!(raw.head().await.starts_with("http/1.1 200"));
        raw.bytes(2).await;
    }
    assert!(!node.seen()[0].headers.contains_key("upgrade"));
    assert!(!node.seen()[0].headers.contains_key("http2-settings"));
    // Nor for what the edge answers itself.
    for path in ["/.well-known/stillhere/ping", "/.well-known/stillhere/nothing"] {
        raw.send(format!("{}{}", get_of(path, asks), get_of("/3", ""))).await;
        let head = raw.head().await;
        assert!(!head.starts_with("http/1.1 101"), "{head}");
        raw.upto("ok").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_tunnels_through_the_edge() {
    let node = Node::start().await;
    let edge = Running::before(&[&node]);
    let mut raw = Raw::connect(edge.addr).await;
    raw.send("CONNECT shop.example:443 HTTP/1.1\r\nhost: shop.example:443\r\n\r\n").await;
    let head = raw.head().await;
    assert!(head.starts_with("http/1.1 501"), "{head}");
    let mut sender = h2(edge.addr).await;
    let request = Request::connect("shop.example:443").body(Empty::<Bytes>::new()).unwrap();
    let answer = soon(sender.send_request(request)).await.unwrap();
    assert_eq!(answer.status(), 501);
    assert_eq!(node.seen().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn max_forwards_is_counted_down_and_ends_here_at_zero() {
    let node = Node::start().await;
    let edge = Running::before(&[&node]);
    ask(edge.addr, "OPTIONS", "/", &["max-forwards: 3"], "").await;
    assert_eq!(node.last().headers["max-forwards"], "2");
    let answer = ask(edge.addr, "OPTIONS", "/", &["max-forwards: 0"], "").await;
    assert_eq!(answer.status, 204);
    assert_eq!(node.seen().len(), 1);
    // The whole server's options, for which there is no path.
    let mut raw = Raw::connect(edge.addr).await;
    raw.send("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(raw.head().await.starts_with("http/1.1 200"));
    assert_eq!(node.last().uri.to_string(), "*");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_waits_for_100_is_asked_for_and_expect_is_not_passed_on() {
    let node = Node::start().await;
    let edge = Running::before(&[&node]);
    let mut raw = Raw::connect(edge.addr).await;
    raw.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n").await;
    assert!(raw.head().await.starts_with("http/1.1 100"));
    raw.send("body").await;
    assert!(raw.head().await.starts_with("http/1.1 200"));
    assert!(!node.last().headers.contains_key("expect"));
    assert_eq!(node.last().body, "body");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_breaks_off_is_the_clients_doing_and_no_nodes() {
    for scheme in ["http", "h2c"] {
        let node = if scheme == "http" { Node::start().await } else { Node::h2(|_| Reply::text("ok")).await };
        let edge = Running::start(&format!("[[routes]]\nnodes = [\"{scheme}://{}\"]\n", node.addr));
        for method in ["POST", "PUT"] {
            let mut raw = Raw::connect(edge.addr).await;
            raw.send(format!("{method} / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf")).await;
            tokio::io::AsyncWriteExt::shutdown(&mut raw.stream).await.unwrap();
            let head = raw.head().await;
            assert!(head.starts_with("http/1.1 400"), "{scheme} {method} {head}");
            // One that can't be framed as well.
            let mut raw = Raw::connect(edge.addr).await;
            let bad = format!(
                "{method} / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\nzz\r\n"
            );
            raw.send(bad).await;
            let head = raw.head().await;
            assert!(head.starts_with("http/1.1 400"), "{scheme} {method} {head}");
        }
        let view = edge.pool().view(crate::rig::now());
        assert_eq!(format!("{:?}", view.nodes[0].state), "Up", "{scheme}: {view:?}");
        assert_eq!(get(edge.addr, "/", &[]).await.status, 200);
        assert_eq!(node.seen().len(), 1, "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_is_seen_to_break_off() {
    let cut = |_: &crate::rig::Seen| {
        let frames = vec![Ok(Frame::data(Bytes::from("the beginning"))), Err(io::Error::other("cut"))];
        Reply::Answer(Reply::frames(frames))
    };
    let chunked = Node::with(cut).await;
    let of_length =
        Script::start(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nthe beginning", Then::Close).await;
    let reset =
        Script::start(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nthe beginning", Then::Reset).await;
    let two = Node::h2(cut).await;
    let kept = "HTTP/1.1 200 OK\r\ncache-control: max-age=9, stale-if-error=60\r\ncontent-length: 100\r\n\r\nthe beginning";
    let copied = Script::start(kept.as_bytes(), Then::Close).await;
    for url in [
        format!("http://{}", chunked.addr),
        format!("http://{}", of_length.addr),
        format!("http://{}", reset.addr),
        format!("h2c://{}", two.addr),
        format!("http://{}", copied.addr),
    ] {
        let edge = Running::start(&format!("[[routes]]\nnodes = [\"{url}\"]\n"));
        let mut raw = Raw::connect(edge.addr).await;
        raw.send(get_of("/", "")).await;
        let head = raw.head().await;
        let (body, clean) = raw.rest().await;
        let whole = body.ends_with("\r\n0\r\n\r\n");
        assert!(body.contains("the beginning") && !whole, "{url}: {body}");
        assert!(head.contains("chunked") || !clean || body.len() < 100, "{url}: {head}");
        // Over HTTP/2 the stream is reset.
        let mut sender = h2(edge.addr).await;
        let request = Request::get("http://a/").body(Empty::<Bytes>::new()).unwrap();
        let mut answer = soon(sender.send_request(request)).await.unwrap();
        let end = loop {
            match soon(answer.body_mut().frame()).await {
                Some(Ok(_)) => {}
                end => break end,
            }
        };
        assert!(matches!(end, Some(Err(_))), "{url}: the end looked clean");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_reaches_a_client_that_still_sends() {
    let node = Node::start().await;
    node.kill().await;
    let edge = Running::start(&pool(&[&node], "hold = \"200ms\""));
    edge.takes(false).await;
    let mut raw = Raw::connect(edge.addr).await;
    let length = 8 * 1024 * 1024;
    raw.send(format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n")).await;
    // As a browser does: it reads when it has sent everything, or cannot.
    let piece = vec![b'x'; 64 * 1024];
    for _ in 0..length / piece.len() {
        if tokio::io::AsyncWriteExt::write_all(&mut raw.stream, &piece).await.is_err() {
            break;
        }
    }
    let head = raw.head().await;
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert!(head.contains("stillhere-outcome: not-forwarded"), "{head}");
    let (_, clean) = raw.rest().await;
    assert!(clean, "a reset would take the answer with it on other systems than this one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_is_noticed_and_its_node_connection_is_closed() {
    let (pieces, answer) = Reply::stream();
    let answer = std::sync::Mutex::new(Some(answer));
    let node = Node::with(move |_| Reply::Answer(answer.lock().unwrap().take().unwrap())).await;
    let edge = Running::before(&[&node]);
    let mut raw = Raw::connect(edge.addr).await;
    raw.send(get_of("/", "")).await;
    pieces.send(Bytes::from("first")).unwrap();
    raw.upto("first").await;
    drop(raw);
    until("the node's stream is closed", || pieces.send(Bytes::from("more")).is_err()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_never_passed_on_and_there_is_always_an_answer() {
    for says in
        [&b"\x16\x03\x01\x02\x00garbage\r\n\r\n"[..], b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/1.1 xx\r\n\r\n"]
    {
        let node = Script::start(says, Then::Close).await;
        let edge = Running::start(&pool_of(node.addr, "hold = \"300ms\""));
        let answer = get(edge.addr, "/", &["accept: application/json"]).await;
        assert!(answer.status.is_server_error(), "{:?}", answer.status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let posted = ask(edge.addr, "POST", "/", &["accept: application/json"], "x").await;
        assert!(posted.status.is_server_error());
        let outcome = posted.header("stillhere-outcome");
        let sent = node.heads().iter().any(|h| h.starts_with("post"));
        assert_eq!(outcome, if sent { "unknown" } else { "not-forwarded" });
    }
}

fn pool_of(node: std::net::SocketAddr, more: &str) -> String {
    format!("[pools.p]\nnodes = [\"http://{node}\"]\n{more}\n[[routes]]\npool = \"p\"\n")
}

fn all<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_over_http_2_carries_nothing_of_http_1() {
    let node = Script::start(
        b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nkeep-alive: timeout=5\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        Then::Again,
    )
    .await;
    let edge = Running::start(&pool_of(node.addr, ""));
    let mut sender = h2(edge.addr).await;
    let request = Request::get("http://Shop.Example/x?y")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let answer: Response<_> = soon(sender.send_request(request)).await.unwrap();
    let answer = Answer::read(answer).await.unwrap();
    assert_eq!(answer.text(), "ok");
    for gone in ["connection", "keep-alive", "transfer-encoding"] {
        assert!(!answer.headers.contains_key(gone), "{gone}");
    }
    let head = node.heads().pop().unwrap();
    assert!(head.starts_with("get /x?y http/1.1\r\n"), "{head}");
    assert!(head.contains("host: shop.example\r\n") && head.contains("cookie: a=1; b=2\r\n"), "{head}");
}
