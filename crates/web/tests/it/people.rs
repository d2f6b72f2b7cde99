//! People and tokens, as an admin looks after them.

use crate::{
    access::{Browser, PASSWORD, add, kim},
    running::start,
};
use serde_json::{Value, json};
use stillhere_model::Role;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_is_added_chooses_a_password_and_gets_another_role() {
    let s = start().await;
    let mut kim = kim(&s).await;
    let body = json!({ "name": "Ann", "role": "responder", "teams": ["payments"] });
    let added = kim.ask("POST", "/api/v1/people", &body).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let added = added.json();
    let token = added["setup"]["token"].as_str().unwrap();
    assert_eq!(added["setup"]["path"], format!("/console/#setup={token}"));
    assert_eq!(
        kim.ask("POST", "/api/v1/people", &json!({ "name": "ann", "role": "viewer" })).await.status,
        409
    );

    let mut ann = Browser::new(&s, "192.0.2.6");
    let setup = |name: &str| json!({ "token": token, "name": name, "password": PASSWORD });
    assert_eq!(ann.ask("POST", "/api/v1/setup", &setup("bob")).await.status, 422, "the link is hers");
    let me = ann.ask("POST", "/api/v1/setup", &setup("ann")).await;
    assert_eq!(me.json()["person"]["teams"], json!(["payments"]), "{}", me.text());
    assert_eq!(ann.ask("GET", "/api/v1/people", &Value::Null).await.status, 403);

    let path = format!("/api/v1/people/{}", added["person"]["id"].as_str().unwrap());
    let same = kim.ask("PATCH", &path, &json!({ "role": "responder" })).await;
    assert_eq!(same.status, 200);
    assert_eq!(
        ann.ask("GET", "/api/v1/session", &Value::Null).await.status,
        200,
        "nothing has changed for her"
    );
    let changed = kim.ask("PATCH", &path, &json!({ "role": "admin", "teams": [] })).await;
    assert_eq!(changed.json()["role"], "admin", "{}", changed.text());
    assert_eq!(ann.ask("GET", "/api/v1/session", &Value::Null).await.status, 401, "she logs in again");
    assert_eq!(ann.log_in("ann", PASSWORD).await.status, 200);
    assert_eq!(ann.ask("GET", "/api/v1/people", &Value::Null).await.status, 200);

    let list = ann.ask("GET", "/api/v1/people", &Value::Null).await.json();
    let names: Vec<&str> =
        list["people"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Ann", "kim"]);
    assert!(!list.to_string().contains("argon2"), "{list}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_removed_or_reset_is_out_at_once() {
    let s = start().await;
    let mut kim = kim(&s).await;
    let id = add(&s, &mut kim, "ann", Role::Responder).await;
    let mut ann = Browser::new(&s, "192.0.2.6");
    assert_eq!(ann.log_in("ann", PASSWORD).await.status, 200);
    let reset = kim.ask("POST", &format!("/api/v1/people/{id}/reset"), &Value::Null).await;
    assert_eq!(reset.status, 200, "{}", reset.text());
    assert_eq!(ann.ask("GET", "/api/v1/session", &Value::Null).await.status, 401);
    assert_eq!(ann.log_in("ann", PASSWORD).await.status, 401, "the old password is gone");
    let token = reset.json()["setup"]["token"].clone();
    let body = json!({ "token": token, "name": "ann", "password": "mein hund frisst blau" });
    assert_eq!(ann.ask("POST", "/api/v1/setup", &body).await.status, 200);
    assert_eq!(kim.ask("DELETE", &format!("/api/v1/people/{id}"), &Value::Null).await.status, 204);
    assert_eq!(ann.ask("GET", "/api/v1/session", &Value::Null).await.status, 401);
    assert_eq!(ann.log_in("ann", "mein hund frisst blau").await.status, 401);
    let again = kim.ask("POST", "/api/v1/people", &json!({ "name": "ann", "role": "viewer" })).await;
    assert_eq!(again.status, 409, "a name in the journal is one person");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_admin_stays() {
    let s = start().await;
    let mut kim = kim(&s).await;
    let people = kim.ask("GET", "/api/v1/people", &Value::Null).await.json();
    let path = format!("/api/v1/people/{}", people["people"][0]["id"].as_str().unwrap());
    assert_eq!(kim.ask("DELETE", &path, &Value::Null).await.status, 409);
    assert_eq!(kim.ask("PATCH", &path, &json!({ "role": "viewer" })).await.status, 409);
    add(&s, &mut kim, "ann", Role::Admin).await;
    assert_eq!(kim.ask("DELETE", &path, &Value::Null).await.status, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_makes_tokens_that_end() {
    let s = start().await;
    let mut kim = kim(&s).await;
    let later = s.handle.clock().now().wall.plus(std::time::Duration::from_secs(3_600)).to_string();
    let body = json!({ "name": "ci", "role": "viewer", "expires_at": later });
    let made = kim.ask("POST", "/api/v1/tokens", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    assert_eq!(s.call("GET", "/api/v1/journal", &headers, "").await.status, 200);
    assert_eq!(s.call("POST", "/api/v1/incidents", &headers, "{}").await.status, 403);
    let list = kim.ask("GET", "/api/v1/tokens", &Value::Null).await;
    let line = list.json()["tokens"][0].clone();
    assert_eq!(
        (&line["name"], &line["role"], &line["expires_at"]),
        (&json!("ci"), &json!("viewer"), &json!(later))
    );
    assert!(line["last_used_at"].is_string() && !list.text().contains(&token));
    let past = json!({ "name": "old", "expires_at": "2020-01-01T00:00:00Z" });
    assert_eq!(kim.ask("POST", "/api/v1/tokens", &past).await.status, 422);
    assert_eq!(kim.ask("DELETE", "/api/v1/tokens/ci", &Value::Null).await.status, 204);
    assert_eq!(s.call("GET", "/api/v1/journal", &headers, "").await.status, 401);
}
