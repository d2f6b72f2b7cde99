//! What the tests write.

use stillhere_model::{
    Audience, CheckId, Finding, Incident, IncidentId, IncidentStatus, Mint, Observation, Occasion,
    OutboxMessage, Outcome, Payload, Phases, Reason, ServiceId, Side, Status, Time, UpdateId, VantageId,
    Verdict, VerdictChange, id::DeliveryId, incident::Impact,
};
use stillhere_store::{Options, Store};
use tempfile::TempDir;

/// 2026-11-22T10:00:00Z
pub(crate) const T0: Time = Time(1_795_341_600_000);

pub(crate) async fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), T0).await.unwrap();
    (dir, store)
}

/// Without the folder's lock, for two stores on one file.
pub(crate) async fn shared(dir: &TempDir) -> Store {
    Store::open_with(dir.path(), T0, Options { exclusive: false, ..Options::default() }).await.unwrap()
}

pub(crate) fn at(ms: i64) -> Time {
    Time(T0.0 + ms)
}

pub(crate) fn look(check: &str, at: Time, outcome: Outcome, total_us: u32) -> Observation {
    let down = outcome == Outcome::Down;
    Observation {
        check: CheckId::new(check),
        vantage: VantageId::new("core"),
        at,
        outcome,
        side: down.then_some(Side::Target),
        total_us,
        phases: Phases {
            connect_us: Some(total_us / 4),
            first_byte_us: Some(total_us / 2),
            ..Phases::default()
        },
        finding: down.then_some(Finding::HttpStatus { status: 503 }),
        detail: down.then(|| "10.0.0.1:443".to_owned()),
        recheck: false,
    }
}

pub(crate) fn verdict(service: &str, before: Option<Status>, status: Status, since: Time) -> VerdictChange {
    VerdictChange {
        before,
        now: Verdict {
            service: ServiceId::new(service),
            status,
            since,
            reason: Reason::AllUp,
            checks: Vec::new(),
            unstable: false,
            maintenance: None,
        },
    }
}

pub(crate) fn incident_id(n: u64) -> IncidentId {
    IncidentId(Mint::new(n).uuid(at(i64::try_from(n).unwrap())))
}

pub(crate) fn incident(n: u64, status: IncidentStatus) -> Incident {
    let opened = at(i64::try_from(n).unwrap());
    Incident {
        id: incident_id(n),
        title: None,
        impact: Impact::Critical,
        status,
        started_at: opened,
        opened_at: opened,
        monitoring_at: None,
        resolved_at: (!status.is_open()).then_some(Time(opened.0 + 1000)),
        affected: Vec::new(),
        origin: None,
        updates: Vec::new(),
        promises: Vec::new(),
        etas: Vec::new(),
        unstable: false,
        by_hand: false,
        reopened: 0,
        acknowledgements: Vec::new(),
        called_again: 0,
        preventions: Vec::new(),
    }
}

pub(crate) fn delivery_id(n: u64) -> DeliveryId {
    DeliveryId(Mint::new(n ^ 0xd311).uuid(T0))
}

/// A message about incident `incident`.
pub(crate) fn message(n: u64, channel: &str, audience: Audience, incident: u64) -> OutboxMessage {
    let update = UpdateId(Mint::new(n).uuid(T0));
    OutboxMessage {
        id: delivery_id(n),
        channel: channel.to_owned(),
        audience,
        occasion: Occasion::IncidentUpdated { incident: incident_id(incident), update },
        created_at: T0,
        not_before: T0,
        payload: Payload::Webhook { body: format!("{{\"n\":{n}}}") },
        personal: None,
    }
}
