//! The demo, as somebody plays with it: through the control page, as a visitor of the shop behind the edge, and watching
//! what the status page says.

use crate::running::{Answer, Running, free_port, now, request, wait_for};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

struct Demo(Running);

/// An `EventSource`: it comes back by itself after the stream has ended, as browsers do.
struct Listener {
    shop: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Demo {
    fn start() -> Demo {
        Demo(Running::demo())
    }

    fn control(&self) -> SocketAddr {
        SocketAddr::new(self.0.addr.ip(), self.0.addr.port() + 1)
    }

    /// Where the edge takes visitors.
    fn shop(&self) -> SocketAddr {
        SocketAddr::new(self.0.addr.ip(), self.0.addr.port() + 2)
    }

    /// A form sent from the control page, as a browser does.
    fn press(&self, path: &str) -> Answer {
        self.press_from(path, &format!("http://{}", self.control()))
    }

    fn press_from(&self, path: &str, origin: &str) -> Answer {
        let control = self.control();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {control}\r\norigin: {origin}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        request(control, &head).unwrap_or_else(|| panic!("POST {path} got no answer"))
    }

    fn page(&self, lang: &str) -> Answer {
        self.visit_at(self.control(), lang)
    }

    fn visit(&self, lang: &str) -> Answer {
        self.visit_at(self.shop(), lang)
    }

    fn visit_at(&self, at: SocketAddr, lang: &str) -> Answer {
        self.visit_page(at, "/", lang)
    }

    fn visit_page(&self, at: SocketAddr, path: &str, lang: &str) -> Answer {
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {at}\r\naccept: text/html\r\naccept-language: {lang}\r\nconnection: close\r\n\r\n"
        );
        request(at, &head).expect("a page answers")
    }

    /// An order as the shop's script sends it.
    fn order(&self, key: &str) -> Answer {
        self.post_order(&format!("accept: application/json\r\nidempotency-key: \"{key}\"\r\n"), "lantern=red")
    }

    fn post_order(&self, more: &str, body: &str) -> Answer {
        let shop = self.shop();
        let head = format!(
            "POST /order HTTP/1.1\r\nhost: {shop}\r\ncookie: visitor=me\r\n{more}content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        request(shop, &head).expect("an order is answered")
    }

    /// What the edge says of a key.
    fn receipt(&self, key: &str) -> Option<String> {
        let shop = self.shop();
        let head = format!(
            "GET /.well-known/stillhere/action/{key} HTTP/1.1\r\nhost: {shop}\r\ncookie: visitor=me\r\nconnection: close\r\n\r\n"
        );
        let answer = request(shop, &head).filter(|a| a.status == 200)?;
        let json: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        json["state"].as_str().map(str::to_owned)
    }

    /// My orders, as the shop's page lists them.
    fn my_orders(&self) -> usize {
        let shop = self.shop();
        let head =
            format!("GET / HTTP/1.1\r\nhost: {shop}\r\ncookie: visitor=me\r\nconnection: close\r\n\r\n");
        let page = request(shop, &head).expect("the shop answers");
        assert_eq!(page.status, 200, "{}", page.body);
        page.body.matches("<li>").count()
    }

    /// One of the crowd's counters.
    fn count(&self, what: &str) -> u64 {
        let page = self.page("en").body;
        let (_, rest) = page.split_once(&format!("id=crowd-{what}>")).expect("the counter");
        rest.split_once('<').expect("its end").0.parse().expect("a number")
    }

    fn nothing_is_lost(&self) {
        for what in ["errors", "lost", "doubled"] {
            assert_eq!(self.count(what), 0, "{what}");
        }
    }

    fn all_well(&self) {
        for service in ["checkout", "search", "database", "report"] {
            self.wait_until(service, "operational");
        }
        let served = self.count("served");
        wait_for("the crowd is served", || (self.count("served") > served + 10).then_some(()));
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

    fn listen(&self) -> Listener {
        Listener { shop: self.shop(), stream: None }
    }
}

impl Listener {
    /// The next line that holds `what`; a stream that ends is asked for again, and must be given each time.
    fn next(&mut self, what: &str) -> String {
        wait_for(&format!("the stream says {what}"), || {
            let stream = self.stream.take().or_else(|| self.connect());
            let mut stream = stream?;
            let mut line = String::new();
            match stream.read_line(&mut line) {
                Ok(n) if n > 0 => self.stream = Some(stream),
                // It ended, or was cut: a browser waits for what the stream said of it, and comes back.
                _ => return None,
            }
            line.contains(what).then_some(line)
        })
    }

    fn connect(&self) -> Option<BufReader<TcpStream>> {
        let mut stream = TcpStream::connect(self.shop).expect("the edge is there");
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let shop = self.shop;
        let head = format!(
            "GET /ticker HTTP/1.1\r\nhost: {shop}\r\naccept: text/event-stream\r\naccept-language: zh-CN\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the edge listens");
        let mut stream = BufReader::new(stream);
        let mut first = String::new();
        stream.read_line(&mut first).expect("the edge answers");
        assert!(first.starts_with("HTTP/1.1 200"), "anything else ends an EventSource for ever: {first}");
        Some(stream)
    }
}

#[test]
fn one_node_killed_no_visitor_is_harmed_and_the_status_page_says_partly_down() {
    let demo = Demo::start();
    demo.all_well();
    assert_eq!(demo.press("/part/node-a/killed").status, 303);
    for n in 0..10 {
        let page = demo.visit("en");
        assert_eq!(page.status, 200);
        assert!(page.body.contains("<b id=node>B</b>"), "{}", page.body);
        let order = demo.order(&format!("one-node-{n}"));
        assert_eq!(order.status, 200, "{}", order.body);
    }
    demo.wait_until("checkout", "partial_outage");
    assert_eq!(demo.count("told"), 0);
    demo.nothing_is_lost();
    demo.press("/mend");
    demo.all_well();
    wait_for("the incident is resolved", || demo.incidents().is_empty().then_some(()));
    demo.nothing_is_lost();
}

#[test]
fn both_killed_visitors_are_told_the_order_is_kept_and_done_once_and_all_is_resolved() {
    let demo = Demo::start();
    demo.all_well();
    let mut stream = demo.listen();
    stream.next("\"sold\"");
    demo.press("/part/node-a/killed");
    demo.press("/part/node-b/killed");
    // The stream goes on, and says what is going on in the visitor's language.
    assert!(stream.next("\"title\"").contains("无法使用"));
    let (page, order) = std::thread::scope(|s| {
        let order = s.spawn(|| demo.order("an-order-of-mine"));
        (demo.visit("zh-CN,zh;q=0.9"), order.join().expect("no panic"))
    });
    assert_eq!(page.status, 503, "{}", page.body);
    assert!(page.body.contains("<html lang=\"zh-CN\">") && page.body.contains("无法使用"), "{}", page.body);
    assert!(page.head.to_ascii_lowercase().contains("stillhere-why: all-out"), "{}", page.head);
    assert_eq!(order.status, 202, "{}", order.body);
    assert!(order.body.contains("/.well-known/stillhere/action/an-order-of-mine"), "{}", order.body);
    assert_eq!(demo.receipt("an-order-of-mine").as_deref(), Some("saved"));
    demo.wait_until("checkout", "major_outage");
    let feed = demo.0.get("/history.atom").body;
    assert!(feed.contains("Checkout"), "{feed}");
    assert_eq!(demo.incidents().len(), 1, "one cause, one incident: {:?}", demo.incidents());
    wait_for("the crowd is told, and its orders are kept", || {
        (demo.count("told") > 20 && demo.count("kept") > 0).then_some(())
    });
    assert_eq!(demo.press("/mend").status, 303);
    wait_for("my order is done", || (demo.receipt("an-order-of-mine")? == "done").then_some(()));
    // Asked for again, it is answered with what was done, and not done again.
    let again = demo.order("an-order-of-mine");
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(demo.my_orders(), 1);
    assert!(stream.next("\"sold\"").contains("data:"));
    wait_for("every order that was kept is done", || (demo.count("kept") == 0).then_some(()));
    demo.all_well();
    wait_for("the incident is resolved", || demo.incidents().is_empty().then_some(()));
    assert_eq!(demo.0.json("/api/v2/incidents.json")["incidents"][0]["status"], "resolved");
    demo.nothing_is_lost();
}

#[test]
fn both_restarted_everybody_waits_and_nobody_sees_an_error() {
    let demo = Demo::start();
    demo.all_well();
    demo.press("/restart");
    assert!(demo.page("en").body.contains("Both nodes are restarting"));
    let began = now();
    let order = demo.order("during-a-restart");
    assert_eq!(order.status, 200, "{}", order.body);
    assert!(began.elapsed() > Duration::from_secs(1), "it waited for {:?}", began.elapsed());
    wait_for("those who waited are served", || (demo.count("waited") > 20).then_some(()));
    demo.all_well();
    assert_eq!(demo.count("told"), 0);
    demo.nothing_is_lost();
}

#[test]
fn a_frozen_node_is_hardly_felt() {
    let demo = Demo::start();
    demo.all_well();
    demo.press("/part/node-a/frozen");
    for n in 0..10 {
        let began = now();
        assert_eq!(demo.visit("en").status, 200);
        assert_eq!(demo.order(&format!("frozen-{n}-key")).status, 200);
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    }
    demo.wait_until("checkout", "partial_outage");
    assert_eq!(demo.count("told"), 0);
    demo.nothing_is_lost();
}

#[test]
fn the_shop_has_cookies_orders_and_a_form_that_works_without_script() {
    let demo = Demo::start();
    let page = demo.visit("en");
    assert!(page.head.to_ascii_lowercase().contains("set-cookie: visitor="), "{}", page.head);
    let client = request(
        demo.shop(),
        &format!(
            "GET /.well-known/stillhere/client.js HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            demo.shop()
        ),
    );
    let there = client.expect("the edge answers").status == 200;
    assert_eq!(page.body.contains("/.well-known/stillhere/client.js"), there, "{}", page.body);
    assert_eq!(page.body.contains("no browser client"), !there, "{}", page.body);
    let page = demo.visit_page(demo.shop(), "/checkout", "en");
    assert!(page.body.contains("<noscript>") && page.body.contains("method=post"), "{}", page.body);
    let (_, rest) = page.body.split_once("name=key value=\"").expect("a key in the form");
    let form = format!("lantern=red&key={}", rest.split_once('"').expect("its end").0);
    for _ in 0..2 {
        let answer = demo.post_order("accept: text/html\r\n", &form);
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert!(answer.head.contains("/thanks"), "{}", answer.head);
    }
    assert_eq!(demo.my_orders(), 1, "the same form sent twice is one order");
    assert_eq!(demo.order("by-script-1").status, 200);
    assert_eq!(demo.order("by-script-1").status, 200);
    assert_eq!(demo.my_orders(), 2);
    for path in ["/", "/checkout", "/thanks", "/meeting"] {
        let page = demo.visit_page(demo.shop(), path, "zh-CN");
        assert_eq!(page.status, 200, "{path}");
        assert!(
            page.body.contains("<html lang=zh-CN>") && page.body.matches("灯笼商店").count() >= 2,
            "{path}"
        );
        assert!(page.body.contains(&format!("{path}?lang=en")), "the same page in the other language");
    }
}

#[test]
fn the_report_that_falls_silent_and_the_slow_search_are_told() {
    let demo = Demo::start();
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
fn the_pages_speak_two_languages_and_link_to_each_other() {
    let demo = Demo::start();
    let (en, zh) = (demo.page("en"), demo.page("zh-CN,zh;q=0.9"));
    assert!(en.body.contains("<html lang=en>") && en.body.contains("Lantern Shop"));
    assert!(zh.body.contains("<html lang=zh-CN>") && zh.body.contains("灯笼商店"));
    for page in [&en.body, &demo.visit("en").body] {
        assert!(page.contains(&format!("http://{}/", demo.0.addr)), "{page}");
    }
    assert!(en.body.contains(&format!("http://{}/", demo.shop())));
    let status = demo.0.get("/").body.replace("&#x2f;", "/");
    assert!(status.contains(&format!("href=\"http://{}/#help\"", demo.control())), "{status}");
    let said = demo.0.said.lock().expect("lock").clone();
    for addr in [demo.0.addr, demo.control(), demo.shop()] {
        assert!(said.contains(&format!("http://{addr}/")), "{said}");
    }
    assert!(said.contains("demo.toml"), "{said}");
}

#[test]
fn another_site_cannot_break_the_shop() {
    let demo = Demo::start();
    let (status, shop) = (format!("http://{}", demo.0.addr), format!("http://{}", demo.shop()));
    for origin in ["https://evil.example", "null", &status, &shop] {
        assert_eq!(demo.press_from("/part/node-a/killed", origin).status, 403, "{origin}");
    }
    let control = demo.control();
    let head = "GET / HTTP/1.1\r\nhost: rebound.example\r\nconnection: close\r\n\r\n";
    assert_eq!(request(control, head).expect("an answer").status, 421);
    let own = head.replace("rebound.example", &control.to_string());
    assert_eq!(request(control, &own).expect("an answer").status, 200);
    assert!(demo.page("en").body.contains("<article id=node-a class=well data-live>"));
}

#[test]
fn it_is_an_ordinary_installation_with_a_file_that_can_be_read_and_reloaded() {
    let demo = Demo::start();
    let (code, out, err) = demo.0.cli(&["config", "check", "stillhere-data/demo.toml"]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(demo.0.cli(&["reload"]).0, 0);
    let (code, out, err) = demo.0.cli(&["stop"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn a_demo_that_is_killed_takes_its_edge_with_it_and_the_next_one_opens_at_the_same_place() {
    let mut demo = Demo::start();
    let lock = demo.0.dir.path().join("stillhere-data/edge/edge.lock");
    let edge = std::fs::read_to_string(&lock).expect("the edge's process");
    demo.0.kill();
    wait_for("the edge has ended, too", || TcpStream::connect(demo.shop()).is_err().then_some(()));
    wait_for("its process as well", || {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", edge.trim()));
        // In a container whose first process adopts nobody it stays as a zombie.
        status.map_or(true, |s| s.contains(") Z ")).then_some(())
    });
    demo.0.restart();
    wait_for("the shop is open", || {
        request(demo.shop(), "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .filter(|a| a.status == 200)
    });
    assert_ne!(std::fs::read_to_string(lock).expect("another edge's"), edge);
}

#[test]
fn a_port_that_is_taken_is_said_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = taken.local_addr().expect("address").port();
    let demo = Running::watch(&[&format!("http://127.0.0.1:{}/", free_port())], "10s");
    let (code, _, err) =
        demo.cli(&["demo", "--listen", &format!("127.0.0.1:{}", port - 2), "--data", "other"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("three ports in a row"), "{err}");
}
