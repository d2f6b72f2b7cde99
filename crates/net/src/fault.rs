//! What went wrong on the network and whose fault it is: target, path, or us (honesty cases a and i).
//!
//! The rule: a fault is ours when this machine refused before a packet could have left it (no descriptor, no
//! buffer, no port, no right, no route, no resolver, or we were not running). Such a look says nothing about the
//! target, so it is `unknown`, never `down`.

use crate::{
    dns::Resolver,
    trace::{Phase, Trace},
};
use std::io;
use stillhere_model::{Finding, Outcome, Side};

/// Longest detail, in bytes, as the model allows.
pub const MAX_DETAIL: usize = 512;

/// A look that failed. `Display` is the detail: for the operator only, it may hold addresses.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct Fault {
    pub outcome: Outcome,
    pub side: Side,
    pub finding: Finding,
    pub detail: String,
}

// === impl Fault ===

impl Fault {
    /// The target is down by its own doing.
    #[must_use]
    pub fn target(finding: Finding, detail: impl Into<String>) -> Fault {
        Fault::new(Outcome::Down, Side::Target, finding, detail)
    }

    /// It cannot be reached; nothing says that it is the target's own doing.
    #[must_use]
    pub fn path(finding: Finding, detail: impl Into<String>) -> Fault {
        Fault::new(Outcome::Down, Side::Path, finding, detail)
    }

    /// We could not look. `what` is public.
    #[must_use]
    pub fn ours(what: &str, detail: impl Into<String>) -> Fault {
        Fault::new(Outcome::Unknown, Side::Us, Finding::OwnFault { what: what.to_owned() }, detail)
    }

    /// We were not allowed to look. `what` is public.
    #[must_use]
    pub fn not_allowed(what: &str, detail: impl Into<String>) -> Fault {
        Fault::new(Outcome::Unknown, Side::Us, Finding::NotAllowed { what: what.to_owned() }, detail)
    }

    #[must_use]
    pub fn new(outcome: Outcome, side: Side, finding: Finding, detail: impl Into<String>) -> Fault {
        Fault { outcome, side, finding, detail: clip(detail.into()) }
    }

    /// What an error of the operating system during `phase` means.
    #[must_use]
    pub fn io(phase: Phase, e: &io::Error) -> Fault {
        use io::ErrorKind as K;
        if let Some(fault) = Fault::own_io(e) {
            return fault;
        }
        let detail = e.to_string();
        if e.get_ref().is_some_and(|e| e.is::<rustls::Error>()) {
            // With TLS 1.3 a server refuses a client certificate only after the handshake.
            return Fault::target(Finding::TlsHandshake, detail);
        }
        match e.kind() {
            K::ConnectionRefused => Fault::target(Finding::ConnectRefused, detail),
            K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::NotConnected => {
                Fault::target(Finding::ConnectReset, detail)
            }
            // Said by a router, or by our own link when the neighbour does not answer, or the kernel has given up
            // sending before our deadline: the target is not there.
            K::HostUnreachable | K::NetworkUnreachable | K::TimedOut => {
                Fault::path(Finding::Unreachable, detail)
            }
            K::UnexpectedEof => Fault::target(Finding::ClosedEarly, detail),
            K::InvalidData if phase == Phase::Tls => Fault::target(Finding::TlsHandshake, detail),
            K::InvalidData => Fault::target(Finding::MalformedAnswer, detail),
            // An error nobody foresaw says nothing about the target.
            _ => Fault::ours("unexpected system error", detail),
        }
    }

    /// The fault is ours when the *call itself* to connect or send failed this way: no packet left the machine.
    #[must_use]
    pub fn immediate(e: &io::Error) -> Option<Fault> {
        use io::ErrorKind as K;
        match e.kind() {
            K::NetworkUnreachable | K::HostUnreachable => {
                Some(Fault::ours("no route to the network", format!("no route: {e}")))
            }
            _ => Fault::own_io(e),
        }
    }

    /// Errors that are ours whenever they come.
    fn own_io(e: &io::Error) -> Option<Fault> {
        use io::ErrorKind as K;
        let ours = |what: &str| Some(Fault::ours(what, e.to_string()));
        match (e.raw_os_error(), e.kind()) {
            (Some(libc::EMFILE | libc::ENFILE), _) => ours("too many open files"),
            (Some(libc::ENOBUFS | libc::ENOMEM), _) | (_, K::OutOfMemory) => {
                ours("out of memory for sockets")
            }
            // EAGAIN from connect(2): no free local port, or routing tables full.
            (Some(libc::EAGAIN), _) | (_, K::AddrNotAvailable | K::AddrInUse) => {
                ours("no free local port or address")
            }
            (Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT), _) => {
                ours("address family not available here")
            }
            (_, K::NetworkDown) => ours("own network is down"),
            (_, K::PermissionDenied) => {
                Some(Fault::not_allowed("the system does not permit this connection", e.to_string()))
            }
            _ => None,
        }
    }

    /// What it means that a look ran out of time where `trace` stands.
    #[must_use]
    pub fn out_of_time(trace: &Trace, resolver: &Resolver, timeout_ms: u32) -> Fault {
        match trace.phase {
            _ if trace.to_proxy => {
                Fault::proxy(None, format!("no tunnel from the proxy within {timeout_ms} ms"))
            }
            Phase::Dns => resolver.timeout(timeout_ms),
            phase => Fault::timeout(phase, timeout_ms),
        }
    }

    /// What it means that time ran out during `phase`. For `Phase::Dns` ask the resolver instead.
    #[must_use]
    pub fn timeout(phase: Phase, timeout_ms: u32) -> Fault {
        let after = |what: &str| format!("{what} within {timeout_ms} ms");
        match phase {
            Phase::Dns => {
                Fault::path(Finding::DnsTimeout { timeout_ms }, after("no answer to the name look-up"))
            }
            Phase::Connect => Fault::path(Finding::ConnectTimeout { timeout_ms }, after("no connection")),
            Phase::Tls => Fault::target(Finding::TlsTimeout { timeout_ms }, after("no TLS session")),
            Phase::FirstByte => Fault::target(Finding::FirstByteTimeout { timeout_ms }, after("no answer")),
            Phase::Body => {
                Fault::target(Finding::BodyTimeout { timeout_ms }, after("the answer did not end"))
            }
        }
    }

    /// The operator's proxy failed us: we could not look. Only a gateway error is a word about the target.
    #[must_use]
    pub fn proxy(status: Option<u16>, detail: impl Into<String>) -> Fault {
        let finding = Finding::ProxyFailed { status };
        match status {
            Some(502..=504) => Fault::path(finding, detail),
            _ => Fault::new(Outcome::Unknown, Side::Us, finding, detail),
        }
    }
}

/// Cuts a detail to [`MAX_DETAIL`] and takes out what could break a line or a terminal.
#[must_use]
pub fn clip(mut s: String) -> String {
    if s.len() > MAX_DETAIL {
        s.truncate(s.floor_char_boundary(MAX_DETAIL - '…'.len_utf8()));
        s.push('…');
    }
    if s.contains(char::is_control) {
        s = s.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    }
    s
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(code: i32) -> io::Error {
        io::Error::from_raw_os_error(code)
    }

    #[test]
    fn case_a_what_this_machine_lacks_is_unknown_and_ours() {
        for code in [
            libc::EMFILE,
            libc::ENFILE,
            libc::ENOBUFS,
            libc::ENOMEM,
            libc::EADDRNOTAVAIL,
            libc::EADDRINUSE,
            libc::EAGAIN,
            libc::EACCES,
            libc::EPERM,
            libc::ENETDOWN,
            libc::EAFNOSUPPORT,
            libc::EIO,
        ] {
            let fault = Fault::io(Phase::Connect, &os(code));
            assert_eq!((fault.outcome, fault.side), (Outcome::Unknown, Side::Us), "{code}: {fault:?}");
        }
    }

    #[test]
    fn case_i_no_route_of_our_own_is_unknown_but_a_routers_word_is_not() {
        for code in [libc::ENETUNREACH, libc::EHOSTUNREACH] {
            let own = Fault::immediate(&os(code)).unwrap();
            assert_eq!((own.outcome, own.side), (Outcome::Unknown, Side::Us));
            let said = Fault::io(Phase::Connect, &os(code));
            assert_eq!(
                (said.outcome, said.side, said.finding),
                (Outcome::Down, Side::Path, Finding::Unreachable)
            );
        }
        assert_eq!(Fault::immediate(&os(libc::ECONNREFUSED)), None);
    }

    #[test]
    fn what_the_target_did_is_down() {
        for (code, finding) in [
            (libc::ECONNREFUSED, Finding::ConnectRefused),
            (libc::ECONNRESET, Finding::ConnectReset),
            (libc::EPIPE, Finding::ConnectReset),
        ] {
            let fault = Fault::io(Phase::Connect, &os(code));
            assert_eq!((fault.outcome, fault.side, fault.finding), (Outcome::Down, Side::Target, finding));
        }
    }

    #[test]
    fn a_detail_is_one_bounded_line() {
        let detail = Fault::ours("x", "é\r\n\u{1b}[31m".repeat(500)).detail;
        assert!(detail.len() <= MAX_DETAIL && detail.ends_with('…') && !detail.contains(char::is_control));
    }
}
