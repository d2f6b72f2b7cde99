//! After an incident, for the console: the post-mortem as visitors would read it, to be filled in, and what is still to be done.

use super::{InWords, Scene, packed};
use crate::{caller::Viewer, extract::Asked, problem::Problem, serve::App};
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use serde::Serialize;
use std::collections::BTreeMap;
use stillhere_model::{Incident, IncidentId, IncidentStatus, Prevention, PreventionId, Time};
use stillhere_tell::{postmortem, words::Words};
use utoipa::ToSchema;

use super::super::{
    incidents::{no_incident, parse},
    view::IncidentWord,
};

/// Incidents with something left to do, in one answer; each has 20 items at most.
const MAX_LIST: u32 = 200;

#[derive(Serialize, ToSchema)]
pub(crate) struct PostmortemDraft {
    /// As visitors read it.
    title: String,
    #[schema(value_type = IncidentWord)]
    status: IncidentStatus,
    /// It is over: before that nothing is published as a post-mortem.
    complete: bool,
    /// By tag of the language, in those that the page has; the same parts in the same order in each.
    languages: BTreeMap<&'static str, Vec<PartOut>>,
    /// Oldest first.
    preventions: Vec<PreventionBrief>,
}

/// One part of a post-mortem: plain text, without the names of people and of what visitors do not see.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartOut {
    /// The same in each language.
    #[schema(value_type = String)]
    key: &'static str,
    head: String,
    /// What only people know. `null`: the record knows all of it.
    ask: Option<String>,
    /// What the record knows, in lines.
    facts: String,
}

/// Something that is done so that an incident does not happen again.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreventionBrief {
    #[schema(value_type = String)]
    id: PreventionId,
    #[schema(value_type = String)]
    incident: IncidentId,
    /// Of the incident, as visitors read it.
    title: String,
    what: String,
    owner: String,
    #[schema(value_type = String, format = DateTime)]
    due: Time,
    /// Visitors read it, but not who does it.
    public: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    done_at: Option<Time>,
    /// It will not be done.
    #[schema(value_type = Option<String>, format = DateTime)]
    dropped_at: Option<Time>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PreventionList {
    /// Neither done nor dropped, what is due first first. Of the 200 newest incidents that have any.
    preventions: Vec<PreventionBrief>,
}

/// The post-mortem in parts, to be filled in
#[utoipa::path(
    get, path = "/api/v1/console/incidents/{id}/postmortem", tag = "console", operation_id = "console_postmortem", security(("token" = [])),
    params(("id" = String, Path), InWords),
    responses(
        (status = 200, body = PostmortemDraft),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn postmortem(
    State(app): State<App>,
    _: Viewer,
    headers: HeaderMap,
    Path(id): Path<String>,
    Asked(asked): Asked<InWords>,
) -> Result<Response, Problem> {
    let incident = app.handle.store().incident(parse(&id)?).await?.ok_or_else(|| no_incident(&id))?;
    let seen = app.handle.snapshot();
    let scene = Scene::now(&app, asked.lang);
    let lang = |l: &_| {
        let parts = postmortem::parts(&incident, &seen, *l).into_iter().map(PartOut::from).collect();
        (stillhere_model::Lang::tag(*l), parts)
    };
    let draft = PostmortemDraft {
        title: Words::new(scene.words.lang, &seen.site.time_zone).title(&incident, &seen),
        status: incident.status,
        complete: !incident.status.is_open(),
        languages: seen.site.languages.iter().map(lang).collect(),
        preventions: scene.preventions(&incident),
    };
    packed(&headers, &draft)
}

/// What is still to be done so that incidents do not happen again
#[utoipa::path(
    get, path = "/api/v1/console/preventions", tag = "console", operation_id = "console_preventions", security(("token" = [])), params(InWords),
    responses(
        (status = 200, body = PreventionList),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn preventions(
    State(app): State<App>,
    _: Viewer,
    headers: HeaderMap,
    Asked(asked): Asked<InWords>,
) -> Result<Response, Problem> {
    let incidents = app.handle.store().incidents_with_work(MAX_LIST).await?;
    let scene = Scene::now(&app, asked.lang);
    let mut all: Vec<_> = incidents.iter().flat_map(|i| scene.preventions(i)).collect();
    all.retain(|p| p.done_at.is_none() && p.dropped_at.is_none());
    all.sort_by_key(|p| p.due);
    packed(&headers, &PreventionList { preventions: all })
}

// === impl Scene ===

impl Scene {
    pub(super) fn preventions(&self, i: &Incident) -> Vec<PreventionBrief> {
        let title = self.words.title(i, &self.all);
        let one = |p: &Prevention| PreventionBrief {
            id: p.id,
            incident: i.id,
            title: title.clone(),
            what: self.words.name(&p.what),
            owner: p.owner.clone(),
            due: p.due,
            public: p.public,
            done_at: p.done_at,
            dropped_at: p.dropped_at,
        };
        i.preventions.iter().map(one).collect()
    }
}

// === impl PartOut ===

impl From<postmortem::Part> for PartOut {
    fn from(p: postmortem::Part) -> PartOut {
        PartOut { key: p.key, head: p.head, ask: p.ask, facts: p.facts }
    }
}
