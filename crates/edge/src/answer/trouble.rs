//! Why the edge answers instead of the origin, and what that means to each kind of client.

use http::StatusCode;
use std::time::Duration;
use stillhere_model::{ServiceId, Text, Time};

/// Why the edge answers itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// No node answers. Nothing was sent.
    AllOut,
    /// A person paused the service. Nothing was sent.
    Paused {
        until: Option<Time>,
    },
    /// There are more requests than the nodes can do. Nothing was sent.
    Overloaded,
    /// The queue is full. Nothing was sent.
    QueueFull,
    /// This visitor asks for more than one may.
    TooManyRequests,
    /// A queue before the door.
    WaitingRoom {
        ahead: u64,
        eta: Option<Duration>,
        ticket: String,
    },
    /// It was sent, and the connection ended or garbled before the answer: nobody knows whether it was done.
    OutcomeUnknown,
    /// A node could not be reached, and there was no other to try. Nothing was sent.
    NotForwarded,
    /// A request that changes nothing was sent, and the answer broke.
    Broken,
    /// It was sent, and the answer did not come in time.
    TooSlow,
    /// It is kept, and will be sent once when the service is back. Comes with a receipt.
    Kept,
    BodyTooLarge,
    HeadTooLarge,
    /// The request did not come in time.
    RequestTimeout,
    /// The request breaks the protocol. The text is ours, in English, for whoever writes the client.
    BadRequest(&'static str),
    /// No route takes it.
    NotRouted,
    /// A request with the same key is under way.
    KeyInFlight,
    /// The key was used for another request.
    KeyOtherBody,
    /// The route demands a key.
    KeyNeeded,
    /// The key cannot be read.
    KeyMalformed,
    Banned,
}

/// What is kept of a request, when something is. Only said with a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The path where its state can be asked for: `/.well-known/stillhere/action/<key>`.
    pub receipt: String,
    pub state: KeptState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptState {
    /// On disk here, not sent yet.
    Saved,
    Sending,
    /// Sent, and the answer is missing.
    Unknown,
    Done,
    /// The origin answered and said no.
    Refused,
    /// The origin wants the person: a log-in, for instance.
    NeedsYou,
    Expired,
}

/// Whether a request was done that the origin did not answer (the header `Stillhere-Outcome`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was sent, and nobody knows.
    Unknown,
    /// Not a byte of it reached a node.
    NotForwarded,
}

/// Why the edge answers itself, and what it knows about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    pub why: Why,
    /// The service that the route is, and its pool.
    pub service: Option<ServiceId>,
    pub pool: Option<String>,
    /// What the service is called. `None`: as the notice calls it.
    pub name: Option<Text>,
    /// Since when, if that is known better than by the sightings.
    pub since: Option<Time>,
    /// How long the request was held before we gave up.
    pub held: Option<Duration>,
    /// What a limit says about when to come back; the answer adds the jitter.
    pub retry_after: Option<Duration>,
    pub kept: Option<Kept>,
    /// How many wait to come back, and how many the origin can take in a second (measured; 0: not known).
    pub waiting: u64,
    pub per_second: f64,
    /// The operation id.
    pub request: u64,
}

// === impl Why ===

impl Why {
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Why::AllOut | Why::Paused { .. } | Why::Overloaded | Why::QueueFull | Why::WaitingRoom { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Why::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Why::OutcomeUnknown | Why::NotForwarded | Why::Broken => StatusCode::BAD_GATEWAY,
            Why::TooSlow => StatusCode::GATEWAY_TIMEOUT,
            Why::Kept => StatusCode::ACCEPTED,
            Why::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Why::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Why::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Why::BadRequest(_) | Why::KeyNeeded | Why::KeyMalformed => StatusCode::BAD_REQUEST,
            Why::NotRouted => StatusCode::NOT_FOUND,
            Why::KeyInFlight => StatusCode::CONFLICT,
            Why::KeyOtherBody => StatusCode::UNPROCESSABLE_ENTITY,
            Why::Banned => StatusCode::FORBIDDEN,
        }
    }

    /// For programs: the last part of the problem's type, and of the keys of the messages.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Why::AllOut => "all-out",
            Why::Paused { .. } => "paused",
            Why::Overloaded => "overloaded",
            Why::QueueFull => "queue-full",
            Why::TooManyRequests => "too-many-requests",
            Why::WaitingRoom { .. } => "waiting-room",
            Why::OutcomeUnknown => "outcome-unknown",
            Why::NotForwarded => "not-forwarded",
            Why::Broken => "broken",
            Why::TooSlow => "too-slow",
            Why::Kept => "kept",
            Why::BodyTooLarge => "body-too-large",
            Why::HeadTooLarge => "head-too-large",
            Why::RequestTimeout => "request-timeout",
            Why::BadRequest(_) => "bad-request",
            Why::NotRouted => "not-routed",
            Why::KeyInFlight => "key-in-flight",
            Why::KeyOtherBody => "key-other-body",
            Why::KeyNeeded => "key-needed",
            Why::KeyMalformed => "key-malformed",
            Why::Banned => "banned",
        }
    }
}

impl Why {
    /// It passes: who asks again later has a chance.
    #[must_use]
    pub fn passes(&self) -> bool {
        !matches!(
            self,
            Why::BodyTooLarge
                | Why::HeadTooLarge
                | Why::RequestTimeout
                | Why::BadRequest(_)
                | Why::NotRouted
                | Why::KeyOtherBody
                | Why::KeyNeeded
                | Why::KeyMalformed
                | Why::Banned
        )
    }

    /// The origin is what is missing: its return ends it, and a notice may say when.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Why::AllOut
                | Why::Paused { .. }
                | Why::Overloaded
                | Why::QueueFull
                | Why::OutcomeUnknown
                | Why::NotForwarded
                | Why::Broken
                | Why::TooSlow
                | Why::Kept
        )
    }

    /// What is known of whether the request was done. `None`: the question does not arise, or the receipt tells.
    #[must_use]
    pub fn outcome(&self, safe: bool) -> Option<Outcome> {
        match self {
            Why::OutcomeUnknown => Some(Outcome::Unknown),
            Why::Broken | Why::TooSlow => (!safe).then_some(Outcome::Unknown),
            // Of a streamed body a part may have been passed on.
            Why::BodyTooLarge | Why::RequestTimeout | Why::BadRequest(_) | Why::KeyInFlight | Why::Kept => {
                None
            }
            _ => Some(Outcome::NotForwarded),
        }
    }
}

// === impl Outcome ===

impl Outcome {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Unknown => "unknown",
            Outcome::NotForwarded => "not-forwarded",
        }
    }
}

// === impl KeptState ===

impl KeptState {
    pub const ALL: [KeptState; 7] = [
        KeptState::Saved,
        KeptState::Sending,
        KeptState::Unknown,
        KeptState::Done,
        KeptState::Refused,
        KeptState::NeedsYou,
        KeptState::Expired,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            KeptState::Saved => "saved",
            KeptState::Sending => "sending",
            KeptState::Unknown => "unknown",
            KeptState::Done => "done",
            KeptState::Refused => "refused",
            KeptState::NeedsYou => "needs-you",
            KeptState::Expired => "expired",
        }
    }
}

// === impl Trouble ===

impl Trouble {
    /// A trouble of which only the reason is known.
    #[must_use]
    pub fn of(why: Why, request: u64) -> Trouble {
        Trouble {
            why,
            service: None,
            pool: None,
            name: None,
            since: None,
            held: None,
            retry_after: None,
            kept: None,
            waiting: 0,
            per_second: 0.0,
            request,
        }
    }
}
