//! How a command ends when it does not end well. The codes are documented in `docs/cli.md` and never change meaning.

use std::process::ExitCode;

#[derive(Debug)]
pub enum Exit {
    /// The command worked; its answer is bad news. The text, if any, was said already.
    BadNews,
    /// The command line or the configuration is wrong.
    Usage(String),
    /// No running Stillhere answered.
    NobodyThere(String),
    /// The running Stillhere refused.
    Refused(String),
    /// Our own fault, or the machine's.
    Own(String),
    /// A mail server that called us is to keep what it has, and try again.
    TryLater(String),
}

// === impl Exit ===

impl Exit {
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Exit::BadNews => 1,
            Exit::Usage(_) => 2,
            Exit::NobodyThere(_) => 3,
            Exit::Refused(_) => 4,
            Exit::Own(_) => 5,
            // EX_TEMPFAIL of sysexits.h
            Exit::TryLater(_) => 75,
        })
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Exit::BadNews => None,
            Exit::Usage(s) | Exit::NobodyThere(s) | Exit::Refused(s) | Exit::Own(s) | Exit::TryLater(s) => {
                Some(s)
            }
        }
    }
}

impl From<anyhow::Error> for Exit {
    /// The whole chain on one line, without a backtrace: people read this.
    fn from(e: anyhow::Error) -> Exit {
        Exit::Own(format!("{e:#}"))
    }
}
