//! The edge with its core, as processes: what visitors and the page see while nodes, the edge and the core die.

use crate::running::{Answer, Receiver, Running, Target, free_port, get, request, wait_for};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

/// A core with an edge in front of two nodes.
struct Front {
    up: Running,
    edge: SocketAddr,
    nodes: Vec<SocketAddr>,
}

/// Short: some tests wait until it is over.
const HOLD: &str = "1500ms";

fn front(nodes: &[&Target]) -> Front {
    front_that_holds(nodes, HOLD)
}

fn front_that_holds(nodes: &[&Target], hold: &str) -> Front {
    let edge = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let nodes: Vec<SocketAddr> = nodes.iter().map(|n| n.addr).collect();
    let up = Running::up(&file(edge, &nodes, "").replace(HOLD, hold));
    let front = Front { up, edge, nodes };
    wait_for("the edge serves", || front.get("/").filter(|a| a.status == 200));
    wait_for("the edge's vote is in", || (front.status() == "operational").then_some(()));
    front
}

fn file(edge: SocketAddr, nodes: &[SocketAddr], more: &str) -> String {
    let nodes: Vec<String> = nodes.iter().map(|n| format!("\"http://{n}\"")).collect();
    format!(
        "[edge]\nlisten = \"{edge}\"\n[[edge.routes]]\nservice = \"shop\"\npool = \"shop\"\n\
         [edge.pools.shop]\nnodes = [{}]\nhold = \"{HOLD}\"\n{more}\n\
         [[service]]\nid = \"shop\"\nname = {{ en = \"Shop\", zh-CN = \"商店\" }}\n",
        nodes.join(", ")
    )
}

impl Front {
    fn get(&self, path: &str) -> Option<Answer> {
        get(self.edge, path)
    }

    /// As a browser asks for a page.
    fn visit(&self) -> Answer {
        let head = format!(
            "GET /basket HTTP/1.1\r\nhost: {}\r\nconnection: close\r\naccept: text/html,*/*;q=0.8\r\n\
             accept-language: zh-CN,zh;q=0.9\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n\r\n",
            self.edge
        );
        request(self.edge, &head).expect("the edge always answers")
    }

    /// What the status page says of the shop.
    fn status(&self) -> String {
        let summary = self.up.json("/api/v2/summary.json");
        summary["components"][0]["status"].as_str().expect("a status").to_owned()
    }

    fn data(&self) -> PathBuf {
        self.up.dir.path().join("stillhere-data")
    }

    fn edge_pid(&self) -> u32 {
        let file = self.data().join("edge").join("edge.lock");
        wait_for("the edge's process", || std::fs::read_to_string(&file).ok()?.trim().parse().ok())
    }

    fn edges(&self) -> serde_json::Value {
        let (code, out, err) = self.up.cli(&["edge", "list", "--json"]);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).expect("JSON")
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        // It would outlive us: that is what it is made for.
        self.up.kill();
        kill(self.edge_pid(), "KILL");
    }
}

fn kill(pid: u32, signal: &str) {
    let _ = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
}

#[test]
fn case_o_when_both_nodes_die_the_page_says_so_before_the_first_visitor_is_let_go() {
    let (a, b) = (Target::start(), Target::start());
    let front = front(&[&a, &b]);
    let nodes = [a.kill(), b.kill()];
    let answer = front.visit();
    // Held for a second and a half, and by then everybody has been told.
    assert_eq!(front.status(), "major_outage");
    assert_eq!(answer.status, 503, "{}", answer.head);
    let head = answer.head.to_ascii_lowercase();
    assert!(head.contains("content-language: zh-cn") && head.contains("retry-after: "), "{head}");
    assert!(head.contains("stillhere-outcome: not-forwarded"), "{head}");
    assert!(answer.body.contains("商店") && answer.body.contains("lang=\"zh-CN\""), "{}", answer.body);
    let service = &front.up.json("/api/v1/services")["services"][0];
    assert_eq!(service["checks"][0]["finding"]["kind"], "edge_all_out", "{service}");
    let _again: Vec<Target> = nodes.into_iter().map(Target::at).collect();
    wait_for("requests flow again", || front.get("/").filter(|a| a.status == 200));
    wait_for("the page says so", || (front.status() == "operational").then_some(()));
}

#[test]
fn case_o_nodes_that_die_while_nobody_asks_are_noticed_too() {
    let (a, b) = (Target::start(), Target::start());
    let front = front(&[&a, &b]);
    drop((a, b));
    wait_for("the edge has looked by itself", || (front.status() == "major_outage").then_some(()));
}

#[test]
fn servers_that_answer_with_errors_are_down_though_they_answer() {
    let (a, b) = (Target::start(), Target::start());
    let front = front(&[&a, &b]);
    a.answer_with(500);
    b.answer_with(500);
    wait_for("enough of them are seen", || {
        front.get("/")?;
        (front.status() == "major_outage").then_some(())
    });
    let service = &front.up.json("/api/v1/services")["services"][0];
    assert_eq!(service["checks"][0]["finding"]["kind"], "edge_errors", "{service}");
    a.answer_with(200);
    b.answer_with(200);
    wait_for("good ones are seen", || {
        front.get("/")?;
        (front.status() == "operational").then_some(())
    });
}

#[test]
fn case_p_the_edge_outlives_the_core_and_the_next_core_keeps_it() {
    let (a, b) = (Target::start(), Target::start());
    let mut front = front(&[&a, &b]);
    let pid = front.edge_pid();
    front.up.kill();
    assert_eq!(front.get("/").expect("served").status, 200, "without the core");
    drop((a, b));
    let answer = front.visit();
    assert_eq!(answer.status, 503);
    // The notice says that all is well; the edge knows better, says since when, and how old the notice is. What is missing has its
    // name all the same.
    for said in ["我们无法连接到商店", "一切正常"] {
        assert!(answer.body.contains(said), "{said}: {}", answer.body);
    }
    let notice = front.get("/.well-known/stillhere/notice").expect("the last notice");
    assert!(notice.body.contains("\"sig\""), "{}", notice.body);
    front.up.restart();
    wait_for("the new core knows", || (front.status() == "major_outage").then_some(()));
    assert_eq!(front.edge_pid(), pid, "it is the same process");
    // With neither core nor nodes, an edge that begins anew still has its configuration and the notice.
    front.up.kill();
    kill(pid, "KILL");
    let data = front.data().join("edge");
    let mut alone = Command::new(env!("CARGO_BIN_EXE_stillhere"))
        .args(["edge", "--join", "unix:/nowhere/control.sock", "--data"])
        .arg(&data)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the binary runs");
    let answer = wait_for("it serves from its folder", || {
        let head = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept: application/json\r\n\r\n";
        request(front.edge, head).filter(|a| a.status == 503)
    });
    assert!(answer.body.contains("all-out"), "{}", answer.body);
    assert!(front.get("/.well-known/stillhere/notice").expect("kept").body.contains("\"sig\""));
    kill(alone.id(), "TERM");
    assert!(alone.wait().expect("ends").success(), "a graceful stop is a success");
    front.up.restart();
}

#[test]
fn an_edge_whose_core_is_gone_for_good_is_stopped_by_hand_and_until_then_another_waits_for_its_address() {
    let a = Target::start();
    let mut front = front(&[&a]);
    let old = front.edge_pid();
    front.up.kill();
    // Another folder: what serves there is not this one's, and is not ended by it.
    let other = Running::up(&file(front.edge, &front.nodes, ""));
    wait_for("it says what is in the way", || {
        other.said.lock().expect("lock").contains("`stillhere stop --data DIR`").then_some(())
    });
    assert_eq!(front.get("/").expect("served").status, 200);
    let (code, out, err) = front.up.cli(&["stop"]);
    assert_eq!((code, out.trim()), (0, "the edge that had outlived it is stopped"), "{err}");
    let pid = other.dir.path().join("stillhere-data/edge/edge.lock");
    wait_for("the other one serves", || front.get("/").filter(|a| a.status == 200));
    wait_for("its core knows", || {
        let summary = other.json("/api/v2/summary.json");
        (summary["components"][0]["status"] == "operational").then_some(())
    });
    let new: u32 = std::fs::read_to_string(pid).expect("its process").trim().parse().expect("a number");
    assert_ne!(new, old);
    let (code, _, err) = front.up.cli(&["stop"]);
    assert_eq!(code, 3, "nobody is there any more: {err}");
}

#[test]
fn an_edge_whose_folder_was_made_anew_gives_way_to_the_next_one() {
    let a = Target::start();
    let mut front = front(&[&a]);
    let old = front.edge_pid();
    front.up.kill();
    std::fs::remove_dir_all(front.data()).expect("removed");
    assert_eq!(front.get("/").expect("served").status, 200, "a folder that is gone is no reason to go");
    front.up.restart();
    wait_for("the new core sees its own edge", || {
        (front.edges()["edges"][0]["pools"][0]["standing"] == "takes").then_some(())
    });
    assert_ne!(front.edge_pid(), old);
    assert_eq!(front.get("/").expect("served").status, 200);
    wait_for("the old process has ended", || {
        let stat = std::fs::read_to_string(format!("/proc/{old}/stat"));
        stat.map_or(true, |s| s.contains(") Z ")).then_some(())
    });
}

#[test]
fn an_edge_that_dies_is_started_again_and_the_core_does_not_mind() {
    let (a, b) = (Target::start(), Target::start());
    let front = front(&[&a, &b]);
    let pid = front.edge_pid();
    kill(pid, "KILL");
    wait_for("another process serves", || {
        let other = front.edge_pid() != pid;
        front.get("/").filter(|a| other && a.status == 200)
    });
    assert_eq!(front.up.get("/healthz").status, 200);
}

#[test]
fn an_edge_hands_over_to_a_new_process_and_nobody_notices() {
    let (a, b) = (Target::start(), Target::start());
    let front = front(&[&a, &b]);
    let (edge, old) = (front.edge, front.edge_pid());
    let stop = Arc::new(AtomicBool::new(false));
    let visitors: Vec<_> = (0..4)
        .map(|_| {
            let stop = stop.clone();
            thread::spawn(move || {
                let mut answers = Vec::new();
                while !stop.load(Relaxed) {
                    answers.push(get(edge, "/").map(|a| a.status));
                }
                answers
            })
        })
        .collect();
    let folder = front.data().join("edge");
    let (code, out, err) = front.up.cli(&["edge", "upgrade", "--data", folder.to_str().expect("a path")]);
    assert_eq!(code, 0, "{out}{err}");
    let new = front.edge_pid();
    assert!(new != old && out.contains(&format!("process {new} serves now")), "{out}");
    wait_for("the new one reports", || {
        (front.edges()["edges"][0]["pools"][0]["standing"] == "takes").then_some(())
    });
    stop.store(true, Relaxed);
    let answers: Vec<_> = visitors.into_iter().flat_map(|v| v.join().expect("it ends")).collect();
    assert!(answers.len() > 20 && answers.iter().all(|a| *a == Some(200)), "{answers:?}");
    assert_eq!(front.edge_pid(), new, "the core keeps it");
    // Where none runs there is nothing to hand over.
    assert_ne!(front.up.cli(&["edge", "upgrade", "--data", "elsewhere"]).0, 0);
}

#[test]
fn a_bad_edge_in_the_file_changes_nothing_and_a_good_one_is_taken_over() {
    let (a, b) = (Target::start(), Target::start());
    let front = front(&[&a]);
    let path = front.up.dir.path().join("stillhere.toml");
    let bad = file(front.edge, &front.nodes, "").replace("service = \"shop\"", "service = \"shpo\"");
    std::fs::write(&path, bad.replace("http://", "ftp://")).unwrap();
    let (code, _, err) = front.up.cli(&["reload"]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("`edge.routes[0].service` is not the id of a service"), "{err}");
    assert!(err.contains("did you mean \"shop\"?") && err.contains("edge.pools.shop.nodes[0]"), "{err}");
    assert_eq!(front.get("/").expect("served").status, 200);
    std::fs::write(&path, file(front.edge, &[b.addr], "")).unwrap();
    let (code, out, err) = front.up.cli(&["reload"]);
    assert_eq!((code, out.trim()), (0, "changed: edge"), "{err}");
    drop(a);
    wait_for("the edge asks the new node", || {
        let edges = front.edges();
        let node = edges["edges"][0]["pools"][0]["nodes"][0]["address"].as_str()?.to_owned();
        node.contains(&b.addr.to_string()).then_some(())
    });
    assert_eq!(front.get("/").expect("served").status, 200);
    assert!(front.edges()["edges"][0]["current"].as_bool().unwrap());
    // Without [edge] there is none.
    std::fs::write(&path, "[[service]]\nid = \"shop\"\n").unwrap();
    assert_eq!(front.up.cli(&["reload"]).0, 0);
    wait_for("it is gone", || front.get("/").is_none().then_some(()));
    std::fs::write(&path, file(front.edge, &[b.addr], "")).unwrap();
    assert_eq!(front.up.cli(&["reload"]).0, 0);
    wait_for("it is back", || front.get("/").filter(|a| a.status == 200));
}

#[test]
fn people_pause_a_service_and_ban_a_network() {
    let a = Target::start();
    // The core hears once a second that somebody waits, and then a command has to be started.
    let front = front_that_holds(&[&a], "120s");
    assert_eq!(front.up.cli(&["edge", "pause", "nothing"]).0, 4);
    let (code, out, err) = front.up.cli(&["edge", "pause", "shop", "--until", "5m"]);
    assert!(code == 0 && out.starts_with("paused until "), "{out}{err}");
    wait_for("it is paused at the edge", || {
        (front.edges()["edges"][0]["pools"][0]["standing"] == "paused").then_some(())
    });
    let edge = front.edge;
    let waiting = thread::spawn(move || get(edge, "/").expect("an answer").status);
    wait_for("a request waits", || {
        (front.edges()["edges"][0]["pools"][0]["waiting"].as_u64() > Some(0)).then_some(())
    });
    assert_eq!(front.up.cli(&["edge", "resume", "shop"]).0, 0);
    assert_eq!(waiting.join().expect("it ends"), 200, "it waited, and was answered");

    let ban = ["edge", "ban", "127.0.0.0/8", "--why", "a test"];
    assert_eq!(front.up.cli(&ban).0, 0);
    wait_for("we are shut out", || front.get("/").is_none_or(|a| a.status == 403).then_some(()));
    assert!(front.up.cli(&["edge", "ban"]).1.contains("127.0.0.0/8"));
    assert_eq!(front.up.cli(&["edge", "unban", "127.0.0.0/8"]).0, 0);
    assert_eq!(front.up.cli(&["edge", "unban", "127.0.0.0/8"]).0, 4);
    wait_for("we are let in", || front.get("/").filter(|a| a.status == 200));
    let metrics = front.up.get("/metrics").body;
    assert!(metrics.contains("stillhere_edges 1\n"), "{metrics}");
    assert!(
        metrics.contains("stillhere_edge_requests_total{service=\"shop\",outcome=\"answered\"}"),
        "{metrics}"
    );
    let (code, out, _) = front.up.cli(&["status"]);
    assert!(code == 0 && out.contains("edge local"), "{out}");
    let (_, out, _) = front.up.cli(&["doctor"]);
    assert!(out.lines().any(|l| l.starts_with("ok") && l.contains("edge local")), "{out}");
}

#[test]
fn an_edge_elsewhere_joins_with_a_token_for_edges_and_no_other() {
    let a = Target::start();
    let front = front(&[&a]);
    let dir = front.up.dir.path();
    let (code, token, err) = front.up.cli(&["token", "new", "berlin", "--scope", "edge"]);
    assert_eq!(code, 0, "{err}");
    let token = token.trim().to_owned();
    std::fs::write(dir.join("edge.token"), format!("{token}\n")).unwrap();
    // It is good for nothing else, and another one is not good for this.
    let call = |token: &str, path: &str| {
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n",
            front.up.addr
        );
        request(front.up.addr, &head).expect("an answer").status
    };
    assert_eq!((call(&token, "/api/v1/edges"), call(&token, "/api/v1/edge/feed")), (401, 200));
    let other = front.up.cli(&["token", "new", "writer"]).1.trim().to_owned();
    assert_eq!((call(&other, "/api/v1/edges"), call(&other, "/api/v1/edge/feed")), (200, 401));
    assert_eq!(call("sth_nothing", "/api/v1/edge/feed"), 401);
    let there = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut berlin = Command::new(env!("CARGO_BIN_EXE_stillhere"))
        .args(["edge", "--join", &format!("http://{}", front.up.addr), "--token-file", "edge.token"])
        .args(["--name", "berlin", "--data", "berlin", "--listen", &there.to_string()])
        .current_dir(dir)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the binary runs");
    wait_for("it serves", || get(there, "/").filter(|a| a.status == 200));
    let names = wait_for("both are known", || {
        let edges = front.edges();
        let names: Vec<String> =
            edges["edges"].as_array()?.iter().map(|e| e["name"].as_str().unwrap().to_owned()).collect();
        (names.len() == 2).then_some(names)
    });
    assert_eq!(names, ["berlin", "local"]);
    kill(berlin.id(), "TERM");
    assert!(berlin.wait().expect("ends").success());
    for wrong in [
        &["edge", "--join", "http://status.example.com", "--token-file", "edge.token"][..],
        &["edge", "--join", "https://status.example.com"],
        &["edge"],
        &["edge", "--to", "ftp://x"],
    ] {
        assert_eq!(front.up.cli(wrong).0, 2, "{wrong:?}");
    }
}

/// The core speaks HTTP, so another edge ends TLS before it, with a certificate of an authority of one's own.
#[test]
fn an_edge_joins_over_https_where_the_authority_is_the_one_that_was_named() {
    let a = Target::start();
    let front = front(&[&a]);
    let dir = front.up.dir.path();
    let (code, token, err) = front.up.cli(&["token", "new", "berlin", "--scope", "edge"]);
    assert_eq!(code, 0, "{err}");
    std::fs::write(dir.join("edge.token"), token).unwrap();
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(dir.join(name), authority.pem()).unwrap();
        authority
    };
    let (ours, _theirs) = (authority("ours.pem"), authority("theirs.pem"));
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ours).unwrap();
    std::fs::write(dir.join("leaf.pem"), leaf.pem()).unwrap();
    std::fs::write(dir.join("leaf.key"), key.serialize_pem()).unwrap();
    let (plain, secure, there) = (free_port(), free_port(), SocketAddr::from(([127, 0, 0, 1], free_port())));
    let door = Running::up(&format!(
        "[edge]\nlisten = \"127.0.0.1:{plain}\"\n[edge.tls]\nlisten = \"127.0.0.1:{secure}\"\n\
         [[edge.tls.certificates]]\ncertificate = \"{dir}/leaf.pem\"\nkey = \"{dir}/leaf.key\"\n\
         [[edge.routes]]\nservice = \"core\"\nnodes = [\"http://{}\"]\n[[service]]\nid = \"core\"\n",
        front.up.addr,
        dir = dir.display()
    ));
    wait_for("the door is open", || {
        get(SocketAddr::from(([127, 0, 0, 1], plain)), "/healthz").filter(|a| a.status == 200)
    });
    let join = |ca: &str, name: &str| {
        Command::new(env!("CARGO_BIN_EXE_stillhere"))
            .args(["edge", "--join", &format!("https://localhost:{secure}"), "--token-file", "edge.token"])
            .args(["--name", name, "--data", name, "--listen", &there.to_string(), "--ca-file", ca])
            .current_dir(dir)
            .stderr(std::fs::File::create(dir.join(format!("{name}.log"))).unwrap())
            .spawn()
            .expect("the binary runs")
    };
    let mut wrong = join("theirs.pem", "wrong");
    wait_for("it says whom it does not trust", || {
        let said = std::fs::read_to_string(dir.join("wrong.log")).ok()?;
        said.contains("certificate").then_some(())
    });
    assert!(get(there, "/").is_none(), "it has no configuration");
    kill(wrong.id(), "TERM");
    assert!(wrong.wait().expect("ends").success());
    let mut berlin = join("ours.pem", "berlin");
    wait_for("it serves", || get(there, "/").filter(|a| a.status == 200));
    wait_for("the core knows it, and not the other one", || {
        let edges = front.edges();
        let names: Vec<&str> = edges["edges"].as_array()?.iter().filter_map(|e| e["name"].as_str()).collect();
        assert!(!names.contains(&"wrong"));
        names.contains(&"berlin").then_some(())
    });
    let shown = wait_for("the door's certificate is told", || {
        let (_, out, _) = door.cli(&["edge", "list", "--json"]);
        let edges: serde_json::Value = serde_json::from_str(&out).ok()?;
        edges["edges"][0]["certificates"][0]["name"].as_str().map(str::to_owned)
    });
    assert_eq!(shown, "localhost");
    kill(berlin.id(), "TERM");
    assert!(berlin.wait().expect("ends").success());
}

#[test]
fn requests_are_logged_counted_and_traced_and_browsers_may_report() {
    let origin = Receiver::start();
    let (at, metrics) = (free_port(), free_port());
    let toml = format!(
        "[edge]\nlisten = \"127.0.0.1:{at}\"\nmetrics = \"127.0.0.1:{metrics}\"\n\
         [edge.log]\nfile = \"{{dir}}/access.log\"\naddress = \"none\"\n\
         [[edge.routes]]\nservice = \"shop\"\nnodes = [\"http://{}\"]\n[[service]]\nid = \"shop\"\n",
        origin.addr
    );
    let mut front =
        Front { up: Running::up(&toml), edge: SocketAddr::from(([127, 0, 0, 1], at)), nodes: Vec::new() };
    wait_for("it serves", || front.get("/a?secret=1").filter(|a| a.status == 204));
    let log = front.up.dir.path().join("access.log");
    let line = wait_for("a line", || {
        let text = std::fs::read_to_string(&log).ok()?;
        let line = text.lines().find(|l| l.contains("\"/a\""))?.to_owned();
        serde_json::from_str::<serde_json::Value>(&line).ok()
    });
    assert_eq!((line["status"].as_u64(), line["sent"].as_u64()), (Some(204), Some(1)), "{line}");
    assert!(!line.to_string().contains("secret") && line["from"].is_null(), "{line}");
    let trace = line["trace"].as_str().expect("a trace");
    let asked = origin.got().into_iter().map(|(head, _)| head).find(|head| head.contains("/a?secret=1"));
    assert!(asked.expect("it was asked").contains(&format!("traceparent: 00-{trace}-")));
    // The file may be moved away by whoever rotates logs.
    std::fs::rename(&log, log.with_extension("old")).expect("moved");
    kill(front.edge_pid(), "HUP");
    wait_for("a new file", || {
        front.get("/b")?;
        std::fs::read_to_string(&log).ok()?.contains("\"/b\"").then_some(())
    });
    let report = r#"[{"type":"network-error","body":{"type":"tcp.refused"}}]"#;
    let post = |body: &str| {
        let head = format!(
            "POST /.well-known/stillhere/reports HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: \
             application/reports+json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        request(front.edge, &head).expect("an answer").status
    };
    assert_eq!((post(report), post("junk"), post(&"x".repeat(70_000))), (204, 400, 413));
    let own = get(SocketAddr::from(([127, 0, 0, 1], metrics)), "/metrics").expect("its own numbers").body;
    for said in [
        "outcome=\"answered\"} ",
        "stillhere_edge_browser_reports_total{type=\"tcp.refused\"} 1",
        "state=\"up\"} 1",
        "stillhere_edge_age_seconds{of=\"notice\"}",
    ] {
        assert!(own.contains(said), "{said}: {own}");
    }
    wait_for("the core has it too", || {
        (front.edges()["edges"][0]["browsers"]["tcp.refused"] == 1).then_some(())
    });
    front.nodes.clear();
}

#[test]
fn an_edge_needs_no_core_at_all() {
    let a = Target::start();
    let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut edge = Command::new(env!("CARGO_BIN_EXE_stillhere"))
        .args(["edge", "--listen", &at.to_string(), "--to", &a.url()])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the binary runs");
    wait_for("it serves", || get(at, "/").filter(|a| a.status == 200));
    kill(edge.id(), "TERM");
    assert!(edge.wait().expect("ends").success());
    let gone = wait_for("nobody listens", || get(at, "/").is_none().then_some(true));
    assert!(gone);
}
