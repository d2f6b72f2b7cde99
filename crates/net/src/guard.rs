//! Which addresses we may connect to on whose behalf (server-side request forgery).
//!
//! The check is made on the address that is then connected to, never on the name before it is resolved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whose wish it is to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// The operator's configuration file: anything but cloud metadata.
    #[default]
    Operator,
    /// Somebody from outside (a subscriber's webhook): public addresses only.
    Public,
    /// An answer from this address sends us on to another host. A target may only lead to places as public as
    /// itself: anyone may lead to a public address, a private one to private ones, loopback to loopback.
    LedFrom(IpAddr),
}

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Public,
    /// Private and shared ranges, unique local addresses.
    Private,
    Loopback,
    /// Link-local, the unspecified address, multicast, documentation and reserved ranges.
    Special,
    /// A cloud's metadata service, which hands out credentials. Never allowed.
    Metadata,
}

/// Why an address is refused. Does not name the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {} address is not allowed here", .0.word())]
pub struct Refused(pub Place);

// === impl Policy ===

impl Policy {
    /// # Errors
    /// When this policy does not allow `ip`.
    pub fn check(self, ip: IpAddr) -> Result<(), Refused> {
        let to = place(ip);
        let allowed = match self {
            Policy::Operator => to != Place::Metadata,
            Policy::Public => to == Place::Public,
            Policy::LedFrom(from) => match to {
                Place::Public => true,
                Place::Private => matches!(place(from), Place::Private | Place::Loopback),
                Place::Loopback => place(from) == Place::Loopback,
                Place::Special | Place::Metadata => false,
            },
        };
        if allowed { Ok(()) } else { Err(Refused(to)) }
    }
}

// === impl Place ===

impl Place {
    fn word(self) -> &'static str {
        match self {
            Place::Public => "public",
            Place::Private => "private",
            Place::Loopback => "loopback",
            Place::Special => "special-purpose",
            Place::Metadata => "cloud metadata",
        }
    }
}

/// What kind of place `ip` is. IPv6 forms that carry an IPv4 address are judged by that address.
#[must_use]
pub fn place(ip: IpAddr) -> Place {
    match ip {
        IpAddr::V4(v4) => place4(v4),
        IpAddr::V6(v6) => match embedded(v6) {
            Some(v4) => place4(v4),
            None => place6(v6),
        },
    }
}

fn place4(ip: Ipv4Addr) -> Place {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        // AWS, GCP, Azure and others; Alibaba Cloud; Oracle Cloud
        _ if [[169, 254, 169, 254], [100, 100, 100, 200], [192, 0, 0, 192]].contains(&ip.octets()) => {
            Place::Metadata
        }
        (127, ..) => Place::Loopback,
        (10, ..) | (192, 168, _) => Place::Private,
        (172, 16..=31, _) => Place::Private,
        // carrier-grade NAT (RFC 6598)
        (100, 64..=127, _) => Place::Private,
        (0, ..) | (169, 254, _) | (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) => Place::Special,
        // benchmarks (RFC 2544), relay anycast, multicast, reserved, broadcast
        (198, 18 | 19, _) | (192, 88, 99) | (224..=255, ..) => Place::Special,
        _ => Place::Public,
    }
}

fn place6(ip: Ipv6Addr) -> Place {
    let s = ip.segments();
    match s[0] {
        // AWS; GCP
        _ if s == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] || s == [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => {
            Place::Metadata
        }
        _ if ip.is_loopback() => Place::Loopback,
        0xfc00..=0xfdff => Place::Private,
        // Only 2000::/3 is global unicast; in it Teredo, ORCHID and documentation are not
        0x2001 if s[1] < 0x200 || s[1] == 0xdb8 => Place::Special,
        0x3fff if s[1] < 0x1000 => Place::Special,
        0x2000..=0x3fff => Place::Public,
        _ => Place::Special,
    }
}

/// The IPv4 address in a mapped (`::ffff:a.b.c.d`), NAT64 (`64:ff9b::a.b.c.d`) or 6to4 (`2002:…`) address.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = ip.segments();
    let join = |hi: u16, lo: u16| Some(Ipv4Addr::from((u32::from(hi) << 16) | u32::from(lo)));
    match s {
        [0, 0, 0, 0, 0, 0xffff, hi, lo] | [0x64, 0xff9b, 0, 0, 0, 0, hi, lo] => join(hi, lo),
        [0x2002, hi, lo, ..] => join(hi, lo),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_placed() {
        let table = [
            ("93.184.216.34", Place::Public),
            ("10.1.2.3", Place::Private),
            ("172.16.0.1", Place::Private),
            ("172.32.0.1", Place::Public),
            ("192.168.1.1", Place::Private),
            ("100.64.0.1", Place::Private),
            ("127.0.0.1", Place::Loopback),
            ("127.255.0.1", Place::Loopback),
            ("0.0.0.0", Place::Special),
            ("169.254.1.1", Place::Special),
            ("169.254.169.254", Place::Metadata),
            ("100.100.100.200", Place::Metadata),
            ("224.0.0.1", Place::Special),
            ("255.255.255.255", Place::Special),
            ("::1", Place::Loopback),
            ("::", Place::Special),
            ("fe80::1", Place::Special),
            ("ff02::1", Place::Special),
            ("fd12::1", Place::Private),
            ("fd00:ec2::254", Place::Metadata),
            ("2606:4700::1111", Place::Public),
            ("2001:db8::1", Place::Special),
            ("::ffff:10.0.0.1", Place::Private),
            ("::ffff:169.254.169.254", Place::Metadata),
            ("64:ff9b::7f00:1", Place::Loopback),
            ("2002:a9fe:a9fe::1", Place::Metadata),
        ];
        for (ip, want) in table {
            assert_eq!(place(ip.parse().unwrap()), want, "{ip}");
        }
    }

    #[test]
    fn the_operator_may_watch_private_addresses_but_nobody_metadata() {
        let check = |policy: Policy, ip: &str| policy.check(ip.parse().unwrap()).is_ok();
        assert!(check(Policy::Operator, "10.0.0.1") && check(Policy::Operator, "127.0.0.1"));
        assert!(!check(Policy::Operator, "169.254.169.254") && !check(Policy::Operator, "::ffff:a9fe:a9fe"));
        assert!(check(Policy::Public, "93.184.216.34"));
        for ip in ["10.0.0.1", "127.0.0.1", "::1", "0.0.0.0", "169.254.0.1", "fe80::1", "ff02::1"] {
            assert!(!check(Policy::Public, ip), "{ip}");
        }
    }

    #[test]
    fn a_redirect_leads_only_to_places_as_public_as_where_it_came_from() {
        let may =
            |from: &str, to: &str| Policy::LedFrom(from.parse().unwrap()).check(to.parse().unwrap()).is_ok();
        assert!(
            may("93.184.216.34", "1.1.1.1") && may("10.0.0.1", "1.1.1.1") && may("127.0.0.1", "10.0.0.1")
        );
        assert!(may("10.0.0.1", "10.0.0.2") && may("127.0.0.1", "127.0.0.2"));
        assert!(!may("93.184.216.34", "10.0.0.1") && !may("93.184.216.34", "127.0.0.1"));
        assert!(
            !may("10.0.0.1", "127.0.0.1")
                && !may("127.0.0.1", "169.254.169.254")
                && !may("127.0.0.1", "0.0.0.0")
        );
    }
}
