//! The configuration from outside: files in, a configuration or a report out.

mod bad;
mod drift;
mod good;
mod secrets;
