//! What a pool looks like from outside: for the API, the metrics, and the notice.

use super::{NodeId, NodeState, Pool, Why, health};
use crate::spec::Priority;
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::BTreeMap, sync::atomic::Ordering::Relaxed, time::Instant};

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PoolView {
    pub name: String,
    pub nodes: Vec<NodeView>,
    pub queue: QueueView,
    pub paused: bool,
    /// More requests come than the nodes can do.
    pub overloaded: bool,
    /// Repeats that may be made at once.
    pub budget: f64,
    /// Answers a second, lately.
    pub answers_per_s: f64,
    /// Since the start.
    pub admitted: u64,
    pub refused: Refused,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NodeView {
    pub address: String,
    pub state: NodeState,
    pub why: Why,
    /// In this state for so long.
    pub since_ms: u64,
    /// Requests without an answer.
    pub in_flight: u32,
    /// Answers whose body is under way.
    pub bodies: u32,
    pub limit: u32,
    /// How slow it is beside what is usual in this pool; 1 is the usual.
    pub slowness: f64,
    pub latency_ms: f64,
    /// Since the start.
    pub answers: u64,
    pub outs: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct QueueView {
    pub waiting: u64,
    pub by_priority: BTreeMap<Priority, u64>,
    pub bytes: u64,
    pub oldest_ms: u64,
}

/// Requests that got no place, by the reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Refused {
    pub all_out: u64,
    pub paused: u64,
    pub overloaded: u64,
    pub queue_full: u64,
}

impl Pool {
    /// Nodes that are used, with how many answers each has given.
    pub(crate) fn up(&self) -> impl Iterator<Item = (NodeId, u64)> {
        let up = self.nodes.iter().filter(|n| n.state().is(health::State::Up));
        up.map(|n| (n.id(), n.state().answers()))
    }

    #[must_use]
    pub fn view(&self, now: Instant) -> PoolView {
        let t = self.us(now);
        let nodes = self.nodes.iter().map(|node| {
            let s = node.state();
            let (state, why, since_us) = {
                let h = s.health();
                (h.state(), h.why(), h.since_us())
            };
            NodeView {
                address: node.origin().to_string(),
                state: match state {
                    health::State::Up if s.limiter(|l| l.ramping()) => NodeState::SlowStart,
                    health::State::Up => NodeState::Up,
                    health::State::Suspect => NodeState::Suspect,
                    health::State::Down => NodeState::Down,
                },
                why,
                since_ms: t.saturating_sub(since_us) / 1_000,
                in_flight: s.in_flight(),
                bodies: s.open(),
                limit: s.limit(),
                slowness: s.slowness(t),
                latency_ms: s.slowness(t) * self.typical_us() / 1_000.0,
                answers: s.answers(),
                outs: s.outs(),
            }
        });
        let nodes = nodes.collect();
        let queue = {
            let q = self.queue();
            QueueView {
                waiting: q.len() as u64,
                by_priority: Priority::ALL.into_iter().map(|p| (p, q.len_of_all(p) as u64)).collect(),
                bytes: q.bytes(),
                oldest_ms: q.oldest_us().map_or(0, |since| t.saturating_sub(since) / 1_000),
            }
        };
        PoolView {
            name: self.name.to_string(),
            nodes,
            queue,
            paused: self.paused_at(t),
            overloaded: self.overloaded_at(t),
            budget: self.budget().left(self.admitted.load(Relaxed), t),
            answers_per_s: self.answers_per_s(),
            admitted: self.admitted.load(Relaxed),
            refused: Refused {
                all_out: self.refused[0].load(Relaxed),
                paused: self.refused[1].load(Relaxed),
                overloaded: self.refused[2].load(Relaxed),
                queue_full: self.refused[3].load(Relaxed),
            },
        }
    }
}
