//! Everything at a glance, and how it stays current: the answer to a repeated question waits until there is something new.
//!
//! What works is not listed: a console knows the services by [`services`], and that those which are not named here work. So a
//! change among thousands of services is a small answer.

use super::{
    InWords, Scene, packed,
    shape::{IncidentBrief, MaintenanceBrief},
};
use crate::{caller::Viewer, extract::Asked, live::Since, problem::Problem, serve::App};
use axum::{extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};
use stillhere_model::{Lang, MaintenanceStatus, ServiceId, Status, Time};
use stillhere_net::clock;
use stillhere_tell::{Snapshot, page};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::super::view::StatusWord;

/// Longest wait of an answer, in seconds: below what the server itself gives a handler.
const MAX_WAIT_S: u64 = 25;
/// How often it is looked whether what we know has become too old; nobody tells us that.
const STALE_EVERY: Duration = Duration::from_secs(1);
/// Open incidents, and maintenances, in one answer.
const LIST_MAX: usize = 100;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Seen {
    #[param(value_type = Option<String>, example = "zh-CN")]
    lang: Option<Lang>,
    /// `seen` of the last answer.
    seen: Option<String>,
    /// `fresh` of the last answer.
    fresh: Option<bool>,
    /// `notes` of the last answer.
    notes: Option<u64>,
    /// 0 to 25 seconds, default 0: how long the answer may wait for something new.
    #[serde(default)]
    wait: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Overview {
    /// For the next question.
    seen: String,
    /// Of the server's clock.
    #[schema(value_type = String, format = DateTime)]
    now: Time,
    /// False: there is no fresh news; what is said is what was known before.
    fresh: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_look: Option<Time>,
    /// Another one: staff wrote something down about an incident, or took it out.
    notes: u64,
    /// `null`: as it was at `seen`.
    state: Option<Everything>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Everything {
    site: String,
    url: String,
    time_zone: String,
    /// Tags of the languages that the page has; the first is its default.
    languages: Vec<String>,
    /// What visitors read first.
    headline: String,
    #[schema(value_type = StatusWord)]
    worst: Status,
    /// What is wrong with Stillhere itself.
    own: Vec<String>,
    services: usize,
    /// Another one: services came, went or were renamed, and the list must be read again.
    layout: String,
    /// Every service that is not operational, the worst first.
    unwell: Vec<Unwell>,
    /// Open ones, newest first.
    incidents: Vec<IncidentBrief>,
    /// Under way, and to come.
    maintenances: Vec<MaintenanceBrief>,
}

/// A service that does not simply work.
#[derive(Serialize, ToSchema)]
pub(crate) struct Unwell {
    #[schema(value_type = String)]
    id: ServiceId,
    #[schema(value_type = StatusWord)]
    status: Status,
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    why: String,
    unstable: bool,
}

/// Everything at a glance
///
/// With `seen` and `wait` it waits until something is different.
#[utoipa::path(
    get, path = "/api/v1/console/overview", tag = "console", operation_id = "console_overview", security(("token" = [])), params(Seen),
    responses(
        (status = 200, body = Overview),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn overview(
    State(app): State<App>,
    _: Viewer,
    headers: HeaderMap,
    Asked(asked): Asked<Seen>,
) -> Result<Response, Problem> {
    if asked.wait > MAX_WAIT_S {
        return Err(Problem::unprocessable(format!("wait: 0 to {MAX_WAIT_S}")));
    }
    let seen = asked.seen.as_deref().and_then(|s| Since::parse(s.as_bytes()).0);
    let until = clock::mono() + Duration::from_secs(asked.wait);
    let mut snapshots = app.handle.watch_for_staff();
    let mut written = app.handle.watch_notes();
    let mut stop = app.handle.stopping();
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        let notes = *written.borrow_and_update();
        let fresh = !app.public.shown().stale;
        let known = seen.is_some_and(|s| (s.epoch, s.seq) == (snapshot.epoch, snapshot.seq));
        let news =
            !known || asked.fresh.is_some_and(|f| f != fresh) || asked.notes.is_some_and(|n| n != notes);
        let over = clock::mono() >= until || *stop.borrow();
        if news || over {
            let answer = Overview {
                seen: format!("{}-{}", snapshot.epoch, snapshot.seq),
                now: clock::wall(),
                fresh,
                last_look: snapshot.last_look,
                notes,
                state: (!known).then(|| everything(&Scene::of(snapshot, asked.lang), &app)),
            };
            return packed(&headers, &answer);
        }
        let wait = STALE_EVERY.min(until - clock::mono());
        tokio::select! {
            _ = timeout(wait, snapshots.changed()) => {}
            _ = written.changed() => {}
            () = crate::front::stopped(&mut stop) => {}
        }
    }
}

fn everything(scene: &Scene, app: &App) -> Everything {
    let s = scene.all.as_ref();
    let mut unwell: Vec<&_> =
        s.services.iter().filter(|v| v.verdict.status != Status::Operational).map(AsRef::as_ref).collect();
    unwell.sort_by_key(|v| std::cmp::Reverse(v.verdict.status.gravity()));
    // Of the public, because it is what visitors read.
    let public = app.handle.snapshot();
    Everything {
        site: scene.words.name(&s.site.name),
        url: s.site.url.clone(),
        time_zone: s.site.time_zone.clone(),
        languages: s.site.languages.iter().map(|l| l.tag().to_owned()).collect(),
        headline: page::headline_words(&public, scene.words.lang).0,
        worst: unwell.first().map_or(Status::Operational, |v| v.verdict.status),
        own: s.own.iter().map(|o| scene.words.own(o, s.made_at)).collect(),
        services: s.services.len(),
        layout: layout(s),
        unwell: unwell
            .into_iter()
            .map(|v| Unwell {
                id: v.id.clone(),
                status: v.verdict.status,
                since: v.verdict.since,
                why: scene.why(v),
                unstable: v.verdict.unstable,
            })
            .collect(),
        incidents: s.incidents.iter().take(LIST_MAX).map(|i| scene.incident(i)).collect(),
        maintenances: s
            .maintenances
            .iter()
            .filter(|m| m.status.is_active() || m.status == MaintenanceStatus::Scheduled)
            .take(LIST_MAX)
            .map(|m| scene.maintenance(m))
            .collect(),
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Roll {
    /// As in the overview.
    layout: String,
    /// In the order of the configuration.
    services: Vec<RollCall>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RollCall {
    #[schema(value_type = String)]
    id: ServiceId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
}

/// The names of all services
#[utoipa::path(
    get, path = "/api/v1/console/services", tag = "console", operation_id = "console_services", security(("token" = [])), params(InWords),
    responses((status = 200, body = Roll), (status = 401, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn services(
    State(app): State<App>,
    _: Viewer,
    headers: HeaderMap,
    Asked(asked): Asked<InWords>,
) -> Result<Response, Problem> {
    let scene = Scene::now(&app, asked.lang);
    let services = scene.all.services.iter().map(|s| RollCall {
        id: s.id.clone(),
        name: scene.words.name(&s.name),
        group: s.group.as_ref().map(|g| scene.words.name(g)),
    });
    packed(&headers, &Roll { layout: layout(&scene.all), services: services.collect() })
}

/// Tells one list of services from another, in this process.
fn layout(s: &Snapshot) -> String {
    let mut hasher = DefaultHasher::new();
    for service in &s.services {
        service.id.as_str().hash(&mut hasher);
        for part in service.name.parts().chain(service.group.iter().flat_map(|g| g.parts())) {
            part.hash(&mut hasher);
        }
    }
    format!("{:016x}", hasher.finish())
}
