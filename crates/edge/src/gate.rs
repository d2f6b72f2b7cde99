//! Holds HTTP/1 to one meaning before anything else reads it.
//!
//! The failure it defends against: a message that we and a node (or a cache, or a firewall) cut at different places.
//! What one of them takes for a body is a request to the other, and runs with somebody else's rights. Parsers differ
//! in what they forgive, so nothing is forgiven here: a message that could be read in two ways is answered 400 and the
//! connection is closed, always, because after it nobody knows where the next message begins.
//!
//! [`Check`] is the rule: a pure machine over the bytes, split anywhere. [`Gated`] is the rule in force: it wraps the
//! socket under hyper, reads straight into hyper's buffer, and lets through only what the rule has seen. What is
//! refused never becomes a whole message: its bytes are held back, and a poison that no parser accepts takes their
//! place, so that hyper itself ends the request with an error and closes.
//!
//! After a request that asks to switch protocols nothing more is let through until somebody said whether it was
//! switched ([`GateControl::upgraded`]) or not ([`GateControl::declined`]): what follows is one thing in the first
//! case and another in the second.
//!
//! Each limit and what happens at it is a field of [`Limits`]. Every refusal is a [`Violation`], which says so in a
//! sentence to the client and in one word to the log.

mod check;
mod chunk;
mod control;
mod gated;
mod head;
mod pace;
mod sniff;
#[cfg(test)]
mod tests;
mod violation;

pub use check::{Check, Fed};
pub use control::GateControl;
pub use gated::Gated;
pub(crate) use pace::Watch;
pub use pace::{Pace, Stalled};
pub use sniff::{Kind, PREFACE, sniff};
pub use violation::Violation;

use std::time::Duration;

/// Most headers of a message; hyper's own limit is the same.
pub const HEADERS_MAX: usize = 100;
/// Most empty lines before a request; some old clients send one after a body.
pub const EMPTY_LINES_MAX: u8 = 4;
/// Most digits of a chunk's size: what fits in 64 bits.
pub const CHUNK_DIGITS_MAX: u8 = 16;
/// Most bytes of one chunk's extensions, which nobody uses and everybody must skip; more is refused.
pub const CHUNK_EXTENSION_MAX: usize = 256;
/// Most bytes of extensions of all chunks of a message.
pub const EXTENSIONS_MAX: usize = 4096;
/// Most bytes of the fields after a chunked body; more is refused.
pub const TRAILER_MAX: usize = 8 * 1024;
/// Most bytes that are kept while it is undecided whether the protocol is switched. More stay in the socket.
pub const HELD_MAX: usize = 16 * 1024;

/// What is let through at most, and how long we wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's head; more is 431.
    pub head: usize,
    /// Bytes of the request's address; more is 414.
    pub url: usize,
    /// Headers; more is 431. Not above [`HEADERS_MAX`].
    pub headers: usize,
    /// Bytes of a body; more is 413. None: as long as it likes.
    pub body: Option<u64>,
    /// From the first byte of a head to its last; later is 408.
    pub head_within: Option<Duration>,
    /// Waiting for a body; see [`Pace`]. Slower ends the request.
    pub body_pace: Option<Pace>,
    /// Waiting for the client to take our bytes; slower ends the connection.
    pub write_pace: Option<Pace>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head: 32 * 1024,
            url: 8 * 1024,
            headers: HEADERS_MAX,
            body: None,
            head_within: Some(Duration::from_secs(10)),
            body_pace: Some(Pace { window: Duration::from_secs(20), bytes: 20 * 100 }),
            write_pace: Some(Pace { window: Duration::from_secs(30), bytes: 30 * 100 }),
        }
    }
}
