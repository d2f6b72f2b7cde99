//! The keys of an `http` check.

use crate::probe::{Ip, Problem, check_family, tls::ClientCertificate};
use base64::Engine as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, path::PathBuf};
use stillhere_net::{
    Secret, SecretSource,
    dns::Host,
    http::{Ask, MAX_REQUEST_BODY, Target, Version},
    tls,
};

/// Most redirects that may be followed.
pub const MAX_REDIRECTS: u8 = 20;
/// Largest part of a body that may be read.
pub const MAX_BODY: u64 = 64 * 1024 * 1024;
/// Most headers that may be given.
pub const MAX_GIVEN_HEADERS: usize = 50;
/// Longest text that may be looked for, in bytes.
pub const MAX_TEXT: usize = 4 * 1024;
/// Headers that belong to the connection, which is ours.
const OURS: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    header::PROXY_AUTHORIZATION,
];

/// Asks a URL. Up when the status is accepted, the text is as expected and the certificate is good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpSpec {
    /// What to ask: an `http` or `https` URL, without user name and password.
    pub url: String,
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// Headers to send. A value is a text, or a secret's source: `{ env = "NAME" }`, `{ file = "/path" }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, HeaderText>,
    /// What to send along: a text, or `{ file = "/path" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// Who we are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Which version of HTTP to speak.
    #[serde(default)]
    pub version: HttpVersion,
    /// IPv4 or IPv6.
    #[serde(default)]
    pub ip: Ip,
    /// How many redirects to follow; 0: a redirect is an answer like any other.
    #[serde(default = "ten")]
    #[schemars(range(max = MAX_REDIRECTS))]
    pub redirects: u8,
    /// Which statuses are good, such as `[200, "300-399"]`.
    #[serde(default)]
    pub status: Statuses,
    /// Text that must be in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_TEXT))]
    pub contains: Option<String>,
    /// Text that must not be in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_TEXT))]
    pub not_contains: Option<String>,
    /// How much of the body is read. A longer one is no failure unless the text could be in the rest.
    #[serde(default = "mebibyte")]
    #[schemars(range(min = 1, max = MAX_BODY))]
    pub max_body_bytes: u64,
    /// How to judge the certificate.
    #[serde(default, skip_serializing_if = "Tls::is_default")]
    pub tls: Tls,
    /// An HTTP proxy to go through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
}

/// A header's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum HeaderText {
    Plain(String),
    Secret(SecretSource),
}

/// What is sent along with the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Body {
    Text(String),
    File(BodyFile),
}

/// A file whose content is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BodyFile {
    /// Read when the configuration is loaded.
    pub file: PathBuf,
}

/// How we say who we are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// A user name and password.
    Basic {
        user: String,
        /// Where the password is read from.
        password: SecretSource,
    },
    /// Where a bearer token is read from.
    Bearer(SecretSource),
}

/// Which version of HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum HttpVersion {
    /// HTTP/2 where TLS offers it, else HTTP/1.1.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// HTTP/1.1 only.
    #[serde(rename = "1.1")]
    Http11,
    /// HTTP/2 only; in plain text without asking first (prior knowledge).
    #[serde(rename = "2")]
    Http2,
}

/// Accepted statuses: numbers and ranges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Statuses(#[schemars(length(min = 1, max = 32))] pub Vec<StatusRange>);

/// A status such as `204`, or a range such as `"200-299"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum StatusRange {
    One(#[schemars(range(min = 100, max = 999))] u16),
    Range(#[schemars(pattern(r"^[1-9][0-9]{2}(-[1-9][0-9]{2})?$"))] String),
}

/// How the certificate is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file of certificates to trust instead of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The name that the certificate must be for, if it is not the URL's host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// Take any certificate, even a forged one. Whoever is between us and the target then reads and writes all.
    pub insecure: bool,
    /// Certificate to show when the server asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<ClientCertificate>,
}

/// An HTTP proxy. Names are then looked up by it, not by us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Such as `http://proxy.example.org:3128`.
    pub url: String,
    /// User name, if the proxy asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Where the password is read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretSource>,
}

fn get() -> String {
    "GET".to_owned()
}
fn ten() -> u8 {
    10
}
fn mebibyte() -> u64 {
    1024 * 1024
}

// === impl HttpSpec ===

impl HttpSpec {
    /// A plain GET with every default.
    #[must_use]
    pub fn get(url: &str) -> HttpSpec {
        HttpSpec {
            url: url.to_owned(),
            method: get(),
            headers: BTreeMap::new(),
            body: None,
            auth: None,
            version: HttpVersion::Auto,
            ip: Ip::Auto,
            redirects: ten(),
            status: Statuses::default(),
            contains: None,
            not_contains: None,
            max_body_bytes: mebibyte(),
            tls: Tls::default(),
            proxy: None,
        }
    }

    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        match self.parse_url() {
            Ok(target) => {
                problems.extend(check_family(target.host(), self.ip).err());
                if !target.https() && self.tls != Tls::default() {
                    problems.push(Problem::new("tls", "the URL is not https").hint("url = \"https://…\""));
                }
            }
            Err(p) => problems.push(p),
        }
        problems.extend(self.parse_method().err());
        problems.extend(self.status.problem());
        if self.headers.len() > MAX_GIVEN_HEADERS {
            problems.push(Problem::new("headers", format!("more than {MAX_GIVEN_HEADERS} headers")));
        }
        problems.extend(self.headers.iter().filter_map(|(name, value)| header_problem(name, value)));
        if self.auth.is_some() && self.headers.keys().any(|k| k.eq_ignore_ascii_case("authorization")) {
            problems.push(
                Problem::new("auth", "the header Authorization is given, too").hint("leave one of them out"),
            );
        }
        if let Some(Auth::Basic { user, .. }) = &self.auth
            && user.contains(':')
        {
            problems.push(Problem::new("auth.basic.user", "a user name cannot hold a colon"));
        }
        if let Some(Body::Text(text)) = &self.body
            && text.len() > MAX_REQUEST_BODY
        {
            problems.push(Problem::new("body", format!("it is longer than {MAX_REQUEST_BODY} bytes")));
        }
        for (key, text) in [("contains", &self.contains), ("not_contains", &self.not_contains)] {
            match text {
                Some(t) if t.is_empty() => {
                    problems.push(Problem::new(key, "it is empty").hint("leave the key out"))
                }
                Some(t) if t.len() > MAX_TEXT => {
                    problems.push(Problem::new(key, format!("it is longer than {MAX_TEXT} bytes")));
                }
                Some(_) if self.method.eq_ignore_ascii_case("HEAD") => {
                    problems
                        .push(Problem::new(key, "the answer to HEAD has no body").hint("method = \"GET\""));
                }
                _ => {}
            }
        }
        if self.redirects > MAX_REDIRECTS {
            problems.push(Problem::new("redirects", format!("at most {MAX_REDIRECTS} can be followed")));
        }
        if self.max_body_bytes == 0 || self.max_body_bytes > MAX_BODY {
            problems.push(Problem::new("max_body_bytes", format!("it must be from 1 to {MAX_BODY}")));
        }
        if let Some(name) = &self.tls.server_name
            && Host::parse(name).is_none()
        {
            let text = format!("\"{name}\" is neither a host name nor an address");
            problems.push(Problem::new("tls.server_name", text));
        }
        if self.tls.insecure && self.tls.ca_file.is_some() {
            let p = Problem::new("tls.insecure", "with it, `ca_file` has no meaning");
            problems.push(p.hint("leave one of them out"));
        }
        problems.extend(self.proxy.as_ref().and_then(|p| p.parse().err()));
        problems
    }

    /// `host:port`.
    #[must_use]
    pub fn target(&self) -> String {
        self.parse_url().map_or_else(|_| String::new(), |t| format!("{}:{}", t.host(), t.port()))
    }

    pub(super) fn parse_url(&self) -> Result<Target, Problem> {
        use stillhere_net::http::NotATarget as E;
        Target::parse(&self.url).map_err(|e| {
            let p = Problem::new("url", e.to_string());
            match e {
                E::UserData => p.hint("auth = { basic = { user = \"…\", password = { env = \"…\" } } }"),
                E::Malformed(_) | E::Scheme(_) | E::NoHost => p.hint("url = \"https://example.org/health\""),
                E::TooLong | E::NoPort => p,
            }
        })
    }

    fn parse_method(&self) -> Result<Method, Problem> {
        match Method::from_bytes(self.method.as_bytes()) {
            Ok(Method::CONNECT) => {
                Err(Problem::new("method", "CONNECT asks for a tunnel, not for an answer"))
            }
            Ok(m) if self.method.bytes().any(|b| b.is_ascii_lowercase()) => Err(Problem::new(
                "method",
                format!("methods are written in capitals: {m} is not {}", self.method.to_uppercase()),
            )
            .hint(format!("method = \"{}\"", self.method.to_uppercase()))),
            Ok(m) => Ok(m),
            Err(_) => Err(Problem::new("method", "this is not a method").hint("method = \"GET\"")),
        }
    }

    pub(super) fn tls_options(&self) -> tls::Options {
        tls::Options {
            alpn: match self.version {
                HttpVersion::Auto => tls::Alpn::Either,
                HttpVersion::Http11 => tls::Alpn::Http11,
                HttpVersion::Http2 => tls::Alpn::Http2,
            },
            ca_file: self.tls.ca_file.clone(),
            insecure: self.tls.insecure,
            client: self.tls.client_certificate.clone().map(|c| (c.cert_file, c.key_file)),
        }
    }

    /// The request; reads secrets and the body's file.
    pub(super) fn ask(&self) -> Result<Ask, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let path = format!("headers.{name}");
            let (text, secret) = match value {
                HeaderText::Plain(text) => (text.clone(), false),
                HeaderText::Secret(source) => (read(source, &path)?.expose_secret().to_owned(), true),
            };
            let key = HeaderName::from_bytes(name.as_bytes());
            let key = key.map_err(|_| Problem::new(&path, "this is not a header's name"))?;
            headers.append(key, header_value(&text, &path, secret)?);
        }
        let authorization = match &self.auth {
            None => None,
            Some(Auth::Basic { user, password }) => {
                let password = read(password, "auth.basic.password")?;
                let both = format!("{user}:{}", password.expose_secret());
                Some((
                    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both)),
                    "auth.basic",
                ))
            }
            Some(Auth::Bearer(token)) => {
                Some((format!("Bearer {}", read(token, "auth.bearer")?.expose_secret()), "auth.bearer"))
            }
        };
        if let Some((value, path)) = authorization {
            headers.insert(header::AUTHORIZATION, header_value(&value, path, true)?);
        }
        let body = match &self.body {
            None => Vec::new(),
            Some(Body::Text(text)) => text.clone().into_bytes(),
            Some(Body::File(BodyFile { file })) => {
                let bytes = std::fs::read(file)
                    .map_err(|e| Problem::new("body.file", format!("cannot read {}: {e}", file.display())))?;
                if bytes.len() > MAX_REQUEST_BODY {
                    return Err(Problem::new(
                        "body.file",
                        format!("it is longer than {MAX_REQUEST_BODY} bytes"),
                    ));
                }
                bytes
            }
        };
        Ok(Ask { method: self.parse_method()?, headers, body: body.into() })
    }
}

fn read(source: &SecretSource, path: &str) -> Result<Secret, Problem> {
    source.read().map_err(|e| Problem::new(path, e.to_string()))
}

fn header_problem(name: &str, value: &HeaderText) -> Option<Problem> {
    let path = format!("headers.{name}");
    match HeaderName::from_bytes(name.as_bytes()) {
        Err(_) => return Some(Problem::new(&path, "this is not a header's name")),
        Ok(name) if OURS.contains(&name) => {
            return Some(Problem::new(
                &path,
                "this header belongs to the connection and is not for you to set",
            ));
        }
        Ok(_) => {}
    }
    match value {
        HeaderText::Plain(text) => header_value(text, &path, false).err(),
        HeaderText::Secret(_) => None,
    }
}

fn header_value(text: &str, path: &str, secret: bool) -> Result<HeaderValue, Problem> {
    // Never quotes the value.
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Problem::new(path, "a header's value is one line of printable ASCII"))?;
    value.set_sensitive(secret);
    Ok(value)
}

// === impl Proxy ===

impl Proxy {
    fn parse(&self) -> Result<Target, Problem> {
        let p =
            |text: String| Problem::new("proxy.url", text).hint("url = \"http://proxy.example.org:3128\"");
        let target = Target::parse(&self.url).map_err(|e| p(e.to_string()))?;
        if target.https() {
            return Err(p("a proxy is spoken to in plain HTTP".to_owned()));
        }
        match (&self.user, &self.password) {
            (None, Some(_)) => Err(Problem::new("proxy.password", "a password without a user name")),
            (Some(user), _) if user.contains(':') => {
                Err(Problem::new("proxy.user", "a user name cannot hold a colon"))
            }
            _ => Ok(target),
        }
    }

    pub(super) fn prepare(&self) -> Result<stillhere_net::http::Proxy, Problem> {
        let target = self.parse()?;
        let credentials = match (&self.user, &self.password) {
            (None, _) => None,
            (Some(user), None) => Some(Secret::new(format!("{user}:"))),
            (Some(user), Some(source)) => {
                let password = read(source, "proxy.password")?;
                Some(Secret::new(format!("{user}:{}", password.expose_secret())))
            }
        };
        Ok(stillhere_net::http::Proxy { host: target.host().clone(), port: target.port(), credentials })
    }
}

// === impl Tls ===

impl Tls {
    fn is_default(&self) -> bool {
        *self == Tls::default()
    }
}

// === impl HttpVersion ===

impl From<HttpVersion> for Version {
    fn from(v: HttpVersion) -> Version {
        match v {
            HttpVersion::Auto => Version::Auto,
            HttpVersion::Http11 => Version::Http11,
            HttpVersion::Http2 => Version::Http2,
        }
    }
}

// === impl Statuses ===

impl Default for Statuses {
    fn default() -> Statuses {
        Statuses(vec![StatusRange::Range("200-299".to_owned())])
    }
}

impl Statuses {
    pub(super) fn accept(&self, status: u16) -> bool {
        self.0.iter().filter_map(StatusRange::bounds).any(|(a, b)| (a..=b).contains(&status))
    }

    fn problem(&self) -> Option<Problem> {
        if self.0.is_empty() {
            return Some(
                Problem::new("status", "no status would be good").hint("leave the key out for 200-299"),
            );
        }
        if self.0.len() > 32 {
            return Some(Problem::new("status", "more than 32 statuses and ranges"));
        }
        let bad = self.0.iter().find(|r| r.bounds().is_none())?;
        Some(
            Problem::new("status", format!("{bad} is neither a status nor a range"))
                .hint("status = [200, \"300-399\"]"),
        )
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.0.iter().enumerate() {
            write!(f, "{}{range}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

// === impl StatusRange ===

impl StatusRange {
    fn bounds(&self) -> Option<(u16, u16)> {
        let (a, b) = match self {
            StatusRange::One(n) => (*n, *n),
            StatusRange::Range(text) => match text.split_once('-') {
                Some((a, b)) => (a.trim().parse().ok()?, b.trim().parse().ok()?),
                None => text.trim().parse().map(|n| (n, n)).ok()?,
            },
        };
        (100 <= a && a <= b && b <= 999).then_some((a, b))
    }
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StatusRange::One(n) => n.fmt(f),
            StatusRange::Range(text) => f.write_str(text),
        }
    }
}
