//! Coming in and going out, as a browser does it.

use crate::running::{Answer, Running, start};
use serde_json::{Value, json};
use stillhere_access::{secret::Handed, totp};
use stillhere_model::{Role, Time};
use stillhere_store::Ticket;

pub const PASSWORD: &str = "correct horse battery";

/// A browser with its cookies, at an address of its own.
pub struct Browser<'a> {
    s: &'a Running,
    address: &'static str,
    cookies: Vec<(String, String)>,
    csrf: String,
}

impl<'a> Browser<'a> {
    pub fn new(s: &'a Running, address: &'static str) -> Browser<'a> {
        Browser { s, address, cookies: Vec::new(), csrf: String::new() }
    }

    pub async fn ask(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let headers = format!(
            "Cookie: {}\r\nstillhere-csrf: {}\r\nOrigin: http://{}\r\nContent-Type: application/json\r\n\
             X-Forwarded-For: {}\r\nUser-Agent: a browser\r\n",
            cookies.join("; "),
            self.csrf,
            self.s.addr,
            self.address,
        );
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let bytes = self.s.bytes(request(self.s, method, path, &headers, &body)).await;
        // Values of cookies keep their case.
        let head = String::from_utf8_lossy(&bytes).into_owned();
        for line in head.split("\r\n\r\n").next().unwrap().lines() {
            let Some(cookie) = line.strip_prefix("set-cookie: ") else { continue };
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(n, _)| n != name);
            if !attributes.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let answer = Answer::parse(&bytes);
        if answer.status == 200
            && let Some(csrf) = serde_json::from_slice::<Value>(&answer.body)
                .ok()
                .and_then(|b| b["csrf"].as_str().map(str::to_owned))
        {
            self.csrf = csrf;
        }
        answer
    }

    pub async fn log_in(&mut self, name: &str, password: &str) -> Answer {
        self.ask("POST", "/api/v1/session", &json!({ "name": name, "password": password })).await
    }

    pub async fn log_in_with(&mut self, name: &str, password: &str, code: &str) -> Answer {
        let body = json!({ "name": name, "password": password, "code": code });
        self.ask("POST", "/api/v1/session", &body).await
    }

    async fn is_in(&mut self) -> bool {
        self.ask("GET", "/api/v1/session", &Value::Null).await.status == 200
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

fn request(s: &Running, method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}{length}\r\n{body}",
        s.addr
    )
}

/// The link that the first start prints.
pub async fn first_link(s: &Running) -> String {
    let token = Handed::new(stillhere_net::entropy::bytes());
    let expires_at = Time(s.handle.clock().now().wall.0 + 60_000);
    assert!(s.handle.store().setup_offer(&Ticket { sha256: token.hash(), expires_at }).await.unwrap());
    token.expose().to_owned()
}

/// Kim, the first admin, at a browser.
pub async fn kim(s: &Running) -> Browser<'_> {
    let token = first_link(s).await;
    let mut kim = Browser::new(s, "192.0.2.1");
    let body = json!({ "token": token, "name": "kim", "password": PASSWORD });
    let made = kim.ask("POST", "/api/v1/setup", &body).await;
    assert_eq!(made.status, 200, "{}", made.text());
    kim
}

/// Somebody whom Kim adds, and who has chosen a password; not logged in.
pub async fn add(s: &Running, kim: &mut Browser<'_>, name: &str, role: Role) -> String {
    let added = kim.ask("POST", "/api/v1/people", &json!({ "name": name, "role": role })).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let added = added.json();
    let body = json!({ "token": added["setup"]["token"], "name": name, "password": PASSWORD });
    assert_eq!(Browser::new(s, "192.0.2.2").ask("POST", "/api/v1/setup", &body).await.status, 200);
    added["person"]["id"].as_str().unwrap().to_owned()
}

pub fn kind(answer: &Answer) -> String {
    answer.json()["type"].as_str().unwrap_or_default().replace("urn:stillhere:problem:", "")
}

async fn acts(s: &Running) -> Vec<Value> {
    let journal = s.handle.store().journal(0, 1_000).await.unwrap();
    let entries = journal.iter().map(|e| serde_json::to_value(&e.entry).unwrap());
    entries.filter(|e| e["entry"] == "acted").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_person_is_set_up_with_a_link_that_is_good_once() {
    let s = start().await;
    assert_eq!(s.get("/api/v1/setup").await.json(), json!({ "needed": true }));
    let token = first_link(&s).await;
    let mut browser = Browser::new(&s, "192.0.2.1");
    let wrong = json!({ "token": Handed::new([1; 32]).expose(), "name": "kim", "password": PASSWORD });
    assert_eq!(kind(&browser.ask("POST", "/api/v1/setup", &wrong).await), "link-gone");
    for (name, password) in [("a b", PASSWORD), ("kim", "short"), ("kim", "kimkimkimkim")] {
        let body = json!({ "token": token, "name": name, "password": password });
        assert_eq!(browser.ask("POST", "/api/v1/setup", &body).await.status, 422, "{name} {password}");
    }
    let body = json!({ "token": token, "name": "kim", "password": PASSWORD });
    let made = browser.ask("POST", "/api/v1/setup", &body).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let me = made.json();
    assert_eq!((&me["person"]["name"], &me["person"]["role"]), (&json!("kim"), &json!("admin")));
    assert_eq!(s.get("/api/v1/setup").await.json(), json!({ "needed": false }));
    assert_eq!(kind(&browser.ask("POST", "/api/v1/setup", &body).await), "link-gone", "a second time");
    let now = browser.ask("GET", "/api/v1/session", &Value::Null).await;
    assert_eq!((now.status, &now.json()["csrf"]), (200, &me["csrf"]));
    let again = Ticket { sha256: "x".into(), expires_at: Time(i64::MAX) };
    assert!(!s.handle.store().setup_offer(&again).await.unwrap(), "there is somebody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_logs_in_is_the_author_of_what_they_do_and_the_journal_says_from_where() {
    let s = start().await;
    kim(&s).await;
    let mut browser = Browser::new(&s, "198.51.100.7");
    let begun = browser.log_in("Kim", PASSWORD).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let cookie = begun.head.lines().find(|l| l.starts_with("set-cookie: __host-stillhere=")).unwrap();
    for part in ["; path=/;", "; secure", "; httponly", "; samesite=strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(
        !begun.text().contains(browser.cookie("__Host-stillhere").unwrap()),
        "the secret is in the cookie alone"
    );
    let body = json!({ "title": "T", "text": "X", "services": { "checkout": "partial_outage" } });
    let made = browser.ask("POST", "/api/v1/incidents", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["updates"][0]["by"], "person kim");
    let journal = browser.ask("GET", "/api/v1/journal?limit=1000", &Value::Null).await.json();
    let commanded =
        journal["entries"].as_array().unwrap().iter().find(|e| e["entry"]["entry"] == "commanded");
    let entry = &commanded.unwrap()["entry"];
    assert_eq!((&entry["by"], &entry["from"]), (&json!("kim"), &json!("198.51.100.7")));
    let out = browser.ask("DELETE", "/api/v1/session", &Value::Null).await;
    assert_eq!((out.status, browser.cookie("__Host-stillhere")), (204, None));
    let acts = acts(&s).await;
    let done: Vec<&str> = acts.iter().filter_map(|a| a["act"]["act"].as_str()).collect();
    assert_eq!(done, ["password_chosen", "logged_in", "logged_in", "logged_out"]);
    assert!(acts.iter().all(|a| a["by"] == "kim" && a["from"].is_string()), "{acts:?}");
}

/// Neither the words nor the work say whether a name exists. Work is counted rather than timed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enumeration_and_timing_a_name_that_nobody_has_is_refused_like_a_wrong_password() {
    let s = start().await;
    let mut kim = kim(&s).await;
    kim.ask("POST", "/api/v1/people", &json!({ "name": "unready", "role": "viewer" })).await;
    let mut answers = Vec::new();
    for name in ["kim", "nobody", "unready", "", "an impossible name", "'; DROP TABLE person; --"] {
        let mut stranger = Browser::new(&s, "203.0.113.1");
        let before = s.handle.access().hasher.done();
        let refused = stranger.log_in(name, "wrong password here").await;
        assert_eq!(s.handle.access().hasher.done() - before, 1, "{name}: as much work");
        assert!(stranger.cookies.is_empty(), "{name}");
        let head: Vec<&str> = refused.head.lines().filter(|l| !l.starts_with("date: ")).collect();
        answers.push((refused.status, head.join("\n"), refused.problem()));
    }
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|a| *a == answers[0]), "{answers:#?}");
    // Waits come for nobody as they come for somebody.
    let mut waits = Vec::new();
    for name in ["kim", "nobody"] {
        let mut stranger = Browser::new(&s, if name == "kim" { "203.0.113.8" } else { "203.0.113.9" });
        let mut tries = 0;
        while stranger.log_in(name, "wrong password here").await.status == 401 {
            tries += 1;
        }
        waits.push(tries);
    }
    assert_eq!(waits[0], waits[1]);
}

/// The attacker plants a cookie of their own in the victim's browser, and waits for the victim to log in with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_fixation_a_log_in_never_goes_on_with_the_session_that_came_along() {
    let s = start().await;
    let mut kim = kim(&s).await;
    add(&s, &mut kim, "mallory", Role::Viewer).await;
    let mut mallory = Browser::new(&s, "203.0.113.1");
    assert_eq!(mallory.log_in("mallory", PASSWORD).await.status, 200);
    let planted = mallory.cookie("__Host-stillhere").unwrap().to_owned();
    let mut victim = Browser::new(&s, "192.0.2.9");
    victim.cookies.push(("__Host-stillhere".into(), planted.clone()));
    assert_eq!(victim.log_in("kim", PASSWORD).await.status, 200);
    assert_ne!(victim.cookie("__Host-stillhere"), Some(planted.as_str()));
    assert!(!mallory.is_in().await, "the planted session is worth nothing");
    // Nor does a value that was made up become a session.
    let made_up = Handed::new([5; 32]).expose().to_owned();
    let mut victim = Browser::new(&s, "192.0.2.9");
    victim.cookies.push(("__Host-stillhere".into(), made_up.clone()));
    assert_eq!(victim.log_in("kim", PASSWORD).await.status, 200);
    assert_ne!(victim.cookie("__Host-stillhere"), Some(made_up.as_str()));
}

/// Guessing wrongly in the owner's name does not shut the owner out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lock_out_abuse_strangers_wait_and_the_owner_at_a_known_device_does_not() {
    let s = start().await;
    let mut kim = kim(&s).await;
    kim.ask("DELETE", "/api/v1/session", &Value::Null).await;
    let mut stranger = Browser::new(&s, "203.0.113.1");
    let refused = loop {
        let answer = stranger.log_in("kim", "wrong password here").await;
        if answer.status != 401 {
            break answer;
        }
    };
    assert_eq!((refused.status, kind(&refused)), (429, "too-many-tries".into()));
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    let before = s.handle.access().hasher.done();
    let mut another = Browser::new(&s, "203.0.113.77");
    assert_eq!(
        another.log_in("kim", PASSWORD).await.status,
        429,
        "from elsewhere, even with the right password"
    );
    assert_eq!(s.handle.access().hasher.done(), before, "who must wait costs nothing");
    let back = kim.log_in("kim", PASSWORD).await;
    assert_eq!(back.status, 200, "{}", back.text());
    // The mark of a device is for its own person.
    let mut thief = Browser::new(&s, "203.0.113.78");
    let mark = kim.cookie("__Host-stillhere-device").unwrap().to_owned();
    thief.cookies.push(("__Host-stillhere-device".into(), mark));
    assert_eq!(thief.log_in("nobody", "wrong password here").await.status, 401);
    let acts = acts(&s).await;
    let noted = acts.iter().find(|a| a["act"]["act"] == "log_ins_refused").expect("it stands in the journal");
    assert_eq!((&noted["by"], &noted["act"]["tries"]), (&json!("somebody unknown"), &json!(5)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_listed_and_each_can_be_ended() {
    let s = start().await;
    let mut kim = kim(&s).await;
    add(&s, &mut kim, "ann", Role::Responder).await;
    let mut phone = Browser::new(&s, "192.0.2.5");
    assert_eq!(phone.log_in("kim", PASSWORD).await.status, 200);
    let mut ann = Browser::new(&s, "192.0.2.6");
    assert_eq!(ann.log_in("ann", PASSWORD).await.status, 200);
    let list = kim.ask("GET", "/api/v1/sessions", &Value::Null).await.json();
    let own = list["sessions"].as_array().unwrap();
    assert_eq!(own.len(), 2, "{list}");
    let phones = own.iter().find(|x| x["current"] == false).unwrap();
    assert_eq!((&phones["address"], &phones["agent"]), (&json!("192.0.2.5"), &json!("a browser")));
    let id = phones["id"].as_str().unwrap();
    let path = format!("/api/v1/sessions/{id}");
    assert_eq!(ann.ask("DELETE", &path, &Value::Null).await.status, 404, "not somebody else's");
    assert_eq!(ann.ask("GET", "/api/v1/sessions?everybody=true", &Value::Null).await.status, 403);
    assert_eq!(kim.ask("DELETE", &path, &Value::Null).await.status, 204);
    assert!(!phone.is_in().await && kim.is_in().await);
    let all = kim.ask("GET", "/api/v1/sessions?everybody=true", &Value::Null).await.json();
    let anns = all["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|x| x["person"] == "ann" && x["address"] == "192.0.2.6");
    let path = format!("/api/v1/sessions/{}", anns.unwrap()["id"].as_str().unwrap());
    assert_eq!(kim.ask("DELETE", &path, &Value::Null).await.status, 204, "an admin may end anybody's");
    assert!(!ann.is_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_password_ends_every_other_session_and_moves_this_one() {
    let s = start().await;
    let mut kim = kim(&s).await;
    let mut phone = Browser::new(&s, "192.0.2.5");
    phone.log_in("kim", PASSWORD).await;
    let (before, csrf) = (kim.cookie("__Host-stillhere").unwrap().to_owned(), kim.csrf.clone());
    let change = |old: &str, new: &str| json!({ "password": old, "new": new });
    let new = "mein hund frisst blau";
    assert_eq!(kim.ask("POST", "/api/v1/me/password", &change("wrong password", new)).await.status, 401);
    assert_eq!(kim.ask("POST", "/api/v1/me/password", &change(PASSWORD, "short")).await.status, 422);
    let changed = kim.ask("POST", "/api/v1/me/password", &change(PASSWORD, new)).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert!(!phone.is_in().await, "another session is over");
    assert!(kim.is_in().await);
    assert_ne!(kim.cookie("__Host-stillhere"), Some(before.as_str()), "a new secret");
    assert_ne!(kim.csrf, csrf);
    kim.cookies.retain(|(n, _)| n != "__Host-stillhere");
    kim.cookies.push(("__Host-stillhere".into(), before));
    assert!(!kim.is_in().await, "the old secret is worth nothing");
    assert_eq!(phone.log_in("kim", PASSWORD).await.status, 401);
    assert_eq!(phone.log_in("kim", new).await.status, 200);
}

fn unbase32(letters: &str) -> Vec<u8> {
    let (mut bits, mut have, mut out) = (0u32, 0, Vec::new());
    for c in letters.bytes() {
        let v = if c.is_ascii_uppercase() { c - b'A' } else { c - b'2' + 26 };
        bits = bits << 5 | u32::from(v);
        have += 5;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have & 255) as u8);
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_asked_for_and_is_good_once() {
    let s = start().await;
    let mut kim = kim(&s).await;
    let offered = kim.ask("POST", "/api/v1/me/totp", &json!({ "password": PASSWORD })).await.json();
    assert!(offered["link"].as_str().unwrap().starts_with("otpauth://totp/Lantern:kim?secret="), "{offered}");
    let seed = unbase32(offered["secret"].as_str().unwrap());
    let step = || s.handle.clock().now().wall.0.div_euclid(30_000);
    let confirm = |code: &str| json!({ "password": PASSWORD, "confirm": code });
    assert_eq!(kim.ask("POST", "/api/v1/me/totp", &confirm("000000x")).await.status, 422);
    let mut stranger = Browser::new(&s, "203.0.113.1");
    assert_eq!(stranger.log_in("kim", PASSWORD).await.status, 200, "not on before it is confirmed");
    // Of the step before this one, so that this one's is still to be had.
    let on = kim.ask("POST", "/api/v1/me/totp", &confirm(&totp::at(&seed, step() - 1))).await;
    assert_eq!(on.status, 200, "{}", on.text());
    let recovery: Vec<String> = serde_json::from_value(on.json()["recovery_codes"].clone()).unwrap();
    assert_eq!(recovery.len(), 10);
    assert!(!stranger.is_in().await && kim.is_in().await, "other sessions are over");
    let codes =
        async |browser: &mut Browser| browser.ask("GET", "/api/v1/me/totp", &Value::Null).await.json();
    assert_eq!(codes(&mut kim).await, json!({ "on": true, "recovery_codes": 10 }));

    let mut phone = Browser::new(&s, "192.0.2.5");
    assert_eq!(kind(&phone.log_in("kim", PASSWORD).await), "code-needed");
    assert_eq!(kind(&phone.log_in("kim", "wrong password here").await), "wrong-credentials");
    let stale = totp::at(&seed, step() - 1);
    assert_eq!(
        kind(&phone.log_in_with("kim", PASSWORD, &stale).await),
        "wrong-credentials",
        "used to confirm"
    );
    // Two at once with the same code, of the next step so that it is good for long enough: one comes in.
    let code = totp::at(&seed, step() + 1);
    let (mut a, mut b) = (Browser::new(&s, "192.0.2.5"), Browser::new(&s, "192.0.2.6"));
    let (a, b) = tokio::join!(a.log_in_with("kim", PASSWORD, &code), b.log_in_with("kim", PASSWORD, &code));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "{} {}", a.text(), b.text());

    assert_eq!(phone.log_in_with("kim", PASSWORD, &recovery[0].to_lowercase()).await.status, 200);
    assert_eq!(
        kind(&phone.log_in_with("kim", PASSWORD, &recovery[0]).await),
        "wrong-credentials",
        "each once"
    );
    let off =
        kim.ask("DELETE", "/api/v1/me/totp", &json!({ "password": PASSWORD, "code": recovery[1] })).await;
    assert_eq!(off.status, 200, "{}", off.text());
    assert_eq!(codes(&mut kim).await, json!({ "on": false, "recovery_codes": 0 }));
    assert_eq!(phone.log_in("kim", PASSWORD).await.status, 200);
    for file in std::fs::read_dir(s.dir.path().join("data")).unwrap() {
        let file = file.unwrap().path();
        if file.is_file() {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!bytes.windows(seed.len()).any(|w| w == seed), "the seed stands in {}", file.display());
        }
    }
}

/// A page elsewhere cannot log a visitor in as somebody, nor use up a link.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csrf_nobody_is_logged_in_by_a_page_of_another_site() {
    let s = start().await;
    kim(&s).await;
    let body = json!({ "name": "kim", "password": PASSWORD }).to_string();
    for headers in [
        "Content-Type: application/json\r\n",
        "Content-Type: application/json\r\nOrigin: https://evil.example\r\n",
        "Content-Type: application/json\r\nSec-Fetch-Site: cross-site\r\n",
    ] {
        for path in ["/api/v1/session", "/api/v1/setup"] {
            let refused = s.call("POST", path, headers, &body).await;
            assert_eq!((refused.status, kind(&refused)), (403, "csrf".into()), "{path} {headers}");
        }
    }
    let form = format!("Content-Type: text/plain\r\nOrigin: http://{}\r\n", s.addr);
    assert_eq!(s.call("POST", "/api/v1/session", &form, &body).await.status, 415, "a form is not JSON");
    // No other origin may read what a session shows.
    let mut browser = Browser::new(&s, "192.0.2.1");
    browser.log_in("kim", PASSWORD).await;
    let read = browser.ask("GET", "/api/v1/session", &Value::Null).await;
    assert_eq!(read.header("access-control-allow-origin"), None, "{}", read.head);
    assert_eq!(read.header("cache-control"), Some("no-store"));
}
