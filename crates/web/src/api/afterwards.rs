//! After an incident: the draft of its post-mortem, and what is done so that it does not happen again.

use super::{
    incidents::{carried_out, no_incident, parse},
    limits::{Fields, MAX_TITLE_CHARS, OnceHeader},
    view::{IncidentOut, Words},
};
use crate::{
    caller::{Responder, Viewer},
    extract::{Asked, Keyed},
    problem::Problem,
    serve::App,
};
use axum::{
    Json as Answer,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use stillhere_model::{Command, Lang, PreventionId, Text, Time};
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Form {
    /// `json` (default): everything as data, and `markdown` in each language. `markdown`: the text alone.
    format: Option<String>,
    /// The language of the text; default: the site's first.
    lang: Option<String>,
}

/// The draft of a post-mortem, filled from the record
///
/// Made anew each time. What only people know is marked as a blank; a text with a blank in it is not published. To publish it,
/// send it as an update with the status `postmortem`.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/postmortem", tag = "staff", operation_id = "postmortem", security(("token" = [])),
    params(("id" = String, Path), Form),
    responses(
        (status = 200, body = Object, description = "Timeline, numbers, promises, estimates, items, and `markdown` by language"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn postmortem(
    State(app): State<App>,
    _: Viewer,
    Path(id): Path<String>,
    Asked(form): Asked<Form>,
) -> Result<Response, Problem> {
    let draft = app.handle.postmortem(parse(&id)?).await.map_err(Problem::unavailable)?;
    let draft = draft.ok_or_else(|| no_incident(&id))?;
    match form.format.as_deref() {
        None | Some("json") => Ok(Answer(draft).into_response()),
        Some("markdown") => {
            let wanted: Option<Lang> = form.lang.as_deref().and_then(|l| l.parse().ok());
            let first = app.public.shown().snapshot.site.languages.first().copied();
            let text =
                wanted.or(first).and_then(|l| draft.markdown.get(&l)).or(draft.markdown.values().next());
            let text = text.cloned().unwrap_or_default();
            Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response())
        }
        Some(_) => Err(Problem::unprocessable("format: json or markdown")),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preventing {
    #[schema(value_type = Words)]
    what: Text,
    /// Who does it.
    owner: String,
    #[schema(value_type = String, format = DateTime)]
    due: Time,
    /// Visitors read it, and whether it was done by its day; never who does it. Default false.
    #[serde(default)]
    public: bool,
}

/// Note something to do so that it does not happen again
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/preventions", tag = "write", operation_id = "add_prevention", security(("token" = [])),
    params(("id" = String, Path), OnceHeader), request_body = Preventing,
    responses(
        (status = 200, body = IncidentOut),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn add(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Keyed(p, once): Keyed<Preventing>,
) -> Result<Answer<IncidentOut>, Problem> {
    carried_out(&app, &caller, once, p.command(&id)?).await
}

/// What is left out stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changing {
    #[schema(value_type = String)]
    prevention: Option<PreventionId>,
    owner: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    due: Option<Time>,
    public: Option<bool>,
    /// `true`: it is done, as of now. `false`: it is not, after all.
    done: Option<bool>,
    /// `true`: it will not be done; it stays on the record, and counts as not done. `false`: it will, after all.
    dropped: Option<bool>,
}

/// Say that an item is done or dropped, or change its day, its owner, or who may read it
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/preventions/change", tag = "write", operation_id = "change_prevention", security(("token" = [])),
    params(("id" = String, Path), OnceHeader), request_body = Changing,
    responses(
        (status = 200, body = IncidentOut),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Keyed(c, once): Keyed<Changing>,
) -> Result<Answer<IncidentOut>, Problem> {
    carried_out(&app, &caller, once, c.command(&id)?).await
}

// === impl Preventing, Changing ===

impl Preventing {
    pub(super) fn command(self, id: &str) -> Result<Command, Problem> {
        let incident = parse(id)?;
        Fields::default().text("what", &self.what, MAX_TITLE_CHARS).check()?;
        let Preventing { what, owner, due, public } = self;
        Ok(Command::AddPrevention { incident, what, owner, due, public })
    }
}

impl Changing {
    pub(super) fn command(self, id: &str) -> Result<Command, Problem> {
        let incident = parse(id)?;
        let prevention =
            self.prevention.ok_or_else(|| Problem::unprocessable("prevention: the id of the item"))?;
        let Changing { owner, due, public, done, dropped, .. } = self;
        Ok(Command::ChangePrevention { incident, prevention, owner, due, public, done, dropped })
    }
}
