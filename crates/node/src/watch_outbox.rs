//! Keeps the numbers of the outbox at hand, and sweeps what is past its retention.

use crate::vitals::Vitals;
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use stillhere_model::{Time, time::millis};
use stillhere_net::clock::Clock;
use stillhere_store::Store;
use tokio::sync::watch;

/// How often the queues are counted.
const COUNT: Duration = Duration::from_secs(5);
/// Every so many counts, old rows are swept in small batches.
const SWEEP_EVERY: u32 = 12;
/// Sweeps in one go as long as there is more to do; each is bounded itself. Then others have their turn.
const SWEEPS_A_TURN: u32 = 20;

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
        if round.is_multiple_of(SWEEP_EVERY) {
            sweep(&store, clock.now().wall, &stop).await;
        }
        tokio::select! {
            () = tokio::time::sleep(COUNT) => {}
            _ = stop.wait_for(|s| *s) => return,
        }
    }
}

/// Sweeps until there is nothing more to do, or this turn is over: after a long time off there are days to fold, and
/// one piece a minute would never catch up with 20,000 checks.
async fn sweep(store: &Store, now: Time, stop: &watch::Receiver<bool>) {
    let mut early = 0;
    for _ in 0..SWEEPS_A_TURN {
        match store.sweep(now).await {
            Ok(swept) => {
                early += swept.early;
                if !swept.more || *stop.borrow() {
                    break;
                }
            }
            Err(e) => {
                tracing::warn!(error = %e, "could not sweep what is past its retention");
                break;
            }
        }
    }
    if early > 0 {
        tracing::warn!(
            rows = early,
            "the database holds more than retention.max_mib: the oldest looks went before their time"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stillhere_model::{CheckId, Observation, Outcome, Phases, VantageId};
    use stillhere_store::Write;

    #[tokio::test]
    async fn a_turn_goes_on_until_there_is_nothing_more_to_sweep() {
        let dir = tempfile::tempdir().unwrap();
        // 2026-11-22T00:00:00Z
        let begin = Time(1_795_305_600_000);
        let store = Store::open(dir.path(), begin).await.unwrap();
        let hours = |n: u64| begin.plus(Duration::from_secs(n * 3_600));
        for hour in 0..20 {
            let look = Observation {
                check: CheckId::new("shop/http"),
                vantage: VantageId::new("core"),
                at: hours(hour),
                outcome: Outcome::Up,
                side: None,
                total_us: 1_000,
                phases: Phases::default(),
                finding: None,
                detail: None,
                recheck: false,
            };
            store.commit(&Write { observations: vec![look], ..Write::default() }).await.unwrap();
        }
        let (_, stop) = watch::channel(false);
        let one = store.sweep(hours(48)).await.unwrap();
        assert!(one.more, "20 hours are more than one sweep folds: {one:?}");
        sweep(&store, hours(48), &stop).await;
        let rest = store.sweep(hours(48)).await.unwrap();
        assert_eq!((rest.folded, rest.more), (0, false));
    }
}
