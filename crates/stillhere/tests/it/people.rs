//! People and the real binary: the link of the first start, the command line, and `kill -9` in between.

use crate::running::{Running, free_port, request, wait_for};
use serde_json::{Value, json};
use std::{net::SocketAddr, process::Command};
use stillhere_access::totp;
use stillhere_net::clock;

const TOML: &str = "[[service]]\nid = \"shop\"\nteam = \"storefront\"\n";
const PASSWORD: &str = "correct horse battery";

/// A call as a page of ours sends it: status, the session's cookie if one was set, body.
fn ask(
    addr: SocketAddr,
    method: &str,
    path: &str,
    cookie: &str,
    body: &Value,
) -> Option<(u16, Option<String>, Value)> {
    let csrf = stillhere_access::secret::Handed::sent(cookie).map(|s| s.csrf()).unwrap_or_default();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = request(
        addr,
        &format!(
            "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\norigin: http://{addr}\r\n\
             cookie: __Host-stillhere={cookie}\r\nstillhere-csrf: {csrf}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        ),
    )?;
    let set = answer.head.lines().find_map(|l| l.strip_prefix("set-cookie: __Host-stillhere="));
    let set = set.and_then(|l| l.split(';').next()).filter(|v| !v.is_empty()).map(str::to_owned);
    Some((answer.status, set, serde_json::from_str(&answer.body).unwrap_or(Value::Null)))
}

fn enter(addr: SocketAddr, code: Option<&str>) -> Option<(u16, Option<String>, Value)> {
    ask(addr, "POST", "/api/v1/session", "", &json!({ "name": "kim", "password": PASSWORD, "code": code }))
}

/// The secret in a link.
fn token(link: &str) -> String {
    link.trim().split_once("#setup=").unwrap_or_else(|| panic!("no link: {link}")).1.to_owned()
}

fn set_up(addr: SocketAddr, token: &str) -> Option<(u16, Option<String>, Value)> {
    ask(addr, "POST", "/api/v1/setup", "", &json!({ "token": token, "name": "kim", "password": PASSWORD }))
}

fn is_in(s: &Running, cookie: &str) -> bool {
    ask(s.addr, "GET", "/api/v1/session", cookie, &Value::Null).expect("an answer").0 == 200
}

#[test]
fn people_are_looked_after_from_the_command_line() {
    let s = Running::up(TOML);
    let (code, link, said) = s.cli(&["person", "add", "kim", "--role", "admin"]);
    assert_eq!(code, 0, "{said}");
    assert!(link.starts_with(&format!("http://{}/console/#setup=", s.addr)), "{link}");
    assert_eq!(set_up(s.addr, &token(&link)).expect("an answer").0, 200);
    let (code, link, said) = s.cli(&["person", "add", "ann", "--team", "storefront", "--team", "web"]);
    assert!(code == 0 && link.contains("#setup="), "{said}");
    let (_, list, _) = s.cli(&["person", "list"]);
    assert!(
        list.lines().any(|l| l.starts_with("kim ") && l.contains("admin") && l.contains("1 sessions")),
        "{list}"
    );
    assert!(
        list.lines()
            .any(|l| l.starts_with("ann ") && l.contains("storefront web") && l.contains("not chosen"))
    );
    assert_eq!(s.cli(&["person", "role", "ANN", "viewer", "--all-teams"]).0, 0);
    assert!(s.cli(&["person", "list"]).1.lines().any(|l| l.starts_with("ann ") && l.contains("viewer")));
    assert_eq!(s.cli(&["person", "remove", "kim"]).0, 4, "the last admin stays");
    assert_eq!(s.cli(&["person", "remove", "ann"]).0, 0);
    assert_eq!(s.cli(&["person", "reset", "ann"]).0, 4);
    assert_eq!(s.cli(&["person", "reset", "kim"]).0, 0);
    assert_eq!(enter(s.addr, None).expect("an answer").0, 401);
    let (_, token, _) = s.cli(&["token", "new", "a b/c", "--role", "viewer", "--expires", "1h"]);
    assert!(token.starts_with("sth_"), "{token}");
    assert!(s.cli(&["token", "list"]).1.contains("viewer"));
    assert_eq!(s.cli(&["token", "revoke", "a b/c"]).0, 0);
}

/// The link goes to the terminal, once; to no log, no file, no pipe.
#[test]
fn the_first_start_shows_the_link_to_a_terminal_alone() {
    let piped = Running::up(TOML);
    wait_for("it says how the first person comes in", || {
        piped.said.lock().expect("lock").contains("stillhere person add NAME --role admin").then_some(())
    });
    assert!(!piped.said.lock().expect("lock").contains("#setup="));
    drop(piped);

    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("stillhere.toml"), TOML).expect("the file");
    let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let up = format!("exec '{}' up --listen {addr} 2>log", env!("CARGO_BIN_EXE_stillhere"));
    let mut terminal = Command::new("script")
        .args(["--quiet", "--flush", "--command", &up, "shown"])
        .env("STILLHERE_LOG", "debug")
        .current_dir(dir.path())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("script runs");
    let read = |file: &str| {
        String::from_utf8_lossy(&std::fs::read(dir.path().join(file)).unwrap_or_default()).into_owned()
    };
    let shown = wait_for("the link is shown", || Some(read("shown")).filter(|s| s.contains("reload")));
    let links: Vec<&str> = shown.lines().filter(|l| l.contains("#setup=")).collect();
    assert_eq!(links.len(), 1, "{shown}");
    let token = token(links[0]);
    let (status, cookie, me) = set_up(addr, &token).expect("an answer");
    assert_eq!((status, &me["person"]["role"]), (200, &json!("admin")), "{me}");
    assert_eq!(set_up(addr, &token).expect("an answer").0, 403, "good once");
    let cookie = cookie.expect("a session");
    assert_eq!(ask(addr, "GET", "/api/v1/session", &cookie, &Value::Null).expect("an answer").0, 200);
    let mut kept = vec![read("log")];
    for file in std::fs::read_dir(dir.path().join("stillhere-data")).expect("the data").flatten() {
        if file.path().is_file() {
            kept.push(String::from_utf8_lossy(&std::fs::read(file.path()).expect("readable")).into_owned());
        }
    }
    for secret in [&token, &cookie, &PASSWORD.to_owned()] {
        assert!(!kept.iter().any(|k| k.contains(secret.as_str())), "a secret is kept as it is");
    }
    let stopped = Command::new(env!("CARGO_BIN_EXE_stillhere")).arg("stop").current_dir(dir.path()).status();
    assert!(stopped.expect("stop runs").success());
    assert!(terminal.wait().expect("script ends").success());
}

/// What was acknowledged outlives `kill -9`: a session that was begun, one that was ended, a code that was used up.
#[test]
fn case_h_sessions_and_used_codes_outlive_a_kill() {
    let mut s = Running::up(TOML);
    let (_, link, _) = s.cli(&["person", "add", "kim", "--role", "admin"]);
    let cookie = set_up(s.addr, &token(&link)).expect("an answer").1.expect("a session");
    s.kill_and_restart();
    assert!(is_in(&s, &cookie), "a session goes on");

    let offered = ask(s.addr, "POST", "/api/v1/me/totp", &cookie, &json!({ "password": PASSWORD }))
        .expect("an answer")
        .2;
    let seed = unbase32(offered["secret"].as_str().expect("a seed"));
    let step = || clock::wall().0.div_euclid(30_000);
    let confirm = json!({ "password": PASSWORD, "confirm": totp::at(&seed, step() - 1) });
    let (status, cookie, on) = ask(s.addr, "POST", "/api/v1/me/totp", &cookie, &confirm).expect("an answer");
    assert_eq!(status, 200, "{on}");
    let cookie = cookie.expect("a session");
    let code = totp::at(&seed, step() + 1);
    let second = enter(s.addr, Some(&code)).expect("an answer");
    assert_eq!(second.0, 200, "{}", second.2);
    assert_eq!(ask(s.addr, "DELETE", "/api/v1/session", &cookie, &Value::Null).expect("an answer").0, 204);
    s.kill_and_restart();
    assert!(!is_in(&s, &cookie), "what was ended stays ended");
    assert!(is_in(&s, &second.1.expect("a session")));
    assert_eq!(enter(s.addr, Some(&code)).expect("an answer").0, 401, "a code that was used stays used");
    let spare = on["recovery_codes"][0].as_str().expect("a code");
    assert_eq!(enter(s.addr, Some(spare)).expect("an answer").0, 200);
    s.kill_and_restart();
    assert_eq!(enter(s.addr, Some(spare)).expect("an answer").0, 401);
}

/// Killed while somebody is being set up: either they are, wholly, or the link is still good.
#[test]
fn a_kill_in_the_middle_of_setting_up_leaves_nothing_half() {
    let mut s = Running::up(TOML);
    let (_, link, _) = s.cli(&["person", "add", "kim", "--role", "admin"]);
    let token = token(&link);
    let mut set = None;
    for round in 0..4u64 {
        let (addr, link) = (s.addr, token.clone());
        let asking = std::thread::spawn(move || set_up(addr, &link));
        // Not waiting for an effect: the kill comes sooner or later, whatever the machine does meanwhile.
        std::thread::sleep(std::time::Duration::from_millis(round * 15));
        s.kill();
        let answered = asking.join().expect("the thread ends").filter(|a| a.0 == 200);
        s.restart();
        let ready = enter(s.addr, None).expect("an answer").0 == 200;
        if let Some((_, cookie, _)) = &answered {
            assert!(
                ready && is_in(&s, cookie.as_deref().expect("a session")),
                "what was acknowledged is there"
            );
        }
        if ready {
            set = Some(round);
            break;
        }
    }
    let again = set_up(s.addr, &token).expect("an answer").0;
    assert_eq!(again, if set.is_some() { 403 } else { 200 }, "either they are set up, or the link is good");
    assert_eq!(enter(s.addr, None).expect("an answer").0, 200);
}

fn unbase32(letters: &str) -> Vec<u8> {
    let (mut bits, mut have, mut out) = (0u32, 0, Vec::new());
    for c in letters.bytes() {
        bits = bits << 5 | u32::from(if c.is_ascii_uppercase() { c - b'A' } else { c - b'2' + 26 });
        have += 5;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have & 255) as u8);
        }
    }
    out
}
