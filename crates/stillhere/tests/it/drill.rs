//! A rehearsal from outside: a responder with nothing but the link in the mail, and an operator's file whose channels must
//! never hear of it.

use crate::{
    outage::Mailbox,
    running::{Receiver, free_port, get, request, wait_for},
};
use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

fn real_file(hook: &Receiver, mail_port: u16) -> String {
    format!(
        r#"
[site]
name = {{ en = "Lantern", zh-CN = "灯笼" }}
languages = ["en", "zh-CN"]

[publish]
to = "published"

[[service]]
id = "shop"
url = "http://127.0.0.1:9/"

[[channel]]
name = "hook"
kind = "webhook"
url = "{}"
audience = ["public", "staff"]

[[channel]]
name = "ops"
kind = "mail"
host = "127.0.0.1"
port = {mail_port}
tls = "none"
from = "status@lantern.example"
to = ["ops@lantern.example"]
"#,
        hook.url()
    )
}

fn post(addr: SocketAddr, path: &str, form: &str) -> u16 {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    request(addr, &head).map_or(0, |a| a.status)
}

#[test]
fn an_exercise_is_scored_and_the_operators_own_channels_never_hear_of_it() {
    let (hook, mailbox) = (Receiver::start(), Mailbox::start());
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("stillhere.toml"), real_file(&hook, mailbox.port)).expect("the file");
    let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_stillhere"))
        .args([
            "drill",
            "--config",
            "stillhere.toml",
            "--lasts",
            "8s",
            "--afterwards",
            "60s",
            "--listen",
            &addr.to_string(),
        ])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let said: Arc<Mutex<String>> = Arc::default();
    let keep = said.clone();
    let out = BufReader::new(child.stdout.take().expect("piped"));
    let reading = std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            let mut said = keep.lock().expect("lock");
            said.push_str(&line);
            said.push('\n');
        }
    });
    let seen = |what: &str| said.lock().expect("lock").lines().find(|l| l.contains(what)).map(str::to_owned);
    let link = wait_for("the mail with its link", || seen("/act/"));
    let path = format!("/act/{}", link.rsplit("/act/").next().expect("a token").trim());
    let page = get(addr, &path).expect("the page");
    assert_eq!(page.status, 200);
    for body in
        [page.body, get(addr, "/").expect("the page").body, get(addr, "/history.rss").expect("the feed").body]
    {
        assert!(body.contains("EXERCISE · Lantern"), "everything says that it is an exercise: {body}");
    }
    let chinese = get(addr, "/?lang=zh-CN").expect("the page").body;
    assert!(chinese.contains("演练 · 灯笼"), "{chinese}");
    assert!(seen("EXERCISE mail to you: Alert:").is_some_and(|l| l.contains("exercise")));
    assert_eq!(post(addr, &path, "do=acknowledge"), 303);
    let words =
        "do=publish&text-en=We+look+into+it.&text-zh-CN=%E6%AD%A3%E5%9C%A8%E5%A4%84%E7%90%86&within=10";
    assert_eq!(post(addr, &path, words), 303);

    let over = wait_for("it is over", || seen("stillhere incident postmortem"));
    let id = over.rsplit(' ').next().expect("an id").to_owned();
    let data =
        wait_for("the folder", || seen("--data ")).rsplit("--data ").next().expect("a folder").to_owned();
    let cli = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_stillhere"))
            .args(args)
            .args(["--data", &data])
            .output()
            .expect("it runs")
    };
    let text = ["--text", "en=Cause: an exercise.", "--text", "zh-CN=原因：演练。"];
    let done = cli(&[&["incident", "update", &id, "--status", "postmortem"], &text[..]].concat());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let code = wait_for("the end", || child.try_wait().expect("waits")).code();
    reading.join().expect("read to the end");
    let said = said.lock().expect("lock").clone();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("EXERCISE over:"), "{said}");
    for line in [
        "20 / 20  somebody has it",
        "20 / 20  first words of a person",
        "15 / 15  every word in each language",
        "15 / 15  post-mortem",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }

    assert!(mailbox.mails.lock().expect("lock").is_empty(), "no mail left");
    assert!(hook.got().is_empty(), "no webhook was called");
    assert!(!dir.path().join("published").exists() && !dir.path().join("stillhere-data").exists());
    assert!(!std::path::Path::new(&data).exists(), "nothing stays behind");
}

#[test]
fn the_page_of_an_exercise_is_never_served_to_others() {
    let out = Command::new(env!("CARGO_BIN_EXE_stillhere"))
        .args(["drill", "--listen", "0.0.0.0:0"])
        .output()
        .expect("it runs");
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("for this machine only"));
}
