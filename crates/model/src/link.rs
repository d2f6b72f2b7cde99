//! A link in a mail to staff: what lets its reader act on one incident without logging in.

use crate::{
    id::{IncidentId, LinkId},
    time::Time,
};
use serde::{Deserialize, Serialize};

/// What is known of a link. The address that opens it is not in here, nor anywhere else: it is made of the id and a key
/// when the mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub id: LinkId,
    /// It is good for this incident alone.
    pub incident: IncidentId,
    /// The channel it was sent through, and the address it was sent to: whoever uses it acts in this name.
    pub channel: String,
    pub sent_to: String,
    pub made_at: Time,
    pub expires_at: Time,
    /// When something was published with it. That can be done once.
    pub used_at: Option<Time>,
    pub revoked_at: Option<Time>,
}

/// Why a link does nothing any more. Nothing that a page says about it helps whoever guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum LinkRefusal {
    #[error("this link is not one of ours, or it was cut off on the way")]
    Unknown,
    #[error("this link has expired")]
    Expired,
    #[error("this link was revoked")]
    Revoked,
    #[error("an update was already published with this link")]
    Used,
    #[error("this address is no longer one that alerts are sent to")]
    NotStaff,
}

// === impl Link ===

impl Link {
    /// Whether it may be opened. Publishing asks besides that it was not [used](Link::used_at).
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, now: Time) -> Result<(), LinkRefusal> {
        match self {
            Link { revoked_at: Some(_), .. } => Err(LinkRefusal::Revoked),
            _ if now >= self.expires_at => Err(LinkRefusal::Expired),
            _ => Ok(()),
        }
    }
}
