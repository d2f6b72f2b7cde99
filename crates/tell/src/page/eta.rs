//! When it is likely to be over, as the page shows it: the time, what it rests on, what was said before, and how such
//! times turned out.

use super::part::{When, when};
use crate::{snapshot::Snapshot, words::Words};
use serde::Serialize;
use stillhere_model::{Basis, Eta, Incident, IncidentStatus};

/// Earlier times named beside the one in force; all of them are on the incident's own page.
const BEFORE_MAX: usize = 3;

#[derive(Serialize)]
pub(super) struct EtaPart {
    text: String,
    /// It has passed, or was taken back.
    missed: bool,
    basis: Option<String>,
    record: Option<String>,
    before: Vec<Before>,
}

/// A time that was given before the one in force.
#[derive(Serialize)]
struct Before {
    by: When,
    /// It had passed before it was replaced.
    passed: bool,
}

/// One time that was given, for the list of all.
#[derive(Serialize)]
pub(super) struct GivenPart {
    at: When,
    text: String,
    state: String,
}

/// `None` where nothing is expected any more: it is over, or everything is good again and being verified.
pub(super) fn shown(i: &Incident, s: &Snapshot, w: &Words) -> Option<EtaPart> {
    if !i.status.is_open() || i.seems_over_since().is_some() {
        return None;
    }
    let none = |text: String, missed| EtaPart { text, missed, basis: None, record: None, before: Vec::new() };
    let Some(last) = i.etas.last() else {
        let verifying = i.status == IncidentStatus::Monitoring;
        return (!verifying).then(|| none(w.plain("eta-none"), false));
    };
    let near = s.made_at;
    let clock = |t| w.clock(t, near).into();
    let earlier = i.etas.iter().rev().skip(1).filter_map(|e| Some((e.by?, e.passed_at.is_some())));
    let before: Vec<Before> =
        earlier.take(BEFORE_MAX).map(|(t, passed)| Before { by: when(w, t, near), passed }).collect();
    let Some(by) = last.by else {
        return Some(EtaPart { before, ..none(w.plain("eta-taken-back"), true) });
    };
    let text = match (&last.basis, last.half) {
        _ if last.passed_at.is_some() => w.say("eta-passed", &[("by", clock(by))]),
        (Basis::Person { .. }, _) => w.say("eta-person", &[("by", clock(by))]),
        (Basis::Record { .. }, Some(half)) if half < by && half > near => {
            w.say("eta-computed", &[("by", clock(by)), ("half", clock(half))])
        }
        (Basis::Record { .. }, _) => w.say("eta-computed-bare", &[("by", clock(by))]),
    };
    let score = if last.is_computed() { s.eta_record.computed } else { s.eta_record.people };
    let key = if last.is_computed() { "eta-record" } else { "eta-record-people" };
    let record =
        (score.given > 0).then(|| w.say(key, &[("given", score.given.into()), ("held", score.held.into())]));
    Some(EtaPart { text, missed: last.passed_at.is_some(), basis: basis(last, w), record, before })
}

fn basis(eta: &Eta, w: &Words) -> Option<String> {
    let Basis::Record { own, alike, others } = &eta.basis else { return None };
    let key = if *others { "eta-basis-others" } else { "eta-basis" };
    Some(w.say(key, &[("own", (*own).into()), ("alike", (*alike).into())]))
}

/// A line for mails and feeds. `None` where no time is in force, or it has passed.
pub(crate) fn line(i: &Incident, w: &Words) -> Option<String> {
    let eta = i.eta().filter(|e| e.passed_at.is_none())?;
    let by = w.full(eta.by?);
    Some(match eta.is_computed() {
        true => w.say("eta-computed-bare", &[("by", by.into())]),
        false => w.say("eta-person", &[("by", by.into())]),
    })
}

/// Everything that was said, newest first, each with how it turned out.
pub(super) fn given(i: &Incident, s: &Snapshot, w: &Words) -> Vec<GivenPart> {
    let near = s.made_at;
    let part = |e: &Eta| {
        let text = match e.by {
            None => w.plain("eta-taken-back"),
            Some(by) if e.is_computed() => w.say("eta-given", &[("by", w.clock(by, near).into())]),
            Some(by) => w.say("eta-given-person", &[("by", w.clock(by, near).into())]),
        };
        let state = match i.held(e, near) {
            _ if e.by.is_none() => String::new(),
            Some(true) => w.plain("eta-held"),
            Some(false) => w.plain("eta-late"),
            None => w.plain("promise-open"),
        };
        GivenPart { at: when(w, e.shown_at, near), text, state }
    };
    i.etas.iter().rev().map(part).collect()
}
