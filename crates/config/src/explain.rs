//! `config explain`: what is in force, as a file, with a mark on what nobody had to write.

use crate::{
    config::{Channel, Check, Config, Window},
    console::Kind,
    fields,
    file::{
        ChannelTable, CheckTable, Defaults, MaintenanceTable, Oidc, Publish, ServiceTable, TemplateTable,
    },
    report::{MASK, is_secret},
    schema,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use stillhere_model::ServiceDef;
use stillhere_observe::Spec;

/// Column of the marks, where the line is not longer.
const MARK_COLUMN: usize = 48;

/// The configuration as it is in force. Secrets are not in it.
#[must_use]
pub fn explain(config: &Config) -> String {
    let mut out = Page::default();
    out.section("site", &config.site);
    out.section("server", &config.server);
    out.section("defaults", &config.defaults);
    let mut checks = config.checks.iter().peekable();
    for s in &config.services {
        out.made_in_console(config.is_of_console(Kind::Service, s.id.as_str()));
        out.service(s);
        while let Some(c) = checks.next_if(|c| c.def.service == s.id) {
            out.check(c, &config.defaults);
        }
    }
    for c in &config.channels {
        out.made_in_console(config.is_of_console(Kind::Channel, &c.name));
        out.channel(c, config);
    }
    for w in &config.maintenance {
        out.window(w);
    }
    for t in &config.templates {
        out.made_in_console(config.is_of_console(Kind::Template, &t.id));
        out.table("[[template]]", &["template"], fields::of::<TemplateTable>(), &object(t), |_| None);
    }
    out.section("subscribers", &config.subscribers);
    match &config.oidc {
        Some(o) => {
            let written = schema::of::<Oidc>();
            out.table("[oidc]", &["oidc"], fields::of::<Oidc>(), &object(o), |k| {
                written["properties"][k].get("default").cloned()
            });
        }
        None => out.text.push_str("\n# [oidc] is not there: nobody logs in through a provider\n"),
    }
    out.edge(config.edge.as_ref());
    out.section("respond", &config.respond);
    out.section("heartbeats", &config.heartbeats);
    out.section("uplink", &config.uplink);
    out.section("retention", &config.retention);
    match &config.publish {
        Some(p) => {
            let usual = object(&Publish { to: String::new(), every: Publish::usual_pace() });
            out.table("[publish]", &["publish"], fields::of::<Publish>(), &object(p), |k| {
                usual.get(k).cloned()
            });
        }
        None => out.text.push_str("\n# [publish] is not there: no static copy is written\n"),
    }
    out.section("record", &config.record);
    out.section("limits", &config.limits);
    out.text.trim_start().to_owned()
}

#[derive(Default)]
struct Page {
    text: String,
}

// === impl Page ===

impl Page {
    fn section<T: Serialize + Default + for<'de> Deserialize<'de>>(&mut self, key: &str, value: &T) {
        let usual = object(&T::default());
        self.table(&format!("[{key}]"), &[key], fields::of::<T>(), &object(value), |k| usual.get(k).cloned());
    }

    /// As a whole: its tables are the edge's own, and what is in force stands in them.
    fn edge(&mut self, edge: Option<&stillhere_edge::Spec>) {
        let Some(edge) = edge else {
            self.text.push_str("\n# [edge] is not there: nothing stands in front of your servers\n");
            return;
        };
        let mut written = json!({ "edge": edge });
        mask(&mut written, &[], "");
        let text = toml::to_string(&written).unwrap_or_default();
        let _infallible = writeln!(self.text, "\n{}", text.trim_end());
    }

    fn made_in_console(&mut self, is: bool) {
        if is {
            self.text.push_str("\n# made in the console\n");
        }
    }

    fn service(&mut self, s: &ServiceDef) {
        let mut own = object(&json!({
            "id": s.id, "name": s.name, "description": s.description, "group": s.group,
            "depends_on": s.depends_on, "public": s.public, "team": s.team,
        }));
        own.retain(|_, v| !v.is_null());
        let keys: Vec<&str> = fields::of::<ServiceTable>()
            .iter()
            .copied()
            .filter(|k| !matches!(*k, "url" | "interval" | "conditions"))
            .collect();
        self.table("[[service]]", &["service"], &keys, &own, |k| match k {
            "name" => Some(json!(s.id)),
            "depends_on" => Some(json!([])),
            "public" => Some(json!(true)),
            _ => None,
        });
    }

    fn check(&mut self, c: &Check, defaults: &Defaults) {
        let table = CheckTable {
            id: c.def.id.as_str().split_once('/').map(|(_, id)| id.to_owned()),
            name: Some(c.def.name.clone()),
            interval: Some(c.def.interval),
            timeout: Some(c.def.timeout),
            fail_after: Some(c.def.fail_after),
            recover_after: Some(c.def.recover_after),
            slow_over: c.spec.slow_over,
            severity: c.def.severity,
            quorum: Some(c.def.quorum),
            conditions: c.spec.conditions.clone(),
        };
        let mut values = object(&c.spec.spec);
        let kind = c.spec.spec.kind();
        let own = own_keys(kind.name);
        let common = fields::of::<CheckTable>();
        values.extend(object(&table));
        let keys = ["id", "name", "kind"].into_iter().chain(own.iter().copied());
        let rest = common.iter().copied().filter(|k| !matches!(*k, "id" | "name"));
        let rest = rest.filter(|k| !kind.passive || !schema::NOT_FOR_PASSIVE.contains(k));
        let keys: Vec<&str> = keys.chain(rest).collect();
        let written = schema::check_of(kind);
        let given = object(defaults);
        self.table("[[service.check]]", &["service", "check"], &keys, &values, |k| {
            if !kind.passive
                && let Some(v) = given.get(k)
            {
                return Some(v.clone());
            }
            match k {
                "name" => values.get("id").cloned(),
                "id" | "kind" => None,
                "fail_after" | "recover_after" => Some(json!(1)),
                "severity" => Some(json!("major")),
                _ => written["properties"][k].get("default").cloned(),
            }
        });
    }

    fn channel(&mut self, c: &Channel, config: &Config) {
        let mut values = object(&c.spec);
        let own: Vec<String> = values.keys().filter(|k| *k != "kind").cloned().collect();
        let common = ChannelTable {
            name: c.name.clone(),
            audience: c.audience.clone(),
            services: c.services.iter().map(|s| s.as_str().to_owned()).collect(),
            language: Some(c.language),
        };
        values.extend(object(&common));
        let keys: Vec<&str> = ["name", "kind"]
            .into_iter()
            .chain(own.iter().map(String::as_str))
            .chain(fields::of::<ChannelTable>().iter().copied().filter(|k| *k != "name"))
            .collect();
        let name = values["kind"].as_str().unwrap_or_default().to_owned();
        let written = schema::channel_kinds().into_iter().find(|(k, _)| *k == name).map(|(_, v)| v);
        self.table("[[channel]]", &["channel"], &keys, &values, |k| match k {
            "language" => config.site.languages.first().map(|l| json!(l)),
            _ => written.as_ref()?["properties"][k].get("default").cloned(),
        });
    }

    fn window(&mut self, w: &Window) {
        let mut values = object(&json!({
            "id": w.key, "title": w.title, "body": w.body, "services": w.services,
            "starts_at": w.starts_at, "ends_at": w.ends_at, "expect": w.expect,
        }));
        values.retain(|_, v| !v.is_null());
        // A key that was made from title and start is no id; it is made again from what stands here.
        if w.key.contains('@') {
            values.remove("id");
        }
        let usual = schema::of::<MaintenanceTable>();
        self.table("[[maintenance]]", &["maintenance"], fields::of::<MaintenanceTable>(), &values, |k| {
            usual["properties"][k].get("default").cloned()
        });
    }

    fn table(
        &mut self,
        header: &str,
        parents: &[&str],
        keys: &[&str],
        values: &Map<String, Value>,
        usual: impl Fn(&str) -> Option<Value>,
    ) {
        // Nothing between a table and what is said above it.
        let between = if self.text.ends_with("console\n") { "" } else { "\n" };
        let _infallible = writeln!(self.text, "{between}{header}");
        for key in keys {
            let line = match values.get(*key) {
                Some(v) => {
                    let mut shown = v.clone();
                    mask(&mut shown, parents, key);
                    let line = format!("{key} = {}", toml_of(&shown));
                    if usual(key).as_ref() == Some(v) { marked(&line, "# default") } else { line }
                }
                None => format!("# {key} is not set"),
            };
            let _infallible = writeln!(self.text, "{line}");
        }
    }
}

fn marked(line: &str, mark: &str) -> String {
    let width = line.chars().count();
    format!("{line}{}{mark}", " ".repeat(MARK_COLUMN.saturating_sub(width).max(2)))
}

/// A value as it would stand in the file.
fn toml_of(v: &Value) -> String {
    toml::Value::try_from(v).map_or_else(|_| "?".to_owned(), |v| v.to_string())
}

fn object<T: Serialize>(value: &T) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(o)) => o,
        _ => Map::new(),
    }
}

/// The keys of a kind's own table, in the order of its type.
pub(crate) fn own_keys(kind: &str) -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    let _always_enough = Spec::parse(kind, fields::Ask(&mut keys));
    keys
}

fn mask(v: &mut Value, parents: &[&str], key: &str) {
    match v {
        Value::String(s) if is_secret(parents, key, s) => MASK.clone_into(s),
        Value::Array(a) => a.iter_mut().for_each(|v| mask(v, parents, key)),
        Value::Object(o) => {
            let parents: Vec<&str> = parents.iter().copied().chain([key]).collect();
            o.iter_mut().for_each(|(k, v)| mask(v, &parents, k));
        }
        _ => {}
    }
}
