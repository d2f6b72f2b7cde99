//! What people and programs see while the origin is away, and that nothing hostile gets into it.

#[path = "../../src/answer/sample.rs"]
mod sample;

use crate::rig::{Node, Raw, Reply, Running, ask, get, h2, now, pool, soon, until};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::Empty;
use std::time::Duration;
use stillhere_edge::pool::PoolView;
use stillhere_model::{Lang, Text};
use stillhere_net::clock;
use tokio::net::TcpStream;
use tokio_tungstenite::{client_async, tungstenite::Message};

const PAGE: [&str; 2] = ["accept: text/html", "sec-fetch-dest: document"];

async fn away(hold: &str) -> (Node, Running) {
    let node = Node::refusing().await;
    let edge = Running::start(&pool(&[&node], &format!("hold = \"{hold}\"")));
    edge.takes(false).await;
    (node, edge)
}

/// Text that would like to be more than text, in every language of ours.
fn hostile() -> Text {
    let text =
        "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\r\nSet-Cookie: evil=1\r\n\r\n\
        \u{202e}desrever\u{0}\u{7}"
            .to_owned()
            + &"A".repeat(200_000);
    Text::Each([(Lang::En, text.clone()), (Lang::ZhCn, text)].into())
}

fn tell(edge: &Running, snapshot: &stillhere_tell::Snapshot) {
    let board = &edge.edge().shared().board;
    board.take_notice(&sample::signed(snapshot), &sample::key().public_key(), clock::wall()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_source_is_held_open_and_ended_when_the_origin_is_back() {
    let (node, edge) = away("10s").await;
    let mut raw = Raw::connect(edge.addr).await;
    raw.send("GET /events HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n\r\n").await;
    let head = raw.head().await;
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/event-stream"), "{head}");
    let first = raw.upto("event: stillhere\n").await;
    assert!(first.contains("retry: ") && !first.contains("\nid:"), "{first}");
    assert_eq!(edge.edge().shared().streams.open(), 1);
    node.back().await;
    let last = raw.upto("0\r\n\r\n").await;
    assert!(last.contains("\"state\":\"back\"") && last.contains("retry: "), "{last}");
    // A POST that would stream its answer is no EventSource: it waits, and is answered by the origin.
    let posted = ask(edge.addr, "POST", "/stream", &["accept: text/event-stream"], "x").await;
    assert_eq!((posted.status.as_u16(), posted.text()), (200, "ok"));
    until("no stream is held", || edge.edge().shared().streams.open() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_the_origin_takes_no_place_and_ends_when_its_node_dies() {
    let (pieces, answer) = Reply::stream();
    let answer = std::sync::Mutex::new(Some(answer));
    let node = Node::with(move |seen| match seen.uri.path() {
        "/events" => {
            let mut answer = answer.lock().unwrap().take().unwrap();
            answer.headers_mut().insert("content-type", "text/event-stream".parse().unwrap());
            Reply::Answer(answer)
        }
        _ => Reply::text("ok"),
    })
    .await;
    let edge = Running::before(&[&node]);
    let mut raw = Raw::connect(edge.addr).await;
    raw.send("GET /events HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n\r\n").await;
    pieces.send(Bytes::from("data: 1\n\n")).unwrap();
    raw.upto("data: 1\n\n").await;
    let view: PoolView = edge.pool().view(now());
    assert_eq!(view.nodes[0].in_flight, 0);
    node.kill().await;
    let (rest, _) = raw.rest().await;
    assert!(!rest.ends_with("0\r\n\r\n"), "it did not end, it was cut");
}

/// The far side of a WebSocket. The edge's look at its health page is answered as a web server would.
async fn handshake(mut stream: TcpStream) -> Option<tokio_tungstenite::WebSocketStream<TcpStream>> {
    let mut method = [0; 4];
    if stream.peek(&mut method).await.ok()? == 4 && &method == b"HEAD" {
        let fine = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, fine).await;
        return None;
    }
    tokio_tungstenite::accept_async(stream).await.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_socket_flows_through_and_is_told_when_its_node_dies() {
    // Somebody else's server of WebSockets.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (kill, mut killed) = tokio::sync::watch::channel(false);
    let server = tokio::spawn(async move {
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => accepted.unwrap().0,
                _ = killed.changed() => return,
            };
            let mut killed = killed.clone();
            tokio::spawn(async move {
                let Some(mut ws) = handshake(stream).await else { return };
                loop {
                    tokio::select! {
                        message = ws.next() => match message {
                            Some(Ok(Message::Text(text))) => ws.send(Message::Text(text)).await.unwrap(),
                            _ => return,
                        },
                        _ = killed.changed() => {
                            ws.get_ref().set_zero_linger().unwrap();
                            return;
                        }
                    }
                }
            });
        }
    });
    let toml = format!("[pools.p]\nnodes = [\"http://{at}\"]\nhold = \"200ms\"\n[[routes]]\npool = \"p\"\n");
    let edge = Running::start(&toml);
    let open = |lang: &'static str| {
        let at = edge.addr;
        async move {
            let mut request = tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(
                "ws://shop.example/chat",
            )
            .unwrap();
            request.headers_mut().insert("accept-language", lang.parse().unwrap());
            client_async(request, TcpStream::connect(at).await.unwrap()).await
        }
    };
    let (mut ws, _) = soon(open("en")).await.unwrap();
    ws.send(Message::text("hello")).await.unwrap();
    assert_eq!(soon(ws.next()).await.unwrap().unwrap(), Message::text("hello"));
    kill.send(true).unwrap();
    let Some(Ok(Message::Close(Some(close)))) = soon(ws.next()).await else { panic!("no close") };
    assert_eq!(u16::from(close.code), 1012);
    assert!(!close.reason.is_empty());
    soon(server).await.unwrap();
    // With nobody there it is opened, so that a browser can be told why it is closed.
    edge.takes(false).await;
    let (mut ws, _) = soon(open("zh-CN")).await.unwrap();
    let Some(Ok(Message::Close(Some(close)))) = soon(ws.next()).await else { panic!("no close") };
    assert_eq!(u16::from(close.code), 1013);
    assert!(!close.reason.is_ascii(), "in the visitor's language: {}", close.reason);
}

/// As after a restart of the edge: everybody comes back in the same moment, and the node greets two at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_sockets_that_come_all_at_once_wait_for_room_and_none_is_closed() {
    const SOCKETS: usize = 200;
    let listener = tokio::net::TcpSocket::new_v4().unwrap();
    listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = listener.listen(1024).unwrap();
    let at = listener.local_addr().unwrap();
    let greets = std::sync::Arc::new(tokio::sync::Semaphore::new(2));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let greets = greets.clone();
            tokio::spawn(async move {
                let mut method = [0; 4];
                let probe = stream.peek(&mut method).await.is_ok() && &method == b"HEAD";
                let turn = greets.acquire().await.unwrap();
                if !probe {
                    // What a handshake costs it.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                let Some(mut ws) = handshake(stream).await else { return };
                drop(turn);
                while let Some(Ok(message)) = ws.next().await {
                    if message.is_text() && ws.send(message).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let toml = format!("[pools.p]\nnodes = [\"http://{at}\"]\nhold = \"60s\"\n[[routes]]\npool = \"p\"\n");
    let edge = Running::start(&toml);
    let mut coming = tokio::task::JoinSet::new();
    for _ in 0..SOCKETS {
        let at = edge.addr;
        coming.spawn(async move {
            let stream = TcpStream::connect(at).await.unwrap();
            let (mut ws, _) = client_async("ws://shop.example/chat", stream).await.unwrap();
            ws.send(Message::text("hello")).await.unwrap();
            (ws.next().await, ws)
        });
    }
    let came = tokio::time::timeout(Duration::from_secs(60), coming.join_all()).await.expect("in time");
    for (said, _) in &came {
        let said = said.as_ref().expect("not cut").as_ref().expect("no error");
        assert_eq!(said, &Message::text("hello"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_held_event_streams_at_once_with_a_time_to_come_back() {
    let node = Node::refusing().await;
    let edge = Running::start(&pool(&[&node], "hold = \"60s\""));
    edge.takes(false).await;
    let mut raw = Raw::connect(edge.addr).await;
    raw.send("GET /events HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n\r\n").await;
    soon(raw.upto(": held by the edge")).await;
    // A minute is more than this test waits for anything.
    let stopping = tokio::spawn(edge.stop(Duration::from_secs(60)));
    let (said, clean) = soon(raw.rest()).await;
    let last = said.rfind("event: stillhere").unwrap();
    assert!(said[..last].contains("retry: ") && said[last..].contains("return_ms"), "{said}");
    assert!(said.ends_with("0\r\n\r\n") && clean, "a whole answer: {said}");
    soon(stopping).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_closes_web_sockets_with_the_reason() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Some(mut ws) = handshake(stream).await {
                    while ws.next().await.is_some_and(|m| m.is_ok()) {}
                }
            });
        }
    });
    let edge = Running::start(&format!("[[routes]]\nnodes = [\"http://{at}\"]\n"));
    let stream = TcpStream::connect(edge.addr).await.unwrap();
    let (mut ws, _) = soon(client_async("ws://shop.example/chat", stream)).await.unwrap();
    let stopping = tokio::spawn(edge.stop(Duration::from_secs(5)));
    let Some(Ok(Message::Close(Some(close)))) = soon(ws.next()).await else { panic!("no close") };
    assert_eq!(u16::from(close.code), 1012);
    drop(ws);
    soon(stopping).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_was_kept_is_given_and_marked() {
    let node = Node::with(|seen| {
        let mut answer = crate::rig::text(format!("page of {}", seen.uri.path()));
        if seen.uri.path() == "/kept" {
            let lasts = "max-age=1, stale-if-error=600".parse().unwrap();
            answer.headers_mut().insert("cache-control", lasts);
        }
        Reply::Answer(answer)
    })
    .await;
    let edge = Running::start(&pool(&[&node], "hold = \"100ms\""));
    for path in ["/kept", "/other"] {
        let fresh = get(edge.addr, path, &PAGE).await;
        assert_eq!((fresh.text(), fresh.header("stillhere-stale")), (format!("page of {path}").as_str(), ""));
    }
    until("it is on the shelf", || edge.edge().shared().stale.bytes() > 0).await;
    node.kill().await;
    let kept = get(edge.addr, "/kept", &PAGE).await;
    assert_eq!((kept.status.as_u16(), kept.text()), (200, "page of /kept"));
    assert!(!kept.header("stillhere-stale").is_empty() && kept.header("cache-status").contains("stillhere"));
    assert_eq!(get(edge.addr, "/other", &PAGE).await.status, 503);
    // Not what was asked for with credentials, and nothing for a POST.
    assert_eq!(get(edge.addr, "/kept", &["authorization: Bearer x"]).await.status, 503);
    assert_eq!(ask(edge.addr, "POST", "/kept", &[], "").await.status, 503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_asks_whether_the_origin_is_back_and_the_edge_answers_alone() {
    let (node, edge) = away("100ms").await;
    let probe = ["stillhere-probe: 1"];
    let answer = ask(edge.addr, "HEAD", "/some/page", &probe, "").await;
    assert_eq!((answer.status.as_u16(), answer.header("stillhere-why")), (503, "all-out"));
    node.back().await;
    edge.takes(true).await;
    let answer = ask(edge.addr, "HEAD", "/some/page", &probe, "").await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("stillhere-return").parse::<u64>().is_ok());
    assert_eq!(node.seen().len(), 0);
    // Only HEAD is the page's: a GET goes through, without the header.
    assert_eq!(get(edge.addr, "/", &probe).await.text(), "ok");
    assert!(!node.last().headers.contains_key("stillhere-probe"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_own_addresses_answer_and_never_reach_the_origin() {
    let node = Node::start().await;
    let edge = Running::before(&[&node]);
    let own = "/.well-known/stillhere";
    assert_eq!(get(edge.addr, &format!("{own}/ping"), &[]).await.status, 204);
    assert_eq!(get(edge.addr, &format!("{own}/notice"), &[]).await.status, 404);
    assert_eq!(get(edge.addr, &format!("{own}/whatever"), &[]).await.status, 404);
    let post = ask(edge.addr, "POST", &format!("{own}/ping"), &[], "x").await;
    assert_eq!((post.status.as_u16(), post.header("allow")), (405, "GET, HEAD"));
    let now = clock::wall();
    tell(&edge, &sample::down(now, 5, sample::words()));
    let notice = get(edge.addr, &format!("{own}/notice"), &["origin: https://other.example"]).await;
    assert_eq!((notice.status.as_u16(), notice.header("access-control-allow-origin")), (200, "*"));
    stillhere_tell::notice::read(notice.text(), &sample::key().public_key()).unwrap();
    assert_eq!(node.seen().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_t_hostile_words_of_a_notice_are_only_words_in_every_own_answer() {
    let (_node, edge) = away("50ms").await;
    let now = clock::wall();
    let mut snapshot = sample::down(now, 9, hostile());
    snapshot.site.name = hostile();
    tell(&edge, &snapshot);
    hunt(&edge, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_t_hostile_requests_are_not_echoed() {
    let (_node, edge) = away("50ms").await;
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
    let headers: Vec<String> = [
        "referer",
        "user-agent",
        "x-forwarded-for",
        "x-forwarded-host",
        "origin",
        "cookie",
        "from",
        "stillhere-ticket",
        "x-requested-with",
        "sec-fetch-mode",
        "content-type",
        "stillhere-request",
    ]
    .iter()
    .map(|name| format!("{name}: {evil}"))
    .chain([format!("accept-language: {evil},zh;q=0.1")])
    .collect();
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    hunt(&edge, &headers).await;
}

/// Looks through the own answers of every kind for what would be more than text.
async fn hunt(edge: &Running, more: &[&str]) {
    for (method, kind) in [
        ("GET", &["accept: text/html", "sec-fetch-dest: document"][..]),
        ("POST", &["accept: text/html"]),
        ("GET", &["accept: application/json"]),
        ("POST", &["accept: application/json", "origin: https://evil.example"]),
        ("GET", &["accept: text/plain"]),
        ("GET", &["accept: text/plain", "accept-language: zh-CN"]),
        ("POST", &["content-type: application/grpc"]),
        ("GET", &["sec-fetch-dest: script"]),
    ] {
        let given: Vec<&str> = kind.iter().chain(more).copied().collect();
        let path = "/%3Cscript%3Ealert(1)%3C/script%3E?q=%22%3E%3Cimg%20src=x%20onerror=alert(2)%3E";
        let answer = ask(edge.addr, method, path, &given, "").await;
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        let html = answer.header("content-type").starts_with("text/html");
        assert!(body.len() < 100_000, "{kind:?}: {} bytes", body.len());
        if html {
            for bad in ["<script>alert", "<img", "onerror=alert(2)>", "</script><script"] {
                assert!(!body.contains(bad), "{kind:?}: {bad}");
            }
            assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{kind:?}");
        }
        for bad in ['\u{202e}', '\0', '\u{7}'] {
            assert!(!body.contains(bad), "{kind:?}: {bad:?}");
        }
        assert!(!answer.headers.contains_key("set-cookie"), "{kind:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{kind:?}");
        for (name, value) in &answer.headers {
            let value = value.to_str().unwrap();
            assert!(!value.contains("alert(") && value.len() < 1_000, "{name}: {value}");
        }
    }
    let mut raw = Raw::connect(edge.addr).await;
    let lines: String = more.iter().map(|l| format!("{l}\r\n")).collect();
    raw.send(format!("GET /e HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n{lines}\r\n")).await;
    raw.upto("event: stillhere\n").await;
    let event = raw.upto("\n\n").await;
    assert!(
        event.len() < 100_000 && event.trim_end().lines().count() == 1,
        "{}",
        &event[..200.min(event.len())]
    );
    assert!(!event.contains('\u{202e}') && !event.contains('\r'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_p_the_core_is_dead_and_its_last_notice_is_told_with_its_age_and_our_own_sighting() {
    let (node, edge) = away("50ms").await;
    let wall = clock::wall();
    // Twenty minutes ago all was well; then the core died, and now the shop.
    tell(&edge, &sample::well(wall.minus(Duration::from_secs(1_200)), 3));
    let board = edge.edge().shared().board.clone();
    until("it was seen", || board.current().trouble(None, Some("p")).is_some()).await;
    let sighting = board.current().trouble(None, Some("p")).unwrap().clone();
    assert!(wall.since(sighting.since) < Duration::from_secs(60));
    let answer = get(edge.addr, "/", &["accept: application/json"]).await.json();
    let said = answer.to_string();
    assert!(answer["since"].is_string() || said.contains("since"), "{said}");
    let page = get(edge.addr, "/", &PAGE).await;
    let text = page.text();
    assert!(text.contains("20 min"), "the notice's age: {text}");
    // Back again, the sighting is over, and the notice says what it said.
    node.back().await;
    until("it is well", || board.current().trouble(None, Some("p")).is_none()).await;
    assert_eq!(get(edge.addr, "/", &PAGE).await.text(), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2_the_notice_is_the_same() {
    let (_node, edge) = away("50ms").await;
    let mut sender = h2(edge.addr).await;
    for _ in 0..2 {
        let request = http::Request::get("http://a/")
            .header("accept", "text/html")
            .body(Empty::<Bytes>::new())
            .unwrap();
        let answer = soon(sender.send_request(request)).await.unwrap();
        let answer = crate::rig::Answer::read(answer).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.header("stillhere-outcome")), (503, "not-forwarded"));
        assert!(answer.text().contains("<html"));
    }
}
