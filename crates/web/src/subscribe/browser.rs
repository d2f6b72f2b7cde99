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
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use std::time::Duration;
use stillhere_node::{AskError, Browser, Purpose};
use stillhere_store::Awaited;
use stillhere_tell::{page, subscribe::Page};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/subscribe/worker.js", get(worker))
        .route("/subscribe/push", post(ask))
        .route("/subscribe/renew/{token}", post(renew))
        .route("/subscribe/once", post(once))
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

/// "Tell me when it is over", from the page of a service, which is another site: a script of anybody's may ask for a browser that it was
/// given the address of, and be told what came of it. No cookie counts here, and the one message says what stands on the page.
async fn once(State(app): State<App>, In(lang): In, request: Request) -> Response {
    let from = from(&request);
    let taken = async {
        closed(&app)?;
        let form = Form::read(&body(request, MAX_FORM_BYTES).await?);
        let lang = form.lang(&app.public.shown().snapshot).unwrap_or(lang);
        let Some(incident) = form.one("incident").and_then(|id| id.parse().ok()) else {
            return Err(Problem::unprocessable("`incident` is not the id of an incident."));
        };
        match app.handle.subscribers().tell_once(&browser(&form), incident, lang, from).await {
            Ok(Awaited::Yes) => answered(Ok(())),
            Ok(Awaited::Over) => Err(Problem::new(
                StatusCode::CONFLICT,
                "over-already",
                "It is over already",
                "There is no open incident with this id.".to_owned(),
            )),
            Ok(Awaited::Full) => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "full",
                "No room",
                "As many browsers wait already as may.".to_owned(),
            )),
            Err(e) => answered(Err(e)),
        }
    };
    let mut response = taken.await.into_response();
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
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
