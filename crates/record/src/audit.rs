//! What an outsider can find out with a copy of the log and a memory of what was seen before: whether it is the log that was
//! signed, whether it only grew, and whether the page says what the log says.
//!
//! Whoever downloads all entries needs no proofs: the tree that they make has one root at each size, and each checkpoint that
//! was ever seen is one of them, or something was changed.

mod page;

pub use page::check_page;

use crate::{
    Checkpoint, Continued, Entry, Fact, Hash,
    text::{Kept, TextHash},
    tree::Tree,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("the checkpoint cannot be believed: {0}")]
    Checkpoint(String),
    #[error("the log is signed with another key than before: {now}, and it was {before}")]
    OtherKey { before: String, now: String },
    #[error(
        "another log is here, and it does not say that it goes on from the one that was here before ({before})"
    )]
    OtherLog { before: String },
    #[error("the log was rolled back: it has {now} entries, and had {before}")]
    RolledBack { before: u64, now: u64 },
    #[error(
        "history was changed: among the first {size} entries something is not what was published before (an entry was \
         changed, dropped, put in another place, or others are shown another log)"
    )]
    Rewritten { size: u64 },
    #[error(
        "entries {from} to {to}, which were published, are in no log any more: a backup was put in place"
    )]
    Lost { from: u64, to: u64 },
    #[error("the entries do not make the log that was signed")]
    WrongRoot,
    #[error("{0} is not what the entries make")]
    WrongTile(String),
    #[error("{0} is missing or cannot be read")]
    Missing(String),
    #[error("the text beside entry {entry} is not the one that was published")]
    WrongText { entry: u64 },
    #[error("incident {incident} is on the page and not in the log")]
    NotInLog { incident: String },
    #[error("incident {incident} is in the log and not on the page")]
    NotOnPage { incident: String },
    #[error("incident {incident}: the page says {field} {page}, the log {log}")]
    Differs { incident: String, field: &'static str, page: String, log: String },
    #[error("incident {incident}: update {update} is on the page and not in the log")]
    UpdateNotInLog { incident: String, update: String },
    #[error("incident {incident}: update {update} is in the log and not on the page")]
    UpdateNotOnPage { incident: String, update: String },
    #[error("incident {incident}: what the page says in update {update} is not what was published")]
    SaidDiffers { incident: String, update: String },
}

/// A log as it was last seen, to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub origin: String,
    pub key: String,
    pub size: u64,
    /// In hexadecimal.
    pub root: String,
}

/// All entries of a log, up to one size.
#[derive(Debug, Clone, Default)]
pub struct Copy {
    pub entries: Vec<Vec<u8>>,
    pub tree: Tree,
}

/// The texts that stand beside the log, by entry and hash; `None`: taken out.
pub type Beside = BTreeMap<(u64, TextHash), Option<Kept>>;

// === impl Copy ===

impl Copy {
    pub fn push(&mut self, entry: &[u8]) {
        self.tree.push(Hash::leaf(entry));
        self.entries.push(entry.to_vec());
    }

    #[must_use]
    pub fn parsed(&self) -> Vec<Option<Entry>> {
        self.entries.iter().map(|e| Entry::parse(e).ok()).collect()
    }

    /// The log that this one goes on from, the last that it names.
    fn continues(&self, origin: &str) -> Option<Continued> {
        self.entries.iter().rev().filter_map(|e| Entry::parse(e).ok()).find_map(|e| match e.fact {
            Fact::LogOpened { origin: o, continues } if o == origin => continues,
            _ => None,
        })
    }

    /// Whether these entries are what was signed.
    #[must_use]
    pub fn check(&self, checkpoint: &Checkpoint) -> Option<Problem> {
        let fits = self.tree.size() == checkpoint.size
            && self.tree.root_at(checkpoint.size) == Some(checkpoint.root);
        (!fits).then_some(Problem::WrongRoot)
    }

    /// Whether the log, signed by `key`, has only grown since it was seen.
    #[must_use]
    pub fn check_memory(&self, seen: &Seen, checkpoint: &Checkpoint, key: &str) -> Vec<Problem> {
        let root_at = |size| self.tree.root_at(size).map(|r| r.to_string());
        if seen.origin != checkpoint.origin {
            return match self.continues(&checkpoint.origin) {
                Some(old) if old.origin == seen.origin => {
                    if seen.size > old.size {
                        vec![Problem::Lost { from: old.size, to: seen.size - 1 }]
                    } else if root_at(seen.size).as_ref() != Some(&seen.root) {
                        vec![Problem::Rewritten { size: seen.size }]
                    } else {
                        Vec::new()
                    }
                }
                _ => vec![Problem::OtherLog { before: seen.origin.clone() }],
            };
        }
        let mut problems = Vec::new();
        if seen.key != key {
            problems.push(Problem::OtherKey { before: seen.key.clone(), now: key.to_owned() });
        }
        if seen.size > checkpoint.size {
            problems.push(Problem::RolledBack { before: seen.size, now: checkpoint.size });
        } else if root_at(seen.size).as_ref() != Some(&seen.root) {
            problems.push(Problem::Rewritten { size: seen.size });
        }
        problems
    }

    /// Whether a checkpoint that somebody else was shown is of the same log. `None`: it is newer than this copy.
    #[must_use]
    pub fn check_other(&self, other: &Checkpoint) -> Option<Result<(), Problem>> {
        let here = self.tree.root_at(other.size)?;
        Some(if here == other.root { Ok(()) } else { Err(Problem::Rewritten { size: other.size }) })
    }
}

// === impl Seen ===

impl Seen {
    #[must_use]
    pub fn of(checkpoint: &Checkpoint, key: &str) -> Seen {
        let root = checkpoint.root.to_string();
        Seen { origin: checkpoint.origin.clone(), key: key.to_owned(), size: checkpoint.size, root }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} entries, {}", self.origin, self.size, self.root)
    }
}

#[cfg(test)]
mod tests;
