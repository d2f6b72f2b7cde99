//! What is behind a link in a staff mail: a page to read, and a form to send. Opening it changes nothing, whoever
//! opens it; only POST acts. The link itself is the whole authorisation, so a page elsewhere has nothing to borrow: there is no cookie.

use crate::{extract, extract::In, gate::said_path, peer, problem::Problem, public::HTML, serve::App};
use axum::{
    Router,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use std::{collections::BTreeMap, time::Duration};
use stillhere_model::{Command, IncidentStatus, Lang, LinkRefusal, Refusal};
use stillhere_net::clock;
use stillhere_node::{ActError, LinkAct, Opened};
use stillhere_tell::act::{self, Written};

/// Longest form, in bytes: two texts of 10,000 characters, each of up to nine bytes in a form.
const MAX_FORM_BYTES: usize = 256 * 1024;
/// Fields in a form; a browser sends five.
const MAX_FIELDS: usize = 20;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/act/{token}", get(read).post(send))
}

async fn read(State(app): State<App>, In(lang): In, Path(token): Path<String>) -> Response {
    match app.handle.open_link(&token).await {
        Ok(opened) => shown(&opened, lang, &Written::default(), StatusCode::OK),
        Err(e) => closed(&app, lang, &e),
    }
}

async fn send(State(app): State<App>, In(lang): In, Path(token): Path<String>, request: Request) -> Response {
    let again = format!("{}?lang={}", request.uri().path(), lang.tag());
    let from = peer::address(request.extensions(), request.headers()).map(|ip| ip.to_string());
    let form = match form(request).await {
        Ok(form) => form,
        Err(problem) => return problem.into_response(),
    };
    let opened = match app.handle.open_link(&token).await {
        Ok(opened) => opened,
        Err(e) => return closed(&app, lang, &e),
    };
    let mut written = Written::default();
    let what = match form.get("do").map(String::as_str) {
        Some("acknowledge") => LinkAct::Acknowledge,
        Some("publish") => {
            let text = |l: Lang| form.get(&format!("text-{}", l.tag())).map(|t| (l, t.clone()));
            written.texts = Lang::ALL.into_iter().filter_map(text).collect();
            let Some(text) = act::text_of(&written.texts) else {
                written.problem = Some(act::Problem::Empty);
                return shown(&opened, lang, &written, StatusCode::UNPROCESSABLE_ENTITY);
            };
            let within = form.get("within").and_then(|n| n.parse().ok()).filter(|n| act::WITHIN.contains(n));
            let open = |s: &IncidentStatus| s.is_open();
            let status = form.get("status").and_then(|s| serde_json::from_value(s.as_str().into()).ok());
            LinkAct::Publish(Command::UpdateIncident {
                incident: opened.link.incident,
                text,
                status: status.filter(open),
                title: None,
                services: Vec::new(),
                next_update_by: within.map(|n: u64| clock::wall().plus(Duration::from_secs(60 * n))),
            })
        }
        _ => return Problem::bad_request("The form says neither acknowledge nor publish.").into_response(),
    };
    match app.handle.act(&opened.link, what, from).await {
        // Read again, so that the page shows what was written, and loading it anew sends nothing anew.
        Ok(()) => Redirect::to(&again).into_response(),
        Err(ActError::Link(LinkRefusal::Used)) => {
            written.problem = Some(act::Problem::Used);
            let now = app.handle.open_link(&token).await.unwrap_or(opened);
            shown(&now, lang, &written, StatusCode::CONFLICT)
        }
        Err(e @ ActError::Link(_)) => closed(&app, lang, &e),
        Err(ActError::Refused(refusal)) => {
            let gone = matches!(refusal, Refusal::AlreadyResolved);
            written.problem = Some(act::Problem::Refused(refusal.to_string()));
            let status = if gone { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
            let now = app.handle.open_link(&token).await.unwrap_or(opened);
            shown(&now, lang, &written, status)
        }
        Err(ActError::Unavailable(error)) => {
            tracing::error!(error, path = "/act/***", "what came through a link could not be written");
            written.problem = Some(act::Problem::Later);
            shown(&opened, lang, &written, StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

/// The fields of a form as a browser sends it. Of two with the same name the first counts.
async fn form(request: Request) -> Result<BTreeMap<String, String>, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind
        .split(';')
        .next()
        .is_some_and(|k| k.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    {
        return Err(Problem::wrong_type("Send the form of the page."));
    }
    debug_assert_eq!(said_path(request.uri()), "/act/***");
    let body = extract::body(request, MAX_FORM_BYTES).await?;
    let mut fields = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(&body).take(MAX_FIELDS) {
        fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    Ok(fields)
}

fn shown(opened: &Opened, lang: Lang, written: &Written, status: StatusCode) -> Response {
    page(status, lang, act::page(&opened.snapshot, &opened.incident, &opened.link, lang, written))
}

fn closed(app: &App, lang: Lang, error: &ActError) -> Response {
    let (status, why) = match error {
        ActError::Link(why @ LinkRefusal::Unknown) => (StatusCode::NOT_FOUND, *why),
        ActError::Link(why) => (StatusCode::GONE, *why),
        ActError::Refused(_) => (StatusCode::NOT_FOUND, LinkRefusal::Unknown),
        ActError::Unavailable(error) => {
            tracing::error!(error, "a link could not be looked up");
            return Problem::unavailable("We could not look this up. Please try again.").into_response();
        }
    };
    page(status, lang, act::closed(&app.public.shown().snapshot, lang, why))
}

fn page(status: StatusCode, lang: Lang, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HTML.to_owned()),
        (header::CONTENT_LANGUAGE, lang.tag().to_owned()),
        (header::CONTENT_SECURITY_POLICY, act::csp().to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    (status, headers, body).into_response()
}
