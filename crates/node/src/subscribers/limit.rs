//! How often one network may ask.
//!
//! The threat: one machine fills in the form for a thousand strangers. What each mailbox gets is bounded in the store; this
//! bounds what one network can begin. It is kept in memory: a restart forgives, and the bounds in the store stay.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

/// Requests of one address in [`WINDOW_MS`]. Behind one address there may be an office.
const OF_ADDRESS: u32 = 20;
/// Requests of the network around it (IPv4 /24, IPv6 /48).
const OF_NETWORK: u32 = 100;
const WINDOW_MS: i64 = 3_600_000;
/// Networks that are counted. When there are more, those that asked longest ago are forgotten.
const COUNTED_MAX: usize = 20_000;

#[derive(Debug, Default)]
pub(super) struct Limiter {
    /// Since when, and how often since.
    counted: HashMap<(IpAddr, u8), (i64, u32)>,
}

// === impl Limiter ===

impl Limiter {
    /// Counts a request and says whether it may be carried out.
    pub(super) fn allow(&mut self, from: IpAddr, now_ms: i64) -> bool {
        if self.counted.len() >= COUNTED_MAX {
            self.counted.retain(|_, (since, _)| now_ms - *since < WINDOW_MS);
            if self.counted.len() >= COUNTED_MAX {
                let mut since: Vec<i64> = self.counted.values().map(|(since, _)| *since).collect();
                since.sort_unstable();
                let middle = since[since.len() / 2];
                self.counted.retain(|_, (since, _)| *since > middle);
            }
        }
        let (address, network) = match from {
            IpAddr::V4(_) => ((masked(from, 32), 32), (masked(from, 24), 24)),
            // A household has a /64 and any number of addresses in it.
            IpAddr::V6(_) => ((masked(from, 64), 64), (masked(from, 48), 48)),
        };
        let own = self.count(address, now_ms) <= OF_ADDRESS;
        let around = self.count(network, now_ms) <= OF_NETWORK;
        own && around
    }

    fn count(&mut self, key: (IpAddr, u8), now_ms: i64) -> u32 {
        let (since, n) = self.counted.entry(key).or_insert((now_ms, 0));
        if now_ms - *since >= WINDOW_MS {
            (*since, *n) = (now_ms, 0);
        }
        *n = n.saturating_add(1);
        *n
    }
}

fn masked(ip: IpAddr, bits: u8) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            IpAddr::V4((u32::from(v4) & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX << (128 - u32::from(bits.min(128)));
            IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(s: &str) -> IpAddr {
        s.parse().unwrap()
    }

    #[test]
    fn an_address_a_network_and_an_hour_have_their_bounds() {
        let mut limiter = Limiter::default();
        for _ in 0..OF_ADDRESS {
            assert!(limiter.allow(ip("192.0.2.1"), 0));
        }
        assert!(!limiter.allow(ip("192.0.2.1"), 1));
        assert!(limiter.allow(ip("192.0.2.2"), 1), "a neighbour has their own");
        assert!(limiter.allow(ip("192.0.2.1"), WINDOW_MS), "an hour later");
        let allowed = (0..=255).filter(|n| limiter.allow(ip(&format!("198.51.100.{n}")), 0)).count();
        assert_eq!(allowed, OF_NETWORK as usize);
        let mut limiter = Limiter::default();
        let allowed = (0..1_000).filter(|n| limiter.allow(ip(&format!("2001:db8::{n:x}")), 0)).count();
        assert_eq!(allowed, OF_ADDRESS as usize, "a household has one /64");
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let mut limiter = Limiter::default();
        for n in 0..100_000u32 {
            limiter.allow(IpAddr::V4((n << 8).into()), i64::from(n));
            assert!(limiter.counted.len() <= COUNTED_MAX + 2);
        }
    }
}
