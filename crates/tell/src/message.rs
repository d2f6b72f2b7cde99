//! Mails and webhook bodies: every occasion, in every language.

use crate::snapshot::Snapshot;
use stillhere_model::{Audience, Lang, Occasion, Payload};

/// How the channel carries a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    Mail,
    Webhook,
}

/// The message about `occasion`. `snapshot` is the state after what happened, so that it holds the incident or maintenance.
#[must_use]
pub fn render(
    _kind: ChannelKind,
    _occasion: &Occasion,
    _snapshot: &Snapshot,
    _lang: Lang,
    _audience: Audience,
) -> Payload {
    Payload::Webhook { body: String::new() }
}
