//! TLS: one crypto provider, and connections that finish the handshake first and judge the certificate after.
//!
//! A verifier that refuses within the handshake can only say its first objection. Here the handshake proves that
//! the server has the key, [`judge`] then says what exactly is wrong with the certificate, and nothing is sent to
//! a server whose certificate was not good. Sessions are never resumed: each look sees the certificate afresh.

mod judge;

pub use judge::{Judged, Wrong};

use crate::{
    clock,
    dns::Host,
    fault::Fault,
    trace::{Phase, Trace},
};
use judge::Judge;
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        Resumption, WantsClientCert, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use stillhere_model::{Finding, Time};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Most certificates in one PEM file.
pub const MAX_PEM_CERTIFICATES: usize = 1024;

/// Which protocol is offered within TLS (ALPN).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Alpn {
    #[default]
    None,
    Http11,
    Http2,
    /// HTTP/2 where the server has it, else HTTP/1.1.
    Either,
}

/// How to make sessions. The default is what a browser does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    pub alpn: Alpn,
    /// PEM certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Do not judge the certificate at all.
    pub insecure: bool,
    /// PEM certificate chain and key to show when the server asks.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// Why TLS could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    #[error("{}: {}", .0.display(), .1)]
    Malformed(PathBuf, String),
    #[error("the client certificate cannot be used: {0}")]
    ClientCertificate(rustls::Error),
    #[error("the system's trusted certificates cannot be used: {0}")]
    SystemTrust(String),
}

/// What all sessions share: the system's trusted certificates, read when they are first needed, and settings.
#[derive(Default)]
pub struct Store {
    system: OnceLock<Result<Arc<dyn ServerCertVerifier>, String>>,
    /// Settings without a client certificate, by [`Alpn`]: a kilobyte that thousands of checks need not have each.
    anonymous: [OnceLock<Arc<ClientConfig>>; 4],
}

/// Makes sessions with one set of options.
#[derive(Clone)]
pub struct Client {
    config: Arc<ClientConfig>,
    trust: Trust,
}

#[derive(Clone)]
enum Trust {
    Anyone,
    System(Arc<Store>),
    These(Arc<dyn ServerCertVerifier>),
}

/// One server under one name. Remembers its last good certificate chain, so that only a new one is verified anew.
pub struct Peer {
    client: Client,
    name: ServerName<'static>,
    good: Mutex<Option<Arc<Judged>>>,
}

/// Installs the one crypto provider (ring). The first line of `main` and of each test that may meet TLS; doing it
/// again does nothing.
pub fn install() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())).clone()
}

// === impl Store ===

impl Store {
    /// # Errors
    /// When a file that the options name cannot be read or used.
    pub fn client(self: &Arc<Self>, options: &Options) -> Result<Client, Error> {
        let trust = match &options.ca_file {
            _ if options.insecure => Trust::Anyone,
            None => Trust::System(self.clone()),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for cert in certificates(path)? {
                    roots.add(cert).map_err(|e| Error::Malformed(path.clone(), e.to_string()))?;
                }
                let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
                    .build()
                    .map_err(|e| Error::Malformed(path.clone(), e.to_string()))?;
                Trust::These(verifier)
            }
        };
        let config = match &options.client {
            None => self.anonymous[options.alpn as usize]
                .get_or_init(|| config(options.alpn, settings().with_no_client_auth()))
                .clone(),
            Some((chain, key_file)) => {
                let key = PrivateKeyDer::from_pem_file(key_file).map_err(|e| pem_error(key_file, e))?;
                let shown = settings().with_client_auth_cert(certificates(chain)?, key);
                config(options.alpn, shown.map_err(Error::ClientCertificate)?)
            }
        };
        Ok(Client { config, trust })
    }

    fn system(&self) -> Result<&Arc<dyn ServerCertVerifier>, Error> {
        self.system
            .get_or_init(|| match rustls_platform_verifier::Verifier::new(provider()) {
                Ok(v) => Ok(Arc::new(v)),
                Err(e) => Err(e.to_string()),
            })
            .as_ref()
            .map_err(|e| Error::SystemTrust(e.clone()))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// Everything but whom we are.
fn settings() -> ConfigBuilder<ClientConfig, WantsClientCert> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Later(provider().signature_verification_algorithms)))
}

fn config(alpn: Alpn, mut config: ClientConfig) -> Arc<ClientConfig> {
    config.resumption = Resumption::disabled();
    config.alpn_protocols = match alpn {
        Alpn::None => vec![],
        Alpn::Http11 => vec![b"http/1.1".to_vec()],
        Alpn::Http2 => vec![b"h2".to_vec()],
        Alpn::Either => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    Arc::new(config)
}

// === impl Client ===

impl Client {
    /// Reads the system's trusted certificates now, if this client needs them and nobody has: tens of milliseconds
    /// that should not fall into a look.
    ///
    /// # Errors
    /// When the system has none.
    pub fn warm(&self) -> Result<(), Error> {
        match &self.trust {
            Trust::System(store) => store.system().map(|_| ()),
            Trust::Anyone | Trust::These(_) => Ok(()),
        }
    }

    /// Sessions with the server that calls itself `host`; `None` when no certificate can be for such a name.
    #[must_use]
    pub fn peer(&self, host: &Host) -> Option<Peer> {
        let name = match host {
            Host::Ip(ip) => ServerName::from(*ip),
            Host::Name(name) => ServerName::try_from(name.trim_end_matches('.').to_owned()).ok()?,
        };
        Some(Peer { client: self.clone(), name, good: Mutex::new(None) })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

// === impl Peer ===

impl Peer {
    /// Makes the session and judges the certificate. Times the phase. `None` in place of the judgement: the options
    /// say not to judge.
    ///
    /// # Errors
    /// When the handshake fails, or the certificate is not good for this server now.
    pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: S,
        trace: &mut Trace,
    ) -> Result<(TlsStream<S>, Option<Arc<Judged>>), Fault> {
        let (stream, judged) = self.examine(io, trace).await?;
        if let Some(judged) = &judged {
            judged.verdict(clock::wall())?;
        }
        Ok((stream, judged))
    }

    /// As [`Self::handshake`], but a certificate that is not good is returned with its judgement.
    ///
    /// # Errors
    /// When the handshake fails, or there is nothing to judge by.
    pub async fn examine<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: S,
        trace: &mut Trace,
    ) -> Result<(TlsStream<S>, Option<Arc<Judged>>), Fault> {
        trace.begin(Phase::Tls);
        let connector = TlsConnector::from(self.client.config.clone());
        let stream = connector.connect(self.name.clone(), io).await.map_err(|e| handshake_fault(&e))?;
        trace.end();
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let judged = self.judge(chain, clock::wall())?;
        Ok((stream, judged))
    }

    /// What we think at `now` of a chain that this server has shown. `None`: the options say not to judge.
    ///
    /// # Errors
    /// When there is nothing to judge by.
    pub fn judge(&self, chain: &[CertificateDer<'static>], now: Time) -> Result<Option<Arc<Judged>>, Fault> {
        let verifier = match &self.client.trust {
            Trust::Anyone => return Ok(None),
            Trust::System(store) => {
                store.system().map_err(|e| Fault::ours("no trusted certificates", e.to_string()))?
            }
            Trust::These(verifier) => verifier,
        };
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*good
            && known.still_good(chain, now)
        {
            return Ok(Some(known.clone()));
        }
        let judged = Arc::new(Judge { verifier: &**verifier, name: &self.name }.judge(chain, now));
        *good = judged.wrong.is_none().then(|| judged.clone());
        Ok(Some(judged))
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a failed handshake means.
fn handshake_fault(e: &io::Error) -> Fault {
    match e.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
        // Its own certificate cannot even be parsed.
        Some(rustls::Error::InvalidCertificate(why)) => {
            Fault::target(Finding::TlsUntrusted, format!("invalid certificate: {why:?}"))
        }
        Some(rustls::Error::FailedToGetCurrentTime | rustls::Error::FailedToGetRandomBytes) => {
            Fault::ours("own clock or randomness failed", e.to_string())
        }
        Some(why) => Fault::target(Finding::TlsHandshake, why.to_string()),
        None if e.kind() == io::ErrorKind::UnexpectedEof => {
            Fault::target(Finding::TlsHandshake, "closed during the handshake")
        }
        None => Fault::io(Phase::Tls, e),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certs = CertificateDer::pem_file_iter(path)
        .map_err(|e| pem_error(path, e))?
        .take(MAX_PEM_CERTIFICATES)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| pem_error(path, e))?;
    if certs.is_empty() {
        return Err(Error::Malformed(path.to_owned(), "there is no PEM certificate in it".to_owned()));
    }
    Ok(certs)
}

fn pem_error(path: &Path, e: rustls_pki_types::pem::Error) -> Error {
    match e {
        rustls_pki_types::pem::Error::Io(e) => Error::Unreadable(path.to_owned(), e),
        rustls_pki_types::pem::Error::NoItemsFound => Error::Malformed(
            path.to_owned(),
            "there is nothing of the kind in it (PEM is expected)".to_owned(),
        ),
        e => Error::Malformed(path.to_owned(), e.to_string()),
    }
}

/// Lets the handshake finish: checks that the server has the key of the certificate that it shows, nothing else.
/// Whoever uses it judges the certificate before a byte is sent.
#[derive(Debug)]
struct Later(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Later {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
