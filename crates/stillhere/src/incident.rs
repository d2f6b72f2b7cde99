//! `stillhere incident …`

use crate::{cli, cli::IncidentDo, control, exit::Exit, say, words};
use hyper::Method;
use stillhere_model::{Command, IncidentId};

pub async fn run(args: cli::Incident) -> Result<(), Exit> {
    let command = match args.what {
        IncidentDo::List => return list(&args.at).await,
        IncidentDo::Open { title, text, services, status, impact, started_at, next_update } => {
            Command::OpenIncident {
                title: words::required_text("title", &title)?,
                text: words::required_text("text", &text)?,
                status: words::word("status", &status, "investigating, identified, monitoring")?,
                impact: impact
                    .map(|i| words::word("impact", &i, "none, minor, major, critical"))
                    .transpose()?,
                services: words::services(&services)?,
                started_at: started_at.map(|t| words::time("started-at", &t)).transpose()?,
                next_update_by: next_update.map(|w| words::when("next-update", &w)).transpose()?,
            }
        }
        IncidentDo::Update { id, text, status, title, services, next_update } => Command::UpdateIncident {
            incident: words::id(&id)?,
            text: words::required_text("text", &text)?,
            status: status
                .map(|s| words::word("status", &s, "investigating, identified, monitoring, resolved"))
                .transpose()?,
            title: words::text("title", &title)?,
            services: words::services(&services)?,
            next_update_by: next_update.map(|w| words::when("next-update", &w)).transpose()?,
        },
        IncidentDo::Resolve { id, text } => {
            Command::ResolveIncident { incident: words::id(&id)?, text: words::text("text", &text)? }
        }
        IncidentDo::Postmortem { id, lang } => return postmortem(&args.at, &id, lang.as_deref()).await,
        IncidentDo::Prevent { id, item: None, what, owner, due, public, done: _, drop: _ } => {
            Command::AddPrevention {
                incident: words::id(&id)?,
                what: words::required_text("what", &what)?,
                owner: owner.unwrap_or_default(),
                due: words::when("due", &due.unwrap_or_default())?,
                public,
            }
        }
        IncidentDo::Prevent { id, item: Some(item), what: _, owner, due, public, done, drop } => {
            Command::ChangePrevention {
                incident: words::id(&id)?,
                prevention: words::id(&item)?,
                owner,
                due: due.map(|d| words::when("due", &d)).transpose()?,
                public: public.then_some(true),
                done: done.then_some(true),
                dropped: drop.then_some(true),
            }
        }
        IncidentDo::Unlink { id } => return unlink(&args.at, id.as_deref()).await,
        IncidentDo::Acknowledge { id } => Command::AcknowledgeIncident { incident: words::id(&id)? },
        IncidentDo::Eta { id, by, none: _ } => Command::EstimateIncident {
            incident: words::id(&id)?,
            by: by.map(|w| words::when("by", &w)).transpose()?,
        },
        IncidentDo::Correct { id, started_at, resolved_at, update, text, note } => Command::CorrectIncident {
            incident: words::id(&id)?,
            started_at: started_at.map(|t| words::time("started-at", &t)).transpose()?,
            resolved_at: resolved_at.map(|t| words::time("resolved-at", &t)).transpose()?,
            update: match update {
                Some(u) => Some((words::id(&u)?, words::required_text("text", &text)?)),
                None => None,
            },
            note: words::text("note", &note)?,
        },
    };
    control::command(&args.at, &command).await
}

async fn postmortem(at: &cli::At, id: &str, lang: Option<&str>) -> Result<(), Exit> {
    let id: IncidentId = words::id(id)?;
    let draft = control::call(at, Method::GET, &format!("/api/v1/incidents/{id}/postmortem"), None).await?;
    if at.json {
        say::out(&draft.to_string());
        return Ok(());
    }
    let texts = &draft["markdown"];
    let text = match lang {
        Some(lang) => texts[lang].as_str(),
        None => texts.as_object().and_then(|t| t.values().next()).and_then(|t| t.as_str()),
    };
    say::out(
        text.ok_or_else(|| Exit::Usage("lang: a language of the site, such as en or zh-CN".to_owned()))?,
    );
    Ok(())
}

async fn unlink(at: &cli::At, id: Option<&str>) -> Result<(), Exit> {
    let incident: Option<IncidentId> = id.map(words::id).transpose()?;
    let body = serde_json::json!({ "incident": incident });
    let answer = control::call(at, Method::POST, "/control/links/revoke", Some(&body)).await?;
    say::out(&if at.json { answer.to_string() } else { format!("{} links revoked", answer["revoked"]) });
    Ok(())
}

async fn list(at: &cli::At) -> Result<(), Exit> {
    let answer = control::call(at, Method::GET, "/api/v1/incidents", None).await?;
    if at.json {
        say::out(&answer.to_string());
        return Ok(());
    }
    let incidents = answer["incidents"].as_array().cloned().unwrap_or_default();
    if incidents.is_empty() {
        say::out("no incidents");
    }
    for i in incidents {
        let word = |key: &str| i[key].as_str().unwrap_or("-").to_owned();
        // Only people give titles; the checks say what is affected.
        let affected = || {
            let ids = i["affected"].as_array().into_iter().flatten().filter_map(|a| a["service"].as_str());
            ids.collect::<Vec<_>>().join(", ")
        };
        let title = i["title"].as_str().or(i["title"]["en"].as_str()).map_or_else(affected, str::to_owned);
        say::out(&format!(
            "{}  {:<13} {:<8} {}  {title}",
            word("id"),
            word("status"),
            word("impact"),
            word("started_at")
        ));
    }
    Ok(())
}
