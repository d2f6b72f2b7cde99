//! The demo, as somebody plays with it: through the shop's page, watching what the status page says.

use crate::running::{Answer, Running, request, wait_for};
use std::net::SocketAddr;

struct Demo(Running);

impl Demo {
    fn shop(&self) -> SocketAddr {
        SocketAddr::new(self.0.addr.ip(), self.0.addr.port() + 1)
    }

    /// A form sent from the shop's page, as a browser does.
    fn press(&self, path: &str) -> Answer {
        self.press_from(path, &format!("http://{}", self.shop()))
    }

    fn press_from(&self, path: &str, origin: &str) -> Answer {
        let shop = self.shop();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {shop}\r\norigin: {origin}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        request(shop, &head).unwrap_or_else(|| panic!("POST {path} got no answer"))
    }

    fn page(&self, lang: &str) -> Answer {
        let shop = self.shop();
        let head =
            format!("GET / HTTP/1.1\r\nhost: {shop}\r\naccept-language: {lang}\r\nconnection: close\r\n\r\n");
        request(shop, &head).expect("the shop's page answers")
    }

    fn wait_until(&self, service: &str, status: &str) {
        wait_for(&format!("{service} is {status}"), || {
            let summary = self.0.json("/api/v2/summary.json");
            let components = summary["components"].as_array()?;
            let found = components.iter().find(|c| c["id"] == service)?;
            (found["status"] == status).then_some(())
        });
    }

    fn incidents(&self) -> Vec<serde_json::Value> {
        self.0.json("/api/v2/incidents/unresolved.json")["incidents"].as_array().cloned().expect("a list")
    }
}

#[test]
fn one_node_down_is_partial_both_are_major_and_mended_it_resolves() {
    let demo = Demo(Running::demo());
    for service in ["checkout", "search", "database", "report"] {
        demo.wait_until(service, "operational");
    }
    assert_eq!(demo.press("/part/node-a/killed").status, 303);
    demo.wait_until("checkout", "partial_outage");
    // The customer is served by the other node, whichever is asked first.
    for _ in 0..2 {
        demo.press("/buy");
        assert!(demo.page("en").body.contains("was taken by node B"), "{}", demo.page("en").body);
    }
    assert_eq!(demo.press("/part/node-b/frozen").status, 303);
    demo.wait_until("checkout", "major_outage");
    demo.press("/buy");
    assert!(demo.page("en").body.contains("neither node took the order"));
    assert_eq!(demo.incidents().len(), 1, "one cause, one incident: {:?}", demo.incidents());
    assert_eq!(demo.press("/mend").status, 303);
    demo.wait_until("checkout", "operational");
    wait_for("the incident is resolved", || demo.incidents().is_empty().then_some(()));
    let all = demo.0.json("/api/v2/incidents.json");
    assert_eq!(all["incidents"][0]["status"], "resolved");
    demo.wait_until("search", "operational");
}

#[test]
fn the_report_that_falls_silent_and_the_slow_search_are_told() {
    let demo = Demo(Running::demo());
    demo.wait_until("report", "operational");
    demo.wait_until("search", "operational");
    demo.press("/job/stopped");
    demo.press("/part/search/slow");
    demo.wait_until("search", "degraded_performance");
    demo.wait_until("report", "degraded_performance");
    demo.press("/mend");
    demo.wait_until("report", "operational");
}

#[test]
fn the_shop_speaks_two_languages_and_links_to_the_status_page_and_back() {
    let demo = Demo(Running::demo());
    let (en, zh) = (demo.page("en"), demo.page("zh-CN,zh;q=0.9"));
    assert!(en.body.contains("<html lang=en>") && en.body.contains("Lantern Shop"));
    assert!(zh.body.contains("<html lang=zh-CN>") && zh.body.contains("灯笼商店"));
    assert!(en.body.contains(&format!("http://{}/", demo.0.addr)));
    let status = demo.0.get("/").body.replace("&#x2f;", "/");
    assert!(status.contains(&format!("href=\"http://{}/#help\"", demo.shop())), "{status}");
    let said = demo.0.said.lock().expect("lock").clone();
    assert!(said.contains(&format!("http://{}/", demo.shop())) && said.contains("demo.toml"), "{said}");
}

#[test]
fn another_site_cannot_break_the_shop() {
    let demo = Demo(Running::demo());
    for origin in ["https://evil.example", "null", &format!("http://{}", demo.0.addr)] {
        assert_eq!(demo.press_from("/part/node-a/killed", origin).status, 403, "{origin}");
    }
    let shop = demo.shop();
    let head = "GET / HTTP/1.1\r\nhost: rebound.example\r\nconnection: close\r\n\r\n";
    assert_eq!(request(shop, head).expect("an answer").status, 421);
    assert_eq!(
        request(shop, &head.replace("rebound.example", &shop.to_string())).expect("an answer").status,
        200
    );
    assert!(demo.page("en").body.contains("<article id=node-a class=well>"));
}

#[test]
fn it_is_an_ordinary_installation_with_a_file_that_can_be_read_and_reloaded() {
    let demo = Demo(Running::demo());
    let (code, out, err) = demo.0.cli(&["config", "check", "stillhere-data/demo.toml"]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(demo.0.cli(&["reload"]).0, 0);
    let (code, out, err) = demo.0.cli(&["stop"]);
    assert_eq!(code, 0, "{out}{err}");
}
