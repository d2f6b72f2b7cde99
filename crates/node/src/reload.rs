//! A configuration, built: everything that can be refused is refused here, before anything is touched.

use crate::{
    heartbeats::{self, Job},
    observe::{Limits, Watched},
    settings::{Kept, SettingError, Settings, sealed_ones},
    source::Source,
};
use std::{
    collections::HashMap, fs::File, io::Read as _, net::SocketAddr, path::Path, sync::Arc, time::Duration,
};
use stillhere_config::{
    Channel as ChannelConfig, Config,
    console::{Aside, Item, Kind, Why},
};
use stillhere_model::{Command, Topology, VantageId};
use stillhere_net::{SecretSource, clock::Clock};
use stillhere_observe::{
    Probe,
    probe::{Shared, Spec, push::Push},
};
use stillhere_respond::Policy;
use stillhere_send::Channel;
use stillhere_tell::{
    Logo, Picture,
    logo::LOGO_MAX_BYTES,
    snapshot::{Contact, Site},
};

/// A snapshot counts as fresh at least this long: with checks every second a busy disk may take that much.
const FRESH_AT_LEAST: Duration = Duration::from_secs(3);

/// The vantage of a single node.
#[must_use]
pub(crate) fn vantage() -> VantageId {
    VantageId::new("core")
}

pub(crate) struct Loaded {
    pub(crate) source: Source,
    pub(crate) config: Arc<Config>,
    /// What was made in the console, and what of it is not in force.
    pub(crate) kept: Arc<Vec<Kept>>,
    pub(crate) aside: Vec<Aside>,
    pub(crate) addr: SocketAddr,
    pub(crate) topology: Topology,
    pub(crate) policy: Policy,
    pub(crate) site: Site,
    pub(crate) fresh_for: Duration,
    pub(crate) watched: Vec<Watched>,
    pub(crate) heartbeats: Vec<Job>,
    /// The hash of the key for all jobs.
    pub(crate) ping_key: Option<[u8; 32]>,
    pub(crate) channels: Vec<(ChannelConfig, Arc<Channel>)>,
    pub(crate) uplink_targets: Vec<String>,
    pub(crate) subscribers: Option<Arc<crate::subscribers::Settings>>,
    pub(crate) oidc: Option<Arc<crate::oidc::Settings>>,
    pub(crate) maintenance: Vec<Command>,
    /// For how long links in mails to staff are good. `None`: there are none.
    pub(crate) links: Option<Duration>,
    pub(crate) limits: Limits,
    clock: Clock,
}

// === impl Loaded ===

impl Loaded {
    /// # Errors
    /// What cannot be built: a secret that is not there, a certificate that cannot be read.
    pub(crate) fn build(
        source: Source,
        config: Config,
        addr: SocketAddr,
        clock: Clock,
        shared: Shared,
    ) -> Result<Loaded, String> {
        let mut watched = Vec::new();
        let mut heartbeats: Vec<Job> = Vec::new();
        let mut problems = Vec::new();
        let mut targets: HashMap<String, Arc<str>> = HashMap::new();
        for check in &config.checks {
            if let Spec::Push(spec) = &check.spec.spec {
                match (Push::new(&check.spec), spec.key.read()) {
                    (Ok(push), Ok(key)) => heartbeats.push(Job {
                        check: check.def.id.clone(),
                        key: heartbeats::hash(key.expose_secret()),
                        push: Arc::new(push),
                    }),
                    (Err(p), _) => {
                        problems.push(format!("check {}: `{}`: {}", check.def.id, p.path, p.problem))
                    }
                    (_, Err(e)) => problems.push(format!("check {}: `key`: {e}", check.def.id)),
                }
                continue;
            }
            match Probe::new(&check.spec, &shared) {
                Ok(probe) => {
                    let target = check.spec.spec.target();
                    let target = targets.entry(target).or_insert_with_key(|t| Arc::from(t.as_str())).clone();
                    watched.push(Watched {
                        id: check.def.id.clone(),
                        probe: Arc::new(probe),
                        interval: check.def.interval,
                        target,
                        local: check.spec.spec.is_local(),
                    });
                }
                Err(p) => problems.push(format!("check {}: `{}`: {}", check.def.id, p.path, p.problem)),
            }
        }
        let mut channels = Vec::new();
        for channel in &config.channels {
            match Channel::new(&channel.name, &channel.spec) {
                Ok(built) => channels.push((channel.clone(), Arc::new(built))),
                Err(p) => problems.push(format!("channel {}: `{}`: {}", channel.name, p.path, p.problem)),
            }
        }
        let page = site(&config, addr, None, None).url;
        let subscribers = crate::subscribers::Settings::build(&config, &page).unwrap_or_else(|e| {
            problems.push(e);
            None
        });
        // A provider is configured together with the address that it sends people back to.
        let at = config.site.url.as_deref().unwrap_or_default();
        let oidc = crate::oidc::Settings::build(&config, at).unwrap_or_else(|e| {
            problems.push(e);
            None
        });
        if let Err(e) = crate::record::witness::of(&config) {
            problems.push(e);
        }
        let ping_key = match config.heartbeats.ping_key.as_ref().map(SecretSource::read) {
            None => None,
            Some(Ok(key)) => Some(heartbeats::hash(key.expose_secret())),
            Some(Err(e)) => {
                problems.push(format!("heartbeats: `ping_key`: {e}"));
                None
            }
        };
        if let Some(job) = heartbeats.iter().find(|j| Some(j.key) == ping_key) {
            problems.push(format!("heartbeats: `ping_key` is the key of check {} too", job.check));
        }
        let logo = logo(&config).unwrap_or_else(|e| {
            problems.push(e);
            None
        });
        if !problems.is_empty() {
            return Err(problems.join("\n"));
        }
        Ok(Loaded {
            topology: config.topology(),
            policy: policy(&config),
            site: site(&config, addr, logo, subscribers.as_deref()),
            fresh_for: fresh_for(&config),
            subscribers,
            oidc,
            uplink_targets: config.uplink.targets.clone(),
            links: config.respond.links.filter(|_| crate::link::is_safe(&page)),
            maintenance: config.maintenance.iter().map(window).collect(),
            limits: Limits {
                looks: config.limits.looks as usize,
                per_target: config.limits.looks_per_target as usize,
            },
            source,
            config: Arc::new(config),
            kept: Arc::default(),
            aside: Vec::new(),
            addr,
            watched,
            heartbeats,
            ping_key,
            channels,
            clock,
        })
    }

    /// For alerts in browsers.
    pub(crate) fn alerts(&self) -> crate::alerts::Settings {
        let page = &self.site.url;
        crate::alerts::Settings {
            own: self.config.subscribers.push_services.clone(),
            contact: crate::subscribers::contact(&self.config, page),
            possible: crate::link::is_safe(page),
            site: Some(self.site.clone()),
        }
    }

    /// The source, with what was made in the console; at a start, where everything of the console may wait to be put right.
    ///
    /// # Errors
    /// What is wrong with the source.
    pub(crate) fn start(
        source: Source,
        kept: Vec<Kept>,
        addr: SocketAddr,
        clock: Clock,
    ) -> Result<Loaded, String> {
        Loaded::composed(source, kept, addr, clock, |_, _| true).map_err(|e| e.to_string())
    }

    /// Reads the source again; the system's name servers too.
    ///
    /// # Errors
    /// The report; `self` is as it was.
    pub(crate) fn again(&self) -> Result<Loaded, String> {
        let kept = self.kept.as_ref().clone();
        let may_wait = |kind, id: &str| self.waits(kind, id);
        Loaded::composed(self.source.clone(), kept, self.addr, self.clock, may_wait)
            .map_err(|e| e.to_string())
    }

    /// The same with `kept` in the place of what was made in the console.
    ///
    /// # Errors
    /// Everything that is wrong with the whole; `self` is as it was.
    pub(crate) fn with(&self, kept: Vec<Kept>) -> Result<Loaded, SettingError> {
        // What is being put right now has to be right.
        let same = |kind: Kind, id: &str| {
            let version =
                |kept: &[Kept]| kept.iter().find(|k| k.kind == kind && k.id == id).map(|k| k.version);
            version(&kept) == version(&self.kept)
        };
        let changed: Vec<(Kind, String)> =
            kept.iter().filter(|k| !same(k.kind, &k.id)).map(|k| (k.kind, k.id.clone())).collect();
        let may_wait = |kind: Kind, id: &str| {
            self.waits(kind, id) && !changed.iter().any(|(k, i)| *k == kind && i == id)
        };
        Loaded::composed(self.source.clone(), kept, self.addr, self.clock, may_wait)
    }

    fn composed(
        source: Source,
        kept: Vec<Kept>,
        addr: SocketAddr,
        clock: Clock,
        may_wait: impl Fn(Kind, &str) -> bool,
    ) -> Result<Loaded, SettingError> {
        let items: Vec<Item> = kept.iter().filter_map(|k| k.item.clone()).collect();
        let composed = source.compose(&items, may_wait).map_err(SettingError::Refused)?;
        let mut aside = composed.aside;
        aside.extend(sealed_ones(&kept));
        for a in &aside {
            tracing::warn!("{a}");
        }
        let built = Loaded::build(source, composed.config, addr, clock, Shared::new(clock));
        let mut loaded = built.map_err(SettingError::NotBuilt)?;
        loaded.kept = Arc::new(kept);
        loaded.aside = aside;
        Ok(loaded)
    }

    /// Whether it is set aside because something is wrong with it.
    fn waits(&self, kind: Kind, id: &str) -> bool {
        self.aside.iter().any(|a| a.kind == kind && a.id == id && matches!(a.why, Why::Wrong(_)))
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings { config: self.config.clone(), kept: self.kept.clone(), aside: self.aside.clone() }
    }

    /// What is different in `new`, in one line.
    pub(crate) fn compare(&self, new: &Loaded) -> String {
        stillhere_config::diff(&self.config, &new.config).to_string()
    }
}

/// Builds what `config` says and throws it away.
///
/// # Errors
/// What could not be built, a line each.
pub fn rehearse(config: &Config) -> Result<(), String> {
    let clock = Clock::start();
    let source = Source::Watch { urls: Vec::new(), interval: None, over: crate::source::Over::default() };
    Loaded::build(source, config.clone(), config.server.listen, clock, Shared::new(clock)).map(|_| ())
}

fn policy(config: &Config) -> Policy {
    let r = &config.respond;
    Policy {
        verify: r.verify,
        verify_unstable: r.verify.max(Duration::from_secs(300)),
        reopen_within: r.reopen_within,
        cadence: stillhere_respond::Cadence {
            none: pace(r, &r.pace.none),
            minor: pace(r, &r.pace.minor),
            major: pace(r, &r.pace.major),
            critical: pace(r, &r.pace.critical),
        },
        first_word: r.first_word,
        nag_at: r.nag_at.clone(),
        alert_wait: r.alert_wait,
        ..Policy::default()
    }
}

fn pace(all: &stillhere_config::Respond, own: &stillhere_config::Pace) -> stillhere_respond::Pace {
    stillhere_respond::Pace {
        scope: own.scope.unwrap_or(all.scope),
        every: own.next_update.or(all.next_update),
        every_for: own.next_update_for.unwrap_or(all.next_update_for),
        later: own.next_update_later.unwrap_or(all.next_update_later),
    }
}

fn site(
    config: &Config,
    addr: SocketAddr,
    logo: Option<Arc<Logo>>,
    subscribers: Option<&crate::subscribers::Settings>,
) -> Site {
    let s = &config.site;
    Site {
        name: s.name.clone(),
        url: s.url.clone().unwrap_or_else(|| format!("http://{addr}")).trim_end_matches('/').to_owned(),
        time_zone: s.time_zone.clone(),
        languages: s.languages.clone(),
        contact: Contact {
            phone: s.contact.phone.clone(),
            chat_url: s.contact.chat_url.clone(),
            email: s.contact.email.clone(),
            hours: s.contact.hours.clone(),
        },
        accent: s.accent.clone(),
        logo,
        subscribe: subscribers.map(crate::subscribers::Settings::offer).unwrap_or_default(),
    }
}

fn logo(config: &Config) -> Result<Option<Arc<Logo>>, String> {
    let read = |key: &str, path: &Path| {
        let wrong = |why: &dyn std::fmt::Display| format!("site: `{key}`: {} {why}", path.display());
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|e| wrong(&format_args!("cannot be read: {e}")))?;
        // One byte more than is allowed is enough to know.
        file.take(LOGO_MAX_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| wrong(&format_args!("cannot be read: {e}")))?;
        Picture::new(bytes).map_err(|why| wrong(&why))
    };
    match (&config.site.logo, &config.site.logo_dark) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err("site: `logo_dark` means nothing without `logo`".to_owned()),
        (Some(light), dark) => Ok(Some(Arc::new(Logo {
            light: read("logo", light)?,
            dark: dark.as_ref().map(|dark| read("logo_dark", dark)).transpose()?,
        }))),
    }
}

/// A snapshot is renewed with every commit of looks, so two intervals of the most frequent check without one mean
/// that looking or writing has stopped. With heartbeats alone the flow's own sign of life renews it.
fn fresh_for(config: &Config) -> Duration {
    let shortest = config.checks.iter().filter(|c| !c.def.passive).map(|c| c.def.interval).min();
    (2 * shortest.unwrap_or(Duration::from_secs(20)).min(Duration::from_secs(60))).max(FRESH_AT_LEAST)
}

fn window(w: &stillhere_config::Window) -> Command {
    Command::ScheduleMaintenance {
        title: w.title.clone(),
        body: w.body.clone(),
        services: w.services.clone(),
        starts_at: w.starts_at,
        ends_at: w.ends_at,
        expect: w.expect,
        from_file: Some(w.key.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference prints what stands in `config`; what holds without a file stands where it is used.
    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_parts() {
        let config = Config::default();
        assert_eq!(policy(&config), Policy::default());
        assert_eq!(crate::start::retention(&config), stillhere_store::Retention::default());
    }

    #[test]
    fn the_configuration_takes_a_chat_address_if_and_only_if_the_page_shows_it() {
        for url in [
            "https://chat.example.com/room?a=b#c",
            "HTTPS://chat.example.com",
            "http://chat.example.com/",
            "http://localhost/chat",
            "http://localhost:8080",
            "http://127.0.0.1:81/x",
            "http://[::1]/",
            "http://localhost:80@evil.example/",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://example.com/",
            "https://a b/",
            "//chat.example.com",
            "",
        ] {
            let file = format!("[site.contact]\nchat_url = {url:?}\n");
            let taken = Config::parse("f", &file).is_ok();
            assert_eq!(taken, stillhere_tell::clean::https(url).is_some(), "{url}");
        }
    }
}
