//! Where a look is just now, and how long each phase before took. Kept outside of the future that does the
//! work, so that it can still be read when that future was dropped at its deadline.

use crate::clock;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use stillhere_model::Phases;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Dns,
    Connect,
    Tls,
    FirstByte,
    Body,
}

#[derive(Debug, Clone)]
pub struct Trace {
    /// The phase under way.
    pub phase: Phase,
    /// Sums over all hops.
    pub phases: Phases,
    /// Who answered last.
    pub remote: Option<SocketAddr>,
    /// We are still on our way to the operator's proxy.
    pub to_proxy: bool,
    /// When the whole look began.
    pub started: Instant,
    mark: Instant,
}

// === impl Trace ===

impl Trace {
    #[must_use]
    pub fn start(now: Instant) -> Trace {
        Trace {
            phase: Phase::Connect,
            phases: Phases::default(),
            remote: None,
            to_proxy: false,
            started: now,
            mark: now,
        }
    }

    /// Ends the phase under way without booking it, and begins `phase`.
    pub fn begin(&mut self, phase: Phase) {
        self.phase = phase;
        self.mark = clock::mono();
    }

    /// Books the time since `begin` on the phase under way and begins `next` at the same instant.
    pub fn then(&mut self, next: Phase) {
        let now = clock::mono();
        self.book(now);
        self.phase = next;
        self.mark = now;
    }

    /// Books the time since `begin` on the phase under way and says when that was.
    pub fn end(&mut self) -> Instant {
        let now = clock::mono();
        self.book(now);
        self.mark = now;
        now
    }

    fn book(&mut self, now: Instant) {
        let p = &mut self.phases;
        let slot = match self.phase {
            Phase::Dns => &mut p.dns_us,
            Phase::Connect => &mut p.connect_us,
            Phase::Tls => &mut p.tls_us,
            Phase::FirstByte => &mut p.first_byte_us,
            Phase::Body => &mut p.body_us,
        };
        let took = micros(now.saturating_duration_since(self.mark));
        *slot = Some(slot.unwrap_or(0).saturating_add(took));
    }
}

/// Microseconds, saturating (at 71 minutes).
#[must_use]
pub fn micros(d: Duration) -> u32 {
    u32::try_from(d.as_micros()).unwrap_or(u32::MAX)
}

/// Milliseconds, saturating.
#[must_use]
pub fn millis(d: Duration) -> u32 {
    u32::try_from(d.as_millis()).unwrap_or(u32::MAX)
}
