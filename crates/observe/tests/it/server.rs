//! Servers that do one thing, and checks that look at them.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use stillhere_model::{Finding, Observation, Outcome, Side};
use stillhere_net::clock::{Clock, wall};
use stillhere_observe::{CheckSpec, LookReport, Probe, Shared, Spec, probe::http::HttpSpec};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// How long a look may take that is meant to succeed. Long, because the machine may be busy.
pub const PATIENT: Duration = Duration::from_secs(10);
/// How long a look may take that is meant to run out of time.
pub const BRIEF: Duration = Duration::from_millis(300);

/// A server that gives each connection to `serve`, with its number.
pub async fn serve<F, Fut>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream, usize) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for n in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, n));
        }
    });
    addr
}

/// Reads a request: its head, and the body that its Content-Length promises.
pub async fn request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut buf = Vec::new();
    loop {
        if let Some(head) = buf.windows(4).position(|w| w == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&buf).into_owned();
            let length = text
                .lines()
                .find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok())
                .unwrap_or(0);
            if buf.len() >= head + 4 + length {
                return text;
            }
        }
        if stream.read_buf(&mut buf).await.unwrap_or(0) == 0 {
            return String::from_utf8_lossy(&buf).into_owned();
        }
    }
}

/// A server that reads each request and answers with these bytes, then closes.
pub async fn answers(bytes: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes: Arc<Vec<u8>> = Arc::new(bytes.into());
    serve(move |mut stream, _| {
        let bytes = bytes.clone();
        async move {
            request(&mut stream).await;
            let _ = stream.write_all(&bytes).await;
        }
    })
    .await
}

/// A server that answers each request by what it says.
pub async fn answers_with(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> SocketAddr {
    let answer = Arc::new(answer);
    serve(move |mut stream, _| {
        let answer = answer.clone();
        async move {
            let request = request(&mut stream).await;
            let _ = stream.write_all(answer(&request).as_bytes()).await;
        }
    })
    .await
}

pub fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

pub fn get(addr: SocketAddr) -> HttpSpec {
    HttpSpec::get(&format!("http://{addr}/"))
}

/// One look at `spec`.
pub async fn look(spec: Spec, timeout: Duration) -> Observation {
    report(spec, timeout, &[]).await.observation
}

pub async fn look_http(spec: HttpSpec) -> Observation {
    look(Spec::Http(spec), PATIENT).await
}

pub async fn report(spec: Spec, timeout: Duration, conditions: &[&str]) -> LookReport {
    let check = CheckSpec {
        id: "shop/web".into(),
        spec,
        timeout,
        slow_over: None,
        conditions: conditions.iter().map(|c| (*c).to_owned()).collect(),
        vantage: "core".into(),
    };
    let report = Probe::new(&check, &Shared::new(Clock::start())).unwrap().look_verbose(false).await;
    // What holds for every look, whatever the target did. The bound is wide because the machine may be busy.
    let o = &report.observation;
    assert!(o.total_us <= u32::try_from((timeout + Duration::from_secs(2)).as_micros()).unwrap(), "{o:?}");
    assert!(o.detail.as_ref().is_none_or(|d| d.len() <= 512), "{o:?}");
    assert_eq!(o.outcome == Outcome::Up, o.side.is_none(), "{o:?}");
    report
}

#[track_caller]
pub fn assert_up(o: &Observation) {
    assert_eq!((o.outcome, &o.finding), (Outcome::Up, &None), "{o:?}");
}

#[track_caller]
pub fn assert_down(o: &Observation, side: Side, finding: Finding) {
    assert_eq!((o.outcome, o.side, o.finding.as_ref()), (Outcome::Down, Some(side), Some(&finding)), "{o:?}");
}

// === certificates ===

/// A certificate authority, and the folder where its files are.
pub struct Authority {
    pub dir: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
}

/// A certificate with its chain and key.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: KeyPair,
}

/// Days from now until a certificate begins and ends.
pub type Days = (i64, i64);
pub const GOOD: Days = (-10, 365);

fn params(names: &[&str], (begins, ends): Days) -> CertificateParams {
    let mut p = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
    let day = |d: i64| {
        let seconds = u64::try_from(wall().0 / 1000 + d * 86_400).unwrap();
        date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    p.not_before = day(begins);
    p.not_after = day(ends);
    p
}

fn authority_params(name: &str, days: Days) -> CertificateParams {
    let mut p = params(&[], days);
    p.distinguished_name.push(DnType::CommonName, name);
    p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    p
}

// === impl Authority ===

impl Authority {
    pub fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let p = authority_params("Test CA", (-1000, 3000));
        let cert = p.self_signed(&key).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), cert.pem()).unwrap();
        Authority { dir, der: cert.der().clone(), issuer: Issuer::new(p, key) }
    }

    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.der.clone()
    }

    pub fn issue(&self, names: &[&str], days: Days) -> Identity {
        let key = KeyPair::generate().unwrap();
        let cert = params(names, days).signed_by(&key, &self.issuer).unwrap();
        Identity { chain: vec![cert.der().clone()], key }
    }

    /// Issued by an intermediate authority with its own days.
    pub fn issue_through(&self, names: &[&str], days: Days, intermediate: Days) -> Identity {
        let middle_key = KeyPair::generate().unwrap();
        let p = authority_params("Test Intermediate", intermediate);
        let middle = p.signed_by(&middle_key, &self.issuer).unwrap();
        let issuer = Issuer::new(p, middle_key);
        let key = KeyPair::generate().unwrap();
        let cert = params(names, days).signed_by(&key, &issuer).unwrap();
        Identity { chain: vec![cert.der().clone(), middle.der().clone()], key }
    }

    /// Writes an identity as files: certificate, key.
    pub fn files(&self, id: &Identity) -> (PathBuf, PathBuf) {
        use base64::Engine as _;
        let mut pem = String::new();
        for cert in &id.chain {
            let text = base64::engine::general_purpose::STANDARD.encode(cert);
            pem += &format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        }
        let (cert, key) = (self.dir.path().join("client.pem"), self.dir.path().join("client.key"));
        std::fs::write(&cert, pem).unwrap();
        std::fs::write(&key, id.key.serialize_pem()).unwrap();
        (cert, key)
    }
}

pub fn self_signed(names: &[&str], days: Days) -> Identity {
    let key = KeyPair::generate().unwrap();
    let cert = params(names, days).self_signed(&key).unwrap();
    Identity { chain: vec![cert.der().clone()], key }
}

/// TLS for a server: who it is, what it offers, whom it asks for a certificate.
pub fn acceptor(id: &Identity, alpn: &[&str], clients_of: Option<&Authority>) -> tokio_rustls::TlsAcceptor {
    stillhere_net::tls::install();
    let builder = rustls::ServerConfig::builder();
    let builder = match clients_of {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(authority.der()).unwrap();
            let verifier = rustls::server::WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::try_from(id.key.serialize_der()).unwrap();
    let mut config = builder.with_single_cert(id.chain.clone(), key).unwrap();
    config.alpn_protocols = alpn.iter().map(|a| a.as_bytes().to_vec()).collect();
    Arc::new(config).into()
}

/// An HTTPS server that speaks HTTP/1.1 and says "ok".
pub async fn https(acceptor: tokio_rustls::TlsAcceptor) -> SocketAddr {
    serve(move |tcp, _| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(tcp).await else { return };
            request(&mut stream).await;
            let _ = stream.write_all(ok("ok").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}
