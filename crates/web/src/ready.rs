//! Ready-made answers. A status page is the same bytes for everybody until something changes, so each public
//! form is cut and compressed at most once per snapshot, language and encoding, and only if somebody asks for it.
//!
//! Bounded by construction: one slot for each of [`Route::ALL`] × [`Lang::ALL`] × {plain, gzip}.

use bytes::Bytes;
use std::{
    io::Write as _,
    sync::{
        Arc, OnceLock, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use stillhere_model::Lang;

/// What is worth keeping ready: read by many, the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Route {
    Status,
    History,
    Rss,
    Atom,
    Notice,
    V2Summary,
    V2Status,
    V2Components,
    V2Incidents,
    V2Unresolved,
    V2Maintenances,
    V2Upcoming,
    V2Active,
}

/// One public form as `tell` cut it.
pub struct Cut {
    pub content_type: &'static str,
    pub body: String,
    pub csp: Arc<str>,
}

/// A complete answer. `head` and `head_304` are whole HTTP/1.1 heads with a place for the date at [`DATE_AT`].
pub struct Ready {
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    pub etag: String,
    pub head: Box<[u8]>,
    pub head_304: Box<[u8]>,
}

type Cutter = dyn Fn(Route, Lang) -> Cut + Send + Sync;

/// Everything that can be asked for of one snapshot.
pub struct Shelf {
    cut: Box<Cutter>,
    langs: Vec<Lang>,
    plain: Box<[OnceLock<Ready>]>,
    gzip: Box<[OnceLock<Ready>]>,
    /// Bit `2 × slot + gzip`: which variants somebody asked for.
    asked: AtomicU64,
}

/// The shelf in force.
pub struct Shelves(RwLock<Arc<Shelf>>);

/// Where the 29 bytes of the date begin in a head: right after the status line.
pub(crate) const fn date_at(head_304: bool) -> usize {
    if head_304 { "HTTP/1.1 304 Not Modified\r\ndate: ".len() } else { "HTTP/1.1 200 OK\r\ndate: ".len() }
}

/// Bodies below this are not worth compressing: they fit one packet anyway.
const GZIP_FROM_BYTES: usize = 860;

// === impl Route ===

impl Route {
    pub const ALL: [Route; 13] = [
        Route::Status,
        Route::History,
        Route::Rss,
        Route::Atom,
        Route::Notice,
        Route::V2Summary,
        Route::V2Status,
        Route::V2Components,
        Route::V2Incidents,
        Route::V2Unresolved,
        Route::V2Maintenances,
        Route::V2Upcoming,
        Route::V2Active,
    ];

    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Route::Status => "/",
            Route::History => "/history",
            Route::Rss => "/history.rss",
            Route::Atom => "/history.atom",
            Route::Notice => "/.well-known/stillhere/notice",
            Route::V2Summary => "/api/v2/summary.json",
            Route::V2Status => "/api/v2/status.json",
            Route::V2Components => "/api/v2/components.json",
            Route::V2Incidents => "/api/v2/incidents.json",
            Route::V2Unresolved => "/api/v2/incidents/unresolved.json",
            Route::V2Maintenances => "/api/v2/scheduled-maintenances.json",
            Route::V2Upcoming => "/api/v2/scheduled-maintenances/upcoming.json",
            Route::V2Active => "/api/v2/scheduled-maintenances/active.json",
        }
    }

    #[must_use]
    pub fn of(path: &[u8]) -> Option<Route> {
        Route::ALL.into_iter().find(|r| r.path().as_bytes() == path)
    }

    /// Whether the reader's language makes a difference.
    #[must_use]
    pub fn speaks(self) -> bool {
        matches!(self, Route::Status | Route::History | Route::Rss | Route::Atom)
    }

    /// How long a cache may use it. Short: the page must not claim for long what is no longer so; the live
    /// stream corrects an open page at once.
    fn cache_control(self) -> &'static str {
        match self {
            Route::Rss | Route::Atom => "public, max-age=30, stale-while-revalidate=60",
            _ => "public, max-age=2, stale-while-revalidate=8",
        }
    }

    fn slot(self, lang: Lang) -> usize {
        let lang = if self.speaks() { lang as usize } else { 0 };
        self as usize * Lang::ALL.len() + lang
    }
}

// === impl Shelf ===

impl Shelf {
    /// `cut` is called at most once per route and language.
    #[must_use]
    pub fn new(langs: Vec<Lang>, cut: impl Fn(Route, Lang) -> Cut + Send + Sync + 'static) -> Shelf {
        const _: () =
            assert!(2 * Route::ALL.len() * Lang::ALL.len() <= 64, "`asked` has one bit per variant");
        let slots = || (0..Route::ALL.len() * Lang::ALL.len()).map(|_| OnceLock::new()).collect();
        Shelf { cut: Box::new(cut), langs, plain: slots(), gzip: slots(), asked: AtomicU64::new(0) }
    }

    #[must_use]
    pub fn langs(&self) -> &[Lang] {
        &self.langs
    }

    pub fn get(&self, route: Route, lang: Lang, gzip: bool) -> &Ready {
        let slot = route.slot(lang);
        let bit = 1u64 << (2 * slot + usize::from(gzip));
        // A plain load first: writing on every request would pass the cache line between the cores.
        if self.asked.load(Relaxed) & bit == 0 {
            self.asked.fetch_or(bit, Relaxed);
        }
        self.make(route, lang, slot, gzip)
    }

    /// Makes what was asked for on `before`, so that readers of the new shelf do not wait for it.
    pub fn warm(&self, before: &Shelf) {
        let asked = before.asked.load(Relaxed);
        for route in Route::ALL {
            for lang in Lang::ALL {
                let slot = route.slot(lang);
                for gzip in [false, true] {
                    if asked & (1u64 << (2 * slot + usize::from(gzip))) != 0 {
                        self.make(route, lang, slot, gzip);
                    }
                }
            }
        }
    }

    fn make(&self, route: Route, lang: Lang, slot: usize, gzip: bool) -> &Ready {
        let plain = || {
            self.plain[slot].get_or_init(|| {
                let cut = (self.cut)(route, lang);
                Ready::plain(route, lang, cut)
            })
        };
        if gzip { self.gzip[slot].get_or_init(|| plain().gzipped()) } else { plain() }
    }
}

// === impl Shelves ===

impl Shelves {
    #[must_use]
    pub fn new(first: Shelf) -> Shelves {
        Shelves(RwLock::new(Arc::new(first)))
    }

    #[must_use]
    pub fn now(&self) -> Arc<Shelf> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub fn put(&self, next: Arc<Shelf>) {
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = next;
    }
}

// === impl Ready ===

impl Ready {
    fn plain(route: Route, lang: Lang, cut: Cut) -> Ready {
        let vary = if route.speaks() { "accept-encoding, accept-language" } else { "accept-encoding" };
        let mut headers = vec![
            ("content-type", cut.content_type.to_owned()),
            ("cache-control", route.cache_control().to_owned()),
            ("vary", vary.to_owned()),
            ("content-security-policy", cut.csp.as_ref().to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
            ("referrer-policy", "no-referrer".to_owned()),
        ];
        if route.speaks() {
            headers.push(("content-language", lang.tag().to_owned()));
        }
        if !matches!(route, Route::Status | Route::History) {
            headers.push(("access-control-allow-origin", "*".to_owned()));
        }
        Ready::build(headers, etag(cut.body.as_bytes(), ""), Bytes::from(cut.body))
    }

    fn gzipped(&self) -> Ready {
        let mut headers = self.headers.clone();
        headers.retain(|(name, _)| *name != "etag");
        match gzip(&self.body) {
            Some(body) if self.body.len() >= GZIP_FROM_BYTES && body.len() < self.body.len() => {
                headers.push(("content-encoding", "gzip".to_owned()));
                Ready::build(headers, etag(&self.body, "-g"), Bytes::from(body))
            }
            _ => Ready::build(headers, self.etag.clone(), self.body.clone()),
        }
    }

    fn build(mut headers: Vec<(&'static str, String)>, etag: String, body: Bytes) -> Ready {
        headers.push(("etag", etag.clone()));
        let head = |status: &str, length: Option<usize>, skip: &[&str]| {
            let mut head = format!("HTTP/1.1 {status}\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
            for (name, value) in headers.iter().filter(|(n, _)| !skip.contains(n)) {
                head += &format!("{name}: {value}\r\n");
            }
            if let Some(length) = length {
                head += &format!("content-length: {length}\r\n");
            }
            head += "\r\n";
            head.into_bytes().into_boxed_slice()
        };
        let ok = head("200 OK", Some(body.len()), &[]);
        let not_modified =
            head("304 Not Modified", None, &["content-type", "content-encoding", "content-language"]);
        Ready { head: ok, head_304: not_modified, headers, body, etag }
    }

    /// Whether the reader has these very bytes already. `header` is the value of `If-None-Match`.
    #[must_use]
    pub fn is_known_to(&self, header: &[u8]) -> bool {
        header.split(|b| *b == b',').map(<[u8]>::trim_ascii).any(|tag| {
            let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
            tag == self.etag.as_bytes() || tag == b"*"
        })
    }
}

fn etag(body: &[u8], suffix: &str) -> String {
    use base64::Engine as _;
    let hash = ring::digest::digest(&ring::digest::SHA256, body);
    // 96 bits are plenty to tell versions of one page apart.
    let short = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&hash.as_ref()[..12]);
    format!("\"{short}{suffix}\"")
}

fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut out =
        flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::best());
    out.write_all(body).ok()?;
    out.finish().ok()
}

#[cfg(test)]
mod tests;
