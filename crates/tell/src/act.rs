//! The page behind a link in a staff mail: what is known, and two things to do about it, at three in the morning, on a
//! phone, without logging in.
//!
//! Opening it does nothing; mail scanners open everything. It has no script, so that what is sent is what is read.

use crate::{
    clean,
    page::{assets, class, cut, links, part::incident_status, template},
    snapshot::Snapshot,
    words::{Words, corrected},
};
use minijinja::{Value, context};
use serde::Serialize;
use std::{collections::BTreeMap, sync::OnceLock};
use stillhere_model::{
    Author, Incident, IncidentStatus, Lang, Link, LinkRefusal, Said, ServiceId, Status, Text, Time,
};

/// Minutes to the next update that can be promised here.
pub const WITHIN: [u64; 5] = [10, 20, 30, 60, 120];
/// The one that is chosen unless somebody chooses another.
const WITHIN_USUAL: u64 = 20;
/// Longest text that is taken here, in characters: that of any update.
const TEXT_CHARS: usize = 10_000;

/// What the reader wrote, when it could not be published.
#[derive(Debug, Clone, Default)]
pub struct Written {
    pub texts: BTreeMap<Lang, String>,
    pub problem: Option<Problem>,
}

/// Why nothing was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    Empty,
    Used,
    /// The reason is an error of the API, in English.
    Refused(String),
    Later,
}

#[derive(Serialize)]
struct Field {
    lang: &'static str,
    label: String,
    text: String,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    name: String,
    chosen: bool,
}

#[derive(Serialize)]
struct Fact {
    name: String,
    text: String,
}

/// The page for a link that may be opened. `snapshot` is what staff may see.
#[must_use]
pub fn page(snapshot: &Snapshot, i: &Incident, link: &Link, lang: Lang, written: &Written) -> String {
    let w = &Words::new(lang, &snapshot.site.time_zone);
    let open = i.status.is_open();
    let mine = |by: &Author| matches!(by, Author::Person(name) if clean::who(name) == link.sent_to);
    let taken = i
        .acknowledged()
        .filter(|a| mine(&a.by))
        .map(|a| w.say("act-taken", &[("time", w.full(a.at).into())]));
    let used = link.used_at.map(|t| w.say("act-used", &[("time", w.full(t).into())]));
    let over = i.resolved_at.filter(|_| !open).map(|t| w.say("act-over", &[("time", w.full(t).into())]));
    let fields: Vec<Field> = snapshot
        .site
        .languages
        .iter()
        .map(|l| Field {
            lang: l.tag(),
            label: w.say("act-text", &[("language", links::own_name(*l).into())]),
            text: written
                .texts
                .get(l)
                .map_or_else(|| draft(i, snapshot, *l), |text| clean::block(text, TEXT_CHARS)),
        })
        .collect();
    let statuses = [IncidentStatus::Investigating, IncidentStatus::Identified, IncidentStatus::Monitoring];
    let statuses = statuses.map(|s| Choice {
        value: s.as_str().to_owned(),
        name: incident_status(w, s),
        chosen: s == i.status,
    });
    let within = WITHIN.map(|n| Choice {
        value: n.to_string(),
        name: w.say("act-minutes", &[("n", n.into())]),
        chosen: n == WITHIN_USUAL,
    });
    let who = clean::line(&link.sent_to, clean::TITLE_CHARS);
    let acting = [("who", who.into()), ("until", w.full(link.expires_at).into())];
    let problem = written.problem.as_ref().map(|p| match p {
        Problem::Empty => w.plain("act-problem-empty"),
        Problem::Used => w.plain("act-problem-used"),
        Problem::Refused(why) => {
            w.say("act-problem-refused", &[("why", clean::line(why, clean::TITLE_CHARS).into())])
        }
        Problem::Later => w.plain("act-problem-later"),
    });
    let class = if open { class::impact(i.impact) } else { "o" };
    let form = context! {
        acting => w.say("act-as", &acting),
        facts => cut::serde(facts(i, snapshot, w)),
        can_take => open && taken.is_none(),
        can_write => open && used.is_none(),
        taken, used, over, problem,
        fields => cut::serde(&fields),
        statuses => cut::serde(&statuses),
        within => cut::serde(&within),
        text_chars => TEXT_CHARS,
        home => links::incident_url(snapshot, &i.id),
    };
    frame(snapshot, w, &w.title(i, snapshot), class, form)
}

/// The page for a link that does nothing.
#[must_use]
pub fn closed(snapshot: &Snapshot, lang: Lang, why: LinkRefusal) -> String {
    let w = &Words::new(lang, &snapshot.site.time_zone);
    let key = match why {
        LinkRefusal::Unknown => "act-problem-unknown",
        LinkRefusal::Expired => "act-problem-expired",
        LinkRefusal::Revoked => "act-problem-revoked",
        LinkRefusal::Used => "act-problem-used",
        LinkRefusal::NotStaff => "act-problem-not-staff",
    };
    let form = context! {
        acting => "", facts => Vec::<Value>::new(), can_take => false, can_write => false,
        taken => (), used => (), over => (), problem => w.plain(key),
        fields => Vec::<Value>::new(), statuses => Vec::<Value>::new(), within => Vec::<Value>::new(),
        text_chars => TEXT_CHARS, home => links::base(snapshot),
    };
    frame(snapshot, w, &w.plain("act-problem-title"), "u", form)
}

fn frame(snapshot: &Snapshot, w: &Words, title: &str, class: &str, form: Value) -> String {
    let safe = |text: &str| Value::from_safe_string(text.to_owned());
    let languages: Vec<Value> = snapshot
        .site
        .languages
        .iter()
        .filter(|l| **l != w.lang)
        .map(|l| context! { tag => l.tag(), name => links::own_name(*l) })
        .collect();
    let frame = context! {
        lang => w.lang.tag(),
        title, class, languages,
        site => w.name(&snapshot.site.name),
        css => safe(css()),
        icon => safe(&assets::icon(class)),
        glyph => safe(assets::glyph(class)),
    };
    template::render("act.html", context! { ..frame, ..form }).unwrap_or_else(|error| {
        debug_assert!(false, "act.html: {error:#}");
        format!("<!doctype html><meta charset=utf-8><title>{0}</title><h1>{0}</h1>", clean::xml(title))
    })
}

fn facts(i: &Incident, s: &Snapshot, w: &Words) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |key: &str, text: String| facts.push(Fact { name: w.plain(key), text });
    add("act-began", w.full(i.started_at));
    let affected: Vec<String> = i
        .affected
        .iter()
        .filter_map(|a| {
            let name = w.service(&a.service, s)?;
            let status = w.status(if i.status.is_open() { a.now } else { a.worst });
            Some(w.say("mail-affected-one", &[("name", name.into()), ("status", status.into())]))
        })
        .collect();
    if !affected.is_empty() {
        add("act-affected", w.list(&affected));
    }
    let seen = i.affected.iter().filter(|a| a.until.is_none()).find_map(|a| s.service(&a.service));
    if let Some(view) = seen {
        add("act-seen", w.reason(&view.verdict, s));
    }
    if let Some(name) = i.origin.as_ref().and_then(|o| w.service(o, s)) {
        add("act-origin", name);
    }
    if let Some(u) = i.updates.last() {
        let url = links::incident_url(s, &i.id);
        let text = match corrected(i, &u.id) {
            Some(now) => w.body(now, &url),
            None => w.said_in_list(&u.said, s, &url),
        };
        add("act-said", format!("{}: {text}", w.full(u.at)));
    }
    let next = i.open_promise().map(|p| w.say("act-next-due", &[("due", w.full(p.due).into())]));
    add("act-next", next.unwrap_or_else(|| w.plain("act-next-none")));
    let has = i.acknowledged().map(|a| {
        let name = match &a.by {
            Author::Person(name) => clean::line(clean::who(name), clean::TITLE_CHARS),
            Author::Automatic => String::new(),
        };
        w.say("act-has-who", &[("who", name.into()), ("time", w.full(a.at).into())])
    });
    add("act-has", has.unwrap_or_else(|| w.plain("act-has-nobody")));
    facts
}

/// The next thing to say, from what is known: never more than that.
#[must_use]
pub fn draft(i: &Incident, s: &Snapshot, lang: Lang) -> String {
    let w = Words::new(lang, &s.site.time_zone);
    let still: Vec<&ServiceId> =
        i.affected.iter().filter(|a| a.until.is_none()).map(|a| &a.service).collect();
    let all: Vec<&ServiceId> = i.affected.iter().map(|a| &a.service).collect();
    let since = |t: Time| w.clock(t, s.made_at);
    if still.is_empty() && !all.is_empty() {
        return w.say("draft-recovering", &[("services", w.services(all, s).into())]);
    }
    let worst = i
        .affected
        .iter()
        .filter(|a| a.until.is_none())
        .map(|a| a.now)
        .fold(Status::Operational, Status::worst);
    let services = w.services(still.iter().copied(), s);
    let spoken = i.updates.iter().any(|u| matches!((&u.by, &u.said), (Author::Person(_), Said::Text { .. })));
    let mut sentences = Vec::new();
    if spoken && worst.is_problem() {
        let args = [
            ("services", services.into()),
            ("status", w.status(worst).into()),
            ("time", since(i.started_at).into()),
        ];
        sentences.push(w.say("draft-still", &args));
    } else {
        let key =
            if worst.is_problem() { format!("draft-{}", worst.as_str()) } else { "draft-other".to_owned() };
        let time = ("time", since(i.started_at).into());
        let args = [("services", services.into()), time];
        sentences.push(w.say(&key, &args));
    }
    let origin = i.origin.as_ref().filter(|o| still.contains(o)).and_then(|o| w.service(o, s));
    match origin {
        Some(origin) if still.len() > 1 => {
            sentences.push(w.say("draft-origin", &[("origin", origin.into())]))
        }
        _ if !spoken => sentences.push(w.plain("draft-no-cause")),
        _ => {}
    }
    w.sentences(&sentences)
}

/// What was written, as the text of an update; `None` when it is nothing.
#[must_use]
pub fn text_of(texts: &BTreeMap<Lang, String>) -> Option<Text> {
    let each: BTreeMap<Lang, String> = texts
        .iter()
        .map(|(lang, text)| (*lang, text.replace("\r\n", "\n").trim().to_owned()))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    (!each.is_empty()).then_some(Text::Each(each))
}

fn css() -> &'static str {
    static CSS: OnceLock<String> = OnceLock::new();
    CSS.get_or_init(|| assets::with_base(include_str!("../../../web/status/act.css")))
}

/// The Content-Security-Policy of the page: nothing runs, nothing is loaded, forms go back to where they came from.
#[must_use]
pub fn csp() -> &'static str {
    static CSP: OnceLock<String> = OnceLock::new();
    CSP.get_or_init(|| {
        format!(
            "default-src 'none'; style-src {}; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            assets::hash(css())
        )
    })
}

#[cfg(test)]
mod tests;
