//! The certificates that are shown, wherever they come from: files of the operator, or an authority. Read by every
//! handshake without a lock; replaced while connections go on.

use super::{
    CertificateSpec, TlsSpec,
    acme::AcmeSpec,
    challenges::{ALPN, Challenges},
};
use crate::spec::Problem;
use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use stillhere_model::{Time, edge};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _};

/// How often the files are looked at for a change.
pub(crate) const LOOK: Duration = Duration::from_secs(3);

/// All certificates of an edge.
pub struct Certificates {
    shown: ArcSwap<ByName>,
    /// Those that end first, for the core and its staff.
    endings: ArcSwap<Vec<edge::Certificate>>,
    sources: Mutex<Sources>,
    challenges: Arc<Challenges>,
    acme: watch::Sender<Option<Arc<AcmeSpec>>>,
}

#[derive(Default)]
struct ByName {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what follows the star: `.example.com`.
    below: HashMap<String, Arc<CertifiedKey>>,
    first: Option<Arc<CertifiedKey>>,
}

#[derive(Default)]
struct Sources {
    files: Vec<Files>,
    /// From an authority, by name.
    obtained: BTreeMap<String, Obtained>,
}

/// A pair of files, and what they held when they were last good.
struct Files {
    spec: CertificateSpec,
    stamps: [Option<Stamp>; 2],
    key: Arc<CertifiedKey>,
    trouble: Option<String>,
}

#[derive(Default)]
struct Obtained {
    key: Option<Arc<CertifiedKey>>,
    trouble: Option<String>,
}

/// Time, inode and size of a file: another one, or one that was written to, has another stamp.
type Stamp = (i64, i64, u64, u64);

/// A certificate, for whoever watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateView {
    pub names: Vec<String>,
    /// None: there is none yet.
    pub until: Option<Time>,
    /// Why it is not renewed.
    pub trouble: Option<String>,
}

// === impl Certificates ===

impl Certificates {
    #[must_use]
    pub fn new(challenges: Arc<Challenges>) -> Arc<Certificates> {
        Arc::new(Certificates {
            shown: ArcSwap::default(),
            endings: ArcSwap::default(),
            sources: Mutex::default(),
            challenges,
            acme: watch::Sender::new(None),
        })
    }

    /// Takes a new configuration over, and reads every file.
    ///
    /// # Errors
    /// Each file that cannot be used; then nothing has changed.
    pub fn configure(&self, spec: &TlsSpec) -> Result<(), Vec<Problem>> {
        let mut files = Vec::new();
        let stamps: Vec<_> = spec.certificates.iter().map(stamps).collect();
        for ((spec, stamps), key) in spec.certificates.iter().zip(stamps).zip(spec.read()?) {
            files.push(Files { spec: spec.clone(), stamps, key, trouble: None });
        }
        let mut sources = self.lock();
        sources.files = files;
        let domains = spec.acme.as_ref().map(|a| a.domains.as_slice()).unwrap_or_default();
        sources.obtained.retain(|name, _| domains.contains(name));
        for name in domains {
            sources.obtained.entry(name.clone()).or_default();
        }
        self.show(&sources);
        drop(sources);
        let acme = spec.acme.clone().map(Arc::new);
        self.acme.send_if_modified(|now| {
            let other = *now != acme;
            if other {
                *now = acme;
            }
            other
        });
        Ok(())
    }

    /// Reads the files that have changed. A pair that cannot be used, such as one that is half written, leaves the old
    /// one where it is, and is read again the next time.
    pub fn look(&self) {
        let mut sources = self.lock();
        let mut news = false;
        for files in &mut sources.files {
            let stamps = stamps(&files.spec);
            if stamps == files.stamps && files.trouble.is_none() {
                continue;
            }
            match files.spec.read() {
                Ok(key) => {
                    files.key = Arc::new(key);
                    files.stamps = stamps;
                    files.trouble = None;
                    news = true;
                    tracing::info!(certificate = %files.spec.certificate.display(), "a certificate was read again");
                }
                Err((_, why)) => {
                    if files.trouble.as_deref() != Some(&why) {
                        tracing::warn!(
                            problem = why,
                            "a certificate has changed and cannot be used; the old one stays"
                        );
                    }
                    files.trouble = Some(why);
                }
            }
        }
        if news {
            self.show(&sources);
        }
    }

    /// What an authority is to be asked for.
    pub(crate) fn acme(&self) -> watch::Receiver<Option<Arc<AcmeSpec>>> {
        self.acme.subscribe()
    }

    pub(super) fn challenges(&self) -> &Arc<Challenges> {
        &self.challenges
    }

    pub(super) fn obtained(&self, name: &str, key: Arc<CertifiedKey>) {
        let mut sources = self.lock();
        // A name that has been taken out of the configuration meanwhile is not shown.
        if let Some(obtained) = sources.obtained.get_mut(name) {
            *obtained = Obtained { key: Some(key), trouble: None };
            self.show(&sources);
        }
    }

    pub(super) fn not_obtained(&self, name: &str, why: &str) {
        if let Some(obtained) = self.lock().obtained.get_mut(name) {
            obtained.trouble = Some(why.to_owned());
        }
    }

    /// The files in the order of the configuration, then the others: the first one wins.
    fn show(&self, sources: &Sources) {
        let files = sources.files.iter().map(|f| &f.key);
        let obtained = sources.obtained.values().filter_map(|o| o.key.as_ref());
        let mut next = ByName::default();
        let mut endings = Vec::new();
        for key in files.chain(obtained) {
            endings.extend(ending(key));
            next.first.get_or_insert_with(|| key.clone());
            for name in names(key) {
                match name.strip_prefix('*') {
                    Some(below) => next.below.entry(below.to_owned()).or_insert_with(|| key.clone()),
                    None => next.exact.entry(name).or_insert_with(|| key.clone()),
                };
            }
        }
        self.shown.store(Arc::new(next));
        endings.sort_by(|a: &edge::Certificate, b| (a.until, &a.name).cmp(&(b.until, &b.name)));
        let mut named = HashSet::new();
        endings.retain(|e| named.insert(e.name.clone()));
        endings.truncate(edge::CERTIFICATES_MAX);
        self.endings.store(Arc::new(endings));
    }

    /// The one for this name; the first one when none fits.
    #[must_use]
    pub fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let all = self.shown.load();
        let fitting = name.map(str::to_ascii_lowercase).and_then(|name| {
            let below = || name.find('.').and_then(|dot| all.below.get(&name[dot..]));
            all.exact.get(&name).or_else(below).cloned()
        });
        fitting.or_else(|| all.first.clone())
    }

    /// All of them, and how they are.
    #[must_use]
    pub fn views(&self) -> Vec<CertificateView> {
        let sources = self.lock();
        let file = |f: &Files| CertificateView {
            names: names(&f.key),
            until: validity(&f.key).map(|(_, until)| until),
            trouble: f.trouble.clone(),
        };
        let obtained = |(name, o): (&String, &Obtained)| CertificateView {
            names: vec![name.clone()],
            until: o.key.as_ref().and_then(|k| validity(k)).map(|(_, until)| until),
            trouble: o.trouble.clone(),
        };
        sources.files.iter().map(file).chain(sources.obtained.iter().map(obtained)).collect()
    }

    /// Those that end first, and when. At most [`edge::CERTIFICATES_MAX`].
    #[must_use]
    pub fn endings(&self) -> Vec<edge::Certificate> {
        self.endings.load().to_vec()
    }

    /// Settings for the listener. `h2` and `http/1.1` are offered; `acme-tls/1` has a certificate only while an
    /// authority looks.
    #[must_use]
    pub fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the usual protocol versions")
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), ALPN.to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    fn lock(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // An authority offers nothing else (RFC 8737 §3).
        let mut offers = hello.alpn().into_iter().flatten();
        if offers.next() == Some(ALPN) && offers.next().is_none() {
            return self.challenges.certificate(hello.server_name());
        }
        self.find(hello.server_name())
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.shown.load();
        f.debug_struct("Certificates").field("names", &(all.exact.len() + all.below.len())).finish()
    }
}

fn stamps(spec: &CertificateSpec) -> [Option<Stamp>; 2] {
    let stamp = |path: &Path| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.mtime(), about.mtime_nsec(), about.ino(), about.size()))
    };
    [stamp(&spec.certificate), stamp(&spec.key)]
}

fn ending(key: &CertifiedKey) -> Option<edge::Certificate> {
    let name = names(key).into_iter().next().unwrap_or_else(|| "certificate".to_owned());
    let good = name.len() <= edge::DOMAIN_MAX && !name.contains('/');
    let (_, until) = validity(key).filter(|_| good)?;
    Some(edge::Certificate { name, until })
}

/// From when until when a certificate is good.
pub(super) fn validity(key: &CertifiedKey) -> Option<(Time, Time)> {
    let (_, certificate) = X509Certificate::from_der(key.cert.first()?).ok()?;
    let time = |t: x509_parser::time::ASN1Time| Time(t.timestamp().saturating_mul(1000));
    let validity = certificate.validity();
    Some((time(validity.not_before), time(validity.not_after)))
}

/// The names that a certificate is for, in lower case.
fn names(key: &CertifiedKey) -> Vec<String> {
    let Some(leaf) = key.cert.first() else { return Vec::new() };
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(dns).collect()
}

#[cfg(test)]
mod tests;
