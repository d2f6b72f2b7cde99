//! What a job tells by which URL: `/<key>`, `/start`, `/fail`, `/log`, `/<exit code>`, and `?rid=`.

/// Longest message of a job that is kept, in bytes; the rest is cut off.
pub const MAX_BODY_BYTES: usize = 10_000;
/// Longest run id.
pub const MAX_RUN_ID_BYTES: usize = 64;
/// Longest query that is read.
const MAX_QUERY_BYTES: usize = 2_048;

/// One heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    pub action: Action,
    /// Which run it belongs to, when several may be under way.
    pub run: Option<String>,
    /// What the job sent along.
    pub body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Success,
    Start,
    Fail {
        exit_code: Option<u8>,
    },
    /// Only a message: says nothing of how the job fares.
    Log,
}

/// Why a heartbeat was not understood. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    #[error("after the key comes nothing, start, fail, log, or an exit code from 0 to 255")]
    UnknownAction,
    #[error("rid has 1 to {MAX_RUN_ID_BYTES} letters, digits, - or _")]
    BadRunId,
    #[error("the query is longer than {MAX_QUERY_BYTES} bytes")]
    QueryTooLong,
}

// === impl Signal ===

impl Signal {
    /// Reads what comes after the key in the path, with or without its slash, and the query without its `?`.
    /// Unknown parameters are ignored, so that URLs made for other services go on working.
    ///
    /// # Errors
    /// When the action or the run id is not one.
    pub fn parse(path_rest: &str, query: Option<&str>) -> Result<Signal, SignalError> {
        let action = path_rest.strip_prefix('/').unwrap_or(path_rest);
        let action = match action.strip_suffix('/').filter(|a| !a.is_empty()).unwrap_or(action) {
            "" => Action::Success,
            "start" => Action::Start,
            "fail" => Action::Fail { exit_code: None },
            "log" => Action::Log,
            code if !code.is_empty() && code.len() <= 3 && code.bytes().all(|b| b.is_ascii_digit()) => {
                match code.parse::<u8>().map_err(|_| SignalError::UnknownAction)? {
                    0 => Action::Success,
                    code => Action::Fail { exit_code: Some(code) },
                }
            }
            _ => return Err(SignalError::UnknownAction),
        };
        let query = query.unwrap_or_default();
        if query.len() > MAX_QUERY_BYTES {
            return Err(SignalError::QueryTooLong);
        }
        let run = query.split('&').find_map(|pair| pair.strip_prefix("rid="));
        let fits = |id: &str| {
            (1..=MAX_RUN_ID_BYTES).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        match run {
            Some(id) if !fits(id) => Err(SignalError::BadRunId),
            run => Ok(Signal { action, run: run.map(str::to_owned), body: String::new() }),
        }
    }

    /// Adds the request's body, cut to what is kept. Bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn with_body(mut self, body: &[u8]) -> Signal {
        let kept = body.get(..MAX_BODY_BYTES).unwrap_or(body);
        let mut text = String::from_utf8_lossy(kept).into_owned();
        text.truncate(text.floor_char_boundary(MAX_BODY_BYTES));
        self.body = text;
        self
    }
}
