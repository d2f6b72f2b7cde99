//! What the API shows, as types. Cut from the same snapshot as the page.

use serde::Serialize;
use std::collections::BTreeMap;
use stillhere_model::{
    Acknowledgement, Affected, Author, Basis, CheckView, Eta, EtaRecord, Finding, Impact, Incident,
    IncidentId, IncidentStatus, Maintenance, MaintenanceId, MaintenanceStatus, Outcome, Prevention,
    PreventionId, Promise, Reason, Said, ServiceId, Status, Text, Time, Update, UpdateId,
};
use stillhere_tell::{Day, Headline, LatencyPoint, OwnTrouble, ServiceView, Snapshot};
use utoipa::ToSchema;

/// A text for all languages, or one per language: `{"en": "…", "zh-CN": "…"}`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes model::Text in the schema")]
pub(crate) enum Words {
    Same(String),
    Each(BTreeMap<String, String>),
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes model::Status in the schema")]
pub(crate) enum StatusWord {
    Operational,
    UnderMaintenance,
    Unknown,
    DegradedPerformance,
    PartialOutage,
    MajorOutage,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes model::IncidentStatus in the schema")]
pub(crate) enum IncidentWord {
    Investigating,
    Identified,
    Monitoring,
    Resolved,
    Postmortem,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes model::Impact in the schema")]
pub(crate) enum ImpactWord {
    None,
    Minor,
    Major,
    Critical,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes model::Outcome in the schema")]
pub(crate) enum OutcomeWord {
    Up,
    Slow,
    Down,
    Unknown,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes model::MaintenanceStatus in the schema")]
pub(crate) enum MaintenanceWord {
    Scheduled,
    InProgress,
    Verifying,
    Completed,
    Cancelled,
}

/// Everything in one line, and how fresh it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Overall {
    #[schema(value_type = String)]
    headline: Headline,
    /// False: there is no fresh news, and every service is `unknown`.
    fresh: bool,
    epoch: u64,
    seq: u64,
    #[schema(value_type = String, format = DateTime)]
    made_at: Time,
    #[schema(value_type = String, format = DateTime)]
    fresh_until: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_look: Option<Time>,
    /// What is wrong with Stillhere itself.
    #[schema(value_type = Vec<Object>)]
    own: Vec<OwnTrouble>,
    open_incidents: usize,
    /// How the times turned out by which incidents were said to be over: of the last 40, computed ones and people's apart.
    #[schema(value_type = Object)]
    eta_record: EtaRecord,
}

/// A service and its verdict.
#[derive(Serialize, ToSchema)]
pub(crate) struct Service {
    #[schema(value_type = String)]
    id: ServiceId,
    #[schema(value_type = Words)]
    name: Text,
    #[schema(value_type = Option<Words>)]
    description: Option<Text>,
    #[schema(value_type = Option<Words>)]
    group: Option<Text>,
    #[schema(value_type = StatusWord)]
    status: Status,
    /// For an outage the first failed look.
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    /// Why, as data: `kind` and its fields.
    #[schema(value_type = Object)]
    reason: Reason,
    unstable: bool,
    #[schema(value_type = Option<String>)]
    maintenance: Option<MaintenanceId>,
    #[schema(value_type = Vec<String>)]
    depends_on: Vec<ServiceId>,
    /// 0 to 1 over 90 days; `null` when nothing is known. 1 − Σ(weight × known time) / Σ known time.
    uptime: Option<f64>,
    checks: Vec<Check>,
}

/// The evidence: one check as the judge sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Check {
    /// `<service>/<check>`
    id: String,
    #[schema(value_type = OutcomeWord)]
    outcome: Outcome,
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_look: Option<Time>,
    /// What was found, as data: `kind` and its fields.
    #[schema(value_type = Option<Object>)]
    finding: Option<Finding>,
    votes_down: u32,
    votes_live: u32,
}

/// A service with its record.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceRecord {
    #[serde(flatten)]
    service: Service,
    /// 90 days, oldest first, in the site's time zone. `ms`: milliseconds as operational, under_maintenance,
    /// unknown, degraded_performance, partial_outage, major_outage.
    #[schema(value_type = Vec<Object>)]
    days: Vec<Day>,
    /// The last 24 hours.
    #[schema(value_type = Vec<Object>)]
    latency: Vec<LatencyPoint>,
}

/// An incident with everything that was said.
#[derive(Serialize, ToSchema)]
pub(crate) struct IncidentOut {
    #[schema(value_type = String)]
    id: IncidentId,
    /// `null`: made of the services' names.
    #[schema(value_type = Option<Words>)]
    title: Option<Text>,
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
    #[schema(value_type = Vec<Object>)]
    affected: Vec<Affected>,
    #[schema(value_type = Option<String>)]
    origin: Option<ServiceId>,
    /// Oldest first.
    updates: Vec<UpdateOut>,
    /// "Next update by": made, kept, missed.
    #[schema(value_type = Vec<Object>)]
    promises: Vec<Promise>,
    /// The estimate in force. `null`: there is none.
    eta: Option<EtaOut>,
    /// All that were shown, oldest first.
    etas: Vec<EtaOut>,
    unstable: bool,
    by_hand: bool,
    reopened: u32,
    /// Who has it since when. `null`: nobody has taken it on since it was last opened.
    acknowledged: Option<AcknowledgedOut>,
    /// All who took it on, oldest first. The first one ends the time to acknowledge.
    acknowledgements: Vec<AcknowledgedOut>,
    /// What is done so that it does not happen again; without a token only what is public.
    preventions: Vec<PreventionOut>,
}

/// Something that is done so that an incident does not happen again.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreventionOut {
    #[schema(value_type = String)]
    id: PreventionId,
    #[schema(value_type = Words)]
    what: Text,
    /// Who does it; only with a token.
    owner: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    due: Time,
    public: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    done_at: Option<Time>,
    /// It will not be done.
    #[schema(value_type = Option<String>, format = DateTime)]
    dropped_at: Option<Time>,
}

/// Somebody took an incident on.
#[derive(Serialize, ToSchema)]
pub(crate) struct AcknowledgedOut {
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// `person`; with a token who it was: `person <name>`, `token <name>`, `local`.
    by: String,
}

/// A time by which it was said to be over.
#[derive(Serialize, ToSchema)]
pub(crate) struct EtaOut {
    #[schema(value_type = String, format = DateTime)]
    shown_at: Time,
    /// Four of five such times hold. `null`: from here on no time was given.
    #[schema(value_type = Option<String>, format = DateTime)]
    by: Option<Time>,
    /// Half are over by then; not where a person gave the time.
    #[schema(value_type = Option<String>, format = DateTime)]
    half: Option<Time>,
    /// `computed`, or `person`; with a token `person` is followed by who it was.
    from: String,
    /// What it was computed from: `own` incidents of this site, `alike` of them of the same service, and whether
    /// `others` (published outages of other operators) count for a quarter or more.
    #[schema(value_type = Option<Object>)]
    basis: Option<Basis>,
    /// When the page said that it had passed.
    #[schema(value_type = Option<String>, format = DateTime)]
    passed_at: Option<Time>,
    /// Whether it was over by then; `null` while it is open.
    held: Option<bool>,
}

/// One thing that was said.
#[derive(Serialize, ToSchema)]
pub(crate) struct UpdateOut {
    #[schema(value_type = String)]
    id: UpdateId,
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    #[schema(value_type = IncidentWord)]
    status: IncidentStatus,
    /// A person's words, or a fact as data: `kind` and its fields.
    #[schema(value_type = Object)]
    said: Said,
    /// `automatic`, or `person`; with a token `person` is followed by who it was.
    by: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    next_update_by: Option<Time>,
}

/// Planned work.
#[derive(Serialize, ToSchema)]
pub(crate) struct MaintenanceOut {
    #[schema(value_type = String)]
    id: MaintenanceId,
    #[schema(value_type = Words)]
    title: Text,
    #[schema(value_type = Option<Words>)]
    body: Option<Text>,
    #[schema(value_type = Vec<String>)]
    services: Vec<ServiceId>,
    #[schema(value_type = String, format = DateTime)]
    starts_at: Time,
    #[schema(value_type = String, format = DateTime)]
    ends_at: Time,
    /// The worst status that is part of the plan.
    #[schema(value_type = StatusWord)]
    expect: Status,
    #[schema(value_type = MaintenanceWord)]
    status: MaintenanceStatus,
    #[schema(value_type = Option<String>, format = DateTime)]
    completed_at: Option<Time>,
    updates: Vec<UpdateOut>,
}

/// Whether names of people are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Visitors,
    Staff,
}

// === impl Overall ===

impl Overall {
    pub(crate) fn of(s: &Snapshot, stale: bool) -> Overall {
        Overall {
            headline: if stale { Headline::NoFreshNews } else { stillhere_tell::headline(s) },
            fresh: !stale,
            epoch: s.epoch,
            seq: s.seq,
            made_at: s.made_at,
            fresh_until: s.fresh_until,
            last_look: s.last_look,
            own: s.own.clone(),
            open_incidents: s.incidents.len(),
            eta_record: s.eta_record,
        }
    }
}

// === impl Service ===

impl From<&ServiceView> for Service {
    fn from(s: &ServiceView) -> Service {
        Service {
            id: s.id.clone(),
            name: s.name.clone(),
            description: s.description.clone(),
            group: s.group.clone(),
            status: s.verdict.status,
            since: s.verdict.since,
            reason: s.verdict.reason.clone(),
            unstable: s.verdict.unstable,
            maintenance: s.verdict.maintenance,
            depends_on: s.depends_on.clone(),
            uptime: s.uptime,
            checks: s.verdict.checks.iter().map(Check::from).collect(),
        }
    }
}

impl From<&CheckView> for Check {
    fn from(c: &CheckView) -> Check {
        Check {
            id: c.check.to_string(),
            outcome: c.outcome,
            since: c.since,
            last_look: c.last_look,
            finding: c.finding.clone(),
            votes_down: c.votes_down,
            votes_live: c.votes_live,
        }
    }
}

impl From<&ServiceView> for ServiceRecord {
    fn from(s: &ServiceView) -> ServiceRecord {
        ServiceRecord { service: s.into(), days: s.days.to_vec(), latency: s.latency.clone() }
    }
}

// === impl IncidentOut ===

impl IncidentOut {
    pub(crate) fn id(&self) -> IncidentId {
        self.id
    }

    pub(crate) fn of(i: &Incident, whom: For) -> IncidentOut {
        IncidentOut {
            id: i.id,
            title: i.title.clone(),
            impact: i.impact,
            status: i.status,
            started_at: i.started_at,
            opened_at: i.opened_at,
            resolved_at: i.resolved_at,
            affected: i.affected.clone(),
            origin: i.origin.clone(),
            updates: i.updates.iter().map(|u| UpdateOut::of(u, whom)).collect(),
            promises: i.promises.clone(),
            eta: i.eta().map(|e| EtaOut::of(e, i, whom)),
            etas: i.etas.iter().map(|e| EtaOut::of(e, i, whom)).collect(),
            unstable: i.unstable,
            by_hand: i.by_hand,
            reopened: i.reopened,
            acknowledged: i.acknowledged().map(|a| AcknowledgedOut::of(a, whom)),
            acknowledgements: i.acknowledgements.iter().map(|a| AcknowledgedOut::of(a, whom)).collect(),
            preventions: i
                .preventions
                .iter()
                .filter(|p| p.public || whom == For::Staff)
                .map(|p| PreventionOut::of(p, whom))
                .collect(),
        }
    }
}

impl PreventionOut {
    fn of(p: &Prevention, whom: For) -> PreventionOut {
        PreventionOut {
            id: p.id,
            what: p.what.clone(),
            owner: (whom == For::Staff).then(|| p.owner.clone()),
            due: p.due,
            public: p.public,
            done_at: p.done_at,
            dropped_at: p.dropped_at,
        }
    }
}

impl AcknowledgedOut {
    fn of(a: &Acknowledgement, whom: For) -> AcknowledgedOut {
        AcknowledgedOut { at: a.at, by: author(&a.by, whom) }
    }
}

/// People's names are for staff.
fn author(by: &Author, whom: For) -> String {
    match (by, whom) {
        (Author::Automatic, _) => "automatic".to_owned(),
        (Author::Person(_), For::Visitors) => "person".to_owned(),
        (Author::Person(name), For::Staff) => who(name),
    }
}

impl EtaOut {
    fn of(e: &Eta, i: &Incident, whom: For) -> EtaOut {
        let from = match (&e.basis, whom) {
            (Basis::Record { .. }, _) => "computed".to_owned(),
            (Basis::Person { .. }, For::Visitors) => "person".to_owned(),
            (Basis::Person { name }, For::Staff) => who(name),
        };
        EtaOut {
            shown_at: e.shown_at,
            by: e.by,
            half: e.half,
            from,
            basis: e.is_computed().then(|| e.basis.clone()),
            passed_at: e.passed_at,
            held: i.resolved_at.and_then(|end| i.held(e, end)),
        }
    }
}

/// For staff: a token and this machine's command line are no people.
fn who(name: &str) -> String {
    if name == "local" || name.contains(' ') { name.to_owned() } else { format!("person {name}") }
}

impl UpdateOut {
    fn of(u: &Update, whom: For) -> UpdateOut {
        UpdateOut {
            id: u.id,
            at: u.at,
            status: u.status,
            said: u.said.clone(),
            by: author(&u.by, whom),
            next_update_by: u.next_update_by,
        }
    }
}

// === impl MaintenanceOut ===

impl MaintenanceOut {
    pub(crate) fn id(&self) -> MaintenanceId {
        self.id
    }

    pub(crate) fn of(m: &Maintenance, whom: For) -> MaintenanceOut {
        MaintenanceOut {
            id: m.id,
            title: m.title.clone(),
            body: m.body.clone(),
            services: m.services.clone(),
            starts_at: m.starts_at,
            ends_at: m.ends_at,
            expect: m.expect,
            status: m.status,
            completed_at: m.completed_at,
            updates: m.updates.iter().map(|u| UpdateOut::of(u, whom)).collect(),
        }
    }
}
