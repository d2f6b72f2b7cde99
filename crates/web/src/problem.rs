//! Errors as RFC 9457 problem details. Each has an operation id, which is also in the log, so that a person who
//! reports an error can be helped.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use stillhere_model::Refusal;
use stillhere_net::entropy;
use stillhere_node::CommandError;
use stillhere_store::StoreError;
use utoipa::ToSchema;

pub(crate) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What went wrong, in the form of RFC 9457.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// What kind of problem, for programs: `urn:stillhere:problem:<name>`.
    #[serde(rename = "type")]
    kind: String,
    /// The same for people.
    title: &'static str,
    status: u16,
    /// What to do about this one.
    detail: String,
    /// Also in the server's log.
    operation_id: String,
    /// Which fields were not right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    #[serde(skip)]
    retry_after_s: Option<u32>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldProblem {
    pub field: String,
    pub problem: String,
}

// === impl Problem ===

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        kind: &str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Problem {
        Problem {
            kind: format!("urn:stillhere:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            operation_id: format!("{:016x}", entropy::u64()),
            errors: Vec::new(),
            retry_after_s: None,
        }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad-request", "The request cannot be read", detail)
    }
    pub(crate) fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
    }
    pub(crate) fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, "conflict", "Not possible in its present state", detail)
    }
    pub(crate) fn invalid(errors: Vec<FieldProblem>) -> Problem {
        let detail =
            errors.iter().map(|e| format!("{}: {}", e.field, e.problem)).collect::<Vec<_>>().join("; ");
        let mut problem = Problem::unprocessable(detail);
        problem.errors = errors;
        problem
    }
    pub(crate) fn unprocessable(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A field is not right", detail)
    }
    pub(crate) fn too_large(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", detail)
    }
    pub(crate) fn wrong_type(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong-type", "The body has the wrong type", detail)
    }
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "token-needed", "A token is needed", detail)
    }
    pub(crate) fn unavailable(detail: impl Into<String>) -> Problem {
        let mut problem = Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Not possible at the moment",
            detail,
        );
        problem.retry_after_s = Some(5);
        problem
    }
}

impl From<CommandError> for Problem {
    fn from(e: CommandError) -> Problem {
        match e {
            CommandError::Refused(refusal) => refusal.into(),
            CommandError::Unavailable(why) => Problem::unavailable(why),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NoSuchIncident { .. } | Refusal::NoSuchMaintenance { .. } => Problem::not_found(said),
            Refusal::Invalid { field, problem } => Problem::invalid(vec![FieldProblem { field, problem }]),
            Refusal::NoSuchService { .. } => {
                Problem::invalid(vec![FieldProblem { field: "services".into(), problem: said }])
            }
            Refusal::NoSuchUpdate { .. } => {
                Problem::invalid(vec![FieldProblem { field: "update".into(), problem: said }])
            }
            _ => Problem::conflict(said),
        }
    }
}

/// The log gets the whole story, the caller only that it is ours.
impl From<StoreError> for Problem {
    fn from(e: StoreError) -> Problem {
        let problem = Problem::unavailable("The store cannot be read at the moment. The log says why.");
        tracing::error!(operation_id = problem.operation_id, error = %e, "the store failed a request");
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::warn!(
                operation_id = self.operation_id,
                status = self.status,
                detail = self.detail,
                "{}",
                self.title
            );
        } else {
            tracing::info!(
                operation_id = self.operation_id,
                status = self.status,
                detail = self.detail,
                "{}",
                self.title
            );
        }
        let retry_after = self.retry_after_s;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"stillhere\""));
        }
        response
    }
}
