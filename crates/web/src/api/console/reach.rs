//! Whom an incident meets, as far as it is known: who is told of it, what else needs what is broken, and how requests ended. What is
//! not known is said as that.

use super::{InWords, Scene, packed, shape::Named};
use crate::{caller::Viewer, extract::Asked, problem::Problem, serve::App};
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use serde::Serialize;
use std::collections::BTreeSet;
use stillhere_model::{Impact, Incident, ServiceId, Time, Way};
use utoipa::ToSchema;

use super::super::incidents::{no_incident, parse};

/// Affected services, and services that need them, in one answer.
const NAMED_MAX: usize = 50;

#[derive(Serialize, ToSchema)]
pub(crate) struct Reach {
    /// Who is told of it, by way. `null`: visitors do not see it, so no subscriber is told.
    subscribers: Option<Vec<Told>>,
    /// Status pages that are open on this server now, whatever their readers came for.
    open_pages: u64,
    /// At most 50.
    services: Vec<Met>,
    services_more: usize,
    /// Services that need an affected one, directly or through others, and are not affected themselves. At most 50.
    needed_by: Vec<Named>,
    needed_by_more: usize,
}

/// Subscribers who want to be told of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Told {
    /// `mail`, `webhook`, `push`.
    way: &'static str,
    at_once: u64,
    once_a_day: u64,
}

/// How requests for an affected service ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct Met {
    #[schema(value_type = String)]
    id: ServiceId,
    name: String,
    /// `null`: no edge stands before it, so nothing is known of its visitors.
    requests: Option<Requests>,
}

/// Requests, not people.
#[derive(Serialize, ToSchema)]
pub(crate) struct Requests {
    /// From when on they were counted: the beginning of the incident, or later, if counting began later.
    #[schema(value_type = String, format = DateTime)]
    from: Time,
    /// Answered by the servers themselves.
    answered: u64,
    /// Answered by the servers with an error.
    failed: u64,
    /// Answered by the edge, because no server could.
    told: u64,
    /// Answered from what the edge had kept.
    stale: u64,
    /// Waited because no server could take them; how they ended is among the others.
    held: u64,
    /// Edges that stand before it, and how many of them are silent now: what those did since then is not in here.
    edges: usize,
    silent: usize,
}

/// Whom an incident meets, as far as it is known
#[utoipa::path(
    get, path = "/api/v1/console/incidents/{id}/reach", tag = "console", operation_id = "console_reach", security(("token" = [])),
    params(("id" = String, Path), InWords),
    responses(
        (status = 200, body = Reach),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn reach(
    State(app): State<App>,
    _: Viewer,
    headers: HeaderMap,
    Path(id): Path<String>,
    Asked(asked): Asked<InWords>,
) -> Result<Response, Problem> {
    let incident = app.handle.store().incident(parse(&id)?).await?.ok_or_else(|| no_incident(&id))?;
    let scene = Scene::now(&app, asked.lang);
    let subscribers = subscribers(&app, &incident).await?;
    let now = app.handle.clock().now();
    let topology = app.handle.topology();
    let affected: BTreeSet<&ServiceId> = incident.affected.iter().map(|a| &a.service).collect();
    let mut needed_by: Vec<ServiceId> = Vec::new();
    for dependant in affected.iter().flat_map(|s| topology.dependants(s)) {
        if !affected.contains(&dependant) && !needed_by.contains(&dependant) {
            needed_by.push(dependant);
        }
    }
    let met = |id: &ServiceId| {
        let counted = app.handle.edges().counted(id, incident.started_at, incident.resolved_at, now);
        let requests = counted.map(|c| Requests {
            from: c.from,
            answered: c.ends.answered,
            failed: c.ends.failed,
            told: c.ends.told,
            stale: c.ends.stale,
            held: c.ends.held,
            edges: c.edges,
            silent: c.silent,
        });
        Met { id: id.clone(), name: scene.name(id), requests }
    };
    let answer = Reach {
        subscribers,
        open_pages: app.hub.counts().listeners.load(std::sync::atomic::Ordering::Relaxed) as u64,
        services: incident.affected.iter().take(NAMED_MAX).map(|a| met(&a.service)).collect(),
        services_more: incident.affected.len().saturating_sub(NAMED_MAX),
        needed_by: needed_by.iter().take(NAMED_MAX).map(|s| scene.named(s, None)).collect(),
        needed_by_more: needed_by.len().saturating_sub(NAMED_MAX),
    };
    packed(&headers, &answer)
}

/// By the very rule by which news is handed out: the services that visitors see, and the gravest it has been.
async fn subscribers(app: &App, incident: &Incident) -> Result<Option<Vec<Told>>, Problem> {
    let public = app.handle.snapshot();
    if !crate::pages::is_public(incident, &public) {
        return Ok(None);
    }
    if !app.handle.subscribers().are_told() {
        return Ok(Some(Vec::new()));
    }
    let seen = |s: &ServiceId| public.service(s).is_some();
    let services: Vec<ServiceId> = incident.affected.iter().map(|a| a.service.clone()).filter(seen).collect();
    let worst = incident.affected.iter().map(|a| Impact::of(a.worst)).max();
    let impact = incident.impact.max(worst.unwrap_or(Impact::None));
    let all = app.handle.store().subscribers_who(|wish| wish.wants(&services, Some(impact))).await?;
    let told =
        |(way, (at_once, once_a_day)): (Way, (u64, u64))| Told { way: way.as_str(), at_once, once_a_day };
    Ok(Some(all.into_iter().map(told).collect()))
}
