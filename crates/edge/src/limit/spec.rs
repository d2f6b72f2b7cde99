//! What stands under `[edge.limits]`.

use super::Prefix;
use crate::{
    gate::{self, Pace},
    spec::Problem,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use stillhere_model::duration;

/// Most networks that may be trusted.
const TRUSTED_MAX: usize = 256;

/// What one visitor may do at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSpec {
    /// Connections of all clients together; more are closed at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: u32,
    /// Connections of one address (of IPv6: one /64); more are closed at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_per_address: u32,
    /// Connections of one network (a /24, of IPv6 a /48); more are closed at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_per_network: u32,
    /// Requests of one address (of IPv6: one /64); more are answered 429.
    #[serde(with = "rate_or_off")]
    #[schemars(with = "rate_or_off::Schema")]
    pub by_address: Option<Rate>,
    /// Requests of one network (a /24, of IPv6 a /48); more are answered 429. Off unless set.
    #[serde(with = "rate_or_off")]
    #[schemars(with = "rate_or_off::Schema")]
    pub by_network: Option<Rate>,
    /// Requests with one value of a header or cookie; more are answered 429. Off unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_key: Option<KeySpec>,
    /// From the first byte of a request's head to its last; later is answered 408.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub head_within: Duration,
    /// While a request's body is waited for, at least `body_min_rate` must come on average over this time; slower
    /// ends the request. Set it off for uploads that pause for long.
    #[serde(with = "duration::or_off")]
    #[schemars(with = "duration::or_off::Text")]
    pub body_stall: Option<Duration>,
    /// Bytes a second.
    #[schemars(range(max = 1_000_000))]
    pub body_min_rate: u32,
    /// While a client does not take what is sent to it, it must take at least `write_min_rate` on average over this
    /// time; slower ends the connection.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub write_stall: Duration,
    /// Bytes a second.
    #[schemars(range(max = 1_000_000))]
    pub write_min_rate: u32,
    /// A connection without a request is closed after this time.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text")]
    pub idle: Duration,
    /// Bytes of a request's headers; more are answered 431.
    #[schemars(range(min = 1024, max = 1_048_576))]
    pub head_bytes: u32,
    /// Bytes of a request's address; more are answered 414.
    #[schemars(range(min = 256, max = 65_536))]
    pub url_bytes: u32,
    /// Bytes of a request's body; more are answered 413. No limit unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<u64>,
    /// Networks of proxies in front of this one, whose word is believed about who the client is. They are counted for
    /// nobody. Unless set, those on this machine: else all visitors behind a local nginx would count as one. Write
    /// `[]` where people whom you don't trust can connect from this machine.
    #[schemars(length(max = 256))]
    pub trust_forwarded_from: Vec<Prefix>,
    /// The header in which they say it. The other one is ignored: a client could have written it.
    pub forwarded_header: ForwardedHeader,
}

/// So many in a second for long, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    #[schemars(range(min = 1, max = 1_000_000))]
    pub per_second: u32,
    /// Requests that may come at once after a quiet time.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub burst: u32,
}

/// Requests with one value of a header or cookie. Exactly one of the two is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeySpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    #[schemars(range(min = 1, max = 1_000_000))]
    pub per_second: u32,
    /// Requests that may come at once after a quiet time.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub burst: u32,
}

/// Where a trusted proxy says who the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

// === impl KeySpec ===

impl KeySpec {
    #[must_use]
    pub fn rate(&self) -> Rate {
        Rate { per_second: self.per_second, burst: self.burst }
    }
}

// === impl LimitSpec ===

impl Default for LimitSpec {
    fn default() -> LimitSpec {
        LimitSpec {
            connections: 20_000,
            connections_per_address: 256,
            connections_per_network: 2_500,
            by_address: Some(Rate { per_second: 500, burst: 2_000 }),
            by_network: None,
            by_key: None,
            head_within: Duration::from_secs(10),
            body_stall: Some(Duration::from_secs(20)),
            body_min_rate: 100,
            write_stall: Duration::from_secs(30),
            write_min_rate: 100,
            idle: Duration::from_secs(60),
            head_bytes: 32 * 1024,
            url_bytes: 8 * 1024,
            body_bytes: None,
            trust_forwarded_from: ["127.0.0.0/8", "::1/128"].map(|p| p.parse().expect("a network")).to_vec(),
            forwarded_header: ForwardedHeader::XForwardedFor,
        }
    }
}

impl LimitSpec {
    /// What the gate enforces of it.
    #[must_use]
    pub fn gate(&self) -> gate::Limits {
        gate::Limits {
            head: self.head_bytes as usize,
            url: self.url_bytes as usize,
            headers: gate::HEADERS_MAX,
            body: self.body_bytes,
            head_within: Some(self.head_within),
            body_pace: self.body_pace(),
            write_pace: Some(pace(self.write_stall, self.write_min_rate)),
        }
    }

    /// How fast a body must come.
    #[must_use]
    pub fn body_pace(&self) -> Option<Pace> {
        self.body_stall.map(|window| pace(window, self.body_min_rate))
    }
}

fn pace(window: Duration, rate: u32) -> Pace {
    let bytes = window.as_millis().saturating_mul(u128::from(rate)) / 1000;
    Pace { window, bytes: u64::try_from(bytes).unwrap_or(u64::MAX) }
}

pub(super) fn validate(spec: &LimitSpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |path: &str, problem: &str, hint: &str| {
        problems.push(Problem::new(path, problem, Some(hint).filter(|hint| !hint.is_empty())));
    };
    let counts = [
        ("connections", spec.connections),
        ("connections_per_address", spec.connections_per_address),
        ("connections_per_network", spec.connections_per_network),
    ];
    for (path, n) in counts {
        if !(1..=1_000_000).contains(&n) {
            say(path, "is not between 1 and 1000000", "");
        }
    }
    if spec.connections_per_address > spec.connections_per_network {
        say("connections_per_address", "is more than its whole network may have", "");
    }
    let by_key = spec.by_key.as_ref().map(KeySpec::rate);
    for (path, rate) in [("by_address", spec.by_address), ("by_network", spec.by_network), ("by_key", by_key)]
    {
        if let Some(rate) = rate
            && !((1..=1_000_000).contains(&rate.per_second) && (1..=1_000_000).contains(&rate.burst))
        {
            say(
                path,
                "has a rate or a burst that is not between 1 and 1000000",
                "leave it out, or write \"off\"",
            );
        }
    }
    if let Some(key) = &spec.by_key {
        let named = [&key.header, &key.cookie].into_iter().flatten().collect::<Vec<_>>();
        if named.len() != 1 {
            say("by_key", "must name either a header or a cookie", "write header = \"X-Api-Key\"");
        } else if http::HeaderName::from_bytes(named[0].as_bytes()).is_err() {
            say("by_key", "names something that cannot be a header or a cookie", "");
        }
    }
    let within = |d: Duration, least: u64, most: u64| {
        (Duration::from_secs(least)..=Duration::from_secs(most)).contains(&d)
    };
    let times = [
        ("head_within", Some(spec.head_within), 300),
        ("body_stall", spec.body_stall, 3600),
        ("write_stall", Some(spec.write_stall), 3600),
        ("idle", Some(spec.idle), 3600),
    ];
    for (path, time, most) in times {
        if let Some(time) = time
            && !within(time, 1, most)
        {
            say(path, &format!("is not between 1s and {most}s"), "");
        }
    }
    for (path, rate) in [("body_min_rate", spec.body_min_rate), ("write_min_rate", spec.write_min_rate)] {
        if rate > 1_000_000 {
            say(path, "is more than 1000000 bytes a second, which would end most people's connections", "");
        }
    }
    if !(1024..=1_048_576).contains(&spec.head_bytes) {
        say("head_bytes", "is not between 1024 and 1048576", "");
    }
    if !(256..=65_536).contains(&spec.url_bytes) || spec.url_bytes >= spec.head_bytes {
        say("url_bytes", "is not between 256 and 65536, and less than head_bytes", "");
    }
    if spec.trust_forwarded_from.len() > TRUSTED_MAX {
        say("trust_forwarded_from", "names more than 256 networks", "");
    }
    for (n, prefix) in spec.trust_forwarded_from.iter().enumerate() {
        if prefix.length() == 0 {
            let path = format!("trust_forwarded_from[{n}]");
            say(
                &path,
                "trusts everybody, so that everybody may say who they are",
                "name your proxies' network",
            );
        }
    }
    problems
}

/// `{ per_second = 50, burst = 200 }` or `"off"`.
mod rate_or_off {
    use super::Rate;
    use schemars::JsonSchema;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use stillhere_model::duration::or_off::OFF;

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(untagged, expecting = "is neither { per_second = 50, burst = 200 } nor \"off\"")]
    #[schemars(inline)]
    pub enum Schema {
        Rate(Rate),
        Off(Off),
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[schemars(inline)]
    pub enum Off {
        #[serde(rename = "off")]
        Off,
    }

    pub fn serialize<S: Serializer>(rate: &Option<Rate>, s: S) -> Result<S::Ok, S::Error> {
        match rate {
            Some(rate) => rate.serialize(s),
            None => s.serialize_str(OFF),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Rate>, D::Error> {
        Ok(match Schema::deserialize(d)? {
            Schema::Rate(rate) => Some(rate),
            Schema::Off(Off::Off) => None,
        })
    }
}
