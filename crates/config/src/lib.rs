//! `stillhere.toml` → a checked [`Config`], or a [`Report`] of everything that is wrong with it.
//!
//! One set of types ([`file`]) gives the reader, the JSON schema, the reference in `docs/configuration.md`
//! and the structural check, so that they cannot disagree. Reading goes in three steps:
//!
//! 1. *shape*: the TOML tree is held against the schema; every unknown key, wrong type and value out of
//!    bounds is an error of its own (`shape`);
//! 2. *tables*: what is left is read into the types of [`file`], piece by piece;
//! 3. *sense*: ids, cross references, circles, times, the probe kinds' own rules (`compile`).
//!
//! Errors carry a path such as `service[1].check[0].interval`. Only when there are errors is the text read
//! a second time, to find line and column of each path.

pub mod bounds;
mod compile;
mod config;
pub mod console;
mod diff;
mod explain;
mod fields;
pub mod file;
mod path;
mod reference;
mod report;
mod schema;
mod shape;
mod watch;

pub use config::{Channel, Check, Config, Window};
pub use diff::{Diff, diff};
pub use explain::explain;
pub use file::{
    Contact, Defaults, Heartbeats, Limits, Oidc, OidcGroup, Pace, Paces, Publish, Record, Respond, Retention,
    Server, Site, Subscribers, Uplink,
};
pub use reference::reference;
pub use report::{ConfigError, Report};
pub use schema::schema;
pub use stillhere_model::duration;

/// `[edge]`, whose keys belong to the edge.
pub mod edge {
    pub use crate::compile::EDGE_CHECK as CHECK;
    pub use stillhere_edge::{Spec, limit::Prefix};
}
pub use watch::INTERVAL;
