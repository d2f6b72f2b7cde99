//! What the pool wants done at times, whether or not anybody asks for something: silent nodes are found, and those that are
//! out are tried.

use super::{Node, NodeId, Pool, Sign, health::State};
use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::{Duration, Instant},
};

/// How often [`Pool::probes_due`] wants to be asked while there is something to see, and otherwise.
const TICK: Duration = Duration::from_millis(5);
const TICK_IN_USE: Duration = Duration::from_millis(25);
const TICK_IDLE: Duration = Duration::from_millis(250);

/// A probe that is to be made now: a connection of its own, and `HEAD` of the pool's health page.
#[derive(Debug, Clone)]
pub struct Probe {
    pub node: Arc<Node>,
    /// The whole of it may take so long.
    pub within: Duration,
}

impl Pool {
    /// When [`Pool::probes_due`] is to be called next.
    #[must_use]
    pub fn next_tick(&self) -> Duration {
        if self.waiting.load(SeqCst) > 0 || self.nodes.iter().any(|n| !n.state().is(State::Up)) {
            TICK
        } else if self.nodes.iter().any(|n| n.state().in_flight() > 0 || n.state().health().restless()) {
            TICK_IN_USE
        } else {
            TICK_IDLE
        }
    }

    /// Looks for nodes that have been silent for too long, and says which are to be probed now. The result is told
    /// with [`Pool::probed`].
    #[must_use]
    pub fn probes_due(&self, now: Instant) -> Vec<Probe> {
        let t = self.us(now);
        let mut due = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let s = node.state();
            if s.overdue(t) {
                self.change(index, t, |h| h.silent(t));
            }
            let within = s.health().probe_due(s.patience_us(), t);
            if let Some(within) = within {
                due.push(Probe { node: node.clone(), within });
            }
        }
        self.measure_rate(t);
        if self.paused_until_us.load(SeqCst) != 0 && !self.paused_at(t) {
            self.resume(now);
        }
        self.go_on(t);
        due
    }

    /// A probe has got its connection. Where nobody can serve, and it was no connection that was missing, some of those who have
    /// waited longest need not wait for the probe's answer as well.
    pub fn connected(&self, node: NodeId, now: Instant) {
        let t = self.us(now);
        if (node.0 as usize) < self.nodes.len() && self.waiting.load(SeqCst) > 0 && self.all_out() {
            self.change(node.0 as usize, t, |h| h.connected(t));
            self.go_on(t);
        }
    }

    /// A probe of a node has ended, `after` it began.
    pub fn probed(&self, node: NodeId, sign: Sign, after: Duration, now: Instant) {
        let t = self.us(now);
        if node.0 as usize >= self.nodes.len() {
            return;
        }
        let alone = !self.nodes.iter().any(|n| n.id() != node && n.state().is(State::Up));
        self.change(node.0 as usize, t, |h| h.probed(sign, after, alone, t));
        self.go_on(t);
    }
}
