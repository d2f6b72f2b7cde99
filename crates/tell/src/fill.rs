//! What is put in the places of a template, in one language: facts that are public, in the page's own words. What is not known
//! stays as it is written, and is named.

use crate::{clean, snapshot::Snapshot, words::Words};
use stillhere_model::{
    Incident, Time,
    template::{Piece, Placeholder, TemplateFault, pieces},
};

/// A text with its places filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    pub text: String,
    /// Where nothing is known that could stand there; the text still has the place.
    pub missing: Vec<Placeholder>,
    pub used: Vec<Placeholder>,
}

/// `incident` as it is once the update is published; `snapshot`: what visitors see.
///
/// # Errors
/// When it is no template.
pub fn fill(
    text: &str,
    incident: &Incident,
    snapshot: &Snapshot,
    words: &Words,
    now: Time,
) -> Result<Filled, TemplateFault> {
    let mut filled = Filled { text: String::new(), missing: Vec::new(), used: Vec::new() };
    for piece in pieces(text)? {
        match piece {
            Piece::Words(w) => filled.text.push_str(&w),
            Piece::Place(p) => {
                match value(p, incident, snapshot, words, now) {
                    Some(v) => filled.text.push_str(&v),
                    None => {
                        filled.missing.push(p);
                        filled.text.push_str(&p.to_string());
                    }
                }
                filled.used.push(p);
            }
        }
    }
    Ok(filled)
}

fn value(p: Placeholder, i: &Incident, s: &Snapshot, words: &Words, now: Time) -> Option<String> {
    // Readers of a mail may be anywhere: a time says its zone.
    let time = |t: Time| {
        words.say("time-zone", &[("time", words.clock(t, now).into()), ("zone", words.offset(t).into())])
    };
    match p {
        Placeholder::Services => {
            let now = || i.affected.iter().filter(|a| a.until.is_none());
            let all =
                if now().next().is_some() { now().collect::<Vec<_>>() } else { i.affected.iter().collect() };
            let names: Vec<String> = all.iter().filter_map(|a| words.service(&a.service, s)).collect();
            (!names.is_empty()).then(|| clean::line(&words.list(&names), clean::WHOLE_CHARS))
        }
        Placeholder::Began => Some(time(i.started_at)),
        Placeholder::Duration => {
            let ms = i.resolved_at.unwrap_or(now).since(i.started_at).as_millis();
            let whole = u64::try_from(ms).unwrap_or(u64::MAX) / 1_000 * 1_000;
            // Seconds say nothing once there are minutes.
            let whole = if whole > 60_000 { whole / 60_000 * 60_000 } else { whole };
            Some(words.duration(whole))
        }
        Placeholder::NextUpdate => {
            let open = i.status.is_open();
            let promise = i.promises.last().filter(|p| open && p.kept_at.is_none() && p.due > now)?;
            Some(time(promise.due))
        }
        Placeholder::Eta => {
            let eta = i.eta().filter(|e| i.status.is_open() && e.passed_at.is_none())?;
            eta.by.filter(|by| *by > now).map(time)
        }
    }
}
