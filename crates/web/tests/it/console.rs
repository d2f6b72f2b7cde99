//! What the console is told: in words, at once, for staff alone; and its files.

use crate::running::{Answer, Running, start, wait_for};
use serde_json::{Value, json};

const OVERVIEW: &str = "/api/v1/console/overview";

async fn opened(s: &Running, token: &str) -> String {
    let body = json!({
        "title": { "en": "Cards are declined", "zh-CN": "银行卡被拒" },
        "text": { "en": "We are looking into it.", "zh-CN": "我们正在查找原因。" },
        "services": { "checkout": "partial_outage" },
    });
    let made = s.call("POST", "/api/v1/incidents", token, &body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

fn read(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.head);
    answer.json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reads_the_console_without_a_token() {
    let s = start().await;
    for path in [
        OVERVIEW,
        "/api/v1/console/services",
        "/api/v1/console/services/shop",
        "/api/v1/console/incidents",
        "/api/v1/console/journal",
    ] {
        assert_eq!(s.get(path).await.status, 401, "{path}");
    }
    for path in ["/api/v1/console/preview/open", "/api/v1/console/preview/incidents/x/updates"] {
        let answer = s.call("POST", path, "Content-Type: application/json\r\n", "{}").await;
        assert_eq!(answer.status, 401, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overview_that_waits_is_answered_when_something_happens() {
    let s = start().await;
    let token = s.token().await;
    let first = read(&s.call("GET", OVERVIEW, &token, "").await);
    assert_eq!(first["state"]["site"], "Lantern");
    assert_eq!(first["state"]["services"], 3, "those that are not public, too");
    assert_eq!(first["state"]["incidents"], json!([]));
    let seen = first["seen"].as_str().unwrap().to_owned();
    // Nothing new, no wait: the same state is not sent again.
    let again = read(&s.call("GET", &format!("{OVERVIEW}?seen={seen}&wait=0"), &token, "").await);
    if again["seen"] == first["seen"] {
        assert_eq!(again["state"], Value::Null);
    }
    let path = format!("{OVERVIEW}?lang=zh-CN&seen={}&wait=20", again["seen"].as_str().unwrap());
    let (told, id) = tokio::join!(
        async {
            let mut path = path;
            loop {
                let answer = read(&s.call("GET", &path, &token, "").await);
                if answer["state"]["incidents"].as_array().is_some_and(|i| !i.is_empty()) {
                    return answer;
                }
                path = format!("{OVERVIEW}?lang=zh-CN&seen={}&wait=20", answer["seen"].as_str().unwrap());
            }
        },
        opened(&s, &token)
    );
    let incident = &told["state"]["incidents"][0];
    assert_eq!((&incident["id"], &incident["title"]), (&json!(id), &json!("银行卡被拒")));
    assert_eq!(
        (&incident["said_by_person"], &incident["said"]),
        (&json!(true), &json!("我们正在查找原因。"))
    );
    let unwell = told["state"]["unwell"].as_array().unwrap();
    let checkout = unwell.iter().find(|u| u["id"] == "checkout").expect("it is not operational");
    assert_eq!(checkout["status"], "partial_outage");
    assert!(checkout["why"].as_str().unwrap().contains("人工"), "{checkout}");
    assert_eq!(s.call("GET", &format!("{OVERVIEW}?wait=26"), &token, "").await.status, 422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_shows_what_visitors_would_read_and_leaves_nothing_behind() {
    let s = start().await;
    let token = s.token().await;
    let id = opened(&s, &token).await;
    let journal = || async {
        s.call("GET", "/api/v1/journal?limit=1000", &token, "").await.text().matches("commanded").count()
    };
    let before = journal().await;
    let body = json!({ "text": { "en": "The cause is <b>known</b>.", "zh-CN": "原因已明。" }, "status": "identified" });
    let path = format!("/api/v1/console/preview/incidents/{id}/updates");
    let shown = read(&s.call("POST", &path, &token, &body.to_string()).await);
    let (en, zh) = (&shown["languages"]["en"], &shown["languages"]["zh-CN"]);
    assert_eq!((&en["title"], &zh["title"]), (&json!("Cards are declined"), &json!("银行卡被拒")));
    let html = en["html"].as_str().unwrap();
    assert!(html.contains("The cause is &lt;b&gt;known") && html.contains("Cause known"), "{html}");
    assert!(zh["html"].as_str().unwrap().contains("原因已明。"));
    let kept = read(&s.call("GET", &format!("/api/v1/incidents/{id}"), &token, "").await);
    assert_eq!((&kept["status"], kept["updates"].as_array().unwrap().len()), (&json!("investigating"), 1));
    assert_eq!(journal().await, before, "nothing was commanded");
    // The same words, once they are said, are what visitors read.
    let said = s.call("POST", &format!("/api/v1/incidents/{id}/updates"), &token, &body.to_string()).await;
    assert_eq!(said.status, 200);
    wait_for("the page has it", || async {
        let page = s.get(&format!("/incidents/{id}?lang=en")).await;
        page.text().contains("The cause is &lt;b&gt;known").then_some(())
    })
    .await;
    // What would be refused is refused here too, in the same words.
    let resolved = s.call("POST", &format!("/api/v1/incidents/{id}/resolve"), &token, "{}").await;
    assert_eq!(resolved.status, 200);
    let refused = s.call("POST", &path, &token, &body.to_string()).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    let empty = s.call("POST", "/api/v1/console/preview/open", &token, r#"{"title":"","text":"x"}"#).await;
    assert_eq!(empty.status, 422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_is_told_in_words_with_who_said_what_and_the_evidence() {
    let s = start().await;
    let token = s.token().await;
    let id = opened(&s, &token).await;
    let page = read(&s.call("GET", &format!("/api/v1/console/incidents/{id}?lang=en"), &token, "").await);
    assert_eq!(page["title"], "Cards are declined");
    assert_eq!(
        (&page["by_hand"], &page["public"], &page["taken_by"]),
        (&json!(true), &json!(true), &json!("token tests"))
    );
    assert_eq!(page["affected"][0]["name"], "Checkout");
    assert_eq!(page["updates"][0]["text"], "We are looking into it.");
    assert!(page["updates"][0]["by"].as_str().unwrap().contains("tests"), "{}", page["updates"][0]);
    assert_eq!(page["updates"][0]["words"]["zh-CN"], "我们正在查找原因。");
    let service = read(&s.call("GET", "/api/v1/console/services/shop?lang=zh-CN", &token, "").await);
    assert_eq!((&service["name"], service["days"].as_array().unwrap().len()), (&json!("商店"), 90));
    assert_eq!(service["needed_by"][0]["name"], "结账");
    assert_eq!(service["checks"].as_array().unwrap().len(), 1);
    for path in ["services/none", "incidents/none", "incidents/01J00000000000000000000000"] {
        assert_eq!(s.call("GET", &format!("/api/v1/console/{path}"), &token, "").await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_is_read_newest_first_by_pages_and_by_what_it_is_about() {
    let s = start().await;
    let token = s.token().await;
    let id = opened(&s, &token).await;
    let said = json!({ "text": "Half of the cards work." }).to_string();
    let said = s.call("POST", &format!("/api/v1/incidents/{id}/updates"), &token, &said).await;
    assert_eq!(said.status, 200);
    let kim = s.session(stillhere_model::Role::Admin, &[]).await;
    let made = s.call("POST", "/api/v1/tokens", &kim, r#"{"name":"deploys"}"#).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let page = async |query: &str| {
        read(&s.call("GET", &format!("/api/v1/console/journal?lang=en&{query}"), &token, "").await)
    };
    let kinds = |page: &Value| -> Vec<String> {
        let entries = page["entries"].as_array().unwrap();
        entries.iter().map(|e| e["kind"].as_str().unwrap().to_owned()).collect()
    };

    let all = page("limit=200").await;
    let seqs: Vec<u64> =
        all["entries"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|a, b| a > b) && seqs.last() == Some(&1), "{seqs:?}");
    assert_eq!(all["next"], Value::Null);
    // The same, a few at a time.
    let (mut paged, mut next) = (Vec::new(), String::new());
    loop {
        let some = page(&format!("limit=4{next}")).await;
        paged.extend(some["entries"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()));
        let Some(before) = some["next"].as_u64() else { break };
        next = format!("&before={before}");
    }
    let from = paged.iter().position(|seq| *seq == seqs[0]).expect("what came since is before it");
    assert_eq!(paged[from..], seqs);

    let about = page(&format!("incident={id}")).await;
    let (about_kinds, entries) = (kinds(&about), about["entries"].as_array().unwrap());
    for kind in ["incident_opened", "incident_said", "command-update_incident", "promise_made"] {
        assert!(about_kinds.iter().any(|k| k == kind), "{kind}: {about_kinds:?}");
    }
    for e in entries {
        assert_eq!(e["incident"], json!({ "id": id, "name": "Cards are declined" }), "{e}");
    }
    let said = entries.iter().find(|e| e["text"] == "Half of the cards work.").expect("in its words");
    assert_eq!(said["by"], "token tests");
    let checkout = page("service=checkout").await;
    assert!(kinds(&checkout).iter().any(|k| k == "verdict"));
    let named = |e: &Value| e["services"].as_array().unwrap().iter().any(|s| s["name"] == "Checkout");
    assert!(checkout["entries"].as_array().unwrap().iter().all(named), "{checkout}");

    let by = made_by(&all);
    let theirs = page(&format!("person={}", by.to_uppercase())).await;
    assert!(kinds(&theirs).contains(&"act-token_made".to_owned()), "{theirs}");
    let (one, other) = (json!(by), json!("token tests"));
    for e in theirs["entries"].as_array().unwrap() {
        assert!(e["by"] == one || e["person"] == one, "{e}");
    }
    for e in page("people=true").await["entries"].as_array().unwrap() {
        assert!(e["by"].is_string(), "{e}");
    }
    assert!(
        page("person=token%20tests").await["entries"].as_array().unwrap().iter().any(|e| e["by"] == other)
    );
    assert_eq!(page("person=nobody").await["entries"], json!([]));
    let secret = made.json()["token"].as_str().unwrap().to_owned();
    assert!(!all.to_string().contains(&secret), "no token is in it");
    for bad in ["limit=0", "limit=201", "incident=none", "before=-1", "else=1"] {
        let answer = s.call("GET", &format!("/api/v1/console/journal?{bad}"), &token, "").await;
        assert!([400, 422].contains(&answer.status), "{bad}: {}", answer.status);
    }
}

/// Who made the token.
fn made_by(journal: &Value) -> String {
    let entries = journal["entries"].as_array().unwrap();
    let made = entries.iter().find(|e| e["kind"] == "act-token_made" && e["name"] == "deploys");
    made.and_then(|e| e["by"].as_str()).expect("it is on record").to_owned()
}

/// Where this build has no console, its addresses say so; a test of `web/console` has the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_is_one_page_under_a_strict_policy() {
    let s = start().await;
    assert_eq!(s.get("/console").await.header("location"), Some("/console/"));
    let page = s.get("/console/").await;
    if page.status == 404 {
        assert!(page.text().contains("This build has no console"), "{}", page.text());
        return;
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("script-src 'self'"), "{policy}");
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_eq!(
        s.get("/console/incidents/01J").await.body,
        page.body,
        "each address begins with the one page"
    );
    let script = page.text().split("src=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let script = s.call("GET", &script, "Accept-Encoding: gzip, br\r\n", "").await;
    assert_eq!((script.status, script.header("content-encoding")), (200, Some("br")));
    assert!(script.header("cache-control").unwrap().contains("immutable"));
    let tag = page.header("etag").unwrap();
    assert_eq!(s.call("GET", "/console/", &format!("If-None-Match: {tag}\r\n"), "").await.status, 304);
    assert_eq!(s.get("/console/assets/none.js").await.status, 404);
}
