//! A point in time as people write it: with an offset, or as a local time in the site's zone.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt};

/// The text of a point in time; TOML's own date-times and strings alike. Its meaning needs the site's zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When(pub String);

struct Visit;

// === impl When ===

impl JsonSchema for When {
    fn schema_name() -> Cow<'static, str> {
        "When".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "when" })
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<When, D::Error> {
        d.deserialize_any(Visit)
    }
}

// === impl Visit ===

impl<'de> de::Visitor<'de> for Visit {
    type Value = When;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a point in time")
    }
    fn visit_str<E: de::Error>(self, s: &str) -> Result<When, E> {
        Ok(When(s.to_owned()))
    }
    // TOML's own date-time comes as a map with one private key, which its type knows.
    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<When, A::Error> {
        let t = toml::value::Datetime::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(When(t.to_string()))
    }
}
