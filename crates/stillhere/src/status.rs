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
        say::out(if text.is_empty() { "nothing is watched" } else { &text });
    }
    if bad { Err(Exit::BadNews) } else { Ok(()) }
}
