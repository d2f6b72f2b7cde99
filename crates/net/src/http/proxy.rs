//! The operator's HTTP proxy: a tunnel (CONNECT) for TLS and HTTP/2, the request itself for plain HTTP/1.1.
//!
//! When the proxy fails we could not look; only its gateway errors (502–504) are a word about the target.

use super::{Route, Target, h1};
use crate::{
    dns::{Family, Host},
    fault::Fault,
    guard::Policy,
    secret::Secret,
    tcp,
    trace::{Phase, Trace},
};
use base64::Engine as _;
use http::HeaderValue;
use std::time::Instant;
use stillhere_model::{Finding, Outcome};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

/// Where the proxy is, and what it wants to hear.
#[derive(Debug)]
pub struct Proxy {
    pub host: Host,
    pub port: u16,
    /// `user:password`.
    pub credentials: Option<Secret>,
}

// === impl Proxy ===

impl Proxy {
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let credentials = self.credentials.as_ref()?.expose_secret();
        let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
        let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).expect("Base64 is ASCII");
        value.set_sensitive(true);
        Some(value)
    }

    /// A connection to the proxy, or through it to `tunnel`.
    pub(super) async fn connect(
        &self,
        route: &Route,
        tunnel: Option<&Target>,
        deadline: Instant,
        trace: &mut Trace,
    ) -> Result<TcpStream, Fault> {
        trace.to_proxy = true;
        let mut tcp = self.reach(route, deadline, trace).await.map_err(as_ours)?;
        if let Some(target) = tunnel {
            trace.begin(Phase::Connect);
            self.open(&mut tcp, target, trace).await?;
            // `read_head` books as it reads; the way through the proxy is part of connecting.
            trace.phase = Phase::Connect;
            trace.end();
        }
        trace.to_proxy = false;
        Ok(tcp)
    }

    async fn reach(&self, route: &Route, deadline: Instant, trace: &mut Trace) -> Result<TcpStream, Fault> {
        let addrs = route.resolver.addresses(&self.host, Family::Auto, deadline, trace).await?;
        tcp::connect_any(&addrs, self.port, true, Policy::Operator, deadline, trace).await
    }

    async fn open(&self, tcp: &mut TcpStream, target: &Target, trace: &mut Trace) -> Result<(), Fault> {
        let to = format!("{}:{}", target.host(), target.port());
        let mut request =
            format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: {}\r\n", super::USER_AGENT);
        if let Some(auth) = self.authorization() {
            request.push_str("Proxy-Authorization: ");
            request.push_str(auth.to_str().expect("Base64 is ASCII"));
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        tcp.write_all(request.as_bytes()).await.map_err(|e| as_ours(Fault::io(Phase::Connect, &e)))?;
        let mut buf = Vec::with_capacity(1024);
        let head = h1::read_head(tcp, &mut buf, trace).await.map_err(as_ours)?;
        let status = h1::status(&buf[..head]).map_err(as_ours)?;
        match status {
            200..=299 if buf.len() == head => Ok(()),
            // TLS and HTTP/2 let the client speak first, so these bytes are not the target's.
            200..=299 => Err(Fault::proxy(None, "the proxy says more than it should")),
            _ => Err(Fault::proxy(Some(status), format!("the proxy answered {status} to CONNECT"))),
        }
    }
}

/// Whatever happens on the way to the proxy is no word about the target.
fn as_ours(fault: Fault) -> Fault {
    match (fault.outcome, fault.finding) {
        (Outcome::Unknown, finding @ (Finding::OwnFault { .. } | Finding::NotAllowed { .. })) => {
            Fault { finding, ..Fault::proxy(None, fault.detail) }
        }
        _ => Fault::proxy(None, format!("proxy: {}", fault.detail)),
    }
}
