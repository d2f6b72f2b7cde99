//! WebSockets through a real edge, with an origin that is really killed.
#![expect(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the tests themselves")]

pub mod client;
mod handover;
mod plain;
mod resume;
mod rig;
