//! Heartbeats: `/ping/{key}` and what may follow it (`/start`, `/fail`, `/log`, `/{exit code}`), by GET, HEAD or
//! POST, so that jobs written for Healthchecks only need another address. The answer is `OK`, after the commit.

use crate::{extract::body, problem::Problem, serve::App};
use axum::{
    Router,
    extract::{Path, Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
    routing::MethodFilter,
    routing::on,
};
use stillhere_node::PushError;
use stillhere_observe::probe::push::Signal;

/// More than is kept of a job's message (10,000 bytes), because jobs send whole logs and must not fail for it.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Longest key.
const MAX_KEY_BYTES: usize = 200;

pub(crate) fn routes() -> Router<App> {
    let methods = MethodFilter::GET.or(MethodFilter::HEAD).or(MethodFilter::POST);
    Router::new()
        .route(
            "/ping/{key}",
            on(methods, |app, Path(key): Path<String>, request| ping(app, key, String::new(), request)),
        )
        .route(
            "/ping/{key}/{action}",
            on(methods, |app, Path((key, action)): Path<(String, String)>, request| {
                ping(app, key, action, request)
            }),
        )
}

async fn ping(
    State(app): State<App>,
    key: String,
    action: String,
    request: Request,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("No heartbeat check has this key.");
    if key.len() > MAX_KEY_BYTES {
        return Err(unknown());
    }
    let signal =
        Signal::parse(&action, request.uri().query()).map_err(|e| Problem::bad_request(e.to_string()))?;
    let signal = if request.method() == Method::POST {
        signal.with_body(&body(request, MAX_BODY_BYTES).await?)
    } else {
        signal
    };
    app.handle.push(&key, signal).await.map_err(|e| match e {
        PushError::NoSuchKey => unknown(),
        PushError::Ambiguous => Problem::conflict(e.to_string()),
        PushError::Unavailable(why) => Problem::unavailable(why),
    })?;
    Ok((StatusCode::OK, "OK").into_response())
}
