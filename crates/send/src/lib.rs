//! The ways out: each channel kind takes one rendered message to one far side and says what became of it.
//!
//! Nothing here decides, waits in line or tries again: that is the outbox's part. A delivery ends within its
//! deadline with a [`Receipt`], whatever the far side does.

pub mod chat;
pub mod hook;
pub mod mail;
pub mod publish;
pub mod push;
pub mod signature;
mod text;
pub mod webhook;

pub use chat::ChatSpec;
pub use mail::{MailSpec, MailTls};
pub use webhook::WebhookSpec;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stillhere_model::{
    Time,
    message::{OutboxMessage, Payload, Receipt},
};

/// A channel as configured: its kind and the kind's own keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChannelSpec {
    /// E-mail over SMTP.
    Mail(MailSpec),
    /// An HTTP POST, signed as Standard Webhooks say.
    Webhook(WebhookSpec),
    /// A message in a room of Slack, Mattermost, Discord or Microsoft Teams.
    Chat(ChatSpec),
}

/// The kinds and what each is, for `config explain` and error messages.
pub const KINDS: [(&str, &str); 3] = [
    ("mail", "E-mail over SMTP"),
    ("webhook", "An HTTP POST, signed as Standard Webhooks say"),
    ("chat", "A message in a room of Slack, Mattermost, Discord or Microsoft Teams"),
];

/// What is wrong with a channel's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key inside the channel's table, such as `host`.
    pub path: String,
    pub problem: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// A channel ready to deliver. Holds its secrets; prints none of them.
#[derive(Debug)]
pub struct Channel {
    name: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Mail(mail::Mail),
    Webhook(webhook::Webhook),
    Chat(chat::Chat),
}

// === impl ChannelSpec ===

impl ChannelSpec {
    /// The kind's name, as written in the configuration.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            ChannelSpec::Mail(_) => "mail",
            ChannelSpec::Webhook(_) => "webhook",
            ChannelSpec::Chat(_) => "chat",
        }
    }

    /// Everything that is wrong with it, without touching the network or reading secrets.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        match self {
            ChannelSpec::Mail(s) => s.validate(),
            ChannelSpec::Webhook(s) => s.validate(),
            ChannelSpec::Chat(s) => s.validate(),
        }
    }
}

// === impl Kind ===

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Kind::Mail(_) => "e-mail",
            Kind::Webhook(_) => "a webhook",
            Kind::Chat(_) => "a chat room",
        }
    }
}

// === impl Channel ===

impl Channel {
    /// Reads secrets and certificates; does not connect.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn new(name: &str, spec: &ChannelSpec) -> Result<Channel, Problem> {
        if let Some(problem) = spec.validate().into_iter().next() {
            return Err(problem);
        }
        stillhere_net::tls::install();
        let kind = match spec {
            ChannelSpec::Mail(s) => Kind::Mail(mail::Mail::new(s)?),
            ChannelSpec::Webhook(s) => Kind::Webhook(webhook::Webhook::new(s)?),
            ChannelSpec::Chat(s) => Kind::Chat(chat::Chat::new(s)?),
        };
        Ok(Channel { name: name.to_owned(), kind })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Goes as far as can be gone without telling anybody anything: to a mail server up to the log-in, to a webhook's or an app's
    /// server up to the connection. For `doctor`.
    ///
    /// # Errors
    /// What stood in the way.
    pub async fn rehearse(&self) -> Result<String, String> {
        match &self.kind {
            Kind::Mail(mail) => mail.rehearse().await,
            Kind::Webhook(webhook) => webhook.rehearse().await,
            Kind::Chat(chat) => chat.rehearse().await,
        }
    }

    /// Takes a message to the far side. Never panics, and ends within the channel's deadline.
    pub async fn deliver(&self, m: &OutboxMessage, now: Time) -> Receipt {
        match (&self.kind, &m.payload) {
            (Kind::Mail(mail), Payload::Mail { subject, text, html, thread }) => {
                mail.deliver(m, subject, text, html, thread.as_deref(), now).await
            }
            (Kind::Webhook(webhook), Payload::Webhook { body }) => webhook.deliver(m, body, now).await,
            (Kind::Chat(chat), Payload::Chat { app, body }) => chat.deliver(m, *app, body, now).await,
            // The channel was given another kind in the configuration while the message waited.
            (kind, payload) => {
                let reason = format!("written {}; the channel is now {}", payload.is_for(), kind.name());
                Receipt::Refused { reason }
            }
        }
    }
}

// === impl Problem ===

impl Problem {
    pub(crate) fn new(path: &str, problem: impl Into<String>, hint: Option<&str>) -> Problem {
        Problem { path: path.to_owned(), problem: problem.into(), hint: hint.map(str::to_owned) }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}
