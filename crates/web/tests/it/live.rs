use crate::running::{Running, SOON, start};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

struct Listening {
    stream: TcpStream,
    read: String,
}

impl Listening {
    async fn open(s: &Running, version: &str, target: &str, headers: &str) -> Listening {
        let mut stream = s.connect().await;
        let request = format!("GET {target} HTTP/{version}\r\nHost: {}\r\n{headers}\r\n", s.addr);
        stream.write_all(request.as_bytes()).await.unwrap();
        Listening { stream, read: String::new() }
    }

    /// Everything up to and with the first `text`.
    async fn until(&mut self, text: &str) -> String {
        let found = timeout(SOON, async {
            let mut buf = [0; 64 * 1024];
            loop {
                if let Some(n) = self.read.find(text) {
                    let rest = self.read.split_off(n + text.len());
                    return std::mem::replace(&mut self.read, rest);
                }
                let n = self.stream.read(&mut buf).await.unwrap();
                assert!(n > 0, "closed before {text:?}: {}", self.read);
                self.read.push_str(&String::from_utf8_lossy(&buf[..n]));
            }
        });
        found.await.unwrap_or_else(|_| panic!("{text:?} did not come"))
    }

    /// The next `change`: its id and its data.
    async fn change(&mut self) -> (String, serde_json::Value) {
        self.until("event: change\nid: ").await;
        let id = self.until("\n").await.trim().to_owned();
        self.until("data: ").await;
        let data = self.until("\n").await;
        (id, serde_json::from_str(&data).unwrap())
    }
}

async fn open_incident(s: &Running, token: &str, service: &str, title: &str) {
    let body = json!({ "title": title, "text": "We are looking", "services": { service: "partial_outage" } });
    let made = s.call("POST", "/api/v1/incidents", token, &body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_page_is_told_and_resumes_by_id() {
    let s = start().await;
    let token = s.token().await;
    let page = s.express("/", "").await;
    let seen = page.text().split("data-seen=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut live = Listening::open(&s, "1.1", &format!("/live?lang=en&seen={seen}"), "").await;
    let head = live.until("event: beat").await;
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("text/event-stream"), "{head}");
    open_incident(&s, &token, "checkout", "Cards are declined").await;
    let (mut id, mut data) = live.change().await;
    while !data["html"].to_string().contains("Cards are declined") {
        (id, data) = live.change().await;
    }
    // Gone for a moment, in which something else happened.
    drop(live);
    open_incident(&s, &token, "shop", "Refunds are late").await;
    let mut back = Listening::open(
        &s,
        "1.1",
        &format!("/live?lang=en&seen={seen}"),
        &format!("Last-Event-ID: {id}\r\n"),
    )
    .await;
    let (next, mut data) = back.change().await;
    assert_ne!(next, id, "what it has seen is not sent again");
    while !data["html"].to_string().contains("Refunds are late") {
        data = back.change().await.1;
    }
    // Somebody whom we cannot place gets everything.
    let mut stranger = Listening::open(&s, "1.1", "/live?lang=zh-CN&seen=999-999", "").await;
    let (_, data) = stranger.change().await;
    let html = data["html"].as_object().unwrap();
    assert!(html.contains_key("s-shop") && html.contains_key("s-checkout"), "{html:?}");
}

/// nginx as it comes speaks HTTP/1.0 to us.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_also_works_through_an_old_proxy() {
    let s = start().await;
    let token = s.token().await;
    let mut open = Vec::new();
    // By the express lane, and by hyper, which gets what the express lane does not know.
    for target in ["/live?lang=en", "/live?lang=en&utm=1"] {
        let mut live = Listening::open(&s, "1.0", target, "Connection: close\r\n").await;
        live.until("event: beat").await;
        open.push(live);
    }
    open_incident(&s, &token, "checkout", "Cards are declined").await;
    for mut live in open {
        while !live.change().await.1["html"].to_string().contains("Cards are declined") {}
    }
}
