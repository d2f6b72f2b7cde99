//! The JSON schema of `stillhere.toml`: for editors, for the reference, and for [`crate::shape`].
//!
//! Made from the types, with what TOML needs: there is no `null`, a check's keys are those that every check has
//! and those of its kind, and bounds of a text hold for each of its languages.

use crate::file::{ChannelTable, CheckTable, Defaults, MaintenanceTable, ServiceTable, TemplateTable};
use crate::file::{
    Heartbeats, Limits, Oidc, Publish, Record, Respond, Retention, Server, Site, Subscribers, Uplink,
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use stillhere_observe::probe::{KINDS, Kind};
use stillhere_send::ChannelSpec;

/// The kind of a check that names none.
pub(crate) const USUAL_KIND: &str = "http";
/// Keys of every check that mean nothing for a kind whose observations come in by themselves.
pub(crate) const NOT_FOR_PASSIVE: [&str; 3] = ["interval", "timeout", "quorum"];

/// One section of the file, in the order of the reference.
pub(crate) struct Section {
    pub(crate) key: &'static str,
    /// Written `[[key]]`, as often as needed.
    pub(crate) many: bool,
    pub(crate) schema: Value,
}

/// The schema of the whole file (JSON Schema 2020-12).
#[must_use]
pub fn schema() -> Value {
    let mut properties = Map::new();
    for s in sections() {
        let schema = if s.many {
            let most = match s.key {
                "service" => crate::bounds::SERVICES,
                "channel" => crate::bounds::CHANNELS,
                "template" => crate::bounds::TEMPLATES,
                _ => crate::bounds::WINDOWS,
            };
            json!({ "type": "array", "maxItems": most, "items": s.schema })
        } else {
            s.schema
        };
        properties.insert(s.key.to_owned(), schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "stillhere.toml",
        "description": "The configuration of Stillhere.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// Every section there is.
pub(crate) fn sections() -> Vec<Section> {
    let one = |key, schema| Section { key, many: false, schema };
    let many = |key, schema| Section { key, many: true, schema };
    let mut service = of::<ServiceTable>();
    let kinds: Vec<Value> = KINDS.iter().map(check_of).collect();
    service["properties"]["check"] = json!({ "type": "array", "maxItems": crate::bounds::CHECKS_OF_A_SERVICE, "items": { "oneOf": kinds } });
    let channels: Vec<Value> = channel_kinds().into_iter().map(|(_, v)| v).collect();
    vec![
        one("site", of::<Site>()),
        one("server", of::<Server>()),
        one("defaults", of::<Defaults>()),
        many("service", service),
        many("channel", json!({ "oneOf": channels })),
        many("maintenance", of::<MaintenanceTable>()),
        many("template", of::<TemplateTable>()),
        one("subscribers", of::<Subscribers>()),
        one("oidc", of::<Oidc>()),
        one("edge", of::<stillhere_edge::Spec>()),
        one("respond", of::<Respond>()),
        one("heartbeats", of::<Heartbeats>()),
        one("uplink", of::<Uplink>()),
        one("retention", of::<Retention>()),
        one("publish", of::<Publish>()),
        one("record", of::<Record>()),
        one("limits", of::<Limits>()),
    ]
}

/// The schema of one type, everything in place, in TOML's terms.
pub(crate) fn of<T: JsonSchema>() -> Value {
    tidied(&mut generator(), |g| T::json_schema(g).to_value())
}

/// A check of one kind: the common keys and the kind's own.
pub(crate) fn check_of(kind: &Kind) -> Value {
    let own = tidied(&mut generator(), |g| (kind.schema)(g).to_value());
    let mut common = of::<CheckTable>();
    if kind.passive {
        let keys = common["properties"].as_object_mut().expect("a table's schema has properties");
        NOT_FOR_PASSIVE.iter().for_each(|k| {
            keys.remove(*k);
        });
        // What is slow is then a job rather than an answer.
        keys["slow_over"]["x-max"] = json!(crate::duration::text(crate::bounds::INTERVAL_MAX));
    }
    joined(&common, &own, kind.name, kind.name == USUAL_KIND)
}

/// A channel of each kind: the common keys and the kind's own.
pub(crate) fn channel_kinds() -> Vec<(String, Value)> {
    let common = of::<ChannelTable>();
    let all = of::<ChannelSpec>();
    let kinds = all["oneOf"].as_array().cloned().unwrap_or_else(|| vec![all.clone()]);
    kinds
        .into_iter()
        .map(|own| {
            let name = own["properties"]["kind"]["const"].as_str().unwrap_or_default().to_owned();
            let joined = joined(&common, &own, &name, false);
            (name, joined)
        })
        .collect()
}

fn joined(common: &Value, own: &Value, kind: &str, usual: bool) -> Value {
    let mut out = common.clone();
    for (key, schema) in own["properties"].as_object().into_iter().flatten() {
        out["properties"][key] = schema.clone();
    }
    let mut required: Vec<Value> = Vec::new();
    for of in [common, own] {
        required.extend(of["required"].as_array().cloned().unwrap_or_default());
    }
    out["properties"]["kind"] = json!({ "const": kind, "type": "string" });
    required.retain(|k| k != "kind");
    if usual {
        out["properties"]["kind"]["default"] = json!(kind);
    } else {
        required.push(json!("kind"));
    }
    out["required"] = Value::Array(required);
    out["title"] = json!(kind);
    if let Some(about) = own.get("description") {
        out["description"] = about.clone();
    }
    out
}

fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|s| {
        s.inline_subschemas = true;
        s.meta_schema = None;
    });
    SchemaGenerator::new(settings)
}

fn tidied(generator: &mut SchemaGenerator, make: impl FnOnce(&mut SchemaGenerator) -> Value) -> Value {
    let mut schema = make(generator);
    tidy(&mut schema);
    schema
}

fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(a) => a.iter_mut().for_each(tidy),
        Value::Object(o) => {
            o.values_mut().for_each(tidy);
            without_null(o);
            bounds_inside(o);
        }
        _ => {}
    }
}

/// TOML has no `null`: a key is there or it is not.
fn without_null(o: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = o.get_mut("type") {
        types.retain(|t| t != "null");
        if types.len() == 1 {
            let only = types.remove(0);
            o.insert("type".to_owned(), only);
        }
    }
    if o.get("default") == Some(&Value::Null) {
        o.remove("default");
    }
    if let Some(Value::Array(values)) = o.get_mut("enum") {
        values.retain(|v| !v.is_null());
    }
    for any in ["anyOf", "oneOf"] {
        let Some(Value::Array(of)) = o.get_mut(any) else { continue };
        of.retain(|s| s.get("type").and_then(Value::as_str) != Some("null"));
        if of.len() == 1
            && let Value::Object(only) = of.remove(0)
        {
            o.remove(any);
            for (k, v) in only {
                o.entry(k).or_insert(v);
            }
        }
    }
}

/// The length of a [`stillhere_model::Text`] is that of each of its languages.
fn bounds_inside(o: &mut Map<String, Value>) {
    if !o.contains_key("anyOf") {
        return;
    }
    let Some(most) = o.remove("maxLength") else { return };
    let bound = |s: &mut Value| {
        if s.get("type").and_then(Value::as_str) == Some("string") {
            s["minLength"] = json!(1);
            s["maxLength"] = most.clone();
        }
    };
    for way in o.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten() {
        bound(way);
        if way.get("type").and_then(Value::as_str) == Some("object") {
            way["minProperties"] = json!(1);
        }
        way.get_mut("additionalProperties").into_iter().for_each(bound);
        for (_, part) in way.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
            bound(part);
        }
    }
}
