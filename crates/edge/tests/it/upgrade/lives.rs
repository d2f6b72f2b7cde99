//! The processes, by what they say: each writes lines to one file.

use crate::rig::until;
use std::{
    fmt::Display,
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Set for the processes: the folder with their configuration.
pub const CHILD: &str = "STILLHERE_TEST_UPGRADE";
/// How long what is left in an old process may take.
pub const RETIRE_WITHIN: Duration = Duration::from_secs(15);
const SAID: &str = "said";

pub struct Lives {
    first: Child,
    said: BufReader<File>,
    line: String,
}

/// One line, in one write.
pub fn say(dir: &Path, what: &str, more: &dyn Display) {
    let mut said = OpenOptions::new().append(true).open(dir.join(SAID)).unwrap();
    said.write_all(format!("{what} {} {more}\n", std::process::id()).as_bytes()).unwrap();
}

impl Lives {
    pub fn begin(dir: &Path) -> Lives {
        File::create(dir.join(SAID)).unwrap();
        let first = Command::new(std::env::current_exe().unwrap())
            .args(["upgrade::edge_that_is_upgraded", "--exact", "--ignored", "--nocapture"])
            .env(CHILD, dir)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(File::open(dir.join(SAID)).unwrap());
        Lives { first, said, line: String::new() }
    }

    /// What is said next, by whom, and what goes with it.
    pub async fn says(&mut self) -> (String, (u32, String)) {
        until("a process says something", || {
            self.said.read_line(&mut self.line).unwrap();
            self.line.ends_with('\n')
        })
        .await;
        let line = std::mem::take(&mut self.line);
        let words: Vec<&str> = line.split_whitespace().collect();
        let [word, pid, more] = words[..] else { panic!("{line}") };
        (word.to_owned(), (pid.parse().unwrap(), more.to_owned()))
    }

    pub async fn hears(&mut self, what: &str) -> (u32, String) {
        let (word, said) = self.says().await;
        assert_eq!(word, what, "{said:?}");
        said
    }

    pub fn signal(pid: u32, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Lives {
    fn drop(&mut self) {
        let _ = self.first.kill();
        let _ = self.first.wait();
    }
}
