//! `stillhere edge list|pause|resume|ban|unban`: through the core, which passes it on to every edge.

use crate::{cli::EdgeDo, control, exit::Exit, say, words};
use hyper::Method;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// How long a pause lasts that nobody ends.
const PAUSE: &str = "10m";

pub async fn run(what: EdgeDo) -> Result<(), Exit> {
    match what {
        EdgeDo::List { at } => {
            let answer = control::call(&at, Method::GET, "/api/v1/edges", None).await?;
            say::out(&if at.json { answer.to_string() } else { listed(&answer) });
        }
        EdgeDo::Pause { service, until, at } => {
            let until = words::when("until", until.as_deref().unwrap_or(PAUSE))?;
            let path = format!("/api/v1/edge/services/{service}/pause");
            let answer = control::call(&at, Method::POST, &path, Some(&json!({ "until": until }))).await?;
            say::out(&if at.json { answer.to_string() } else { format!("paused until {until}") });
        }
        EdgeDo::Resume { service, at } => {
            let path = format!("/api/v1/edge/services/{service}/resume");
            let answer = control::call(&at, Method::POST, &path, None).await?;
            say::out(&if at.json { answer.to_string() } else { "resumed".to_owned() });
        }
        EdgeDo::Ban { network: None, at, .. } => {
            let answer = control::call(&at, Method::GET, "/api/v1/edge/bans", None).await?;
            say::out(&if at.json { answer.to_string() } else { bans(&answer) });
        }
        EdgeDo::Ban { network: Some(network), until, why, at } => {
            let until = words::when("until", &until)?;
            let body = json!({ "network": network, "until": until, "why": why });
            let answer = control::call(&at, Method::PUT, "/api/v1/edge/bans", Some(&body)).await?;
            say::out(&if at.json {
                answer.to_string()
            } else {
                format!("{network} is banned until {until}")
            });
        }
        EdgeDo::Upgrade { .. } => unreachable!("it needs no core, and was done before"),
        EdgeDo::Unban { network, at } => {
            let body = json!({ "network": network });
            let answer = control::call(&at, Method::DELETE, "/api/v1/edge/bans", Some(&body)).await?;
            say::out(&if at.json { answer.to_string() } else { format!("{network} is let in again") });
        }
    }
    Ok(())
}

fn rows<'a>(answer: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    answer[key].as_array().into_iter().flatten()
}

fn word<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or("-")
}

fn listed(answer: &Value) -> String {
    let mut text = String::new();
    for edge in rows(answer, "edges") {
        let stale = if edge["silent"] == true { ", silent" } else { "" };
        let _infallible =
            writeln!(text, "{}: last heard {}{stale}", word(edge, "name"), word(edge, "heard_at"));
        for pool in rows(edge, "pools") {
            let nodes: Vec<String> =
                rows(pool, "nodes").map(|n| format!("{} {}", word(n, "address"), word(n, "state"))).collect();
            let _infallible =
                writeln!(text, "  {:<12} {}", word(pool, "standing").replace('_', " "), nodes.join(", "));
        }
    }
    text.truncate(text.trim_end().len());
    if text.is_empty() { "no edge has joined".to_owned() } else { text }
}

fn bans(answer: &Value) -> String {
    let line =
        |b: &Value| format!("{:<24} until {}  {}", word(b, "network"), word(b, "until"), word(b, "why"));
    let text = rows(answer, "bans").map(line).collect::<Vec<_>>().join("\n");
    if text.is_empty() { "nobody is banned".to_owned() } else { text }
}
