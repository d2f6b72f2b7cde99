use crate::running::{Answer, Running, start, wait_for};
use serde_json::{Value, json};

async fn open(s: &Running, token: &str, body: &Value) -> Answer {
    s.call("POST", "/api/v1/incidents", token, &body.to_string()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_is_opened_updated_resolved_and_corrected_over_http() {
    let s = start().await;
    let token = s.token().await;
    let made = open(
        &s,
        &token,
        &json!({
            "title": { "en": "Cards are declined", "zh-CN": "银行卡被拒" },
            "text": "We are looking into it",
            "services": { "checkout": "partial_outage" },
        }),
    )
    .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let incident = made.json();
    let id = incident["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/incidents/{id}");
    assert_eq!(made.header("location"), Some(path.replace('-', "").as_str()));
    assert_eq!(incident["status"], "investigating");
    assert_eq!(incident["updates"][0]["by"], "token tests");

    // The public reads the same, without the names of people.
    let public = wait_for("the page knows it", || async {
        let answer = s.get(&path).await;
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    assert_eq!(public["updates"][0]["by"], "person");
    let summary = wait_for("v2 knows it", || async {
        let summary = s.get("/api/v2/summary.json").await.json();
        (!summary["incidents"].as_array().unwrap().is_empty()).then_some(summary)
    })
    .await;
    assert_eq!(summary["incidents"][0]["name"], "Cards are declined");
    assert!(
        s.get(&format!("/incidents/{}", id.replace('-', ""))).await.text().contains("Cards are declined")
    );

    let update = json!({ "text": "The bank's fault", "status": "identified" }).to_string();
    let updated = s.call("POST", &format!("{path}/updates"), &token, &update).await;
    assert_eq!(updated.json()["status"], "identified", "{}", updated.text());
    // Whoever says nothing has taken nothing back.
    assert_eq!(s.call("POST", &format!("{path}/eta"), &token, "{}").await.status, 422);
    let silent = s.call("POST", &format!("{path}/eta"), &token, r#"{"by":null}"#).await;
    assert_eq!((silent.status, silent.json()["etas"][0]["by"].is_null()), (200, true));
    let resolved = s.call("POST", &format!("{path}/resolve"), &token, r#"{"text":"It works again"}"#).await;
    assert_eq!(resolved.json()["status"], "resolved", "{}", resolved.text());
    insta::assert_snapshot!(
        s.call("POST", &format!("{path}/resolve"), &token, "{}")
            .await
            .problem()
            .replace(&id.replace('-', ""), "[incident]")
    );
    let text = json!({ "update": { "id": incident["updates"][0]["id"], "text": "We were looking into it" } })
        .to_string();
    let corrected = s.call("POST", &format!("{path}/correct"), &token, &text).await;
    assert_eq!(corrected.status, 200, "{}", corrected.text());
    assert!(corrected.text().contains("text_corrected"), "the old words stay visible");

    let journal = s.call("GET", "/api/v1/journal?limit=1000", &token, "").await.json();
    let kinds: Vec<&str> =
        journal["entries"].as_array().unwrap().iter().filter_map(|e| e["entry"]["entry"].as_str()).collect();
    for kind in ["commanded", "incident_opened", "incident_resolved"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_maintenance_is_scheduled_and_cancelled_over_http() {
    let s = start().await;
    let token = s.token().await;
    let now = s.handle.clock().now().wall;
    let in_hours = |n: u64| now.plus(std::time::Duration::from_secs(n * 3_600)).to_string();
    let body = json!({
        "title": "New database", "services": ["shop"], "starts_at": in_hours(24), "ends_at": in_hours(26),
    });
    let made = s.call("POST", "/api/v1/maintenances", &token, &body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let path = made.header("location").unwrap().to_owned();
    assert_eq!(made.json()["status"], "scheduled");
    let updated = s
        .call(
            "POST",
            &format!("{path}/updates"),
            &token,
            &json!({ "text": "An hour more", "ends_at": in_hours(27) }).to_string(),
        )
        .await;
    assert_eq!(updated.json()["ends_at"], in_hours(27), "{}", updated.text());
    let gone = s.call("POST", &format!("{path}/cancel"), &token, "{}").await;
    assert_eq!(gone.json()["status"], "cancelled", "{}", gone.text());
    assert_eq!(s.call("POST", &format!("{path}/complete"), &token, "{}").await.status, 409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_and_operator_reads_need_a_token_and_public_reads_do_not() {
    let s = start().await;
    let token = s.token().await;
    for path in [
        "/api/v1/status",
        "/api/v1/services",
        "/api/v1/incidents",
        "/api/v1/maintenances",
        "/api/v1/openapi.json",
    ] {
        assert_eq!(s.get(path).await.status, 200, "{path}");
    }
    for path in [
        "/api/v1/journal",
        "/api/v1/outbox",
        "/api/v1/outbox/dead",
        "/api/v1/services/shop/checks/nightly-job/observations",
    ] {
        let refused = s.get(path).await;
        assert_eq!(
            (refused.status, refused.header("www-authenticate")),
            (401, Some("bearer realm=\"stillhere\"")),
            "{path}"
        );
        assert_eq!(s.call("GET", path, &token, "").await.status, 200, "{path}");
    }
    for header in [
        "",
        "Authorization: Bearer wrong\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: Basic dGVzdHM6\r\n",
        "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n",
    ] {
        let headers = format!("{header}Content-Type: application/json\r\n");
        for path in ["/api/v1/incidents", "/api/v1/maintenances", "/api/v1/reload"] {
            assert_eq!(s.call("POST", path, &headers, "{}").await.status, 401, "{header}{path}");
        }
    }
    insta::assert_snapshot!(
        s.call("GET", "/api/v1/journal", "Authorization: Bearer wrong\r\n", "").await.problem()
    );
    assert_eq!(
        s.call("GET", "/api/v1/incidents", "Authorization: Bearer wrong\r\n", "").await.status,
        401,
        "not ignored"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_request_is_said_as_a_problem() {
    let s = start().await;
    let token = s.token().await;
    let good = json!({ "title": "T", "text": "X", "services": { "checkout": "partial_outage" } });
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body.to_string()
    };
    let mut said = String::new();
    for (what, method, path, headers, body) in [
        ("an unknown field", "POST", "/api/v1/incidents", &token, with("titel", "T".into())),
        ("a missing field", "POST", "/api/v1/incidents", &token, "{\"title\":\"T\"}".into()),
        ("not JSON", "POST", "/api/v1/incidents", &token, "{title}".into()),
        (
            "an unknown status",
            "POST",
            "/api/v1/incidents",
            &token,
            with("services", json!({ "checkout": "broken" })),
        ),
        (
            "an unknown service",
            "POST",
            "/api/v1/incidents",
            &token,
            with("services", json!({ "chekout": "partial_outage" })),
        ),
        (
            "two fields at once",
            "POST",
            "/api/v1/incidents",
            &token,
            json!({ "title": " ", "text": "x".repeat(10_001) }).to_string(),
        ),
        ("not a time", "POST", "/api/v1/incidents", &token, with("started_at", "yesterday".into())),
        ("too large", "POST", "/api/v1/incidents", &token, with("text", "x".repeat(70_000).into())),
        (
            "the wrong type",
            "POST",
            "/api/v1/incidents",
            &token.replace("application/json", "text/plain"),
            good.to_string(),
        ),
        ("the wrong method", "DELETE", "/api/v1/incidents", &token, String::new()),
        (
            "an unknown incident",
            "POST",
            "/api/v1/incidents/0190b5b0-0000-7000-8000-000000000000/resolve",
            &token,
            "{}".into(),
        ),
        ("an unknown parameter", "GET", "/api/v1/incidents?page=2", &token, String::new()),
        ("a bad number", "GET", "/api/v1/journal?limit=0", &token, String::new()),
        ("an unknown check", "GET", "/api/v1/services/shop/checks/none/latency", &token, String::new()),
        (
            "too many points",
            "GET",
            "/api/v1/services/shop/checks/nightly-job/latency?from=2020-01-01T00:00:00Z&step_minutes=1",
            &token,
            String::new(),
        ),
    ] {
        let answer = s.call(method, path, headers, &body).await;
        said += &format!("--- {what}\n{}\n", answer.problem());
        if what == "the wrong method" {
            assert!(answer.header("allow").is_some_and(|a| a.contains("post")), "{}", answer.head);
        }
    }
    insta::assert_snapshot!(said);
}

/// Text from outside is shown as text wherever the web side shows it, and is bounded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_t_hostile_text_is_shown_as_text_everywhere() {
    let s = start().await;
    let token = s.token().await;
    let evil =
        "</script><script>alert(1)</script>\r\nSet-Cookie: a=b\u{202e}gpj.exe<img src=x onerror=alert(1)>";
    let made = open(
        &s,
        &token,
        &json!({ "title": evil, "text": evil, "services": { "checkout": "partial_outage" } }),
    )
    .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    wait_for("the page shows it", || async {
        s.express("/", "").await.text().contains("alert(1)").then_some(())
    })
    .await;
    for path in ["/", "/history", "/history.rss", "/history.atom", &format!("/incidents/{id}")] {
        let answer = s.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text().contains("<script>alert"), "{path}");
        assert!(!answer.text().contains("<img src=x"), "{path}");
        assert!(!answer.head.contains("set-cookie"), "{path}");
    }
    let summary = s.get("/api/v2/summary.json").await;
    assert_eq!(
        summary.header("content-type"),
        Some("application/json"),
        "a browser does not take it for a page"
    );
    assert_eq!(summary.header("x-content-type-options"), Some("nosniff"));
    // 10 MB are refused before they are read.
    let head = format!("{token}Expect: 100-continue\r\nContent-Length: 10000000\r\n");
    let refused = s.call("POST", "/api/v1/incidents", &head, "").await;
    assert_eq!(refused.status, 413);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visitors_do_not_hear_of_services_that_are_not_public() {
    let s = start().await;
    let token = s.token().await;
    let services = json!({ "checkout": "partial_outage", "secret-ledger": "major_outage" });
    let made =
        open(&s, &token, &json!({ "title": "Cards", "text": "We are looking", "services": services })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let path = format!("/api/v1/incidents/{}", made["id"].as_str().unwrap());
    let public = wait_for("the page knows it", || async {
        let answer = s.get(&path).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(public.json()["affected"].as_array().unwrap().len(), 1, "{}", public.text());
    for path in [path.as_str(), "/api/v1/incidents", "/api/v1/services", "/api/v2/summary.json", "/"] {
        let answer = s.get(path).await;
        let said = answer.text();
        assert!(!said.contains("ledger") && !said.contains("Ledger"), "{path}: {said}");
    }
    let staff = s.call("GET", &path, &token, "").await.json();
    assert_eq!(staff["affected"].as_array().unwrap().len(), 2, "{staff}");
}
