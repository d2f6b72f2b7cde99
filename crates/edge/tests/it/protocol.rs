//! What the edge speaks, tried with peers that are not ours, and with bytes that nobody should send.

mod conformance;
mod frames;
mod h2spec;
mod slow;
mod streams;
mod upstream;
