use crate::running::{read_answer, start};
use std::io::Read as _;
use tokio::io::AsyncWriteExt as _;

const PATHS: [(&str, &str); 13] = [
    ("/", "text/html; charset=utf-8"),
    ("/history", "text/html; charset=utf-8"),
    ("/history.rss", "application/rss+xml; charset=utf-8"),
    ("/history.atom", "application/atom+xml; charset=utf-8"),
    ("/.well-known/stillhere/notice", "application/json"),
    ("/api/v2/summary.json", "application/json"),
    ("/api/v2/status.json", "application/json"),
    ("/api/v2/components.json", "application/json"),
    ("/api/v2/incidents.json", "application/json"),
    ("/api/v2/incidents/unresolved.json", "application/json"),
    ("/api/v2/scheduled-maintenances.json", "application/json"),
    ("/api/v2/scheduled-maintenances/upcoming.json", "application/json"),
    ("/api/v2/scheduled-maintenances/active.json", "application/json"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_lanes_answer_alike_with_type_tag_and_safety_headers() {
    let s = start().await;
    for (path, content_type) in PATHS {
        let (fast, full) = (s.express(path, "").await, s.get(path).await);
        assert_eq!((fast.status, full.status), (200, 200), "{path}");
        for name in [
            "content-type",
            "content-security-policy",
            "x-content-type-options",
            "referrer-policy",
            "cache-control",
            "vary",
            "content-language",
            "access-control-allow-origin",
        ] {
            assert_eq!(fast.header(name), full.header(name), "{path}: {name}");
        }
        assert_eq!(fast.header("content-type"), Some(content_type), "{path}");
        assert_eq!(fast.header("x-content-type-options"), Some("nosniff"), "{path}");
        let csp = fast.header("content-security-policy").unwrap();
        assert!(
            csp.contains("default-src 'none'") && csp.contains("frame-ancestors 'none'"),
            "{path}: {csp}"
        );
        assert!(!csp.contains("unsafe"), "{path}: {csp}");
        assert!(fast.header("cache-control").unwrap().contains("stale-while-revalidate"), "{path}");
        assert!(fast.header("date").unwrap().ends_with("gmt"), "{path}");
        assert!(!fast.body.is_empty(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reader_has_already_is_not_sent_again() {
    let s = start().await;
    // The node may renew its snapshot in between, so a page that was made anew is asked for again.
    for _ in 0..20 {
        let first = s.express("/api/v2/status.json", "").await;
        let tag = first.header("etag").unwrap().to_owned();
        // Tags are told apart by case, and the helper's head is in lower case: ask the raw way.
        let raw = s
            .bytes(format!(
                "GET /api/v2/status.json HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                s.addr
            ))
            .await;
        let raw = String::from_utf8(raw).unwrap();
        let tag_raw = raw.lines().find_map(|l| l.strip_prefix("etag: ")).unwrap();
        assert_eq!(tag_raw.to_ascii_lowercase(), tag);
        let header = format!("If-None-Match: {tag_raw}\r\n");
        let (fast, full) = (
            s.express("/api/v2/status.json", &header).await,
            s.call("GET", "/api/v2/status.json", &header, "").await,
        );
        if (fast.status, full.status) == (304, 304) {
            assert!(fast.body.is_empty() && full.body.is_empty());
            assert_eq!(fast.header("content-type"), None);
            return;
        }
    }
    panic!("never 304");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_language_is_the_readers() {
    let s = start().await;
    for (path, header, want) in [
        ("/", "", "en"),
        ("/", "Accept-Language: zh-TW,zh;q=0.9,en;q=0.8\r\n", "zh-cn"),
        ("/?lang=en", "Accept-Language: zh-CN\r\n", "en"),
        ("/?lang=zh-CN", "", "zh-cn"),
        ("/?lang=xx", "Accept-Language: zh\r\n", "zh-cn"),
        ("/history.atom?lang=zh-CN", "", "zh-cn"),
    ] {
        for answer in [s.express(path, header).await, s.call("GET", path, header, "").await] {
            assert_eq!(answer.header("content-language"), Some(want), "{path} {header}");
        }
    }
    assert!(s.express("/?lang=zh-CN", "").await.text().contains("商店"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_their_order() {
    let s = start().await;
    let mut stream = s.connect().await;
    let host = format!("Host: {}\r\n", s.addr);
    let requests = format!(
        "GET /api/v2/status.json HTTP/1.1\r\n{host}\r\nHEAD / HTTP/1.1\r\n{host}\r\nGET /history HTTP/1.1\r\n{host}\r\n\
         GET /api/v1/status HTTP/1.1\r\n{host}\r\nGET / HTTP/1.1\r\n{host}\r\n"
    );
    // In pieces, so that heads are split at every kind of place.
    for piece in requests.as_bytes().chunks(37) {
        stream.write_all(piece).await.unwrap();
        stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut left = Vec::new();
    assert!(read_answer(&mut stream, &mut left).await.json()["status"].is_object());
    // An answer to HEAD has a length and no body.
    let end = loop {
        if let Some(n) = left.windows(4).position(|w| w == b"\r\n\r\n") {
            break n;
        }
        tokio::io::AsyncReadExt::read_buf(&mut stream, &mut left).await.unwrap();
    };
    assert!(String::from_utf8_lossy(&left[..end]).starts_with("HTTP/1.1 200"));
    left.drain(..end + 4);
    assert_eq!(
        read_answer(&mut stream, &mut left).await.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(read_answer(&mut stream, &mut left).await.json()["headline"].is_string());
    assert_eq!(
        read_answer(&mut stream, &mut left).await.header("content-type"),
        Some("text/html; charset=utf-8")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gzip_carries_the_same_page_and_stays_small() {
    let s = start().await;
    let zipped = s.express("/", "Accept-Encoding: gzip\r\n").await;
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    let mut page = String::new();
    flate2::read::GzDecoder::new(&zipped.body[..]).read_to_string(&mut page).unwrap();
    assert!(page.contains("Shop") && page.contains("</html>"));
    assert!(zipped.body.len() < 14_000, "{} bytes", zipped.body.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_get_a_page_where_nothing_is_and_programs_a_problem() {
    let s = start().await;
    let page = s.call("GET", "/nowhere", "Accept: text/html\r\nAccept-Language: zh\r\n", "").await;
    assert_eq!((page.status, page.header("content-language")), (404, Some("zh-cn")));
    assert_eq!(s.get("/incidents/0190b5b0-0000-7000-8000-000000000000").await.status, 404);
    assert_eq!(s.get("/incidents/not-an-id").await.status, 404);
    assert_eq!(s.get("/maintenance/0190b5b0-0000-7000-8000-000000000000").await.status, 404);
    insta::assert_snapshot!(s.get("/api/v1/nothing").await.problem());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn badges_are_pictures_and_shields_json() {
    let s = start().await;
    for path in ["/badge.svg", "/badge/shop/status.svg", "/badge/shop/uptime.svg", "/badge/shop/latency.svg"]
    {
        let badge = s.get(path).await;
        assert_eq!(badge.header("content-type"), Some("image/svg+xml; charset=utf-8"), "{path}");
        assert!(badge.text().starts_with("<svg"), "{path}");
    }
    assert_eq!(s.get("/badge/shop/status.json").await.json()["schemaVersion"], 1);
    for path in
        ["/badge/nobody/status.svg", "/badge/shop/colour.svg", "/badge/shop/status.png", "/badge/shop/status"]
    {
        assert_eq!(s.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_others_are_turned_away_on_every_lane() {
    let s = start().await;
    let with_host =
        |path: &str, host: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    for host in ["status.lantern.example", "allowed.example:443", "localhost", "10.1.2.3", "[::1]:8080"] {
        for path in ["/", "/api/v1/status"] {
            assert!(s.bytes(with_host(path, host)).await.starts_with(b"HTTP/1.1 200"), "{host}{path}");
        }
    }
    let answer = s.bytes(with_host("/", "evil.example<script>")).await;
    insta::assert_snapshot!(String::from_utf8(answer).unwrap().split_once("\r\n\r\n").unwrap().1);
    for path in ["/", "/live", "/api/v1/status", "/metrics", "/nowhere"] {
        let express = format!(
            "GET {path} HTTP/1.1\r\nHost: evil.example\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        );
        assert!(s.bytes(express).await.starts_with(b"HTTP/1.1 421"), "{path}");
    }
    for doubtful in [
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    ] {
        assert!(s.bytes(doubtful).await.starts_with(b"HTTP/1.1 400"), "{doubtful}");
    }
    let absolute = "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(s.bytes(absolute).await.starts_with(b"HTTP/1.1 421"));
    assert!(s.bytes("GET / HTTP/1.0\r\n\r\n").await.starts_with(b"HTTP/1.0 200"), "an old health check");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_mark_is_served_by_us_for_ever_and_cannot_run_anything() {
    let s = start().await;
    let page = s.get("/").await;
    let html = page.text().replace("&#x2f;", "/");
    let src = html.split("<img src=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(page.header("content-security-policy").unwrap().contains("img-src 'self'"), "{}", page.head);
    let logo = s.get(src).await;
    assert_eq!((logo.status, logo.text()), (200, crate::running::LOGO), "{src}");
    assert_eq!(logo.header("content-type"), Some("image/svg+xml"));
    assert_eq!(logo.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(logo.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let policy = logo.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    assert!(!policy.contains("script-src"), "{policy}");
    assert_eq!(s.get("/logo/0123456789abcdef.svg").await.status, 404);

    // Another picture has another name; one that is none changes nothing.
    let file = s.dir.path().join("logo.svg");
    std::fs::write(&file, "GIF89a").unwrap();
    let refused = s.handle.reload().await.unwrap_err();
    assert!(refused.contains("site: `logo`:") && refused.contains("neither an SVG nor a PNG"), "{refused}");
    std::fs::write(&file, "<svg/>").unwrap();
    s.handle.reload().await.unwrap();
    crate::running::wait_for("the old picture is gone", || async {
        (s.get(src).await.status == 404).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_browser_client_may_be_loaded_by_other_sites_and_is_a_404_where_it_was_not_built() {
    let s = start().await;
    for name in ["client.js", "face.js", "kept.js", "words/de.json"] {
        let answer = s.get(&format!("/.well-known/stillhere/{name}")).await;
        let Some(file) = stillhere_tell::client::file(name, false) else {
            assert_eq!(answer.status, 404, "{name}");
            let why = stillhere_tell::client::MISSING.unwrap_or("There is no such file");
            assert!(answer.text().contains(why), "{}", answer.text());
            continue;
        };
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(answer.header("content-type"), Some(file.content_type));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
        let cache = answer.header("cache-control").unwrap();
        assert!(cache.starts_with("public, max-age="), "{cache}");
        assert_eq!(answer.header("etag"), Some(file.etag));
    }
    if let Some(worker) = stillhere_tell::client::file("sw.js", false) {
        let answer = s.get("/.well-known/stillhere/sw.js").await;
        assert_eq!(answer.header("service-worker-allowed"), Some("/"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(answer.header("content-type"), Some(worker.content_type));
    }
    assert_eq!(s.get("/.well-known/stillhere/notice").await.status, 200);
    let none = s.get("/.well-known/stillhere/words/xx.json").await;
    assert_eq!((none.status, none.header("content-type")), (404, Some("application/problem+json")));
    assert_eq!(s.get("/.well-known/stillhere/words/..%2Fclient.js").await.status, 404);
}
