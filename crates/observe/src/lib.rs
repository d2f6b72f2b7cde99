//! Looking at things: one file per probe kind, conditions over what was seen, and the schedules of heartbeats.
//!
//! A look turns into an [`stillhere_model::Observation`] whatever happens. When we could not look, that is what
//! the observation says; it never blames the target.

pub mod condition;
pub mod probe;
pub mod schedule;

pub use condition::{Condition, Fact, Facts, Name};
pub use probe::{CheckSpec, KINDS, Kind, LookReport, Probe, Problem, Shared, Spec};
/// Where a secret is read from, for keys that belong to no kind of check.
pub use stillhere_net::SecretSource;
