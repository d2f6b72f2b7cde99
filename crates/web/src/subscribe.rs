//! Subscribing, without script: the form, and the pages that letters lead to.
//!
//! A GET never changes anything: mail scanners and previews follow links. What a page answers to a request does not
//! depend on whether the address is known. A link in a letter is all the authority there is, so none of these addresses is
//! said in full in a log (`gate::said_path`), cached, or sent on as a referrer.

mod browser;
mod form;
mod known;

use crate::{
    extract::{In, body},
    peer,
    problem::Problem,
    public::{HTML, subscribe_csp},
    serve::App,
};
use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use form::Form;
pub(crate) use known::exported;
use std::net::{IpAddr, Ipv4Addr};
use stillhere_model::{Lang, Subscriber, Way, Wish};
use stillhere_node::{AskError, Purpose};
use stillhere_store::{Confirmed, StoreError};
use stillhere_tell::{
    page,
    subscribe::{Page, Problem as Wrong},
};

/// Largest form. The longest list of services that can be ticked is far below it.
const MAX_FORM_BYTES: usize = 32 * 1024;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/subscribe", get(asking).post(ask))
        .route("/subscribe/confirm/{token}", get(confirming).post(confirm))
        .route("/subscribe/manage/{token}", get(managing).post(manage))
        .route("/subscribe/leave/{token}", get(leaving).post(leave))
        .route("/subscribe/export/{token}", get(export))
        .merge(browser::routes())
}

fn shown(app: &App, status: StatusCode, lang: Lang, page: &Page<'_>) -> Response {
    let snapshot = app.public.shown().snapshot;
    let headers = [
        (header::CONTENT_TYPE, HTML.to_owned()),
        (header::CONTENT_LANGUAGE, lang.tag().to_owned()),
        (header::CONTENT_SECURITY_POLICY, subscribe_csp(&snapshot)),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::VARY, "accept-language".to_owned()),
    ];
    (status, headers, page::subscribe(&snapshot, lang, page)).into_response()
}

fn closed(app: &App) -> Result<(), Problem> {
    if app.handle.subscribers().are_told() {
        return Ok(());
    }
    Err(Problem::not_found("Nobody can subscribe here."))
}

async fn asking(State(app): State<App>, In(lang): In) -> Result<Response, Problem> {
    closed(&app)?;
    let wish = Wish::everything(lang);
    let key = app.handle.subscribers().push_key();
    let page = Page::Ask { problem: None, given: "", wish: &wish, push: key.as_deref() };
    Ok(shown(&app, StatusCode::OK, lang, &page))
}

/// A page elsewhere must not make its visitors ask for things: each of them would come from another network.
fn from_here(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get("sec-fetch-site").is_none_or(|v| v != "cross-site") {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "from-elsewhere",
        "This form is on another site",
        "Please use the form on the status page itself.".to_owned(),
    ))
}

fn from(request: &Request) -> IpAddr {
    peer::address(request.extensions(), request.headers()).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

async fn ask(State(app): State<App>, In(lang): In, request: Request) -> Result<Response, Problem> {
    closed(&app)?;
    from_here(request.headers())?;
    let from = from(&request);
    let form = Form::read(&body(request, MAX_FORM_BYTES).await?);
    let snapshot = app.public.shown().snapshot;
    let lang = form.lang(&snapshot).unwrap_or(lang);
    let wish = form.wish(&snapshot, lang);
    let way = if form.one("way") == Some("webhook") { Way::Webhook } else { Way::Mail };
    let given = form.one("address").unwrap_or_default();
    let key = app.handle.subscribers().push_key();
    let again = |status, problem| {
        let page = Page::Ask { problem: Some(problem), given, wish: &wish, push: key.as_deref() };
        Ok(shown(&app, status, lang, &page))
    };
    match app.handle.subscribers().ask(way, given, wish.clone(), from).await {
        Ok(()) => Ok(shown(&app, StatusCode::OK, lang, &Page::Sent { hook: way == Way::Webhook })),
        Err(AskError::Closed) => Err(Problem::not_found("Nobody can subscribe here like that.")),
        Err(AskError::BadAddress) => again(StatusCode::UNPROCESSABLE_ENTITY, Wrong::BadAddress),
        Err(AskError::TooMany) => again(StatusCode::TOO_MANY_REQUESTS, Wrong::TooMany),
        Err(AskError::Store(e)) => {
            tracing::error!(error = %e, "could not take down a subscription");
            again(StatusCode::SERVICE_UNAVAILABLE, Wrong::Unavailable)
        }
    }
}

/// Whose link it is, and the language they read.
async fn of_link(
    app: &App,
    purpose: Purpose,
    token: &str,
    headers: &HeaderMap,
    asked: Option<Lang>,
) -> Result<Result<(Subscriber, Lang), Box<Response>>, StoreError> {
    let snapshot = app.public.shown().snapshot;
    match app.handle.subscribers().of_link(purpose, token).await? {
        Some(s) => {
            let lang = snapshot.lang(asked.or(Some(s.wish.lang)));
            Ok(Ok((s, lang)))
        }
        None => {
            let lang = known::lang(headers, &snapshot, asked);
            Ok(Err(Box::new(shown(app, StatusCode::NOT_FOUND, lang, &Page::Gone))))
        }
    }
}

macro_rules! found {
    ($app:expr, $purpose:expr, $token:expr, $headers:expr) => {
        match of_link($app, $purpose, $token, $headers, None).await? {
            Ok(found) => found,
            Err(gone) => return Ok(*gone),
        }
    };
}

/// What is shown of it: that of a browser says nothing to anybody.
fn address(s: &Subscriber) -> Option<&str> {
    (s.way != Way::Push).then_some(s.address.as_str())
}

async fn confirming(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (s, lang) = found!(&app, Purpose::Confirm, &token, &headers);
    Ok(shown(&app, StatusCode::OK, lang, &Page::Confirm { token: &token, address: address(&s) }))
}

async fn confirm(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (s, lang) = found!(&app, Purpose::Confirm, &token, &headers);
    Ok(match app.handle.subscribers().confirm(&s).await? {
        Confirmed::Now | Confirmed::Already => manage_page(&app, &s, lang, Said::Fresh),
        Confirmed::NotThere => shown(&app, StatusCode::NOT_FOUND, lang, &Page::Gone),
        Confirmed::Full => shown(&app, StatusCode::SERVICE_UNAVAILABLE, lang, &Page::Full),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Saved,
    Fresh,
}

fn manage_page(app: &App, s: &Subscriber, lang: Lang, said: Said) -> Response {
    let subscribers = app.handle.subscribers();
    let page = Page::Manage {
        token: &subscribers.link(Purpose::Manage, s),
        leave: &subscribers.link(Purpose::Leave, s),
        address: address(s),
        wish: &s.wish,
        daily: s.way == Way::Mail,
        saved: said == Said::Saved,
        fresh: said == Said::Fresh,
    };
    shown(app, StatusCode::OK, lang, &page)
}

async fn managing(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (s, lang) = found!(&app, Purpose::Manage, &token, &headers);
    Ok(manage_page(&app, &s, lang, Said::Nothing))
}

async fn manage(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (mut s, lang) = found!(&app, Purpose::Manage, &token, &headers);
    let form = Form::read(&body(request, MAX_FORM_BYTES).await?);
    let snapshot = app.public.shown().snapshot;
    let lang = form.lang(&snapshot).unwrap_or(lang);
    s.wish = form.wish_of(&snapshot, lang, s.way == Way::Mail);
    if !app.handle.subscribers().change(&s, &s.wish).await? {
        return Ok(shown(&app, StatusCode::NOT_FOUND, lang, &Page::Gone));
    }
    Ok(manage_page(&app, &s, lang, Said::Saved))
}

async fn leaving(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (s, lang) = found!(&app, Purpose::Leave, &token, &headers);
    Ok(shown(&app, StatusCode::OK, lang, &Page::Leave { token: &token, address: address(&s) }))
}

/// Also the one POST of RFC 8058, which programs send: no log-in, no cookie, no question.
async fn leave(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (s, lang) = found!(&app, Purpose::Leave, &token, &headers);
    app.handle.subscribers().leave(&s, "asked by the subscriber").await?;
    Ok(shown(&app, StatusCode::OK, lang, &Page::Left { of: stillhere_tell::subscribe::whose(&token) }))
}

async fn export(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (s, _) = found!(&app, Purpose::Manage, &token, &headers);
    let Some(export) = app.handle.subscribers().export(&s, "the subscriber").await? else {
        return Err(Problem::not_found("This subscription has ended."));
    };
    let disposition = (header::CONTENT_DISPOSITION, "attachment; filename=\"subscription.json\"");
    Ok(([disposition], axum::Json(known::exported(&export))).into_response())
}
