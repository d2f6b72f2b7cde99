//! Looks at nodes that nobody asks anything: without traffic nothing tells the edge that a node has died, and what it
//! tells the core must not grow stale meanwhile.

use crate::pool::{NodeId, Pool, Sign};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A node that has answered nothing for this long is asked for its health page.
pub const EVERY: Duration = Duration::from_secs(3);
/// How long it may take.
pub const WITHIN: Duration = Duration::from_secs(2);
/// So many looks without an answer, one after the other, and the node counts as silent.
const SILENT_AFTER: u32 = 2;

/// What the looks have found. Bounded by the nodes that the configuration names.
#[derive(Debug, Default)]
pub struct Idle(Mutex<HashMap<(String, NodeId), Looked>>);

#[derive(Debug, Clone, Copy)]
struct Looked {
    /// As counted by the pool: when it grows, there is traffic.
    answers: u64,
    at: Instant,
    /// Looks in a row that connected and got no answer.
    unanswered: u32,
}

// === impl Idle ===

impl Idle {
    /// The nodes that are to be looked at now. To be called about once a second for each pool.
    pub fn due(&self, pool: &Pool, now: Instant) -> Vec<NodeId> {
        let mut all = self.lock();
        let mut due = Vec::new();
        for (node, answers) in pool.up() {
            let new = Looked { answers, at: now, unanswered: 0 };
            match all.get_mut(&(pool.name().to_owned(), node)) {
                None => {
                    // Of a node that was never asked anything nothing is known.
                    all.insert((pool.name().to_owned(), node), new);
                    due.push(node);
                }
                Some(looked) if looked.answers != answers => *looked = new,
                Some(looked) if now.saturating_duration_since(looked.at) >= EVERY => {
                    looked.at = now;
                    due.push(node);
                }
                Some(_) => {}
            }
        }
        due
    }

    pub fn found(&self, pool: &Pool, node: NodeId, sign: Sign) {
        if let Some(looked) = self.lock().get_mut(&(pool.name().to_owned(), node)) {
            looked.unanswered = if sign == Sign::Connects { looked.unanswered + 1 } else { 0 };
        }
    }

    /// Every node that takes connections leaves them without an answer.
    #[must_use]
    pub fn silent(&self, pool: &Pool) -> bool {
        let all = self.lock();
        let mut up = pool.up().peekable();
        up.peek().is_some()
            && up.all(|(node, answers)| {
                all.get(&(pool.name().to_owned(), node))
                    .is_some_and(|l| l.answers == answers && l.unanswered >= SILENT_AFTER)
            })
    }

    /// Forgets pools that are no more.
    pub fn keep(&self, is_there: impl Fn(&str) -> bool) {
        self.lock().retain(|(pool, _), _| is_there(pool));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, NodeId), Looked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
