//! A session goes over to another process, with all that was kept for both sides.

use super::{
    client::Client,
    rig::{Edge, Origin, SOON, soon},
};
use futures_util::StreamExt as _;
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use stillhere_edge::socket::SocketSpec;
use tokio_tungstenite::tungstenite::Message;

/// It waits for them at our Close.
const WAITS: u16 = 4905;

fn numbers(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|m| m.to_text().unwrap().parse().unwrap()).collect()
}

/// Two of them in front of the same origin, and what one has kept goes to the other.
async fn old_and_new(origin: &Origin, refuses: bool) -> (Edge, Edge) {
    let old = Edge::start(origin.address, SocketSpec::default()).await;
    let new = Edge::start(origin.address, SocketSpec::default()).await;
    new.takes_over(&old, refuses);
    (old, new)
}

fn drain(edge: &Edge) -> tokio::task::JoinHandle<usize> {
    let sockets = Arc::clone(&edge.sockets);
    tokio::spawn(async move { sockets.drain(Duration::from_millis(50), SOON).await })
}

async fn lingers(edge: &Edge, count: usize) {
    soon(async {
        while edge.sockets.open().iter().map(|open| open.lingering).sum::<usize>() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn sessions_go_over_and_nothing_is_lost_doubled_or_uncertain() {
    let origin = Origin::start().await;
    let (old, new) = old_and_new(&origin, false).await;
    let (mut client, mut away) = (Client::begin(&old).await, Client::begin(&old).await);
    away.say("0").await;
    away.until(|c| c.messages.len() == 1).await;
    away.cut();
    lingers(&old, 1).await;
    for n in 1..=50 {
        client.say(n.to_string()).await;
    }
    // To both of them, and one has nobody to hear it.
    for n in 100..=120 {
        origin.say(n.to_string());
    }
    origin.until_heard(51).await;
    let drained = drain(&old);
    client.until(|c| c.closed.is_some()).await;
    assert_eq!(client.closed.as_ref().unwrap().0, WAITS);
    assert_eq!(soon(drained).await.unwrap(), 0, "none was cut");
    for n in 51..=60 {
        client.say(n.to_string()).await; // while it is not connected
    }

    client.connect(&new).await;
    assert_eq!(client.welcome["resumed"], json!(true));
    client.until(|c| c.messages.len() == 81 && c.unacked() == 0).await;
    let said: Vec<u64> = numbers(&client.messages);
    let own: Vec<u64> = said.iter().copied().filter(|n| *n < 100).collect();
    assert_eq!(own, (1..=60).collect::<Vec<_>>());
    let told: Vec<u64> = said.into_iter().filter(|n| *n >= 100).collect();
    assert_eq!(told, (100..=120).collect::<Vec<_>>());
    assert_eq!((client.gaps.as_slice(), client.uncertain.as_slice()), (&[][..], &[][..]));
    let states: Vec<&str> = client.origin.iter().map(|o| o["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["open", "away", "open"]);
    assert_eq!(
        client.origin[2]["new"],
        json!(true),
        "the origin's connection is another one, and that is said"
    );

    away.connect(&new).await;
    away.until(|c| c.messages.len() == 22).await;
    assert_eq!(numbers(&away.messages), [0].into_iter().chain(100..=120).collect::<Vec<_>>());
    assert_eq!((away.gaps.len(), away.uncertain.len()), (0, 0));
    let mut heard = numbers(&origin.heard.lock().unwrap());
    heard.sort_unstable();
    assert_eq!(heard, (0..=60).collect::<Vec<_>>(), "each once");
    assert_eq!((old.open(), new.open()), (0, 2));
    assert_eq!(old.happened(), ["closed_edge_restarts 2", "opened 2"]);
    assert_eq!(new.happened(), ["moved 2", "opened 2", "resumed 2"]);
}

#[tokio::test]
async fn what_an_origin_that_hangs_may_have_read_is_called_uncertain_and_not_sent_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::<Mutex<Vec<Message>>>::default();
    let hears = heard.clone();
    tokio::spawn(async move {
        // The first one opens, and then reads nothing more.
        let _hangs = tokio_tungstenite::accept_async(listener.accept().await.unwrap().0).await.unwrap();
        loop {
            let Ok(mut ws) = tokio_tungstenite::accept_async(listener.accept().await.unwrap().0).await else {
                continue;
            };
            while let Some(Ok(message)) = ws.next().await {
                if message.is_text() {
                    hears.lock().unwrap().push(message);
                }
            }
        }
    });
    let old = Edge::start(address, SocketSpec::default()).await;
    let new = Edge::start(address, SocketSpec::default()).await;
    new.takes_over(&old, false);
    let mut client = Client::begin(&old).await;
    for n in 1..=5 {
        client.say(n.to_string()).await;
    }
    client.until(|c| c.unacked() == 0).await;
    let drained = drain(&old);
    client.until(|c| c.closed.is_some()).await;
    assert_eq!((client.closed.as_ref().unwrap().0, client.read), (WAITS, 0));
    client.say("6").await;
    client.connect(&new).await;
    client.until(|c| c.origin.len() == 3 && c.unacked() == 0 && c.read == 6).await;
    assert_eq!(client.uncertain, [(1, 5)], "told once, by whoever has the session");
    assert_eq!(numbers(&heard.lock().unwrap()), [6]);
    assert_eq!(soon(drained).await.unwrap(), 0);
}

#[tokio::test]
async fn a_client_that_comes_before_its_session_gets_it() {
    let origin = Origin::start().await;
    let (old, new) = old_and_new(&origin, false).await;
    let mut client = Client::begin(&old).await;
    client.say("1").await;
    client.until(|c| c.messages.len() == 1 && c.read == 1).await;
    // The old one does not know it yet, and is not told to go.
    client.cut();
    client.connect(&new).await;
    assert_eq!(client.welcome["resumed"], json!(true));
    client.say("2").await;
    client.until(|c| c.messages.len() == 2).await;
    assert_eq!(numbers(&client.messages), [1, 2]);
    assert_eq!((client.uncertain.len(), old.open()), (0, 0));
}

#[tokio::test]
async fn a_strangers_word_is_as_unknown_while_sessions_may_come() {
    let origin = Origin::start().await;
    let (old, new) = old_and_new(&origin, false).await;
    let mut client = Client::begin(&old).await;
    let mut thief = Client::new(&[]);
    let session = client.session.clone().unwrap();
    thief.session = Some((session.0, "x".repeat(43)));
    thief.connect(&new).await;
    assert_eq!(thief.closed, Some((4901, String::new())));
    // It was moved for that, and its owner has lost nothing.
    client.until(|c| c.closed.is_some()).await;
    client.connect(&new).await;
    assert_eq!(client.welcome["resumed"], json!(true));
}

#[tokio::test]
async fn what_the_other_process_does_not_take_ends_with_1012() {
    let origin = Origin::start().await;
    let (old, new) = old_and_new(&origin, true).await;
    let mut client = Client::begin(&old).await;
    client.say("1").await;
    client.until(|c| c.read == 1).await;
    let drained = drain(&old);
    client.until(|c| c.closed.is_some()).await;
    assert_eq!(client.closed.as_ref().unwrap().0, 1012);
    assert_eq!(soon(drained).await.unwrap(), 0);
    assert_eq!((numbers(&client.messages), new.open()), (vec![1], 0));
}
