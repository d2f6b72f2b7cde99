//! What the edge answers by itself under `/.well-known/stillhere/`: whatever browsers and clients need to know while
//! the origin is away.

use crate::{
    Body,
    action::Key,
    answer::{self, Trouble, Why},
    forward::{self, Failed},
    keyed,
    pool::Standing,
    report,
    route::Route,
    serve::{Connection, host_of},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};
use stillhere_net::entropy;
use stillhere_tell::client;

/// Everything below this is ours; nothing of it reaches the origin.
pub const PREFIX: &str = "/.well-known/stillhere/";
const ACTION: &str = "action/";
/// Where browsers report requests that failed.
pub const REPORTS: &str = "/.well-known/stillhere/reports";

pub(crate) fn serve(connection: &Connection, parts: Parts, id: u64) -> Response<Body> {
    let what = parts.uri.path().strip_prefix(PREFIX).unwrap_or("");
    if parts.method != Method::GET && parts.method != Method::HEAD {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    let gzip = parts.headers.get_all(header::ACCEPT_ENCODING).iter();
    if let Some(file) = client::file(what, gzip.filter_map(|v| v.to_str().ok()).any(client::takes_gzip)) {
        return of_client(&file, &parts.headers);
    }
    if client::is_name_of_file(what) {
        return no_such_file();
    }
    match what {
        "ping" => plain(StatusCode::NO_CONTENT, ""),
        "notice" => match &connection.shared.board.current().notice {
            Some(held) => json(&held.text),
            None => connection.sorry(&parts, Trouble::of(Why::NotRouted, id)),
        },
        _ => match (what.strip_prefix(ACTION), connection.shared.actions.now()) {
            (Some(key), Some(actions)) => {
                let host = host_of(&parts);
                let view = Key::from_segment(key)
                    .ok()
                    .and_then(|key| keyed::view(&connection.shared, &actions, host, &parts.headers, &key));
                match view {
                    Some(view) => json(&view.json()),
                    None => {
                        let no = connection.sorry(&parts, Trouble::of(Why::NotRouted, id));
                        keyed::never_came(&connection.shared, &parts, no)
                    }
                }
            }
            // It changes hands at this moment: that is no reason to say that there is nothing.
            (Some(_), None) if connection.shared.actions.is_elsewhere() => {
                let mut trouble = Trouble::of(Why::NotForwarded, id);
                trouble.retry_after = Some(Duration::from_secs(1));
                connection.sorry(&parts, trouble)
            }
            _ => connection.sorry(&parts, Trouble::of(Why::NotRouted, id)),
        },
    }
}

/// Counts what browsers report.
pub(crate) async fn reports(connection: &Connection, body: Body) -> Response<Body> {
    match forward::whole(body, report::BODY_MAX).await {
        Ok(body) if connection.shared.browsers.count(&body) => plain(StatusCode::NO_CONTENT, ""),
        Ok(_) => plain(StatusCode::BAD_REQUEST, "no reports\n"),
        Err(Failed::TooLarge) => plain(StatusCode::PAYLOAD_TOO_LARGE, ""),
        Err(_) => plain(StatusCode::BAD_REQUEST, ""),
    }
}

/// Asks a browser to report requests of this site that never reached us. It does so when it reaches us again.
pub(crate) fn invite_reports(headers: &mut HeaderMap, host: &str) {
    // It becomes part of JSON, and comes from the client.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-[]:".contains(&b);
    if host.is_empty() || host.len() > 253 || !host.bytes().all(plain) {
        return;
    }
    let url = format!("https://{host}{REPORTS}");
    let to = format!(r#"{{"group":"stillhere","max_age":86400,"endpoints":[{{"url":"{url}"}}]}}"#);
    let nel = r#"{"report_to":"stillhere","max_age":86400,"failure_fraction":1.0}"#;
    for (name, value) in
        [("report-to", to), ("nel", nel.to_owned()), ("reporting-endpoints", format!("stillhere=\"{url}\""))]
    {
        // What the origin itself asks for goes before it.
        if !headers.contains_key(name)
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            headers.insert(HeaderName::from_static(name), value);
        }
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
    let why = match pool.standing(now) {
        Standing::Paused => Why::Paused { until: None },
        _ => Why::AllOut,
    };
    connection.own(parts, Connection::on(route, why, id, now))
}

fn json(text: &str) -> Response<Body> {
    let mut answer = Response::new(Body::whole(text.to_owned()));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer
}

/// A file of the browser client.
fn of_client(file: &client::File, asked: &HeaderMap) -> Response<Body> {
    let mut known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    let mut answer = if known.any(|tags| file.is_known_to(tags)) {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else {
        Response::new(Body::whole(file.body))
    };
    for (name, value) in file.headers() {
        // What describes a body is left out where there is none.
        if answer.status() == StatusCode::NOT_MODIFIED && name.starts_with("content-") {
            continue;
        }
        answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    answer
}

/// Scripts and people ask for it; both can read this. It is not kept: the next build may have it.
fn no_such_file() -> Response<Body> {
    let status = StatusCode::NOT_FOUND;
    let why = Why::NotRouted.key();
    let problem = serde_json::json!({
        "type": format!("urn:stillhere:problem:{why}"),
        "title": "There is no such thing",
        "status": status.as_u16(),
        "detail": client::no_such_file(),
    });
    let mut answer = json(&problem.to_string());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(answer::WHY, HeaderValue::from_static(why));
    answer
}

pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut answer = Response::new(Body::whole(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_where_to_report_and_nobody_else_writes_there() {
        let mut headers = HeaderMap::new();
        invite_reports(&mut headers, "shop.example.com:8443");
        assert_eq!(
            headers["reporting-endpoints"],
            "stillhere=\"https://shop.example.com:8443/.well-known/stillhere/reports\""
        );
        assert!(
            headers["report-to"].to_str().is_ok_and(|v| serde_json::from_str::<serde_json::Value>(v).is_ok())
        );
        assert!(headers["nel"].to_str().is_ok_and(|v| v.contains("\"failure_fraction\":1.0")));
        for host in ["", "a\"b", "a,b", "a b", &"x".repeat(300)] {
            let mut headers = HeaderMap::new();
            invite_reports(&mut headers, host);
            assert!(headers.is_empty(), "{host}");
        }
        let mut own = HeaderMap::new();
        own.insert("nel", HeaderValue::from_static("{}"));
        invite_reports(&mut own, "shop.example.com");
        assert_eq!(own["nel"], "{}");
    }
}
