//! A real node behind a real socket, spoken to byte by byte.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]

mod access;
mod api;
mod console;
mod control;
mod cors;
mod docs;
mod hostile;
mod live;
mod notes;
mod once;
mod pages;
mod people;
mod ping;
mod reach;
mod record;
mod roles;
mod running;
mod settings;
mod stopping;
mod templates;
