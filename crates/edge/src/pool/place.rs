//! The right to have one request at one node.

use super::{Failure, Node, Pool, node::Taken, routes::Row};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

/// The right to have one request at one node. Given back when dropped.
///
/// It counts against the node's limit until the head of the answer is there: a stream that goes on for hours does not
/// take the place of a request that is being worked on.
#[derive(Debug)]
pub struct Place {
    pool: Arc<Pool>,
    index: usize,
    taken: Taken,
    row: Row,
    waited: Duration,
    phase: Phase,
    /// Set by whichever of the two comes first: what ends the request, or what lends the place.
    given_back: Option<Arc<AtomicBool>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Unanswered,
    /// The body is under way.
    Body,
    Failed,
}

// === impl Place ===

impl Place {
    pub(super) fn new(pool: Arc<Pool>, index: usize, taken: Taken, row: Row, waited: Duration) -> Place {
        Place { pool, index, taken, row, waited, phase: Phase::Unanswered, given_back: None }
    }

    #[must_use]
    pub fn node(&self) -> &Arc<Node> {
        &self.pool.nodes()[self.index]
    }
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }
    /// How long it was waited for.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// What gives the place back though there is no answer yet, because the node waits for the client itself. What comes
    /// of the request then says nothing about the node.
    pub(crate) fn lend(&mut self) -> impl FnOnce() + Send + Sync + 'static {
        let given_back = self.given_back.get_or_insert_default().clone();
        let (pool, index, taken) = (self.pool.clone(), self.index, self.taken);
        move || {
            if !given_back.swap(true, SeqCst) {
                pool.lent(index, taken);
            }
        }
    }

    fn was_lent(&self) -> bool {
        self.given_back.as_ref().is_some_and(|given_back| given_back.swap(true, SeqCst))
    }

    /// The head of the answer came, `after` the request was sent.
    pub fn answered(&mut self, status: u16, after: Duration, now: Instant) {
        if self.phase == Phase::Unanswered {
            self.phase = Phase::Body;
            if self.was_lent() {
                return self.node().state().body_begins();
            }
            self.pool.answered(self.index, self.taken, self.row, status, after, now);
        }
    }

    /// The request ended without a head.
    pub fn failed(&mut self, how: Failure, now: Instant) {
        if self.phase == Phase::Unanswered {
            self.phase = Phase::Failed;
            if self.was_lent() {
                return;
            }
            self.pool.failed(self.index, self.taken, how, now);
        }
    }

    /// The node is silent, and does not answer its probes so far.
    #[must_use]
    pub fn is_suspected(&self) -> bool {
        self.node().state().is(super::health::State::Suspect)
    }

    /// The node was out when it was given: what it answers is believed only if it is no failure.
    #[must_use]
    pub fn is_trial(&self) -> bool {
        self.taken.trial
    }

    /// Ends when the node is out: a request that may be repeated need not wait for it any longer.
    pub async fn given_up(&self) {
        self.node().state().thrown_out(self.taken.generation).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        match self.phase {
            Phase::Unanswered if self.was_lent() => {}
            Phase::Unanswered => self.pool.left(self.index, self.taken, self.row),
            Phase::Body => self.node().state().body_ends(),
            Phase::Failed => {}
        }
    }
}
