//! Webhooks of subscribers: an address that a stranger gave us.
//!
//! The threat: somebody uses us to reach into the operator's network, or to flood a third party. So only public addresses
//! are connected to, whatever the name resolves to at that moment; redirects are not followed; nothing but the question to
//! confirm is sent before the far side has answered it, by the right words and not by a 200 that any server gives; and what is sent is signed with a key whose public half
//! everybody can have (Standard Webhooks `v1a`, ed25519), so that no secret has to be shared with strangers.

use crate::text::{REASON_MAX, line};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::{sync::Arc, time::Duration};
use stillhere_model::{DeliveryId, Time, message::Receipt};
use stillhere_net::{
    dns::Resolver,
    guard::Policy,
    http::{Failed, Post, Poster},
    tls,
};

/// One delivery may take this long, all in all.
const WITHIN: Duration = Duration::from_secs(15);
/// Longest address.
pub const URL_MAX: usize = 2_000;

/// Sends to subscribers' webhooks.
pub struct Hooks {
    key: Ed25519KeyPair,
    poster: Poster,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hooked {
    Of(Receipt),
    /// It gave the challenge back: whoever is there wants what comes.
    Agreed,
    /// 410: whoever is there wants nothing more.
    Gone(String),
}

/// An address as it is kept. `own`: hosts (`hooks.example.com`, `hooks.example.com:8443`) that the operator runs, and that may be anywhere.
#[must_use]
pub fn address_or_own(written: &str, own: &[String]) -> Option<String> {
    if let Some(address) = address(written) {
        return Some(address);
    }
    let url = url::Url::parse(written.trim()).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let text = url.to_string();
    (url.scheme() == "https" && plain && text.len() <= URL_MAX && is_own(&text, own)).then_some(text)
}

/// Whether the operator named the host of this address as their own.
#[must_use]
pub fn is_own(address: &str, own: &[String]) -> bool {
    authority(address).is_some_and(|a| own.iter().any(|o| o.eq_ignore_ascii_case(&a)))
}

fn authority(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// Whether an answer gives the challenge back: as its whole text, or as the one key of a JSON object. A server that sends back
/// whatever it gets does neither.
fn gives_back(body: &[u8], challenge: &str) -> bool {
    let text = body.trim_ascii();
    if text == challenge.as_bytes() {
        return true;
    }
    match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(text) {
        Ok(object) => object.len() == 1 && object.get("challenge").is_some_and(|c| c == challenge),
        Err(_) => false,
    }
}

/// An address as it is kept: https, a host with a name or a public address, no user, no fragment.
#[must_use]
pub fn address(written: &str) -> Option<String> {
    let mut url = url::Url::parse(written.trim()).ok()?;
    url.set_fragment(None);
    let named = match url.host()? {
        url::Host::Domain(name) => name.contains('.') && !name.ends_with(".localhost"),
        url::Host::Ipv4(ip) => Policy::Public.check(ip.into()).is_ok(),
        url::Host::Ipv6(ip) => Policy::Public.check(ip.into()).is_ok(),
    };
    let plain = url.username().is_empty() && url.password().is_none();
    let text = url.to_string();
    (url.scheme() == "https" && named && plain && text.len() <= URL_MAX).then_some(text)
}

/// Who is flooded when this address is asked for too often: its host.
#[must_use]
pub fn host(address: &str) -> Option<String> {
    url::Url::parse(address).ok()?.host_str().map(str::to_ascii_lowercase)
}

// === impl Hooks ===

impl Hooks {
    /// # Errors
    /// When the machine's certificates cannot be read.
    pub fn new(seed: &[u8; 32]) -> Result<Hooks, String> {
        tls::install();
        let poster = Poster::new(
            Arc::new(Resolver::system()),
            &Arc::new(tls::Store::default()),
            &tls::Options::default(),
        )
        .map_err(|e| e.to_string())?;
        let key = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|e| e.to_string())?;
        Ok(Hooks { key, poster })
    }

    /// What receivers verify with: `whpk_…`.
    #[must_use]
    pub fn public_key(&self) -> String {
        format!("whpk_{}", STANDARD.encode(self.key.public_key().as_ref()))
    }

    /// `own`: the hosts that the operator runs, which may be at private addresses. `challenge`: what the far side gives back if it wants what
    /// comes; with a question alone.
    pub async fn deliver(
        &self,
        url: &str,
        own: &[String],
        id: DeliveryId,
        body: &str,
        challenge: Option<&str>,
        now: Time,
    ) -> Hooked {
        let (id, seconds) = (id.to_string(), now.0.div_euclid(1000));
        let signed = self.key.sign(format!("{id}.{seconds}.{body}").as_bytes());
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [
            ("webhook-id", id),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", format!("v1a,{}", STANDARD.encode(signed.as_ref()))),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        let policy = if is_own(url, own) { Policy::Operator } else { Policy::Public };
        let body = bytes::Bytes::copy_from_slice(body.as_bytes());
        let post = Post { url, headers, body, timeout: WITHIN, policy };
        let deferred = |what: &str, e: &dyn std::fmt::Display| {
            let reason = line(&format!("{what}: {e}"), REASON_MAX);
            Hooked::Of(Receipt::Deferred { reason, retry_after_ms: None })
        };
        match self.poster.post(post).await {
            Ok(answer) if answer.status == 410 => Hooked::Gone("HTTP 410: gone".to_owned()),
            Ok(answer)
                if (200..300).contains(&answer.status)
                    && challenge.is_some_and(|c| gives_back(&answer.body, c)) =>
            {
                Hooked::Agreed
            }
            Ok(answer) => Hooked::Of(crate::webhook::judge(&answer, now)),
            Err(Failed::BadUrl(e)) => Hooked::Of(Receipt::Refused { reason: line(&e, REASON_MAX) }),
            // A name that leads inwards now is nobody's webhook: it is not tried for a day.
            Err(Failed::Refused(e)) => {
                Hooked::Of(Receipt::Refused { reason: line(&format!("not allowed: {e}"), REASON_MAX) })
            }
            Err(e @ Failed::NotSent(_)) => deferred("not sent", &e),
            Err(e @ Failed::MaybeSent(_)) => deferred("perhaps received", &e),
        }
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooks").field("public_key", &self.public_key()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_challenge_itself_is_an_answer_to_it() {
        for (body, is) in [
            ("abc123", true),
            (" abc123\r\n", true),
            ("{\"challenge\": \"abc123\"}", true),
            ("{\"challenge\": \"abc12\"}", false),
            ("{\"challenge\": \"abc123\", \"type\": \"subscription.confirm\"}", false),
            ("[\"abc123\"]", false),
            ("\"abc123\"", false),
            ("ok abc123", false),
            ("", false),
        ] {
            assert_eq!(gives_back(body.as_bytes(), "abc123"), is, "{body:?}");
        }
    }

    #[test]
    fn only_public_https_addresses_are_taken() {
        for (written, kept) in [
            (" https://Hooks.Example.com/x?y#z ", Some("https://hooks.example.com/x?y")),
            ("https://203.0.114.5/x", Some("https://203.0.114.5/x")),
            ("http://hooks.example.com/x", None),
            ("https://localhost/x", None),
            ("https://a.localhost/x", None),
            ("https://127.0.0.1/x", None),
            ("https://0x7f000001/x", None),
            ("https://10.0.0.1/x", None),
            ("https://169.254.169.254/latest", None),
            ("https://[::1]/x", None),
            ("https://[::ffff:10.0.0.1]/x", None),
            ("https://user:pass@hooks.example.com/x", None),
            ("javascript:alert(1)", None),
            ("", None),
        ] {
            assert_eq!(address(written).as_deref(), kept, "{written:?}");
        }
    }
}
