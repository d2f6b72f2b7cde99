//! `stillhere subscribers …`

use crate::{cli, cli::SubscribersDo, control, exit::Exit, say};
use anyhow::Context as _;
use hyper::Method;
use serde_json::{Value, json};
use std::path::Path;

/// Addresses in one call.
const A_CALL: usize = 500;

pub async fn run(args: cli::Subscribers) -> Result<(), Exit> {
    let at = &args.at;
    let post = async |what: &str, body: Value| {
        control::call(at, Method::POST, &format!("/api/v1/subscribers/{what}"), Some(&body)).await
    };
    match args.what {
        None => {
            let answer = control::call(at, Method::GET, "/api/v1/subscribers", None).await?;
            say::out(&if at.json { answer.to_string() } else { shown(&answer) });
        }
        Some(SubscribersDo::Export { address }) => {
            let answer = post("export", json!({ "address": address })).await?;
            say::out(&format!("{answer:#}"));
        }
        Some(SubscribersDo::Erase { address }) => {
            post("erase", json!({ "address": address })).await?;
            say::out("erased");
        }
        Some(SubscribersDo::Import { file, language }) => {
            let (mut new, mut all) = (0, 0);
            for some in addresses(&file)?.chunks(A_CALL) {
                let answer = post("import", json!({ "addresses": some, "language": language })).await?;
                new += answer["new"].as_u64().unwrap_or(0);
                all += some.len();
                for refused in answer["refused"].as_array().into_iter().flatten() {
                    say::err(&format!("not an address: {}", refused.as_str().unwrap_or_default()));
                }
            }
            say::out(&format!("{new} new of {all}"));
        }
    }
    Ok(())
}

fn addresses(file: &Path) -> Result<Vec<String>, Exit> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect())
}

fn shown(answer: &Value) -> String {
    let mut lines = Vec::new();
    if answer["enabled"] != true {
        lines.push(
            "nobody can subscribe, and nobody is told (see [subscribers] and docs/subscribers.md)".to_owned(),
        );
    }
    let word = |v: &Value, key: &str| v[key].as_str().unwrap_or("-").to_owned();
    for s in answer["states"].as_array().into_iter().flatten() {
        lines.push(format!("{:<8} {:<9} {}", word(s, "way"), word(s, "state"), s["subscribers"]));
    }
    for w in answer["waiting"].as_array().into_iter().flatten() {
        lines.push(format!(
            "{:<8} waiting   {}, oldest since {}",
            word(w, "way"),
            w["messages"],
            word(w, "oldest")
        ));
    }
    for s in answer["stopped"].as_array().into_iter().flatten() {
        lines.push(format!(
            "{}  {:<8} stopped {}: {}",
            word(s, "at"),
            word(s, "way"),
            word(s, "who"),
            word(s, "why")
        ));
    }
    for n in answer["news"].as_array().into_iter().flatten() {
        let what = n["occasion"]["occasion"].as_str().unwrap_or("digest").replace('_', " ");
        let how = match (n["handed_out"] == true, n["ended_at"].as_str()) {
            (_, Some(at)) => format!("all told {at}"),
            (true, None) => format!("{} waiting", n["waiting"]),
            (false, None) => format!("{} waiting, more to find", n["waiting"]),
        };
        lines.push(format!(
            "{}  {:<8} {what}: {} delivered, {} failed, {} left, of {}; {how}",
            word(n, "at"),
            word(n, "way"),
            n["delivered"],
            n["failed"],
            n["left"],
            n["made"]
        ));
    }
    if lines.is_empty() { "nobody has subscribed".to_owned() } else { lines.join("\n") }
}
