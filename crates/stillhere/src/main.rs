//! The binary: reads the command line, runs one command, and ends with its exit code.
//!
//! Exit codes: 0 done · 1 done, and the answer is bad news (a probe failed, `doctor` found a fault) · 2 the
//! command line or the configuration is wrong · 3 no running Stillhere answered · 4 refused · 5 our own fault.

mod backup;
mod bounce;
mod cli;
mod config;
mod control;
mod demo;
mod doctor;
mod drill;
mod edge;
mod exit;
mod incident;
mod journal;
mod maintenance;
mod outside;
mod person;
mod probe;
mod publish;
mod redact;
mod say;
mod status;
mod subscribers;
mod token;
mod trust;
mod up;
mod verify;
mod words;

use clap::Parser as _;
use cli::{Cli, Do};
use std::process::ExitCode;

fn main() -> ExitCode {
    stillhere_net::tls::install();
    let cli = Cli::parse();
    let done = match cli.what {
        Do::Up(args) => runtime().block_on(up::run(args)),
        Do::Edge(args) => small_runtime().block_on(edge::run(args)),
        Do::Demo(args) => runtime().block_on(demo::run(args)),
        Do::Drill(args) => runtime().block_on(drill::run(args)),
        Do::Probe(args) => small_runtime().block_on(probe::run(args)),
        Do::Config(args) => small_runtime().block_on(config::run(args)),
        Do::Status(args) => small_runtime().block_on(status::run(args)),
        Do::Incident(args) => small_runtime().block_on(incident::run(args)),
        Do::Maintenance(args) => small_runtime().block_on(maintenance::run(args)),
        Do::Person(args) => small_runtime().block_on(person::run(args)),
        Do::Subscribers(args) => small_runtime().block_on(subscribers::run(args)),
        Do::Bounce(args) => small_runtime().block_on(bounce::run(args)),
        Do::Token(args) => small_runtime().block_on(token::run(args)),
        Do::Journal(args) => small_runtime().block_on(journal::run(args)),
        Do::Reload(args) => small_runtime().block_on(control::reload(args)),
        Do::Stop(args) => small_runtime().block_on(control::stop(args)),
        Do::Backup(args) => small_runtime().block_on(backup::backup(args)),
        Do::Restore(args) => small_runtime().block_on(backup::restore(args)),
        Do::Publish(args) => small_runtime().block_on(publish::run(args)),
        Do::Doctor(args) => small_runtime().block_on(doctor::run(args)),
        Do::Redact(args) => small_runtime().block_on(redact::run(args)),
        Do::Verify(args) => small_runtime().block_on(verify::run(args)),
        Do::Trust(args) => small_runtime().block_on(trust::run(args)),
        Do::Completions { shell } => {
            say::completions(shell);
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            if let Some(text) = exit.text() {
                say::err(text);
            }
            exit.code()
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("stillhere")
        .build()
        .expect("the kernel gives threads to a process that just started")
}

fn small_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the kernel gives a poll descriptor to a process that just started")
}
