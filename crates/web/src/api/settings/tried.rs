//! Trying before keeping: one look, one message.

use super::{super::view::OutcomeWord, refused};
use crate::{caller::Admin, extract::Json, problem::Problem, serve::App};
use axum::{Json as Answer, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stillhere_model::{Act, Lang, Outcome, Phases, Side, Time, message::Receipt};
use stillhere_node::{Kind, SettingError};
use stillhere_tell::words::Words;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TryingCheck {
    /// The service that it is or will be in: secrets that are set there can stay. `null`: none yet.
    service: Option<String>,
    /// As it would stand in `check` of the service's table.
    #[schema(value_type = Object)]
    check: Map<String, Value>,
    /// Of the words in the answer; default the page's first.
    #[schema(value_type = Option<String>)]
    lang: Option<Lang>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TryingChannel {
    /// The channel whose secrets can stay. `null`: none yet.
    name: Option<String>,
    #[schema(value_type = Object)]
    table: Map<String, Value>,
}

/// What one look found.
#[derive(Serialize, ToSchema)]
pub(crate) struct TriedCheck {
    target: String,
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    #[schema(value_type = OutcomeWord)]
    outcome: Outcome,
    found: Option<String>,
    /// `target`, `path` or `us`, when something was wrong.
    #[schema(value_type = Option<String>)]
    side: Option<Side>,
    /// Addresses, the library's own error.
    detail: Option<String>,
    total_us: u32,
    /// In microseconds, those that there were: `dns_us`, `connect_us`, `tls_us`, `first_byte_us`, `body_us`.
    #[schema(value_type = std::collections::BTreeMap<String, u32>)]
    phases: Phases,
    /// Who answered last.
    remote: Option<String>,
    /// Of HTTP.
    status: Option<u16>,
    /// None of them, when there was nothing to hold them against.
    conditions: Vec<TriedCondition>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TriedCondition {
    condition: String,
    holds: bool,
    /// What its names stood for, such as `status = 500`.
    values: String,
}

/// What became of one message.
#[derive(Serialize, ToSchema)]
pub(crate) struct TriedChannel {
    target: String,
    /// `accepted`, `deferred` or `refused`.
    outcome: &'static str,
    /// What the far side said.
    said: String,
}

/// Look once, without keeping the check
///
/// It looks as a check of the file would, at inner addresses too; the journal says who had it looked at.
#[utoipa::path(
    post, path = "/api/v1/try/check", tag = "settings", operation_id = "try_check", security(("token" = [])), request_body = TryingCheck,
    responses(
        (status = 200, body = TriedCheck),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Others are being tried"),
    )
)]
pub(crate) async fn check(
    State(app): State<App>,
    Admin(caller): Admin,
    Json(asked): Json<TryingCheck>,
) -> Result<Answer<TriedCheck>, Problem> {
    let service = asked.service.as_deref().unwrap_or("tried");
    let tried = app.handle.try_check(asked.service.as_deref(), asked.check);
    let tried = tried.map_err(|e| of_check(&e, service))?;
    let target = tried.target.clone();
    caller.did(&app, Act::SettingTried { kind: "check".to_owned(), target: target.clone() }).await;
    let (report, conditions) = tried.look().await;
    let o = report.observation;
    let site = &app.public.shown().snapshot.site;
    let lang = asked.lang.or(site.languages.first().copied()).unwrap_or_default();
    let words = Words::new(lang, &site.time_zone);
    Ok(Answer(TriedCheck {
        target,
        at: o.at,
        outcome: o.outcome,
        found: o.finding.as_ref().map(|f| words.finding(f, o.at)),
        side: o.side,
        detail: o.detail,
        total_us: o.total_us,
        phases: o.phases,
        remote: report.remote.map(|a| a.to_string()),
        status: report.report.status,
        conditions: conditions
            .into_iter()
            .map(|c| TriedCondition { condition: c.condition, holds: c.holds, values: c.values })
            .collect(),
    }))
}

/// Send one message that says that it is a test, without keeping the channel
#[utoipa::path(
    post, path = "/api/v1/try/channel", tag = "settings", operation_id = "try_channel", security(("token" = [])), request_body = TryingChannel,
    responses(
        (status = 200, body = TriedChannel),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Others are being tried"),
    )
)]
pub(crate) async fn channel(
    State(app): State<App>,
    Admin(caller): Admin,
    Json(asked): Json<TryingChannel>,
) -> Result<Answer<TriedChannel>, Problem> {
    let name = asked.name.as_deref().unwrap_or("tried");
    let tried = app.handle.try_channel(asked.name.as_deref(), asked.table);
    let tried = tried.map_err(|e| refused(&e, Kind::Channel, name))?;
    let target = tried.target.clone();
    caller.did(&app, Act::SettingTried { kind: "channel".to_owned(), target: target.clone() }).await;
    let (outcome, said) = match tried.send().await {
        Receipt::Accepted { proof } => ("accepted", proof),
        Receipt::Deferred { reason, .. } => ("deferred", reason),
        Receipt::Refused { reason } => ("refused", reason),
    };
    Ok(Answer(TriedChannel { target, outcome, said }))
}

/// Places in the check, as it was sent.
fn of_check(e: &SettingError, service: &str) -> Problem {
    refused(e, Kind::Service, service).below("check[0].")
}
