//! Pages, feeds, `/api/v2` and the notice where the express lane did not answer them; incident and maintenance
//! pages; the live stream for those who come through hyper (HTTP/1.0 proxies, unusual requests).

use crate::{
    extract::In,
    front::head::takes_gzip,
    gate::said_path,
    live::Since,
    problem::Problem,
    public::{HTML, Shown, page_csp},
    ready::{Ready, Route},
    serve::App,
};
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};
use stillhere_model::{Incident, IncidentId, Lang, MaintenanceId};
use stillhere_record::trust::Month;
use stillhere_tell::{Snapshot, View, client, page};
use tokio::sync::mpsc;

/// Seconds after which a listener for whom there was no seat may try again.
const LIVE_RETRY_S: u32 = 30;

pub(crate) fn routes() -> Router<App> {
    let ready = Route::ALL.into_iter().fold(Router::new(), |router, route| {
        router.route(
            route.path(),
            get(move |State(app): State<App>, In(lang): In, headers: HeaderMap| async move {
                ready(&app, route, lang, &headers)
            }),
        )
    });
    ready
        .route("/incidents/{id}", get(incident))
        .route("/maintenance/{id}", get(maintenance))
        .route("/trust", get(trust))
        .route("/trust/{month}", get(trust_in))
        .route("/logo/{name}", get(logo))
        .route("/live", get(live))
        .route("/calendar.ics", get(calendar))
        // Of two routes that fit, the one that says more goes first: the notice.
        .route(
            "/.well-known/stillhere/{*name}",
            get(|Path(name): Path<String>, headers: HeaderMap| async move { of_client(&name, &headers) }),
        )
}

fn ready(app: &App, route: Route, lang: Lang, headers: &HeaderMap) -> Response {
    let shelf = app.shelves.now();
    let gzip = headers.get(header::ACCEPT_ENCODING).is_some_and(|v| takes_gzip(v.as_bytes()));
    let ready = shelf.get(route, lang, gzip);
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|v| ready.is_known_to(v.as_bytes()));
    respond(ready, known)
}

fn respond(ready: &Ready, known: bool) -> Response {
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(ready.body.clone()).into_response()
    };
    for (name, value) in &ready.headers {
        // What describes a body is left out where there is none.
        if known && name.starts_with("content-") && *name != "content-security-policy" {
            continue;
        }
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

async fn incident(State(app): State<App>, In(lang): In, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<IncidentId>() else { return one_page(&app.public.shown(), lang, |_, _| None) };
    let mut shown = app.public.shown();
    if shown.snapshot.incident(&id).is_none()
        && let Ok(Some(old)) = app.handle.store().incident(id).await
        && is_public(&old, &shown.snapshot)
    {
        // Too old for the snapshot; its address must not die for that.
        let mut with_old = shown.snapshot.as_ref().clone();
        with_old.history.push(old);
        shown.snapshot = with_old.into();
    }
    one_page(&shown, lang, |s, view| page::incident(s, lang, view, &id))
}

/// Planned work, for calendar programs.
async fn calendar(State(app): State<App>, In(lang): In) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=60"),
        (header::VARY, "accept-language"),
    ];
    (headers, stillhere_tell::calendar::calendar(&app.public.shown().snapshot, lang)).into_response()
}

/// Its name is made from its content, so it may be kept for ever. Asked for by itself it is a document: nothing in it runs.
async fn logo(State(app): State<App>, Path(name): Path<String>) -> Response {
    let site = &app.public.shown().snapshot.site;
    let Some(picture) = site.logo.iter().flat_map(|l| l.pictures()).find(|p| p.name == name) else {
        return Problem::not_found("There is no such picture.").into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, picture.content_type()),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    ];
    (headers, Bytes::from_owner(picture.bytes.clone())).into_response()
}

/// A file of the browser client, for the pages of whoever runs this.
fn of_client(name: &str, asked: &HeaderMap) -> Response {
    let gzip = asked.get(header::ACCEPT_ENCODING).is_some_and(|v| takes_gzip(v.as_bytes()));
    let Some(file) = client::file(name, gzip) else {
        return Problem::not_found(client::no_such_file()).into_response();
    };
    let mut tags = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    let known = tags.any(|t| file.is_known_to(t));
    let mut answer = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Bytes::from_static(file.body).into_response()
    };
    for (name, value) in file.headers() {
        // What describes a body is left out where there is none.
        if !(known && name.starts_with("content-")) {
            answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    answer
}

/// Whether visitors may read it: it names no service, or one that they see.
pub(crate) fn is_public(incident: &Incident, s: &Snapshot) -> bool {
    incident.affected.is_empty() || incident.affected.iter().any(|a| s.service(&a.service).is_some())
}

async fn maintenance(State(app): State<App>, In(lang): In, Path(id): Path<String>) -> Response {
    let id: Option<MaintenanceId> = id.parse().ok();
    one_page(&app.public.shown(), lang, |s, view| page::maintenance(s, lang, view, &id?))
}

async fn trust(state: State<App>, lang: In) -> Result<Response, Problem> {
    report(state, lang, None).await
}

async fn trust_in(state: State<App>, lang: In, Path(month): Path<String>) -> Result<Response, Problem> {
    match month.parse() {
        Ok(month) => report(state, lang, Some(month)).await,
        Err(()) => Ok(one_page(&state.public.shown(), lang.0, |_, _| None)),
    }
}

/// How well we tell, computed from the public record.
async fn report(State(app): State<App>, In(lang): In, month: Option<Month>) -> Result<Response, Problem> {
    let shown = app.public.shown();
    let Some(told) = app.handle.record().report(month).await? else {
        return Ok(one_page(&shown, lang, |_, _| None));
    };
    let mut page =
        one_page(&shown, lang, |s, view| Some(page::trust(s, lang, view, &told.report, &told.months)));
    if let Ok(csp) = HeaderValue::from_str(&page::trust_csp(&shown.snapshot.site)) {
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, csp);
    }
    Ok(page)
}

fn one_page(shown: &Shown, lang: Lang, cut: impl FnOnce(&Snapshot, &View) -> Option<String>) -> Response {
    let view = View { stale: shown.stale, published_at: None, live: true };
    let (status, body) = match cut(&shown.snapshot, &view) {
        Some(body) => (StatusCode::OK, body),
        None => (StatusCode::NOT_FOUND, page::not_found(&shown.snapshot, lang, &view)),
    };
    let headers = [
        (header::CONTENT_TYPE, HTML.to_owned()),
        (header::CONTENT_LANGUAGE, lang.tag().to_owned()),
        (header::CONTENT_SECURITY_POLICY, page_csp(&shown.snapshot)),
        (header::CACHE_CONTROL, "public, max-age=2, stale-while-revalidate=8".to_owned()),
        (header::VARY, "accept-language".to_owned()),
    ];
    (status, headers, body).into_response()
}

/// Programs get a problem, people a page.
pub(crate) async fn not_found(
    State(app): State<App>,
    In(lang): In,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if accept.contains("text/html") && !uri.path().starts_with("/api/") {
        return one_page(&app.public.shown(), lang, |_, _| None);
    }
    Problem::not_found(format!("Nothing is at {}.", said_path(&uri))).into_response()
}

async fn live(State(app): State<App>, In(lang): In, headers: HeaderMap, uri: Uri) -> Response {
    let Some(seat) = app.hub.seat() else {
        let text = format!(
            "All {} places on the live stream are taken. The page itself works; it is only not updated by itself.\n",
            app.hub.limits().listeners
        );
        let headers = [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
            (header::RETRY_AFTER, LIVE_RETRY_S.to_string()),
        ];
        return (StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response();
    };
    let seen = uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("seen="));
    let last = headers.get("last-event-id").map(|v| v.as_bytes());
    let since = last.or(seen.map(str::as_bytes)).map(Since::parse);
    let frames = Frames(app.hub.join_channel(seat, lang, since));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, Body::new(UnsyncBoxBody::new(frames))).into_response()
}

/// The hub's frames as a body.
struct Frames(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(|bytes| Ok(hyper::body::Frame::data(bytes))))
    }
}
