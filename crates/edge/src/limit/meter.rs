//! Meters requests in a table of fixed size.
//!
//! Each meter is a token bucket, kept as the one number of GCRA: when the bucket would be full again. The table is an
//! array of cells with [`WAYS`] meters each. A client's network chooses [`SHARDS`] of the cells and the client one of
//! these, both by a hash with a secret in it. When a cell is full, the meter that is nearest to a full bucket makes
//! room: it is the one whose loss changes least, and heavy users keep theirs. Forgetting is in favour of the client,
//! so crowding a cell refuses nobody.

use super::Rate;
use std::{
    hash::{DefaultHasher, Hash, Hasher as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Cells; with their meters about 1.1 MB a table.
const CELLS: usize = 8192;
/// Meters of a cell.
const WAYS: usize = 8;
/// Cells that one network's clients share: 32 meters, so that it can crowd only a 2048th of the table.
const SHARDS: u64 = 4;

const SECOND: u64 = 1_000_000_000;

/// One table of meters.
pub(super) struct Meter {
    secret: u64,
    start: Instant,
    cells: Box<[Mutex<[Slot; WAYS]>]>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Hash of whom it meters. Two that share it share a meter: one pair in 2^64.
    tag: u64,
    /// Nanoseconds since the start at which the bucket is full again.
    full_at: u64,
}

// === impl Meter ===

impl Meter {
    pub(super) fn new(secret: u64, start: Instant) -> Meter {
        Meter { secret, start, cells: (0..CELLS).map(|_| Mutex::default()).collect() }
    }

    /// Counts one of `client`, which belongs to `network`. Err: how long until one would be taken.
    pub(super) fn count<N: Hash, C: Hash>(
        &self,
        network: &N,
        client: &C,
        rate: Rate,
        now: Instant,
    ) -> Result<(), Duration> {
        let now = u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX);
        let tag = self.hash(client);
        let shard =
            self.hash(&(1u8, network)).wrapping_add((tag % SHARDS).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // The highest bits are as good as any.
        let cell = (shard >> (64 - CELLS.trailing_zeros())) as usize;
        let mut cell = self.cells[cell].lock().unwrap_or_else(PoisonError::into_inner);
        let slot = match cell.iter().position(|s| s.tag == tag && s.full_at > 0) {
            Some(known) => &mut cell[known],
            None => {
                let least = (0..WAYS).min_by_key(|n| cell[*n].full_at).unwrap_or(0);
                cell[least] = Slot { tag, full_at: 0 };
                &mut cell[least]
            }
        };
        let each = SECOND / u64::from(rate.per_second.max(1));
        let depth = each.saturating_mul(u64::from(rate.burst.max(1)));
        let full_at = slot.full_at.max(now).saturating_add(each);
        if full_at - now > depth {
            return Err(Duration::from_nanos(full_at - now - depth));
        }
        slot.full_at = full_at;
        Ok(())
    }

    fn hash<T: Hash>(&self, of: &T) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.secret.hash(&mut hasher);
        of.hash(&mut hasher);
        hasher.finish()
    }
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Meter({CELLS} cells)")
    }
}
