//! What a client says it can use: whatever its headers are, the edge's own answer is one of the kinds, in a language of ours,
//! bounded, and nothing of the request stands in it.

use http::{HeaderName, HeaderValue, Method, Request};
use http_body::Body as _;
use stillhere_edge::{
    answer::{Asked, Kind, Trouble, Why, answer},
    known::Known,
};
use stillhere_model::Time;

const NOW: Time = Time(1_790_000_000_000);
/// More than an own answer can have.
const BODY_MAX: u64 = 64 * 1024;
/// Which header a line is.
const HEADERS: [&str; 8] = [
    "accept",
    "accept-language",
    "content-type",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "x-requested-with",
    "origin",
];

/// The first byte: method and reason; then one line for each header, its first byte saying which, and the path as the last.
pub fn run(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT];
    let method = methods[usize::from(first) % methods.len()].clone();
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = method;
    let mut lines: Vec<&[u8]> = rest.split(|b| *b == b'\n').collect();
    if let Some(uri) = lines.pop().and_then(|l| std::str::from_utf8(l).ok()).and_then(|l| l.parse().ok()) {
        parts.uri = uri;
    }
    for line in lines {
        let Some((&which, value)) = line.split_first() else { continue };
        let name = HeaderName::from_static(HEADERS[usize::from(which) % HEADERS.len()]);
        if let Ok(value) = HeaderValue::from_bytes(value) {
            parts.headers.append(name, value);
        }
    }
    let asked = Asked::of(&parts);
    let again = Asked::of(&parts);
    assert_eq!(asked, again);
    let whys = [Why::AllOut, Why::OutcomeUnknown, Why::BodyTooLarge, Why::NotRouted, Why::TooManyRequests];
    let why = whys[usize::from(first / 4) % whys.len()].clone();
    let passes = why.passes();
    let answer = answer(&asked, &Trouble::of(why, u64::from(first)), &Known::default(), NOW, 7);
    let h = answer.headers();
    let kind = h.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let want = match asked.kind {
        Kind::Page => "text/html; charset=utf-8",
        Kind::EventStream if passes => "text/event-stream",
        Kind::Json | Kind::EventStream => "application/problem+json",
        Kind::Grpc if asked.grpc_web => "application/grpc-web+proto",
        Kind::Grpc => "application/grpc",
        Kind::Script => "text/javascript; charset=utf-8",
        Kind::Style => "text/css; charset=utf-8",
        Kind::Text | Kind::Other => "text/plain; charset=utf-8",
    };
    assert!(kind.starts_with(want), "{:?}: {kind}", asked.kind);
    assert!(["en", "zh-CN"].contains(&h["content-language"].to_str().unwrap_or_default()));
    assert_eq!(h["cache-control"], "no-store");
    let size = answer.body().size_hint().upper();
    assert!(asked.kind == Kind::EventStream || size.is_some_and(|n| n <= BODY_MAX), "{size:?}");
    assert!(!asked.head || asked.kind == Kind::EventStream || size == Some(0), "HEAD has a body");
}
