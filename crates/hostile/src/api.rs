//! Any bodies as the calls of the native API, one a line: what is accepted goes through `respond` and onto every
//! public form, where it is text and nothing else.
//!
//! The first byte of a line says which call, the rest is its body. Calls about an incident or a maintenance are
//! about the newest one; ids and times are the same on every run.

use std::{sync::Arc, time::Duration};
use stillhere_model::{
    Amendment, Audience, ChatApp, Incident, Lang, Maintenance, Mint, Moment, Occasion, Payload, Reason,
    ServiceDef, Status, Text, Time, Topology, Verdict,
};
use stillhere_respond::{Effect, Input, Policy, State, step};
use stillhere_tell::{
    ChannelKind, Contact, ServiceView, Site, Snapshot, View, feed, message,
    notice::{self, Key, NOTICE_MAX_BYTES},
    page, statuspage,
    timeline::{self, Segment},
};
use stillhere_web::api;

const CALLS: [&str; 12] = [
    "open_incident",
    "update_incident",
    "resolve_incident",
    "acknowledge_incident",
    "add_prevention",
    "change_prevention",
    "correct_incident",
    "schedule_maintenance",
    "update_maintenance",
    "complete_maintenance",
    "cancel_maintenance",
    "command",
];
/// Calls of one story.
const MAX_CALLS: usize = 16;
/// 2027-01-15.
const BEGIN: Time = Time(1_799_971_200_000);
const BETWEEN: Duration = Duration::from_secs(40);
/// Whoever finds this in a form where `<` has a meaning has broken out.
const ELEMENT: &str = "<qzx";
const ATTRIBUTE: &str = "\"qzx";

/// The pure part of a node, and what it has said.
struct Story {
    topology: Topology,
    state: State,
    policy: Policy,
    mint: Mint,
    now: Moment,
    incidents: Vec<Incident>,
    maintenances: Vec<Maintenance>,
    amendments: Vec<Amendment>,
    occasions: Vec<(Occasion, Audience)>,
}

pub fn run(data: &[u8]) {
    let mut story = Story::new();
    for line in data.split(|&b| b == b'\n').take(MAX_CALLS) {
        let Some((call, body)) = line.split_first() else { continue };
        story.call(CALLS[usize::from(*call) % CALLS.len()], body);
    }
    if story.incidents.is_empty() && story.maintenances.is_empty() {
        return;
    }
    story.told();
}

// === impl Story ===

impl Story {
    fn new() -> Story {
        let service = |id: &str| ServiceDef {
            id: id.into(),
            name: Text::Same(id.to_owned()),
            description: None,
            group: None,
            depends_on: Vec::new(),
            checks: Vec::new(),
            public: true,
            team: None,
        };
        let topology =
            Topology { services: vec![service("shop"), service("api")], checks: Default::default() };
        Story {
            state: State::new(&topology),
            topology,
            policy: Policy::default(),
            mint: Mint::new(7),
            now: Moment::new(BEGIN, 0),
            incidents: Vec::new(),
            maintenances: Vec::new(),
            amendments: Vec::new(),
            occasions: Vec::new(),
        }
    }

    fn call(&mut self, operation: &str, body: &[u8]) {
        let id = if operation.ends_with("incident") {
            self.incidents.last().map(|i| i.id.to_string())
        } else {
            self.maintenances.last().map(|m| m.id.to_string())
        };
        match api::command(operation, &id.unwrap_or_else(|| "none".to_owned()), body) {
            Ok(command) => {
                // What is journalled and sent over the socket reads back the same.
                let written = serde_json::to_string(&command).expect("a command is JSON");
                assert_eq!(
                    serde_json::from_str::<stillhere_model::Command>(&written).ok().as_ref(),
                    Some(&command)
                );
                self.step(Input::Command { by: "token".to_owned(), command });
            }
            Err(problem) => {
                let said = serde_json::to_value(&problem).expect("a problem is JSON");
                let status = said["status"].as_u64().unwrap_or_default();
                assert!((400..500).contains(&status), "{said}");
                // It may say a field back, in JSON, but not more than it was given.
                assert!(said.to_string().len() <= 4096 + 4 * body.len() * 6, "{said}");
            }
        }
        self.now = Moment::new(self.now.wall.plus(BETWEEN), self.now.mono_ms + 40_000);
        self.step(Input::Tick);
    }

    fn step(&mut self, input: Input<'_>) {
        let done = step(&mut self.state, &self.policy, &self.topology, input, self.now, &mut self.mint);
        for effect in done.effects {
            match effect {
                Effect::Incident(i) => put(&mut self.incidents, *i, |i| i.id),
                Effect::Maintenance(m) => put(&mut self.maintenances, *m, |m| m.id),
                Effect::Amend(a) => self.amendments.push(a),
                Effect::Announce { occasion, audience, .. } => self.occasions.push((occasion, audience)),
                _ => {}
            }
        }
    }

    /// Every public form.
    fn told(&self) {
        let s = self.snapshot();
        for lang in Lang::ALL {
            let view = View { stale: false, published_at: None, live: true };
            let mut pages = vec![page::status(&s, lang, &view), page::history(&s, lang, &view)];
            pages.extend(self.incidents.iter().filter_map(|i| page::incident(&s, lang, &view, &i.id)));
            pages.extend(self.maintenances.iter().filter_map(|m| page::maintenance(&s, lang, &view, &m.id)));
            for html in pages {
                tame(&html);
            }
            for xml in [feed::rss(&s, lang), feed::atom(&s, lang)] {
                tame(&xml);
                let allowed = |c: char| {
                    matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'))
                };
                assert!(xml.chars().all(allowed), "XML has no such characters");
            }
            for (occasion, audience) in &self.occasions {
                match message::render(ChannelKind::Mail, occasion, &s, lang, *audience, None) {
                    Payload::Mail { subject, html, .. } => {
                        assert!(
                            !subject.contains(char::is_control) && subject.chars().count() <= 150,
                            "{subject:?}"
                        );
                        tame(&html);
                    }
                    other => panic!("a mail is a mail: {other:?}"),
                }
                match message::render(ChannelKind::Webhook, occasion, &s, lang, *audience, None) {
                    Payload::Webhook { body } => drop(json(&body)),
                    other => panic!("a webhook is a webhook: {other:?}"),
                }
                for app in ChatApp::ALL {
                    match message::render(ChannelKind::Chat(app), occasion, &s, lang, *audience, None) {
                        Payload::Chat { body, .. } => drop(json(&body)),
                        other => panic!("a chat room's is a chat room's: {other:?}"),
                    }
                }
            }
        }
        for value in [
            statuspage::summary(&s),
            statuspage::incidents(&s),
            statuspage::unresolved(&s),
            statuspage::scheduled_maintenances(&s),
        ] {
            assert_eq!(json(&value.to_string()), value);
        }
        let key = Key::from_seed(&[7; 32]);
        let notice = notice::sign(&s, &key);
        assert!(notice.len() <= NOTICE_MAX_BYTES, "{} bytes", notice.len());
        notice::verify(&notice, &key.public_key()).expect("what we sign we believe");
    }

    fn snapshot(&self) -> Snapshot {
        let zone = jiff::tz::TimeZone::UTC;
        let services = self.topology.services.iter().map(|def| {
            let amendments: Vec<_> =
                self.amendments.iter().filter(|a| a.service == def.id).cloned().collect();
            let record = [Segment { from: BEGIN, until: None, status: Status::Operational }];
            let (days, uptime) = timeline::days(&record, &[], &amendments, self.now.wall, &zone);
            assert!(uptime.is_none_or(|u| (0.0..=1.0).contains(&u)), "{uptime:?}");
            Arc::new(ServiceView {
                id: def.id.clone(),
                name: def.name.clone(),
                description: None,
                group: None,
                verdict: Verdict {
                    service: def.id.clone(),
                    status: Status::Operational,
                    since: BEGIN,
                    reason: Reason::AllUp,
                    checks: Vec::new(),
                    unstable: false,
                    maintenance: None,
                },
                days: days.into(),
                uptime,
                latency: Vec::new(),
                depends_on: Vec::new(),
                created_at: BEGIN,
                updated_at: BEGIN,
            })
        });
        let newest = |open: bool| -> Vec<Incident> {
            self.incidents.iter().rev().filter(|i| i.status.is_open() == open).cloned().collect()
        };
        Snapshot {
            epoch: 1,
            seq: 1,
            made_at: self.now.wall,
            fresh_until: self.now.wall.plus(Duration::from_secs(120)),
            last_look: Some(self.now.wall),
            site: Site {
                name: Text::Same("Site".to_owned()),
                url: "https://status.example".to_owned(),
                time_zone: "Asia/Shanghai".to_owned(),
                languages: Lang::ALL.to_vec(),
                contact: Contact::default(),
                accent: None,
                logo: None,
                subscribe: stillhere_tell::Offer::default(),
            },
            services: services.collect(),
            incidents: newest(true),
            history: newest(false),
            maintenances: self.maintenances.clone(),
            own: Vec::new(),
            eta_record: stillhere_model::EtaRecord::default(),
            recorded: 0,
        }
    }
}

fn put<T, I: PartialEq>(all: &mut Vec<T>, new: T, id: impl Fn(&T) -> I) {
    match all.iter_mut().find(|old| id(old) == id(&new)) {
        Some(old) => *old = new,
        None => all.push(new),
    }
}

fn tame(markup: &str) {
    assert!(
        !markup.contains(ELEMENT) && !markup.contains(ATTRIBUTE),
        "somebody's text is part of the markup"
    );
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("it is JSON")
}
