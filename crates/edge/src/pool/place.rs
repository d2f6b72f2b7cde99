//! The right to have one request at one node.

use super::{Failure, Node, Pool, node::Taken, routes::Row};
use std::{
    sync::Arc,
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
        Place { pool, index, taken, row, waited, phase: Phase::Unanswered }
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

    /// The head of the answer came, `after` the request was sent.
    pub fn answered(&mut self, status: u16, after: Duration, now: Instant) {
        if self.phase == Phase::Unanswered {
            self.phase = Phase::Body;
            self.pool.answered(self.index, self.taken, self.row, status, after, now);
        }
    }

    /// The request ended without a head.
    pub fn failed(&mut self, how: Failure, now: Instant) {
        if self.phase == Phase::Unanswered {
            self.phase = Phase::Failed;
            self.pool.failed(self.index, self.taken, how, now);
        }
    }

    /// The node is silent, and does not answer its probes so far.
    #[must_use]
    pub fn is_suspected(&self) -> bool {
        self.node().state().is(super::health::State::Suspect)
    }

    /// Ends when the node is out: a request that may be repeated need not wait for it any longer.
    pub async fn given_up(&self) {
        self.node().state().thrown_out(self.taken.generation).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        match self.phase {
            Phase::Unanswered => self.pool.left(self.index, self.taken, self.row),
            Phase::Body => self.node().state().body_ends(),
            Phase::Failed => {}
        }
    }
}
