//! Services, their verdicts with the evidence, and how long looks took.

use super::view::{Overall, Service, ServiceRecord};
use crate::{extract::Asked, problem::Problem, serve::App};
use axum::{
    Json,
    extract::{Path, State},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use stillhere_model::{CheckId, ServiceId, Time};
use stillhere_net::clock;
use utoipa::{IntoParams, ToSchema};

/// Points in one answer.
const MAX_POINTS: i64 = 2_000;

#[derive(Serialize, ToSchema)]
pub(crate) struct Services {
    fresh: bool,
    services: Vec<Service>,
}

/// Everything in one line
#[utoipa::path(get, path = "/api/v1/status", tag = "public", operation_id = "status", responses((status = 200, body = Overall)))]
pub(super) async fn status(State(app): State<App>) -> Json<Overall> {
    let shown = app.public.shown();
    Json(Overall::of(&shown.snapshot, shown.stale))
}

/// All public services with verdict and evidence
#[utoipa::path(get, path = "/api/v1/services", tag = "public", operation_id = "services", responses((status = 200, body = Services)))]
pub(super) async fn list(State(app): State<App>) -> Json<Services> {
    let shown = app.public.shown();
    let services = shown.snapshot.services.iter().map(|s| Service::from(s.as_ref())).collect();
    Json(Services { fresh: !shown.stale, services })
}

/// One service with its record of 90 days
#[utoipa::path(
    get, path = "/api/v1/services/{service}", tag = "public", operation_id = "service",
    params(("service" = String, Path, description = "The service's id")),
    responses((status = 200, body = ServiceRecord), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn one(
    State(app): State<App>,
    Path(service): Path<String>,
) -> Result<Json<ServiceRecord>, Problem> {
    let shown = app.public.shown();
    let view = shown.snapshot.service(&ServiceId::new(&service)).ok_or_else(|| no_service(&service))?;
    Ok(Json(view.into()))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Stretch {
    /// Default: 24 hours before `until`.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// Default: now.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    /// Minutes a point covers. Default: so that there are at most 100 points.
    step_minutes: Option<u32>,
}

/// Looks of one check, counted
#[derive(Serialize, ToSchema)]
pub(crate) struct Latency {
    check: String,
    points: Vec<Point>,
}

/// One stretch of time. Times are of looks that came to an answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Point {
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    up: u64,
    slow: u64,
    down: u64,
    unknown: u64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
}

/// How long the looks of one check took
#[utoipa::path(
    get, path = "/api/v1/services/{service}/checks/{check}/latency", tag = "public", operation_id = "latency",
    params(("service" = String, Path), ("check" = String, Path, description = "What follows the slash in the check's id"), Stretch),
    responses(
        (status = 200, body = Latency),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn latency(
    State(app): State<App>,
    Path((service, check)): Path<(String, String)>,
    Asked(asked): Asked<Stretch>,
) -> Result<Json<Latency>, Problem> {
    let shown = app.public.shown();
    let view = shown.snapshot.service(&ServiceId::new(&service)).ok_or_else(|| no_service(&service))?;
    let id = CheckId::new(format!("{service}/{check}"));
    if !view.verdict.checks.iter().any(|c| c.check == id) {
        return Err(Problem::not_found(format!("The service \"{service}\" has no check \"{check}\".")));
    }
    let until = asked.until.unwrap_or_else(clock::wall);
    let from = asked.from.unwrap_or_else(|| until.minus(Duration::from_secs(86_400)));
    let length_ms = until.0.saturating_sub(from.0);
    if length_ms <= 0 {
        return Err(Problem::unprocessable("from: must be before until"));
    }
    let step_minutes = asked.step_minutes.map_or_else(|| (length_ms / 60_000 / 100).max(1), i64::from);
    if step_minutes < 1 || length_ms / (step_minutes * 60_000) > MAX_POINTS {
        return Err(Problem::unprocessable(format!(
            "step_minutes: at most {MAX_POINTS} points fit one answer"
        )));
    }
    let step = Duration::from_secs(u64::try_from(step_minutes * 60).unwrap_or(60));
    let rows = app.handle.store().latency(&id, from, until, step).await?;
    let points = rows
        .into_iter()
        .map(|r| {
            let ms = |q| r.latency.quantile(q).map(|us| f64::from(us) / 1e3);
            Point {
                at: r.at,
                up: r.up,
                slow: r.slow,
                down: r.down,
                unknown: r.unknown,
                p50_ms: ms(0.5),
                p95_ms: ms(0.95),
                p99_ms: ms(0.99),
            }
        })
        .collect();
    Ok(Json(Latency { check: id.to_string(), points }))
}

pub(super) fn no_service(id: &str) -> Problem {
    Problem::not_found(format!("There is no service \"{id}\"."))
}
