//! Signed notes (C2SP `signed-note`): a text, an empty line, and one line for each signature. And cosignatures
//! (C2SP `tlog-cosignature`): a witness's word that it has seen a checkpoint, and when.
//!
//! A signature is of the whole text, whose first line names the log: no other signature of the key can pass for it.

use crate::tree::Hash;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// The largest note that is read.
pub const NOTE_MAX_BYTES: usize = 64 * 1024;
/// Signatures on one note.
pub const SIGNATURES_MAX: usize = 64;
/// Longest name of a key.
const NAME_MAX_BYTES: usize = 255;
/// What kind of key it is, before its bytes.
const NOTE_KEY: u8 = 0x01;
const COSIGNATURE_KEY: u8 = 0x04;

/// Signs as a log does. Prints as `***`.
pub struct Signer {
    name: String,
    key: Ed25519KeyPair,
}

/// A log's or a witness's public key, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    kind: u8,
    key: [u8; 32],
}

/// A text with signatures, none of them checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Ends with a line feed.
    pub text: String,
    pub signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    pub id: [u8; 4],
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    #[error("not a verifier key: {0}")]
    NotAKey(&'static str),
    #[error("no signature by {0}")]
    NotSigned(String),
    #[error("the signature of {0} does not fit these bytes")]
    WrongSignature(String),
}

// === impl Signer ===

impl Signer {
    /// From 32 secret random bytes. `None`: the name is not one that a key can have.
    #[must_use]
    pub fn new(name: &str, seed: &[u8; 32]) -> Option<Signer> {
        let key = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are an Ed25519 seed");
        is_name(name).then(|| Signer { name: name.to_owned(), key })
    }

    #[must_use]
    pub fn verifier(&self) -> Verifier {
        let key = self.key.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes");
        Verifier { name: self.name.clone(), kind: NOTE_KEY, key }
    }

    /// The whole note. `text` ends with a line feed.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let bytes = self.key.sign(text.as_bytes()).as_ref().to_vec();
        let signature = Signature { name: self.name.clone(), id: self.verifier().id(), bytes };
        Note { text: text.to_owned(), signatures: vec![signature] }.to_string()
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({}, ***)", self.name)
    }
}

// === impl Verifier ===

impl Verifier {
    /// From `name+hash+key`, as logs and witnesses publish it.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(vkey: &str) -> Result<Verifier, NoteError> {
        let mut parts = vkey.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::NotAKey("it has three parts with + between them"));
        };
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::NotAKey("its third part is not base64"))?;
        let Some((kind @ (&NOTE_KEY | &COSIGNATURE_KEY), key)) = bytes.split_first() else {
            return Err(NoteError::NotAKey("it is not an Ed25519 key of a log or a witness"));
        };
        let key = key.try_into().map_err(|_| NoteError::NotAKey("an Ed25519 key has 32 bytes"))?;
        let verifier = Verifier { name: name.to_owned(), kind: *kind, key };
        if !is_name(name) || !verifier.id_hex().eq_ignore_ascii_case(id) {
            return Err(NoteError::NotAKey("its name and its hash do not fit it"));
        }
        Ok(verifier)
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of a hash of name and key: says which key to look for, proves nothing.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let hash = Hash::of(&[self.name.as_bytes(), b"\n", &[self.kind], &self.key].concat());
        [hash.0[0], hash.0[1], hash.0[2], hash.0[3]]
    }

    fn id_hex(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id()))
    }

    /// As it is published.
    #[must_use]
    pub fn vkey(&self) -> String {
        let key = STANDARD.encode([&[self.kind][..], &self.key].concat());
        format!("{}+{}+{key}", self.name, self.id_hex())
    }

    #[must_use]
    pub fn is_witness(&self) -> bool {
        self.kind == COSIGNATURE_KEY
    }

    /// # Errors
    /// When this key has not signed it, or its signature is wrong.
    pub fn check(&self, note: &Note) -> Result<(), NoteError> {
        self.check_one(note).map(drop)
    }

    /// When a witness says it has seen it, in seconds since 1970; for a log nothing.
    ///
    /// # Errors
    /// When this key has not signed it, or its signature is wrong.
    pub fn check_one(&self, note: &Note) -> Result<Option<u64>, NoteError> {
        let id = self.id();
        let mut ours = note.signatures.iter().filter(|s| s.name == self.name && s.id == id);
        let signature = ours.next().ok_or_else(|| NoteError::NotSigned(self.name.clone()))?;
        let wrong = || NoteError::WrongSignature(self.name.clone());
        // Two signatures of one key: which one is meant is a question that nobody should have to answer.
        if ours.next().is_some() {
            return Err(wrong());
        }
        let key = UnparsedPublicKey::new(&ED25519, &self.key);
        if self.kind == NOTE_KEY {
            key.verify(note.text.as_bytes(), &signature.bytes).map_err(|_| wrong())?;
            return Ok(None);
        }
        let (time, bytes) = signature.bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
        let seconds = u64::from_be_bytes(*time);
        let message = format!("cosignature/v1\ntime {seconds}\n{}", note.text);
        key.verify(message.as_bytes(), bytes).map_err(|_| wrong())?;
        Ok(Some(seconds))
    }
}

// === impl Note ===

impl Note {
    /// # Errors
    /// When it is not a note. Signatures are not checked.
    pub fn parse(note: &str) -> Result<Note, NoteError> {
        let malformed = NoteError::Malformed;
        if note.len() > NOTE_MAX_BYTES {
            return Err(malformed("larger than 64 KiB"));
        }
        if note.bytes().any(|b| b < b' ' && b != b'\n') {
            return Err(malformed("control characters"));
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(malformed("no signatures"))?;
        let lines = lines.strip_suffix('\n').ok_or(malformed("the last line has no end"))?;
        let signatures: Option<Vec<Signature>> = lines.split('\n').map(Signature::parse).collect();
        let signatures = signatures.ok_or(malformed("a signature that cannot be read"))?;
        if signatures.is_empty() || signatures.len() > SIGNATURES_MAX {
            return Err(malformed("no signature, or too many"));
        }
        Ok(Note { text: format!("{text}\n"), signatures })
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|s| writeln!(f, "{s}"))
    }
}

// === impl Signature ===

impl Signature {
    /// One line.
    #[must_use]
    pub fn parse(line: &str) -> Option<Signature> {
        let (name, value) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = STANDARD.decode(value).ok()?;
        let (id, bytes) = bytes.split_first_chunk::<4>()?;
        (is_name(name) && !bytes.is_empty()).then(|| Signature {
            name: name.to_owned(),
            id: *id,
            bytes: bytes.to_vec(),
        })
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\u{2014} {} {}", self.name, STANDARD.encode([&self.id[..], &self.bytes].concat()))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_MAX_BYTES
        && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification (and of Go's `sumdb/note`).
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SIGNED: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_note_of_the_specification_is_read_and_believed() {
        let key = Verifier::parse(PETER).unwrap();
        assert_eq!(key.vkey(), PETER);
        let note = Note::parse(SIGNED).unwrap();
        assert_eq!(key.check(&note), Ok(()));
        assert_eq!(note.to_string(), SIGNED);
        let bent = Note { text: note.text.replace("answer", "question"), ..note };
        assert_eq!(key.check(&bent), Err(NoteError::WrongSignature("PeterNeumann".into())));
    }

    #[test]
    fn what_is_signed_here_is_believed_and_nothing_else() {
        let signer = Signer::new("status.example.com/log", &[7; 32]).unwrap();
        let note = Note::parse(&signer.sign("status.example.com/log\n3\nAAAA\n")).unwrap();
        assert_eq!(signer.verifier().check(&note), Ok(()));
        let other = Signer::new("status.example.com/log", &[8; 32]).unwrap().verifier();
        assert_eq!(other.check(&note), Err(NoteError::NotSigned("status.example.com/log".into())));
        let twice = Note { signatures: [note.signatures.clone(), note.signatures.clone()].concat(), ..note };
        assert!(signer.verifier().check(&twice).is_err(), "two signatures of one key");
        assert!(!format!("{signer:?}").contains('7'), "the key is not printed");
    }

    #[test]
    fn what_is_no_note_is_refused() {
        for bad in [
            "",
            "a\n",
            "a\n\n",
            "a\n\n\u{2014} x\n",
            "a\n\n\u{2014} x AAAA\n",
            "a\n\n- x AAAAAAAAAA==\n",
            "a\r\n\n\u{2014} x AAAAAAAAAA==\n",
        ] {
            assert!(Note::parse(bad).is_err(), "{bad:?}");
        }
        for bad in [
            "",
            "a+b",
            "a+00000000+AAAA",
            "a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "Peter+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ] {
            assert!(Verifier::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Signer::new("with space", &[1; 32]).is_none() && Signer::new("a+b", &[1; 32]).is_none());
    }
}
