//! Random secrets that are handed out once: sessions, links, tokens. Kept only as their SHA-256: with 256 random bits there is
//! nothing to guess, so that a slow hash would protect nothing.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest::{SHA256, digest},
    hmac,
};
use std::fmt::Write as _;
use subtle::ConstantTimeEq as _;

/// As text: 43 characters that may stand in a cookie, a header and a URL's fragment.
pub const CHARS: usize = 43;

/// A secret as it is handed out.
#[derive(Clone, PartialEq, Eq)]
pub struct Handed(String);

// === impl Handed ===

impl Handed {
    #[must_use]
    pub fn new(random: [u8; 32]) -> Handed {
        Handed(URL_SAFE_NO_PAD.encode(random))
    }

    /// What somebody sent, if it can be one at all.
    #[must_use]
    pub fn sent(text: &str) -> Option<Handed> {
        let mut bytes = [0; 32];
        let n = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (n == 32).then(|| Handed(text.to_owned()))
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Under which it is kept.
    #[must_use]
    pub fn hash(&self) -> String {
        hashed(&self.0)
    }

    /// The token that a page must send with each write, made from the session's own secret: whoever cannot read the
    /// cookie cannot make it, and nothing more has to be kept.
    #[must_use]
    pub fn csrf(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, b"stillhere-csrf").as_ref())
    }
}

impl std::fmt::Debug for Handed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Takes the same time wherever they differ.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// Under which something is remembered that was a secret until now.
#[must_use]
pub fn hashed(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut s, b| {
        let _ = write!(s, "{b:02x}"); // writing into a String cannot fail
        s
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_back_as_it_went_out_and_is_never_printed() {
        let secret = Handed::new([7; 32]);
        assert_eq!(secret.expose().len(), CHARS);
        assert_eq!(Handed::sent(secret.expose()).as_ref(), Some(&secret));
        assert_eq!(format!("{secret:?}"), "***");
        let longer = format!("{}A", secret.expose());
        for other in ["", "x", &secret.expose()[1..], &longer, "é"] {
            assert_eq!(Handed::sent(other), None, "{other}");
        }
        assert_ne!(secret.csrf(), Handed::new([8; 32]).csrf());
        assert!(!secret.csrf().contains(secret.expose()) && secret.hash().len() == 64);
        assert!(same("a", "a") && !same("a", "b") && !same("a", "aa"));
    }
}
