//! What staff write down for each other is read by staff and by nobody else: everything that can be had from outside is fetched
//! and searched, with the same search that finds what is meant for the public.

use crate::{
    exim::Exim,
    running::{Receiver, Running, SOON, Target, now, request, wait_for},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::Duration,
};

/// Words that stand nowhere else.
const NOTE: &str = "k7note-paged-the-vendor";
const SAID: &str = "k7said-looking-into-it";
const OVER: &str = "k7over-it-works-again";
const LOG: &str = "/.well-known/stillhere/log";

fn config(target: &Target, mail: u16, hook: &Receiver) -> String {
    format!(
        r#"
[site]
name = {{ en = "Lantern", zh-CN = "灯笼" }}
languages = ["en", "zh-CN"]

[[service]]
id = "shop"
name = {{ en = "Shop", zh-CN = "商店" }}
url = "{url}"

[[channel]]
name = "mail"
kind = "mail"
host = "127.0.0.1"
port = {mail}
tls = "none"
from = "Lantern <status@lantern.example>"
to = ["ops@lantern.example"]
timeout_s = 5

[[channel]]
name = "hook"
kind = "webhook"
audience = ["public", "staff"]
url = "{hook}"
"#,
        url = target.url(),
        hook = hook.url(),
    )
}

fn call(up: &Running, method: &str, path: &str, token: &str, body: &Value) -> (u16, String) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        up.addr,
        body.len()
    );
    let answer = request(up.addr, &head).unwrap_or_else(|| panic!("{method} {path} got no answer"));
    (answer.status, answer.body)
}

/// The address of everything that a visitor can read: every read of the API, what the docs list, and whatever our pages link to.
fn surfaces(up: &Running, incident: &str) -> BTreeSet<String> {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
    let read = |name: &str| std::fs::read_to_string(Path::new(docs).join(name)).expect("the docs");
    let mut paths: BTreeSet<String> = BTreeSet::new();
    let api: Value = serde_json::from_str(&read("openapi.json")).expect("JSON");
    for (path, item) in api["paths"].as_object().expect("paths") {
        if item.get("get").is_some() {
            paths.insert(path.clone());
        }
    }
    for line in read("api.md").lines() {
        paths.extend(line.split('`').filter_map(|c| c.strip_prefix("GET ")).map(str::to_owned));
    }
    let month = in_an_hour().as_str().expect("a time")[..7].to_owned();
    let fill = |p: &String| {
        p.replace("{id}", incident)
            .replace("{service}", "shop")
            .replace("{check}", "http")
            .replace("{note}", incident)
            .replace("{kind}", "services")
            .replace("{month}", &month)
    };
    let mut paths: BTreeSet<String> = paths.iter().map(fill).filter(|p| !p.contains('{')).collect();
    let more = ["checkpoint", "key", "texts/000", "tile/0/000", "tile/entries/000"];
    paths.extend(more.map(|p| format!("{LOG}/{p}")));
    paths.insert(format!("/incidents/{incident}"));
    // A stream does not end; it is read apart.
    paths.retain(|p| !p.starts_with("/live") && !p.starts_with("/ping"));
    let mut known = paths.clone();
    let mut next: Vec<String> = paths.into_iter().collect();
    while let Some(path) = next.pop() {
        let answer = up.get(&path);
        if !answer.head.to_ascii_lowercase().contains("text/html") || path.starts_with("/console") {
            continue;
        }
        for attribute in ["href=\"", "src=\"", "action=\"", "href=", "src="] {
            for rest in answer.body.split(attribute).skip(1) {
                let link = rest.split(['"', '\'', '>', ' ', '#', '?']).next().unwrap_or_default();
                if link.starts_with('/') && !link.starts_with("//") && known.insert(link.to_owned()) {
                    next.push(link.to_owned());
                }
            }
        }
    }
    known
}

/// What a visitor reads under each address, in both languages.
fn all(up: &Running, incident: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in surfaces(up, incident) {
        for lang in ["en", "zh-CN"] {
            let at = format!("{path}?lang={lang}");
            let answer = up.get(&at);
            found.insert(at, format!("{}\n{}", answer.head, answer.body));
        }
        found.insert(path.clone(), up.get(&path).body);
    }
    let size: u64 = found[&format!("{LOG}/checkpoint")].lines().nth(1).expect("a size").parse().expect("n");
    for part in ["tile/0", "tile/entries"] {
        let at = format!("{LOG}/{part}/000.p/{size}");
        found.insert(at.clone(), up.get(&at).body);
    }
    found.insert("/live".to_owned(), stream(up));
    found.values_mut().for_each(unpack);
    found
}

/// Puts beside a text what stands in it as base64url, such as a signed notice: searched as it is, it would hide everything.
fn unpack(text: &mut String) {
    let is_packed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let words = text.split(|c| !is_packed(c)).filter(|w| w.len() >= 24);
    let plain = words.filter_map(|w| String::from_utf8(URL_SAFE_NO_PAD.decode(w).ok()?).ok());
    let plain: Vec<String> = plain.collect();
    plain.iter().for_each(|p| text.push_str(p));
}

/// The live stream up to its first whole change, from somebody who has seen nothing.
fn stream(up: &Running) -> String {
    let mut stream = TcpStream::connect(up.addr).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(1))).expect("a deadline");
    let head = format!("GET /live?lang=en&seen=0-0 HTTP/1.1\r\nhost: {}\r\n\r\n", up.addr);
    stream.write_all(head.as_bytes()).expect("sent");
    let (mut text, mut buf, until) = (String::new(), [0u8; 65_536], now() + SOON);
    while !(text.contains("event: change") && text.contains("event: beat")) {
        assert!(now() < until, "no change in the stream: {text}");
        if let Ok(n) = stream.read(&mut buf) {
            text += &String::from_utf8_lossy(&buf[..n]);
        }
    }
    text
}

fn holding<'a>(found: &'a BTreeMap<String, String>, marker: &str) -> Vec<&'a str> {
    found.iter().filter(|(_, text)| text.contains(marker)).map(|(at, _)| at.as_str()).collect()
}

/// Every file of a folder, as text.
fn files(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("a file");
                let mut text = String::from_utf8_lossy(&bytes).into_owned();
                unpack(&mut text);
                found.insert(path.display().to_string(), text);
            }
        }
    }
    found
}

#[test]
fn what_staff_write_down_for_each_other_is_on_no_page_in_no_feed_no_message_no_log_and_no_copy() {
    let (exim, target, hook) = (Exim::start(), Target::start(), Receiver::start());
    let up = Running::up(&config(&target, exim.port, &hook));
    std::fs::write(up.dir.path().join("readers"), "reader@example.com\n").expect("a file");
    assert_eq!(up.cli(&["subscribers", "import", "readers"]).0, 0);
    let token = |args: &[&str]| {
        let (code, out, err) = up.cli(&[&["token", "new"], args].concat());
        assert_eq!(code, 0, "{err}");
        out.trim().to_owned()
    };
    let (staff, edge) = (token(&["staff", "--role", "responder"]), token(&["edge", "--scope", "edge"]));
    let reader = token(&["reader", "--role", "viewer"]);

    let opening = json!({"title": "Orders fail", "text": "We look.", "services": {"shop": "major_outage"}});
    let (status, made) = call(&up, "POST", "/api/v1/incidents", &staff, &opening);
    assert_eq!(status, 201, "{made}");
    let made: Value = serde_json::from_str(&made).expect("JSON");
    let id = made["id"].as_str().expect("an id").to_owned();
    let at = |what: &str| format!("/api/v1/incidents/{id}/{what}");
    let say = |what: &str, body: Value| {
        let (status, text) = call(&up, "POST", &at(what), &staff, &body);
        assert!([200, 201].contains(&status), "{what}: {text}");
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    let note = say("notes", json!({"text": format!("{NOTE}\nand wait for them.")}));
    say("acknowledge", json!({}));
    say("updates", json!({"text": {"en": SAID, "zh-CN": SAID}, "status": "identified"}));
    let soon = in_an_hour();
    say("eta", json!({ "by": soon }));

    // Staff read it in the console's answer, whatever their role; the draft of the post-mortem is made without it.
    for who in [&staff, &reader] {
        let (status, page) = call(&up, "GET", &format!("/api/v1/console/incidents/{id}"), who, &Value::Null);
        assert!(status == 200 && page.contains(NOTE) && page.contains(SAID), "{page}");
    }
    let journal = |token: &str| {
        let (_, page) =
            call(&up, "GET", &format!("/api/v1/console/journal?incident={id}"), token, &json!(null));
        page
    };
    assert!(journal(&reader).contains("act-note_written") && !journal(&reader).contains(NOTE));

    let during = all(&up, &id);
    assert_eq!(holding(&during, NOTE), [""; 0], "while it is open");
    let expected = [
        "/?lang=en",
        "/?lang=zh-CN",
        &format!("/incidents/{id}?lang=en"),
        &format!("/incidents/{id}?lang=zh-CN"),
        "/history.rss",
        "/history.atom",
        "/api/v2/summary.json",
        "/api/v2/incidents.json",
        "/api/v2/incidents/unresolved.json",
        "/api/v1/incidents",
        &format!("/api/v1/incidents/{id}"),
        "/.well-known/stillhere/notice",
        &format!("{LOG}/texts/000"),
        "/live",
    ];
    for surface in expected {
        assert!(
            during.get(surface).is_some_and(|t| t.contains(SAID)),
            "{surface} has no update: the search is blind"
        );
    }
    for surface in
        ["/badge.svg", "/calendar.ics", "/badge/shop/status.svg", "/api/v1/trust", "/metrics", "/trust"]
    {
        assert!(during.contains_key(surface), "{surface} was not looked at: {:?}", during.keys());
    }

    say("resolve", json!({"text": {"en": OVER, "zh-CN": OVER}}));
    say("notes", json!({"text": format!("{NOTE}, again, afterwards")}));
    let due = in_an_hour();
    say("preventions", json!({"what": "k7work-larger-disks", "owner": "kim", "due": due, "public": true}));
    say("correct", json!({"note": "k7why-a-typo", "update": {"id": last_update(&up, &id), "text": OVER}}));
    exim.wait("reader@example.com", "Over: Orders");
    exim.wait("ops@lantern.example", "Over");
    wait_for("the webhook is told of the end", || hook.of_type("incident.resolved").pop());
    let after = all(&up, &id);
    assert_eq!(holding(&after, NOTE), [""; 0], "after it");
    for surface in
        [&*format!("/incidents/{id}"), "/history?lang=zh-CN", "/history.rss", "/api/v2/incidents.json"]
    {
        assert!(after.get(surface).is_some_and(|t| t.contains(OVER)), "{surface} does not say the end");
    }

    // What was sent, and the pages that a link in a mail opens.
    let mails: Vec<_> = exim.arrived();
    for mail in &mails {
        assert!(!format!("{}{}", mail.head, mail.body).contains(NOTE), "in a mail: {}", mail.subject());
        if let Some((_, rest)) = mail.body.split_once("/act/") {
            let link: String =
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
            assert!(!up.get(&format!("/act/{link}")).body.contains(NOTE), "behind a link");
        }
    }
    let to = |who: &str, what: &str| {
        mails.iter().any(|m| m.header("To").is_some_and(|t| t.contains(who)) && m.body.contains(what))
    };
    assert!(to("reader@", SAID) && to("reader@", OVER) && mails.iter().any(|m| m.body.contains("/act/")));
    let hooks: String = hook.got().iter().map(|(head, body)| format!("{head}{body}")).collect();
    assert!(!hooks.contains(NOTE) && hooks.contains(SAID) && hooks.contains(OVER));

    // What others hold: edges, a static copy, those who check the log.
    let (status, mut feed) = call(&up, "GET", "/api/v1/edge/feed", &edge, &Value::Null);
    unpack(&mut feed);
    assert!(status == 200 && !feed.contains(NOTE), "{feed}");
    assert_eq!(up.cli(&["publish", "copy"]).0, 0);
    let copy = files(&up.dir.path().join("copy"));
    assert_eq!(holding(&copy, NOTE), [""; 0]);
    assert!(!holding(&copy, OVER).is_empty());
    let url = format!("http://{}", up.addr);
    for args in
        [&["verify", &url][..], &["trust", "--from-log", &url], &["trust", "--from-log", &url, "--json"]]
    {
        let (code, out, err) = up.cli(args);
        assert_eq!(code, 0, "{out}{err}");
        assert!(!format!("{out}{err}").contains(NOTE));
    }
    for form in ["markdown", "json"] {
        let at = at(&format!("postmortem?format={form}"));
        let (status, draft) = call(&up, "GET", &at, &staff, &Value::Null);
        assert!(status == 200 && !draft.contains(NOTE) && draft.contains(OVER), "{draft}");
    }
    assert!(!up.said.lock().expect("lock").contains(NOTE), "in our own log");

    // A backup is a copy of everything: it has them, and so this search can find them.
    assert_eq!(up.cli(&["backup", "copy.db"]).0, 0);
    let backup = std::fs::read(up.dir.path().join("copy.db")).expect("the backup");
    assert!(String::from_utf8_lossy(&backup).contains(NOTE));

    // Taken out, it is gone from the console too, and from every byte of the folder when it has stopped.
    let note = note["id"].as_str().expect("an id");
    assert_eq!(call(&up, "DELETE", &at(&format!("notes/{note}")), &reader, &Value::Null).0, 403);
    assert_eq!(call(&up, "DELETE", &at(&format!("notes/{note}")), &staff, &Value::Null).0, 204);
    let (_, page) = call(&up, "GET", &format!("/api/v1/console/incidents/{id}"), &staff, &Value::Null);
    assert!(!page.contains("and wait for them") && page.contains("again, afterwards"), "{page}");
    assert!(journal(&staff).contains("act-note_taken_out"));
    let mut up = up;
    up.signal("TERM");
    assert_eq!(up.wait_until_it_ends(), 0);
    let left = files(&up.dir.path().join("stillhere-data"));
    assert_eq!(holding(&left, "and wait for them"), [""; 0]);
    assert!(!holding(&left, "again, afterwards").is_empty());
}

fn in_an_hour() -> Value {
    json!(stillhere_model::Time(stillhere_net::clock::wall().0 + 3_600_000))
}

fn last_update(up: &Running, id: &str) -> String {
    let incident = up.json(&format!("/api/v1/incidents/{id}"));
    let updates = incident["updates"].as_array().expect("updates");
    let said = updates.iter().find(|u| u.to_string().contains(OVER)).expect("the end");
    said["id"].as_str().expect("an id").to_owned()
}
