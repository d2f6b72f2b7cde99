//! Which pool a request is for: by host, path and headers, in the order of the file.

use crate::{
    pool::{Pool, PoolSpec},
    report::Counts,
    room::{Room, Secret},
    spec::{NODES_MAX, POOLS_MAX, Priority, Problem, ROUTES_MAX, RouteSpec, Spec},
};
use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Instant,
};
use stillhere_model::{ServiceId, Time};

/// A route ready to be matched.
#[derive(Debug)]
pub struct Route {
    /// Stays the same over a reload as long as host, path and headers do.
    pub id: u64,
    pub spec: RouteSpec,
    pub service: Option<ServiceId>,
    pub pool: Arc<Pool>,
    pub room: Option<Arc<Room>>,
    /// How its requests end; routes of the same service to the same pool share it.
    pub counts: Arc<Counts>,
    host: HostRule,
    /// Without the slash at the end; empty takes every path.
    prefix: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Debug, PartialEq, Eq)]
enum HostRule {
    Any,
    Exactly(String),
    /// `.example.com`: one more label before it.
    Below(String),
}

/// All routes, and the pools they lead to.
#[derive(Debug)]
pub struct Routes {
    all: Vec<Arc<Route>>,
    pools: Vec<Arc<Pool>>,
    /// What may fit a host that some route names, in order.
    by_host: HashMap<String, Vec<usize>>,
    /// What may fit any other host, in order.
    others: Vec<usize>,
}

// === impl Routes ===

impl Routes {
    /// Builds all of it, or says everything that is wrong.
    ///
    /// # Errors
    /// Each problem with its path inside `[edge]`.
    pub fn new(
        spec: &Spec,
        before: Option<&Routes>,
        secret: &Secret,
        now: Instant,
        wall: Time,
    ) -> Result<Routes, Vec<Problem>> {
        if before.is_some() {
            // Taking a pool over changes it, so nothing is taken over before all is known to be right.
            Routes::new(spec, None, secret, now, wall)?;
        }
        let mut problems = Vec::new();
        let mut pools = Pools { made: BTreeMap::new(), before, now };
        if spec.routes.len() > ROUTES_MAX {
            problems.push(Problem::new("routes", format!("has more than {ROUTES_MAX} entries"), None));
        }
        if spec.pools.len() > POOLS_MAX {
            problems.push(Problem::new("pools", format!("has more than {POOLS_MAX} entries"), None));
        }
        for (name, pool) in &spec.pools {
            if let Err(found) = pools.named(name, pool) {
                problems.extend(found.into_iter().map(|p| p.under(&format!("pools.{name}"))));
            }
        }
        let mut all = Vec::new();
        for (n, route) in spec.routes.iter().take(ROUTES_MAX).enumerate() {
            match Route::new(route, &mut pools) {
                Ok(mut route) => {
                    route.room = route.door(before, secret, wall);
                    route.counts =
                        route.same_counts(all.iter().chain(before.into_iter().flat_map(|b| &b.all)));
                    all.push(Arc::new(route));
                }
                Err(found) => problems.extend(found.into_iter().map(|p| p.under(&format!("routes[{n}]")))),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut by_host: HashMap<String, Vec<usize>> = HashMap::new();
        for route in &all {
            if let HostRule::Exactly(host) = &route.host {
                by_host.entry(host.clone()).or_default();
            }
        }
        for (host, fitting) in &mut by_host {
            fitting.extend((0..all.len()).filter(|n| all[*n].host.fits(host)));
        }
        let others = (0..all.len()).filter(|n| !matches!(all[*n].host, HostRule::Exactly(_))).collect();
        Ok(Routes { all, pools: pools.made.into_values().collect(), by_host, others })
    }

    /// The first route that fits. `host` without port, in any case.
    #[must_use]
    pub fn find(&self, host: &str, path: &str, headers: &HeaderMap) -> Option<&Arc<Route>> {
        // The root's dot is part of no name that anybody configures.
        let host = host.strip_suffix('.').unwrap_or(host);
        let lower;
        let host = if host.bytes().any(|b| b.is_ascii_uppercase()) {
            lower = host.to_ascii_lowercase();
            &lower
        } else {
            host
        };
        let may = self.by_host.get(host).unwrap_or(&self.others);
        may.iter().map(|n| &self.all[*n]).find(|r| r.fits(host, path, headers))
    }

    #[must_use]
    pub fn all(&self) -> &[Arc<Route>] {
        &self.all
    }

    #[must_use]
    pub fn pools(&self) -> &[Arc<Pool>] {
        &self.pools
    }

    /// Each pool with each service that it serves, and how their requests end.
    pub fn counts(&self) -> impl Iterator<Item = (&str, Option<&ServiceId>, &Arc<Counts>)> {
        let first = |n: usize| !self.all[..n].iter().any(|r| Arc::ptr_eq(&r.counts, &self.all[n].counts));
        let each = (0..self.all.len()).filter(move |n| first(*n)).map(|n| &self.all[n]);
        each.map(|r| (r.pool.name(), r.service.as_ref(), &r.counts))
    }
}

/// Pools by name; those without one go by their nodes, so that two routes with the same nodes share what is known of
/// them.
struct Pools<'a> {
    made: BTreeMap<String, Arc<Pool>>,
    before: Option<&'a Routes>,
    now: Instant,
}

impl Pools<'_> {
    fn named(&mut self, name: &str, spec: &PoolSpec) -> Result<Arc<Pool>, Vec<Problem>> {
        if let Some(pool) = self.made.get(name) {
            return Ok(pool.clone());
        }
        if spec.nodes.is_empty() || spec.nodes.len() > NODES_MAX {
            let hint = "write nodes = [\"http://127.0.0.1:9001\", \"http://127.0.0.1:9002\"]";
            return Err(vec![Problem::new("nodes", format!("must name 1 to {NODES_MAX} nodes"), Some(hint))]);
        }
        let problems = spec.validate();
        if !problems.is_empty() {
            return Err(problems);
        }
        let old = self.before.and_then(|b| b.pools.iter().find(|p| p.name() == name));
        let pool = match old {
            Some(old) => Pool::take_over(old, spec, self.now),
            None => Pool::new(name, spec, self.now),
        }
        .map_err(|p| vec![p])?;
        self.made.insert(name.to_owned(), pool.clone());
        Ok(pool)
    }
}

// === impl Route ===

impl Route {
    fn new(spec: &RouteSpec, pools: &mut Pools<'_>) -> Result<Route, Vec<Problem>> {
        let mut problems = Vec::new();
        let host = spec.host.as_deref().map_or(Ok(HostRule::Any), HostRule::parse).unwrap_or_else(|p| {
            problems.push(Problem::new("host", p, Some("write \"shop.example.com\" or \"*.example.com\"")));
            HostRule::Any
        });
        if !spec.path.starts_with('/') || spec.path.contains(['?', '#', ' ']) {
            problems.push(Problem::new(
                "path",
                "must begin with / and hold neither ? nor # nor spaces",
                Some("write \"/api\""),
            ));
        }
        let mut headers = Vec::new();
        for (name, value) in &spec.headers {
            match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                (Ok(name), Ok(value)) => headers.push((name, value)),
                _ => problems.push(Problem::new(
                    format!("headers.{name}"),
                    "is not a header and its value",
                    None,
                )),
            }
        }
        let pool = match (&spec.pool, spec.nodes.is_empty()) {
            (Some(name), true) => match pools.made.get(name) {
                Some(pool) => Some(pool.clone()),
                None => {
                    let hint = format!("add [edge.pools.{name}] with its nodes");
                    problems.push(Problem::new("pool", format!("there is no pool {name}"), hint.as_str()));
                    None
                }
            },
            (None, false) => {
                let mut sorted = spec.nodes.clone();
                sorted.sort();
                match pools.named(&sorted.join(" "), &PoolSpec::of(spec.nodes.clone())) {
                    Ok(pool) => Some(pool),
                    Err(found) => {
                        problems.extend(found);
                        None
                    }
                }
            }
            (Some(_), false) => {
                problems.push(Problem::new("pool", "cannot stand beside nodes", Some("keep one of the two")));
                None
            }
            (None, true) => {
                let hint = "write nodes = [\"http://127.0.0.1:9001\"], or pool = \"…\"";
                problems.push(Problem::new("nodes", "names nobody who answers", Some(hint)));
                None
            }
        };
        let mut told = |at: &str, found: Vec<Problem>| {
            problems.extend(found.into_iter().map(|p| p.under(at)));
        };
        if let Some(keyed) = &spec.keyed {
            told("keyed", keyed.validate());
        }
        if let Some(room) = &spec.waiting_room {
            told("waiting_room", room.validate());
        }
        told("sockets", spec.sockets.validate());
        let service = spec.service.as_deref().map(ServiceId::new);
        let (Some(pool), true) = (pool, problems.is_empty()) else { return Err(problems) };
        let mut hasher = DefaultHasher::new();
        (&spec.host, &spec.path, &spec.headers).hash(&mut hasher);
        let prefix = spec.path.trim_end_matches('/').to_owned();
        Ok(Route {
            id: hasher.finish(),
            spec: spec.clone(),
            service,
            pool,
            room: None,
            counts: Arc::default(),
            host,
            prefix,
            headers,
        })
    }

    /// The waiting room: the one that was, as long as nothing about it is different.
    fn door(&self, before: Option<&Routes>, secret: &Secret, now: Time) -> Option<Arc<Room>> {
        let spec = self.spec.waiting_room.as_ref()?;
        let old = before.and_then(|b| b.all.iter().find(|r| r.id == self.id));
        let same = old.filter(|old| old.spec.waiting_room.as_ref() == Some(spec));
        same.and_then(|old| old.room.clone())
            .or_else(|| Some(Arc::new(Room::new(spec, self.id, secret.clone(), now))))
    }

    fn same_counts<'a>(&self, mut others: impl Iterator<Item = &'a Arc<Route>>) -> Arc<Counts> {
        let same = others.find(|r| r.pool.name() == self.pool.name() && r.service == self.service);
        same.map_or_else(|| self.counts.clone(), |r| r.counts.clone())
    }

    fn fits(&self, host: &str, path: &str, headers: &HeaderMap) -> bool {
        self.host.fits(host)
            && path
                .strip_prefix(self.prefix.as_str())
                // `OPTIONS *` is for the server as a whole.
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || path == "*")
            && self.headers.iter().all(|(name, value)| headers.get_all(name).iter().any(|v| v == value))
    }

    /// Which kind of request it is: requests of one kind take about as long. Method and the first two segments.
    #[must_use]
    pub fn kind_of(&self, parts: &Parts) -> u64 {
        let path = parts.uri.path();
        let end = path.match_indices('/').nth(3).map_or(path.len(), |(at, _)| at);
        // FNV-1a: short texts, and nothing hangs on its quality but a slot in a bounded table.
        let mut hash = self.id ^ 0xcbf2_9ce4_8422_2325;
        for byte in parts.method.as_str().bytes().chain(path[..end].bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash
    }

    /// As it is called in logs.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}{}", self.spec.host.as_deref().unwrap_or("*"), self.spec.path)
    }

    #[must_use]
    pub fn priority(&self) -> Priority {
        self.spec.priority
    }
}

// === impl HostRule ===

impl HostRule {
    fn parse(text: &str) -> Result<HostRule, String> {
        let (below, name) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
        let name = name.to_ascii_lowercase();
        let fine = |label: &str| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let bracketed = name.starts_with('[') && name.ends_with(']');
        if !bracketed && !name.split('.').all(fine) {
            return Err(format!("{text} is not the name of a host"));
        }
        Ok(if below { HostRule::Below(format!(".{name}")) } else { HostRule::Exactly(name) })
    }

    fn fits(&self, host: &str) -> bool {
        match self {
            HostRule::Any => true,
            HostRule::Exactly(name) => name == host,
            HostRule::Below(tail) => host
                .strip_suffix(tail.as_str())
                .is_some_and(|label| !label.is_empty() && !label.contains('.')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(toml: &str) -> Result<Routes, Vec<Problem>> {
        let spec: Spec = toml::from_str(toml).expect("a spec");
        let (now, wall) = (stillhere_net::clock::mono(), stillhere_net::clock::wall());
        Routes::new(&spec, None, &Secret::new(&[7; 32]), now, wall)
    }

    #[test]
    fn the_first_route_that_fits_wins() {
        let routes = routes(
            r#"
            [[routes]]
            host = "shop.example.com"
            path = "/api/"
            nodes = ["http://127.0.0.1:1"]
            [[routes]]
            host = "*.example.com"
            nodes = ["http://127.0.0.1:2"]
            [[routes]]
            headers = { x-canary = "yes" }
            nodes = ["http://127.0.0.1:3"]
            [[routes]]
            path = "/only"
            nodes = ["http://127.0.0.1:4"]
            "#,
        )
        .expect("good routes");
        let none = HeaderMap::new();
        let mut canary = HeaderMap::new();
        canary.insert("x-canary", HeaderValue::from_static("yes"));
        for (host, path, headers, port) in [
            ("shop.example.com", "/api", &none, Some(1)),
            ("SHOP.example.com", "/api/x", &none, Some(1)),
            ("shop.example.com", "/apix", &none, Some(2)),
            ("a.b.example.com", "/", &none, None),
            ("a.b.example.com", "/", &canary, Some(3)),
            ("other", "/only/this", &none, Some(4)),
            ("other", "/onlythis", &none, None),
        ] {
            let found = routes.find(host, path, headers).map(|r| r.pool.nodes()[0].origin().port);
            assert_eq!(found, port, "{host}{path}");
        }
    }

    #[test]
    fn routes_with_the_same_nodes_share_a_pool() {
        let routes = routes(
            r#"
            [[routes]]
            path = "/a"
            nodes = ["http://127.0.0.1:1", "http://127.0.0.1:2"]
            [[routes]]
            nodes = ["http://127.0.0.1:2", "http://127.0.0.1:1"]
            "#,
        )
        .expect("good routes");
        assert_eq!(routes.pools().len(), 1);
        assert!(Arc::ptr_eq(&routes.all()[0].pool, &routes.all()[1].pool));
    }

    #[test]
    fn everything_that_is_wrong_is_said_with_its_place() {
        let found = routes(
            r#"
            [[routes]]
            host = "a b"
            path = "api"
            nodes = ["ftp://x"]
            [[routes]]
            pool = "nowhere"
            [[routes]]
            [pools.empty]
            nodes = []
            "#,
        )
        .expect_err("all wrong");
        let paths: Vec<&str> = found.iter().map(|p| p.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "pools.empty.nodes",
                "routes[0].host",
                "routes[0].path",
                "routes[0].nodes[0]",
                "routes[1].pool",
                "routes[2].nodes"
            ]
        );
    }
}
