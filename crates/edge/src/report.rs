//! What the edge tells about itself: tallies upward to the core, numbers to a scraper, lines to a log.
//!
//! Counting is a few relaxed additions where a request ends ([`Counts`]). About once a second, and at once when a pool's
//! standing changes, they are gathered into a batch. A batch that was sent stays as it is until the core has
//! acknowledged it, and what is counted meanwhile goes into the next one: nothing is counted twice, nothing is lost,
//! and however long the core is away, two batches are all that is kept.

mod browsers;
mod counts;
mod idle;
pub mod log;
pub(crate) mod metrics;
mod sums;

pub use browsers::{BODY_MAX, Browsers};
pub use counts::{Counts, Told};
pub use idle::{Idle, WITHIN as IDLE_WITHIN};
pub use sums::{Part, Sums};

use crate::{pool::Standing, serve::Shared};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use stillhere_model::{
    ServiceId, Time,
    edge::{self, NodeReport, PoolReport, Report},
    time::millis,
};

/// What a report says of the process itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    pub edge: String,
    /// Drawn at the start.
    pub life: u64,
    pub version: String,
    /// The tag of the configuration that is in force, and since when.
    pub config: String,
    pub config_at: Time,
    /// Why the newest one was not taken.
    pub refused: Option<String>,
}

/// A pool and a service.
pub type Key = (String, Option<ServiceId>);

/// Makes reports, each with everything since the last one that was acknowledged.
#[derive(Debug)]
pub struct Gatherer {
    number: u64,
    /// Sent and not acknowledged; with the time that it covers.
    sent: Option<(Part, Duration)>,
    /// When the next one began. What it holds is in the [`Sums`].
    began: Instant,
}

// === impl Gatherer ===

impl Gatherer {
    #[must_use]
    pub fn new(now: Instant) -> Gatherer {
        Gatherer { number: 0, sent: None, began: now }
    }

    /// The report to send now.
    pub fn report(&mut self, shared: &Arc<Shared>, about: &About, now: Instant, wall: Time) -> Report {
        if self.sent.is_none() {
            let began = std::mem::replace(&mut self.began, now);
            self.sent = Some((shared.sums.take(shared), now.saturating_duration_since(began)));
            self.number += 1;
        }
        let (batch, covers) = self.sent.as_ref().expect("filled above");
        let known = shared.board.current();
        Report {
            edge: about.edge.clone(),
            life: about.life,
            number: self.number,
            version: about.version.clone(),
            config: about.config.clone(),
            config_at: about.config_at,
            notice_at: known.notice.as_ref().map(|h| h.notice.made_at),
            refused: about.refused.clone(),
            window_ms: u64::try_from(millis(*covers)).unwrap_or(0),
            pools: pools(shared, batch, now, wall),
            told: batch.told.clone(),
            connections: shared.limits.connections() as u64,
            sockets: shared.sockets.open().iter().map(|o| o.sockets() as u64).sum(),
            browsers: batch.browsers.clone(),
            socket_events: batch.sockets.clone(),
            certificates: shared.certificates.endings(),
        }
    }

    /// The core has the report with this number.
    pub fn acknowledged(&mut self, number: u64) {
        if number == self.number {
            self.sent = None;
        }
    }
}

fn pools(shared: &Shared, batch: &Part, now: Instant, wall: Time) -> Vec<PoolReport> {
    let routes = shared.routes.load();
    let known = shared.board.current();
    let mut reports: Vec<PoolReport> = Vec::new();
    for (name, service, _) in routes.counts() {
        let Some(pool) = routes.pools().iter().find(|p| p.name() == name) else { continue };
        let view = pool.view(now);
        let standing = standing(shared, pool, now);
        let seen = known.sightings.iter().find(|s| s.pool == name && s.service.as_ref() == service);
        let oldest = view.nodes.iter().map(|n| n.since_ms).min().unwrap_or(0);
        reports.push(PoolReport {
            pool: name.to_owned(),
            service: service.cloned(),
            standing,
            since: seen.map_or_else(|| wall.minus(Duration::from_millis(oldest)), |s| s.since),
            nodes: view
                .nodes
                .iter()
                .map(|n| NodeReport {
                    address: n.address.clone(),
                    state: word(&n.state),
                    why: word(&n.why),
                    since_ms: n.since_ms,
                    in_flight: n.in_flight,
                    latency_ms: n.latency_ms,
                })
                .collect(),
            waiting: view.queue.waiting,
            answers_per_s: view.answers_per_s,
            tally: batch.pools.get(&(name.to_owned(), service.cloned())).cloned().unwrap_or_default(),
        });
    }
    reports.truncate(edge::POOLS_MAX);
    reports
}

fn standing(shared: &Shared, pool: &crate::pool::Pool, now: Instant) -> edge::Standing {
    match pool.standing(now) {
        Standing::Takes if shared.idle.silent(pool) => edge::Standing::Silent,
        Standing::Takes => edge::Standing::Takes,
        Standing::Paused => edge::Standing::Paused,
        Standing::AllOut => edge::Standing::AllOut,
        Standing::Overloaded => edge::Standing::Overloaded,
    }
}

/// A variant as it is written in JSON.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
