//! The shop's own page, where it can be bought from and broken. Forms only: it works without JavaScript.
//!
//! It listens on loopback, but a browser lets any web site send a form there. So a request must name this host
//! (else a foreign name that resolves to 127.0.0.1 could read the page), and one that changes something must
//! come from the page itself.

use super::{
    ask,
    job::{Job, JobMode},
    page,
    part::{Mode, Parts},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use stillhere_model::Lang;
use stillhere_net::clock;
use tokio::{net::TcpListener, sync::Semaphore};

/// Open connections of the page; the next one waits.
const CONNECTIONS_MAX: usize = 64;
/// Nobody needs longer to send the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long a customer's order waits for one node before it tries the other.
const NODE_WITHIN: Duration = Duration::from_millis(1_500);

pub struct Shop {
    pub parts: Parts,
    pub job: Job,
    pub status: SocketAddr,
    own: SocketAddr,
    /// What became of the last attempt to buy something.
    bought: Mutex<Option<Bought>>,
    orders: AtomicU64,
    b_first: AtomicBool,
}

/// What a customer saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bought {
    Order { order: u64, node: char, second: bool, took: Duration },
    Failed { took: Duration },
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish<'a> {
    Page,
    Buy,
    Part(&'a str, Mode),
    Job(JobMode),
    MendAll,
}

pub async fn serve(shop: Arc<Shop>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let shop = shop.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let shop = shop.clone();
                async move { Ok::<_, Infallible>(shop.answer(&request).await) }
            });
            let served = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_WITHIN)
                .serve_connection(TokioIo::new(stream), service);
            // An error here is a visitor who went away.
            let _ = served.await;
            drop(place);
        });
    }
}

// === impl Shop ===

impl Shop {
    pub fn new(parts: Parts, job: Job, status: SocketAddr, own: SocketAddr) -> Shop {
        Shop {
            parts,
            job,
            status,
            own,
            bought: Mutex::default(),
            orders: AtomicU64::new(0),
            b_first: AtomicBool::new(false),
        }
    }

    pub fn bought(&self) -> Option<Bought> {
        *self.bought.lock().expect("nothing panics while it holds this lock")
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let (uri, headers) = (request.uri(), request.headers());
        let chosen = chosen(uri.query());
        let lang = chosen.unwrap_or_else(|| spoken(headers));
        if !self.is_our_name(headers) {
            return page::problem(StatusCode::MISDIRECTED_REQUEST, lang, "problem-foreign", None);
        }
        let Some(wish) = Wish::of(request.method(), uri.path()) else {
            return page::problem(StatusCode::NOT_FOUND, lang, "problem-not-found", None);
        };
        if wish != Wish::Page && !came_from_here(headers) {
            return page::problem(StatusCode::FORBIDDEN, lang, "problem-foreign", None);
        }
        let (done, anchor) = match wish {
            Wish::Page => return page::shop(self, lang),
            Wish::Buy => {
                self.buy().await;
                (Ok(()), "buy")
            }
            Wish::Part(id, mode) => match self.parts.get(id).filter(|p| p.role.can(mode)) {
                Some(part) => (part.set(mode).await, part.id),
                None => return page::problem(StatusCode::NOT_FOUND, lang, "problem-not-found", None),
            },
            Wish::Job(mode) => {
                self.job.set(mode);
                (Ok(()), "job")
            }
            Wish::MendAll => (self.mend_all().await, "break"),
        };
        match done {
            Ok(()) => see_page(chosen, anchor),
            Err(e) => {
                page::problem(StatusCode::INTERNAL_SERVER_ERROR, lang, "problem-part", Some(&e.to_string()))
            }
        }
    }

    /// As a customer's app would: one node, and the other one if that fails.
    async fn buy(&self) {
        let begun = clock::mono();
        let b_first = self.b_first.fetch_xor(true, Relaxed);
        let nodes =
            if b_first { [('B', "node-b"), ('A', "node-a")] } else { [('A', "node-a"), ('B', "node-b")] };
        let mut bought = None;
        for (i, (node, id)) in nodes.into_iter().enumerate() {
            let answer = ask::http(self.parts.addr(id), Method::POST, "/order", NODE_WITHIN).await;
            if answer.is_ok_and(|a| a.status == 200) {
                let order = self.orders.fetch_add(1, Relaxed) + 1;
                bought = Some(Bought::Order { order, node, second: i > 0, took: begun.elapsed() });
                break;
            }
        }
        let bought = bought.unwrap_or(Bought::Failed { took: begun.elapsed() });
        *self.bought.lock().expect("nothing panics while it holds this lock") = Some(bought);
    }

    async fn mend_all(&self) -> std::io::Result<()> {
        self.job.set(JobMode::Running);
        for part in self.parts.iter().filter(|p| p.mode() != Mode::Well) {
            part.set(Mode::Well).await?;
        }
        Ok(())
    }

    fn is_our_name(&self, headers: &HeaderMap) -> bool {
        let port = self.own.port();
        let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
        host == self.own.to_string() || host.eq_ignore_ascii_case(&format!("localhost:{port}"))
    }
}

// === impl Wish ===

impl<'a> Wish<'a> {
    fn of(method: &Method, path: &'a str) -> Option<Wish<'a>> {
        let mut steps = path.strip_prefix('/')?.split('/');
        let steps = (steps.next()?, steps.next(), steps.next(), steps.next());
        match (method.as_str(), steps) {
            ("GET" | "HEAD", ("", None, ..)) => Some(Wish::Page),
            ("POST", ("buy", None, ..)) => Some(Wish::Buy),
            ("POST", ("mend", None, ..)) => Some(Wish::MendAll),
            ("POST", ("job", Some(mode), None, _)) => JobMode::parse(mode).map(Wish::Job),
            ("POST", ("part", Some(id), Some(mode), None)) => Mode::parse(mode).map(|m| Wish::Part(id, m)),
            _ => None,
        }
    }
}

/// `?lang=`, when it names a language there is.
fn chosen(query: Option<&str>) -> Option<Lang> {
    query?.split('&').find_map(|pair| pair.strip_prefix("lang=")?.parse().ok())
}

fn spoken(headers: &HeaderMap) -> Lang {
    let header = headers.get(header::ACCEPT_LANGUAGE).map(HeaderValue::as_bytes).unwrap_or_default();
    stillhere_web::lang::accepted(header, &Lang::ALL).unwrap_or(Lang::En)
}

/// Browsers say with each form where it came from. What says nothing is no browser, and nobody's victim.
fn came_from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|v: &HeaderValue| v.to_str().unwrap_or("?"));
    let host = text(header::HOST).unwrap_or_default();
    match (text(header::ORIGIN), text(header::HeaderName::from_static("sec-fetch-site"))) {
        (Some(origin), _) => origin.strip_prefix("http://").is_some_and(|o| o.eq_ignore_ascii_case(host)),
        (None, Some(site)) => matches!(site, "same-origin" | "none"),
        (None, None) => true,
    }
}

/// Back to the page by GET, so that loading it again does not do the thing again.
fn see_page(chosen: Option<Lang>, anchor: &str) -> Response<Full<Bytes>> {
    let query = chosen.map(|l| format!("?lang={}", l.tag())).unwrap_or_default();
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let to = HeaderValue::try_from(format!("/{query}#{anchor}"))
        .expect("language tags and anchors are plain ASCII");
    response.headers_mut().insert(header::LOCATION, to);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (http::HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn only_the_page_itself_can_break_something() {
        let host = ("host", "127.0.0.1:8081");
        let table: [(&[_], bool); 7] = [
            (&[("origin", "http://127.0.0.1:8081")], true),
            (&[("origin", "http://127.0.0.1:8080")], false),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[], true),
        ];
        for (more, want) in table {
            let all: Vec<_> = more.iter().copied().chain([host]).collect();
            assert_eq!(came_from_here(&headers(&all)), want, "{more:?}");
        }
    }

    #[test]
    fn nothing_changes_by_get_and_unknown_words_are_nothing() {
        let of = |method: &str, path| Wish::of(&method.parse().unwrap(), path);
        assert_eq!(of("GET", "/"), Some(Wish::Page));
        assert_eq!(of("POST", "/part/node-a/killed"), Some(Wish::Part("node-a", Mode::Killed)));
        assert_eq!(of("POST", "/job/stopped"), Some(Wish::Job(JobMode::Stopped)));
        for (method, path) in [
            ("GET", "/part/node-a/killed"),
            ("GET", "/buy"),
            ("POST", "/"),
            ("POST", "/part/node-a/melted"),
            ("POST", "/part/node-a/killed/x"),
            ("GET", "//"),
            ("GET", "/x"),
        ] {
            assert_eq!(of(method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn the_language_is_the_visitors() {
        assert_eq!(chosen(Some("a=b&lang=zh-CN")), Some(Lang::ZhCn));
        assert_eq!(chosen(Some("lang=tlh")), None);
        assert_eq!(spoken(&headers(&[("accept-language", "zh-CN,zh;q=0.9")])), Lang::ZhCn);
        assert_eq!(spoken(&headers(&[])), Lang::En);
    }
}
