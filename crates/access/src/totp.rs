//! Codes of six digits from a clock and a shared seed (RFC 6238 with its defaults: SHA-1, 30 seconds), and the codes on paper
//! for when the device is lost.

use crate::secret::hex;
use ring::{
    digest::{SHA256, digest},
    hmac,
};
use stillhere_model::Time;

/// The length of a seed that RFC 4226 asks for.
pub const SEED_BYTES: usize = 20;
const STEP_MS: i64 = 30_000;
/// Clocks that differ by a step are taken.
const SLACK: i64 = 1;
/// Recovery codes that are given out together.
pub const RECOVERY_CODES: usize = 10;
/// Bytes of one: 80 bits, too many to guess, so that a plain hash keeps it.
pub const RECOVERY_BYTES: usize = 10;

/// The step in which `code` is right, at or near `now`. The caller must not take a step that is not later than the last one that
/// was taken: a code is good once.
#[must_use]
pub fn step(seed: &[u8], code: &str, now: Time) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let this = now.0.div_euclid(STEP_MS);
    // All are looked at, whichever is right.
    (this - SLACK..=this + SLACK).fold(None, |found, step| {
        let right = crate::secret::same(&at(seed, step), &code);
        if right { Some(step) } else { found }
    })
}

/// The code of one step.
#[must_use]
pub fn at(seed: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 0xf);
    let number = u32::from_be_bytes([tag[at] & 0x7f, tag[at + 1], tag[at + 2], tag[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

/// As people type it and as it stands in an `otpauth:` link.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut bits, mut have) = (0u32, 0);
    for b in bytes {
        bits = bits << 8 | u32::from(*b);
        have += 8;
        while have >= 5 {
            have -= 5;
            out.push(char::from(LETTERS[(bits >> have & 31) as usize]));
        }
    }
    if have > 0 {
        out.push(char::from(LETTERS[(bits << (5 - have) & 31) as usize]));
    }
    out
}

/// What an authenticator reads: the seed with its label.
#[must_use]
pub fn link(issuer: &str, name: &str, seed: &[u8]) -> String {
    let (issuer, name) = (quoted(issuer), quoted(name));
    format!("otpauth://totp/{issuer}:{name}?secret={}&issuer={issuer}", base32(seed))
}

fn quoted(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
        out
    })
}

/// A recovery code as it is shown: in groups of four.
#[must_use]
pub fn recovery(random: [u8; RECOVERY_BYTES]) -> String {
    let letters = base32(&random);
    let groups: Vec<&str> = (0..letters.len()).step_by(4).map(|i| &letters[i..i + 4]).collect();
    groups.join("-")
}

/// Under which it is kept; `None` when it cannot be one. Case, spaces and dashes do not matter.
#[must_use]
pub fn recovery_hash(code: &str) -> Option<String> {
    let plain: String =
        code.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect();
    let fits = plain.len() == RECOVERY_BYTES * 8 / 5
        && plain.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b));
    fits.then(|| hex(digest(&SHA256, plain.as_bytes()).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the last six of the eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let seed = b"12345678901234567890";
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Time(second * 1000);
            assert_eq!(step(seed, code, now), Some(second / 30), "{second}");
            assert_eq!(step(seed, code, Time(now.0 + 30_000)), Some(second / 30), "a clock that is late");
            assert_eq!(step(seed, code, Time(now.0 + 90_000)), None, "too late");
            assert_eq!(step(b"another seed", code, now), None);
        }
        for bad in ["", "28708", "2870822", "28708a", "²87082"] {
            assert_eq!(step(seed, bad, Time(59_000)), None, "{bad}");
        }
        assert_eq!(step(seed, " 287 082 ", Time(59_000)), Some(1), "as some devices show it");
    }

    /// RFC 4648, section 10, without padding.
    #[test]
    fn letters_are_those_of_the_rfc() {
        for (plain, letters) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(plain.as_bytes()), letters);
        }
        assert_eq!(
            link("Our Shop", "kim@a", b"foobar"),
            "otpauth://totp/Our%20Shop:kim%40a?secret=MZXW6YTBOI&issuer=Our%20Shop"
        );
    }

    #[test]
    fn a_recovery_code_is_the_same_however_it_is_typed() {
        let code = recovery([0xa5; RECOVERY_BYTES]);
        assert_eq!(code.len(), 19);
        let kept = recovery_hash(&code);
        assert!(kept.is_some());
        assert_eq!(recovery_hash(&code.to_lowercase().replace('-', " ")), kept);
        assert_eq!(recovery_hash(&code[1..]), None);
        assert_eq!(recovery_hash("1111-1111-1111-1111"), None);
        assert_ne!(recovery_hash(&recovery([0x5a; RECOVERY_BYTES])), kept);
    }
}
