//! What a message says, for the browser alone (RFC 8291, with the `aes128gcm` coding of RFC 8188).
//!
//! A new key pair for each message, agreed with the browser's public key, mixed with a secret that only the browser and we hold. All messages have
//! one length, so that it does not tell a new incident from its end.

use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{self, ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey},
    hmac,
};
use stillhere_model::subscriber::BrowserKeys;
use stillhere_net::entropy;

/// Longest message, in bytes; shorter ones are filled up. Push services take 4,096 bytes all in all.
pub const PAYLOAD_MAX: usize = 2_048;
/// The record size that is said: there is one record, and it is smaller.
const RECORD: u32 = 4_096;
/// Ends the text of the last record; zeros follow.
const LAST: u8 = 2;
const SALT: usize = 16;

/// What depends on nothing but chance.
struct Chance<'a> {
    salt: [u8; SALT],
    own_public: &'a [u8],
}

/// The body of the POST. `None`: too long, or the browser's key is no point of the curve.
pub(crate) fn seal(to: &BrowserKeys, text: &[u8]) -> Option<Vec<u8>> {
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &entropy::source()).ok()?;
    let own_public = own.compute_public_key().ok()?;
    let chance = Chance { salt: entropy::bytes(), own_public: own_public.as_ref() };
    let theirs = UnparsedPublicKey::new(&ECDH_P256, &to.p256dh);
    agreement::agree_ephemeral(own, &theirs, |shared| sealed(shared, to, &chance, text, PAYLOAD_MAX)).ok()?
}

fn sealed(shared: &[u8], to: &BrowserKeys, chance: &Chance<'_>, text: &[u8], fill: usize) -> Option<Vec<u8>> {
    if text.len() > fill {
        return None;
    }
    let mixed = mac(&to.auth, &[shared]);
    let keyed = mac(&mixed, &[b"WebPush: info\0", &to.p256dh, chance.own_public, &[1]]);
    let root = mac(&chance.salt, &[&keyed]);
    let key = mac(&root, &[b"Content-Encoding: aes128gcm\0\x01"]);
    let nonce = mac(&root, &[b"Content-Encoding: nonce\0\x01"]);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key[..16]).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(&nonce[..12]).ok()?;
    let mut record = Vec::with_capacity(fill + 1 + AES_128_GCM.tag_len());
    record.extend_from_slice(text);
    record.push(LAST);
    record.resize(fill + 1, 0);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record).ok()?;
    let mut body = Vec::with_capacity(SALT + 5 + chance.own_public.len() + record.len());
    body.extend_from_slice(&chance.salt);
    body.extend_from_slice(&RECORD.to_be_bytes());
    body.push(u8::try_from(chance.own_public.len()).ok()?);
    body.extend_from_slice(chance.own_public);
    body.extend_from_slice(&record);
    Some(body)
}

/// HMAC-SHA-256, which is both halves of HKDF when one block is enough.
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    parts.iter().for_each(|p| context.update(p));
    context.sign().as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    fn of(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text.replace([' ', '\n'], "")).unwrap()
    }

    #[test]
    fn the_example_of_rfc_8291_comes_out_to_the_last_byte() {
        let shared = of("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
        let to = BrowserKeys::parse(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "BTBZMqHH6r4Tts7J_aSIgg",
        )
        .unwrap();
        let own =
            of("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8");
        let salt = of("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let text = b"When I grow up, I want to be a watermelon";
        let chance = Chance { salt, own_public: &own };
        let body = sealed(&shared, &to, &chance, text, text.len()).unwrap();
        let expected = of(
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
        );
        assert_eq!(body, expected);
    }

    #[test]
    fn all_messages_have_one_length_and_fit_what_services_take() {
        let theirs = EphemeralPrivateKey::generate(&ECDH_P256, &entropy::source()).unwrap();
        let to = BrowserKeys {
            p256dh: theirs.compute_public_key().unwrap().as_ref().try_into().unwrap(),
            auth: [7; 16],
        };
        let lengths = [0, 1, 700, PAYLOAD_MAX].map(|n| seal(&to, &vec![b'x'; n]).unwrap().len());
        assert!(lengths.iter().all(|n| *n == lengths[0] && *n <= 4_096), "{lengths:?}");
        assert_eq!(seal(&to, &vec![b'x'; PAYLOAD_MAX + 1]), None);
        assert_ne!(seal(&to, b"x"), seal(&to, b"x"), "a key of its own for each message");
        let no_point = BrowserKeys { p256dh: [4; 65], auth: [7; 16] };
        assert_eq!(seal(&no_point, b"x"), None);
    }
}
