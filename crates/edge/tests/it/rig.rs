//! A real edge in this process, nodes that can be made to do what nodes do when they die, and clients that see
//! every byte.

mod client;
mod node;

pub use client::{Answer, Raw, ask, get, h2};
pub use node::{Node, Reply, Script, Seen, Then, text};

use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use stillhere_edge::{Edge, Settings, Spec};
use stillhere_net::clock;

/// Everything in these tests happens within this time, or has failed.
pub const SOON: Duration = Duration::from_secs(20);

pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.expect("in time")
}

/// Looks again and again until it is so.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = clock::mono();
    while !so() {
        assert!(clock::mono().saturating_duration_since(began) < SOON, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub fn now() -> Instant {
    clock::mono()
}

pub fn since(then: Instant) -> Duration {
    clock::mono().saturating_duration_since(then)
}

/// An edge that stops when it is dropped.
pub struct Running {
    edge: Option<Edge>,
    pub addr: SocketAddr,
}

impl Running {
    /// `toml` is what stands under `[edge]`; it listens where there is room.
    pub fn start(toml: &str) -> Running {
        Running::with_data(toml, None)
    }

    pub fn with_data(toml: &str, data: Option<&Path>) -> Running {
        let edge = Edge::start(settings(toml, data)).unwrap();
        Running { addr: edge.addr(), edge: Some(edge) }
    }

    /// One route to these nodes.
    pub fn before(nodes: &[&Node]) -> Running {
        Running::start(&pool(nodes, ""))
    }

    pub fn edge(&self) -> &Edge {
        self.edge.as_ref().unwrap()
    }

    pub fn pool(&self) -> Arc<stillhere_edge::pool::Pool> {
        self.edge().shared().routes.load().pools()[0].clone()
    }

    /// Waits until this many wait in the queue.
    pub async fn held(&self, count: usize) {
        let pool = self.pool();
        until("so many wait", || pool.waiting() == count).await;
    }

    /// Waits until the pool takes requests, or does not.
    pub async fn takes(&self, takes: bool) {
        let pool = self.pool();
        until("the pool's standing", || pool.available(clock::mono()) == takes).await;
    }

    pub async fn stop(mut self, within: Duration) {
        let edge = self.edge.take().unwrap();
        soon(tokio::task::spawn_blocking(move || edge.stop(within))).await.unwrap();
    }
}

pub fn settings(toml: &str, data: Option<&Path>) -> Settings {
    Settings { spec: spec(toml), data: data.map(Path::to_owned) }
}

pub fn spec(toml: &str) -> Spec {
    let toml = format!("listen = \"127.0.0.1:0\"\nworkers = 2\n{toml}");
    toml::from_str(&toml).unwrap_or_else(|e| panic!("{e}\n{toml}"))
}

/// A pool named `p` with these nodes, and a route to it. `more` goes into the pool, and behind `---` into the route.
pub fn pool(nodes: &[&Node], more: &str) -> String {
    let urls: Vec<String> = nodes.iter().map(|n| format!("\"http://{}\"", n.addr)).collect();
    let (of_pool, of_route) = more.split_once("---").unwrap_or((more, ""));
    format!(
        "[pools.p]\nnodes = [{}]\n{of_pool}\n[[routes]]\npool = \"p\"\nservice = \"checkout\"\n{of_route}\n",
        urls.join(", ")
    )
}
