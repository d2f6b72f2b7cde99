//! A notice as its reader sees it: the payload as types, every text bounded and clean whatever was signed.

use super::{NoticeError, verify};
use crate::clean;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use stillhere_model::{Lang, Status, Text, Time};

/// Items read of each list; a notice that we sign has fewer.
const LIST_MAX: usize = 64;
/// Characters of a title or a name.
const NAME_CHARS: usize = 200;
/// Characters of what was said.
const SAID_CHARS: usize = 600;

/// What a signed notice says. Fields that a newer core adds are left out, fields that an older one lacks are empty.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Notice {
    pub epoch: u64,
    pub seq: u64,
    pub made_at: Time,
    pub fresh_until: Time,
    pub last_look: Option<Time>,
    pub site: NoticeSite,
    /// As in `/api/v2/status.json`.
    #[serde(deserialize_with = "name")]
    pub indicator: String,
    #[serde(deserialize_with = "name")]
    pub state: String,
    #[serde(deserialize_with = "each_name")]
    pub headline: Text,
    #[serde(default)]
    pub services_total: u64,
    /// Those that are not operational, gravest first.
    #[serde(default, deserialize_with = "list")]
    pub services: Vec<NoticeService>,
    #[serde(default)]
    pub services_left_out: u64,
    /// Those that are, as many as fitted, in the order of the page.
    #[serde(default, deserialize_with = "list")]
    pub operational: Vec<NoticeNamed>,
    /// Open ones, newest first.
    #[serde(default, deserialize_with = "list")]
    pub incidents: Vec<NoticeIncident>,
    /// Those that go on now.
    #[serde(default, deserialize_with = "list")]
    pub maintenances: Vec<NoticeMaintenance>,
    pub next_update_by: Option<Time>,
    #[serde(default)]
    pub contact: NoticeContact,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NoticeSite {
    #[serde(deserialize_with = "each_name")]
    pub name: Text,
    #[serde(deserialize_with = "name")]
    pub url: String,
    /// IANA name; empty in notices of older versions.
    #[serde(default, deserialize_with = "name")]
    pub time_zone: String,
    /// The first is the site's own.
    #[serde(default, deserialize_with = "languages")]
    pub languages: Vec<Lang>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NoticeService {
    #[serde(deserialize_with = "name")]
    pub id: String,
    #[serde(deserialize_with = "each_name")]
    pub name: Text,
    pub status: Status,
    pub since: Time,
}

/// A service that works.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NoticeNamed {
    #[serde(deserialize_with = "name")]
    pub id: String,
    #[serde(deserialize_with = "each_name")]
    pub name: Text,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NoticeIncident {
    #[serde(deserialize_with = "name")]
    pub id: String,
    #[serde(deserialize_with = "each_name")]
    pub title: Text,
    /// Ids of the services it affects.
    #[serde(default, deserialize_with = "list")]
    pub services: Vec<String>,
    #[serde(deserialize_with = "name")]
    pub status: String,
    pub started_at: Time,
    pub said_at: Option<Time>,
    #[serde(deserialize_with = "each_said")]
    pub said: Text,
    /// When it is likely to be over, where a time was given.
    #[serde(default)]
    pub over_by: Option<Time>,
    /// `computed` or `team`; empty without a time.
    #[serde(default, deserialize_with = "name")]
    pub over_by_said: String,
    /// It has passed.
    #[serde(default)]
    pub over_by_passed: bool,
    pub next_update_by: Option<Time>,
    #[serde(default)]
    pub promise_missed: bool,
    #[serde(default, deserialize_with = "name")]
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NoticeMaintenance {
    #[serde(deserialize_with = "name")]
    pub id: String,
    #[serde(deserialize_with = "each_name")]
    pub title: Text,
    pub starts_at: Time,
    pub ends_at: Time,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NoticeContact {
    pub phone: Option<String>,
    pub chat_url: Option<String>,
    pub email: Option<String>,
    #[serde(deserialize_with = "maybe_name")]
    pub hours: Option<Text>,
}

/// Checks a signed notice and reads it.
///
/// # Errors
/// When it is not a notice of version 1, or not signed by `public_key`.
pub fn read(notice: &str, public_key: &[u8; 32]) -> Result<Notice, NoticeError> {
    let mut read: Notice = serde_json::from_value(verify(notice, public_key)?)
        .map_err(|e| NoticeError::Malformed(e.to_string()))?;
    let contact = &mut read.contact;
    for text in [&mut contact.phone, &mut contact.email] {
        *text = text.as_deref().map(|t| clean::line(t, NAME_CHARS)).filter(|t| !t.is_empty());
    }
    contact.chat_url = contact.chat_url.as_deref().and_then(clean::https).map(str::to_owned);
    Ok(read)
}

fn name<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    Ok(clean::line(&String::deserialize(d)?, NAME_CHARS))
}

fn each_name<'de, D: Deserializer<'de>>(d: D) -> Result<Text, D::Error> {
    each(d, NAME_CHARS)
}

fn each_said<'de, D: Deserializer<'de>>(d: D) -> Result<Text, D::Error> {
    each(d, SAID_CHARS)
}

fn maybe_name<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Text>, D::Error> {
    let some = Option::<BTreeMap<String, String>>::deserialize(d)?;
    Ok(some.map(|all| of_languages(all, NAME_CHARS)))
}

fn each<'de, D: Deserializer<'de>>(d: D, max_chars: usize) -> Result<Text, D::Error> {
    Ok(of_languages(BTreeMap::deserialize(d)?, max_chars))
}

/// Languages that this version does not speak are left out, unless there is no other.
fn of_languages(all: BTreeMap<String, String>, max_chars: usize) -> Text {
    let known: BTreeMap<Lang, String> = all
        .iter()
        .filter_map(|(tag, text)| Some((tag.parse().ok()?, clean::line(text, max_chars))))
        .collect();
    match all.into_values().next() {
        Some(other) if known.is_empty() => Text::Same(clean::line(&other, max_chars)),
        _ => Text::Each(known),
    }
}

fn languages<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Lang>, D::Error> {
    let tags = Vec::<String>::deserialize(d)?;
    Ok(tags.iter().take(LIST_MAX).filter_map(|tag| tag.parse().ok()).collect())
}

/// An item that cannot be read is left out: the rest is still worth knowing.
fn list<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(d: D) -> Result<Vec<T>, D::Error> {
    let items = Vec::<Value>::deserialize(d)?;
    Ok(items.into_iter().take(LIST_MAX).filter_map(|item| serde_json::from_value(item).ok()).collect())
}

// === impl Notice ===

impl Notice {
    /// The language to answer in: `wanted` if the site has it, else the site's own.
    #[must_use]
    pub fn lang(&self, wanted: Option<Lang>) -> Lang {
        let own = &self.site.languages;
        wanted.filter(|l| own.is_empty() || own.contains(l)).or(own.first().copied()).unwrap_or_default()
    }

    /// What it says about a service. `None`: it says that the service is working, or has left it out.
    #[must_use]
    pub fn service(&self, id: &str) -> Option<&NoticeService> {
        self.services.iter().find(|s| s.id == id)
    }

    /// What a service is called, whatever its state.
    #[must_use]
    pub fn name_of(&self, id: &str) -> Option<&Text> {
        let named = || self.operational.iter().find(|s| s.id == id).map(|s| &s.name);
        self.service(id).map(|s| &s.name).or_else(named)
    }
}
