//! What all workers share of the way to the nodes: their addresses and how they prove who they are.

use super::{CONNECT_WITHIN, ConnectError};
use crate::pool::{NodeTls, Origin};
use arc_swap::ArcSwapOption;
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use stillhere_net::{clock, dns::Host, tls};
use tokio::{
    net::TcpStream,
    sync::{Notify, Semaphore},
    time::timeout,
};

/// How long one address may take to answer before the next one is tried.
const ADDRESS_WITHIN: Duration = Duration::from_millis(600);
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;
/// How old the addresses of a name may become before they are asked for again, in the background.
const ADDRESSES_FOR: Duration = Duration::from_secs(30);

/// What all workers share.
pub struct Shared {
    /// TLS sessions, by what the node is called.
    peers: Mutex<HashMap<PeerKey, Arc<tls::Peer>>>,
    store: Arc<tls::Store>,
    client: tls::Client,
    /// For connections that are to leave HTTP behind, which only HTTP/1.1 can.
    for_upgrade: tls::Client,
    /// Addresses of nodes that go by a name: the last good ones stay when the name server is away.
    names: Mutex<HashMap<(String, u16), Arc<Name>>>,
    /// Rings when a node has failed, for whoever keeps the pools.
    pub stirred: Notify,
    /// Closed shortly before the edge is gone: nobody is to wait any longer.
    ending: Semaphore,
}

/// What the node is called, how it proves it, and whether it must speak HTTP/1.1.
type PeerKey = (String, Option<Arc<NodeTls>>, bool);

#[derive(Default)]
struct Name {
    found: ArcSwapOption<(Vec<SocketAddr>, Instant)>,
}

// === impl Shared ===

impl Shared {
    /// # Errors
    /// When TLS cannot be prepared.
    pub fn new() -> Result<Arc<Shared>, tls::Error> {
        let store = Arc::new(tls::Store::default());
        let speaking = |alpn| store.client(&tls::Options { alpn, ..tls::Options::default() });
        Ok(Arc::new(Shared {
            peers: Mutex::default(),
            client: speaking(tls::Alpn::Either)?,
            for_upgrade: speaking(tls::Alpn::Http11)?,
            store,
            names: Mutex::default(),
            stirred: Notify::new(),
            ending: Semaphore::new(0),
        }))
    }

    /// Whoever waits is to be told that it was for nothing.
    pub fn end(&self) {
        self.ending.close();
    }

    /// Ends when nobody is to wait any longer.
    pub async fn ending(&self) {
        // It has no permits: only its closing ends the wait.
        let _closed = self.ending.acquire().await;
    }

    async fn addresses(
        self: &Arc<Self>,
        origin: &Origin,
        now: Instant,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        if let Ok(ip) = origin.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, origin.port)]);
        }
        let name = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            names.entry((origin.host.clone(), origin.port)).or_default().clone()
        };
        if let Some(found) = name.found.load_full() {
            if now.saturating_duration_since(found.1) > ADDRESSES_FOR {
                // Marked as asked now, so that one request in a while asks, and none waits.
                name.found.store(Some(Arc::new((found.0.clone(), now))));
                let (name, origin) = (name.clone(), origin.clone());
                tokio::spawn(async move {
                    if let Ok(new) = look_up(&origin).await {
                        name.found.store(Some(Arc::new((new, clock::mono()))));
                    }
                });
            }
            return Ok(found.0.clone());
        }
        let new = look_up(origin).await?;
        name.found.store(Some(Arc::new((new.clone(), now))));
        Ok(new)
    }

    pub(super) fn peer(&self, origin: &Origin, upgrade: bool) -> Result<Arc<tls::Peer>, ConnectError> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (origin.host.clone(), origin.tls.clone(), upgrade);
        if let Some(peer) = peers.get(&key) {
            return Ok(peer.clone());
        }
        let client = match &origin.tls {
            None if upgrade => self.for_upgrade.clone(),
            None => self.client.clone(),
            Some(own) => {
                let alpn = if upgrade { tls::Alpn::Http11 } else { tls::Alpn::Either };
                let options = tls::Options { alpn, ..own.options() };
                self.store.client(&options).map_err(|e| ConnectError::Tls(e.to_string()))?
            }
        };
        let name = origin.tls.as_deref().and_then(|tls| tls.server_name.as_deref()).unwrap_or(&origin.host);
        let peer = Host::parse(name)
            .and_then(|host| client.peer(&host))
            .ok_or_else(|| ConnectError::Tls(format!("no certificate can be for {name}")))?;
        let peer = Arc::new(peer);
        peers.insert(key, peer.clone());
        Ok(peer)
    }

    /// Files of certificates are read anew for connections from now on.
    pub fn forget_peers(&self) {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) async fn connect(self: &Arc<Self>, origin: &Origin) -> Result<TcpStream, ConnectError> {
        let mut last = ConnectError::TooSlow;
        for address in self.addresses(origin, clock::mono()).await?.into_iter().take(ADDRESSES_MAX) {
            match timeout(ADDRESS_WITHIN, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(e)) => last = ConnectError::Refused(address, e),
                Err(_) => {}
            }
        }
        Err(last)
    }
}

async fn look_up(origin: &Origin) -> Result<Vec<SocketAddr>, ConnectError> {
    let wrong = |why: String| ConnectError::Name(origin.host.clone(), why);
    let found = timeout(CONNECT_WITHIN, tokio::net::lookup_host((origin.host.as_str(), origin.port))).await;
    let found: Vec<SocketAddr> = match found {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(e)) => return Err(wrong(e.to_string())),
        Err(_) => return Err(wrong("the name server did not answer".to_owned())),
    };
    if found.is_empty() { Err(wrong("none was found".to_owned())) } else { Ok(found) }
}
