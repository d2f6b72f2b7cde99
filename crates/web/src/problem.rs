//! Errors as RFC 9457 problem details. Each has an operation id, which is also in the log, so that a person who
//! reports an error can be helped.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer};
use std::time::Duration;
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
    #[serde(rename = "type", serialize_with = "as_urn")]
    #[schema(value_type = String)]
    kind: &'static str,
    /// The same for people.
    title: &'static str,
    status: u16,
    /// What to do about this one.
    detail: String,
    /// 16 hexadecimal digits, also in the server's log.
    #[serde(serialize_with = "as_hex")]
    #[schema(value_type = String)]
    operation_id: u64,
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

fn as_urn<S: Serializer>(kind: &str, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&format_args!("urn:stillhere:problem:{kind}"))
}

fn as_hex<S: Serializer>(id: &u64, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&format_args!("{id:016x}"))
}

// === impl Problem ===

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Problem {
        Problem {
            kind,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            operation_id: entropy::u64(),
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
    /// The same for who knows only what is below `head`.
    pub(crate) fn below(mut self, head: &str) -> Problem {
        for e in &mut self.errors {
            if let Some(rest) = e.field.strip_prefix(head) {
                e.field = rest.to_owned();
            }
        }
        self
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
        Problem::new(StatusCode::UNAUTHORIZED, "token-needed", "Log in, or send a token", detail)
    }
    pub(crate) fn too_many(detail: impl Into<String>, wait: Duration) -> Problem {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", "Too many tries", detail).after(wait)
    }
    /// When it is worth another try.
    pub(crate) fn after(mut self, wait: Duration) -> Problem {
        // Rounded up: who comes back then is not too early.
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        self.retry_after_s = Some(u32::try_from(seconds).unwrap_or(u32::MAX));
        self
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
            CommandError::OtherRequest => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "This Idempotency-Key was used for another request",
                "Nothing was done. Give every new request a new key; repeat a request with exactly the same body.",
            ),
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
        tracing::error!(operation_id = format_args!("{:016x}", problem.operation_id), error = %e, "the store failed a request");
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::warn!(
                operation_id = format_args!("{:016x}", self.operation_id),
                status = self.status,
                detail = self.detail,
                "{}",
                self.title
            );
        } else {
            tracing::info!(
                operation_id = format_args!("{:016x}", self.operation_id),
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    /// Neither "there is no such incident" nor a stack of SQL: what we cannot read is said to be our fault.
    #[tokio::test]
    async fn case_a_a_store_that_fails_is_said_to_be_our_fault() {
        let e = StoreError::Database("no such table: secret_name".into());
        let response = Problem::from(e).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        let said = std::str::from_utf8(&body).unwrap();
        assert!(said.contains("The store cannot be read") && !said.contains("secret_name"), "{said}");
    }
}
