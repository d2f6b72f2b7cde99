//! The data folder, and the Stillhere that runs with it.

use super::Finding;
use crate::{cli::At, control, exit::Exit, up::SOCKET};
use hyper::Method;
use std::{os::unix::fs::PermissionsExt as _, path::Path};
use stillhere_config::Config;

pub fn folder(data: &Path) -> Finding {
    const ABOUT: &str = "data folder";
    let name = data.display();
    match std::fs::metadata(data) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Finding::ok(ABOUT, format!("{name} is not there yet; `up` makes it"))
        }
        Err(e) => Finding::bad(ABOUT, format!("{name}: {e}"), "let the user that runs Stillhere own it"),
        Ok(m) if !m.is_dir() => {
            Finding::bad(ABOUT, format!("{name} is not a folder"), "name another one with --data")
        }
        Ok(m) if m.permissions().mode() & 0o077 != 0 => Finding::warning(
            ABOUT,
            format!("others may look into {name}, which holds the signing key"),
            "chmod 700; `up` does it when it starts",
        ),
        Ok(_) => match tempfile::tempfile_in(data) {
            Ok(_) => Finding::ok(ABOUT, format!("{name} can be written, by its owner only")),
            Err(e) => Finding::bad(
                ABOUT,
                format!("{name} cannot be written: {e}"),
                "let the user that runs Stillhere own it",
            ),
        },
    }
}

pub async fn answers(at: &At) -> Finding {
    const ABOUT: &str = "Stillhere";
    let socket = at.data.join(SOCKET);
    if !socket.exists() {
        return Finding::ok(ABOUT, format!("none runs with {}", at.data.display()));
    }
    match control::call(at, Method::GET, "/control/status", None).await {
        Ok(status) => {
            let (pid, version) = (&status["pid"], status["version"].as_str().unwrap_or("?"));
            let said =
                format!("version {version} runs as process {pid}, with {} services", status["services"]);
            if status["fresh"] == false {
                return Finding::bad(
                    ABOUT,
                    format!("{said}, and has no fresh news"),
                    "read its log: disk, uplink, load",
                );
            }
            Finding::ok(ABOUT, said)
        }
        Err(Exit::NobodyThere(_)) => Finding::warning(
            ABOUT,
            format!("nobody answers at {}: it was killed", socket.display()),
            "start it again; nothing acknowledged is lost",
        ),
        Err(e) => Finding::bad(ABOUT, e.text().unwrap_or("it does not answer").to_owned(), "read its log"),
    }
}

/// Each edge that has joined, or that one which should have has not.
pub async fn edges(at: &At, config: Option<&Config>) -> Vec<Finding> {
    const ABOUT: &str = "edge";
    if !at.data.join(SOCKET).exists() {
        return Vec::new();
    }
    // That nobody answers is said already.
    let Ok(answer) = control::call(at, Method::GET, "/api/v1/edges", None).await else { return Vec::new() };
    let edges = answer["edges"].as_array().cloned().unwrap_or_default();
    if edges.is_empty() && config.is_some_and(|c| c.edge.is_some()) {
        let hint = "read its log: usually its address is in use";
        return vec![Finding::bad(ABOUT, "the file has [edge], and none has joined", hint)];
    }
    let one = |e: &serde_json::Value| {
        let word = |key: &str| e[key].as_str().unwrap_or("?").to_owned();
        let name = format!("edge {}", word("name"));
        if e["silent"] == true {
            let said = format!("{name} has said nothing since {}", word("heard_at"));
            return Finding::warning(
                ABOUT,
                said,
                "it serves on with what it knows; look at its machine and the way between",
            );
        }
        if let Some(why) = e["refused"].as_str() {
            let said = format!("{name} did not take the newest configuration over: {why}");
            return Finding::bad(
                ABOUT,
                said,
                "put it right and reload; until then the one of before is in force",
            );
        }
        if e["current"] == false {
            let said = format!("{name} serves with the configuration of {}", word("config_at"));
            return Finding::warning(ABOUT, said, "it should have the newest one within a second");
        }
        Finding::ok(ABOUT, format!("{name} has joined, with the configuration of {}", word("config_at")))
    };
    edges.iter().map(one).collect()
}
