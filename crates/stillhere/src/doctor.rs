//! `stillhere doctor`: whether this machine is fit to watch others, each finding with what to do about it.
//!
//! What cannot be told is said to be so; it is never an *ok*.

mod certificates;
mod channels;
mod independence;
mod machine;
mod network;
mod running;

use crate::{cli, config, exit::Exit, say};
use serde::Serialize;
use std::path::{Path, PathBuf};
use stillhere_config::Config;

/// Names in one sentence.
const NAMED_MAX: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Ok,
    /// Stillhere works, with less than it could have.
    Warning,
    /// Something that is configured, or that everything needs, does not work.
    Bad,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub about: String,
    pub level: Level,
    pub said: String,
    /// What to do.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

pub async fn run(args: cli::Doctor) -> Result<(), Exit> {
    crate::up::open_more_files();
    let config = args.config.as_deref().map(config::load).transpose()?;
    let data = data_folder(&args.at.data, config.as_ref());
    let config = config.as_ref();
    let mut findings = vec![
        machine::pings(config),
        machine::clock().await,
        machine::time_zones(config),
        machine::disk(&data, config),
        machine::open_files(config),
        running::folder(&data),
        running::answers(&cli::At { data: data.clone(), json: false }).await,
        network::names(config).await,
        network::ipv6(config).await,
    ];
    findings.extend(running::edges(&cli::At { data, json: false }, config).await);
    if let Some(config) = config {
        findings.push(network::uplink(config).await);
        findings.extend(independence::all(config).await);
        findings.extend(certificates::all(config).await);
        findings.extend(channels::all(config).await);
    }
    let worst = findings.iter().map(|f| f.level).max().unwrap_or(Level::Ok);
    if args.at.json {
        say::out(&serde_json::json!({ "worst": worst, "findings": findings }).to_string());
    } else {
        for finding in &findings {
            say::out(&finding.line());
        }
        if config.is_none() {
            say::out(
                "\nName a file with --config to look at what it needs, too: mail, webhooks, disk, uplink.",
            );
        }
    }
    let enough = if args.strict { Level::Warning } else { Level::Bad };
    if worst >= enough { Err(Exit::BadNews) } else { Ok(()) }
}

/// The file's folder, unless the command line names another one.
fn data_folder(given: &Path, config: Option<&Config>) -> PathBuf {
    match config {
        Some(config) if given == Path::new("stillhere-data") => config.server.data.clone(),
        _ => given.to_owned(),
    }
}

/// The first of them, and how many more there are.
fn list(hosts: &[&str]) -> String {
    let more = hosts.len().saturating_sub(NAMED_MAX);
    let named = hosts.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

// === impl Level ===

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Bad => "bad",
        }
    }
}

// === impl Finding ===

impl Finding {
    pub fn ok(about: &str, said: impl Into<String>) -> Finding {
        Finding { about: about.to_owned(), level: Level::Ok, said: said.into(), hint: None }
    }

    pub fn warning(about: &str, said: impl Into<String>, hint: &str) -> Finding {
        Finding {
            about: about.to_owned(),
            level: Level::Warning,
            said: said.into(),
            hint: Some(hint.to_owned()),
        }
    }

    pub fn bad(about: &str, said: impl Into<String>, hint: &str) -> Finding {
        Finding { level: Level::Bad, ..Finding::warning(about, said, hint) }
    }

    fn line(&self) -> String {
        let hint = self.hint.as_ref().map(|h| format!(". What to do: {h}")).unwrap_or_default();
        format!("{:<8} {:<16} {}{hint}", self.level.word(), self.about, self.said)
    }
}
