//! `stillhere doctor` against real servers, real limits, and what is missing.

use crate::{
    outage::Mailbox,
    running::{Receiver, Running, Target, free_port},
};
use serde_json::Value;
use std::{path::Path, process::Command};

fn doctor(dir: &Path, args: &[&str]) -> (i32, Value) {
    let out = Command::new(env!("CARGO_BIN_EXE_stillhere"))
        .arg("doctor")
        .args(args)
        .arg("--json")
        .current_dir(dir)
        .output()
        .expect("the binary runs");
    let text = String::from_utf8_lossy(&out.stdout);
    let value = serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{e}: {text}{}", String::from_utf8_lossy(&out.stderr)));
    (out.status.code().unwrap_or(-1), value)
}

fn finding<'a>(report: &'a Value, about: &str) -> &'a Value {
    let all = report["findings"].as_array().expect("findings");
    all.iter().find(|f| f["about"] == about).unwrap_or_else(|| panic!("nothing about {about}: {report:#}"))
}

fn config(dir: &Path, mail_port: u16, hook: &str) {
    let text = format!(
        "[[service]]\nid = \"web\"\nurl = \"http://127.0.0.1:9/\"\n\n\
         [[channel]]\nname = \"ops\"\nkind = \"mail\"\nhost = \"127.0.0.1\"\nport = {mail_port}\ntls = \"none\"\n\
         from = \"status@example.com\"\nto = [\"ops@example.com\"]\n\n\
         [[channel]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{hook}\"\n"
    );
    std::fs::write(dir.join("stillhere.toml"), text).expect("the file");
}

#[test]
fn channels_that_work_are_ok_and_nothing_is_sent_to_them() {
    let (mailbox, receiver) = (Mailbox::start(), Receiver::start());
    let dir = tempfile::tempdir().expect("a folder");
    config(dir.path(), mailbox.port, &receiver.url());
    let (_, report) = doctor(dir.path(), &["--config", "stillhere.toml"]);
    assert_eq!(finding(&report, "mail ops")["level"], "ok", "{report:#}");
    assert_eq!(finding(&report, "webhook hook")["level"], "ok", "{report:#}");
    assert!(mailbox.mails.lock().expect("lock").is_empty());
    assert!(receiver.got().is_empty());
    // What we watch is on this machine, and that is worth a word.
    let here = finding(&report, "where we stand");
    assert_eq!(here["level"], "warning");
    assert!(here["said"].as_str().is_some_and(|s| s.contains("127.0.0.1")), "{here}");
    assert!(here["do"].is_string());
    assert!(
        here["said"].as_str().is_some_and(|s| s.contains("compared: machine") && s.contains("Not compared")),
        "{here}"
    );
    // So is the mail server that would bring the alert.
    assert_eq!(finding(&report, "the way to staff")["level"], "warning");
    let (usual, _) = doctor(dir.path(), &["--config", "stillhere.toml"]);
    let (strict, _) = doctor(dir.path(), &["--config", "stillhere.toml", "--strict"]);
    assert_eq!((usual == 0 || report["worst"] == "bad", strict), (true, 1));
}

#[test]
fn a_channel_that_cannot_be_reached_is_bad_and_the_exit_code_says_so() {
    let dir = tempfile::tempdir().expect("a folder");
    config(dir.path(), free_port(), &format!("http://127.0.0.1:{}/hook", free_port()));
    let (code, report) = doctor(dir.path(), &["--config", "stillhere.toml"]);
    assert_eq!(code, 1);
    assert_eq!(report["worst"], "bad");
    for about in ["mail ops", "webhook hook"] {
        let found = finding(&report, about);
        assert_eq!(found["level"], "bad", "{report:#}");
        assert!(found["do"].is_string());
    }
}

#[test]
fn a_secret_that_is_not_set_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let text = "[[service]]\nid = \"web\"\nurl = \"http://127.0.0.1:9/\"\n[[channel]]\nname = \"hook\"\nkind = \"webhook\"\n\
                url = \"http://127.0.0.1:9/\"\nsecrets = [{ env = \"STILLHERE_TEST_NOT_SET\" }]\n";
    std::fs::write(dir.path().join("a.toml"), text).expect("the file");
    let (code, report) = doctor(dir.path(), &["--config", "a.toml"]);
    assert_eq!(code, 1);
    let said = finding(&report, "webhook hook")["said"].as_str().expect("text").to_owned();
    assert!(said.contains("STILLHERE_TEST_NOT_SET"), "{said}");
}

#[test]
fn too_few_open_files_are_found() {
    let dir = tempfile::tempdir().expect("a folder");
    let script = format!("ulimit -n 100 && exec {} doctor --json", env!("CARGO_BIN_EXE_stillhere"));
    let out = Command::new("sh").args(["-c", &script]).current_dir(dir.path()).output().expect("sh runs");
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stderr));
    let report: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let files = finding(&report, "open files");
    assert_eq!(files["level"], "bad", "{report:#}");
    assert!(files["said"].as_str().is_some_and(|s| s.contains("100 allowed")), "{files}");
}

#[test]
fn a_running_stillhere_is_found_and_one_that_was_killed_too() {
    let target = Target::start();
    let mut running = Running::watch(&[&target.url()], "1s");
    let (_, report) = doctor(running.dir.path(), &[]);
    let found = finding(&report, "Stillhere");
    assert_eq!(found["level"], "ok", "{report:#}");
    assert!(found["said"].as_str().is_some_and(|s| s.contains("runs as process")), "{found}");
    assert_eq!(finding(&report, "data folder")["level"], "ok");
    assert_eq!(finding(&report, "disk")["about"], "disk");
    running.kill();
    let (_, report) = doctor(running.dir.path(), &[]);
    assert_eq!(finding(&report, "Stillhere")["level"], "warning", "{report:#}");
}

#[test]
fn for_people_each_finding_is_one_line_that_begins_with_its_level() {
    let dir = tempfile::tempdir().expect("a folder");
    config(dir.path(), free_port(), "http://127.0.0.1:9/hook");
    let out = Command::new(env!("CARGO_BIN_EXE_stillhere"))
        .args(["doctor", "--config", "stillhere.toml"])
        .current_dir(dir.path())
        .output()
        .expect("the binary runs");
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    assert!(text.lines().count() >= 10, "{text}");
    for line in text.lines() {
        assert!(["ok ", "warning ", "bad "].iter().any(|level| line.starts_with(level)), "{line:?}");
        assert!(line.starts_with("ok ") || line.contains(". What to do: "), "{line:?}");
    }
}
