//! What staff write down for each other: who may, what is refused, and that the colleagues' pages hear of it.

use crate::running::start;
use serde_json::json;
use stillhere_model::Role;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_is_bounded_is_there_once_and_is_taken_out_by_whoever_wrote_it() {
    let s = start().await;
    let (kim, lee) = (s.session(Role::Responder, &[]).await, s.session(Role::Responder, &[]).await);
    let (reader, admin) = (s.session(Role::Viewer, &[]).await, s.session(Role::Admin, &[]).await);
    let opening = r#"{"title":"T","text":"X","services":{"checkout":"major_outage"}}"#;
    let opened = s.call("POST", "/api/v1/incidents", &kim, opening).await;
    let id = opened.json()["id"].as_str().unwrap().to_owned();
    let notes = format!("/api/v1/incidents/{id}/notes");
    for (text, said) in [
        (String::new(), "must not be empty"),
        (" \n\u{202e}".into(), "must not be empty"),
        ("字".repeat(4_001), "at most 4000"),
    ] {
        let refused = s.call("POST", &notes, &kim, &json!({ "text": text }).to_string()).await;
        assert!(refused.status == 422 && refused.text().contains(said), "{}", refused.text());
    }
    assert_eq!(
        s.call("POST", &notes, &kim, r#"{"text":"x","public":true}"#).await.status,
        422,
        "an unknown key"
    );

    let keyed = format!("{kim}Idempotency-Key: \"one\"\r\n");
    let hostile = json!({"text": "<img src=x onerror=alert(1)>\r\nnpm\u{202e}exe\u{0}"}).to_string();
    let first = s.call("POST", &notes, &keyed, &hostile).await;
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(
        first.json()["text"],
        "<img src=x onerror=alert(1)>\nnpmexe",
        "case t: as text, and without what turns it"
    );
    let again = s.call("POST", &notes, &keyed, &hostile).await;
    assert_eq!((again.status, again.json()), (201, first.json()));
    let other = s.call("POST", &notes, &keyed, r#"{"text":"another"}"#).await;
    assert!(other.status == 422 && other.text().contains("idempotency-key-reused"), "{}", other.text());
    let theirs = format!("{lee}Idempotency-Key: \"one\"\r\n");
    assert_eq!(
        s.call("POST", &notes, &theirs, r#"{"text":"of lee"}"#).await.status,
        201,
        "keys of two never meet"
    );

    let page = async |who: &str| {
        s.call("GET", &format!("/api/v1/console/incidents/{id}"), who, "").await.json()["notes"].clone()
    };
    assert_eq!(page(&reader).await.as_array().unwrap().len(), 2, "reading is not divided");
    let one = format!("{notes}/{}", first.json()["id"].as_str().unwrap());
    assert_eq!(s.call("DELETE", &one, &lee, "").await.status, 403);
    assert_eq!(s.call("DELETE", &one, &kim, "").await.status, 204);
    let of_lee = format!("{notes}/{}", page(&reader).await[1]["id"].as_str().unwrap());
    assert_eq!(s.call("DELETE", &of_lee, &admin, "").await.status, 204);
    for note in page(&reader).await.as_array().unwrap() {
        assert!(note["text"].is_null() && note["taken_out_by"].is_string(), "{note}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_responder_with_teams_writes_where_they_may_speak_and_a_console_that_waits_is_told() {
    let s = start().await;
    let (payments, all) =
        (s.session(Role::Responder, &["payments"]).await, s.session(Role::Responder, &[]).await);
    let open = async |service: &str| {
        let body = format!(r#"{{"title":"T","text":"X","services":{{"{service}":"major_outage"}}}}"#);
        let made = s.call("POST", "/api/v1/incidents", &all, &body).await;
        format!("/api/v1/incidents/{}/notes", made.json()["id"].as_str().unwrap())
    };
    let (own, foreign) = (open("checkout").await, open("shop").await);
    assert_eq!(s.call("POST", &foreign, &payments, r#"{"text":"x"}"#).await.status, 403);
    let looked = s.call("GET", "/api/v1/console/overview", &all, "").await.json();
    let (seen, notes) = (looked["seen"].as_str().unwrap(), &looked["notes"]);
    // Everything else is as it was: the answer waits, and comes because of the note.
    let path = format!("/api/v1/console/overview?seen={seen}&notes={notes}&wait=20");
    let (waited, written) =
        tokio::join!(s.call("GET", &path, &all, ""), s.call("POST", &own, &payments, r#"{"text":"x"}"#));
    assert_eq!(written.status, 201);
    assert_ne!(&waited.json()["notes"], notes, "{}", waited.text());
}
