//! A chat room, through the app's incoming webhook. What is posted was written for the app when it was decided.
//!
//! The address is all that somebody needs to write into the room: it is in no log, no error and no receipt.

use crate::{
    Problem,
    webhook::{Webhook, WebhookSpec},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};
use stillhere_model::{ChatApp, OutboxMessage, Receipt, Time};

/// Which room, and in which app it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatSpec {
    pub app: ChatApp,
    /// The address of the incoming webhook that the app made for the room. Whoever has it can write there.
    #[schemars(length(min = 8, max = 2048))]
    pub url: String,
    /// A PEM file with the certificate authority of the server, instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Seconds that one delivery may take, all in all.
    #[schemars(range(min = 1, max = 30))]
    #[serde(default = "WebhookSpec::usual_timeout")]
    pub timeout_s: u64,
}

/// A chat channel ready to deliver.
#[derive(Debug)]
pub(crate) struct Chat {
    app: ChatApp,
    webhook: Webhook,
}

// === impl ChatSpec ===

impl ChatSpec {
    /// Everything that is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        self.posted_to().validate()
    }

    fn posted_to(&self) -> WebhookSpec {
        let mut url = self.url.clone();
        // Discord says what it has made of a message only if it is asked to wait for that.
        if self.app == ChatApp::Discord
            && let Ok(mut asked) = url::Url::parse(&url)
            && !asked.query_pairs().any(|(k, _)| k == "wait")
        {
            asked.query_pairs_mut().append_pair("wait", "true");
            url = asked.into();
        }
        WebhookSpec {
            url,
            secrets: Vec::new(),
            headers: BTreeMap::new(),
            token: None,
            ca_file: self.ca_file.clone(),
            timeout_s: self.timeout_s,
        }
    }
}

// === impl Chat ===

impl Chat {
    pub(crate) fn new(spec: &ChatSpec) -> Result<Chat, Problem> {
        Ok(Chat { app: spec.app, webhook: Webhook::new(&spec.posted_to())? })
    }

    pub(crate) async fn rehearse(&self) -> Result<String, String> {
        self.webhook.rehearse().await
    }

    pub(crate) async fn deliver(&self, m: &OutboxMessage, app: ChatApp, body: &str, now: Time) -> Receipt {
        if app != self.app {
            let reason = format!("written for {}; the channel is now {}", app.name(), self.app.name());
            return Receipt::Refused { reason };
        }
        self.webhook.deliver(m, body, now).await
    }
}
