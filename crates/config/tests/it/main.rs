//! The configuration from outside: files in, a configuration or a report out.

mod bad;
mod console;
mod drift;
mod good;
mod secrets;
