//! Channels against real servers: Debian's exim, an HTTP server on hyper, moto's S3.

#![expect(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the tests themselves")]

mod chat;
mod docs;
mod exim;
mod http;
mod kit;
mod mail;
mod publish;
mod subscribers;
mod webhook;
