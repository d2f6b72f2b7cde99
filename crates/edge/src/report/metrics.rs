//! `/metrics` of the edge itself, on a listener of its own: for when the core, which shows the same, is away.

use super::sums::Part;
use crate::{Body, serve::Shared};
use http::{Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};
use std::{convert::Infallible, sync::Arc, time::Duration};
use stillhere_net::clock;
use tokio::{net::TcpListener, sync::Semaphore, time::sleep};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Scrapers that are served at a time.
const CONNECTIONS: usize = 16;
const HEAD_WITHIN: Duration = Duration::from_secs(5);
const CONNECTION_WITHIN: Duration = Duration::from_secs(60);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is dropped.
pub(crate) async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(seat) = seats.clone().try_acquire_owned() else { continue };
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer(&request, &shared);
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
            let served = http.serve_connection(TokioIo::new(stream), service);
            let _ = tokio::time::timeout(CONNECTION_WITHIN, served).await;
            drop(seat);
        });
    }
}

fn answer(request: &Request<Incoming>, shared: &Arc<Shared>) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    if request.method() != Method::GET || request.uri().path() != "/metrics" {
        *answer.status_mut() = StatusCode::NOT_FOUND;
        return answer;
    }
    *answer.body_mut() = Body::whole(written(shared));
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(OPEN_METRICS));
    answer
}

pub(crate) fn written(shared: &Arc<Shared>) -> String {
    let mut registry = Registry::with_prefix("stillhere_edge");
    registry.register_collector(Box::new(Numbers(shared.clone())));
    let mut body = String::new();
    // Writing into a text cannot fail.
    let _ = text::encode(&mut body, &registry);
    body
}

struct Numbers(Arc<Shared>);

type Written = Result<(), std::fmt::Error>;

impl std::fmt::Debug for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Numbers")
    }
}

impl Collector for Numbers {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> Written {
        let to = &mut to;
        let shared = &self.0;
        let Part { pools, told, browsers, sockets } = shared.sums.since_start(shared);
        let mut ended = Vec::new();
        let mut latency = Vec::new();
        for ((pool, service), tally) in &pools {
            let labels = [("pool", pool.as_str()), ("service", service.as_ref().map_or("", |s| s.as_str()))];
            for (outcome, n) in tally.outcomes() {
                ended.push(([labels[0], labels[1], ("outcome", outcome)], n as f64));
            }
            for (name, q) in [("0.5", 0.5), ("0.95", 0.95), ("0.99", 0.99)] {
                if let Some(us) = tally.latency.quantile(q) {
                    latency.push(([labels[0], labels[1], ("quantile", name)], f64::from(us) / 1e6));
                }
            }
        }
        counters(to, "requests", "Requests by how they ended", &ended)?;
        let by = |name: &'static str, sums: &std::collections::BTreeMap<String, u64>| -> Vec<_> {
            sums.iter().map(|(k, n)| ([(name, k.clone())], *n as f64)).collect()
        };
        counters(to, "told", "Answers of the edge in place of the origin", &by("why", &told))?;
        counters(to, "browser_reports", "Browsers' reports of requests that failed", &by("type", &browsers))?;
        counters(to, "sockets", "What became of WebSockets", &by("what", &sockets))?;
        let injected = shared.injected.all().map(|(outcome, n)| ([("outcome", outcome)], n as f64));
        counters(to, "client_injected", "Pages that the browser client was to be put into", &injected)?;
        gauges(to, "latency", "To the head of an answer", Some(&Unit::Seconds), &latency)?;
        let now = clock::mono();
        let (mut nodes, mut waiting) = (Vec::new(), Vec::new());
        for pool in shared.routes.load().pools() {
            let view = pool.view(now);
            for n in view.nodes {
                let labels =
                    [("pool", view.name.clone()), ("node", n.address), ("state", super::word(&n.state))];
                nodes.push((labels, 1.0));
            }
            waiting.push(([("pool", view.name)], view.queue.waiting as f64));
        }
        gauges(to, "node_state", "1 for the state that a node is in", None, &nodes)?;
        gauges(to, "waiting", "Requests that wait", None, &waiting)?;
        let open = [([("of", "connections")], shared.limits.connections() as f64), {
            let sockets: usize = shared.sockets.open().iter().map(crate::socket::Open::sockets).sum();
            ([("of", "sockets")], sockets as f64)
        }];
        gauges(to, "open", "What is open", None, &open)?;
        let known = shared.board.current();
        let endings: Vec<_> = shared
            .certificates
            .endings()
            .into_iter()
            .map(|c| ([("name", c.name)], c.until.0 as f64 / 1e3))
            .collect();
        gauges(
            to,
            "certificate_ends",
            "When a certificate ends, since 1970",
            Some(&Unit::Seconds),
            &endings,
        )?;
        let age = known.notice.as_ref().map(|h| ([("of", "notice")], h.age(clock::wall()).as_secs_f64()));
        gauges(to, "age", "How old the notice is", Some(&Unit::Seconds), age.as_slice())
    }
}

fn counters<L: EncodeLabelSet>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: &[(L, f64)],
) -> Written {
    let mut family = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in values {
        ConstCounter::new(*value).encode(family.encode_family(labels)?)?;
    }
    Ok(())
}

fn gauges<L: EncodeLabelSet>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    values: &[(L, f64)],
) -> Written {
    let mut family = to.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    for (labels, value) in values {
        ConstGauge::new(*value).encode(family.encode_family(labels)?)?;
    }
    Ok(())
}
