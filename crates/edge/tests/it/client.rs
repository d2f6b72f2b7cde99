//! The browser client comes from the edge itself, while nothing behind it lives.

use crate::rig::{Node, Running, get};
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
