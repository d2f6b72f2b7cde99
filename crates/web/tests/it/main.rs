//! A real node behind a real socket, spoken to byte by byte.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

mod api;
mod control;
mod cors;
mod docs;
mod hostile;
mod live;
mod once;
mod pages;
mod ping;
mod running;
mod stopping;
