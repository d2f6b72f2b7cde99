//! What is made from the key file `people.key`: sealing what must be read again (the seeds of codes, what a browser takes
//! along to a provider), and marks of devices.
//!
//! The key is a file and not a row, because backups travel and a key must not: a copy of the database alone makes no codes.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{aead, hmac};
use std::time::Duration;
use stillhere_model::{PersonId, Time, time::millis};

/// How long a device stays known after a log-in from it.
pub const DEVICE_FOR: Duration = Duration::from_secs(180 * 86_400);

/// A device that somebody has come in from before. Whoever tries from it has a budget of their own, so that strangers who
/// try in their name cannot keep them waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Device {
    pub id: [u8; 16],
    pub person: PersonId,
    pub since: Time,
}

pub struct Keys {
    seal: aead::LessSafeKey,
    errand: aead::LessSafeKey,
    setting: aead::LessSafeKey,
    device: hmac::Key,
    questions: hmac::Key,
}

// === impl Keys ===

impl Keys {
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Keys {
        let root = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let seal = hmac::sign(&root, b"stillhere people seal 1");
        let device = hmac::sign(&root, b"stillhere people device 1");
        let questions = hmac::sign(&root, b"stillhere people questions 1");
        let setting = hmac::sign(&root, b"stillhere people setting 1");
        let errand = hmac::sign(&root, b"stillhere people errand 1");
        let sealing = |key: &hmac::Tag| {
            let key = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, key.as_ref()).expect("32 bytes");
            aead::LessSafeKey::new(key)
        };
        Keys {
            seal: sealing(&seal),
            errand: sealing(&errand),
            setting: sealing(&setting),
            device: hmac::Key::new(hmac::HMAC_SHA256, device.as_ref()),
            questions: hmac::Key::new(hmac::HMAC_SHA256, questions.as_ref()),
        }
    }

    pub(crate) fn questions(&self) -> &hmac::Key {
        &self.questions
    }

    /// For one person: what is sealed for one cannot be moved to another.
    #[must_use]
    pub fn seal(&self, person: PersonId, plain: &[u8], nonce: [u8; 12]) -> Vec<u8> {
        sealed(&self.seal, person.0.as_bytes(), plain, nonce)
    }

    /// `None`: it was sealed under another key, for another person, or was changed.
    #[must_use]
    pub fn open(&self, person: PersonId, sealed: &[u8]) -> Option<Vec<u8>> {
        opened(&self.seal, person.0.as_bytes(), sealed)
    }

    /// For a secret of what was made in the console, or of a session; `of` says of what: sealed for one it cannot be moved to another.
    #[must_use]
    pub fn seal_setting(&self, of: &str, plain: &[u8], nonce: [u8; 12]) -> String {
        URL_SAFE_NO_PAD.encode(sealed(&self.setting, of.as_bytes(), plain, nonce))
    }

    /// `None`: it was sealed under another key, for something else, or was changed.
    #[must_use]
    pub fn open_setting(&self, of: &str, sealed: &str) -> Option<Vec<u8>> {
        opened(&self.setting, of.as_bytes(), &URL_SAFE_NO_PAD.decode(sealed).ok()?)
    }

    /// For a browser that goes to a provider and comes back (`oidc/errand.rs`).
    pub(crate) fn seal_errand(&self, plain: &[u8], nonce: [u8; 12]) -> Vec<u8> {
        sealed(&self.errand, b"", plain, nonce)
    }

    pub(crate) fn open_errand(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        opened(&self.errand, b"", sealed)
    }

    /// What a device keeps, to be known again.
    #[must_use]
    pub fn mark(&self, device: &Device) -> String {
        let mut mark = Vec::with_capacity(72);
        mark.extend(device.id);
        mark.extend(device.person.0.as_bytes());
        mark.extend(device.since.0.to_be_bytes());
        let tag = hmac::sign(&self.device, &mark);
        mark.extend(tag.as_ref());
        URL_SAFE_NO_PAD.encode(mark)
    }

    /// The device that was marked so, if it was us, and lately.
    #[must_use]
    pub fn device(&self, mark: &str, now: Time) -> Option<Device> {
        let bytes = URL_SAFE_NO_PAD.decode(mark).ok()?;
        let (said, tag) = bytes.split_at_checked(40)?;
        hmac::verify(&self.device, said, tag).ok()?;
        let id = said[..16].try_into().ok()?;
        let person: [u8; 16] = said[16..32].try_into().ok()?;
        let since = Time(i64::from_be_bytes(said[32..].try_into().ok()?));
        let lately = now.0.saturating_sub(since.0) <= millis(DEVICE_FOR);
        lately.then(|| Device { id, person: PersonId::from_bytes(person), since })
    }
}

fn sealed(key: &aead::LessSafeKey, aad: &[u8], plain: &[u8], nonce: [u8; 12]) -> Vec<u8> {
    let mut sealed = plain.to_vec();
    let with = aead::Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(with, aead::Aad::from(aad), &mut sealed)
        .expect("a few bytes are not too many");
    [nonce.as_slice(), &sealed].concat()
}

fn opened(key: &aead::LessSafeKey, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_at_checked(12)?;
    let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut plain = sealed.to_vec();
    let n = key.open_in_place(nonce, aead::Aad::from(aad), &mut plain).ok()?.len();
    plain.truncate(n);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: u8) -> PersonId {
        PersonId::from_bytes([n; 16])
    }

    #[test]
    fn what_is_sealed_opens_for_the_same_person_under_the_same_key_alone() {
        let keys = Keys::from_seed(&[1; 32]);
        let sealed = keys.seal(person(1), b"seed", [9; 12]);
        assert_eq!(keys.open(person(1), &sealed).as_deref(), Some(&b"seed"[..]));
        assert_eq!(keys.open(person(2), &sealed), None, "another person");
        assert_eq!(Keys::from_seed(&[2; 32]).open(person(1), &sealed), None, "another key");
        for i in 0..sealed.len() {
            let mut other = sealed.clone();
            other[i] ^= 1;
            assert_eq!(keys.open(person(1), &other), None, "byte {i}");
            assert_eq!(keys.open(person(1), &sealed[..i]), None, "cut at {i}");
        }
    }

    #[test]
    fn a_device_is_known_by_a_mark_that_only_we_can_make_and_for_half_a_year() {
        let keys = Keys::from_seed(&[1; 32]);
        let device = Device { id: [3; 16], person: person(1), since: Time(1_000) };
        let mark = keys.mark(&device);
        assert_eq!(keys.device(&mark, Time(2_000)), Some(device));
        assert_eq!(keys.device(&mark, Time(1_001 + millis(DEVICE_FOR))), None, "too long ago");
        assert_eq!(Keys::from_seed(&[2; 32]).device(&mark, Time(2_000)), None, "another key");
        for i in 0..mark.len() {
            let mut other = mark.clone().into_bytes();
            other[i] = if other[i] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            // The last character holds bits that mean nothing; base64 refuses those that are not zero.
            assert!(other == mark || keys.device(&other, Time(2_000)).is_none(), "character {i}");
        }
        for nonsense in ["", "A", "é", &"A".repeat(10_000)] {
            assert_eq!(keys.device(nonsense, Time(2_000)), None);
        }
    }
}
