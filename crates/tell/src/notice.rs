//! The signed notice: the public statement of now for machines that must be able to trust a copy. Format: `docs/notice.md`.

use crate::snapshot::Snapshot;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

/// The site's signing key. Prints as `***`.
pub struct Key(Ed25519KeyPair);

/// Why a notice was not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    #[error("not a notice: {0}")]
    Malformed(String),
    #[error("the signature does not fit this key and these bytes")]
    WrongSignature,
}

/// Makes the signed notice as JSON.
#[must_use]
pub fn sign(_snapshot: &Snapshot, _key: &Key) -> String {
    String::new()
}

/// Checks a signed notice and gives its payload.
/// # Errors
/// When it is not a notice, or not signed by `public_key`.
pub fn verify(_notice: &str, _public_key: &[u8; 32]) -> Result<serde_json::Value, NoticeError> {
    Err(NoticeError::WrongSignature)
}

// === impl Key ===

impl Key {
    /// From 32 secret random bytes, which are what is to be kept.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Key {
        Key(Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are an Ed25519 seed"))
    }

    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(***)")
    }
}
