//! What is said: to all when it is decided, and to one when it is sent.

use super::{Inner, Purpose};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use stillhere_model::{
    Audience, Impact, Lang, News, NewsId, Occasion, Payload, Subscriber, SubscriberState, Telling, Time, What,
};
use stillhere_send::push::{self, Urgency};
use stillhere_tell::{
    ChannelKind, Snapshot, message,
    note::{self, Mine},
    subscribe::{self, Written},
};

/// How long a push service keeps news for a browser that is off. Later it would be read as if it were new.
const NEWS_TTL: Duration = Duration::from_secs(86_400);
/// The same for the test message: whoever asked for it is waiting.
const TEST_TTL: Duration = Duration::from_secs(3_600);

/// One occasion for all subscribers, in all languages of the site. `None`: it is none of visitors' concern.
pub(crate) fn news(id: NewsId, occasion: &Occasion, public: &Snapshot, at: Time) -> Option<News> {
    let (services, impact) = if let Some(id) = occasion.incident() {
        let incident = public.incident(&id)?;
        let worst = incident.affected.iter().map(|a| Impact::of(a.worst)).max();
        let services = incident.affected.iter().map(|a| a.service.clone()).collect();
        // The gravest it has been: who was told that it began is told that it is over.
        (services, Some(incident.impact.max(worst.unwrap_or(Impact::None))))
    } else {
        let maintenance = public.maintenance(&occasion.maintenance()?)?;
        (maintenance.services.clone(), None)
    };
    let mut letters = BTreeMap::new();
    let mut hooks = BTreeMap::new();
    for lang in &public.site.languages {
        letters.insert(*lang, message::letter(occasion, public, *lang));
        let hook = message::render(ChannelKind::Webhook, occasion, public, *lang, Audience::Public, None);
        if let Payload::Webhook { body } = hook {
            hooks.insert(*lang, body);
        }
    }
    let what = What::Occasion { occasion: occasion.clone(), services, impact, letters, hooks };
    Some(News { id, at, what })
}

/// The letter to one subscriber. `None`: nothing of it is wanted any more.
pub(super) fn letter(
    inner: &Inner,
    public: &Snapshot,
    to: &Subscriber,
    telling: &Telling,
) -> Option<Written> {
    let (site, lang) = (&public.site, public.lang(Some(to.wish.lang)));
    let link = |purpose| link(inner, public, to, purpose);
    match telling {
        Telling::Confirm => Some(subscribe::confirm(site, lang, &link(Purpose::Confirm))),
        Telling::Known => Some(subscribe::known(site, lang, &link(Purpose::Manage))),
        Telling::News(news) => {
            let letter = subscribe::letter_of(news.as_ref()?, lang)?;
            Some(subscribe::news(letter, &link(Purpose::Manage)))
        }
        Telling::Digest(all) if all.is_empty() => None,
        Telling::Digest(all) => Some(subscribe::digest(site, lang, all, &link(Purpose::Manage))),
    }
}

/// The same as JSON for a program.
///
/// `challenge`: with the question alone.
pub(super) fn hook(
    inner: &Inner,
    public: &Snapshot,
    to: &Subscriber,
    telling: &Telling,
    challenge: Option<&str>,
) -> Option<String> {
    let link = |purpose| link(inner, public, to, purpose);
    let about = |kind: &str, key: &str, link: String| {
        let name = public.site.name.get(public.lang(Some(to.wish.lang)));
        let page = json!({ "name": name, "url": subscribe::base(public) });
        json!({ "type": kind, "page": page, "public_key": inner.hooks.public_key(), key: link }).to_string()
    };
    match telling {
        Telling::Confirm => {
            let about = about("subscription.confirm", "confirm_url", link(Purpose::Confirm));
            let mut body: Value = serde_json::from_str(&about).ok()?;
            body["challenge"] = challenge.into();
            Some(body.to_string())
        }
        Telling::Known => Some(about("subscription.known", "manage_url", link(Purpose::Manage))),
        Telling::News(news) => {
            let body = body_of(news.as_ref()?, to.wish.lang)?;
            let mut body: Value = serde_json::from_str(body).ok()?;
            body["meta"]["unsubscribe"] = link(Purpose::Manage).into();
            Some(body.to_string())
        }
        Telling::Digest(_) => None,
    }
}

fn body_of(news: &News, lang: Lang) -> Option<&str> {
    match &news.what {
        What::Occasion { hooks, .. } => {
            hooks.get(&lang).or_else(|| hooks.values().next()).map(String::as_str)
        }
        What::Digest { .. } => None,
    }
}

/// What a browser is sent.
pub(super) struct Note {
    pub(super) payload: String,
    pub(super) ttl: Duration,
    pub(super) urgency: Urgency,
    pub(super) topic: String,
}

/// The same for a browser's worker.
pub(super) fn note(inner: &Inner, public: &Snapshot, to: &Subscriber, telling: &Telling) -> Option<Note> {
    let (site, lang) = (&public.site, public.lang(Some(to.wish.lang)));
    let path = |purpose| path(inner, to, purpose);
    let (manage, leave, confirm) = (path(Purpose::Manage), path(Purpose::Leave), path(Purpose::Confirm));
    let key = inner.pusher.public_key();
    let mine = Mine { manage: &manage, leave: &leave, key: &key };
    match telling {
        Telling::Confirm | Telling::Known => {
            let confirm = (*telling == Telling::Confirm).then_some(confirm.as_str());
            let payload = note::test(site, lang, &mine, confirm, push::PAYLOAD_MAX);
            let topic = push::topic("test");
            Some(Note { payload, ttl: TEST_TTL, urgency: Urgency::High, topic })
        }
        Telling::News(news) => {
            let news = news.as_ref()?;
            let What::Occasion { occasion, .. } = &news.what else { return None };
            let letter = subscribe::letter_of(news, lang)?;
            let payload = if to.state == SubscriberState::Once {
                note::over(lang, letter, push::PAYLOAD_MAX)
            } else {
                note::news(site, lang, letter, &mine, push::PAYLOAD_MAX)
            };
            let urgency = match occasion {
                Occasion::IncidentOpened { .. } | Occasion::IncidentResolved { .. } => Urgency::High,
                _ if occasion.maintenance().is_some() => Urgency::Low,
                _ => Urgency::Normal,
            };
            let topic = push::topic(letter.thread.as_deref().unwrap_or_default());
            Some(Note { payload, ttl: NEWS_TTL, urgency, topic })
        }
        Telling::Digest(_) => None,
    }
}

/// A whole address.
pub(super) fn link(inner: &Inner, public: &Snapshot, to: &Subscriber, purpose: Purpose) -> String {
    format!("{}{}", subscribe::base(public), path(inner, to, purpose))
}

/// What of it follows the host: a browser's worker belongs to one.
fn path(inner: &Inner, to: &Subscriber, purpose: Purpose) -> String {
    let page = match purpose {
        Purpose::Confirm => "confirm",
        Purpose::Manage => "manage",
        Purpose::Leave => "leave",
    };
    format!("/subscribe/{page}/{}", inner.keys.token(purpose, to.id, to.link))
}
