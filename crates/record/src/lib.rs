//! The public record: everything that was said in public and every verdict, as a log that can only grow and that anybody
//! can check. Pure: no clock, no randomness, no I/O. For readers and operators: `docs/record.md`, `docs/trust.md`.
//!
//! The log has the C2SP formats (`tlog-tiles`, `tlog-checkpoint`, `signed-note`, `tlog-cosignature`), so that anyone's
//! verifier works on it:
//!
//! 1. `fact`: what an entry says, and `canon`: its bytes, the same for everybody;
//! 2. `text`: what people wrote stands beside the log under salted hashes, so that a person's data can be taken out, visibly,
//!    without another history;
//! 3. `scribe`: from the journal to public entries, nothing about what visitors do not see;
//! 4. `tree`: the Merkle tree (RFC 6962), its proofs; `tile`: its pieces as files;
//! 5. `note`, `checkpoint`: what is signed;
//! 6. `audit`: whoever keeps what was seen finds what was changed;
//! 7. `trust`: the figures by which a status page can be judged, from the entries alone.

pub mod audit;
pub mod canon;
pub mod checkpoint;
mod fact;
pub mod note;
mod scribe;
pub mod text;
pub mod tile;
pub mod tree;
pub mod trust;

pub use checkpoint::Checkpoint;
pub use fact::{Continued, Entry, EtaFrom, Fact, SERVICES_MAX, Services, Voice};
pub use scribe::{Draft, Scribe, Sight};
pub use text::{Kept, Salt, TextHash, Words};
pub use tree::Hash;

/// An entry's bytes are fewer than this: a bundle counts them with 16 bits.
pub const ENTRY_MAX_BYTES: usize = 64 * 1024;
