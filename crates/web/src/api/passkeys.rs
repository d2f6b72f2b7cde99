//! Passkeys: coming in with one, keeping one, taking one away. Base64url where the browser has bytes.
//!
//! A passkey whose device has verified its user is two things at once (the device, and what unlocks it), so no code is asked for beside
//! it. It answers the name of this site alone, so that there is nothing to give away to another.

use super::session::{SessionOut, fresh, invalid, prove, wait, welcome};
use crate::{
    caller::{Member, Visitor},
    extract::Json,
    problem::Problem,
    serve::App,
};
use axum::{
    Json as Answer,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::HOST},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use stillhere_access::{
    passkey::{ASKED_FOR, Answered, For, Site},
    secret::hashed,
};
use stillhere_model::{Lang, Time};
use stillhere_net::{clock, entropy};
use stillhere_store::{Passkey, PeopleError, Question};
use utoipa::ToSchema;

/// Longest name that somebody gives a passkey.
const MAX_NAME_CHARS: usize = 64;

#[derive(Serialize, ToSchema)]
pub(crate) struct Asked {
    /// For `navigator.credentials.get`, `challenge`.
    challenge: String,
    /// `rpId`: the name of this site.
    rp_id: String,
}

/// A question for a passkey, for coming in
///
/// Ask for `userVerification: "required"`. It may be answered within five minutes, once.
#[utoipa::path(
    post, path = "/api/v1/passkeys/challenge", tag = "access", operation_id = "passkey_challenge",
    responses((status = 200, body = Asked), (status = 403, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn challenge(
    State(app): State<App>,
    _: Visitor,
    headers: HeaderMap,
) -> Result<Answer<Asked>, Problem> {
    let challenge = app.handle.access().keys.question(For::Entry, entropy::bytes(), clock::wall());
    Ok(Answer(Asked { challenge, rp_id: site(&headers)?.name().to_owned() }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entering {
    /// `id` of the credential.
    id: String,
    /// `response.clientDataJSON`.
    client_data: String,
    /// `response.authenticatorData`.
    authenticator_data: String,
    /// `response.signature`.
    signature: String,
}

/// Log in with a passkey
#[utoipa::path(
    post, path = "/api/v1/session/passkey", tag = "access", operation_id = "log_in_with_passkey", request_body = Entering,
    responses(
        (status = 200, body = SessionOut),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "`wrong-credentials`, whatever is not right"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "Not sent by a page of this site"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn log_in(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    Json(asked): Json<Entering>,
) -> Result<Response, Problem> {
    let mono_ms = app.handle.clock().now().mono_ms;
    app.handle.access().gate(|g| g.pass_unnamed(visitor.address, mono_ms)).map_err(wait)?;
    let (site, now, store) = (site(&headers)?, clock::wall(), app.handle.store());
    let refused = |why: &dyn std::fmt::Display| {
        tracing::info!(%why, "a passkey was refused");
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "wrong-credentials",
            "This does not fit together",
            "The passkey is not known here, or its answer is not right.",
        )
    };
    let client_data = bytes("client_data", &asked.client_data)?;
    let authenticator = bytes("authenticator_data", &asked.authenticator_data)?;
    let signature = bytes("signature", &asked.signature)?;
    let Some(passkey) = store.passkey(&asked.id).await?.filter(|p| p.site == site.name()) else {
        return Err(refused(&"it is not known"));
    };
    let keys = &app.handle.access().keys;
    let answered = keys
        .entry(&passkey.public_key, site, &client_data, &authenticator, &signature, now)
        .map_err(|e| refused(&e))?;
    let (secret, session) = fresh(&visitor);
    let from = visitor.address.map(|a| a.to_string());
    let entered = store
        .passkey_log_in(&passkey, answered.counter, &question(&answered, now), &session, from, now)
        .await;
    let person = match entered {
        Ok(person) => person,
        Err(PeopleError::Refused(e)) => return Err(refused(&e)),
        Err(e) => return Err(e.into()),
    };
    app.handle.access().gate(|g| g.worked_unnamed(visitor.address));
    Ok(welcome(&app, &visitor, &person, &secret, now))
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Passkeys {
    passkeys: Vec<PasskeyOut>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeyOut {
    id: String,
    name: String,
    /// The name of the site that it answers.
    site: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    used_at: Option<Time>,
}

/// One's own passkeys
#[utoipa::path(
    get, path = "/api/v1/me/passkeys", tag = "access", operation_id = "passkeys", security(("session" = [])),
    responses((status = 200, body = Passkeys), (status = 401, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(State(app): State<App>, Member(_, me): Member) -> Result<Answer<Passkeys>, Problem> {
    let passkeys = app.handle.store().passkeys(me.person.id).await?;
    let out = |p: Passkey| PasskeyOut {
        id: p.id,
        name: p.name,
        site: p.site,
        created_at: p.created_at,
        used_at: p.used_at,
    };
    Ok(Answer(Passkeys { passkeys: passkeys.into_iter().map(out).collect() }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proving {
    password: String,
    code: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ToKeep {
    /// For `navigator.credentials.create`, `challenge`.
    challenge: String,
    /// `rp.id`.
    rp_id: String,
    /// `rp.name`.
    rp_name: String,
    /// `user.id`.
    user_id: String,
    /// `user.name` and `user.displayName`.
    user_name: String,
    /// `excludeCredentials`: ids of those that are kept already.
    exclude: Vec<String>,
}

/// A question for a new passkey
///
/// Ask for ES256 (-7) or EdDSA (-8), `attestation: "none"`, and a discoverable credential with `userVerification: "required"`.
#[utoipa::path(
    post, path = "/api/v1/me/passkeys/challenge", tag = "access", operation_id = "new_passkey_challenge", security(("session" = [])), request_body = Proving,
    responses(
        (status = 200, body = ToKeep),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn keep_challenge(
    State(app): State<App>,
    Member(_, me): Member,
    visitor: Visitor,
    headers: HeaderMap,
    Json(asked): Json<Proving>,
) -> Result<Answer<ToKeep>, Problem> {
    let (store, now) = (app.handle.store(), clock::wall());
    let account = store.account_by_id(me.person.id).await?;
    let proved =
        prove(&app, &visitor, &me.person.name, account, asked.password, asked.code.as_deref()).await?;
    let taken = store.code_take(&proved.person, &proved.code, &proved.by(&visitor), now).await;
    proved.end(&app, &visitor, taken)?;
    let exclude = store.passkeys(me.person.id).await?.into_iter().map(|p| p.id).collect();
    Ok(Answer(ToKeep {
        challenge: app.handle.access().keys.question(For::Keeping(me.person.id), entropy::bytes(), now),
        rp_id: site(&headers)?.name().to_owned(),
        rp_name: app.public.shown().snapshot.site.name.get(Lang::En).to_owned(),
        user_id: URL_SAFE_NO_PAD.encode(me.person.id.0.as_bytes()),
        user_name: me.person.name,
        exclude,
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keeping {
    /// What one calls it; 1 to 64 characters.
    name: String,
    /// `response.clientDataJSON`.
    client_data: String,
    /// `response.getAuthenticatorData()`.
    authenticator_data: String,
}

/// Keep a new passkey
#[utoipa::path(
    post, path = "/api/v1/me/passkeys", tag = "access", operation_id = "keep_passkey", security(("session" = [])), request_body = Keeping,
    responses(
        (status = 201, body = PasskeyOut),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn keep(
    State(app): State<App>,
    Member(by, me): Member,
    headers: HeaderMap,
    Json(asked): Json<Keeping>,
) -> Result<(StatusCode, Answer<PasskeyOut>), Problem> {
    let fits = (1..=MAX_NAME_CHARS).contains(&asked.name.chars().count())
        && !asked.name.chars().any(char::is_control);
    if !fits {
        return Err(invalid(
            "name",
            format!("1 to {MAX_NAME_CHARS} characters, none of them control characters"),
        ));
    }
    let client_data = bytes("client_data", &asked.client_data)?;
    let authenticator = bytes("authenticator_data", &asked.authenticator_data)?;
    let (site, now) = (site(&headers)?, clock::wall());
    let (key, answered) = app
        .handle
        .access()
        .keys
        .keep(me.person.id, site, &client_data, &authenticator, now)
        .map_err(|e| invalid("authenticator_data", e.to_string()))?;
    let passkey = Passkey {
        id: URL_SAFE_NO_PAD.encode(&key.id),
        person: me.person.id,
        name: asked.name,
        site: site.name().to_owned(),
        public_key: key.public,
        counter: key.counter,
        created_at: now,
        used_at: None,
    };
    app.handle.store().passkey_keep(&passkey, &question(&answered, now), &by, now).await?;
    let Passkey { id, name, site, created_at, .. } = passkey;
    Ok((StatusCode::CREATED, Answer(PasskeyOut { id, name, site, created_at, used_at: None })))
}

/// Take a passkey away
///
/// All other sessions end; this one goes on under a new cookie and a new `csrf`.
#[utoipa::path(
    delete, path = "/api/v1/me/passkeys/{id}", tag = "access", operation_id = "forget_passkey", security(("session" = [])), params(("id" = String, Path)),
    responses(
        (status = 200, body = SessionOut),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn forget(
    State(app): State<App>,
    Member(by, me): Member,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (secret, session) = fresh(&visitor);
    let now = clock::wall();
    if !app.handle.store().passkey_forget(&me.person, &id, &session, &by, now).await? {
        return Err(Problem::not_found("There is no such passkey."));
    }
    Ok(welcome(&app, &visitor, &me.person, &secret, now))
}

/// The site as the browser names it. It is one of ours: others are turned away before (see [`crate::host`]).
fn site(headers: &HeaderMap) -> Result<Site<'_>, Problem> {
    let host = headers.get(HOST).and_then(|v| v.to_str().ok());
    host.map(|host| Site { host }).ok_or_else(|| Problem::bad_request("A request names exactly one Host."))
}

fn question(answered: &Answered, now: Time) -> Question {
    Question { sha256: hashed(&answered.question), expires_at: now.plus(ASKED_FOR) }
}

fn bytes(field: &str, text: &str) -> Result<Vec<u8>, Problem> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid(field, "is not base64url without padding"))
}
