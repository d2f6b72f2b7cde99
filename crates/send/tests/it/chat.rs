//! Chat rooms: what an app's webhook gets, and what is made of what it says.

use crate::{
    http::{Receiver, answer},
    kit::{channel, message, now, proof, put_off, refused},
};
use serde_json::json;
use stillhere_model::{ChatApp, Payload};

fn room(app: &str, url: &str) -> stillhere_send::Channel {
    channel(json!({ "kind": "chat", "app": app, "url": url, "timeout_s": 5 }))
}

fn said(app: ChatApp, body: &str) -> Payload {
    Payload::Chat { app, body: body.to_owned() }
}

#[tokio::test]
async fn a_message_arrives_as_its_very_bytes_and_what_the_app_says_is_the_proof() {
    let receiver = Receiver::start(|| answer(200, &[], "ok")).await;
    let m = message(1, said(ChatApp::Slack, r#"{"text":"结账"}"#));
    assert_eq!(proof(room("slack", &receiver.url).deliver(&m, now()).await), "HTTP 200 ok");
    let arrived = receiver.arrived.lock().unwrap();
    assert_eq!(arrived[0].body, r#"{"text":"结账"}"#.as_bytes());
    assert_eq!((arrived[0].method.as_str(), arrived[0].path.as_str()), ("POST", "/hook?t=1"));
    assert_eq!(arrived[0].headers["content-type"], "application/json");
}

#[tokio::test]
async fn discord_is_asked_to_say_what_it_made_of_it() {
    let receiver = Receiver::start(|| answer(200, &[], r#"{"id":"1"}"#)).await;
    let m = message(1, said(ChatApp::Discord, "{}"));
    assert_eq!(proof(room("discord", &receiver.url).deliver(&m, now()).await), r#"HTTP 200 {"id":"1"}"#);
    assert_eq!(receiver.arrived.lock().unwrap()[0].path, "/hook?t=1&wait=true");
    let asked = format!("{}&wait=false", receiver.url);
    proof(room("discord", &asked).deliver(&m, now()).await);
    assert_eq!(receiver.arrived.lock().unwrap()[1].path, "/hook?t=1&wait=false", "as it was written");
}

#[tokio::test]
async fn a_room_that_takes_nothing_now_gets_it_later() {
    let busy = Receiver::start(|| answer(429, &[("retry-after", "3")], "rate_limited")).await;
    let m = message(1, said(ChatApp::Slack, "{}"));
    assert!(put_off(room("slack", &busy.url).deliver(&m, now()).await).contains("rate_limited"));
    let gone = Receiver::start(|| answer(404, &[], "no_service")).await;
    assert!(put_off(room("slack", &gone.url).deliver(&m, now()).await).contains("no_service"));
}

#[tokio::test]
async fn what_was_written_for_another_app_is_not_posted() {
    let receiver = Receiver::start(|| answer(200, &[], "ok")).await;
    let room = room("teams", &receiver.url);
    for (payload, why) in [
        (said(ChatApp::Slack, "{}"), "written for Slack; the channel is now Teams"),
        (Payload::Webhook { body: "{}".to_owned() }, "written for a webhook; the channel is now a chat room"),
    ] {
        assert_eq!(refused(room.deliver(&message(1, payload), now()).await), why);
    }
    assert!(receiver.arrived.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_address_of_a_room_is_in_no_error() {
    let room = room("slack", "http://127.0.0.1:1/services/T0/B0/secret-of-the-room");
    let why = put_off(room.deliver(&message(1, said(ChatApp::Slack, "{}")), now()).await);
    assert!(!why.contains("secret") && !format!("{room:?}").contains("secret"), "{why}");
    assert!(!room.rehearse().await.unwrap_err().contains("secret"));
}
