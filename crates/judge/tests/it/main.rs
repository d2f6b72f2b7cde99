//! The judge from outside: topology and looks in, verdicts out.

#![expect(clippy::unwrap_used, reason = "the helpers of a test stop it as the test itself would")]

mod claims;
mod counting;
mod honesty;
mod laws;
mod rollup;
mod scene;
mod tables;
mod topology;
mod vantages;
