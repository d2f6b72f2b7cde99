use crate::running::{SOON, start};
use serde_json::json;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_makes_lists_and_revokes_tokens() {
    let s = start().await;
    let made = s.owner("POST", "/api/v1/tokens", r#"{"name":"deploys"}"#).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let with = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(s.call("GET", "/api/v1/journal", &with, "").await.status, 200);
    let listed = s.owner("GET", "/api/v1/tokens", "").await;
    assert_eq!(listed.json()["tokens"][0]["name"], "deploys");
    assert!(!listed.text().contains(&token), "a token is shown once");
    assert_eq!(s.owner("POST", "/api/v1/tokens", r#"{"name":"deploys"}"#).await.status, 409);
    assert_eq!(s.owner("POST", "/api/v1/tokens", r#"{"name":"a\nb"}"#).await.status, 422);
    assert_eq!(s.owner("DELETE", "/api/v1/tokens/deploys", "").await.status, 204);
    assert_eq!(s.owner("DELETE", "/api/v1/tokens/deploys", "").await.status, 404);
    assert_eq!(s.call("GET", "/api/v1/journal", &with, "").await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_calls_are_not_on_the_public_side() {
    let s = start().await;
    let token = s.token().await;
    for path in ["/control/stop", "/control/backup", "/control/command", "/control/status"] {
        assert_eq!(s.call("POST", path, &token, "{}").await.status, 404, "{path}");
        assert_eq!(s.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_commands_backs_up_and_reloads_without_a_token() {
    let s = start().await;
    let command = json!({
        "command": "open_incident", "title": "Cards are declined", "text": "We are looking", "status": "investigating",
        "impact": null, "services": [["checkout", "partial_outage"]], "started_at": null, "next_update_by": null,
    });
    let made = s.owner("POST", "/control/command", &command.to_string()).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let id = made.json()["incident"].as_str().unwrap().to_owned();
    let shown = s.owner("GET", "/api/v1/incidents", "").await.json();
    assert_eq!(shown["incidents"][0]["id"], id.as_str());
    assert_eq!(s.owner("GET", "/api/v1/journal", "").await.status, 200);
    assert_eq!(s.owner("GET", "/api/v1/services", "").await.json()["services"][0]["id"], "shop");
    assert_eq!(s.owner("GET", "/control/status", "").await.json()["open_incidents"], 1);

    let file = s.dir.path().join("copy.db");
    let backup = json!({ "file": file }).to_string();
    assert_eq!(s.owner("POST", "/control/backup", &backup).await.status, 200);
    assert!(file.metadata().unwrap().len() > 0);
    assert_eq!(
        s.owner("POST", "/control/backup", &backup).await.status,
        409,
        "an existing file is not overwritten"
    );
    assert_eq!(s.owner("POST", "/control/backup", r#"{"file":"copy.db"}"#).await.status, 422);

    assert!(s.owner("POST", "/control/reload", "").await.json()["summary"].is_string());
    std::fs::write(s.dir.path().join("stillhere.toml"), "nonsense = [").unwrap();
    let refused = s.owner("POST", "/control/reload", "").await;
    assert_eq!(refused.status, 422);
    refused.problem();
    assert_eq!(
        s.owner("GET", "/api/v1/services", "").await.json()["services"][0]["id"],
        "shop",
        "nothing changed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_can_stop_it() {
    let s = start().await;
    assert_eq!(s.owner("POST", "/control/stop", "").await.json()["stopping"], true);
    timeout(SOON, s.web).await.expect("the public side ends").unwrap();
    timeout(SOON, s.control).await.expect("the control side ends").unwrap();
}
