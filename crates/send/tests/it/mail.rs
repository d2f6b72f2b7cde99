//! Mail through exim, and past servers that misbehave.

use crate::{
    exim::{Exim, PASSWORD},
    kit::{SOON, channel, file_with, free_port, mail, now, proof, put_off, refused},
};
use serde_json::json;
use std::time::Duration;
use stillhere_model::Receipt;
use stillhere_send::{Channel, ChannelSpec};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

fn plain(port: u16, to: &[&str]) -> serde_json::Value {
    json!({ "kind": "mail", "host": "127.0.0.1", "port": port, "tls": "none", "timeout_s": 5,
            "from": "Shop Status <status@shop.test>", "to": to })
}

#[tokio::test]
async fn a_mail_arrives_with_its_id_its_thread_and_both_parts() {
    let exim = Exim::start().await;
    let m = mail(1, "结账服务中断 (checkout)");
    let receipt = channel(plain(exim.port, &["ops@mail.test", "boss@mail.test"])).deliver(&m, now()).await;
    let proof = proof(receipt);
    assert!(proof.starts_with("250 OK"), "{proof}");
    let inbox = file_with(&exim.inbox(), "text/html").await;
    for want in [
        &format!("Message-ID: <{}@shop.test>", m.id),
        "References: <incident-1@shop.test>",
        "Auto-Submitted: auto-generated",
        "From: \"Shop Status\" <status@shop.test>",
        "Content-Type: multipart/alternative",
        "More follows.",
    ] {
        assert!(inbox.contains(want), "{want:?} is not in:\n{inbox}");
    }
    // a lone dot in the text did not end the mail
    assert!(inbox.contains("<b>down</b>"), "{inbox}");
}

#[tokio::test]
async fn starttls_and_tls_verify_the_server_and_then_log_in() {
    let exim = Exim::start().await;
    let dir = tempfile::tempdir().unwrap();
    let password = dir.path().join("password");
    std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let spec = |tls: &str, port: u16| {
        let mut spec = plain(port, &["ops@mail.test"]);
        spec["host"] = json!("localhost");
        spec["tls"] = json!(tls);
        spec["ca_file"] = json!(exim.ca_file());
        spec["user"] = json!("alice");
        spec["password"] = json!({ "file": password });
        spec
    };
    for (n, tls, port) in [(1, "starttls", exim.port), (2, "tls", exim.tls_port)] {
        let m = mail(n, "over TLS");
        proof(channel(spec(tls, port)).deliver(&m, now()).await);
        file_with(&exim.inbox(), &m.id.to_string()).await;
    }
    // without the authority's certificate nobody is trusted, and nothing is sent in the clear instead
    for (tls, port) in [("starttls", exim.port), ("tls", exim.tls_port)] {
        let mut untrusted = spec(tls, port);
        untrusted.as_object_mut().unwrap().remove("ca_file");
        let reason = put_off(channel(untrusted).deliver(&mail(3, "x"), now()).await);
        assert!(reason.contains("certificate"), "{reason}");
    }
    // a wrong password is the operator's mistake, not the message's fate; it is never shown
    std::fs::write(&password, "wrong horse").unwrap();
    let channel = channel(spec("starttls", exim.port));
    let reason = put_off(channel.deliver(&mail(4, "x"), now()).await);
    assert!(reason.contains("535") || reason.to_lowercase().contains("authentication"), "{reason}");
    assert!(!reason.contains("wrong horse") && !format!("{channel:?}").contains("wrong horse"));
}

#[tokio::test]
async fn what_the_server_says_of_the_message_is_its_fate() {
    let exim = Exim::start().await;
    let to = |to: &[&str]| channel(plain(exim.port, to));
    let reason = refused(to(&["nobody@mail.test"]).deliver(&mail(1, "x"), now()).await);
    assert!(reason.contains("no such user"), "{reason}");
    let reason = refused(to(&["ops@mail.test"]).deliver(&mail(2, "refuse-me"), now()).await);
    assert!(reason.contains("content rejected"), "{reason}");
    let reason = put_off(to(&["later@mail.test"]).deliver(&mail(3, "x"), now()).await);
    assert!(reason.contains("greylisted"), "{reason}");
}

#[tokio::test]
async fn one_bad_recipient_does_not_keep_the_others_from_being_told() {
    let exim = Exim::start().await;
    let both = channel(plain(exim.port, &["nobody@mail.test", "ops@mail.test"]));
    let m = mail(1, "one is unknown");
    let said = proof(both.deliver(&m, now()).await);
    assert!(said.contains("not taken for nobody@mail.test"), "{said}");
    file_with(&exim.inbox(), &m.id.to_string()).await;
    // one is put off: wait for all at first, tell the others in the end
    let both = channel(plain(exim.port, &["later@mail.test", "ops@mail.test"]));
    let m = mail(2, "one is greylisted");
    put_off(both.deliver(&m, now()).await);
    let said = proof(both.deliver(&m, now().plus(Duration::from_secs(601))).await);
    assert!(said.contains("not taken for later@mail.test"), "{said}");
    let inbox = file_with(&exim.inbox(), &m.id.to_string()).await;
    assert_eq!(inbox.matches(&m.id.to_string()).count(), 1);
}

#[tokio::test]
async fn case_t_a_subject_with_line_ends_adds_no_header_and_no_recipient() {
    let exim = Exim::start().await;
    let m = mail(1, "Down\r\nBcc: evil@mail.test\r\nX-Evil: 1");
    proof(channel(plain(exim.port, &["ops@mail.test"])).deliver(&m, now()).await);
    let inbox = file_with(&exim.inbox(), &m.id.to_string()).await;
    assert!(inbox.contains("Subject: Down Bcc: evil@mail.test X-Evil: 1"), "{inbox}");
    assert!(!inbox.lines().any(|l| l.starts_with("Bcc:") || l.starts_with("X-Evil:")), "{inbox}");
    assert!(inbox.contains("Envelope-to: ops@mail.test\n"), "{inbox}");
}

#[tokio::test]
async fn case_f_a_black_hole_is_left_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut spec = plain(port, &["ops@mail.test"]);
    spec["timeout_s"] = json!(1);
    let started = stillhere_net::clock::mono();
    let reason = put_off(channel(spec).deliver(&mail(1, "x"), now()).await);
    assert!(reason.contains("did not finish within 1 s"), "{reason}");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_closed_port_puts_off() {
    let reason = put_off(channel(plain(free_port(), &["ops@mail.test"])).deliver(&mail(1, "x"), now()).await);
    assert!(reason.contains("no session") && reason.to_lowercase().contains("refused"), "{reason}");
}

/// Answers each line with what `answer` says (an empty text: nothing), and closes when it says `None`.
async fn scripted(
    greeting: &'static str,
    mut answer: impl FnMut(&str) -> Option<&'static str> + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (read, mut write) = socket.into_split();
            let mut lines = BufReader::new(read).lines();
            let mut say = Some(greeting);
            while let Some(line) = say {
                if !line.is_empty() && write.write_all(format!("{line}\r\n").as_bytes()).await.is_err() {
                    break;
                }
                say = match lines.next_line().await {
                    Ok(Some(line)) => answer(&line),
                    _ => None,
                };
            }
        }
    });
    port
}

#[tokio::test]
async fn a_server_that_takes_the_message_and_dies_before_it_answers_is_asked_again() {
    let mut in_message = false;
    let port = scripted("220 hi", move |line| match line {
        "." => None,
        _ if in_message => Some(""),
        "DATA" => {
            in_message = true;
            Some("354 go on")
        }
        _ => Some("250 ok"),
    })
    .await;
    let (channel, m) = (channel(plain(port, &["o@mail.test"])), mail(1, "x"));
    put_off(tokio::time::timeout(SOON, channel.deliver(&m, now())).await.unwrap());
}

#[tokio::test]
async fn a_server_that_turns_the_session_away_has_not_judged_the_message() {
    let port = scripted("554 no service for you", |_| None).await;
    let reason = put_off(channel(plain(port, &["ops@mail.test"])).deliver(&mail(1, "x"), now()).await);
    assert!(reason.contains("no service for you"), "{reason}");
}

#[tokio::test]
async fn without_starttls_nothing_is_sent_in_the_clear() {
    let port = scripted("220 hi", |line| {
        assert!(!line.starts_with("MAIL") && !line.starts_with("AUTH"), "{line}");
        Some("250 ok")
    })
    .await;
    let mut spec = plain(port, &["ops@mail.test"]);
    spec["tls"] = json!("starttls");
    let reason = put_off(channel(spec).deliver(&mail(1, "x"), now()).await);
    assert!(reason.contains("STARTTLS"), "{reason}");
}

#[test]
fn a_channel_that_cannot_work_says_what_to_change() {
    let mut spec = plain(25, &["ops@mail.test"]);
    spec["ca_file"] = json!("/nonexistent/ca.pem");
    spec["tls"] = json!("tls");
    let spec: ChannelSpec = serde_json::from_value(spec).unwrap();
    let problem = Channel::new("test", &spec).unwrap_err();
    assert_eq!(problem.path, "ca_file");
    assert!(problem.problem.contains("/nonexistent/ca.pem"));
    assert!(serde_json::from_value::<ChannelSpec>(json!({ "kind": "mail", "hots": "x" })).is_err());
}

#[tokio::test]
async fn a_message_written_for_another_kind_is_refused() {
    let m = crate::kit::hook(1, "{}");
    assert!(matches!(channel(plain(25, &["o@mail.test"])).deliver(&m, now()).await, Receipt::Refused { .. }));
}

#[tokio::test]
async fn a_rehearsal_says_what_is_in_the_way_and_sends_nothing() {
    let exim = Exim::start().await;
    let said = channel(plain(exim.port, &["ops@mail.test"])).rehearse().await.unwrap();
    assert!(said.contains("nothing was sent"), "{said}");
    assert!(!exim.inbox().exists());
    let said = channel(plain(free_port(), &["ops@mail.test"])).rehearse().await.unwrap_err();
    assert!(said.contains("no session"), "{said}");
}
