//! Puts the parts together and serves until the node stops.

use crate::{
    act, api, badges, console, control,
    front::{self, Counts, Front, Limits},
    gate,
    host::Hosts,
    live::{Hub, LiveLimits, Position},
    metrics, pages, ping,
    public::Public,
    ready::Shelves,
    record, subscribe,
};
use axum::Router;
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering::Relaxed},
    time::Duration,
};
use stillhere_node::Handle;
use tokio::{
    net::{TcpListener, UnixListener},
    task::JoinSet,
    time::sleep,
};

/// Calls over the control socket that may be under way at a time; the next one waits.
const CONTROL_CONNECTIONS: usize = 32;

/// How the public side is served.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names under which the page may be asked for, besides `localhost`, addresses, and the host of the site's URL.
    pub allowed_hosts: Vec<String>,
    /// A proxy on this machine says in `X-Forwarded-For` who asks.
    pub behind_proxy: bool,
    pub limits: Limits,
    pub live: LiveLimits,
}

/// What every handler can reach.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) handle: Handle,
    pub(crate) public: Arc<Public>,
    pub(crate) shelves: Arc<Shelves>,
    pub(crate) hub: Hub,
    pub(crate) counts: Arc<Counts>,
}

// === impl Settings ===

impl Settings {
    /// The defaults for a server that listens on `listen`.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Settings {
        Settings {
            allowed_hosts: vec![listen.to_string()],
            behind_proxy: false,
            limits: Limits::default(),
            live: LiveLimits::default(),
        }
    }
}

// === impl App ===

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Serves the public side until the node is asked to stop; returns when the last answer is given or the grace
/// time is over.
pub async fn serve(handle: Handle, listener: TcpListener, settings: Settings) {
    let stop = handle.stopping();
    let public = Arc::new(public_of(&handle));
    let at = public.position();
    let hub = Hub::start(settings.live, at, public.clone());
    let shelves = Arc::new(Shelves::new(public.shelf()));
    let counts = Arc::new(Counts::default());
    let app = App(Arc::new(Inner {
        handle: handle.clone(),
        public: public.clone(),
        shelves: shelves.clone(),
        hub: hub.clone(),
        counts: counts.clone(),
    }));
    let site = handle.snapshot().site.url.clone();
    let hosts = Hosts::new(settings.allowed_hosts.iter().map(String::as_str).chain([site.as_str()]));
    let router = gate::guarded(routes(), hosts.clone(), public.clone()).with_state(app);
    let following = tokio::spawn(public.follow(Some((shelves.clone(), hub.clone())), stop.clone()));
    let front = Arc::new(
        Front::new(hosts, shelves, hub, router, settings.limits)
            .with_counts(counts)
            .behind_proxy(settings.behind_proxy),
    );
    front.serve(listener, stop).await;
    following.abort();
}

/// Serves the same API without a token, and the control calls, on a socket that only its owner can open.
/// The caller makes the socket and its permissions (0600).
pub async fn serve_control(handle: Handle, listener: UnixListener, settings: Settings) {
    let mut stop = handle.stopping();
    let public = Arc::new(public_of(&handle));
    let shelves = Arc::new(Shelves::new(public.shelf()));
    let live = LiveLimits { listeners: CONTROL_CONNECTIONS, shards: 1, writers: 1 };
    let hub = Hub::start(live, Position::default(), public.clone());
    let counts = Arc::new(Counts::default());
    let following = tokio::spawn(public.clone().follow(None, stop.clone()));
    let app = App(Arc::new(Inner { handle, public, shelves, hub: hub.clone(), counts: counts.clone() }));
    let routes = operators().merge(control::routes());
    let router = gate::trusted(routes).with_state(app);
    let mut calls = JoinSet::new();
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept(), if open.load(Relaxed) < CONTROL_CONNECTIONS => accepted,
            Some(_) = calls.join_next() => {
                open.store(calls.len(), Relaxed);
                continue;
            }
            () = front::stopped(&mut stop) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let call = front::routed(
                    router.clone(),
                    bytes::BytesMut::new(),
                    stream,
                    None,
                    stop.clone(),
                    counts.clone(),
                );
                calls.spawn(call);
                open.store(calls.len(), Relaxed);
            }
            Err(e) => {
                tracing::warn!(error = %e, "the control socket cannot accept");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    hub.close();
    let rest = async { while calls.join_next().await.is_some() {} };
    if tokio::time::timeout(settings.limits.grace, rest).await.is_err() {
        tracing::warn!("control calls were still under way when the time to stop was over");
    }
    following.abort();
}

fn public_of(handle: &Handle) -> Public {
    let notices = handle.clone();
    Public::new(handle.watch(), move || notices.notice())
}

/// What anybody may ask for.
fn routes() -> Router<App> {
    operators()
        .merge(pages::routes())
        .merge(record::routes())
        .merge(badges::routes())
        .merge(ping::routes())
        .merge(subscribe::routes())
        .merge(act::routes())
        .merge(console::routes())
}

/// What the command line needs, too.
fn operators() -> Router<App> {
    api::routes().merge(metrics::routes())
}
