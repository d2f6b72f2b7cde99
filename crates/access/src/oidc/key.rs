//! The keys with which a provider signs (JWK sets, RFC 7517), and which of them a token may be held against.
//!
//! What a key can be used for is said by its kind, and not by the token that names it: a public key is never taken for the secret of an
//! HMAC, and `none` is no kind. What is not understood is left out; a set may hold keys for others.

use super::Wrong;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// Keys of one provider that are looked at.
pub const KEYS_MAX: usize = 64;

/// The signatures that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet(Vec<Key>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    id: Option<String>,
    /// Where the provider says it: for this alone.
    algorithm: Option<Algorithm>,
    public: Public,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Public {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// 0x04, x, y.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

// === impl Algorithm ===

impl Algorithm {
    #[must_use]
    pub fn of(name: &str) -> Option<Algorithm> {
        match name {
            "RS256" => Some(Algorithm::Rs256),
            "PS256" => Some(Algorithm::Ps256),
            "ES256" => Some(Algorithm::Es256),
            // RFC 9864 calls it by its curve.
            "EdDSA" | "Ed25519" => Some(Algorithm::EdDsa),
            _ => None,
        }
    }
}

// === impl KeySet ===

impl KeySet {
    /// # Errors
    /// `Unreadable`: this is no set of keys.
    pub fn read(document: &[u8]) -> Result<KeySet, Wrong> {
        let set: Set = serde_json::from_slice(document).map_err(|_| Wrong::Unreadable)?;
        Ok(KeySet(set.keys.into_iter().take(KEYS_MAX).filter_map(Key::of).collect()))
    }

    /// The key of a token: the one it names; of those without a name the only one that fits.
    ///
    /// # Errors
    /// `UnknownKey`.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&Key, Wrong> {
        let mut fitting =
            self.0.iter().filter(|k| k.fits(algorithm) && (id.is_none() || k.id.as_deref() == id));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            _ => Err(Wrong::UnknownKey),
        }
    }
}

// === impl Key ===

impl Key {
    fn of(jwk: serde_json::Value) -> Option<Key> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        if jwk.purpose.is_some_and(|p| p != "sig") {
            return None;
        }
        let algorithm = match &jwk.alg {
            None => None,
            Some(name) => Some(Algorithm::of(name)?),
        };
        let bytes =
            |field: &Option<String>| URL_SAFE_NO_PAD.decode(field.as_deref()?.trim_end_matches('=')).ok();
        let public = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Public::Rsa { n: bytes(&jwk.n)?, e: bytes(&jwk.e)? },
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
                if (x.len(), y.len()) != (32, 32) {
                    return None;
                }
                Public::P256([&[0x04], x.as_slice(), &y].concat())
            }
            ("OKP", Some("Ed25519")) => Public::Ed25519(bytes(&jwk.x).filter(|x| x.len() == 32)?),
            _ => return None,
        };
        Some(Key { id: jwk.kid, algorithm, public })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let kind = match self.public {
            Public::Rsa { .. } => matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256),
            Public::P256(_) => algorithm == Algorithm::Es256,
            Public::Ed25519(_) => algorithm == Algorithm::EdDsa,
        };
        kind && self.algorithm.is_none_or(|a| a == algorithm)
    }

    /// # Errors
    /// `Signature`.
    pub fn verify(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> Result<(), Wrong> {
        let right = match (&self.public, algorithm) {
            (Public::Rsa { n, e }, Algorithm::Rs256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
            }
            (Public::Rsa { n, e }, Algorithm::Ps256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PSS_2048_8192_SHA256, signed, signature)
            }
            (Public::P256(key), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(signed, signature)
            }
            (Public::Ed25519(key), Algorithm::EdDsa) => {
                UnparsedPublicKey::new(&ED25519, key).verify(signed, signature)
            }
            _ => return Err(Wrong::Signature),
        };
        right.map_err(|_| Wrong::Signature)
    }
}
