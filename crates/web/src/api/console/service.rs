//! One service: its verdict, the evidence for it, its record, and what hangs together with it.

use super::{
    InWords, Scene, packed,
    shape::{Evidence, IncidentBrief, Named},
};
use crate::{caller::Viewer, extract::Asked, problem::Problem, serve::App};
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use serde::Serialize;
use stillhere_model::{ServiceId, Status, Time};
use stillhere_tell::Day;
use utoipa::ToSchema;

use super::super::{services::no_service, view::StatusWord};

/// Incidents of the service in the answer.
const INCIDENTS_MAX: usize = 20;
/// Services that depend on it in the answer.
const NEEDED_BY_MAX: usize = 100;

#[derive(Serialize, ToSchema)]
pub(crate) struct ServicePage {
    #[schema(value_type = String)]
    id: ServiceId,
    name: String,
    description: Option<String>,
    group: Option<String>,
    /// Whether visitors see it.
    public: bool,
    #[schema(value_type = StatusWord)]
    status: Status,
    /// For an outage the first failed look.
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    why: String,
    unstable: bool,
    /// 0 to 1 over 90 days; `null` when nothing is known.
    uptime: Option<f64>,
    checks: Vec<Evidence>,
    depends_on: Vec<Named>,
    /// At most 100.
    needed_by: Vec<Named>,
    /// 90 days, oldest first; `ms` as operational, under_maintenance, unknown, degraded_performance, partial_outage,
    /// major_outage.
    #[schema(value_type = Vec<Object>)]
    days: Vec<Day>,
    /// Open and past ones, newest first, at most 20.
    incidents: Vec<IncidentBrief>,
}

/// One service with its evidence
#[utoipa::path(
    get, path = "/api/v1/console/services/{service}", tag = "console", operation_id = "console_service", security(("token" = [])),
    params(("service" = String, Path, description = "The service's id"), InWords),
    responses(
        (status = 200, body = ServicePage),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn service(
    State(app): State<App>,
    _: Viewer,
    headers: HeaderMap,
    Path(id): Path<String>,
    Asked(asked): Asked<InWords>,
) -> Result<Response, Problem> {
    let scene = Scene::now(&app, asked.lang);
    let s = scene.all.service(&ServiceId::new(&id)).ok_or_else(|| no_service(&id))?;
    let all = scene.all.incidents.iter().chain(&scene.all.history);
    let page = ServicePage {
        id: s.id.clone(),
        name: scene.words.name(&s.name),
        description: s.description.as_ref().map(|d| scene.words.name(d)),
        group: s.group.as_ref().map(|g| scene.words.name(g)),
        public: app.handle.snapshot().service(&s.id).is_some(),
        status: s.verdict.status,
        since: s.verdict.since,
        why: scene.why(s),
        unstable: s.verdict.unstable,
        uptime: s.uptime,
        checks: s.verdict.checks.iter().map(|c| scene.evidence(c)).collect(),
        depends_on: s.depends_on.iter().map(|on| scene.named(on, None)).collect(),
        needed_by: scene
            .all
            .services
            .iter()
            .filter(|other| other.depends_on.contains(&s.id))
            .take(NEEDED_BY_MAX)
            .map(|other| scene.named(&other.id, None))
            .collect(),
        days: s.days.to_vec(),
        incidents: all.filter(|i| i.affects(&s.id)).take(INCIDENTS_MAX).map(|i| scene.incident(i)).collect(),
    };
    packed(&headers, &page)
}
