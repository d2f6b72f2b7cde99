//! What can be seen from here: names, IPv6, our own uplink.

use super::Finding;
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};
use stillhere_config::Config;
use stillhere_model::Side;
use stillhere_net::dns::{Family, Host, Resolver};
use stillhere_observe::probe::Spec;
use tokio::net::TcpStream;

/// A name that is looked up when the file names none. IANA keeps it for such uses.
const EXAMPLE: &str = "example.com";
const NAME_WITHIN: Duration = Duration::from_secs(5);
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// A public address. Asking the kernel for the way there sends nothing.
const FAR_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0x500, 0x88, 0x200, 0, 0, 0, 0x8);

/// The hosts that are looked at, once each.
pub(super) fn hosts(config: &Config) -> BTreeSet<String> {
    let watched = config.checks.iter().filter(|c| !matches!(c.spec.spec, Spec::Push(_) | Spec::Dns(_)));
    watched
        .map(|c| {
            let target = c.spec.spec.target();
            let named = target.rsplit_once(':').map_or(target.as_str(), |(host, _)| host);
            named.to_owned()
        })
        .collect()
}

pub async fn names(config: Option<&Config>) -> Finding {
    const ABOUT: &str = "names";
    const HINT: &str = "look at /etc/resolv.conf: without a resolver nothing that has a name can be watched";
    let hosts = config.map(hosts).unwrap_or_default();
    let named = hosts.into_iter().find_map(|h| match Host::parse(&h) {
        Some(Host::Name(name)) if &*name != "localhost" => Some(name),
        _ => None,
    });
    let name = named.as_deref().unwrap_or(EXAMPLE);
    let resolver = Resolver::system();
    match tokio::time::timeout(NAME_WITHIN, resolver.resolve(name, Family::Auto, NAME_WITHIN)).await {
        Ok(Ok(found)) => {
            Finding::ok(ABOUT, format!("the resolver works: {name} has {} addresses", found.len()))
        }
        Ok(Err(fault)) if fault.side == Side::Us => Finding::bad(ABOUT, fault.to_string(), HINT),
        Ok(Err(fault)) => Finding::warning(
            ABOUT,
            format!("the resolver answers, but not with an address: {fault}"),
            "check the name",
        ),
        Err(_) => {
            Finding::bad(ABOUT, format!("no answer for {name} within {} s", NAME_WITHIN.as_secs()), HINT)
        }
    }
}

/// The kernel's own opinion first; what really answers can only be said of an address that the operator gave us.
pub async fn ipv6(config: Option<&Config>) -> Finding {
    const ABOUT: &str = "IPv6";
    let way = UdpSocket::bind("[::]:0").and_then(|s| s.connect((FAR_V6, 53)).and_then(|()| s.local_addr()));
    let from = match way {
        Ok(SocketAddr::V6(from)) if is_global(*from.ip()) => from,
        _ => {
            return Finding::warning(
                ABOUT,
                "no route from a public address: what has only an IPv6 address may not be seen from here",
                "give this machine IPv6, or leave such targets to another place",
            );
        }
    };
    let tried = config
        .iter()
        .flat_map(|c| &c.uplink.targets)
        .find_map(|t| t.parse::<SocketAddr>().ok().filter(SocketAddr::is_ipv6));
    match tried {
        None => Finding::ok(ABOUT, format!("there is a route, from {}; nothing was sent", from.ip())),
        Some(to) if connects(&to.to_string()).await => Finding::ok(ABOUT, format!("{to} takes connections")),
        Some(to) => Finding::warning(
            ABOUT,
            format!("there is a route, but {to} takes no connection"),
            "check the firewall, or the address in [uplink]",
        ),
    }
}

fn is_global(from: Ipv6Addr) -> bool {
    !(from.is_loopback() || from.is_unspecified() || from.is_unique_local() || from.is_unicast_link_local())
}

async fn connects(to: &str) -> bool {
    matches!(tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(to)).await, Ok(Ok(_)))
}

pub async fn uplink(config: &Config) -> Finding {
    const ABOUT: &str = "uplink";
    let targets = &config.uplink.targets;
    let mut silent = Vec::new();
    for target in targets {
        if !connects(target).await {
            silent.push(target.as_str());
        }
    }
    if targets.is_empty() {
        if config.checks.iter().all(|c| c.spec.spec.is_local()) {
            return Finding::ok(ABOUT, "not judged; everything watched is on this machine");
        }
        let hint = "[uplink] targets = [\"1.1.1.1:443\", \"9.9.9.9:443\"]";
        return Finding::warning(
            ABOUT,
            "not judged: when our own line is cut, the targets may be blamed",
            hint,
        );
    }
    match silent.len() {
        0 => Finding::ok(ABOUT, format!("all {} targets take connections", targets.len())),
        n if n == targets.len() => Finding::bad(
            ABOUT,
            "none of its targets takes a connection: everything would be unknown",
            "check the line and [uplink] targets",
        ),
        _ => Finding::warning(
            ABOUT,
            format!("{} takes no connection", silent.join(", ")),
            "replace it in [uplink] targets",
        ),
    }
}

/// Only an address of our own can be bound to.
pub(super) fn is_ours(ip: IpAddr) -> bool {
    !ip.is_unspecified() && !ip.is_multicast() && UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_ours_and_the_documentation_net_is_not() {
        assert!(is_ours("127.0.0.1".parse().unwrap()));
        assert!(!is_ours("192.0.2.1".parse().unwrap()));
        assert!(!is_ours("0.0.0.0".parse().unwrap()));
    }

    #[test]
    fn each_host_is_named_once_without_its_port() {
        let text = "[[service]]\nid = \"a\"\nurl = \"https://e.example/x\"\n[[service]]\nid = \"b\"\nurl = \"tcp://e.example:25\"\n[[service]]\nid = \"c\"\nurl = \"http://[::1]:81/\"\n";
        let config = Config::parse("a.toml", text).unwrap_or_else(|r| panic!("{r}"));
        assert_eq!(hosts(&config), BTreeSet::from(["e.example".to_owned(), "[::1]".to_owned()]));
    }
}
