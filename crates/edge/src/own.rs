//! What the edge answers by itself under `/.well-known/stillhere/`: whatever browsers and clients need to know while
//! the origin is away.

use crate::{
    Body,
    action::Key,
    answer::{self, Trouble, Why},
    forward::Failed,
    keyed,
    pool::{NoPlace, Standing},
    route::Route,
    serve::{Connection, host_of},
};
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};
use stillhere_net::entropy;

/// Everything below this is ours; nothing of it reaches the origin.
pub const PREFIX: &str = "/.well-known/stillhere/";
const ACTION: &str = "action/";

pub(crate) fn serve(connection: &Connection, parts: Parts, id: u64) -> Response<Body> {
    let what = parts.uri.path().strip_prefix(PREFIX).unwrap_or("");
    if parts.method != Method::GET && parts.method != Method::HEAD {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    match what {
        "ping" => plain(StatusCode::NO_CONTENT, ""),
        "notice" => match &connection.shared.board.current().notice {
            Some(held) => json(&held.text),
            None => connection.sorry(&parts, Trouble::of(Why::NotRouted, id)),
        },
        _ => match (what.strip_prefix(ACTION), &connection.shared.actions) {
            (Some(key), Some(actions)) => {
                let host = host_of(&parts);
                let view = Key::from_segment(key)
                    .ok()
                    .and_then(|key| keyed::view(&connection.shared, actions, host, &parts.headers, &key));
                match view {
                    Some(view) => json(&view.json()),
                    None => connection.sorry(&parts, Trouble::of(Why::NotRouted, id)),
                }
            }
            _ => connection.sorry(&parts, Trouble::of(Why::NotRouted, id)),
        },
    }
}

/// Where the state of an action can be asked for.
pub(crate) fn receipt(key: &Key) -> String {
    let mut path = format!("{PREFIX}{ACTION}");
    for byte in key.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _infallible = write!(path, "%{byte:02X}");
        }
    }
    path
}

/// A page of ours asks whether the origin takes requests again. The origin is not bothered with it.
pub(crate) fn probe(
    connection: &Connection,
    parts: &Parts,
    route: &Arc<Route>,
    id: u64,
    now: Instant,
) -> Response<Body> {
    let pool = &route.pool;
    if pool.available(now) {
        return answer::probe(pool.waiting() as u64, pool.answers_per_s(), entropy::u64());
    }
    let no = match pool.standing(now) {
        Standing::Paused => NoPlace::Paused { waited: Duration::ZERO },
        _ => NoPlace::AllOut { waited: Duration::ZERO },
    };
    connection.sorry(parts, connection.trouble(route, &Failed::NoPlace(no), id, now))
}

fn json(text: &str) -> Response<Body> {
    let mut answer = Response::new(Body::whole(text.to_owned()));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer
}

pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut answer = Response::new(Body::whole(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
