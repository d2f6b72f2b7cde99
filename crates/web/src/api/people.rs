//! People: who may come in, and what they may do. For admins.

use super::session::{PersonOut, invalid};
use crate::{caller::Admin, extract::Json, problem::Problem, serve::App};
use axum::{
    Json as Answer,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use stillhere_access::secret::Handed;
use stillhere_model::{
    Mint, Person, PersonId, Role, Time,
    person::{check_name, check_teams},
};
use stillhere_net::{clock, entropy};
use stillhere_store::{INVITED_FOR, PeopleError, PersonInfo, Ticket};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub(crate) struct People {
    /// By name.
    people: Vec<PersonLine>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PersonLine {
    #[serde(flatten)]
    person: PersonOut,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// They have chosen a password.
    ready: bool,
    /// They are asked for a code.
    totp: bool,
    /// That are good now.
    sessions: u32,
    /// When they last did something, as far as their sessions say.
    #[schema(value_type = Option<String>, format = DateTime)]
    used_at: Option<Time>,
}

/// Everybody who may come in
#[utoipa::path(
    get, path = "/api/v1/people", tag = "access", operation_id = "people", security(("token" = [])),
    responses((status = 200, body = People), (status = 403, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(State(app): State<App>, _: Admin) -> Result<Answer<People>, Problem> {
    let people = app.handle.store().people(clock::wall()).await?;
    Ok(Answer(People { people: people.into_iter().map(PersonLine::of).collect() }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Adding {
    /// 1 to 64 letters, digits, or any of `. _ @ + -`; never given to anybody else.
    name: String,
    /// `viewer`, `responder` or `admin`.
    #[schema(value_type = String)]
    role: Role,
    /// Whose services a responder may speak about; none: everybody's.
    #[serde(default)]
    teams: Vec<String>,
}

/// Somebody, and the link with which they choose a password.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invited {
    person: PersonOut,
    setup: Setup,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Setup {
    /// Shown once.
    token: String,
    /// The page that takes it. What follows `#` is never sent to a server, so it stands in no log.
    path: String,
    #[schema(value_type = String, format = DateTime)]
    expires: Time,
}

/// Add somebody
#[utoipa::path(
    post, path = "/api/v1/people", tag = "access", operation_id = "add_person", security(("token" = [])), request_body = Adding,
    responses(
        (status = 201, body = Invited),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "The name is, or was, somebody's"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn add(
    State(app): State<App>,
    Admin(caller): Admin,
    Json(asked): Json<Adding>,
) -> Result<(StatusCode, Answer<Invited>), Problem> {
    check_name(&asked.name).map_err(|e| invalid("name", e))?;
    check_teams(&asked.teams).map_err(|e| invalid("teams", e))?;
    let now = clock::wall();
    let person = Person {
        id: PersonId(Mint::new(entropy::u64()).uuid(now)),
        name: asked.name,
        role: asked.role,
        teams: asked.teams,
        created_at: now,
    };
    let (ticket, setup) = invitation(now);
    app.handle.store().person_add(&person, &ticket, &caller.by, now).await?;
    Ok((StatusCode::CREATED, Answer(Invited { person: PersonOut::of(&person), setup })))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changing {
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    teams: Option<Vec<String>>,
}

/// Give somebody another role or other teams
///
/// Their sessions end: they log in again.
#[utoipa::path(
    patch, path = "/api/v1/people/{id}", tag = "access", operation_id = "change_person", security(("token" = [])),
    params(("id" = String, Path)), request_body = Changing,
    responses(
        (status = 200, body = PersonOut),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "They are the last admin"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    Json(asked): Json<Changing>,
) -> Result<Answer<PersonOut>, Problem> {
    let id = parse(&id)?;
    if let Some(teams) = &asked.teams {
        check_teams(teams).map_err(|e| invalid("teams", e))?;
    }
    let changed =
        app.handle.store().person_change(id, asked.role, asked.teams, &caller.by, clock::wall()).await?;
    Ok(Answer(PersonOut::of(&changed)))
}

/// Take away what somebody comes in with
///
/// Password, codes and sessions are gone; the link in the answer lets them choose anew.
#[utoipa::path(
    post, path = "/api/v1/people/{id}/reset", tag = "access", operation_id = "reset_person", security(("token" = [])), params(("id" = String, Path)),
    responses(
        (status = 200, body = Invited),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn reset(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<String>,
) -> Result<Answer<Invited>, Problem> {
    let now = clock::wall();
    let (ticket, setup) = invitation(now);
    let person = app.handle.store().person_reset(parse(&id)?, &ticket, &caller.by, now).await?;
    Ok(Answer(Invited { person: PersonOut::of(&person), setup }))
}

/// Remove somebody
///
/// Their sessions end at once. Their name stays in the journal and is never given out again.
#[utoipa::path(
    delete, path = "/api/v1/people/{id}", tag = "access", operation_id = "remove_person", security(("token" = [])), params(("id" = String, Path)),
    responses(
        (status = 204),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "They are the last admin"),
    )
)]
pub(super) async fn remove(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    app.handle.store().person_remove(parse(&id)?, &caller.by, clock::wall()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn invitation(now: Time) -> (Ticket, Setup) {
    let token = Handed::new(entropy::bytes());
    let expires = now.plus(INVITED_FOR);
    let path = format!("/console/#setup={}", token.expose());
    (
        Ticket { sha256: token.hash(), expires_at: expires },
        Setup { token: token.expose().to_owned(), path, expires },
    )
}

fn parse(id: &str) -> Result<PersonId, Problem> {
    id.parse().map_err(|_| PeopleError::Refused(stillhere_store::Refused::NoSuchPerson).into())
}

// === impl PersonLine ===

impl PersonLine {
    fn of(info: PersonInfo) -> PersonLine {
        PersonLine {
            person: PersonOut::of(&info.person),
            created_at: info.person.created_at,
            ready: info.has_password,
            totp: info.has_totp,
            sessions: info.sessions,
            used_at: info.used_at,
        }
    }
}
