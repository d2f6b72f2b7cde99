//! What stands under a pool's name in the configuration.

use super::{NodeTls, Origin};
use crate::spec::{NODES_MAX, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use stillhere_model::duration;
use stillhere_net::dns::Host;

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
    /// Most requests that wait at the same time. At the limit less urgent ones are sent away, then new ones.
    #[serde(default = "PoolSpec::usual_queue")]
    #[schemars(range(max = 1_000_000))]
    pub queue: usize,
    /// Most bytes of requests that wait at the same time.
    #[serde(default = "PoolSpec::usual_queue_bytes")]
    pub queue_bytes: u64,
    /// How nodes with `https://` prove who they are. Like any server in the web unless it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<NodeTls>,
}

// === impl PoolSpec ===

impl PoolSpec {
    fn usual_health() -> String {
        "/".to_owned()
    }
    fn usual_hold() -> Duration {
        Duration::from_secs(10)
    }
    fn usual_queue() -> usize {
        10_000
    }
    fn usual_queue_bytes() -> u64 {
        64 << 20
    }
    /// A pool of which only the nodes are said.
    #[must_use]
    pub fn of(nodes: Vec<String>) -> PoolSpec {
        PoolSpec {
            nodes,
            health: PoolSpec::usual_health(),
            hold: PoolSpec::usual_hold(),
            queue: PoolSpec::usual_queue(),
            queue_bytes: PoolSpec::usual_queue_bytes(),
            tls: None,
        }
    }

    /// What is wrong with it; paths are relative to its own table.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say =
            |path: &str, problem: &str, hint: &str| problems.push(Problem::new(path, problem, hint));
        if self.nodes.is_empty() {
            say("nodes", "is empty", "write nodes = [\"http://10.0.0.1:8080\"]");
        }
        if self.nodes.len() > NODES_MAX {
            say("nodes", "has more than 64 nodes", "make several pools");
        }
        if !self.health.starts_with('/') || self.health.parse::<http::Uri>().is_err() {
            say("health", "is not a path", "write a path such as \"/healthz\"");
        }
        if self.hold > Duration::from_secs(600) {
            say("hold", "is longer than ten minutes", "browsers give up long before: write \"10s\"");
        }
        if self.queue > 1_000_000 {
            say("queue", "is more than a million", "write 10000");
        }
        if let Some(tls) = &self.tls {
            if tls.insecure && (tls.ca_file.is_some() || tls.server_name.is_some()) {
                say("tls.insecure", "looks at no certificate, so the other keys do nothing", "remove it");
            }
            let name = tls.server_name.as_deref().map(Host::parse);
            if name.is_some_and(|n| n.is_none()) {
                say("tls.server_name", "is not a name", "write a name such as \"origin.internal\"");
            }
        }
        for (n, text) in self.nodes.iter().enumerate() {
            match Origin::parse(text) {
                Err(problem) => say(&format!("nodes[{n}]"), &problem, "write \"http://10.0.0.1:8080\""),
                Ok(origin) => {
                    let same = |t: &String| Origin::parse(t).is_ok_and(|o| o == origin);
                    if self.nodes[..n].iter().any(same) {
                        say(&format!("nodes[{n}]"), "stands there twice", "name each node once");
                    }
                }
            }
        }
        problems
    }
}
