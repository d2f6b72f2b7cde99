//! Holds the arrows of ARCHITECTURE.md: which crate may know which, and who owns each heavy dependency.

use std::{collections::BTreeMap, process::Command};

/// Crate → the crates of ours that it may use. Tests and benchmarks may use more.
const ARROWS: [(&str, &[&str]); 19] = [
    ("stillhere-model", &[]),
    ("stillhere-judge", &["model"]),
    ("stillhere-respond", &["model"]),
    ("stillhere-tell", &["model", "record"]),
    ("stillhere-learn", &["model"]),
    ("stillhere-record", &["model"]),
    ("stillhere-net", &["model"]),
    ("stillhere-access", &["model"]),
    ("stillhere-observe", &["model", "net"]),
    ("stillhere-send", &["model", "net"]),
    ("stillhere-store", &["model", "net", "record"]),
    ("stillhere-edge", &["model", "net", "tell"]),
    ("stillhere-config", &["model", "net", "observe", "send", "edge"]),
    (
        "stillhere-node",
        &[
            "model", "config", "judge", "respond", "learn", "tell", "net", "observe", "send", "store",
            "access", "record",
        ],
    ),
    ("stillhere-web", &["model", "tell", "net", "observe", "node", "store", "access", "record"]),
    (
        "stillhere",
        &[
            "model", "config", "judge", "respond", "tell", "net", "observe", "send", "store", "node", "web",
            "edge", "access", "record",
        ],
    ),
    ("stillhere-world", &["model", "judge", "respond"]),
    // In the place of another's, which object_store asks for.
    ("crc-fast", &[]),
    // No part of the program: hostile bytes for every reader of foreign bytes.
    (
        "stillhere-hostile",
        &["model", "config", "respond", "tell", "net", "observe", "web", "edge", "access", "send"],
    ),
];

/// Heavy dependency → the only crates that may name it.
const OWNERS: [(&str, &[&str]); 9] = [
    ("argon2", &["stillhere-access"]),
    ("redb", &["stillhere-edge"]),
    ("sqlx", &["stillhere-store"]),
    ("axum", &["stillhere-web"]),
    ("lettre", &["stillhere-send"]),
    ("object_store", &["stillhere-send"]),
    ("minijinja", &["stillhere-tell"]),
    ("fluent-bundle", &["stillhere-tell"]),
    ("cel", &["stillhere-observe"]),
];

/// Never in the tree: a second TLS stack, or a second crypto provider.
const BANNED: [&str; 4] = ["aws-lc-sys", "openssl-sys", "native-tls", "async-std"];

/// What is built here. Other platforms' dependencies need not be on this machine.
fn metadata() -> serde_json::Value {
    let rustc = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let about = String::from_utf8_lossy(&rustc.stdout).into_owned();
    let host = about.lines().find_map(|l| l.strip_prefix("host: ")).expect("rustc says its host");
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("cargo metadata prints JSON")
}

#[test]
fn crates_know_only_what_the_architecture_allows() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut seen = 0;
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("name");
        if package["source"].is_null() {
            let arrows = allowed.get(name).unwrap_or_else(|| panic!("{name} has no line in ARROWS"));
            seen += 1;
            for dep in package["dependencies"].as_array().expect("dependencies") {
                let dep_name = dep["name"].as_str().expect("name");
                let normal = dep["kind"].is_null();
                if let (true, Some(ours)) = (normal, dep_name.strip_prefix("stillhere-")) {
                    assert!(arrows.contains(&ours), "{name} must not use stillhere-{ours}");
                }
                if let (true, Some((_, owners))) = (normal, OWNERS.iter().find(|(d, _)| *d == dep_name)) {
                    assert!(owners.contains(&name), "{dep_name} belongs to {owners:?}, not to {name}");
                }
            }
        }
        assert!(!BANNED.contains(&name), "{name} is in the dependency tree");
    }
    assert_eq!(seen, ARROWS.len());
}
