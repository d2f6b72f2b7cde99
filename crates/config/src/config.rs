//! The checked configuration: what the rest of Stillhere works with.

use crate::file::{Limits, Publish, Respond, Retention, Server, Site, Uplink};
use std::collections::HashMap;
use stillhere_model::{Audience, CheckDef, Lang, ServiceDef, ServiceId, Status, Text, Time, Topology};

/// Everything that was configured, with every default filled in and every reference checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub site: Site,
    pub server: Server,
    /// In the order of the file.
    pub services: Vec<ServiceDef>,
    /// In the order of the file.
    pub checks: Vec<Check>,
    pub channels: Vec<Channel>,
    pub maintenance: Vec<Window>,
    pub respond: Respond,
    pub uplink: Uplink,
    pub retention: Retention,
    pub publish: Option<Publish>,
    pub limits: Limits,
}

/// A check as the judge knows it, and how it is carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub def: CheckDef,
}

/// A way to tell somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    pub name: String,
    pub audience: Vec<Audience>,
    /// Empty: all services.
    pub services: Vec<ServiceId>,
    pub language: Lang,
}

/// A planned maintenance from the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Stays the same over reloads as long as it is the same window.
    pub key: String,
    pub title: Text,
    pub body: Option<Text>,
    pub services: Vec<ServiceId>,
    pub starts_at: Time,
    pub ends_at: Time,
    pub expect: Status,
}

// === impl Config ===

impl Config {
    /// What the pure stages need to know.
    #[must_use]
    pub fn topology(&self) -> Topology {
        let checks: HashMap<_, _> = self.checks.iter().map(|c| (c.def.id.clone(), c.def.clone())).collect();
        Topology { services: self.services.clone(), checks }
    }
}

// === impl Channel ===

impl Channel {
    /// Whether a message for `audience` about `services` goes here. A message about no service in particular
    /// goes to every channel of its audience.
    #[must_use]
    pub fn wants(&self, audience: Audience, services: &[ServiceId]) -> bool {
        self.audience.contains(&audience)
            && (self.services.is_empty()
                || services.is_empty()
                || services.iter().any(|s| self.services.contains(s)))
    }
}
