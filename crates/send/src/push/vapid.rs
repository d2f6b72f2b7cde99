//! Who we are to push services (RFC 8292): a key of ours, whose public half browsers bind their subscriptions to.
//!
//! Who steals an address of a browser from the database can send nothing to it: the push service asks for a signature by this key, which
//! is a file beside the database.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;
use stillhere_model::Time;
use stillhere_net::entropy;

/// How long a signature is good. Services refuse more than a day, and clocks differ.
const GOOD_FOR_S: i64 = 12 * 3600;

pub struct Vapid(EcdsaKeyPair);

// === impl Vapid ===

impl Vapid {
    /// A new key, as it is kept (PKCS#8).
    ///
    /// # Panics
    /// Never: P-256 keys can always be made.
    #[must_use]
    pub fn generate() -> Vec<u8> {
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &entropy::source())
            .expect("a P-256 key can be made")
            .as_ref()
            .to_vec()
    }

    /// # Errors
    /// When these are not the bytes of such a key.
    pub fn read(pkcs8: &[u8]) -> Result<Vapid, String> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &entropy::source())
            .map(Vapid)
            .map_err(|e| format!("not a P-256 key: {e}"))
    }

    /// As `applicationServerKey` of `pushManager.subscribe`.
    #[must_use]
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref())
    }

    /// The `Authorization` header of a message to a push service at `origin`.
    ///
    /// # Panics
    /// Never: signing fails only when there is no randomness.
    pub(super) fn authorization(&self, origin: &str, contact: Option<&str>, now: Time) -> String {
        let mut claims = json!({ "aud": origin, "exp": now.0.div_euclid(1000) + GOOD_FOR_S });
        if let Some(contact) = contact {
            claims["sub"] = contact.into();
        }
        let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&json!({ "typ": "JWT", "alg": "ES256" })), encode(&claims));
        let signature = self.0.sign(&entropy::source(), signed.as_bytes()).expect("there is randomness");
        format!("vapid t={signed}.{}, k={}", URL_SAFE_NO_PAD.encode(signature.as_ref()), self.public_key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    #[test]
    fn the_header_is_signed_for_one_service_and_half_a_day() {
        let kept = Vapid::generate();
        let vapid = Vapid::read(&kept).unwrap();
        assert_eq!(vapid.public_key(), Vapid::read(&kept).unwrap().public_key());
        let header = vapid.authorization("https://push.example", Some("mailto:a@b.example"), Time(1_000_000));
        let (token, key) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let of = |s: &str| URL_SAFE_NO_PAD.decode(s).unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, of(key));
        assert!(public.verify(signed.as_bytes(), &of(signature)).is_ok());
        let claims: serde_json::Value =
            serde_json::from_slice(&of(signed.split_once('.').unwrap().1)).unwrap();
        assert_eq!(
            claims,
            json!({ "aud": "https://push.example", "exp": 1_000 + GOOD_FOR_S, "sub": "mailto:a@b.example" })
        );
        assert!(Vapid::read(&kept[1..]).is_err());
    }
}
