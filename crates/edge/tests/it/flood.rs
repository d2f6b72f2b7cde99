//! Too many, too fast, too slow: what one visitor may do, who is believed, and the queue before the door.

use crate::rig::{Answer, Node, Raw, Reply, Running, get, h2, now, pool, since, soon, until};
use bytes::Bytes;
use http::Request;
use http_body_util::StreamBody;
use hyper::body::Frame;
use std::{net::SocketAddr, time::Duration};
use stillhere_edge::limit::Prefix;
use stillhere_net::clock;

const JSON: &str = "accept: application/json";

fn limited(node: &Node, limits: &str) -> Running {
    Running::start(&format!("{}[limits]\n{limits}\n", pool(&[node], "")))
}

/// A connection that is served, or closed at once.
async fn is_taken(raw: &mut Raw) -> bool {
    // Whoever is not taken may have been reset before this.
    let _ = tokio::io::AsyncWriteExt::write_all(&mut raw.stream, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut room = [0; 2048];
    matches!(soon(tokio::io::AsyncReadExt::read(&mut raw.stream, &mut room)).await, Ok(n) if n > 0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_has_only_so_many_connections() {
    let node = Node::start().await;
    let edge = limited(&node, "trust_forwarded_from = []\nconnections_per_address = 3");
    let mut three = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::connect(edge.addr).await;
        assert!(is_taken(&mut raw).await);
        three.push(raw);
    }
    assert!(!is_taken(&mut Raw::connect(edge.addr).await).await);
    assert!(is_taken(&mut three[0]).await, "those that are there are not disturbed");
    three.pop();
    until("its seat is free", || edge.edge().shared().limits.connections() == 2).await;
    assert!(is_taken(&mut Raw::connect(edge.addr).await).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_together_have_only_so_many_connections_and_a_local_proxy_may_have_all_of_them() {
    let node = Node::start().await;
    let edge = limited(&node, "connections_per_address = 2\nconnections_per_network = 2\nconnections = 5");
    let mut five = Vec::new();
    for _ in 0..5 {
        let mut raw = Raw::connect(edge.addr).await;
        assert!(is_taken(&mut raw).await);
        five.push(raw);
    }
    assert!(!is_taken(&mut Raw::connect(edge.addr).await).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_is_told_when_to_come_again_and_the_others_are_served() {
    let node = Node::start().await;
    let edge = limited(&node, "by_address = { per_second = 1, burst = 3 }");
    let (ann, bob) = ("x-forwarded-for: 203.0.113.7", "x-forwarded-for: 203.0.113.8");
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(get(edge.addr, "/", &[ann, JSON]).await);
    }
    let refused: Vec<&Answer> = answers.iter().filter(|a| a.status == 429).collect();
    assert!(!refused.is_empty() && refused.len() <= 2 && answers[0].status == 200);
    assert_eq!(refused[0].header("stillhere-why"), "too-many-requests");
    assert!(refused[0].header("retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(refused[0].header("content-type"), "application/problem+json");
    assert_eq!(get(edge.addr, "/", &[bob]).await.status, 200);
    // A client writes what it likes at the left; the proxy's own word is at the right.
    let forged = "x-forwarded-for: 198.51.100.1, 203.0.113.7";
    assert_eq!(get(edge.addr, "/", &[forged]).await.status, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_trusted_cannot_be_somebody_else() {
    let node = Node::start().await;
    let edge = limited(&node, "trust_forwarded_from = []\nby_address = { per_second = 1, burst = 2 }");
    let mut statuses = Vec::new();
    for n in 0..6 {
        let forged = format!("x-forwarded-for: 203.0.113.{n}");
        statuses.push(get(edge.addr, "/", &[&forged]).await.status.as_u16());
    }
    assert!(statuses.iter().filter(|s| **s == 429).count() >= 3, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_may_ask_only_so_often_wherever_it_comes_from() {
    let node = Node::start().await;
    let edge = limited(&node, "by_key = { header = \"x-api-key\", per_second = 1, burst = 2 }");
    let mut statuses = Vec::new();
    for n in 0..5 {
        let from = format!("x-forwarded-for: 203.0.113.{n}");
        statuses.push(get(edge.addr, "/", &[&from, "x-api-key: secret"]).await.status.as_u16());
    }
    assert!(statuses.iter().filter(|s| **s == 429).count() >= 2, "{statuses:?}");
    assert_eq!(get(edge.addr, "/", &["x-api-key: another"]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_banned_is_out_at_once_also_on_open_connections_and_behind_a_proxy() {
    let node = Node::start().await;
    let edge = limited(&node, "");
    let limits = &edge.edge().shared().limits;
    let wall = clock::wall();
    let ban =
        |text: &str| limits.ban(text.parse().unwrap(), wall.plus(Duration::from_secs(60)), "test", wall);
    ban("203.0.113.0/24").unwrap();
    let banned = get(edge.addr, "/", &["x-forwarded-for: 203.0.113.9", JSON]).await;
    assert_eq!((banned.status.as_u16(), banned.header("stillhere-why")), (403, "banned"));
    assert_eq!(get(edge.addr, "/", &["x-forwarded-for: 198.51.100.9"]).await.status, 200);

    let mut open = Raw::connect(edge.addr).await;
    assert!(is_taken(&mut open).await);
    ban("127.0.0.1").unwrap();
    open.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    open.upto(" 403 ").await;
    assert!(!is_taken(&mut Raw::connect(edge.addr).await).await);
    assert!(limits.unban("127.0.0.1".parse::<Prefix>().unwrap()));
    assert_eq!(get(edge.addr, "/", &[]).await.status, 200);
}

/// Where a visitor stands: what they were given, and whether they are inside.
async fn knock(at: SocketAddr, shown: &str) -> (u16, String, Answer) {
    let answer =
        if shown.is_empty() { get(at, "/", &[JSON]).await } else { get(at, "/", &[shown, JSON]).await };
    (answer.status.as_u16(), answer.header("stillhere-ticket").to_owned(), answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_room_lets_in_one_after_the_other() {
    let node = Node::start().await;
    let edge = Running::start(&pool(&[&node], "---waiting_room = { max_active = 1 }"));
    let (status, pass, answer) = knock(edge.addr, "").await;
    assert_eq!(status, 200);
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("stillhere-ticket=") && cookie.contains("HttpOnly"), "{cookie}");
    // The next two wait, in their order, each with a ticket.
    let (status, second, answer) = knock(edge.addr, "").await;
    assert_eq!((status, answer.header("stillhere-why")), (503, "waiting-room"));
    assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(answer.header("stillhere-ahead"), "0");
    let (_, third, answer) = knock(edge.addr, "").await;
    assert_eq!(answer.header("stillhere-ahead"), "1");
    assert_eq!(node.seen().len(), 1);
    // A socket is no way around it.
    let asks = ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13", JSON];
    let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    let ticket = format!("stillhere-ticket: {third}");
    let socket = get(edge.addr, "/", &[asks[0], asks[1], asks[2], asks[3], key, &ticket]).await;
    assert_eq!((socket.status.as_u16(), socket.header("stillhere-why")), (503, "waiting-room"));
    let third = socket.header("stillhere-ticket").to_owned();
    assert_eq!(node.seen().len(), 1);
    // Who is inside stays inside, by cookie and by header; the origin sees neither in a header.
    let by_cookie = format!("cookie: theme=dark; {}", cookie.split(';').next().unwrap());
    assert_eq!(knock(edge.addr, &by_cookie).await.0, 200);
    assert_eq!(knock(edge.addr, &format!("stillhere-ticket: {pass}")).await.0, 200);
    assert!(!node.last().headers.contains_key("stillhere-ticket"));
    // A forged one begins at the end.
    let (status, _, answer) = knock(edge.addr, "stillhere-ticket: forged").await;
    assert_eq!((status, answer.header("stillhere-ahead")), (503, "2"));
    // A person sees a page.
    let page = get(edge.addr, "/", &["accept: text/html", "sec-fetch-dest: document"]).await;
    assert!(page.status == 503 && page.text().contains("<html"));
    // The first one leaves: the second enters, whoever knocks harder.
    let room = edge.edge().shared().routes.load().all()[0].room.clone().unwrap();
    room.left(&pass, clock::wall());
    let began = now();
    let (mut second, mut third) = (second, third);
    loop {
        let (status, again, _) = knock(edge.addr, &format!("stillhere-ticket: {third}")).await;
        assert_eq!(status, 503, "the third is not before the second");
        third = again;
        let (status, again, _) = knock(edge.addr, &format!("stillhere-ticket: {second}")).await;
        second = again;
        if status == 200 {
            break;
        }
        assert!(since(began) < crate::rig::SOON, "the second never came in");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(knock(edge.addr, &format!("stillhere-ticket: {second}")).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_head_is_ended_in_time_and_nobody_else_is_slowed() {
    let node = Node::start().await;
    let edge = limited(&node, "head_within = \"1s\"");
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut raw = Raw::connect(edge.addr).await;
        raw.send("GET / HTTP/1.1\r\nhost: a\r\nx: ").await;
        slow.push(raw);
    }
    let began = now();
    for _ in 0..10 {
        assert_eq!(get(edge.addr, "/", &[]).await.status, 200);
    }
    assert!(since(began) < Duration::from_secs(1));
    for mut raw in slow {
        let (answer, _) = raw.rest().await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    assert!(since(began) < Duration::from_secs(5), "{:?}", since(began));
    assert_eq!(node.seen().len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_not_waited_for_and_no_nodes_fault() {
    let node = Node::start().await;
    let edge = limited(&node, "body_stall = \"1s\"");
    let mut raw = Raw::connect(edge.addr).await;
    raw.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nsome").await;
    let began = now();
    let (answer, _) = raw.rest().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 40"), "{answer}");
    assert!(since(began) < Duration::from_secs(8), "{:?}", since(began));
    // The same over HTTP/2, where one stream ends and the others go on.
    let mut sender = h2(edge.addr).await;
    let never = futures_util::stream::pending::<Result<Frame<Bytes>, std::io::Error>>();
    let request = Request::post("http://a/").body(StreamBody::new(never)).unwrap();
    let answer = soon(sender.send_request(request)).await.map(|a| a.status().as_u16());
    assert!(answer.as_ref().is_err() || answer.as_ref().is_ok_and(|s| (400..500).contains(s)), "{answer:?}");
    let view = edge.pool().view(now());
    assert_eq!(format!("{:?}", view.nodes[0].state), "Up", "{view:?}");
    assert_eq!(node.seen().len(), 0);
}

/// More of them than a node has places, however many it is found to have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_uploads_keep_a_node_from_nobody() {
    const SLOW: usize = 100;
    let node = Node::start().await;
    let edge = limited(&node, "connections_per_address = 1000\nconnections_per_network = 1000");
    let mut slow = Vec::new();
    for n in 0..SLOW {
        let mut raw = Raw::connect(edge.addr).await;
        let length = if n % 2 == 0 { "content-length: 200000" } else { "transfer-encoding: chunked" };
        raw.send(format!("POST /slow HTTP/1.1\r\nhost: a\r\n{length}\r\n\r\n")).await;
        slow.push(raw);
    }
    // Sooner or later all have gone on to the node and wait there for what never comes.
    until("somebody else is served at once", || edge.pool().waiting() == 0).await;
    for _ in 0..20 {
        assert_eq!(get(edge.addr, "/quick", &[]).await.text(), "ok");
    }
    // And who sends the rest at last is answered.
    slow[1].send("0\r\n\r\n").await;
    soon(slow[1].upto("ok")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_take_the_answer_is_left() {
    let (pieces, answer) = Reply::stream();
    let answer = std::sync::Mutex::new(Some(answer));
    let node = Node::with(move |_| Reply::Answer(answer.lock().unwrap().take().unwrap())).await;
    let edge = limited(&node, "write_stall = \"1s\"");
    let mut raw = Raw::connect(edge.addr).await;
    raw.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    node.has_seen("/", 1).await;
    // More than all buffers on the way hold.
    for _ in 0..256 {
        if pieces.send(Bytes::from(vec![b'x'; 256 * 1024])).is_err() {
            break; // it was given up already
        }
    }
    until("the edge gave the client up", || pieces.is_closed()).await;
    until("its seat is free", || edge.edge().shared().limits.connections() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_a_request_is_closed_before_and_after_its_first() {
    let node = Node::start().await;
    let edge = limited(&node, "idle = \"1s\"");
    let mut never = Raw::connect(edge.addr).await;
    let mut once = Raw::connect(edge.addr).await;
    once.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    once.upto("ok").await;
    let began = now();
    let (said, _) = never.rest().await;
    assert_eq!(said, "");
    once.rest().await;
    assert!(since(began) < Duration::from_secs(6), "{:?}", since(began));
}
