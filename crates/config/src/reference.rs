//! `docs/configuration.md`, made from the schema.

use crate::{
    bounds, explain, fields,
    file::{
        ChannelTable, CheckTable, Contact, Defaults, Heartbeats, Limits, MaintenanceTable, Oidc, OidcGroup,
        Pace, Publish, Record, Respond, Retention, Server, ServiceTable, Site, Subscribers, TemplateTable,
        Uplink, Witness,
    },
    schema,
};
use serde_json::Value;
use std::fmt::Write as _;
use stillhere_observe::probe::KINDS;

/// The reference of every key, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut out = Page { text: include_str!("reference/head.md").to_owned() };
    out.heading("## `[site]`", &schema::of::<Site>());
    out.keys(&schema::of::<Site>(), fields::of::<Site>(), &["contact"]);
    out.heading("### `site.contact`", &schema::of::<Contact>());
    out.keys(&schema::of::<Contact>(), fields::of::<Contact>(), &[]);
    out.heading("## `[server]`", &schema::of::<Server>());
    out.keys(&schema::of::<Server>(), fields::of::<Server>(), &[]);
    out.heading("## `[defaults]`", &schema::of::<Defaults>());
    out.keys(&schema::of::<Defaults>(), fields::of::<Defaults>(), &[]);
    out.heading("## `[[service]]`", &schema::of::<ServiceTable>());
    out.keys(&schema::of::<ServiceTable>(), fields::of::<ServiceTable>(), &[]);
    out.checks();
    out.channels();
    out.heading("## `[[maintenance]]`", &schema::of::<MaintenanceTable>());
    out.keys(&schema::of::<MaintenanceTable>(), fields::of::<MaintenanceTable>(), &[]);
    out.part::<TemplateTable>("## `[[template]]`", &[]);
    out.line("\nSee [templates](console.md#templates).");
    out.heading("## `[subscribers]`", &schema::of::<Subscribers>());
    out.line("\nSee [subscribers](subscribers.md).");
    out.keys(&schema::of::<Subscribers>(), fields::of::<Subscribers>(), &[]);
    out.part::<Oidc>("## `[oidc]`", &["group"]);
    out.line("\nSee [people](people.md#logging-in-through-a-provider).");
    out.part::<OidcGroup>("### `[[oidc.group]]`", &[]);
    out.edge();
    out.heading("## `[respond]`", &schema::of::<Respond>());
    out.keys(&schema::of::<Respond>(), fields::of::<Respond>(), &["pace"]);
    out.heading("### `respond.pace.critical`, `.major`, `.minor`, `.none`", &schema::of::<Pace>());
    out.keys(&schema::of::<Pace>(), fields::of::<Pace>(), &[]);
    out.heading("## `[heartbeats]`", &schema::of::<Heartbeats>());
    out.keys(&schema::of::<Heartbeats>(), fields::of::<Heartbeats>(), &[]);
    out.heading("## `[uplink]`", &schema::of::<Uplink>());
    out.keys(&schema::of::<Uplink>(), fields::of::<Uplink>(), &[]);
    out.heading("## `[retention]`", &schema::of::<Retention>());
    out.keys(&schema::of::<Retention>(), fields::of::<Retention>(), &[]);
    out.heading("## `[publish]`", &schema::of::<Publish>());
    out.keys(&schema::of::<Publish>(), fields::of::<Publish>(), &[]);
    out.part::<Record>("## `[record]`", &["witness"]);
    out.line("\nSee [the public record](record.md).");
    out.part::<Witness>("### `[[record.witness]]`", &[]);
    out.heading("## `[limits]`", &schema::of::<Limits>());
    out.keys(&schema::of::<Limits>(), fields::of::<Limits>(), &[]);
    out.bounds();
    out.text
}

struct Page {
    text: String,
}

// === impl Page ===

impl Page {
    fn line(&mut self, line: &str) {
        let _infallible = writeln!(self.text, "{line}");
    }

    fn heading(&mut self, heading: &str, schema: &Value) {
        self.line(&format!("\n{heading}\n"));
        if let Some(about) = schema["description"].as_str() {
            self.line(&flat(about));
        }
    }

    fn checks(&mut self) {
        self.heading("### `[[service.check]]`", &schema::of::<CheckTable>());
        self.line("\nThe keys of every kind:");
        let (schema, keys) = (schema::of::<CheckTable>(), fields::of::<CheckTable>());
        self.table(&schema, keys, &[], true);
        let passive: Vec<&str> = KINDS.iter().filter(|k| k.passive).map(|k| k.name).collect();
        let not: Vec<String> = schema::NOT_FOR_PASSIVE.iter().map(|k| format!("`{k}`")).collect();
        self.line(&format!(
            "\nThe job itself decides when a `{}` check is heard of: it has no {}, and one missed heartbeat is enough.",
            passive.join("`, `"),
            not.join(", ")
        ));
        for kind in KINDS {
            let usual = if kind.name == schema::USUAL_KIND { ", which can be left out" } else { "" };
            self.line(&format!(
                "\n#### `kind = \"{0}\"`{usual}\n\nA check that {1}. See [probes/{0}](probes/{0}.md).",
                kind.name, kind.about
            ));
            self.table(&schema::check_of(kind), explain::own_keys(kind.name), &[], false);
        }
    }

    fn edge(&mut self) {
        use stillhere_edge::{
            Spec, action::KeyedSpec, limit::LimitSpec, pool::PoolSpec, report::log::LogSpec, room::RoomSpec,
            socket::SocketSpec, spec::RouteSpec, tls::TlsSpec,
        };
        self.part::<Spec>("## `[edge]`", &["tls", "routes", "pools", "limits", "log"]);
        self.line("\nSee [edge](edge.md).");
        self.part::<RouteSpec>("### `[[edge.routes]]`", &["keyed", "waiting_room", "sockets"]);
        self.part::<KeyedSpec>("#### `[edge.routes.keyed]`", &[]);
        self.part::<RoomSpec>("#### `[edge.routes.waiting_room]`", &[]);
        self.part::<SocketSpec>("#### `[edge.routes.sockets]`", &[]);
        self.part::<PoolSpec>("### `[edge.pools.NAME]`", &[]);
        self.part::<LimitSpec>("### `[edge.limits]`", &[]);
        self.part::<TlsSpec>("### `[edge.tls]`", &[]);
        self.part::<LogSpec>("### `[edge.log]`", &[]);
    }

    fn part<T: schemars::JsonSchema + for<'de> serde::Deserialize<'de>>(
        &mut self,
        heading: &str,
        elsewhere: &[&str],
    ) {
        self.heading(heading, &schema::of::<T>());
        self.keys(&schema::of::<T>(), fields::of::<T>(), elsewhere);
    }

    fn channels(&mut self) {
        self.heading("## `[[channel]]`", &schema::of::<ChannelTable>());
        self.line("\nThe keys of every kind:");
        let (common, keys) = (schema::of::<ChannelTable>(), fields::of::<ChannelTable>());
        self.table(&common, keys, &[], false);
        for (kind, schema) in schema::channel_kinds() {
            self.line(&format!("\n### `kind = \"{kind}\"`\n\nSee [channels/{kind}](channels/{kind}.md)."));
            let own: Vec<String> =
                schema["properties"].as_object().into_iter().flatten().map(|(k, _)| k.clone()).collect();
            let required = |k: &&str| schema["required"].as_array().into_iter().flatten().any(|r| r == *k);
            let own = own.iter().map(String::as_str).filter(|k| !keys.contains(k) && *k != "kind");
            let (first, then): (Vec<&str>, Vec<&str>) = own.partition(required);
            self.table(&schema, &[first, then].concat(), &[], false);
        }
    }

    fn keys(&mut self, schema: &Value, keys: &[&str], elsewhere: &[&str]) {
        self.table(schema, keys, elsewhere, false);
    }

    fn table(&mut self, schema: &Value, keys: &[&str], elsewhere: &[&str], with_kind: bool) {
        self.line("\n| key | type | default | meaning |\n|---|---|---|---|");
        if with_kind {
            let kinds: Vec<String> = KINDS.iter().map(|k| format!("`\"{}\"`", k.name)).collect();
            self.line(&format!(
                "| `kind` | {} | `\"{}\"` | What is done. |",
                kinds.join(", "),
                schema::USUAL_KIND
            ));
        }
        for key in keys.iter().filter(|k| !elsewhere.contains(k)) {
            let s = &schema["properties"][*key];
            let required = schema["required"].as_array().into_iter().flatten().any(|r| r == *key);
            let usual = match s.get("default") {
                _ if required => "*needed*".to_owned(),
                Some(v) => format!("`{}`", written(v)),
                None => "–".to_owned(),
            };
            let about = flat(s["description"].as_str().unwrap_or_default());
            self.line(&format!("| `{key}` | {} | {usual} | {} |", type_of(s), about.replace('|', "\\|")));
        }
    }

    fn bounds(&mut self) {
        self.line("\n## Limits of the file\n\n| what | at most |\n|---|---|");
        let rows: [(&str, String); 9] = [
            ("the file", format!("{} MiB", bounds::FILE_BYTES / 1024 / 1024)),
            ("services", bounds::SERVICES.to_string()),
            ("checks", bounds::CHECKS.to_string()),
            ("checks of one service", bounds::CHECKS_OF_A_SERVICE.to_string()),
            ("conditions of one check", bounds::CONDITIONS.to_string()),
            ("channels", bounds::CHANNELS.to_string()),
            ("maintenance windows", bounds::WINDOWS.to_string()),
            ("templates", bounds::TEMPLATES.to_string()),
            ("errors that are printed", bounds::REPORTED_ERRORS.to_string()),
        ];
        rows.iter().for_each(|(what, most)| self.line(&format!("| {what} | {most} |")));
    }
}

/// A type in words.
fn type_of(s: &Value) -> String {
    let bound = |key: &str| s.get(key).and_then(Value::as_str);
    let number = |key: &str| s.get(key).and_then(Value::as_f64);
    for any in ["oneOf", "anyOf"] {
        if let Some(ways) = s.get(any).and_then(Value::as_array) {
            if ways.iter().any(|w| w["properties"].get("en").is_some()) {
                return "text".to_owned();
            }
            if ways.iter().any(|w| w["properties"].get("env").is_some()) {
                return "secret".to_owned();
            }
            let mut words: Vec<String> = ways.iter().map(type_of).collect();
            words.dedup();
            let closed = ways.iter().all(|w| w.get("const").is_some());
            return words.join(if closed { ", " } else { " or " });
        }
    }
    let words = s.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
    let words: Vec<String> =
        words.iter().chain(s.get("const")).map(|w| format!("`{}`", written(w))).collect();
    if !words.is_empty() {
        return words.join(", ");
    }
    match s.get("type").and_then(Value::as_str) {
        Some("string") => {
            let name = match s.get("format").and_then(Value::as_str) {
                Some("duration") => "duration",
                Some("duration-or-off") => "duration or `\"off\"`",
                Some("time-zone") => "time zone",
                Some("colour") => "colour",
                Some("http-url") => "URL",
                Some("https-url" | "issuer") => "https URL",
                Some("email") => "mail address",
                Some("host") => "host name",
                Some("host-port") => "`host:port`",
                Some("listen") => "`address:port`",
                Some("when") => "point in time",
                Some("slug") => "slug",
                _ => "string",
            };
            match (bound("x-min"), bound("x-max")) {
                (Some(least), Some(most)) => format!("{name}, {least} to {most}"),
                (Some(least), None) => format!("{name}, at least {least}"),
                (None, Some(most)) => format!("{name}, at most {most}"),
                (None, None) => name.to_owned(),
            }
        }
        Some("integer" | "number") => match (number("minimum"), number("maximum")) {
            (Some(least), Some(most)) => format!("number, {least} to {most}"),
            (Some(least), None) if least > 0.0 => format!("number, at least {least}"),
            _ => "number".to_owned(),
        },
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("array") => format!("list of {}", type_of(&s["items"])),
        Some("object") => match s.get("properties").and_then(Value::as_object) {
            Some(keys) => {
                let keys: Vec<String> = keys.iter().map(|(k, v)| format!("{k} = {}", type_of(v))).collect();
                format!("{{ {} }}", keys.join(", "))
            }
            None => "table".to_owned(),
        },
        _ => "any".to_owned(),
    }
}

fn written(v: &Value) -> String {
    toml::Value::try_from(v).map_or_else(|_| v.to_string(), |v| v.to_string())
}

/// One line: Markdown tables have no other.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
