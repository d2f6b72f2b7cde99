use crate::running::{KEY, PING_KEY, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_are_taken_by_get_head_and_post() {
    let s = start().await;
    for (method, path, body) in [
        ("GET", format!("/ping/{KEY}/start?rid=a1"), ""),
        ("POST", format!("/ping/{KEY}?rid=a1"), "done, 3 files"),
        ("HEAD", format!("/ping/{KEY}"), ""),
        ("POST", format!("/ping/{KEY}/log"), "\u{0}<script>\r\n"),
        ("GET", format!("/ping/{KEY}/0"), ""),
        ("GET", format!("/ping/{KEY}/fail"), ""),
        ("GET", format!("/ping/{KEY}/17"), ""),
    ] {
        let answer = s.call(method, &path, "", body).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.head);
        assert_eq!(answer.text(), if method == "HEAD" { "" } else { "OK" });
    }
    // What came in is judged: the last one said that the job failed.
    let shop = crate::running::wait_for("the verdict follows", || async {
        let shop = s.get("/api/v1/services/shop").await.json();
        (shop["checks"][0]["outcome"] == "down").then_some(shop)
    })
    .await;
    assert_eq!(shop["checks"][0]["finding"]["kind"], "heartbeat_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_that_are_not_ones_are_refused() {
    let s = start().await;
    let kilobytes = "x".repeat(65 * 1024);
    for (method, path, body, want) in [
        ("GET", "/ping/nobody-has-this-key".to_owned(), "", 404),
        ("GET", format!("/ping/{}", "k".repeat(500)), "", 404),
        ("GET", format!("/ping/{KEY}/nonsense"), "", 400),
        ("GET", format!("/ping/{KEY}/256"), "", 400),
        ("GET", format!("/ping/{KEY}?rid=%0d%0a"), "", 400),
        ("PUT", format!("/ping/{KEY}"), "", 405),
        ("POST", format!("/ping/{KEY}"), &kilobytes, 413),
    ] {
        let answer = s.call(method, &path, "", body).await;
        assert_eq!(answer.status, want, "{method} {path}");
        assert!(!answer.problem().contains(KEY), "a key is a secret: {path}");
    }
    let kept = s.call("POST", &format!("/ping/{KEY}"), "", &"y".repeat(60 * 1024)).await;
    assert_eq!(kept.status, 200, "more than is kept is cut, not refused");
}

/// As a client of Healthchecks calls a check by its slug.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_are_taken_by_the_ping_key_and_the_checks_name() {
    let s = start().await;
    let outcome = || async { s.get("/api/v1/services/shop").await.json()["checks"][0]["outcome"].clone() };
    for (method, rest, body, want) in [
        ("GET", "/start?rid=a1", "", None),
        ("POST", "?rid=a1", "done", Some("up")),
        ("GET", "/fail", "", Some("down")),
        ("HEAD", "", "", Some("up")),
        ("GET", "/17", "", Some("down")),
        ("GET", "/0", "", Some("up")),
        ("POST", "/log", "only a word", Some("up")),
    ] {
        let path = format!("/ping/{PING_KEY}/nightly-job{rest}");
        let answer = s.call(method, &path, "", body).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.head);
        if let Some(want) = want {
            crate::running::wait_for(want, || async { (outcome().await == want).then_some(()) }).await;
        }
    }
    for (path, want) in [
        (format!("/ping/{PING_KEY}"), 404),
        (format!("/ping/{PING_KEY}/start"), 404),
        (format!("/ping/{PING_KEY}/no-such-job"), 400),
        (format!("/ping/{PING_KEY}/no-such-job/start"), 404),
        (format!("/ping/{PING_KEY}/nightly-job/nonsense"), 400),
        (format!("/ping/{PING_KEY}/nightly-job/start/more"), 404),
        (format!("/ping/{KEY}/nightly-job"), 400),
        (format!("/ping/{KEY}/nightly-job/start"), 404),
        ("/ping/wrong/nightly-job/start".to_owned(), 404),
    ] {
        let answer = s.get(&path).await;
        assert_eq!(answer.status, want, "{path}");
        assert!(
            !answer.text().contains(PING_KEY) && !answer.text().contains(KEY),
            "a key is a secret: {path}"
        );
    }
}
