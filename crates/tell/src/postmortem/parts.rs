//! The draft as visitors would read it, part by part: plain text, because a status page, a mail and a feed show text as it is;
//! without the names of people; and of services and items only those that visitors see.

use super::{Reader, Sheet, What, facts};
use crate::{clean, page::part, snapshot::Snapshot, words::Words};
use serde::Serialize;
use stillhere_model::{Incident, IncidentStatus, Lang, Said};

/// Of what was said, so much stands in one line of the timeline: all of it stands on the same page.
const SAID_CHARS: usize = 200;

#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// The same in every language.
    pub key: &'static str,
    pub head: String,
    /// What only people know.
    pub ask: Option<String>,
    /// What the record knows, in lines; may be empty.
    pub facts: String,
}

/// `snapshot` is what visitors see.
#[must_use]
pub fn parts(i: &Incident, snapshot: &Snapshot, lang: Lang) -> Vec<Part> {
    let w = Words::new(lang, &snapshot.site.time_zone);
    let p = facts(i, snapshot);
    let sheet = Sheet { i, s: snapshot, w: &w, p: &p, to: Reader::Visitors };
    let part = |key: &'static str, head: &str, ask: Option<&str>, facts: Vec<String>| Part {
        key,
        head: w.plain(head),
        ask: ask.map(|a| w.plain(a)),
        facts: facts.join("\n"),
    };
    let mut all = vec![
        part("short", "pm-short", Some("pm-ask-short"), sheet.outline()),
        part("cause", "pm-cause", Some("pm-ask-cause"), Vec::new()),
        part("factors", "pm-factors", Some("pm-ask-factors"), Vec::new()),
        part("well", "pm-well", Some("pm-ask-well"), Vec::new()),
        part("badly", "pm-badly", Some("pm-ask-badly"), Vec::new()),
        part("timeline", "pm-timeline", None, sheet.moments()),
        part("numbers", "pm-numbers", None, sheet.numbers()),
        part("corrections", "pm-corrections", None, sheet.corrections()),
        part("preventions", "preventions", None, sheet.public_items()),
    ];
    all.retain(|p| p.ask.is_some() || !p.facts.is_empty());
    all
}

// === impl Sheet ===

impl Sheet<'_> {
    fn moments(&self) -> Vec<String> {
        let of_a_post_mortem = |what: &What| match what {
            What::Said { update, .. } => {
                let said = self.i.updates.iter().find(|u| &u.id == update);
                said.is_some_and(|u| u.status == IncidentStatus::Postmortem)
            }
            _ => false,
        };
        let told = self.p.timeline.iter().filter(|m| !of_a_post_mortem(&m.what));
        let line = |m: &super::Moment| {
            let text = match &m.what {
                What::Said { said: Said::Text { .. }, .. } => clean::line(&self.moment(m), SAID_CHARS),
                _ => self.text(&self.moment(m)),
            };
            format!("{}  {text}", self.clock(m.at))
        };
        told.map(line).collect()
    }

    fn public_items(&self) -> Vec<String> {
        let all = self.i.preventions.iter().filter(|p| p.public);
        all.map(|p| part::prevention(p, self.w, self.s.made_at).line()).collect()
    }
}
