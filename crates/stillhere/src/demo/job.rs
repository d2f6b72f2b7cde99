//! The nightly report: a job that tells Stillhere by heartbeat that it ran. Nights are short in the demo.

use super::ask;
use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::Method;
use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use stillhere_net::entropy;
use tokio::sync::watch;

/// The report runs this often.
const EVERY: Duration = Duration::from_secs(2);
/// A heartbeat that is not answered within this is tried again at the next turn.
const WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobMode {
    Running,
    /// Says itself that it failed.
    Failing,
    /// Says nothing any more.
    Stopped,
}

pub struct Job {
    mode: watch::Sender<JobMode>,
}

/// The secret part of the heartbeat's address, and the file it is kept in.
pub struct Key {
    pub file: PathBuf,
    pub value: String,
}

/// The key of this folder: the one that is there, or a new one.
pub fn key(dir: &Path) -> anyhow::Result<Key> {
    let file = dir.join("report.key");
    match fs::read_to_string(&file) {
        Ok(value) if !value.trim().is_empty() => return Ok(Key { file, value: value.trim().to_owned() }),
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(e).context(file.display().to_string());
        }
        _ => {}
    }
    let value = URL_SAFE_NO_PAD.encode(entropy::bytes::<18>());
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    writeln!(options.open(&file)?, "{value}")?;
    Ok(Key { file, value })
}

// === impl JobMode ===

impl JobMode {
    pub const ALL: [JobMode; 3] = [JobMode::Stopped, JobMode::Failing, JobMode::Running];

    pub fn word(self) -> &'static str {
        match self {
            JobMode::Running => "running",
            JobMode::Failing => "fails",
            JobMode::Stopped => "stopped",
        }
    }

    pub fn parse(word: &str) -> Option<JobMode> {
        JobMode::ALL.into_iter().find(|m| m.word() == word)
    }
}

// === impl Job ===

impl Job {
    /// Begins to report to the Stillhere at `status`; ends when the job is dropped.
    pub fn start(status: SocketAddr, key: String) -> Job {
        let (mode, mut wanted) = watch::channel(JobMode::Running);
        tokio::spawn(async move {
            loop {
                let now = *wanted.borrow_and_update();
                let path = match now {
                    JobMode::Running => Some(format!("/ping/{key}")),
                    JobMode::Failing => Some(format!("/ping/{key}/fail")),
                    JobMode::Stopped => None,
                };
                if let Some(path) = path {
                    match ask::http(status, Method::POST, &path, WITHIN).await {
                        Ok(answer) if answer.status == 200 => {}
                        Ok(answer) => tracing::warn!(
                            status = answer.status,
                            said = answer.body,
                            "the report's heartbeat was not taken"
                        ),
                        Err(e) => tracing::warn!(error = e, "the report's heartbeat did not get through"),
                    }
                }
                tokio::select! {
                    changed = wanted.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
        });
        Job { mode }
    }

    pub fn mode(&self) -> JobMode {
        *self.mode.borrow()
    }

    pub fn set(&self, mode: JobMode) {
        self.mode.send_replace(mode);
    }
}
