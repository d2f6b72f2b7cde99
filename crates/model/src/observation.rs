//! One fact: who looked, when, and what came of it.

use crate::{
    id::{CheckId, VantageId},
    time::Time,
};
use serde::{Deserialize, Serialize};

/// What a look found. `Unknown` means that we could not look: it is neither up nor down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Up,
    Slow,
    Down,
    Unknown,
}

/// Whose side the fault is on, where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Target,
    Path,
    Us,
}

/// How long each phase took, in microseconds; `None` where the phase did not take place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Phases {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dns_us: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub connect_us: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls_us: Option<u32>,
    /// From the request written to the first byte of the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_byte_us: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body_us: Option<u32>,
}

/// One look at one target from one vantage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    pub check: CheckId,
    pub vantage: VantageId,
    /// When the look began.
    pub at: Time,
    pub outcome: Outcome,
    pub side: Option<Side>,
    /// The whole look, in microseconds.
    pub total_us: u32,
    pub phases: Phases,
    /// Why it is not `Up`, or a remark on an `Up` (a certificate that ends soon). Public: holds no address, no secret.
    pub finding: Option<Finding>,
    /// For the operator only: addresses, the library's own error. At most 512 bytes.
    pub detail: Option<String>,
    /// The second look, on a fresh connection, after a failed first one.
    pub recheck: bool,
}

/// What was wrong, as data, so that it can be said in every language. Each variant has a message
/// `finding-<kebab-case>` in the locale files with its fields as arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    // name look-up
    DnsNoSuchName,
    DnsNoAnswer,
    DnsTimeout {
        timeout_ms: u32,
    },
    DnsRefused {
        code: String,
    },
    DnsUnexpected {
        expected: String,
        got: String,
    },
    // connection
    ConnectRefused,
    ConnectReset,
    ConnectTimeout {
        timeout_ms: u32,
    },
    Unreachable,
    ProxyFailed {
        status: Option<u16>,
    },
    // TLS
    TlsHandshake,
    TlsTimeout {
        timeout_ms: u32,
    },
    TlsUntrusted,
    TlsWrongName,
    TlsExpired {
        days: u32,
    },
    TlsNotYetValid,
    TlsRevoked,
    /// Not a failure by itself: `days` until the first certificate of the chain ends.
    TlsExpiresSoon {
        days: u32,
    },
    // HTTP
    HttpStatus {
        status: u16,
    },
    FirstByteTimeout {
        timeout_ms: u32,
    },
    BodyTimeout {
        timeout_ms: u32,
    },
    ClosedEarly,
    MalformedAnswer,
    TooManyRedirects {
        limit: u8,
    },
    RedirectRefused,
    BodyTooLarge {
        limit_bytes: u64,
    },
    // conditions: `actual` shows the values of the names the condition uses
    ConditionFailed {
        condition: String,
        actual: String,
    },
    Slow {
        took_ms: u32,
        limit_ms: u32,
    },
    // ICMP
    PingNoReply {
        sent: u8,
    },
    PingLoss {
        lost: u8,
        sent: u8,
    },
    // heartbeats
    HeartbeatMissed {
        due: Time,
    },
    HeartbeatFailed {
        exit_code: Option<u8>,
    },
    HeartbeatTooLong {
        limit_ms: u64,
    },
    // edges
    /// None of the service's servers takes requests.
    EdgeAllOut {
        nodes: u32,
    },
    /// More requests come than the servers can do.
    EdgeOverloaded,
    /// The servers answer with errors: `percent` of the last `answers`.
    EdgeErrors {
        percent: u32,
        answers: u32,
    },
    /// A person paused it, and requests have waited for longer than they may.
    EdgePaused,
    // we could not look
    NotAllowed {
        what: String,
    },
    OwnUplinkDown,
    OwnFault {
        what: String,
    },
    /// Too many looks were under way: this one was not begun.
    FellBehind,
    NotYetLooked,
    NoFreshNews,
}
