//! `/metrics` in the OpenMetrics text form, and `/healthz`. The names are documented in `docs/api.md`; a test holds
//! the two against each other.
//!
//! Public like the page itself, so it holds numbers and the names of public services, nothing else: no channel,
//! no address, no target.

use crate::serve::App;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, NoLabelSet, text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};
use std::{collections::BTreeMap, sync::atomic::Ordering::Relaxed};
use stillhere_model::{Status, edge::Tally};
use stillhere_node::LAG_BOUNDS_MS;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/metrics", get(metrics)).route("/healthz", get(healthz))
}

/// 503 when there is no fresh news, so that whoever supervises the process can act on it.
async fn healthz(State(app): State<App>) -> Response {
    if app.public.shown().stale {
        return (StatusCode::SERVICE_UNAVAILABLE, "no fresh news\n").into_response();
    }
    "ok\n".into_response()
}

async fn metrics(State(app): State<App>) -> Response {
    let mut registry = Registry::with_prefix("stillhere");
    registry.register_collector(Box::new(Numbers(app)));
    let mut body = String::new();
    match text::encode(&mut body, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

struct Numbers(App);

impl std::fmt::Debug for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Numbers")
    }
}

type Written = Result<(), std::fmt::Error>;

impl Collector for Numbers {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> Written {
        self.looks(&mut to)?;
        self.store_and_outbox(&mut to)?;
        self.web(&mut to)?;
        self.services(&mut to)?;
        self.edges(&mut to)
    }
}

// === impl Numbers ===

impl Numbers {
    fn looks(&self, to: &mut DescriptorEncoder<'_>) -> Written {
        let v = self.0.handle.vitals();
        gauge(to, "checks", "Checks configured, heartbeats included", v.checks.load(Relaxed))?;
        let outcomes = [
            ("up", &v.looks_up),
            ("slow", &v.looks_slow),
            ("down", &v.looks_down),
            ("unknown", &v.looks_unknown),
        ];
        let outcomes: Vec<_> =
            outcomes.iter().map(|(name, n)| ([("outcome", *name)], n.load(Relaxed))).collect();
        counters(to, "looks", "Looks by outcome; unknown: we could not look", &outcomes)?;
        gauge(to, "looks_running", "Looks under way", v.looks_running.load(Relaxed))?;
        counter(
            to,
            "looks_skipped",
            "Looks that were due and not begun before the next was due",
            v.looks_skipped.load(Relaxed),
        )?;
        self.lag(to)?;
        counter(to, "verdict_changes", "Changes of a service's verdict", v.verdict_changes.load(Relaxed))?;
        counter(
            to,
            "observations_dropped",
            "Observations that found no room before the judge",
            v.observations_dropped.load(Relaxed),
        )?;
        gauge(to, "uplink_up", "1 while our own uplink works or is not guarded", v.uplink_up.load(Relaxed))
    }

    /// How late looks began.
    fn lag(&self, to: &mut DescriptorEncoder<'_>) -> Written {
        let v = self.0.handle.vitals();
        // Read once: the count must be that of these buckets, also while looks begin.
        let buckets: Vec<(f64, u64)> = v
            .lag
            .iter()
            .enumerate()
            .map(|(i, n)| (LAG_BOUNDS_MS.get(i).map_or(f64::INFINITY, |ms| seconds(*ms)), n.load(Relaxed)))
            .collect();
        let count = buckets.iter().map(|(_, n)| n).sum();
        let mut metric = to.encode_descriptor(
            "look_lag",
            "How late looks began",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        metric.encode_histogram::<NoLabelSet>(seconds(v.lag_sum_ms.load(Relaxed)), count, &buckets, None)
    }

    fn store_and_outbox(&self, to: &mut DescriptorEncoder<'_>) -> Written {
        let v = self.0.handle.vitals();
        counter(to, "commits", "Transactions written", v.commits.load(Relaxed))?;
        counter(
            to,
            "commits_failed",
            "Transactions that could not be written",
            v.commits_failed.load(Relaxed),
        )?;
        let took = ConstCounter::new(micros(v.commit_us_sum.load(Relaxed)));
        took.encode(to.encode_descriptor(
            "commit",
            "Sum of how long commits took",
            Some(&Unit::Seconds),
            took.metric_type(),
        )?)?;
        counter(to, "delivered", "Messages that the far side took over", v.delivered.load(Relaxed))?;
        counter(to, "deferred", "Attempts that have to be repeated", v.deferred.load(Relaxed))?;
        counter(to, "dead_letters", "Messages that were given up", v.dead_letters.load(Relaxed))?;
        counter(
            to,
            "sent_again",
            "Messages sent again under the same id after a crash",
            v.sent_again.load(Relaxed),
        )?;
        gauge(to, "outbox_queued", "Messages waiting", unsigned(v.outbox_queued.load(Relaxed)))?;
        gauge(to, "outbox_dead", "Dead letters kept", unsigned(v.outbox_dead.load(Relaxed)))?;
        let oldest = ConstGauge::new(seconds(unsigned(v.outbox_oldest_ms.load(Relaxed))));
        oldest.encode(to.encode_descriptor(
            "outbox_oldest",
            "Age of the oldest waiting message",
            Some(&Unit::Seconds),
            oldest.metric_type(),
        )?)
    }

    fn web(&self, to: &mut DescriptorEncoder<'_>) -> Written {
        let (web, live) = (&self.0.counts, self.0.hub.counts());
        gauge(
            to,
            "connections",
            "Open connections, listeners not counted",
            web.connections.load(Relaxed) as u64,
        )?;
        counter(to, "connections_accepted", "Connections accepted", web.accepted.load(Relaxed))?;
        counter(
            to,
            "connections_refused",
            "Connections refused because there were too many",
            web.refused.load(Relaxed),
        )?;
        counter(
            to,
            "accept_errors",
            "Times a connection could not be accepted",
            web.accept_errors.load(Relaxed),
        )?;
        let by_lane = [
            ([("lane", "express")], web.express.load(Relaxed)),
            ([("lane", "router")], web.routed.load(Relaxed)),
        ];
        counters(to, "requests", "Requests answered", &by_lane)?;
        gauge(to, "listeners", "Open pages on the live stream", live.listeners.load(Relaxed) as u64)?;
        counter(to, "listeners_refused", "Listeners for whom there was no seat", live.refused.load(Relaxed))?;
        counter(to, "listeners_dropped", "Listeners that did not keep up", live.dropped_slow.load(Relaxed))?;
        counter(to, "live_frames", "Events written to listeners", live.frames.load(Relaxed))?;
        let resumed = [
            ([("with", "changes")], live.resumed.load(Relaxed)),
            ([("with", "whole")], live.resumed_whole.load(Relaxed)),
        ];
        counters(to, "listeners_resumed", "Listeners that came back and had missed something", &resumed)
    }

    fn services(&self, to: &mut DescriptorEncoder<'_>) -> Written {
        let shown = self.0.public.shown();
        gauge(to, "stale", "1 while there is no fresh news", u64::from(shown.stale))?;
        gauge(to, "incidents_open", "Public incidents that are open", shown.snapshot.incidents.len() as u64)?;
        let metric = ConstGauge::new(0u64);
        let mut family = to.encode_descriptor(
            "service_status",
            "1 for the status that a public service has",
            None,
            metric.metric_type(),
        )?;
        for service in &shown.snapshot.services {
            for status in Status::ALL {
                let labels = [("service", service.id.as_str()), ("status", status.as_str())];
                ConstGauge::new(u64::from(service.verdict.status == status))
                    .encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

impl Numbers {
    /// Sums of all edges, by public service.
    fn edges(&self, to: &mut DescriptorEncoder<'_>) -> Written {
        let views = self.0.handle.edges().views(self.0.handle.clock().now());
        gauge(
            to,
            "edges",
            "Edges that have joined and are heard",
            views.iter().filter(|v| !v.silent).count() as u64,
        )?;
        if views.is_empty() {
            return Ok(());
        }
        let shown = self.0.public.shown();
        let mut sums: BTreeMap<String, Tally> = BTreeMap::new();
        let mut told: BTreeMap<String, u64> = BTreeMap::new();
        let mut sockets: BTreeMap<String, u64> = BTreeMap::new();
        for view in &views {
            for (what, n) in &view.socket_events {
                *sockets.entry(what.clone()).or_default() += n;
            }
            for ((_, service), tally) in &view.sums {
                let service = service.as_ref().map_or("", |s| s.as_str());
                if shown.snapshot.services.iter().any(|s| s.id.as_str() == service) {
                    sums.entry(service.to_owned()).or_default().add(tally);
                }
            }
            for (why, n) in &view.told {
                *told.entry(why.clone()).or_default() += n;
            }
        }
        let mut requests = Vec::new();
        for (service, tally) in &sums {
            for (outcome, n) in tally.outcomes() {
                requests.push(([("service", service.as_str()), ("outcome", outcome)], n));
            }
        }
        counters(to, "edge_requests", "Requests at the edges, by how they ended", &requests)?;
        let told: Vec<_> = told.iter().map(|(why, n)| ([("why", why.as_str())], *n)).collect();
        counters(to, "edge_told", "Answers that an edge gave in place of the origin", &told)?;
        let sockets: Vec<_> = sockets.iter().map(|(what, n)| ([("what", what.as_str())], *n)).collect();
        counters(to, "edge_sockets", "What became of WebSockets at the edges", &sockets)?;
        let latency = ConstGauge::new(0.0f64);
        let mut family = to.encode_descriptor(
            "edge_latency",
            "From sending a request to the head of its answer, since the edges joined",
            Some(&Unit::Seconds),
            latency.metric_type(),
        )?;
        for (service, tally) in &sums {
            for (name, q) in [("0.5", 0.5), ("0.95", 0.95), ("0.99", 0.99)] {
                if let Some(us) = tally.latency.quantile(q) {
                    let labels = [("service", service.as_str()), ("quantile", name)];
                    ConstGauge::new(micros(us.into())).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}

fn gauge(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Written {
    let metric = ConstGauge::new(value);
    metric.encode(to.encode_descriptor(name, help, None, metric.metric_type())?)
}

fn counter(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Written {
    let metric = ConstCounter::new(value);
    metric.encode(to.encode_descriptor(name, help, None, metric.metric_type())?)
}

fn counters<L: EncodeLabelSet>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: &[(L, u64)],
) -> Written {
    let kind = ConstCounter::new(0u64);
    let mut family = to.encode_descriptor(name, help, None, kind.metric_type())?;
    for (labels, value) in values {
        ConstCounter::new(*value).encode(family.encode_family(labels)?)?;
    }
    Ok(())
}

fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "a metric is read to a few digits")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1e3
}

#[expect(clippy::cast_precision_loss, reason = "a metric is read to a few digits")]
fn micros(us: u64) -> f64 {
    us as f64 / 1e6
}
