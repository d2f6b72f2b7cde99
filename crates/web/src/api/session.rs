//! Coming in and going out.
//!
//! Threats and what meets them: guessing (waits that grow, `access::gate`), floods (bounded hashing), finding out who exists (the same
//! work and the same words for nobody), a planted session (each log-in makes a new one and ends the one that came along), a code that was
//! overheard (each is good once), being logged in as somebody else by another site (only our own pages may).

use crate::{
    caller::{Member, Visitor},
    cookie,
    extract::{Asked, Json},
    problem::{FieldProblem, Problem},
    serve::App,
};
use axum::{
    Json as Answer,
    extract::{Path, State},
    http::{HeaderName, StatusCode, header::SET_COOKIE},
    response::{AppendHeaders, IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use stillhere_access::{Busy, Pass, Wait, keys::Device, password, secret::Handed, totp};
use stillhere_model::{
    Act, By, Mint, Person, PersonId, Role, Time,
    person::{check_name, name_key},
};
use stillhere_net::{clock, entropy};
use stillhere_store::{Account, Code, NewSession, PeopleError, Refused, SESSION_IDLE};
use utoipa::{IntoParams, ToSchema};

/// What a caller from outside is told when too many log in at a time.
const BUSY: std::time::Duration = std::time::Duration::from_secs(2);

/// Somebody who looks after the services.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonOut {
    #[schema(value_type = String)]
    id: PersonId,
    name: String,
    /// `viewer`, `responder` or `admin`.
    role: &'static str,
    /// Whose services a responder may speak about; none: everybody's.
    teams: Vec<String>,
}

/// A session that is good.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionOut {
    person: PersonOut,
    /// To be sent with every write, in the header `stillhere-csrf`.
    csrf: String,
    /// When the session ends if nothing more is done.
    #[schema(value_type = String, format = DateTime)]
    expires: Time,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoggingIn {
    name: String,
    password: String,
    /// Six digits from a device, or a recovery code; where codes are on.
    code: Option<String>,
}

/// Log in
///
/// The answer sets a cookie. Whatever session came along ends. 401 `wrong-credentials` says the same for a wrong name, a wrong
/// password and a wrong code; 401 `code-needed`: the password is right, and a code is asked for.
#[utoipa::path(
    post, path = "/api/v1/session", tag = "access", operation_id = "log_in", request_body = LoggingIn,
    responses(
        (status = 200, body = SessionOut),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "Not sent by a page of this site"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Retry-After says when"),
    )
)]
pub(super) async fn log_in(
    State(app): State<App>,
    visitor: Visitor,
    Json(asked): Json<LoggingIn>,
) -> Result<Response, Problem> {
    let account = app.handle.store().account(&asked.name).await?;
    let proved = prove(&app, &visitor, &asked.name, account, asked.password, asked.code.as_deref()).await?;
    let by = proved.by(&visitor);
    let (secret, session) = fresh(&visitor);
    let (store, now) = (app.handle.store(), clock::wall());
    let begun = store.log_in(&proved.person, &proved.password, &proved.code, &session, &by, now).await;
    proved.end(&app, &visitor, begun)?;
    Ok(welcome(&app, &visitor, &proved.person, &secret, now))
}

/// Who is logged in
#[utoipa::path(
    get, path = "/api/v1/session", tag = "access", operation_id = "session", security(("session" = [])),
    responses((status = 200, body = SessionOut), (status = 401, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn current(Member(_, session): Member) -> Answer<SessionOut> {
    Answer(SessionOut::of(&session.person, &session.secret, session.expires_at))
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Leaving {
    /// Where the browser goes to log out at the provider, too; from there it comes back to the console.
    leave_at: String,
}

/// Log out
///
/// Whatever the provider does, the session here is over.
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "access", operation_id = "log_out", security(("session" = [])),
    responses((status = 200, body = Leaving, description = "The session came through a provider, and `log_out_there` is set"), (status = 204), (status = 401, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn log_out(
    State(app): State<App>,
    Member(by, session): Member,
) -> Result<Response, Problem> {
    let kept = app.handle.store().session_id_token(&session.id).await?;
    app.handle.store().session_end(&session.id, None, &by, clock::wall()).await?;
    let forget = [(SET_COOKIE, cookie::forget_session())];
    let leave_at = match kept {
        Some(sealed) => {
            let token = app.handle.access().keys.open_setting(&of_session(&session.id), &sealed);
            app.handle.oidc().leave(token.and_then(|t| String::from_utf8(t).ok()).as_deref()).await
        }
        None => None,
    };
    Ok(match leave_at {
        Some(leave_at) => (forget, Answer(Leaving { leave_at })).into_response(),
        None => (StatusCode::NO_CONTENT, forget).into_response(),
    })
}

/// What a provider's word is sealed for.
pub(super) fn of_session(id: &str) -> String {
    format!("the session {id}")
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SetupNeeded {
    /// Nobody was ever set up here.
    needed: bool,
}

/// Whether the first person is still to be set up
#[utoipa::path(get, path = "/api/v1/setup", tag = "access", operation_id = "setup_needed", responses((status = 200, body = SetupNeeded)))]
pub(super) async fn setup_needed(State(app): State<App>) -> Result<Answer<SetupNeeded>, Problem> {
    Ok(Answer(SetupNeeded { needed: !app.handle.store().anybody().await? }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingUp {
    /// What follows `#setup=` in the link that was given out.
    token: String,
    /// Of the first person, or of the one whom the link is for.
    name: String,
    password: String,
}

/// Choose a password with a link that was given out
///
/// The first start prints one; `stillhere person add` and `POST /api/v1/people` make them for others. A link is good once. Logs in.
#[utoipa::path(
    post, path = "/api/v1/setup", tag = "access", operation_id = "set_up", request_body = SettingUp,
    responses(
        (status = 200, body = SessionOut),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "`link-gone`, or not sent by a page of this site"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn set_up(
    State(app): State<App>,
    visitor: Visitor,
    Json(asked): Json<SettingUp>,
) -> Result<Response, Problem> {
    let moment = app.handle.clock().now();
    app.handle.access().gate(|g| g.pass_unnamed(visitor.address, moment.mono_ms)).map_err(wait)?;
    let store = app.handle.store();
    let link = Handed::sent(&asked.token).map(|t| t.hash());
    let good = match &link {
        Some(link) => store.ticket_good(link, clock::wall()).await?,
        None => false,
    };
    // Nothing costly is done for whoever has no link.
    let Some(link) = link.filter(|_| good) else { return Err(link_gone()) };
    check_name(&asked.name).map_err(|e| invalid("name", e))?;
    let password = hashed(&app, &asked.name, asked.password).await?;
    let now = clock::wall();
    let first = Person {
        id: PersonId(Mint::new(entropy::u64()).uuid(now)),
        name: asked.name,
        role: Role::Admin,
        teams: Vec::new(),
        created_at: now,
    };
    let (secret, session) = fresh(&visitor);
    let from = visitor.address.map(|a| a.to_string());
    let person = store.set_up(&link, first, &password, &session, from, now).await?;
    Ok(welcome(&app, &visitor, &person, &secret, now))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Whose {
    /// `true`: of everybody; for admins.
    #[serde(default)]
    everybody: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Sessions {
    /// The latest used first.
    sessions: Vec<OneSession>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct OneSession {
    id: String,
    person: String,
    /// The one that asks.
    current: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// Within a minute.
    #[schema(value_type = String, format = DateTime)]
    used_at: Time,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
    /// Where it began.
    address: Option<String>,
    /// What the browser called itself.
    agent: Option<String>,
}

/// Sessions that are good now
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "access", operation_id = "sessions", security(("session" = [])), params(Whose),
    responses(
        (status = 200, body = Sessions),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn sessions(
    State(app): State<App>,
    Member(_, session): Member,
    Asked(whose): Asked<Whose>,
) -> Result<Answer<Sessions>, Problem> {
    if whose.everybody && session.person.role != Role::Admin {
        return Err(Problem::forbidden("Everybody's sessions are for admins."));
    }
    let of = (!whose.everybody).then_some(session.person.id);
    let sessions = app.handle.store().sessions(of, clock::wall()).await?;
    let sessions = sessions
        .into_iter()
        .map(|s| OneSession {
            current: s.id == session.id,
            id: s.id,
            person: s.person,
            created_at: s.created_at,
            used_at: s.used_at,
            expires_at: s.expires_at,
            address: s.address,
            agent: s.agent,
        })
        .collect();
    Ok(Answer(Sessions { sessions }))
}

/// End a session
///
/// One's own; an admin may end anybody's.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{id}", tag = "access", operation_id = "end_session", security(("session" = [])), params(("id" = String, Path)),
    responses(
        (status = 204),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn end_session(
    State(app): State<App>,
    Member(by, session): Member,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let of = (session.person.role != Role::Admin).then_some(session.person.id);
    if app.handle.store().session_end(&id, of, &by, clock::wall()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found("There is no such session."))
}

/// Somebody who has shown what they know. Until [`Proved::end`] the try counts as failed.
pub(super) struct Proved {
    pub(super) person: Person,
    /// As it is kept.
    pub(super) password: String,
    pub(super) code: Code,
    pass: Pass,
}

/// Holds a password and a code against an account. With no account it does the same work and says the same.
pub(super) async fn prove(
    app: &App,
    visitor: &Visitor,
    name: &str,
    account: Option<Account>,
    password: String,
    code: Option<&str>,
) -> Result<Proved, Problem> {
    let access = app.handle.access();
    let id = account.as_ref().map(|a| a.person.id);
    let device = visitor.device.filter(|d| Some(d.person) == id);
    let now = app.handle.clock().now();
    let pass = access
        .gate(|g| g.pass(visitor.address, &name_key(name), device.as_ref(), now.mono_ms))
        .map_err(wait)?;
    let kept = account.as_ref().and_then(|a| a.password.as_deref());
    let right = match access.hasher.check(password, kept, device.is_some()).await {
        Ok(right) => right,
        Err(Busy) => {
            access.gate(|g| g.unfinished(&pass));
            return Err(busy());
        }
    };
    let (person, kept, sealed) = match account {
        Some(Account { person, password: Some(kept), totp, .. }) if right => (person, kept, totp),
        other => return Err(wrong(app, visitor, other.map(|a| a.person.name).as_deref(), &pass)),
    };
    let code = match (sealed, code.filter(|c| !c.trim().is_empty())) {
        (None, _) => Code::None,
        (Some(_), None) => {
            access.gate(|g| g.unfinished(&pass));
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "code-needed",
                "A code is needed",
                "Send the six digits that your device shows, or a recovery code, as `code`.",
            ));
        }
        (Some(sealed), Some(code)) => match shown(app, &person, &sealed, code, now.wall) {
            Some(code) => code,
            None => return Err(wrong(app, visitor, Some(&person.name), &pass)),
        },
    };
    Ok(Proved { person, password: kept, code, pass })
}

/// What a code can be: one of the clock's, or one from paper.
fn shown(app: &App, person: &Person, sealed: &[u8], code: &str, now: Time) -> Option<Code> {
    let seed = app.handle.access().keys.open(person.id, sealed);
    if seed.is_none() {
        tracing::error!(
            person = person.name,
            "the seed of the codes cannot be opened: people.key is another than when it was sealed; recovery codes still work"
        );
    }
    let step = seed.and_then(|seed| totp::step(&seed, code, now));
    step.map(Code::Totp).or_else(|| totp::recovery_hash(code).map(Code::Recovery))
}

// === impl Proved ===

impl Proved {
    pub(super) fn by(&self, visitor: &Visitor) -> By {
        By { name: self.person.name.clone(), from: visitor.address.map(|a| a.to_string()) }
    }

    /// It was them, and what they ask for cannot be done: the try does not count.
    pub(super) fn not_wanted(&self, app: &App) {
        app.handle.access().gate(|g| g.unfinished(&self.pass));
    }

    /// How it ended. A code that was used before is as wrong as any other.
    pub(super) fn end<T>(
        &self,
        app: &App,
        visitor: &Visitor,
        how: Result<T, PeopleError>,
    ) -> Result<T, Problem> {
        match how {
            Ok(done) => {
                app.handle.access().gate(|g| g.worked(&self.pass));
                Ok(done)
            }
            Err(PeopleError::Refused(Refused::CodeUsed | Refused::Changed)) => {
                Err(wrong(app, visitor, Some(&self.person.name), &self.pass))
            }
            Err(e) => Err(e.into()),
        }
    }
}

/// The one answer to everything that is not right. `person`: somebody who exists, for the journal alone.
fn wrong(app: &App, visitor: &Visitor, person: Option<&str>, pass: &Pass) -> Problem {
    // At 5, 10, 20, 40, …: nobody can fill the journal by guessing. A name that nobody has is not written anywhere: it may be a password
    // in the wrong field.
    let worth_a_line = pass.tries.is_multiple_of(5) && (pass.tries / 5).is_power_of_two();
    if let Some(person) = person.filter(|_| worth_a_line) {
        let from = visitor.address.map(|a| a.to_string());
        let by = By { name: "somebody unknown".to_owned(), from };
        let act = Act::LogInsRefused { person: person.to_owned(), tries: pass.tries };
        tracing::warn!(person, tries = pass.tries, from = by.from, "log-ins were refused");
        // Not waited for: how long the answer takes must not say that the account exists.
        let store = app.handle.store().clone();
        tokio::spawn(async move {
            if let Err(e) = store.acted(&by, act, clock::wall()).await {
                tracing::error!(error = %e, "could not write down that log-ins were refused");
            }
        });
    }
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "wrong-credentials",
        "This does not fit together",
        "The name, the password or the code is not right.",
    )
}

/// The hash of a password that may be chosen.
pub(super) async fn hashed(app: &App, name: &str, password: String) -> Result<String, Problem> {
    password::fit(&password, name).map_err(|e| invalid("password", e))?;
    app.handle.access().hasher.hash(password, entropy::bytes()).await.map_err(|Busy| busy())
}

/// A session to be, and its secret.
pub(super) fn fresh(visitor: &Visitor) -> (Handed, NewSession) {
    let secret = Handed::new(entropy::bytes());
    let session = NewSession {
        id: format!("{:016x}", entropy::u64()),
        sha256: secret.hash(),
        agent: visitor.agent.clone(),
        replaces: visitor.old.as_ref().map(Handed::hash),
        id_token: None,
    };
    (secret, session)
}

/// What somebody gets who has just come in: their session, and a mark for the device.
pub(super) fn welcome(app: &App, visitor: &Visitor, person: &Person, secret: &Handed, now: Time) -> Response {
    let (headers, body) = welcome_parts(app, visitor, person, secret, now);
    (headers, Answer(body)).into_response()
}

pub(super) fn welcome_parts(
    app: &App,
    visitor: &Visitor,
    person: &Person,
    secret: &Handed,
    now: Time,
) -> (AppendHeaders<[(HeaderName, axum::http::HeaderValue); 2]>, SessionOut) {
    let known = visitor.device.filter(|d| d.person == person.id).map(|d| d.id);
    let device = Device { id: known.unwrap_or_else(entropy::bytes), person: person.id, since: now };
    let headers = AppendHeaders([
        (SET_COOKIE, cookie::set_session(secret.expose())),
        (SET_COOKIE, cookie::set_device(&app.handle.access().keys.mark(&device))),
    ]);
    (headers, SessionOut::of(person, secret, now.plus(SESSION_IDLE)))
}

pub(super) fn wait(Wait(wait): Wait) -> Problem {
    Problem::too_many("There were too many tries. Retry-After says when the next one is looked at.", wait)
}

fn busy() -> Problem {
    Problem::too_many("Too many people are logging in at this moment.", BUSY)
}

fn link_gone() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "link-gone",
        "This link is not good",
        "It was used, or is too old, or was never given out. Ask for a new one: `stillhere person reset NAME`.",
    )
}

pub(super) fn invalid(field: &str, problem: impl Into<String>) -> Problem {
    Problem::invalid(vec![FieldProblem { field: field.to_owned(), problem: problem.into() }])
}

// === impl PersonOut, SessionOut ===

impl PersonOut {
    pub(super) fn of(person: &Person) -> PersonOut {
        PersonOut {
            id: person.id,
            name: person.name.clone(),
            role: person.role.as_str(),
            teams: person.teams.clone(),
        }
    }
}

impl SessionOut {
    pub(super) fn of(person: &Person, secret: &Handed, expires: Time) -> SessionOut {
        SessionOut { person: PersonOut::of(person), csrf: secret.csrf(), expires }
    }
}

impl From<PeopleError> for Problem {
    fn from(e: PeopleError) -> Problem {
        let said = e.to_string();
        match e {
            PeopleError::Store(e) => e.into(),
            PeopleError::Refused(Refused::NoSuchPerson) => Problem::not_found("There is no such person."),
            PeopleError::Refused(Refused::LinkGone) => link_gone(),
            PeopleError::Refused(Refused::OtherName(_)) => invalid("name", said),
            PeopleError::Refused(_) => Problem::conflict(said),
        }
    }
}
