//! From a TOML tree to a [`Config`]: section by section, so that one mistake does not hide the others.

mod channels;
mod checks;
mod edge;
mod graph;
mod maintenance;
mod services;
mod template;

pub(crate) use checks::check_of;
pub use edge::EDGE_CHECK;
pub(crate) use edge::edge_checks;

use crate::{
    bounds,
    config::Config,
    console::{Base, Composed, ITEMS_MAX, Item, Merged},
    file::{
        Defaults, Heartbeats, Limits, Oidc, Publish, Record, Respond, Retention, Server, Site, Subscribers,
        Uplink,
    },
    path::{At, Path},
    report::{Faults, Report},
    schema,
    shape::{self, Shape, nearest},
};
use serde::de::DeserializeOwned;
use std::{collections::HashMap, sync::LazyLock};
use stillhere_observe::probe::KINDS;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

/// The schema, ready for use. Made once: it is the same for every file.
struct Shapes {
    sections: HashMap<&'static str, Shape>,
    service: Shape,
    checks: HashMap<&'static str, Shape>,
    channels: Vec<(String, Shape)>,
    maintenance: Shape,
    template: Shape,
}

static SHAPES: LazyLock<Shapes> = LazyLock::new(Shapes::new);

/// Sections in the order of the reference; `true` for those that are written `[[…]]`.
pub(crate) const SECTIONS: [(&str, bool); 17] = [
    ("site", false),
    ("server", false),
    ("defaults", false),
    ("service", true),
    ("channel", true),
    ("maintenance", true),
    ("template", true),
    ("subscribers", false),
    ("oidc", false),
    ("edge", false),
    ("respond", false),
    ("heartbeats", false),
    ("uplink", false),
    ("retention", false),
    ("publish", false),
    ("record", false),
    ("limits", false),
];

/// Reads and checks a whole file.
pub(crate) fn config(file: &str, text: &str) -> Result<Config, Report> {
    let base = Base { name: file.to_owned(), text: text.to_owned() };
    composed(&base, &[]).map(|c| c.config)
}

/// The same with what was made in the console. The file has to be good without it: it can be checked where there is no database, and
/// nothing that is removed in the console breaks it.
pub(crate) fn composed(base: &Base, items: &[Item]) -> Result<Composed, Report> {
    let alone = merged(base, &[])?;
    if items.is_empty() { Ok(alone) } else { merged(base, items) }
}

fn merged(base: &Base, items: &[Item]) -> Result<Composed, Report> {
    let Base { name, text } = base;
    if text.len() as u64 > bounds::FILE_BYTES {
        return Err(too_large(name));
    }
    if items.len() > ITEMS_MAX {
        let problem = format!(
            "{} services, channels and templates were made there, {ITEMS_MAX} are allowed",
            items.len()
        );
        return Err(Report::whole("console", problem, None));
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(Report::syntax(name, text, &errors));
    }
    let mut root = root.into_inner();
    let (merged, aside) = Merged::of(text, &root, items);
    let (theirs, errors) = DeTable::parse_recoverable(&merged.text);
    if !errors.is_empty() {
        return Err(Report::whole("console", "what was made there cannot be read", None));
    }
    Merged::into_tree(&mut root, theirs.into_inner());
    let mut faults = Faults::of(&merged);
    let mut config = from_tree(root, &mut faults);
    config.of_console = merged.in_force().collect();
    if faults.is_empty() {
        Ok(Composed { config, aside })
    } else {
        Err(faults.report_with(name, text, &merged))
    }
}

pub(crate) fn too_large(file: &str) -> Report {
    Report::whole(file, format!("is larger than {} MiB", bounds::FILE_BYTES / 1024 / 1024), None)
}

fn from_tree(mut root: DeTable<'_>, faults: &mut Faults) -> Config {
    for key in root.keys() {
        let key = key.get_ref().as_ref();
        if !SECTIONS.iter().any(|(s, _)| *s == key) {
            faults.key(Path::default().key(key), "is not a section that is known", Some(section_hint(key)));
        }
    }
    let site: Site = section(&mut root, "site", faults).unwrap_or_default();
    let server: Server = section(&mut root, "server", faults).unwrap_or_default();
    let defaults: Defaults = section(&mut root, "defaults", faults).unwrap_or_default();
    let limits: Limits = section(&mut root, "limits", faults).unwrap_or_default();
    let respond: Respond = section(&mut root, "respond", faults).unwrap_or_default();
    let heartbeats: Heartbeats = section(&mut root, "heartbeats", faults).unwrap_or_default();
    let uplink: Uplink = section(&mut root, "uplink", faults).unwrap_or_default();
    let retention: Retention = section(&mut root, "retention", faults).unwrap_or_default();
    let publish: Option<Publish> = section(&mut root, "publish", faults);
    let record: Record = section(&mut root, "record", faults).unwrap_or_default();
    sense(&site, &defaults, &respond, &retention, faults);

    let templates = template::read(many(&mut root, "template", faults), faults);
    let services = services::read(many(&mut root, "service", faults), &defaults, faults);
    let channels = channels::read(many(&mut root, "channel", faults), &services.known, &site, faults);
    let maintenance =
        maintenance::read(many(&mut root, "maintenance", faults), &services.known, &site, faults);
    let subscribers: Subscribers = section(&mut root, "subscribers", faults).unwrap_or_default();
    subscribers_have_mail(&subscribers, &channels, faults);
    let oidc: Option<Oidc> = section(&mut root, "oidc", faults);
    if let Some(oidc) = &oidc {
        provider_is_usable(oidc, &site, faults);
    }
    let edge = edge::read(&mut root, &services, faults);
    Config {
        site,
        server,
        defaults,
        services: services.defs,
        checks: services.checks,
        channels,
        maintenance,
        templates,
        subscribers,
        oidc,
        edge,
        respond,
        heartbeats,
        uplink,
        retention,
        publish,
        record,
        limits,
        of_console: Vec::new(),
    }
}

/// What no single key can say of the plain sections.
fn sense(site: &Site, defaults: &Defaults, respond: &Respond, retention: &Retention, faults: &mut Faults) {
    let key = |section: &str, key: &str| Path::default().key(section).key(key);
    for (i, lang) in site.languages.iter().enumerate() {
        if site.languages[..i].contains(lang) {
            faults.value(key("site", "languages").index(i), "is there twice", None);
        }
    }
    if defaults.slow_over.is_some_and(|s| s >= defaults.timeout) {
        let hint = format!("write less than the timeout of {}", crate::duration::said(defaults.timeout));
        faults.value(key("defaults", "slow_over"), "can never be reached", hint);
    }
    if let Some(every) = respond.next_update
        && respond.next_update_later < every
    {
        let hint = format!("write at least the {} of `next_update`", crate::duration::said(every));
        faults.value(key("respond", "next_update_later"), "is no slower pace", hint);
    }
    if !respond.nag_at.is_sorted_by(|a, b| a < b) {
        let hint = "write each share once, the smallest first, such as [75, 95]".to_owned();
        faults.value(key("respond", "nag_at"), "does not rise", hint);
    }
    if retention.hours < retention.minutes {
        let hint = format!("write at least the {} of `minutes`", crate::duration::said(retention.minutes));
        faults.value(key("retention", "hours"), "is shorter than the finer sums are kept", hint);
    }
}

/// A form that nothing can answer would be a promise that is not kept.
fn subscribers_have_mail(
    subscribers: &Subscribers,
    channels: &[crate::config::Channel],
    faults: &mut Faults,
) {
    let key = |key: &str| Path::default().key("subscribers").key(key);
    if let Some(Err(wrong)) =
        subscribers.return_path.as_ref().map(|path| path.parse::<stillhere_send::mail::bounce::ReturnPath>())
    {
        let hint = "write one such as \"bounces+*@example.com\"".to_owned();
        faults.value(key("return_path"), &wrong, hint);
    }
    let mail = |c: &&crate::config::Channel| matches!(c.spec, stillhere_send::ChannelSpec::Mail(_));
    if let Some(name) = &subscribers.mail
        && !channels.iter().filter(mail).any(|c| &c.name == name)
    {
        let names: Vec<&str> = channels.iter().filter(mail).map(|c| c.name.as_str()).collect();
        let hint = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None if names.is_empty() => "there is none: write a [[channel]] with kind = \"mail\"".to_owned(),
            None => format!("the mail channels are {}", names.join(", ")),
        };
        faults.value(key("mail"), "is not the name of a mail channel", hint);
    } else if subscribers.enabled == Some(true)
        && !(subscribers.webhooks || subscribers.push)
        && !channels.iter().any(|c| mail(&c))
    {
        let hint = "write a [[channel]] with kind = \"mail\", or leave this out".to_owned();
        faults.value(key("enabled"), "needs a mail channel, webhooks or push, that asks and tells", hint);
    }
}

/// What the provider would refuse, and what nobody could ever come back from.
fn provider_is_usable(oidc: &Oidc, site: &Site, faults: &mut Faults) {
    let path = || Path::default().key("oidc");
    let secure = |url: &str| shape::Format::Issuer.check(url.trim_end_matches('/')).is_ok();
    let back = match &site.url {
        None => Some(("needs the address of the site", "the provider sends people back there")),
        Some(url) if secure(url) => None,
        Some(_) => Some((
            "needs a site that is reached over https",
            "what the provider sends back must not be read on the way",
        )),
    };
    if let Some((problem, why)) = back {
        faults.key(path(), problem, Some(format!("write url = \"https://…\" under [site]: {why}")));
    }
    for (i, scope) in oidc.scopes.iter().enumerate() {
        if scope.chars().any(|c| !c.is_ascii_graphic() || c == '"' || c == '\\') {
            let hint = "write one word for each scope, such as [\"openid\", \"email\"]".to_owned();
            faults.value(path().key("scopes").index(i), "is not a scope", hint);
        }
    }
    if !oidc.scopes.iter().any(|s| s == "openid") {
        let hint =
            "write \"openid\" as the first: without it a provider says nothing about anybody".to_owned();
        faults.value(path().key("scopes"), "has no \"openid\"", hint);
    }
    for (i, group) in oidc.group.iter().enumerate() {
        if oidc.group[..i].iter().any(|g| g.name == group.name) {
            faults.value(path().key("group").index(i).key("name"), "is there twice", None);
        }
    }
}

fn section_hint(key: &str) -> String {
    let names = SECTIONS.iter().map(|(s, _)| *s);
    let written = |name: &str| {
        if SECTIONS.contains(&(name, true)) { format!("[[{name}]]") } else { format!("[{name}]") }
    };
    let near =
        nearest(key, names.clone()).or_else(|| names.clone().find(|n| key.strip_suffix('s') == Some(n)));
    match near {
        Some(near) => format!("did you mean `{}`?", written(near)),
        None => format!("the sections are {}", names.map(written).collect::<Vec<_>>().join(", ")),
    }
}

fn section<T: DeserializeOwned>(root: &mut DeTable<'_>, key: &'static str, faults: &mut Faults) -> Option<T> {
    let mut value = root.remove(key)?;
    let at = At::ROOT;
    let at = at.key(key);
    let shape = SHAPES.sections.get(key).expect("every section has a shape, a test holds them together");
    if !shape.check(&mut value, &at, faults) {
        return None;
    }
    read(value, faults)
}

/// The tables of a `[[key]]`, each with its number.
fn many<'i>(root: &mut DeTable<'i>, key: &str, faults: &mut Faults) -> Vec<(usize, Spanned<DeValue<'i>>)> {
    let Some(value) = root.remove(key) else { return Vec::new() };
    let path = Path::default().key(key);
    match value.into_inner() {
        DeValue::Array(a) => tables(a, &path, faults),
        _ => {
            let hint = format!("write [[{key}]]: there can be several");
            faults.value(path, "must stand in double brackets", hint);
            Vec::new()
        }
    }
}

fn tables<'i>(
    array: toml::de::DeArray<'i>,
    path: &Path,
    faults: &mut Faults,
) -> Vec<(usize, Spanned<DeValue<'i>>)> {
    let mut out = Vec::with_capacity(array.len());
    for (i, v) in array.into_iter().enumerate() {
        if matches!(v.get_ref(), DeValue::Table(_)) {
            out.push((i, v));
        } else {
            faults.value(path.index(i), "is not a table", None);
        }
    }
    out
}

/// Reads a value that has the right shape. What a type still refuses is an error with its place.
fn read<T: DeserializeOwned>(value: Spanned<DeValue<'_>>, faults: &mut Faults) -> Option<T> {
    let span = value.span();
    match T::deserialize(ValueDeserializer::from(value)) {
        Ok(v) => Some(v),
        Err(e) => {
            refused(&e, span, faults);
            None
        }
    }
}

fn refused(e: &toml::de::Error, whole: std::ops::Range<usize>, faults: &mut Faults) {
    faults.span(e.span().unwrap_or(whole), format!(": {}", e.message()), None);
}

fn text_of(table: &DeTable<'_>, key: &str) -> Option<String> {
    match table.get(key).map(Spanned::get_ref) {
        Some(DeValue::String(s)) => Some(s.clone().into_owned()),
        _ => None,
    }
}

// === impl Shapes ===

impl Shapes {
    fn new() -> Shapes {
        let mut sections = HashMap::new();
        let (mut service, mut maintenance, mut template) = (Shape::Any, Shape::Any, Shape::Any);
        for s in schema::sections() {
            match s.key {
                "service" => {
                    let mut own = s.schema;
                    // Checks are taken out first and held against their kind.
                    own["properties"]
                        .as_object_mut()
                        .expect("a table's schema has properties")
                        .remove("check");
                    service = Shape::of(&own);
                }
                "maintenance" => maintenance = Shape::of(&s.schema),
                "template" => template = Shape::of(&s.schema),
                "channel" => {}
                key => {
                    sections.insert(key, Shape::of(&s.schema));
                }
            }
        }
        Shapes {
            sections,
            service,
            maintenance,
            template,
            checks: KINDS.iter().map(|k| (k.name, Shape::of(&schema::check_of(k)))).collect(),
            channels: schema::channel_kinds().into_iter().map(|(k, v)| (k, Shape::of(&v))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SECTIONS;
    use crate::schema;

    #[test]
    fn the_sections_that_are_read_are_those_of_the_schema() {
        let written: Vec<(&str, bool)> = schema::sections().iter().map(|s| (s.key, s.many)).collect();
        assert_eq!(written, SECTIONS);
        let plain = SECTIONS.iter().filter(|(_, many)| !many).map(|(key, _)| *key);
        assert!(plain.into_iter().all(|key| super::SHAPES.sections.contains_key(key)));
    }

    #[test]
    fn every_format_of_the_schema_is_one_that_is_checked() {
        fn formats<'v>(v: &'v serde_json::Value, out: &mut Vec<&'v str>) {
            match v {
                serde_json::Value::Object(o) => {
                    // Of texts only: numbers have formats of their own, which say what their bounds say.
                    if o.get("type").is_some_and(|t| t == "string") {
                        out.extend(o.get("format").and_then(serde_json::Value::as_str));
                    }
                    o.values().for_each(|v| formats(v, out));
                }
                serde_json::Value::Array(a) => a.iter().for_each(|v| formats(v, out)),
                _ => {}
            }
        }
        let schema = schema::schema();
        let mut found = Vec::new();
        formats(&schema, &mut found);
        assert!(found.len() > 10, "the schema has lost its formats");
        let unknown: Vec<&&str> = found.iter().filter(|f| crate::shape::Format::of(f).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
