//! The tree and the entries in pieces, each at an address of its own that never changes its content: C2SP `tlog-tiles`.
//!
//! A tile holds up to 256 hashes of one level (levels are counted in eights), a bundle up to 256 entries. One that is not full
//! has its width in its address (`.p/17`), so that every address is immutable.

use crate::tree::{Hash, Place};

/// Hashes in a full tile, entries in a full bundle.
pub const WIDTH: u64 = 256;
/// Levels of tiles: 2^(8 × 8) leaves are more than can be counted.
const LEVELS: u8 = 8;

/// What an address under `tile/` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tile {
    Hashes { level: u8, n: u64, width: u16 },
    Entries { n: u64, width: u16 },
}

/// Why a bundle could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a bundle of entries")]
pub struct NotABundle;

// === impl Tile ===

impl Tile {
    /// From what follows `tile/`. Only the one spelling of each.
    #[must_use]
    pub fn parse(path: &str) -> Option<Tile> {
        let (kind, rest) = path.split_once('/')?;
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok().filter(|w| (1..256).contains(w))?),
            None => (rest, 256),
        };
        let mut n: u64 = 0;
        let mut parts = number.split('/').peekable();
        while let Some(part) = parts.next() {
            let digits = if parts.peek().is_some() { part.strip_prefix('x')? } else { part };
            if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            n = n.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let tile = match kind {
            "entries" => Tile::Entries { n, width },
            _ => Tile::Hashes { level: kind.parse().ok().filter(|l| *l < LEVELS)?, n, width },
        };
        (tile.path() == path).then_some(tile)
    }

    /// What follows `tile/`.
    #[must_use]
    pub fn path(self) -> String {
        let (kind, n, width) = match self {
            Tile::Hashes { level, n, width } => (level.to_string(), n, width),
            Tile::Entries { n, width } => ("entries".to_owned(), n, width),
        };
        let mut number = format!("{:03}", n % 1000);
        let mut rest = n / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        if u64::from(width) == WIDTH {
            format!("{kind}/{number}")
        } else {
            format!("{kind}/{number}.p/{width}")
        }
    }

    /// Whether a log of `size` has it.
    #[must_use]
    pub fn is_in(self, size: u64) -> bool {
        let (there, n, width) = match self {
            Tile::Hashes { level, n, width } => (size >> (8 * u32::from(level)), n, width),
            Tile::Entries { n, width } => (size, n, width),
        };
        n.checked_mul(WIDTH).and_then(|from| from.checked_add(u64::from(width))).is_some_and(|to| to <= there)
    }

    /// The subtrees whose hashes it holds, as the first of them and how many follow; for entries the leaves.
    #[must_use]
    pub fn first(self) -> (Place, u16) {
        match self {
            Tile::Hashes { level, n, width } => (Place { level: 8 * level, n: n * WIDTH }, width),
            Tile::Entries { n, width } => (Place { level: 0, n: n * WIDTH }, width),
        }
    }

    /// All bundles of a log of `size`.
    pub fn bundles(size: u64) -> impl Iterator<Item = Tile> {
        let last = u16::try_from(size % WIDTH).unwrap_or(0);
        let full = (0..size / WIDTH).map(|n| Tile::Entries { n, width: 256 });
        full.chain((last > 0).then_some(Tile::Entries { n: size / WIDTH, width: last }))
    }

    /// All tiles of hashes of a log of `size`.
    pub fn hashes(size: u64) -> impl Iterator<Item = Tile> {
        (0..LEVELS).flat_map(move |level| {
            let there = size >> (8 * u32::from(level));
            Tile::bundles(there).map(move |t| match t {
                Tile::Entries { n, width } | Tile::Hashes { n, width, .. } => {
                    Tile::Hashes { level, n, width }
                }
            })
        })
    }
}

/// Hashes one after the other.
#[must_use]
pub fn join(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|h| h.0).collect()
}

/// Entries one after the other, each behind its length in two bytes.
#[must_use]
pub fn bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).expect("entries are bounded when they are made");
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(entry);
    }
    out
}

/// # Errors
/// When it does not end with the end of an entry.
pub fn unbundle(mut bytes: &[u8]) -> Result<Vec<&[u8]>, NotABundle> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (entry, rest) =
            rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(NotABundle)?;
        entries.push(entry);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(entries) } else { Err(NotABundle) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_those_of_the_specification() {
        let table = [
            ("0/000", Tile::Hashes { level: 0, n: 0, width: 256 }),
            ("0/000.p/1", Tile::Hashes { level: 0, n: 0, width: 1 }),
            ("3/001", Tile::Hashes { level: 3, n: 1, width: 256 }),
            ("0/x001/x234/067", Tile::Hashes { level: 0, n: 1_234_067, width: 256 }),
            ("entries/x123/456.p/8", Tile::Entries { n: 123_456, width: 8 }),
        ];
        for (path, tile) in table {
            assert_eq!(tile.path(), path);
            assert_eq!(Tile::parse(path), Some(tile));
        }
    }

    #[test]
    fn an_address_has_one_spelling() {
        let bad = [
            "",
            "0",
            "0/",
            "0/0",
            "0/0000",
            "0/x000/000",
            "8/0/000",
            "8/000",
            "-1/000",
            "00/000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/",
            "0/001/000",
            "0/x001/x000",
            "entries/000/",
            "data/000",
            "0/x001/../000",
            "0/x999/x999/x999/x999/x999/x999/999",
            "0/+01",
            "0/000.p/+1",
        ];
        for path in bad {
            assert_eq!(Tile::parse(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn what_was_bundled_comes_out(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..256), cut in 1..3usize) {
            let bytes = bundle(entries.iter().map(Vec::as_slice));
            prop_assert_eq!(unbundle(&bytes).unwrap(), entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
            if entries.last().is_some_and(|e| e.len() >= cut) {
                prop_assert!(unbundle(&bytes[..bytes.len() - cut]).is_err());
            }
        }

        #[test]
        fn every_tile_of_a_size_is_in_it_and_the_next_is_not(size in 0..200_000u64) {
            let mut leaves = 0;
            for t in Tile::bundles(size) {
                prop_assert!(t.is_in(size));
                leaves += u64::from(t.first().1);
            }
            prop_assert_eq!(leaves, size);
            for t in Tile::hashes(size) {
                prop_assert!(t.is_in(size));
                prop_assert_eq!(Tile::parse(&t.path()), Some(t));
            }
            let next = Tile::Entries { n: size / WIDTH, width: u16::try_from(size % WIDTH + 1).unwrap() };
            prop_assert!(!next.is_in(size));
        }
    }
}
