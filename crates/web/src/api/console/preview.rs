//! What visitors would read, before it is said: the same decision, the same words and the same markup, of which nothing stays.

use crate::{
    caller::{Caller, Responder},
    extract::Json,
    problem::Problem,
    serve::App,
};
use axum::{
    Json as Answer,
    extract::{Path, State},
};
use serde::Serialize;
use std::collections::BTreeMap;
use stillhere_model::{Command, Lang};
use stillhere_tell::{page, words::Words};
use utoipa::ToSchema;

use super::super::incidents::{Opening, Resolving, Updating};

#[derive(Serialize, ToSchema)]
pub(crate) struct Preview {
    /// By tag of the language, in those that the page has.
    languages: BTreeMap<&'static str, PreviewIn>,
    /// Places of a template for which nothing is known, so that it cannot be published as it is: `services`, `next_update`, `eta`.
    missing: Vec<&'static str>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewIn {
    title: String,
    /// As on the incident's page; every text from outside is escaped.
    html: String,
}

/// What visitors would read if this incident were opened
#[utoipa::path(
    post, path = "/api/v1/console/preview/open", tag = "console", operation_id = "console_preview_open", security(("token" = [])), request_body = Opening,
    responses(
        (status = 200, body = Preview, description = "Nothing was done"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn preview_opening(
    State(app): State<App>,
    Responder(caller): Responder,
    Json(o): Json<Opening>,
) -> Result<Answer<Preview>, Problem> {
    shown(&app, &caller, o.command()?, false).await
}

/// What visitors would read after this update
#[utoipa::path(
    post, path = "/api/v1/console/preview/incidents/{id}/updates", tag = "console", operation_id = "console_preview_update", security(("token" = [])),
    params(("id" = String, Path)), request_body = Updating,
    responses(
        (status = 200, body = Preview, description = "Nothing was done"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn preview_update(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Json(u): Json<Updating>,
) -> Result<Answer<Preview>, Problem> {
    let fill = u.fill;
    shown(&app, &caller, u.command(&id)?, fill).await
}

/// What visitors would read if it were called over
#[utoipa::path(
    post, path = "/api/v1/console/preview/incidents/{id}/resolve", tag = "console", operation_id = "console_preview_resolve", security(("token" = [])),
    params(("id" = String, Path)), request_body = Resolving,
    responses(
        (status = 200, body = Preview, description = "Nothing was done"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn preview_resolving(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Json(r): Json<Resolving>,
) -> Result<Answer<Preview>, Problem> {
    let fill = r.fill;
    shown(&app, &caller, r.command(&id)?, fill).await
}

async fn shown(app: &App, caller: &Caller, command: Command, fill: bool) -> Result<Answer<Preview>, Problem> {
    caller.may_say(app, &command).await?;
    let previewed = app.handle.preview(caller.by.clone(), command, fill).await?;
    let incident = &previewed.incident;
    // Cut from what visitors see: a service that is not theirs must not seem to be on the page.
    let snapshot = app.handle.snapshot();
    let one = |lang: &Lang| {
        let words = Words::new(*lang, &snapshot.site.time_zone);
        let html = page::incident_article(&snapshot, *lang, incident);
        (lang.tag(), PreviewIn { title: words.title(incident, &snapshot), html })
    };
    let missing = previewed.missing.iter().map(|p| p.as_str()).collect();
    Ok(Answer(Preview { languages: snapshot.site.languages.iter().map(one).collect(), missing }))
}
