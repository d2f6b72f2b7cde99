//! Without a file: services made from URLs.
//!
//! The same short form is `url = "…"` of a `[[service]]`.

use crate::{
    bounds,
    compile::check_of,
    config::Config,
    console::{self, Base},
    duration::{self, said},
    file::{CheckTable, Defaults, Respond},
    report::Report,
    shape::slug_of,
};
use serde_json::{Value, json};
use std::time::Duration;
use stillhere_model::{ServiceDef, ServiceId, Text};
use stillhere_observe::probe::{KINDS, Spec};
use url::Url;

/// How often to look when nobody says so. Quicker than a file's default: somebody is watching.
pub const INTERVAL: Duration = Duration::from_secs(20);
/// The shortest time that all must be well before an incident is called over.
const VERIFY_MIN: Duration = Duration::from_secs(5);
/// What errors name instead of a file.
const SOURCE: &str = "--watch";

/// What is wrong with a URL.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) problem: String,
    pub(crate) hint: Option<String>,
}

// === impl Config ===

impl Config {
    /// A configuration that watches `urls`: `https://…`, `http://…`, `tcp://host:port`, `tls://host[:port]`,
    /// `icmp://host` or `dns://name`. [`INTERVAL`] when `interval` is `None`.
    ///
    /// # Errors
    /// Every URL that cannot be watched, and an interval out of bounds.
    pub fn watch(urls: &[String], interval: Option<Duration>) -> Result<Config, Report> {
        let interval = interval.unwrap_or(INTERVAL);
        let mut wrong = Report { errors: Vec::new(), more: 0 };
        if interval < bounds::INTERVAL_MIN || interval > bounds::INTERVAL_MAX {
            let (least, most) = (said(bounds::INTERVAL_MIN), said(bounds::INTERVAL_MAX));
            let hint = format!("write a duration of {least} to {most}, such as \"20s\"");
            wrong.add(Report::whole("--interval", format!("{} cannot be kept", said(interval)), hint));
        }
        if urls.is_empty() {
            let hint = "write one or more, such as https://example.com/".to_owned();
            wrong.add(Report::whole(SOURCE, "there is no URL to watch", hint));
        }
        if urls.len() as u64 > bounds::SERVICES {
            wrong.add(Report::whole(
                SOURCE,
                format!("{} URLs, {} are allowed", urls.len(), bounds::SERVICES),
                None,
            ));
            return Err(wrong);
        }
        let mut targets: Vec<(Url, Spec)> = Vec::new();
        for (i, text) in urls.iter().enumerate() {
            let spec = spec(text).and_then(|spec| match spec.validate().into_iter().next() {
                Some(p) => Err(Wrong { problem: p.problem, hint: p.hint }),
                None => Ok(spec),
            });
            match (spec, parse(text)) {
                (Ok(spec), Ok(url)) if targets.iter().all(|(u, _)| *u != url) => targets.push((url, spec)),
                (Ok(_), Ok(url)) => {
                    let problem = format!("{} is there twice", shown(&url));
                    wrong.add(Report::whole(SOURCE, problem, "leave it out".to_owned()));
                }
                // The text itself may hold a password.
                (Err(w), _) | (_, Err(w)) => {
                    wrong.add(Report::whole(SOURCE, format!("URL {}: {}", i + 1, w.problem), w.hint));
                }
            }
        }
        if !wrong.errors.is_empty() {
            return Err(wrong);
        }
        let defaults = Defaults { interval, ..Defaults::default() };
        let verify = (interval * 3).max(VERIFY_MIN).min(Respond::default().verify);
        let mut config =
            Config { respond: Respond { verify, ..Respond::default() }, defaults, ..Config::default() };
        let names = names(&targets.iter().map(|(u, _)| u.clone()).collect::<Vec<_>>());
        let mut ids: Vec<String> = Vec::new();
        for ((_, spec), name) in targets.into_iter().zip(names) {
            let slug = slug_of(&name).unwrap_or_else(|| "service".to_owned());
            let id = (1..).map(|n| if n == 1 { slug.clone() } else { format!("{slug}-{n}") });
            let id = id.into_iter().find(|id| !ids.contains(id)).unwrap_or(slug);
            let check = check_of(&id, CheckTable::default(), spec, &config.defaults);
            config.services.push(ServiceDef {
                id: ServiceId::new(&id),
                name: Text::Same(name),
                description: None,
                group: None,
                depends_on: Vec::new(),
                checks: vec![check.def.id.clone()],
                public: true,
                team: None,
            });
            config.checks.push(check);
            ids.push(id);
        }
        Ok(config)
    }
}

impl Base {
    /// What [`Config::watch`] makes, as the text of a file: for merging it with what the console has.
    ///
    /// # Errors
    /// As [`Config::watch`].
    pub fn watch(urls: &[String], interval: Option<Duration>) -> Result<Base, Report> {
        let config = Config::watch(urls, interval)?;
        let services: Vec<Value> = config
            .services
            .iter()
            .zip(urls)
            .map(|(s, url)| json!({ "id": s.id, "name": s.name, "url": url }))
            .collect();
        let file = json!({
            "defaults": { "interval": duration::text(config.defaults.interval) },
            "respond": { "verify": duration::text(config.respond.verify) },
            "service": services,
        });
        Ok(Base { name: SOURCE.to_owned(), text: console::text_of(&file) })
    }
}

/// The check that a URL stands for.
pub(crate) fn spec(text: &str) -> Result<Spec, Wrong> {
    let url = parse(text)?;
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
    let (kind, own) = match url.scheme() {
        "http" | "https" => ("http", json!({ "url": text })),
        kind if !bare => {
            return Err(wrong(
                format!("{kind}:// has a host and a port, and nothing else"),
                "write url = \"tcp://host:port\", or a [[service.check]]",
            ));
        }
        "tcp" => match url.port() {
            Some(port) => ("tcp", json!({ "host": host, "port": port })),
            None => return Err(wrong("tcp:// needs a port", "write tcp://host:port")),
        },
        "tls" => ("tls", json!({ "host": host, "port": url.port().unwrap_or(443) })),
        kind if url.port().is_some() => {
            return Err(wrong(format!("{kind}:// has no port"), "leave the port out"));
        }
        "icmp" => ("icmp", json!({ "host": host })),
        "dns" => ("dns", json!({ "domain": host })),
        _ => return Err(unknown_scheme()),
    };
    from_json(kind, own)
}

fn from_json(kind: &str, own: Value) -> Result<Spec, Wrong> {
    match Spec::parse(kind, own) {
        Some(Ok(spec)) => Ok(spec),
        Some(Err(e)) => Err(Wrong { problem: e.to_string(), hint: None }),
        None => Err(unknown_scheme()),
    }
}

fn parse(text: &str) -> Result<Url, Wrong> {
    let url = Url::parse(text)
        .map_err(|e| wrong(format!("not a URL: {e}"), "write one such as https://example.com/"))?;
    if url.cannot_be_a_base() || url.host_str().is_none_or(str::is_empty) {
        // `localhost:8080` is a URL with the scheme `localhost`.
        return Err(wrong(
            "a URL without a host",
            "write https://host/, http://host:port/ or tcp://host:port",
        ));
    }
    let known = matches!(url.scheme(), "http" | "https")
        || KINDS.iter().any(|k| k.name == url.scheme() && !k.passive);
    if known { Ok(url) } else { Err(unknown_scheme()) }
}

fn wrong(problem: impl Into<String>, hint: &str) -> Wrong {
    Wrong { problem: problem.into(), hint: Some(hint.to_owned()) }
}

fn unknown_scheme() -> Wrong {
    wrong("a scheme that cannot be watched", "write https://, http://, tcp://, tls://, icmp:// or dns://")
}

/// A name for each URL, as short as keeps them apart: host; host and port; with the path; with the scheme.
fn names(urls: &[Url]) -> Vec<String> {
    let host = |u: &Url| u.host_str().unwrap_or_default().to_owned();
    let port = |u: &Url| u.port().map_or_else(|| host(u), |p| format!("{}:{p}", host(u)));
    let path = |u: &Url| format!("{}{}", port(u), u.path().trim_end_matches('/'));
    let scheme = |u: &Url| format!("{} {}", u.scheme(), path(u));
    let ways: [&dyn Fn(&Url) -> String; 4] = [&host, &port, &path, &scheme];
    let count = |way: &dyn Fn(&Url) -> String| {
        let mut seen = std::collections::HashMap::new();
        urls.iter().for_each(|u| *seen.entry(way(u)).or_insert(0usize) += 1);
        seen
    };
    let counts: Vec<_> = ways.iter().map(|w| count(*w)).collect();
    urls.iter()
        .map(|u| {
            let short = ways.iter().zip(&counts).map(|(w, c)| (w(u), c)).find(|(name, c)| c[name] == 1);
            short.map_or_else(|| shown(u), |(name, _)| name)
        })
        .collect()
}

/// The URL without anything that could be a secret.
fn shown(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}
