//! What exactly is wrong with a certificate chain, and when it ends.

use crate::fault::Fault;
use rustls::{CertificateError, client::danger::ServerCertVerifier};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::time::Duration;
use stillhere_model::{Finding, Time};
use x509_parser::{extensions::GeneralName, prelude::*};

/// Most names of a certificate that are kept.
pub const MAX_NAMES: usize = 100;
/// Most certificates of a chain that are looked at.
pub const MAX_CHAIN: usize = 16;
/// 2026-01-01. A clock that stands before is wrong, so that it cannot tell what has expired.
const SANE_CLOCK: Time = Time(1_767_225_600_000);
const DAY_MS: i64 = 86_400_000;

/// A certificate chain as it was shown, and what we think of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    chain: Vec<CertificateDer<'static>>,
    /// `None`: good.
    pub wrong: Option<Wrong>,
    /// When the first certificate on the path of trust ends; of an untrusted chain, the first at all.
    pub ends: Time,
    /// When the last certificate begins.
    pub begins: Time,
    /// The server's names.
    pub names: Vec<String>,
    pub subject: String,
    pub issuer: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Wrong {
    pub finding: Finding,
    /// For the operator: all objections.
    pub detail: String,
}

/// A verifier and the name that the server should have.
pub(super) struct Judge<'a> {
    pub(super) verifier: &'a dyn ServerCertVerifier,
    pub(super) name: &'a ServerName<'static>,
}

// === impl Judged ===

impl Judged {
    /// # Errors
    /// With what is wrong; our own fault when our clock cannot be right.
    pub fn verdict(&self, now: Time) -> Result<(), Fault> {
        let Some(Wrong { finding, detail }) = &self.wrong else { return Ok(()) };
        if now < SANE_CLOCK && matches!(finding, Finding::TlsNotYetValid | Finding::TlsExpired { .. }) {
            return Err(Fault::ours("own clock is wrong", format!("it is {now} here; {detail}")));
        }
        Err(Fault::target(finding.clone(), detail.clone()))
    }

    /// Whole days until the chain ends; negative when it has.
    #[must_use]
    pub fn days_left(&self, now: Time) -> i64 {
        self.ends.0.saturating_sub(now.0).div_euclid(DAY_MS)
    }

    /// The remark on a good chain that ends within `days`.
    #[must_use]
    pub fn ends_within(&self, days: u32, now: Time) -> Option<Finding> {
        let left = u32::try_from(self.days_left(now)).unwrap_or(0);
        (left <= days).then_some(Finding::TlsExpiresSoon { days: left })
    }

    /// The server's own certificate, as it was shown (DER); empty if none was.
    #[must_use]
    pub fn leaf(&self) -> &[u8] {
        self.chain.first().map_or(&[], |c| c.as_ref())
    }

    /// How many certificates were shown.
    #[must_use]
    pub fn length(&self) -> usize {
        self.chain.len()
    }

    pub(super) fn still_good(&self, chain: &[CertificateDer<'_>], now: Time) -> bool {
        self.wrong.is_none() && self.begins <= now && now < self.ends && self.chain == chain
    }
}

// === impl Judge ===

impl Judge<'_> {
    pub(super) fn judge(&self, chain: &[CertificateDer<'static>], now: Time) -> Judged {
        let parsed: Vec<X509Certificate<'_>> =
            chain.iter().take(MAX_CHAIN).filter_map(|c| Some(X509Certificate::from_der(c).ok()?.1)).collect();
        let (Some(leaf), Some(end_entity)) = (parsed.first(), chain.first()) else {
            return Judged {
                chain: chain.to_vec(),
                wrong: Some(Wrong {
                    finding: Finding::TlsUntrusted,
                    detail: "no certificate that can be read".to_owned(),
                }),
                ends: Time::MIN,
                begins: Time::MIN,
                names: vec![],
                subject: String::new(),
                issuer: String::new(),
            };
        };
        let end = |c: &X509Certificate<'_>| seconds(c.validity().not_after.timestamp());
        let begin = |c: &X509Certificate<'_>| seconds(c.validity().not_before.timestamp());
        let mut ends: Vec<Time> = parsed.iter().map(end).collect();
        ends.sort_unstable();
        let first_end = ends.first().copied().unwrap_or_default();
        let begins = parsed.iter().map(begin).max().unwrap_or_default();
        let verify = |at: Time| {
            self.verify(end_entity, chain.get(1..MAX_CHAIN.min(chain.len())).unwrap_or_default(), at)
        };

        let mut judged = Judged {
            chain: chain.to_vec(),
            wrong: None,
            ends: first_end,
            begins,
            names: names(leaf),
            subject: crate::fault::clip(leaf.subject().to_string()),
            issuer: crate::fault::clip(leaf.issuer().to_string()),
        };
        let Err(objection) = verify(now) else {
            // A chain may hold certificates that the path does not need, some of them long ended (cross-signing).
            // The path ends with the first end after which the chain is not accepted any more.
            judged.ends = ends
                .iter()
                .copied()
                .filter(|&at| at > now)
                .find(|&at| verify(at.plus(Duration::from_secs(1))).is_err())
                .unwrap_or(end(leaf));
            judged.begins = judged.begins.min(now);
            return judged;
        };
        // Is time all that is wrong? Ask again for a time when every certificate, or at least the server's, was good.
        let all_good = if begins <= first_end { first_end } else { end(leaf) };
        let timeless = verify(all_good).err().filter(|e| !is_about_time(e));
        let (early, late) = (now < begin(leaf), end(leaf) < now);
        let days = |since: Time| u32::try_from((now.0 - since.0).div_euclid(DAY_MS)).unwrap_or(0);
        let finding = match timeless.as_ref().unwrap_or(&objection) {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Finding::TlsWrongName
            }
            CertificateError::Revoked => Finding::TlsRevoked,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Finding::TlsNotYetValid
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Finding::TlsExpired { days: days(if late { end(leaf) } else { first_end }) }
            }
            _ => Finding::TlsUntrusted,
        };
        let mut detail = say(timeless.as_ref().unwrap_or(&objection));
        if timeless.is_some() {
            if late {
                detail.push_str(&format!("; also expired on {}", end(leaf)));
            }
            if early {
                detail.push_str(&format!("; also not valid before {}", begin(leaf)));
            }
        }
        if finding == Finding::TlsWrongName || finding == Finding::TlsUntrusted {
            detail.push_str(&format!("; the certificate is for {}", list(&judged.names)));
            detail.push_str(&format!(", issued by {}", judged.issuer));
        }
        judged.wrong = Some(Wrong { finding, detail: crate::fault::clip(detail) });
        judged
    }

    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        at: Time,
    ) -> Result<(), CertificateError> {
        let at = UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(at.0).unwrap_or(0)));
        match self.verifier.verify_server_cert(end_entity, intermediates, self.name, &[], at) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InvalidCertificate(e)) => Err(e),
            Err(e) => Err(CertificateError::Other(rustls::OtherError(std::sync::Arc::new(e)))),
        }
    }
}

fn is_about_time(e: &CertificateError) -> bool {
    matches!(
        e,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}

fn say(e: &CertificateError) -> String {
    match e {
        CertificateError::UnknownIssuer => "nobody we trust has issued it".to_owned(),
        CertificateError::BadSignature => "its signature is wrong".to_owned(),
        CertificateError::Other(e) => e.to_string(),
        e => e.to_string(),
    }
}

fn list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    match names.len() {
        0 => "no name".to_owned(),
        n if n > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), n - SHOWN),
        _ => names.join(", "),
    }
}

fn names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(san)) = leaf.subject_alternative_name() else { return vec![] };
    san.value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(ip) => match ip.len() {
                4 => Some(std::net::Ipv4Addr::from(<[u8; 4]>::try_from(*ip).ok()?).to_string()),
                16 => Some(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(*ip).ok()?).to_string()),
                _ => None,
            },
            _ => None,
        })
        .take(MAX_NAMES)
        .collect()
}

fn seconds(s: i64) -> Time {
    Time(s.saturating_mul(1000))
}
