//! One's own browsers that are alerted. A browser is kept when its push service has taken a test message, and not before.

use super::session::invalid;
use crate::{caller::Member, extract::Json, problem::Problem, serve::App};
use axum::{
    Json as Answer,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use stillhere_model::{DeliveryId, Lang, Mint, Time, subscriber::BrowserKeys};
use stillhere_net::{clock, entropy};
use stillhere_node::AlertError;
use stillhere_store::Browser;
use utoipa::ToSchema;

/// Longest name that somebody gives a browser.
const MAX_NAME_CHARS: usize = 64;

#[derive(Serialize, ToSchema)]
pub(crate) struct Browsers {
    /// For `pushManager.subscribe`, `applicationServerKey`. `null`: browsers cannot be alerted where this page is.
    key: Option<String>,
    browsers: Vec<BrowserOut>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct BrowserOut {
    id: String,
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When its push service last took a message.
    #[schema(value_type = Option<String>, format = DateTime)]
    told_at: Option<Time>,
}

/// One's own browsers that are alerted
#[utoipa::path(
    get, path = "/api/v1/me/browsers", tag = "access", operation_id = "browsers", security(("session" = [])),
    responses((status = 200, body = Browsers), (status = 401, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(State(app): State<App>, Member(_, me): Member) -> Result<Answer<Browsers>, Problem> {
    let all = app.handle.store().staff_browsers().await?;
    let mine = all.into_iter().map(|(_, b)| b).filter(|b| b.person == me.person.id);
    Ok(Answer(Browsers { key: app.handle.alerts().key(), browsers: mine.map(out).collect() }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Adding {
    /// What one calls it, 1 to 64 characters.
    name: String,
    /// As `PushSubscription` says it.
    endpoint: String,
    /// `keys.p256dh`.
    p256dh: String,
    /// `keys.auth`.
    auth: String,
    /// Of the alerts. Default: the site's first language.
    #[schema(value_type = Option<String>)]
    language: Option<Lang>,
}

/// Have a browser alerted
///
/// A test message goes out first; the browser is kept only if its push service takes it.
#[utoipa::path(
    post, path = "/api/v1/me/browsers", tag = "access", operation_id = "add_browser", security(("session" = [])), request_body = Adding,
    responses(
        (status = 201, body = BrowserOut),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn add(
    State(app): State<App>,
    Member(by, me): Member,
    Json(asked): Json<Adding>,
) -> Result<(StatusCode, Answer<BrowserOut>), Problem> {
    let fits = (1..=MAX_NAME_CHARS).contains(&asked.name.chars().count())
        && !asked.name.chars().any(char::is_control);
    if !fits {
        return Err(invalid(
            "name",
            format!("1 to {MAX_NAME_CHARS} characters, none of them control characters"),
        ));
    }
    let alerts = app.handle.alerts();
    let refused = |e: AlertError| match e {
        AlertError::NotHere => Problem::conflict(e.to_string()),
        AlertError::NoBrowser | AlertError::NotTaken(_) => invalid("endpoint", e.to_string()),
    };
    let endpoint = alerts.address(&asked.endpoint).map_err(refused)?;
    let keys =
        BrowserKeys::parse(&asked.p256dh, &asked.auth).ok_or_else(|| refused(AlertError::NoBrowser))?;
    let now = clock::wall();
    let browser = Browser {
        id: DeliveryId(Mint::new(entropy::u64()).uuid(now)).to_string(),
        person: me.person.id,
        name: asked.name,
        lang: app.public.shown().snapshot.lang(asked.language),
        endpoint,
        keys,
        created_at: now,
        told_at: Some(now),
    };
    alerts.test(&browser, now).await.map_err(refused)?;
    app.handle.store().browser_keep(&browser, &by, now).await?;
    Ok((StatusCode::CREATED, Answer(out(browser))))
}

/// Have a browser alerted no more
///
/// What was sent to it opens nothing any more.
#[utoipa::path(
    delete, path = "/api/v1/me/browsers/{id}", tag = "access", operation_id = "remove_browser", security(("session" = [])), params(("id" = String, Path)),
    responses(
        (status = 204),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn remove(
    State(app): State<App>,
    Member(by, me): Member,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if app.handle.store().browser_forget(&me.person, &id, &by, clock::wall()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found("There is no such browser."))
}

fn out(b: Browser) -> BrowserOut {
    BrowserOut { id: b.id, name: b.name, created_at: b.created_at, told_at: b.told_at }
}
