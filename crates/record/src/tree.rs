//! The Merkle tree of RFC 6962: its hashes, its root at any size, and proofs, made and checked.
//!
//! Only complete subtrees are kept, by level and number: the one at (`level`, `n`) spans the leaves
//! `n * 2^level .. (n + 1) * 2^level`. They never change once they are there, so a reader of an older size finds
//! what it needs whatever was added since.

use ring::digest::{Context, SHA256};
use std::fmt;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

/// Where a complete subtree lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub level: u8,
    pub n: u64,
}

/// Why a proof was not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("the proof is about sizes that do not fit")]
    Size,
    #[error("the proof has too few or too many hashes")]
    Length,
    #[error("the proof leads to another root")]
    Root,
}

// === impl Hash ===

impl Hash {
    #[must_use]
    pub fn of(bytes: &[u8]) -> Hash {
        hashed(&[bytes])
    }

    /// Of an entry.
    #[must_use]
    pub fn leaf(entry: &[u8]) -> Hash {
        hashed(&[&[0], entry])
    }

    /// Of two subtrees.
    #[must_use]
    pub fn node(left: &Hash, right: &Hash) -> Hash {
        hashed(&[&[1], &left.0, &right.0])
    }

    /// Of a tree without leaves.
    #[must_use]
    pub fn empty() -> Hash {
        hashed(&[])
    }

    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Hash> {
        bytes.try_into().ok().map(Hash)
    }
}

fn hashed(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|p| context.update(p));
    Hash(context.finish().as_ref().try_into().expect("a SHA-256 has 32 bytes"))
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

// === growing ===

/// The complete subtrees that come into being when a leaf is added to a tree of `size`, with their left halves still to
/// be read: first the leaf itself, then for each `(left, made)` a subtree made of the kept `left` and what was made last.
#[must_use]
pub fn grown(size: u64) -> Vec<(Place, Place)> {
    let mut made = Vec::new();
    let mut n = size;
    let mut level = 0;
    while n & 1 == 1 {
        made.push((Place { level, n: n - 1 }, Place { level: level + 1, n: n >> 1 }));
        n >>= 1;
        level += 1;
    }
    made
}

/// The complete subtrees that a tree of `size` consists of, from the left.
#[must_use]
pub fn peaks(size: u64) -> Vec<Place> {
    span(0, size)
}

/// The root of a tree from its peaks, from the left.
#[must_use]
pub fn root(peaks: &[Hash]) -> Hash {
    let mut from_right = peaks.iter().rev();
    let Some(last) = from_right.next() else { return Hash::empty() };
    from_right.fold(*last, |right, left| Hash::node(left, &right))
}

/// The complete subtrees of the leaves `from..until`, where `from` is a multiple of the smallest power of two that is not
/// below their number, as in every part of a tree.
fn span(from: u64, until: u64) -> Vec<Place> {
    let mut places = Vec::new();
    let mut at = from;
    while at < until {
        let level = (until - at).ilog2().min(if at == 0 { 63 } else { at.trailing_zeros() });
        places.push(Place { level: u8::try_from(level).unwrap_or(63), n: at >> level });
        at += 1 << level;
    }
    places
}

// === proofs ===

/// One hash of a proof: the root of the subtrees in it.
pub type Step = Vec<Place>;

/// What proves that the leaf `n` is in a tree of `size`.
#[must_use]
pub fn inclusion(n: u64, size: u64) -> Vec<Step> {
    let (mut from, mut until) = (0, size);
    let mut steps = Vec::new();
    while until - from > 1 {
        let middle = from + split(until - from);
        if n < middle {
            steps.push(span(middle, until));
            until = middle;
        } else {
            steps.push(span(from, middle));
            from = middle;
        }
    }
    steps.reverse();
    steps
}

/// What proves that a tree of `size` begins with the tree of `old`.
#[must_use]
pub fn consistency(old: u64, size: u64) -> Vec<Step> {
    let mut steps = Vec::new();
    if old == 0 || old >= size {
        return steps;
    }
    let (mut from, mut until) = (0, size);
    while until != old {
        let middle = from + split(until - from);
        if old <= middle {
            steps.push(span(middle, until));
            until = middle;
        } else {
            steps.push(span(from, middle));
            from = middle;
        }
    }
    if from > 0 {
        steps.push(span(from, until));
    }
    steps.reverse();
    steps
}

/// The largest power of two below `n`.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// Checks that `leaf` is number `n` in the tree of `size` with this root (RFC 9162, 2.1.3.2).
///
/// # Errors
/// When it does not prove that.
pub fn check_inclusion(proof: &[Hash], n: u64, size: u64, leaf: Hash, root: Hash) -> Result<(), ProofError> {
    if n >= size {
        return Err(ProofError::Size);
    }
    let (mut at, mut last, mut hash) = (n, size - 1, leaf);
    for step in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            hash = Hash::node(step, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::node(&hash, step);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if hash == root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree of `size` begins with the one of `old` (RFC 9162, 2.1.4.2).
///
/// # Errors
/// When it does not prove that.
pub fn check_consistency(
    proof: &[Hash],
    old: u64,
    size: u64,
    old_root: Hash,
    root: Hash,
) -> Result<(), ProofError> {
    if old > size {
        return Err(ProofError::Size);
    }
    if old == 0 || old == size {
        let fits = if old == 0 { old_root == Hash::empty() } else { old_root == root };
        return match (fits, proof.is_empty()) {
            (_, false) => Err(ProofError::Length),
            (false, true) => Err(ProofError::Root),
            (true, true) => Ok(()),
        };
    }
    let (mut at, mut last) = (old - 1, size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let mut steps = proof.iter();
    let first = if at == 0 { old_root } else { *steps.next().ok_or(ProofError::Length)? };
    let (mut was, mut is) = (first, first);
    for step in steps {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            was = Hash::node(step, &was);
            is = Hash::node(step, &is);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            is = Hash::node(&is, step);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if was == old_root && is == root { Ok(()) } else { Err(ProofError::Root) }
}

// === a tree in memory ===

/// All complete subtrees of a log that was read whole.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    pub fn push(&mut self, leaf: Hash) {
        let size = self.size();
        self.put(0, leaf);
        let mut last = leaf;
        for (left, made) in grown(size) {
            last = Hash::node(&self.levels[usize::from(left.level)][index(left.n)], &last);
            self.put(made.level, last);
        }
    }

    fn put(&mut self, level: u8, hash: Hash) {
        let level = usize::from(level);
        if self.levels.len() <= level {
            self.levels.resize(level + 1, Vec::new());
        }
        self.levels[level].push(hash);
    }

    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |l| l.len() as u64)
    }

    /// The root at an earlier size, or now.
    #[must_use]
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        let peaks: Option<Vec<Hash>> = peaks(size).into_iter().map(|p| self.get(p)).collect();
        peaks.map(|p| root(&p))
    }

    #[must_use]
    pub fn get(&self, place: Place) -> Option<Hash> {
        self.levels.get(usize::from(place.level))?.get(usize::try_from(place.n).ok()?).copied()
    }

    /// The hashes of a proof.
    #[must_use]
    pub fn prove(&self, steps: &[Step]) -> Option<Vec<Hash>> {
        steps
            .iter()
            .map(|s| s.iter().map(|p| self.get(*p)).collect::<Option<Vec<Hash>>>().map(|p| root(&p)))
            .collect()
    }
}

fn index(n: u64) -> usize {
    usize::try_from(n).expect("what is in memory has an index")
}

#[cfg(test)]
mod tests;
