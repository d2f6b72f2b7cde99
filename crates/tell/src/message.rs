//! Mails and webhook bodies: every occasion, in every language.
//!
//! A message is put together once, as a subject, paragraphs and facts; the mail's plain text, its HTML and the
//! webhook's JSON and a chat app's are four ways to write the same thing. A webhook body has Statuspage's shape (`meta`, `page`,
//! `incident`) and beside it our own `type`, so that both kinds of receivers can read it.

mod chat;

use crate::{
    clean,
    page::{class, eta, links, part::incident_status, template},
    snapshot::Snapshot,
    statuspage,
    words::{Words, corrected},
};
use minijinja::context;
use serde_json::json;
use stillhere_model::{
    Acknowledgement, Audience, Author, ChatApp, CheckId, Incident, Lang, Letter, LinkId, Maintenance,
    MaintenanceStatus, Occasion, Payload, Time, Update, UpdateId,
};

/// Longest subject, in characters: one header line of a mail, whatever its language.
const SUBJECT_CHARS: usize = 150;
/// Updates in a webhook body, the newest ones.
const WEBHOOK_UPDATES_MAX: usize = 10;

/// How the channel carries a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    Mail,
    Webhook,
    Chat(ChatApp),
    /// To somebody's browser.
    Push,
}

/// What is to be said, before it is written in one form or another.
struct Said {
    subject: String,
    title: String,
    paragraphs: Vec<String>,
    facts: Vec<String>,
    url: String,
    /// A letter of the style sheet.
    class: &'static str,
    thread: Option<String>,
}

/// The message about `occasion`. `snapshot` is the state after what happened, so that it holds the incident or
/// maintenance; what it does not hold is said without details.
#[must_use]
pub fn render(
    kind: ChannelKind,
    occasion: &Occasion,
    snapshot: &Snapshot,
    lang: Lang,
    audience: Audience,
    link: Option<LinkId>,
) -> Payload {
    let words = Words::new(lang, &snapshot.site.time_zone);
    let cut = Cut { s: snapshot, w: &words, audience, link };
    let said = cut.said(occasion);
    match kind {
        ChannelKind::Mail => cut.mail(said),
        ChannelKind::Webhook => cut.webhook(occasion, &said),
        ChannelKind::Chat(app) => cut.chat(app, said),
        ChannelKind::Push => cut.push(occasion, said),
    }
}

/// The `type` of a webhook body.
#[must_use]
pub fn type_of(occasion: &Occasion) -> &'static str {
    match occasion {
        Occasion::IncidentOpened { .. } => "incident.opened",
        Occasion::IncidentUpdated { .. } => "incident.updated",
        Occasion::IncidentResolved { .. } => "incident.resolved",
        Occasion::PromiseDue { .. } => "promise.due",
        Occasion::PromiseMissed { .. } => "promise.missed",
        Occasion::Unacknowledged { .. } => "incident.unacknowledged",
        Occasion::Acknowledged { .. } => "incident.acknowledged",
        Occasion::PreventionOverdue { .. } => "prevention.overdue",
        Occasion::MaintenanceScheduled { .. } => "maintenance.scheduled",
        Occasion::MaintenanceStarted { .. } => "maintenance.started",
        Occasion::MaintenanceUpdated { .. } => "maintenance.updated",
        Occasion::MaintenanceCompleted { .. } => "maintenance.completed",
        Occasion::MaintenanceCancelled { .. } => "maintenance.cancelled",
        Occasion::UplinkLost { .. } => "uplink.lost",
        Occasion::UplinkBack { .. } => "uplink.back",
        Occasion::FallingBehind { .. } => "falling.behind",
        Occasion::ClockJumped { .. } => "clock.jumped",
        Occasion::Test { .. } => "test",
        Occasion::CertificateEnding { .. } => "certificate.ending",
    }
}

/// The mail about `occasion` for subscribers, but for their own link.
#[must_use]
pub fn letter(occasion: &Occasion, snapshot: &Snapshot, lang: Lang) -> Letter {
    let words = Words::new(lang, &snapshot.site.time_zone);
    let cut = Cut { s: snapshot, w: &words, audience: Audience::Public, link: None };
    let said = cut.said(occasion);
    let gist = said.paragraphs.iter().chain(&said.facts).map(String::as_str).collect::<Vec<_>>().join("\n");
    let (url, thread) = (said.url.clone(), said.thread.clone());
    let why = words.say("letter-why", &[("site", words.name(&snapshot.site.name).into())]);
    let (subject, text, html) = cut.written(said, &why, Some(LINK));
    let text = format!("{text}{} ", words.plain("letter-manage"));
    // The last one: whatever stands in the texts comes before it.
    let halves = |s: &str| s.rsplit_once(LINK).map(|(a, b)| (a.to_owned(), b.to_owned()));
    Letter {
        subject,
        text: (text, "\n".to_owned()),
        html: halves(&html).unwrap_or_default(),
        thread,
        gist,
        url,
    }
}

/// Stands for the link that differs between readers. No text holds it: it is private use.
const LINK: &str = "\u{f8ff}link";

// === impl Said ===

impl Said {
    /// With a first paragraph that says why the message is sent.
    fn led_by(mut self, lead: String) -> Said {
        self.paragraphs.insert(0, lead);
        self
    }
}

/// The name of who took it on, for staff.
fn who(a: &Acknowledgement) -> Option<String> {
    match &a.by {
        Author::Person(name) => Some(clean::who(name).to_owned()),
        Author::Automatic => None,
    }
}

struct Cut<'a> {
    s: &'a Snapshot,
    w: &'a Words,
    audience: Audience,
    /// What the reader may act with, by its id: the address is put in its place when the mail is handed over.
    link: Option<LinkId>,
}

// === impl Cut ===

impl Cut<'_> {
    fn said(&self, occasion: &Occasion) -> Said {
        let key = format!("subject-{}", type_of(occasion).replace('.', "-"));
        let at = |t: &Time| self.w.full(*t);
        match occasion {
            Occasion::IncidentOpened { incident, update }
            | Occasion::IncidentUpdated { incident, update }
            | Occasion::IncidentResolved { incident, update } => {
                self.incident(&key, self.s.incident(incident), incident.to_string(), Some(update), None)
            }
            Occasion::PromiseDue { incident, due, .. } => {
                let lead = self.w.say("lead-promise-due", &[("due", at(due).into())]);
                self.incident(&key, self.s.incident(incident), incident.to_string(), None, Some((lead, *due)))
            }
            Occasion::PromiseMissed { incident, due } => {
                let lead = self.w.say("lead-promise-missed", &[("due", at(due).into())]);
                self.incident(&key, self.s.incident(incident), incident.to_string(), None, Some((lead, *due)))
            }
            Occasion::Unacknowledged { incident, .. } => {
                let found = self.s.incident(incident);
                let began = found.map_or_else(|| self.s.made_at, |i| i.started_at);
                let lead = self.w.say("lead-incident-unacknowledged", &[("time", at(&began).into())]);
                let said = self.incident(&key, found, incident.to_string(), None, None);
                said.led_by(lead)
            }
            Occasion::Acknowledged { incident, at: t } => {
                let found = self.s.incident(incident);
                let who = found.and_then(|i| i.acknowledged()).and_then(who).unwrap_or_default();
                let who = clean::line(&who, clean::TITLE_CHARS);
                let lead =
                    self.w.say("lead-incident-acknowledged", &[("who", who.into()), ("time", at(t).into())]);
                let said = self.incident(&key, found, incident.to_string(), None, None);
                said.led_by(lead)
            }
            Occasion::PreventionOverdue { incident, prevention, .. } => {
                let found = self.s.incident(incident);
                let said = self.incident(&key, found, incident.to_string(), None, None);
                match found.and_then(|i| i.preventions.iter().find(|p| &p.id == prevention)) {
                    Some(p) => {
                        let what = self.w.name(&p.what);
                        let owner = clean::line(&p.owner, clean::TITLE_CHARS);
                        let args =
                            [("what", what.into()), ("owner", owner.into()), ("due", at(&p.due).into())];
                        said.led_by(self.w.say("lead-prevention-overdue", &args))
                    }
                    None => said,
                }
            }
            Occasion::MaintenanceScheduled { maintenance }
            | Occasion::MaintenanceStarted { maintenance }
            | Occasion::MaintenanceCompleted { maintenance }
            | Occasion::MaintenanceCancelled { maintenance } => {
                self.maintenance(&key, self.s.maintenance(maintenance), maintenance.to_string(), None)
            }
            Occasion::MaintenanceUpdated { maintenance, update } => {
                self.maintenance(&key, self.s.maintenance(maintenance), maintenance.to_string(), Some(update))
            }
            Occasion::UplinkLost { at: t } => self.own(&key, "lead-uplink-lost", *t),
            Occasion::UplinkBack { at: t } => self.own(&key, "lead-uplink-back", *t),
            Occasion::FallingBehind { at: t } => self.own(&key, "lead-falling-behind", *t),
            Occasion::ClockJumped { at: t, by_ms } => self.clock(&key, *t, *by_ms),
            Occasion::Test { at: t } => self.own(&key, "lead-test", *t),
            Occasion::CertificateEnding { check, days } => self.certificate(&key, check, *days),
        }
    }

    fn incident(
        &self,
        key: &str,
        incident: Option<&Incident>,
        id: String,
        update: Option<&UpdateId>,
        promise: Option<(String, Time)>,
    ) -> Said {
        let (w, s) = (self.w, self.s);
        let title = incident.map_or_else(|| w.plain("title-bare"), |i| w.title(i, s));
        let what = match &promise {
            Some((_, due)) if key == "subject-promise-due" => {
                w.say(key, &[("title", title.as_str().into()), ("due", w.clock(*due, s.made_at).into())])
            }
            _ => w.say(key, &[("title", title.as_str().into())]),
        };
        let mut said = Said {
            subject: self.subject(&what),
            title,
            paragraphs: promise.into_iter().map(|(lead, _)| lead).collect(),
            facts: Vec::new(),
            url: format!("{}/incidents/{id}", links::base(s)),
            class: "d",
            thread: Some(id),
        };
        let Some(i) = incident else {
            said.paragraphs.push(w.plain("lead-gone"));
            return said;
        };
        if let Some(u) = update.and_then(|id| i.updates.iter().find(|u| &u.id == id)).or(i.updates.last()) {
            said.paragraphs.push(self.update(i, u));
        }
        let open = i.status.is_open();
        said.class = if open { class::impact(i.impact) } else { "o" };
        let affected: Vec<String> = i
            .affected
            .iter()
            .filter_map(|a| {
                let name = w.service(&a.service, s)?;
                let status = w.status(if open { a.now } else { a.worst });
                Some(w.say("mail-affected-one", &[("name", name.into()), ("status", status.into())]))
            })
            .collect();
        if !affected.is_empty() {
            said.facts.push(w.say("mail-affected", &[("services", w.list(&affected).into())]));
        }
        said.facts.push(w.say("mail-began", &[("time", w.full(i.started_at).into())]));
        if let Some(end) = i.resolved_at {
            let ms = u64::try_from(end.since(i.started_at).as_millis()).unwrap_or(u64::MAX);
            said.facts.push(w.say("mail-lasted", &[("time", w.duration(ms / 1_000 * 1_000).into())]));
        }
        said.facts.extend(eta::line(i, w));
        if self.audience == Audience::Staff
            && open
            && let Some(a) = i.acknowledged()
            && let Some(name) = who(a)
        {
            let name = clean::line(&name, clean::TITLE_CHARS);
            let fact = [("who", name.into()), ("time", w.full(a.at).into())];
            said.facts.push(w.say("mail-acknowledged", &fact));
        }
        if let Some(p) = i.open_promise().filter(|_| open) {
            said.facts.push(w.say("mail-next", &[("time", w.full(p.due).into())]));
        }
        said
    }

    fn update(&self, i: &Incident, u: &Update) -> String {
        let url = links::incident_url(self.s, &i.id);
        let text = match corrected(i, &u.id) {
            Some(now) => self.w.body(now, &url),
            None => self.w.said_in_list(&u.said, self.s, &url),
        };
        let status = incident_status(self.w, u.status);
        format!("{status}\n{text}")
    }

    fn maintenance(
        &self,
        key: &str,
        maintenance: Option<&Maintenance>,
        id: String,
        update: Option<&UpdateId>,
    ) -> Said {
        let (w, s) = (self.w, self.s);
        let title = maintenance.map_or_else(|| w.plain("maintenance"), |m| w.name(&m.title));
        let mut said = Said {
            subject: self.subject(&w.say(key, &[("title", title.as_str().into())])),
            title,
            paragraphs: Vec::new(),
            facts: Vec::new(),
            url: format!("{}/maintenance/{id}", links::base(s)),
            class: "m",
            thread: Some(id),
        };
        let Some(m) = maintenance else {
            said.paragraphs.push(w.plain("lead-gone"));
            return said;
        };
        if m.status == MaintenanceStatus::Cancelled {
            said.paragraphs.push(w.plain("lead-maintenance-cancelled"));
        }
        let latest = match update {
            Some(id) => m.updates.iter().find(|u| &u.id == id),
            None => m.updates.last(),
        };
        match (latest, &m.body) {
            (Some(u), _) => said.paragraphs.push(w.said_in_list(&u.said, s, &said.url)),
            (None, Some(body)) => said.paragraphs.push(w.body(body, &said.url)),
            (None, None) => {}
        }
        if m.status == MaintenanceStatus::Scheduled || m.status.is_active() {
            said.paragraphs.push(w.plain(&format!("expect-{}", m.expect.as_str())));
        }
        let until = m.completed_at.unwrap_or(m.ends_at);
        let span = [("from", w.full(m.starts_at).into()), ("until", w.full(until).into())];
        said.facts.push(w.say("mail-when", &span));
        if !m.services.is_empty() {
            let services = w.services(&m.services, s);
            said.facts.push(w.say("mail-affected", &[("services", services.into())]));
        }
        said
    }

    fn own(&self, key: &str, lead: &str, t: Time) -> Said {
        let lead = self.w.say(lead, &[("time", self.w.full(t).into())]);
        self.about_us(&self.w.plain(key), lead)
    }

    fn clock(&self, key: &str, t: Time, by_ms: i64) -> Said {
        let lead = if by_ms < 0 { "lead-clock-jumped-back" } else { "lead-clock-jumped-forth" };
        let by = self.w.duration(by_ms.unsigned_abs());
        let lead = self.w.say(lead, &[("time", self.w.full(t).into()), ("by", by.into())]);
        self.about_us(&self.w.plain(key), lead)
    }

    fn certificate(&self, key: &str, check: &CheckId, days: u32) -> Said {
        let w = self.w;
        let owner = self.s.services.iter().find(|v| v.verdict.checks.iter().any(|c| &c.check == check));
        // A check of a service that is not public: its slug tells staff enough.
        let slug = check.as_str().split('/').next().unwrap_or_default();
        let service = owner.map_or_else(|| clean::line(slug, clean::TITLE_CHARS), |v| w.name(&v.name));
        let what = w.say(key, &[("days", days.into()), ("service", service.as_str().into())]);
        let check = clean::line(check.as_str(), clean::TITLE_CHARS);
        let lead = w.say("lead-certificate-ending", &[("service", service.into()), ("check", check.into())]);
        self.about_us(&what, lead)
    }

    fn about_us(&self, what: &str, lead: String) -> Said {
        Said {
            subject: self.subject(what),
            title: what.to_owned(),
            paragraphs: vec![lead],
            facts: Vec::new(),
            url: links::base(self.s),
            class: "u",
            thread: None,
        }
    }

    fn subject(&self, what: &str) -> String {
        let key = match self.audience {
            Audience::Public => "subject",
            Audience::Staff => "subject-staff",
        };
        let site = self.w.name(&self.s.site.name);
        clean::line(&self.w.say(key, &[("what", what.into()), ("site", site.into())]), SUBJECT_CHARS)
    }

    /// The operator's phone number, chat and hours, for readers of the public words.
    fn contact(&self) -> Vec<String> {
        let c = &self.s.site.contact;
        if self.audience == Audience::Staff {
            return Vec::new();
        }
        let line = |t: &String| clean::line(t, clean::TITLE_CHARS);
        let chat = c.chat_url.as_deref().and_then(clean::https).map(str::to_owned);
        let hours = c.hours.as_ref().map(|h| self.w.name(h));
        [c.phone.as_ref().map(line), chat, c.email.as_ref().map(line), hours].into_iter().flatten().collect()
    }

    fn mail(&self, said: Said) -> Payload {
        let w = self.w;
        let why = w.say("mail-why", &[("site", w.name(&self.s.site.name).into())]);
        let thread = said.thread.clone();
        let (subject, text, html) = self.written(said, &why, None);
        Payload::Mail { subject, text, html, thread }
    }

    /// Subject, text and HTML.
    fn written(&self, said: Said, why: &str, manage: Option<&str>) -> (String, String, String) {
        let w = self.w;
        let contact = self.contact();
        let mut text = format!("{}\n\n", said.title);
        for p in &said.paragraphs {
            text += &format!("{p}\n\n");
        }
        for f in &said.facts {
            text += &format!("{f}\n");
        }
        let act = self.link.map(|id| format!("{}/act/{id}", links::base(self.s)));
        if let Some(act) = &act {
            text += &format!("\n{}\n{act}\n", w.plain("mail-act"));
        }
        text += &format!("\n{}\n{}\n", w.plain("mail-link"), said.url);
        if !contact.is_empty() {
            text += &format!("\n{}\n{}\n", w.plain("mail-contact"), contact.join("\n"));
        }
        text += &format!("\n-- \n{why}\n");
        let colour = match said.class {
            "o" => "#187a48",
            "m" => "#2f62cf",
            "d" => "#8a5d00",
            "p" => "#b84a00",
            "x" => "#c21f2c",
            _ => "#646b76",
        };
        let context = context! {
            lang => w.lang.tag(),
            title => said.title,
            paragraphs => said.paragraphs,
            facts => said.facts,
            url => said.url,
            contact, why, colour, act, manage,
        };
        let html = template::render("mail.html", context).unwrap_or_else(|error| {
            debug_assert!(false, "mail.html: {error:#}");
            format!("<!doctype html><meta charset=utf-8><pre>{}</pre>", clean::xml(&text))
        });
        (said.subject, text, html)
    }

    /// With a link it leads to its page; without one into the console, to who is logged in.
    fn push(&self, occasion: &Occasion, said: Said) -> Payload {
        let url = match (self.link, occasion.incident()) {
            (Some(id), _) => format!("/act/{id}"),
            (None, Some(incident)) => format!("/console/incidents/{incident}"),
            (None, None) => "/console/".to_owned(),
        };
        let text =
            said.paragraphs.iter().chain(&said.facts).map(String::as_str).collect::<Vec<_>>().join("\n");
        let tag = said.thread.unwrap_or_else(|| type_of(occasion).to_owned());
        Payload::Push { title: said.subject, text, url, tag }
    }

    fn chat(&self, app: ChatApp, said: Said) -> Payload {
        let mut parts = said.paragraphs;
        if !said.facts.is_empty() {
            parts.push(said.facts.join("\n"));
        }
        let open = self.w.plain("chat-open");
        let body = chat::body(app, &said.subject, &parts.join("\n\n"), &said.url, &open);
        Payload::Chat { app, body }
    }

    fn webhook(&self, occasion: &Occasion, said: &Said) -> Payload {
        let api = statuspage::Cut::brief(self.s, self.w.lang, WEBHOOK_UPDATES_MAX);
        let status = api.status();
        let page = api.page();
        let mut body = json!({
            "type": type_of(occasion),
            "audience": self.audience,
            "language": self.w.lang.tag(),
            "made_at": self.s.made_at,
            "epoch": self.s.epoch,
            "seq": self.s.seq,
            "occasion": occasion,
            "subject": said.subject,
            "text": said.paragraphs.join("\n\n"),
            "facts": said.facts,
            "url": said.url,
            "meta": { "documentation": "docs/channels/webhook.md", "unsubscribe": null },
            "page": {
                "id": page["id"],
                "name": page["name"],
                "url": page["url"],
                "status_indicator": status["indicator"],
                "status_description": status["description"],
            },
        });
        if let Some(i) = occasion.incident().and_then(|id| self.s.incident(&id)) {
            body["incident"] = api.incident(i);
        }
        if let Some(m) = occasion.maintenance().and_then(|id| self.s.maintenance(&id)) {
            body["maintenance"] = api.maintenance(m);
        }
        Payload::Webhook { body: body.to_string() }
    }
}

#[cfg(test)]
mod tests;
