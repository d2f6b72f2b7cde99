//! The edge from outside: real connections, real nodes.

#![expect(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the tests themselves")]

#[expect(clippy::print_stdout, reason = "the child that is killed says what it was promised")]
mod action;
mod away;
mod client;
mod failover;
mod flood;
mod grpc;
mod hall;
mod keyed;
mod memory;
mod protocol;
mod rig;
mod serve;
mod socket;
mod tls;
mod upgrade;
