//! What was counted: since the start, for whoever scrapes this edge, and since the last batch, for the core.

use super::Key;
use crate::serve::Shared;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use stillhere_model::edge::Tally;

/// Bounded by the pools and services of the configuration: what is not in it any more is forgotten.
#[derive(Debug, Default)]
pub struct Sums(Mutex<Both>);

#[derive(Debug, Default)]
struct Both {
    since_start: Part,
    for_core: Part,
}

#[derive(Debug, Clone, Default)]
pub struct Part {
    pub pools: BTreeMap<Key, Tally>,
    pub told: BTreeMap<String, u64>,
    pub browsers: BTreeMap<String, u64>,
    /// What became of WebSockets.
    pub sockets: BTreeMap<String, u64>,
}

// === impl Sums ===

impl Sums {
    /// What is new since the last call of this.
    pub fn take(&self, shared: &Shared) -> Part {
        let mut both = self.lock();
        both.count(shared);
        std::mem::take(&mut both.for_core)
    }

    #[must_use]
    pub fn since_start(&self, shared: &Shared) -> Part {
        let mut both = self.lock();
        both.count(shared);
        both.since_start.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Both> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Both ===

impl Both {
    fn count(&mut self, shared: &Shared) {
        let mut new = Part {
            told: shared.told.take(),
            browsers: shared.browsers.take(),
            sockets: shared.sockets.take(),
            ..Part::default()
        };
        let routes = shared.routes.load();
        for (pool, service, counts) in routes.counts() {
            new.pools.insert((pool.to_owned(), service.cloned()), counts.take());
        }
        for part in [&mut self.since_start, &mut self.for_core] {
            part.pools.retain(|key, _| new.pools.contains_key(key));
            part.add(&new);
        }
    }
}

// === impl Part ===

impl Part {
    pub(super) fn add(&mut self, more: &Part) {
        for (key, tally) in &more.pools {
            self.pools.entry(key.clone()).or_default().add(tally);
        }
        for (sums, more) in [
            (&mut self.told, &more.told),
            (&mut self.browsers, &more.browsers),
            (&mut self.sockets, &more.sockets),
        ] {
            for (name, n) in more {
                let sum = sums.entry(name.clone()).or_default();
                *sum = sum.saturating_add(*n);
            }
        }
    }
}
