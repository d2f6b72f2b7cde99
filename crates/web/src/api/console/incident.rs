//! Incidents as whoever is in charge of them reads them: what was said, by whom, what is promised, and the evidence.

use super::{
    InWords, Scene,
    afterwards::PreventionBrief,
    packed,
    shape::{Due, Evidence, IncidentBrief, person},
};
use crate::{caller::Viewer, extract::Asked, problem::Problem, serve::App};
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use serde::{Deserialize, Serialize};
use stillhere_model::{
    Basis, Eta, Impact, Incident, IncidentId, IncidentStatus, Lang, Said, ServiceId, Status, Text, Time,
    Update, UpdateId,
};
use stillhere_store::Note;
use stillhere_tell::{clean, words::corrected};
use utoipa::{IntoParams, ToSchema};

use super::super::{
    incidents::{no_incident, parse},
    notes::NoteOut,
    view::{ImpactWord, IncidentWord, StatusWord, Words},
};

/// Incidents in one answer.
const MAX_LIST: u32 = 100;
/// Affected services with their evidence; the rest is on the page of each.
const AFFECTED_MAX: usize = 50;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listed {
    #[param(value_type = Option<String>, example = "zh-CN")]
    lang: Option<Lang>,
    /// Only those opened before this one. For the next page: the last id of this one.
    #[param(value_type = Option<String>)]
    before: Option<IncidentId>,
    /// 1 to 100, default 50.
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct IncidentList {
    /// Newest first.
    incidents: Vec<IncidentBrief>,
}

/// Open and past incidents, in words
#[utoipa::path(
    get, path = "/api/v1/console/incidents", tag = "console", operation_id = "console_incidents", security(("token" = [])), params(Listed),
    responses(
        (status = 200, body = IncidentList),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn incidents(
    State(app): State<App>,
    _: Viewer,
    headers: HeaderMap,
    Asked(asked): Asked<Listed>,
) -> Result<Response, Problem> {
    let limit = asked.limit.unwrap_or(50);
    if !(1..=MAX_LIST).contains(&limit) {
        return Err(Problem::unprocessable(format!("limit: 1 to {MAX_LIST}")));
    }
    let rows = app.handle.store().incidents(asked.before, limit).await?;
    let scene = Scene::now(&app, asked.lang);
    packed(&headers, &IncidentList { incidents: rows.iter().map(|i| scene.incident(i)).collect() })
}

#[derive(Serialize, ToSchema)]
pub(crate) struct IncidentPage {
    #[schema(value_type = String)]
    id: IncidentId,
    title: String,
    /// The title that a person gave, in all its languages.
    #[schema(value_type = Option<Words>)]
    titles: Option<Text>,
    #[schema(value_type = ImpactWord)]
    impact: Impact,
    #[schema(value_type = IncidentWord)]
    status: IncidentStatus,
    #[schema(value_type = String, format = DateTime)]
    started_at: Time,
    #[schema(value_type = String, format = DateTime)]
    opened_at: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    resolved_at: Option<Time>,
    /// Whether visitors see it.
    public: bool,
    by_hand: bool,
    unstable: bool,
    /// Who has it. `null`: nobody has taken it on since it was last opened.
    taken_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    taken_at: Option<Time>,
    /// At most 50, with the evidence of now.
    affected: Vec<Hit>,
    affected_more: usize,
    /// Where it started, as far as dependencies tell.
    origin: Option<String>,
    /// Newest first.
    updates: Vec<SaidOut>,
    /// What staff wrote down for each other, oldest first.
    notes: Vec<NoteOut>,
    /// Oldest first.
    promises: Vec<Due>,
    eta: Option<Given>,
    /// All that were given, oldest first.
    etas: Vec<Given>,
    /// What is done so that it does not happen again, oldest first.
    preventions: Vec<PreventionBrief>,
}

/// A service that it touches.
#[derive(Serialize, ToSchema)]
pub(crate) struct Hit {
    #[schema(value_type = String)]
    id: ServiceId,
    name: String,
    #[schema(value_type = StatusWord)]
    now: Status,
    #[schema(value_type = StatusWord)]
    worst: Status,
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    /// Said by a person rather than seen by a check.
    declared: bool,
    /// Why its status is what it is now. `null`: the configuration has it no more.
    why: Option<String>,
    checks: Vec<Evidence>,
}

/// One thing that was said.
#[derive(Serialize, ToSchema)]
pub(crate) struct SaidOut {
    #[schema(value_type = String)]
    id: UpdateId,
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    #[schema(value_type = IncidentWord)]
    status: IncidentStatus,
    /// In force.
    text: String,
    /// What stood there before it was corrected.
    before: Option<String>,
    /// A person's words in all their languages: what a correction starts from.
    #[schema(value_type = Option<Words>)]
    words: Option<Text>,
    /// Who said it; `null`: made from what was seen.
    by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    next_update_by: Option<Time>,
}

/// A time by which it was said to be over.
#[derive(Serialize, ToSchema)]
pub(crate) struct Given {
    #[schema(value_type = String, format = DateTime)]
    shown_at: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    by: Option<Time>,
    /// Who gave it; `null`: computed.
    person: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    passed_at: Option<Time>,
}

/// One incident, in words
#[utoipa::path(
    get, path = "/api/v1/console/incidents/{id}", tag = "console", operation_id = "console_incident", security(("token" = [])),
    params(("id" = String, Path), InWords),
    responses(
        (status = 200, body = IncidentPage),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn incident(
    State(app): State<App>,
    _: Viewer,
    headers: HeaderMap,
    Path(id): Path<String>,
    Asked(asked): Asked<InWords>,
) -> Result<Response, Problem> {
    let known = parse(&id)?;
    let incident = app.handle.store().incident(known).await?.ok_or_else(|| no_incident(&id))?;
    let public = crate::pages::is_public(&incident, &app.handle.snapshot());
    let scene = Scene::now(&app, asked.lang);
    let notes = app.handle.store().notes(known).await?;
    packed(&headers, &scene.incident_page(&incident, public, &notes))
}

// === impl Scene ===

impl Scene {
    fn incident_page(&self, i: &Incident, public: bool, notes: &[Note]) -> IncidentPage {
        IncidentPage {
            id: i.id,
            title: self.words.title(i, &self.all),
            titles: i.title.clone(),
            impact: i.impact,
            status: i.status,
            started_at: i.started_at,
            opened_at: i.opened_at,
            resolved_at: i.resolved_at,
            public,
            by_hand: i.by_hand,
            unstable: i.status.is_open() && i.unstable,
            taken_by: i.acknowledged().and_then(|a| person(&a.by)),
            taken_at: i.acknowledged().map(|a| a.at),
            affected: i.affected.iter().take(AFFECTED_MAX).map(|a| self.hit(a)).collect(),
            affected_more: i.affected.len().saturating_sub(AFFECTED_MAX),
            origin: i.origin.as_ref().map(|o| self.name(o)),
            updates: i.updates.iter().rev().map(|u| self.said_out(u, i)).collect(),
            notes: notes.iter().map(NoteOut::from).collect(),
            promises: i.promises.iter().map(Due::from).collect(),
            eta: i.eta().map(Given::from),
            etas: i.etas.iter().map(Given::from).collect(),
            preventions: self.preventions(i),
        }
    }

    fn hit(&self, a: &stillhere_model::Affected) -> Hit {
        let view = self.all.service(&a.service);
        Hit {
            id: a.service.clone(),
            name: self.name(&a.service),
            now: a.now,
            worst: a.worst,
            since: a.since,
            until: a.until,
            declared: a.declared,
            why: view.map(|v| self.why(v)),
            checks: view.iter().flat_map(|v| &v.verdict.checks).map(|c| self.evidence(c)).collect(),
        }
    }

    fn said_out(&self, u: &Update, i: &Incident) -> SaidOut {
        let said = self.words.said(&u.said, &self.all, clean::WHOLE_CHARS);
        let now = corrected(i, &u.id);
        let (text, before) = match now {
            Some(now) => (clean::block(now.get(self.words.lang), clean::WHOLE_CHARS), Some(said)),
            None => (said, None),
        };
        let words = match &u.said {
            Said::Text { text } => Some(now.unwrap_or(text).clone()),
            _ => None,
        };
        let by = person(&u.by);
        SaidOut {
            id: u.id,
            at: u.at,
            status: u.status,
            text,
            before,
            words,
            by,
            next_update_by: u.next_update_by,
        }
    }
}

// === impl Given ===

impl From<&Eta> for Given {
    fn from(e: &Eta) -> Given {
        let person = match &e.basis {
            Basis::Person { name } => Some(name.clone()),
            Basis::Record { .. } => None,
        };
        Given { shown_at: e.shown_at, by: e.by, person, passed_at: e.passed_at }
    }
}
