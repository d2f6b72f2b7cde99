//! One log-in that is under way at a provider: what this browser took along, and must bring back.
//!
//! It is kept in a cookie of the browser that began, sealed, and nowhere else: strangers who begin and never come back cost no memory.
//!
//! Threats: an answer meant for another browser (its state is in no cookie here), one that is brought twice (the store takes each state
//! once), a code that somebody else got hold of (without the verifier it is worth nothing), a way on that leads off this site.

use crate::{Keys, secret::same};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use std::time::Duration;
use stillhere_model::{Time, time::millis};

/// How long somebody may take at the provider.
pub const ERRAND_FOR: Duration = Duration::from_secs(600);
/// Longest page of ours to go on to.
pub const TO_MAX: usize = 512;
/// Characters of state, nonce and verifier: 256 bits each.
const CHARS: usize = 43;

#[derive(Clone, PartialEq, Eq)]
pub struct Errand {
    pub state: String,
    pub nonce: String,
    /// Whoever brings the code must have this (PKCE, RFC 7636).
    pub verifier: String,
    /// The page of ours that they wanted.
    pub to: String,
    pub until: Time,
}

// === impl Errand ===

impl Errand {
    /// `to` is said by the browser: what is no page of the console leads to its first one.
    #[must_use]
    pub fn begin(random: [u8; 96], to: String, now: Time) -> Errand {
        let part = |n: usize| URL_SAFE_NO_PAD.encode(&random[n * 32..(n + 1) * 32]);
        let to = if is_ours(&to) { to } else { "/console/".to_owned() };
        Errand { state: part(0), nonce: part(1), verifier: part(2), to, until: now.plus(ERRAND_FOR) }
    }

    /// What the provider is shown of the verifier.
    #[must_use]
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()))
    }

    /// As the browser keeps it.
    #[must_use]
    pub fn sealed(&self, keys: &Keys, nonce: [u8; 12]) -> String {
        let mut plain = [self.state.as_bytes(), self.nonce.as_bytes(), self.verifier.as_bytes()].concat();
        plain.extend(self.until.0.to_be_bytes());
        plain.extend(self.to.as_bytes());
        URL_SAFE_NO_PAD.encode(keys.seal_errand(&plain, nonce))
    }

    /// The one that this browser began, if the answer is to it and in time.
    #[must_use]
    pub fn brought(keys: &Keys, cookie: &str, state: &str, now: Time) -> Option<Errand> {
        let plain = keys.open_errand(&URL_SAFE_NO_PAD.decode(cookie).ok()?)?;
        let (words, rest) = plain.split_at_checked(3 * CHARS)?;
        let (until, to) = rest.split_at_checked(8)?;
        let word = |n: usize| String::from_utf8(words[n * CHARS..(n + 1) * CHARS].to_vec()).ok();
        let errand = Errand {
            state: word(0)?,
            nonce: word(1)?,
            verifier: word(2)?,
            to: String::from_utf8(to.to_vec()).ok()?,
            until: Time(i64::from_be_bytes(until.try_into().ok()?)),
        };
        (same(&errand.state, state) && now.0 < errand.until.0).then_some(errand)
    }
}

impl std::fmt::Debug for Errand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// A page of the console, and nothing that a browser could take for another site's.
fn is_ours(to: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~%?=&:@+,".contains(c);
    to.len() <= TO_MAX
        && to.starts_with("/console/")
        && to.chars().all(plain)
        && !to.contains("//")
        && !to.split(['/', '?']).any(|part| part == "..")
}

/// Whether an answer that names its provider (RFC 9207) names this one; else the answer of one could be brought to another (mix-up).
#[must_use]
pub fn named(issuer: &str, must: bool, iss: Option<&str>) -> bool {
    match iss {
        Some(iss) => iss == issuer,
        None => !must,
    }
}

/// Kept until it would be too late for it anyway.
#[must_use]
pub fn forgotten_at(errand: &Errand) -> Time {
    Time(errand.until.0.saturating_add(millis(Duration::from_secs(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_795_341_600_000);

    fn random() -> [u8; 96] {
        std::array::from_fn(|i| u8::try_from(i).unwrap())
    }

    #[test]
    fn an_answer_belongs_to_the_browser_that_asked_and_to_the_minutes_after() {
        let keys = Keys::from_seed(&[1; 32]);
        let errand = Errand::begin(random(), "/console/incidents".to_owned(), NOW);
        let cookie = errand.sealed(&keys, [7; 12]);
        assert_eq!(Errand::brought(&keys, &cookie, &errand.state, NOW), Some(errand.clone()));
        let other = Errand::begin([9; 96], String::new(), NOW);
        assert_eq!(Errand::brought(&keys, &cookie, &other.state, NOW), None, "the answer to another browser");
        let theirs = other.sealed(&keys, [8; 12]);
        assert_eq!(Errand::brought(&keys, &theirs, &errand.state, NOW), None, "in another browser");
        assert_eq!(Errand::brought(&keys, &cookie, &errand.state, NOW.plus(ERRAND_FOR)), None, "too late");
        let elsewhere = Keys::from_seed(&[2; 32]);
        assert_eq!(Errand::brought(&elsewhere, &cookie, &errand.state, NOW), None, "another key");
        for i in 0..cookie.len() {
            let mut changed = cookie.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(
                changed == cookie || Errand::brought(&keys, &changed, &errand.state, NOW).is_none(),
                "{i}"
            );
            assert_eq!(Errand::brought(&keys, &cookie[..i], &errand.state, NOW), None, "cut at {i}");
        }
        for secret in [&errand.state, &errand.nonce, &errand.verifier] {
            assert!(!cookie.contains(secret.as_str()) && secret.len() == CHARS);
        }
        assert_eq!(format!("{errand:?}"), "***");
    }

    /// RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        let mut errand = Errand::begin(random(), String::new(), NOW);
        errand.verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        assert_eq!(errand.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn nobody_is_led_anywhere_but_to_a_page_of_the_console() {
        let led = |to: &str| Errand::begin(random(), to.to_owned(), NOW).to;
        for ours in ["/console/", "/console/incidents/0190b5b0?tab=a%20b", "/console/services/shop/web"] {
            assert_eq!(led(ours), ours);
        }
        let long = format!("/console/{}", "a".repeat(TO_MAX));
        for other in [
            "",
            "/",
            "//evil.example/",
            "/console",
            "https://evil.example/console/",
            "/console/..//evil.example",
            "/console/../admin",
            "/console/\\evil.example",
            "/console//evil.example",
            "/console/#x",
            "javascript:alert(1)",
            "/console/\r\nSet-Cookie: a=b",
            "/console/é",
            "\\\\evil.example",
            "/console/a b",
            long.as_str(),
        ] {
            assert_eq!(led(other), "/console/", "{other}");
        }
    }

    #[test]
    fn an_answer_that_names_another_provider_is_none() {
        let issuer = "https://id.example.com";
        assert!(
            named(issuer, true, Some(issuer))
                && named(issuer, false, Some(issuer))
                && named(issuer, false, None)
        );
        assert!(!named(issuer, true, None), "it always names itself");
        for other in ["https://evil.example", "https://id.example.com/", ""] {
            assert!(!named(issuer, false, Some(other)) && !named(issuer, true, Some(other)), "{other}");
        }
    }
}
