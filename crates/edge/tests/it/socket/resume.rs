//! Sessions: the client's connection is cut, the origin is killed, and nothing is lost, doubled, reordered or hidden.

use super::{
    client::Client,
    rig::{Edge, Origin, SOON, soon},
};
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use stillhere_edge::socket::{Notice, SocketSpec};
use tokio_tungstenite::tungstenite::Message;

fn numbers(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|m| m.to_text().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn a_session_talks_in_both_kinds_and_says_which_subprotocol_the_origin_chose() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let mut client = Client::begin(&edge).await;
    assert_eq!(client.welcome["resumed"], json!(false));
    assert_eq!(client.welcome["limits"]["bytes"], json!(262_144));
    assert_eq!(client.origin, [json!({"c": "origin", "state": "open", "protocol": "chat"})]);
    let handshake = origin.handshakes.lock().unwrap()[0].clone();
    assert_eq!(handshake["sec-websocket-protocol"], "chat", "the origin sees nothing of the edge's");
    for message in [Message::text("{\"c\":\"hello\"}"), Message::text(""), Message::binary(vec![0, 255, 62])]
    {
        client.say(message).await;
    }
    client.until(|c| c.messages.len() == 3 && c.unacked() == 0 && c.read == 3).await;
    assert_eq!(
        client.messages,
        [Message::text("{\"c\":\"hello\"}"), Message::text(""), Message::binary(vec![0, 255, 62])]
    );
    let open = edge.sockets.open();
    assert_eq!((open[0].resumable, open[0].lingering, open[0].away), (1, 0, 0));
}

#[tokio::test]
async fn after_a_cut_what_was_missed_comes_once_and_in_order_and_the_origin_notices_nothing() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let mut client = Client::begin(&edge).await;
    client.say("0").await;
    client.until(|c| c.messages.len() == 1).await;
    client.cut();
    for n in 1..=50 {
        origin.say(n.to_string());
    }
    for n in 51..=60 {
        client.say(n.to_string()).await; // while it is not connected
    }
    soon(async {
        while edge.sockets.open()[0].lingering == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    client.connect(&edge).await;
    assert_eq!(client.welcome["resumed"], json!(true));
    client.until(|c| c.messages.len() == 61).await;
    assert_eq!(numbers(&client.messages), (0..=60).collect::<Vec<_>>());
    assert_eq!(client.gaps, []);
    assert_eq!(origin.handshakes.lock().unwrap().len(), 1, "one connection all the time");
    assert_eq!(edge.happened(), ["opened 1", "resumed 1"]);
}

#[tokio::test]
async fn the_origin_dies_and_comes_back_and_the_client_stays_is_told_and_loses_nothing() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    *edge.notice.lock().unwrap() = Some(Notice {
        text: "Wir sind dran.".into(),
        state: Some("down".into()),
        eta: Some(1_800_000_000_000),
    });
    let mut client = Client::begin(&edge).await;
    client.say("1").await;
    client.until(|c| c.messages.len() == 1 && c.read == 1).await;
    let address = origin.kill().await;
    client.until(|c| c.origin.len() == 2 && !c.notices.is_empty()).await;
    assert_eq!(
        client.origin[1],
        json!({"c": "origin", "state": "away"}),
        "nothing is uncertain: it was read"
    );
    let told = json!({"text": "Wir sind dran.", "state": "down", "eta": 1_800_000_000_000_u64});
    assert_eq!(client.notices.last(), Some(&told));
    assert_eq!(edge.sockets.open()[0].away, 1);
    for n in 2..=20 {
        client.say(n.to_string()).await;
    }
    client.until(|c| c.unacked() == 0).await;
    assert_eq!(client.read, 1, "taken, and not read by any origin");
    let origin = Origin::at(address).await;
    client.until(|c| c.messages.len() == 20).await;
    assert_eq!(client.origin[2], json!({"c": "origin", "state": "open", "new": true, "protocol": "chat"}));
    assert_eq!(numbers(&origin.until_heard(19).await), (2..=20).collect::<Vec<_>>());
    assert_eq!(numbers(&client.messages), (1..=20).collect::<Vec<_>>());
    assert_eq!(client.notices.last(), Some(&serde_json::Value::Null));
    assert_eq!(client.uncertain, []);
    assert_eq!(edge.happened(), ["moved 1", "opened 1"]);
}

#[tokio::test]
async fn what_the_origin_may_or_may_not_have_read_is_called_uncertain_and_not_sent_again() {
    // An origin that opens and then reads nothing more.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (die, dead) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let ws = tokio_tungstenite::accept_async(stream).await.unwrap();
        let _ = dead.await;
        ws.get_ref().set_zero_linger().unwrap();
    });
    let edge = Edge::start(address, SocketSpec::default()).await;
    let mut client = Client::begin(&edge).await;
    for n in 1..=5 {
        client.say(n.to_string()).await;
    }
    client.until(|c| c.unacked() == 0).await;
    assert_eq!(client.read, 0);
    die.send(()).unwrap();
    client.until(|c| c.origin.len() == 2).await;
    assert_eq!(client.origin[1]["uncertain"], json!([1, 5]));
    let origin = Origin::at(address).await;
    client.say("6").await;
    assert_eq!(numbers(&origin.until_heard(1).await), [6]);
    client.until(|c| c.read == 6).await;
}

#[tokio::test]
async fn a_wrong_token_another_page_or_another_person_is_an_unknown_session() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let right = [("origin", "https://shop"), ("cookie", "sid=1")];
    let mut client = Client::new(&right);
    client.connect(&edge).await;
    client.until(|c| !c.origin.is_empty()).await;
    let (session, token) = client.session.clone().unwrap();
    // One of sixteen tokens ends with an A.
    let wrong = format!("{}{}", &token[..42], if token.ends_with('A') { 'E' } else { 'A' });
    for (headers, token) in [
        (right, &wrong),
        ([("origin", "https://evil"), ("cookie", "sid=1")], &token),
        ([("origin", "https://shop"), ("cookie", "sid=2")], &token),
    ] {
        let mut thief = Client::new(&headers);
        thief.session = Some((session.clone(), token.clone()));
        thief.connect(&edge).await;
        assert_eq!(thief.closed, Some((4901, String::new())));
    }
    client.say("still mine").await;
    client.until(|c| c.messages.len() == 1).await;

    let mut newer = Client::new(&right);
    newer.session = Some((session, token));
    newer.got = client.got;
    newer.connect(&edge).await;
    assert_eq!(newer.welcome["resumed"], json!(true));
    client.until(|c| c.closed.is_some()).await;
    assert_eq!(client.closed.unwrap().0, 4902, "the older connection goes");
}

#[tokio::test]
async fn when_more_was_missed_than_is_kept_the_gap_is_told_with_its_size() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec { keep_messages: 10, ..SocketSpec::default() }).await;
    let mut client = Client::begin(&edge).await;
    client.ack().await;
    client.cut();
    soon(async {
        while edge.sockets.open()[0].lingering == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let mut other = Client::begin(&edge).await; // hears when the origin has said everything
    for n in 1..=30 {
        origin.say(n.to_string());
    }
    let last = |c: &Client| c.messages.last() == Some(&Message::text("30"));
    soon(async {
        while !last(&other) {
            other.step().await;
            other.ack().await;
        }
    })
    .await;
    assert_eq!(other.gaps, [], "whoever is connected makes the origin wait instead");
    client.connect(&edge).await;
    client.until(last).await;
    assert_eq!(numbers(&client.messages), (21..=30).collect::<Vec<_>>());
    assert_eq!(client.gaps, [(22, 20)], "the numbers count the event of the origin, too");
}

#[tokio::test]
async fn while_the_origin_is_away_the_client_is_asked_to_pause_and_nothing_it_said_is_dropped() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec { keep_messages: 20, ..SocketSpec::default() }).await;
    let mut client = Client::begin(&edge).await;
    let address = origin.kill().await;
    client.until(|c| c.origin.len() == 2).await;
    for n in 1..=15 {
        client.say(n.to_string()).await;
    }
    client.until(|c| c.paused).await;
    // One that does not listen to that is not read any more, and still loses nothing.
    for n in 16..=60 {
        client.say(n.to_string()).await;
    }
    let origin = Origin::at(address).await;
    soon(async {
        while client.messages.len() < 60 {
            client.step().await;
            client.ack().await;
        }
    })
    .await;
    client.until(|c| !c.paused && c.unacked() == 0).await;
    assert_eq!(numbers(&origin.heard.lock().unwrap()), (1..=60).collect::<Vec<_>>());
    assert_eq!(numbers(&client.messages), (1..=60).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_no_of_the_origin_ends_the_session_with_its_status() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let mut client = Client::new(&[("authorization", "wrong")]);
    client.connect(&edge).await;
    client.until(|c| c.closed.is_some()).await;
    assert_eq!(client.closed, Some((4904, "403".to_owned())));
    edge.until_open(0).await;
}

#[tokio::test]
async fn a_farewell_of_either_side_is_the_other_sides_after_everything_that_was_said_before() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let mut client = Client::begin(&edge).await;
    for n in 1..=100 {
        client.say(n.to_string()).await;
    }
    let close =
        tokio_tungstenite::tungstenite::protocol::CloseFrame { code: 4321.into(), reason: "mine".into() };
    client.ws.as_mut().unwrap().close(Some(close.clone())).await.unwrap();
    assert_eq!(numbers(&origin.until_heard(100).await), (1..=100).collect::<Vec<_>>());
    edge.until_open(0).await;
    assert_eq!(*origin.closes.lock().unwrap(), [Some(4321)]);

    let mut client = Client::begin(&edge).await;
    for n in 1..=10 {
        origin.say(n.to_string());
    }
    origin.say(Message::Close(Some(close)));
    client.until(|c| c.closed.is_some()).await;
    assert_eq!(client.closed, Some((4321, "mine".to_owned())));
    assert_eq!(numbers(&client.messages), (1..=10).collect::<Vec<_>>());
    edge.until_open(0).await;
}

#[tokio::test]
async fn a_session_without_its_client_ends_when_it_has_lingered_and_one_without_an_origin_when_it_waited_enough()
 {
    let second = Duration::from_secs(1);
    let origin = Origin::start().await;
    let spec = SocketSpec { linger: Duration::from_millis(300), away: second, ..SocketSpec::default() };
    let edge = Edge::start(origin.address, spec).await;
    let mut client = Client::begin(&edge).await;
    client.cut();
    edge.until_open(0).await;
    client.connect(&edge).await;
    assert_eq!(client.closed, Some((4901, String::new())));

    let mut client = Client::begin(&edge).await;
    origin.kill().await;
    client.until(|c| c.closed.is_some()).await;
    assert_eq!(client.closed, Some((1013, "OriginAway: the service is coming back.".to_owned())));
}

#[tokio::test]
async fn when_the_edge_drains_sessions_get_1012_and_the_origin_everything_that_was_acknowledged() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let mut client = Client::begin(&edge).await;
    let mut lingering = Client::begin(&edge).await;
    lingering.cut();
    for n in 1..=50 {
        client.say(n.to_string()).await;
    }
    client.until(|c| c.unacked() == 0).await;
    let sockets = edge.sockets.clone();
    let drained = tokio::spawn(async move { sockets.drain(Duration::from_millis(50), SOON).await });
    client.until(|c| c.closed.is_some()).await;
    assert_eq!(client.closed.as_ref().unwrap().0, 1012);
    assert_eq!(soon(drained).await.unwrap(), 0);
    assert_eq!(numbers(&origin.heard.lock().unwrap()), (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_first_words_have_to_be_hello_and_nonsense_ends_the_session() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let protocol = [("sec-websocket-protocol", "stillhere.resume.v1")];
    for first in
        [Message::text(">hello"), Message::binary(vec![1]), Message::text("{\"c\":\"hello\",\"v\":2}")]
    {
        use futures_util::{SinkExt as _, StreamExt as _};
        let (mut ws, _) = edge.client(&protocol).await;
        ws.send(first).await.unwrap();
        let Some(Ok(Message::Close(Some(close)))) = soon(ws.next()).await else { panic!("no close") };
        assert_eq!(u16::from(close.code), 4903);
    }
    for nonsense in ["{\"c\":\"ack\",\"got\":99}", "{\"c\":\"gap\",\"next\":0}", "neither", "{\"c\":"] {
        use futures_util::SinkExt as _;
        let mut client = Client::begin(&edge).await;
        client.ws.as_mut().unwrap().send(Message::text("{\"c\":\"of a later version\"}")).await.unwrap();
        client.ws.as_mut().unwrap().send(Message::text(nonsense)).await.unwrap();
        client.until(|c| c.closed.is_some()).await;
        assert_eq!(client.closed.as_ref().unwrap().0, 4903, "{nonsense}");
    }
    edge.until_open(0).await;
}

/// Cuts at random moments, with messages in flight both ways, and an origin that is killed again and again.
#[tokio::test]
async fn in_chaos_nothing_is_lost_doubled_or_reordered_but_what_is_reported() {
    let mut origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let mut client = Client::begin(&edge).await;
    let mut ears = vec![origin.heard.clone()];
    let mut dice = 7u64;
    let mut roll = move |n: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % n
    };
    const ALL: u64 = 2_000;
    for n in 1..=ALL {
        assert_eq!(client.say(n.to_string()).await, n);
        if roll(50) == 0 {
            client.cut();
        }
        if client.ws.is_none() && roll(5) == 0 {
            client.connect(&edge).await;
            assert_eq!(client.closed, None);
        }
        if n % 400 == 200 {
            let address = origin.kill().await;
            origin = Origin::at(address).await;
            ears.push(origin.heard.clone());
        }
        if client.ws.is_some() {
            let _ = tokio::time::timeout(Duration::from_micros(roll(2_000)), client.step()).await;
            if roll(20) == 0 {
                client.ack().await;
            }
        }
    }
    soon(async {
        loop {
            if client.ws.is_none() {
                client.connect(&edge).await;
            }
            let _ = tokio::time::timeout(Duration::from_millis(300), client.step()).await;
            client.ack().await;
            let read_all = client.unacked() == 0 && client.read == ALL;
            let last = ears.iter().rev().find_map(|e| e.lock().unwrap().last().cloned());
            if read_all && client.messages.last() == last.as_ref() {
                break;
            }
        }
    })
    .await;
    let heard: Vec<u64> = ears.iter().flat_map(|e| numbers(&e.lock().unwrap())).collect();
    assert!(heard.windows(2).all(|w| w[0] < w[1]), "the origin heard each once, in order");
    let uncertain: BTreeSet<u64> = client.uncertain.iter().flat_map(|(from, to)| *from..=*to).collect();
    let missing: Vec<u64> = (1..=ALL).filter(|n| !heard.contains(n) && !uncertain.contains(n)).collect();
    assert_eq!(missing, [0; 0], "every message was heard, or is reported as uncertain");
    let back = numbers(&client.messages);
    assert!(back.windows(2).all(|w| w[0] < w[1]), "so did the client");
    assert_eq!(client.gaps, []);
    assert!((uncertain.len() as u64) < ALL, "the origin's Pongs confirm most of it");
}
