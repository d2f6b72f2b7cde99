//! What makes the return path of each letter its own: whose it is, of which day, and that we wrote it.
//!
//! The threat: bounces that were made up stop the letters of somebody who wants them. A mail server's report proves nothing, anybody can
//! write one; so it counts only if it came to an address that was on a letter of ours to this very subscriber. Who has read that letter can
//! leave with its link anyway. The address is in lower case only, because servers change the case of addresses.

use super::keys::Keys;
use data_encoding::BASE32_NOPAD;
use ring::hmac;
use stillhere_model::{DeliveryId, SubscriberId, Time};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

const ID: usize = 16;
const DAY: usize = 2;
const TAG: usize = 2;
/// 80 bits, each try a mail: a local part has room for no more.
const MAC: usize = 10;
const ALL: usize = ID + DAY + TAG + MAC;

/// A mark before it is known to be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) id: SubscriberId,
    /// When the letter was written, in days since 1970.
    day: u16,
    tag: u16,
    mac: [u8; MAC],
}

// === impl Mark ===

impl Mark {
    /// Of a letter to `id`, whose links hold `link`.
    pub(super) fn of(keys: &Keys, id: SubscriberId, link: u32, letter: DeliveryId, written: Time) -> Mark {
        // From 1970 to 2149.
        let day = u16::try_from(written.0.div_euclid(86_400_000)).unwrap_or(0);
        let [.., a, b] = *letter.0.as_bytes();
        let tag = u16::from_be_bytes([a, b]);
        let whole = hmac::sign(keys.returns(), &message(id, link, day, tag));
        let mac = whole.as_ref()[..MAC].try_into().expect("HMAC-SHA256 has 32 bytes");
        Mark { id, day, tag, mac }
    }

    pub(super) fn text(&self) -> String {
        let (id, day, tag) = (self.id.0.as_bytes(), self.day.to_be_bytes(), self.tag.to_be_bytes());
        BASE32_NOPAD.encode(&[id.as_slice(), &day, &tag, &self.mac].concat()).to_ascii_lowercase()
    }

    pub(super) fn read(text: &str) -> Option<Mark> {
        let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()?;
        let bytes: [u8; ALL] = bytes.try_into().ok()?;
        let (id, rest) = bytes.split_first_chunk::<ID>()?;
        let (day, rest) = rest.split_first_chunk::<DAY>()?;
        let (tag, mac) = rest.split_first_chunk::<TAG>()?;
        Some(Mark {
            id: SubscriberId(Uuid::from_bytes(*id)),
            day: u16::from_be_bytes(*day),
            tag: u16::from_be_bytes(*tag),
            mac: mac.try_into().ok()?,
        })
    }

    /// In constant time.
    pub(super) fn is_ours(&self, keys: &Keys, link: u32) -> bool {
        let whole = hmac::sign(keys.returns(), &message(self.id, link, self.day, self.tag));
        whole.as_ref()[..MAC].ct_eq(&self.mac).into()
    }

    pub(super) fn day(&self) -> i64 {
        self.day.into()
    }

    /// What tells a letter from the others to the same subscriber.
    pub(super) fn letter(&self) -> i64 {
        i64::from(self.day) << 16 | i64::from(self.tag)
    }
}

fn message(id: SubscriberId, link: u32, day: u16, tag: u16) -> Vec<u8> {
    let (link, day, tag) = (link.to_be_bytes(), day.to_be_bytes(), tag.to_be_bytes());
    [id.0.as_bytes().as_slice(), &link, &day, &tag].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stillhere_send::mail::bounce::{MARK_CHARS, ReturnPath};

    fn mark(keys: &Keys) -> Mark {
        let letter = DeliveryId(Uuid::from_bytes([9; 16]));
        Mark::of(keys, SubscriberId(Uuid::from_bytes([1; 16])), 3, letter, Time(1_790_000_000_000))
    }

    #[test]
    fn a_mark_is_read_again_in_any_case_and_every_character_of_it_counts() {
        let keys = Keys::of(&[7; 32]);
        let ours = mark(&keys);
        let text = ours.text();
        assert_eq!(text.len(), MARK_CHARS);
        let path: ReturnPath = "bounces+*@example.com".parse().unwrap();
        let back = path.mark(&path.of(&text).to_uppercase()).unwrap();
        assert_eq!(Mark::read(&back), Some(ours));
        assert!(ours.is_ours(&keys, 3));
        assert!(!ours.is_ours(&keys, 4) && !ours.is_ours(&Keys::of(&[8; 32]), 3));
        assert_eq!((ours.day(), ours.letter()), (20_717, 20_717 << 16 | 0x0909));
        for i in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[i] = if forged[i] == b'a' { b'b' } else { b'a' };
            let forged = Mark::read(&String::from_utf8(forged).unwrap());
            assert!(!forged.is_some_and(|m| m.is_ours(&keys, 3)), "character {i} does not count");
        }
        for bad in ["", "a", &text[1..], &format!("{text}a"), &"1".repeat(MARK_CHARS), "\u{1f600}"] {
            assert_eq!(Mark::read(bad), None, "{bad:?}");
        }
    }
}
