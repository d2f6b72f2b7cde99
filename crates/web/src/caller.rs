//! Who asks, and whether they may. Three ways in: the control socket, a token (`Authorization: Bearer …`), a session's cookie.
//!
//! A handler says what it needs by what it takes: [`Viewer`], [`Responder`], [`Admin`], or [`Member`] for a person of flesh and blood.
//! `tests/it/roles.rs` holds every route against its line in a table.
//!
//! Threat: another site makes a visitor's browser send a request, and the browser adds the cookie (CSRF). Therefore a write with a cookie
//! must carry the session's own token in `stillhere-csrf`, which no other site can read, and must say that it comes from here. A
//! token in `Authorization` is never added by a browser, so it needs neither.

mod scope;

use crate::{cookie, gate::Trusted, peer, problem::Problem, serve::App};
use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts},
};
use std::net::IpAddr;
use stillhere_access::{
    keys::Device,
    secret::{Handed, same},
};
use stillhere_model::{Act, By, Person, Role, Time};
use stillhere_net::clock;
use stillhere_store::TokenScope;

pub(crate) const CSRF: &str = "stillhere-csrf";
/// Longest token that is looked up; ours are shorter.
const MAX_TOKEN_BYTES: usize = 256;
/// As much of what a browser calls itself is kept.
const MAX_AGENT_CHARS: usize = 200;

/// Somebody who is known.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) by: By,
    pub(crate) role: Role,
    /// Whose services they may speak about; none: everybody's.
    pub(crate) teams: Vec<String>,
    pub(crate) session: Option<Current>,
}

/// The session that a request came with.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    pub(crate) id: String,
    pub(crate) person: Person,
    pub(crate) secret: Handed,
    pub(crate) expires_at: Time,
}

/// May read what staff read.
pub(crate) struct Viewer;
/// May speak to the public.
pub(crate) struct Responder(pub(crate) Caller);
/// May decide who comes in and what runs.
pub(crate) struct Admin(pub(crate) Caller);
/// A person who is logged in, with any role.
pub(crate) struct Member(pub(crate) By, pub(crate) Current);
/// An edge that may join.
pub(crate) struct JoinedEdge;

/// Somebody at the door: not known yet.
pub(crate) struct Visitor {
    pub(crate) address: Option<IpAddr>,
    pub(crate) agent: Option<String>,
    pub(crate) device: Option<Device>,
    /// What was in the session's cookie, good or not.
    pub(crate) old: Option<Handed>,
}

// === impl Caller ===

impl Caller {
    /// `None`: nobody says who they are, or their session is over.
    async fn of(parts: &Parts, app: &App) -> Result<Option<Caller>, Problem> {
        if parts.extensions.get::<Trusted>().is_some() {
            return Ok(Some(Caller { by: By::local(), role: Role::Admin, teams: Vec::new(), session: None }));
        }
        let from = peer::address(&parts.extensions, &parts.headers).map(|ip| ip.to_string());
        if parts.headers.contains_key(header::AUTHORIZATION) {
            // A wrong token is refused rather than ignored: whoever sends one wants to know.
            let grant =
                app.handle.store().token_grant(token(parts)?, TokenScope::Write, clock::wall()).await?;
            let grant = grant.ok_or_else(|| {
                Problem::unauthorized("This token is not known; it may have been revoked, or be over.")
            })?;
            let by = By { name: format!("token {}", grant.name), from };
            return Ok(Some(Caller { by, role: grant.role, teams: grant.teams, session: None }));
        }
        let Some(secret) = cookie::session(&parts.headers).and_then(Handed::sent) else { return Ok(None) };
        let Some(session) = app.handle.store().session(&secret.hash(), clock::wall()).await? else {
            return Ok(None);
        };
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            from_here(&parts.headers, &parts.uri)?;
            let sent = parts.headers.get(CSRF).and_then(|v| v.to_str().ok()).unwrap_or_default();
            if !same(sent, &secret.csrf()) {
                return Err(Problem::foreign(format!(
                    "A write with a session's cookie carries its token: {CSRF}."
                )));
            }
        }
        let by = By { name: session.person.name.clone(), from };
        let (role, teams) = (session.person.role, session.person.teams.clone());
        let current =
            Current { id: session.id, person: session.person, secret, expires_at: session.expires_at };
        Ok(Some(Caller { by, role, teams, session: Some(current) }))
    }

    async fn with(needs: Role, parts: &Parts, app: &App) -> Result<Caller, Problem> {
        let caller = Caller::of(parts, app).await?.ok_or_else(nobody)?;
        if caller.role < needs {
            return Err(Problem::forbidden(format!(
                "This needs the role {needs}; yours is {}.",
                caller.role
            )));
        }
        Ok(caller)
    }

    /// Writes down what they did. It is done already: that it cannot be written changes nothing about it, and the log says so.
    pub(crate) async fn did(&self, app: &App, act: Act) {
        tracing::info!(by = self.by.name, ?act, "done");
        if let Err(e) = app.handle.store().acted(&self.by, act, clock::wall()).await {
            tracing::error!(by = self.by.name, error = %e, "could not write down what was done");
        }
    }
}

fn nobody() -> Problem {
    Problem::unauthorized(
        "Log in, or send one `Authorization: Bearer …`. `stillhere token new NAME` makes a token.",
    )
}

/// Whether a browser says that a page of ours sent this. Browsers say so with every write; what says nothing is none of
/// ours.
fn from_here(headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
    let foreign = || Problem::foreign("This was not sent by a page of this site.");
    if let Some(site) = headers.get("sec-fetch-site") {
        return if site == "same-origin" { Ok(()) } else { Err(foreign()) };
    }
    // Older browsers say the origin alone. A proxy may have taken off the TLS, so the scheme is not compared.
    let origin = headers.get(header::ORIGIN).and_then(|v| v.to_str().ok()?.split_once("://"));
    let host =
        headers.get(header::HOST).and_then(|v| v.to_str().ok()).or(uri.authority().map(|a| a.as_str()));
    match (origin, host) {
        (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(foreign()),
    }
}

/// The one token of a request.
fn token(parts: &Parts) -> Result<&str, Problem> {
    let mut given = parts.headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else { return Err(nobody()) };
    let token = value.to_str().ok().and_then(|v| v.split_once(' '));
    let token =
        token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    token
        .filter(|t| !t.is_empty() && t.len() <= MAX_TOKEN_BYTES)
        .ok_or_else(|| Problem::unauthorized("The Authorization header is not `Bearer …`."))
}

// === impl Viewer, Responder, Admin, Member, JoinedEdge, Visitor ===

impl FromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Viewer, Problem> {
        Caller::with(Role::Viewer, parts, app).await.map(|_| Viewer)
    }
}

/// For reads that tell staff more than a visitor.
impl OptionalFromRequestParts<App> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Viewer>, Problem> {
        Ok(Caller::of(parts, app).await?.map(|_| Viewer))
    }
}

impl FromRequestParts<App> for Responder {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Responder, Problem> {
        Caller::with(Role::Responder, parts, app).await.map(Responder)
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Admin, Problem> {
        Caller::with(Role::Admin, parts, app).await.map(Admin)
    }
}

impl FromRequestParts<App> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Member, Problem> {
        let caller = Caller::with(Role::Viewer, parts, app).await?;
        match caller.session {
            Some(session) => Ok(Member(caller.by, session)),
            None => Err(Problem::forbidden("This is for a person who is logged in.")),
        }
    }
}

impl FromRequestParts<App> for JoinedEdge {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<JoinedEdge, Problem> {
        if parts.extensions.get::<Trusted>().is_some() {
            return Ok(JoinedEdge);
        }
        match app.handle.store().token_grant(token(parts)?, TokenScope::Edge, clock::wall()).await? {
            Some(_) => Ok(JoinedEdge),
            None => Err(Problem::unauthorized(
                "This is no token for edges, or it was revoked. `stillhere token new NAME --scope edge` makes one.",
            )),
        }
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    /// Threat: another site logs a visitor in as somebody else, so that they write into a foreign account. It is refused like any other
    /// write from there.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Visitor, Problem> {
        from_here(&parts.headers, &parts.uri)?;
        let device = cookie::device(&parts.headers);
        let agent = parts.headers.get(header::USER_AGENT).map(|v| {
            String::from_utf8_lossy(v.as_bytes())
                .chars()
                .filter(|c| !c.is_control())
                .take(MAX_AGENT_CHARS)
                .collect()
        });
        Ok(Visitor {
            address: peer::address(&parts.extensions, &parts.headers),
            agent,
            device: device.and_then(|mark| app.handle.access().keys.device(mark, clock::wall())),
            old: cookie::session(&parts.headers).and_then(Handed::sent),
        })
    }
}

// === impl Problem ===

impl Problem {
    pub(crate) fn forbidden(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "forbidden", "This is not for your role", detail)
    }

    fn foreign(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "csrf", "This was not sent by a page of ours", detail)
    }
}
