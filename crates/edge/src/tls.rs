//! TLS for clients: several certificates, chosen by the name that is asked for, replaced while connections go on.
//!
//! What it defends against: a certificate file that is half written while it is read (the old one stays and the log
//! says so), and a handshake that never ends (it has a deadline, like every head).

use crate::spec::Problem;
use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, fmt, io, net::SocketAddr, path::PathBuf, sync::Arc};
use tokio_rustls::TlsAcceptor;
use x509_parser::{extensions::GeneralName, prelude::FromDer as _};

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

/// All certificates, by name. Read by every handshake without a lock.
#[derive(Default)]
pub struct Certificates {
    all: ArcSwap<ByName>,
}

#[derive(Default)]
struct ByName {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what follows the star: `.example.com`.
    below: HashMap<String, Arc<CertifiedKey>>,
    first: Option<Arc<CertifiedKey>>,
}

// === impl TlsSpec ===

impl TlsSpec {
    fn usual_listen() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 8443))
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
                    problems.push(Problem { path: format!("certificates[{n}].{key}"), problem, hint: None });
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

// === impl Certificates ===

impl Certificates {
    /// These are shown from now on.
    pub fn replace(&self, all: &[Arc<CertifiedKey>]) {
        let mut next = ByName { first: all.first().cloned(), ..ByName::default() };
        for key in all {
            for name in names(key) {
                match name.strip_prefix('*') {
                    Some(below) => next.below.entry(below.to_owned()).or_insert_with(|| key.clone()),
                    None => next.exact.entry(name).or_insert_with(|| key.clone()),
                };
            }
        }
        self.all.store(Arc::new(next));
    }

    /// The one for this name; the first one when none fits.
    #[must_use]
    pub fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let all = self.all.load();
        let fitting = name.map(str::to_ascii_lowercase).and_then(|name| {
            let below = || name.find('.').and_then(|dot| all.below.get(&name[dot..]));
            all.exact.get(&name).or_else(below).cloned()
        });
        fitting.or_else(|| all.first.clone())
    }

    /// Settings for the listener. `h2` and `http/1.1` are offered.
    #[must_use]
    pub fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the usual protocol versions")
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name())
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.all.load();
        f.debug_struct("Certificates").field("names", &(all.exact.len() + all.below.len())).finish()
    }
}

/// The names that a certificate is for, in lower case.
fn names(key: &CertifiedKey) -> Vec<String> {
    let Some(leaf) = key.cert.first() else { return Vec::new() };
    let Ok((_, certificate)) = x509_parser::certificate::X509Certificate::from_der(leaf) else {
        return Vec::new();
    };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(dns).collect()
}

/// Whether a handshake that failed is worth a line in the log: clients that leave are not.
#[must_use]
pub fn is_news(e: &io::Error) -> bool {
    e.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(names: &[&str]) -> (String, String) {
        let made =
            rcgen::generate_simple_self_signed(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())
                .expect("a certificate");
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn written(dir: &std::path::Path, names: &[&str]) -> CertificateSpec {
        let (certificate, key) = make(names);
        let spec = CertificateSpec {
            certificate: dir.join(format!("{}.pem", names[0].replace('*', "star"))),
            key: dir.join(format!("{}.key", names[0].replace('*', "star"))),
        };
        std::fs::write(&spec.certificate, certificate).expect("written");
        std::fs::write(&spec.key, key).expect("written");
        spec
    }

    #[test]
    fn the_certificate_whose_name_fits_is_shown_and_the_first_to_everybody_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let certificates = ["shop.test", "*.wild.test"].map(|n| written(dir.path(), &[n]));
        let spec = TlsSpec { listen: TlsSpec::usual_listen(), certificates: certificates.to_vec() };
        let read = spec.read().expect("good files");
        let all = Certificates::default();
        assert!(all.find(Some("shop.test")).is_none());
        all.replace(&read);
        for (asked, which) in [
            (Some("SHOP.test"), 0),
            (Some("a.wild.test"), 1),
            (Some("a.b.wild.test"), 0),
            (Some("wild.test"), 0),
            (None, 0),
        ] {
            let found = all.find(asked).expect("one of them");
            assert!(Arc::ptr_eq(&found, &read[which]), "{asked:?}");
        }
    }

    #[test]
    fn files_that_do_not_belong_together_or_are_none_are_said_with_their_place() {
        let dir = tempfile::tempdir().expect("a folder");
        let (a, b) = (written(dir.path(), &["a.test"]), written(dir.path(), &["b.test"]));
        let mixed = CertificateSpec { certificate: a.certificate.clone(), key: b.key };
        let missing = CertificateSpec { certificate: dir.path().join("none"), key: a.key.clone() };
        let swapped = CertificateSpec { certificate: a.key, key: a.certificate };
        let spec = TlsSpec { listen: TlsSpec::usual_listen(), certificates: vec![mixed, missing, swapped] };
        let found = spec.read().expect_err("all wrong");
        let paths: Vec<&str> = found.iter().map(|p| p.path.as_str()).collect();
        assert_eq!(
            paths,
            ["certificates[0].key", "certificates[1].certificate", "certificates[2].certificate"]
        );
    }
}
