//! People who subscribe on the page, with a real mail server that counts what arrives.

use crate::{
    exim::Exim,
    running::{Answer, Receiver, Running, Target, request, wait_for},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    process::{Command, Stdio},
};

fn config(target: &Target, port: u16, more: &str) -> String {
    format!(
        r#"
[site]
name = {{ en = "Lantern", zh-CN = "灯笼" }}

[[service]]
id = "shop"
name = {{ en = "Shop", zh-CN = "商店" }}
url = "{url}"

[[service]]
id = "pay"
name = {{ en = "Payments", zh-CN = "支付" }}
url = "{url}"

[[channel]]
name = "mail"
kind = "mail"
host = "127.0.0.1"
port = {port}
tls = "none"
from = "Lantern <status@lantern.example>"
to = ["ops@lantern.example"]
timeout_s = 5
{more}
"#,
        url = target.url()
    )
}

fn post(running: &Running, path: &str, form: &str) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {n}\r\n\r\n{form}",
        addr = running.addr,
        n = form.len()
    );
    request(running.addr, &head).unwrap_or_else(|| panic!("POST {path} got no answer"))
}

/// Without what differs from one moment to the next.
fn plain(answer: &Answer) -> (u16, String, String) {
    let head = answer.head.lines().filter(|l| !l.to_ascii_lowercase().starts_with("date:"));
    (answer.status, head.collect::<Vec<_>>().join("\n"), answer.body.clone())
}

fn subscribers(running: &Running) -> serde_json::Value {
    let (code, out, err) = running.cli(&["subscribers", "--json"]);
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).expect("JSON")
}

fn import(running: &Running, addresses: &[String]) {
    let file = running.dir.path().join("addresses.txt");
    std::fs::write(&file, addresses.join("\n")).expect("the file");
    let (code, out, err) = running.cli(&["subscribers", "import", "addresses.txt"]);
    assert_eq!((code, out.trim()), (0, &*format!("{0} new of {0}", addresses.len())), "{err}");
}

fn open_incident(running: &Running, title: &str, services: &[&str]) -> String {
    let mut args = vec!["incident", "open", "--title", title, "--text", "We are looking into it."];
    let named: Vec<String> = services.iter().map(|s| format!("{s}=major_outage")).collect();
    for s in &named {
        args.extend(["--service", s]);
    }
    let (code, out, err) = running.cli(&args);
    assert_eq!(code, 0, "{err}");
    out.trim().to_owned()
}

#[test]
fn a_visitor_subscribes_confirms_is_told_in_one_thread_and_leaves_with_one_click() {
    let (exim, target) = (Exim::start(), Target::start());
    let running = Running::up(&config(&target, exim.port, ""));
    let page = running.get("/");
    assert!(page.body.contains("action=\"/subscribe\"") && page.head.contains("form-action 'self'"));

    let answer = post(&running, "/subscribe", "lang=en&address=ann%40example.com");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let question = exim.wait("ann@example.com", "Confirm");
    assert_eq!(question.header("List-Unsubscribe"), None);
    assert_eq!(question.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    let confirm = question.link("confirm");

    // A scanner of mails follows every link, and nothing happens.
    for _ in 0..3 {
        assert_eq!(running.get(&confirm).status, 200);
    }
    assert_eq!(subscribers(&running)["states"][0]["state"], "asked");
    let confirmed = post(&running, &confirm, "");
    assert!(confirmed.body.contains("The updates have started"), "{}", confirmed.body);
    assert_eq!(subscribers(&running)["states"][0]["state"], "active");

    let incident = open_incident(&running, "Orders <b>fail</b>", &["shop"]);
    let first = exim.wait("ann@example.com", "Orders");
    let (code, _, err) =
        running.cli(&["incident", "update", &incident, "--text", "Found it.", "--status", "identified"]);
    assert_eq!(code, 0, "{err}");
    let second = exim.wait("ann@example.com", "Update: Orders");
    for mail in [&first, &second] {
        assert_eq!(mail.header("References"), first.header("References"));
        assert!(mail.header("References").is_some_and(|r| r.contains('@')));
        assert_eq!(mail.header("List-Id").as_deref(), Some("<updates.127.0.0.1>"));
        assert_eq!(mail.header("List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
        assert!(mail.body.contains("Orders &lt;b&gt;fail"), "case t: {}", mail.body);
        assert!(!mail.body.contains("Orders <b>fail</b></p>"), "case t: {}", mail.body);
    }
    assert_ne!(first.message_id(), second.message_id());

    // Without script: the whole form, both ways.
    let manage = second.link("manage");
    let form = running.get(&manage);
    assert!(form.body.contains("value=\"pay\"") && form.head.contains("no-store"), "{}", form.body);
    let saved = post(&running, &manage, "lang=zh-CN&least=critical&service=pay&pace=daily");
    assert!(saved.body.contains("已保存"), "{}", saved.body);
    let export = running.json(&manage.replace("/manage/", "/export/"));
    assert_eq!(export["address"], "ann@example.com");
    assert_eq!(export["wish"]["services"], serde_json::json!(["pay"]));
    assert_eq!((&export["wish"]["least"], &export["wish"]["pace"]), (&"critical".into(), &"daily".into()));
    post(&running, &manage, "lang=en&least=none&maintenance=yes");

    // RFC 8058: a GET never leaves, one POST does.
    let leave = second.header("List-Unsubscribe").expect("a header");
    let leave = leave
        .trim_matches(['<', '>'])
        .split_once(&running.addr.to_string())
        .expect("our address")
        .1
        .to_owned();
    assert_eq!(running.get(&leave).status, 200);
    assert_eq!(running.get(&manage).status, 200, "a GET has ended the subscription");
    assert_eq!(post(&running, &leave, "List-Unsubscribe=One-Click").status, 200);
    assert_eq!(running.get(&manage).status, 404);
    assert_eq!(post(&running, &leave, "List-Unsubscribe=One-Click").status, 404);

    let arrived = exim.to("ann@example.com").len();
    import(&running, &["zoe@example.com".to_owned()]);
    let (code, _, err) = running.cli(&["incident", "resolve", &incident, "--text", "Over."]);
    assert_eq!(code, 0, "{err}");
    exim.wait("zoe@example.com", "Over: Orders");
    assert_eq!(exim.to("ann@example.com").len(), arrived, "told after leaving");

    // Nothing is left of her: not in the journal, not in the database.
    let (_, journal, _) = running.cli(&["journal", "--json"]);
    assert!(journal.contains("subscriber_left") && !journal.contains("ann@example.com"));
    assert!(!running.said.lock().expect("lock").contains("ann@example"), "an address in the log");
}

#[test]
fn an_answer_does_not_tell_whether_an_address_is_known_and_no_mailbox_is_flooded() {
    let (exim, target) = (Exim::start(), Target::start());
    let running = Running::up(&config(&target, exim.port, ""));
    import(&running, &["known@example.com".to_owned()]);
    let ask = |address: &str| post(&running, "/subscribe", &format!("lang=en&address={address}"));
    let known = plain(&ask("known%40example.com"));
    let new = plain(&ask("new%40example.com"));
    assert_eq!(known, new);
    exim.wait("known@example.com", "You already get updates");
    exim.wait("new@example.com", "Confirm");

    // The same mailbox under many names, again and again: three letters, and always the same answer.
    for n in 0..8 {
        assert_eq!(plain(&ask(&format!("new%2B{n}%40example.com"))), new);
    }
    assert_eq!(plain(&ask("last%40example.com")), new);
    exim.wait("last@example.com", "Confirm");
    let to_new =
        || exim.arrived().iter().filter(|m| m.header("To").is_some_and(|t| t.starts_with("new"))).count();
    // Letters to several mailboxes overtake each other.
    wait_for("the third letter", || (to_new() >= 3).then_some(()));
    assert_eq!(to_new(), 3, "a mailbox gets three letters a day");

    // A network has its bound too; what is said then depends on the network alone.
    let last =
        (0..20).map(|n| ask(&format!("n{n}%40example.net"))).find(|a| a.status != 200).expect("a bound");
    assert_eq!(last.status, 429);
    assert_eq!(plain(&ask("known%40example.com")), plain(&last).clone_with("known@example.com", &last));
    assert_eq!(ask("nonsense").status, 422);
}

trait SameBut {
    fn clone_with(&self, address: &str, of: &Answer) -> (u16, String, String);
}

impl SameBut for (u16, String, String) {
    /// The form is given back with what was typed in.
    fn clone_with(&self, address: &str, of: &Answer) -> (u16, String, String) {
        let typed = of
            .body
            .split("value=\"")
            .find_map(|v| v.split('"').next().filter(|v| v.contains("@example.net")));
        let typed = typed.expect("the form gives back what was typed");
        let length = |body: &str| format!("content-length: {}", body.len());
        let body = self.2.replace(typed, address);
        (self.0, self.1.replace(&length(&self.2), &length(&body)), body)
    }
}

#[test]
fn case_g_every_subscriber_is_told_once_also_when_we_are_killed_in_the_middle() {
    const MANY: usize = 300;
    let (exim, target) = (Exim::start(), Target::start());
    let more = "[subscribers]\nmail_sessions = 4\n";
    let mut running = Running::up(&config(&target, exim.port, more));
    let addresses: Vec<String> = (0..MANY).map(|n| format!("reader{n}@example.com")).collect();
    import(&running, &addresses);
    // One who wants only what concerns payments.
    import(&running, &["payer@example.com".to_owned()]);
    let (_, export, _) = running.cli(&["subscribers", "export", "payer@example.com"]);
    assert!(export.contains("\"active\""), "{export}");
    post(&running, "/subscribe", "lang=en&address=payer%40example.com");
    let manage = exim.wait("payer@example.com", "already").link("manage");
    assert_eq!(post(&running, &manage, "lang=en&service=pay&least=none&maintenance=yes").status, 200);

    open_incident(&running, "Shop is down", &["shop"]);
    let told = |exim: &Exim| {
        let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
        for m in exim.arrived().iter().filter(|m| m.subject().contains("Shop is down")) {
            let to = m.header("To").unwrap_or_default();
            // Staff have an alert of their own.
            if !to.starts_with("ops@") {
                *by_id.entry(format!("{to} {}", m.message_id())).or_default() += 1;
            }
        }
        by_id
    };
    wait_for("the first hundred are told", || (told(&exim).len() > 100).then_some(()));
    running.kill();
    assert!(told(&exim).len() < MANY, "killed too late: nothing was left to do");
    running.restart();
    // A mail server on a busy machine takes its time, but each mail is followed by another one.
    let told = {
        let mut now = told(&exim);
        while now.len() < MANY {
            now = wait_for("one more is told", || Some(told(&exim)).filter(|t| t.len() > now.len()));
        }
        now
    };
    let readers: BTreeSet<&str> = told.keys().filter_map(|k| k.split(' ').next()).collect();
    assert!(!readers.contains("payer@example.com"), "the filter was not honoured");
    assert_eq!((readers.len(), told.len()), (MANY, MANY), "one delivery id for each subscriber");
    let progress = wait_for("the news is over", || {
        let p = subscribers(&running)["news"][0].clone();
        (p["ended_at"].is_string()).then_some(p)
    });
    assert_eq!((progress["delivered"].as_u64(), progress["failed"].as_u64()), (Some(MANY as u64), Some(0)));
    // Only what was in the hands of a sender when we died may have come twice, under the same id.
    let twice = told.values().filter(|n| **n > 1).count();
    assert!(twice <= 4 + 256 && told.values().all(|n| *n <= 2), "{twice} came twice");

    // Maintenance is news too, and what concerns payments comes to the one who asked for that.
    let (code, _, err) = running.cli(&[
        "maintenance",
        "schedule",
        "--title",
        "New card reader",
        "--service",
        "pay",
        "--starts",
        "24h",
        "--ends",
        "25h",
    ]);
    assert_eq!(code, 0, "{err}");
    exim.wait("payer@example.com", "Planned work: New card reader");
}

#[test]
fn case_f_a_mail_server_that_is_away_holds_up_nobody_else_and_nothing_is_lost() {
    let (mut exim, target) = (Exim::prepare(), Target::start());
    let receiver = Receiver::start();
    let more = format!(
        "[[channel]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{}\"\naudience = [\"public\"]\n",
        receiver.url()
    );
    let running = Running::up(&config(&target, exim.port, &more));
    import(&running, &(0..40).map(|n| format!("reader{n}@example.com")).collect::<Vec<_>>());
    open_incident(&running, "Shop is down", &["shop"]);
    wait_for("the webhook is told", || receiver.of_type("incident.opened").pop());
    let waiting = wait_for("the queue is seen", || {
        let p = subscribers(&running);
        (p["waiting"][0]["messages"] == 40).then(|| p["waiting"][0].clone())
    });
    assert!(waiting["oldest"].is_string());
    assert_eq!(running.get("/").status, 200);
    exim.begin();
    wait_for("everybody is told", || {
        let to: BTreeSet<_> = exim.arrived().iter().filter_map(|m| m.header("To")).collect();
        (to.iter().filter(|t| t.starts_with("reader")).count() == 40).then_some(())
    });
}

#[test]
fn an_address_that_is_refused_again_and_again_gets_nothing_more_and_one_can_be_erased() {
    let (exim, target) = (Exim::start(), Target::start());
    let running = Running::up(&config(&target, exim.port, "[subscribers]\nrefusals = 2\n"));
    import(&running, &["nobody1@example.com".to_owned(), "ann@example.com".to_owned()]);
    let state = |of: &str| {
        let (_, out, _) = running.cli(&["subscribers", "export", of]);
        serde_json::from_str::<serde_json::Value>(&out).expect("JSON")
    };
    let incident = open_incident(&running, "Shop is down", &["shop"]);
    wait_for("one refusal", || (state("nobody1@example.com")["refusals_in_a_row"] == 1).then_some(()));
    assert_eq!(state("nobody1@example.com")["state"], "active");
    running.cli(&["incident", "update", &incident, "--text", "Found it."]);
    wait_for("silenced", || (state("nobody1@example.com")["state"] == "silenced").then_some(()));
    assert_eq!(state("ann@example.com")["state"], "active");

    let (code, ..) = running.cli(&["subscribers", "erase", "Ann@Example.com"]);
    assert_eq!(code, 0);
    let (code, _, err) = running.cli(&["subscribers", "export", "ann@example.com"]);
    assert!(code != 0 && err.contains("Nobody subscribed"), "{err}");
}

/// `stillhere bounce`, as a mail server calls it.
fn bounce(running: &Running, data: &str, recipient: &str, mail: &[u8]) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stillhere"))
        .args(["bounce", "--data", data, "--", recipient])
        .current_dir(running.dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("piped").write_all(mail).expect("it reads all of it");
    let out = child.wait_with_output().expect("it ends");
    let said = [out.stdout, out.stderr].concat();
    (out.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).trim().to_owned())
}

#[test]
fn a_letter_that_comes_back_stops_the_letters_to_its_address_and_nothing_else_can() {
    let (exim, target) = (Exim::start(), Target::start());
    let more = "[subscribers]\nreturn_path = \"bounces+*@lantern.example\"\nbounce_days = 2\n";
    let running = Running::up(&config(&target, exim.port, more));
    let (_, token, _) = running.cli(&["token", "new", "mail", "--role", "viewer"]);
    exim.hand_in(&format!("http://{}", running.addr), token.trim());
    let all = ["gone@far.example", "full@far.example", "ann@far.example"];
    import(&running, &all.map(str::to_owned));
    let known = |of: &str| {
        let (_, out, _) = running.cli(&["subscribers", "export", of]);
        serde_json::from_str::<serde_json::Value>(&out).expect("JSON")
    };
    let incident = open_incident(&running, "Shop is down", &["shop"]);
    wait_for("the mailbox that is gone is stopped", || {
        (known("gone@far.example")["state"] == "silenced").then_some(())
    });
    let stopped = &known("gone@far.example")["stopped"];
    assert_eq!(stopped["why"], "a letter came back: 5.1.1, no such mailbox");
    assert!(stopped["said"].as_str().is_some_and(|s| s.contains("no such user")), "{stopped}");
    let why = subscribers(&running)["stopped"].clone();
    assert_eq!(why[0]["why"], stopped["why"]);
    assert!(!why.to_string().contains("far.example"), "an address in {why}");
    let (_, journal, _) = running.cli(&["journal", "--json"]);
    assert!(journal.contains("5.1.1, no such mailbox") && !journal.contains("far.example"), "{journal}");

    // A mailbox that is full may have room tomorrow: counted, and once, however often the report is handed in.
    wait_for("both reports are answered", || {
        let answers = exim.answers();
        (answers.contains(r#""counted","days":1"#) && answers.contains("stopped")).then_some(())
    });
    assert_eq!(known("full@far.example")["state"], "active");
    exim.wait("ann@far.example", "Shop is down");

    let mail = wait_for("one that came back", || exim.returned());
    let text = String::from_utf8_lossy(&mail).into_owned();
    let recipient = text.lines().find_map(|l| l.strip_prefix("To: ")).expect("a recipient").to_owned();
    let data = "stillhere-data";
    let again = bounce(&running, data, &recipient, &mail);
    assert!(again == (0, "again".to_owned()) || again == (0, "nothing".to_owned()), "{again:?}");

    // Made up: a report about Ann that came to another's return path, to a forged one, to none; one of hers that reports nothing.
    let to_ann = exim.wait("ann@far.example", "Shop is down").header("Return-path").expect("a return path");
    let to_ann = to_ann.trim_matches(['<', '>']).to_owned();
    let forged = format!("{}a{}", &to_ann[..30], &to_ann[31..]);
    let forged = if forged == to_ann { format!("{}b{}", &to_ann[..30], &to_ann[31..]) } else { forged };
    let about_ann = |status: &str| {
        format!(
            "Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n\
             Reporting-MTA: dns; a\r\n\r\nAction: failed\r\nFinal-Recipient: rfc822; ann@far.example\r\nStatus: {status}\r\n\r\n--x--\r\n"
        )
    };
    let gone = about_ann("5.1.1");
    for (to, mail, answer) in [
        (recipient.as_str(), gone.as_str(), None),
        (forged.as_str(), &gone, Some("not ours")),
        ("bounces@lantern.example", &gone, Some("not ours")),
        ("", &gone, Some("not ours")),
        (&to_ann, "Subject: I am on holiday\r\n\r\n5.1.1", Some("no report")),
        (&to_ann, &about_ann("2.1.1"), Some("no report")),
    ] {
        let (code, said) = bounce(&running, data, to, mail.as_bytes());
        assert_eq!(code, 0, "{said}");
        assert!(answer.is_none_or(|a| a == said), "{to}: {said}");
        assert_eq!(known("ann@far.example")["state"], "active", "{to}: {mail}");
    }
    // With hers it would have worked, so that it is this that kept her.
    assert_eq!(bounce(&running, data, &to_ann.to_uppercase(), gone.as_bytes()), (0, "stopped".to_owned()));
    let arrived = exim.to("ann@far.example").len();
    let (code, _, err) = running.cli(&["incident", "update", &incident, "--text", "Found it."]);
    assert_eq!(code, 0, "{err}");
    let progress = wait_for("the update is over", || {
        let p = subscribers(&running)["news"][0].clone();
        (p["ended_at"].is_string() && p["occasion"]["occasion"] == "incident_updated").then_some(p)
    });
    assert_eq!((&progress["delivered"], &progress["made"]), (&1.into(), &1.into()), "{progress}");
    assert_eq!(exim.to("ann@far.example").len(), arrived);

    // Whoever asks for it anew is told again.
    post(&running, "/subscribe", "lang=en&address=ann%40far.example");
    let confirm = exim.wait("ann@far.example", "Confirm").link("confirm");
    assert_eq!(post(&running, &confirm, "").status, 200);
    let ann = known("ann@far.example");
    assert_eq!((&ann["state"], &ann["stopped"]), (&"active".into(), &serde_json::Value::Null));
    // A mail server keeps what nobody takes.
    assert_eq!(bounce(&running, "nowhere", &to_ann, gone.as_bytes()).0, 75);
}

#[test]
fn nobody_can_subscribe_where_it_is_switched_off_or_nothing_could_carry_it() {
    let target = Target::start();
    let off = Running::up(&config(&target, 9, "[subscribers]\nenabled = false\n"));
    let none = Running::watch(&[&target.url()], "20s");
    for running in [&off, &none] {
        let page = running.get("/");
        assert!(!page.body.contains("/subscribe") && page.head.contains("form-action 'none'"));
        assert_eq!(post(running, "/subscribe", "address=ann%40example.com").status, 404);
        assert_eq!(running.get("/subscribe").status, 404);
    }
}
