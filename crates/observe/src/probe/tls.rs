//! `tls`: a session, and what the certificate is worth.
//!
//! The handshake is finished first and the certificate judged after, so that the finding says exactly what is wrong.

use super::{Endpoint, Good, Ip, Look, Problem, Report, Shared, set_times};
use crate::condition::{Fact, Facts, Name, Sample};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use stillhere_net::{
    Fault, Trace, clock,
    dns::Host,
    tls::{Options, Peer},
};

/// Days before the end at which staff are reminded; from the first on, every `Up` carries the remark.
pub const THRESHOLDS: [u32; 3] = [21, 14, 7];

/// What conditions may say.
pub static NAMES: &[Name] = &[
    Name::public("certificate_days", "Whole days until the chain ends.", Sample::Int(60)),
    Name::private(
        "certificate_names",
        "The names that the certificate is for.",
        Sample::Texts(&["example.org"]),
    ),
    Name::private("certificate_issuer", "Who issued it.", Sample::Text("CN=Example CA")),
    Name::private("certificate_subject", "Whom it was issued to.", Sample::Text("CN=example.org")),
    Name::public("tls_version", "`TLSv1_2` or `TLSv1_3`.", Sample::Text("TLSv1_3")),
    Name::public(
        "dns_ms",
        "How long the name look-up took; null when the host is an address.",
        Sample::Int(4),
    ),
    Name::public("connect_ms", "How long it took to connect.", Sample::Int(12)),
    Name::public("tls_ms", "How long the handshake took.", Sample::Int(30)),
    Name::public("total_ms", "How long the whole look took.", Sample::Int(50)),
];

/// Makes a TLS session and judges the certificate: trusted, for this name, not ended. Nothing is sent within.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsSpec {
    /// Host name or address.
    pub host: String,
    /// Port.
    #[serde(default = "https")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// IPv4 or IPv6.
    #[serde(default)]
    pub ip: Ip,
    /// The name that the certificate must be for, if it is not `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// PEM file of certificates to trust instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Certificate to show when the server asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<ClientCertificate>,
}

/// A client certificate, as two PEM files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// The certificate and its chain.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
}

pub(crate) struct Tls {
    endpoint: Endpoint,
    peer: Peer,
}

fn https() -> u16 {
    443
}

// === impl TlsSpec ===

impl TlsSpec {
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> =
            Endpoint::new(&self.host, self.port, self.ip).err().into_iter().collect();
        if let Some(name) = &self.server_name
            && Host::parse(name).is_none()
        {
            problems.push(Problem::new(
                "server_name",
                format!("\"{name}\" is neither a host name nor an address"),
            ));
        }
        problems
    }

    /// `host:port`.
    #[must_use]
    pub fn target(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

// === impl Tls ===

impl Tls {
    pub(crate) fn new(spec: &TlsSpec, shared: &Shared) -> Result<Tls, Problem> {
        let endpoint = Endpoint::new(&spec.host, spec.port, spec.ip)?;
        let options = Options {
            ca_file: spec.ca_file.clone(),
            client: spec.client_certificate.clone().map(|c| (c.cert_file, c.key_file)),
            ..Options::default()
        };
        let client = shared.tls.client(&options).map_err(|e| problem(&e, "ca_file", "client_certificate"))?;
        client.warm().map_err(|e| problem(&e, "ca_file", "client_certificate"))?;
        let name = spec.server_name.as_deref().and_then(Host::parse).unwrap_or_else(|| endpoint.host.clone());
        let peer = client
            .peer(&name)
            .ok_or_else(|| Problem::new("server_name", format!("no certificate can be for \"{name}\"")))?;
        Ok(Tls { endpoint, peer })
    }

    pub(crate) async fn look(
        &self,
        look: &Look<'_>,
        trace: &mut Trace,
        report: &mut Report,
    ) -> Result<Good, Fault> {
        let tcp = look.connect(&self.endpoint, true, trace).await?;
        let (stream, judged) = Box::pin(self.peer.examine(tcp, trace)).await?;
        report.certificate = judged.clone();
        let now = clock::wall();
        let Some(judged) = judged else { return Ok(Good::default()) };
        judged.verdict(now)?;
        let facts = look.wants_facts.then(|| {
            let mut facts = Facts::new(NAMES);
            facts.set("certificate_days", judged.days_left(now));
            facts.set("certificate_names", Fact::texts(judged.names.iter().cloned()));
            facts.set("certificate_issuer", judged.issuer.as_str());
            facts.set("certificate_subject", judged.subject.as_str());
            facts.set("tls_version", stream.get_ref().1.protocol_version().and_then(|v| v.as_str()));
            set_times(&mut facts, &trace.phases, clock::mono().saturating_duration_since(look.started));
            facts
        });
        Ok(Good { facts, remark: judged.ends_within(THRESHOLDS[0], now), detail: None })
    }
}

/// A TLS error as a problem of the key that caused it.
pub(crate) fn problem(e: &stillhere_net::tls::Error, ca_key: &str, client_key: &str) -> Problem {
    use stillhere_net::tls::Error as E;
    let key = match e {
        E::ClientCertificate(_) => client_key,
        E::Unreadable(..) | E::Malformed(..) | E::SystemTrust(_) => ca_key,
    };
    Problem::new(key, e.to_string())
}
