//! What goes on beside the requests: trying nodes that stopped answering, looking at those that nobody asks, and noting
//! what has become of each pool.

use crate::{
    known::Seen,
    pool::{Pool, Probe, Sign, Standing},
    report,
    serve::Shared,
    upstream,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use stillhere_net::clock;

/// A person who comes in asks for a page and what belongs to it, and then for the next one.
const REQUESTS_A_SESSION: f64 = 20.0;

/// What pools need done that takes a connection: trying nodes that stopped answering. Runs on one thread, beside the
/// workers.
pub(crate) async fn keep_pools(shared: Arc<Shared>) {
    /// Not seldomer than this, whatever the pools say: a reload may have brought a new one.
    const LOOK_MAX: Duration = Duration::from_millis(100);
    /// However often a node fails: this thread has other things to do.
    const LOOK_MIN: Duration = Duration::from_millis(2);
    const IDLE: Duration = Duration::from_secs(1);
    let mut idle_at = clock::mono();
    loop {
        let mut pause = LOOK_MAX;
        let now = clock::mono();
        if now >= idle_at {
            idle_at = now + IDLE;
            look_at_idle_nodes(&shared, now);
        }
        for pool in shared.routes.load().pools() {
            for probe in pool.probes_due(now) {
                tokio::spawn(try_node(shared.clone(), pool.clone(), probe));
            }
            pause = pause.min(pool.next_tick());
        }
        sight(&shared, now);
        tokio::time::sleep(LOOK_MIN.min(pause)).await;
        tokio::select! {
            () = tokio::time::sleep(pause.saturating_sub(LOOK_MIN)) => {}
            () = shared.nodes.stirred.notified() => {}
        }
    }
}

/// Without traffic nothing tells that a node has died.
fn look_at_idle_nodes(shared: &Arc<Shared>, now: Instant) {
    let routes = shared.routes.load();
    for pool in routes.pools() {
        for id in shared.idle.due(pool, now) {
            let Some(node) = pool.nodes().iter().find(|n| n.id() == id).cloned() else { continue };
            let (shared, pool) = (shared.clone(), pool.clone());
            tokio::spawn(async move {
                let began = clock::mono();
                let sign =
                    upstream::probe(&shared.nodes, &node, &pool.spec().health, report::IDLE_WITHIN, || {})
                        .await;
                let now = clock::mono();
                shared.idle.found(&pool, id, sign);
                // Taken for what it is only when it is sure: a health page that is slow or broken while nobody asks
                // for anything is no reason to send the next visitor away.
                if sign == Sign::Nothing {
                    pool.probed(id, sign, now.saturating_duration_since(began), now);
                    shared.nodes.stirred.notify_one();
                }
            });
        }
    }
    shared.idle.keep(|name| routes.pools().iter().any(|p| p.name() == name));
}

/// Notes on the board what has become of each pool, so that every answer says the same and with the same time.
fn sight(shared: &Shared, now: Instant) {
    let routes = shared.routes.load();
    for route in routes.all() {
        if let Some(room) = &route.room {
            // As many as come, until there are more than the nodes can do: then as many as leave.
            let full = route.pool.standing(now) != Standing::Takes;
            room.capacity(full.then(|| route.pool.answers_per_s() / REQUESTS_A_SESSION));
        }
        let seen = match route.pool.standing(now) {
            Standing::Takes => Seen::Answering,
            Standing::Paused => Seen::Paused,
            Standing::AllOut => Seen::AllOut,
            Standing::Overloaded => Seen::Overloaded,
        };
        if shared.board.sighting(route.pool.name(), route.service.as_ref(), seen, clock::wall()) {
            shared.news.notify_one();
        }
    }
}

async fn try_node(shared: Arc<Shared>, pool: Arc<Pool>, probe: Probe) {
    let began = clock::mono();
    let connected = || pool.connected(probe.node.id(), clock::mono());
    let sign =
        upstream::probe(&shared.nodes, &probe.node, &pool.spec().health, probe.within, connected).await;
    let now = clock::mono();
    let was = pool.available(now);
    pool.probed(probe.node.id(), sign, now.saturating_duration_since(began), now);
    if !was
        && pool.available(now)
        && let Some(actions) = shared.actions.now()
    {
        actions.hurry(clock::wall());
    }
}
