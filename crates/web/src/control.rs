//! What only the owner may ask, over the control socket: commands as they are, tokens, backup, the static copy,
//! reload, stop. The socket has mode 0600 in a folder of mode 0700; that is the whole authorisation.

use crate::{
    extract::{Json, Operator},
    problem::Problem,
    serve::App,
};
use axum::{
    Json as Answer, Router,
    extract::State,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use stillhere_model::{Accepted, Command};
use stillhere_net::{clock, entropy};
use stillhere_store::{StoreError, TokenScope};

/// Longest name of a token.
const MAX_TOKEN_NAME_CHARS: usize = 64;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/control/command", post(command))
        .route("/control/reload", post(reload))
        .route("/control/stop", post(stop))
        .route("/control/status", get(status))
        .route("/control/backup", post(backup))
        .route("/control/publish", post(publish))
        .route("/control/tokens", get(tokens).post(new_token))
        .route("/control/tokens/revoke", post(revoke_token))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    name: String,
    /// `write` or `edge`.
    #[serde(default)]
    scope: Option<String>,
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

async fn command(
    State(app): State<App>,
    Operator(by): Operator,
    Json(command): Json<Command>,
) -> Result<Answer<Accepted>, Problem> {
    Ok(Answer(app.handle.command(by.as_str(), command).await?))
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

async fn tokens(State(app): State<App>) -> Result<Answer<Value>, Problem> {
    let tokens: Vec<Value> = app
        .handle
        .store()
        .tokens()
        .await?
        .into_iter()
        .map(|t| json!({ "name": t.name, "scope": t.scope.as_str(), "created_at": t.created_at, "last_used_at": t.last_used }))
        .collect();
    Ok(Answer(json!({ "tokens": tokens })))
}

async fn new_token(
    State(app): State<App>,
    Json(NewToken { name, scope }): Json<NewToken>,
) -> Result<Answer<Value>, Problem> {
    let scope = scope.as_deref().unwrap_or(TokenScope::Write.as_str());
    let Some(scope) = TokenScope::of(scope) else {
        return Err(Problem::unprocessable("scope: write or edge"));
    };
    let fits =
        (1..=MAX_TOKEN_NAME_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if !fits {
        return Err(Problem::unprocessable(format!(
            "name: 1 to {MAX_TOKEN_NAME_CHARS} characters, none of them control characters"
        )));
    }
    match app.handle.store().token_new_for(&name, scope, entropy::bytes::<32>(), clock::wall()).await {
        Ok(token) => Ok(Answer(json!({ "name": name, "scope": scope.as_str(), "token": token }))),
        Err(e @ StoreError::TokenExists(_)) => Err(Problem::conflict(e.to_string())),
        Err(e) => Err(e.into()),
    }
}

async fn revoke_token(
    State(app): State<App>,
    Json(Named { name }): Json<Named>,
) -> Result<Answer<Value>, Problem> {
    if app.handle.store().token_revoke(&name, clock::wall()).await? {
        return Ok(Answer(json!({ "revoked": name })));
    }
    Err(Problem::not_found(format!("There is no token \"{name}\".")))
}
