//! The access log: one JSON object a line. Off unless `[edge.log]` is there.

use crate::spec::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Bounds of the size at which a file is put aside.
const SIZE_MIN: u64 = 64 * 1024;
const SIZE_MAX: u64 = 1 << 40;
const KEEP_MAX: u32 = 100;

/// One JSON line for each request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogSpec {
    /// A file on the edge's host. Without it lines go to standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(min = 1, max = 4_096))]
    pub file: Option<PathBuf>,
    /// A file of this size is put aside (`.1`) and a new one begun. It is opened anew at SIGHUP, too.
    #[schemars(range(min = 65_536))]
    pub max_bytes: u64,
    /// Files that were put aside and are kept; the oldest is removed.
    #[schemars(range(max = 100))]
    pub keep: u32,
    /// What is written of the client's address.
    pub address: AddressInLog,
    /// Whether the query of the address is written. It may hold secrets.
    pub query: bool,
}

/// What is written of a client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AddressInLog {
    /// Nothing.
    None,
    /// The /24 (of IPv6: the /48) it is in.
    #[default]
    Network,
    Full,
}

// === impl LogSpec ===

impl Default for LogSpec {
    fn default() -> LogSpec {
        LogSpec {
            file: None,
            max_bytes: 100 * 1024 * 1024,
            keep: 5,
            address: AddressInLog::Network,
            query: false,
        }
    }
}

impl LogSpec {
    /// What is wrong with it; paths are relative to its own table.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |path: &str, problem: &str, hint: &str| {
            let (path, problem, hint) = (path.to_owned(), problem.to_owned(), Some(hint.to_owned()));
            problems.push(Problem { path, problem, hint });
        };
        if !(SIZE_MIN..=SIZE_MAX).contains(&self.max_bytes) {
            say("max_bytes", "is not between 64 KiB and 1 TiB", "write 104857600");
        }
        if self.keep > KEEP_MAX {
            say("keep", "is more than 100", "write 5");
        }
        problems
    }
}
