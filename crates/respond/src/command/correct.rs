//! Corrections of the record. What was said stays and the correction stands beside it; amendments make
//! bars, uptime and durations follow.

use super::{UPDATES_BY_HAND_MAX, by_hand, too_many};
use crate::{
    desk::Desk,
    words::{self, invalid},
};
use std::time::Duration;
use stillhere_model::{
    Accepted, Amendment, Author, Command, Entry, Incident, IncidentId, Occasion, Refusal, Said, Status, Text,
    Time, Update, UpdateId,
};

/// A service that came in within this time of the incident's start (or left so shortly before its end) is
/// taken to have been part of it from the start (or to the end), so a corrected start (or end) is its, too.
pub const EDGE: Duration = Duration::from_mins(1);

// === impl Desk ===

impl Desk<'_> {
    pub(super) fn correct_incident(&mut self, by: String, command: Command) -> Result<Accepted, Refusal> {
        let Command::CorrectIncident { incident: id, started_at, resolved_at, update, note } = command else {
            return Err(invalid("command", "is not a correction"));
        };
        let Some(incident) = self.state.incident(id) else { return Err(Refusal::NoSuchIncident { id }) };
        let note = note.as_ref().map(|n| words::body("note", n)).transpose()?;
        let update = update.map(|(u, t)| words::body("update", &t).map(|t| (u, t))).transpose()?;
        let start = started_at.filter(|t| *t != incident.started_at);
        let end = match (resolved_at, incident.resolved_at) {
            (Some(_), None) => return Err(Refusal::StillOpen),
            (Some(to), Some(from)) => Some(to).filter(|to| *to != from),
            (None, _) => None,
        };
        if let Some(at) = start {
            self.check_start(at)?;
        }
        if end.is_some_and(|at| at > self.now.wall) {
            return Err(invalid("resolved_at", "is in the future"));
        }
        let begins = start.unwrap_or(incident.started_at);
        if end.or(incident.resolved_at).is_some_and(|ends| ends < begins) {
            return Err(invalid("resolved_at", "is before the start"));
        }
        let words = match &update {
            Some((u, to)) => {
                Some((*u, current_text(incident, *u)?, to.clone())).filter(|(_, from, to)| from != to)
            }
            None => None,
        };
        if start.is_none() && end.is_none() && words.is_none() {
            return Err(invalid("correction", "changes nothing"));
        }
        if by_hand(incident) + 3 > UPDATES_BY_HAND_MAX {
            return Err(too_many());
        }

        let old_start = incident.started_at;
        let old_end = incident.resolved_at;
        let (n, u) = (note.clone(), update.clone());
        self.commanded(
            &by,
            Command::CorrectIncident { incident: id, started_at, resolved_at, update: u, note: n },
        );
        if let Some(to) = start {
            self.move_start(id, old_start, to);
            self.note_correction(id, &by, Said::StartCorrected { from: old_start, to, note: note.clone() });
        }
        if let (Some(to), Some(from)) = (end, old_end) {
            self.move_end(id, from, to);
            self.note_correction(id, &by, Said::EndCorrected { from, to, note });
        }
        if let Some((update, from, to)) = words {
            self.note_correction(id, &by, Said::TextCorrected { update, from, to });
        }
        Ok(Accepted::Incident(id))
    }

    fn incident_mut(&mut self, id: IncidentId) -> Option<&mut Incident> {
        let held = self.state.open.iter_mut().chain(&mut self.state.past).find(|h| h.incident.id == id)?;
        held.touched = true;
        Some(&mut held.incident)
    }

    fn move_start(&mut self, id: IncidentId, from: Time, to: Time) {
        let now = self.now.wall;
        let Some(incident) = self.incident_mut(id) else { return };
        incident.started_at = to;
        let mut amendments: Vec<Amendment> = Vec::new();
        for a in &mut incident.affected {
            let service = a.service.clone();
            let mut amend = |from, until, status| {
                let service = service.clone();
                amendments.push(Amendment { service, from, until, status, incident: id, made_at: now });
            };
            if to < from && a.since <= from.plus(EDGE) && a.since > to {
                amend(to, a.since, a.worst);
                a.since = to;
            } else if a.since < to {
                amend(a.since, a.until.map_or(to, |until| until.min(to)), Status::Operational);
                a.since = to;
                a.until = a.until.map(|until| until.max(to));
            }
        }
        amendments.into_iter().for_each(|a| self.amend(a));
    }

    fn move_end(&mut self, id: IncidentId, from: Time, to: Time) {
        let now = self.now.wall;
        let Some(incident) = self.incident_mut(id) else { return };
        incident.resolved_at = Some(to);
        let mut amendments: Vec<Amendment> = Vec::new();
        for a in &mut incident.affected {
            let Some(until) = a.until else { continue };
            let service = a.service.clone();
            let mut amend = |from, until, status| {
                let service = service.clone();
                amendments.push(Amendment { service, from, until, status, incident: id, made_at: now });
            };
            if to > from && until >= from.minus(EDGE) && until < to {
                amend(until, to, a.worst);
                a.until = Some(to);
            } else if until > to {
                amend(a.since.max(to), until, Status::Operational);
                a.since = a.since.min(to);
                a.until = Some(to);
            }
        }
        amendments.into_iter().for_each(|a| self.amend(a));
    }

    fn note_correction(&mut self, id: IncidentId, by: &str, said: Said) {
        let (at, by) = (self.now.wall, Author::Person(by.to_owned()));
        let update_id = UpdateId(self.mint.uuid(at));
        let Some(incident) = self.incident_mut(id) else { return };
        let status = incident.status;
        let update =
            Update { id: update_id, at, status, said, by, changed: Vec::new(), next_update_by: None };
        incident.updates.push(update.clone());
        self.journal(Entry::IncidentSaid { incident: id, update });
        self.announce_past(id, Occasion::IncidentUpdated { incident: id, update: update_id });
    }
}

/// The words of an update as they stand, after earlier corrections.
fn current_text(incident: &Incident, id: UpdateId) -> Result<Text, Refusal> {
    let update = incident.updates.iter().find(|u| u.id == id).ok_or(Refusal::NoSuchUpdate { id })?;
    let Said::Text { text } = &update.said else {
        return Err(invalid("update", "only a person's words can be corrected"));
    };
    let corrected = incident.updates.iter().rev().find_map(|u| match &u.said {
        Said::TextCorrected { update, to, .. } if *update == id => Some(to.clone()),
        _ => None,
    });
    Ok(corrected.unwrap_or_else(|| text.clone()))
}
