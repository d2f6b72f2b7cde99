//! What is on disk cannot be read without the key file: bodies, headers and addresses are sealed with
//! ChaCha20-Poly1305.
//!
//! This is for a file that is copied, backed up, or left on a disk that is thrown away. Whoever can read the key file
//! beside it can read everything; nothing that has to start by itself can do better.

use super::principal::Hash;
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};
use stillhere_net::entropy;

/// The key file's name.
pub const KEY_FILE: &str = "actions.key";

/// What a sealed text is. It is bound to it: a request cannot be passed off as an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Answer,
}

/// The secrets of this installation, all from one random number.
pub(super) struct Secrets {
    sealing: hmac::Key,
    hashing: hmac::Key,
}

/// A keyed hash over parts, each with its length, so that they cannot run into each other.
pub(super) struct Hashing(hmac::Context);

// === impl Secrets ===

impl Secrets {
    /// Reads the key file, or makes one. True: it is new.
    pub(super) fn open(dir: &Path) -> io::Result<(Secrets, bool)> {
        let path = dir.join(KEY_FILE);
        match read(&path) {
            Ok(master) => Ok((Secrets::of(master), false)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let master: [u8; 32] = entropy::bytes();
                write(dir, &path, &master)?;
                Ok((Secrets::of(master), true))
            }
            Err(e) => Err(e),
        }
    }

    pub(super) fn of(master: [u8; 32]) -> Secrets {
        let master = hmac::Key::new(hmac::HMAC_SHA256, &master);
        let derive =
            |what: &str| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&master, what.as_bytes()).as_ref());
        Secrets { sealing: derive("stillhere actions: seal"), hashing: derive("stillhere actions: hash") }
    }

    pub(super) fn hash(&self, what: &str) -> Hashing {
        let mut hashing = Hashing(hmac::Context::with_key(&self.hashing));
        hashing.part(what.as_bytes());
        hashing
    }

    /// Each action has its own key, so that random nonces never come near to repeating.
    fn key(&self, id: &Hash) -> LessSafeKey {
        let derived = hmac::sign(&self.sealing, id);
        let key =
            UnboundKey::new(&CHACHA20_POLY1305, derived.as_ref()).expect("SHA-256 is as long as the key");
        LessSafeKey::new(key)
    }

    /// Nonce, sealed text, tag.
    pub(super) fn seal(&self, id: &Hash, kind: Kind, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = entropy::bytes();
        let mut out = Vec::with_capacity(NONCE_LEN + plain.len() + CHACHA20_POLY1305.tag_len());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plain);
        let tag = self
            .key(id)
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad(id, kind)),
                &mut out[NONCE_LEN..],
            )
            .expect("bodies are far below the 256 GiB that one seal can take");
        out.extend_from_slice(tag.as_ref());
        out
    }

    /// None: it was not sealed by us for this place, or was changed since.
    pub(super) fn unseal(&self, id: &Hash, kind: Kind, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut out = rest.to_vec();
        let plain = self.key(id).open_in_place(nonce, Aad::from(aad(id, kind)), &mut out).ok()?.len();
        out.truncate(plain);
        Some(out)
    }
}

fn aad(id: &Hash, kind: Kind) -> [u8; 33] {
    let mut aad = [0; 33];
    aad[0] = match kind {
        Kind::Request => 1,
        Kind::Answer => 2,
    };
    aad[1..].copy_from_slice(id);
    aad
}

fn read(path: &Path) -> io::Result<[u8; 32]> {
    let file = OpenOptions::new().read(true).open(path)?;
    // A file that others could read keeps its key all the same: actions depend on it. But no longer open to them.
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "the key file of keyed actions could be read by others; closed it");
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    let mut bytes = Vec::new();
    file.take(33).read_to_end(&mut bytes)?;
    bytes
        .try_into()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the key file is not 32 bytes long"))
}

/// Whole or not at all: a half-written key would lock everything in.
fn write(dir: &Path, path: &Path, master: &[u8; 32]) -> io::Result<()> {
    let half: PathBuf = dir.join(format!("{KEY_FILE}.new"));
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&half)?;
    file.write_all(master)?;
    file.sync_all()?;
    std::fs::rename(&half, path)?;
    std::fs::File::open(dir)?.sync_all()
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

// === impl Hashing ===

impl Hashing {
    pub(super) fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> Hash {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.sign().as_ref());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_at_its_place_and_unchanged() {
        let secrets = Secrets::of([1; 32]);
        let sealed = secrets.seal(&[2; 32], Kind::Request, b"card 4111");
        assert!(!sealed.windows(4).any(|w| w == b"4111"));
        assert_eq!(secrets.unseal(&[2; 32], Kind::Request, &sealed).unwrap(), b"card 4111");
        assert_eq!(secrets.unseal(&[3; 32], Kind::Request, &sealed), None, "another action");
        assert_eq!(secrets.unseal(&[2; 32], Kind::Answer, &sealed), None, "another kind");
        assert_eq!(Secrets::of([9; 32]).unseal(&[2; 32], Kind::Request, &sealed), None, "another key");
        for n in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[n] ^= 1;
            assert_eq!(secrets.unseal(&[2; 32], Kind::Request, &changed), None, "byte {n}");
            assert_eq!(secrets.unseal(&[2; 32], Kind::Request, &sealed[..n]), None, "cut at {n}");
        }
        assert_ne!(sealed, secrets.seal(&[2; 32], Kind::Request, b"card 4111"), "no nonce comes twice");
    }

    #[test]
    fn the_key_file_is_made_once_and_only_for_us() {
        let dir = tempfile::tempdir().unwrap();
        let (a, new) = Secrets::open(dir.path()).unwrap();
        assert!(new);
        let path = dir.path().join(KEY_FILE);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let (b, new) = Secrets::open(dir.path()).unwrap();
        assert!(!new);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(a.hash("x").finish(), b.hash("x").finish());
        std::fs::write(&path, b"short").unwrap();
        assert_eq!(Secrets::open(dir.path()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
