//! `stillhere.toml` → a checked [`Config`], or a report of everything that is wrong with it.

pub mod bounds;
mod config;
pub mod duration;
pub mod file;

pub use config::{Channel, Check, Config, Window};
pub use file::{Contact, Limits, Publish, Respond, Retention, Server, Site, Uplink};
