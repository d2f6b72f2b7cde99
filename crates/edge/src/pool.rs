//! The nodes that do the same work: who takes the next request, who is out, who must wait.
//!
//! Shared by all workers. Everything takes the time as a parameter; nothing here does I/O: the connections belong to
//! `upstream`, which reports what happened to a [`Place`].

mod node;

pub use node::{Node, NodeId, Origin, Scheme};

use crate::spec::{Priority, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use stillhere_model::duration;

/// Nodes that do the same, and how patient we are with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolSpec {
    /// `http://10.0.0.1:8080`, `https://…`, or `h2c://…` for HTTP/2 without TLS.
    #[schemars(length(min = 1, max = 64))]
    pub nodes: Vec<String>,
    /// What is asked for (HEAD) when a node is to be tried that stopped answering. Any answer below 500 will do.
    #[serde(default = "PoolSpec::usual_health")]
    pub health: String,
    /// How long a request waits for a node to come back.
    #[serde(with = "duration", default = "PoolSpec::usual_hold")]
    #[schemars(with = "duration::Text")]
    pub hold: Duration,
}

/// Who asks for a place.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// Hash of the client: one client may take only its share of a queue.
    pub client: u64,
    pub priority: Priority,
    /// Bytes that are kept in memory while it waits.
    pub bytes: u64,
    /// A node that just failed this request, or is being hedged against.
    pub not: Option<NodeId>,
    /// Which kind of request it is, so that fast and slow paths of one node are not mixed up.
    pub route: u64,
    /// Not later than this, whatever the pool's `hold` says.
    pub until: Option<Instant>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// All nodes are out, and it has waited as long as it may.
    AllOut { waited: Duration },
    /// A person paused the service, and it has waited as long as it may.
    Paused { waited: Duration },
    /// There are more requests than the nodes can do.
    Overloaded { waited: Duration },
    /// The queue is full (of all clients, or of this one's share).
    QueueFull,
}

/// How an attempt ended, as far as the node is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection: nothing was sent.
    Connect,
    /// The connection ended before the head of the answer.
    Cut,
    /// The answer's head did not come in time.
    Silent,
    /// It answered something that is not HTTP.
    Garbled,
}

/// A pool and its nodes' state.
#[derive(Debug)]
pub struct Pool {
    name: String,
    spec: PoolSpec,
    nodes: Vec<Arc<Node>>,
    next: AtomicUsize,
}

/// The right to have one request at one node. Given back when dropped.
#[derive(Debug)]
pub struct Place {
    pool: Arc<Pool>,
    node: Arc<Node>,
}

// === impl PoolSpec ===

impl PoolSpec {
    fn usual_health() -> String {
        "/".to_owned()
    }
    fn usual_hold() -> Duration {
        Duration::from_secs(10)
    }
    /// A pool of which only the nodes are said.
    #[must_use]
    pub fn of(nodes: Vec<String>) -> PoolSpec {
        PoolSpec { nodes, health: PoolSpec::usual_health(), hold: PoolSpec::usual_hold() }
    }
}

// === impl Pool ===

impl Pool {
    /// # Errors
    /// When a node's address cannot be understood.
    pub fn new(name: &str, spec: &PoolSpec, now: Instant) -> Result<Arc<Pool>, Problem> {
        let _ = now;
        let mut nodes = Vec::new();
        for (n, text) in spec.nodes.iter().enumerate() {
            let origin = Origin::parse(text).map_err(|problem| Problem {
                path: format!("nodes[{n}]"),
                problem,
                hint: Some("write \"http://10.0.0.1:8080\"".to_owned()),
            })?;
            nodes.push(Arc::new(Node::new(NodeId(n as u32), origin)));
        }
        Ok(Arc::new(Pool { name: name.to_owned(), spec: spec.clone(), nodes, next: AtomicUsize::new(0) }))
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
    #[must_use]
    pub fn spec(&self) -> &PoolSpec {
        &self.spec
    }
    #[must_use]
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// Waits for a place: until a node is there that may take one more, in the order of priority. Dropping the
    /// future is leaving the queue.
    ///
    /// # Errors
    /// When there is none in time, or the queue is full.
    pub async fn admit(self: &Arc<Self>, ask: Ask, now: Instant) -> Result<Place, NoPlace> {
        let _ = (ask, now);
        let n = self.next.fetch_add(1, Relaxed) % self.nodes.len();
        Ok(Place { pool: self.clone(), node: self.nodes[n].clone() })
    }

    /// Takes one repeat (retry or hedge) out of the budget. False: there have been too many already.
    #[must_use]
    pub fn may_repeat(&self, now: Instant) -> bool {
        let _ = now;
        true
    }

    /// How long the answer's head may take before a second node is asked as well; None: there is no second node.
    #[must_use]
    pub fn hedge_after(&self, route: u64) -> Option<Duration> {
        let _ = route;
        None
    }
}

// === impl Place ===

impl Place {
    #[must_use]
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }
    /// The head of the answer came, `after` the request was sent.
    pub fn answered(&mut self, status: u16, after: Duration, now: Instant) {
        let _ = (status, after, now);
    }
    pub fn failed(&mut self, how: Failure, now: Instant) {
        let _ = (how, now);
    }
    /// Ends when the node is judged to have stopped answering (or is out): a request that may be repeated need not
    /// wait for it any longer.
    pub async fn given_up(&self) {
        std::future::pending().await
    }
}
