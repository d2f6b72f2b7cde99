//! TLS for clients: several certificates, chosen by the name that is asked for, replaced while connections go on.
//!
//! What it defends against: a certificate file that is half written while it is read (the old one stays and the log
//! says so), a handshake that never ends (it has a deadline, like every head), and an authority that is away: what
//! it gave last is on disk and stays.

pub mod acme;
mod certificates;
mod challenges;

pub(crate) use certificates::LOOK;
pub use certificates::{CertificateView, Certificates};
pub use challenges::{ALPN, Challenges};

use crate::spec::Problem;
use acme::AcmeSpec;
use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

/// Certificates of one edge.
pub const CERTIFICATES_MAX: usize = 1_000;
/// The greatest certificate or key file that is read.
const FILE_MAX: u64 = 1024 * 1024;

/// HTTPS for clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsSpec {
    /// Where it takes requests in HTTPS (HTTP/1.1 and 2).
    #[serde(default = "TlsSpec::usual_listen")]
    #[schemars(with = "String", extend("format" = "listen"))]
    pub listen: SocketAddr,
    /// PEM files. The one whose names fit is shown; the first one to whoever names nothing that fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1_000))]
    pub certificates: Vec<CertificateSpec>,
    /// Certificates that are obtained and renewed by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<AcmeSpec>,
}

/// A certificate with its chain, and its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateSpec {
    #[schemars(with = "String", length(min = 1, max = 4_096))]
    pub certificate: PathBuf,
    #[schemars(with = "String", length(min = 1, max = 4_096))]
    pub key: PathBuf,
}

// === impl TlsSpec ===

impl TlsSpec {
    fn usual_listen() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 8443))
    }

    /// Everything that is wrong, as far as it can be seen without reading files.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let acme = self.acme.iter().flat_map(AcmeSpec::validate);
        acme.map(|p| p.under("acme")).collect()
    }

    /// Reads every file.
    ///
    /// # Errors
    /// Each file that cannot be used, with its place in the configuration.
    pub fn read(&self) -> Result<Vec<Arc<CertifiedKey>>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut read = Vec::new();
        for (n, spec) in self.certificates.iter().take(CERTIFICATES_MAX).enumerate() {
            match spec.read() {
                Ok(key) => read.push(Arc::new(key)),
                Err((key, problem)) => {
                    problems.push(Problem::new(format!("certificates[{n}].{key}"), problem, None));
                }
            }
        }
        if problems.is_empty() { Ok(read) } else { Err(problems) }
    }
}

impl CertificateSpec {
    fn read(&self) -> Result<CertifiedKey, (&'static str, String)> {
        let text = |key, path: &PathBuf| {
            let too_large = std::fs::metadata(path).is_ok_and(|m| m.len() > FILE_MAX);
            if too_large {
                return Err((key, format!("{} is larger than a certificate can be", path.display())));
            }
            std::fs::read(path).map_err(|e| (key, format!("cannot read {}: {e}", path.display())))
        };
        let malformed = |key, path: &PathBuf, e: String| (key, format!("{}: {e}", path.display()));
        let chain = text("certificate", &self.certificate)?;
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain)
            .collect::<Result<_, _>>()
            .map_err(|e| malformed("certificate", &self.certificate, e.to_string()))?;
        if chain.is_empty() {
            return Err(malformed("certificate", &self.certificate, "holds no certificate".to_owned()));
        }
        let key = text("key", &self.key)?;
        let key = PrivateKeyDer::from_pem_slice(&key)
            .map_err(|_| malformed("key", &self.key, "holds no private key in PEM".to_owned()))?;
        certified(chain, &key).map_err(|e| malformed("key", &self.key, e))
    }
}

/// A chain with its key, if they belong together.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'_>,
) -> Result<CertifiedKey, String> {
    let key = any_supported_type(key).map_err(|_| "is of a kind that is not supported".to_owned())?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
        Err(_) => Err("is not the key of the certificate".to_owned()),
    }
}

/// Whether a handshake that failed is worth a line in the log: clients that leave are not.
#[must_use]
pub fn is_news(e: &io::Error) -> bool {
    e.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}
