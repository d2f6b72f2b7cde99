//! The draft of a post-mortem: what the record knows, put in order, and blanks where only people know what to write.
//!
//! Nothing in it is a guess. It is made anew each time it is asked for, so a correction of the record corrects the draft.

mod parts;

pub use parts::{Part, parts};

use crate::{
    clean,
    page::part::{self, incident_status},
    snapshot::Snapshot,
    words::{Words, corrected},
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write as _};
use stillhere_model::{
    Author, Basis, Eta, Impact, Incident, IncidentId, Lang, Prevention, Promise, Said, ServiceId, Status,
    Time, text::BLANKS,
};

/// Everything that is known, as data, and as a text in each language of the site.
#[derive(Debug, Clone, Serialize)]
pub struct Postmortem {
    pub incident: IncidentId,
    /// It is over. A draft about one that is open is only what is known so far.
    pub complete: bool,
    pub made_at: Time,
    pub impact: Impact,
    pub started_at: Time,
    pub resolved_at: Option<Time>,
    pub affected: Vec<Hit>,
    pub origin: Option<ServiceId>,
    pub numbers: Numbers,
    /// Oldest first.
    pub timeline: Vec<Moment>,
    pub promises: Vec<Promise>,
    pub etas: Vec<Shown>,
    pub preventions: Vec<Prevention>,
    pub title: BTreeMap<Lang, String>,
    /// What only people know is marked with [`BLANKS`], and there so long as somebody fills it in.
    pub markdown: BTreeMap<Lang, String>,
}

/// A service that was hit.
#[derive(Debug, Clone, Serialize)]
pub struct Hit {
    pub service: ServiceId,
    pub worst: Status,
    pub since: Time,
    pub until: Option<Time>,
}

/// Seconds are from the beginning for users, unless said otherwise. `None`: it did not happen. Begun ones are whole, except in
/// `lasted_s`, which is what the public page says.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Numbers {
    pub lasted_s: Option<u64>,
    /// To the moment in which it was decided that it is an outage.
    pub detect_s: u64,
    /// To the first word in public.
    pub tell_s: Option<u64>,
    /// From the opening to the first person who took it on.
    pub acknowledge_s: Option<u64>,
    /// From the opening to the first words of a person.
    pub human_word_s: Option<u64>,
    /// The longest time between two words while it was open.
    pub longest_silence_s: u64,
    pub updates: u32,
    pub updates_by_people: u32,
    pub promises_kept: u32,
    pub promises_missed: u32,
    pub promises_withdrawn: u32,
    pub etas_held: u32,
    pub etas_late: u32,
    pub corrections: u32,
    pub reopened: u32,
    /// Times that staff were told again because nobody had taken it on.
    pub called_again: u32,
}

/// One line of the timeline.
#[derive(Debug, Clone, Serialize)]
pub struct Moment {
    pub at: Time,
    pub what: What,
}

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// When it began for users.
    Began,
    /// When we knew.
    Detected,
    /// Somebody took it on.
    Acknowledged {
        by: Author,
    },
    /// Something was said in public.
    Said {
        update: stillhere_model::UpdateId,
        by: Author,
        said: Said,
    },
    PromiseMissed {
        due: Time,
    },
    /// A time was given by which it should be over.
    EtaShown {
        by: Option<Time>,
    },
    EtaPassed {
        by: Time,
    },
    /// The checks saw it good again.
    Recovered,
    /// It was called over.
    Resolved,
}

/// A time that was given, and how it turned out.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    pub shown_at: Time,
    pub by: Option<Time>,
    /// `computed` or `person`.
    pub from: &'static str,
    pub passed_at: Option<Time>,
    pub held: Option<bool>,
}

/// The draft. `snapshot` is what staff may see, for the names of services.
#[must_use]
pub fn draft(i: &Incident, snapshot: &Snapshot) -> Postmortem {
    let mut p = facts(i, snapshot);
    for lang in &snapshot.site.languages {
        let w = Words::new(*lang, &snapshot.site.time_zone);
        p.title.insert(*lang, w.title(i, snapshot));
        let text = Sheet { i, s: snapshot, w: &w, p: &p, to: Reader::Staff }.write();
        p.markdown.insert(*lang, text);
    }
    p
}

/// All of it but the texts.
fn facts(i: &Incident, snapshot: &Snapshot) -> Postmortem {
    Postmortem {
        incident: i.id,
        complete: !i.status.is_open(),
        made_at: snapshot.made_at,
        impact: i.impact,
        started_at: i.started_at,
        resolved_at: i.resolved_at,
        affected: i
            .affected
            .iter()
            .map(|a| Hit { service: a.service.clone(), worst: a.worst, since: a.since, until: a.until })
            .collect(),
        origin: i.origin.clone(),
        numbers: numbers(i, snapshot.made_at),
        timeline: timeline(i),
        promises: i.promises.clone(),
        etas: i.etas.iter().map(|e| shown(e, i, snapshot.made_at)).collect(),
        preventions: i.preventions.clone(),
        title: BTreeMap::new(),
        markdown: BTreeMap::new(),
    }
}

/// Rounded up, as in the trust report: nothing was done sooner than it was.
fn seconds(from: Time, to: Time) -> u64 {
    u64::try_from(to.since(from).as_millis().div_ceil(1_000)).unwrap_or(u64::MAX)
}

fn is_correction(said: &Said) -> bool {
    matches!(said, Said::StartCorrected { .. } | Said::EndCorrected { .. } | Said::TextCorrected { .. })
}

fn is_person(by: &Author) -> bool {
    matches!(by, Author::Person(_))
}

fn numbers(i: &Incident, now: Time) -> Numbers {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let held = |what: bool| count(i.etas.iter().filter(|e| i.held(e, now) == Some(what)).count());
    let end = i.updates.iter().find(|u| !u.status.is_open()).map_or(now, |u| u.at);
    let words = || i.updates.iter().filter(|u| !is_correction(&u.said) && u.at <= end);
    let spoken = words().filter(|u| !matches!(u.said, Said::PromiseMissed { .. }));
    let times: Vec<Time> = spoken.map(|u| u.at).chain([end]).collect();
    let by_people = || i.updates.iter().filter(|u| is_person(&u.by) && !is_correction(&u.said));
    Numbers {
        lasted_s: part::lasted_ms(i).map(|ms| ms / 1_000),
        detect_s: seconds(i.started_at, i.opened_at),
        tell_s: i.updates.first().map(|u| seconds(i.started_at, u.at)),
        acknowledge_s: i.acknowledgements.first().map(|a| seconds(i.opened_at, a.at)),
        human_word_s: by_people().next().map(|u| seconds(i.opened_at, u.at)),
        longest_silence_s: times.windows(2).map(|w| seconds(w[0], w[1])).max().unwrap_or(0),
        updates: count(i.updates.len()),
        updates_by_people: count(by_people().count()),
        promises_kept: count(i.promises.iter().filter(|p| p.kept_at.is_some()).count()),
        promises_missed: count(i.promises.iter().filter(|p| p.missed_at.is_some()).count()),
        promises_withdrawn: count(i.promises.iter().filter(|p| p.withdrawn.is_some()).count()),
        etas_held: held(true),
        etas_late: held(false),
        corrections: count(i.updates.iter().filter(|u| is_correction(&u.said)).count()),
        reopened: i.reopened,
        called_again: i.called_again,
    }
}

fn shown(e: &Eta, i: &Incident, now: Time) -> Shown {
    let from = match e.basis {
        Basis::Record { .. } => "computed",
        Basis::Person { .. } => "person",
    };
    Shown { shown_at: e.shown_at, by: e.by, from, passed_at: e.passed_at, held: i.held(e, now) }
}

fn timeline(i: &Incident) -> Vec<Moment> {
    let mut all = vec![
        Moment { at: i.started_at, what: What::Began },
        Moment { at: i.opened_at, what: What::Detected },
    ];
    let mut add = |at, what| all.push(Moment { at, what });
    for a in &i.acknowledgements {
        add(a.at, What::Acknowledged { by: a.by.clone() });
    }
    for u in i.updates.iter().filter(|u| !matches!(u.said, Said::PromiseMissed { .. })) {
        add(u.at, What::Said { update: u.id, by: u.by.clone(), said: u.said.clone() });
    }
    for p in &i.promises {
        if let Some(at) = p.missed_at {
            add(at, What::PromiseMissed { due: p.due });
        }
    }
    for e in &i.etas {
        add(e.shown_at, What::EtaShown { by: e.by });
        if let (Some(at), Some(by)) = (e.passed_at, e.by) {
            add(at, What::EtaPassed { by });
        }
    }
    if !i.status.is_open() {
        if let Some(at) = i.resolved_at {
            add(at, What::Recovered);
        }
        if let Some(u) = i.updates.iter().find(|u| !u.status.is_open()) {
            add(u.at, What::Resolved);
        }
    }
    // Of what happened in the same moment, the cause first.
    all.sort_by_key(|m| m.at);
    all
}

/// One language's text in the making.
struct Sheet<'a> {
    i: &'a Incident,
    s: &'a Snapshot,
    w: &'a Words,
    p: &'a Postmortem,
    to: Reader,
}

/// For staff it is Markdown, with the names of people; for visitors plain text without.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Staff,
    Visitors,
}

// === impl Sheet ===

impl Sheet<'_> {
    fn write(&self) -> String {
        let w = self.w;
        let mut out = format!("# {}\n\n", self.text(&w.title(self.i, self.s)));
        let site = self.text(&w.name(&self.s.site.name));
        let made =
            [("site", site.into()), ("time", w.full(self.s.made_at).into()), ("blank", self.blank().into())];
        self.line(&mut out, &format!("> {}", w.say("pm-draft", &made)));
        if !self.p.complete {
            self.line(&mut out, &format!(">\n> **{}**", w.plain("pm-open")));
        }
        self.head(&mut out, "pm-short");
        self.to_write(&mut out, "pm-ask-short");
        self.list(&mut out, &self.outline());
        self.head(&mut out, "pm-timeline");
        let _infallible = writeln!(out, "| {} | |\n|---|---|", w.plain("pm-time"));
        for m in &self.p.timeline {
            let at = w.clock(m.at, self.i.started_at);
            let _infallible = writeln!(out, "| {at} | {} |", self.text(&self.moment(m)));
        }
        self.head(&mut out, "pm-numbers");
        self.list(&mut out, &self.numbers());
        let corrections = self.corrections();
        if !corrections.is_empty() {
            self.head(&mut out, "pm-corrections");
            self.list(&mut out, &corrections);
        }
        for (head, ask) in [
            ("pm-cause", "pm-ask-cause"),
            ("pm-factors", "pm-ask-factors"),
            ("pm-well", "pm-ask-well"),
            ("pm-badly", "pm-ask-badly"),
        ] {
            self.head(&mut out, head);
            self.to_write(&mut out, ask);
        }
        self.head(&mut out, "preventions");
        if self.i.preventions.is_empty() {
            self.to_write(&mut out, "pm-ask-preventions");
        }
        for p in &self.i.preventions {
            let args = [
                ("what", self.text(&w.name(&p.what)).into()),
                ("owner", self.text(&p.owner).into()),
                ("due", w.full(p.due).into()),
            ];
            self.line(
                &mut out,
                &format!(
                    "- [{}] {}",
                    if p.done_at.is_some() { "x" } else { " " },
                    w.say("pm-prevention", &args)
                ),
            );
        }
        out
    }

    /// When it was, how long, and what it hit.
    fn outline(&self) -> Vec<String> {
        let (w, i) = (self.w, self.i);
        let mut all = vec![self.fact("pm-began", &w.full(i.started_at))];
        all.extend(i.resolved_at.map(|end| self.fact("pm-over", &w.full(end))));
        all.extend(self.p.numbers.lasted_s.map(|s| self.fact("pm-lasted", &w.duration(s * 1_000))));
        let hit: Vec<String> = i
            .affected
            .iter()
            .filter_map(|a| {
                let name = w.service(&a.service, self.s)?;
                let args = [("name", name.into()), ("status", w.status(a.worst).into())];
                Some(w.say("mail-affected-one", &args))
            })
            .collect();
        if !hit.is_empty() {
            all.push(self.fact("pm-affected", &self.text(&w.commas(&hit))));
        }
        let origin = i.origin.as_ref().and_then(|o| w.service(o, self.s));
        all.extend(origin.map(|o| self.fact("pm-origin", &self.text(&o))));
        all
    }

    fn numbers(&self) -> Vec<String> {
        let (w, n) = (self.w, &self.p.numbers);
        let took = |s: Option<u64>| match s {
            Some(s) => w.duration(s * 1_000),
            None => w.plain("pm-never"),
        };
        let each = |a: u32, b: u32, key: &str| w.say(key, &[("a", a.into()), ("b", b.into())]);
        let promises = [
            ("kept", n.promises_kept.into()),
            ("missed", n.promises_missed.into()),
            ("withdrawn", n.promises_withdrawn.into()),
        ];
        let all = [
            ("pm-detect", took(Some(n.detect_s))),
            ("pm-tell", took(n.tell_s)),
            ("pm-acknowledge", took(n.acknowledge_s)),
            ("pm-human-word", took(n.human_word_s)),
            ("pm-silence", took(Some(n.longest_silence_s))),
            ("pm-updates", each(n.updates, n.updates_by_people, "pm-updates-are")),
            ("pm-promises", w.say("pm-promises-are", &promises)),
            ("pm-etas", each(n.etas_held, n.etas_late, "pm-etas-are")),
        ];
        all.iter().map(|(key, value)| self.fact(key, value)).collect()
    }

    fn corrections(&self) -> Vec<String> {
        let all = self.i.updates.iter().filter(|u| is_correction(&u.said));
        let one = |u: &stillhere_model::Update| {
            let said = self.w.said(&u.said, self.s, clean::BODY_CHARS);
            format!("{}: {}", self.w.full(u.at), self.text(&said))
        };
        all.map(one).collect()
    }

    fn fact(&self, key: &str, value: &str) -> String {
        format!("{}: {value}", self.w.plain(key))
    }

    fn list(&self, out: &mut String, lines: &[String]) {
        for line in lines {
            self.line(out, &format!("- {line}"));
        }
    }

    fn moment(&self, m: &Moment) -> String {
        let w = self.w;
        let by = |by: &Author| match by {
            Author::Automatic => w.plain("by-automatic"),
            Author::Person(_) if self.to == Reader::Visitors => w.plain("pm-our-team"),
            Author::Person(name) => clean::line(clean::who(name), clean::TITLE_CHARS),
        };
        match &m.what {
            What::Began => w.plain("pm-at-began"),
            What::Detected => w.plain("pm-at-detected"),
            What::Acknowledged { by: who } => w.say("pm-at-acknowledged", &[("who", by(who).into())]),
            What::Said { update, by: who, said } => {
                let text = match corrected(self.i, update) {
                    Some(now) => clean::block(now.get(w.lang), clean::BODY_CHARS),
                    None => w.said(said, self.s, clean::BODY_CHARS),
                };
                let status =
                    self.i.updates.iter().find(|u| &u.id == update).map(|u| incident_status(w, u.status));
                let args = [
                    ("status", status.unwrap_or_default().into()),
                    ("text", text.into()),
                    ("who", by(who).into()),
                ];
                w.say("pm-at-said", &args)
            }
            What::PromiseMissed { due } => w.say("pm-at-missed", &[("due", self.clock(*due).into())]),
            What::EtaShown { by: Some(t) } => w.say("pm-at-eta", &[("by", self.clock(*t).into())]),
            What::EtaShown { by: None } => w.plain("pm-at-eta-none"),
            What::EtaPassed { by: t } => w.say("pm-at-eta-passed", &[("by", self.clock(*t).into())]),
            What::Recovered => w.plain("pm-at-recovered"),
            What::Resolved => w.plain("pm-at-resolved"),
        }
    }

    fn clock(&self, t: Time) -> String {
        self.w.clock(t, self.i.started_at)
    }

    fn blank(&self) -> &'static str {
        match self.w.lang {
            Lang::En => BLANKS[0],
            Lang::ZhCn => BLANKS[1],
        }
    }

    fn to_write(&self, out: &mut String, ask: &str) {
        self.line(out, &format!("**{}** {}", self.blank(), self.w.plain(ask)));
    }

    fn head(&self, out: &mut String, key: &str) {
        let _infallible = writeln!(out, "\n## {}\n", self.w.plain(key));
    }

    fn line(&self, out: &mut String, line: &str) {
        let _infallible = writeln!(out, "{line}");
    }

    /// Text that somebody else wrote, in one line, with nothing in it that Markdown or a renderer of it would take for its own.
    fn text(&self, text: &str) -> String {
        let text = clean::line(text, clean::BODY_CHARS);
        if self.to == Reader::Visitors {
            return text;
        }
        let mut out = String::new();
        for c in text.chars() {
            match c {
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '&' => out.push_str("&amp;"),
                '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' | '!' => {
                    out.push('\\');
                    out.push(c);
                }
                c => out.push(c),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests;
