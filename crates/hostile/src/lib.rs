//! Foreign bytes against each reader of foreign bytes, and what must hold whatever they are.
//!
//! Each target is a function of bytes that panics when something does not hold. `fuzz/` drives them with a fuzzer;
//! the tests here replay the seeds in `fuzz/corpus`, and changed seeds, on every run of the tests.

pub mod action;
pub mod api;
pub mod asked;
pub mod bounce;
pub mod condition;
pub mod config;
pub mod dns;
pub mod entry;
pub mod front;
pub mod gate;
pub mod http;
pub mod notice;
pub mod push;
pub mod setting;
pub mod ticket;
pub mod tls;
pub mod token;
pub mod upstream;

/// One reader and what tries it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of its folder in `fuzz/corpus` and of its binary in `fuzz/`.
    pub name: &'static str,
    pub run: fn(&[u8]),
}

pub const TARGETS: [Target; 18] = [
    Target { name: "action", run: action::run },
    Target { name: "api", run: api::run },
    Target { name: "asked", run: asked::run },
    Target { name: "bounce", run: bounce::run },
    Target { name: "condition", run: condition::run },
    Target { name: "config", run: config::run },
    Target { name: "dns", run: dns::run },
    Target { name: "entry", run: entry::run },
    Target { name: "front", run: front::run },
    Target { name: "gate", run: gate::run },
    Target { name: "http", run: http::run },
    Target { name: "notice", run: notice::run },
    Target { name: "push", run: push::run },
    Target { name: "setting", run: setting::run },
    Target { name: "ticket", run: ticket::run },
    Target { name: "tls", run: tls::run },
    Target { name: "token", run: token::run },
    Target { name: "upstream", run: upstream::run },
];

/// Where the seeds are: a folder for each target.
pub const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");
