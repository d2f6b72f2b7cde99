//! `[subscribers]`: whether visitors can have themselves told.

use crate::bounds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether visitors can have themselves told, and by what. Without this section they can as soon as there is a channel
/// of kind `mail`; with `enabled = true` without one, too, by webhook and in their browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Subscribers {
    /// `false`: there is no form, and nobody is told, whoever subscribed before. Without it: there is one as soon as
    /// there is a mail channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The name of the mail channel whose server carries the letters and whose sender they have. The first mail channel of the
    /// file if it is not given. Its own `to` gets nothing of it.
    #[schemars(length(min = 1, max = bounds::ID_CHARS), extend("format" = "slug"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// Programs can subscribe too: with an https address, to which signed POSTs go.
    pub webhooks: bool,
    /// Receivers of your own, as `host` or `host:port`: they may be at a private address. All others must be public.
    #[schemars(length(max = bounds::PUSH_SERVICES), inner(length(min = 1, max = bounds::PUSH_SERVICE_CHARS)))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub webhook_hosts: Vec<String>,
    /// Browsers can show notifications (web push). Browsers allow it where the page has an https address (`site.url`), and on this
    /// machine.
    pub push: bool,
    /// Push services of your own, as `host` or `host:port`: they may be at a private address. Those of the browsers need no line.
    #[schemars(length(max = bounds::PUSH_SERVICES), inner(length(min = 1, max = bounds::PUSH_SERVICE_CHARS)))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub push_services: Vec<String>,
    /// Most subscribers. Beyond it the form says that there is no room.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub at_most: u32,
    /// Sessions with the mail server at the same time.
    #[schemars(range(min = 1, max = 64))]
    pub mail_sessions: u32,
    /// An address that the mail server has refused so many times in a row gets nothing more.
    #[schemars(range(min = 1, max = 100))]
    pub refusals: u32,
    /// The address that letters come back to when they cannot be delivered, with `*` where each letter has its own mark:
    /// `bounces+*@example.com`. What comes there goes to `stillhere bounce`. Without it they come back to the sender, and nothing is
    /// learnt from them.
    #[schemars(length(min = 3, max = bounds::RETURN_PATH_CHARS))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_path: Option<String>,
    /// An address gets nothing more when letters of so many days within two weeks came back. Of a mailbox that does not exist, one is enough.
    #[schemars(range(min = 1, max = 14))]
    pub bounce_days: u32,
    /// The hour of the day, in the site's time zone, at which daily digests go out.
    #[schemars(range(min = 0, max = 23))]
    pub digest_hour: u8,
}

// === impl Subscribers ===

impl Default for Subscribers {
    fn default() -> Subscribers {
        Subscribers {
            enabled: None,
            mail: None,
            webhooks: true,
            webhook_hosts: Vec::new(),
            push: true,
            push_services: Vec::new(),
            at_most: 100_000,
            mail_sessions: 8,
            refusals: 3,
            return_path: None,
            bounce_days: 5,
            digest_hour: 8,
        }
    }
}
