//! Tells the core how things are: about once a second, and at once when a pool begins to look otherwise.

use super::{State, client::Client};
use crate::report::Gatherer;
use bytes::Bytes;
use http::Method;
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};
use stillhere_model::edge::{Report, Standing, Tally};
use stillhere_net::clock;
use tokio::time::{sleep, timeout};

/// While requests come, or something is wrong.
const EVERY: Duration = Duration::from_secs(1);
/// While nothing happens.
const QUIET: Duration = Duration::from_secs(3);
/// Between two reports, whatever happens.
const LEAST: Duration = Duration::from_millis(20);
const WITHIN: Duration = Duration::from_secs(5);

pub(super) async fn run(mut core: Client, state: Arc<State>) {
    let mut serving = state.serving.subscribe();
    let mut gatherer = Gatherer::new(clock::mono());
    let mut every = Duration::ZERO;
    loop {
        let Some(shared) = serving.borrow_and_update().clone() else {
            if serving.changed().await.is_err() {
                return;
            }
            continue;
        };
        let _ = timeout(every, shared.news.notified()).await;
        let about = state.about.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let report = gatherer.report(&shared, &about, clock::mono(), clock::wall());
        every = if quiet(&report) { QUIET } else { EVERY };
        let Ok(body) = serde_json::to_vec(&report) else { continue };
        match core.ask(Method::POST, "/api/v1/edge/report", Bytes::from(body), WITHIN).await {
            Ok(_) => gatherer.acknowledged(report.number),
            Err(e) => tracing::debug!(error = %e, "a report did not reach the core; it is kept"),
        }
        sleep(LEAST).await;
    }
}

fn quiet(report: &Report) -> bool {
    report.told.is_empty()
        && report.pools.iter().all(|p| p.standing == Standing::Takes && p.tally == Tally::default())
}
