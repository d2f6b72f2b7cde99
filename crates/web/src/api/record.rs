//! The public record's report, and its witnesses.

use crate::{
    caller::Admin,
    extract::{Asked, Json},
    problem::Problem,
    serve::App,
};
use axum::{
    Json as Answer,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use stillhere_record::note::Verifier;
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Period {
    /// `YYYY-MM`, in UTC. Without it: the whole record.
    month: Option<String>,
}

/// How well this page tells
///
/// Computed from the public record alone; `log` says from which size of it. The same record gives the same bytes:
/// `stillhere trust --from-log URL` computes it again.
#[utoipa::path(
    get, path = "/api/v1/trust", tag = "public", operation_id = "trust", params(Period),
    responses((status = 200, body = Object), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn trust(State(app): State<App>, Asked(asked): Asked<Period>) -> Result<Response, Problem> {
    let month = asked
        .month
        .map(|m| m.parse().map_err(|()| Problem::unprocessable("month: such as 2026-11")))
        .transpose()?;
    let Some(told) = app.handle.record().report(month).await? else {
        return Err(Problem::not_found("The record has nothing about that month."));
    };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=10")];
    Ok((headers, told.bytes.clone()).into_response())
}

/// A witness's word on the checkpoint that is served now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cosigning {
    /// The witness's verifier key: `name+hash+key`.
    witness: String,
    /// The line of its cosignature: `— name base64`.
    line: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Cosigned {
    /// Of the checkpoint that it is about.
    size: u64,
}

/// Hand in a witness's cosignature (C2SP `tlog-cosignature`)
///
/// It is checked, kept, and served with the checkpoint as long as that is the newest.
#[utoipa::path(
    post, path = "/api/v1/record/cosignatures", tag = "write", operation_id = "cosign", security(("token" = [])),
    request_body = Cosigning,
    responses((status = 200, body = Cosigned), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn cosign(
    State(app): State<App>,
    _: Admin,
    Json(body): Json<Cosigning>,
) -> Result<Answer<Cosigned>, Problem> {
    let witness =
        Verifier::parse(&body.witness).map_err(|e| Problem::unprocessable(format!("witness: {e}")))?;
    let size = app.handle.record().cosigned(&witness, &body.line).await.map_err(Problem::unprocessable)?;
    Ok(Answer(Cosigned { size }))
}
