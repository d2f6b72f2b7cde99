//! The links that subscribers hold, and the names under which the journal knows them.
//!
//! Nothing of a link is kept: it is a 256-bit MAC over what it is for, whose it is, and a number in the subscription's
//! row that is raised to make it void. Who reads the database can make none, because the key lies beside it, in a file of
//! its own. The same key makes the names: who has only the database cannot try addresses against them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use std::path::Path;
use stillhere_model::{DeliveryId, SubscriberId, Way};
use stillhere_net::entropy;
use uuid::Uuid;

/// Bytes of an id, and of a whole link: the id and the MAC.
const ID: usize = 16;
const LINK: usize = ID + 32;

/// What a link is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Confirm,
    Manage,
    /// Nothing but leaving: it stands in headers that programs read.
    Leave,
}

/// A link before it is known to be ours.
pub(super) struct Claim {
    pub(super) id: SubscriberId,
    mac: [u8; 32],
}

pub(crate) struct Keys {
    links: hmac::Key,
    names: hmac::Key,
    returns: hmac::Key,
    hook_seed: [u8; 32],
}

// === impl Purpose ===

impl Purpose {
    fn word(self) -> &'static [u8] {
        match self {
            Purpose::Confirm => b"confirm",
            Purpose::Manage => b"manage",
            Purpose::Leave => b"leave",
        }
    }
}

// === impl Keys ===

impl Keys {
    /// # Errors
    /// When the file cannot be read or made, has another size, or may be read by others.
    pub(super) fn load_or_make(data: &Path) -> Result<Keys, String> {
        Ok(Keys::of(&crate::key::subscribers(data)?))
    }

    pub(super) fn of(seed: &[u8; 32]) -> Keys {
        let root = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let derived = |word: &str| -> [u8; 32] {
            let tag = hmac::sign(&root, word.as_bytes());
            tag.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes")
        };
        let key = |word| hmac::Key::new(hmac::HMAC_SHA256, &derived(word));
        Keys {
            links: key("links"),
            names: key("names"),
            returns: key("returns"),
            hook_seed: derived("webhooks"),
        }
    }

    /// Signs the return paths of letters.
    pub(super) fn returns(&self) -> &hmac::Key {
        &self.returns
    }

    pub(super) fn hook_seed(&self) -> [u8; 32] {
        self.hook_seed
    }

    /// What the journal calls them.
    pub(super) fn who(&self, way: Way, address: &str) -> String {
        // Mailboxes whose names differ only in case are one mailbox everywhere; paths of URLs are not.
        let same = if way == Way::Mail { address.to_lowercase() } else { address.to_owned() };
        self.name(&format!("{}:{same}", way.as_str()))
    }

    pub(super) fn mailbox(&self, way: Way, mailbox: &str) -> String {
        self.name(&format!("asked {}:{mailbox}", way.as_str()))
    }

    fn name(&self, of: &str) -> String {
        URL_SAFE_NO_PAD.encode(&hmac::sign(&self.names, of.as_bytes()).as_ref()[..ID])
    }

    pub(super) fn token(&self, purpose: Purpose, id: SubscriberId, link: u32) -> String {
        let mac = hmac::sign(&self.links, &message(purpose, id, link));
        URL_SAFE_NO_PAD.encode([id.0.as_bytes(), mac.as_ref()].concat())
    }

    /// What a receiver gives back to the question with this id if it wants what comes. It opens nothing.
    pub(super) fn challenge(&self, id: SubscriberId, link: u32, question: DeliveryId) -> String {
        let asked = [b"challenge\0".as_slice(), id.0.as_bytes(), &link.to_be_bytes(), question.0.as_bytes()];
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.links, &asked.concat()).as_ref())
    }

    pub(super) fn claim(token: &str) -> Option<Claim> {
        let bytes: [u8; LINK] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let (id, mac) = bytes.split_at(ID);
        let id = SubscriberId(Uuid::from_bytes(id.try_into().ok()?));
        Some(Claim { id, mac: mac.try_into().ok()? })
    }

    /// In constant time.
    pub(super) fn verify(&self, purpose: Purpose, claim: &Claim, link: u32) -> bool {
        hmac::verify(&self.links, &message(purpose, claim.id, link), &claim.mac).is_ok()
    }
}

fn message(purpose: Purpose, id: SubscriberId, link: u32) -> Vec<u8> {
    [purpose.word(), b"\0", id.0.as_bytes(), &link.to_be_bytes()].concat()
}

/// 122 random bits.
pub(super) fn random_id() -> Uuid {
    uuid::Builder::from_random_bytes(entropy::bytes()).into_uuid()
}

/// What is flooded when mail to `address` is asked for too often: most providers deliver `ann+anything` to `ann`, and one
/// large one ignores dots.
pub(super) fn mailbox(address: &str) -> String {
    let lower = address.to_lowercase();
    let Some((user, domain)) = lower.rsplit_once('@') else { return lower };
    let user = user.split_once('+').map_or(user, |(user, _)| user);
    match domain {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", user.replace('.', "")),
        _ => format!("{user}@{domain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_its_purpose_its_owner_and_its_number_alone() {
        let keys = Keys::of(&[7; 32]);
        let id = SubscriberId(Uuid::from_bytes([1; 16]));
        let token = keys.token(Purpose::Manage, id, 3);
        let check = |keys: &Keys, token: &str, purpose, link| {
            Keys::claim(token).is_some_and(|c| keys.verify(purpose, &c, link))
        };
        assert!(check(&keys, &token, Purpose::Manage, 3));
        assert!(!check(&keys, &token, Purpose::Leave, 3));
        assert!(!check(&keys, &token, Purpose::Confirm, 3));
        assert!(!check(&keys, &token, Purpose::Manage, 4));
        assert!(!check(&Keys::of(&[8; 32]), &token, Purpose::Manage, 3));
        for i in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[i] = if forged[i] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(!check(&keys, &forged, Purpose::Manage, 3), "character {i} does not count");
        }
        for bad in ["", "A", &token[1..], &format!("{token}A"), "\u{1f600}"] {
            assert!(Keys::claim(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn one_mailbox_has_one_name_however_it_is_written() {
        for (a, b, same) in [
            ("ann+1@example.com", "Ann+2@example.com", true),
            ("a.n.n@gmail.com", "ann+x@googlemail.com", true),
            ("a.nn@example.com", "ann@example.com", false),
            ("ann@example.com", "ann@example.org", false),
        ] {
            assert_eq!(mailbox(a) == mailbox(b), same, "{a} {b}");
        }
    }
}
