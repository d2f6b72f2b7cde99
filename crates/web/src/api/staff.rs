//! What needs a token even to read: raw observations (they hold addresses), the journal, the outbox.

use crate::{
    caller::{Admin, Responder, Viewer},
    extract::Asked,
    problem::Problem,
    serve::App,
};
use axum::{
    Json as Answer,
    extract::{Path, State},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use stillhere_model::{Act, CheckId, Observation, Time, journal::Entry};
use stillhere_net::clock;
use utoipa::{IntoParams, ToSchema};

/// Rows in one answer.
const MAX_ROWS: u32 = 1_000;
const ROWS: u32 = 100;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Looks {
    /// Default: an hour before `until`.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// Default: now.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    /// 1 to 1000, default 100.
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Observations {
    /// Newest first.
    #[schema(value_type = Vec<Object>)]
    observations: Vec<Observation>,
}

/// Raw looks of one check
#[utoipa::path(
    get, path = "/api/v1/services/{service}/checks/{check}/observations", tag = "staff", operation_id = "observations", security(("token" = [])),
    params(("service" = String, Path), ("check" = String, Path), Looks),
    responses((status = 200, body = Observations), (status = 401, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn observations(
    State(app): State<App>,
    _: Viewer,
    Path((service, check)): Path<(String, String)>,
    Asked(asked): Asked<Looks>,
) -> Result<Answer<Observations>, Problem> {
    let limit = rows(asked.limit)?;
    let until = asked.until.unwrap_or_else(clock::wall);
    let from = asked.from.unwrap_or_else(|| until.minus(Duration::from_secs(3_600)));
    let check = CheckId::new(format!("{service}/{check}"));
    let observations = app.handle.store().looks(&check, from, until, limit as usize).await?;
    Ok(Answer(Observations { observations }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct After {
    /// Entries after this one; default 0, from the beginning.
    after: Option<u64>,
    /// 1 to 1000, default 100.
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Journal {
    /// Oldest first.
    entries: Vec<JournalEntry>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct JournalEntry {
    seq: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// `entry` names its kind.
    #[schema(value_type = Object)]
    entry: Entry,
}

/// Everything that was decided and said
#[utoipa::path(
    get, path = "/api/v1/journal", tag = "staff", operation_id = "journal", security(("token" = [])), params(After),
    responses((status = 200, body = Journal), (status = 401, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn journal(
    State(app): State<App>,
    _: Viewer,
    Asked(asked): Asked<After>,
) -> Result<Answer<Journal>, Problem> {
    let rows = app.handle.store().journal(asked.after.unwrap_or(0), rows(asked.limit)?).await?;
    let entries = rows.into_iter().map(|r| JournalEntry { seq: r.seq, at: r.at, entry: r.entry }).collect();
    Ok(Answer(Journal { entries }))
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Outbox {
    channels: Vec<ChannelOut>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelOut {
    channel: String,
    queued: u64,
    in_flight: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest: Option<Time>,
    dead: u64,
    delivered: u64,
}

/// What waits in each channel
#[utoipa::path(
    get, path = "/api/v1/outbox", tag = "staff", operation_id = "outbox", security(("token" = [])),
    responses((status = 200, body = Outbox), (status = 401, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn outbox(State(app): State<App>, _: Viewer) -> Result<Answer<Outbox>, Problem> {
    let channels = app.handle.store().outbox_stats().await?;
    let channels = channels
        .into_iter()
        .map(|c| ChannelOut {
            channel: c.channel,
            queued: c.queued,
            in_flight: c.in_flight,
            oldest: c.oldest,
            dead: c.dead,
            delivered: c.delivered,
        })
        .collect();
    Ok(Answer(Outbox { channels }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Limit {
    /// 1 to 1000, default 100.
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DeadLetters {
    /// Newest first.
    dead: Vec<DeadLetterOut>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DeadLetterOut {
    id: String,
    channel: String,
    #[schema(value_type = Object)]
    occasion: Value,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    given_up_at: Time,
    attempts: u32,
    reason: String,
}

/// Messages that were given up, with the reason
#[utoipa::path(
    get, path = "/api/v1/outbox/dead", tag = "staff", operation_id = "dead_letters", security(("token" = [])), params(Limit),
    responses((status = 200, body = DeadLetters), (status = 401, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn dead_letters(
    State(app): State<App>,
    _: Viewer,
    Asked(asked): Asked<Limit>,
) -> Result<Answer<DeadLetters>, Problem> {
    let dead = app.handle.store().dead_letters(rows(asked.limit)?).await?;
    let dead = dead
        .into_iter()
        .map(|d| DeadLetterOut {
            id: d.message.id.to_string(),
            channel: d.message.channel,
            occasion: serde_json::to_value(&d.message.occasion).unwrap_or_default(),
            created_at: d.message.created_at,
            given_up_at: d.at,
            attempts: d.attempts,
            reason: d.reason,
        })
        .collect();
    Ok(Answer(DeadLetters { dead }))
}

/// Queue a dead letter again, under the same id
#[utoipa::path(
    post, path = "/api/v1/outbox/dead/{id}/revive", tag = "staff", operation_id = "revive", security(("token" = [])), params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn revive(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
) -> Result<Answer<Value>, Problem> {
    let none = || Problem::not_found(format!("There is no dead letter {id}."));
    let delivery = id.parse().map_err(|_| none())?;
    if app.handle.store().revive(delivery, clock::wall()).await? {
        caller.did(&app, Act::Revived { delivery: id.clone() }).await;
        return Ok(Answer(json!({ "queued": id })));
    }
    Err(none())
}

/// Read the configuration file again
#[utoipa::path(
    post, path = "/api/v1/reload", tag = "staff", operation_id = "reload", security(("token" = [])),
    responses(
        (status = 200, body = Object, description = "`summary` says what changed"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "A bad file; nothing was changed"),
    )
)]
pub(super) async fn reload(State(app): State<App>, Admin(caller): Admin) -> Result<Answer<Value>, Problem> {
    match app.handle.reload().await {
        Ok(summary) => {
            caller.did(&app, Act::Reloaded { summary: summary.clone() }).await;
            Ok(Answer(json!({ "summary": summary })))
        }
        Err(report) => Err(Problem::unprocessable(report)),
    }
}

fn rows(limit: Option<u32>) -> Result<u32, Problem> {
    let limit = limit.unwrap_or(ROWS);
    if (1..=MAX_ROWS).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::unprocessable(format!("limit: 1 to {MAX_ROWS}")))
    }
}
