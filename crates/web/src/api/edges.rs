//! The edges: what they are told and tell (with a token of their own), how they are, and what people order them to do.

use crate::{
    caller::{Admin, JoinedEdge, Viewer},
    extract::{Asked, Json, body, parsed},
    problem::Problem,
    serve::App,
};
use axum::{
    Json as Answer,
    extract::{Path, Request, State},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use stillhere_model::{
    Act, Time,
    edge::{Feed, Have, Orders, Report},
};
use stillhere_net::clock;
use stillhere_node::{EdgeView, OrderError};
use utoipa::{IntoParams, ToSchema};

/// Longest wait of a feed, in seconds: below what the server itself gives a handler.
const MAX_WAIT_S: u64 = 25;
/// Largest report.
const MAX_REPORT_BYTES: usize = 2 * 1024 * 1024;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Have3 {
    /// What the edge is called.
    #[expect(dead_code, reason = "for the log of whoever stands between")]
    name: Option<String>,
    /// `have.config` of the last answer.
    #[serde(default)]
    config: String,
    #[serde(default)]
    notice: String,
    #[serde(default)]
    orders: String,
    /// 0 to 25 seconds, default 0: how long the answer may wait for something new.
    #[serde(default)]
    wait: u64,
}

/// What an edge has not got yet; waits for it
#[utoipa::path(
    get, path = "/api/v1/edge/feed", tag = "edge", operation_id = "edge_feed", security(("token" = [])), params(Have3),
    responses(
        (status = 200, body = Object, description = "`have` for the next call; `config`, `notice`, `notice_key`, `orders` where they are new"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn feed(
    State(app): State<App>,
    _: JoinedEdge,
    Asked(asked): Asked<Have3>,
) -> Result<Answer<Feed>, Problem> {
    if asked.wait > MAX_WAIT_S {
        return Err(Problem::unprocessable(format!("wait: 0 to {MAX_WAIT_S}")));
    }
    let have = Have { config: asked.config, notice: asked.notice, orders: asked.orders };
    Ok(Answer(app.handle.edge_feed(&have, Duration::from_secs(asked.wait)).await))
}

/// How requests ended at an edge since its last report
#[utoipa::path(
    post, path = "/api/v1/edge/report", tag = "edge", operation_id = "edge_report", security(("token" = [])), request_body = Object,
    responses(
        (status = 200, body = Object, description = "Taken; it need not be kept any longer"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn report(
    State(app): State<App>,
    _: JoinedEdge,
    request: Request,
) -> Result<Answer<Value>, Problem> {
    let report: Report = parsed(&body(request, MAX_REPORT_BYTES).await?)?;
    let number = report.number;
    app.handle.edge_report(report).map_err(Problem::unprocessable)?;
    Ok(Answer(json!({ "number": number })))
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EdgesOut {
    /// By name.
    edges: Vec<EdgeOut>,
    /// Services whose requests wait by order, and until when.
    #[schema(value_type = BTreeMap<String, String>)]
    paused: BTreeMap<String, Time>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EdgeOut {
    name: String,
    version: String,
    #[schema(value_type = String, format = DateTime)]
    joined_at: Time,
    #[schema(value_type = String, format = DateTime)]
    heard_at: Time,
    /// It has said nothing for 15 s; what it said before counts no more.
    silent: bool,
    /// It serves with the configuration that is in force here.
    current: bool,
    /// Since when it serves with what it has.
    #[schema(value_type = String, format = DateTime)]
    config_at: Time,
    /// When the notice was made that it holds.
    #[schema(value_type = Option<String>, format = DateTime)]
    notice_at: Option<Time>,
    /// Why it did not take the newest configuration.
    refused: Option<String>,
    connections: u64,
    sockets: u64,
    pools: Vec<PoolOut>,
    /// Own answers by reason, since it joined.
    told: BTreeMap<String, u64>,
    /// Browsers' reports by type, since it joined.
    browsers: BTreeMap<String, u64>,
    /// What became of WebSockets, since it joined.
    socket_events: BTreeMap<String, u64>,
    /// The certificates that it shows, those that end first; at most 32.
    certificates: Vec<CertificateOut>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CertificateOut {
    /// The first name that it is for.
    name: String,
    #[schema(value_type = String, format = DateTime)]
    until: Time,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PoolOut {
    pool: String,
    service: Option<String>,
    /// `takes`, `paused`, `all_out`, `overloaded`, `silent`.
    standing: &'static str,
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    #[schema(value_type = Vec<Object>)]
    nodes: Vec<Value>,
    waiting: u64,
    answers_per_s: f64,
    /// How requests ended since it joined.
    #[schema(value_type = BTreeMap<String, u64>)]
    requests: BTreeMap<&'static str, u64>,
    /// Of the answers' heads, since it joined.
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
}

/// The edges that have joined, and how their servers look from there
#[utoipa::path(
    get, path = "/api/v1/edges", tag = "staff", operation_id = "edges", security(("token" = [])),
    responses((status = 200, body = EdgesOut), (status = 401, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(State(app): State<App>, _: Viewer) -> Answer<EdgesOut> {
    let edges = app.handle.edges();
    let now = app.handle.clock().now();
    let paused = edges.orders().paused.clone().into_iter().filter(|(_, until)| *until > now.wall).collect();
    Answer(EdgesOut { edges: edges.views(now).iter().map(EdgeOut::of).collect(), paused })
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pausing {
    /// They go on by themselves then. Default: in 10 minutes; at most a day.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
}

/// Let requests for a service wait, while it is deployed
#[utoipa::path(
    post, path = "/api/v1/edge/services/{service}/pause", tag = "write", operation_id = "pause_service", security(("token" = [])),
    params(("service" = String, Path)), request_body = Pausing,
    responses(
        (status = 200, body = Object, description = "`until`. Every edge does it within milliseconds; one that is away, when it is back"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn pause(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(service): Path<String>,
    Json(asked): Json<Pausing>,
) -> Result<Answer<Value>, Problem> {
    const USUAL: Duration = Duration::from_secs(600);
    let now = clock::wall();
    let until = asked.until.unwrap_or_else(|| now.plus(USUAL));
    app.handle.edges().pause(&service, until, now).map_err(refused)?;
    caller.did(&app, Act::RequestsPaused { service, until }).await;
    Ok(Answer(json!({ "until": until })))
}

/// Let them go on
#[utoipa::path(
    post, path = "/api/v1/edge/services/{service}/resume", tag = "write", operation_id = "resume_service", security(("token" = [])),
    params(("service" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn resume(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(service): Path<String>,
) -> Result<Answer<Value>, Problem> {
    app.handle.edges().resume(&service, clock::wall()).map_err(refused)?;
    caller.did(&app, Act::RequestsResumed { service: service.clone() }).await;
    Ok(Answer(json!({ "resumed": service })))
}

/// Networks that are shut out
#[utoipa::path(
    get, path = "/api/v1/edge/bans", tag = "staff", operation_id = "bans", security(("token" = [])),
    responses((status = 200, body = Object, description = "`bans`: `network`, `since`, `until`, `why`"))
)]
pub(super) async fn bans(State(app): State<App>, _: Viewer) -> Answer<Value> {
    let orders: std::sync::Arc<Orders> = app.handle.edges().orders();
    let now = clock::wall();
    Answer(json!({ "bans": orders.bans.iter().filter(|b| b.until > now).collect::<Vec<_>>() }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Banning {
    /// Such as `203.0.113.0/24`, or one address.
    network: String,
    #[schema(value_type = String, format = DateTime)]
    until: Time,
    /// 1 to 200 characters, for those who read the list later.
    why: String,
}

/// Shut a network out
#[utoipa::path(
    put, path = "/api/v1/edge/bans", tag = "write", operation_id = "ban", security(("token" = [])), request_body = Banning,
    responses((status = 200, body = Object), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn ban(
    State(app): State<App>,
    Admin(caller): Admin,
    Json(asked): Json<Banning>,
) -> Result<Answer<Value>, Problem> {
    app.handle.edges().ban(&asked.network, asked.until, &asked.why, clock::wall()).map_err(refused)?;
    let (network, until) = (asked.network, asked.until);
    caller.did(&app, Act::Banned { network: network.clone(), until, why: asked.why }).await;
    Ok(Answer(json!({ "banned": network, "until": until })))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unbanning {
    network: String,
}

/// Let it in again
#[utoipa::path(
    delete, path = "/api/v1/edge/bans", tag = "write", operation_id = "unban", security(("token" = [])), request_body = Unbanning,
    responses((status = 200, body = Object), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn unban(
    State(app): State<App>,
    Admin(caller): Admin,
    Json(asked): Json<Unbanning>,
) -> Result<Answer<Value>, Problem> {
    app.handle.edges().unban(&asked.network, clock::wall()).map_err(refused)?;
    caller.did(&app, Act::Unbanned { network: asked.network.clone() }).await;
    Ok(Answer(json!({ "unbanned": asked.network })))
}

fn refused(e: OrderError) -> Problem {
    match e {
        OrderError::NoRoute(_) | OrderError::NotBanned(_) => Problem::not_found(e.to_string()),
        OrderError::Invalid { .. } => Problem::unprocessable(e.to_string()),
        OrderError::Disk(_) => Problem::unavailable(e.to_string()),
    }
}

// === impl EdgeOut ===

impl EdgeOut {
    fn of(view: &EdgeView) -> EdgeOut {
        let r = &view.report;
        let pool = |p: &stillhere_model::edge::PoolReport| {
            let sums = view.sums.get(&(p.pool.clone(), p.service.clone())).cloned().unwrap_or_default();
            let ms = |q: f64| sums.latency.quantile(q).map(|us| f64::from(us) / 1_000.0);
            PoolOut {
                pool: p.pool.clone(),
                service: p.service.as_ref().map(|s| s.as_str().to_owned()),
                standing: p.standing.as_str(),
                since: p.since,
                nodes: p.nodes.iter().map(|n| serde_json::to_value(n).unwrap_or_default()).collect(),
                waiting: p.waiting,
                answers_per_s: p.answers_per_s,
                p50_ms: ms(0.5),
                p95_ms: ms(0.95),
                requests: sums.outcomes().into_iter().collect(),
            }
        };
        EdgeOut {
            name: r.edge.clone(),
            version: r.version.clone(),
            joined_at: view.joined_at,
            heard_at: view.heard_at,
            silent: view.silent,
            current: view.current,
            config_at: r.config_at,
            notice_at: r.notice_at,
            refused: r.refused.clone(),
            connections: r.connections,
            sockets: r.sockets,
            pools: r.pools.iter().map(pool).collect(),
            told: view.told.clone(),
            browsers: view.browsers.clone(),
            socket_events: view.socket_events.clone(),
            certificates: r
                .certificates
                .iter()
                .map(|c| CertificateOut { name: c.name.clone(), until: c.until })
                .collect(),
        }
    }
}
