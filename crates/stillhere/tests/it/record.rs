//! The public record from outside: others' tools can read it, our own finds what was changed, and the report that is computed
//! from it is the one that is published.

use crate::running::{Running, Target, free_port, wait_for};
use std::{
    fs,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

const LOG: &str = "/.well-known/stillhere/log";

/// Stillhere with one service that has had an outage of a few seconds, with a person's words about it.
fn with_a_past() -> (Running, Target) {
    let target = Target::start();
    let up = Running::up(&format!(
        "[site]\nname = \"Lantern\"\nlanguages = [\"en\", \"zh-CN\"]\n[respond]\nverify = \"1s\"\n[[service]]\nid = \"checkout\"\nurl = \"{}\"\ninterval = \"1s\"\n\
         [[service]]\nid = \"vault\"\npublic = false\nurl = \"{}\"\ninterval = \"1s\"\n",
        target.url(),
        target.url()
    ));
    wait_for("operational", || {
        (up.json("/api/v2/summary.json")["components"][0]["status"] == "operational").then_some(())
    });
    let addr = target.kill();
    let id = wait_for("the incident", || {
        up.json("/api/v1/incidents")["incidents"][0]["id"].as_str().map(str::to_owned)
    });
    let text = ["incident", "update", &id, "--text", "en=We look into it. Ada", "--text", "zh-CN=正在处理。"];
    let (code, _, err) = up.cli(&text);
    assert_eq!(code, 0, "{err}");
    let again = Target::at(addr);
    wait_for("resolved", || {
        (up.json("/api/v1/incidents")["incidents"][0]["status"] == "resolved").then_some(())
    });
    (up, again)
}

fn verify(up: &Running, more: &[&str]) -> (i32, String) {
    let url = format!("http://{}", up.addr);
    let (code, out, err) = up.cli(&[&["verify", &url, "--state", "seen.json"], more].concat());
    (code, out + &err)
}

fn size(up: &Running) -> u64 {
    let checkpoint = up.get(&format!("{LOG}/checkpoint")).body;
    checkpoint.lines().nth(1).and_then(|n| n.parse().ok()).expect("the size in the checkpoint")
}

/// Does what nobody should, to the database of a Stillhere that is not running.
fn tamper(up: &Running, sql: &str) {
    let file = up.dir.path().join("stillhere-data/stillhere.db");
    let out = Command::new("sqlite3").arg(file).arg(sql).output().expect("sqlite3 runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

fn download(up: &Running, to: &Path) {
    let url = format!("http://{}{LOG}", up.addr);
    let fetch = |path: &str| {
        let to = to.join(path);
        fs::create_dir_all(to.parent().expect("a folder")).expect("the folder");
        let out = Command::new("curl").args(["-sfo"]).arg(&to).arg(format!("{url}/{path}")).status();
        assert!(out.expect("curl runs").success(), "{path}");
    };
    fetch("checkpoint");
    fetch("key");
    let checkpoint = fs::read_to_string(to.join("checkpoint")).expect("text");
    let size: u64 = checkpoint.lines().nth(1).expect("a size").parse().expect("a number");
    for n in 0..size.div_ceil(256) {
        let width = (size - n * 256).min(256);
        let part = if width == 256 { String::new() } else { format!(".p/{width}") };
        fetch(&format!("tile/0/{n:03}{part}"));
        fetch(&format!("tile/entries/{n:03}{part}"));
    }
    if size >= 256 {
        fetch(&format!("tile/1/000.p/{}", size / 256));
    }
}

#[test]
fn go_reads_the_log_and_proves_every_entry_and_every_earlier_size() {
    let (up, _target) = with_a_past();
    // More than one tile: declarations about a service that nobody probes are cheap.
    for n in 0..24 {
        let title = format!("Exercise {n}");
        let (code, id, err) =
            up.cli(&["incident", "open", "--title", &title, "--text", "x", "--impact", "minor"]);
        assert_eq!(code, 0, "{err}");
        for n in 0..4 {
            assert_eq!(up.cli(&["incident", "update", id.trim(), "--text", &format!("{n}")]).0, 0);
        }
        assert_eq!(up.cli(&["incident", "resolve", id.trim()]).0, 0);
    }
    wait_for("more than a tile", || (size(&up) > 300).then_some(()));
    let dir = tempfile::tempdir().expect("a folder");
    download(&up, dir.path());
    let check = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/record/check.go");
    let out = Command::new("go")
        .args(["run", check])
        .arg(dir.path())
        .envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode"), ("GOFLAGS", "")])
        .output()
        .expect("go runs: apt-get install golang-go golang-golang-x-mod-dev");
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && said.contains("entries are proved"), "{said}");
    let (code, said) = verify(&up, &[]);
    assert_eq!(code, 0, "{said}");
    let full = up.get(&format!("{LOG}/tile/0/000"));
    assert!(full.head.contains("immutable"), "{}", full.head);
}

#[test]
fn verify_finds_nothing_in_an_honest_record_also_after_kill_9_and_says_what_it_has_seen() {
    let (mut up, _target) = with_a_past();
    let (code, said) = verify(&up, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("never looked at before") && said.contains("Nothing is wrong"), "{said}");
    let before = size(&up);
    up.kill_and_restart();
    let (code, said) = verify(&up, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("of the last look are there, unchanged"), "{said}");
    assert!(size(&up) >= before);
    let entries = up.get(&format!("{LOG}/tile/entries/000.p/{}", size(&up))).body;
    assert!(!entries.contains("Ada"), "the words stand beside the log");
    assert!(!entries.contains("vault"), "what visitors do not see is not in it");
    assert!(up.get(&format!("{LOG}/texts/000")).body.contains("Ada"));
}

#[test]
fn a_changed_word_a_changed_entry_a_dropped_one_and_a_rolled_back_log_are_each_found() {
    let (mut up, _target) = with_a_past();
    assert_eq!(verify(&up, &[]).0, 0);
    let honest = up.get(&format!("{LOG}/checkpoint")).body;
    fs::write(up.dir.path().join("theirs"), &honest).expect("a file");
    let n = size(&up);
    up.kill();
    let db = up.dir.path().join("stillhere-data/stillhere.db");
    let aside = up.dir.path().join("aside.db");
    tamper(&up, "PRAGMA wal_checkpoint(TRUNCATE)");
    fs::copy(&db, &aside).expect("a copy");
    let forgeries = [
        (
            "UPDATE incident SET incident = replace(incident, 'We look into it. Ada', 'All is well.')".to_owned(),
            "is not what was published",
        ),
        ("UPDATE record_text SET text = 'All is well.' WHERE text LIKE 'We look%'".to_owned(), "the text beside entry"),
        (
            "UPDATE record SET entry = CAST(replace(entry, 'major_outage', 'operational!') AS BLOB) WHERE idx = 3; \
             UPDATE record SET entry = CAST(replace(entry, 'operational', 'major_outage') AS BLOB) WHERE idx = 1"
                .to_owned(),
            "the entries do not make the log that was signed",
        ),
        (
            format!("DELETE FROM record WHERE idx = {0}; DELETE FROM record_hash WHERE (n + 1) << level > {0}", n - 1),
            "",
        ),
        (format!("DELETE FROM record WHERE idx >= {0}; DELETE FROM record_hash WHERE (n + 1) << level > {0}", n / 2), ""),
    ];
    for (sql, found) in forgeries {
        for side in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(up.dir.path().join(format!("stillhere-data/stillhere.db{side}")));
        }
        fs::copy(&aside, &db).expect("the honest one");
        tamper(&up, &sql);
        up.restart();
        let (code, said) = verify(&up, &["--against", "theirs"]);
        assert_eq!(code, 1, "{sql}: {said}");
        let history = ["rolled back", "history was changed"];
        let expected =
            if found.is_empty() { history.iter().any(|h| said.contains(h)) } else { said.contains(found) };
        assert!(expected, "{sql}: {said}");
        up.kill();
    }
}

#[test]
fn what_was_taken_out_is_gone_from_the_page_and_the_record_still_verifies() {
    let (mut up, _target) = with_a_past();
    assert_eq!(verify(&up, &[]).0, 0);
    let (code, _, err) = up.cli(&["redact", "--find", "Ada"]);
    assert_eq!(code, 4, "not while it runs: {err}");
    up.kill();
    let (code, found, err) = up.cli(&["redact", "--find", "Ada"]);
    assert_eq!(code, 0, "{err}");
    let entry = found.split_whitespace().next().expect("an entry's number").to_owned();
    let (code, said, err) = up.cli(&["redact", &entry, "--why", "a name"]);
    assert_eq!(code, 0, "{said}{err}");
    up.restart();
    let page = wait_for("the page has the incident", || {
        let updates = up.json("/api/v1/incidents")["incidents"][0]["updates"].to_string();
        updates.contains("[…]").then_some(updates)
    });
    assert!(!page.contains("Ada") && !page.contains("正在处理"), "in every language: {page}");
    assert!(!up.get(&format!("{LOG}/texts/000")).body.contains("Ada"));
    let (code, said) = verify(&up, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2 texts taken out, which the log shows"), "{said}");
}

#[test]
fn the_report_that_is_published_is_the_one_that_its_log_gives() {
    let (up, _target) = with_a_past();
    let url = format!("http://{}", up.addr);
    let report = wait_for("the report has the incident", || {
        Some(up.json("/api/v1/trust")).filter(|r| r["incidents"][0]["over_at"].is_string())
    });
    assert_eq!(report["figures"]["tell"]["n"], 1);
    assert!(
        report["figures"]["honesty"]["said_fine_ms"].as_i64().is_some_and(|ms| ms > 0),
        "from the first failed look: {report}"
    );
    assert_eq!(up.get("/api/v1/trust").body, up.get("/api/v1/trust").body);
    let (code, out, err) = up.cli(&["trust", "--from-log", &url]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("the same, byte for byte"), "{out}");
    let month = report["incidents"][0]["started_at"].as_str().expect("a time")[..7].to_owned();
    let (code, out, err) = up.cli(&["trust", "--from-log", &url, "--month", &month, "--json"]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(out.trim(), up.get(&format!("/api/v1/trust?month={month}")).body);
    assert_eq!(up.get("/api/v1/trust?month=1999-01").status, 404);
    assert_eq!(up.get("/api/v1/trust?month=nonsense").status, 422);
}

/// A real witness (`aics-witness`, from PyPI), which ./test installs.
struct Witness {
    dir: tempfile::TempDir,
    key: String,
    port: u16,
    server: Option<Child>,
}

// === impl Witness ===

impl Witness {
    /// With a key, and not running yet.
    fn prepare() -> Witness {
        let mut it = Witness {
            dir: tempfile::tempdir().expect("a folder"),
            key: String::new(),
            port: free_port(),
            server: None,
        };
        let said = it.run(&["init", "--name", "witness.example/one"]);
        let key = said.split_whitespace().find(|w| w.starts_with("witness.example/one+"));
        it.key = key.unwrap_or_else(|| panic!("no key in {said}")).to_owned();
        it
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("aics-witness");
        command.args(args).env("AICS_WITNESS_CONFIG", self.dir.path().join("witness.json"));
        command.current_dir(self.dir.path());
        command
    }

    fn run(&self, args: &[&str]) -> String {
        let out = self.command(args).output().expect("the tests need aics-witness, which ./test installs");
        let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        assert!(out.status.success(), "{said}");
        said
    }

    fn serve(&mut self) {
        let listen = format!("127.0.0.1:{}", self.port);
        let mut command = self.command(&["serve", "--listen", &listen]);
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.server = Some(server.expect("it runs"));
        wait_for("the witness listens", || TcpStream::connect(("127.0.0.1", self.port)).ok());
    }

    fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn a_witness_is_asked_for_each_new_checkpoint_as_soon_as_it_answers_and_verify_counts_it() {
    let (target, mut witness) = (Target::start(), Witness::prepare());
    let silent = Witness::prepare();
    let asked = format!(
        "[[record.witness]]\nurl = \"http://127.0.0.1:{}/\"\nkey = \"{}\"\n",
        witness.port, witness.key
    );
    let service = format!("[[service]]\nid = \"shop\"\nurl = \"{}\"\n", target.url());
    let mut up = Running::up(&format!("{asked}{service}"));
    let key = up.get(&format!("{LOG}/key")).body.trim().to_owned();
    let origin = key.split('+').next().expect("a name").to_owned();
    let log = ["add-log", "--origin", &origin, "--vkey", &key];
    witness.run(&log);
    let count = |up: &Running, keys: &[&str]| {
        let named: Vec<&str> = keys.iter().flat_map(|k| ["--witness", k]).collect();
        let (code, said) = verify(up, &named);
        assert_eq!(code, 0, "{said}");
        said
    };
    // Nothing waits for it.
    assert!(count(&up, &[&witness.key]).contains("0 of 1 witness"));
    witness.serve();
    let signed = |up: &Running| count(up, &[&witness.key]).contains("1 of 1 witness");
    wait_for("it has signed", || signed(&up).then_some(()));
    let before = size(&up);

    // The log grows, and it proves to the witness that it did nothing else.
    let about =
        ["incident", "open", "--title", "Down", "--text", "We look.", "--service", "shop=major_outage"];
    let (code, _, err) = up.cli(&about);
    assert_eq!(code, 0, "{err}");
    wait_for("it has grown", || (size(&up) > before).then_some(()));
    wait_for("it has signed the new one", || signed(&up).then_some(()));
    let (_, said) = verify(&up, &["--witness", &silent.key, "--witness", &witness.key]);
    assert!(said.contains("1 of 2 witnesses"), "{said}");

    // A start knows nothing of what it has seen, and asks.
    up.kill_and_restart();
    let grown = size(&up);
    let maintenance = [
        "maintenance",
        "schedule",
        "--title",
        "Work",
        "--service",
        "shop",
        "--starts",
        "24h",
        "--ends",
        "25h",
    ];
    let (code, _, err) = up.cli(&maintenance);
    assert_eq!(code, 0, "{err}");
    wait_for("it has grown", || (size(&up) > grown).then_some(()));
    wait_for("it has signed that, too", || signed(&up).then_some(()));
    let status = witness.run(&["status", "--json"]);
    assert!(
        status.contains(&format!("{}", size(&up))) && !witness.run(&["evidence"]).contains("request"),
        "{status}"
    );
}
