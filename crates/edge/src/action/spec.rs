//! What a route says about its keyed actions.

use crate::Problem;
use http::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use stillhere_model::duration;

/// Greatest request or answer that can be kept at all, in bytes.
pub const BODY_CEILING: u64 = 16 * 1024 * 1024;
/// Longest time for which an outcome can be kept.
pub const KEEP_CEILING: Duration = Duration::from_secs(30 * 86_400);
/// Most names in one list.
pub const NAMES_MAX: usize = 32;

/// Requests with an `Idempotency-Key` are kept on disk and done once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeyedSpec {
    /// The origin does a request once for each key, however often it comes: then an attempt that was cut off may be
    /// repeated. When it does not, nobody claims to know how such an attempt ended.
    pub origin_honours: bool,
    /// Refuse requests of this route that change something and have no key.
    pub required: bool,
    /// What says who acts: names of headers, `cookie` for all cookies, or `cookie:NAME` for one of them. A key of
    /// one person is nothing to another. Name the session cookie when other cookies change from request to request.
    #[schemars(length(max = 32))]
    pub principal: Vec<String>,
    /// A greater request is not kept, in bytes.
    #[schemars(range(min = 1, max = 16_777_216))]
    pub body_max: u64,
    /// Of a greater answer only the fact is kept, in bytes.
    #[schemars(range(min = 1, max = 16_777_216))]
    pub answer_max: u64,
    /// How long an outcome is kept.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub keep: Duration,
    /// What could not be sent within this time never will be.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub send_late_within: Duration,
    /// The headers of the answer that are kept with it. `set-cookie` is not among them unless it is named: an
    /// answer that is given again is not the moment to begin a session.
    #[schemars(length(max = 32))]
    pub answer_headers: Vec<String>,
    /// Paths of the log-in page, beyond the usual names: a late request that is redirected there was not done.
    #[schemars(length(max = 32))]
    pub login_paths: Vec<String>,
}

/// How much is kept in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most actions that are kept. When there are as many, new ones are not promised.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub actions: usize,
    /// Most bytes that are kept, requests and answers together. When there are as many, new ones are not promised.
    #[schemars(range(min = 1_048_576))]
    pub bytes: u64,
    /// Most callers that wait for the disk at a time. When there are as many, new actions are not promised.
    #[schemars(range(min = 1, max = 100_000))]
    pub waiting: usize,
}

// === impl KeyedSpec ===

impl Default for KeyedSpec {
    fn default() -> KeyedSpec {
        const HEADERS: [&str; 8] = [
            "content-type",
            "content-language",
            "content-encoding",
            "content-disposition",
            "cache-control",
            "etag",
            "link",
            "location",
        ];
        KeyedSpec {
            origin_honours: false,
            required: false,
            principal: vec!["authorization".to_owned(), "cookie".to_owned()],
            body_max: 1024 * 1024,
            answer_max: 1024 * 1024,
            keep: Duration::from_secs(86_400),
            send_late_within: Duration::from_secs(600),
            answer_headers: HEADERS.map(str::to_owned).to_vec(),
            login_paths: Vec::new(),
        }
    }
}

impl KeyedSpec {
    /// What is wrong with it; paths are relative to its own table.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say =
            |path: String, problem: &str, hint: &str| problems.push(Problem::new(path, problem, hint));
        for (path, list) in [
            ("principal", &self.principal),
            ("answer_headers", &self.answer_headers),
            ("login_paths", &self.login_paths),
        ] {
            if list.len() > NAMES_MAX {
                say(path.to_owned(), "has more than 32 entries", "name only what is needed");
            }
        }
        for (n, name) in self.principal.iter().enumerate() {
            let good = match name.strip_prefix("cookie:") {
                Some(cookie) => {
                    !cookie.is_empty() && cookie.bytes().all(|b| b.is_ascii_graphic() && !b"=;,".contains(&b))
                }
                None => header(name),
            };
            if !good {
                let hint = "write \"authorization\", \"cookie\", or \"cookie:session\"";
                say(format!("principal[{n}]"), "is neither the name of a header nor \"cookie:NAME\"", hint);
            }
        }
        for (n, name) in self.answer_headers.iter().enumerate() {
            if !header(name) {
                say(format!("answer_headers[{n}]"), "is not the name of a header", "write \"content-type\"");
            } else if super::answer::is_hop_by_hop(name) {
                let hint = "leave it out";
                say(format!("answer_headers[{n}]"), "belongs to one connection and cannot be kept", hint);
            }
        }
        for (n, path) in self.login_paths.iter().enumerate() {
            if !path.starts_with('/') {
                say(format!("login_paths[{n}]"), "does not begin with /", "write \"/log-in\"");
            }
        }
        for (path, bytes) in [("body_max", self.body_max), ("answer_max", self.answer_max)] {
            if bytes == 0 || bytes > BODY_CEILING {
                say(path.to_owned(), "is not between 1 and 16777216 bytes", "write 1048576");
            }
        }
        if self.keep.is_zero() || self.keep > KEEP_CEILING {
            say("keep".to_owned(), "is not between 1ms and 30 days", "write \"24h\"");
        }
        if self.send_late_within > self.keep {
            let hint = "write a time that is not longer than keep";
            say("send_late_within".to_owned(), "is longer than keep", hint);
        }
        problems
    }
}

/// Written as it is compared: in lower case.
fn header(name: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok_and(|parsed| parsed.as_str() == name)
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Limits {
        Limits { actions: 100_000, bytes: 256 * 1024 * 1024, waiting: 1_024 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_word_of_configuration_it_is_valid() {
        assert_eq!(KeyedSpec::default().validate(), []);
    }

    #[test]
    fn each_slip_is_named_at_its_place() {
        let spec = KeyedSpec {
            principal: vec![
                "Authorization".to_owned(),
                "cookie:".to_owned(),
                "cookie:a=b".to_owned(),
                String::new(),
            ],
            answer_headers: vec!["content type".to_owned(), "transfer-encoding".to_owned()],
            login_paths: vec!["login".to_owned()],
            body_max: 0,
            answer_max: BODY_CEILING + 1,
            keep: Duration::from_secs(60),
            ..KeyedSpec::default()
        };
        let paths: Vec<String> = spec.validate().into_iter().map(|p| p.path).collect();
        let expected = [
            "principal[0]",
            "principal[1]",
            "principal[2]",
            "principal[3]",
            "answer_headers[0]",
            "answer_headers[1]",
            "login_paths[0]",
            "body_max",
            "answer_max",
            "send_late_within",
        ];
        assert_eq!(paths, expected);
    }
}
