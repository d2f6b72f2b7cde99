//! The checked configuration: what the rest of Stillhere works with.

use crate::{
    compile,
    console::{self, Base},
    file::{
        Defaults, Heartbeats, Limits, Oidc, Publish, Record, Respond, Retention, Server, Site, Subscribers,
        TemplateTable, Uplink,
    },
    report::Report,
};
use std::{collections::HashMap, path::Path};
use stillhere_model::{
    Audience, CheckDef, Lang, ServiceDef, ServiceId, Status, Text, Time, Topology, VantageId,
};
use stillhere_observe::CheckSpec;
use stillhere_send::ChannelSpec;

/// Everything that was configured, with every default filled in and every reference checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    pub site: Site,
    pub server: Server,
    /// Already applied to the checks.
    pub defaults: Defaults,
    /// In the order of the file.
    pub services: Vec<ServiceDef>,
    /// In the order of the file.
    pub checks: Vec<Check>,
    pub channels: Vec<Channel>,
    pub maintenance: Vec<Window>,
    /// Those of the file before those of the console.
    pub templates: Vec<TemplateTable>,
    pub subscribers: Subscribers,
    pub oidc: Option<Oidc>,
    pub edge: Option<stillhere_edge::Spec>,
    pub respond: Respond,
    pub heartbeats: Heartbeats,
    pub uplink: Uplink,
    pub retention: Retention,
    pub publish: Option<Publish>,
    pub record: Record,
    pub limits: Limits,
    /// Which of the services, channels and templates were made in the console.
    pub of_console: Vec<(console::Kind, String)>,
}

/// A check as the judge knows it, and how it is carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub def: CheckDef,
    pub spec: CheckSpec,
}

/// A way to tell somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    pub name: String,
    pub spec: ChannelSpec,
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

/// Where the core looks from.
pub(crate) fn vantage() -> VantageId {
    VantageId::new("core")
}

// === impl Config ===

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Config, Report> {
        Base::read(path).and_then(|base| Config::parse(&base.name, &base.text))
    }

    /// Whether it was made in the console.
    #[must_use]
    pub fn is_of_console(&self, kind: console::Kind, id: &str) -> bool {
        self.of_console.iter().any(|(k, i)| *k == kind && i == id)
    }

    /// Checks the text of a file that errors call `name`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(name: &str, text: &str) -> Result<Config, Report> {
        compile::config(name, text)
    }

    /// Whether visitors can subscribe, by whichever way.
    #[must_use]
    pub fn subscribers_are_told(&self) -> bool {
        match self.subscribers.enabled {
            Some(enabled) => enabled,
            None => self.subscribers_mail().is_some(),
        }
    }

    /// The mail channel that carries letters to subscribers. `None`: nobody can subscribe by mail.
    #[must_use]
    pub fn subscribers_mail(&self) -> Option<&stillhere_send::MailSpec> {
        if self.subscribers.enabled == Some(false) {
            return None;
        }
        let named = |c: &&Channel| self.subscribers.mail.as_ref().is_none_or(|name| &c.name == name);
        self.channels.iter().filter(named).find_map(|c| match &c.spec {
            ChannelSpec::Mail(spec) => Some(spec),
            ChannelSpec::Webhook(_) | ChannelSpec::Chat(_) => None,
        })
    }

    /// What the pure stages need to know.
    #[must_use]
    pub fn topology(&self) -> Topology {
        let mut services = self.services.clone();
        let mut checks: HashMap<_, _> =
            self.checks.iter().map(|c| (c.def.id.clone(), c.def.clone())).collect();
        for def in compile::edge_checks(&services, self.edge.as_ref()) {
            services.iter_mut().filter(|s| s.id == def.service).for_each(|s| s.checks.push(def.id.clone()));
            checks.insert(def.id.clone(), def);
        }
        Topology { services, checks }
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
