//! Standard Webhooks signatures: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;
use stillhere_net::Secret;

/// What a secret begins with.
pub const PREFIX: &str = "whsec_";
/// Bytes that a secret holds, decoded.
pub const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A signing key. Prints nothing of itself.
#[derive(Clone)]
pub struct Key(hmac::Key);

// === impl Key ===

impl Key {
    /// Reads `whsec_…`.
    ///
    /// # Errors
    /// Says what is wrong, never the secret.
    pub fn parse(secret: &Secret) -> Result<Key, String> {
        let encoded = secret
            .expose_secret()
            .strip_prefix(PREFIX)
            .ok_or_else(|| format!("the secret does not begin with {PREFIX}"))?;
        let bytes = STANDARD.decode(encoded).map_err(|_| "the secret is not base64".to_owned())?;
        if !SECRET_BYTES.contains(&bytes.len()) {
            return Err(format!("the secret holds {} bytes; it needs 24 to 64", bytes.len()));
        }
        Ok(Key(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// One signature, with its version.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{timestamp_s}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// A new secret from 256 bits of entropy.
#[must_use]
pub fn secret(random: [u8; 32]) -> Secret {
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(random)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_signs_as_the_reference_implementations_do() {
        // The vector that the libraries of the Standard Webhooks project share.
        let key = Key::parse(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_bad_secret_is_refused_without_being_shown() {
        for bad in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!", "whsec_c2hvcnQ=", "whsec_"] {
            let e = Key::parse(&Secret::new(bad)).unwrap_err();
            assert!(!e.contains("MfKQ") && !e.contains("!!!!") && !e.contains("c2hv"), "{e}");
        }
    }

    #[test]
    fn a_new_secret_can_be_used_and_never_prints() {
        let secret = secret([7; 32]);
        let key = Key::parse(&secret).unwrap();
        assert_eq!(format!("{secret:?} {key:?}"), "*** ***");
    }
}
