//! Which `Host` a request may name.
//!
//! Why at all: a page on the attacker's site can make its own name point to 127.0.0.1 or to an address in the
//! operator's network (DNS rebinding). The visitor's browser then treats this server as part of that site, and
//! the attacker's script may read and command it. Such a request still says the attacker's name in `Host`, so
//! names that are not ours are refused with 421. An address literal cannot be rebound: there is no name to
//! point elsewhere; so addresses are let in, which keeps load-balancer and container health checks working.

use std::net::{Ipv4Addr, Ipv6Addr};

#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// Lower case, without port.
    names: Vec<Box<str>>,
}

// === impl Hosts ===

impl Hosts {
    /// `names`: host names with or without a port, or URLs (their host counts).
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = impl AsRef<str>>) -> Hosts {
        let mut all: Vec<Box<str>> = vec!["localhost".into()];
        for name in names {
            let name = name.as_ref();
            let name = name.split_once("://").map_or(name, |(_, rest)| rest);
            let name = name.split(['/', '?', '#']).next().unwrap_or_default();
            let name = without_port(name).trim_end_matches('.').to_ascii_lowercase();
            if !name.is_empty() && !all.iter().any(|n| **n == *name) {
                all.push(name.into());
            }
        }
        Hosts { names: all }
    }

    /// `host` is the value of the `Host` header; the port does not matter.
    #[must_use]
    pub fn allow(&self, host: &[u8]) -> bool {
        let Ok(host) = std::str::from_utf8(host) else { return false };
        let name = without_port(host);
        let name = name.strip_suffix('.').unwrap_or(name);
        self.names.iter().any(|n| n.eq_ignore_ascii_case(name)) || is_address(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }
}

fn without_port(host: &str) -> &str {
    if host.starts_with('[') {
        return host.find(']').map_or(host, |end| &host[..=end]);
    }
    host.rsplit_once(':').map_or(
        host,
        |(name, port)| {
            if port.bytes().all(|b| b.is_ascii_digit()) { name } else { host }
        },
    )
}

fn is_address(name: &str) -> bool {
    name.parse::<Ipv4Addr>().is_ok()
        || name
            .strip_prefix('[')
            .and_then(|n| n.strip_suffix(']'))
            .is_some_and(|n| n.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_refused_and_addresses_are_let_in() {
        let hosts = Hosts::new(["https://Status.Example.com/path", "shop.example:8080"]);
        for good in [
            "localhost",
            "LOCALHOST:8080",
            "status.example.com",
            "status.example.com.",
            "STATUS.example.com:443",
            "shop.example",
            "127.0.0.1:8080",
            "[::1]:8080",
            "10.0.0.7",
            "[fd00::1]",
        ] {
            assert!(hosts.allow(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "status.example.com.evil.example",
            "status.example.com:80:80",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "[::1",
            "::1",
            "status.example.com:x",
            "a b",
            "127.1",
            "0x7f000001",
            "status.example.com..",
        ] {
            assert!(!hosts.allow(bad.as_bytes()), "{bad}");
        }
        assert!(!hosts.allow(b"\xff\xfe"));
    }
}
