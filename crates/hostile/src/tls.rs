//! A hostile TLS server: any bytes as its side of the handshake, any certificates, and any certificates within a
//! handshake that is otherwise right.
//!
//! The first byte says which of these; chains are a list of certificates, each after its length in two bytes.

use crate::http::Pieces;
use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    server::{ClientHello, ResolvesServerCert},
    sign::{CertifiedKey, SigningKey},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use std::sync::{Arc, OnceLock};
use stillhere_model::{Side, Time};
use stillhere_net::{
    Fault, Trace, clock,
    dns::Host,
    tls::{self, Judged, Options, Peer, Store},
};
use tokio_rustls::TlsAcceptor;

/// The one authority that is trusted here.
pub const CA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pki/ca.pem");
/// The key of the leaf certificates in the seeds, which protects nothing.
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pki/leaf.key");
/// Room of the pipe between client and server.
const PIPE: usize = 64 * 1024;
/// Certificates of one chain: more than are looked at.
const MAX_CHAIN: usize = 20;
/// 2027-01-15, when the seeds are good, and times when they are not.
const NOW: [Time; 4] = [Time(1_799_971_200_000), Time(0), Time(1_600_000_000_000), Time(4_102_444_800_000)];

/// Shows any chain, with a key that may or may not be the leaf's.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

pub fn run(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else { return };
    match how % 3 {
        0 => stream(rest, how),
        1 => judged(&chain(rest), NOW[usize::from(how / 3) % NOW.len()]),
        _ => shown(chain(rest)),
    }
}

/// Whatever these bytes are, nobody can have proved to have a key.
fn stream(bytes: &[u8], cut: u8) {
    let io = tokio::io::join(Pieces::new(bytes, cut), tokio::io::sink());
    let mut trace = Trace::start(clock::mono());
    let fault = runtime().block_on(peer().examine(io, &mut trace)).err().expect("nobody has proved anything");
    theirs(&fault);
}

fn judged(chain: &[CertificateDer<'static>], now: Time) {
    let judged =
        peer().judge(chain, now).expect("there is something to judge by").expect("it is to be judged");
    bounded(&judged, now);
    let again = peer().judge(chain, now).expect("as before").expect("as before");
    assert_eq!(judged, again, "remembered or judged anew, it is the same");
}

/// The handshake is right but for the chain.
fn shown(chain: Vec<CertificateDer<'static>>) {
    let (client, server) = tokio::io::duplex(PIPE);
    let served = TlsAcceptor::from(Arc::new(server_config(chain))).accept(server);
    let mut trace = Trace::start(clock::mono());
    let (seen, _served) = runtime().block_on(async {
        let peer = peer();
        tokio::join!(peer.examine(client, &mut trace), served)
    });
    match seen {
        Ok((_, judged)) => bounded(&judged.expect("it is to be judged"), clock::wall()),
        Err(fault) => theirs(&fault),
    }
}

fn bounded(judged: &Judged, now: Time) {
    let _days = (judged.days_left(now), judged.ends_within(21, now));
    assert!(judged.names.len() <= 100 && judged.subject.len() <= 512 && judged.issuer.len() <= 512);
    match (&judged.wrong, judged.verdict(now)) {
        (None, Ok(())) => assert!(now < judged.ends, "good, and over on {}", judged.ends),
        (Some(wrong), Err(fault)) => {
            assert!(wrong.detail.len() <= 512 && fault.detail.len() <= 512);
            // Only a clock that cannot be right is ours.
            assert!(fault.side == Side::Target || now < NOW[0], "{fault:?}");
        }
        (wrong, verdict) => panic!("{wrong:?} {verdict:?}"),
    }
}

/// Whatever a server does, it is the server's doing and never ours.
fn theirs(fault: &Fault) {
    assert_eq!(fault.side, Side::Target, "{fault:?}");
}

fn chain(mut bytes: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut found = Vec::new();
    while found.len() < MAX_CHAIN
        && let Some((length, rest)) = bytes.split_first_chunk::<2>()
    {
        let (one, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        found.push(CertificateDer::from(one.to_vec()));
        bytes = rest;
    }
    found
}

fn peer() -> Peer {
    static STORE: OnceLock<tls::Client> = OnceLock::new();
    let client = STORE.get_or_init(|| {
        tls::install();
        let options = Options { ca_file: Some(CA.into()), ..Options::default() };
        Arc::new(Store::default()).client(&options).expect("the authority of the seeds")
    });
    client.peer(&Host::parse("target.example").expect("a name")).expect("certificates can be for it")
}

fn server_config(chain: Vec<CertificateDer<'static>>) -> ServerConfig {
    static SIGNER: OnceLock<Arc<dyn SigningKey>> = OnceLock::new();
    let key = SIGNER.get_or_init(|| {
        let key = PrivateKeyDer::from_pem_file(KEY).expect("the key of the seeds");
        default_provider().key_provider.load_private_key(key).expect("the key of the seeds")
    });
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for them")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shows(Arc::new(CertifiedKey::new(chain, key.clone())))))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without timers")
}
