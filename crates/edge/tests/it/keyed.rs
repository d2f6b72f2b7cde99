//! Requests with a key through a whole edge: executed once, answered in the end, and never more said than is known.

use crate::rig::{Answer, Node, Raw, Reply, Running, ask, get, now, pool, since, soon, text, until};
use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const KEY: &str = "idempotency-key: \"order-0001-8e03978e-40d5\"";
const ANN: &str = "cookie: session=ann";
const LOOK_UP: &str = "/.well-known/stillhere/action/order-0001-8e03978e-40d5";
const JSON: &str = "accept: application/json";

/// An edge with a journal in `data`.
fn edge(nodes: &[&Node], data: &Path, keyed: &str) -> Running {
    patient(nodes, data, keyed, "hold = \"5s\"")
}

fn patient(nodes: &[&Node], data: &Path, keyed: &str, of_pool: &str) -> Running {
    let route = format!("{of_pool}---[routes.keyed]\n{keyed}\n");
    Running::with_data(&pool(nodes, &route), Some(data))
}

async fn order(at: SocketAddr, more: &[&str], body: &str) -> Answer {
    let headers = [&[KEY, ANN, JSON], more].concat();
    ask(at, "POST", "/order", &headers, body.to_owned()).await
}

/// What a browser or program with the same session sees of it.
async fn state(at: SocketAddr) -> String {
    let answer = get(at, LOOK_UP, &[ANN]).await;
    if answer.status == 404 { "none".to_owned() } else { answer.json()["state"].as_str().unwrap().to_owned() }
}

async fn until_state(at: SocketAddr, wanted: &str) {
    let began = now();
    loop {
        let is = state(at).await;
        if is == wanted {
            return;
        }
        assert!(since(began) < crate::rig::SOON, "{is}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Nodes with one shop behind them that does each key once, as an origin does that honours them. The first `deaths`
/// attempts are executed, and the node dies before it answers.
fn shop(
    deaths: usize,
) -> (Arc<AtomicUsize>, impl Fn(&crate::rig::Seen) -> Reply + Clone + Send + Sync + 'static) {
    let executed = Arc::new(AtomicUsize::new(0));
    let done: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let left = Arc::new(AtomicUsize::new(deaths));
    let counted = executed.clone();
    let handler = move |seen: &crate::rig::Seen| {
        if seen.method != "POST" {
            return Reply::text("ok");
        }
        let key = seen.headers["idempotency-key"].to_str().unwrap().to_owned();
        let number = *done.lock().unwrap().entry(key).or_insert_with(|| counted.fetch_add(1, SeqCst) + 1);
        if left.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_ok() {
            return Reply::Cut;
        }
        let mut answer = text(format!("order {number}"));
        *answer.status_mut() = http::StatusCode::CREATED;
        Reply::Answer(answer)
    };
    (executed, handler)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_done_once_and_answered_as_often_as_it_is_asked() {
    let data = tempfile::tempdir().unwrap();
    let (executed, handler) = shop(0);
    let node = Node::with(handler).await;
    let edge = edge(&[&node], data.path(), "");
    let first = order(edge.addr, &[], "tea").await;
    assert_eq!(
        (first.status.as_u16(), first.text(), first.header("idempotent-replayed")),
        (201, "order 1", "")
    );
    for _ in 0..3 {
        let again = order(edge.addr, &[], "tea").await;
        assert_eq!((again.status.as_u16(), again.text()), (201, "order 1"));
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
    assert_eq!((executed.load(SeqCst), node.count("/order")), (1, 1));
    assert_eq!(state(edge.addr).await, "done");

    // Another body under the same key is another order.
    let other = order(edge.addr, &[], "coffee").await;
    assert_eq!((other.status.as_u16(), other.header("stillhere-why")), (422, "key-other-body"));
    // Somebody else learns nothing, by asking for it or by sending it.
    for look in [get(edge.addr, LOOK_UP, &["cookie: session=bob"]).await, get(edge.addr, LOOK_UP, &[]).await]
    {
        assert_eq!(look.status, 404);
    }
    let bob = ask(edge.addr, "POST", "/order", &[KEY, "cookie: session=bob", JSON], "milk").await;
    assert_eq!((bob.status.as_u16(), bob.header("idempotent-replayed")), (201, ""));
    // Without a key nothing is kept, and without a good one it is said what is wrong.
    assert_eq!(ask(edge.addr, "PUT", "/page", &[ANN], "x").await.status, 200);
    let bad = ask(edge.addr, "POST", "/order", &["idempotency-key: unquoted-key-1", JSON], "x").await;
    assert_eq!((bad.status.as_u16(), bad.header("stillhere-why")), (400, "key-malformed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_may_demand_a_key() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start().await;
    let edge = edge(&[&node], data.path(), "required = true");
    let none = ask(edge.addr, "POST", "/order", &[JSON], "x").await;
    assert_eq!((none.status.as_u16(), none.header("stillhere-why")), (400, "key-needed"));
    assert_eq!(get(edge.addr, "/", &[]).await.status, 200);
    assert_eq!(node.count("/order"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_at_the_same_time_is_told_to_come_again() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start().await;
    let edge = edge(&[&node], data.path(), "");
    get(edge.addr, "/", &[]).await;
    node.freeze();
    let at = edge.addr;
    let first = tokio::spawn(async move { order(at, &[], "tea").await });
    node.has_seen("/order", 1).await;
    let second = order(edge.addr, &[], "tea").await;
    assert_eq!((second.status.as_u16(), second.header("stillhere-why")), (409, "key-in-flight"));
    assert!(second.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(state(edge.addr).await, "sending");
    node.thaw();
    assert_eq!(soon(first).await.unwrap().status, 200);
    assert_eq!(order(edge.addr, &[], "tea").await.header("idempotent-replayed"), "true");
    assert_eq!(node.count("/order"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_o_an_origin_that_honours_keys_is_asked_again_and_the_client_gets_its_answer() {
    let data = tempfile::tempdir().unwrap();
    let (executed, handler) = shop(2);
    let nodes = [Node::with(handler.clone()).await, Node::with(handler).await];
    let edge = edge(&[&nodes[0], &nodes[1]], data.path(), "origin_honours = true");
    let answer = order(edge.addr, &[], "tea").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (201, "order 1"), "{answer:?}");
    assert_eq!(executed.load(SeqCst), 1);
    assert_eq!(nodes.iter().map(|n| n.count("/order")).sum::<usize>(), 3);
    assert!(nodes.iter().flat_map(Node::seen).all(|s| s.method != "POST" || s.body == "tea"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_o_an_answer_that_says_nothing_is_not_the_outcome_where_the_origin_can_be_asked_again() {
    for status in [502, 503, 504] {
        let data = tempfile::tempdir().unwrap();
        let (executed, handler) = shop(0);
        let busy = Arc::new(AtomicUsize::new(2));
        // Done, and a proxy before it says that it was not answered.
        let handler = move |seen: &crate::rig::Seen| {
            let reply = handler(seen);
            let left =
                seen.method == "POST" && busy.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_ok();
            if left { Reply::status(status) } else { reply }
        };
        let nodes = [Node::with(handler.clone()).await, Node::with(handler).await];
        let edge = edge(&[&nodes[0], &nodes[1]], data.path(), "origin_honours = true");
        let answer = order(edge.addr, &[], "tea").await;
        assert_eq!((answer.status.as_u16(), answer.text()), (201, "order 1"), "{answer:?}");
        assert_eq!(executed.load(SeqCst), 1);
        assert_eq!(nodes.iter().map(|n| n.count("/order")).sum::<usize>(), 3);
        assert_eq!(state(edge.addr).await, "done");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_o_a_node_that_wants_more_time_than_there_is_or_always_says_nothing_is_relayed_as_unknown() {
    for (status, after, asked) in
        [(503, Some("3600"), 1), (503, Some("Wed, 21 Oct 2015 07:28:00 GMT"), 1), (502, None, 3)]
    {
        let data = tempfile::tempdir().unwrap();
        let node = Node::with(move |seen| {
            if seen.method != "POST" {
                return Reply::text("ok");
            }
            let mut answer = text("later");
            *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
            if let Some(after) = after {
                answer.headers_mut().insert("retry-after", after.parse().unwrap());
            }
            Reply::Answer(answer)
        })
        .await;
        let edge = edge(&[&node], data.path(), "origin_honours = true");
        let answer = order(edge.addr, &[], "tea").await;
        assert_eq!((answer.status.as_u16(), answer.text()), (status, "later"), "{answer:?}");
        assert_eq!(answer.header("stillhere-outcome"), "unknown");
        assert_eq!(node.count("/order"), asked, "{status} {after:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_o_where_keys_are_not_honoured_it_is_never_sent_again_and_nobody_claims_to_know() {
    let data = tempfile::tempdir().unwrap();
    let (executed, handler) = shop(1);
    let nodes = [Node::with(handler.clone()).await, Node::with(handler).await];
    let edge = edge(&[&nodes[0], &nodes[1]], data.path(), "origin_honours = false");
    for _ in 0..3 {
        let answer = order(edge.addr, &[], "tea").await;
        assert_eq!((answer.status.as_u16(), answer.header("stillhere-outcome")), (502, "unknown"));
        assert_eq!(answer.header("stillhere-why"), "outcome-unknown");
        assert_eq!(answer.header("retry-after"), "");
        assert!(answer.text().contains(LOOK_UP), "{}", answer.text());
    }
    assert_eq!(state(edge.addr).await, "unknown");
    // Nor after a restart of the edge.
    drop(edge);
    let edge = self::edge(&[&nodes[0], &nodes[1]], data.path(), "origin_honours = false");
    assert_eq!(order(edge.addr, &[], "tea").await.header("stillhere-outcome"), "unknown");
    assert_eq!((executed.load(SeqCst), nodes.iter().map(|n| n.count("/order")).sum::<usize>()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_o_the_last_node_dies_and_the_order_is_checked_when_it_is_back() {
    let data = tempfile::tempdir().unwrap();
    let (executed, handler) = shop(1);
    let node = Node::with(handler.clone()).await;
    let edge = patient(&[&node], data.path(), "origin_honours = true", "hold = \"400ms\"");
    // The node executes it, and is gone before it answers.
    let dying = Arc::new(tokio::sync::Notify::new());
    let (told, then) = (dying.clone(), handler.clone());
    node.on(move |seen| {
        let reply = then(seen);
        if seen.method != "POST" {
            return reply;
        }
        // It hangs until it is killed: were the connection cut at once, the order could be back before that.
        told.notify_one();
        Reply::Never
    });
    let at = edge.addr;
    let answer = tokio::spawn(async move { order(at, &[], "tea").await });
    soon(dying.notified()).await;
    node.kill().await;
    let answer = soon(answer).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("stillhere-outcome")), (502, "unknown"), "{answer:?}");
    let look = get(edge.addr, LOOK_UP, &[ANN]).await.json();
    assert_eq!((look["state"].as_str(), look["checking"].as_bool()), (Some("unknown"), Some(true)));
    node.on(handler);
    node.back().await;
    until_state(edge.addr, "done").await;
    let answer = order(edge.addr, &[], "tea").await;
    assert_eq!((answer.text(), answer.header("idempotent-replayed")), ("order 1", "true"));
    assert_eq!(executed.load(SeqCst), 1, "neither lost nor doubled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_node_took_is_kept_and_sent_once_even_by_another_edge() {
    for restart in [false, true] {
        let data = tempfile::tempdir().unwrap();
        let (executed, handler) = shop(0);
        let node = Node::with(handler).await;
        node.kill().await;
        let mut edge = patient(&[&node], data.path(), "", "hold = \"200ms\"");
        let kept = order(edge.addr, &[], "tea").await;
        assert_eq!((kept.status.as_u16(), kept.header("stillhere-why")), (202, "kept"));
        assert!(kept.text().contains(LOOK_UP), "the receipt: {}", kept.text());
        assert_eq!(state(edge.addr).await, "saved");
        if restart {
            drop(edge);
            edge = patient(&[&node], data.path(), "", "hold = \"200ms\"");
            assert_eq!(state(edge.addr).await, "saved");
        }
        node.back().await;
        until_state(edge.addr, "done").await;
        let again = order(edge.addr, &[], "tea").await;
        assert_eq!((again.status.as_u16(), again.text()), (201, "order 1"));
        assert_eq!((executed.load(SeqCst), node.count("/order")), (1, 1));
        let late = node.last();
        assert_eq!(late.body, "tea");
        assert_eq!(late.headers["host"], "shop.example");
        assert_eq!(late.headers["cookie"], "session=ann");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_takes_its_order_nowhere() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start().await;
    let edge = edge(&[&node], data.path(), "");
    get(edge.addr, "/", &[]).await;
    node.freeze();
    let mut raw = Raw::connect(edge.addr).await;
    raw.send(format!(
        "POST /order HTTP/1.1\r\nhost: shop.example\r\n{KEY}\r\n{ANN}\r\ncontent-length: 3\r\n\r\ntea"
    ))
    .await;
    node.has_seen("/order", 1).await;
    drop(raw);
    node.thaw();
    until_state(edge.addr, "done").await;
    assert_eq!(node.count("/order"), 1);
    // One that breaks off in its body has ordered nothing.
    let mut raw = Raw::connect(edge.addr).await;
    let other = KEY.replace("0001", "0002");
    raw.send(format!(
        "POST /order HTTP/1.1\r\nhost: shop.example\r\n{other}\r\n{ANN}\r\ncontent-length: 9\r\n\r\ntea"
    ))
    .await;
    tokio::io::AsyncWriteExt::shutdown(&mut raw.stream).await.unwrap();
    assert!(raw.head().await.starts_with("http/1.1 400"));
    assert_eq!(get(edge.addr, &LOOK_UP.replace("0001", "0002"), &[ANN]).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_node_keeps_no_keyed_order_where_another_can_take_it() {
    let data = tempfile::tempdir().unwrap();
    let (executed, handler) = shop(0);
    let nodes = [Node::with(handler.clone()).await, Node::with(handler).await];
    let edge = patient(&[&nodes[0], &nodes[1]], data.path(), "origin_honours = true", "hold = \"15s\"");
    for _ in 0..30 {
        get(edge.addr, "/", &[]).await;
    }
    nodes[0].freeze();
    let mut all = tokio::task::JoinSet::new();
    for n in 0..10 {
        let at = edge.addr;
        let key = KEY.replace("0001", &format!("{n:04}"));
        all.spawn(async move {
            let began = now();
            let answer = ask(at, "POST", "/order", &[&key, ANN], "tea").await;
            (answer.status.as_u16(), since(began))
        });
    }
    let all = soon(all.join_all()).await;
    assert!(all.iter().all(|(status, took)| *status == 201 && *took < Duration::from_secs(8)), "{all:?}");
    assert_eq!(executed.load(SeqCst), 10);
    nodes[0].thaw();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_order_that_wants_its_person_is_never_called_done() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::refusing().await;
    node.on(|seen| if seen.method == "POST" { Reply::status(401) } else { Reply::text("ok") });
    let edge = patient(&[&node], data.path(), "", "hold = \"150ms\"");
    assert_eq!(order(edge.addr, &[], "tea").await.status, 202);
    node.back().await;
    until_state(edge.addr, "needs_you").await;
    // Logged in, the same key is done.
    node.on(|_| Reply::text("thank you"));
    let answer = order(edge.addr, &[], "tea").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "thank you"));
    assert_eq!(node.count("/order"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_disk_it_is_served_and_nothing_is_promised() {
    let node = Node::start().await;
    // A folder that is none: as a full disk, it takes nothing.
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("not-a-folder");
    std::fs::write(&file, "").unwrap();
    let edge = edge(&[&node], &file, "");
    let answer = order(edge.addr, &[], "tea").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "ok"));
    let answer = order(edge.addr, &[], "tea").await;
    assert_eq!(answer.header("idempotent-replayed"), "");
    assert_eq!(get(edge.addr, LOOK_UP, &[ANN]).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_takes_no_more_promises_no_more_and_keeps_what_it_promised() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start().await;
    let edge = edge(&[&node], data.path(), "");
    assert_eq!(order(edge.addr, &[], "tea").await.status, 200);
    // The journal's end: every write of it fails from now on.
    let actions = edge.edge().shared().actions.peek().unwrap();
    actions.close().await;
    let other = KEY.replace("0001", "0002");
    for _ in 0..2 {
        let answer = ask(edge.addr, "POST", "/order", &[&other, ANN], "tea").await;
        assert_eq!((answer.status.as_u16(), answer.header("idempotent-replayed")), (200, ""));
    }
    // And when no node is there, it is not called kept.
    node.kill().await;
    edge.takes(false).await;
    let third = KEY.replace("0001", "0003");
    let at = edge.addr;
    let lost = tokio::spawn(async move { ask(at, "POST", "/order", &[&third, ANN, JSON], "tea").await });
    let lost = soon(lost).await.unwrap();
    assert_eq!((lost.status.as_u16(), lost.header("stillhere-outcome")), (503, "not-forwarded"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_too_large_to_keep_reaches_the_client_whole() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::with(|_| Reply::text("x".repeat(300_000))).await;
    let edge = edge(&[&node], data.path(), "answer_max = 1000");
    let answer = order(edge.addr, &[], "tea").await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 300_000));
    let again = order(edge.addr, &[], "tea").await;
    assert_eq!((again.header("idempotent-replayed"), again.body.len()), ("true", 0));
    assert_eq!(node.count("/order"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_too_large_to_keep_is_served_without_a_promise() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start().await;
    let edge = edge(&[&node], data.path(), "body_max = 1000");
    for body in ["x".repeat(1_001), "y".repeat(3_000_000)] {
        let answer = order(edge.addr, &[], &body).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "ok"));
        assert_eq!(node.last().body.len(), body.len());
    }
    assert_eq!(state(edge.addr).await, "none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_is_not_an_answer() {
    let data = tempfile::tempdir().unwrap();
    let half = |seen: &crate::rig::Seen| match seen.method.as_str() {
        "POST" => {
            let frames = vec![
                Ok(hyper::body::Frame::data(bytes::Bytes::from("half"))),
                Err(std::io::Error::other("cut")),
            ];
            Reply::Answer(Reply::frames(frames))
        }
        _ => Reply::text("ok"),
    };
    let node = Node::with(half).await;
    let edge = edge(&[&node], data.path(), "");
    let answer = order(edge.addr, &[], "tea").await;
    assert_eq!((answer.status.as_u16(), answer.header("stillhere-outcome")), (502, "unknown"), "{answer:?}");
    assert_eq!(node.count("/order"), 1);
    until("settled", || edge.edge().shared().actions.peek().unwrap().vitals().running == 0).await;
    assert_eq!(state(edge.addr).await, "unknown");
}
