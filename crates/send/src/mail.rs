//! E-mail over SMTP.
//!
//! The conversation is held command by command, because the answers mean different things: what the server says of
//! the *message* is the message's fate, what it says of the *session* (greeting, log-in) is not, and one bad
//! recipient must not keep the others from being told.

pub mod bounce;
mod message;
pub mod post;
mod session;

use crate::Problem;
use lettre::{
    Address,
    message::Mailbox,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, TlsParameters, TlsParametersBuilder},
        extension::ClientId,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};
use stillhere_model::{
    Time,
    message::{OutboxMessage, Receipt},
};
use stillhere_net::SecretSource;

/// Most recipients of one channel.
pub const RECIPIENTS_MAX: usize = 100;
/// Shortest and longest deadline.
pub const TIMEOUT_S: std::ops::RangeInclusive<u64> = 1..=120;
/// A message whose recipients are put off one by one waits this long for all of them, then goes to the others.
const WAIT_FOR_ALL: Duration = Duration::from_secs(600);

/// Where and how mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MailSpec {
    /// The mail server's name or address.
    #[schemars(length(min = 1, max = 255))]
    pub host: String,
    /// Default: 587 with `starttls`, 465 with `tls`, 25 with `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the connection is encrypted.
    #[serde(default)]
    pub tls: MailTls,
    /// A PEM file with the certificate authority of the server, instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// User name to log in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Where the password is read from: `{ env = "NAME" }` or `{ file = "/path" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretSource>,
    /// The sender: `status@example.com`, or with a name: `Example Status <status@example.com>`.
    #[schemars(length(min = 3, max = 320))]
    pub from: String,
    /// The recipients. All of them are in the header: use a mailing list to keep them from each other.
    #[schemars(length(min = 1, max = 100))]
    pub to: Vec<String>,
    /// Seconds that one delivery may take, all in all.
    #[schemars(range(min = 1, max = 120))]
    #[serde(default = "MailSpec::usual_timeout")]
    pub timeout_s: u64,
}

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// Not at all: for a mail server on the same machine or a trusted network.
    None,
    /// Begun in the clear, then encrypted, or not sent at all.
    #[default]
    Starttls,
    /// Encrypted from the first byte.
    Tls,
}

/// A mail channel ready to deliver.
pub(crate) struct Mail {
    host: String,
    port: u16,
    tls: MailTls,
    tls_parameters: Option<TlsParameters>,
    credentials: Option<Credentials>,
    hello: ClientId,
    from: Mailbox,
    to: Vec<Mailbox>,
    timeout: Duration,
}

// === impl MailSpec ===

impl MailSpec {
    fn usual_timeout() -> u64 {
        30
    }

    /// The addresses of the recipients, without their names, in lower case.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let bare = |to: &String| mailbox(to).ok().map(|m| m.email.to_string().to_ascii_lowercase());
        self.to.iter().filter_map(bare).collect()
    }

    /// Everything that is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |path: &str, problem: String, hint| problems.push(Problem::new(path, problem, hint));
        if self.host.is_empty() || self.host.len() > 255 || !self.host.bytes().all(|b| b.is_ascii_graphic()) {
            say(
                "host",
                "not a host name".to_owned(),
                Some("write the mail server's name, such as \"smtp.example.com\""),
            );
        } else if self.host.contains("://")
            || (self.host.contains(':') && self.host.parse::<std::net::Ipv6Addr>().is_err())
        {
            say(
                "host",
                "holds more than a host name".to_owned(),
                Some("write the port as `port = …`, the encryption as `tls = …`"),
            );
        }
        if self.port == Some(0) {
            say("port", "0 is not a port".to_owned(), Some("leave it out for the usual one"));
        }
        if let Err(e) = mailbox(&self.from) {
            say("from", e, Some("write \"status@example.com\" or \"Example Status <status@example.com>\""));
        }
        if self.to.is_empty() {
            say(
                "to",
                "names nobody".to_owned(),
                Some("write at least one address: to = [\"ops@example.com\"]"),
            );
        }
        if self.to.len() > RECIPIENTS_MAX {
            say(
                "to",
                format!("names {} recipients, {RECIPIENTS_MAX} is the most", self.to.len()),
                Some("use a mailing list"),
            );
        }
        for (i, to) in self.to.iter().enumerate() {
            if let Err(e) = mailbox(to) {
                say(
                    &format!("to[{i}]"),
                    format!("{to:?}: {e}"),
                    Some("write an address such as \"ops@example.com\""),
                );
            }
        }
        match (&self.user, &self.password) {
            (Some(_), None) => {
                say(
                    "password",
                    "missing: a user is given".to_owned(),
                    Some("write password = { env = \"SMTP_PASSWORD\" } or { file = \"…\" }"),
                );
            }
            (None, Some(_)) => say("user", "missing: a password is given".to_owned(), None),
            _ => {}
        }
        if self.tls == MailTls::None && self.user.is_some() {
            say(
                "tls",
                "the password would be sent unencrypted".to_owned(),
                Some("use \"starttls\" or \"tls\", or log in without a user on a trusted network"),
            );
        }
        if self.tls == MailTls::None && self.ca_file.is_some() {
            say(
                "ca_file",
                "has no use without encryption".to_owned(),
                Some("leave it out, or use \"starttls\" or \"tls\""),
            );
        }
        if !TIMEOUT_S.contains(&self.timeout_s) {
            say(
                "timeout_s",
                format!("{} is out of range", self.timeout_s),
                Some("between 1 and 120 seconds"),
            );
        }
        problems
    }
}

/// Whether this is the mailbox of an address as [`MailSpec::addresses`] gives it.
fn is(mailbox: &Mailbox, address: &str) -> bool {
    mailbox.email.to_string().eq_ignore_ascii_case(address)
}

/// An address, with or without a name.
fn mailbox(s: &str) -> Result<Mailbox, String> {
    if s.len() > 320 || s.chars().any(char::is_control) {
        return Err("not a mail address".to_owned());
    }
    s.parse::<Mailbox>().map_err(|e| format!("not a mail address: {e}"))
}

// === impl Mail ===

impl Mail {
    pub(crate) fn new(spec: &MailSpec) -> Result<Mail, Problem> {
        let address = |path: &str, s: &str| mailbox(s).map_err(|e| Problem::new(path, e, None));
        let credentials = match (&spec.user, &spec.password) {
            (Some(user), Some(source)) => {
                let secret = source.read().map_err(|e| Problem::new("password", e.to_string(), None))?;
                Some(Credentials::new(user.clone(), secret.expose_secret().to_owned()))
            }
            _ => None,
        };
        let from = address("from", &spec.from)?;
        let hello = hello(&from.email);
        Ok(Mail {
            host: spec.host.clone(),
            port: spec.port.unwrap_or(match spec.tls {
                MailTls::None => 25,
                MailTls::Starttls => 587,
                MailTls::Tls => 465,
            }),
            tls: spec.tls,
            tls_parameters: tls_parameters(spec)?,
            credentials,
            hello,
            from,
            to: spec.to.iter().map(|t| address("to", t)).collect::<Result<_, _>>()?,
            timeout: Duration::from_secs(spec.timeout_s),
        })
    }

    pub(crate) async fn deliver(
        &self,
        m: &OutboxMessage,
        subject: &str,
        text: &str,
        html: &str,
        thread: Option<&str>,
        now: Time,
    ) -> Receipt {
        let to: Vec<Mailbox> = match &m.personal {
            None => self.to.clone(),
            // Whoever left the channel while it waited is not written to: what is in it was theirs.
            Some(p) => self.to.iter().filter(|t| is(t, &p.to)).cloned().collect(),
        };
        if to.is_empty() {
            return Receipt::Refused { reason: "the recipient is no longer one of the channel's".to_owned() };
        }
        let bytes = match message::build(&self.from, &to, m.id, subject, text, html, thread, now) {
            Ok(bytes) => bytes,
            Err(reason) => return Receipt::Refused { reason },
        };
        let patient = now.since(m.created_at) < WAIT_FOR_ALL;
        match tokio::time::timeout(self.timeout, self.converse(&bytes, &to, patient)).await {
            Ok(receipt) => receipt,
            Err(_) => Receipt::Deferred {
                reason: format!("the mail server did not finish within {} s", self.timeout.as_secs()),
                retry_after_ms: None,
            },
        }
    }
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("credentials", &self.credentials.as_ref().map(|_| "***"))
            .field("from", &self.from)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

/// The name we greet with: this machine's own, or else the sender's domain.
fn hello(from: &Address) -> ClientId {
    match ClientId::default() {
        ClientId::Domain(name) if name.contains('.') => ClientId::Domain(name),
        _ => ClientId::Domain(from.domain().to_owned()),
    }
}

fn tls_parameters(spec: &MailSpec) -> Result<Option<TlsParameters>, Problem> {
    if spec.tls == MailTls::None {
        return Ok(None);
    }
    let wrong = |e: lettre::transport::smtp::Error| Problem::new("tls", e.to_string(), None);
    let builder = TlsParametersBuilder::new(spec.host.clone());
    let builder = match &spec.ca_file {
        None => builder,
        Some(path) => {
            let bad = |e: String| Problem::new("ca_file", format!("{}: {e}", path.display()), None);
            let pem = std::fs::read(path).map_err(|e| bad(e.to_string()))?;
            let cert = Certificate::from_pem(&pem).map_err(|e| bad(e.to_string()))?;
            builder.certificate_store(CertificateStore::None).add_root_certificate(cert)
        }
    };
    builder.build().map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests;
