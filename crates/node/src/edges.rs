//! The edges that have joined: what they are told, and what is believed of what they tell.
//!
//! An edge is a vantage, `edge-<name>`, of the check `<service>/edge` of each service that it has a route for. What it
//! says is turned into observations: at once when it says something else than before, and otherwise each
//! [`SAY_AGAIN`], so that a vote stays fresh as long as the edge speaks, and expires when it falls silent (which is
//! *cannot see*, never *down*).

mod counts;
mod judge;
mod orders;

pub use counts::{Counted, Ends};
pub use orders::OrderError;

use crate::flow::Seen;
use judge::{Said, Window};
use ring::digest::{SHA256, digest};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};
use stillhere_config::edge::CHECK as EDGE_CHECK;
use stillhere_model::{
    CheckId, Moment, Observation, Outcome, Phases, ServiceId, Side, Time, VantageId,
    edge::{Feed, Have, Orders, Report, Tally},
    time::millis,
};
use tokio::sync::watch;

/// Edges that are known at a time. When another one joins, the one that was silent longest is forgotten.
const EDGES_MAX: usize = 64;
/// The same is said again after this time.
const SAY_AGAIN: Duration = Duration::from_secs(5);
/// An edge that has said nothing for this long is silent.
pub const SILENT_AFTER: Duration = Duration::from_secs(15);
const DAY_MS: i64 = 86_400_000;
/// When an edge says since when something has been so, it is believed as far back as this.
const BACK_MAX: Duration = Duration::from_secs(55);

/// All of it; a clone is the same.
#[derive(Clone)]
pub struct Edges(Arc<Inner>);

struct Inner {
    known: Mutex<BTreeMap<String, Known>>,
    counts: Mutex<counts::Counts>,
    config: watch::Sender<Arc<Part>>,
    orders: watch::Sender<Arc<Orders>>,
    file: PathBuf,
}

/// `[edge]` of the file that is in force.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// As JSON; `None`: there is none.
    pub config: Option<String>,
    tag: String,
}

struct Known {
    report: Report,
    heard: Moment,
    joined_at: Time,
    /// The sums of this life, by pool and service.
    sums: BTreeMap<(String, Option<ServiceId>), Tally>,
    told: BTreeMap<String, u64>,
    browsers: BTreeMap<String, u64>,
    socket_events: BTreeMap<String, u64>,
    /// The days that each certificate has left, as it was told last.
    certificates: BTreeMap<CheckId, u32>,
    services: HashMap<ServiceId, OfService>,
}

#[derive(Default)]
struct OfService {
    window: Window,
    said: Option<(Said, Moment)>,
    /// The median of the last time that there was traffic.
    p50_us: u32,
}

/// An edge as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeView {
    pub report: Report,
    pub joined_at: Time,
    pub heard_at: Time,
    pub silent: bool,
    /// It serves with the configuration that is in force here.
    pub current: bool,
    pub sums: BTreeMap<(String, Option<ServiceId>), Tally>,
    pub told: BTreeMap<String, u64>,
    pub browsers: BTreeMap<String, u64>,
    pub socket_events: BTreeMap<String, u64>,
}

/// What a report says.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub observations: Vec<Observation>,
    /// Certificates whose days have changed.
    pub certificates: Vec<(CheckId, u32)>,
}

// === impl Edges ===

impl Edges {
    pub(crate) fn new(data: &Path, config: Option<&stillhere_config::edge::Spec>, now: Time) -> Edges {
        let file = data.join(orders::FILE);
        Edges(Arc::new(Inner {
            known: Mutex::default(),
            counts: Mutex::new(counts::Counts::since(now)),
            config: watch::channel(Arc::new(Part::of(config))).0,
            orders: watch::channel(Arc::new(orders::load(&file))).0,
            file,
        }))
    }

    pub(crate) fn reconfigure(&self, config: Option<&stillhere_config::edge::Spec>) {
        let part = Part::of(config);
        self.0.config.send_if_modified(|now| {
            let changed = **now != part;
            if changed {
                *now = Arc::new(part);
            }
            changed
        });
    }

    /// Changes when `[edge]` does.
    #[must_use]
    pub fn config(&self) -> watch::Receiver<Arc<Part>> {
        self.0.config.subscribe()
    }

    #[must_use]
    pub fn orders(&self) -> Arc<Orders> {
        self.0.orders.borrow().clone()
    }

    /// What an edge has not got yet; waits at most `wait` until there is something.
    pub(crate) async fn feed(
        &self,
        have: &Have,
        wait: Duration,
        mut notices: watch::Receiver<Arc<str>>,
        notice_key: &[u8],
        mut stop: watch::Receiver<bool>,
    ) -> Feed {
        let mut config = self.0.config.subscribe();
        let mut orders = self.0.orders.subscribe();
        let until = tokio::time::sleep(wait);
        tokio::pin!(until);
        loop {
            let feed = {
                let part = config.borrow_and_update().clone();
                let notice = notices.borrow_and_update().clone();
                let orders = orders.borrow_and_update().clone();
                let new = Have {
                    config: part.tag.clone(),
                    notice: tag(notice.as_bytes()),
                    orders: orders::tag_of(&orders),
                };
                let changed = |now: &str, before: &str| now != before;
                Feed {
                    config: part.config.clone().filter(|_| changed(&new.config, &have.config)),
                    notice_key: (have.notice.is_empty()).then(|| hex(notice_key)),
                    notice: changed(&new.notice, &have.notice).then(|| notice.to_string()),
                    orders: changed(&new.orders, &have.orders).then(|| Orders::clone(&orders)),
                    have: new,
                }
            };
            if feed.have != *have {
                return feed;
            }
            tokio::select! {
                () = &mut until => return feed,
                _ = stop.wait_for(|s| *s) => return feed,
                Ok(()) = config.changed() => {}
                Ok(()) = notices.changed() => {}
                Ok(()) = orders.changed() => {}
            }
        }
    }

    /// Takes a report that was checked, and gives what is to be judged by it.
    pub(crate) fn report(&self, report: Report, now: Moment) -> Heard {
        let mut known = self.known();
        if !known.contains_key(&report.edge) && known.len() >= EDGES_MAX {
            let oldest = known.iter().min_by_key(|(_, k)| k.heard.mono_ms).map(|(name, _)| name.clone());
            oldest.map(|name| known.remove(&name));
        }
        let edge = known.entry(report.edge.clone()).or_insert_with(|| {
            tracing::info!(edge = report.edge, version = report.version, "an edge has joined");
            Known::new(report.clone(), now)
        });
        if edge.counts(&report) {
            let mut counts = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
            for pool in &report.pools {
                if let Some(service) = &pool.service {
                    counts.add(service, &pool.tally, report.window_ms, now.wall);
                }
            }
        }
        edge.take(report, now)
    }

    /// Every edge that is known, by name.
    #[must_use]
    pub fn views(&self, now: Moment) -> Vec<EdgeView> {
        let tag = self.0.config.borrow().tag.clone();
        let view = |k: &Known| EdgeView {
            report: k.report.clone(),
            joined_at: k.joined_at,
            heard_at: k.heard.wall,
            silent: now.mono_ms - k.heard.mono_ms > millis(SILENT_AFTER),
            current: k.report.config == tag,
            sums: k.sums.clone(),
            told: k.told.clone(),
            browsers: k.browsers.clone(),
            socket_events: k.socket_events.clone(),
        };
        self.known().values().map(view).collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Part ===

impl Part {
    fn of(config: Option<&stillhere_config::edge::Spec>) -> Part {
        let config = config.map(|c| serde_json::to_string(c).expect("a configuration is JSON"));
        let tag = config.as_ref().map_or_else(|| Have::NO_CONFIG.to_owned(), |c| tag(c.as_bytes()));
        Part { config, tag }
    }
}

// === impl Known ===

impl Known {
    fn new(report: Report, now: Moment) -> Known {
        Known {
            // The first report is taken like any other: nothing of it is counted yet.
            report: Report { number: 0, ..report },
            heard: now,
            joined_at: now.wall,
            sums: BTreeMap::new(),
            told: BTreeMap::new(),
            browsers: BTreeMap::new(),
            socket_events: BTreeMap::new(),
            certificates: BTreeMap::new(),
            services: HashMap::new(),
        }
    }

    /// Whether its counts are not in the sums yet: a report whose answer was lost is sent again.
    fn counts(&self, report: &Report) -> bool {
        report.life != self.report.life || report.number != self.report.number
    }

    fn take(&mut self, report: Report, now: Moment) -> Heard {
        if report.life != self.report.life {
            let name = &report.edge;
            tracing::info!(edge = name, version = report.version, "an edge began anew");
            *self = Known { joined_at: now.wall, ..Known::new(report.clone(), now) };
        }
        self.heard = now;
        // Sent again because our answer was lost: its counts are in the sums already, how things are is news.
        let counted = report.number != self.report.number;
        if counted {
            for pool in &report.pools {
                self.sums.entry((pool.pool.clone(), pool.service.clone())).or_default().add(&pool.tally);
            }
            for (sums, more) in [
                (&mut self.told, &report.told),
                (&mut self.browsers, &report.browsers),
                (&mut self.socket_events, &report.socket_events),
            ] {
                for (reason, n) in more {
                    let sum = sums.entry(reason.clone()).or_default();
                    *sum = sum.saturating_add(*n);
                }
            }
            // A pool that is in no configuration any more is forgotten with the report that lacks it.
            let there = |key: &(String, Option<ServiceId>)| {
                report.pools.iter().any(|p| (&p.pool, &p.service) == (&key.0, &key.1))
            };
            self.sums.retain(|key, _| there(key));
        }
        self.report = report;
        let certificates = self.certificates(now);
        Heard { observations: self.observations(counted, now), certificates }
    }

    /// As a check of the edge itself, `edge-<name>/<domain>`. A certificate that is shown no more needs nobody's care.
    fn certificates(&mut self, now: Moment) -> Vec<(CheckId, u32)> {
        let check = |name: &str| CheckId::new(format!("edge-{}/{name}", self.report.edge));
        let left = |until: Time| u32::try_from((until.0 - now.wall.0).max(0) / DAY_MS).unwrap_or(u32::MAX);
        let mut new: BTreeMap<CheckId, u32> = BTreeMap::new();
        for certificate in &self.report.certificates {
            // Of two for one name, the one that ends first is shown to somebody.
            let days = new.entry(check(&certificate.name)).or_insert(u32::MAX);
            *days = left(certificate.until).min(*days);
        }
        let gone =
            self.certificates.keys().filter(|check| !new.contains_key(*check)).map(|c| (c.clone(), u32::MAX));
        let changed = new.iter().filter(|(check, days)| self.certificates.get(*check) != Some(*days));
        let told: Vec<_> = gone.chain(changed.map(|(check, days)| (check.clone(), *days))).collect();
        self.certificates = new;
        told
    }

    fn observations(&mut self, counted: bool, now: Moment) -> Vec<Observation> {
        let mut services: BTreeMap<&ServiceId, Vec<&stillhere_model::edge::PoolReport>> = BTreeMap::new();
        for pool in &self.report.pools {
            if let Some(service) = &pool.service {
                services.entry(service).or_default().push(pool);
            }
        }
        self.services.retain(|s, _| services.contains_key(s));
        let mut made = Vec::new();
        for (service, pools) in services {
            let of = self.services.entry(service.clone()).or_default();
            if counted {
                let mut tally = Tally::default();
                pools.iter().for_each(|p| tally.add(&p.tally));
                of.p50_us = tally.latency.quantile(0.5).unwrap_or(of.p50_us);
                of.window.add(&tally, self.report.window_ms, now);
            }
            let Some((said, since)) =
                judge::said(&pools, &of.window, of.said.as_ref().map(|(s, _)| s), now.wall)
            else {
                continue;
            };
            let due = of
                .said
                .as_ref()
                .is_none_or(|(before, at)| *before != said || now.mono_ms - at.mono_ms >= millis(SAY_AGAIN));
            if !due {
                continue;
            }
            let news = of.said.as_ref().is_none_or(|(before, _)| before.outcome != said.outcome);
            // Dated by the edge where it says something new; its clock may be wrong.
            let at = if news && since <= now.wall { since.max(now.wall.minus(BACK_MAX)) } else { now.wall };
            made.push(Observation {
                check: CheckId::new(format!("{service}/{EDGE_CHECK}")),
                vantage: VantageId::new(format!("edge-{}", self.report.edge)),
                at,
                outcome: said.outcome,
                side: (said.outcome != Outcome::Up).then_some(Side::Target),
                total_us: of.p50_us,
                phases: Phases::default(),
                finding: said.finding.clone(),
                detail: None,
                recheck: false,
            });
            of.said = Some((said, now));
        }
        made
    }
}

// === impl Handle ===

impl crate::Handle {
    #[must_use]
    pub fn edges(&self) -> &Edges {
        &self.edges
    }

    /// What an edge has not got yet; waits at most `wait` until there is something.
    pub async fn edge_feed(&self, have: &Have, wait: Duration) -> Feed {
        let key = self.key.public_key();
        self.edges.feed(have, wait, self.notices.clone(), &key, self.stopping()).await
    }

    /// Takes what an edge says.
    ///
    /// # Errors
    /// What is wrong with it; nothing of it was taken.
    pub fn edge_report(&self, report: Report) -> Result<(), String> {
        report.check()?;
        let heard = self.edges.report(report, self.clock.now());
        for observation in heard.observations {
            self.vitals.ended_passive(observation.outcome);
            if self.seen.try_send(Seen::Look(observation)).is_err() {
                self.vitals.observations_dropped.fetch_add(1, Relaxed);
            }
        }
        for (check, days) in heard.certificates {
            if self.seen.try_send(Seen::Certificate { check, days }).is_err() {
                self.vitals.observations_dropped.fetch_add(1, Relaxed);
            }
        }
        Ok(())
    }
}

/// Enough of a hash to tell versions apart.
fn tag(bytes: &[u8]) -> String {
    hex(&digest(&SHA256, bytes).as_ref()[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut s, b| {
        let _infallible = write!(s, "{b:02x}");
        s
    })
}

#[cfg(test)]
mod tests;
