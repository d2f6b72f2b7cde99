//! Echo requests and replies over one socket that is connected to one address.

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Instant,
};
use stillhere_net::{Fault, Phase, clock, entropy};
use tokio::net::UdpSocket;

/// Head of an ICMP message.
const HEAD: usize = 8;
/// What tells our pings from everybody else's.
const COOKIE: usize = 8;
/// Larger than any reply to what we send, its IP head included.
const MAX_MESSAGE: usize = 2_048;

/// How this machine lets us ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Through `net.ipv4.ping_group_range`: the smaller right.
    Datagram,
    /// Through `CAP_NET_RAW`.
    Raw,
    /// Not at all.
    Denied,
    /// This machine does not speak this version of IP.
    NoFamily,
}

/// How this machine lets us ping, for `doctor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    pub v4: Access,
    pub v6: Access,
}

/// One socket, connected to one address.
pub(super) struct Echo {
    /// Of another protocol, but it is the same calls: send and receive on a connected socket.
    socket: UdpSocket,
    v6: bool,
    raw: bool,
    id: u16,
    cookie: [u8; COOKIE],
}

/// What came instead of a reply.
#[derive(Debug)]
pub(super) enum Got {
    /// Said by somebody on the way, or by our own system for want of a neighbour.
    Unreachable,
    Fault(Box<Fault>),
}

/// What this process may do. Opens a socket of each kind and closes it again.
#[must_use]
pub fn permission() -> Permission {
    let access = |domain| match open(domain) {
        Ok((_, false)) => Access::Datagram,
        Ok((_, true)) => Access::Raw,
        Err(e) if is_permission(&e) => Access::Denied,
        Err(_) => Access::NoFamily,
    };
    Permission { v4: access(Domain::IPV4), v6: access(Domain::IPV6) }
}

// === impl Permission ===

impl Permission {
    #[must_use]
    pub fn is_granted(self) -> bool {
        [self.v4, self.v6].iter().any(|a| matches!(a, Access::Datagram | Access::Raw))
    }

    /// What an operator can do when pings are denied.
    #[must_use]
    pub fn hint() -> &'static str {
        "run `sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"`, or give the program CAP_NET_RAW \
         (systemd: AmbientCapabilities=CAP_NET_RAW)"
    }
}

/// Datagram first, then raw. `true`: raw.
fn open(domain: Domain) -> io::Result<(Socket, bool)> {
    let protocol = if domain == Domain::IPV4 { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
    match Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(protocol)) {
        Ok(socket) => Ok((socket, false)),
        // A kernel may not know datagram pings at all; what counts is what the second try says.
        Err(e) if is_permission(&e) || is_unsupported(&e) => {
            Socket::new(domain, Type::RAW.nonblocking().cloexec(), Some(protocol)).map(|s| (s, true))
        }
        Err(e) => Err(e),
    }
}

fn is_permission(e: &io::Error) -> bool {
    e.kind() == io::ErrorKind::PermissionDenied
}

fn is_unsupported(e: &io::Error) -> bool {
    // EPROTONOSUPPORT and EPROTOTYPE have no kind of their own.
    matches!(e.raw_os_error(), Some(91..=94)) || e.kind() == io::ErrorKind::Unsupported
}

// === impl Echo ===

impl Echo {
    pub(super) fn open(ip: IpAddr) -> Result<Echo, Fault> {
        let v6 = ip.is_ipv6();
        let (socket, raw) = open(if v6 { Domain::IPV6 } else { Domain::IPV4 }).map_err(|e| {
            if is_permission(&e) {
                Fault::not_allowed("sending pings", format!("{e}; {}", Permission::hint()))
            } else {
                Fault::io(Phase::Connect, &e)
            }
        })?;
        // Connected: the kernel drops what comes from other addresses.
        let connect = socket.connect(&SockAddr::from(SocketAddr::new(ip, 0)));
        connect.map_err(|e| {
            Fault::immediate(&e).unwrap_or_else(|| Fault::ours("cannot make a socket", e.to_string()))
        })?;
        let socket = UdpSocket::from_std(socket.into())
            .map_err(|e| Fault::ours("cannot make a socket", e.to_string()))?;
        let [a, b] = entropy::bytes::<2>();
        Ok(Echo { socket, v6, raw, id: u16::from_be_bytes([a, b]), cookie: entropy::bytes() })
    }

    /// Sends the request with this number, with `size` bytes of payload.
    pub(super) async fn send(&self, sequence: u16, size: usize) -> Result<(), Got> {
        let message = request(self.v6, self.id, sequence, self.cookie, size);
        match self.socket.send(&message).await {
            Ok(_) => Ok(()),
            // An earlier ping's bad news may be told on this one.
            Err(e)
                if matches!(e.kind(), io::ErrorKind::HostUnreachable | io::ErrorKind::ConnectionRefused) =>
            {
                Err(Got::Unreachable)
            }
            Err(e) => {
                let fault = Fault::immediate(&e).unwrap_or_else(|| Fault::io(Phase::Connect, &e));
                Err(Got::Fault(Box::new(fault)))
            }
        }
    }

    /// The number of a reply to one of our requests, and when it came. Everything else is passed over.
    pub(super) async fn receive(&self) -> Result<(u16, Instant), Got> {
        let mut buffer = [0u8; MAX_MESSAGE];
        loop {
            match self.socket.recv(&mut buffer).await {
                Ok(length) => {
                    let at = clock::mono();
                    let id = self.raw.then_some(self.id);
                    if let Some(sequence) = reply(&buffer[..length], self.v6, self.raw, id, self.cookie) {
                        return Ok((sequence, at));
                    }
                }
                Err(e) => {
                    return Err(match e.kind() {
                        io::ErrorKind::HostUnreachable
                        | io::ErrorKind::NetworkUnreachable
                        | io::ErrorKind::ConnectionRefused => Got::Unreachable,
                        _ => Got::Fault(Box::new(Fault::io(Phase::FirstByte, &e))),
                    });
                }
            }
        }
    }
}

/// An echo request (RFC 792, RFC 4443 §4.1). The kernel fills in what it knows better: the number of a datagram
/// socket, and the checksum over IPv6, which covers addresses.
pub(super) fn request(v6: bool, id: u16, sequence: u16, cookie: [u8; COOKIE], size: usize) -> Vec<u8> {
    let mut m = Vec::with_capacity(HEAD + size.max(COOKIE));
    m.extend_from_slice(&[if v6 { 128 } else { 8 }, 0, 0, 0]);
    m.extend_from_slice(&id.to_be_bytes());
    m.extend_from_slice(&sequence.to_be_bytes());
    m.extend_from_slice(&cookie);
    m.resize(HEAD + size.max(COOKIE), 0x5a);
    if !v6 {
        let sum = checksum(&m);
        m[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    m
}

/// The number of the request this answers; `None` when it is no reply to one of ours, whatever the bytes are.
pub(super) fn reply(bytes: &[u8], v6: bool, raw: bool, id: Option<u16>, cookie: [u8; COOKIE]) -> Option<u16> {
    // A raw socket over IPv4 gives the IP head too.
    let skip = match (raw && !v6, bytes.first()?) {
        (false, _) => 0,
        (true, b @ 0x45..=0x4f) => usize::from(b & 0x0f) * 4,
        (true, _) => return None,
    };
    let m = bytes.get(skip..)?;
    let head = m.first_chunk::<HEAD>()?;
    let is_reply = head[0] == if v6 { 129 } else { 0 } && head[1] == 0;
    let ours = id.is_none_or(|id| u16::from_be_bytes([head[4], head[5]]) == id);
    let same = m.get(HEAD..HEAD + COOKIE)? == cookie;
    (is_reply && ours && same).then(|| u16::from_be_bytes([head[6], head[7]]))
}

/// The Internet checksum (RFC 1071) of a message whose checksum field is zero.
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded to 16 bits")
}
