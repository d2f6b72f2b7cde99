//! Heartbeats: `/ping/{key}` and what may follow it (`/start`, `/fail`, `/log`, `/{exit code}`), by GET, HEAD or
//! POST, and the same after `/ping/{ping key}/{check}`, so that jobs written for Healthchecks only need another address. The answer is `OK`, after the commit.

use crate::{extract::body, problem::Problem, serve::App};
use axum::{
    Router,
    body::Bytes,
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
        .route(
            "/ping/{key}/{check}/{action}",
            on(methods, |app, Path((key, check, action)): Path<(String, String, String)>, request| {
                ping_by_slug(app, key, check, action, request)
            }),
        )
}

async fn ping(
    State(app): State<App>,
    key: String,
    action: String,
    request: Request,
) -> Result<Response, Problem> {
    if key.len() > MAX_KEY_BYTES {
        return Err(unknown());
    }
    let query = request.uri().query().map(str::to_owned);
    let by_key = Signal::parse(&action, query.as_deref());
    // After the key for all jobs the same place has the name of a check. Only the node knows which key it is.
    let by_slug = Signal::parse("", query.as_deref()).ok().filter(|_| !action.is_empty());
    let sent = sent(request).await?;
    let refused = match by_key {
        Ok(signal) => match app.handle.push(&key, signal.with_body(&sent)).await {
            Ok(()) => return Ok(ok()),
            Err(PushError::NoSuchKey) => unknown(),
            Err(e) => return Err(problem(e)),
        },
        Err(e) => Problem::bad_request(e.to_string()),
    };
    let Some(signal) = by_slug else { return Err(refused) };
    match app.handle.push_by_slug(&key, &action, signal.with_body(&sent)).await {
        Ok(()) => Ok(ok()),
        Err(PushError::NoSuchKey) => Err(refused),
        Err(e) => Err(problem(e)),
    }
}

async fn ping_by_slug(
    State(app): State<App>,
    key: String,
    check: String,
    action: String,
    request: Request,
) -> Result<Response, Problem> {
    if key.len() > MAX_KEY_BYTES || check.len() > MAX_KEY_BYTES {
        return Err(unknown());
    }
    let signal =
        Signal::parse(&action, request.uri().query()).map_err(|e| Problem::bad_request(e.to_string()))?;
    let signal = signal.with_body(&sent(request).await?);
    app.handle.push_by_slug(&key, &check, signal).await.map_err(problem)?;
    Ok(ok())
}

/// What a POST sent along.
async fn sent(request: Request) -> Result<Bytes, Problem> {
    if request.method() == Method::POST { body(request, MAX_BODY_BYTES).await } else { Ok(Bytes::new()) }
}

fn ok() -> Response {
    (StatusCode::OK, "OK").into_response()
}

fn unknown() -> Problem {
    Problem::not_found("No heartbeat check has this key.")
}

fn problem(e: PushError) -> Problem {
    match e {
        PushError::NoSuchKey => unknown(),
        PushError::Ambiguous => Problem::conflict(e.to_string()),
        PushError::Unavailable(why) => Problem::unavailable(why),
    }
}
