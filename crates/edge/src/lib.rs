//! The edge: stands in front of the origin's nodes, keeps people connected while they die, and tells the truth when
//! nothing can be done.
//!
//! A request passes these phases, each of them a module:
//!
//! ```text
//! listen → gate → hall → limit → route → room → action → pool (admit, pick) → upstream (connect) → forward ─▶ report
//!                           │       │        │       │            │                                    │
//!                           └───────┴────────┴───────┴────────────┴── answer: the notice, never a black screen
//! ```
//!
//! It knows nothing of the core's stages. Its configuration and the notice come from the core (`join`), and the last
//! good ones stay when the core is gone: no request ever waits for the core, a name server, a certificate authority,
//! or (but for keyed actions) a disk.

pub mod action;
pub mod answer;
pub mod body;
mod check;
mod deadline;
mod dial;
mod edge;
pub mod forward;
pub mod gate;
mod hall;
pub mod headers;
pub mod inject;
pub mod join;
mod keeper;
mod keyed;
pub mod known;
pub mod limit;
mod listen;
mod own;
pub mod pool;
mod private;
pub mod report;
pub mod room;
pub mod route;
mod serve;
pub mod socket;
pub mod spec;
pub mod stale;
pub mod tls;
pub mod upgrade;
pub mod upstream;

pub use body::Body;
pub use edge::{Edge, Settings, StartError, UPGRADE_WITHIN};
pub use spec::{Problem, Spec};
