//! The edge from outside: real connections, real nodes.
mod action;
mod socket;
