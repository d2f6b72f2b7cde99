//! Whether the teller outlives the told: what the status page has in common with what it reports on, as far as it can be
//! seen from here. What cannot be seen (the owner of a network, a data centre, a power line, an account) is said to be not compared: silence
//! about it would be taken for an *ok*.

use super::{
    Finding, NAMED_MAX, list,
    network::{hosts, is_ours},
};
use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};
use stillhere_config::Config;
use stillhere_net::dns::{Family, Host, Resolver};
use stillhere_send::ChannelSpec;
use tokio::task::JoinSet;

/// Hosts that are compared; the first ones in the alphabet.
const HOSTS_MAX: usize = 50;
const LOOK_UP_WITHIN: Duration = Duration::from_secs(3);
/// Addresses that agree in so many bits are in one network: what is routed, and fails, together.
const NETWORK_BITS: (u32, u32) = (24, 48);
/// Said with every answer.
const NOT_COMPARED: &str =
    "Not compared, because it cannot be seen from here: provider and AS, data centre, power, accounts";

/// What one host stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sight {
    host: String,
    addresses: BTreeSet<IpAddr>,
    /// The zone that its name is in, and that zone's name servers.
    zone: Option<(String, BTreeSet<String>)>,
    here: bool,
}

/// What the status page, or the way to staff, has in common with something that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    Machine,
    Address,
    Network,
    Zone,
    NameServers,
}

/// Looks everything up, and compares.
pub async fn all(config: &Config) -> Vec<Finding> {
    let resolver = Arc::new(Resolver::system());
    let url = config.site.url.as_ref().map(ToString::to_string).unwrap_or_default();
    let page = host_of(&url);
    let mails: BTreeSet<String> = config
        .channels
        .iter()
        .filter_map(|c| match &c.spec {
            ChannelSpec::Mail(m) => Some(m.host.clone()),
            _ => None,
        })
        .collect();
    let watched: Vec<String> = hosts(config).into_iter().take(HOSTS_MAX).collect();
    let mut looked_up = JoinSet::new();
    for host in page.iter().chain(&mails).chain(&watched).cloned().collect::<BTreeSet<_>>() {
        let resolver = resolver.clone();
        looked_up.spawn(async move { sight(&resolver, host).await });
    }
    let sights = looked_up.join_all().await;
    let of = |host: &String| sights.iter().find(|s| s.host == *host);
    let watched: Vec<&Sight> = watched.iter().filter_map(of).collect();
    let mut page_sight = page.as_ref().and_then(of).cloned().unwrap_or_default();
    // Wherever its name leads, it is made on this machine.
    page_sight.here = true;
    let mut findings = vec![of_page(page.is_some(), &page_sight, &watched)];
    for mail in mails.iter().filter_map(of) {
        findings.push(of_mail(mail, &watched));
    }
    findings
}

fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    let host = rest.split(['/', '?', '#']).next()?;
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => host,
    };
    (!host.is_empty()).then(|| host.to_owned())
}

async fn sight(resolver: &Resolver, host: String) -> Sight {
    let mut sight = Sight { host: host.clone(), ..Sight::default() };
    match Host::parse(&host) {
        None => {}
        Some(Host::Ip(ip)) => {
            sight.addresses.insert(ip);
        }
        Some(Host::Name(name)) if &*name == "localhost" || name.ends_with(".localhost") => sight.here = true,
        Some(Host::Name(name)) => {
            for family in [Family::V4, Family::V6] {
                let found =
                    tokio::time::timeout(LOOK_UP_WITHIN, resolver.resolve(&name, family, LOOK_UP_WITHIN))
                        .await;
                sight.addresses.extend(found.ok().and_then(Result::ok).unwrap_or_default());
            }
            let zone = tokio::time::timeout(LOOK_UP_WITHIN, resolver.zone_of(&name)).await;
            sight.zone = zone.ok().flatten();
        }
    }
    sight.here |= sight.addresses.iter().any(|ip| is_ours(*ip));
    sight
}

/// The gravest thing that two hosts have in common.
#[must_use]
pub fn shared(a: &Sight, b: &Sight) -> Option<Shared> {
    if a.here && b.here {
        return Some(Shared::Machine);
    }
    if a.addresses.intersection(&b.addresses).next().is_some() {
        return Some(Shared::Address);
    }
    if a.addresses.iter().any(|x| b.addresses.iter().any(|y| same_network(*x, *y))) {
        return Some(Shared::Network);
    }
    let ((zone_a, servers_a), (zone_b, servers_b)) = (a.zone.as_ref()?, b.zone.as_ref()?);
    if zone_a == zone_b {
        return Some(Shared::Zone);
    }
    (servers_a.intersection(servers_b).next().is_some()).then_some(Shared::NameServers)
}

fn same_network(a: IpAddr, b: IpAddr) -> bool {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= NETWORK_BITS.0,
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= NETWORK_BITS.1,
        _ => false,
    }
}

fn of_page(has_url: bool, page: &Sight, watched: &[&Sight]) -> Finding {
    const ABOUT: &str = "where we stand";
    let (unknown, known): (Vec<&&Sight>, Vec<&&Sight>) =
        watched.iter().partition(|s| !s.here && s.addresses.is_empty());
    let mut unknown: Vec<&str> = unknown.iter().map(|s| s.host.as_str()).collect();
    let found = gravest(page, known.into_iter().copied());
    let mut compared = "compared: machine, addresses, networks (/24, /48), DNS zone, name servers".to_owned();
    if !has_url {
        compared = format!("compared only with this machine, because [site] url is not set; {compared}");
    }
    let not_found = if unknown.is_empty() {
        String::new()
    } else {
        unknown.truncate(NAMED_MAX);
        format!(" ({} could not be looked up)", unknown.join(", "))
    };
    match found {
        None if watched.is_empty() => {
            Finding::ok(ABOUT, "nothing that is watched has a name or an address to compare")
        }
        None if !not_found.is_empty() && watched.iter().all(|s| !s.here && s.addresses.is_empty()) => {
            Finding::warning(
                ABOUT,
                format!("not judged{not_found}: nothing that is watched could be looked up. {NOT_COMPARED}"),
                "run doctor again where names can be looked up",
            )
        }
        None => Finding::ok(
            ABOUT,
            format!(
                "the status page stands on nothing that it reports on; {compared}{not_found}. {NOT_COMPARED}"
            ),
        ),
        Some((what, hosts)) => {
            let (said, hint) = words(what, &hosts);
            Finding::warning(ABOUT, format!("{said}; {compared}{not_found}. {NOT_COMPARED}"), hint)
        }
    }
}

fn of_mail(mail: &Sight, watched: &[&Sight]) -> Finding {
    const ABOUT: &str = "the way to staff";
    match gravest(mail, watched.iter().copied()) {
        None => {
            Finding::ok(ABOUT, format!("the mail server {} stands on nothing that is watched", mail.host))
        }
        Some((what, hosts)) => {
            let with = match what {
                Shared::Machine => "is on the same machine as",
                Shared::Address => "has the same address as",
                Shared::Network => "is in the same network as",
                Shared::Zone => "has its name in the same zone as",
                Shared::NameServers => "has the same name servers as",
            };
            Finding::warning(
                ABOUT,
                format!(
                    "the mail server {} {with} {}: when that fails, the alert may not arrive",
                    mail.host,
                    list(&hosts)
                ),
                "add a channel that goes another way",
            )
        }
    }
}

/// The gravest thing in common with any of them, and with which.
fn gravest<'a>(one: &Sight, others: impl Iterator<Item = &'a Sight>) -> Option<(Shared, Vec<&'a str>)> {
    let mut all: Vec<(Shared, &str)> =
        others.filter_map(|o| Some((shared(one, o)?, o.host.as_str()))).collect();
    all.sort_unstable();
    let worst = all.first()?.0;
    Some((worst, all.into_iter().filter(|(w, _)| *w == worst).map(|(_, host)| host).collect()))
}

fn words(what: Shared, hosts: &[&str]) -> (String, &'static str) {
    let hosts = list(hosts);
    match what {
        Shared::Machine => (
            format!("{hosts}: on this machine. When it dies, the page dies with it, and nobody says so"),
            "run Stillhere elsewhere, or publish a static copy elsewhere ([publish])",
        ),
        Shared::Address => (
            format!(
                "{hosts}: the status page is reached at the same address. What takes one down takes down the other"
            ),
            "give the status page an address of its own, with another provider",
        ),
        Shared::Network => (
            format!("{hosts}: in the same network as the status page. When it is cut off, both are"),
            "run Stillhere in another network, or publish a static copy elsewhere ([publish])",
        ),
        Shared::Zone => (
            format!(
                "{hosts}: named in the same DNS zone as the status page. When the zone breaks, neither is found"
            ),
            "give the status page a name in another zone, such as example-status.com",
        ),
        Shared::NameServers => (
            format!(
                "{hosts}: their names are kept by the same name servers as the status page's. When these fail, neither is found"
            ),
            "keep the zone of the status page with another DNS provider",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    fn seen(host: &str, addresses: &[&str], zone: &str, servers: &[&str]) -> Sight {
        Sight {
            host: host.to_owned(),
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            zone: Some((zone.to_owned(), servers.iter().map(|s| (*s).to_owned()).collect())),
            here: false,
        }
    }

    #[test]
    fn the_gravest_thing_in_common_is_named() {
        let page =
            seen("status.example", &["192.0.2.1", "2001:db8:1::1"], "status.example", &["ns1.a.example"]);
        let mut here = page.clone();
        here.here = true;
        for (other, want) in [
            (here.clone(), Some(Shared::Address)),
            (seen("x", &["192.0.2.1"], "x.example", &["ns.b"]), Some(Shared::Address)),
            (seen("x", &["192.0.2.200"], "x.example", &["ns.b"]), Some(Shared::Network)),
            (seen("x", &["2001:db8:1:ffff::1"], "x.example", &["ns.b"]), Some(Shared::Network)),
            (seen("x", &["2001:db8:2::1"], "x.example", &["ns.b"]), None),
            (seen("x", &["192.0.3.1"], "status.example", &["ns.b"]), Some(Shared::Zone)),
            (seen("x", &["192.0.3.1"], "x.example", &["ns2.b", "ns1.a.example"]), Some(Shared::NameServers)),
            (seen("x", &["192.0.3.1"], "x.example", &["ns.b"]), None),
        ] {
            assert_eq!(shared(&page, &other), want, "{other:?}");
        }
        assert_eq!(shared(&here, &here), Some(Shared::Machine));
    }

    #[test]
    fn what_was_compared_is_said_and_what_cannot_be_seen_too() {
        let page = seen("status.example", &["192.0.2.1"], "status.example", &["ns.a"]);
        let far = seen("shop.example", &["198.51.100.1"], "shop.example", &["ns.b"]);
        let near = seen("shop.example", &["192.0.2.9"], "shop.example", &["ns.b"]);
        let lost = Sight { host: "gone.example".to_owned(), ..Sight::default() };
        let fine = of_page(true, &page, &[&far]);
        assert_eq!(fine.level, Level::Ok);
        assert!(
            fine.said.contains("compared: machine, addresses")
                && fine.said.contains("cannot be seen from here")
        );
        let risky = of_page(true, &page, &[&far, &near]);
        assert_eq!(risky.level, Level::Warning);
        assert!(risky.said.contains("shop.example: in the same network"), "{}", risky.said);
        let blind = of_page(true, &page, &[&lost]);
        assert_eq!(blind.level, Level::Warning, "what cannot be told is never an ok");
        assert!(of_page(true, &page, &[&far, &lost]).said.contains("gone.example could not be looked up"));
        assert!(of_page(false, &page, &[&far]).said.contains("[site] url is not set"));
        assert_eq!(of_mail(&page, &[&near]).level, Level::Warning);
        assert_eq!(of_mail(&page, &[&far]).level, Level::Ok);
    }

    #[test]
    fn the_host_is_taken_out_of_an_address() {
        for (url, host) in [
            ("https://status.example.com/x", Some("status.example.com")),
            ("http://127.0.0.1:8080", Some("127.0.0.1")),
            ("http://[::1]:8080/", Some("[::1]")),
            ("", None),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
    }
}
