//! Subscribers as staff see them: how many, how far news has come, and what the law gives each of them the right to.
//! Nobody is listed: addresses are found only by whoever knows them.

use super::limits::Fields;
use crate::{
    caller::{Admin, Viewer},
    extract::{Json, body},
    problem::Problem,
    serve::App,
    subscribe::exported,
};
use axum::{
    Json as Answer,
    extract::{Request, State},
    http::header,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stillhere_model::{Lang, Time, What, Wish};
use stillhere_node::{AskError, BOUNCE_BYTES, Returned};
use utoipa::ToSchema;

/// Pieces of news in the answer.
const NEWS: u32 = 20;
/// Addresses that nothing more is sent to, in the answer.
const STOPPED: u32 = 20;

#[derive(Serialize, ToSchema)]
pub(crate) struct Subscribers {
    /// Whether anybody can subscribe and is told.
    enabled: bool,
    /// What receivers of webhooks verify signatures with (Standard Webhooks v1a).
    webhook_public_key: String,
    states: Vec<StateOut>,
    waiting: Vec<WaitingOut>,
    /// The last ones that nothing more is sent to.
    stopped: Vec<StoppedOut>,
    /// The last ones, newest first.
    news: Vec<NewsOut>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct StateOut {
    /// `mail`, `webhook`, `push`.
    way: &'static str,
    /// `asked` (not confirmed), `active`, `silenced` (refused too often), `once` (a browser that is told that one incident is over, and is
    /// forgotten then).
    state: &'static str,
    subscribers: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct WaitingOut {
    way: &'static str,
    messages: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest: Option<Time>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct StoppedOut {
    way: &'static str,
    /// What the journal calls them.
    who: String,
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// Such as `a letter came back: 5.1.1, no such mailbox`. It holds nothing of the address; what the far side said is in the export.
    why: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct NewsOut {
    id: String,
    way: &'static str,
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// What it is about; `null` for a digest.
    #[schema(value_type = Option<Object>)]
    occasion: Option<Value>,
    /// Everybody who wants it has been found.
    handed_out: bool,
    /// For so many, as far as it has been handed out.
    made: u64,
    delivered: u64,
    failed: u64,
    /// Left before their turn.
    left: u64,
    waiting: u64,
    /// When the last one was told.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Time>,
}

/// How many subscribers there are, and how far news has come
#[utoipa::path(
    get, path = "/api/v1/subscribers", tag = "staff", operation_id = "subscribers", security(("token" = [])),
    responses((status = 200, body = Subscribers), (status = 401, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn progress(State(app): State<App>, _: Viewer) -> Result<Answer<Subscribers>, Problem> {
    let subscribers = app.handle.subscribers();
    let p = subscribers.progress(NEWS).await?;
    let states = p.states.into_iter().map(|(way, state, n)| StateOut {
        way: way.as_str(),
        state: state.as_str(),
        subscribers: n,
    });
    let waiting =
        p.waiting.into_iter().map(|(way, n, oldest)| WaitingOut { way: way.as_str(), messages: n, oldest });
    let stopped = subscribers.stopped(STOPPED).await?.into_iter();
    let stopped = stopped.map(|s| StoppedOut { way: s.way.as_str(), who: s.who, at: s.at, why: s.why });
    let news = p.news.into_iter().map(|f| NewsOut {
        id: f.news.id.to_string(),
        way: f.way.as_str(),
        at: f.news.at,
        occasion: match &f.news.what {
            What::Occasion { occasion, .. } => serde_json::to_value(occasion).ok(),
            What::Digest { .. } => None,
        },
        handed_out: f.handed_out,
        made: f.made,
        delivered: f.delivered,
        failed: f.failed,
        left: f.gone,
        waiting: f.made.saturating_sub(f.delivered + f.failed + f.gone),
        ended_at: f.ended_at,
    });
    Ok(Answer(Subscribers {
        enabled: subscribers.are_told(),
        webhook_public_key: subscribers.webhook_key(),
        states: states.collect(),
        waiting: waiting.collect(),
        stopped: stopped.collect(),
        news: news.collect(),
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Addressed {
    /// A mail address, a webhook's URL or that of a browser's push service, as its owner would write it. In the body, so that no log holds it.
    address: String,
}

/// Addresses in one request.
const IMPORTED_MAX: usize = 500;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Importing {
    /// Mail addresses or webhook URLs whose owners have confirmed elsewhere, at most 500. They are told everything at once
    /// until they choose otherwise.
    addresses: Vec<String>,
    /// Default: the site's first language.
    #[schema(value_type = Option<String>)]
    language: Option<Lang>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Imported {
    /// Those that were not there yet.
    new: u64,
    /// What is no address.
    refused: Vec<String>,
}

/// Take over subscribers who confirmed elsewhere
#[utoipa::path(
    post, path = "/api/v1/subscribers/import", tag = "staff", operation_id = "import_subscribers", security(("token" = [])),
    request_body = Importing,
    responses((status = 200, body = Imported), (status = 422, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn import(
    State(app): State<App>,
    _: Admin,
    Json(asked): Json<Importing>,
) -> Result<Answer<Imported>, Problem> {
    Fields::default().at_most("addresses", asked.addresses.len(), IMPORTED_MAX).check()?;
    let lang = app.public.shown().snapshot.lang(asked.language);
    let wish = Wish::everything(lang);
    match app.handle.subscribers().import(&asked.addresses, &wish).await {
        Ok((new, refused)) => Ok(Answer(Imported { new, refused })),
        Err(AskError::Store(e)) => Err(e.into()),
        Err(e) => Err(Problem::conflict(e.to_string())),
    }
}

fn nobody() -> Problem {
    Problem::not_found("Nobody subscribed with this address.")
}

/// Everything that is known of one subscriber, when they ask for it
#[utoipa::path(
    post, path = "/api/v1/subscribers/export", tag = "staff", operation_id = "export_subscriber", security(("token" = [])),
    request_body = Addressed,
    responses((status = 200, body = Object), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn export(
    State(app): State<App>,
    Admin(caller): Admin,
    Json(asked): Json<Addressed>,
) -> Result<Answer<Value>, Problem> {
    let subscribers = app.handle.subscribers();
    let found = subscribers.find(&asked.address).await?.ok_or_else(nobody)?;
    let export = subscribers.export(&found, &caller.by.name).await?.ok_or_else(nobody)?;
    Ok(Answer(exported(&export)))
}

/// Forget one subscriber with everything that is known, when they ask for it
#[utoipa::path(
    post, path = "/api/v1/subscribers/erase", tag = "staff", operation_id = "erase_subscriber", security(("token" = [])),
    request_body = Addressed,
    responses((status = 200, body = Object), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn erase(
    State(app): State<App>,
    Admin(caller): Admin,
    Json(asked): Json<Addressed>,
) -> Result<Answer<Value>, Problem> {
    let subscribers = app.handle.subscribers();
    let found = subscribers.find(&asked.address).await?.ok_or_else(nobody)?;
    if subscribers.leave(&found, &format!("erased by {}", caller.by.name)).await? {
        return Ok(Answer(json!({ "erased": found.who })));
    }
    Err(nobody())
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ReturnedOut {
    /// `stopped`: nothing more is sent to that address. `counted`: it may be yet. `again`: it was counted before. `not_ours`: it came to no
    /// return path of a letter of ours. `no_report`: it does not say that a delivery failed. `nothing`: it was too long ago, or nothing is sent to
    /// that address any more.
    returned: &'static str,
    /// With `counted`: letters of so many days have come back.
    days: Option<u32>,
}

/// Hand in a mail that came to the return path of a letter (RFC 3464)
///
/// As it came, with its headers; 256 KB are the most, and what is beyond the first of them may be cut off. Any token will do: what the mail may bring
/// about is proved by the address that it came to.
#[utoipa::path(
    post, path = "/api/v1/subscribers/bounces", tag = "write", operation_id = "hand_in_bounce", security(("token" = [])),
    request_body(content = String, content_type = "message/rfc822"),
    responses((status = 200, body = ReturnedOut), (status = 409, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn bounced(
    State(app): State<App>,
    _: Viewer,
    request: Request,
) -> Result<Answer<ReturnedOut>, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    if kind.is_none_or(|v| !v.as_bytes().eq_ignore_ascii_case(b"message/rfc822")) {
        return Err(Problem::wrong_type(
            "Send the mail as it came, and say so: Content-Type: message/rfc822",
        ));
    }
    let mail = body(request, BOUNCE_BYTES).await?;
    match app.handle.subscribers().returned(&mail).await? {
        None => Err(Problem::conflict(
            "Letters come back to nobody here: `return_path` under [subscribers] is not set.",
        )),
        Some(returned) => {
            let days = if let Returned::Counted(days) = returned { Some(days) } else { None };
            Ok(Answer(ReturnedOut { returned: returned.as_str(), days }))
        }
    }
}
