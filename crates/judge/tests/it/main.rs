//! The judge from outside: topology and looks in, verdicts out.

mod claims;
mod counting;
mod honesty;
mod laws;
mod rollup;
mod scene;
mod tables;
mod topology;
mod vantages;
