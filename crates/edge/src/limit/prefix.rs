//! A network: an address and how many bits of it count.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, net::IpAddr, str::FromStr};

/// A network, such as `203.0.113.0/24` or `2001:db8::/48`. Bits behind its length are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

// === impl Prefix ===

impl Prefix {
    /// The network of this length that holds `ip`. Longer than an address is the address.
    #[must_use]
    pub fn of(ip: IpAddr, length: u8) -> Prefix {
        match ip.to_canonical() {
            IpAddr::V4(v4) => {
                let length = length.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                Prefix { address: IpAddr::V4((u32::from(v4) & mask).into()), length }
            }
            IpAddr::V6(v6) => {
                let length = length.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                Prefix { address: IpAddr::V6((u128::from(v6) & mask).into()), length }
            }
        }
    }

    /// What counts as one client: an IPv4 address, or an IPv6 /64.
    #[must_use]
    pub fn of_client(ip: IpAddr) -> Prefix {
        let ip = ip.to_canonical();
        Prefix::of(ip, if ip.is_ipv4() { 32 } else { 64 })
    }

    /// What counts as one network: a /24, or an IPv6 /48.
    #[must_use]
    pub fn of_network(ip: IpAddr) -> Prefix {
        let ip = ip.to_canonical();
        Prefix::of(ip, if ip.is_ipv4() { 24 } else { 48 })
    }

    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }
    #[must_use]
    pub fn length(&self) -> u8 {
        self.length
    }

    #[must_use]
    pub fn holds(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_ipv4() == self.address.is_ipv4() && Prefix::of(ip, self.length) == *self
    }
}

impl FromStr for Prefix {
    type Err = &'static str;

    /// An address alone is the network of only itself.
    fn from_str(text: &str) -> Result<Prefix, &'static str> {
        const NOT: &str = "is not a network such as 203.0.113.0/24";
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let ip: IpAddr = address.parse().map_err(|_| NOT)?;
        if ip.to_canonical() != ip {
            return Err("is an IPv4 address written as IPv6; write it as IPv4");
        }
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => most,
            Some(l) if l.is_empty() || l.len() > 3 || !l.bytes().all(|b| b.is_ascii_digit()) => {
                return Err(NOT);
            }
            Some(l) => l.parse().ok().filter(|l| *l <= most).ok_or(NOT)?,
        };
        let prefix = Prefix::of(ip, length);
        // 10.0.0.1/8 is a slip: either the address or the length is not what was meant.
        if prefix.address == ip { Ok(prefix) } else { Err("has bits set behind its length") }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Prefix, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Prefix {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Prefix".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "examples": ["203.0.113.0/24", "2001:db8::/48"] })
    }
}
