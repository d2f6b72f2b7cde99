//! The public record in the published copy: it can be checked when we are gone, also when we were killed while we wrote it.

use crate::running::{Running, Target, free_port, wait_for};
use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const LOG: &str = ".well-known/stillhere/log";

/// A server of somebody else's, which ends with the test.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn python(args: &[&str], folder: &Path) -> Server {
        let port = free_port();
        let args: Vec<String> = args.iter().map(|a| a.replace("PORT", &port.to_string())).collect();
        let child = Command::new("python3")
            .args(args)
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 runs");
        let server = Server { child, port };
        wait_for("the server", || TcpStream::connect(("127.0.0.1", port)).ok());
        server
    }

    /// Serves a folder as any web server does.
    fn files(folder: &Path) -> Server {
        Server::python(&["-m", "http.server", "PORT", "--bind", "127.0.0.1"], folder)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn toml(target: &Target, more: &str) -> String {
    format!(
        "[site]\nname = \"Lantern\"\nlanguages = [\"en\", \"zh-CN\"]\n[[service]]\nid = \"shop\"\nurl = \"{}\"\ninterval = \"1s\"\n\
         [[service]]\nid = \"vault\"\npublic = false\nurl = \"{}\"\ninterval = \"1s\"\n{more}",
        target.url(),
        target.url()
    )
}

/// Opens an incident by hand and says something about it.
fn say(up: &Running, what: &str) {
    let (code, id, err) =
        up.cli(&["incident", "open", "--title", what, "--text", "en=Ada looks.", "--impact", "minor"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        up.cli(&["incident", "update", id.trim(), "--text", "en=Still at it.", "--text", "zh-CN=还在处理。"])
            .0,
        0
    );
}

fn verify(up: &Running, url: &str) -> (i32, String) {
    let (code, out, err) = up.cli(&["verify", url, "--state", "seen.json"]);
    (code, out + &err)
}

fn size(folder: &Path) -> u64 {
    let note = fs::read_to_string(folder.join(LOG).join("checkpoint")).unwrap_or_default();
    note.lines().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for file in fs::read_dir(folder).expect("a folder").map(|f| f.expect("a file").path()) {
        if file.is_dir() { all.extend(tree(&file)) } else { all.push(file) }
    }
    all
}

#[test]
fn a_copy_is_verified_from_a_plain_file_server_and_each_state_between_two_copies_too() {
    let target = Target::start();
    let mut up = Running::up(&toml(&target, ""));
    say(&up, "Slow mails");
    let public = up.dir.path().join("public");
    assert_eq!(up.cli(&["publish", "public"]).0, 0);
    let server = Server::files(&public);
    let url = format!("http://127.0.0.1:{}", server.port);
    let (code, said) = verify(&up, &url);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("what the copy says of 1 incident agrees"), "{said}");
    let first = size(&public);
    let old = |name: &str| fs::read(public.join(LOG).join(name)).expect("a file");
    let (old_page, old_checkpoint) = (old("page"), old("checkpoint"));
    for file in tree(&public.join(LOG)) {
        let bytes = fs::read(&file).expect("a file");
        assert!(!String::from_utf8_lossy(&bytes).contains("vault"), "{}", file.display());
    }

    say(&up, "Slow search");
    assert_eq!(up.cli(&["publish", "public"]).0, 0);
    assert!(size(&public) > first);
    let (code, said) = verify(&up, &url);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("of the last look are there, unchanged"), "{said}");
    // Who knew the copy knows the page: it is one log.
    up.kill();
    let write = |name: &str, bytes: &[u8]| fs::write(public.join(LOG).join(name), bytes).expect("written");
    let (new_page, new_checkpoint) = (old("page"), old("checkpoint"));
    // Killed before `page`, and between it and `checkpoint`.
    fs::remove_file(up.dir.path().join("seen.json")).expect("what was seen");
    for page in [&old_page, &new_page] {
        write("page", page);
        write("checkpoint", &old_checkpoint);
        let (code, said) = verify(&up, &url);
        assert_eq!(code, 0, "{said}");
    }
    // What no crash leaves: a checkpoint before what it promises, another word, a piece that is gone.
    write("page", &old_page);
    write("checkpoint", &new_checkpoint);
    assert_eq!(verify(&up, &url).0, 1);
    write(
        "page",
        &String::from_utf8(new_page.clone())
            .expect("text")
            .replace("Still at it", "All is well")
            .into_bytes(),
    );
    let (code, said) = verify(&up, &url);
    assert!(code == 1 && said.contains("WRONG"), "{said}");
    write("page", &new_page);
    assert_eq!(verify(&up, &url).0, 0);
    fs::remove_file(public.join(LOG).join(format!("tile/entries/000.p/{}", size(&public)))).expect("a piece");
    let (code, said) = verify(&up, &url);
    assert!(code == 1 && said.contains("entries/000"), "{said}");
}

#[test]
fn case_p_killed_while_it_writes_the_copy_leaves_a_record_that_verifies_and_goes_on_afterwards() {
    let target = Target::start();
    let mut up = Running::up(&toml(&target, "[publish]\nto = \"{dir}/public\"\n"));
    let public = up.dir.path().join("public");
    wait_for("the first copy", || (size(&public) > 0).then_some(()));
    let server = Server::files(&public);
    let url = format!("http://127.0.0.1:{}", server.port);
    let pieces = || fs::read_dir(public.join(LOG).join("tile/entries/000.p")).expect("pieces").count();
    for round in 0..3 {
        let before = pieces();
        say(&up, &format!("Exercise {round}"));
        wait_for("a piece of the next copy", || (pieces() != before).then_some(()));
        up.kill();
        let (code, said) = verify(&up, &url);
        assert_eq!(code, 0, "round {round}: {said}");
        up.restart();
        let all = up.get(&format!("/{LOG}/checkpoint")).body;
        let all: u64 = all.lines().nth(1).and_then(|n| n.parse().ok()).expect("the size in the checkpoint");
        wait_for("the copy goes on", || (size(&public) >= all).then_some(()));
    }
    // What was replaced twice is taken away, within one run.
    for n in 0..4 {
        let had = size(&public);
        say(&up, &format!("More {n}"));
        wait_for("the next copy", || (size(&public) > had).then_some(()));
    }
    let had = pieces();
    for n in 0..3 {
        let size_before = size(&public);
        say(&up, &format!("Even more {n}"));
        wait_for("the next copy", || (size(&public) > size_before).then_some(()));
    }
    wait_for("the old pieces are gone", || (pieces() <= had).then_some(()));
    let (code, said) = verify(&up, &url);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_bucket_has_the_record_too() {
    let here = tempfile::tempdir().expect("a folder");
    let s3 = Server::python(&["-m", "moto.server", "-H", "127.0.0.1", "-p", "PORT"], here.path());
    let endpoint = format!("http://127.0.0.1:{}", s3.port);
    let curl = |args: &[&str]| {
        let sign = ["-sS", "-i", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "test:test"];
        let out = Command::new("curl").args(sign).args(args).output().expect("curl runs");
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    assert!(curl(&["-X", "PUT", &format!("{endpoint}/pages")]).contains(" 200 "));
    let variables = [
        "AWS_ACCESS_KEY_ID=test".to_owned(),
        "AWS_SECRET_ACCESS_KEY=test".to_owned(),
        "AWS_REGION=us-east-1".to_owned(),
        "AWS_ALLOW_HTTP=true".to_owned(),
        format!("AWS_ENDPOINT={endpoint}"),
    ];
    let target = Target::start();
    let up = Running::up_with(&toml(&target, ""), &variables);
    // Who may read it, and how, is the bucket's business: what it has is put in front of visitors by a file server here.
    let front = here.path().join("front");
    fs::create_dir(&front).expect("a folder");
    let server = Server::files(&front);
    let url = format!("http://127.0.0.1:{}", server.port);
    for what in ["Slow mails", "Slow search"] {
        say(&up, what);
        let (code, out, err) = up.cli(&["publish", "s3://pages/status"]);
        assert_eq!(code, 0, "{out}{err}");
        let listed = curl(&[&format!("{endpoint}/pages?list-type=2&prefix=status%2F.well-known")]);
        let keys: Vec<&str> = listed
            .split("<Key>status/")
            .skip(1)
            .filter_map(|k| k.split_once("</Key>"))
            .map(|k| k.0)
            .collect();
        assert!(keys.iter().any(|k| k.ends_with("log/checkpoint")), "{listed}");
        for key in keys {
            let to = front.join(key);
            fs::create_dir_all(to.parent().expect("a folder")).expect("the folder");
            let got = Command::new("curl")
                .args(["-sSf", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "test:test", "-o"])
                .arg(&to)
                .arg(format!("{endpoint}/pages/status/{key}"))
                .status();
            assert!(got.expect("curl runs").success(), "{key}");
        }
        let (code, said) = verify(&up, &url);
        assert_eq!(code, 0, "{said}");
    }
}

#[test]
fn a_list_of_incidents_that_does_not_end_is_not_read_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    // Whatever is asked for, it is the same hundred.
    let incidents: Vec<_> = (0..100).map(|n| serde_json::json!({ "id": format!("{n:032}") })).collect();
    fs::create_dir_all(folder.path().join("api/v1")).unwrap();
    fs::write(
        folder.path().join("api/v1/incidents"),
        serde_json::json!({ "incidents": incidents }).to_string(),
    )
    .unwrap();
    let server = Server::files(folder.path());
    let out = Command::new(env!("CARGO_BIN_EXE_stillhere"))
        .args(["verify", &format!("http://127.0.0.1:{}", server.port)])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(3), "{said}");
    assert!(said.contains("the list of incidents does not end (200 so far)"), "{said}");
}
