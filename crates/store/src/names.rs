//! Check and vantage names as small numbers, given out once and never again.

use std::{collections::HashMap, sync::Arc};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Check,
    Vantage,
}

#[derive(Debug, Default)]
pub(crate) struct Names {
    checks: HashMap<Arc<str>, u32>,
    vantages: HashMap<Arc<str>, u32>,
    highest: u32,
}

// === impl Kind ===

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Check => "check",
            Kind::Vantage => "vantage",
        }
    }

    pub(crate) fn parse(s: &str) -> Option<Kind> {
        [Kind::Check, Kind::Vantage].into_iter().find(|k| k.as_str() == s)
    }
}

// === impl Names ===

impl Names {
    pub(crate) fn get(&self, kind: Kind, name: &str) -> Option<u32> {
        match kind {
            Kind::Check => self.checks.get(name).copied(),
            Kind::Vantage => self.vantages.get(name).copied(),
        }
    }

    pub(crate) fn insert(&mut self, kind: Kind, name: &str, no: u32) {
        let map = match kind {
            Kind::Check => &mut self.checks,
            Kind::Vantage => &mut self.vantages,
        };
        map.insert(Arc::from(name), no);
        self.highest = self.highest.max(no);
    }

    pub(crate) fn next_no(&self) -> u32 {
        self.highest + 1
    }
}
