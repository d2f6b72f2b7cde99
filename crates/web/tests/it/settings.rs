//! Editing from the console: what is made there is in force at once, bad changes change nothing, secrets never come out.

use crate::running::{Answer, Running, SOON, start, wait_for};
use serde_json::{Value, json};
use stillhere_model::{Occasion, Role};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const SHOP: &str = "/api/v1/settings/services/shop";
const TILL: &str = "/api/v1/settings/services/till";
const HOOK: &str = "/api/v1/settings/channels/hook";
const NEW: &str = "If-None-Match: *\r\n";

struct Admin<'s> {
    s: &'s Running,
    headers: String,
}

impl Admin<'_> {
    async fn put(&self, at: &str, from: &str, table: Value) -> Answer {
        let body = json!({ "table": table }).to_string();
        self.s.call("PUT", at, &format!("{}{from}", self.headers), &body).await
    }
    async fn get(&self, at: &str) -> Answer {
        self.s.call("GET", at, &self.headers, "").await
    }
    async fn remove(&self, at: &str, from: &str) -> Answer {
        self.s.call("DELETE", at, &format!("{}{from}", self.headers), "").await
    }
    async fn version(&self, at: &str) -> String {
        format!("If-Match: {}\r\n", self.get(at).await.header("etag").unwrap())
    }
    async fn post(&self, at: &str, body: &Value) -> Answer {
        self.s.call("POST", at, &self.headers, &body.to_string()).await
    }
    async fn acts(&self) -> Vec<String> {
        let journal = self.get("/api/v1/console/journal?limit=100").await.json();
        let entries = journal["entries"].as_array().unwrap().clone();
        entries
            .iter()
            .map(|e| format!("{} {}", e["kind"].as_str().unwrap(), e["name"].as_str().unwrap_or("")))
            .collect()
    }
}

async fn admin(s: &Running) -> Admin<'_> {
    Admin { s, headers: s.session(Role::Admin, &[]).await }
}

/// Something to look at: answers every request with `status` and `body`, and gives what was sent.
async fn target(status: u16, body: &'static str) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}/", listener.local_addr().unwrap());
    let (asked_in, asked) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked_in = asked_in.clone();
            tokio::spawn(async move {
                let mut got = Vec::new();
                let mut buf = [0; 4096];
                loop {
                    let n = stream.read(&mut buf).await.unwrap_or(0);
                    got.extend_from_slice(&buf[..n]);
                    let text = String::from_utf8_lossy(&got).into_owned();
                    let Some((head, sent)) = text.split_once("\r\n\r\n") else {
                        if n == 0 { return } else { continue }
                    };
                    let length = head
                        .to_lowercase()
                        .lines()
                        .find_map(|l| l.strip_prefix("content-length: ")?.parse::<usize>().ok());
                    if n == 0 || sent.len() >= length.unwrap_or(0) {
                        let _ = asked_in.send(text);
                        break;
                    }
                }
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    (at, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_made_changed_and_removed_and_the_page_says_so_at_once() {
    let s = start().await;
    let ann = admin(&s).await;
    let (url, _asked) = target(200, "fine").await;
    let table = json!({ "name": { "en": "Till", "zh-CN": "收银台" }, "depends_on": ["shop"],
        "check": [{ "id": "front", "url": url, "interval": "1s" }] });
    let made = ann.put(TILL, NEW, table.clone()).await;
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(made.json()["table"], table);
    assert_eq!(
        (made.json()["origin"].as_str(), made.json()["in_force"].as_bool()),
        (Some("console"), Some(true))
    );
    let up = wait_for("it is looked at", async || {
        let till = s.get("/api/v1/services/till").await;
        (till.status == 200 && till.json()["status"] == "operational").then(|| till.json())
    });
    assert_eq!(up.await["name"]["zh-CN"], "收银台");

    let list = ann.get("/api/v1/settings/services").await.json();
    let briefs: Vec<(String, String)> = list["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| (b["id"].as_str().unwrap().to_owned(), b["origin"].as_str().unwrap().to_owned()))
        .collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        briefs,
        [
            pair("shop", "file"),
            pair("checkout", "file"),
            pair("secret-ledger", "file"),
            pair("till", "console")
        ]
    );

    let mut other = table;
    other["name"] = json!("Tills");
    other["check"] = json!([]);
    let changed = ann.put(TILL, &ann.version(TILL).await, other).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(s.get("/api/v1/services/till").await.json()["name"], "Tills");
    assert_eq!(ann.remove(TILL, &ann.version(TILL).await).await.status, 204);
    assert_eq!(s.get("/api/v1/services/till").await.status, 404);
    assert_eq!(ann.get(TILL).await.status, 404);
    let acts = ann.acts().await;
    for act in ["act-setting_made till", "act-setting_changed till", "act-setting_removed till"] {
        assert!(acts.contains(&act.to_owned()), "{act}: {acts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_change_changes_nothing_and_says_where_it_is_wrong() {
    let s = start().await;
    let ann = admin(&s).await;
    let before = ann.get("/api/v1/settings/services").await.json();
    let bad = json!({ "depends_on": ["nobody"], "check": [
        { "id": "a", "url": "https://example.com/", "interval": "1ms" }, { "id": "b", "kind": "tcp", "host": "h" } ] });
    let refused = ann.put(TILL, NEW, bad).await;
    assert_eq!(refused.status, 422);
    let fields: Vec<String> = refused.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(fields, ["check[0].interval", "check[1].port", "depends_on[0]"], "{}", refused.text());
    assert!(refused.text().contains("write a duration of at least 1 s"), "{}", refused.text());
    let one = json!({ "url": "https://example.com/" });
    for (id, table) in [("Not a slug", one.clone()), ("till", json!({ "id": "other" })), ("a/b", one.clone())]
    {
        let at = format!("/api/v1/settings/services/{}", id.replace(' ', "%20").replace('/', "%2F"));
        assert_eq!(ann.put(&at, NEW, table).await.status, 422, "{id}");
    }
    assert_eq!(ann.get("/api/v1/settings/services").await.json(), before);
    assert!(!ann.acts().await.iter().any(|a| a.starts_with("act-setting")), "nothing was done");

    // Somebody else needs it.
    assert_eq!(ann.put(TILL, NEW, one.clone()).await.status, 200);
    let desk = "/api/v1/settings/services/desk";
    assert_eq!(ann.put(desk, NEW, json!({ "depends_on": ["till"] })).await.status, 200);
    let needed = ann.remove(TILL, &ann.version(TILL).await).await;
    assert_eq!(needed.status, 422);
    assert!(
        needed.text().contains("console, service desk: `depends_on[0]` is not the id of a service"),
        "{}",
        needed.text()
    );
    assert_eq!(s.get("/api/v1/services/till").await.status, 200, "it is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_admins_do_not_undo_each_other() {
    let s = start().await;
    let (ann, ben) = (admin(&s).await, admin(&s).await);
    let named = |name: &str| json!({ "name": name });
    assert_eq!(ann.put(TILL, "", named("A")).await.status, 428);
    assert_eq!(ann.put(TILL, NEW, named("A")).await.status, 200);
    assert_eq!(ben.put(TILL, NEW, named("B")).await.status, 412, "it is there already");
    let read = ben.version(TILL).await;
    assert_eq!(ann.put(TILL, &read, named("C")).await.status, 200);
    let stale = ben.put(TILL, &read, named("D")).await;
    assert_eq!(stale.status, 412);
    assert!(stale.text().contains("changed by admin-"), "{}", stale.text());
    assert_eq!(ben.remove(TILL, &read).await.status, 412);
    assert_eq!(ann.remove(TILL, &ann.version(TILL).await).await.status, 204);
    assert_eq!(ann.put(TILL, NEW, named("E")).await.status, 200);
    assert_eq!(ben.put(TILL, &read, named("F")).await.status, 412, "no version comes twice");
    assert_eq!(ann.get(TILL).await.json()["table"]["name"], "E");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_file_has_is_read_only_and_when_it_takes_something_over_that_is_set_aside() {
    let s = start().await;
    let ann = admin(&s).await;
    assert_eq!(ann.get(SHOP).await.json()["origin"], "file");
    assert_eq!(ann.get(SHOP).await.json()["table"], Value::Null);
    assert_eq!(ann.put(SHOP, NEW, json!({})).await.status, 409);
    assert_eq!(ann.put(SHOP, "If-Match: \"0\"\r\n", json!({})).await.status, 409);
    assert_eq!(ann.remove(SHOP, "If-Match: \"0\"\r\n").await.status, 404);

    assert_eq!(ann.put(TILL, NEW, json!({ "name": "Ours" })).await.status, 200);
    let file = s.dir.path().join("stillhere.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{before}\n[[service]]\nid = \"till\"\nname = \"Theirs\"\n")).unwrap();
    assert_eq!(ann.post("/api/v1/reload", &json!({})).await.status, 200);
    let name = async || s.get("/api/v1/services/till").await.json()["name"].clone();
    wait_for("the file's", async || (name().await == "Theirs").then_some(())).await;
    let aside = ann.get(TILL).await.json();
    assert_eq!((&aside["in_force"], &aside["aside"]), (&json!(false), &json!("in_file")));
    assert_eq!(ann.put(TILL, &ann.version(TILL).await, json!({})).await.status, 409);
    std::fs::write(&file, before).unwrap();
    assert_eq!(ann.post("/api/v1/reload", &json!({})).await.status, 200);
    wait_for("ours again", async || (name().await == "Ours").then_some(())).await;
    assert_eq!(ann.remove(TILL, &ann.version(TILL).await).await.status, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_go_in_and_are_sent_and_never_come_out() {
    let s = start().await;
    let ann = admin(&s).await;
    let (url, mut asked) = target(200, "fine").await;
    let check = |key: Value, url: &str| {
        json!({ "check": [
        { "id": "front", "url": url, "interval": "1s", "headers": { "X-Key": key, "X-Plain": "blue" } } ] })
    };
    let made = ann.put(TILL, NEW, check(json!({ "value": "s3cret" }), &url)).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let sent = asked.recv().await.unwrap();
    assert!(sent.to_lowercase().contains("x-key: s3cret"), "{sent}");
    // As it was read it goes back, and the secret stays.
    let read = ann.get(TILL).await.json()["table"].clone();
    assert_eq!(read["check"][0]["headers"]["X-Key"], json!({ "set": true }));
    let mut again = read.clone();
    again["name"] = json!("Till");
    assert_eq!(ann.put(TILL, &ann.version(TILL).await, again.clone()).await.status, 200);
    let tried = ann.post("/api/v1/try/check", &json!({ "service": "till", "check": read["check"][0] })).await;
    assert_eq!(tried.json()["outcome"], "up", "{}", tried.text());
    // But not elsewhere: neither kept nor tried.
    let (evil, mut got) = target(200, "thanks").await;
    again["check"][0]["url"] = json!(evil);
    let refused = ann.put(TILL, &ann.version(TILL).await, again.clone()).await;
    assert_eq!((refused.status, refused.json()["errors"][0]["field"].as_str()), (422, Some("check[0].url")));
    let refused =
        ann.post("/api/v1/try/check", &json!({ "service": "till", "check": again["check"][0] })).await;
    assert_eq!((refused.status, refused.json()["errors"][0]["field"].as_str()), (422, Some("url")));
    assert!(got.try_recv().is_err(), "nothing was sent there");
    let mut all = String::new();
    for at in [
        TILL,
        "/api/v1/settings/services",
        "/api/v1/console/services/till",
        "/api/v1/console/journal",
        "/api/v1/journal",
    ] {
        all += ann.get(at).await.text();
    }
    assert!(!all.contains("s3cret"));
    let file = std::fs::read(s.dir.path().join("data/stillhere.db")).unwrap();
    let log = std::fs::read(s.dir.path().join("data/stillhere.db-wal")).unwrap_or_default();
    for bytes in [file, log] {
        assert!(!bytes.windows(6).any(|w| w == b"s3cret"), "it is sealed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_is_tried_before_it_is_kept_and_the_journal_says_so() {
    let s = start().await;
    let ann = admin(&s).await;
    let (url, _asked) = target(503, "{\"queue\": 12}").await;
    let try_it =
        async |check: Value| ann.post("/api/v1/try/check", &json!({ "check": check, "lang": "zh-CN" })).await;
    let tried =
        try_it(json!({ "url": url, "status": [503], "conditions": ["json.queue < 10", "status == 503"] }))
            .await;
    let found = tried.json();
    assert_eq!((tried.status, found["outcome"].as_str()), (200, Some("down")), "{}", tried.text());
    assert_eq!(found["conditions"][0]["holds"], false);
    assert_eq!(found["conditions"][0]["values"], "json.queue = 12");
    assert_eq!(found["conditions"][1]["holds"], true);
    assert!(found["phases"]["connect_us"].is_u64() && found["status"] == 503, "{found}");
    assert!(
        found["found"].as_str().unwrap().chars().any(|c| c > '\u{3000}'),
        "in the reader's language: {found}"
    );
    let wrong = try_it(json!({ "url": url, "interval": "1ms" })).await;
    assert_eq!((wrong.status, wrong.json()["errors"][0]["field"].as_str()), (422, Some("interval")));
    assert_eq!(
        try_it(json!({ "kind": "push", "key": { "value": "0123456789abcdef" }, "period": "1h" }))
            .await
            .status,
        422
    );
    let metadata = try_it(json!({ "url": "http://169.254.169.254/latest/meta-data/" })).await;
    assert!(metadata.status == 422 || metadata.json()["outcome"] != "up", "{}", metadata.text());
    assert_eq!(
        ann.get("/api/v1/settings/services").await.json()["settings"].as_array().unwrap().len(),
        3,
        "none is kept"
    );
    assert!(
        ann.acts().await.iter().any(|a| a.starts_with("act-setting_tried 127.0.0.1")),
        "{:?}",
        ann.acts().await
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_tried_is_in_the_journal_also_when_its_caller_hangs_up() {
    let s = start().await;
    let ann = admin(&s).await;
    // It takes connections and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut held = Vec::new();
    for (at, body) in [
        ("/api/v1/try/check", json!({ "check": { "url": url, "timeout": "20s" } })),
        (
            "/api/v1/try/channel",
            json!({ "table": { "kind": "webhook", "url": url, "audience": ["staff"], "token": { "value": "t" } } }),
        ),
    ] {
        let asking = ann.post(at, &body);
        // Dropped as soon as it was connected to, which is before there can be an answer.
        tokio::select! {
            answer = asking => panic!("{}", answer.text()),
            connected = tokio::time::timeout(SOON, listener.accept()) => held.push(connected.expect("it looks").unwrap()),
        }
    }
    let tried = ann.acts().await.into_iter().filter(|a| a.starts_with("act-setting_tried 127.0.0.1")).count();
    assert_eq!(tried, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_is_made_and_tried_with_a_message_that_says_that_it_is_a_test() {
    let s = start().await;
    let ann = admin(&s).await;
    let (url, mut asked) = target(204, "").await;
    let table =
        json!({ "kind": "webhook", "url": url, "audience": ["staff"], "token": { "value": "t0ken" } });
    let tried = ann.post("/api/v1/try/channel", &json!({ "table": table })).await;
    assert_eq!((tried.status, tried.json()["outcome"].as_str()), (200, Some("accepted")), "{}", tried.text());
    let sent = asked.recv().await.unwrap();
    let body: Value = serde_json::from_str(sent.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(
        (body["type"].as_str(), body["subject"].as_str().map(|s| s.contains("test"))),
        (Some("test"), Some(true)),
        "{body}"
    );
    assert!(sent.contains("Bearer t0ken"));
    let occasion: Occasion = serde_json::from_value(body["occasion"].clone()).unwrap();
    assert!(matches!(occasion, Occasion::Test { .. }));

    assert_eq!(ann.put(HOOK, NEW, table).await.status, 200);
    let list = ann.get("/api/v1/settings/channels").await.json();
    assert_eq!(
        (&list["settings"][0]["id"], &list["settings"][0]["channel"]),
        (&json!("hook"), &json!("webhook"))
    );
    let read = ann.get(HOOK).await.json()["table"].clone();
    assert_eq!((&read["token"], &read["url"]), (&json!({ "set": true }), &json!({ "set": true })));
    let tried = ann.post("/api/v1/try/channel", &json!({ "name": "hook", "table": read })).await;
    assert_eq!(tried.json()["outcome"], "accepted", "{}", tried.text());
    // It carries real alerts from now on.
    let incident = json!({ "title": "T", "text": "X", "services": { "checkout": "major_outage" } });
    assert_eq!(ann.post("/api/v1/incidents", &incident).await.status, 201);
    let alert = async { while !asked.recv().await.unwrap().contains("incident.opened") {} };
    tokio::time::timeout(SOON, alert).await.expect("an alert");
    assert_eq!(ann.remove(HOOK, &ann.version(HOOK).await).await.status, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_and_responders_read_and_change_nothing() {
    let s = start().await;
    let ann = admin(&s).await;
    assert_eq!(ann.put(TILL, NEW, json!({ "name": "A" })).await.status, 200);
    for role in [Role::Viewer, Role::Responder] {
        let them = Admin { s: &s, headers: s.session(role, &[]).await };
        assert_eq!(them.get(TILL).await.json()["table"]["name"], "A");
        assert_eq!(them.put(TILL, &them.version(TILL).await, json!({})).await.status, 403);
        assert_eq!(them.remove(TILL, &them.version(TILL).await).await.status, 403);
        for at in ["/api/v1/try/check", "/api/v1/try/channel"] {
            assert_eq!(
                them.post(at, &json!({ "check": { "url": "http://127.0.0.1/" }, "table": {} })).await.status,
                403
            );
        }
    }
}
