//! `stillhere person …`

use crate::{cli, cli::At, cli::PersonDo, control, exit::Exit, say};
use hyper::Method;
use serde_json::{Value, json};

pub async fn run(args: cli::Person) -> Result<(), Exit> {
    let at = &args.at;
    match args.what {
        PersonDo::Add { name, role, teams } => {
            let body = json!({ "name": name, "role": role, "teams": teams });
            invited(at, &control::call(at, Method::POST, "/api/v1/people", Some(&body)).await?).await
        }
        PersonDo::List => {
            let answer = control::call(at, Method::GET, "/api/v1/people", None).await?;
            if at.json {
                say::out(&answer.to_string());
                return Ok(());
            }
            for p in answer["people"].as_array().into_iter().flatten() {
                let word = |key: &str| p[key].as_str().unwrap_or_default().to_owned();
                let teams: Vec<&str> =
                    p["teams"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let state = if p["ready"] == false {
                    "has not chosen a password yet".to_owned()
                } else {
                    let codes = if p["totp"] == true { "password and code" } else { "password" };
                    format!("{codes}, {} sessions", p["sessions"])
                };
                let teams = if teams.is_empty() { "all teams".to_owned() } else { teams.join(" ") };
                say::out(&format!("{:<24} {:<10} {:<24} {state}", word("name"), word("role"), teams));
            }
            Ok(())
        }
        PersonDo::Role { name, role, teams, all_teams } => {
            let mut body = json!({ "role": role });
            if let Some(teams) = teams.or(all_teams.then(Vec::new)) {
                body["teams"] = json!(teams);
            }
            let path = format!("/api/v1/people/{}", id_of(at, &name).await?);
            control::call(at, Method::PATCH, &path, Some(&body)).await?;
            say::out(&format!("{name} is {role} now"));
            Ok(())
        }
        PersonDo::Reset { name } => {
            let path = format!("/api/v1/people/{}/reset", id_of(at, &name).await?);
            invited(at, &control::call(at, Method::POST, &path, None).await?).await
        }
        PersonDo::Remove { name } => {
            let path = format!("/api/v1/people/{}", id_of(at, &name).await?);
            control::call(at, Method::DELETE, &path, None).await?;
            say::out("removed");
            Ok(())
        }
    }
}

async fn id_of(at: &At, name: &str) -> Result<String, Exit> {
    let answer = control::call(at, Method::GET, "/api/v1/people", None).await?;
    let mut people = answer["people"].as_array().into_iter().flatten();
    let same = |p: &&Value| p["name"].as_str().is_some_and(|n| n.to_lowercase() == name.to_lowercase());
    let found = people.find(same).and_then(|p| p["id"].as_str());
    found.map(str::to_owned).ok_or_else(|| Exit::Refused(format!("there is nobody named \"{name}\"")))
}

/// The link is all that goes to standard output.
async fn invited(at: &At, answer: &Value) -> Result<(), Exit> {
    if at.json {
        say::out(&answer.to_string());
        return Ok(());
    }
    let said =
        |v: &Value| v.as_str().map(str::to_owned).ok_or_else(|| Exit::Own("no link came back".to_owned()));
    let path = said(&answer["setup"]["path"])?;
    let status = control::call(at, Method::GET, "/control/status", None).await?;
    say::err(&format!(
        "Good once, until {}. Give it to {} alone.",
        said(&answer["setup"]["expires"])?,
        said(&answer["person"]["name"])?
    ));
    say::out(&format!("{}{path}", said(&status["url"])?));
    Ok(())
}
