//! Who outside asked to be told, what they want to hear, and one piece of news on its way to all of them.
//!
//! A piece of news is written once, with the decision it tells of; who gets it is found afterwards, in batches. So a
//! decision costs the same with three subscribers and with a hundred thousand.

use crate::{
    id::{DeliveryId, IncidentId, NewsId, ServiceId, SubscriberId},
    incident::Impact,
    message::Occasion,
    text::Lang,
    time::Time,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a subscriber is reached.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    Mail,
    Webhook,
    /// A notification in a browser, through its push service.
    Push,
}

/// How soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Each piece of news by itself.
    #[default]
    Instant,
    /// One message a day with everything, and none on a day without news.
    Daily,
}

/// What a subscriber wants to hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    pub lang: Lang,
    /// Empty: all services.
    #[serde(default)]
    pub services: Vec<ServiceId>,
    /// Incidents that were never this grave are not told.
    #[serde(default = "Wish::all")]
    pub least: Impact,
    /// Planned work too.
    #[serde(default = "Wish::yes")]
    pub maintenance: bool,
    #[serde(default)]
    pub pace: Pace,
    /// Nothing but that this incident is over; of the other fields only the language counts then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of: Option<IncidentId>,
}

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriberState {
    /// Not yet confirmed by whoever reads the address; nothing but the question is sent.
    Asked,
    Active,
    /// The far side said for good that nobody is there; nothing is sent until it is asked for anew.
    Silenced,
    /// Is told one thing, that an incident is over ([`Wish::end_of`]), and is forgotten with it.
    Once,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    pub id: SubscriberId,
    pub way: Way,
    /// A mail address or a URL.
    pub address: String,
    /// Of a browser: what is sent to it is sealed with these.
    pub keys: Option<BrowserKeys>,
    /// The keyed hash of way and address: what the journal calls them.
    pub who: String,
    pub state: SubscriberState,
    pub wish: Wish,
    /// Links to this subscription hold this number; raising it makes all earlier ones void.
    pub link: u32,
    pub asked_at: Time,
    pub confirmed_at: Option<Time>,
    /// Times in a row that the far side said that nobody is there.
    pub bounces: u32,
}

/// What a browser gave us to seal messages to it (RFC 8291): its public key, and a secret that it shares with us alone.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserKeys {
    pub p256dh: [u8; 65],
    pub auth: [u8; 16],
}

/// A mail in one language, but for the one link that differs between its readers: it goes between the two halves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    pub subject: String,
    pub text: (String, String),
    pub html: (String, String),
    /// The same for all mails about one incident or maintenance (`References`).
    pub thread: Option<String>,
    /// Its text without the words around it, for a digest.
    pub gist: String,
    pub url: String,
}

/// What all subscribers who want it are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    pub id: NewsId,
    pub at: Time,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// Rendered when it was decided, so that every attempt sends the same bytes.
    Occasion {
        occasion: Occasion,
        services: Vec<ServiceId>,
        /// The gravest that the incident has been; `None` for planned work.
        impact: Option<Impact>,
        letters: BTreeMap<Lang, Letter>,
        /// JSON for webhooks.
        hooks: BTreeMap<Lang, String>,
    },
    /// Everything after one piece of news up to another, by their numbers in the store.
    Digest { after: i64, until: i64 },
}

/// What a message to one subscriber says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Telling {
    /// Please confirm.
    Confirm,
    /// Somebody asked for a subscription that is there already: here is its link.
    Known,
    /// `None`: it is no longer wanted.
    News(Option<News>),
    /// Those of a day that are wanted; none of them may be left.
    Digest(Vec<News>),
}

/// One message to one subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    pub id: DeliveryId,
    pub to: Subscriber,
    pub telling: Telling,
    pub created_at: Time,
}

// === impl Way ===

impl Way {
    pub const ALL: [Way; 3] = [Way::Mail, Way::Webhook, Way::Push];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Way::Mail => "mail",
            Way::Webhook => "webhook",
            Way::Push => "push",
        }
    }
}

impl std::str::FromStr for Way {
    type Err = ();
    fn from_str(s: &str) -> Result<Way, ()> {
        Way::ALL.into_iter().find(|w| w.as_str() == s).ok_or(())
    }
}

// === impl BrowserKeys ===

impl BrowserKeys {
    /// As the browser's script says them, each in base64url. Whether the first is a point of the curve is seen when it is used.
    #[must_use]
    pub fn parse(p256dh: &str, auth: &str) -> Option<BrowserKeys> {
        let of = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let p256dh: [u8; 65] = of(p256dh)?.try_into().ok()?;
        (p256dh[0] == 4).then_some(())?;
        Some(BrowserKeys { p256dh, auth: of(auth)?.try_into().ok()? })
    }

    /// As they are kept; [`BrowserKeys::kept`] reads it.
    #[must_use]
    pub fn to_kept(&self) -> String {
        format!("{}.{}", self.public_key(), URL_SAFE_NO_PAD.encode(self.auth))
    }

    #[must_use]
    pub fn kept(text: &str) -> Option<BrowserKeys> {
        let (p256dh, auth) = text.split_once('.')?;
        BrowserKeys::parse(p256dh, auth)
    }

    /// The half that is no secret.
    #[must_use]
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.p256dh)
    }
}

impl std::fmt::Debug for BrowserKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrowserKeys").field("p256dh", &self.public_key()).field("auth", &"***").finish()
    }
}

// === impl SubscriberState ===

impl SubscriberState {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SubscriberState::Asked => "asked",
            SubscriberState::Active => "active",
            SubscriberState::Silenced => "silenced",
            SubscriberState::Once => "once",
        }
    }

    /// News goes to them at all.
    #[must_use]
    pub fn is_told(self) -> bool {
        matches!(self, SubscriberState::Active | SubscriberState::Once)
    }
}

impl std::str::FromStr for SubscriberState {
    type Err = ();
    fn from_str(s: &str) -> Result<SubscriberState, ()> {
        [SubscriberState::Asked, SubscriberState::Active, SubscriberState::Silenced, SubscriberState::Once]
            .into_iter()
            .find(|w| w.as_str() == s)
            .ok_or(())
    }
}

// === impl Wish ===

impl Wish {
    /// Everything, at once.
    #[must_use]
    pub fn everything(lang: Lang) -> Wish {
        Wish {
            lang,
            services: Vec::new(),
            least: Impact::None,
            maintenance: true,
            pace: Pace::Instant,
            end_of: None,
        }
    }

    /// That one incident is over, and nothing else.
    #[must_use]
    pub fn end_of(lang: Lang, incident: IncidentId) -> Wish {
        Wish { end_of: Some(incident), maintenance: false, ..Wish::everything(lang) }
    }

    fn all() -> Impact {
        Impact::None
    }

    fn yes() -> bool {
        true
    }

    /// Whether news about `services` is wanted. News about no service in particular goes to everybody.
    #[must_use]
    pub fn wants(&self, services: &[ServiceId], impact: Option<Impact>) -> bool {
        let grave_enough = impact.map_or(self.maintenance, |i| i >= self.least);
        let theirs = self.services.is_empty()
            || services.is_empty()
            || services.iter().any(|s| self.services.contains(s));
        grave_enough && theirs
    }
}

// === impl News ===

impl News {
    /// Whether a subscriber with this wish is told, by itself or in a digest.
    #[must_use]
    pub fn is_for(&self, wish: &Wish) -> bool {
        match (&self.what, wish.end_of) {
            (What::Occasion { occasion: Occasion::IncidentResolved { incident, .. }, .. }, Some(of)) => {
                *incident == of
            }
            (What::Occasion { services, impact, .. }, None) => wish.wants(services, *impact),
            (What::Occasion { .. } | What::Digest { .. }, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_browser_are_read_as_browsers_write_them_kept_and_never_printed() {
        let of = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (mut point, auth) = ([9u8; 65], [7u8; 16]);
        point[0] = 4;
        let keys = BrowserKeys::parse(&of(&point), &format!("{}==", of(&auth))).unwrap();
        assert_eq!(BrowserKeys::kept(&keys.to_kept()), Some(keys.clone()));
        assert!(!format!("{keys:?}").contains(&of(&auth)));
        for (p256dh, secret) in [
            (of(&point[..64]), of(&auth)),
            (of(&[point.as_slice(), &[1]].concat()), of(&auth)),
            (of(&[2; 65]), of(&auth)),
            (of(&point), of(&auth[1..])),
            (of(&point), String::new()),
            ("\u{1f600}".to_owned(), of(&auth)),
        ] {
            assert_eq!(BrowserKeys::parse(&p256dh, &secret), None, "{p256dh} {secret}");
        }
        assert_eq!(BrowserKeys::kept(&of(&point)), None);
    }

    #[test]
    fn case_g_filters_by_service_and_severity_are_honoured_and_maintenance_is_one_of_them() {
        let shop = || ServiceId::new("shop");
        let all = Wish::everything(Lang::En);
        let only = |services: Vec<ServiceId>, least, maintenance| Wish {
            services,
            least,
            maintenance,
            ..Wish::everything(Lang::En)
        };
        for (wish, services, impact, wanted) in [
            (all.clone(), vec![shop()], Some(Impact::None), true),
            (all.clone(), vec![], Some(Impact::Minor), true),
            (all, vec![shop()], None, true),
            (only(vec![shop()], Impact::None, true), vec![shop()], Some(Impact::Minor), true),
            (only(vec!["pay".into()], Impact::None, true), vec![shop()], Some(Impact::Critical), false),
            (
                only(vec!["pay".into()], Impact::None, true),
                vec![shop(), "pay".into()],
                Some(Impact::Minor),
                true,
            ),
            (only(vec!["pay".into()], Impact::None, true), vec![], Some(Impact::Minor), true),
            (only(vec![], Impact::Major, true), vec![shop()], Some(Impact::Minor), false),
            (only(vec![], Impact::Major, true), vec![shop()], Some(Impact::Major), true),
            (only(vec![], Impact::Critical, true), vec![shop()], None, true),
            (only(vec![], Impact::None, false), vec![shop()], None, false),
            (only(vec!["pay".into()], Impact::None, true), vec![shop()], None, false),
        ] {
            assert_eq!(wish.wants(&services, impact), wanted, "{wish:?} {services:?} {impact:?}");
        }
    }
}
