//! What leaves the house: written to the outbox with the decision, settled only by a receipt.

use crate::{
    id::{DeliveryId, IncidentId, LinkId, MaintenanceId, PreventionId, UpdateId},
    time::Time,
};
use serde::{Deserialize, Serialize};

/// Who is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The public words: what the page says.
    Public,
    /// Staff: alerts, nags, what is wrong with ourselves.
    Staff,
}

/// What a message is about. The same occasion is never announced twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "occasion", rename_all = "snake_case")]
pub enum Occasion {
    IncidentOpened {
        incident: IncidentId,
        update: UpdateId,
    },
    IncidentUpdated {
        incident: IncidentId,
        update: UpdateId,
    },
    IncidentResolved {
        incident: IncidentId,
        update: UpdateId,
    },
    /// The promised update is due soon: the `nth` reminder.
    PromiseDue {
        incident: IncidentId,
        due: Time,
        #[serde(default)]
        nth: u32,
    },
    PromiseMissed {
        incident: IncidentId,
        due: Time,
    },
    /// Nobody has taken it on: the `nth` time that staff are told again.
    Unacknowledged {
        incident: IncidentId,
        /// It was opened again so often before.
        reopened: u32,
        nth: u32,
    },
    /// Somebody has taken it on; the others can go back to sleep.
    Acknowledged {
        incident: IncidentId,
        at: Time,
    },
    /// A prevention item was not done by its day: the `nth` time that staff are told.
    PreventionOverdue {
        incident: IncidentId,
        prevention: PreventionId,
        nth: u32,
    },
    MaintenanceScheduled {
        maintenance: MaintenanceId,
    },
    MaintenanceStarted {
        maintenance: MaintenanceId,
    },
    MaintenanceUpdated {
        maintenance: MaintenanceId,
        update: UpdateId,
    },
    MaintenanceCompleted {
        maintenance: MaintenanceId,
    },
    MaintenanceCancelled {
        maintenance: MaintenanceId,
    },
    /// About Stillhere itself.
    UplinkLost {
        at: Time,
    },
    UplinkBack {
        at: Time,
    },
    FallingBehind {
        at: Time,
    },
    ClockJumped {
        at: Time,
        by_ms: i64,
    },
    /// Somebody tries whether a channel works. In no outbox: who tries it waits for what becomes of it.
    Test {
        at: Time,
    },
    /// A certificate ends within `days` days: staff only, once per threshold (21, 14, 7).
    CertificateEnding {
        check: crate::id::CheckId,
        days: u32,
    },
}

/// One message to one channel, rendered when it was decided, so that every attempt sends the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxMessage {
    pub id: DeliveryId,
    /// The channel's name in the configuration.
    pub channel: String,
    /// Whom it is meant for: staff alerts are never pushed out by public updates, and can be withdrawn.
    pub audience: Audience,
    pub occasion: Occasion,
    pub created_at: Time,
    pub not_before: Time,
    pub payload: Payload,
    /// For one recipient of the channel alone, with a link of theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal: Option<Personal>,
}

/// Whom a message is for, and the link in it, if there is one. The message holds the link's id; the address that opens it is put
/// in when it is handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Personal {
    pub to: String,
    #[serde(default)]
    pub link: Option<LinkId>,
}

/// Whose incoming webhooks a message is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatApp {
    Slack,
    Mattermost,
    Discord,
    /// Microsoft Teams, by a workflow that posts what its webhook gets.
    Teams,
}

/// The rendered message, by channel kind, already in the reader's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "payload", rename_all = "snake_case")]
pub enum Payload {
    /// `thread` is the same for all mails about one incident or maintenance (`References`).
    Mail { subject: String, text: String, html: String, thread: Option<String> },
    /// A JSON body, sent as these very bytes.
    Webhook { body: String },
    /// The same, in the form of a chat app.
    Chat { app: ChatApp, body: String },
    /// A notification; `url` is a path of ours. Of two with one `tag` the newer takes the older one's place.
    Push { title: String, text: String, url: String, tag: String },
}

// === impl ChatApp ===

impl ChatApp {
    pub const ALL: [ChatApp; 4] = [ChatApp::Slack, ChatApp::Mattermost, ChatApp::Discord, ChatApp::Teams];

    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ChatApp::Slack => "Slack",
            ChatApp::Mattermost => "Mattermost",
            ChatApp::Discord => "Discord",
            ChatApp::Teams => "Teams",
        }
    }
}

// === impl Payload ===

impl Payload {
    /// What it was written for, in words for whoever looks after the channels.
    #[must_use]
    pub fn is_for(&self) -> &'static str {
        match self {
            Payload::Mail { .. } => "as an e-mail",
            Payload::Webhook { .. } => "for a webhook",
            Payload::Chat { .. } => "for a chat room",
            Payload::Push { .. } => "for a browser",
        }
    }
}

// === impl Occasion ===

impl Occasion {
    /// The incident it is about, if any.
    #[must_use]
    pub fn incident(&self) -> Option<IncidentId> {
        match self {
            Occasion::IncidentOpened { incident, .. }
            | Occasion::IncidentUpdated { incident, .. }
            | Occasion::IncidentResolved { incident, .. }
            | Occasion::PromiseDue { incident, .. }
            | Occasion::PromiseMissed { incident, .. }
            | Occasion::Unacknowledged { incident, .. }
            | Occasion::Acknowledged { incident, .. }
            | Occasion::PreventionOverdue { incident, .. } => Some(*incident),
            _ => None,
        }
    }

    /// The maintenance it is about, if any.
    #[must_use]
    pub fn maintenance(&self) -> Option<MaintenanceId> {
        match self {
            Occasion::MaintenanceScheduled { maintenance }
            | Occasion::MaintenanceStarted { maintenance }
            | Occasion::MaintenanceUpdated { maintenance, .. }
            | Occasion::MaintenanceCompleted { maintenance }
            | Occasion::MaintenanceCancelled { maintenance } => Some(*maintenance),
            _ => None,
        }
    }
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "receipt", rename_all = "snake_case")]
pub enum Receipt {
    /// The far side took it over; `proof` is its answer (SMTP reply, HTTP status), at most 256 bytes.
    Accepted { proof: String },
    /// Try again later, not before `retry_after_ms` where the far side named a time.
    Deferred { reason: String, retry_after_ms: Option<u64> },
    /// Trying again cannot help.
    Refused { reason: String },
}
