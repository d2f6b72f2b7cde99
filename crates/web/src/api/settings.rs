//! What can be edited from the console: services with their checks, channels, and templates of updates. What the file has is shown and stays as it is.
//!
//! Everybody on the staff reads; admins change, because a check has this machine look at any address, and a channel send to any.
//! A change names the version that it was made from (`If-Match`), so that two admins do not undo each other.

mod tried;

pub(crate) use tried::{__path_channel as __path_try_channel, __path_check as __path_try_check};
pub(crate) use tried::{channel as try_channel, check as try_check};

use crate::{
    caller::{Admin, Caller, Viewer},
    extract::Json,
    problem::{FieldProblem, Problem},
    serve::App,
};
use axum::{
    Json as Answer,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::HashSet;

use stillhere_model::{IncidentStatus, Text, Time};
use stillhere_node::{Change, Kept, Kind, SettingError, Settings, What, Why, without_secrets};
use utoipa::ToSchema;

use super::view::{IncidentWord, Words};

#[derive(Serialize, ToSchema)]
pub(crate) struct SettingList {
    /// First those of the file, in its order; then those that were made in the console, as they were made.
    settings: Vec<SettingBrief>,
}

/// One service, channel or template. An id can stand in a list twice: in the file, and as what the console made before the file had it.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingBrief {
    id: String,
    /// `file`: read-only here. `console`: made here.
    origin: &'static str,
    /// Of a service or a template that is in force.
    #[schema(value_type = Option<Words>)]
    name: Option<Text>,
    /// `mail`, `webhook` or `chat`, of a channel.
    channel: Option<String>,
    /// Of a template that is in force: what it begins with, and the status that goes with it.
    #[schema(value_type = Option<Words>)]
    text: Option<Text>,
    #[schema(value_type = Option<IncidentWord>)]
    status: Option<IncidentStatus>,
    /// Ids of a service's checks, without the service's.
    checks: Vec<String>,
    in_force: bool,
    /// Why not, where it is not: `in_file`, `wrong`, `sealed`.
    aside: Option<&'static str>,
    /// What is wrong with it.
    wrong: Option<String>,
    version: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    changed_at: Option<Time>,
    changed_by: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SettingOut {
    #[serde(flatten)]
    brief: SettingBrief,
    /// As it would stand in the file, without its id, and with `{ "set": true }` for each secret. `null` for one of the file, and for one
    /// whose secrets cannot be opened.
    #[schema(value_type = Option<Object>)]
    table: Option<Map<String, Value>>,
}

/// With its version as `ETag`.
type Tagged = ([(HeaderName, String); 1], Answer<SettingOut>);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Putting {
    /// As it would stand in the file, `check` being the list of a service's checks. A secret is `{ "value": "…" }`, and `{ "set": true }`
    /// where it stays as it is.
    #[schema(value_type = Object)]
    table: Map<String, Value>,
}

// === impl Putting ===

impl Putting {
    pub(super) fn table(self) -> Map<String, Value> {
        self.table
    }
}

/// Services, channels or templates, of the file and of the console
///
/// `kind` is `services`, `channels` or `templates`.
#[utoipa::path(
    get, path = "/api/v1/settings/{kind}", tag = "settings", operation_id = "settings", security(("token" = [])), params(("kind" = String, Path)),
    responses((status = 200, body = SettingList), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(app): State<App>,
    _: Viewer,
    Path(kind): Path<String>,
) -> Result<Answer<SettingList>, Problem> {
    let kind = kind_of(&kind)?;
    let s = app.handle.settings();
    let made: HashSet<&str> =
        s.config.of_console.iter().filter(|(k, _)| *k == kind).map(|(_, id)| id.as_str()).collect();
    let ids: Vec<&str> = match kind {
        Kind::Service => s.config.services.iter().map(|s| s.id.as_str()).collect(),
        Kind::Channel => s.config.channels.iter().map(|c| c.name.as_str()).collect(),
        Kind::Template => s.config.templates.iter().map(|t| t.id.as_str()).collect(),
    };
    let of_file = ids.into_iter().filter(|id| !made.contains(id));
    let mut settings: Vec<SettingBrief> = of_file.map(|id| SettingBrief::of_file(&s, kind, id)).collect();
    settings.extend(s.kept.iter().filter(|k| k.kind == kind).map(|k| SettingBrief::of(&s, k)));
    Ok(Answer(SettingList { settings }))
}

/// One of them, to be edited
///
/// What was made in the console comes before what the file has under the same id. `ETag` is its version.
#[utoipa::path(
    get, path = "/api/v1/settings/{kind}/{id}", tag = "settings", operation_id = "setting", security(("token" = [])),
    params(("kind" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = SettingOut), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn one(
    State(app): State<App>,
    _: Viewer,
    Path((kind, id)): Path<(String, String)>,
) -> Result<impl IntoResponse, Problem> {
    let kind = kind_of(&kind)?;
    shown(&app.handle.settings(), kind, &id)
}

/// Make one, or change it
///
/// All of it or nothing: what would be in force is checked as a whole, with the file. `If-None-Match: *` makes a new one, `If-Match`
/// with the version that was read changes it; one of them is needed.
#[utoipa::path(
    put, path = "/api/v1/settings/{kind}/{id}", tag = "settings", operation_id = "put_setting", security(("token" = [])),
    params(("kind" = String, Path), ("id" = String, Path), ("If-Match" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    request_body = Putting,
    responses(
        (status = 200, body = SettingOut, description = "Written to disk and in force"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "The file has it"),
        (status = 412, body = Problem, content_type = "application/problem+json", description = "It is another by now"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "What is wrong, each with its place in the table"),
        (status = 428, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put(
    State(app): State<App>,
    Admin(caller): Admin,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
    Json(asked): Json<Putting>,
) -> Result<impl IntoResponse, Problem> {
    let kind = kind_of(&kind)?;
    let from = version(&headers)?;
    carried_out(&app, &caller, Change { kind, id: id.clone(), what: What::Put(asked.table), from }).await?;
    shown(&app.handle.settings(), kind, &id)
}

/// Remove one that was made in the console
#[utoipa::path(
    delete, path = "/api/v1/settings/{kind}/{id}", tag = "settings", operation_id = "remove_setting", security(("token" = [])),
    params(("kind" = String, Path), ("id" = String, Path), ("If-Match" = String, Header)),
    responses(
        (status = 204),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 412, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Something else needs it"),
        (status = 428, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn remove(
    State(app): State<App>,
    Admin(caller): Admin,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let kind = kind_of(&kind)?;
    let Some(from) = version(&headers)? else { return Err(needs_version()) };
    carried_out(&app, &caller, Change { kind, id, what: What::Remove, from: Some(from) }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn carried_out(app: &App, caller: &Caller, change: Change) -> Result<(), Problem> {
    let (kind, id) = (change.kind, change.id.clone());
    app.handle.change_setting(&caller.by, change).await.map_err(|e| refused(&e, kind, &id))?;
    app.public.caught_up().await;
    Ok(())
}

fn shown(s: &Settings, kind: Kind, id: &str) -> Result<Tagged, Problem> {
    let kept = s.kept(kind, id);
    let brief = match kept {
        Some(kept) => SettingBrief::of(s, kept),
        None if s.is_of_file(kind, id) => SettingBrief::of_file(s, kind, id),
        None => return Err(Problem::not_found(format!("There is no {kind} {id}."))),
    };
    let version = brief.version.unwrap_or(0);
    let table = kept.and_then(|k| k.item.as_ref()).map(without_secrets);
    Ok(([(header::ETAG, format!("\"{version}\""))], Answer(SettingOut { brief, table })))
}

fn kind_of(word: &str) -> Result<Kind, Problem> {
    word.strip_suffix('s')
        .and_then(Kind::of)
        .ok_or_else(|| Problem::not_found(format!("There are services, channels and templates, no {word}.")))
}

/// The version that a change was made from; `None`: there was none.
fn version(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let one = |name| headers.get(name).map(|v| v.to_str().unwrap_or_default().trim());
    match (one(header::IF_MATCH), one(header::IF_NONE_MATCH)) {
        (None, Some("*")) => Ok(None),
        (Some(tag), None) => match tag.trim_matches('"').parse() {
            Ok(version) => Ok(Some(version)),
            Err(_) => Err(Problem::bad_request("If-Match: the ETag that was read, in quotes.")),
        },
        _ => Err(needs_version()),
    }
}

fn needs_version() -> Problem {
    Problem::new(
        StatusCode::PRECONDITION_REQUIRED,
        "version-needed",
        "Say what it was made from",
        "Send If-Match with the ETag that was read, or If-None-Match: * for a new one.",
    )
}

fn refused(e: &SettingError, kind: Kind, id: &str) -> Problem {
    let said = e.to_string();
    let stale =
        |detail| Problem::new(StatusCode::PRECONDITION_FAILED, "stale", "It is another by now", detail);
    match e {
        SettingError::NotThere(..) => Problem::not_found(said),
        SettingError::OfFile(..) | SettingError::TooMany => Problem::conflict(said),
        SettingError::Exists(..) | SettingError::Stale { .. } => stale(said),
        SettingError::Refused(_) => {
            let fields = e.fields(kind, id);
            let fields = fields.into_iter().map(|(field, problem)| FieldProblem { field, problem });
            let fields: Vec<FieldProblem> = fields.collect();
            if fields.is_empty() { Problem::unprocessable(said) } else { Problem::invalid(fields) }
        }
        SettingError::NotBuilt(_) | SettingError::NothingToTry => Problem::unprocessable(said),
        SettingError::Unavailable(_) => Problem::unavailable(said),
    }
}

// === impl SettingBrief ===

impl SettingBrief {
    fn of_file(s: &Settings, kind: Kind, id: &str) -> SettingBrief {
        SettingBrief {
            origin: "file",
            in_force: true,
            aside: None,
            wrong: None,
            version: None,
            changed_at: None,
            changed_by: None,
            ..SettingBrief::in_force(s, kind, id)
        }
    }

    fn of(s: &Settings, kept: &Kept) -> SettingBrief {
        let why = s.aside(kept.kind, &kept.id);
        let bare = SettingBrief::in_force(s, kept.kind, &kept.id);
        SettingBrief {
            origin: "console",
            in_force: why.is_none(),
            aside: why.map(|why| match why {
                Why::InFile => "in_file",
                Why::Wrong(_) => "wrong",
                Why::Sealed => "sealed",
            }),
            wrong: match why {
                Some(Why::Wrong(problem)) => Some(problem.clone()),
                _ => None,
            },
            version: Some(kept.version),
            changed_at: Some(kept.changed_at),
            changed_by: Some(kept.changed_by.clone()),
            ..bare
        }
    }

    /// What is in force under this id.
    fn in_force(s: &Settings, kind: Kind, id: &str) -> SettingBrief {
        let service = s.config.services.iter().find(|s| kind == Kind::Service && s.id.as_str() == id);
        let channel = s.config.channels.iter().find(|c| kind == Kind::Channel && c.name == id);
        let template = s.config.templates.iter().find(|t| kind == Kind::Template && t.id == id);
        let checks = service.map_or(&[][..], |s| s.checks.as_slice());
        SettingBrief {
            id: id.to_owned(),
            origin: "",
            name: service.map(|s| s.name.clone()).or(template.map(|t| t.name.clone())),
            text: template.map(|t| t.text.clone()),
            status: template.and_then(|t| t.status).map(IncidentStatus::from),
            channel: channel.map(|c| c.spec.kind().to_owned()),
            checks: checks
                .iter()
                .filter_map(|c| c.as_str().split_once('/').map(|(_, slug)| slug.to_owned()))
                .collect(),
            in_force: true,
            aside: None,
            wrong: None,
            version: None,
            changed_at: None,
            changed_by: None,
        }
    }
}
