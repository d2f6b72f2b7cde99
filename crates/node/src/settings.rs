//! What people made in the console: kept in the database, merged with the file, taken over like a reload.
//!
//! A change is decided here, built as a whole by `reload.rs`, applied by the flow, and written in the transaction of its journal
//! entry. Killed before the commit, nobody was told of it; after it, the next start finds it.

mod row;
mod tried;

pub(crate) use row::{opened, sealed};
pub use tried::{TriedChannel, TriedCheck};

use crate::{
    handle::{Handle, Request},
    key,
};
use serde_json::{Map, Value};
use std::{path::Path, sync::Arc};
use stillhere_access::Keys;
use stillhere_config::{
    Config, ConfigError, Report,
    console::{Aside, Base, Composed, ITEMS_MAX, Item, Kind, Why, compose_around, keep_secrets},
};
use stillhere_model::{Act, By, Time};
use tokio::sync::watch;

/// One thing that was made, as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    pub kind: Kind,
    pub id: String,
    /// `None`: its secrets were sealed under another key.
    pub item: Option<Item>,
    pub version: u64,
    pub changed_at: Time,
    pub changed_by: String,
}

/// All there is to see: what is in force, what was made here, and what of it is set aside.
#[derive(Debug, Clone)]
pub struct Settings {
    pub config: Arc<Config>,
    pub kept: Arc<Vec<Kept>>,
    pub aside: Vec<Aside>,
}

/// What somebody wants to be otherwise.
#[derive(Debug, Clone)]
pub struct Change {
    pub kind: Kind,
    pub id: String,
    pub what: What,
    /// The version that it was made from; `None`: there was none. Two who change the same do not undo each other.
    pub from: Option<u64>,
}

#[derive(Debug, Clone)]
pub enum What {
    /// `{ "set": true }` stands for a secret that stays.
    Put(Map<String, Value>),
    Remove,
}

/// Why nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SettingError {
    #[error("there is no {0} {1} that was made in the console")]
    NotThere(Kind, String),
    #[error("the {0} {1} is in the configuration file: change it there")]
    OfFile(Kind, String),
    #[error("there is a {0} {1} already")]
    Exists(Kind, String),
    #[error("it was changed by {by} meanwhile: look at it as it is now, and change that")]
    Stale { by: String, version: u64 },
    #[error("{ITEMS_MAX} services, channels and templates can be made in the console, and there are as many")]
    TooMany,
    /// What is wrong with the whole, each with its place.
    #[error("{0}")]
    Refused(Report),
    /// What could not be built: a line each.
    #[error("{0}")]
    NotBuilt(String),
    #[error("a job of this kind reports by itself: there is nothing to try")]
    NothingToTry,
    #[error("{0}")]
    Unavailable(String),
}

/// A change that was decided: what is kept from then on, and what is said about it.
pub(crate) struct Decided {
    pub(crate) kept: Vec<Kept>,
    pub(crate) version: u64,
    pub(crate) act: Act,
}

/// A file with what was made in the console, from its data folder, where a Stillhere may be running: for who only looks. `None`:
/// nothing was made there.
///
/// # Errors
/// What is wrong with the file, and a database that cannot be read.
pub async fn looked_at(file: &Path, data: &Path) -> Result<Option<Composed>, String> {
    let rows = stillhere_store::settings_in(data).await.map_err(|e| e.to_string())?.unwrap_or_default().kept;
    if rows.is_empty() {
        return Ok(None);
    }
    let keys = key::people_if_there(data);
    let kept: Vec<Kept> = rows
        .iter()
        .filter_map(|row| opened(row, keys.as_ref().unwrap_or(&Keys::from_seed(&[0; 32]))))
        .collect();
    let items: Vec<Item> = kept.iter().filter_map(|k| k.item.clone()).collect();
    let base = Base::read(file).map_err(|e| e.to_string())?;
    let mut composed = compose_around(&base, &items, |_, _| true).map_err(|e| e.to_string())?;
    composed.aside.extend(sealed_ones(&kept));
    Ok(Some(composed))
}

/// Those whose secrets cannot be opened.
pub(crate) fn sealed_ones(kept: &[Kept]) -> impl Iterator<Item = Aside> + '_ {
    let sealed = kept.iter().filter(|k| k.item.is_none());
    sealed.map(|k| Aside { kind: k.kind, id: k.id.clone(), why: Why::Sealed })
}

/// What a change makes of `kept`. `last`: the highest version that was given out.
pub(crate) fn decide(
    settings: &Settings,
    last: u64,
    change: Change,
    by: &By,
    now: Time,
) -> Result<Decided, SettingError> {
    let Change { kind, id, what, from } = change;
    let mut kept = settings.kept.as_ref().clone();
    let at = kept.iter().position(|k| k.kind == kind && k.id == id);
    let before = at.map(|at| kept[at].clone());
    let version = last + 1;
    if matches!(what, What::Put(_)) && settings.is_of_file(kind, &id) {
        return Err(SettingError::OfFile(kind, id));
    }
    match (&before, from) {
        (Some(_), None) => return Err(SettingError::Exists(kind, id)),
        (Some(k), Some(from)) if k.version != from => {
            return Err(SettingError::Stale { by: k.changed_by.clone(), version: k.version });
        }
        (None, Some(_)) => return Err(SettingError::NotThere(kind, id)),
        _ => {}
    }
    let named = kind.as_str().to_owned();
    match (what, at) {
        (What::Put(mut table), at) => {
            if at.is_none() && kept.len() >= ITEMS_MAX {
                return Err(SettingError::TooMany);
            }
            let old = before.as_ref().and_then(|k| k.item.as_ref());
            keep_secrets(kind, &id, &mut table, old).map_err(SettingError::Refused)?;
            let item = Item::new(kind, &id, table).map_err(SettingError::Refused)?;
            let new = Kept {
                kind,
                id: id.clone(),
                item: Some(item),
                version,
                changed_at: now,
                changed_by: by.name.clone(),
            };
            let act = match at {
                Some(at) => {
                    kept[at] = new;
                    Act::SettingChanged { kind: named, id }
                }
                None => {
                    kept.push(new);
                    Act::SettingMade { kind: named, id }
                }
            };
            Ok(Decided { kept, version, act })
        }
        (What::Remove, Some(at)) => {
            kept.remove(at);
            Ok(Decided { kept, version, act: Act::SettingRemoved { kind: named, id } })
        }
        (What::Remove, None) => Err(SettingError::NotThere(kind, id)),
    }
}

// === impl Settings ===

impl Settings {
    #[must_use]
    pub fn kept(&self, kind: Kind, id: &str) -> Option<&Kept> {
        self.kept.iter().find(|k| k.kind == kind && k.id == id)
    }

    /// Why it is not in force, if it is not.
    #[must_use]
    pub fn aside(&self, kind: Kind, id: &str) -> Option<&Why> {
        self.aside.iter().find(|a| a.kind == kind && a.id == id).map(|a| &a.why)
    }

    /// Whether the configuration file, or what stands for one, has it.
    #[must_use]
    pub fn is_of_file(&self, kind: Kind, id: &str) -> bool {
        let there = match kind {
            Kind::Service => self.config.services.iter().any(|s| s.id.as_str() == id),
            Kind::Channel => self.config.channels.iter().any(|c| c.name == id),
            Kind::Template => self.config.templates.iter().any(|t| t.id == id),
        };
        there && !self.config.is_of_console(kind, id)
    }
}

// === impl SettingError ===

impl SettingError {
    /// What is wrong with this one: place in its table, and what is wrong there.
    #[must_use]
    pub fn fields(&self, kind: Kind, id: &str) -> Vec<(String, String)> {
        let SettingError::Refused(report) = self else { return Vec::new() };
        let of_it = |e: &&ConfigError| e.of_console.as_ref().is_some_and(|(k, i)| *k == kind && i == id);
        // What is missing is said where it would stand: there is its field.
        let said = |e: &ConfigError| match e.lacks() {
            Some(key) if e.path.is_empty() => (key.to_owned(), "is missing".to_owned()),
            Some(key) => (format!("{}.{key}", e.path), "is missing".to_owned()),
            None => (e.path.clone(), e.said()),
        };
        report.errors.iter().filter(of_it).map(said).collect()
    }
}

// === impl Handle ===

impl Handle {
    /// What is configured, and what of it was made in the console.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.borrow().clone()
    }

    /// Changes with every change, and with every reload.
    #[must_use]
    pub fn watch_settings(&self) -> watch::Receiver<Arc<Settings>> {
        self.settings.clone()
    }

    /// Makes, changes or removes something, all of it or nothing. Gives the new version.
    ///
    /// # Errors
    /// See [`SettingError`]; nothing was changed, except with `Unavailable`, when it may still be.
    pub async fn change_setting(&self, by: &By, change: Change) -> Result<u64, SettingError> {
        let by = by.clone();
        match self.ask(|reply| Request::Setting { by, change: Box::new(change), reply }).await {
            Ok(answer) => answer,
            Err(e) => Err(SettingError::Unavailable(e)),
        }
    }
}
