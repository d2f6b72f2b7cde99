//! WebSockets through a real edge, with an origin that is really killed.
#![expect(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the tests themselves")]

mod client;
mod plain;
mod resume;
mod rig;
