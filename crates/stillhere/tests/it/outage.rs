//! The main job, from outside: a target dies, and page, API, feed, mail and webhook tell the same story.

use crate::running::{Receiver, Running, Target, wait_for};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

/// A mail server that takes everything and keeps what it took.
pub struct Mailbox {
    pub port: u16,
    pub mails: Arc<Mutex<Vec<String>>>,
}

impl Mailbox {
    pub fn start() -> Mailbox {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let port = listener.local_addr().expect("address").port();
        let mails: Arc<Mutex<Vec<String>>> = Arc::default();
        let keep = mails.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let keep = keep.clone();
                std::thread::spawn(move || smtp(stream, &keep));
            }
        });
        Mailbox { port, mails }
    }

    fn subjects(&self) -> Vec<String> {
        let mails = self.mails.lock().expect("lock");
        mails
            .iter()
            .filter_map(|m| m.lines().find_map(|l| l.strip_prefix("Subject: ")))
            .map(str::to_owned)
            .collect()
    }
}

fn smtp(stream: std::net::TcpStream, keep: &Mutex<Vec<String>>) -> Option<()> {
    let mut out = stream.try_clone().ok()?;
    let mut lines = BufReader::new(stream).lines();
    write!(out, "220 mailbox ESMTP\r\n").ok()?;
    while let Some(Ok(line)) = lines.next() {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => write!(out, "250-mailbox\r\n250 8BITMIME\r\n").ok()?,
            "DATA" => {
                write!(out, "354 go on\r\n").ok()?;
                let mut mail = String::new();
                for line in lines.by_ref().map_while(Result::ok) {
                    if line == "." {
                        break;
                    }
                    mail.push_str(&line);
                    mail.push('\n');
                }
                keep.lock().expect("lock").push(mail);
                write!(out, "250 kept\r\n").ok()?;
            }
            "QUIT" => {
                write!(out, "221 bye\r\n").ok()?;
                return Some(());
            }
            _ => write!(out, "250 fine\r\n").ok()?,
        }
    }
    Some(())
}

fn toml(target: &Target, hook: &Receiver, mail_port: u16) -> String {
    format!(
        r#"
[site]
name = {{ en = "Lantern status", zh-CN = "灯笼状态" }}
languages = ["en", "zh-CN"]
contact = {{ phone = "+49 30 555 0100" }}

[respond]
verify = "2s"

[[service]]
id = "checkout"
name = {{ en = "Checkout", zh-CN = "结账" }}
url = "{}"
interval = "1s"

[[channel]]
name = "hook"
kind = "webhook"
url = "{}"
audience = ["public", "staff"]

[[channel]]
name = "mail"
kind = "mail"
host = "127.0.0.1"
port = {mail_port}
tls = "none"
from = "status@lantern.example"
to = ["ops@lantern.example"]
audience = ["staff"]
"#,
        target.url(),
        hook.url()
    )
}

fn status_of(up: &Running, id: &str) -> String {
    let summary = up.json("/api/v1/services");
    let services = summary["services"].as_array().expect("services");
    let service = services.iter().find(|s| s["id"] == id).expect("the service");
    service["status"].as_str().expect("status").to_owned()
}

#[test]
fn page_api_feed_mail_and_webhook_tell_the_same_story() {
    let target = Target::start();
    let (hook, mailbox) = (Receiver::start(), Mailbox::start());
    let up = Running::up(&toml(&target, &hook, mailbox.port));
    wait_for("operational", || (status_of(&up, "checkout") == "operational").then_some(()));

    let addr = target.kill();
    wait_for("the outage on the API", || (status_of(&up, "checkout") == "major_outage").then_some(()));
    let page = up.get("/").body;
    assert!(page.contains("Checkout"), "the page names the service");
    let summary = wait_for("the headline", || {
        let summary = up.json("/api/v2/summary.json");
        (summary["status"]["indicator"] == "critical").then_some(summary)
    });
    assert_eq!(summary["incidents"].as_array().map(Vec::len), Some(1));
    assert_eq!(summary["incidents"][0]["impact"], "critical");
    let id = summary["incidents"][0]["id"].as_str().expect("id").to_owned();
    for feed in ["/history.rss", "/history.atom"] {
        assert!(up.get(feed).body.contains(&id), "{feed} has the incident");
    }
    assert!(up.get(&format!("/incidents/{id}")).body.contains("Checkout"));
    assert!(up.get("/?lang=zh-CN").body.contains("结账"), "the page in Chinese");
    let notice = up.get("/.well-known/stillhere/notice");
    assert_eq!(notice.status, 200);

    wait_for("the webhook", || hook.of_type("incident.opened").into_iter().next());
    wait_for("the mail", || mailbox.subjects().into_iter().find(|s| s.contains("Checkout")));

    let _again = Target::at(addr);
    wait_for("operational again", || (status_of(&up, "checkout") == "operational").then_some(()));
    wait_for("resolved", || hook.of_type("incident.resolved").into_iter().next());
    wait_for("the mail of the end", || (mailbox.subjects().len() >= 2).then_some(()));
    let history = wait_for("the history", || {
        let history = up.json("/api/v2/incidents.json");
        (history["incidents"][0]["status"] == "resolved").then_some(history)
    });
    assert_eq!(history["incidents"][0]["id"], id.as_str());
    assert_eq!(history["incidents"][0]["status"], "resolved");
    assert_eq!(up.json("/api/v2/summary.json")["status"]["indicator"], "none");

    // Every arrival is one delivery: nothing was told twice.
    let ids: Vec<String> = hook
        .got()
        .iter()
        .filter_map(|(head, _)| {
            head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("webhook-id: ").map(str::to_owned))
        })
        .collect();
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(ids.len(), unique.len(), "{ids:?}");
}

#[test]
fn case_h_after_kill_9_the_incident_goes_on_and_nothing_is_told_twice() {
    let target = Target::start();
    let (hook, mailbox) = (Receiver::start(), Mailbox::start());
    let mut up = Running::up(&toml(&target, &hook, mailbox.port));
    wait_for("operational", || (status_of(&up, "checkout") == "operational").then_some(()));
    let addr = target.kill();
    wait_for("the webhook", || hook.of_type("incident.opened").into_iter().next());
    wait_for("the mail", || (!mailbox.subjects().is_empty()).then_some(()));
    let before = up.json("/api/v2/incidents/unresolved.json");
    let told = hook.got().len();

    up.kill_and_restart();
    let after = up.json("/api/v2/incidents/unresolved.json");
    assert_eq!(before["incidents"][0]["id"], after["incidents"][0]["id"], "the same incident");
    assert_eq!(before["incidents"][0]["started_at"], after["incidents"][0]["started_at"]);
    assert_eq!(status_of(&up, "checkout"), "major_outage", "the verdict survived");

    let _again = Target::at(addr);
    wait_for("resolved", || hook.of_type("incident.resolved").into_iter().next());
    assert_eq!(
        hook.of_type("incident.opened").len(),
        hook.got()[..told].iter().filter(|(_, b)| b.contains("incident.opened")).count(),
        "no second alert"
    );
}

#[test]
fn case_f_a_mail_server_that_is_a_black_hole_holds_up_nothing() {
    let target = Target::start();
    let hook = Receiver::start();
    // Accepts connections (the kernel's backlog does) and never says a word.
    let hole = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let up = Running::up(&toml(&target, &hook, hole.local_addr().expect("address").port()));
    wait_for("operational", || (status_of(&up, "checkout") == "operational").then_some(()));
    let addr = target.kill();
    wait_for("the webhook", || hook.of_type("incident.opened").into_iter().next());
    let _again = Target::at(addr);
    wait_for("resolved", || hook.of_type("incident.resolved").into_iter().next());
    let metrics = wait_for("the queue is visible", || {
        let text = up.get("/metrics").body;
        text.lines().any(|l| l.starts_with("stillhere_outbox_queued") && !l.ends_with(" 0")).then_some(text)
    });
    assert!(metrics.contains("stillhere_outbox_oldest"), "and its age");
}

#[test]
fn case_j_a_host_with_thirty_dependents_dies_and_there_is_one_incident_and_one_alert() {
    let host = Target::start();
    let (hook, mailbox) = (Receiver::start(), Mailbox::start());
    let mut text = format!(
        "[respond]\nverify = \"2s\"\n[[service]]\nid = \"host\"\nname = \"Host\"\nurl = \"{}\"\ninterval = \"1s\"\n",
        host.url()
    );
    for i in 0..30 {
        text.push_str(&format!(
            "[[service]]\nid = \"app-{i}\"\nurl = \"{}app/{i}\"\ninterval = \"1s\"\ndepends_on = [\"host\"]\n",
            host.url()
        ));
    }
    text.push_str(&format!(
        "[[channel]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{}\"\naudience = [\"staff\"]\n",
        hook.url()
    ));
    let up = Running::up(&text);
    wait_for("all operational", || {
        (up.json("/api/v2/summary.json")["status"]["indicator"] == "none").then_some(())
    });
    let addr = host.kill();
    wait_for("all 31 are down", || {
        let summary = up.json("/api/v2/components.json");
        let components = summary["components"].as_array().expect("components");
        (components.iter().filter(|c| c["status"] == "major_outage").count() == 31).then_some(())
    });
    wait_for("one cause", || {
        let open = up.json("/api/v2/incidents/unresolved.json");
        (open["incidents"].as_array().map(Vec::len) == Some(1)).then_some(())
    });
    wait_for("the alert", || hook.of_type("incident.opened").into_iter().next());
    let _again = Target::at(addr);
    wait_for("resolved", || hook.of_type("incident.resolved").into_iter().next());
    assert_eq!(hook.of_type("incident.opened").len(), 1, "{:?}", hook.got());
    drop(mailbox);
}

#[test]
fn a_graceful_stop_and_the_command_line_work_together() {
    let target = Target::start();
    let mut up = Running::watch(&[&target.url()], "1s");
    wait_for("operational", || {
        (up.json("/api/v2/summary.json")["status"]["indicator"] == "none").then_some(())
    });
    // The control socket follows the same commits on its own: within milliseconds of the page, not with it.
    wait_for("the command sees it", || {
        let (code, out, err) = up.cli(&["status"]);
        assert_eq!(code, 0, "{out}{err}");
        assert!(!out.contains("since 1970"), "{out}");
        out.contains("operational").then_some(())
    });

    let (code, id, err) =
        up.cli(&["incident", "open", "--title", "Slow mails", "--text", "We are looking into it."]);
    assert_eq!(code, 0, "{err}");
    let id = id.trim().to_owned();
    // Open pages and ready-made answers follow the commit within milliseconds; the command was answered by it.
    wait_for("the page has it", || up.get("/").body.contains("Slow mails").then_some(()));
    let (code, _, err) =
        up.cli(&["incident", "update", &id, "--text", "Found it.", "--status", "identified"]);
    assert_eq!(code, 0, "{err}");
    wait_for("the update", || up.get(&format!("/incidents/{id}")).body.contains("Found it.").then_some(()));
    let (code, _, err) = up.cli(&["incident", "resolve", &id, "--text", "It is over."]);
    assert_eq!(code, 0, "{err}");
    wait_for("resolved", || {
        (up.json("/api/v2/incidents.json")["incidents"][0]["status"] == "resolved").then_some(())
    });
    let (code, _, err) = up.cli(&["incident", "resolve", &id]);
    assert_eq!(code, 4, "refused: {err}");

    let (code, token, err) = up.cli(&["token", "new", "deploy"]);
    assert_eq!(code, 0, "{err}");
    assert!(token.trim().len() >= 32, "{token}");

    let (code, _, err) = up.cli(&["backup", "copy.db"]);
    assert_eq!(code, 0, "{err}");
    assert!(up.dir.path().join("copy.db").exists());
    let (code, out, err) = up.cli(&["publish", "public"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(up.dir.path().join("public/index.html").exists());

    let (code, _, err) = up.cli(&["stop"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(up.wait_until_it_ends(), 0);
    let (code, _, _) = up.cli(&["status"]);
    assert_eq!(code, 3, "nobody there");
    let (code, out, err) = up.cli(&["restore", "copy.db"]);
    assert_eq!(code, 0, "{out}{err}");
    up.restart();
    assert_eq!(up.json("/api/v2/incidents.json")["incidents"][0]["name"], "Slow mails");
}

#[test]
fn a_bad_file_changes_nothing_and_a_good_one_is_taken_over_at_once() {
    let target = Target::start();
    let toml = |extra: &str| {
        format!("[[service]]\nid = \"web\"\nurl = \"{}\"\ninterval = \"1s\"\n{extra}", target.url())
    };
    let up = Running::up(&toml(""));
    wait_for("operational", || (status_of(&up, "web") == "operational").then_some(()));
    let file = up.dir.path().join("stillhere.toml");

    std::fs::write(&file, toml("intervall = \"2s\"\n")).expect("written");
    let (code, out, err) = up.cli(&["reload"]);
    assert_eq!(code, 4, "{out}{err}");
    assert!(err.contains("stillhere.toml:5") && err.contains("intervall"), "{err}");
    assert_eq!(status_of(&up, "web"), "operational");

    std::fs::write(
        &file,
        toml(&format!("[[service]]\nid = \"api\"\nurl = \"{}api\"\ninterval = \"1s\"\n", target.url())),
    )
    .expect("written");
    up.signal("HUP");
    wait_for("the new service", || {
        let services = up.json("/api/v1/services");
        services["services"]
            .as_array()
            .is_some_and(|s| s.iter().any(|s| s["id"] == "api" && s["status"] == "operational"))
            .then_some(())
    });
}

#[test]
fn case_c_when_the_process_freezes_the_page_says_that_it_has_no_fresh_news_and_the_time_is_a_gap() {
    let target = Target::start();
    let up = Running::watch(&[&target.url()], "1s");
    wait_for("operational", || {
        (up.json("/api/v2/summary.json")["status"]["indicator"] == "none").then_some(())
    });
    up.signal("STOP");
    std::thread::sleep(std::time::Duration::from_secs(7));
    up.signal("CONT");
    wait_for("the gap is in the journal", || {
        let (code, out, _) = up.cli(&["journal"]);
        (code == 0 && out.contains("gap")).then_some(())
    });
    wait_for("and it sees again", || {
        (up.json("/api/v2/summary.json")["status"]["indicator"] == "none").then_some(())
    });
}

#[test]
fn case_a_while_the_store_cannot_write_nothing_is_said_and_no_target_is_blamed() {
    let target = Target::start();
    let up = Running::watch(&[&target.url()], "1s");
    wait_for("operational", || {
        (up.json("/api/v2/summary.json")["status"]["indicator"] == "none").then_some(())
    });
    // Somebody else holds the database's write lock.
    let mut other = Command::new("sqlite3")
        .arg(up.dir.path().join("stillhere-data/stillhere.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sqlite3 is installed (Debian package sqlite3)");
    let mut stdin = other.stdin.take().expect("piped");
    writeln!(stdin, ".timeout 5000\nBEGIN IMMEDIATE;\nSELECT 'locked';").expect("written");
    let mut line = String::new();
    BufReader::new(other.stdout.as_mut().expect("piped")).read_line(&mut line).expect("answered");
    assert_eq!(line.trim(), "locked");

    wait_for("no fresh news", || (up.json("/api/v1/services")["fresh"] == false).then_some(()));
    let page = wait_for("the page says so", || {
        Some(up.get("/").body).filter(|p| p.contains("<html lang=\"en\" class=old>"))
    });
    assert!(page.contains("No fresh news since"), "{page}");
    let services = up.json("/api/v1/services");
    assert_eq!(services["services"][0]["status"], "unknown", "our fault is not the target's: {services}");
    assert_eq!(up.get("/healthz").status, 503);
    wait_for("the failure is counted", || {
        let metrics = up.get("/metrics").body;
        metrics
            .lines()
            .any(|l| l.starts_with("stillhere_commits_failed_total") && !l.ends_with(" 0"))
            .then_some(())
    });

    writeln!(stdin, "ROLLBACK;").expect("written");
    drop(stdin);
    other.wait().expect("ended");
    wait_for("it writes again", || {
        (up.json("/api/v2/summary.json")["status"]["indicator"] == "none").then_some(())
    });
    let (_, journal, _) = up.cli(&["journal"]);
    assert!(!journal.contains("major_outage") && !journal.contains("incident_opened"), "{journal}");
}

/// Runs itself again in a network of its own, in which it may cut the wire.
#[test]
fn case_i_when_our_own_uplink_is_cut_no_target_is_blamed_and_staff_hear_of_it_once() {
    if std::env::var_os("STILLHERE_TEST_OWN_NETWORK").is_none() {
        let me = std::env::current_exe().expect("this test");
        let out = Command::new("unshare")
            .args(["--map-root-user", "--net", "--"])
            .arg(me)
            .args([
                "--exact",
                "--nocapture",
                "outage::case_i_when_our_own_uplink_is_cut_no_target_is_blamed_and_staff_hear_of_it_once",
            ])
            .env("STILLHERE_TEST_OWN_NETWORK", "1")
            .output()
            .expect("unshare is part of util-linux");
        let said = String::from_utf8_lossy(&out.stdout);
        assert!(
            out.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&out.stderr)
        );
        return;
    }
    let ip = |args: &str| {
        let done = Command::new("ip").args(args.split(' ')).status().expect("Debian package iproute2");
        assert!(done.success(), "ip {args}");
    };
    ip("link set lo up");
    ip("link add wire type veth peer name far");
    ip("addr add 10.77.0.2/24 dev wire");
    ip("link set wire up");
    let outside = |port| std::net::SocketAddr::from(([10, 77, 0, 2], port));
    let target = Target::at(outside(8000));
    let _northstar = Target::at(outside(8001));
    let hook = Receiver::start();
    let up = Running::up(&format!(
        "[uplink]\ntargets = [\"10.77.0.2:8001\"]\n[[service]]\nid = \"web\"\nurl = \"{}\"\ninterval = \"1s\"\n\
         [[channel]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{}\"\naudience = [\"staff\"]\n",
        target.url(),
        hook.url()
    ));
    wait_for("operational", || (status_of(&up, "web") == "operational").then_some(()));
    ip("addr del 10.77.0.2/24 dev wire");
    wait_for("we cannot see", || (status_of(&up, "web") == "unknown").then_some(()));
    wait_for("staff hear of it", || hook.of_type("uplink.lost").into_iter().next());
    assert!(up.get("/").body.contains("We cannot see"));
    ip("addr add 10.77.0.2/24 dev wire");
    wait_for("operational again", || (status_of(&up, "web") == "operational").then_some(()));
    wait_for("staff hear that it is back", || hook.of_type("uplink.back").into_iter().next());
    assert_eq!(hook.of_type("uplink.lost").len(), 1);
    assert!(hook.of_type("incident.opened").is_empty(), "{:?}", hook.got());
    assert_eq!(up.json("/api/v2/incidents.json")["incidents"].as_array().map(Vec::len), Some(0));
}

#[test]
fn case_e_maintenance_of_one_service_does_not_hide_the_outage_of_another() {
    let (maintained, broken) = (Target::start(), Target::start());
    let hook = Receiver::start();
    hook.answer_with(503);
    let up = Running::up(&format!(
        "[respond]\nverify = \"2s\"\n[[service]]\nid = \"mail\"\nurl = \"{}\"\ninterval = \"1s\"\n[[service]]\nid = \"web\"\nurl = \"{}\"\ninterval = \"1s\"\n\
         [[channel]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{}\"\naudience = [\"staff\"]\n",
        maintained.url(),
        broken.url(),
        hook.url()
    ));
    wait_for("operational", || (status_of(&up, "web") == "operational").then_some(()));
    let (code, _, err) = up.cli(&[
        "maintenance",
        "schedule",
        "--title",
        "New disks",
        "--service",
        "mail",
        "--starts",
        "1s",
        "--ends",
        "1h",
        "--expect",
        "major_outage",
    ]);
    assert_eq!(code, 0, "{err}");
    wait_for("the window has begun", || (status_of(&up, "mail") == "under_maintenance").then_some(()));
    wait_for("the headline follows", || {
        (up.json("/api/v2/status.json")["status"]["indicator"] == "maintenance").then_some(())
    });
    let dead = maintained.kill();
    broken.answer_with(500);
    wait_for("the outage", || (status_of(&up, "web") == "major_outage").then_some(()));
    assert_eq!(status_of(&up, "mail"), "under_maintenance", "down, as planned");
    let summary = wait_for("the headline is the outage", || {
        let summary = up.json("/api/v2/summary.json");
        (summary["status"]["indicator"] != "maintenance").then_some(summary)
    });
    assert_eq!(summary["incidents"].as_array().map(Vec::len), Some(1));
    let page = up.get("/");
    assert!(page.head.contains("content-security-policy"), "{}", page.head);
    // The receiver refuses for now: the message waits, and arrives under the same id when it can.
    wait_for("tried", || hook.got().into_iter().next());
    hook.answer_with(204);
    wait_for("tried again", || (hook.got().len() >= 2).then_some(()));
    let id = |n: usize| {
        hook.got()[n].0.lines().find(|l| l.to_ascii_lowercase().starts_with("webhook-id")).map(str::to_owned)
    };
    assert_eq!(id(0), id(1));
    let _again = Target::at(dead);
}

#[test]
fn what_concerns_only_services_that_visitors_do_not_see_is_told_to_staff_alone() {
    let (seen, unseen) = (Target::start(), Target::start());
    let (everybody, staff) = (Receiver::start(), Receiver::start());
    let up = Running::up(&format!(
        "[respond]\nverify = \"2s\"\n[[service]]\nid = \"web\"\nurl = \"{}\"\ninterval = \"1s\"\n\
         [[service]]\nid = \"vault\"\nname = \"Vault\"\npublic = false\nurl = \"{}\"\ninterval = \"1s\"\n\
         [[channel]]\nname = \"everybody\"\nkind = \"webhook\"\nurl = \"{}\"\naudience = [\"public\"]\n\
         [[channel]]\nname = \"staff\"\nkind = \"webhook\"\nurl = \"{}\"\naudience = [\"public\", \"staff\"]\n",
        seen.url(),
        unseen.url(),
        everybody.url(),
        staff.url()
    ));
    wait_for("operational", || (status_of(&up, "web") == "operational").then_some(()));
    let addr = unseen.kill();
    let told = wait_for("staff hear of it", || staff.of_type("incident.opened").into_iter().next());
    assert!(told.to_string().contains("Vault"), "{told}");
    for path in [
        "/",
        "/history",
        "/api/v2/summary.json",
        "/api/v2/incidents.json",
        "/history.atom",
        "/api/v1/incidents",
    ] {
        let body = up.get(path).body;
        assert!(!body.contains("Vault") && !body.contains("vault"), "{path}: {body}");
    }
    // The other one is everybody's, and whoever hears both hears it once.
    seen.kill();
    wait_for("everybody hears of it", || everybody.of_type("incident.opened").into_iter().next());
    wait_for("staff too", || (staff.of_type("incident.opened").len() == 2).then_some(()));
    let _again = Target::at(addr);
    wait_for("staff hear the end", || {
        staff.of_type("incident.updated").into_iter().chain(staff.of_type("incident.resolved")).next()
    });
    assert_eq!(everybody.of_type("incident.opened").len(), 1);
    assert_eq!(staff.of_type("incident.opened").len(), 2);
}
