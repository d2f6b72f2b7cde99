//! Looks at real servers on loopback, most of them hostile.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

mod blame;
mod docs;
mod h2;
mod http;
mod redirects;
mod server;
mod tcp;
mod tls;
