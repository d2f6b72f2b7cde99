//! The client is made where npm is there, as it was found where it is current, and left out with a reason otherwise.

#[path = "../../build/take.rs"]
mod take;

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use take::{Part, Taken, sources, take};

const CLIENT: Part = Part {
    home: "client",
    sources: &["client/package.json", "client/package-lock.json", "client/src"],
    looks: ("status", &["css", "svg"]),
    proof: "client.js",
};

/// A source tree, a folder to work in, and a path with an npm of our own that writes down what it was asked.
struct Rig {
    dir: tempfile::TempDir,
}

// === impl Rig ===

impl Rig {
    fn new() -> Rig {
        let rig = Rig { dir: tempfile::tempdir().unwrap() };
        for folder in ["home/client/src", "home/client/served", "home/status", "work", "bin", "empty"] {
            fs::create_dir_all(rig.at(folder)).unwrap();
        }
        fs::write(rig.at("home/status/base.css"), "").unwrap();
        fs::write(rig.at("home/status/history.html"), "is no part of it").unwrap();
        for name in sources(&CLIENT, &rig.at("home")).unwrap().iter().filter(|name| !name.ends_with("src")) {
            fs::write(rig.at("home").join(name), "source").unwrap();
        }
        fs::write(rig.at("home/client/src/tag.ts"), "1").unwrap();
        rig.program("node", "exit 0");
        rig
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn program(&self, name: &str, script: &str) {
        let file = self.at("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// An npm that installs, and builds what the source says.
    fn npm(&self) {
        self.program(
            "npm",
            &format!(
                "PATH=/usr/bin:/bin\necho \"$1\" >> '{}'\n[ \"$1\" = ci ] && mkdir -p node_modules && exit 0\n\
                 test -f ../status/base.css && ! test -f ../status/history.html && mkdir -p served/words && cp src/tag.ts served/client.js && echo '{{}}' > served/words/de.json && : > served/.made",
                self.at("asked").display()
            ),
        );
    }

    fn asked(&self) -> String {
        fs::read_to_string(self.at("asked")).unwrap_or_default().replace('\n', " ")
    }

    fn take(&self) -> Taken {
        take(&CLIENT, &self.at("home"), &self.at("work"), self.at("bin").as_os_str()).unwrap()
    }

    fn client(&self) -> String {
        match self.take() {
            Taken::Files(files) => {
                let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
                assert!(
                    names.contains(&"client.js") && !names.iter().any(|n| n.contains(".made")),
                    "{names:?}"
                );
                fs::read_to_string(&files.iter().find(|(name, _)| name == "client.js").unwrap().1).unwrap()
            }
            other @ Taken::Missing { .. } => panic!("{other:?}"),
        }
    }
}

fn everything_in(folder: &Path) -> Vec<(PathBuf, SystemTime)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.push((path.clone(), fs::metadata(&path).unwrap().modified().unwrap()));
        if path.is_dir() {
            all.extend(everything_in(&path));
        }
    }
    all.sort();
    all
}

#[test]
fn it_is_made_apart_and_the_source_tree_is_not_written() {
    let rig = Rig::new();
    rig.npm();
    let before = everything_in(&rig.at("home"));
    assert_eq!(rig.client(), "1");
    assert_eq!(everything_in(&rig.at("home")), before);
    assert_eq!(rig.asked(), "ci run ");
    // What was installed stays while the lock is the same.
    fs::write(rig.at("home/client/src/tag.ts"), "2").unwrap();
    assert_eq!(rig.client(), "2");
    assert_eq!(rig.asked(), "ci run run ");
    fs::write(rig.at("home/client/package-lock.json"), "another").unwrap();
    assert_eq!(rig.client(), "2");
    assert_eq!(rig.asked(), "ci run run ci run ");
}

#[test]
fn what_was_built_by_hand_is_taken_while_it_is_newer_than_its_sources() {
    let rig = Rig::new();
    rig.npm();
    let stamp = rig.at("home/client/served/.made");
    fs::write(rig.at("home/client/served/client.js"), "by hand").unwrap();
    fs::write(&stamp, "").unwrap();
    assert_eq!(rig.client(), "by hand");
    assert_eq!(rig.asked(), "");
    // The sources changed after it had begun to read them.
    let source = fs::metadata(rig.at("home/client/src/tag.ts")).unwrap().modified().unwrap();
    let made = fs::File::options().write(true).open(&stamp).unwrap();
    made.set_modified(source - Duration::from_millis(5)).unwrap();
    assert_eq!(rig.client(), "1");
}

#[test]
fn without_node_it_is_left_out_and_that_is_said() {
    let rig = Rig::new();
    for path in [OsStr::new(""), rig.at("empty").as_os_str()] {
        let Taken::Missing { why, node_missing, .. } =
            take(&CLIENT, &rig.at("home"), &rig.at("work"), path).unwrap()
        else {
            panic!("there is no Node")
        };
        assert_eq!((why.as_str(), node_missing), ("Node and npm were not found", true));
    }
}

#[test]
fn when_npm_fails_its_last_words_are_passed_on_and_no_command_for_cargo_is_among_them() {
    let rig = Rig::new();
    rig.program("npm", "echo one; echo; echo 'npm error code ENOTFOUND'; echo two; echo three; echo four; echo five >&2; exit 1");
    let Taken::Missing { why, lines, node_missing } = rig.take() else { panic!("npm failed") };
    assert_eq!((why.as_str(), node_missing), ("`npm ci` failed", false));
    assert_eq!(lines, ["npm error code ENOTFOUND", "two", "three", "four", "five"]);
    // And it is tried again as a whole: half an installation is none.
    rig.npm();
    assert_eq!(rig.client(), "1");
    assert_eq!(rig.asked(), "ci run ");
}
