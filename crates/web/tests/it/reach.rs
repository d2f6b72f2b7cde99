//! Whom an incident meets: counted where something counts, and said to be unknown where nothing does.

use crate::running::start;
use serde_json::{Value, json};
use stillhere_model::{By, Role};
use stillhere_store::{NewToken, TokenScope};

fn report(number: u64, answered: u64, told: u64) -> Value {
    json!({
        "edge": "berlin", "life": 7, "number": number, "version": "1", "config": "x", "config_at": "2026-11-22T10:00:00Z",
        "notice_at": null, "window_ms": 0, "connections": 0, "sockets": 0,
        "pools": [{
            "pool": "p", "service": "checkout", "standing": "all_out", "since": "2026-11-22T10:00:00Z", "nodes": [],
            "waiting": 0, "answers_per_s": 0.0, "tally": { "answered": answered, "told": told, "held": 3, "failed": 2 },
        }],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_counted_where_an_edge_stands_and_where_none_does_nothing_is_claimed() {
    let s = start().await;
    let viewer = s.session(Role::Viewer, &[]).await;
    let now = s.handle.clock().now().wall;
    let new =
        NewToken { name: "e", scope: TokenScope::Edge, role: Role::Viewer, teams: &[], expires_at: None };
    let token = s.handle.store().token_make(&new, [3; 32], &By::local(), now).await.unwrap();
    let edge = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let kim = s.session(Role::Responder, &[]).await;
    let opening = r#"{"title":"T","text":"X","services":{"checkout":"major_outage","shop":"partial_outage","secret-ledger":"major_outage"}}"#;
    let id =
        s.call("POST", "/api/v1/incidents", &kim, opening).await.json()["id"].as_str().unwrap().to_owned();
    let reach =
        async || s.call("GET", &format!("/api/v1/console/incidents/{id}/reach"), &viewer, "").await.json();
    let of = |r: &Value, id: &str| {
        r["services"].as_array().unwrap().iter().find(|x| x["id"] == id).unwrap()["requests"].clone()
    };
    assert!(of(&reach().await, "checkout").is_null(), "no edge has spoken yet");

    for (number, answered, told) in [(1, 10, 40), (2, 5, 60), (2, 5, 60)] {
        let body = report(number, answered, told).to_string();
        let taken = s.call("POST", "/api/v1/edge/report", &edge, &body).await;
        assert!(taken.status < 300, "{}", taken.text());
    }
    let met = reach().await;
    let requests = of(&met, "checkout");
    let sums = ["answered", "failed", "told", "stale", "held", "edges", "silent"]
        .map(|k| requests[k].as_u64().unwrap());
    assert_eq!(sums, [15, 4, 100, 0, 6, 1, 0], "what was sent twice is counted once");
    assert!(of(&met, "shop").is_null() && of(&met, "secret-ledger").is_null());
    assert_eq!((&met["needed_by"], &met["open_pages"]), (&json!([]), &json!(0)));
    // Nobody can subscribe here: no channel could carry it.
    assert_eq!(met["subscribers"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_the_broken_one_is_named_and_of_what_visitors_do_not_see_no_subscriber_is_told() {
    let s = start().await;
    let kim = s.session(Role::Responder, &[]).await;
    let open = async |service: &str| {
        let body = format!(r#"{{"title":"T","text":"X","services":{{"{service}":"major_outage"}}}}"#);
        let id =
            s.call("POST", "/api/v1/incidents", &kim, &body).await.json()["id"].as_str().unwrap().to_owned();
        s.call("GET", &format!("/api/v1/console/incidents/{id}/reach"), &kim, "").await.json()
    };
    let shop = open("shop").await;
    // It has no check of its own: what it needs is all that is known of it, so it may be affected by now.
    let named = shop["needed_by"].as_array().unwrap().iter().chain(shop["services"].as_array().unwrap());
    assert_eq!(named.filter(|s| s["id"] == "checkout").count(), 1, "{shop}");
    assert!(shop["subscribers"].is_array());
    assert!(open("secret-ledger").await["subscribers"].is_null());
}
