//! WebSockets through a real edge, with an origin that is really killed.

mod client;
mod plain;
mod resume;
mod rig;
