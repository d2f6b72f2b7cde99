//! What is said on a socket of `stillhere.resume.v1`, apart from the application's messages: `docs/socket-resume.md`.
//!
//! A WebSocket message is one of: binary, the application's as it is; text beginning with `>`, the application's after
//! that; text beginning with `{`, ours. Numbers are not written: both ends count.

use super::Notice;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The version of the wire format. `hello` says which one the client speaks.
pub const VERSION: u32 = 1;
/// Most bytes of a control message from a client.
pub const CONTROL_MAX: usize = 4 << 10;
/// What stands before the application's text.
pub const TEXT_MARK: u8 = b'>';
/// Greatest number that JavaScript can count to.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Our own close codes.
pub mod closed {
    /// From a client: this connection ends, the session does not.
    pub const LATER: u16 = 4900;
    /// There is no such session (any more), or it is not yours: begin a new one.
    pub const UNKNOWN: u16 = 4901;
    /// A newer connection has taken the session over.
    pub const REPLACED: u16 = 4902;
    /// What you said is not in the protocol; the session is over.
    pub const PROTOCOL: u16 = 4903;
    /// The origin's answer to the handshake was no; the reason is its status.
    pub const REFUSED: u16 = 4904;
    /// The session waits for you: you said nothing for too long, or another process of the edge has it.
    pub const SILENT: u16 = 4905;
}

/// From the client.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "c", rename_all = "lowercase")]
pub(super) enum FromClient {
    /// First of all. With a session: go on with it.
    Hello {
        v: u32,
        #[serde(default)]
        session: Option<String>,
        #[serde(default)]
        token: Option<String>,
        /// The number of the last message the client has.
        #[serde(default)]
        got: u64,
    },
    /// The client has everything up to this number.
    Ack {
        got: u64,
    },
    /// The next message has this number; those before that the edge does not have were lost by the client.
    Gap {
        next: u64,
    },
    Ping,
    Pong,
    /// What a later client may say.
    #[serde(other)]
    Unknown,
}

/// To the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "c", rename_all = "lowercase")]
pub(super) enum ToClient<'a> {
    Welcome {
        v: u32,
        session: &'a str,
        /// Only for a new session.
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<&'a str>,
        resumed: bool,
        /// The number of the last message the edge has of the client.
        got: u64,
        /// Of these the origin's WebSocket has read so many.
        read: u64,
        origin: &'a str,
        paused: bool,
        limits: Limits,
    },
    Ack {
        got: u64,
        read: u64,
    },
    /// The next numbered message has this number, `lost` before it are gone.
    Gap {
        next: u64,
        lost: u64,
    },
    Ping,
    Pong,
    /// Numbered, as an application's message is: in order with them, and repeated after a cut.
    Origin {
        state: &'a str,
        #[serde(skip_serializing_if = "is_false")]
        new: bool,
        /// The subprotocol the origin chose.
        #[serde(skip_serializing_if = "Option::is_none")]
        protocol: Option<&'a str>,
        /// Numbers of the client's messages of which nobody knows whether the origin read them.
        #[serde(skip_serializing_if = "Option::is_none")]
        uncertain: Option<[u64; 2]>,
    },
    Slow {
        pause: bool,
    },
    Notice {
        notice: Option<&'a Notice>,
    },
    /// The edge goes; come back within this time, at a moment of your own.
    Bye {
        within_ms: u64,
    },
}

/// What the edge keeps for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Limits {
    /// In each direction.
    pub messages: usize,
    pub bytes: usize,
    /// Longest message.
    pub message: usize,
    pub linger_ms: u64,
    /// Each side says something at least this often.
    pub beat_ms: u64,
}

/// What a text message of the client is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    App(Bytes),
    Control(FromClient),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(b: &bool) -> bool {
    !*b
}

/// Reads a text message.
pub(super) fn read(text: Bytes) -> Option<Said> {
    match text.first()? {
        &TEXT_MARK => Some(Said::App(text.slice(1..))),
        b'{' if text.len() <= CONTROL_MAX => serde_json::from_slice(&text).ok().map(Said::Control),
        _ => None,
    }
}

// === impl ToClient ===

impl ToClient<'_> {
    pub(super) fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("it has only text keys")
    }
}
