//! Filling the places of a template when the update is published, in the very decision that publishes it: a promise that the text
//! names is the promise that is made.

use crate::flow::Flow;
use std::collections::BTreeMap;
use stillhere_model::{By, Command, Incident, Lang, Moment, Refusal, Text, template::Placeholder};
use stillhere_tell::{fill::fill, words::Words};

/// What an update would make of an incident.
#[derive(Debug, Clone)]
pub struct Previewed {
    pub incident: Box<Incident>,
    /// Places for which nothing is known; they stand in the text as they were written.
    pub missing: Vec<Placeholder>,
}

// === impl Flow ===

impl Flow {
    /// `command` with its places filled.
    ///
    /// # Errors
    /// As the command itself; and where nothing is known that could be put in.
    pub(crate) fn filled(&self, by: &By, command: Command, now: Moment) -> Result<Command, Refusal> {
        let (command, missing) = self.filled_as_far(by, command, now)?;
        match missing.first() {
            None => Ok(command),
            Some(p) => Err(invalid(format!("{p} has nothing to stand for: {}", p.why_not()))),
        }
    }

    /// The same, where what is not known may stay.
    pub(crate) fn filled_as_far(
        &self,
        by: &By,
        mut command: Command,
        now: Moment,
    ) -> Result<(Command, Vec<Placeholder>), Refusal> {
        let after = self.preview(by.clone(), command.clone(), now)?;
        let text = match &mut command {
            Command::UpdateIncident { text, .. } | Command::ResolveIncident { text: Some(text), .. } => text,
            _ => return Ok((command, Vec::new())),
        };
        let public = self.public.snapshot(now.wall);
        let languages: Vec<Lang> = match text {
            // The same words for all, but what is put in has its own in each language.
            Text::Same(_) => public.site.languages.clone(),
            Text::Each(written) => written.keys().copied().collect(),
        };
        let (mut texts, mut missing, mut promised) = (BTreeMap::new(), Vec::new(), false);
        for lang in languages {
            let words = Words::new(lang, &public.site.time_zone);
            let filled = fill(text.get(lang), &after, &public, &words, now.wall)
                .map_err(|fault| invalid(fault.to_string()))?;
            promised |= filled.used.contains(&Placeholder::NextUpdate);
            missing.extend(filled.missing);
            texts.insert(lang, filled.text);
        }
        missing.sort_unstable();
        missing.dedup();
        *text = Text::Each(texts);
        if let Command::UpdateIncident { next_update_by, .. } = &mut command
            && promised
            && let Some(promise) = after.promises.last().filter(|p| p.kept_at.is_none())
        {
            // What was said is what is promised, to the millisecond.
            *next_update_by = Some(promise.due);
        }
        Ok((command, missing))
    }

    pub(crate) fn preview_filled(&self, by: By, command: Command, now: Moment) -> Result<Previewed, Refusal> {
        let (command, missing) = self.filled_as_far(&by, command, now)?;
        Ok(Previewed { incident: self.preview(by, command, now)?, missing })
    }
}

fn invalid(problem: String) -> Refusal {
    Refusal::Invalid { field: "text".to_owned(), problem }
}
