//! Certificates from an authority (ACME, RFC 8555), one for each name, obtained and renewed by themselves.
//!
//! The failure this defends against: a certificate that runs out because the authority, the network or the disk was
//! away for a week and nobody noticed. No request waits for anything here; what was obtained last is on disk and is
//! shown after a restart too; it is renewed when two thirds of its life are over, or when the authority says so (ARI,
//! RFC 9773), and what fails is tried again with pauses that grow up to a cap.

mod client;
mod keeping;
mod kept;
mod order;

pub(crate) use keeping::keep;

use crate::spec::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};
use stillhere_model::duration;

/// Names of one edge.
pub const DOMAINS_MAX: usize = 100;
const CONTACTS_MAX: usize = 5;
/// The longest name (RFC 1035), and the longest part of one.
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// Certificates that are obtained and renewed by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcmeSpec {
    /// The names to get a certificate for, each one its own. They must lead here: the authority looks at port 80
    /// (`http-01`) or 443 (`tls-alpn-01`) of each.
    #[schemars(length(min = 1, max = 100))]
    pub domains: Vec<String>,
    /// You have read and agree to the authority's terms of service.
    #[serde(default)]
    pub terms_agreed: bool,
    /// Mail addresses for the authority's warnings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub contact: Vec<String>,
    /// The authority. Let's Encrypt unless it says otherwise.
    #[serde(default = "AcmeSpec::usual_directory")]
    #[schemars(extend("format" = "https-url"))]
    pub directory: String,
    /// How to show that a name is ours. The other way is taken when the authority does not offer this one, or it did
    /// not succeed.
    #[serde(default)]
    pub challenge: ChallengeKind,
    /// Trust these certificates (PEM) for the authority's own address, instead of the system's. For an authority of
    /// your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(min = 1, max = 4_096))]
    pub ca_file: Option<PathBuf>,
    /// An account that you have with the authority already (external account binding).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_account: Option<ExternalAccount>,
    /// How long after a failure it is tried again; three times as long after each further one, six hours at most.
    #[serde(with = "duration", default = "AcmeSpec::usual_retry")]
    #[schemars(with = "duration::Text")]
    pub retry: Duration,
}

/// How to show that a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum ChallengeKind {
    /// A text under an address of the name, in plain HTTP at port 80.
    #[default]
    #[serde(rename = "http-01")]
    Http01,
    /// A certificate made for the purpose, at port 443.
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

/// An account that you have with the authority already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExternalAccount {
    pub id: String,
    /// A file with the key, in base64url as the authority gives it.
    #[schemars(with = "String", length(min = 1, max = 4_096))]
    pub key_file: PathBuf,
}

// === impl AcmeSpec ===

impl AcmeSpec {
    /// As little as one may be asked for again.
    const RETRY_LEAST: Duration = Duration::from_secs(1);

    fn usual_directory() -> String {
        instant_acme::LetsEncrypt::Production.url().to_owned()
    }

    fn usual_retry() -> Duration {
        Duration::from_secs(60)
    }

    /// Everything that is wrong, as far as it can be seen without reading files.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut wrong = |path: String, problem: &str, hint: Option<&str>| {
            found.push(Problem::new(path, problem, hint));
        };
        if !self.terms_agreed {
            let hint = "read the authority's terms of service and write terms_agreed = true";
            wrong(
                "terms_agreed".to_owned(),
                "is not set, and without it no certificate can be had",
                Some(hint),
            );
        }
        if self.domains.is_empty() || self.domains.len() > DOMAINS_MAX {
            wrong("domains".to_owned(), "must be 1 to 100 names", None);
        }
        for (n, name) in self.domains.iter().take(DOMAINS_MAX).enumerate() {
            let path = format!("domains[{n}]");
            if name.starts_with("*.") {
                let hint = "write each name, or get the certificate elsewhere and put it under certificates";
                wrong(path, "is a wildcard, for which an authority asks for a change in DNS", Some(hint));
            } else if !is_name(name) {
                wrong(path, "is not a name of a host in lower case, such as shop.example.com", None);
            } else if self.domains[..n].contains(name) {
                wrong(path, "is there twice", None);
            }
        }
        if self.contact.len() > CONTACTS_MAX {
            wrong("contact".to_owned(), "must be 5 addresses at most", None);
        }
        for (n, address) in self.contact.iter().enumerate() {
            let plain = address.strip_prefix("mailto:").unwrap_or(address);
            let good = plain.split_once('@').is_some_and(|(who, at)| !who.is_empty() && is_name(at));
            if !good || !plain.bytes().all(|b| b.is_ascii_graphic()) {
                wrong(format!("contact[{n}]"), "is not a mail address", None);
            }
        }
        if !url::Url::parse(&self.directory).is_ok_and(|u| u.scheme() == "https" && u.has_host()) {
            wrong("directory".to_owned(), "must be an https:// address", None);
        }
        if self.retry < AcmeSpec::RETRY_LEAST {
            wrong("retry".to_owned(), "must be 1s at least", None);
        }
        found
    }
}

/// Safe as the name of a file, too.
fn is_name(name: &str) -> bool {
    let label = |l: &str| {
        (1..=LABEL_MAX).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    name.len() <= NAME_MAX && name.contains('.') && !is_address && name.split('.').all(label)
}

// === impl ChallengeKind ===

impl ChallengeKind {
    fn other(self) -> ChallengeKind {
        match self {
            ChallengeKind::Http01 => ChallengeKind::TlsAlpn01,
            ChallengeKind::TlsAlpn01 => ChallengeKind::Http01,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_authority_would_refuse_is_said_before_it_is_asked() {
        let spec: AcmeSpec = toml::from_str(
            r#"
            domains = ["shop.example.com", "*.example.com", "Shop.example.com", "../x", "10.0.0.1", "shop.example.com"]
            contact = ["ops@example.com", "mailto:ops@example.com", "ops"]
            directory = "http://ca.test/dir"
            retry = "100ms"
            "#,
        )
        .expect("a spec");
        let paths: Vec<String> = spec.validate().into_iter().map(|p| p.path).collect();
        assert_eq!(
            paths,
            [
                "terms_agreed",
                "domains[1]",
                "domains[2]",
                "domains[3]",
                "domains[4]",
                "domains[5]",
                "contact[2]",
                "directory",
                "retry"
            ]
        );
        let good: AcmeSpec =
            toml::from_str("domains = [\"shop.example.com\"]\nterms_agreed = true").expect("a spec");
        assert_eq!(good.validate(), []);
        assert_eq!(good.directory, "https://acme-v02.api.letsencrypt.org/directory");
        assert_eq!(good.challenge, ChallengeKind::Http01);
    }
}
