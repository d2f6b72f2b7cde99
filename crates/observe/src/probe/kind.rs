//! The registry: every kind with its configuration, its description and its names.

use super::{Problem, dns, http, icmp, push, tcp, tls};
use crate::condition::Name;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize};

/// What is looked at, by kind. The variant's table holds the keys that only this kind has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one per check, made when the configuration is read")]
pub enum Spec {
    Http(http::HttpSpec),
    Tcp(tcp::TcpSpec),
    Tls(tls::TlsSpec),
    Icmp(icmp::IcmpSpec),
    Dns(dns::DnsSpec),
    Push(push::PushSpec),
}

/// One probe kind as the configuration, the documentation and the conditions know it.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    /// One line for lists and `config explain`.
    pub about: &'static str,
    /// What conditions may say.
    pub names: &'static [Name],
    /// The schema of the kind's own keys.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Its observations come in by themselves: there is no [`super::Probe`] of it.
    pub passive: bool,
}

/// Every kind there is.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "http",
        about: "asks a URL and judges the answer",
        names: http::NAMES,
        schema: SchemaGenerator::subschema_for::<http::HttpSpec>,
        passive: false,
    },
    Kind {
        name: "tcp",
        about: "opens a TCP connection, and may say something and wait for an answer",
        names: tcp::NAMES,
        schema: SchemaGenerator::subschema_for::<tcp::TcpSpec>,
        passive: false,
    },
    Kind {
        name: "tls",
        about: "makes a TLS session and judges the certificate",
        names: tls::NAMES,
        schema: SchemaGenerator::subschema_for::<tls::TlsSpec>,
        passive: false,
    },
    Kind {
        name: "icmp",
        about: "sends pings",
        names: icmp::NAMES,
        schema: SchemaGenerator::subschema_for::<icmp::IcmpSpec>,
        passive: false,
    },
    Kind {
        name: "dns",
        about: "asks a name server",
        names: dns::NAMES,
        schema: SchemaGenerator::subschema_for::<dns::DnsSpec>,
        passive: false,
    },
    Kind {
        name: "push",
        about: "waits for heartbeats of a job",
        names: push::NAMES,
        schema: SchemaGenerator::subschema_for::<push::PushSpec>,
        passive: true,
    },
];

// === impl Spec ===

impl Spec {
    /// Reads the keys of one kind; `None` when there is no such kind. A key that the kind does not have is an error.
    pub fn parse<'de, D: Deserializer<'de>>(kind: &str, table: D) -> Option<Result<Spec, D::Error>> {
        Some(match kind {
            "http" => Deserialize::deserialize(table).map(Spec::Http),
            "tcp" => Deserialize::deserialize(table).map(Spec::Tcp),
            "tls" => Deserialize::deserialize(table).map(Spec::Tls),
            "icmp" => Deserialize::deserialize(table).map(Spec::Icmp),
            "dns" => Deserialize::deserialize(table).map(Spec::Dns),
            "push" => Deserialize::deserialize(table).map(Spec::Push),
            _ => return None,
        })
    }

    #[must_use]
    pub fn kind(&self) -> &'static Kind {
        let name = match self {
            Spec::Http(_) => "http",
            Spec::Tcp(_) => "tcp",
            Spec::Tls(_) => "tls",
            Spec::Icmp(_) => "icmp",
            Spec::Dns(_) => "dns",
            Spec::Push(_) => "push",
        };
        Kind::get(name).expect("every variant is in KINDS, a test holds them together")
    }

    /// Everything that is wrong with the kind's own keys. Opens no socket and reads no file.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        match self {
            Spec::Http(s) => s.validate(),
            Spec::Tcp(s) => s.validate(),
            Spec::Tls(s) => s.validate(),
            Spec::Icmp(s) => s.validate(),
            Spec::Dns(s) => s.validate(),
            Spec::Push(s) => s.validate(),
        }
    }

    /// Who is asked, as `host:port` or a name, for bounds per target. Holds no secret.
    #[must_use]
    pub fn target(&self) -> String {
        match self {
            Spec::Http(s) => s.target(),
            Spec::Tcp(s) => s.target(),
            Spec::Tls(s) => s.target(),
            Spec::Icmp(s) => s.target(),
            Spec::Dns(s) => s.target(),
            Spec::Push(_) => String::new(),
        }
    }

    /// The target is this machine, so that our uplink has no say in it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let target = self.target();
        let host = target.rsplit_once(':').map_or(target.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

// === impl Kind ===

impl Kind {
    #[must_use]
    pub fn get(name: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|k| k.name == name)
    }
}
