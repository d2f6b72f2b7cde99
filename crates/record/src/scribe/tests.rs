use super::*;
use crate::TextHash;
use stillhere_model::{
    Affected, Impact, IncidentStatus, Mint, Promise, Said, Status, UpdateId, incident::Amendment,
};

const T0: Time = Time(1_795_341_600_000);

#[derive(Default)]
struct Seen {
    incidents: Vec<Incident>,
}

impl Sight for Seen {
    fn sees(&self, service: &ServiceId) -> bool {
        !service.as_str().starts_with("hidden")
    }
    fn concerns_visitors(&self, incident: &Incident) -> bool {
        incident.affected.is_empty() || incident.affected.iter().any(|a| self.sees(&a.service))
    }
    fn incident(&self, id: IncidentId) -> Option<&Incident> {
        self.incidents.iter().find(|i| i.id == id)
    }
    fn maintenance(&self, _: MaintenanceId) -> Option<&Maintenance> {
        None
    }
}

fn incident(n: u64, services: &[&str]) -> Incident {
    let part = |s: &&str| Affected {
        service: ServiceId::new(s),
        worst: Status::MajorOutage,
        now: Status::MajorOutage,
        since: T0,
        until: None,
        declared: false,
    };
    Incident {
        id: IncidentId(Mint::new(n).uuid(T0)),
        title: Some("Ada cannot pay".into()),
        impact: Impact::Critical,
        status: IncidentStatus::Investigating,
        started_at: Time(T0.0 - 60_000),
        opened_at: T0,
        monitoring_at: None,
        resolved_at: None,
        affected: services.iter().map(part).collect(),
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

fn text(n: u64, text: &str) -> Update {
    Update {
        id: UpdateId(Mint::new(n).uuid(T0)),
        at: T0,
        status: IncidentStatus::Identified,
        said: Said::Text { text: text.into() },
        by: Author::Person("Grace Hopper".into()),
        changed: vec![(ServiceId::new("hidden-vault"), Status::Operational, Status::MajorOutage)],
        next_update_by: None,
    }
}

fn salts() -> impl FnMut() -> Salt {
    let mut n = 0;
    move || {
        n += 1;
        [n; 16]
    }
}

fn opened(i: &Incident) -> Journalled {
    let services = i.affected.iter().map(|a| a.service.clone()).collect();
    Journalled::IncidentOpened { incident: i.id, services, why: "checks of 10.0.0.7 fail".into() }
}

#[test]
fn no_name_no_text_no_reason_and_no_hidden_service_gets_into_an_entry() {
    let i = incident(1, &["shop", "hidden-vault"]);
    let hidden = incident(2, &["hidden-vault"]);
    let promise = Promise::new(T0, T0);
    let journal: Vec<(Time, Journalled)> = [
        Journalled::Commanded {
            by: "Grace Hopper".into(),
            from: None,
            command: Command::ResolveIncident { incident: i.id, text: Some("Ada".into()) },
        },
        opened(&i),
        opened(&hidden),
        Journalled::IncidentSaid { incident: i.id, update: text(1, "Ada Lovelace, +49 30 5550100") },
        Journalled::IncidentSaid { incident: hidden.id, update: text(2, "hidden") },
        Journalled::PromiseMade { incident: hidden.id, promise },
        Journalled::PromiseMade { incident: i.id, promise },
        Journalled::IncidentJoined { incident: i.id, service: "hidden-2".into(), why: String::new() },
        Journalled::Amended {
            amendment: Amendment {
                service: "hidden-2".into(),
                from: T0,
                until: T0,
                status: Status::MajorOutage,
                incident: i.id,
                made_at: T0,
            },
        },
        Journalled::Verdict {
            service: "hidden-vault".into(),
            before: None,
            now: Status::MajorOutage,
            since: T0,
            reason: Reason::AllUp,
        },
        Journalled::TokenMade { name: "Grace".into() },
    ]
    .into_iter()
    .map(|e| (T0, e))
    .collect();
    let sight = Seen { incidents: vec![i, hidden] };
    let drafts = Scribe::default().write(T0, &journal, &sight, &mut salts());
    let kinds: Vec<&str> = drafts.iter().map(|d| d.entry.fact.kind()).collect();
    assert_eq!(kinds, ["incident_opened", "update", "promise_made"]);
    for d in &drafts {
        let bytes = String::from_utf8(d.entry.bytes()).unwrap();
        for word in ["Ada", "Grace", "hidden", "10.0.0", "5550100"] {
            assert!(!bytes.contains(word), "{word} in {bytes}");
        }
        for kept in &d.texts {
            assert!(bytes.contains(&kept.hash.0) && kept.hash == TextHash::of(&kept.salt, &kept.text));
        }
    }
    assert_eq!(drafts[1].texts[0].text, "Ada Lovelace, +49 30 5550100");
}

#[test]
fn an_incident_that_becomes_public_later_is_introduced_first_and_dated_to_what_visitors_see() {
    let mut i = incident(1, &["hidden-vault"]);
    let mut scribe = Scribe::default();
    let sight = Seen { incidents: vec![i.clone()] };
    assert_eq!(scribe.write(T0, &[(T0, opened(&i))], &sight, &mut salts()), []);
    i.affected.push(Affected { since: Time(T0.0 + 5_000), service: "shop".into(), ..i.affected[0].clone() });
    let joined = Journalled::IncidentJoined { incident: i.id, service: "shop".into(), why: String::new() };
    let sight = Seen { incidents: vec![i.clone()] };
    let now = Time(T0.0 + 6_000);
    let drafts = scribe.write(now, &[(now, joined)], &sight, &mut salts());
    let Fact::IncidentOpened { seen_since, services, .. } = &drafts[0].entry.fact else {
        panic!("{drafts:?}")
    };
    assert_eq!((*seen_since, services.named.clone()), (Some(Time(T0.0 + 5_000)), vec!["shop".into()]));
    assert_eq!(drafts[1].entry.fact.kind(), "incident_joined");
}

#[test]
fn incidents_that_are_older_than_the_record_are_introduced_once() {
    let (old, hidden) = (incident(1, &["shop"]), incident(2, &["hidden-vault"]));
    let sight = Seen::default();
    let mut scribe = Scribe::default();
    let shown = [&old, &hidden].into_iter().filter(|i| sight.concerns_visitors(i));
    let drafts = scribe.incidents(T0, shown, &sight, &mut salts());
    assert_eq!(drafts.len(), 1);
    assert!(matches!(&drafts[0].entry.fact, Fact::IncidentOpened { incident, .. } if *incident == old.id));
    assert_eq!(scribe.incidents(T0, [&old].into_iter(), &sight, &mut salts()), []);
}

#[test]
fn services_are_introduced_and_dismissed_once() {
    let verdict = |s: &str| Verdict {
        service: s.into(),
        status: Status::Operational,
        since: T0,
        reason: Reason::AllUp,
        checks: Vec::new(),
        unstable: false,
        maintenance: None,
    };
    let mut scribe = Scribe::default();
    let all = [verdict("shop"), verdict("hidden-vault")];
    let first = scribe.services(T0, &all, &Seen::default());
    assert_eq!(first.len(), 1);
    assert_eq!(scribe.services(T0, &all, &Seen::default()), []);
    struct Blind;
    impl Sight for Blind {
        fn sees(&self, _: &ServiceId) -> bool {
            false
        }
        fn concerns_visitors(&self, _: &Incident) -> bool {
            false
        }
        fn incident(&self, _: IncidentId) -> Option<&Incident> {
            None
        }
        fn maintenance(&self, _: MaintenanceId) -> Option<&Maintenance> {
            None
        }
    }
    let gone = scribe.services(T0, &all, &Blind);
    assert_eq!(gone[0].entry.fact, Fact::ServiceGone { service: "shop".into() });
    assert_eq!(scribe.services(T0, &all, &Blind), []);
}
