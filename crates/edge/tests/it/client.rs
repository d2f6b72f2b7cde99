//! The browser client comes from the edge itself, while nothing behind it lives.

use crate::rig::{Node, Reply, Running, ask, get};
use stillhere_tell::client;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_browser_client_is_served_while_no_node_lives_and_is_a_404_where_it_was_not_built() {
    let node = Node::refusing().await;
    let edge = Running::before(&[&node]);
    for name in ["client.js", "words/zh-CN.json"] {
        let path = format!("/.well-known/stillhere/{name}");
        let plain = get(edge.addr, &path, &["origin: https://other.example"]).await;
        let packed = get(edge.addr, &path, &["accept-encoding: gzip, br"]).await;
        let Some(file) = client::file(name, false) else {
            assert_eq!((plain.status.as_u16(), packed.status.as_u16()), (404, 404), "{name}");
            assert_eq!(plain.header("content-type"), "application/problem+json");
            assert!(plain.text().contains(client::MISSING.unwrap()), "{}", plain.text());
            continue;
        };
        assert_eq!((plain.status.as_u16(), plain.text().as_bytes()), (200, file.body), "{name}");
        assert_eq!(plain.header("content-type"), file.content_type);
        assert_eq!(plain.header("content-encoding"), "");
        assert_eq!(plain.header("access-control-allow-origin"), "*");
        assert_eq!(plain.header("cross-origin-resource-policy"), "cross-origin");
        assert!(plain.header("cache-control").starts_with("public, max-age="));
        assert_eq!((packed.header("content-encoding"), packed.header("vary")), ("gzip", "accept-encoding"));
        assert!(packed.body.len() < plain.body.len());
        assert_ne!(packed.header("etag"), plain.header("etag"));
        let again = get(edge.addr, &path, &[&format!("if-none-match: {}", plain.header("etag"))]).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    }
    if let Some(worker) = client::file("sw.js", false) {
        let answer = get(edge.addr, "/.well-known/stillhere/sw.js", &[]).await;
        assert_eq!(answer.header("service-worker-allowed"), "/");
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert_eq!(answer.header("content-type"), worker.content_type);
    }
    let none = get(edge.addr, "/.well-known/stillhere/words/xx.json", &[]).await;
    assert_eq!((none.status.as_u16(), none.header("stillhere-why")), (404, "not-routed"));
    assert!(none.text().contains("\"detail\""), "{}", none.text());
    assert_eq!(get(edge.addr, "/.well-known/stillhere/client.js.gz", &[]).await.status, 404);
    assert_eq!(node.seen().len(), 0);
}

const TAG: &str = "<script async src=\"/.well-known/stillhere/client.js\"></script>";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_gets_the_tag_where_the_route_asks_for_it_and_everything_else_stays() {
    let node = Node::with(|seen| {
        let mut answer = match Reply::text("<!doctype html><html><head><title>Shop</title></head></html>") {
            Reply::Answer(answer) => answer,
            _ => unreachable!(),
        };
        let headers = answer.headers_mut();
        let kind = if seen.uri.path() == "/data" { "application/json" } else { "text/html; charset=utf-8" };
        headers.insert("content-type", kind.parse().unwrap());
        headers.insert("etag", "\"1\"".parse().unwrap());
        if seen.uri.path() == "/strict" {
            headers.insert("content-security-policy", "script-src 'nonce-1'".parse().unwrap());
        }
        Reply::Answer(answer)
    })
    .await;
    let metrics = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let edge = Running::start(&format!(
        "metrics = \"127.0.0.1:{metrics}\"\n[[routes]]\npath = \"/plain\"\nnodes = [\"http://{0}\"]\n[[routes]]\nnodes = [\"http://{0}\"]\ninject_client = true\n",
        node.addr
    ));
    let browser = [
        "accept: text/html",
        "accept-encoding: gzip",
        "sec-fetch-mode: navigate",
        "sec-fetch-dest: document",
    ];
    let page = get(edge.addr, "/", &browser).await;
    assert_eq!(page.text(), format!("<!doctype html><html><head>{TAG}<title>Shop</title></head></html>"));
    assert_eq!(page.header("etag"), "W/\"1\"");
    assert!(page.header("vary").contains("sec-fetch-mode"));
    assert_eq!(node.last().headers["accept-encoding"], "identity");
    for (path, headers) in [
        ("/", &["accept: */*", "sec-fetch-mode: cors"][..]),
        ("/data", &browser),
        ("/strict", &browser),
        ("/plain", &browser),
    ] {
        let answer = get(edge.addr, path, headers).await;
        assert!(!answer.text().contains(TAG) && answer.text().contains("Shop"), "{path}: {}", answer.text());
        assert_eq!(answer.header("etag"), "\"1\"", "{path}");
    }
    let head = ask(edge.addr, "HEAD", "/", &browser, "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    let counted = get(([127, 0, 0, 1], metrics).into(), "/metrics", &[]).await;
    for (outcome, n) in [("inserted", 1), ("policy", 1), ("unreadable", 0), ("no-place", 0)] {
        let line = format!("stillhere_edge_client_injected_total{{outcome=\"{outcome}\"}} {n}");
        assert!(counted.text().contains(&line), "{line}: {}", counted.text());
    }
}
