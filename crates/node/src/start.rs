//! Builds a node and starts its tasks; stops them in the order of the flow.

use crate::{
    alerts::Alerts,
    channels::Channels,
    deliver::{self, Post},
    edges::Edges,
    flow::{Flow, REQUESTS_MAX, SEEN_MAX, Seen, learn::past},
    handle::{Handle, TRIES_AT_ONCE},
    heartbeats::Heartbeats,
    key,
    link::Signer,
    observe::{ASKED_MAX, Watcher},
    oidc::Oidc,
    public::{HISTORY_KEPT, Known, Public},
    publish,
    reload::{Loaded, vantage},
    source::Source,
    subscribers::{self, Subscribers},
    uplink::Guard,
    vitals::Vitals,
    watch_outbox,
};
use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use stillhere_access::{Access, password::Cost};
use stillhere_config::Config;
use stillhere_model::{CheckId, Entry, Mint, Occasion, ServiceId, Time};
use stillhere_net::{clock::Clock, entropy};
use stillhere_observe::probe::Shared;
use stillhere_respond::Kept;
use stillhere_store::Store;
use stillhere_tell::{
    Snapshot,
    snapshot::LatencyPoint,
    timeline::{DAYS, Segment},
};
use tokio::{
    sync::{Notify, Semaphore, mpsc, watch},
    task::JoinHandle,
};

/// What lies further back is on no page.
const HORIZON: Duration = Duration::from_secs(60 * 60 * 24 * (DAYS as u64 + 2));
/// The latency picture's stretch and its step.
const LATENCY: Duration = Duration::from_secs(86_400);
const LATENCY_STEP: Duration = Duration::from_secs(30 * 60);

/// A running core node.
pub struct Node {
    handle: Handle,
    tasks: Vec<(&'static str, JoinHandle<()>)>,
}

// === impl Node ===

impl Node {
    /// Opens the store, goes on from what it knows, and starts looking. `addr` is where the page is served.
    ///
    /// # Errors
    /// A store that cannot be opened, a key that cannot be read, a check that cannot be built.
    pub async fn start(source: Source, config: Config, addr: SocketAddr) -> Result<Node, String> {
        let clock = Clock::start();
        let data = config.server.data.clone();
        let options =
            stillhere_store::Options { retention: retention(&config), ..stillhere_store::Options::default() };
        let publish_to = config.publish.clone();
        let witnesses = crate::record::witness::of(&config)?;
        let now = clock.now();
        // What the file says is built before the folder is touched; then what the console says is known, and all is built.
        Loaded::build(source.clone(), config, addr, clock, Shared::new(clock))?;
        let store = Store::open_with(&data, now.wall, options).await.map_err(|e| e.to_string())?;
        let access = Arc::new(Access::new(key::people(&data)?, Cost::DEFAULT, entropy::bytes()));
        let settings = store.settings().await.map_err(|e| e.to_string())?;
        let made =
            settings.kept.iter().filter_map(|row| crate::settings::opened(row, &access.keys)).collect();
        let loaded = Loaded::start(source, made, addr, clock)?;
        let kept = store.load().await.map_err(|e| e.to_string())?;
        // We hold the folder's lock, so whoever had claimed something is gone.
        store.release_leases().await.map_err(|e| e.to_string())?;
        deliver::abandon_strangers(&store, &loaded.channels, clock).await;
        let key = Arc::new(key::notice(&data)?);
        let (record, book) =
            crate::record::open(&store, key::record(&data)?, &loaded.site.url, kept.epoch, now.wall).await?;
        let signer = Signer::new(&key::links(&data)?);

        let mut judge = stillhere_judge::State::restore(&loaded.topology, kept.verdicts.clone());
        // Whoever reads before the first decision must not be told of an "unknown" since 1970.
        judge.begin(now);
        let (certificates, uplink_lost) = told(&kept.told);
        let respond = stillhere_respond::State::restore(
            &loaded.topology,
            Kept {
                incidents: kept.open.iter().chain(&kept.resolved).chain(&kept.work_left).cloned().collect(),
                maintenances: kept.maintenances.clone(),
                verdicts: kept.verdicts.clone(),
                certificates: certificates.clone().into_iter().collect(),
                uplink_lost,
            },
            now,
        );
        let verdicts: Vec<_> = judge.verdicts().cloned().collect();
        let known = known(&store, &kept, now.wall).await.map_err(|e| e.to_string())?;
        let subscribers = Subscribers::new(&data, store.clone(), clock, loaded.subscribers.clone())?;
        let site = subscribers.offering(&loaded.site);
        let mut public = Public::new(&loaded.topology, site, loaded.fresh_for, &verdicts, known, now.wall);
        let history = past(&store, &public).await.map_err(|e| e.to_string())?;
        public.eta_record(stillhere_learn::record(&history, now.wall));
        let push: HashMap<CheckId, String> = kept.push.iter().cloned().collect();

        let vitals = Arc::new(Vitals::default());
        vitals.uplink_up.store(1, std::sync::atomic::Ordering::Relaxed);
        let (seen_in, seen_out) = mpsc::channel(SEEN_MAX);
        let (asks_in, asks_out) = mpsc::channel(ASKED_MAX);
        let (requests_in, requests_out) = mpsc::channel(REQUESTS_MAX);
        let first = Arc::new(Snapshot { recorded: book.size, ..public.snapshot(now.wall) });
        let notice: Arc<str> = stillhere_tell::notice::sign(&first, &key).into();
        let (snapshots_in, snapshots) = watch::channel(first);
        let (staff_snapshots_in, staff_snapshots) = watch::channel(Arc::new(public.staff_snapshot(now.wall)));
        let (notices_in, notices) = watch::channel(notice);
        let (settings_in, settings_out) = watch::channel(Arc::new(loaded.settings()));
        let (topology_in, topology) = watch::channel(Arc::new(loaded.topology.clone()));
        // Looks, judging and delivering end one after the other; each stage has its own signal.
        let (stop, stopping) = watch::channel(false);
        let (looked, no_more_looks) = watch::channel(false);
        let (judged, no_more_verdicts) = watch::channel(false);
        let outbox = Arc::new(Notify::new());
        let guard = Guard::new(loaded.uplink_targets.clone(), clock, seen_in.clone());
        let edges = Edges::new(&data, loaded.config.edge.as_ref(), now.wall);
        let alerts = Alerts::new(store.clone(), subscribers.0.pusher.clone(), loaded.alerts());
        let oidc = Oidc::new(clock, loaded.oidc.clone());
        let handle = Handle {
            oidc: oidc.clone(),
            subscribers: subscribers.clone(),
            alerts: alerts.clone(),
            requests: requests_in,
            notices,
            snapshots,
            staff_snapshots,
            store: store.clone(),
            vitals: vitals.clone(),
            clock,
            key: key.clone(),
            signer: signer.clone(),
            stop,
            edges: edges.clone(),
            access: access.clone(),
            settings: settings_out,
            notes: watch::Sender::new(entropy::u64() >> 16),
            tries: Arc::new(Semaphore::new(TRIES_AT_ONCE)),
            topology,
            seen: seen_in.clone(),
            record,
        };

        let mut post =
            Post::new(store.clone(), clock, vitals.clone(), outbox.clone(), no_more_verdicts.clone(), signer);
        post.replace(&loaded.channels);
        post.browsers(alerts.clone());
        let watcher = Watcher::start(
            loaded.watched.clone(),
            loaded.limits,
            vantage(),
            clock,
            guard.clone(),
            vitals.clone(),
            seen_in.clone(),
            asks_out,
            stopping.clone(),
        );
        let mut flow = Flow {
            heartbeats: Heartbeats::new(&loaded.heartbeats, loaded.ping_key, &push),
            channels: Channels::new(&loaded.channels, loaded.links.is_some()),
            edges,
            browsers: Vec::new(),
            alerts,
            subscribers: subscribers.clone(),
            oidc,
            mint: Mint::new(entropy::u64()),
            last_refresh_ms: now.mono_ms,
            last_renew_ms: now.mono_ms,
            last_tick: now,
            pending: crate::flow::Pending::default(),
            certificates,
            skipped: 0,
            uplink_down_since: None,
            behind_since: None,
            clock,
            store: store.clone(),
            judge,
            respond,
            history,
            prior: stillhere_learn::Prior::default(),
            learnt_at_ms: None,
            public,
            vitals: vitals.clone(),
            asks: asks_in,
            guard: guard.clone(),
            snapshots: snapshots_in,
            staff_snapshots: staff_snapshots_in,
            notices: notices_in,
            topology: topology_in,
            settings: settings_in,
            settings_version: settings.version,
            access,
            key,
            book,
            outbox: outbox.clone(),
            post,
            loaded,
        };
        flow.begin(kept.alive_at, now);
        if kept.alive_at.is_some() {
            let first = |s: &stillhere_model::ServiceDef| s.checks.first().cloned();
            let checks =
                flow.loaded.topology.services.iter().filter(|s| s.public).filter_map(first).collect();
            // Not one of the tasks that a stop waits for: it only reads.
            drop(tokio::spawn(pictures(store.clone(), checks, now.wall, seen_in.clone())));
        }
        let telling = subscribers::Running {
            subscribers,
            snapshots: handle.watch(),
            vitals: vitals.clone(),
            stop: no_more_verdicts.clone(),
        };
        let flow = async move {
            let mut post = flow.run(seen_out, requests_out, no_more_looks).await;
            judged.send_replace(true);
            post.stopped().await;
        };

        let mut tasks = vec![
            (
                "observe",
                tokio::spawn(async move {
                    watcher.await;
                    looked.send_replace(true);
                }),
            ),
            ("flow", tokio::spawn(flow)),
            ("subscribers", tokio::spawn(subscribers::run(telling))),
            ("uplink", tokio::spawn(guard.run(stopping.clone()))),
            ("outbox", tokio::spawn(watch_outbox::run(store, vitals, clock, stopping.clone()))),
        ];
        if let Some(p) = publish_to {
            tasks.push((
                "publish",
                tokio::spawn(publish::run(handle.clone(), p.to, p.every, stopping.clone())),
            ));
        }
        if !witnesses.is_empty() {
            let asking = crate::record::witness::run(handle.record.clone(), witnesses, stopping);
            tasks.push(("witnesses", tokio::spawn(asking)));
        }
        Ok(Node { handle, tasks })
    }

    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until everything has ended. [`Handle::stop`] asks for it.
    pub async fn stopped(self) {
        for (name, task) in self.tasks {
            if let Err(e) = task.await {
                tracing::error!(task = name, error = %e, "ended badly");
            }
        }
        if let Err(e) = self.handle.store.close().await {
            tracing::error!(error = %e, "the database was not closed properly; nothing committed is lost");
        }
    }
}

pub(crate) fn retention(config: &Config) -> stillhere_store::Retention {
    let r = &config.retention;
    stillhere_store::Retention {
        observations: r.observations,
        minutes: r.minutes,
        hours: r.hours,
        days: r.days,
        settled: r.settled,
        max_bytes: r.max_mib.map(|mib| u64::from(mib) * 1024 * 1024),
    }
}

async fn known(
    store: &Store,
    kept: &stillhere_store::Loaded,
    now: Time,
) -> Result<Known, stillhere_store::StoreError> {
    let from = now.minus(HORIZON);
    let mut segments: HashMap<ServiceId, VecDeque<Segment>> = HashMap::new();
    for s in store.segments(from, now).await? {
        segments.entry(s.service).or_default().push_back(Segment {
            from: s.from,
            until: s.until,
            status: s.status,
        });
    }
    Ok(Known {
        epoch: kept.epoch,
        // One above what was written: a snapshot that was seen and not written must not come again with other content.
        seq: kept.seq + 1,
        segments,
        gaps: store.gaps(from, now).await?,
        amendments: store.amendments(from, now).await?,
        open: kept.open.clone(),
        resolved: kept.resolved.iter().take(HISTORY_KEPT).cloned().collect(),
        maintenances: kept.maintenances.clone(),
    })
}

/// Reads the latency pictures after the start: each costs milliseconds, and no look should wait for them.
async fn pictures(store: Store, checks: Vec<CheckId>, now: Time, seen: mpsc::Sender<Seen>) {
    #[expect(clippy::cast_precision_loss, reason = "a picture needs no more than f32")]
    let ms = |us: Option<u32>| us.map(|us| us as f32 / 1_000.0);
    for check in checks {
        match store.latency(&check, now.minus(LATENCY), now, LATENCY_STEP).await {
            Ok(steps) => {
                let point = |p: &stillhere_store::Rollup| LatencyPoint {
                    at: p.at,
                    p50_ms: ms(p.latency.quantile(0.5)),
                    p95_ms: ms(p.latency.quantile(0.95)),
                };
                let points = steps.iter().map(point).collect();
                if seen.send(Seen::Picture { check, points }).await.is_err() {
                    return;
                }
            }
            Err(e) => tracing::warn!(%check, error = %e, "could not read the latency of the last day"),
        }
    }
}

/// The nearest threshold told for each certificate, and whether the last word about our uplink was that it is lost.
fn told(occasions: &[Occasion]) -> (HashMap<CheckId, u32>, bool) {
    let mut certificates: HashMap<CheckId, u32> = HashMap::new();
    let mut lost = false;
    for occasion in occasions {
        match occasion {
            Occasion::CertificateEnding { check, days } => {
                certificates.insert(check.clone(), *days);
            }
            Occasion::UplinkLost { .. } => lost = true,
            Occasion::UplinkBack { .. } => lost = false,
            _ => {}
        }
    }
    (certificates, lost)
}

pub(crate) fn started() -> Entry {
    Entry::Started { version: env!("CARGO_PKG_VERSION").to_owned() }
}
