//! The looks of one check as they were made: the raw evidence, with what each found in words.

use super::{Scene, packed};
use crate::{caller::Viewer, extract::Asked, problem::Problem, serve::App};
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use stillhere_model::{CheckId, Lang, Outcome, Phases, Time};
use stillhere_net::clock;
use utoipa::{IntoParams, ToSchema};

use super::super::view::OutcomeWord;

/// Looks in one answer.
const MAX_LOOKS: u32 = 500;
/// How far back they go.
const BACK: Duration = Duration::from_secs(86_400);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Newest {
    #[param(value_type = Option<String>, example = "zh-CN")]
    lang: Option<Lang>,
    /// 1 to 500, default 100.
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct LookList {
    /// Of the last 24 hours, newest first.
    looks: Vec<LookOut>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct LookOut {
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    #[schema(value_type = OutcomeWord)]
    outcome: Outcome,
    vantage: String,
    total_us: u32,
    /// In microseconds, those that there were: `dns_us`, `connect_us`, `tls_us`, `first_byte_us`, `body_us`.
    #[schema(value_type = std::collections::BTreeMap<String, u32>)]
    phases: Phases,
    found: Option<String>,
    /// For staff only: addresses, the library's own error.
    detail: Option<String>,
    recheck: bool,
}

/// The looks of one check, in words
#[utoipa::path(
    get, path = "/api/v1/console/services/{service}/checks/{check}/looks", tag = "console", operation_id = "console_looks", security(("token" = [])),
    params(("service" = String, Path), ("check" = String, Path), Newest),
    responses(
        (status = 200, body = LookList),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn looks(
    State(app): State<App>,
    _: Viewer,
    headers: HeaderMap,
    Path((service, check)): Path<(String, String)>,
    Asked(asked): Asked<Newest>,
) -> Result<Response, Problem> {
    let limit = asked.limit.unwrap_or(100);
    if !(1..=MAX_LOOKS).contains(&limit) {
        return Err(Problem::unprocessable(format!("limit: 1 to {MAX_LOOKS}")));
    }
    let now = clock::wall();
    let check = CheckId::new(format!("{service}/{check}"));
    let seen = app.handle.store().looks(&check, now.minus(BACK), now, limit as usize).await?;
    let scene = Scene::now(&app, asked.lang);
    let looks = seen.into_iter().map(|o| LookOut {
        at: o.at,
        outcome: o.outcome,
        vantage: o.vantage.to_string(),
        total_us: o.total_us,
        phases: o.phases,
        found: o.finding.as_ref().map(|f| scene.words.finding(f, now)),
        detail: o.detail,
        recheck: o.recheck,
    });
    packed(&headers, &LookList { looks: looks.collect() })
}
