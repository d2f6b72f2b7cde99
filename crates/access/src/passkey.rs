//! Passkeys: keys that a device keeps and that answer this site alone (WebAuthn level 3, as far as a log-in needs it).
//!
//! What is taken is narrow on purpose: ES256 and EdDSA, a user who was verified by the device, no extensions, no attestation. The key of a device
//! stands in one of two exact forms (CTAP2 has one encoding for each), so nothing of CBOR is read that could be read in two ways.
//!
//! Threats: an answer given to another site (origin and the site's hash are checked), one that is sent again (each question is ours, dated,
//! for one purpose, and taken once by the store), a copied device (a counter that does not grow).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest::{SHA256, digest},
    hmac,
    signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey},
};
use std::time::Duration;
use stillhere_model::{PersonId, Time, time::millis};
use subtle::ConstantTimeEq as _;

use crate::Keys;

/// How long a question may be answered.
pub const ASKED_FOR: Duration = Duration::from_secs(300);
/// Longest id of a passkey; WebAuthn allows no longer one.
pub const ID_MAX: usize = 1023;
/// Longest of what a browser says about a question.
const CLIENT_DATA_MAX: usize = 4096;

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const HAS_KEY: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;

/// What a question is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Coming in, as whoever the passkey belongs to.
    Entry,
    /// Keeping a new passkey of this person, who has just shown their password.
    Keeping(PersonId),
}

/// Where the browser must have been.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The `Host` of the request: name, and port if there is one.
    pub host: &'a str,
}

/// A device's key, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub id: Vec<u8>,
    /// `ES256`: 0x04, x, y; `EdDSA`: the 32 bytes.
    pub public: Vec<u8>,
    pub counter: u32,
}

/// A right answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Of the question: the store takes each once.
    pub question: String,
    pub counter: u32,
}

/// What is not right. For the log: a caller hears that it does not fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("what the browser says cannot be read")]
    Unreadable,
    #[error("it answers no question of ours, or too late")]
    Question,
    #[error("it was given to another site")]
    Site,
    #[error("the device has not verified its user")]
    Unverified,
    #[error("the key is of a kind that is not taken")]
    Kind,
    #[error("the signature is not that of this key")]
    Signature,
}

// === impl Keys ===

impl Keys {
    /// A question that only we can ask, for one purpose, until [`ASKED_FOR`] is over.
    #[must_use]
    pub fn question(&self, what: For, random: [u8; 16], now: Time) -> String {
        let mut said = Vec::with_capacity(72);
        said.extend(random);
        said.extend((now.0 + millis(ASKED_FOR)).to_be_bytes());
        let tag = self.tag(what, &said);
        said.extend(tag.as_ref());
        URL_SAFE_NO_PAD.encode(said)
    }

    fn asked(&self, what: For, question: &str, now: Time) -> Result<(), Wrong> {
        let bytes = URL_SAFE_NO_PAD.decode(question).map_err(|_| Wrong::Question)?;
        let (said, tag) = bytes.split_at_checked(24).ok_or(Wrong::Question)?;
        let same: bool = self.tag(what, said).as_ref().ct_eq(tag).into();
        let until = said[16..].try_into().map(i64::from_be_bytes).map_err(|_| Wrong::Question)?;
        if same && now.0 < until { Ok(()) } else { Err(Wrong::Question) }
    }

    fn tag(&self, what: For, said: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(self.questions());
        match what {
            For::Entry => context.update(b"entry"),
            For::Keeping(person) => {
                context.update(b"keeping");
                context.update(person.0.as_bytes());
            }
        }
        context.update(said);
        context.sign()
    }

    /// The key of a new passkey, made for a question to this person.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn keep(
        &self,
        person: PersonId,
        site: Site<'_>,
        client_data: &[u8],
        authenticator: &[u8],
        now: Time,
    ) -> Result<(Key, Answered), Wrong> {
        let question = self.browser(For::Keeping(person), "webauthn.create", site, client_data, now)?;
        let (flags, counter, rest) = device(site, authenticator)?;
        if flags & HAS_KEY == 0 || flags & HAS_EXTENSIONS != 0 {
            return Err(Wrong::Kind);
        }
        // The model of the device (16 bytes) says nothing that we ask for.
        let (length, rest) = rest.get(16..).and_then(|r| r.split_at_checked(2)).ok_or(Wrong::Unreadable)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let (id, key) = rest.split_at_checked(length).ok_or(Wrong::Unreadable)?;
        if !(1..=ID_MAX).contains(&id.len()) {
            return Err(Wrong::Unreadable);
        }
        let key = Key { id: id.to_vec(), public: public(key).ok_or(Wrong::Kind)?, counter };
        Ok((key, Answered { question, counter }))
    }

    /// Whether this is an answer of `key` to a question for coming in.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn entry(
        &self,
        key: &[u8],
        site: Site<'_>,
        client_data: &[u8],
        authenticator: &[u8],
        signature: &[u8],
        now: Time,
    ) -> Result<Answered, Wrong> {
        let question = self.browser(For::Entry, "webauthn.get", site, client_data, now)?;
        let (flags, counter, rest) = device(site, authenticator)?;
        if flags & (HAS_KEY | HAS_EXTENSIONS) != 0 || !rest.is_empty() {
            return Err(Wrong::Kind);
        }
        let signed = [authenticator, digest(&SHA256, client_data).as_ref()].concat();
        let right = match key.len() {
            65 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key).verify(&signed, signature),
            32 => UnparsedPublicKey::new(&ED25519, key).verify(&signed, signature),
            _ => return Err(Wrong::Kind),
        };
        right.map_err(|_| Wrong::Signature)?;
        Ok(Answered { question, counter })
    }

    /// What the browser says: which question, asked where.
    fn browser(
        &self,
        what: For,
        kind: &str,
        site: Site<'_>,
        client_data: &[u8],
        now: Time,
    ) -> Result<String, Wrong> {
        if client_data.len() > CLIENT_DATA_MAX {
            return Err(Wrong::Unreadable);
        }
        let said: serde_json::Value = serde_json::from_slice(client_data).map_err(|_| Wrong::Unreadable)?;
        let word = |key: &str| said[key].as_str().ok_or(Wrong::Unreadable);
        if word("type")? != kind {
            return Err(Wrong::Unreadable);
        }
        // In a frame of another site the user does not see who asks.
        let framed = said.get("crossOrigin").is_some_and(|c| c != false) || said.get("topOrigin").is_some();
        if framed || !site.is(word("origin")?) {
            return Err(Wrong::Site);
        }
        let question = word("challenge")?;
        self.asked(what, question, now)?;
        Ok(question.to_owned())
    }
}

// === impl Site ===

impl<'a> Site<'a> {
    /// The name that passkeys belong to.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self.host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => self.host,
        }
    }

    /// Over TLS, or on this machine. A proxy may have taken off the TLS, so it is the browser's word that counts.
    fn is(self, origin: &str) -> bool {
        match origin.split_once("://") {
            Some(("https", host)) => host.eq_ignore_ascii_case(self.host),
            Some(("http", host)) => host.eq_ignore_ascii_case(self.host) && self.name() == "localhost",
            _ => false,
        }
    }
}

/// What every device says first: flags, counter, and the rest.
fn device<'a>(site: Site<'_>, said: &'a [u8]) -> Result<(u8, u32, &'a [u8]), Wrong> {
    let (head, rest) = said.split_at_checked(37).ok_or(Wrong::Unreadable)?;
    if head[..32] != *digest(&SHA256, site.name().as_bytes()).as_ref() {
        return Err(Wrong::Site);
    }
    if head[32] & (PRESENT | VERIFIED) != PRESENT | VERIFIED {
        return Err(Wrong::Unverified);
    }
    let counter = head[33..].try_into().map(u32::from_be_bytes).map_err(|_| Wrong::Unreadable)?;
    Ok((head[32], counter, rest))
}

/// The key from its one encoding (CTAP2, canonical CBOR of a COSE key).
fn public(cose: &[u8]) -> Option<Vec<u8>> {
    // {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
    const ES256: [u8; 10] = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
    const ES256_Y: [u8; 3] = [0x22, 0x58, 0x20];
    // {1: 1 (OKP), 3: -8 (EdDSA), -1: 6 (Ed25519), -2: x}
    const EDDSA: [u8; 10] = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
    if let Some(rest) = cose.strip_prefix(&ES256) {
        let (x, rest) = rest.split_at_checked(32)?;
        let y = rest.strip_prefix(&ES256_Y).filter(|y| y.len() == 32)?;
        return Some([&[0x04], x, y].concat());
    }
    cose.strip_prefix(&EDDSA).filter(|x| x.len() == 32).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests;
