//! What the templates show of an incident and a maintenance: every word ready, every list bounded.

use super::{
    class,
    eta::{self, EtaPart},
    links::Links,
};
use crate::{
    clean,
    snapshot::Snapshot,
    words::{Words, corrected},
};
use serde::Serialize;
use stillhere_model::{
    Author, Incident, IncidentStatus, Maintenance, MaintenanceStatus, Prevention, Promise, Said, Time, Update,
};

/// Services named by one incident.
const AFFECTED_MAX: usize = 12;
/// Updates of an incident on the front page; its own page has up to [`UPDATES_MAX`].
const UPDATES_BRIEF: usize = 4;
const UPDATES_MAX: usize = 200;
/// Characters of one update on the front page.
const BRIEF_CHARS: usize = 700;
/// Characters of one update on the incident's own page: everything that a person may write in one.
const WHOLE_CHARS: usize = clean::WHOLE_CHARS;

/// A time for people and for machines.
#[derive(Serialize)]
pub(super) struct When {
    iso: String,
    text: String,
}

#[derive(Serialize)]
pub(super) struct IncidentPart {
    pub(super) title: String,
    href: Option<String>,
    class: &'static str,
    status: String,
    doing: Option<String>,
    unstable: bool,
    affected: Vec<AffectedPart>,
    affected_more: usize,
    began: When,
    began_first: Option<When>,
    ended: Option<When>,
    ended_first: Option<When>,
    lasted: Option<String>,
    eta: Option<EtaPart>,
    next: Option<Next>,
    updates: Vec<UpdatePart>,
    updates_more: usize,
}

#[derive(Serialize)]
struct AffectedPart {
    name: String,
    word: String,
    class: &'static str,
}

#[derive(Serialize)]
struct Next {
    due: When,
    missed: Option<String>,
}

#[derive(Serialize)]
struct UpdatePart {
    status: String,
    at: When,
    by: String,
    text: String,
    before: Option<String>,
}

#[derive(Serialize)]
pub(super) struct MaintenancePart {
    pub(super) title: String,
    href: Option<String>,
    status: String,
    from: When,
    until: When,
    late: bool,
    services: String,
    expect: Option<String>,
    body: Option<String>,
    updates: Vec<UpdatePart>,
}

#[derive(Serialize)]
pub(super) struct PastPart {
    title: String,
    href: String,
    class: &'static str,
    began: When,
    lasted: Option<String>,
    last: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct PreventionPart {
    what: String,
    state: String,
}

#[derive(Serialize)]
pub(super) struct PromisePart {
    due: When,
    state: String,
}

/// How much of an incident is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Brief,
    Whole,
}

pub(super) fn when(w: &Words, t: Time, near: Time) -> When {
    When { iso: t.to_string(), text: w.clock(t, near) }
}

pub(super) fn incident(
    i: &Incident,
    snapshot: &Snapshot,
    w: &Words,
    links: &Links<'_>,
    extent: Extent,
) -> IncidentPart {
    let near = snapshot.made_at;
    let open = i.status.is_open();
    let (max, chars) = match extent {
        Extent::Brief => (UPDATES_BRIEF, BRIEF_CHARS),
        Extent::Whole => (UPDATES_MAX, WHOLE_CHARS),
    };
    let named: Vec<AffectedPart> = i
        .affected
        .iter()
        .filter_map(|a| {
            let status = if open { a.now } else { a.worst };
            let name = w.service(&a.service, snapshot)?;
            Some(AffectedPart { name, word: w.status(status), class: class::status(status) })
        })
        .collect();
    let affected_more = named.len().saturating_sub(AFFECTED_MAX);
    IncidentPart {
        title: w.title(i, snapshot),
        href: (extent == Extent::Brief).then(|| links.incident(&i.id)),
        class: if open { class::impact(i.impact) } else { "o" },
        status: incident_status(w, i.status),
        doing: (i.status == IncidentStatus::Investigating).then(|| w.plain("doing-investigating")),
        unstable: open && i.unstable,
        affected: named.into_iter().take(AFFECTED_MAX).collect(),
        affected_more,
        began: when(w, i.started_at, near),
        began_first: first_said(i, |s| match s {
            Said::StartCorrected { from, .. } => Some(*from),
            _ => None,
        })
        .map(|t| when(w, t, near)),
        ended: i.resolved_at.map(|t| when(w, t, near)),
        ended_first: first_said(i, |s| match s {
            Said::EndCorrected { from, .. } => Some(*from),
            _ => None,
        })
        .map(|t| when(w, t, near)),
        lasted: lasted(i, w),
        eta: eta::shown(i, snapshot, w),
        next: i.promises.last().filter(|_| open).and_then(|p| next(p, w, near)),
        updates: i.updates.iter().rev().take(max).map(|u| update(u, i, snapshot, w, chars)).collect(),
        updates_more: i.updates.len().saturating_sub(max),
    }
}

fn first_said(i: &Incident, pick: impl Fn(&Said) -> Option<Time>) -> Option<Time> {
    i.updates.iter().find_map(|u| pick(&u.said))
}

/// Sums over a day are said in whole seconds, at least one.
pub(super) fn whole_seconds(ms: u64) -> u64 {
    (ms / 1_000).max(1) * 1_000
}

/// As it is said: whole seconds, at least one. `None`: it is not over.
pub(crate) fn lasted_ms(i: &Incident) -> Option<u64> {
    let ms = i.resolved_at?.since(i.started_at).as_millis();
    Some(whole_seconds(u64::try_from(ms).unwrap_or(u64::MAX)))
}

pub(super) fn lasted(i: &Incident, w: &Words) -> Option<String> {
    lasted_ms(i).map(|ms| w.duration(ms))
}

pub(crate) fn incident_status(w: &Words, status: IncidentStatus) -> String {
    w.plain(&format!("incident-status-{}", status.as_str()))
}

/// The promise in force, or the one that was missed and not yet made good.
fn next(p: &Promise, w: &Words, near: Time) -> Option<Next> {
    let due = when(w, p.due, near);
    match p {
        Promise { missed_at: Some(_), .. } => {
            Some(Next { missed: Some(w.say("next-missed", &[("due", due.text.as_str().into())])), due })
        }
        Promise { kept_at: Some(_), .. } | Promise { withdrawn: Some(_), .. } => None,
        _ => Some(Next { due, missed: None }),
    }
}

pub(super) fn promise(p: &Promise, w: &Words, near: Time) -> PromisePart {
    let key = match p {
        Promise { missed_at: Some(_), .. } => "promise-missed",
        Promise { kept_at: Some(_), .. } => "promise-kept",
        Promise { withdrawn: Some(_), .. } => "promise-withdrawn",
        _ => "promise-open",
    };
    PromisePart { due: when(w, p.due, near), state: w.plain(key) }
}

pub(crate) fn prevention(p: &Prevention, w: &Words, near: Time) -> PreventionPart {
    let day = |t: Time| w.date(w.zoned(t).date(), near);
    let state = match p.done_at {
        None if let Some(at) = p.dropped_at => w.say("prevention-dropped", &[("date", day(at).into())]),
        Some(at) if at > p.due => {
            w.say("prevention-late", &[("date", day(at).into()), ("due", day(p.due).into())])
        }
        Some(at) => w.say("prevention-done", &[("date", day(at).into())]),
        None if p.due < near => w.say("prevention-overdue", &[("due", day(p.due).into())]),
        None => w.say("prevention-due", &[("due", day(p.due).into())]),
    };
    PreventionPart { what: w.name(&p.what), state }
}

impl PreventionPart {
    /// In one line of a text.
    pub(crate) fn line(&self) -> String {
        format!("{} – {}", self.what, self.state)
    }
}

/// An update with the words in force, and those it had before if it was corrected.
fn update(u: &Update, i: &Incident, snapshot: &Snapshot, w: &Words, chars: usize) -> UpdatePart {
    let now = corrected(i, &u.id);
    let said = w.said(&u.said, snapshot, chars);
    let (text, before) = match now {
        Some(now) => (clean::block(now.get(w.lang), chars), Some(said)),
        None => (said, None),
    };
    UpdatePart {
        status: incident_status(w, u.status),
        at: when(w, u.at, snapshot.made_at),
        by: author(w, &u.by),
        text,
        before,
    }
}

/// Persons are not named in public.
fn author(w: &Words, by: &Author) -> String {
    w.plain(match by {
        Author::Automatic => "by-automatic",
        Author::Person(_) => "by-person",
    })
}

pub(super) fn maintenance(
    m: &Maintenance,
    snapshot: &Snapshot,
    w: &Words,
    links: &Links<'_>,
    extent: Extent,
) -> MaintenancePart {
    let near = snapshot.made_at;
    let chars = if extent == Extent::Brief { BRIEF_CHARS } else { WHOLE_CHARS };
    let coming = matches!(m.status, MaintenanceStatus::Scheduled) || m.status.is_active();
    let max = if extent == Extent::Brief { UPDATES_BRIEF } else { UPDATES_MAX };
    let update = |u: &Update| UpdatePart {
        status: String::new(),
        at: when(w, u.at, near),
        by: author(w, &u.by),
        text: w.said(&u.said, snapshot, chars),
        before: None,
    };
    MaintenancePart {
        title: w.name(&m.title),
        href: (extent == Extent::Brief).then(|| links.maintenance(&m.id)),
        status: w.plain(&format!("maintenance-status-{}", m.status.as_str())),
        from: when(w, m.starts_at, near),
        until: when(w, m.completed_at.unwrap_or(m.ends_at), near),
        late: m.status.is_active() && near > m.ends_at,
        services: if m.services.is_empty() { String::new() } else { w.services(&m.services, snapshot) },
        expect: coming.then(|| w.plain(&format!("expect-{}", m.expect.as_str()))),
        body: m.body.as_ref().map(|b| clean::block(b.get(w.lang), chars)),
        updates: m.updates.iter().rev().take(max).map(update).collect(),
    }
}

pub(super) fn past(i: &Incident, snapshot: &Snapshot, w: &Words, links: &Links<'_>) -> PastPart {
    PastPart {
        title: w.title(i, snapshot),
        href: links.incident(&i.id),
        class: if i.status.is_open() { class::impact(i.impact) } else { "o" },
        began: when(w, i.started_at, snapshot.made_at),
        lasted: lasted(i, w),
        last: i
            .updates
            .last()
            .map(|u| clean::line(&w.said(&u.said, snapshot, clean::TITLE_CHARS), clean::TITLE_CHARS)),
    }
}
