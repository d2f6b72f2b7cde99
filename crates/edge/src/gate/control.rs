//! What the rest of the edge says to, and hears from, the gate of one connection.

use super::Violation;
use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    task::Waker,
};

/// Says whether a switch of protocols was done, and tells why something was refused. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct GateControl(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    decision: AtomicU8,
    violation: OnceLock<Violation>,
    waker: Mutex<Option<Waker>>,
}

const UNDECIDED: u8 = 0;
const UPGRADED: u8 = 1;
const DECLINED: u8 = 2;

/// What was decided about a switch of protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Upgraded,
    Declined,
}

// === impl GateControl ===

impl GateControl {
    /// The protocol is being switched (101, or 2xx to CONNECT): whatever the client sends next is let through.
    pub fn upgraded(&self) {
        self.decide(UPGRADED);
    }

    /// The request with `Upgrade` (or CONNECT) is answered as any other: what the client sends next is a request.
    /// Must be said for each such request, or the connection reads nothing more; and only for those (in HTTP/1.1
    /// with `Upgrade`, or CONNECT), because with pipelining the next request may be one of them.
    pub fn declined(&self) {
        self.decide(DECLINED);
    }

    /// Why a message on this connection was refused.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        self.0.violation.get().copied()
    }

    pub(super) fn refuse(&self, why: Violation) {
        let _first_counts = self.0.violation.set(why);
    }

    pub(super) fn undecide(&self) {
        self.0.decision.store(UNDECIDED, SeqCst);
    }

    /// The decision, or a promise to wake.
    pub(super) fn decision(&self, waker: &Waker) -> Option<Decision> {
        let mut kept = self.0.waker.lock().unwrap_or_else(PoisonError::into_inner);
        match self.0.decision.load(SeqCst) {
            UPGRADED => Some(Decision::Upgraded),
            DECLINED => Some(Decision::Declined),
            _ => {
                *kept = Some(waker.clone());
                None
            }
        }
    }

    fn decide(&self, decision: u8) {
        let waker = {
            let mut kept = self.0.waker.lock().unwrap_or_else(PoisonError::into_inner);
            self.0.decision.store(decision, SeqCst);
            kept.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
