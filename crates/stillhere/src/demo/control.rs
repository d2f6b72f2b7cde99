//! The control page: breaking the shop, and seeing what its visitors get. Forms first: it works without JavaScript.
//!
//! It listens on loopback, but a browser lets any web site send a form there. So a request must name this host
//! (else a foreign name that resolves to 127.0.0.1 could read the page), and one that changes something must
//! come from the page itself.

use super::{
    ask,
    crowd::Crowd,
    html,
    job::{Job, JobMode},
    page,
    part::{Mode, Part, Parts},
    plan::Places,
};
use crate::{cli::At, control};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::{
    convert::Infallible,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
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
/// How long both nodes are away when they are restarted.
const RESTART: Duration = Duration::from_secs(3);
/// A pause that nobody ends ends by itself.
const PAUSE: Duration = Duration::from_secs(60);
/// What the shop is called in the file.
const SERVICE: &str = "checkout";
/// How long the status page may take to say how things are.
const STATUS_WITHIN: Duration = Duration::from_millis(500);
/// Longer words of the status page are cut.
const SAID_MAX: usize = 200;

pub struct Control {
    pub parts: Parts,
    pub job: Job,
    pub crowd: Arc<Crowd>,
    pub places: Places,
    /// Where Stillhere listens to its operator.
    at: At,
    restarting: AtomicBool,
}

/// What others know at this moment.
pub struct Now {
    /// What the status page says of the checkout, as its API writes it.
    pub said: Option<String>,
    pub paused: bool,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish<'a> {
    Page,
    Part(&'a str, Mode),
    Job(JobMode),
    Crowd(CrowdWish),
    /// The requests for the shop, as before a deploy.
    Pause(bool),
    Restart,
    MendAll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CrowdWish {
    On,
    Off,
    Forget,
}

pub async fn serve(control: Arc<Control>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let control = control.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let control = control.clone();
                async move { Ok::<_, Infallible>(control.answer(&request).await.map(Full::new)) }
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

// === impl Control ===

impl Control {
    pub fn new(parts: Parts, job: Job, crowd: Arc<Crowd>, places: Places, data: &Path) -> Control {
        let at = At { data: data.to_owned(), json: true };
        Control { parts, job, crowd, places, at, restarting: AtomicBool::new(false) }
    }

    pub fn is_restarting(&self) -> bool {
        self.restarting.load(SeqCst)
    }

    async fn answer(self: &Arc<Self>, request: &Request<Incoming>) -> Response<Bytes> {
        let (uri, headers) = (request.uri(), request.headers());
        let chosen = html::chosen(uri.query());
        let lang = chosen.unwrap_or_else(|| html::spoken(headers));
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
            Wish::Page => {
                let now = Now { said: self.said().await, paused: self.is_paused().await };
                return page::control(self, &now, lang);
            }
            Wish::Part(id, mode) => match self.parts.get(id).filter(|p| p.role.can(mode)) {
                Some(part) => (part.set(mode).await, part.id),
                None => return page::problem(StatusCode::NOT_FOUND, lang, "problem-not-found", None),
            },
            Wish::Job(mode) => {
                self.job.set(mode);
                (Ok(()), "job")
            }
            Wish::Crowd(wish) => {
                match wish {
                    CrowdWish::On => self.crowd.set(true),
                    CrowdWish::Off => self.crowd.set(false),
                    CrowdWish::Forget => self.crowd.forget(),
                }
                (Ok(()), "crowd")
            }
            Wish::Pause(on) => (self.pause(on).await, "break"),
            Wish::Restart => (self.restart().await, "break"),
            Wish::MendAll => (self.mend_all().await, "break"),
        };
        match done {
            Ok(()) => see_page(chosen, anchor),
            Err(e) => {
                page::problem(StatusCode::INTERNAL_SERVER_ERROR, lang, "problem-part", Some(&e.to_string()))
            }
        }
    }

    /// What the status page says of the checkout at this moment, in its own words for programs.
    async fn said(&self) -> Option<String> {
        let answer =
            ask::http(self.places.status, Method::GET, "/api/v2/summary.json", STATUS_WITHIN).await.ok()?;
        let summary: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
        let checkout = summary["components"].as_array()?.iter().find(|c| c["id"] == SERVICE)?;
        Some(checkout["status"].as_str()?.chars().take(SAID_MAX).collect())
    }

    async fn is_paused(&self) -> bool {
        let edges = control::call(&self.at, Method::GET, "/api/v1/edges", None).await;
        edges.is_ok_and(|edges| edges["paused"].get(SERVICE).is_some())
    }

    /// By the API, as `stillhere edge pause` does.
    async fn pause(&self, on: bool) -> std::io::Result<()> {
        let (what, body) = if on {
            ("pause", Some(json!({ "until": clock::wall().plus(PAUSE) })))
        } else {
            ("resume", None)
        };
        let path = format!("/api/v1/edge/services/{SERVICE}/{what}");
        let done = control::call(&self.at, Method::POST, &path, body.as_ref()).await;
        done.map(|_| ()).map_err(|e| std::io::Error::other(e.text().unwrap_or_default().to_owned()))
    }

    /// Both nodes go away and come back by themselves, as in a hasty deploy.
    async fn restart(self: &Arc<Self>) -> std::io::Result<()> {
        if self.restarting.swap(true, SeqCst) {
            return Ok(());
        }
        for node in self.parts.nodes() {
            if let Err(e) = node.set(Mode::Killed).await {
                self.restarting.store(false, SeqCst);
                return Err(e);
            }
        }
        let control = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(RESTART).await;
            for node in control.parts.nodes().filter(|n| n.mode() == Mode::Killed) {
                if let Err(e) = node.set(Mode::Well).await {
                    tracing::error!(error = %e, node = node.id, "a node did not come back");
                }
            }
            control.restarting.store(false, SeqCst);
        });
        Ok(())
    }

    async fn mend_all(&self) -> std::io::Result<()> {
        self.job.set(JobMode::Running);
        if self.is_paused().await {
            self.pause(false).await?;
        }
        let broken = |p: &&Part| p.mode() != Mode::Well;
        for part in self.parts.iter().filter(broken) {
            part.set(Mode::Well).await?;
        }
        Ok(())
    }

    fn is_our_name(&self, headers: &HeaderMap) -> bool {
        let own = self.places.control;
        let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
        host == own.to_string() || host.eq_ignore_ascii_case(&format!("localhost:{}", own.port()))
    }
}

// === impl Wish ===

impl<'a> Wish<'a> {
    fn of(method: &Method, path: &'a str) -> Option<Wish<'a>> {
        let mut steps = path.strip_prefix('/')?.split('/');
        let steps = (steps.next()?, steps.next(), steps.next(), steps.next());
        match (method.as_str(), steps) {
            ("GET" | "HEAD", ("", None, ..)) => Some(Wish::Page),
            ("POST", ("restart", None, ..)) => Some(Wish::Restart),
            ("POST", ("pause", None, ..)) => Some(Wish::Pause(true)),
            ("POST", ("resume", None, ..)) => Some(Wish::Pause(false)),
            ("POST", ("crowd", Some(wish), None, _)) => CrowdWish::parse(wish).map(Wish::Crowd),
            ("POST", ("mend", None, ..)) => Some(Wish::MendAll),
            ("POST", ("job", Some(mode), None, _)) => JobMode::parse(mode).map(Wish::Job),
            ("POST", ("part", Some(id), Some(mode), None)) => Mode::parse(mode).map(|m| Wish::Part(id, m)),
            _ => None,
        }
    }
}

// === impl CrowdWish ===

impl CrowdWish {
    fn parse(word: &str) -> Option<CrowdWish> {
        match word {
            "on" => Some(CrowdWish::On),
            "off" => Some(CrowdWish::Off),
            "forget" => Some(CrowdWish::Forget),
            _ => None,
        }
    }
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
fn see_page(chosen: Option<Lang>, anchor: &str) -> Response<Bytes> {
    let query = chosen.map(|l| format!("?lang={}", l.tag())).unwrap_or_default();
    let mut response = Response::new(Bytes::new());
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
        assert_eq!(of("POST", "/crowd/off"), Some(Wish::Crowd(CrowdWish::Off)));
        for (method, path) in [
            ("GET", "/part/node-a/killed"),
            ("GET", "/restart"),
            ("POST", "/crowd/rich"),
            ("POST", "/"),
            ("POST", "/part/node-a/melted"),
            ("POST", "/part/node-a/killed/x"),
            ("GET", "//"),
            ("GET", "/x"),
        ] {
            assert_eq!(of(method, path), None, "{method} {path}");
        }
    }
}
