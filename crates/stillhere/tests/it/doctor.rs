//! `stillhere doctor` against real servers, real limits, and what is missing.

use crate::{
    outage::Mailbox,
    running::{Receiver, Running, Target, free_port},
};
use serde_json::Value;
use std::{
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime},
};

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

/// A certificate for 127.0.0.1 that nobody but itself has signed, and a server that shows it.
struct Tls(Child, u16, PathBuf);

impl Tls {
    fn start(dir: &Path, name: &str, days: u64) -> Tls {
        let mut params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        let mut called = rcgen::DistinguishedName::new();
        called.push(rcgen::DnType::CommonName, name);
        params.distinguished_name = called;
        let now = Duration::from_millis(stillhere_net::clock::wall().0.cast_unsigned());
        let end = SystemTime::UNIX_EPOCH + now + Duration::from_secs(86_400 * days);
        params.not_after = end.into();
        let key = rcgen::KeyPair::generate().expect("a key");
        let cert = params.self_signed(&key).expect("a certificate");
        let (at, secret) = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
        std::fs::write(&at, cert.pem()).expect("the certificate");
        std::fs::write(&secret, key.serialize_pem()).expect("the key");
        Tls::show(&at, &secret)
    }

    fn show(cert: &Path, key: &Path) -> Tls {
        let port = free_port();
        let child = Command::new("openssl")
            .args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}"), "-cert"])
            .arg(cert)
            .arg("-key")
            .arg(key)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl");
        let made = Tls(child, port, cert.to_owned());
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return made;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("openssl s_server does not answer");
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_certificate_of_the_page_is_looked_at_and_compared_with_those_of_what_is_watched() {
    let dir = tempfile::tempdir().expect("a folder");
    let (page, other) = (Tls::start(dir.path(), "page", 60), Tls::start(dir.path(), "other", 80));
    let soon = Tls::start(dir.path(), "soon", 3);
    let same = Tls::show(&page.2, &dir.path().join("page.key"));
    let trusted: String =
        [&page, &other, &soon].map(|t| std::fs::read_to_string(&t.2).expect("a certificate")).concat();
    std::fs::write(dir.path().join("trusted.pem"), trusted).expect("the file");
    let told = |page: &str, watched: u16, trusted: &str| {
        let text = format!(
            "[site]\nurl = \"{page}\"\n[[service]]\nid = \"web\"\nurl = \"https://127.0.0.1:{watched}/\"\n"
        );
        std::fs::write(dir.path().join("stillhere.toml"), text).expect("the file");
        let out = Command::new(env!("CARGO_BIN_EXE_stillhere"))
            .args(["doctor", "--json", "--config", "stillhere.toml"])
            .env("SSL_CERT_FILE", dir.path().join(trusted))
            .current_dir(dir.path())
            .output()
            .expect("the binary runs");
        let report: Value = serde_json::from_slice(&out.stdout).expect("JSON");
        let all = report["findings"].as_array().expect("findings");
        let found = all.iter().find(|f| f["about"] == "our certificate");
        found.map(|f| [&f["level"], &f["said"]].map(|v| v.as_str().unwrap_or_default().to_owned()))
    };
    let at = |t: &Tls| format!("https://127.0.0.1:{}", t.1);
    for (name, [level, part], found) in [
        (
            "another one",
            ["ok", "another one than those of the 1 servers"],
            told(&at(&page), other.1, "trusted.pem"),
        ),
        ("the same", ["warning", "shows the same one"], told(&at(&page), same.1, "trusted.pem")),
        ("ends soon", ["warning", "it ends in 2 days"], told(&at(&soon), other.1, "trusted.pem")),
        ("not trusted", ["bad", "browsers refuse it"], told(&at(&page), other.1, "other.pem")),
        (
            "not there",
            ["warning", "not judged"],
            told(&format!("https://127.0.0.1:{}", free_port()), other.1, "trusted.pem"),
        ),
        ("silent", ["ok", "did not show theirs"], told(&at(&page), free_port(), "trusted.pem")),
    ] {
        let [is, said] = found.unwrap_or_else(|| panic!("{name}: nothing"));
        assert!(is == level && said.contains(part), "{name}: {is}: {said}");
    }
    assert_eq!(told("http://127.0.0.1:9", other.1, "trusted.pem"), None, "there is none");
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
