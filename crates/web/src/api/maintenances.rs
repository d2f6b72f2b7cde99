//! Planned maintenance: read, scheduled, updated, ended, cancelled.

use super::{
    limits::{Fields, MAX_SERVICES, MAX_TEXT_CHARS, MAX_TITLE_CHARS, OnceHeader},
    view::{For, MaintenanceOut, StatusWord, Words},
};
use crate::{
    caller::{Caller, Responder, Viewer},
    extract::Keyed,
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
use stillhere_model::{Accepted, Command, MaintenanceId, ServiceId, Status, Text, Time};
use stillhere_node::{Done, Once};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub(crate) struct Maintenances {
    /// Scheduled, under way, and lately ended ones.
    maintenances: Vec<MaintenanceOut>,
}

/// Planned maintenance
#[utoipa::path(get, path = "/api/v1/maintenances", tag = "public", operation_id = "maintenances", responses((status = 200, body = Maintenances)))]
pub(super) async fn list(State(app): State<App>) -> Answer<Maintenances> {
    let s = app.public.shown().snapshot;
    Answer(Maintenances {
        maintenances: s.maintenances.iter().map(|m| MaintenanceOut::of(m, For::Visitors)).collect(),
    })
}

/// One maintenance
#[utoipa::path(
    get, path = "/api/v1/maintenances/{id}", tag = "public", operation_id = "maintenance", params(("id" = String, Path)),
    responses((status = 200, body = MaintenanceOut), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn one(
    State(app): State<App>,
    viewer: Option<Viewer>,
    Path(id): Path<String>,
) -> Result<Answer<MaintenanceOut>, Problem> {
    let known = parse(&id)?;
    let found = match viewer {
        Some(_) => app.handle.store().maintenance(known).await?.map(|m| MaintenanceOut::of(&m, For::Staff)),
        None => app.public.shown().snapshot.maintenance(&known).map(|m| MaintenanceOut::of(m, For::Visitors)),
    };
    found.map(Answer).ok_or_else(|| no_maintenance(&id))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scheduling {
    #[schema(value_type = Words)]
    title: Text,
    #[schema(value_type = Option<Words>)]
    body: Option<Text>,
    #[schema(value_type = Vec<String>)]
    services: Vec<ServiceId>,
    #[schema(value_type = String, format = DateTime)]
    starts_at: Time,
    #[schema(value_type = String, format = DateTime)]
    ends_at: Time,
    /// The worst status that is part of the plan; anything worse is shown as what it is. Default `major_outage`.
    #[schema(value_type = Option<StatusWord>)]
    expect: Option<Status>,
}

/// Schedule a maintenance
#[utoipa::path(
    post, path = "/api/v1/maintenances", tag = "write", operation_id = "schedule_maintenance", security(("token" = [])), params(OnceHeader), request_body = Scheduling,
    responses(
        (status = 201, body = MaintenanceOut, description = "Written to disk; Location names it"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn schedule(
    State(app): State<App>,
    Responder(caller): Responder,
    Keyed(s, once): Keyed<Scheduling>,
) -> Result<impl IntoResponse, Problem> {
    let made = carried_out(&app, &caller, once, s.command()?).await?;
    let location = format!("/api/v1/maintenances/{}", made.0.id());
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], made))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MaintenanceUpdate {
    #[schema(value_type = Words)]
    text: Text,
    /// When it is to end now.
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Time>,
}

/// Say something about a maintenance
#[utoipa::path(
    post, path = "/api/v1/maintenances/{id}/updates", tag = "write", operation_id = "update_maintenance", security(("token" = [])),
    params(("id" = String, Path), OnceHeader), request_body = MaintenanceUpdate,
    responses(
        (status = 200, body = MaintenanceOut),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn update(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Keyed(u, once): Keyed<MaintenanceUpdate>,
) -> Result<Answer<MaintenanceOut>, Problem> {
    carried_out(&app, &caller, once, u.command(&id)?).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ending {
    #[schema(value_type = Option<Words>)]
    text: Option<Text>,
}

/// End a maintenance before its time
#[utoipa::path(
    post, path = "/api/v1/maintenances/{id}/complete", tag = "write", operation_id = "complete_maintenance", security(("token" = [])),
    params(("id" = String, Path), OnceHeader), request_body = Ending,
    responses(
        (status = 200, body = MaintenanceOut),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn complete(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Keyed(e, once): Keyed<Ending>,
) -> Result<Answer<MaintenanceOut>, Problem> {
    carried_out(&app, &caller, once, e.complete(&id)?).await
}

/// Cancel a maintenance
#[utoipa::path(
    post, path = "/api/v1/maintenances/{id}/cancel", tag = "write", operation_id = "cancel_maintenance", security(("token" = [])),
    params(("id" = String, Path), OnceHeader), request_body = Ending,
    responses(
        (status = 200, body = MaintenanceOut),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Keyed(e, once): Keyed<Ending>,
) -> Result<Answer<MaintenanceOut>, Problem> {
    carried_out(&app, &caller, once, e.cancel(&id)?).await
}

// === impl Scheduling, MaintenanceUpdate, Ending: what is asked for, when all of its fields are right ===

impl Scheduling {
    pub(super) fn command(self) -> Result<Command, Problem> {
        Fields::default()
            .text("title", &self.title, MAX_TITLE_CHARS)
            .some_text("body", self.body.as_ref(), MAX_TEXT_CHARS)
            .at_most("services", self.services.len(), MAX_SERVICES)
            .check()?;
        Ok(Command::ScheduleMaintenance {
            title: self.title,
            body: self.body,
            services: self.services,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            expect: self.expect.unwrap_or(Status::MajorOutage),
            from_file: None,
        })
    }
}

impl MaintenanceUpdate {
    pub(super) fn command(self, id: &str) -> Result<Command, Problem> {
        let maintenance = parse(id)?;
        Fields::default().text("text", &self.text, MAX_TEXT_CHARS).check()?;
        Ok(Command::UpdateMaintenance { maintenance, text: self.text, ends_at: self.ends_at })
    }
}

impl Ending {
    pub(super) fn complete(self, id: &str) -> Result<Command, Problem> {
        let (maintenance, text) = self.checked(id)?;
        Ok(Command::CompleteMaintenance { maintenance, text })
    }

    pub(super) fn cancel(self, id: &str) -> Result<Command, Problem> {
        let (maintenance, text) = self.checked(id)?;
        Ok(Command::CancelMaintenance { maintenance, text })
    }

    fn checked(self, id: &str) -> Result<(MaintenanceId, Option<Text>), Problem> {
        let maintenance = parse(id)?;
        Fields::default().some_text("text", self.text.as_ref(), MAX_TEXT_CHARS).check()?;
        Ok((maintenance, self.text))
    }
}

async fn carried_out(
    app: &App,
    caller: &Caller,
    once: Option<Once>,
    command: Command,
) -> Result<Answer<MaintenanceOut>, Problem> {
    caller.may_say(app, &command).await?;
    if let Some(once) = once {
        let Done::Maintenance(made) = app.handle.command_once(&caller.by, once, command, false).await? else {
            return Err(Problem::unavailable("The command was carried out, but its result cannot be shown."));
        };
        app.public.caught_up().await;
        return Ok(Answer(MaintenanceOut::of(&made, For::Staff)));
    }
    let Accepted::Maintenance(id) = app.handle.command(&caller.by, command).await? else {
        return Err(Problem::unavailable("The command was carried out, but its result cannot be shown."));
    };
    app.public.caught_up().await;
    let maintenance =
        app.handle.store().maintenance(id).await?.ok_or_else(|| no_maintenance(&id.to_string()))?;
    Ok(Answer(MaintenanceOut::of(&maintenance, For::Staff)))
}

fn parse(id: &str) -> Result<MaintenanceId, Problem> {
    id.parse().map_err(|_| no_maintenance(id))
}

fn no_maintenance(id: &str) -> Problem {
    Problem::not_found(format!("There is no maintenance {id}."))
}
