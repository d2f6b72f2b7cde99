//! The ban list. Read at every connection, written by people: the whole list is replaced at each change.

use super::Prefix;
use arc_swap::ArcSwap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};
use stillhere_model::Time;

/// Most bans at a time.
pub const BANS_MAX: usize = 10_000;
/// Longest reason.
const WHY_MAX: usize = 200;
/// Widest networks that may be banned: a slip must not shut everybody out.
const WIDEST_V4: u8 = 8;
const WIDEST_V6: u8 = 16;

/// A network that is shut out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ban {
    pub prefix: Prefix,
    #[schemars(with = "String")]
    pub since: Time,
    #[schemars(with = "String")]
    pub until: Time,
    pub why: String,
}

/// Why it was not put on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BanError {
    #[error("this network is too wide: at least /8, or /16 of IPv6")]
    TooWide,
    #[error("the end lies in the past")]
    Over,
    #[error("the reason must have 1 to 200 characters")]
    NoReason,
    #[error("there are 10000 bans already")]
    TooMany,
}

#[derive(Debug, Default)]
pub(super) struct Bans(ArcSwap<List>);

#[derive(Debug, Default, Clone)]
struct List {
    bans: HashMap<Prefix, Ban>,
    /// Lengths that occur: so many look-ups it takes.
    lengths: BTreeSet<(bool, u8)>,
}

// === impl Bans ===

impl Bans {
    pub(super) fn holds(&self, ip: IpAddr, now: Time) -> bool {
        let list = self.0.load();
        list.lengths
            .iter()
            .filter(|(v4, _)| *v4 == ip.is_ipv4())
            .any(|(_, length)| list.bans.get(&Prefix::of(ip, *length)).is_some_and(|b| now < b.until))
    }

    pub(super) fn add(&self, prefix: Prefix, until: Time, why: &str, now: Time) -> Result<(), BanError> {
        let widest = if prefix.address().is_ipv4() { WIDEST_V4 } else { WIDEST_V6 };
        if prefix.length() < widest {
            return Err(BanError::TooWide);
        }
        if until <= now {
            return Err(BanError::Over);
        }
        if why.trim().is_empty() || why.chars().count() > WHY_MAX {
            return Err(BanError::NoReason);
        }
        let ban = Ban { prefix, since: now, until, why: why.to_owned() };
        let mut done = Ok(());
        self.0.rcu(|list| {
            let mut list = List::clone(list);
            list.bans.retain(|_, b| now < b.until);
            done = if list.bans.len() >= BANS_MAX && !list.bans.contains_key(&prefix) {
                Err(BanError::TooMany)
            } else {
                list.bans.insert(prefix, ban.clone());
                Ok(())
            };
            list.indexed()
        });
        done
    }

    pub(super) fn remove(&self, prefix: Prefix) -> bool {
        let mut was = false;
        self.0.rcu(|list| {
            let mut list = List::clone(list);
            was = list.bans.remove(&prefix).is_some();
            list.indexed()
        });
        was
    }

    /// As if each of these had been added.
    #[cfg(test)]
    pub(super) fn fill(&self, prefixes: impl Iterator<Item = Prefix>, until: Time) {
        let ban = |prefix| (prefix, Ban { prefix, since: Time::MIN, until, why: "test".to_owned() });
        let list = List { bans: prefixes.map(ban).collect(), lengths: BTreeSet::new() };
        self.0.store(std::sync::Arc::new(list.indexed()));
    }

    pub(super) fn list(&self, now: Time) -> Vec<Ban> {
        let mut bans: Vec<Ban> = self.0.load().bans.values().filter(|b| now < b.until).cloned().collect();
        bans.sort_unstable_by_key(|b| b.prefix);
        bans
    }
}

impl List {
    fn indexed(mut self) -> List {
        self.lengths = self.bans.keys().map(|p| (p.address().is_ipv4(), p.length())).collect();
        self
    }
}
