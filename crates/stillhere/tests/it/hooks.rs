//! Webhooks of visitors: nothing comes to an address but one question, until whoever is there has answered it.

use crate::running::{Answer, Running, Target, free_port, request, wait_for};
use serde_json::{Value, json};
use std::{
    net::TcpStream,
    process::{Child, Command, Stdio},
};

/// Python's own server, over TLS. Each path answers in its way; what came is written down, a line each.
const SERVER: &str = r#"
import http.server, json, ssl, sys
class Hooks(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        said = json.loads(body)
        with open("came", "a") as f:
            f.write(json.dumps({"path": self.path, "id": self.headers["webhook-id"], "body": said}) + "\n")
        asked = said.get("challenge", "")
        status, answer = {
            "/agrees": (200, json.dumps({"challenge": asked})), "/agrees-in-text": (202, asked), "/echoes": (200, body.decode()),
            "/shrugs": (200, "ok"), "/fails": (500, asked), "/moved": (307, asked), "/gone": (410, asked),
        }[self.path]
        self.send_response(status)
        if status == 307:
            self.send_header("location", "/agrees")
        self.send_header("content-length", str(len(answer.encode())))
        self.end_headers()
        self.wfile.write(answer.encode())
    def log_message(self, *a):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hooks)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"#;

struct Receiver {
    dir: tempfile::TempDir,
    port: u16,
    certificate: String,
    server: Child,
}

// === impl Receiver ===

impl Receiver {
    fn start() -> Receiver {
        let dir = tempfile::tempdir().expect("a folder");
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
        let certificate = made.cert.pem();
        for (name, text) in [
            ("server.py", SERVER),
            ("cert.pem", &certificate),
            ("key.pem", &made.signing_key.serialize_pem()),
        ] {
            std::fs::write(dir.path().join(name), text).expect("the file");
        }
        let port = free_port();
        let server = Command::new("python3")
            .args(["server.py", &port.to_string()])
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .spawn()
            .expect("the tests need python3");
        wait_for("the receiver listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        Receiver { dir, port, certificate, server }
    }

    fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}/{path}", self.port)
    }

    fn came(&self, path: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.dir.path().join("came")).unwrap_or_default();
        let all = text.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
        all.filter(|v| v["path"] == format!("/{path}")).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn ask(running: &Running, url: &str) -> Answer {
    let escaped = url.replace(':', "%3A").replace('/', "%2F");
    let form = format!("way=webhook&lang=en&address={escaped}");
    let head = format!(
        "POST /subscribe HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        running.addr,
        form.len()
    );
    request(running.addr, &head).expect("an answer")
}

/// What is known of it; `None`: nothing.
fn known(running: &Running, url: &str) -> Option<Value> {
    let (code, out, _) = running.cli(&["subscribers", "export", url]);
    (code == 0).then(|| serde_json::from_str(&out).expect("JSON"))
}

fn config(target: &Target, more: &str) -> String {
    format!(
        "[[service]]\nid = \"shop\"\nurl = \"{}\"\n\n[subscribers]\nenabled = true\n{more}\n",
        target.url()
    )
}

fn open_incident(running: &Running, title: &str) {
    let about =
        ["incident", "open", "--title", title, "--text", "We look.", "--service", "shop=major_outage"];
    let (code, _, err) = running.cli(&about);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn a_receiver_that_gives_the_challenge_back_is_told_and_no_other() {
    let (receiver, target) = (Receiver::start(), Target::start());
    let own = format!("webhook_hosts = [\"127.0.0.1:{}\"]", receiver.port);
    let running = Running::up_trusting(&config(&target, &own), &receiver.certificate);
    // Three questions a day to one host, and these are the operator's own: imported ones are asked nothing.
    for path in ["agrees", "echoes", "fails"] {
        assert_eq!(ask(&running, &receiver.url(path)).status, 200);
    }
    let state = |path: &str| known(&running, &receiver.url(path)).map(|k| k["state"].clone());
    wait_for("it has agreed", || (state("agrees") == Some(json!("active"))).then_some(()));
    let question = &receiver.came("agrees")[0]["body"];
    assert_eq!(question["type"], "subscription.confirm");
    assert!(question["public_key"].as_str().is_some_and(|k| k.starts_with("whpk_")), "{question}");
    wait_for("the others have answered", || {
        (receiver.came("echoes").len() == 1 && receiver.came("fails").len() == 3).then_some(())
    });
    // The fourth gets nothing, and the same answer.
    let plain = |a: &Answer| (a.status, a.body.clone());
    assert_eq!(
        plain(&ask(&running, &receiver.url("shrugs"))),
        plain(&ask(&running, &receiver.url("agrees")))
    );

    open_incident(&running, "Orders fail");
    let told = wait_for("it is told", || receiver.came("agrees").get(1).cloned());
    assert_eq!(told["body"]["type"], "incident.opened");
    assert!(told["body"]["meta"]["unsubscribe"].is_string(), "{told}");
    wait_for("all are told", || {
        let (_, out, _) = running.cli(&["subscribers", "--json"]);
        let progress: Value = serde_json::from_str(&out).expect("JSON");
        let news = progress["news"].as_array().expect("a list").clone();
        news.into_iter().find(|n| n["way"] == "webhook" && n["ended_at"].is_string() && n["made"] == 1)
    });
    for path in ["echoes", "fails"] {
        assert_eq!(state(path), Some(json!("asked")), "{path}");
        let all = receiver.came(path);
        assert!(all.iter().all(|v| v["body"]["type"] == "subscription.confirm"), "{all:?}");
        let ids: std::collections::BTreeSet<_> = all.iter().map(|v| v["id"].to_string()).collect();
        assert_eq!(ids.len(), 1, "one question, however often it is put");
    }
    assert_eq!(receiver.came("fails").len(), 3);
    assert!(receiver.came("shrugs").is_empty(), "a host is asked three times a day");
}

#[test]
fn a_nod_a_redirect_and_a_plain_200_begin_nothing_and_inner_addresses_are_not_even_asked() {
    let (receiver, target) = (Receiver::start(), Target::start());
    let own = format!("webhook_hosts = [\"127.0.0.1:{}\"]", receiver.port);
    let running = Running::up_trusting(&config(&target, &own), &receiver.certificate);
    for path in ["shrugs", "moved", "agrees-in-text"] {
        assert_eq!(ask(&running, &receiver.url(path)).status, 200);
    }
    let state = |path: &str| known(&running, &receiver.url(path)).map(|k| k["state"].clone());
    wait_for("it has agreed", || (state("agrees-in-text") == Some(json!("active"))).then_some(()));
    wait_for("the others have answered", || {
        (receiver.came("shrugs").len() == 1 && receiver.came("moved").len() == 3).then_some(())
    });
    for path in ["shrugs", "moved"] {
        assert_eq!(state(path), Some(json!("asked")), "{path}");
    }
    assert!(receiver.came("agrees").is_empty(), "a redirect was followed");
    // A person may still press the button.
    let link = receiver.came("shrugs")[0]["body"]["confirm_url"].as_str().expect("a link").to_owned();
    let path = link.split_once(&running.addr.to_string()).expect("our address").1.to_owned();
    assert_eq!(running.get(&path).status, 200);
    assert_eq!(state("shrugs"), Some(json!("asked")), "a GET has begun it");
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    let head = head.replace("host: x", &format!("host: {}", running.addr));
    assert_eq!(request(running.addr, &head).expect("an answer").status, 200);
    assert_eq!(state("shrugs"), Some(json!("active")));

    // Nobody's own: the same server under another name, and what is on this machine.
    let elsewhere = format!("https://127.0.0.1:{}/agrees", target.addr.port());
    for url in [
        elsewhere.as_str(),
        "https://10.0.0.1/agrees",
        "https://169.254.169.254/latest",
        "http://example.com/x",
    ] {
        assert_eq!(ask(&running, url).status, 422, "{url}");
    }
}
