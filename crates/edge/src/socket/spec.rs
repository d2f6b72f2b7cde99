//! The keys of `[edge.routes.sockets]`.

use crate::spec::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use stillhere_model::duration;

/// Bounds of what can be set.
pub const KEEP_BYTES_MAX: usize = 16 << 20;
pub const KEEP_MESSAGES_MAX: usize = 100_000;
pub const LINGER_MAX: Duration = Duration::from_secs(3600);

/// How WebSockets are kept open while nodes come and go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SocketSpec {
    /// Whether clients that can (`stillhere.resume.v1`) may keep a session over cuts.
    pub resume: bool,
    /// How long a session waits for its client to connect again.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub linger: Duration,
    /// How long a session waits for a server to be back before its client is told to come another time.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub away: Duration,
    /// Bytes kept for a session, in each direction.
    #[schemars(range(min = 1_024, max = 16_777_216))]
    pub keep_bytes: usize,
    /// Messages kept for a session, in each direction.
    #[schemars(range(min = 1, max = 100_000))]
    pub keep_messages: usize,
    /// The cookies that say who somebody is: a session goes on only for the same person. Empty: all cookies.
    #[schemars(length(max = 16))]
    pub cookies: Vec<String>,
    /// A plain socket on which nothing was said for so long is closed.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub idle: Duration,
    /// A connection that takes nothing of what we have for it for so long is cut.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub write_stall: Duration,
    /// A server that says nothing for so long, not even a Pong, is taken for dead (sessions only).
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub silence: Duration,
    /// When no server can be reached, accept the socket and close it with 1013 and the reason: a browser cannot read
    /// an HTTP answer to a handshake. Off: answer the handshake with 503.
    pub tell: bool,
}

// === impl SocketSpec ===

impl Default for SocketSpec {
    fn default() -> SocketSpec {
        SocketSpec {
            resume: true,
            linger: Duration::from_secs(60),
            away: Duration::from_secs(15 * 60),
            keep_bytes: 256 << 10,
            keep_messages: 1_000,
            cookies: Vec::new(),
            idle: Duration::from_secs(3600),
            write_stall: Duration::from_secs(30),
            silence: Duration::from_secs(30),
            tell: true,
        }
    }
}

impl SocketSpec {
    /// Everything that is wrong with it; paths are inside its own table.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong =
            |path: &str, problem: String, hint: &str| problems.push(Problem::new(path, problem, hint));
        if !(1_024..=KEEP_BYTES_MAX).contains(&self.keep_bytes) {
            wrong(
                "keep_bytes",
                format!("is {}, not between 1024 and {KEEP_BYTES_MAX}", self.keep_bytes),
                "write 262144",
            );
        }
        if !(1..=KEEP_MESSAGES_MAX).contains(&self.keep_messages) {
            wrong(
                "keep_messages",
                format!("is {}, not between 1 and {KEEP_MESSAGES_MAX}", self.keep_messages),
                "write 1000",
            );
        }
        if self.linger > LINGER_MAX {
            wrong("linger", "is longer than an hour".to_owned(), "write \"60s\"");
        }
        let second = Duration::from_secs(1);
        for (path, value, hint) in [
            ("away", self.away, "write \"15m\""),
            ("idle", self.idle, "write \"1h\""),
            ("write_stall", self.write_stall, "write \"30s\""),
            ("silence", self.silence, "write \"30s\""),
        ] {
            if value < second {
                wrong(path, "is shorter than a second".to_owned(), hint);
            }
        }
        for (n, name) in self.cookies.iter().enumerate() {
            if name.is_empty() || name.contains(|c: char| c == '=' || c == ';' || c.is_whitespace()) {
                wrong(&format!("cookies[{n}]"), "is not a cookie's name".to_owned(), "write \"session\"");
            }
        }
        problems
    }
}
