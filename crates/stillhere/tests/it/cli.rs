//! Exit codes and the few commands that need nothing else.

use crate::running::free_port;
use std::{path::Path, process::Command};

fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_stillhere"))
        .args(args)
        .env_remove("STILLHERE_DATA")
        .current_dir(dir)
        .output()
        .expect("the binary runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code().unwrap_or(-1), text(&out.stdout), text(&out.stderr))
}

#[test]
fn exit_codes_say_what_kind_of_failure_it_was() {
    let dir = tempfile::tempdir().expect("a folder");
    let dead = format!("http://127.0.0.1:{}/", free_port());
    std::fs::write(dir.path().join("bad.toml"), "[[service]]\nid = \"a\"\nurll = \"x\"\n").expect("the file");
    let table: [(&[&str], i32); 7] = [
        (&["config", "schema"], 0),
        (&["probe", &dead], 1),
        (&["nonsense"], 2),
        (&["config", "check", "bad.toml"], 2),
        (&["demo", "--listen", "0.0.0.0:8080"], 2),
        (&["status"], 3),
        (&["restore", "no-such-file"], 4),
    ];
    for (args, want) in table {
        let (code, out, err) = run(dir.path(), args);
        assert_eq!(code, want, "{args:?}: {out}{err}");
        assert!(want < 2 || !err.is_empty(), "{args:?} says why");
    }
}

#[test]
fn a_completion_script_is_printed_for_each_shell() {
    let dir = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = run(dir.path(), &["completions", shell]);
        assert!(code == 0 && out.contains("incident"), "{shell}");
    }
}
