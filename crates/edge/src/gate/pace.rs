//! How slow a peer may be while we wait for it. Slow attacks hold a connection with a byte now and then, so progress
//! alone does not count: it must be enough bytes in the time that was spent waiting.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use stillhere_net::clock;
use tokio::time::Sleep;

/// At least `bytes` in every `window` of waiting. Time in which we did not wait (because we were busy, or had nothing
/// to say) is not counted against the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub window: Duration,
    pub bytes: u64,
}

/// The peer was slower than its pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the peer is too slow")]
pub struct Stalled;

/// Watches one direction. Costs nothing as long as there is no waiting.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    waiting_since: Option<Instant>,
    waited: Duration,
    bytes: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

// === impl Watch ===

impl Watch {
    /// The other side gave or took `n` bytes.
    pub(crate) fn progressed(&mut self, pace: Pace, n: usize) {
        let Some(since) = self.waiting_since.take() else { return };
        self.waited += clock::mono().saturating_duration_since(since);
        self.bytes += n as u64;
        if self.bytes >= pace.bytes.max(1) {
            self.restart();
        }
    }

    /// Nothing is expected of the other side any more.
    pub(crate) fn ended(&mut self) {
        if self.waiting_since.is_some() || self.bytes > 0 {
            self.waiting_since = None;
            self.restart();
        }
    }

    /// We wait. Ready: too long, for too little.
    pub(crate) fn poll_waiting(&mut self, pace: Pace, cx: &mut Context<'_>) -> Poll<Stalled> {
        let fresh = self.waiting_since.is_none();
        let since = *self.waiting_since.get_or_insert_with(clock::mono);
        let until = tokio::time::Instant::from_std(since + pace.window.saturating_sub(self.waited));
        let timer = match &mut self.timer {
            Some(timer) => {
                if fresh {
                    timer.as_mut().reset(until);
                }
                timer
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(until))),
        };
        timer.as_mut().poll(cx).map(|()| Stalled)
    }

    fn restart(&mut self) {
        self.waited = Duration::ZERO;
        self.bytes = 0;
    }
}
