//! The journal for a reader: newest first, in words where there are some, and only what is about one service, incident or person.
//!
//! Deliveries name a channel and no incident, so they are not among what is about an incident.

use super::{Scene, packed};
use crate::{caller::Viewer, extract::Asked, problem::Problem, serve::App};
use axum::{extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use stillhere_model::{
    Act, Author, Command, IncidentId, Lang, MaintenanceId, ServiceId, Status, Time, Verdict, journal::Entry,
    person::name_key,
};
use stillhere_store::JournalRow;
use stillhere_tell::clean;
use utoipa::{IntoParams, ToSchema};

use super::super::view::StatusWord;

/// Entries in one answer.
const MAX_ENTRIES: u32 = 200;
const ENTRIES: u32 = 50;
/// Services named by one entry.
const NAMED_MAX: usize = 12;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Sought {
    #[param(value_type = Option<String>, example = "zh-CN")]
    lang: Option<Lang>,
    /// Only entries before this one. For the next page: `next` of this one.
    before: Option<u64>,
    /// Only what names this service.
    #[param(value_type = Option<String>)]
    service: Option<ServiceId>,
    /// Only what names this incident.
    #[param(value_type = Option<String>)]
    incident: Option<IncidentId>,
    /// Only what this person did, or what was done about them. `token <name>` and `local` are persons, too.
    person: Option<String>,
    /// Only what somebody did.
    #[serde(default)]
    people: bool,
    /// 1 to 200, default 50.
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct JournalPage {
    /// Newest first.
    entries: Vec<Line>,
    /// `before` of the next page. `null`: there is nothing older.
    next: Option<u64>,
    /// As far back as was looked, where that is not the beginning: at most 5,000 entries for one answer.
    #[schema(value_type = Option<String>, format = DateTime)]
    looked_to: Option<Time>,
}

/// One entry. What it has nothing of is left out.
#[derive(Serialize, ToSchema)]
pub(crate) struct Line {
    seq: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// As in `/api/v1/journal`; of what somebody did `act-…` or `command-…`.
    kind: String,
    /// Who did it: a person, `token <name>`, or `local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// The address it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// Whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    /// At most 12.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    services: Vec<About>,
    #[serde(skip_serializing_if = "is_zero")]
    services_more: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<About>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maintenance: Option<About>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StatusWord>)]
    status: Option<Status>,
    /// The time that it is about: what a promise is due at, an estimate says, something lasts until.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    time: Option<Time>,
    /// What it is called: a channel, a token, a passkey, a network, a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    /// What was said, or why.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// What an entry names, by its id.
#[derive(Serialize, ToSchema)]
pub(crate) struct About {
    id: String,
    /// As it is called now; its id where it is there no more.
    name: String,
}

/// What an entry is about, before it is put into words.
#[derive(Default)]
struct Facts<'a> {
    by: Option<&'a str>,
    from: Option<&'a str>,
    person: Option<&'a str>,
    services: Vec<&'a ServiceId>,
    incident: Option<IncidentId>,
    maintenance: Option<MaintenanceId>,
    status: Option<Status>,
    time: Option<Time>,
    name: Option<&'a str>,
    n: Option<u64>,
    text: Option<&'a str>,
}

/// The journal, newest first
#[utoipa::path(
    get, path = "/api/v1/console/journal", tag = "console", operation_id = "console_journal", security(("token" = [])), params(Sought),
    responses(
        (status = 200, body = JournalPage),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn journal(
    State(app): State<App>,
    _: Viewer,
    headers: HeaderMap,
    Asked(asked): Asked<Sought>,
) -> Result<Response, Problem> {
    let limit = asked.limit.unwrap_or(ENTRIES);
    if !(1..=MAX_ENTRIES).contains(&limit) {
        return Err(Problem::unprocessable(format!("limit: 1 to {MAX_ENTRIES}")));
    }
    let store = app.handle.store();
    let person = asked.person.as_deref().map(|p| name_key(p.trim()));
    let fits = |entry: &Entry| Facts::of(entry).fit(&asked, person.as_deref());
    let found = store.journal_back(asked.before, limit as usize, fits).await?;
    let scene = Scene::now(&app, asked.lang);
    let mut titles = HashMap::new();
    for id in found.rows.iter().filter_map(|r| Facts::of(&r.entry).incident) {
        if !titles.contains_key(&id)
            && let Some(incident) = store.incident(id).await?
        {
            titles.insert(id, scene.words.title(&incident, &scene.all));
        }
    }
    let mut works = HashMap::new();
    for id in found.rows.iter().filter_map(|r| Facts::of(&r.entry).maintenance) {
        if !works.contains_key(&id)
            && let Some(work) = store.maintenance(id).await?
        {
            works.insert(id, scene.words.name(&work.title));
        }
    }
    let about = |id: String, name: Option<String>| About { name: name.unwrap_or_else(|| id.clone()), id };
    let line = |row: &JournalRow| {
        let f = Facts::of(&row.entry);
        let text = scene.text(&row.entry).or_else(|| f.text.map(|t| clean::block(t, clean::WHOLE_CHARS)));
        Line {
            seq: row.seq,
            at: row.at,
            kind: kind(&row.entry),
            by: f.by.map(str::to_owned),
            from: f.from.map(str::to_owned),
            person: f.person.map(str::to_owned),
            services: f
                .services
                .iter()
                .take(NAMED_MAX)
                .map(|s| about(s.to_string(), Some(scene.name(s))))
                .collect(),
            services_more: f.services.len().saturating_sub(NAMED_MAX),
            incident: f.incident.map(|id| about(id.0.to_string(), titles.get(&id).cloned())),
            maintenance: f.maintenance.map(|id| about(id.0.to_string(), works.get(&id).cloned())),
            status: f.status,
            time: f.time,
            name: f.name.map(str::to_owned),
            n: f.n,
            text: text.filter(|t| !t.is_empty()),
        }
    };
    packed(
        &headers,
        &JournalPage {
            entries: found.rows.iter().map(line).collect(),
            next: found.looked_to.map(|(seq, _)| seq),
            looked_to: found.looked_to.map(|(_, at)| at),
        },
    )
}

/// The names that are in the journal itself, so that there is one list of them.
fn kind(entry: &Entry) -> String {
    let json = serde_json::to_value(entry).unwrap_or_default();
    let tag = |v: &Value, name: &str| v[name].as_str().unwrap_or_default().to_owned();
    match entry {
        Entry::Acted { .. } => format!("act-{}", tag(&json["act"], "act")),
        Entry::Commanded { .. } => format!("command-{}", tag(&json["command"], "command")),
        _ => tag(&json, "entry"),
    }
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

// === impl Scene ===

impl Scene {
    /// What has its words already, in the page's own.
    fn text(&self, entry: &Entry) -> Option<String> {
        match entry {
            Entry::IncidentSaid { update, .. } => {
                Some(self.words.said(&update.said, &self.all, clean::WHOLE_CHARS))
            }
            Entry::Verdict { service, now, since, reason, .. } => {
                let verdict = Verdict {
                    service: service.clone(),
                    status: *now,
                    since: *since,
                    reason: reason.clone(),
                    checks: Vec::new(),
                    unstable: false,
                    maintenance: None,
                };
                Some(self.words.reason(&verdict, &self.all))
            }
            Entry::PreventionChanged { prevention, .. } => Some(self.words.name(&prevention.what)),
            _ => None,
        }
    }
}

// === impl Facts ===

impl<'a> Facts<'a> {
    fn fit(&self, sought: &Sought, person: Option<&str>) -> bool {
        let is = |name: Option<&str>| name.is_some_and(|n| Some(name_key(n).as_str()) == person);
        sought.service.as_ref().is_none_or(|s| self.services.contains(&s))
            && sought.incident.is_none_or(|i| self.incident == Some(i))
            && (person.is_none() || is(self.by) || is(self.person))
            && (!sought.people || self.by.is_some())
    }

    fn incident(id: IncidentId) -> Facts<'a> {
        Facts { incident: Some(id), ..Facts::default() }
    }

    fn of(entry: &'a Entry) -> Facts<'a> {
        let none = Facts::default;
        match entry {
            Entry::Stopped => none(),
            Entry::Started { version } => Facts { name: Some(version), ..none() },
            Entry::Gap { until, .. } => Facts { time: Some(*until), ..none() },
            Entry::ClockJumped { by_ms } => Facts { n: Some(by_ms.unsigned_abs()), ..none() },
            Entry::ConfigApplied { summary } => Facts { text: Some(summary), ..none() },
            Entry::ConfigRefused { error } => Facts { text: Some(error), ..none() },
            Entry::Verdict { service, now, .. } => {
                Facts { services: vec![service], status: Some(*now), ..none() }
            }
            Entry::IncidentOpened { incident, services, why } => {
                Facts { services: services.iter().collect(), text: Some(why), ..Facts::incident(*incident) }
            }
            Entry::IncidentJoined { incident, service, why } => {
                Facts { services: vec![service], text: Some(why), ..Facts::incident(*incident) }
            }
            Entry::IncidentReopened { incident, service } => {
                Facts { services: vec![service], ..Facts::incident(*incident) }
            }
            Entry::IncidentSaid { incident, update } => Facts {
                by: author(&update.by),
                services: update.changed.iter().map(|(s, _, _)| s).collect(),
                ..Facts::incident(*incident)
            },
            Entry::IncidentResolved { incident } => Facts::incident(*incident),
            Entry::Amended { amendment: a } => {
                Facts { services: vec![&a.service], status: Some(a.status), ..Facts::incident(a.incident) }
            }
            Entry::PromiseMade { incident, promise }
            | Entry::PromiseKept { incident, promise }
            | Entry::PromiseMissed { incident, promise }
            | Entry::PromiseWithdrawn { incident, promise } => {
                Facts { time: Some(promise.due), ..Facts::incident(*incident) }
            }
            Entry::Nagged { incident, due, nth } => {
                Facts { time: Some(*due), n: Some((*nth).into()), ..Facts::incident(*incident) }
            }
            Entry::Acknowledged { incident, acknowledgement } => {
                Facts { by: author(&acknowledgement.by), ..Facts::incident(*incident) }
            }
            Entry::CalledAgain { incident, nth } => {
                Facts { n: Some((*nth).into()), ..Facts::incident(*incident) }
            }
            Entry::EtaShown { incident, eta, why } => {
                Facts { time: eta.by, text: Some(why), ..Facts::incident(*incident) }
            }
            Entry::EtaPassed { incident, by } => Facts { time: Some(*by), ..Facts::incident(*incident) },
            Entry::MaintenanceChanged { maintenance, status } => {
                Facts { maintenance: Some(*maintenance), name: Some(status), ..none() }
            }
            Entry::Commanded { by, from, command } => {
                Facts { by: Some(by), from: from.as_deref(), ..Facts::commanded(command) }
            }
            Entry::Acted { by, from, act } => {
                Facts { by: Some(by), from: from.as_deref(), ..Facts::acted(act) }
            }
            Entry::Uplink { up } => Facts { n: Some((*up).into()), ..none() },
            Entry::FellBehind { looks } => Facts { n: Some(*looks), ..none() },
            Entry::Queued { channel, .. } | Entry::SentAgain { channel, .. } => {
                Facts { name: Some(channel), ..none() }
            }
            Entry::Delivered { channel, attempts, .. } => {
                Facts { name: Some(channel), n: Some((*attempts).into()), ..none() }
            }
            Entry::DeadLettered { channel, reason, .. } => {
                Facts { name: Some(channel), text: Some(reason), ..none() }
            }
            Entry::PreventionChanged { incident, prevention } => Facts {
                person: Some(&prevention.owner),
                time: Some(prevention.due),
                ..Facts::incident(*incident)
            },
            Entry::LinksRevoked { incident, links } => {
                Facts { incident: *incident, n: Some(*links), ..none() }
            }
            Entry::SubscriberJoined { way, .. } => Facts { name: Some(way.as_str()), ..none() },
            Entry::SubscriberChanged { .. } => none(),
            Entry::SubscriberSilenced { why, .. } => Facts { text: why.as_deref(), ..none() },
            Entry::SubscriberLeft { why, .. } => Facts { text: Some(why), ..none() },
            Entry::SubscriberExported { by, .. } => Facts { by: Some(by), ..none() },
            Entry::NewsWritten { .. } => none(),
            Entry::NewsTold { way, delivered, .. } => {
                Facts { name: Some(way.as_str()), n: Some(*delivered), ..none() }
            }
            Entry::TokenMade { name } | Entry::TokenRevoked { name } => Facts { name: Some(name), ..none() },
            Entry::Restored { epoch } => Facts { n: Some(*epoch), ..none() },
        }
    }

    fn commanded(command: &'a Command) -> Facts<'a> {
        let ids = |services: &'a [(ServiceId, Status)]| services.iter().map(|(s, _)| s).collect();
        let work = |id: &MaintenanceId| Facts { maintenance: Some(*id), ..Facts::default() };
        match command {
            Command::OpenIncident { services, .. } => Facts { services: ids(services), ..Facts::default() },
            Command::UpdateIncident { incident, services, .. } => {
                Facts { services: ids(services), ..Facts::incident(*incident) }
            }
            Command::EstimateIncident { incident, by } => Facts { time: *by, ..Facts::incident(*incident) },
            Command::AddPrevention { incident, owner, due, .. } => {
                Facts { person: Some(owner), time: Some(*due), ..Facts::incident(*incident) }
            }
            Command::ResolveIncident { incident, .. }
            | Command::AcknowledgeIncident { incident }
            | Command::ChangePrevention { incident, .. }
            | Command::CorrectIncident { incident, .. } => Facts::incident(*incident),
            Command::ScheduleMaintenance { services, starts_at, .. } => {
                Facts { services: services.iter().collect(), time: Some(*starts_at), ..Facts::default() }
            }
            Command::UpdateMaintenance { maintenance, ends_at, .. } => {
                Facts { time: *ends_at, ..work(maintenance) }
            }
            Command::CompleteMaintenance { maintenance, .. }
            | Command::CancelMaintenance { maintenance, .. } => work(maintenance),
        }
    }

    fn acted(act: &'a Act) -> Facts<'a> {
        let of = |person: &'a str| Facts { person: Some(person), ..Facts::default() };
        match act {
            Act::LoggedIn { .. } | Act::LoggedOut { .. } | Act::Revived { .. } => Facts::default(),
            Act::LogInsRefused { person, tries } => Facts { n: Some((*tries).into()), ..of(person) },
            Act::SessionsEnded { person, sessions, why } => {
                Facts { n: Some((*sessions).into()), text: Some(why), ..of(person) }
            }
            Act::PersonAdded { person, role, .. } | Act::PersonChanged { person, role, .. } => {
                Facts { name: Some(role.as_str()), ..of(person) }
            }
            Act::PersonReset { person }
            | Act::PersonRemoved { person }
            | Act::PasswordChosen { person }
            | Act::TotpOn { person }
            | Act::TotpOff { person } => of(person),
            Act::ProviderBound { person, issuer, .. } => Facts { name: Some(issuer), ..of(person) },
            Act::PasskeyKept { person, passkey } | Act::PasskeyForgotten { person, passkey } => {
                Facts { name: Some(passkey), ..of(person) }
            }
            Act::BrowserAdded { person, browser } | Act::BrowserRemoved { person, browser } => {
                Facts { name: Some(browser), ..of(person) }
            }
            Act::RecoveryCodeUsed { person, left } => Facts { n: Some((*left).into()), ..of(person) },
            Act::TokenMade { token, expires_at, .. } => {
                Facts { name: Some(token), time: *expires_at, ..Facts::default() }
            }
            Act::TokenRevoked { token } => Facts { name: Some(token), ..Facts::default() },
            Act::NoteWritten { incident, .. } | Act::NoteTakenOut { incident, .. } => {
                Facts::incident(*incident)
            }
            Act::SettingMade { id, .. } | Act::SettingChanged { id, .. } | Act::SettingRemoved { id, .. } => {
                Facts { name: Some(id), ..Facts::default() }
            }
            Act::SettingTried { target, .. } => Facts { name: Some(target), ..Facts::default() },
            Act::Reloaded { summary } => Facts { text: Some(summary), ..Facts::default() },
            Act::RequestsPaused { service, until } => {
                Facts { name: Some(service), time: Some(*until), ..Facts::default() }
            }
            Act::RequestsResumed { service } => Facts { name: Some(service), ..Facts::default() },
            Act::Banned { network, until, why } => {
                Facts { name: Some(network), time: Some(*until), text: Some(why), ..Facts::default() }
            }
            Act::Unbanned { network } => Facts { name: Some(network), ..Facts::default() },
        }
    }
}

/// Who said it; nobody where it was made from what was seen.
fn author(by: &Author) -> Option<&str> {
    match by {
        Author::Automatic => None,
        Author::Person(name) => Some(name),
    }
}
