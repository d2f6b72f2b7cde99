//! What somebody is told who asks what became of an action: the state, and nothing of request or answer.

use super::{record::Record, state::State};
use serde::Serialize;
use stillhere_model::Time;

/// The states as they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// On disk, not sent yet; it is sent as soon as that is possible.
    Saved,
    /// On its way; the origin has not answered.
    Sending,
    /// Sent, and nobody answered. With `checking`, it is asked for again.
    Unknown,
    Done,
    /// The origin said no.
    Refused,
    /// It was not sent in time, and never will be.
    Expired,
    /// The origin wants to know who it is: log in, and do it again.
    NeedsYou,
}

/// The body of `GET /.well-known/stillhere/action/<key>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct View {
    pub state: Said,
    /// When it was taken in.
    pub saved_at: Time,
    /// Since when it stands like this.
    pub since: Time,
    /// It will be asked for again under the same key: the origin answers each key once.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub checking: bool,
    /// Not sent later than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sends_until: Option<Time>,
}

// === impl View ===

impl View {
    pub(super) fn of(record: &Record, owned: bool, now: Time) -> View {
        let state = match record.at.state {
            State::Saved if owned => Said::Sending,
            State::Saved => Said::Saved,
            State::Sent if owned => Said::Sending,
            // Its sender is gone without a word.
            State::Sent | State::Unknown | State::Forgotten => Said::Unknown,
            State::Done => Said::Done,
            State::Refused => Said::Refused,
            State::NeedsYou => Said::NeedsYou,
            State::Expired => Said::Expired,
        };
        View {
            state,
            saved_at: record.created,
            since: record.updated,
            checking: state == Said::Unknown && record.at.honours && now <= record.send_until,
            sends_until: (state == Said::Saved).then_some(record.send_until),
        }
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("times and words always serialise")
    }
}
