//! Nodes that are spoken to in TLS, with certificates of an authority of one's own.

use crate::rig::{Running, get, until};
use http_body_util::Full;
use hyper::{Response, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use std::{convert::Infallible, net::SocketAddr, path::Path, sync::Arc};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// An authority, with its certificate in a file.
fn authority(dir: &Path) -> CertifiedIssuer<'static, KeyPair> {
    let mut ca = CertificateParams::new(vec![]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = CertifiedIssuer::self_signed(ca, key).unwrap();
    std::fs::write(dir.join("ca.pem"), ca.pem()).unwrap();
    ca
}

/// Answers with the version of HTTP that it was spoken to.
async fn node(ca: &CertifiedIssuer<'static, KeyPair>, name: &str, http2: bool) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, ca).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    config.alpn_protocols = vec![if http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (io, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(io) = acceptor.accept(io).await else { return };
                let answer = service_fn(async |request: hyper::Request<hyper::body::Incoming>| {
                    let version = format!("{:?}", request.version());
                    Ok::<_, Infallible>(Response::new(Full::new(bytes::Bytes::from(version))))
                });
                if http2 {
                    let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = serving.serve_connection(TokioIo::new(io), answer).await;
                } else {
                    let serving = hyper::server::conn::http1::Builder::new();
                    let _ = serving.serve_connection(TokioIo::new(io), answer).await;
                }
            });
        }
    });
    at
}

fn before(node: SocketAddr, tls: &str) -> Running {
    Running::start(&format!(
        "[pools.p]\nnodes = [\"https://{node}\"]\nhold = \"300ms\"\n{tls}\n[[routes]]\npool = \"p\"\n"
    ))
}

#[tokio::test]
async fn a_node_is_believed_by_the_authority_and_under_the_name_that_are_configured() {
    let dir = tempfile::tempdir().unwrap();
    let ca = authority(dir.path());
    let ca_file = dir.path().join("ca.pem").display().to_string();
    let by_address = node(&ca, "127.0.0.1", false).await;
    let by_name = node(&ca, "origin.internal", true).await;
    let trusting = format!("[pools.p.tls]\nca_file = \"{ca_file}\"\n");

    let edge = before(by_address, &trusting);
    edge.takes(true).await;
    assert_eq!(get(edge.addr, "/", &[]).await.text(), "HTTP/1.1");
    let edge = before(by_name, &format!("{trusting}server_name = \"origin.internal\"\n"));
    edge.takes(true).await;
    assert_eq!(get(edge.addr, "/", &[]).await.text(), "HTTP/2.0");
    let edge = before(by_name, "[pools.p.tls]\ninsecure = true\n");
    assert_eq!(get(edge.addr, "/", &[]).await.text(), "HTTP/2.0");
    // The system does not know the authority; and the name is another.
    for tls in ["", &trusting] {
        let edge = before(by_name, tls);
        assert_eq!(get(edge.addr, "/", &[]).await.status.as_u16(), 503, "{tls}");
        until("it is thrown out", || !edge.pool().available(stillhere_net::clock::mono())).await;
    }
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_said_at_the_start() {
    let toml = "[pools.p]\nnodes = [\"https://127.0.0.1:1\"]\ntls.ca_file = \"/nowhere/ca.pem\"\n\
                [[routes]]\npool = \"p\"\n";
    let refused = stillhere_edge::Edge::start(crate::rig::settings(toml, None)).err().unwrap();
    let stillhere_edge::StartError::Spec(problems) = refused else { panic!("{refused}") };
    assert_eq!(problems[0].path, "pools.p.tls.ca_file");
}
