//! The operator's own templates: checked when they are kept, filled in the decision that publishes, and never with nothing.

use crate::running::{Running, start};
use serde_json::{Value, json};
use stillhere_model::Role;

async fn keep(s: &Running, who: &str, id: &str, table: Value) -> crate::running::Answer {
    let new = format!("{who}If-None-Match: *\r\n");
    s.call("PUT", &format!("/api/v1/settings/templates/{id}"), &new, &json!({ "table": table }).to_string())
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_is_checked_when_it_is_kept_and_what_is_wrong_has_its_place() {
    let s = start().await;
    let admin = s.session(Role::Admin, &[]).await;
    let text = |en: &str, zh: &str| json!({"name": "Disk", "text": {"en": en, "zh-CN": zh}});
    for (table, field, said) in [
        (
            text("Over by {until}.", "好"),
            "text.en",
            "{until} cannot be filled in; what can is {services}, {began}",
        ),
        (text("Fine.", "{eta"), "text.zh-CN", "a brace without its other one"),
        (text("Fine.", " "), "text.zh-CN", "is empty"),
        (json!({"name": "Disk"}), "text", "is missing"),
        (json!({"name": "Disk", "text": "x", "status": "postmortem"}), "status", "investigating"),
        (json!({"name": "Disk", "text": "x".repeat(2_001)}), "text", "2000"),
        (json!({"name": "Disk", "text": "x", "colour": "red"}), "colour", ""),
    ] {
        let refused = keep(&s, &admin, "disk", table).await;
        assert_eq!(refused.status, 422, "{field}: {}", refused.text());
        let errors = refused.json()["errors"].clone();
        assert_eq!(errors[0]["field"], field, "{errors}");
        assert!(errors[0]["problem"].as_str().unwrap().contains(said), "{errors}");
    }
    let kept =
        keep(&s, &admin, "disk", json!({"name": "Disk", "text": "{services} {{x}}", "status": "identified"}))
            .await;
    assert_eq!(kept.status, 200, "{}", kept.text());
    let viewer = s.session(Role::Viewer, &[]).await;
    let list = s.call("GET", "/api/v1/settings/templates", &viewer, "").await.json();
    let one = &list["settings"][0];
    assert_eq!(
        (&one["id"], &one["origin"], &one["status"]),
        (&json!("disk"), &json!("console"), &json!("identified"))
    );
    assert_eq!(one["text"], "{services} {{x}}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_are_filled_with_what_is_true_at_that_moment_and_what_is_not_known_is_refused() {
    let s = start().await;
    let kim = s.session(Role::Responder, &[]).await;
    // One of the two is not public: its name is none of the visitors' business.
    let opening =
        r#"{"title":"T","text":"X","services":{"checkout":"major_outage","secret-ledger":"major_outage"}}"#;
    let made = s.call("POST", "/api/v1/incidents", &kim, opening).await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let at = |what: &str| format!("/api/v1/incidents/{id}/{what}");
    let preview = format!("/api/v1/console/preview/incidents/{id}/updates");
    let text = json!({"en": "{services} is down since {began}, {{so}}. Next word by {next_update}.", "zh-CN": "{services}中断，{next_update}前再更新。"});
    let body = json!({"text": text, "fill": true}).to_string();

    let seen = s.call("POST", &preview, &kim, &body).await.json();
    assert_eq!(seen["missing"], json!([]));
    let html = seen["languages"]["en"]["html"].as_str().unwrap();
    assert!(
        html.contains("Checkout is down since ") && html.contains("{so}") && !html.contains("Ledger"),
        "{html}"
    );
    assert!(seen["languages"]["zh-CN"]["html"].as_str().unwrap().contains("结账中断，"));

    let keyed = format!("{kim}Idempotency-Key: \"once\"\r\n");
    let said = s.call("POST", &at("updates"), &keyed, &body).await;
    assert_eq!(said.status, 200, "{}", said.text());
    let update = said.json()["updates"].as_array().unwrap().last().unwrap().clone();
    let words = &update["said"]["text"];
    let due: stillhere_model::Time = serde_json::from_value(update["next_update_by"].clone()).unwrap();
    let clock = stillhere_tell::words::Words::new(stillhere_model::Lang::En, "UTC").clock(due, due);
    assert!(
        words["en"].as_str().unwrap().ends_with(&format!("Next word by {clock} (UTC).")),
        "what is promised is what is said: {update}"
    );
    assert!(!update.to_string().contains("next_update}"), "{update}");
    // Sent again under its name it is the same, whatever has become of the incident.
    let eta = json!({"by": due}).to_string();
    assert_eq!(
        s.call("POST", &at("resolve"), &kim, r#"{"text":"Over after {duration}.","fill":true}"#).await.status,
        200
    );
    let again = s.call("POST", &at("updates"), &keyed, &body).await;
    assert_eq!((again.status, again.json()), (200, said.json()));
    let over = s.call("GET", &format!("/incidents/{id}"), "", "").await;
    assert!(over.text().contains("Over after ") && !over.text().contains("{duration}"), "{}", over.text());

    // Without `fill` braces are braces.
    let other = s
        .call(
            "POST",
            "/api/v1/incidents",
            &kim,
            r#"{"title":"T","text":"{eta}","services":{"secret-ledger":"major_outage"}}"#,
        )
        .await;
    assert_eq!(other.json()["updates"][0]["said"]["text"], "{eta}", "{}", other.text());
    let id = other.json()["id"].as_str().unwrap().to_owned();
    let at = |what: &str| format!("/api/v1/incidents/{id}/{what}");
    for (text, said) in [
        ("Over by {eta}.", "{eta} has nothing to stand for: no time is given"),
        ("{services} is down.", "{services} has nothing to stand for: no service that visitors see"),
        ("By {when}.", "{when} cannot be filled in"),
    ] {
        let body = json!({"text": text, "fill": true}).to_string();
        let refused = s.call("POST", &at("updates"), &kim, &body).await;
        assert!(refused.status == 422 && refused.text().contains(said), "{}", refused.text());
        assert_eq!(refused.json()["errors"][0]["field"], "text");
    }
    let body = json!({"text": "Over by {eta}.", "fill": true}).to_string();
    let preview = format!("/api/v1/console/preview/incidents/{id}/updates");
    assert_eq!(s.call("POST", &preview, &kim, &body).await.json()["missing"], json!(["eta"]));
    assert_eq!(s.call("POST", &at("eta"), &kim, &eta).await.status, 200);
    let said = s.call("POST", &at("updates"), &kim, &body).await;
    assert!(said.text().contains(&format!("Over by {clock} (UTC).")), "{}", said.text());
}
