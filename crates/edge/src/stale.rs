//! Answers of the origin that may stand in for it while it is away (`stale-if-error`, RFC 5861), marked as such.
//!
//! The danger is showing one visitor what was made for another. So an answer is kept only when the origin says so
//! itself (`stale-if-error`) or the operator does for the route, and never when it was private, was asked for with
//! credentials, or sets a cookie. This is no cache: while the origin answers, nothing of it is used.

use crate::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request, response};
use http_cache_semantics::{CacheOptions, CachePolicy};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use stillhere_model::Time;

/// Most memory for kept answers, when the configuration does not say.
pub const BYTES_USUAL: usize = 64 << 20;
/// The largest body that is kept.
pub const OBJECT_MAX: usize = 1 << 20;
/// The largest head that is kept.
const HEAD_MAX: usize = 16 << 10;
/// The longest host and path.
const KEY_MAX: usize = 4 << 10;
/// Answers kept for one address that differ by what `Vary` names; the oldest goes.
const VARIANTS_MAX: usize = 8;
/// Headers that `Vary` may name.
const VARY_MAX: usize = 8;
/// What is kept is not written anew more often than this, however often it is asked for.
const RENEW: Duration = Duration::from_secs(10);
/// Longest that an answer may stand in, whatever a header says.
const STALE_MAX: Duration = Duration::from_secs(7 * 86_400);
/// What a kept answer takes besides its texts.
const OVERHEAD: usize = 512;

/// How old a marked answer is.
pub const STALE: HeaderName = HeaderName::from_static("stillhere-stale");
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Answers kept in case the origin goes away.
#[derive(Debug)]
pub struct Stale {
    bytes_max: usize,
    shelf: Mutex<Shelf>,
}

/// The permission to keep one answer, given on its head. Collect the body (at most [`OBJECT_MAX`]) and give both to
/// [`Stale::store`]; drop it when the body is larger or breaks off.
#[derive(Debug)]
pub struct Keep {
    address: String,
    kept: Kept,
    length: Option<usize>,
}

/// By address; what was used last goes last.
#[derive(Debug, Default)]
struct Shelf {
    all: HashMap<String, Vec<Kept>>,
    /// The order of use: one number for each kept answer, and where it is.
    by_use: BTreeMap<u64, String>,
    uses: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    /// The request's headers that `Vary` names, as they were.
    vary: Vec<(HeaderName, Vec<HeaderValue>)>,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    policy: CachePolicy,
    stored: Time,
    until: Time,
    used: u64,
}

// === impl Stale ===

impl Stale {
    #[must_use]
    pub fn new(bytes_max: usize) -> Stale {
        Stale { bytes_max, shelf: Mutex::default() }
    }

    /// Bytes in use.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shelf().bytes
    }

    /// Whether this answer may be kept: cheap, and nearly always no. `route` is the route's own `stale_if_error`.
    #[must_use]
    pub fn wants(
        &self,
        asked: &request::Parts,
        head: &response::Parts,
        route: Option<Duration>,
        now: impl FnOnce() -> Time,
    ) -> Option<Keep> {
        if asked.method != Method::GET || head.status != StatusCode::OK || self.bytes_max == 0 {
            return None;
        }
        let said = stale_if_error(&head.headers);
        let window = said.or(route).filter(|w| !w.is_zero())?.min(STALE_MAX);
        let from_origin = said.is_some();
        let now = now();
        if !may_be_kept(asked, &head.headers, from_origin) {
            return None;
        }
        if age(&head.headers)? > STALE_MAX {
            return None;
        }
        let length = match head.headers.get(header::CONTENT_LENGTH) {
            Some(v) => Some(v.to_str().ok()?.parse().ok().filter(|n| *n <= OBJECT_MAX)?),
            None => None,
        };
        let address = address(asked)?;
        let vary = vary(&asked.headers, &head.headers)?;
        if self.is_recent(&address, &vary, &head.headers, now) {
            return None;
        }
        let options = CacheOptions { shared: true, ..CacheOptions::default() };
        let policy = CachePolicy::new_options(asked, &Answer(head), system(now), options);
        if !policy.is_storable() {
            return None;
        }
        let until = now.plus(policy.time_to_live(system(now)).min(STALE_MAX)).plus(window);
        let headers = end_to_end(&head.headers);
        let kept = Kept {
            vary,
            status: head.status,
            headers,
            body: Bytes::new(),
            policy,
            stored: now,
            until,
            used: 0,
        };
        (kept.head_bytes() <= HEAD_MAX).then_some(Keep { address, kept, length })
    }

    /// Keeps the answer whose whole body this is.
    pub fn store(&self, keep: Keep, body: Bytes) {
        let Keep { address, mut kept, length } = keep;
        // A body of another length than announced is not the whole one.
        if body.len() > OBJECT_MAX || length.is_some_and(|n| n != body.len()) {
            return;
        }
        // A copy: the body may be a small part of a large buffer that would stay alive with it.
        kept.body = Bytes::copy_from_slice(&body);
        if kept.bytes(&address) > self.bytes_max {
            return;
        }
        self.shelf().put(address, kept, self.bytes_max);
    }

    /// An answer that may be given now because nobody else can give one.
    #[must_use]
    pub fn find(&self, asked: &request::Parts, now: Time) -> Option<Response<Body>> {
        let head = asked.method == Method::HEAD;
        let credentials = asked.headers.contains_key(header::AUTHORIZATION);
        if !(head || asked.method == Method::GET) || credentials || forbids_kept(&asked.headers) {
            return None;
        }
        let address = address(asked)?;
        let mut shelf = self.shelf();
        shelf.drop_over(&address, now);
        let index = shelf.all.get(&address)?.iter().position(|k| k.fits(&asked.headers))?;
        shelf.touch(&address, index);
        Some(shelf.all.get(&address)?.get(index)?.answer(head, now))
    }

    fn is_recent(
        &self,
        address: &str,
        vary: &[(HeaderName, Vec<HeaderValue>)],
        head: &HeaderMap,
        now: Time,
    ) -> bool {
        let shelf = self.shelf();
        let Some(kept) = shelf.all.get(address).and_then(|all| all.iter().find(|k| k.vary == vary)) else {
            return false;
        };
        let young = now.since(kept.stored) < RENEW && now >= kept.stored;
        young && kept.headers.get(header::ETAG) == head.get(header::ETAG)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Nothing of ours panics while it is held; were it otherwise, what is kept would still be whole answers.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Shelf ===

impl Shelf {
    fn put(&mut self, address: String, mut kept: Kept, bytes_max: usize) {
        let at = self.all.get(&address).and_then(|all| all.iter().position(|k| k.vary == kept.vary));
        if let Some(at) = at {
            self.remove(&address, at);
        }
        while self.all.get(&address).is_some_and(|all| all.len() >= VARIANTS_MAX) {
            self.remove(&address, 0);
        }
        let bytes = kept.bytes(&address);
        while self.bytes + bytes > bytes_max {
            let Some((used, oldest)) = self.by_use.first_key_value().map(|(n, a)| (*n, a.clone())) else {
                break;
            };
            let at = self.all.get(&oldest).and_then(|all| all.iter().position(|k| k.used == used));
            self.remove(&oldest, at.expect("by_use has exactly what is kept"));
        }
        self.uses += 1;
        kept.used = self.uses;
        self.by_use.insert(self.uses, address.clone());
        self.bytes += bytes;
        self.all.entry(address).or_default().push(kept);
    }

    fn remove(&mut self, address: &str, at: usize) {
        let all = self.all.get_mut(address).expect("the caller found it there");
        let gone = all.remove(at);
        if all.is_empty() {
            self.all.remove(address);
        }
        self.by_use.remove(&gone.used);
        self.bytes -= gone.bytes(address);
    }

    fn touch(&mut self, address: &str, at: usize) {
        self.uses += 1;
        let kept = &mut self.all.get_mut(address).expect("the caller found it there")[at];
        self.by_use.remove(&kept.used);
        kept.used = self.uses;
        self.by_use.insert(self.uses, address.to_owned());
    }

    fn drop_over(&mut self, address: &str, now: Time) {
        while let Some(at) = self.all.get(address).and_then(|all| all.iter().position(|k| k.until < now)) {
            self.remove(address, at);
        }
    }
}

// === impl Kept ===

impl Kept {
    fn fits(&self, asked: &HeaderMap) -> bool {
        self.vary.iter().all(|(name, values)| asked.get_all(name).iter().eq(values.iter()))
    }

    fn head_bytes(&self) -> usize {
        let vary = self.vary.iter().flat_map(|(n, all)| all.iter().map(move |v| (n, v)));
        self.headers.iter().chain(vary).map(|(n, v)| n.as_str().len() + v.len()).sum()
    }

    /// The policy holds another copy of both heads.
    fn bytes(&self, address: &str) -> usize {
        self.body.len() + self.head_bytes() * 3 + address.len() * 3 + OVERHEAD
    }

    fn answer(&self, head: bool, now: Time) -> Response<Body> {
        let body = if head { Body::empty() } else { Body::whole(self.body.clone()) };
        let mut answer = Response::new(body);
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        headers.clone_from(&self.headers);
        let age = self.policy.age(system(now)).as_secs();
        headers.insert(header::AGE, age.into());
        let ttl = self.policy.time_to_live(system(self.stored)).as_secs();
        let left = i64::try_from(ttl).unwrap_or(i64::MAX) - since_secs(now, self.stored);
        let status = format!("stillhere; hit; ttl={left}; detail=origin-away");
        headers.insert(CACHE_STATUS, HeaderValue::try_from(status).expect("ASCII"));
        headers.insert(STALE, HeaderValue::try_from(format!("{age}s")).expect("ASCII"));
        answer
    }
}

/// Only a head, which the policy may read.
struct Answer<'a>(&'a response::Parts);

impl http_cache_semantics::ResponseLike for Answer<'_> {
    fn status(&self) -> StatusCode {
        self.0.status
    }
    fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }
}

fn may_be_kept(asked: &request::Parts, head: &HeaderMap, from_origin: bool) -> bool {
    let no = ["private", "no-store", "no-cache", "must-revalidate", "proxy-revalidate"];
    let private = head.contains_key(header::SET_COOKIE)
        || asked.headers.contains_key(header::AUTHORIZATION)
        || asked.headers.contains_key(header::RANGE)
        || directives(head).any(|(name, _)| no.iter().any(|n| name.eq_ignore_ascii_case(n)))
        || (!head.contains_key(header::CACHE_CONTROL) && head.contains_key(header::PRAGMA));
    // What the operator allows for a whole route may still have been made for who is logged in, unless the origin
    // says that it is for everybody.
    let public = || {
        let open = ["public", "max-age", "s-maxage"];
        directives(head).any(|(name, _)| open.iter().any(|n| name.eq_ignore_ascii_case(n)))
    };
    !private && (from_origin || !asked.headers.contains_key(header::COOKIE) || public())
}

/// A request that says that nothing kept will do.
fn forbids_kept(asked: &HeaderMap) -> bool {
    directives(asked).any(|(name, _)| ["no-store", "no-cache"].iter().any(|n| name.eq_ignore_ascii_case(n)))
}

fn stale_if_error(head: &HeaderMap) -> Option<Duration> {
    let (_, seconds) = directives(head).find(|(name, _)| name.eq_ignore_ascii_case("stale-if-error"))?;
    seconds?.parse().ok().map(Duration::from_secs)
}

/// How old it already was when it came to us. `None`: that cannot be told.
fn age(head: &HeaderMap) -> Option<Duration> {
    let Some(age) = head.get(header::AGE) else { return Some(Duration::ZERO) };
    age.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Names and values in `Cache-Control`.
fn directives(headers: &HeaderMap) -> impl Iterator<Item = (&str, Option<&str>)> {
    let lines = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|d| {
        let (name, value) = d.split_once('=').map_or((d, None), |(n, v)| (n, Some(v)));
        (name.trim(), value.map(|v| v.trim().trim_matches('"')))
    })
}

/// The request's headers that the answer depends on. `None`: on more than headers.
fn vary(asked: &HeaderMap, head: &HeaderMap) -> Option<Vec<(HeaderName, Vec<HeaderValue>)>> {
    let mut names: Vec<HeaderName> = Vec::new();
    for line in head.get_all(header::VARY) {
        for name in line.to_str().ok()?.split(',').map(str::trim).filter(|n| !n.is_empty()) {
            // `*` is no header name.
            names.push(name.parse().ok().filter(|_| name != "*")?);
        }
    }
    names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    let values = |name: HeaderName| {
        let all = asked.get_all(&name).iter().cloned().collect();
        (name, all)
    };
    (names.len() <= VARY_MAX).then(|| names.into_iter().map(values).collect())
}

/// Scheme does not count: the edge serves the same behind both.
fn address(asked: &request::Parts) -> Option<String> {
    let host = asked.uri.authority().map(http::uri::Authority::as_str);
    let host = host.or_else(|| asked.headers.get(header::HOST).and_then(|v| v.to_str().ok()))?;
    let path = asked.uri.path_and_query().map_or("/", |p| p.as_str());
    let fits = host.len() + path.len() <= KEY_MAX;
    fits.then(|| format!("{}{path}", host.to_ascii_lowercase()))
}

/// Without the headers that belong to one connection.
fn end_to_end(head: &HeaderMap) -> HeaderMap {
    let mut headers = head.clone();
    let named: Vec<HeaderName> = head
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let always = [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::TE,
        header::TRAILER,
        header::UPGRADE,
        header::PROXY_AUTHENTICATE,
        header::CONTENT_LENGTH,
        header::AGE,
        HeaderName::from_static("keep-alive"),
        CACHE_STATUS,
    ];
    for name in named.iter().chain(&always) {
        headers.remove(name);
    }
    headers
}

fn system(t: Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(t.0).unwrap_or(0))
}

fn since_secs(now: Time, then: Time) -> i64 {
    i64::try_from(now.since(then).as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
