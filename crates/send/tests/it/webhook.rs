//! Webhooks against a server that checks what it gets.

use crate::{
    http::{Answer, Receiver, answer},
    kit::{channel, free_port, hook, now, proof, put_off, refused},
};
use serde_json::json;
use std::time::Duration;
use stillhere_model::Receipt;
use stillhere_net::Secret;
use stillhere_send::signature::{Key, secret};
use tokio::net::TcpListener;

const BODY: &str = r#"{"type":"incident.opened","text":"结账"}"#;

fn spec(url: &str) -> serde_json::Value {
    json!({ "kind": "webhook", "url": url, "timeout_s": 5 })
}

fn ok() -> Answer {
    answer(200, &[], "thanks")
}

#[tokio::test]
async fn a_message_arrives_as_its_very_bytes_signed_with_each_secret_under_one_id() {
    let receiver = Receiver::start(ok).await;
    let dir = tempfile::tempdir().unwrap();
    let secrets = [secret([1; 32]), secret([2; 32])];
    let mut sources = Vec::new();
    for (i, s) in secrets.iter().enumerate() {
        let path = dir.path().join(format!("secret{i}"));
        std::fs::write(&path, s.expose_secret()).unwrap();
        sources.push(json!({ "file": path }));
    }
    let token = dir.path().join("token");
    std::fs::write(&token, "tok123\n").unwrap();
    let mut spec = spec(&receiver.url);
    spec["secrets"] = json!(sources);
    spec["token"] = json!({ "file": token });
    spec["headers"] = json!({ "X-Tenant": "shop" });
    let channel = channel(spec);
    let m = hook(1, BODY);
    for _ in 0..2 {
        assert_eq!(proof(channel.deliver(&m, now()).await), "HTTP 200 thanks");
    }
    let arrived = receiver.arrived.lock().unwrap();
    assert_eq!(arrived.len(), 2);
    for a in arrived.iter() {
        assert_eq!(
            (a.method.as_str(), a.path.as_str(), a.body.as_slice()),
            ("POST", "/hook?t=1", BODY.as_bytes())
        );
        let header = |name: &str| a.headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "application/json");
        assert_eq!(header("authorization"), "Bearer tok123");
        assert_eq!(header("x-tenant"), "shop");
        assert_eq!(header("webhook-id"), m.id.to_string());
        let timestamp: i64 = header("webhook-timestamp").parse().unwrap();
        assert!((timestamp - now().0 / 1000).abs() < 10);
        let expected: Vec<_> = secrets
            .iter()
            .map(|s| Key::parse(s).unwrap().sign(&m.id.to_string(), timestamp, BODY.as_bytes()))
            .collect();
        assert_eq!(header("webhook-signature"), expected.join(" "));
    }
    let shown = format!("{channel:?}");
    assert!(!shown.contains("tok123") && !shown.contains("whsec") && !shown.contains("t=1"), "{shown}");
}

#[tokio::test]
async fn without_a_secret_there_is_no_signature() {
    let receiver = Receiver::start(ok).await;
    proof(channel(spec(&receiver.url)).deliver(&hook(1, BODY), now()).await);
    let arrived = receiver.arrived.lock().unwrap();
    assert!(
        arrived[0].headers.contains_key("webhook-id")
            && !arrived[0].headers.contains_key("webhook-signature")
    );
}

#[tokio::test]
async fn the_far_sides_status_decides() {
    let receiver = Receiver::start(|| answer(503, &[("retry-after", "120")], "busy\r\nnow")).await;
    let receipt = channel(spec(&receiver.url)).deliver(&hook(1, BODY), now()).await;
    assert_eq!(
        receipt,
        Receipt::Deferred { reason: "HTTP 503 busy now".to_owned(), retry_after_ms: Some(120_000) }
    );
    let receiver = Receiver::start(|| answer(410, &[], "")).await;
    let reason = refused(channel(spec(&receiver.url)).deliver(&hook(1, BODY), now()).await);
    assert!(reason.contains("gone"), "{reason}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Receiver::start(ok).await;
    let to: &'static str = Box::leak(target.url.clone().into_boxed_str());
    let receiver = Receiver::start(move || answer(307, &[("location", to)], "")).await;
    let reason = put_off(channel(spec(&receiver.url)).deliver(&hook(1, BODY), now()).await);
    assert!(reason.contains("redirects are not followed"), "{reason}");
    assert_eq!(receiver.arrived.lock().unwrap().len(), 1);
    assert!(target.arrived.lock().unwrap().is_empty());
}

#[tokio::test]
async fn case_t_ten_megabytes_of_answer_are_not_read() {
    let receiver = Receiver::start(|| answer(200, &[], vec![b'x'; 10_000_000])).await;
    let proof = proof(channel(spec(&receiver.url)).deliver(&hook(1, BODY), now()).await);
    assert!(proof.len() <= 256, "{}", proof.len());
}

#[tokio::test]
async fn case_t_a_message_that_is_too_large_is_refused_before_it_is_sent() {
    let receiver = Receiver::start(ok).await;
    let body = format!("\"{}\"", "x".repeat(10_000_000));
    refused(channel(spec(&receiver.url)).deliver(&hook(1, &body), now()).await);
    assert!(receiver.arrived.lock().unwrap().is_empty());
}

#[tokio::test]
async fn case_f_a_black_hole_is_left_at_the_deadline_and_may_have_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut spec = spec(&format!("http://{}/", listener.local_addr().unwrap()));
    spec["timeout_s"] = json!(1);
    let started = stillhere_net::clock::mono();
    let reason = put_off(channel(spec).deliver(&hook(1, BODY), now()).await);
    assert!(reason.starts_with("perhaps received"), "{reason}");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_closed_port_puts_off_and_nothing_was_sent() {
    let reason = put_off(
        channel(spec(&format!("http://127.0.0.1:{}/", free_port()))).deliver(&hook(1, BODY), now()).await,
    );
    assert!(reason.starts_with("not sent"), "{reason}");
}

#[tokio::test]
async fn a_cloud_metadata_address_is_never_asked() {
    let reason =
        put_off(channel(spec("http://169.254.169.254/latest/")).deliver(&hook(1, BODY), now()).await);
    assert!(reason.contains("not allowed"), "{reason}");
}

#[test]
fn a_secret_that_is_none_is_named_by_its_place_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    std::fs::write(&path, "whsec_tooshort").unwrap();
    let mut spec = spec("https://example.com/");
    spec["secrets"] = json!([{ "file": path }]);
    let spec: stillhere_send::ChannelSpec = serde_json::from_value(spec).unwrap();
    let problem = stillhere_send::Channel::new("test", &spec).unwrap_err();
    assert_eq!(problem.path, "secrets[0]");
    assert!(!problem.to_string().contains("tooshort"), "{problem}");
    assert!(Key::parse(&Secret::new("whsec_tooshort")).is_err());
}

#[tokio::test]
async fn a_rehearsal_connects_and_says_nothing() {
    let receiver = Receiver::start(ok).await;
    assert!(channel(spec(&receiver.url)).rehearse().await.unwrap().contains("takes connections"));
    assert!(receiver.arrived.lock().unwrap().is_empty());
    let closed = channel(spec(&format!("http://127.0.0.1:{}/", free_port())));
    assert!(closed.rehearse().await.is_err());
}
