//! `stillhere maintenance …`

use crate::{cli, cli::MaintenanceDo, control, exit::Exit, say, words};
use hyper::Method;
use stillhere_model::Command;

pub async fn run(args: cli::Maintenance) -> Result<(), Exit> {
    let command = match args.what {
        MaintenanceDo::List => return list(&args.at).await,
        MaintenanceDo::Schedule { title, text, services, starts, ends, expect } => {
            Command::ScheduleMaintenance {
                title: words::required_text("title", &title)?,
                body: words::text("text", &text)?,
                services: services.iter().map(|s| s.as_str().into()).collect(),
                starts_at: words::when("starts", &starts)?,
                ends_at: words::when("ends", &ends)?,
                expect: words::status(&expect)?,
                from_file: None,
            }
        }
        MaintenanceDo::Update { id, text, ends } => Command::UpdateMaintenance {
            maintenance: words::id(&id)?,
            text: words::required_text("text", &text)?,
            ends_at: ends.map(|w| words::when("ends", &w)).transpose()?,
        },
        MaintenanceDo::Complete { id, text } => {
            Command::CompleteMaintenance { maintenance: words::id(&id)?, text: words::text("text", &text)? }
        }
        MaintenanceDo::Cancel { id, text } => {
            Command::CancelMaintenance { maintenance: words::id(&id)?, text: words::text("text", &text)? }
        }
    };
    control::command(&args.at, &command).await
}

async fn list(at: &cli::At) -> Result<(), Exit> {
    let answer = control::call(at, Method::GET, "/api/v1/maintenances", None).await?;
    if at.json {
        say::out(&answer.to_string());
        return Ok(());
    }
    let all = answer["maintenances"].as_array().cloned().unwrap_or_default();
    if all.is_empty() {
        say::out("no maintenance");
    }
    for m in all {
        let word = |key: &str| m[key].as_str().unwrap_or("-").to_owned();
        let title = m["title"].as_str().or(m["title"]["en"].as_str()).unwrap_or("-");
        say::out(&format!(
            "{}  {:<11} {} to {}  {title}",
            word("id"),
            word("status"),
            word("starts_at"),
            word("ends_at")
        ));
    }
    Ok(())
}
