//! Keeps the numbers of the outbox at hand, and sweeps what is past its retention.

use crate::vitals::Vitals;
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use stillhere_model::time::millis;
use stillhere_net::clock::Clock;
use stillhere_store::Store;
use tokio::sync::watch;

/// How often the queues are counted.
const COUNT: Duration = Duration::from_secs(5);
/// Every so many counts, old rows are swept in small batches.
const SWEEP_EVERY: u32 = 12;

pub(crate) async fn run(store: Store, vitals: Arc<Vitals>, clock: Clock, mut stop: watch::Receiver<bool>) {
    let mut round = 0u32;
    loop {
        match store.outbox_stats().await {
            Ok(queues) => {
                let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
                let oldest = queues.iter().filter_map(|q| q.oldest).min();
                let age = oldest.map_or(0, |at| millis(clock.now().wall.since(at)));
                vitals.outbox_queued.store(count(queues.iter().map(|q| q.queued).sum()), Relaxed);
                vitals.outbox_dead.store(count(queues.iter().map(|q| q.dead).sum()), Relaxed);
                vitals.outbox_oldest_ms.store(age, Relaxed);
            }
            Err(e) => tracing::warn!(error = %e, "could not count the outbox"),
        }
        round += 1;
        if round.is_multiple_of(SWEEP_EVERY)
            && let Err(e) = store.sweep(clock.now().wall).await
        {
            tracing::warn!(error = %e, "could not sweep what is past its retention");
        }
        tokio::select! {
            () = tokio::time::sleep(COUNT) => {}
            _ = stop.wait_for(|s| *s) => return,
        }
    }
}
