//! What was made in the console, through crashes and copies.

use crate::running::{Answer, Running, request, wait_for};
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

fn ask(up: &Running, token: &str, method: &str, path: &str, extra: &str, body: &Value) -> Option<Answer> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\n{extra}content-length: {}\r\n\r\n{body}",
        up.addr,
        body.len()
    );
    request(up.addr, &head)
}

fn make(up: &Running, token: &str, at: &str, table: &Value) -> Option<u16> {
    let path = format!("/api/v1/settings/{at}");
    ask(up, token, "PUT", &path, "if-none-match: *\r\n", &json!({ "table": table })).map(|a| a.status)
}

fn token(up: &Running) -> String {
    let (code, out, err) = up.cli(&["token", "new", "tests", "--role", "admin"]);
    assert_eq!(code, 0, "{err}");
    out.split_whitespace().max_by_key(|word| word.len()).expect("a token").to_owned()
}

/// Without a file. Killed while changes are under way: what was answered is in force after the restart, what was not is there with its
/// line in the journal, or not at all.
#[test]
fn after_kill_9_every_change_is_there_whole_or_not_at_all() {
    let mut up = Running::watch(&["tcp://127.0.0.1:1"], "20s");
    let token = token(&up);
    let answered = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        let maker = threads.spawn(|| {
            for n in 0..400 {
                if make(&up, &token, &format!("services/s{n}"), &json!({ "name": format!("S {n}") }))
                    != Some(200)
                {
                    return;
                }
                answered.fetch_add(1, Ordering::SeqCst);
            }
        });
        wait_for("some are made", || (answered.load(Ordering::SeqCst) >= 20).then_some(()));
        up.signal("KILL");
        maker.join().expect("the maker");
    });
    up.kill();
    up.restart();
    let made = answered.load(Ordering::SeqCst);
    let list = ask(&up, &token, "GET", "/api/v1/settings/services", "", &Value::Null).expect("an answer");
    let list: Value = serde_json::from_str(&list.body).expect("JSON");
    let of_console: Vec<&Value> =
        list["settings"].as_array().expect("a list").iter().filter(|s| s["origin"] == "console").collect();
    assert!(of_console.len() == made || of_console.len() == made + 1, "{} of {made}", of_console.len());
    assert!(of_console.iter().all(|s| s["in_force"] == true), "{list}");
    let services = up.json("/api/v1/services")["services"].as_array().expect("services").len();
    assert_eq!(services, of_console.len() + 1, "the URL and all of them are on the page");
    let (_, journal, _) = up.cli(&["journal", "--json", "--limit", "500"]);
    for s in &of_console {
        let id = format!("\"id\":{}", s["id"]);
        assert!(journal.lines().any(|l| l.contains("setting_made") && l.contains(&id)), "{id}: {journal}");
    }
    let next = make(&up, &token, "services/after", &json!({ "name": "After" }));
    assert_eq!(next, Some(200), "it goes on");
}

#[test]
fn a_backup_has_it_and_secrets_open_only_beside_the_key() {
    let mut up = Running::up("[server]\ndata = \"stillhere-data\"\n[[service]]\nid = \"web\"\n");
    let token = token(&up);
    let hook = json!({ "kind": "webhook", "url": "https://hook.example/", "audience": ["staff"] });
    assert_eq!(make(&up, &token, "services/till", &json!({ "name": "Till" })), Some(200));
    assert_eq!(make(&up, &token, "channels/hook", &hook), Some(200));
    let (code, out, err) = up.cli(&["config", "check"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("made in the console (stillhere-data): 1 service, 1 channel"), "{out}");
    let (_, out, _) = up.cli(&["config", "explain"]);
    assert!(out.contains("# made in the console\n[[service]]\nid = \"till\""), "{out}");
    assert!(
        out.contains("# made in the console\n[[channel]]\nname = \"hook\"") && !out.contains("hook.example"),
        "{out}"
    );

    assert_eq!(up.cli(&["backup", "copy.db"]).0, 0);
    up.kill();
    let data = up.dir.path().join("stillhere-data");
    let restore = |up: &Running| {
        let (code, _, err) = up.cli(&["restore", "copy.db"]);
        assert_eq!(code, 0, "{err}");
    };
    restore(&up);
    up.restart();
    assert_eq!(state(&up, &token, "channels/hook"), (true, Value::Null), "beside the key");
    assert_eq!(state(&up, &token, "services/till"), (true, Value::Null));

    up.kill();
    remove(&data.join("people.key"));
    restore(&up);
    up.restart();
    assert_eq!(
        state(&up, &token, "channels/hook"),
        (false, json!("sealed")),
        "it cannot be opened, and everything else runs"
    );
    assert_eq!(state(&up, &token, "services/till"), (true, Value::Null), "it holds no secret");
    let (_, out, _) = up.cli(&["config", "check"]);
    assert!(
        out.contains("channel hook of the console is set aside: its secrets were sealed under another"),
        "{out}"
    );
}

fn remove(path: &Path) {
    std::fs::remove_file(path).expect("it was there");
}

fn state(up: &Running, token: &str, at: &str) -> (bool, Value) {
    let answer =
        ask(up, token, "GET", &format!("/api/v1/settings/{at}"), "", &Value::Null).expect("an answer");
    let one: Value = serde_json::from_str(&answer.body).expect("JSON");
    (one["in_force"] == true, one["aside"].clone())
}
