//! The command line's output: the only place that prints.

use clap::CommandFactory as _;
use std::io::Write as _;

/// To standard output. A reader that went away (`| head`) is not an error.
pub fn out(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// To standard error.
pub fn err(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

pub fn completions(shell: clap_complete::Shell) {
    let mut command = crate::cli::Cli::command();
    clap_complete::generate(shell, &mut command, "stillhere", &mut std::io::stdout());
}
