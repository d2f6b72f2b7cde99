//! An HTTP POST, signed as Standard Webhooks 1.0 say.
//!
//! A fresh connection each time, no redirects (a redirect would carry a signed message to a place that nobody
//! configured), and the answer's first bytes at most.

use crate::{
    Problem,
    signature::Key,
    text::{PROOF_MAX, REASON_MAX, line},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use stillhere_model::{
    Time,
    message::{OutboxMessage, Receipt},
};
use stillhere_net::{
    SecretSource, Trace, clock,
    dns::{Family, Host, Resolver},
    guard::Policy,
    http::{Answered, Failed, Post, Poster},
    tcp, tls,
};

/// Most secrets of one channel: while one is being replaced by the next, there are two.
pub const SECRETS_MAX: usize = 4;
/// Most headers of one's own.
pub const HEADERS_MAX: usize = 16;
/// Largest body that is sent.
pub const BODY_MAX: usize = 512 * 1024;
/// Shortest and longest deadline. The standard asks for 15 to 30 seconds at the most.
pub const TIMEOUT_S: std::ops::RangeInclusive<u64> = 1..=30;

/// Where and how a webhook is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSpec {
    /// `https://…` (or `http://…` on a trusted network). It may be private; cloud metadata addresses are refused.
    #[schemars(length(min = 8, max = 2048))]
    pub url: String,
    /// Where the signing secrets (`whsec_…`) are read from: `[{ env = "NAME" }]` or `[{ file = "/path" }]`. Each of them
    /// signs each message, so that a secret can be replaced without a pause. None: not signed.
    #[schemars(length(max = 4))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretSource>,
    /// Headers to send besides, such as `X-Tenant = "shop"`. For secrets use `token`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Where a token is read from that is sent as `Authorization: Bearer …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretSource>,
    /// A PEM file with the certificate authority of the server, instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Seconds that one delivery may take, all in all.
    #[schemars(range(min = 1, max = 30))]
    #[serde(default = "WebhookSpec::usual_timeout")]
    pub timeout_s: u64,
}

/// A webhook channel ready to deliver.
pub(crate) struct Webhook {
    url: String,
    keys: Vec<Key>,
    headers: HeaderMap,
    poster: Poster,
    timeout: Duration,
}

// === impl WebhookSpec ===

impl WebhookSpec {
    pub(crate) fn usual_timeout() -> u64 {
        15
    }

    /// Everything that is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |path: &str, problem: String, hint| problems.push(Problem::new(path, problem, hint));
        match url::Url::parse(&self.url) {
            _ if self.url.len() > 2048 => say("url", "longer than 2048 characters".to_owned(), None),
            Err(e) => say("url", format!("not a URL: {e}"), Some("write \"https://example.com/hook\"")),
            Ok(u) if !matches!(u.scheme(), "http" | "https") => {
                say("url", format!("{} is not HTTP", u.scheme()), Some("it begins with https:// or http://"));
            }
            Ok(u) if !u.username().is_empty() || u.password().is_some() => {
                say("url", "holds a user or password".to_owned(), Some("use `token` or `headers`"));
            }
            Ok(_) => {}
        }
        if self.secrets.len() > SECRETS_MAX {
            say("secrets", format!("{} secrets, {SECRETS_MAX} is the most", self.secrets.len()), None);
        }
        if self.headers.len() > HEADERS_MAX {
            say("headers", format!("{} headers, {HEADERS_MAX} is the most", self.headers.len()), None);
        }
        for (name, value) in &self.headers {
            let path = format!("headers.{name}");
            if let Err(e) = own_header(name, value) {
                say(&path, e.to_owned(), None);
            }
        }
        if self.token.is_some() && self.headers.keys().any(|k| k.eq_ignore_ascii_case("authorization")) {
            say(
                "token",
                "Authorization is given in `headers` too".to_owned(),
                Some("write only one of them"),
            );
        }
        if !TIMEOUT_S.contains(&self.timeout_s) {
            say("timeout_s", format!("{} is out of range", self.timeout_s), Some("between 1 and 30 seconds"));
        }
        problems
    }
}

fn own_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    /// Those that say how the message is framed, or that are ours.
    const TAKEN: [HeaderName; 7] = [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::HOST,
        header::CONTENT_TYPE,
        header::UPGRADE,
        header::EXPECT,
    ];
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "not a header name")?;
    if TAKEN.contains(&name) || name.as_str().starts_with("webhook-") {
        return Err("this header is set by Stillhere");
    }
    let value = HeaderValue::from_str(value).map_err(|_| "not a header value")?;
    Ok((name, value))
}

// === impl Webhook ===

impl Webhook {
    pub(crate) fn new(spec: &WebhookSpec) -> Result<Webhook, Problem> {
        let mut keys = Vec::new();
        for (i, source) in spec.secrets.iter().enumerate() {
            let wrong = |e: String| Problem::new(&format!("secrets[{i}]"), format!("{source}: {e}"), None);
            let secret = source.read().map_err(|e| wrong(e.to_string()))?;
            keys.push(Key::parse(&secret).map_err(wrong)?);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &spec.headers {
            let (name, value) =
                own_header(name, value).map_err(|e| Problem::new(&format!("headers.{name}"), e, None))?;
            headers.insert(name, value);
        }
        if let Some(source) = &spec.token {
            let wrong = |e: String| Problem::new("token", e, None);
            let token = source.read().map_err(|e| wrong(e.to_string()))?;
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
                .map_err(|_| wrong(format!("the token from {source} cannot stand in a header")))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let options = tls::Options { ca_file: spec.ca_file.clone(), ..tls::Options::default() };
        let poster = Poster::new(Arc::new(Resolver::system()), &Arc::new(tls::Store::default()), &options)
            .map_err(|e| Problem::new("ca_file", e.to_string(), None))?;
        Ok(Webhook {
            url: spec.url.clone(),
            keys,
            headers,
            poster,
            timeout: Duration::from_secs(spec.timeout_s),
        })
    }

    /// Resolves the name and connects. Nothing is said: a receiver would take it for a message.
    pub(crate) async fn rehearse(&self) -> Result<String, String> {
        let url = url::Url::parse(&self.url).map_err(|e| e.to_string())?;
        let named = url.host_str().and_then(Host::parse).zip(url.port_or_known_default());
        let (host, port) = named.ok_or("the URL names no host")?;
        let started = clock::mono();
        let (deadline, mut trace) = (started + self.timeout, Trace::start(started));
        let resolver = Resolver::system();
        let connected = async {
            let found = resolver.addresses(&host, Family::Auto, deadline, &mut trace).await?;
            tcp::connect_any(&found, port, true, Policy::Operator, deadline, &mut trace).await
        };
        match tokio::time::timeout_at(deadline.into(), connected).await {
            Ok(Ok(_)) => Ok(format!("{host}:{port} takes connections; nothing was sent")),
            Ok(Err(fault)) => Err(line(&fault.to_string(), REASON_MAX)),
            Err(_) => Err(format!("{host}:{port} took no connection within {} s", self.timeout.as_secs())),
        }
    }

    pub(crate) async fn deliver(&self, m: &OutboxMessage, body: &str, now: Time) -> Receipt {
        if body.len() > BODY_MAX {
            let reason = format!("the message is larger than {BODY_MAX} bytes");
            return Receipt::Refused { reason };
        }
        let id = m.id.to_string();
        let seconds = now.0.div_euclid(1000);
        let mut headers = self.headers.clone();
        let mut set = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set("webhook-id", &id);
        set("webhook-timestamp", &seconds.to_string());
        if !self.keys.is_empty() {
            let signatures: Vec<String> =
                self.keys.iter().map(|k| k.sign(&id, seconds, body.as_bytes())).collect();
            set("webhook-signature", &signatures.join(" "));
        }
        let post = Post {
            url: &self.url,
            headers,
            body: bytes::Bytes::copy_from_slice(body.as_bytes()),
            timeout: self.timeout,
            policy: Policy::Operator,
        };
        match self.poster.post(post).await {
            Ok(answer) => judge(&answer, now),
            Err(Failed::BadUrl(e)) => Receipt::Refused { reason: line(&e, REASON_MAX) },
            Err(e @ Failed::Refused(_)) => Receipt::Deferred {
                reason: line(&format!("not allowed: {e}"), REASON_MAX),
                retry_after_ms: None,
            },
            Err(e @ Failed::NotSent(_)) => Receipt::Deferred {
                reason: line(&format!("not sent: {e}"), REASON_MAX),
                retry_after_ms: None,
            },
            Err(e @ Failed::MaybeSent(_)) => Receipt::Deferred {
                reason: line(&format!("perhaps received: {e}"), REASON_MAX),
                retry_after_ms: None,
            },
        }
    }
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The path of a webhook's URL is often its password.
        let host = url::Url::parse(&self.url).ok().and_then(|u| u.host_str().map(str::to_owned));
        f.debug_struct("Webhook").field("host", &host).field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// What the answer says of the message. Only 410 is final: all else may be a mistake that somebody is repairing.
pub(crate) fn judge(answer: &Answered, now: Time) -> Receipt {
    let said = String::from_utf8_lossy(&answer.body);
    match answer.status {
        200..=299 => Receipt::Accepted { proof: line(&format!("HTTP {} {said}", answer.status), PROOF_MAX) },
        410 => Receipt::Refused { reason: line(&format!("HTTP 410: gone. {said}"), REASON_MAX) },
        status => Receipt::Deferred {
            reason: line(
                &match status {
                    300..=399 => format!("HTTP {status}: redirects are not followed"),
                    _ => format!("HTTP {status} {said}"),
                },
                REASON_MAX,
            ),
            retry_after_ms: answer.retry_after.as_deref().and_then(|r| retry_after(r, now)),
        },
    }
}

/// Seconds, or an HTTP date (RFC 9110).
pub(crate) fn retry_after(value: &str, now: Time) -> Option<u64> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(seconds.saturating_mul(1000));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    u64::try_from(Time::from_jiff(at).since(now).as_millis()).ok()
}

#[cfg(test)]
mod tests;
