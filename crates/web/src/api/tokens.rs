//! Tokens for programs: made, listed, revoked. For admins.

use super::session::invalid;
use crate::{caller::Admin, extract::Json, problem::Problem, serve::App};
use axum::{
    Json as Answer,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use stillhere_model::{Role, Time, person::check_teams};
use stillhere_net::{clock, entropy};
use stillhere_store::{NewToken, StoreError, TokenInfo, TokenScope};
use utoipa::ToSchema;

/// Longest name of a token.
const MAX_NAME_CHARS: usize = 64;

#[derive(Serialize, ToSchema)]
pub(crate) struct Tokens {
    /// By name.
    tokens: Vec<TokenOut>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TokenOut {
    name: String,
    /// `write`: the API, as far as its role goes. `edge`: joining as an edge, and nothing else.
    scope: &'static str,
    /// `viewer`, `responder` or `admin`.
    role: &'static str,
    teams: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// `null`: good until it is revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
    /// Within a minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Time>,
}

/// All tokens, without what makes them good
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "access", operation_id = "tokens", security(("token" = [])),
    responses((status = 200, body = Tokens), (status = 403, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(State(app): State<App>, _: Admin) -> Result<Answer<Tokens>, Problem> {
    let tokens = app.handle.store().tokens().await?.into_iter().map(TokenOut::of).collect();
    Ok(Answer(Tokens { tokens }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Making {
    /// 1 to 64 characters, none of them control characters.
    name: String,
    /// Default `write`.
    scope: Option<String>,
    /// What it may do; default `responder`. Means nothing for an edge.
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    /// Whose services it may speak about; none: everybody's.
    #[serde(default)]
    teams: Vec<String>,
    /// Default: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Made {
    name: String,
    scope: &'static str,
    /// Shown once.
    token: String,
}

/// Make a token
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "access", operation_id = "make_token", security(("token" = [])), request_body = Making,
    responses(
        (status = 201, body = Made),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn make(
    State(app): State<App>,
    Admin(caller): Admin,
    Json(asked): Json<Making>,
) -> Result<(StatusCode, Answer<Made>), Problem> {
    let scope = asked.scope.as_deref().unwrap_or(TokenScope::Write.as_str());
    let Some(scope) = TokenScope::of(scope) else { return Err(invalid("scope", "write or edge")) };
    let fits = (1..=MAX_NAME_CHARS).contains(&asked.name.chars().count())
        && !asked.name.chars().any(char::is_control);
    if !fits {
        return Err(invalid(
            "name",
            format!("1 to {MAX_NAME_CHARS} characters, none of them control characters"),
        ));
    }
    check_teams(&asked.teams).map_err(|e| invalid("teams", e))?;
    let now = clock::wall();
    if asked.expires_at.is_some_and(|at| at <= now) {
        return Err(invalid("expires_at", "is not in the future"));
    }
    let new = NewToken {
        name: &asked.name,
        scope,
        role: if scope == TokenScope::Edge { Role::Viewer } else { asked.role.unwrap_or(Role::Responder) },
        teams: &asked.teams,
        expires_at: asked.expires_at,
    };
    match app.handle.store().token_make(&new, entropy::bytes(), &caller.by, now).await {
        Ok(token) => {
            Ok((StatusCode::CREATED, Answer(Made { name: asked.name, scope: scope.as_str(), token })))
        }
        Err(e @ StoreError::TokenExists(_)) => Err(Problem::conflict(e.to_string())),
        Err(e) => Err(e.into()),
    }
}

/// Revoke a token
///
/// It is good for nothing from now on.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{name}", tag = "access", operation_id = "revoke_token", security(("token" = [])), params(("name" = String, Path)),
    responses(
        (status = 204),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn revoke(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    if app.handle.store().token_revoke(&name, &caller.by, clock::wall()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found(format!("There is no token \"{name}\".")))
}

// === impl TokenOut ===

impl TokenOut {
    fn of(t: TokenInfo) -> TokenOut {
        TokenOut {
            name: t.name,
            scope: t.scope.as_str(),
            role: t.role.as_str(),
            teams: t.teams,
            created_at: t.created_at,
            expires_at: t.expires_at,
            last_used_at: t.last_used,
        }
    }
}
