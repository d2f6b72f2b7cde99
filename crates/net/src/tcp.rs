//! TCP connections, with the fault's owner known.
//!
//! How connections end: an ordinary close, after a request that said `Connection: close`. A reset (`SO_LINGER` 0)
//! would spare us TIME_WAIT but shows as an error in the target's log, and monitoring must not look like an attack.
//! The end that closes first keeps TIME_WAIT for a minute. With `Connection: close` that is most often the server;
//! where it is us, an entry costs the kernel about 250 bytes and one local port *per target address and port*
//! (the kernel shares a port between targets), so 28,000 ports carry some 470 looks a second at one single target.
//! Were they to run out, connect(2) says EADDRNOTAVAIL, which is `unknown`, our fault, and never blamed on the target.

use crate::{
    fault::Fault,
    guard::Policy,
    trace::{Phase, Trace, millis},
};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};
use stillhere_model::Finding;
use tokio::net::TcpStream;

/// Most addresses of one name that a look tries.
pub const MAX_ADDRESSES: usize = 8;

/// Connects to one address.
///
/// # Errors
/// With the fault's owner. There is no deadline in here.
pub async fn connect(addr: SocketAddr, nodelay: bool) -> Result<TcpStream, Fault> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM.nonblocking(), Some(Protocol::TCP))
        .map_err(|e| ours(&e))?;
    if nodelay {
        socket.set_tcp_nodelay(true).map_err(|e| ours(&e))?;
    }
    // tokio's own connect hides whether the call failed at once (our side) or later (somebody answered).
    match socket.connect(&addr.into()) {
        Ok(()) => {}
        Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(e) => return Err(Fault::immediate(&e).unwrap_or_else(|| Fault::io(Phase::Connect, &e)).at(addr)),
    }
    let stream = TcpStream::from_std(socket.into()).map_err(|e| ours(&e))?;
    stream.writable().await.map_err(|e| ours(&e))?;
    match stream.take_error() {
        Ok(None) => Ok(stream),
        Ok(Some(e)) | Err(e) => Err(Fault::io(Phase::Connect, &e).at(addr)),
    }
}

/// Connects to the first of `addrs` that takes us. Times the phase; leaves it in `Connect`.
///
/// With several addresses each gets an equal share of the time that is left until `deadline`, so that one that is
/// silent does not hide those after it.
///
/// # Errors
/// With the last address's fault; an address that `policy` refuses is `NotAllowed`.
pub async fn connect_any(
    addrs: &[IpAddr],
    port: u16,
    nodelay: bool,
    policy: Policy,
    deadline: Instant,
    trace: &mut Trace,
) -> Result<TcpStream, Fault> {
    trace.begin(Phase::Connect);
    let addrs = &addrs[..addrs.len().min(MAX_ADDRESSES)];
    let mut last = Fault::target(Finding::DnsNoAnswer, "the name has no address");
    for (i, ip) in addrs.iter().enumerate() {
        let addr = SocketAddr::new(*ip, port);
        if let Err(fault) = allowed(policy, *ip, port) {
            last = fault;
            continue;
        }
        trace.remote = Some(addr);
        let left = addrs.len() - i;
        let attempt = if left == 1 {
            connect(addr, nodelay).await
        } else {
            let share = share(deadline, left);
            tokio::time::timeout(share, connect(addr, nodelay))
                .await
                .unwrap_or_else(|_| Err(Fault::timeout(Phase::Connect, millis(share)).at(addr)))
        };
        match attempt {
            Ok(stream) => {
                trace.end();
                return Ok(stream);
            }
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

/// Asks the policy; the refusal as a fault.
pub(crate) fn allowed(policy: Policy, ip: IpAddr, port: u16) -> Result<(), Fault> {
    let Err(refused) = policy.check(ip) else { return Ok(()) };
    let fault = match policy {
        Policy::LedFrom(_) => Fault::target(Finding::RedirectRefused, refused.to_string()),
        Policy::Operator | Policy::Public => Fault::not_allowed(&refused.to_string(), refused.to_string()),
    };
    Err(fault.at(SocketAddr::new(ip, port)))
}

fn share(deadline: Instant, left: usize) -> Duration {
    let rest = deadline.saturating_duration_since(crate::clock::mono());
    rest / u32::try_from(left).unwrap_or(u32::MAX)
}

/// Whatever fails before connect(2) is ours.
fn ours(e: &io::Error) -> Fault {
    Fault::immediate(e).unwrap_or_else(|| Fault::ours("cannot make a socket", e.to_string()))
}

impl Fault {
    /// Names the address in the detail.
    #[must_use]
    pub fn at(mut self, addr: SocketAddr) -> Fault {
        self.detail = crate::fault::clip(format!("{addr}: {}", self.detail));
        self
    }
}
