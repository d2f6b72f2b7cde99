//! What a person changes about their own way in. Each asks for the password again, and for a code where codes are on: an open
//! session that somebody else sits down at is not enough.

use super::session::{Proved, SessionOut, fresh, hashed, invalid, prove, welcome, welcome_parts};
use crate::{
    caller::{Current, Member, Visitor},
    extract::Json,
    problem::Problem,
    serve::App,
};
use axum::{
    Json as Answer,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use stillhere_access::totp;
use stillhere_model::Lang;
use stillhere_net::{clock, entropy};
use stillhere_store::Account;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The one that is good now.
    password: String,
    code: Option<String>,
    /// 12 to 256 characters, and not one that is guessed first.
    new: String,
}

/// Choose another password
///
/// All other sessions end; this one goes on under a new cookie and a new `csrf`.
#[utoipa::path(
    post, path = "/api/v1/me/password", tag = "access", operation_id = "choose_password", security(("session" = [])), request_body = NewPassword,
    responses(
        (status = 200, body = SessionOut),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn password(
    State(app): State<App>,
    Member(by, me): Member,
    visitor: Visitor,
    Json(asked): Json<NewPassword>,
) -> Result<Response, Problem> {
    let (proved, _) = proved(&app, &visitor, &me, asked.password, asked.code.as_deref()).await?;
    let new = match hashed(&app, &me.person.name, asked.new).await {
        Ok(new) => new,
        Err(e) => {
            proved.not_wanted(&app);
            return Err(e);
        }
    };
    let (secret, session) = fresh(&visitor);
    let (store, now) = (app.handle.store(), clock::wall());
    let chosen =
        store.password_choose(&me.person, &proved.password, &proved.code, &new, &session, &by, now).await;
    proved.end(&app, &visitor, chosen)?;
    Ok(welcome(&app, &visitor, &me.person, &secret, now))
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CodesNow {
    /// A code is asked for beside the password.
    on: bool,
    /// Recovery codes that were not used yet.
    recovery_codes: u32,
}

/// Whether codes are on, for oneself
#[utoipa::path(
    get, path = "/api/v1/me/totp", tag = "access", operation_id = "codes", security(("session" = [])),
    responses((status = 200, body = CodesNow), (status = 401, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn codes(
    State(app): State<App>,
    Member(_, me): Member,
) -> Result<Answer<CodesNow>, Problem> {
    let store = app.handle.store();
    let account = store.account_by_id(me.person.id).await?;
    let on = account.is_some_and(|a| a.totp.is_some());
    Ok(Answer(CodesNow { on, recovery_codes: store.recovery_codes(me.person.id).await? }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Codes {
    password: String,
    /// Of the device in use, where codes are on already.
    code: Option<String>,
    /// Of the new device: what it shows for the seed that was offered.
    confirm: Option<String>,
}

/// A seed for a device. Codes are asked for once one was sent back as `confirm`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Offered {
    /// To be typed.
    secret: String,
    /// To be read as a QR code.
    link: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CodesOn {
    #[serde(flatten)]
    session: SessionOut,
    /// Each is good once, in place of a code. Shown once.
    recovery_codes: Vec<String>,
}

/// Turn on codes, in two calls
///
/// Without `confirm`: offers a seed (`secret`, `link`). With `confirm`: codes are asked for from now on; the answer has
/// `recovery_codes`, and the session goes on under a new cookie and a new `csrf`, all others end.
#[utoipa::path(
    post, path = "/api/v1/me/totp", tag = "access", operation_id = "codes_on", security(("session" = [])), request_body = Codes,
    responses(
        (status = 200, body = CodesOn, description = "With `confirm`; without it `Offered`: `secret` and `link`"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn codes_on(
    State(app): State<App>,
    Member(by, me): Member,
    visitor: Visitor,
    Json(asked): Json<Codes>,
) -> Result<Response, Problem> {
    // A code that is good now proves the device in use; with `confirm` the seed that was offered after that proof is enough.
    let (proved, offered) = match &asked.confirm {
        Some(_) => proved_by_password(&app, &visitor, &me, asked.password).await?,
        None => proved(&app, &visitor, &me, asked.password, asked.code.as_deref()).await?,
    };
    let (store, keys, now) = (app.handle.store(), &app.handle.access().keys, clock::wall());
    let Some(confirm) = asked.confirm else {
        let seed: [u8; totp::SEED_BYTES] = entropy::bytes();
        let sealed = keys.seal(me.person.id, &seed, entropy::bytes());
        let kept = store.totp_offer(&proved.person, &proved.code, &sealed, &by, now).await;
        proved.end(&app, &visitor, kept)?;
        let site = app.public.shown().snapshot.site.name.get(Lang::En).to_owned();
        let link = totp::link(&site, &me.person.name, &seed);
        return Ok(Answer(Offered { secret: totp::base32(&seed), link }).into_response());
    };
    let seed = offered.as_ref().and_then(|sealed| keys.open(me.person.id, sealed));
    let (Some(sealed), Some(seed)) = (offered, seed) else {
        proved.not_wanted(&app);
        return Err(Problem::conflict("No seed was offered; ask without `confirm` first."));
    };
    let Some(step) = totp::step(&seed, &confirm, now) else {
        proved.not_wanted(&app);
        return Err(invalid("confirm", "is not what the device shows for this seed; is its clock right?"));
    };
    let codes: Vec<String> = (0..totp::RECOVERY_CODES).map(|_| totp::recovery(entropy::bytes())).collect();
    let hashes: Vec<String> = codes.iter().filter_map(|c| totp::recovery_hash(c)).collect();
    let (secret, session) = fresh(&visitor);
    let on = store.totp_on(&proved.person, &sealed, step, &hashes, &session, &by, now).await;
    proved.end(&app, &visitor, on)?;
    let (headers, session) = welcome_parts(&app, &visitor, &me.person, &secret, now);
    Ok((headers, Answer(CodesOn { session, recovery_codes: codes })).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoCodes {
    password: String,
    /// From the device, or a recovery code.
    code: String,
}

/// Turn off codes
#[utoipa::path(
    delete, path = "/api/v1/me/totp", tag = "access", operation_id = "codes_off", security(("session" = [])), request_body = NoCodes,
    responses(
        (status = 200, body = SessionOut),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn codes_off(
    State(app): State<App>,
    Member(by, me): Member,
    visitor: Visitor,
    Json(asked): Json<NoCodes>,
) -> Result<Response, Problem> {
    let (proved, _) = proved(&app, &visitor, &me, asked.password, Some(&asked.code)).await?;
    let (secret, session) = fresh(&visitor);
    let (store, now) = (app.handle.store(), clock::wall());
    let off = store.totp_off(&proved.person, &proved.code, &session, &by, now).await;
    proved.end(&app, &visitor, off)?;
    Ok(welcome(&app, &visitor, &me.person, &secret, now))
}

/// Proves that it is still them, and gives the seed that was offered.
async fn proved(
    app: &App,
    visitor: &Visitor,
    me: &Current,
    password: String,
    code: Option<&str>,
) -> Result<(Proved, Option<Vec<u8>>), Problem> {
    let account = app.handle.store().account_by_id(me.person.id).await?;
    let offered = account.as_ref().and_then(|a| a.totp_offered.clone());
    let proved = prove(app, visitor, &me.person.name, account, password, code).await?;
    Ok((proved, offered))
}

async fn proved_by_password(
    app: &App,
    visitor: &Visitor,
    me: &Current,
    password: String,
) -> Result<(Proved, Option<Vec<u8>>), Problem> {
    let account = app.handle.store().account_by_id(me.person.id).await?;
    let offered = account.as_ref().and_then(|a| a.totp_offered.clone());
    let account = account.map(|a| Account { totp: None, ..a });
    let proved = prove(app, visitor, &me.person.name, account, password, None).await?;
    Ok((proved, offered))
}
