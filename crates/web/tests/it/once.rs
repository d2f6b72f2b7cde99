//! Writes under an `Idempotency-Key`.

use crate::running::{Answer, Running, start};
use serde_json::json;

const BODY: &str =
    r#"{"title":"Cards are declined","text":"We look","services":{"checkout":"partial_outage"}}"#;

async fn open(s: &Running, token: &str, key: &str, body: &str) -> Answer {
    s.call("POST", "/api/v1/incidents", &format!("{token}Idempotency-Key: {key}\r\n"), body).await
}

async fn incidents(s: &Running, token: &str) -> usize {
    s.call("GET", "/api/v1/incidents", token, "").await.json()["incidents"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_under_the_same_key_is_carried_out_once_and_answered_the_same() {
    let s = start().await;
    let token = s.token().await;
    // At the same time, as from a client that lost its patience.
    let (first, second) = tokio::join!(open(&s, &token, "\"a\"", BODY), open(&s, &token, "\"a\"", BODY));
    assert_eq!((first.status, second.status), (201, 201), "{}", first.text());
    assert_eq!(first.json(), second.json());
    let path = format!("/api/v1/incidents/{}", first.json()["id"].as_str().unwrap());
    let keyed = format!("{token}Idempotency-Key: b\r\n");
    let update = json!({ "text": "Found it", "status": "identified" }).to_string();
    let updated = s.call("POST", &format!("{path}/updates"), &keyed, &update).await;
    assert_eq!(updated.status, 200, "{}", updated.text());
    let again = s.call("POST", &format!("{path}/updates"), &keyed, &update).await;
    assert_eq!(updated.json(), again.json());
    assert_eq!(again.json()["updates"].as_array().unwrap().len(), 2);

    // Still the answer of then, in quotes or not; and there is one incident.
    let late = open(&s, &token, "a", BODY).await;
    assert_eq!((late.status, late.json()), (201, first.json()));
    assert_eq!(late.header("location"), first.header("location"));
    assert_eq!(incidents(&s, &token).await, 1);

    // Resolved twice is refused, unless it is the same wish.
    let keyed = format!("{token}Idempotency-Key: c\r\n");
    for _ in 0..2 {
        assert_eq!(s.call("POST", &format!("{path}/resolve"), &keyed, "{}").await.status, 200);
    }
    assert_eq!(s.call("POST", &format!("{path}/resolve"), &token, "{}").await.status, 409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_request_under_a_used_key_is_refused_and_a_refused_one_may_be_put_right() {
    let s = start().await;
    let token = s.token().await;
    let refused = open(&s, &token, "k", &BODY.replace("checkout", "chekout")).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let made = open(&s, &token, "k", BODY).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let other = open(&s, &token, "k", &BODY.replace("Cards", "Notes")).await;
    assert_eq!(other.status, 422);
    assert_eq!(other.json()["type"], "urn:stillhere:problem:idempotency-key-reused");
    let path = format!("/api/v1/incidents/{}/updates", made.json()["id"].as_str().unwrap());
    let elsewhere = s.call("POST", &path, &format!("{token}Idempotency-Key: k\r\n"), BODY).await;
    assert_eq!(elsewhere.status, 422, "{}", elsewhere.text());
    assert_eq!(incidents(&s, &token).await, 1);

    // The key of somebody else is another key.
    let theirs = s.handle.store().token_new("others", [8; 32], s.handle.clock().now().wall).await.unwrap();
    let theirs = format!("Authorization: Bearer {theirs}\r\nContent-Type: application/json\r\n");
    let made_by_them = open(&s, &theirs, "k", &BODY.replace("checkout", "shop")).await;
    assert_eq!(made_by_them.status, 201, "{}", made_by_them.text());
    assert_ne!(made_by_them.json()["id"], made.json()["id"]);

    for bad in ["\"\"", "a\r\nIdempotency-Key: b", "\"a\"b\"", &"x".repeat(256), "schl\u{fc}ssel"] {
        assert_eq!(open(&s, &token, bad, BODY).await.status, 400, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_maintenance_is_scheduled_once() {
    let s = start().await;
    let token = format!("{}Idempotency-Key: \"m\"\r\n", s.token().await);
    let now = s.handle.clock().now().wall;
    let in_hours = |n: u64| now.plus(std::time::Duration::from_secs(n * 3_600)).to_string();
    let body = json!({
        "title": "New database", "services": ["shop"], "starts_at": in_hours(24), "ends_at": in_hours(26),
    })
    .to_string();
    let first = s.call("POST", "/api/v1/maintenances", &token, &body).await;
    let second = s.call("POST", "/api/v1/maintenances", &token, &body).await;
    assert_eq!((first.status, first.json()), (201, second.json()), "{}", first.text());
    let all = s.get("/api/v1/maintenances").await.json();
    assert_eq!(all["maintenances"].as_array().unwrap().len(), 1);
}
