//! Reads a request head just far enough to know whether the express lane may answer it.
//!
//! The rule that keeps this safe: what is not plainly a bodiless GET or HEAD for a known path is not
//! interpreted here at all; hyper gets the same bytes and decides. Two parsers that read one doubtful head
//! differently are how requests are smuggled, so this one has no opinion on doubtful heads.

use crate::{live::Since, ready::Route};
use stillhere_model::Lang;

/// A head longer than this is not read on; hyper answers 431.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Header lines in one request; hyper answers 431 beyond.
pub const MAX_HEADERS: usize = 64;

#[derive(Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// More bytes are needed.
    Partial,
    Express(Asked<'a>),
    /// For hyper.
    Other,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Bytes of the head, the empty line included.
    pub len: usize,
    pub head_only: bool,
    pub what: What,
    /// From the query.
    pub lang: Option<Lang>,
    pub host: &'a [u8],
    pub gzip: bool,
    pub accept_language: &'a [u8],
    pub if_none_match: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Ready(Route),
    Live(Option<Since>),
}

#[must_use]
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let mut headers = [const { std::mem::MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let len = match request.parse_with_uninit_headers(bytes, &mut headers) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Parsed::Partial,
        Err(_) => return Parsed::Other,
    };
    asked(len, &request).map_or(Parsed::Other, Parsed::Express)
}

fn asked<'a>(len: usize, request: &httparse::Request<'_, 'a>) -> Option<Asked<'a>> {
    let head_only = match request.method? {
        "GET" => false,
        "HEAD" => true,
        _ => return None,
    };
    let http_11 = request.version? == 1;
    let mut found = Headers::default();
    for header in request.headers.iter() {
        found.take(header)?;
    }
    let (path, query) = match request.path?.split_once('?') {
        Some((path, query)) => (path, query),
        None => (request.path?, ""),
    };
    let live = path == "/live";
    // A stream ends with its connection anyway, so it may as well be asked for by a proxy that speaks HTTP/1.0.
    if !live && (!http_11 || found.closes) {
        return None;
    }
    let mut lang = None;
    let mut since = None;
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        match pair.split_once('=')? {
            ("lang", tag) if lang.is_none() => lang = Some(tag.parse().ok()?),
            ("seen", id) if live && since.is_none() => since = Some(Since::parse(id.as_bytes())),
            _ => return None,
        }
    }
    let what = if live {
        if head_only {
            return None;
        }
        // What the browser remembers is newer than what the page was made with.
        What::Live(found.last_event_id.map(Since::parse).or(since))
    } else {
        What::Ready(Route::of(path.as_bytes())?)
    };
    Some(Asked {
        len,
        head_only,
        what,
        lang,
        host: found.host?,
        gzip: found.accept_encoding.is_some_and(takes_gzip),
        accept_language: found.accept_language.unwrap_or_default(),
        if_none_match: found.if_none_match.unwrap_or_default(),
    })
}

/// The headers that matter here. Each may come once; a second one makes the head doubtful.
#[derive(Default)]
struct Headers<'a> {
    host: Option<&'a [u8]>,
    accept_encoding: Option<&'a [u8]>,
    accept_language: Option<&'a [u8]>,
    if_none_match: Option<&'a [u8]>,
    last_event_id: Option<&'a [u8]>,
    /// `Connection: close`.
    closes: bool,
}

// === impl Headers ===

impl<'a> Headers<'a> {
    /// `None`: a header with which the express lane has nothing to do.
    fn take(&mut self, header: &httparse::Header<'a>) -> Option<()> {
        let name = header.name;
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let once = |slot: &mut Option<&'a [u8]>| slot.replace(header.value).is_none().then_some(());
        // By length first: most headers of a browser are then passed over with one comparison.
        match name.len() {
            4 if is("host") => once(&mut self.host),
            6 if is("expect") => None,
            7 if is("upgrade") || is("trailer") => None,
            10 if is("connection") => {
                self.closes = header.value.eq_ignore_ascii_case(b"close");
                (self.closes || header.value.eq_ignore_ascii_case(b"keep-alive")).then_some(())
            }
            13 if is("if-none-match") => once(&mut self.if_none_match),
            13 if is("last-event-id") => once(&mut self.last_event_id),
            14 if is("content-length") => None,
            14 if is("http2-settings") => None,
            15 if is("accept-encoding") => once(&mut self.accept_encoding),
            15 if is("accept-language") => once(&mut self.accept_language),
            16 if is("proxy-connection") => None,
            17 if is("transfer-encoding") => None,
            _ => Some(()),
        }
    }
}

/// Whether `Accept-Encoding` lets us send gzip: it is named without a weight of zero.
pub(crate) fn takes_gzip(header: &[u8]) -> bool {
    header.split(|b| *b == b',').any(|entry| {
        let mut parts = entry.split(|b| *b == b';').map(<[u8]>::trim_ascii);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(b"gzip"))
            && parts.all(|p| !matches!(p, b"q=0" | b"Q=0" | b"q=0." | b"q=0.0" | b"q=0.00" | b"q=0.000"))
    })
}

#[cfg(test)]
mod tests;
