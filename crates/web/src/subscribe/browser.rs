//! Notifications in a visitor's browser: its worker, and what the page and the worker send here.
//!
//! What is answered does not depend on whether the browser is known. A browser is told nothing but one test message until its worker has answered
//! that; so an address that was made up costs its owner one message that they cannot read.

use super::{Form, MAX_FORM_BYTES, closed, from, from_here, known, shown};
use crate::{
    extract::{In, body},
    problem::Problem,
    serve::App,
};
use axum::{
    Router,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use std::time::Duration;
use stillhere_node::{AskError, Browser, Purpose};
use stillhere_tell::{page, subscribe::Page};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/subscribe/worker.js", get(worker))
        .route("/subscribe/push", post(ask))
        .route("/subscribe/renew/{token}", post(renew))
}

/// Its place bounds what it could ever control: nothing outside of `/subscribe/`.
async fn worker(State(app): State<App>) -> Result<Response, Problem> {
    closed(&app)?;
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; connect-src 'self'"),
    ];
    Ok((headers, page::push_worker()).into_response())
}

async fn ask(State(app): State<App>, In(lang): In, request: Request) -> Result<Response, Problem> {
    closed(&app)?;
    from_here(request.headers())?;
    let from = from(&request);
    let form = Form::read(&body(request, MAX_FORM_BYTES).await?);
    let snapshot = app.public.shown().snapshot;
    let lang = form.lang(&snapshot).unwrap_or(lang);
    let wish = form.wish_of(&snapshot, lang, false);
    answered(app.handle.subscribers().ask_browser(&browser(&form), wish, from).await)
}

/// Sent by the worker, when the push service gave its browser another address.
async fn renew(
    State(app): State<App>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    from_here(request.headers())?;
    let from = from(&request);
    let lang = known::lang(request.headers(), &app.public.shown().snapshot, None);
    let form = Form::read(&body(request, MAX_FORM_BYTES).await?);
    let subscribers = app.handle.subscribers();
    let Some(s) = subscribers.of_link(Purpose::Manage, &token).await? else {
        return Ok(shown(&app, StatusCode::NOT_FOUND, lang, &Page::Gone));
    };
    answered(subscribers.renew(&s, &browser(&form), from).await)
}

fn browser(form: &Form) -> Browser {
    let one = |name| form.one(name).unwrap_or_default().to_owned();
    Browser { endpoint: one("endpoint"), p256dh: one("p256dh"), auth: one("auth") }
}

fn answered(asked: Result<(), AskError>) -> Result<Response, Problem> {
    match asked {
        Ok(()) => Ok(StatusCode::ACCEPTED.into_response()),
        Err(AskError::Closed) => Err(Problem::not_found("Browsers are not notified here.")),
        Err(AskError::BadAddress) => Err(Problem::unprocessable(
            "This is not a subscription of a browser: a public https address and its two keys.",
        )),
        Err(AskError::TooMany) => {
            Err(Problem::too_many("Too many requests came from this network.", Duration::from_secs(3_600)))
        }
        Err(AskError::Store(e)) => Err(e.into()),
    }
}
