//! How a pool comes to be: from the configuration, and out of the one before it.

use super::{
    Node, NodeId, Origin, Pool, PoolSpec, Rate, Scheme, budget::Budget, queue::Queue, routes::Routes,
};
use crate::spec::Problem;
use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// What an answer takes, before there was one.
const TYPICAL_US: f64 = 50_000.0;

impl Pool {
    /// # Errors
    /// When a node's address cannot be understood.
    pub fn new(name: &str, spec: &PoolSpec, now: Instant) -> Result<Arc<Pool>, Problem> {
        Pool::seeded(name, spec, None, now, stillhere_net::entropy::u64())
    }

    /// The pool that replaces `old` on a reload: nodes with the same address keep what is known of them, and whoever
    /// waits there goes on waiting here.
    ///
    /// # Errors
    /// When a node's address cannot be understood; `old` is untouched then.
    pub fn take_over(old: &Arc<Pool>, spec: &PoolSpec, now: Instant) -> Result<Arc<Pool>, Problem> {
        let old = old.heir();
        let dice = old.dice.load(Relaxed);
        let pool = Pool::seeded(&old.name, spec, Some(old), now, dice)?;
        if old.heir.set(pool.clone()).is_ok() {
            old.move_all();
        }
        Ok(pool)
    }

    pub(super) fn seeded(
        name: &str,
        spec: &PoolSpec,
        old: Option<&Pool>,
        now: Instant,
        dice: u64,
    ) -> Result<Arc<Pool>, Problem> {
        if let Some(problem) = spec.validate().into_iter().next() {
            return Err(problem);
        }
        // One second back, so that a time of another thread taken just before is not below zero.
        let began = old.map_or(now.checked_sub(Duration::from_secs(1)).unwrap_or(now), |o| o.began);
        let now_us = now.saturating_duration_since(began).as_micros() as u64;
        let mut nodes = Vec::new();
        for (n, text) in spec.nodes.iter().enumerate() {
            let mut origin = Origin::parse(text).map_err(|problem| Problem {
                path: format!("nodes[{n}]"),
                problem,
                hint: Some("write \"http://10.0.0.1:8080\"".to_owned()),
            })?;
            // Part of where it is: one that proves itself in another way is another node.
            origin.tls = spec.tls.clone().filter(|_| origin.scheme == Scheme::Https).map(Arc::new);
            let id = NodeId(n as u32);
            let known = old.and_then(|o| o.nodes.iter().find(|k| *k.origin() == origin));
            nodes.push(Arc::new(known.map_or_else(|| Node::new(id, origin, now_us), |k| k.again(id))));
        }
        let kept = |of: fn(&Pool) -> &AtomicU64| AtomicU64::new(old.map_or(0, |o| of(o).load(Relaxed)));
        Ok(Arc::new(Pool {
            name: name.into(),
            spec: spec.clone(),
            nodes,
            routes: old.map_or_else(|| Arc::new(Routes::new()), |o| o.routes.clone()),
            queue: Mutex::new(Queue::new(spec.queue, spec.queue_bytes)),
            waiting: AtomicUsize::new(0),
            budget: Mutex::new(old.map_or_else(|| Budget::new(now_us), |o| o.budget().clone())),
            began,
            lately_us: AtomicU64::new(now_us),
            dice: AtomicU64::new(dice),
            typical_us: AtomicU32::new(
                old.map_or((TYPICAL_US as f32).to_bits(), |o| o.typical_us.load(Relaxed)),
            ),
            paused_until_us: kept(|o| &o.paused_until_us),
            paused_us: kept(|o| &o.paused_us),
            overloaded_us: kept(|o| &o.overloaded_us),
            catching_up_us: kept(|o| &o.catching_up_us),
            bridging_us: kept(|o| &o.bridging_us),
            admitted: kept(|o| &o.admitted),
            refused: Default::default(),
            rate: Mutex::new(Rate::default()),
            heir: OnceLock::new(),
        }))
    }
}
