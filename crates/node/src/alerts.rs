//! Alerts in people's browsers: a built-in channel of staff, whose recipients add themselves in the console.
//!
//! An alert is a message of the outbox like any other, one for each browser, with a link of its own. What opens the link is made
//! when it is handed over, and sealed for that browser alone; the push service reads none of it.

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};
use stillhere_model::{By, Occasion, OutboxMessage, Payload, Person, Receipt, Role, Time};
use stillhere_send::push::{self, PAYLOAD_MAX, Push, Pushed, Pusher, Urgency};
use stillhere_store::{Browser, Store};
use stillhere_tell::{Site, note};

/// The name of the channel in the outbox. No channel of the file can have it: names there hold no spaces.
pub(crate) const CHANNEL: &str = "browsers of staff";
/// Before a browser's id where a link says through what it went.
const LINK_CHANNEL: &str = "browser ";
/// How long a push service keeps an alert for a browser that is off: who comes back later looks at the console.
const TTL: Duration = Duration::from_secs(12 * 3600);

/// What depends on the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Push services that the operator runs.
    pub(crate) own: Vec<String>,
    pub(crate) contact: Option<String>,
    /// Browsers allow it where the page is.
    pub(crate) possible: bool,
    pub(crate) site: Option<Site>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Alerts(Arc<Inner>);

struct Inner {
    store: Store,
    pusher: Arc<Pusher>,
    settings: RwLock<Arc<Settings>>,
}

/// Why a browser is not alerted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlertError {
    #[error("browsers allow alerts where the page has an https address: set site.url")]
    NotHere,
    #[error("this is not a subscription of a browser: a public https address and its two keys")]
    NoBrowser,
    #[error("its push service did not take the test message: {0}")]
    NotTaken(String),
}

/// Whether who has this browser may do through a link what its page does. Who speaks about some services alone logs in for that.
pub(crate) fn may_act(person: &Person) -> bool {
    person.role >= Role::Responder && person.teams.is_empty()
}

/// Through what a link in an alert went.
pub(crate) fn link_channel(browser: &str) -> String {
    format!("{LINK_CHANNEL}{browser}")
}

/// The browser that a link went to, if it went to one.
pub(crate) fn browser_of(link: &stillhere_model::Link) -> Option<&str> {
    link.channel.strip_prefix(LINK_CHANNEL)
}

// === impl Alerts ===

impl Alerts {
    pub(crate) fn new(store: Store, pusher: Arc<Pusher>, settings: Settings) -> Alerts {
        Alerts(Arc::new(Inner { store, pusher, settings: RwLock::new(Arc::new(settings)) }))
    }

    pub(crate) fn replace(&self, settings: Settings) {
        *self.0.settings.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(settings);
    }

    fn settings(&self) -> Arc<Settings> {
        self.0.settings.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// What browsers bind their subscription to. `None`: they cannot be alerted here.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        self.settings().possible.then(|| self.0.pusher.public_key())
    }

    /// The address as it is kept.
    ///
    /// # Errors
    /// `NotHere`, `NoBrowser`.
    pub fn address(&self, written: &str) -> Result<String, AlertError> {
        let settings = self.settings();
        if !settings.possible {
            return Err(AlertError::NotHere);
        }
        push::address(written, &settings.own).ok_or(AlertError::NoBrowser)
    }

    /// Sends the message that shows that it works, at once: who added the browser is looking at it.
    ///
    /// # Errors
    /// `NotTaken`.
    pub async fn test(&self, to: &Browser, now: Time) -> Result<(), AlertError> {
        let settings = self.settings();
        let Some(site) = &settings.site else { return Err(AlertError::NotHere) };
        let payload = note::alert_test(site, to.lang, PAYLOAD_MAX);
        match self.push(&settings, to, &payload, Urgency::High, "test", now).await {
            Pushed::Of(Receipt::Accepted { .. }) => Ok(()),
            Pushed::Of(Receipt::Deferred { reason, .. } | Receipt::Refused { reason })
            | Pushed::Gone(reason) => Err(AlertError::NotTaken(reason)),
        }
    }

    /// Hands one alert over. The message is signed already.
    pub(crate) async fn deliver(&self, m: &OutboxMessage, now: Time) -> Receipt {
        let refused = |reason: &str| Receipt::Refused { reason: reason.to_owned() };
        let (Payload::Push { title, text, url, tag }, Some(personal)) = (&m.payload, &m.personal) else {
            return refused("not written for a browser");
        };
        let settings = self.settings();
        if !settings.possible {
            return refused("browsers cannot be alerted where the page is now");
        }
        let (whose, to) = match self.0.store.staff_browser(&personal.to).await {
            Ok(Some(found)) => found,
            Ok(None) => return refused("this browser is not alerted any more"),
            Err(e) => return Receipt::Deferred { reason: e.to_string(), retry_after_ms: None },
        };
        let payload = note::alert(to.lang, title, text, url, tag, PAYLOAD_MAX);
        match self.push(&settings, &to, &payload, urgency(&m.occasion), tag, now).await {
            Pushed::Of(receipt) => {
                if matches!(receipt, Receipt::Accepted { .. })
                    && let Err(e) = self.0.store.browser_told(&to.id, now).await
                {
                    tracing::warn!(error = %e, "could not note that a browser was alerted");
                }
                receipt
            }
            Pushed::Gone(reason) => self.gone(&whose, &to, reason, now).await,
        }
    }

    async fn gone(&self, whose: &Person, to: &Browser, reason: String, now: Time) -> Receipt {
        let by = By { name: "its push service".to_owned(), from: None };
        if let Err(e) = self.0.store.browser_forget(whose, &to.id, &by, now).await {
            tracing::error!(error = %e, "could not forget a browser that is gone; it will be tried again with the next alert");
        }
        Receipt::Refused { reason }
    }

    async fn push(
        &self,
        settings: &Settings,
        to: &Browser,
        payload: &str,
        urgency: Urgency,
        tag: &str,
        now: Time,
    ) -> Pushed {
        let topic = push::topic(&format!("staff {tag}"));
        let push = Push {
            endpoint: &to.endpoint,
            keys: &to.keys,
            payload: payload.as_bytes(),
            ttl: TTL,
            urgency,
            topic: Some(&topic),
            contact: settings.contact.as_deref(),
        };
        self.0.pusher.deliver(&push, &settings.own, now).await
    }
}

impl std::fmt::Debug for Alerts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alerts").field("key", &self.key()).finish_non_exhaustive()
    }
}

/// What somebody is to act on wakes a sleeping phone.
fn urgency(occasion: &Occasion) -> Urgency {
    match occasion {
        Occasion::IncidentOpened { .. }
        | Occasion::Unacknowledged { .. }
        | Occasion::PromiseDue { .. }
        | Occasion::PromiseMissed { .. } => Urgency::High,
        _ => Urgency::Normal,
    }
}
