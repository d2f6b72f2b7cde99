//! What kind of answer, and in which language, the one who asks can use.
//!
//! Told by what the client says of itself, most certain first: gRPC's content type, the browser's own `Sec-Fetch-Dest`,
//! `Accept` with its weights, and only then the looks of the path. The headers are the visitor's: whatever is in
//! them, reading them is bounded and ends in one of these kinds.

use http::{HeaderMap, HeaderName, Method, header, request};
use stillhere_model::Lang;

/// Bytes read of an `Accept` or `Accept-Language`; browsers send at most some hundreds.
const LIST_BYTES_MAX: usize = 4_096;
/// Entries read of them.
const LIST_MAX: usize = 64;

const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// What the one who asks can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    pub kind: Kind,
    /// The best of our languages that it named. `None`: it named none that we speak.
    pub lang: Option<Lang>,
    /// HEAD: no body.
    pub head: bool,
    /// The method changes nothing (RFC 9110, 9.2.1).
    pub safe: bool,
    /// Doing it twice is the same as doing it once (RFC 9110, 9.2.2).
    pub idempotent: bool,
    /// A page asked, perhaps of another site: its script may only read the answer if we allow it.
    pub cross_origin: bool,
    /// gRPC in a browser: another content type.
    pub grpc_web: bool,
}

/// Kinds of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A person's window.
    Page,
    Json,
    Grpc,
    /// `EventSource`, which gives up for ever at anything but a good answer.
    EventStream,
    Text,
    Script,
    Style,
    /// An image, a sound, a font: nothing of ours can stand in for it.
    Other,
}

// === impl Asked ===

impl Asked {
    #[must_use]
    pub fn of(parts: &request::Parts) -> Asked {
        let h = &parts.headers;
        let content =
            text(h, &header::CONTENT_TYPE).map(|t| trimmed(t.split(';').next().unwrap_or_default()));
        Asked {
            kind: kind(parts, content),
            lang: lang(h),
            head: parts.method == Method::HEAD,
            safe: parts.method.is_safe(),
            idempotent: parts.method.is_idempotent(),
            cross_origin: h.contains_key(header::ORIGIN)
                && text(h, &SITE).is_none_or(|s| !trimmed(s).eq_ignore_ascii_case("same-origin")),
            grpc_web: content.is_some_and(|t| starts(t, "application/grpc-web")),
        }
    }
}

fn kind(parts: &request::Parts, content: Option<&str>) -> Kind {
    let h = &parts.headers;
    if content.is_some_and(is_grpc) {
        return Kind::Grpc;
    }
    // Only a GET can be an `EventSource`; to a POST that streams its answer, held silence would look like an empty one.
    let listens = parts.method == Method::GET;
    let accepted = accepted(h).filter(|k| *k != Kind::EventStream || listens);
    if accepted == Some(Kind::EventStream) {
        return Kind::EventStream;
    }
    match text(h, &DEST).map(trimmed) {
        Some("document" | "iframe" | "frame" | "object" | "embed" | "fencedframe") => return Kind::Page,
        Some("script" | "worker" | "sharedworker" | "serviceworker" | "audioworklet" | "paintworklet") => {
            return Kind::Script;
        }
        Some("style" | "xslt") => return Kind::Style,
        Some("json") => return Kind::Json,
        Some("image" | "audio" | "video" | "track" | "font" | "manifest" | "report" | "webidentity") => {
            return Kind::Other;
        }
        // `fetch`, XMLHttpRequest: some want a page to put in place, nearly all want data.
        Some("empty" | "") => {
            return match accepted {
                Some(kind @ (Kind::Page | Kind::Text)) if !is_xhr(h) => kind,
                _ => Kind::Json,
            };
        }
        _ => {}
    }
    if text(h, &MODE).is_some_and(|m| trimmed(m) == "navigate") {
        return Kind::Page;
    }
    if is_xhr(h) {
        return Kind::Json;
    }
    if let Some(kind) = accepted {
        return kind;
    }
    if content.is_some_and(is_json) {
        return Kind::Json;
    }
    by_path(parts.uri.path())
}

/// What the header `Accept` wants most. `None`: it wants anything, or nothing that we know.
fn accepted(h: &HeaderMap) -> Option<Kind> {
    let mut best: Option<(u16, Kind)> = None;
    for (range, weight) in listed(h, &header::ACCEPT) {
        let kind = match range {
            t if t.eq_ignore_ascii_case("text/html")
                || t.eq_ignore_ascii_case("application/xhtml+xml")
                || ends(t, "turbo-stream.html") =>
            {
                Kind::Page
            }
            t if is_json(t) || t.eq_ignore_ascii_case("application/*") => Kind::Json,
            t if t.eq_ignore_ascii_case("text/event-stream") => Kind::EventStream,
            t if is_grpc(t) => Kind::Grpc,
            t if t.eq_ignore_ascii_case("text/css") => Kind::Style,
            t if ends(t, "/javascript") || ends(t, "/ecmascript") => Kind::Script,
            t if ["image/", "audio/", "video/", "font/"].iter().any(|p| starts(t, p)) => Kind::Other,
            t if starts(t, "text/") || ends(t, "/xml") || ends(t, "+xml") => Kind::Text,
            _ => continue,
        };
        // Of equal ones the first: clients write what they want most first, whatever the RFC says of order.
        if weight > 0 && best.is_none_or(|(of_best, _)| weight > of_best) {
            best = Some((weight, kind));
        }
    }
    best.map(|(_, kind)| kind)
}

/// Nothing else says what it is.
fn by_path(path: &str) -> Kind {
    let last = path.rsplit('/').next().unwrap_or_default();
    let suffix = last.rsplit_once('.').map(|(_, s)| s).unwrap_or_default();
    let is = |all: &[&str]| all.iter().any(|s| suffix.eq_ignore_ascii_case(s));
    match () {
        () if is(&["html", "htm"]) => Kind::Page,
        () if is(&["json"]) => Kind::Json,
        () if is(&["js", "mjs"]) => Kind::Script,
        () if is(&["css"]) => Kind::Style,
        () if is(&[
            "png", "jpg", "jpeg", "gif", "webp", "avif", "ico", "svg", "woff2", "woff", "mp4", "webm", "mp3",
        ]) =>
        {
            Kind::Other
        }
        () if path.split('/').any(|p| p.eq_ignore_ascii_case("api") || p.eq_ignore_ascii_case("graphql")) => {
            Kind::Json
        }
        () => Kind::Text,
    }
}

/// The best of our languages in `Accept-Language`.
fn lang(h: &HeaderMap) -> Option<Lang> {
    let mut best: Option<(u16, Lang)> = None;
    for (tag, weight) in listed(h, &header::ACCEPT_LANGUAGE) {
        // Whoever reads any Chinese reads ours more easily than English; the same with the kinds of English.
        let lang = match tag.split('-').next().unwrap_or_default() {
            t if t.eq_ignore_ascii_case("zh") => Lang::ZhCn,
            t if t.eq_ignore_ascii_case("en") => Lang::En,
            _ => continue,
        };
        if weight > 0 && best.is_none_or(|(of_best, _)| weight > of_best) {
            best = Some((weight, lang));
        }
    }
    best.map(|(_, lang)| lang)
}

/// The entries of a weighted list (RFC 9110, 12.4.2) with their weights in thousandths.
fn listed<'a>(h: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = (&'a str, u16)> + use<'a> {
    let lines = h.get_all(name).iter().filter_map(|v| v.to_str().ok());
    let bounded = lines.scan(LIST_BYTES_MAX, |left, line| {
        let line = line.get(..line.len().min(*left)).unwrap_or_default();
        *left -= line.len();
        Some(line)
    });
    bounded.flat_map(|line| line.split(',')).take(LIST_MAX).filter_map(|entry| {
        let mut parts = entry.split(';').map(trimmed);
        let what = parts.next().filter(|w| !w.is_empty())?;
        let weight = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
        Some((what, weight.map_or(1_000, thousandths)))
    })
}

/// `0.25` is 250. What is no weight is none: the entry does not count.
fn thousandths(q: &str) -> u16 {
    let (whole, part) = q.split_once('.').unwrap_or((q, ""));
    let digits = part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    match whole {
        "1" if digits && part.bytes().all(|b| b == b'0') => 1_000,
        "0" | "" if digits && !q.is_empty() => {
            part.bytes().chain([b'0'; 3]).take(3).fold(0, |sum, b| sum * 10 + u16::from(b - b'0'))
        }
        _ => 0,
    }
}

fn text<'a>(h: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    h.get(name).and_then(|v| v.to_str().ok())
}

fn is_xhr(h: &HeaderMap) -> bool {
    text(h, &REQUESTED_WITH).is_some_and(|w| trimmed(w).eq_ignore_ascii_case("XMLHttpRequest"))
}

/// `application/grpc`, `application/grpc+proto`, `application/grpc-web-text`.
fn is_grpc(media: &str) -> bool {
    starts(media, "application/grpc")
        && media.as_bytes().get(16).is_none_or(|b| matches!(b, b'+' | b'-' | b';'))
}

fn is_json(media: &str) -> bool {
    ends(media, "/json") || ends(media, "+json") || ends(media, "/x-ndjson")
}

fn starts(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|t| t.eq_ignore_ascii_case(with))
}

fn ends(text: &str, with: &str) -> bool {
    text.len()
        .checked_sub(with.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|t| t.eq_ignore_ascii_case(with))
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests;
