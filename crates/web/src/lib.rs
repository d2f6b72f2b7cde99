//! Everything that is said over HTTP: the public pages and their machine-readable twins, the live stream,
//! heartbeats coming in, the native API, and the control socket of the command line.
//!
//! ```text
//! TcpListener ─▶ front: express lane ─▶ ready-made answers (shelf)      ◀─┐
//!                         │            ─▶ live hub (sockets)             ◀─┤ public: follows the node's snapshots
//!                         └─▶ hyper ─▶ gate ─▶ router ─▶ node::Handle     ─┘
//! UnixListener ─▶ control ─▶ router + /control, no token: who can open the socket is the owner
//! ```
//! Nothing here decides anything: reads are cut from one snapshot by `tell`, writes go through the node's handle.
//! What each address answers: `docs/api.md`.

mod act;
pub mod api;
mod badges;
mod caller;
mod console;
mod control;
mod cookie;
mod cors;
mod extract;
pub mod front;
mod gate;
pub mod host;
pub mod lang;
pub mod live;
mod metrics;
mod pages;
mod peer;
mod ping;
mod problem;
mod public;
pub mod ready;
mod record;
mod serve;
mod subscribe;

pub use serve::{Settings, serve, serve_control};
