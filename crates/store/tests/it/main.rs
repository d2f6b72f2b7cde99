//! The store on real files.

#![expect(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the tests themselves")]

mod answers;
mod durability;
mod faults;
mod kit;
mod lifecycle;
mod log;
mod notes;
mod outbox;
mod people;
mod record;
mod redact;
mod rollups;
mod subscribers;
mod tokens;
