//! What a log signs: its name, its size, its root (C2SP `tlog-checkpoint`).

use crate::{
    note::{Note, NoteError, Signer, Verifier},
    tree::Hash,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A log at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log. Two logs never have the same.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

// === impl Checkpoint ===

impl Checkpoint {
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }

    #[must_use]
    pub fn sign(&self, signer: &Signer) -> String {
        signer.sign(&self.text())
    }

    /// # Errors
    /// When the text is not a checkpoint. Lines after the third are other people's extensions.
    pub fn parse(text: &str) -> Result<Checkpoint, NoteError> {
        let malformed = NoteError::Malformed;
        let mut lines = text.split('\n');
        let (origin, size, root) = (lines.next(), lines.next(), lines.next());
        let origin = origin.filter(|o| !o.is_empty()).ok_or(malformed("no origin"))?.to_owned();
        let size = size.ok_or(malformed("no size"))?;
        let number: u64 = size.parse().map_err(|_| malformed("the size is no number"))?;
        if number.to_string() != size {
            return Err(malformed("the size has another spelling"));
        }
        let root = root.and_then(|r| STANDARD.decode(r).ok()).and_then(|r| Hash::from_slice(&r));
        Ok(Checkpoint { origin, size: number, root: root.ok_or(malformed("no root"))? })
    }

    /// A note that `key` has signed, as a checkpoint of the log of that name.
    ///
    /// # Errors
    /// When it is not one.
    pub fn open(note: &Note, key: &Verifier) -> Result<Checkpoint, NoteError> {
        key.check(note)?;
        let checkpoint = Checkpoint::parse(&note.text)?;
        if checkpoint.origin != key.name() {
            return Err(NoteError::NotSigned(checkpoint.origin));
        }
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_its_name_its_size_and_its_root_and_nothing_before_them_can_change() {
        let signer = Signer::new("status.example.com/log", &[7; 32]).unwrap();
        let checkpoint =
            Checkpoint { origin: "status.example.com/log".into(), size: 17, root: Hash::of(b"root") };
        let signed = checkpoint.sign(&signer);
        let note = Note::parse(&signed).unwrap();
        assert_eq!(Checkpoint::open(&note, &signer.verifier()), Ok(checkpoint.clone()));
        assert_eq!(signed, checkpoint.sign(&signer), "the same bytes every time");
        let stranger = Signer::new("other.example.com/log", &[7; 32]).unwrap();
        let note = Note::parse(&checkpoint.sign(&stranger)).unwrap();
        assert!(Checkpoint::open(&note, &stranger.verifier()).is_err(), "one log does not speak for another");
        for bad in [
            "",
            "a\n",
            "a\n07\nAAAA\n",
            "a\n-1\nAAAA\n",
            "a\n1\nAAAA\n",
            "\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        ] {
            assert!(Checkpoint::parse(bad).is_err(), "{bad:?}");
        }
    }
}
