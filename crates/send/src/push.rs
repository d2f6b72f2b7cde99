//! Web push: a message to one browser, through the push service of whoever made the browser (RFC 8030).
//!
//! The threat: the address of the push service comes from a stranger. So only public https addresses are connected to,
//! whatever the name resolves to at that moment, but for hosts that the operator named; redirects are not followed; nothing
//! but the question to confirm is sent before the browser has answered it; and only 201, which no ordinary web server answers, counts as
//! taken. The push service itself learns when there is a message and for whom, not what it says ([`seal`]), and by its length nothing.

pub(crate) mod seal;
mod vapid;

pub use seal::PAYLOAD_MAX;
pub use vapid::Vapid;

use crate::{
    hook::{self, is_own},
    text::{PROOF_MAX, REASON_MAX, line},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header};
use std::{sync::Arc, time::Duration};
use stillhere_model::{Time, message::Receipt, subscriber::BrowserKeys};
use stillhere_net::{
    dns::Resolver,
    guard::Policy,
    http::{Failed, Post, Poster},
    tls,
};

/// One delivery may take this long, all in all.
const WITHIN: Duration = Duration::from_secs(15);
/// Longest time that a push service is asked to keep a message for a browser that is off.
pub const TTL_MAX: Duration = Duration::from_secs(28 * 86_400);
/// Letters of a topic (RFC 8030 §5.4).
const TOPIC_CHARS: usize = 32;
/// The push services of browsers. Each serves millions: what one address there may be asked is bounded by the address, not by the host.
const WELL_KNOWN: [&str; 4] =
    ["fcm.googleapis.com", ".push.services.mozilla.com", ".push.apple.com", ".notify.windows.com"];

/// How soon a browser is woken (RFC 8030 §5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    Low,
    Normal,
    High,
}

/// One message, not yet sealed.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    /// The address that the browser's push service gave to this browser.
    pub endpoint: &'a str,
    pub keys: &'a BrowserKeys,
    /// At most [`PAYLOAD_MAX`] bytes.
    pub payload: &'a [u8],
    /// How long the service keeps it for a browser that is off.
    pub ttl: Duration,
    pub urgency: Urgency,
    /// Of two messages on the same topic that wait at the service, only the newer is delivered.
    pub topic: Option<&'a str>,
    /// How the service reaches whoever sends: `mailto:…` or `https:…`.
    pub contact: Option<&'a str>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    Of(Receipt),
    /// 404 or 410: the browser has ended its subscription, and this address will never work again.
    Gone(String),
}

/// Sends to browsers.
pub struct Pusher {
    vapid: Vapid,
    poster: Poster,
}

/// An address as it is kept. `own`: hosts (`push.example.com`, `push.example.com:8443`) that the operator runs, and that may be anywhere.
#[must_use]
pub fn address(written: &str, own: &[String]) -> Option<String> {
    hook::address_or_own(written, own)
}

/// Who is flooded when this address is asked for too often: the browser, at a push service that is known; the host, at one that is
/// not, which may be any web server.
#[must_use]
pub fn flooded(address: &str, own: &[String]) -> Option<String> {
    let host = hook::host(address)?;
    Some(if is_service(address, own) { address.to_owned() } else { host })
}

/// A push service that is known, or one of the operator's; any other host may be no push service at all.
#[must_use]
pub fn is_service(address: &str, own: &[String]) -> bool {
    let known = |host: String| {
        WELL_KNOWN.iter().any(|k| if k.starts_with('.') { host.ends_with(k) } else { host == *k })
    };
    is_own(address, own) || hook::host(address).is_some_and(known)
}

/// The same for the same subject, and nothing that anybody could read: at most [`TOPIC_CHARS`] letters of base64url.
#[must_use]
pub fn topic(of: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, of.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..TOPIC_CHARS / 4 * 3])
}

// === impl Urgency ===

impl Urgency {
    fn as_str(self) -> &'static str {
        match self {
            Urgency::Low => "low",
            Urgency::Normal => "normal",
            Urgency::High => "high",
        }
    }
}

// === impl Pusher ===

impl Pusher {
    /// # Errors
    /// When the machine's certificates cannot be read.
    pub fn new(vapid: Vapid) -> Result<Pusher, String> {
        tls::install();
        let poster = Poster::new(
            Arc::new(Resolver::system()),
            &Arc::new(tls::Store::default()),
            &tls::Options::default(),
        )
        .map_err(|e| e.to_string())?;
        Ok(Pusher { vapid, poster })
    }

    /// What pages give to the browser, so that its push service takes messages from us alone.
    #[must_use]
    pub fn public_key(&self) -> String {
        self.vapid.public_key()
    }

    /// `own`: the hosts that the operator runs, which may be at private addresses.
    pub async fn deliver(&self, push: &Push<'_>, own: &[String], now: Time) -> Pushed {
        let refused = |reason: &str| Pushed::Of(Receipt::Refused { reason: line(reason, REASON_MAX) });
        let Some(origin) = url::Url::parse(push.endpoint).ok().map(|u| u.origin().ascii_serialization())
        else {
            return refused("not an address");
        };
        let Some(body) = seal::seal(push.keys, push.payload) else {
            return refused("the browser's key is not one, or the message is too long");
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert("ttl", HeaderValue::from(push.ttl.min(TTL_MAX).as_secs()));
        headers.insert("urgency", HeaderValue::from_static(push.urgency.as_str()));
        let authorization = self.vapid.authorization(&origin, push.contact, now);
        let mut secret = HeaderValue::from_str(&authorization).ok();
        secret.iter_mut().for_each(|v| v.set_sensitive(true));
        let topic = push.topic.and_then(|t| HeaderValue::from_str(t).ok());
        let named = [("topic", topic), ("authorization", secret)];
        headers.extend(
            named.into_iter().filter_map(|(name, value)| Some((http::HeaderName::from_static(name), value?))),
        );
        let policy = if is_own(push.endpoint, own) { Policy::Operator } else { Policy::Public };
        let post = Post { url: push.endpoint, headers, body: body.into(), timeout: WITHIN, policy };
        let deferred = |reason: &str, retry_after_ms| {
            Pushed::Of(Receipt::Deferred { reason: line(reason, REASON_MAX), retry_after_ms })
        };
        match self.poster.post(post).await {
            Ok(answer) => {
                let said = String::from_utf8_lossy(&answer.body);
                match answer.status {
                    201 => Pushed::Of(Receipt::Accepted { proof: line("HTTP 201", PROOF_MAX) }),
                    404 | 410 => Pushed::Gone(format!("HTTP {}: gone", answer.status)),
                    413 => refused(&format!("HTTP 413: too long for this push service. {said}")),
                    // Anything else may be a mistake that somebody is repairing; some say when to come again.
                    status => deferred(
                        &format!("HTTP {status} {said}"),
                        answer.retry_after.as_deref().and_then(|r| crate::webhook::retry_after(r, now)),
                    ),
                }
            }
            Err(Failed::BadUrl(e)) => refused(&e),
            // A name that leads inwards now is nobody's push service.
            Err(Failed::Refused(e)) => refused(&format!("not allowed: {e}")),
            Err(e @ Failed::NotSent(_)) => deferred(&format!("not sent: {e}"), None),
            Err(e @ Failed::MaybeSent(_)) => deferred(&format!("perhaps received: {e}"), None),
        }
    }
}

impl std::fmt::Debug for Pusher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pusher").field("public_key", &self.public_key()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_public_https_or_on_a_host_that_the_operator_named() {
        let own = ["127.0.0.1:8443".to_owned(), "Push.intern.example".to_owned()];
        for (written, kept) in [
            ("https://fcm.googleapis.com/fcm/send/abc", true),
            ("https://127.0.0.1:8443/p/1", true),
            ("https://push.intern.example/p/1", true),
            ("https://127.0.0.1:8444/p/1", false),
            ("https://127.0.0.1/p/1", false),
            ("http://127.0.0.1:8443/p/1", false),
            ("https://a:b@127.0.0.1:8443/p/1", false),
            ("http://fcm.googleapis.com/fcm/send/abc", false),
            ("https://10.0.0.1/p", false),
            ("https://169.254.169.254/latest", false),
            ("https://[::1]:8443/p", false),
            ("", false),
        ] {
            assert_eq!(address(written, &own).is_some(), kept, "{written:?}");
        }
    }

    #[test]
    fn who_is_flooded_is_the_browser_at_known_services_and_the_host_elsewhere() {
        for (address, same) in [
            ("https://fcm.googleapis.com/fcm/send/abc", false),
            ("https://updates.push.services.mozilla.com/wpush/v2/abc", false),
            ("https://web.push.apple.com/abc", false),
            ("https://shop.example.com/abc", true),
            ("https://fcm.googleapis.com.example.com/abc", true),
            ("https://evilpush.apple.com/abc", true),
        ] {
            let host_counts = flooded(address, &[]).unwrap() != address;
            assert_eq!(host_counts, same, "{address}");
        }
    }

    #[test]
    fn a_topic_is_short_says_nothing_and_is_the_same_for_the_same_subject() {
        let one = topic("incident 0199");
        assert_eq!(one.len(), TOPIC_CHARS);
        assert_eq!(one, topic("incident 0199"));
        assert_ne!(one, topic("incident 0198"));
        assert!(one.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    }
}
