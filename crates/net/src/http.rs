//! HTTP on a fresh connection, phase by phase: name, connection, TLS, first byte, body.
//!
//! HTTP/1.1 is our own reader over `httparse` ([`h1`]), because a look must cost little and must survive whatever
//! a hostile target answers: every length is bounded, nothing is parsed twice, no task is spawned. HTTP/2 is `h2`,
//! driven in place. Nothing is pooled: a look that reuses a connection does not see what a new visitor sees.

mod h1;
mod h2;
mod post;
mod proxy;
mod target;

pub use post::{Answered, Failed, Post, Poster};
pub use proxy::Proxy;
pub use target::{NotATarget, Target};

use crate::{
    dns::{Family, Host, Resolver},
    fault::Fault,
    guard::Policy,
    tcp,
    tls::{self, Judged, Peer},
    trace::{Phase, Trace},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::{net::IpAddr, sync::Arc, time::Instant};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// Largest head of an answer, in bytes.
pub const MAX_HEAD: usize = 64 * 1024;
/// Most header lines of an answer.
pub const MAX_HEADERS: usize = 128;
/// Most interim answers (103 Early Hints and the like) before the real one.
pub const MAX_INTERIM: usize = 8;
/// Largest body that we send.
pub const MAX_REQUEST_BODY: usize = 1024 * 1024;
/// Requests larger than this go out in several segments, which Nagle's algorithm would hold up.
const ONE_SEGMENT: usize = 1200;

const USER_AGENT: &str = concat!("stillhere/", env!("CARGO_PKG_VERSION"));

/// Which version of HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// In TLS what the server prefers, in plain text 1.1.
    #[default]
    Auto,
    Http11,
    /// In TLS by ALPN; in plain text with prior knowledge.
    Http2,
}

/// What is asked, wherever it is asked.
#[derive(Clone)]
pub struct Ask {
    pub method: Method,
    /// Go in addition to, or in place of, our own `User-Agent` and `Accept`. May hold secrets.
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// How targets are reached.
#[derive(Clone)]
pub struct Route {
    pub resolver: Arc<Resolver>,
    pub family: Family,
    pub proxy: Option<Arc<Proxy>>,
}

/// How much of the answer is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Want {
    /// Keep the headers.
    pub headers: bool,
    /// Keep the body; else it is read to its end and dropped.
    pub body: bool,
    /// Reading stops here, and the answer is `truncated`.
    pub max_body: u64,
    /// An answer that redirects ends with its head.
    pub stop_at_redirect: bool,
}

/// One request to one target, ready to be sent again and again.
pub struct Plan {
    target: Target,
    peer: Option<Peer>,
    version: Version,
    no_body_wanted: bool,
    /// The whole HTTP/1.1 request, body included. May hold secrets.
    h1: Vec<u8>,
    /// The same for HTTP/2, where that may be spoken.
    h2: Option<Box<http::Request<()>>>,
    body: Bytes,
    /// The request goes to the proxy itself (plain HTTP).
    through: bool,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub version: &'static str,
    pub location: Option<String>,
    pub retry_after: Option<String>,
    /// Names in lower case, values as text; empty unless wanted.
    pub headers: Vec<(String, String)>,
    /// Empty unless wanted.
    pub body: Vec<u8>,
    /// How much of the body was read.
    pub body_bytes: u64,
    /// The body goes on after `max_body`.
    pub truncated: bool,
    pub certificate: Option<Arc<Judged>>,
}

// === impl Answer ===

impl Answer {
    fn new(status: u16, version: &'static str) -> Answer {
        Answer {
            status,
            version,
            location: None,
            retry_after: None,
            headers: Vec::new(),
            body: Vec::new(),
            body_bytes: 0,
            truncated: false,
            certificate: None,
        }
    }

    /// It names another place where the answer is.
    #[must_use]
    pub fn redirects(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308) && self.location.is_some()
    }

    /// Takes a header line over, as far as it is wanted.
    fn header(&mut self, name: &str, value: &[u8], want: &Want) {
        let text = || String::from_utf8_lossy(value).into_owned();
        if name.eq_ignore_ascii_case("location") {
            self.location = Some(text());
        } else if name.eq_ignore_ascii_case("retry-after") {
            self.retry_after = Some(text());
        }
        if want.headers {
            self.headers.push((name.to_ascii_lowercase(), text()));
        }
    }

    /// Takes a piece of the body. False: there is more than is wanted, stop reading.
    fn take(&mut self, piece: &[u8], want: &Want) -> bool {
        let room = want.max_body.saturating_sub(self.body_bytes);
        let fits = usize::try_from(room).unwrap_or(usize::MAX).min(piece.len());
        if want.body {
            self.body.extend_from_slice(&piece[..fits]);
        }
        self.body_bytes += fits as u64;
        self.truncated = fits < piece.len();
        !self.truncated
    }
}

// === impl Plan ===

impl Plan {
    /// # Errors
    /// When there can be no certificate for the host's name, or the URL is not one that can be asked.
    pub fn new(
        target: Target,
        ask: &Ask,
        tls: &tls::Client,
        server_name: Option<&Host>,
        version: Version,
        proxy: Option<&Proxy>,
    ) -> Result<Plan, String> {
        let peer = if target.https() {
            let name = server_name.unwrap_or(target.host());
            Some(tls.peer(name).ok_or_else(|| format!("no certificate can be for \"{name}\""))?)
        } else {
            None
        };
        let through = proxy.is_some() && peer.is_none();
        let mut h2 = http::Request::builder()
            .method(ask.method.clone())
            .version(http::Version::HTTP_2)
            .uri(target.url())
            .body(())
            .map_err(|e| format!("not a URL that can be asked: {e}"))?;
        let mut plan = Plan {
            h1: Vec::with_capacity(512),
            h2: None,
            no_body_wanted: ask.method == Method::HEAD,
            body: ask.body.clone(),
            target,
            peer,
            version,
            through,
        };
        plan.write(ask, proxy, &mut h2);
        // Plans are kept by the ten thousand.
        plan.h1.shrink_to_fit();
        plan.h2 = (plan.peer.is_some() || version == Version::Http2).then(|| Box::new(h2));
        Ok(plan)
    }

    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// One exchange on a fresh connection. Its deadline is the caller's; `deadline` only helps to share the time
    /// between several addresses.
    ///
    /// # Errors
    /// With the fault's owner.
    pub async fn run(
        &self,
        route: &Route,
        policy: Policy,
        want: &Want,
        deadline: Instant,
        trace: &mut Trace,
    ) -> Result<Answer, Fault> {
        let tcp = self.connect(route, policy, deadline, trace).await?;
        match &self.peer {
            None => self.over(tcp, want, trace).await,
            // The futures of the rarer ways are large; boxed, the common look's future stays small.
            Some(peer) => Box::pin(self.within_tls(peer, tcp, want, trace)).await,
        }
    }

    /// The exchange alone, in plain text on a connection that is there.
    ///
    /// # Errors
    /// With the fault's owner.
    pub async fn over<S>(&self, mut io: S, want: &Want, trace: &mut Trace) -> Result<Answer, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        match self.version {
            Version::Http2 => Box::pin(h2::exchange(Box::new(io), self.h2(), &self.body, want, trace)).await,
            _ => h1::exchange(&mut io, &self.h1, self.no_body_wanted, want, trace).await,
        }
    }

    async fn within_tls(
        &self,
        peer: &Peer,
        tcp: TcpStream,
        want: &Want,
        trace: &mut Trace,
    ) -> Result<Answer, Fault> {
        let (mut stream, certificate) = peer.handshake(tcp, trace).await?;
        let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        let mut answer = match (agreed.as_deref(), self.version) {
            (Some(b"h2"), _) => h2::exchange(Box::new(stream), self.h2(), &self.body, want, trace).await?,
            (_, Version::Http2) => {
                let detail = "the server does not offer HTTP/2 (ALPN)";
                return Err(Fault::target(stillhere_model::Finding::MalformedAnswer, detail));
            }
            _ => {
                let answer = h1::exchange(&mut stream, &self.h1, self.no_body_wanted, want, trace).await;
                say_goodbye(&mut stream).await;
                answer?
            }
        };
        answer.certificate = certificate;
        Ok(answer)
    }

    async fn connect(
        &self,
        route: &Route,
        policy: Policy,
        deadline: Instant,
        trace: &mut Trace,
    ) -> Result<TcpStream, Fault> {
        let nodelay = self.peer.is_some() || self.version == Version::Http2 || self.h1.len() > ONE_SEGMENT;
        let Some(proxy) = &route.proxy else {
            let addrs = route.resolver.addresses(self.target.host(), route.family, deadline, trace).await?;
            return tcp::connect_any(&addrs, self.target.port(), nodelay, policy, deadline, trace).await;
        };
        // Names are the proxy's business; an address that may not be reached is not asked of it either.
        if let Host::Ip(ip) = self.target.host() {
            tcp::allowed(policy, *ip, self.target.port())?;
        }
        let tunnel = self.peer.is_some() || self.version == Version::Http2;
        Box::pin(proxy.connect(route, tunnel.then_some(&self.target), deadline, trace)).await
    }

    /// Writes both forms of the request.
    fn write(&mut self, ask: &Ask, proxy: Option<&Proxy>, h2: &mut http::Request<()>) {
        let defaults = [
            (header::USER_AGENT, HeaderValue::from_static(USER_AGENT)),
            (header::ACCEPT, HeaderValue::from_static("*/*")),
            (header::ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        ];
        let host = ask.headers.get(header::HOST).map_or_else(
            || HeaderValue::from_str(&self.target.authority()).expect("a parsed URL's authority is ASCII"),
            Clone::clone,
        );
        let to = self.h1_target();
        let out = &mut self.h1;
        out.extend_from_slice(ask.method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(to.as_bytes());
        out.extend_from_slice(b" HTTP/1.1\r\n");
        line(out, &header::HOST, &host);
        let mine = defaults.iter().filter(|(name, _)| !ask.headers.contains_key(name)).map(|(n, v)| (n, v));
        let given = ask.headers.iter().filter(|(name, _)| *name != header::HOST);
        for (name, value) in mine.chain(given) {
            line(out, name, value);
            h2.headers_mut().append(name.clone(), value.clone());
        }
        if let Some(auth) = proxy.filter(|_| self.through).and_then(Proxy::authorization) {
            line(out, &header::PROXY_AUTHORIZATION, &auth);
        }
        if !ask.body.is_empty() || matches!(ask.method, Method::POST | Method::PUT | Method::PATCH) {
            let length = HeaderValue::from(ask.body.len());
            line(out, &header::CONTENT_LENGTH, &length);
            h2.headers_mut().insert(header::CONTENT_LENGTH, length);
        }
        out.extend_from_slice(b"Connection: close\r\n\r\n");
        out.extend_from_slice(&ask.body);
        if ask.headers.contains_key(header::HOST)
            && let Ok(authority) = host.to_str()
        {
            let path = self.target.path();
            let scheme = if self.target.https() { "https" } else { "http" };
            let uri = http::Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build();
            if let Ok(uri) = uri {
                *h2.uri_mut() = uri;
            }
        }
    }

    fn h2(&self) -> &http::Request<()> {
        self.h2.as_deref().expect("made for every plan that may speak HTTP/2")
    }

    /// The request target: the path, or all of the URL when the proxy is asked.
    fn h1_target(&self) -> String {
        if self.through { self.target.url().to_owned() } else { self.target.path().to_owned() }
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("target", &self.target.to_string()).finish_non_exhaustive()
    }
}

fn line(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    // Some old servers know header names only in their usual spelling.
    let mut start = true;
    for &b in name.as_str().as_bytes() {
        out.push(if start { b.to_ascii_uppercase() } else { b });
        start = b == b'-';
    }
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Ends the TLS session in the open, as far as that goes without waiting; without it servers log an error.
async fn say_goodbye<S: tokio::io::AsyncWrite + Unpin>(stream: &mut S) {
    std::future::poll_fn(|cx| {
        let _ = std::pin::Pin::new(&mut *stream).poll_shutdown(cx);
        std::task::Poll::Ready(())
    })
    .await;
}

/// Where an answer came from, for [`Policy::LedFrom`].
#[must_use]
pub fn led_from(trace: &Trace) -> Policy {
    trace.remote.map_or(Policy::Public, |a| Policy::LedFrom(IpAddr::to_canonical(&a.ip())))
}

/// What phase a fault of reading belongs to.
fn io_fault(trace: &Trace, e: &std::io::Error) -> Fault {
    match trace.phase {
        Phase::Body if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            Fault::target(stillhere_model::Finding::ClosedEarly, "closed within the body")
        }
        phase => Fault::io(phase, e),
    }
}
