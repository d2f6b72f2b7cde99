//! Incidents: read, opened by hand, updated, resolved, corrected.

use super::{
    limits::{Fields, MAX_NOTE_CHARS, MAX_SERVICES, MAX_TEXT_CHARS, MAX_TITLE_CHARS, OnceHeader},
    view::{For, ImpactWord, IncidentOut, IncidentWord, StatusWord, Words},
};
use crate::{
    caller::{Caller, Responder, Viewer},
    extract::{Asked, Keyed},
    problem::Problem,
    serve::App,
};
use axum::{
    Json as Answer,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use stillhere_model::{
    Accepted, Command, Impact, Incident, IncidentId, IncidentStatus, ServiceId, Status, Text, Time, Topology,
    UpdateId,
};
use stillhere_node::{Done, Once};
use utoipa::{IntoParams, ToSchema};

/// Incidents in one answer.
const MAX_LIST: u32 = 100;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Only those opened before this one. For the next page: the last id of this one.
    #[param(value_type = Option<String>)]
    before: Option<IncidentId>,
    /// 1 to 100, default 50.
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Incidents {
    /// Newest first.
    incidents: Vec<IncidentOut>,
}

/// Open and past incidents
///
/// Visitors get what the page shows; with a token also incidents of services that are not public, and all of the past.
#[utoipa::path(
    get, path = "/api/v1/incidents", tag = "public", operation_id = "incidents", params(Page),
    responses((status = 200, body = Incidents), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(app): State<App>,
    viewer: Option<Viewer>,
    Asked(page): Asked<Page>,
) -> Result<Answer<Incidents>, Problem> {
    let limit = page.limit.unwrap_or(50);
    if !(1..=MAX_LIST).contains(&limit) {
        return Err(Problem::unprocessable(format!("limit: 1 to {MAX_LIST}")));
    }
    let incidents = if viewer.is_some() {
        let rows = app.handle.store().incidents(page.before, limit).await?;
        rows.iter().map(|i| IncidentOut::of(i, For::Staff)).collect()
    } else {
        let s = app.public.shown().snapshot;
        let mut all: Vec<_> = s.incidents.iter().chain(&s.history).collect();
        all.sort_by_key(|i| std::cmp::Reverse(i.id));
        let older = all.into_iter().filter(|i| page.before.is_none_or(|before| i.id < before));
        let topology = app.handle.topology();
        older.take(limit as usize).map(|i| for_visitors(i, &topology)).collect()
    };
    Ok(Answer(Incidents { incidents }))
}

fn for_visitors(incident: &Incident, topology: &Topology) -> IncidentOut {
    IncidentOut::of(&stillhere_tell::visitors::incident(incident, topology), For::Visitors)
}

/// One incident with everything that was said
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}", tag = "public", operation_id = "incident", params(("id" = String, Path)),
    responses((status = 200, body = IncidentOut), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn one(
    State(app): State<App>,
    viewer: Option<Viewer>,
    Path(id): Path<String>,
) -> Result<Answer<IncidentOut>, Problem> {
    let known = parse(&id)?;
    let found = match viewer {
        Some(_) => app.handle.store().incident(known).await?.map(|i| IncidentOut::of(&i, For::Staff)),
        None => {
            let topology = app.handle.topology();
            app.public.shown().snapshot.incident(&known).map(|i| for_visitors(i, &topology))
        }
    };
    found.map(Answer).ok_or_else(|| no_incident(&id))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opening {
    #[schema(value_type = Words)]
    title: Text,
    #[schema(value_type = Words)]
    text: Text,
    /// Default `investigating`.
    #[schema(value_type = Option<IncidentWord>)]
    status: Option<IncidentStatus>,
    /// Default: what the services' statuses say.
    #[schema(value_type = Option<ImpactWord>)]
    impact: Option<Impact>,
    /// What each service's status is: `{"checkout": "partial_outage"}`.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, StatusWord>)]
    services: BTreeMap<ServiceId, Status>,
    /// When it began; default now.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Time>,
    /// A promise, shown in public.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_update_by: Option<Time>,
}

/// Open an incident
#[utoipa::path(
    post, path = "/api/v1/incidents", tag = "write", operation_id = "open_incident", security(("token" = [])), params(OnceHeader), request_body = Opening,
    responses(
        (status = 201, body = IncidentOut, description = "Written to disk; Location names it"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn open(
    State(app): State<App>,
    Responder(caller): Responder,
    Keyed(o, once): Keyed<Opening>,
) -> Result<impl IntoResponse, Problem> {
    let made = carried_out(&app, &caller, once, o.command()?).await?;
    let location = format!("/api/v1/incidents/{}", made.0.id());
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], made))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Updating {
    #[schema(value_type = Words)]
    text: Text,
    #[schema(value_type = Option<IncidentWord>)]
    status: Option<IncidentStatus>,
    #[schema(value_type = Option<Words>)]
    title: Option<Text>,
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, StatusWord>)]
    services: BTreeMap<ServiceId, Status>,
    #[schema(value_type = Option<String>, format = DateTime)]
    next_update_by: Option<Time>,
    /// `text` has places of a template, such as `{services}`, that are filled as it is published. 422 where nothing is known that
    /// could be put in.
    #[serde(default)]
    pub(super) fill: bool,
}

/// Say something about an open incident
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/updates", tag = "write", operation_id = "update_incident", security(("token" = [])),
    params(("id" = String, Path), OnceHeader), request_body = Updating,
    responses(
        (status = 200, body = IncidentOut),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn update(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Keyed(u, once): Keyed<Updating>,
) -> Result<Answer<IncidentOut>, Problem> {
    let fill = u.fill;
    said(&app, &caller, once, u.command(&id)?, fill).await
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolving {
    #[schema(value_type = Option<Words>)]
    text: Option<Text>,
    /// As for an update.
    #[serde(default)]
    pub(super) fill: bool,
}

/// Call an incident over
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/resolve", tag = "write", operation_id = "resolve_incident", security(("token" = [])),
    params(("id" = String, Path), OnceHeader), request_body = Resolving,
    responses(
        (status = 200, body = IncidentOut),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn resolve(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Keyed(r, once): Keyed<Resolving>,
) -> Result<Answer<IncidentOut>, Problem> {
    let fill = r.fill;
    said(&app, &caller, once, r.command(&id)?, fill).await
}

/// Nothing needs to be said besides who asks.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acknowledging {}

/// Take an incident on
///
/// Staff who were told of it learn who has it, and reminders go on to that person where an address of theirs is known.
/// Whoever writes an update has taken it on as well. Taking it on twice changes nothing.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/acknowledge", tag = "write", operation_id = "acknowledge_incident", security(("token" = [])),
    params(("id" = String, Path), OnceHeader), request_body = Acknowledging,
    responses(
        (status = 200, body = IncidentOut),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn acknowledge(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Keyed(a, once): Keyed<Acknowledging>,
) -> Result<Answer<IncidentOut>, Problem> {
    carried_out(&app, &caller, once, a.command(&id)?).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Estimating {
    /// When it is expected to be over. `null`: no time is given, and none is computed either. It must be there: whoever says
    /// nothing has not taken anything back.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    #[serde(deserialize_with = "Option::deserialize")]
    by: Option<Time>,
}

/// Say when an incident is expected to be over
///
/// It goes before the computed estimate until it has passed, is marked as your team's, and is scored apart.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/eta", tag = "write", operation_id = "estimate_incident", security(("token" = [])),
    params(("id" = String, Path), OnceHeader), request_body = Estimating,
    responses(
        (status = 200, body = IncidentOut),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn estimate(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Keyed(e, once): Keyed<Estimating>,
) -> Result<Answer<IncidentOut>, Problem> {
    carried_out(&app, &caller, once, e.command(&id)?).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Correcting {
    /// When it began in truth.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Time>,
    /// When it was over in truth.
    #[schema(value_type = Option<String>, format = DateTime)]
    resolved_at: Option<Time>,
    /// Other words for one update; the old ones stay visible.
    update: Option<Rewording>,
    #[schema(value_type = Option<Words>)]
    note: Option<Text>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rewording {
    #[schema(value_type = String)]
    id: UpdateId,
    #[schema(value_type = Words)]
    text: Text,
}

/// Correct the record, visibly
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/correct", tag = "write", operation_id = "correct_incident", security(("token" = [])),
    params(("id" = String, Path), OnceHeader), request_body = Correcting,
    responses(
        (status = 200, body = IncidentOut),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn correct(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Keyed(c, once): Keyed<Correcting>,
) -> Result<Answer<IncidentOut>, Problem> {
    carried_out(&app, &caller, once, c.command(&id)?).await
}

// === impl Opening, Updating, Resolving, Estimating, Correcting: what is asked for, when all of its fields are right ===

impl Opening {
    pub(super) fn command(self) -> Result<Command, Problem> {
        Fields::default()
            .text("title", &self.title, MAX_TITLE_CHARS)
            .text("text", &self.text, MAX_TEXT_CHARS)
            .at_most("services", self.services.len(), MAX_SERVICES)
            .check()?;
        Ok(Command::OpenIncident {
            title: self.title,
            text: self.text,
            status: self.status.unwrap_or(IncidentStatus::Investigating),
            impact: self.impact,
            services: self.services.into_iter().collect(),
            started_at: self.started_at,
            next_update_by: self.next_update_by,
        })
    }
}

impl Updating {
    pub(super) fn command(self, id: &str) -> Result<Command, Problem> {
        let incident = parse(id)?;
        Fields::default()
            .text("text", &self.text, MAX_TEXT_CHARS)
            .some_text("title", self.title.as_ref(), MAX_TITLE_CHARS)
            .at_most("services", self.services.len(), MAX_SERVICES)
            .check()?;
        Ok(Command::UpdateIncident {
            incident,
            text: self.text,
            status: self.status,
            title: self.title,
            services: self.services.into_iter().collect(),
            next_update_by: self.next_update_by,
        })
    }
}

impl Resolving {
    pub(super) fn command(self, id: &str) -> Result<Command, Problem> {
        let incident = parse(id)?;
        Fields::default().some_text("text", self.text.as_ref(), MAX_TEXT_CHARS).check()?;
        Ok(Command::ResolveIncident { incident, text: self.text })
    }
}

impl Acknowledging {
    pub(super) fn command(self, id: &str) -> Result<Command, Problem> {
        Ok(Command::AcknowledgeIncident { incident: parse(id)? })
    }
}

impl Estimating {
    pub(super) fn command(self, id: &str) -> Result<Command, Problem> {
        Ok(Command::EstimateIncident { incident: parse(id)?, by: self.by })
    }
}

impl Correcting {
    pub(super) fn command(self, id: &str) -> Result<Command, Problem> {
        let incident = parse(id)?;
        Fields::default()
            .some_text("update.text", self.update.as_ref().map(|u| &u.text), MAX_TEXT_CHARS)
            .some_text("note", self.note.as_ref(), MAX_NOTE_CHARS)
            .check()?;
        Ok(Command::CorrectIncident {
            incident,
            started_at: self.started_at,
            resolved_at: self.resolved_at,
            update: self.update.map(|u| (u.id, u.text)),
            note: self.note,
        })
    }
}

/// Hands the command in and shows what it made, as it was written.
pub(super) async fn carried_out(
    app: &App,
    caller: &Caller,
    once: Option<Once>,
    command: Command,
) -> Result<Answer<IncidentOut>, Problem> {
    said(app, caller, once, command, false).await
}

/// The same; with `fill`, the places of its text are filled.
async fn said(
    app: &App,
    caller: &Caller,
    once: Option<Once>,
    command: Command,
    fill: bool,
) -> Result<Answer<IncidentOut>, Problem> {
    caller.may_say(app, &command).await?;
    if let Some(once) = once {
        let Done::Incident(made) = app.handle.command_once(&caller.by, once, command, fill).await? else {
            return Err(Problem::unavailable("The command was carried out, but its result cannot be shown."));
        };
        app.public.caught_up().await;
        return Ok(Answer(IncidentOut::of(&made, For::Staff)));
    }
    let Accepted::Incident(id) = app.handle.command_filled(&caller.by, command, fill).await? else {
        return Err(Problem::unavailable("The command was carried out, but its result cannot be shown."));
    };
    app.public.caught_up().await;
    let incident = app.handle.store().incident(id).await?.ok_or_else(|| no_incident(&id.to_string()))?;
    Ok(Answer(IncidentOut::of(&incident, For::Staff)))
}

pub(super) fn parse(id: &str) -> Result<IncidentId, Problem> {
    id.parse().map_err(|_| no_incident(id))
}

pub(super) fn no_incident(id: &str) -> Problem {
    Problem::not_found(format!("There is no incident {id}."))
}
