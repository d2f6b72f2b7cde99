//! People outside who want to be told: they come, change their minds and go here, and are told from here.
//!
//! ```text
//! web ─ask, confirm, change, leave─▶ store
//! flow ─one piece of news with its commit─▶ store ─▶ carry: hand out ─▶ claim ─▶ send ─▶ settle
//! ```
//! Each way of reaching people has tasks of its own, so that a mail server that is a black hole holds up no webhook
//! (case f), and none of them ever holds up a look or a verdict: they meet only in the store, in short transactions.

mod carry;
mod compose;
mod keys;
mod limit;
mod mark;
mod returned;

pub(crate) use carry::{Running, run};
pub(crate) use compose::news;
pub use keys::Purpose;
pub use returned::Returned;

use keys::Keys;
use limit::Limiter;
use std::{
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use stillhere_config::Config;
use stillhere_model::{
    DeliveryId, IncidentId, Lang, Mint, Subscriber, SubscriberId, Way, Wish, subscriber::BrowserKeys,
};
use stillhere_net::{clock::Clock, entropy};
use stillhere_send::{
    hook::{self, Hooks},
    mail::{
        bounce::ReturnPath,
        post::{self, Postman},
    },
    push::{self, Pusher},
};
use stillhere_store::{Asking, Awaited, Confirmed, Export, Progress, Stopped, Store, StoreError};
use stillhere_tell::{Offer, Site};
use tokio::sync::{Notify, watch};

/// What subscribers are told with, as configured now.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) spec: stillhere_config::Subscribers,
    /// `None`: there is no mail channel, and nobody is told by mail.
    pub(crate) postman: Option<Postman>,
    /// Mail channel and all, to know whether anything changed.
    pub(crate) mail: Option<stillhere_send::MailSpec>,
    /// Where letters come back to; without it nobody hears of those that are refused later.
    pub(crate) return_path: Option<ReturnPath>,
    /// Browsers are notified.
    pub(crate) push: bool,
    /// How a push service reaches the operator.
    pub(crate) contact: Option<String>,
}

/// What the rest of the process may ask. Cheap to clone.
#[derive(Clone)]
pub struct Subscribers(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) keys: Keys,
    pub(crate) hooks: Hooks,
    pub(crate) pusher: Arc<Pusher>,
    settings: watch::Sender<Option<Arc<Settings>>>,
    /// One for each of [`Way::ALL`].
    wake: [Notify; Way::ALL.len()],
    limiter: Mutex<Limiter>,
}

/// A browser as its own script describes it.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    /// Where its push service takes messages for it.
    pub endpoint: String,
    pub p256dh: String,
    pub auth: String,
}

/// Why a request for a subscription was not taken up. Nothing of it depends on who has a subscription.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("nobody can subscribe here")]
    Closed,
    #[error("not an address that can be written to")]
    BadAddress,
    #[error("too many requests from this network")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a push service reaches whoever sends.
pub(crate) fn contact(config: &Config, page: &str) -> Option<String> {
    let mailbox = config.site.contact.email.as_ref().map(|email| format!("mailto:{email}"));
    mailbox.or_else(|| page.starts_with("https://").then(|| page.to_owned()))
}

// === impl Settings ===

impl Settings {
    /// `None`: nobody can subscribe, and nobody is told.
    ///
    /// # Errors
    /// When the mail channel cannot be used.
    pub(crate) fn build(config: &Config, page: &str) -> Result<Option<Arc<Settings>>, String> {
        if !config.subscribers_are_told() {
            return Ok(None);
        }
        let mail = config.subscribers_mail().cloned();
        let postman = mail
            .as_ref()
            .map(|mail| Postman::new(mail).map_err(|p| format!("subscribers: the mail channel: {p}")))
            .transpose()?;
        let spec = config.subscribers.clone();
        let return_path = spec.return_path.as_ref().map(|path| path.parse()).transpose();
        let return_path = return_path.map_err(|e| format!("subscribers: `return_path` {e}"))?;
        // Browsers notify for pages that came over https, or from this machine.
        let push = spec.push && crate::link::is_safe(page);
        let contact = contact(config, page);
        Ok(Some(Arc::new(Settings { spec, postman, mail, return_path, push, contact })))
    }

    pub(crate) fn offer(&self) -> Offer {
        Offer { mail: self.postman.is_some(), webhook: self.spec.webhooks, push: self.push, push_key: None }
    }
}

impl PartialEq for Settings {
    fn eq(&self, other: &Settings) -> bool {
        (&self.spec, &self.mail, self.push, &self.contact)
            == (&other.spec, &other.mail, other.push, &other.contact)
    }
}

// === impl Subscribers ===

impl Subscribers {
    pub(crate) fn new(
        data: &Path,
        store: Store,
        clock: Clock,
        settings: Option<Arc<Settings>>,
    ) -> Result<Subscribers, String> {
        let keys = Keys::load_or_make(data)?;
        let hooks = Hooks::new(&keys.hook_seed())?;
        let pusher = Arc::new(Pusher::new(crate::key::push(data)?)?);
        Ok(Subscribers(Arc::new(Inner {
            store,
            clock,
            keys,
            hooks,
            pusher,
            settings: watch::channel(settings).0,
            wake: [const { Notify::const_new() }; Way::ALL.len()],
            limiter: Mutex::new(Limiter::default()),
        })))
    }

    pub(crate) fn replace(&self, settings: Option<Arc<Settings>>) {
        self.0.settings.send_if_modified(|now| {
            let changed = *now != settings;
            *now = settings;
            changed
        });
    }

    pub(crate) fn settings(&self) -> watch::Receiver<Option<Arc<Settings>>> {
        self.0.settings.subscribe()
    }

    /// Whether anybody can subscribe and is told.
    #[must_use]
    pub fn are_told(&self) -> bool {
        self.0.settings.borrow().is_some()
    }

    /// There is something new to hand out or to send.
    pub(crate) fn wake(&self) {
        self.0.wake.iter().for_each(Notify::notify_one);
    }

    /// Takes down that `address` is to be told. The answer, what is written and how long it takes are the same whether or not
    /// it is known already; a letter goes to the address, and only its link begins anything.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask(&self, way: Way, address: &str, wish: Wish, from: IpAddr) -> Result<(), AskError> {
        let settings = self.0.settings.borrow().clone().ok_or(AskError::Closed)?;
        let asking = self.asking(&settings, way, address, wish)?;
        self.take_down(&asking, from).await
    }

    /// The same for a browser. The letter is a test message: the browser that can read it confirms.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask_browser(&self, browser: &Browser, wish: Wish, from: IpAddr) -> Result<(), AskError> {
        let settings = self.0.settings.borrow().clone().ok_or(AskError::Closed)?;
        let keys = BrowserKeys::parse(&browser.p256dh, &browser.auth).ok_or(AskError::BadAddress)?;
        let mut asking = self.asking(&settings, Way::Push, &browser.endpoint, wish)?;
        asking.keys = Some(keys);
        self.take_down(&asking, from).await
    }

    /// The push service of a subscriber's browser gave it another address: the old one is forgotten, and the new one is
    /// asked as any other.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn renew(&self, s: &Subscriber, browser: &Browser, from: IpAddr) -> Result<(), AskError> {
        if s.way != Way::Push {
            return Err(AskError::BadAddress);
        }
        self.ask_browser(browser, s.wish.clone(), from).await?;
        if s.address != browser.endpoint {
            self.leave(s, "the browser has another address").await?;
        }
        Ok(())
    }

    /// Tells a browser once, when `incident` is over. Whoever made the address up costs its owner that one message, which they cannot
    /// read; so only push services are written to that are known, or the operator's own.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn tell_once(
        &self,
        browser: &Browser,
        incident: IncidentId,
        lang: Lang,
        from: IpAddr,
    ) -> Result<Awaited, AskError> {
        let settings = self.0.settings.borrow().clone().ok_or(AskError::Closed)?;
        let keys = BrowserKeys::parse(&browser.p256dh, &browser.auth).ok_or(AskError::BadAddress)?;
        let wish = Wish::end_of(lang, incident);
        let mut asking = self.asking(&settings, Way::Push, &browser.endpoint, wish)?;
        if !push::is_service(&asking.address, &settings.spec.push_services) {
            return Err(AskError::BadAddress);
        }
        asking.keys = Some(keys);
        self.may_ask(from)?;
        Ok(self.0.store.subscriber_await(&asking, incident).await?)
    }

    async fn take_down(&self, asking: &Asking, from: IpAddr) -> Result<(), AskError> {
        self.may_ask(from)?;
        self.0.store.subscriber_ask(asking).await?;
        self.wake();
        Ok(())
    }

    fn may_ask(&self, from: IpAddr) -> Result<(), AskError> {
        let mut limiter = self.0.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = limiter.allow(from, self.0.clock.now().mono_ms);
        if allowed { Ok(()) } else { Err(AskError::TooMany) }
    }

    /// Takes over those who were asked elsewhere and said yes, by mail address or webhook URL. Gives how many are new, and
    /// what is no address.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn import(&self, addresses: &[String], wish: &Wish) -> Result<(u64, Vec<String>), AskError> {
        let settings = self.0.settings.borrow().clone().ok_or(AskError::Closed)?;
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for address in addresses {
            let way = if address.contains("://") { Way::Webhook } else { Way::Mail };
            match self.asking(&settings, way, address, wish.clone()) {
                Ok(asking) => good.push(asking),
                Err(_) => bad.push(address.clone()),
            }
        }
        Ok((self.0.store.subscriber_import(&good).await?, bad))
    }

    fn asking(&self, settings: &Settings, way: Way, address: &str, wish: Wish) -> Result<Asking, AskError> {
        let now = self.0.clock.now();
        let (address, mailbox) = match way {
            Way::Mail if settings.postman.is_some() => {
                let address = post::address(address).ok_or(AskError::BadAddress)?;
                let mailbox = keys::mailbox(&address);
                (address, mailbox)
            }
            Way::Webhook if settings.spec.webhooks => {
                let own = &settings.spec.webhook_hosts;
                let address = hook::address_or_own(address, own).ok_or(AskError::BadAddress)?;
                let host = hook::host(&address).ok_or(AskError::BadAddress)?;
                (address, host)
            }
            Way::Push if settings.push => {
                let own = &settings.spec.push_services;
                let address = push::address(address, own).ok_or(AskError::BadAddress)?;
                let flooded = push::flooded(&address, own).ok_or(AskError::BadAddress)?;
                (address, flooded)
            }
            Way::Mail | Way::Webhook | Way::Push => return Err(AskError::Closed),
        };
        let mut mint = Mint::new(entropy::u64());
        Ok(Asking {
            // From the kernel and not from the mint: the id is part of what cannot be guessed.
            id: SubscriberId(keys::random_id()),
            way,
            who: self.0.keys.who(way, &address),
            mailbox: self.0.keys.mailbox(way, &mailbox),
            address,
            keys: None,
            wish,
            letter: DeliveryId(mint.uuid(now.wall)),
            at_most: settings.spec.at_most,
            at: now.wall,
        })
    }

    /// Whose link this is, if it is one of ours for this purpose and still valid.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of_link(&self, purpose: Purpose, token: &str) -> Result<Option<Subscriber>, StoreError> {
        let Some(claim) = Keys::claim(token) else { return Ok(None) };
        let found = self.0.store.subscriber(claim.id).await?;
        // Computed in any case: how long it takes says nothing about which ids there are.
        let link = found.as_ref().map_or(0, |s| s.link);
        let ours = self.0.keys.verify(purpose, &claim, link);
        Ok(found.filter(|_| ours))
    }

    /// The link of `s` for a purpose: what follows the address of the page.
    #[must_use]
    pub fn link(&self, purpose: Purpose, s: &Subscriber) -> String {
        self.0.keys.token(purpose, s.id, s.link)
    }

    /// # Errors
    /// Nothing was written.
    pub async fn confirm(&self, s: &Subscriber) -> Result<Confirmed, StoreError> {
        let at_most = self.0.settings.borrow().as_ref().map_or(0, |s| s.spec.at_most);
        self.0.store.subscriber_confirm(s.id, s.link, at_most, self.0.clock.now().wall).await
    }

    /// False: there is none any more.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn change(&self, s: &Subscriber, wish: &Wish) -> Result<bool, StoreError> {
        self.0.store.subscriber_change(s.id, wish, self.0.clock.now().wall).await
    }

    /// Forgets everything about them. False: there is none any more.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn leave(&self, s: &Subscriber, why: &str) -> Result<bool, StoreError> {
        let left = self.0.store.subscriber_leave(s.id, why, self.0.clock.now().wall).await?;
        self.wake();
        Ok(left)
    }

    /// By the address as a person writes it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(&self, address: &str) -> Result<Option<Subscriber>, StoreError> {
        let as_mail = post::address(address).map(|a| self.0.keys.who(Way::Mail, &a));
        let spec = self.0.settings.borrow().as_ref().map(|s| s.spec.clone()).unwrap_or_default();
        let as_hook = hook::address_or_own(address, &spec.webhook_hosts);
        let as_hook = as_hook.map(|a| self.0.keys.who(Way::Webhook, &a));
        let own = spec.push_services;
        let as_browser = push::address(address, &own).map(|a| self.0.keys.who(Way::Push, &a));
        for who in as_mail.into_iter().chain(as_hook).chain(as_browser) {
            if let Some(found) = self.0.store.subscriber_by_who(&who).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Everything that is known of them; that it was given away stands in the journal.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn export(&self, s: &Subscriber, by: &str) -> Result<Option<Export>, StoreError> {
        let export = self.0.store.subscriber_export(s.id).await?;
        if export.is_some() {
            self.0.store.subscriber_exported(&s.who, by, self.0.clock.now().wall).await?;
        }
        Ok(export)
    }

    /// # Errors
    /// When the store cannot be read.
    pub async fn progress(&self, limit: u32) -> Result<Progress, StoreError> {
        self.0.store.subscriber_progress(limit).await
    }

    /// Those that nothing more is sent to, the last first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn stopped(&self, limit: u32) -> Result<Vec<Stopped>, StoreError> {
        self.0.store.subscribers_stopped(limit).await
    }

    /// What browsers bind a subscription to. `None`: they are not notified.
    #[must_use]
    pub fn push_key(&self) -> Option<String> {
        self.0.settings.borrow().as_ref().filter(|s| s.push).map(|_| self.0.pusher.public_key())
    }

    /// What the page says of the site, with what browsers bind a subscription to.
    pub(crate) fn offering(&self, site: &Site) -> Site {
        let subscribe = Offer { push_key: self.push_key(), ..site.subscribe.clone() };
        Site { subscribe, ..site.clone() }
    }

    /// What receivers of webhooks verify with (Standard Webhooks `v1a`).
    #[must_use]
    pub fn webhook_key(&self) -> String {
        self.0.hooks.public_key()
    }
}

impl std::fmt::Debug for Subscribers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscribers").field("are_told", &self.are_told()).finish_non_exhaustive()
    }
}
