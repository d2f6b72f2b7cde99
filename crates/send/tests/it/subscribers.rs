//! Letters to subscribers through exim, and their webhooks.

use crate::{
    exim::Exim,
    http::{Receiver, answer},
    kit::{SOON, file_with, now, proof},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use stillhere_model::{DeliveryId, Mint, Receipt};
use stillhere_send::{
    MailSpec,
    hook::{Hooked, Hooks},
    mail::post::{List, Posted, Postman, ReadyLetter, Session},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};

fn postman(port: u16) -> Postman {
    let spec = json!({ "host": "127.0.0.1", "port": port, "tls": "none", "timeout_s": 5,
                       "from": "Shop Status <status@shop.test>", "to": ["ops@shop.test"] });
    Postman::new(&serde_json::from_value::<MailSpec>(spec).unwrap()).unwrap()
}

fn letter(n: u64, to: &str) -> ReadyLetter<'_> {
    ReadyLetter {
        id: DeliveryId(Mint::new(n).uuid(now())),
        to,
        subject: "Shop is down",
        text: "结账 is down.\r\n.\r\nMore follows.",
        html: "<p>down</p>",
        thread: Some("incident-1"),
        list: Some(List { id: "status.shop.test", leave: "https://status.shop.test/subscribe/leave/abc" }),
        return_path: None,
    }
}

fn accepted(posted: Posted) -> String {
    match posted {
        Posted::Of(receipt) => proof(receipt),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_session_carries_many_letters_past_recipients_and_texts_that_are_refused() {
    let exim = Exim::start().await;
    let (postman, mut session) = (postman(exim.port), Session::default());
    accepted(postman.post(&mut session, &letter(1, "ann@mail.test"), now()).await);
    // What is said of the recipient is told apart from what is said of the text, and from what may pass.
    let nobody = postman.post(&mut session, &letter(2, "nobody@mail.test"), now()).await;
    assert!(matches!(&nobody, Posted::NobodyThere(why) if why.contains("550")), "{nobody:?}");
    let later = postman.post(&mut session, &letter(3, "later@mail.test"), now()).await;
    assert!(matches!(later, Posted::Of(Receipt::Deferred { .. })), "{later:?}");
    let text = ReadyLetter { subject: "refuse-me", ..letter(4, "ann@mail.test") };
    let refused = postman.post(&mut session, &text, now()).await;
    assert!(matches!(refused, Posted::Of(Receipt::Refused { .. })), "{refused:?}");
    accepted(postman.post(&mut session, &letter(5, "bob@mail.test"), now()).await);
    assert_eq!(format!("{session:?}"), "Session { letters: Some(5) }", "all in one session");
    let inbox = file_with(&exim.inbox(), "To: bob@mail.test").await;
    for want in [
        "List-Id: <updates.status.shop.test>",
        "List-Unsubscribe: <https://status.shop.test/subscribe/leave/abc>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "Auto-Submitted: auto-generated",
        "References: <incident-1@shop.test>",
        "More follows.",
    ] {
        assert!(inbox.contains(want), "{want:?} is not in:\n{inbox}");
    }
    session.end().await;
}

/// Takes one letter a session and hangs up.
async fn hangs_up() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (read, mut write) = socket.into_split();
                let mut lines = BufReader::new(read).lines();
                write.write_all(b"220 hello\r\n").await.unwrap();
                let mut in_text = false;
                while let Ok(Some(line)) = lines.next_line().await {
                    let said: &[u8] = match (in_text, line.get(..4)) {
                        (true, _) if line == "." => b"250 taken\r\n",
                        (true, _) => continue,
                        (_, Some("EHLO")) => b"250 hello\r\n",
                        (_, Some("DATA")) => b"354 go on\r\n",
                        _ => b"250 ok\r\n",
                    };
                    write.write_all(said).await.unwrap();
                    if said.starts_with(b"250 taken") {
                        return;
                    }
                    in_text = said.starts_with(b"354");
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_server_that_ends_the_session_between_two_letters_costs_none_of_them() {
    let (postman, mut session) = (postman(hangs_up().await), Session::default());
    for n in 0..5 {
        let letter = letter(n, "ann@mail.test");
        let posted = postman.post(&mut session, &letter, now());
        accepted(tokio::time::timeout(SOON, posted).await.unwrap());
    }
}

/// As the operator names a receiver of their own.
fn authority(url: &str) -> String {
    url.split('/').nth(2).unwrap().to_owned()
}

#[tokio::test]
async fn a_subscribers_webhook_is_signed_with_a_key_that_everybody_can_verify_with() {
    let receiver = Receiver::start(|| answer(200, &[], "thanks")).await;
    let hooks = Hooks::new(&[7; 32]).unwrap();
    let id = letter(1, "").id;
    let hooked =
        hooks.deliver(&receiver.url, &[authority(&receiver.url)], id, "{\"a\":\"结账\"}", None, now()).await;
    assert!(matches!(hooked, Hooked::Of(Receipt::Accepted { .. })), "{hooked:?}");
    let arrived = receiver.arrived.lock().unwrap();
    let header = |name: &str| arrived[0].headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("webhook-id"), id.to_string());
    let signed = format!("{id}.{}.{{\"a\":\"结账\"}}", header("webhook-timestamp"));
    let public = STANDARD.decode(hooks.public_key().strip_prefix("whpk_").unwrap()).unwrap();
    let signature = STANDARD.decode(header("webhook-signature").strip_prefix("v1a,").unwrap()).unwrap();
    let verify = |text: &str| {
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &public);
        key.verify(text.as_bytes(), &signature)
    };
    assert!(verify(&signed).is_ok());
    assert!(verify(&format!("{signed} ")).is_err());
}

#[tokio::test]
async fn a_subscribers_webhook_reaches_no_inner_address_and_410_ends_it() {
    let inner = Receiver::start(|| answer(200, &[], "")).await;
    let hooks = Hooks::new(&[7; 32]).unwrap();
    let named = inner.url.replace("127.0.0.1", "localhost");
    for url in [&inner.url, &named, &inner.url.replace("127.0.0.1", "[::ffff:127.0.0.1]")] {
        let hooked =
            hooks.deliver(url, &["127.0.0.1:1".to_owned()], letter(1, "").id, "{}", None, now()).await;
        assert!(
            matches!(&hooked, Hooked::Of(Receipt::Refused { reason }) if reason.contains("not allowed")),
            "{url}: {hooked:?}"
        );
    }
    assert!(inner.arrived.lock().unwrap().is_empty());
    let gone = Receiver::start(|| answer(410, &[], "")).await;
    let hooks = Hooks::new(&[7; 32]).unwrap();
    assert!(matches!(
        hooks.deliver(&gone.url, &[authority(&gone.url)], letter(1, "").id, "{}", None, now()).await,
        Hooked::Gone(_)
    ));
    // Where an answer leads is not followed: it would be another address than the one that was confirmed.
    let away = Receiver::start(|| answer(307, &[("location", "http://127.0.0.1:1/")], "")).await;
    let led = hooks.deliver(&away.url, &[authority(&away.url)], letter(1, "").id, "{}", None, now()).await;
    assert!(matches!(led, Hooked::Of(Receipt::Deferred { .. })), "{led:?}");
}
