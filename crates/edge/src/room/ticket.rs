//! Tickets and passes: what they say, and that nobody else wrote it.

use crate::limit;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;
use ring::hmac;
use std::time::Duration;
use stillhere_model::Time;

/// Where programs show it.
pub const HEADER: &str = "stillhere-ticket";
/// Where browsers show it; the second one without TLS, where the first is refused by them.
pub const COOKIE: &str = "__Host-stillhere-ticket";
pub const COOKIE_PLAIN: &str = "stillhere-ticket";

/// However often it is shown, a ticket or the session that came of it ends after this long.
pub(super) const LONGEST: Duration = Duration::from_secs(86_400);

const VERSION: u8 = 1;
const SAID: usize = 38;
const SEALED: usize = SAID + 32;
/// Letters of a token.
const LETTERS: usize = SEALED.div_ceil(3) * 4 - (3 - SEALED % 3) % 3;

/// The key that tickets are signed with. The same on all edges of a site, and after a restart.
#[derive(Clone)]
pub struct Secret(hmac::Key);

/// Why a token is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    #[error("this is not a ticket")]
    Malformed,
    #[error("this ticket was not issued here")]
    Forged,
    #[error("this ticket is for something else")]
    OtherRoute,
    #[error("this ticket has expired")]
    Expired,
    #[error("the session of this ticket has ended")]
    Used,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ticket = 1,
    Pass = 2,
}

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// When its bearer came. Their place in the queue, for good.
    pub(super) issued: Time,
    pub(super) nonce: u64,
    /// When it was last written.
    pub(super) stamp: Time,
    /// How many were inside then.
    pub(super) active: u32,
}

// === impl Secret ===

impl Secret {
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Secret {
        Secret(hmac::Key::new(hmac::HMAC_SHA256, key))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

// === impl Token ===

impl Token {
    pub(super) fn write(&self, secret: &Secret, route: u64) -> String {
        let mut said = [0; SEALED];
        said[0] = VERSION;
        said[1] = self.kind as u8;
        said[2..10].copy_from_slice(&route.to_be_bytes());
        said[10..18].copy_from_slice(&self.issued.0.to_be_bytes());
        said[18..26].copy_from_slice(&self.nonce.to_be_bytes());
        said[26..34].copy_from_slice(&self.stamp.0.to_be_bytes());
        said[34..SAID].copy_from_slice(&self.active.to_be_bytes());
        let seal = hmac::sign(&secret.0, &said[..SAID]);
        said[SAID..].copy_from_slice(seal.as_ref());
        URL_SAFE_NO_PAD.encode(said)
    }

    pub(super) fn read(text: &str, secret: &Secret, route: u64) -> Result<Token, Bad> {
        // The decoder wants room for whole groups.
        let mut sealed = [0; SEALED.div_ceil(3) * 3];
        if text.len() != LETTERS || URL_SAFE_NO_PAD.decode_slice(text, &mut sealed) != Ok(SEALED) {
            return Err(Bad::Malformed);
        }
        let (said, seal) = sealed[..SEALED].split_at(SAID);
        // Compares in constant time. Nothing that is said is looked at before.
        hmac::verify(&secret.0, said, seal).map_err(|_| Bad::Forged)?;
        let number = |from: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&said[from..from + 8]);
            u64::from_be_bytes(bytes)
        };
        let kind = match (said[0], said[1]) {
            (VERSION, 1) => Kind::Ticket,
            (VERSION, 2) => Kind::Pass,
            _ => return Err(Bad::Malformed),
        };
        if number(2) != route {
            return Err(Bad::OtherRoute);
        }
        let active = u32::from_be_bytes([said[34], said[35], said[36], said[37]]);
        let time = |from| Time(number(from).cast_signed());
        Ok(Token { kind, issued: time(10), nonce: number(18), stamp: time(26), active })
    }
}

/// The ticket or pass that comes with a request.
#[must_use]
pub fn presented(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(HEADER).and_then(|value| value.to_str().ok());
    header
        .or_else(|| limit::cookie(headers, COOKIE))
        .or_else(|| limit::cookie(headers, COOKIE_PLAIN))
        .filter(|text| !text.is_empty())
}
