//! What every request passes on hyper's side before a handler sees it: the name it asked for, its length, its time,
//! and the headers every answer carries.

use crate::{
    cors,
    host::Hosts,
    pages,
    problem::Problem,
    public::{PLAIN_CSP, Public},
    serve::App,
};
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use std::{sync::Arc, time::Duration};
use stillhere_node::BACK;

/// Longest path with query.
pub(crate) const MAX_TARGET_BYTES: usize = 2048;
/// The same on the way back from a provider, which puts its code there.
const MAX_BACK_BYTES: usize = 12 * 1024;
/// A handler that has not answered by then is given up. Longer than the node's own deadline for a commit.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Control calls include backups of large files.
const CONTROL_WITHIN: Duration = Duration::from_secs(600);
/// As much of a refused name as is said back.
const MAX_ECHO_CHARS: usize = 100;

/// Marks requests that came over the control socket: whoever can open it is the owner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trusted;

/// The public side.
pub(crate) fn guarded(routes: Router<App>, hosts: Hosts, public: Arc<Public>) -> Router<App> {
    finished(routes)
        .layer(from_fn(|request: Request, next: Next| within(ANSWER_WITHIN, request, next)))
        .layer(from_fn(cors::open_reads))
        .layer(from_fn_with_state((Arc::new(hosts), public), known_host))
        .layer(from_fn(bounded))
        .layer(from_fn(dressed))
}

/// The control socket.
pub(crate) fn trusted(routes: Router<App>) -> Router<App> {
    finished(routes)
        .layer(from_fn(|request: Request, next: Next| within(CONTROL_WITHIN, request, next)))
        .layer(from_fn(|mut request: Request, next: Next| async move {
            request.extensions_mut().insert(Trusted);
            next.run(request).await
        }))
        .layer(from_fn(bounded))
        .layer(from_fn(dressed))
}

fn finished(routes: Router<App>) -> Router<App> {
    routes.fallback(pages::not_found).method_not_allowed_fallback(wrong_method)
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong-method",
        "This method is not for this address",
        format!("{method} is not possible at {}; the Allow header names what is.", said_path(&uri)),
    )
}

/// The path as it may stand in the log: a heartbeat's key is a secret, and so is a link.
pub(crate) fn said_path(uri: &Uri) -> &str {
    match uri.path() {
        path if path.starts_with("/ping/") => "/ping/***",
        path if path.starts_with("/act/") => "/act/***",
        path if path.starts_with("/subscribe/") => "/subscribe/***",
        path => path,
    }
}

/// A browser that was led here by a foreign name is turned away; see [`crate::host`].
async fn known_host(
    State((hosts, public)): State<(Arc<Hosts>, Arc<Public>)>,
    request: Request,
    next: Next,
) -> Response {
    let mut named = request.headers().get_all(header::HOST).iter();
    let (host, another) = (named.next(), named.next());
    // In the absolute form of a request the name in the target counts as well.
    let in_target = request.uri().authority().map(|a| a.as_str().as_bytes());
    let host = match (host, another) {
        (Some(host), None) => host.as_bytes(),
        // No browser speaks HTTP/1.0 or leaves the name out; old health checks do.
        (None, _) if request.version() == Version::HTTP_10 => b"localhost",
        _ => return Problem::bad_request("A request names exactly one Host.").into_response(),
    };
    // The site's URL may have changed with a reload since `hosts` was made.
    let allowed = |h: &&[u8]| hosts.allow(h) || Hosts::new([&public.shown().snapshot.site.url]).allow(h);
    let Some(foreign) = [Some(host), in_target].into_iter().flatten().find(|h| !allowed(h)) else {
        return next.run(request).await;
    };
    let shown: String = String::from_utf8_lossy(foreign)
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '?' })
        .take(MAX_ECHO_CHARS)
        .collect();
    let text = format!(
        "This server does not answer to the name \"{shown}\".\n\n\
         If it is yours: set url under [site] in stillhere.toml to the address your visitors use, or add the name to \
         allowed_hosts under [server].\n\
         Why: a page elsewhere could point a name of its own at this server and use a visitor's browser to talk to it.\n"
    );
    (StatusCode::MISDIRECTED_REQUEST, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text)
        .into_response()
}

async fn bounded(request: Request, next: Next) -> Response {
    let length = request.uri().path_and_query().map_or(0, |p| p.as_str().len());
    let most = if request.uri().path() == BACK { MAX_BACK_BYTES } else { MAX_TARGET_BYTES };
    if length > most {
        let detail = format!("The path with its query has {length} bytes; {most} is the most.");
        return Problem::new(StatusCode::URI_TOO_LONG, "too-long", "The address is too long", detail)
            .into_response();
    }
    next.run(request).await
}

async fn within(limit: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable(format!("No answer within {} s.", limit.as_secs())).into_response(),
    }
}

/// Headers that no answer goes without; a handler's own come first.
async fn dressed(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let defaults: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_SECURITY_POLICY, PLAIN_CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in defaults {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
