//! What one visitor may do at most.
//!
//! The failure it defends against: a few clients that take what all share. Connections are counted by address and by
//! network, requests are metered by address, by network and by a key; slow peers are ended by the deadlines that
//! [`gate`](crate::gate) enforces with the values from here; the ban list shuts networks out at the door.
//!
//! Nothing here grows with the number of attackers. Connections are counted only for addresses that have one, so their
//! table is bounded by the connections themselves. Requests are metered in tables of fixed size
//! ([`meter`]): a network's addresses live in a few cells that its own prefix chooses (its shuffle shard), so whoever
//! has many addresses crowds out only their neighbours' counters, and to be crowded out is to be forgotten: it never
//! refuses anybody. The network's own meter still holds.
//!
//! An IPv6 address counts as its /64, which is what one household or one rented server has. A network is a /24 or a
//! /48. Trusted proxies ([`LimitSpec::trust_forwarded_from`]) are counted for nobody: whom they speak for is.

mod bans;
mod client;
mod meter;
mod prefix;
mod seats;
mod slow;
mod spec;
#[cfg(test)]
mod tests;

pub use bans::{BANS_MAX, Ban, BanError};
pub(crate) use client::cookie;
pub use prefix::Prefix;
pub use seats::Seat;
pub use slow::Paced;
pub use spec::{ForwardedHeader, KeySpec, LimitSpec, Rate};

use crate::spec::Problem;
use arc_swap::ArcSwap;
use bans::Bans;
use http::HeaderMap;
use meter::Meter;
use seats::Seats;
use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use stillhere_model::Time;

/// Bytes that wait unsent in the kernel for one client before we are asked for no more: with more, a client's slowness
/// shows only when megabytes lie there.
pub const UNSENT_MAX: u32 = 128 * 1024;

/// The limits in force, and who has used how much of them. Shared by all workers.
#[derive(Debug)]
pub struct Limits {
    spec: ArcSwap<LimitSpec>,
    seats: Arc<Seats>,
    addresses: Meter,
    networks: Meter,
    keys: Meter,
    bans: Bans,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    pub ip: IpAddr,
    /// The value of the header or cookie that [`LimitSpec::by_key`] names.
    pub key: Option<&'a str>,
}

/// Why a connection is not taken. It is closed without a word: words cost more than the refusal saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there are too many connections")]
    Full,
    #[error("this address has too many connections")]
    AddressFull,
    #[error("this network has too many connections")]
    NetworkFull,
    #[error("this address is banned")]
    Banned,
}

/// There were too many requests: 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests")]
pub struct TooMany {
    /// When one would be taken, if no other came.
    pub retry_after: Duration,
    pub by: By,
}

/// Which meter said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum By {
    Address,
    Network,
    Key,
}

// === impl Limits ===

impl Limits {
    /// `secret` makes it unknowable which clients share a cell; `now` is where the meters start.
    #[must_use]
    pub fn new(spec: &LimitSpec, secret: u64, now: Instant) -> Limits {
        Limits {
            spec: ArcSwap::from_pointee(spec.clone()),
            seats: Arc::default(),
            addresses: Meter::new(secret, now),
            networks: Meter::new(secret.rotate_left(21), now),
            keys: Meter::new(secret.rotate_left(42), now),
            bans: Bans::default(),
        }
    }

    /// Other limits from now on. What was counted stays counted.
    pub fn reload(&self, spec: &LimitSpec) {
        self.spec.store(Arc::new(spec.clone()));
    }

    #[must_use]
    pub fn spec(&self) -> Arc<LimitSpec> {
        self.spec.load_full()
    }

    /// A place for a connection, given back when the seat is dropped.
    ///
    /// # Errors
    /// When it is banned, or there is no place.
    pub fn connection(&self, ip: IpAddr, now: Time) -> Result<Seat, Refused> {
        let ip = ip.to_canonical();
        if self.bans.holds(ip, now) {
            return Err(Refused::Banned);
        }
        let spec = self.spec.load();
        Seats::take(&self.seats, ip, &spec, is_trusted(&spec, ip))
    }

    /// Connections at the moment.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.seats.taken()
    }

    /// Counts a request. A refused one is counted by none of the meters behind the one that refused it, so that one
    /// address cannot use up its network.
    ///
    /// # Errors
    /// When there were too many.
    pub fn request(&self, who: &Who<'_>, now: Instant) -> Result<(), TooMany> {
        let spec = self.spec.load();
        let address = Prefix::of_client(who.ip);
        let network = Prefix::of_network(who.ip);
        let refused = |by| move |retry_after| TooMany { retry_after, by };
        if let Some(rate) = spec.by_address {
            self.addresses.count(&network, &address, rate, now).map_err(refused(By::Address))?;
        }
        if let Some(rate) = spec.by_network {
            self.networks.count(&network, &network, rate, now).map_err(refused(By::Network))?;
        }
        if let (Some(by), Some(key)) = (&spec.by_key, who.key) {
            self.keys.count(&key, &key, by.rate(), now).map_err(refused(By::Key))?;
        }
        Ok(())
    }

    /// The key by which this request is counted, if there is one.
    #[must_use]
    pub fn key(&self, headers: &HeaderMap) -> Option<String> {
        client::key(self.spec.load().by_key.as_ref()?, headers)
    }

    /// Who is at the other end: the peer, or whom a trusted proxy names.
    #[must_use]
    pub fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let spec = self.spec.load();
        client::address(&spec, peer.to_canonical(), headers)
    }

    /// Whether this peer's word about who the client is counts, and in which header.
    #[must_use]
    pub fn trusted(&self, peer: IpAddr) -> Option<ForwardedHeader> {
        let spec = self.spec.load();
        is_trusted(&spec, peer.to_canonical()).then_some(spec.forwarded_header)
    }

    /// Shuts a network out, at the door and (through [`Limits::is_banned`]) behind a proxy.
    ///
    /// # Errors
    /// When it is too wide, has ended already, is not explained, or there are too many.
    pub fn ban(&self, prefix: Prefix, until: Time, why: &str, now: Time) -> Result<(), BanError> {
        self.bans.add(prefix, until, why, now)
    }

    /// True: there was one.
    pub fn unban(&self, prefix: Prefix) -> bool {
        self.bans.remove(prefix)
    }

    /// Those that hold now.
    #[must_use]
    pub fn bans(&self, now: Time) -> Vec<Ban> {
        self.bans.list(now)
    }

    /// For the client that a trusted proxy speaks for; peers are seen at [`Limits::connection`].
    #[must_use]
    pub fn is_banned(&self, ip: IpAddr, now: Time) -> bool {
        self.bans.holds(ip.to_canonical(), now)
    }

    /// Tells the kernel what the deadlines mean for this socket: it gives up a client that acknowledges nothing, and
    /// shows a client's slowness early.
    ///
    /// # Errors
    /// Those of the kernel.
    pub fn tune(&self, socket: &tokio::net::TcpStream) -> std::io::Result<()> {
        let socket = socket2::SockRef::from(socket);
        socket.set_tcp_nodelay(true)?;
        #[cfg(target_os = "linux")]
        {
            socket.set_tcp_user_timeout(Some(self.spec.load().write_stall))?;
            socket.set_tcp_notsent_lowat(UNSENT_MAX)?;
        }
        Ok(())
    }
}

fn is_trusted(spec: &LimitSpec, ip: IpAddr) -> bool {
    spec.trust_forwarded_from.iter().any(|p| p.holds(ip))
}

impl LimitSpec {
    /// What is wrong with it; paths are relative to its table.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        spec::validate(self)
    }
}
