//! Puts the browser client's tag into the origin's pages, where a route asks for it (`inject_client = true`).
//!
//! A page is changed only if nothing can be misunderstood on the way: an answer to a navigation, in HTML, not encoded, in
//! a character set in which ASCII is ASCII, and not marked `no-transform`. What is put in is one constant tag: nothing of
//! the request, the notice or the page goes into it, so that nobody can have a script of theirs put in with it. A page
//! whose content security policy would not let it run, or not let it ask us, stays as it is and is counted: a tag that
//! only makes the browser complain helps nobody.
//!
//! Pages flow on while they come. What is looked at is the beginning, [`scan::LOOK_MAX`] bytes at most.

pub mod scan;

use crate::{answer, body::Body};
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts, response,
};
use http_body::{Body as _, Frame};
use scan::{Found, Scan};
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

const TAG: &[u8] = b"<script async src=\"/.well-known/stillhere/client.js\"></script>";
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
/// Of the bytes that the origin sent, not of those that we send.
const SUMS: [HeaderName; 4] = [
    CONTENT_MD5,
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];

/// What became of the pages of such routes.
#[derive(Debug, Default)]
pub struct Counts {
    inserted: AtomicU64,
    /// The page's content security policy is against it.
    policy: AtomicU64,
    /// Encoded though we had asked for plain text, or in a character set that is not ours to read.
    unreadable: AtomicU64,
    /// There was no place for it: no page, or its beginning did not end.
    no_place: AtomicU64,
}

/// A page on its way.
pub(crate) struct Page {
    body: Body,
    /// None: it is decided.
    scan: Option<Scan>,
    /// What came and is not decided.
    held: BytesMut,
    ready: VecDeque<Frame<Bytes>>,
    shared: Arc<Counts>,
}

// === impl Counts ===

impl Counts {
    /// By outcome, since the process started.
    pub(crate) fn all(&self) -> [(&'static str, u64); 4] {
        [
            ("inserted", self.inserted.load(Relaxed)),
            ("policy", self.policy.load(Relaxed)),
            ("unreadable", self.unreadable.load(Relaxed)),
            ("no-place", self.no_place.load(Relaxed)),
        ]
    }
}

/// Somebody goes to a page. The origin is asked for it as it is, because nothing is put into what is encoded.
pub(crate) fn wants(parts: &mut Parts) -> bool {
    let headers = &parts.headers;
    let is = |name: &HeaderName, what: &[&str]| {
        headers.get(name).map(|v| what.iter().any(|w| v.as_bytes().eq_ignore_ascii_case(w.as_bytes())))
    };
    // Browsers that do not say how they ask say at least what they would like.
    let navigates = is(&FETCH_MODE, &["navigate"]).unwrap_or_else(|| {
        headers.get(header::ACCEPT).is_some_and(|v| v.as_bytes().windows(9).any(|w| w == b"text/html"))
    });
    let document = is(&FETCH_DEST, &["document"]).unwrap_or(true);
    let wants = parts.method == Method::GET && navigates && document && !headers.contains_key(header::RANGE);
    if wants {
        parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    wants
}

/// The answer to such a request, with the tag in it if it is a page that can have one.
pub(crate) fn into(response: Response<Body>, counts: &Arc<Counts>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    // Whoever asks otherwise gets it without the tag.
    if is_page(&head) {
        head.headers.append(header::VARY, HeaderValue::from_static("sec-fetch-mode, sec-fetch-dest"));
    }
    let count = match against(&head) {
        Against::NoPage => return Response::from_parts(head, body),
        Against::Unreadable => &counts.unreadable,
        Against::Policy => &counts.policy,
        Against::Nothing => {
            prepare(&mut head.headers);
            return Response::from_parts(head, body.with_tag(counts.clone()));
        }
    };
    count.fetch_add(1, Relaxed);
    Response::from_parts(head, body)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Against {
    Nothing,
    NoPage,
    Unreadable,
    Policy,
}

fn is_page(head: &response::Parts) -> bool {
    let kind = head.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let kind = kind.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    let shown =
        head.status == StatusCode::OK || head.status.is_client_error() || head.status.is_server_error();
    shown && kind.eq_ignore_ascii_case(b"text/html") && !head.headers.contains_key(answer::WHY)
}

fn against(head: &response::Parts) -> Against {
    let headers = &head.headers;
    let says = |name: HeaderName, what: &str| {
        let lines = headers.get_all(name).into_iter();
        lines
            .flat_map(|l| l.as_bytes().split(|b| matches!(b, b',' | b';')))
            .any(|w| w.trim_ascii().eq_ignore_ascii_case(what.as_bytes()))
    };
    if !is_page(head)
        || says(header::CACHE_CONTROL, "no-transform")
        || says(header::CONTENT_DISPOSITION, "attachment")
        || headers.contains_key(header::CONTENT_RANGE)
    {
        return Against::NoPage;
    }
    let encoded = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|e| !e.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"));
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes).to_ascii_lowercase();
    // UTF-16, UTF-32, UTF-7: an ASCII tag in them is no tag, or a different one.
    let strange = [&b"utf-16"[..], b"utf16", b"utf-32", b"utf-7", b"ucs-2", b"iso-10646-ucs"];
    if encoded || strange.iter().any(|s| kind.windows(s.len()).any(|w| w == *s)) {
        return Against::Unreadable;
    }
    if headers
        .get_all(header::CONTENT_SECURITY_POLICY)
        .iter()
        .all(|policies| policies.as_bytes().split(|b| *b == b',').all(lets_us))
    {
        Against::Nothing
    } else {
        Against::Policy
    }
}

/// One content security policy: may a script of the page's own origin run, load its parts, and ask its origin?
fn lets_us(policy: &[u8]) -> bool {
    let text = String::from_utf8_lossy(policy).to_ascii_lowercase();
    let mut directives: Vec<(&str, Vec<&str>)> = Vec::new();
    for directive in text.split(';') {
        let mut words = directive.split_ascii_whitespace();
        let Some(name) = words.next() else { continue };
        // The first of a name counts.
        if !directives.iter().any(|(n, _)| *n == name) {
            directives.push((name, words.collect()));
        }
    }
    let of = |names: &[&str]| {
        names.iter().find_map(|name| directives.iter().find(|(n, _)| n == name).map(|(_, sources)| sources))
    };
    let own =
        |names: &[&str]| of(names).is_none_or(|sources| sources.iter().any(|s| *s == "'self'" || *s == "*"));
    let runs = ["script-src-elem", "script-src", "default-src"];
    let strict = of(&runs).is_some_and(|sources| sources.contains(&"'strict-dynamic'"));
    let boxed = of(&["sandbox"]).is_some_and(|allows| !allows.contains(&"allow-scripts"));
    own(&runs) && !strict && !boxed && own(&["connect-src", "default-src"])
}

/// The bytes become others: so do their length, their sums and, strictly, what they are.
fn prepare(headers: &mut HeaderMap) {
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::ACCEPT_RANGES);
    for name in SUMS {
        headers.remove(name);
    }
    if let Some(etag) = headers.get(header::ETAG)
        && !etag.as_bytes().starts_with(b"W/")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", etag.as_bytes()].concat())
    {
        headers.insert(header::ETAG, weak);
    }
}

// === impl Page ===

impl Page {
    pub(crate) fn new(body: Body, shared: Arc<Counts>) -> Page {
        Page { body, scan: Some(Scan::default()), held: BytesMut::new(), ready: VecDeque::new(), shared }
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, crate::body::BodyError>>> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(frame)));
            }
            let next = ready!(Pin::new(&mut self.body).poll_frame(cx));
            if self.scan.is_none() {
                return Poll::Ready(next);
            }
            match next {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.look(&data),
                    Err(trailers) => {
                        self.decide(None);
                        self.ready.push_back(trailers);
                    }
                },
                // The rest cannot come before what was held back.
                Some(Err(e)) if self.held.is_empty() => return Poll::Ready(Some(Err(e))),
                Some(Err(e)) => {
                    self.decide(None);
                    self.body = Body::broken(e);
                }
                None if self.held.is_empty() => return Poll::Ready(None),
                None => self.decide(None),
            }
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.ready.is_empty() && self.held.is_empty() && self.body.is_end_stream()
    }

    fn look(&mut self, data: &[u8]) {
        self.held.extend_from_slice(data);
        let Some(scan) = &mut self.scan else { return };
        match scan.look(&self.held) {
            Found::Here(at) => self.decide(Some(at)),
            Found::Nowhere => self.decide(None),
            Found::NotYet => {}
        }
    }

    /// Lets go of what was held back, with the tag in it or without.
    fn decide(&mut self, at: Option<usize>) {
        self.scan = None;
        let held = std::mem::take(&mut self.held);
        let Some(at) = at else {
            self.shared.no_place.fetch_add(1, Relaxed);
            if !held.is_empty() {
                self.ready.push_back(Frame::data(held.freeze()));
            }
            return;
        };
        self.shared.inserted.fetch_add(1, Relaxed);
        let (before, behind) = held.split_at(at);
        self.ready.push_back(Frame::data([before, TAG, behind].concat().into()));
    }
}

#[cfg(test)]
mod tests;
