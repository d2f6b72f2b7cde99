//! What only the owner may ask, over the control socket: commands as they are, backup, the static copy,
//! reload, stop. The socket has mode 0600 in a folder of mode 0700; that is the whole authorisation.

use crate::{extract::Json, problem::Problem, serve::App};
use axum::{
    Json as Answer, Router,
    extract::State,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use stillhere_model::{Accepted, By, Command, IncidentId};
use stillhere_net::clock;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/control/command", post(command))
        .route("/control/reload", post(reload))
        .route("/control/stop", post(stop))
        .route("/control/status", get(status))
        .route("/control/backup", post(backup))
        .route("/control/publish", post(publish))
        .route("/control/links/revoke", post(revoke_links))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinksOf {
    /// `None`: those of all incidents.
    incident: Option<IncidentId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToFile {
    file: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct To {
    to: String,
}

async fn command(State(app): State<App>, Json(command): Json<Command>) -> Result<Answer<Accepted>, Problem> {
    let accepted = app.handle.command(&By::local(), command).await?;
    app.public.caught_up().await;
    Ok(Answer(accepted))
}

async fn reload(State(app): State<App>) -> Result<Answer<Value>, Problem> {
    match app.handle.reload().await {
        Ok(summary) => Ok(Answer(json!({ "summary": summary }))),
        Err(report) => Err(Problem::unprocessable(report)),
    }
}

async fn stop(State(app): State<App>) -> Answer<Value> {
    app.handle.stop();
    Answer(json!({ "stopping": true }))
}

async fn status(State(app): State<App>) -> Answer<Value> {
    let shown = app.public.shown();
    Answer(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "url": shown.snapshot.site.url,
        "epoch": shown.snapshot.epoch,
        "seq": shown.snapshot.seq,
        "fresh": !shown.stale,
        "last_look": shown.snapshot.last_look,
        "services": shown.snapshot.services.len(),
        "open_incidents": shown.snapshot.incidents.len(),
    }))
}

async fn backup(
    State(app): State<App>,
    Json(ToFile { file }): Json<ToFile>,
) -> Result<Answer<Value>, Problem> {
    if !file.is_absolute() {
        return Err(Problem::unprocessable(
            "file: an absolute path, because this process has another working folder",
        ));
    }
    match app.handle.backup(file.clone()).await {
        Ok(()) => Ok(Answer(json!({ "file": file }))),
        Err(e) => Err(Problem::conflict(e.to_string())),
    }
}

async fn publish(State(app): State<App>, Json(To { to }): Json<To>) -> Result<Answer<Value>, Problem> {
    match app.handle.publish(&to).await {
        Ok(files) => Ok(Answer(json!({ "files": files }))),
        Err(e) => Err(Problem::conflict(e)),
    }
}

async fn revoke_links(
    State(app): State<App>,
    Json(LinksOf { incident }): Json<LinksOf>,
) -> Result<Answer<Value>, Problem> {
    let revoked = app.handle.store().revoke_links(incident, clock::wall()).await?;
    Ok(Answer(json!({ "revoked": revoked })))
}
