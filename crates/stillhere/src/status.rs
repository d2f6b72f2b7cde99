//! `stillhere status`: what the running Stillhere sees now.

use crate::{cli::At, control, exit::Exit, say};
use hyper::Method;
use std::fmt::Write as _;

/// Exit code 1 when a service has a problem, so that scripts can ask.
pub async fn run(at: At) -> Result<(), Exit> {
    let answer = control::call(&at, Method::GET, "/api/v1/services", None).await?;
    let services = answer["services"].as_array().cloned().unwrap_or_default();
    let bad = services.iter().any(|s| {
        matches!(s["status"].as_str(), Some("degraded_performance" | "partial_outage" | "major_outage"))
    });
    if at.json {
        say::out(&answer.to_string());
    } else {
        let mut text = String::new();
        for s in &services {
            let word = |key: &str| s[key].as_str().unwrap_or("-");
            let _ = writeln!(
                text,
                "{:<24} {:<22} since {}",
                word("id"),
                word("status").replace('_', " "),
                word("since")
            );
        }
        text.truncate(text.trim_end().len());
        let edges = control::call(&at, Method::GET, "/api/v1/edges", None).await?;
        for e in edges["edges"].as_array().into_iter().flatten() {
            let (name, heard) = (e["name"].as_str().unwrap_or("?"), e["heard_at"].as_str().unwrap_or("-"));
            let how = if e["silent"] == true { "silent" } else { "serving" };
            let _ = write!(text, "\n{:<24} {how:<22} heard {heard}", format!("edge {name}"));
        }
        say::out(if text.is_empty() { "nothing is watched" } else { &text });
    }
    if bad { Err(Exit::BadNews) } else { Ok(()) }
}
