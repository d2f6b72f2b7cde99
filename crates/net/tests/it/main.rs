//! Names and webhooks against real servers on loopback.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

mod dns;
mod post;
