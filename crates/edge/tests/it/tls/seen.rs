//! What a client sees of TLS, whoever signed it.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{Request, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use x509_parser::{
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer as _,
};

/// A certificate as it was shown.
#[derive(Debug)]
pub struct Shown {
    pub names: Vec<String>,
    pub issuer: String,
    pub serial: String,
    /// As renewal information names it (RFC 9773 §4.1).
    pub id: Option<String>,
    pub until: i64,
    pub protocol: Option<Vec<u8>>,
}

/// Looks at everything and trusts everybody.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
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
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// None: nobody listens, or the handshake was refused.
pub async fn connect(at: SocketAddr, name: &str, protocols: &[&[u8]]) -> Option<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    let stream = TcpStream::connect(at).await.ok()?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()
}

pub async fn shown(at: SocketAddr, name: &str, protocols: &[&[u8]]) -> Option<Shown> {
    let stream = connect(at, name, protocols).await?;
    let session = stream.get_ref().1;
    let leaf = &session.peer_certificates()?[0];
    let (_, leaf) = x509_parser::certificate::X509Certificate::from_der(leaf).unwrap();
    let names = leaf.subject_alternative_name().unwrap().unwrap();
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    };
    let authority = leaf.iter_extensions().find_map(|e| match e.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(aki) => aki.key_identifier.as_ref(),
        _ => None,
    });
    let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    Some(Shown {
        id: authority.map(|key| format!("{}.{}", text(key.0), text(leaf.raw_serial()))),
        names: names.value.general_names.iter().filter_map(dns).collect(),
        issuer: leaf.issuer().to_string(),
        serial: leaf.raw_serial_as_string(),
        until: leaf.validity().not_after.timestamp(),
        protocol: session.alpn_protocol().map(<[u8]>::to_vec),
    })
}

/// The version and text of the answer, in whichever version was chosen.
pub async fn ask(io: TlsStream<TcpStream>, uri: &str) -> (Version, String) {
    let http2 = io.get_ref().1.alpn_protocol() == Some(b"h2");
    let request = Request::get(uri).header("host", "a.test").body(Empty::<bytes::Bytes>::new()).unwrap();
    let answer = if http2 {
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    };
    let version = answer.version();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (version, String::from_utf8(body.to_vec()).unwrap())
}
