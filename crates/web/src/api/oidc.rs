//! Coming in through an OpenID Connect provider.
//!
//! ```text
//! sign-in page ─POST /oidc─▶ us: an errand in a cookie ─▶ provider ─▶ /console/oidc?code=… ─POST /session/oidc─▶ us: a session
//! ```
//! The way back is a page of the console, which sends on what is in its address. So our cookies stay `SameSite=Strict`: a handler that the
//! provider led to would be asked across sites, and would need an errand that any site can have sent along (`Lax`); it would see
//! neither the session that it replaces nor the device.
//!
//! Threats: being logged in as somebody else by another site (both calls are taken from our own pages alone, and the errand is this
//! browser's), an answer that is brought twice (each errand is taken once), being led away afterwards (the page to go on to
//! was sealed when it was asked for), finding out who has an account (one refusal for everybody whom we do not know).

use super::session::{SessionOut, fresh, of_session, wait, welcome_parts};
use super::view::Words;
use crate::{caller::Visitor, cookie, extract::Json, problem::Problem, serve::App};
use axum::{
    Json as Answer,
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{HOST, SET_COOKIE},
    },
    response::{AppendHeaders, IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use stillhere_access::{
    oidc::{
        Errand,
        errand::{ERRAND_FOR, forgotten_at},
        who::NoName,
    },
    secret::hashed,
};
use stillhere_model::{Mint, Person, PersonId, Text, Time};
use stillhere_net::{clock, entropy};
use stillhere_node::{Named, ProviderError};
use stillhere_store::{PeopleError, Question, Refused, Subject};
use utoipa::ToSchema;

/// Longest code that a provider may give. The longest that are known have some 2 kB.
const MAX_CODE_BYTES: usize = 8 * 1024;
/// A longer word of a provider is not kept: it would stand in an address when they log out.
const MAX_HINT_BYTES: usize = 4 * 1024;
/// When a provider that does not answer is worth another try.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(5);

#[derive(Serialize, ToSchema)]
pub(crate) struct Offered {
    /// People can log in through a provider.
    offered: bool,
    /// What the button says, where the operator has said it.
    #[schema(value_type = Option<Words>)]
    label: Option<Text>,
}

/// Whether there is a provider to log in through
#[utoipa::path(get, path = "/api/v1/oidc", tag = "access", operation_id = "oidc", responses((status = 200, body = Offered)))]
pub(super) async fn offered(State(app): State<App>) -> Answer<Offered> {
    let offered = app.handle.oidc().offered();
    Answer(Offered { offered: offered.is_some(), label: offered.flatten() })
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Beginning {
    /// The page of the console to go on to, from `/console/` on.
    #[serde(default)]
    to: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Begun {
    /// Where to send the browser.
    url: String,
}

/// Begin to log in through the provider
///
/// The answer sets a cookie for ten minutes. The provider sends the browser back to `/console/oidc`.
#[utoipa::path(
    post, path = "/api/v1/oidc", tag = "access", operation_id = "begin_oidc", request_body = Beginning,
    responses(
        (status = 200, body = Begun),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "Not sent by a page of this site"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No provider is configured"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "`other-address`: the provider would send the browser elsewhere"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`provider-away`"),
    )
)]
pub(super) async fn begin(
    State(app): State<App>,
    _: Visitor,
    headers: HeaderMap,
    Json(asked): Json<Beginning>,
) -> Result<Response, Problem> {
    let host = headers.get(HOST).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let begun = app.handle.oidc().begin(host, entropy::bytes(), asked.to).await.map_err(refused)?;
    let sealed = begun.errand.sealed(&app.handle.access().keys, entropy::bytes());
    let headers = AppendHeaders([(SET_COOKIE, cookie::set_errand(&sealed, ERRAND_FOR))]);
    Ok((headers, Answer(Begun { url: begun.url })).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ComingBack {
    /// As the provider has put it into the address.
    state: String,
    code: Option<String>,
    iss: Option<String>,
    /// The provider's refusal, in place of a code.
    error: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CameBack {
    #[serde(flatten)]
    session: SessionOut,
    /// The page of the console that was wanted.
    to: String,
}

/// Log in with what the provider has sent back
///
/// As with every log-in: the answer sets a cookie, and whatever session came along ends.
#[utoipa::path(
    post, path = "/api/v1/session/oidc", tag = "access", operation_id = "log_in_with_oidc", request_body = ComingBack,
    responses(
        (status = 200, body = CameBack),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "`errand-over`, `provider-refused`, `provider-wrong`"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "`nobody-here`, `email-unverified`, or not sent by a page of this site"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`provider-away`"),
    )
)]
pub(super) async fn log_in(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    Json(asked): Json<ComingBack>,
) -> Response {
    // Whatever comes of it, the errand is over.
    let over = AppendHeaders([(SET_COOKIE, cookie::forget_errand())]);
    match came_back(&app, &visitor, &headers, asked).await {
        Ok(response) => (over, response).into_response(),
        Err(problem) => (over, problem).into_response(),
    }
}

async fn came_back(
    app: &App,
    visitor: &Visitor,
    headers: &HeaderMap,
    asked: ComingBack,
) -> Result<Response, Problem> {
    let access = app.handle.access();
    let mono_ms = app.handle.clock().now().mono_ms;
    access.gate(|g| g.pass_unnamed(visitor.address, mono_ms)).map_err(wait)?;
    let errand = cookie::errand(headers)
        .and_then(|kept| Errand::brought(&access.keys, kept, &asked.state, clock::wall()))
        .ok_or_else(errand_over)?;
    let code = match (asked.code, asked.error) {
        (Some(code), None) if code.len() <= MAX_CODE_BYTES => code,
        (None, Some(error)) => return Err(refused(ProviderError::NotTaken(shown(&error)))),
        _ => return Err(Problem::bad_request("A provider sends back either a code or an error.")),
    };
    let named = app.handle.oidc().named(&errand, &code, asked.iss.as_deref()).await.map_err(refused)?;
    let now = clock::wall();
    let (secret, mut session) = fresh(visitor);
    let fits = Some(named.id_token.as_str()).filter(|t| t.len() <= MAX_HINT_BYTES).unwrap_or_default();
    let sealed = access.keys.seal_setting(&of_session(&session.id), fits.as_bytes(), entropy::bytes());
    session.id_token = Some(sealed);
    let from = visitor.address.map(|a| a.to_string());
    let added = added(&named, now);
    let who = Subject {
        issuer: &named.issuer,
        subject: &named.subject,
        name: named.who.as_ref().ok().map(|w| w.name.as_str()),
        added: added.as_ref(),
    };
    let once = Question { sha256: hashed(&errand.state), expires_at: forgotten_at(&errand) };
    let person = match app.handle.store().provider_log_in(who, &once, &session, from, now).await {
        Ok(person) => person,
        Err(PeopleError::Refused(Refused::CodeUsed)) => return Err(errand_over()),
        Err(PeopleError::Refused(why)) => return Err(not_known(&named, &why)),
        Err(e) => return Err(e.into()),
    };
    access.gate(|g| g.worked_unnamed(visitor.address));
    let (headers, session) = welcome_parts(app, visitor, &person, &secret, now);
    Ok((headers, Answer(CameBack { session, to: errand.to })).into_response())
}

/// Who they become if they are new and the operator wants them.
fn added(named: &Named, now: Time) -> Option<Person> {
    let who = named.who.as_ref().ok()?;
    let (role, teams) = who.added_as.clone()?;
    let id = PersonId(Mint::new(entropy::u64()).uuid(now));
    Some(Person { id, name: who.name.clone(), role, teams, created_at: now })
}

fn errand_over() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "errand-over",
        "This belongs to no log-in of this browser",
        "It took too long, was begun in another browser, or was used already. Begin again on the sign-in page.",
    )
}

/// The log says which it is. Outside nobody learns whether there is such a person: only what the provider has said of oneself.
fn not_known(named: &Named, why: &Refused) -> Problem {
    let said = match &named.who {
        Ok(who) => who.name.clone(),
        Err(no) => no.to_string(),
    };
    tracing::info!(issuer = named.issuer, subject = shown(&named.subject), said, %why, "nobody here goes by what a provider says");
    if named.who == Err(NoName::Unverified) {
        return Problem::new(
            StatusCode::FORBIDDEN,
            "email-unverified",
            "The e-mail address is not verified",
            "The provider does not say that your address is yours. Have it verified there, and begin again.",
        );
    }
    Problem::new(
        StatusCode::FORBIDDEN,
        "nobody-here",
        "Nobody here goes by this account",
        "The provider knows you; this site does not. Ask an admin to add you under the name that the provider says.",
    )
}

fn refused(e: ProviderError) -> Problem {
    match e {
        ProviderError::None => Problem::not_found("No provider is configured here."),
        ProviderError::OtherAddress(site) => Problem::new(
            StatusCode::CONFLICT,
            "other-address",
            "This is another address of this site",
            format!("The provider sends people back to {site}: open the console there."),
        ),
        ProviderError::Busy => Problem::too_many("Too many people are logging in at this moment.", AGAIN),
        ProviderError::Away(_) => {
            tracing::warn!(error = %e, "nobody can log in through the provider");
            let problem = Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "provider-away",
                "The provider does not answer",
                "Try again in a moment, or log in with a password or a passkey. The log says why.",
            );
            problem.after(AGAIN)
        }
        ProviderError::NotTaken(_) => {
            tracing::info!(error = %e, "the provider lets nobody in");
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "provider-refused",
                "The provider did not let you in",
                "You were refused, or went back. Begin again on the sign-in page.",
            )
        }
        ProviderError::Wrong(_) => {
            tracing::warn!(error = %e, "what the provider says is not taken");
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "provider-wrong",
                "What the provider says is not right",
                "Nothing of it was used. The log says what is not right.",
            )
        }
    }
}

/// As it may stand in a log.
fn shown(said: &str) -> String {
    said.chars().filter(char::is_ascii_graphic).take(100).collect()
}
