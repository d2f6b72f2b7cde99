//! What a reload changed, in one line for the log and the journal.

use crate::config::Config;
use serde::Serialize;
use std::{collections::HashMap, fmt, hash::Hash};

/// The difference between two configurations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
    /// What changed in the file and takes effect only after a restart.
    pub after_restart: Vec<String>,
}

/// Names that are listed before the rest is counted.
const NAMED: usize = 5;

/// What is different in `new`.
#[must_use]
pub fn diff(old: &Config, new: &Config) -> Diff {
    let mut d = Diff::default();
    d.compare("service", &old.services, &new.services, |s| &s.id);
    d.compare("check", &old.checks, &new.checks, |c| &c.def.id);
    d.compare("channel", &old.channels, &new.channels, |c| &c.name);
    d.compare("maintenance", &old.maintenance, &new.maintenance, |w| &w.key);
    d.compare("template", &old.templates, &new.templates, |t| &t.id);
    let same_order = old.services.iter().map(|s| &s.id).eq(new.services.iter().map(|s| &s.id));
    if !same_order && !d.added.iter().chain(&d.removed).any(|s| s.starts_with("service ")) {
        d.changed.push("order of services".to_owned());
    }
    let sections = [
        ("site", old.site != new.site),
        ("defaults", old.defaults != new.defaults),
        ("subscribers", old.subscribers != new.subscribers),
        ("oidc", old.oidc != new.oidc),
        ("edge", old.edge != new.edge),
        ("respond", old.respond != new.respond),
        ("heartbeats", old.heartbeats != new.heartbeats),
        ("uplink", old.uplink != new.uplink),
        ("publish", old.publish != new.publish),
        ("limits", old.limits != new.limits),
        ("server.allowed_hosts", old.server.allowed_hosts != new.server.allowed_hosts),
    ];
    d.changed.extend(sections.into_iter().filter(|(_, c)| *c).map(|(name, _)| name.to_owned()));
    let fixed = [
        ("server.listen", old.server.listen != new.server.listen),
        ("server.data", old.server.data != new.server.data),
        ("server.behind_proxy", old.server.behind_proxy != new.server.behind_proxy),
        ("retention", old.retention != new.retention),
        ("record", old.record != new.record),
    ];
    d.after_restart.extend(fixed.into_iter().filter(|(_, c)| *c).map(|(name, _)| name.to_owned()));
    d
}

// === impl Diff ===

impl Diff {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Diff::default()
    }

    fn compare<'c, T: PartialEq, K: Hash + Eq + fmt::Display + 'c>(
        &mut self,
        word: &str,
        old: &'c [T],
        new: &'c [T],
        key: impl Fn(&'c T) -> &'c K,
    ) {
        let before: HashMap<&K, &T> = old.iter().map(|t| (key(t), t)).collect();
        let now: HashMap<&K, &T> = new.iter().map(|t| (key(t), t)).collect();
        for t in new {
            match before.get(key(t)) {
                None => self.added.push(format!("{word} {}", key(t))),
                Some(was) if *was != t => self.changed.push(format!("{word} {}", key(t))),
                Some(_) => {}
            }
        }
        self.removed
            .extend(old.iter().filter(|t| !now.contains_key(key(t))).map(|t| format!("{word} {}", key(t))));
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changed");
        }
        let parts = [
            ("added", &self.added),
            ("removed", &self.removed),
            ("changed", &self.changed),
            ("waiting for a restart", &self.after_restart),
        ];
        let mut between = "";
        for (word, names) in parts.into_iter().filter(|(_, n)| !n.is_empty()) {
            write!(f, "{between}{word}: {}", names[..names.len().min(NAMED)].join(", "))?;
            if names.len() > NAMED {
                write!(f, " and {} more", names.len() - NAMED)?;
            }
            between = "; ";
        }
        Ok(())
    }
}
