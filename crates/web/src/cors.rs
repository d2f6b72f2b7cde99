//! What scripts of other sites may do: read what is public, without a token. Nothing else.
//!
//! A plain read needs only the answer's header. A read with headers of its own makes the browser ask first (a
//! preflight); that is answered for reads alone. Writes, tokens and sessions get no leave: `*` never covers `Authorization`, nor
//! cookies.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{cookie, ready::Route, record};

const ANYBODY: HeaderValue = HeaderValue::from_static("*");
/// How long a browser may remember the leave: a day.
const REMEMBER_S: &str = "86400";

pub(crate) async fn open_reads(request: Request, next: Next) -> Response {
    if !is_open(request.uri().path()) {
        return next.run(request).await;
    }
    if request.method() == Method::OPTIONS && asks_to_read(request.headers()) {
        let leave: [(HeaderName, &'static str); 4] = [
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "*"),
            (header::ACCESS_CONTROL_MAX_AGE, REMEMBER_S),
        ];
        return (StatusCode::NO_CONTENT, leave).into_response();
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let headers = request.headers();
    let as_anybody = !headers.contains_key(header::AUTHORIZATION) && cookie::session(headers).is_none();
    let mut response = next.run(request).await;
    if reads && as_anybody {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY);
    }
    response
}

fn is_open(path: &str) -> bool {
    ["/api/v1/", "/api/v2/", record::PLACE].iter().any(|p| path.starts_with(p))
        || path == Route::Notice.path()
}

fn asks_to_read(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN)
        && headers.get(header::ACCESS_CONTROL_REQUEST_METHOD).is_some_and(|m| m == "GET" || m == "HEAD")
}
