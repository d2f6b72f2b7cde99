//! Speaks with the core: HTTP/1.1 on one kept connection, over its control socket or over HTTPS.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};
use stillhere_net::{Secret, Trace, clock, dns::Host, tls};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};

/// The greatest answer of the core that is read.
const ANSWER_MAX: usize = 8 << 20;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Where the core is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Core {
    /// Its control socket on this machine: who can open it is its owner.
    Socket(PathBuf),
    Web {
        tls: bool,
        host: String,
        port: u16,
    },
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    #[error("{0}")]
    Tls(String),
    #[error("no answer in time")]
    TooSlow,
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    #[error("its answer broke off or is too large: {0}")]
    Answer(String),
    #[error("it answered {0}: {1}")]
    Refused(StatusCode, String),
}

pub(crate) struct Client {
    core: Core,
    token: Option<Secret>,
    peer: Option<Arc<tls::Peer>>,
    kept: Option<SendRequest<Full<Bytes>>>,
}

// === impl Core ===

impl Core {
    /// `unix:DIR/control.sock`, `https://…`, or `http://…` on this machine.
    ///
    /// # Errors
    /// A sentence that goes on after the text.
    pub fn parse(text: &str) -> Result<Core, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Core::Socket(PathBuf::from(path)));
        }
        let url = url::Url::parse(text).map_err(|e| format!("is no URL: {e}"))?;
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err("begins with neither https:// nor unix:".to_owned()),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || !url.username().is_empty() {
            return Err("has more than a host and a port".to_owned());
        }
        let host = url.host_str().ok_or("has no host")?.trim_matches(['[', ']']).to_owned();
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !tls && !here {
            return Err("is not https: the token would cross the network in the clear".to_owned());
        }
        let port = url.port_or_known_default().unwrap_or(443);
        Ok(Core::Web { tls, host, port })
    }
}

// === impl Client ===

impl Client {
    /// # Errors
    /// When TLS cannot be prepared, or no certificate can be for the core's name.
    pub(crate) fn new(core: Core, token: Option<Secret>, ca_file: Option<PathBuf>) -> Result<Client, String> {
        let peer = match &core {
            Core::Web { tls: true, host, .. } => {
                let store = Arc::new(tls::Store::default());
                let options = tls::Options { alpn: tls::Alpn::Http11, ca_file, ..tls::Options::default() };
                let client = store.client(&options).map_err(|e| e.to_string())?;
                let name = match host.parse::<IpAddr>() {
                    Ok(ip) => Host::Ip(ip),
                    Err(_) => Host::Name(host.as_str().into()),
                };
                let peer = client.peer(&name).ok_or_else(|| format!("no certificate can be for {host}"))?;
                Some(Arc::new(peer))
            }
            _ => None,
        };
        Ok(Client { core, token, peer, kept: None })
    }

    /// One call. A kept connection that the core has closed meanwhile is no failure: asking is repeated once.
    ///
    /// # Errors
    /// When no answer came, or it was no success.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        within: Duration,
    ) -> Result<Bytes, AskError> {
        if let Some(kept) = self.kept.take().filter(|k| !k.is_closed()) {
            match self.once(kept, &method, path, body.clone(), within).await {
                Err(AskError::Broken(_)) => {}
                done => return done,
            }
        }
        let fresh = timeout(CONNECT_WITHIN, self.connect()).await.unwrap_or(Err(AskError::TooSlow))?;
        self.once(fresh, &method, path, body, within).await
    }

    async fn once(
        &mut self,
        mut sender: SendRequest<Full<Bytes>>,
        method: &Method,
        path: &str,
        body: Bytes,
        within: Duration,
    ) -> Result<Bytes, AskError> {
        let host = match &self.core {
            Core::Socket(_) => "localhost".to_owned(),
            Core::Web { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Core::Web { host, port, .. } => format!("{host}:{port}"),
        };
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, host);
        request = request.header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose_secret()));
        }
        let request = request.body(Full::new(body)).map_err(|e| AskError::Answer(e.to_string()))?;
        let asked = async {
            sender.ready().await?;
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
            let body = body.map_err(|e| AskError::Answer(e.to_string()))?.to_bytes();
            Ok::<_, AskError>((status, body))
        };
        let (status, body) = timeout(within, asked).await.unwrap_or(Err(AskError::TooSlow))?;
        self.kept = Some(sender);
        if status.is_success() {
            return Ok(body);
        }
        Err(AskError::Refused(status, reason(&body)))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, AskError> {
        match &self.core {
            Core::Socket(path) => spoken(UnixStream::connect(path).await.map_err(AskError::Connect)?).await,
            Core::Web { host, port, .. } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(AskError::Connect)?;
                let _ = stream.set_nodelay(true);
                match &self.peer {
                    None => spoken(stream).await,
                    Some(peer) => {
                        let mut trace = Trace::start(clock::mono());
                        let shaken = peer.handshake(stream, &mut trace).await;
                        spoken(shaken.map_err(|fault| AskError::Tls(fault.detail))?.0).await
                    }
                }
            }
        }
    }
}

async fn spoken<I>(io: I) -> Result<SendRequest<Full<Bytes>>, AskError>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(io)).await?;
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// What a problem (RFC 9457) says, on one bounded line.
fn reason(body: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let said = value["detail"].as_str().or(value["title"].as_str()).unwrap_or("no reason given");
    said.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_not_cross_a_network_in_the_clear() {
        let web = |tls, host: &str, port| Core::Web { tls, host: host.to_owned(), port };
        for (text, core) in [
            ("unix:/x/control.sock", Ok(Core::Socket("/x/control.sock".into()))),
            ("https://status.example.com", Ok(web(true, "status.example.com", 443))),
            ("https://status.example.com:8443/", Ok(web(true, "status.example.com", 8443))),
            ("https://[2001:db8::1]", Ok(web(true, "2001:db8::1", 443))),
            ("http://127.0.0.1:8080", Ok(web(false, "127.0.0.1", 8080))),
            ("http://localhost:8080", Ok(web(false, "localhost", 8080))),
            ("http://status.example.com", Err(())),
            ("http://127.0.0.1.example.com", Err(())),
            ("ftp://x", Err(())),
            ("https://x/path", Err(())),
            ("https://user:secret@x/", Err(())),
            ("x", Err(())),
        ] {
            assert_eq!(Core::parse(text).map_err(|_| ()), core, "{text}");
        }
    }
}
