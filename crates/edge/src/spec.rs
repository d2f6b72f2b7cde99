//! What stands under `[edge]` in the configuration. Each phase owns its own keys; here they are put together.

use crate::{
    action::KeyedSpec, limit::LimitSpec, pool::PoolSpec, report::log::LogSpec, room::RoomSpec,
    socket::SocketSpec, tls::TlsSpec,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use stillhere_model::duration;

/// Most routes, pools, and nodes of one pool.
pub const ROUTES_MAX: usize = 1_000;
pub const POOLS_MAX: usize = 200;
pub const NODES_MAX: usize = 64;

/// What is wrong with the configuration of the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key inside `[edge]`, such as `routes[2].nodes[0]`.
    pub path: String,
    pub problem: String,
    /// What to write instead.
    pub hint: Option<String>,
}

// === impl Problem ===

impl Problem {
    pub(crate) fn new<'h>(
        path: impl Into<String>,
        problem: impl Into<String>,
        hint: impl Into<Option<&'h str>>,
    ) -> Problem {
        Problem { path: path.into(), problem: problem.into(), hint: hint.into().map(str::to_owned) }
    }

    /// Seen from the table that this one's table stands in.
    pub(crate) fn under(self, table: &str) -> Problem {
        Problem { path: format!("{table}.{}", self.path), ..self }
    }
}

/// Stands in front of your servers and keeps people connected while they die.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Where it takes requests in plain HTTP (1.1 and 2).
    #[serde(default = "Spec::usual_listen")]
    #[schemars(with = "String", extend("format" = "listen"))]
    pub listen: SocketAddr,
    /// The same in HTTPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
    /// Threads that serve; each has its own connections to the nodes. None: one for each processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub workers: Option<usize>,
    /// What requests are sent where, tried in the order of the file; the first one that fits wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1_000))]
    pub routes: Vec<RouteSpec>,
    /// Sets of nodes that do the same, by name, for routes that share one or set its details.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pools: BTreeMap<String, PoolSpec>,
    /// What one visitor may do at most.
    #[serde(default)]
    pub limits: LimitSpec,
    /// Where its own numbers are read, `/metrics`. None: only from the core, `/metrics` there. Who can reach it needs
    /// no token, so it should be a private address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "listen"))]
    pub metrics: Option<SocketAddr>,
    /// One JSON line for each request. Off unless it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogSpec>,
}

/// Which requests, and who answers them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// `shop.example.com`, or `*.example.com` for one label more. None: every host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Requests whose path begins with these segments: `/api` takes `/api` and `/api/x`, not `/apix`.
    #[serde(default = "RouteSpec::usual_path")]
    pub path: String,
    /// Only requests that carry all of these headers with these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The nodes that answer: `http://10.0.0.1:8080`, `https://…`, or `h2c://…` for HTTP/2 without TLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub nodes: Vec<String>,
    /// A pool of `[edge.pools]` instead of `nodes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// The id of the service that this is, so that its notice is shown when it is away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Who goes first when there is not room for all.
    #[serde(default)]
    pub priority: Priority,
    /// Requests with an `Idempotency-Key` are kept and done once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyed: Option<KeyedSpec>,
    /// How long an answer to a GET may be given again when nobody can serve, though it has grown old. The origin's own
    /// `stale-if-error` goes before it. Never what belongs to one person.
    #[serde(with = "duration::option", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>")]
    pub stale_if_error: Option<Duration>,
    /// A queue before the door when more come than can be served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_room: Option<RoomSpec>,
    /// How WebSockets are kept open while nodes come and go.
    #[serde(default)]
    pub sockets: SocketSpec,
    /// Ask browsers to report requests that never reached us (Network Error Logging). HTTPS only; the reports are
    /// counted, nothing of them is kept.
    #[serde(default)]
    pub browser_reports: bool,
    /// Put the browser client into the origin's HTML pages, as one tag at the beginning of the head. Only where nothing can be
    /// misunderstood: see `docs/edge.md`.
    #[serde(default)]
    pub inject_client: bool,
}

/// Who goes first when there is not room for all.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Health checks, log-in, payment: what everything else depends on.
    Vital,
    /// What a person looks at.
    #[default]
    Page,
    Api,
    /// Crawlers and what can come another time.
    Bot,
}

// === impl Spec ===

impl Spec {
    fn usual_listen() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 8000))
    }
}

impl Default for Spec {
    fn default() -> Spec {
        Spec {
            listen: Spec::usual_listen(),
            tls: None,
            workers: None,
            routes: Vec::new(),
            pools: BTreeMap::new(),
            limits: LimitSpec::default(),
            metrics: None,
            log: None,
        }
    }
}

impl Default for RouteSpec {
    fn default() -> RouteSpec {
        RouteSpec {
            host: None,
            path: RouteSpec::usual_path(),
            headers: BTreeMap::new(),
            nodes: Vec::new(),
            pool: None,
            service: None,
            priority: Priority::default(),
            keyed: None,
            stale_if_error: None,
            waiting_room: None,
            sockets: SocketSpec::default(),
            browser_reports: false,
            inject_client: false,
        }
    }
}

impl RouteSpec {
    fn usual_path() -> String {
        "/".to_owned()
    }
}

impl Priority {
    pub const ALL: [Priority; 4] = [Priority::Vital, Priority::Page, Priority::Api, Priority::Bot];
}
