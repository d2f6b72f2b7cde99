//! Everything that can be wrong with a configuration of the edge, found before anything is built from it.

use crate::{
    room::Secret,
    route::Routes,
    spec::{Problem, Spec},
};
use stillhere_net::clock;

impl Spec {
    /// Everything that is wrong, each with its path inside `[edge]`. Files on the edge's host (certificates) are not
    /// looked at: whoever asks may be on another host.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        // Seals nothing: what is built here is thrown away.
        let secret = Secret::new(&[0; 32]);
        let built = Routes::new(self, None, &secret, clock::mono(), clock::wall());
        let mut found = built.err().unwrap_or_default();
        found.extend(self.limits.validate().into_iter().map(|p| p.under("limits")));
        if let Some(log) = &self.log {
            found.extend(log.validate().into_iter().map(|p| p.under("log")));
        }
        if let Some(tls) = &self.tls {
            found.extend(tls.validate().into_iter().map(|p| p.under("tls")));
        }
        for (n, route) in self.routes.iter().enumerate() {
            let mut of = |table: &str, problems: Vec<Problem>| {
                found.extend(problems.into_iter().map(|p| p.under(&format!("routes[{n}].{table}"))));
            };
            if let Some(keyed) = &route.keyed {
                of("keyed", keyed.validate());
            }
            if let Some(room) = &route.waiting_room {
                of("waiting_room", room.validate());
            }
            of("sockets", route.sockets.validate());
        }
        let addresses = [("tls.listen", self.tls.as_ref().map(|t| t.listen)), ("metrics", self.metrics)];
        for (path, address) in addresses {
            if address.is_some_and(|a| a == self.listen && a.port() != 0) {
                found.push(Problem::new(path, "is the address of `listen` too", "write another port"));
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found.dedup();
        found
    }

    /// What cannot change while it serves: a new one of these takes new listeners.
    #[must_use]
    pub fn needs_new_listeners(&self, old: &Spec) -> bool {
        let secure = |s: &Spec| s.tls.as_ref().map(|t| t.listen);
        (self.listen, secure(self), self.workers, self.metrics)
            != (old.listen, secure(old), old.workers, old.metrics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_says_what_is_wrong_with_it() {
        let spec: Spec = toml::from_str(
            r#"
            listen = "127.0.0.1:8000"
            metrics = "127.0.0.1:8000"
            [[routes]]
            nodes = ["http://127.0.0.1:1"]
            [routes.keyed]
            body_max = 0
            [routes.waiting_room]
            max_active = 0
            [routes.sockets]
            keep_bytes = 1
            [log]
            max_bytes = 1
            "#,
        )
        .expect("a spec");
        let paths: Vec<String> = spec.problems().into_iter().map(|p| p.path).collect();
        assert_eq!(
            paths,
            [
                "log.max_bytes",
                "metrics",
                "routes[0].keyed.body_max",
                "routes[0].sockets.keep_bytes",
                "routes[0].waiting_room.max_active"
            ]
        );
    }
}
