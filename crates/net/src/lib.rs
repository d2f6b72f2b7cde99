//! Everything that touches the network or asks the machine: clocks, entropy, names, connections, TLS, HTTP.
//!
//! A fault found here already says whose it is ([`Fault`]): that is decided where the error number is still
//! known, not by reading messages later.

pub mod clock;
pub mod dns;
pub mod entropy;
pub mod fault;
pub mod guard;
pub mod http;
pub mod secret;
pub mod tcp;
pub mod tls;
pub mod trace;

pub use fault::Fault;
pub use secret::{Secret, SecretSource};
pub use trace::{Phase, Trace};
