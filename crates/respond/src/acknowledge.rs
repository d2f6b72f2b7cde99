//! Who has taken an incident on; and while nobody has, staff are told again, each time after twice the wait.
//!
//! Whoever says something in public has it as well: nobody who writes the words needs to press a button besides.

use crate::{
    desk::Desk,
    policy::{CALLS_MAX, Policy},
    state::Held,
    words::invalid,
};
use stillhere_model::{
    Accepted, Acknowledgement, Audience, Author, Command, Entry, Incident, IncidentId, Occasion, Refusal,
    Said, Time,
};

/// Persons who took one incident on, one after the other.
pub const ACKNOWLEDGEMENTS_MAX: usize = 100;

// === impl Desk ===

impl Desk<'_> {
    pub(crate) fn acknowledge(&mut self, by: String, id: IncidentId) -> Result<Accepted, Refusal> {
        let at = self.find_open(id)?;
        let author = Author::Person(by.clone());
        let i = self.incident(at);
        // Pressed twice, or by somebody whose mail came late.
        if i.acknowledged().is_some_and(|a| a.by == author) {
            return Ok(Accepted::Incident(id));
        }
        if i.acknowledgements.len() >= ACKNOWLEDGEMENTS_MAX {
            let problem = format!("it was taken on {ACKNOWLEDGEMENTS_MAX} times already");
            return Err(invalid("incident", problem));
        }
        let first = i.acknowledged().is_none();
        self.commanded(&by, Command::AcknowledgeIncident { incident: id });
        self.take_on(at, author);
        if first {
            let at = self.now.wall;
            self.announce(Occasion::Acknowledged { incident: id, at }, Audience::Staff);
        }
        Ok(Accepted::Incident(id))
    }

    /// A person spoke in it: they have it, unless somebody has it already.
    pub(crate) fn spoke(&mut self, at: usize, by: &str) {
        let i = self.incident(at);
        if i.acknowledged().is_none() && i.acknowledgements.len() < ACKNOWLEDGEMENTS_MAX {
            self.take_on(at, Author::Person(by.to_owned()));
        }
    }

    fn take_on(&mut self, at: usize, by: Author) {
        let now = self.now.wall;
        let incident = &mut self.held(at).incident;
        let id = incident.id;
        let acknowledgement = Acknowledgement { at: now, by, reopened: incident.reopened };
        incident.acknowledgements.push(acknowledgement.clone());
        self.journal(Entry::Acknowledged { incident: id, acknowledgement });
    }

    /// Tells staff again of what nobody has taken on.
    pub(crate) fn call_again(&mut self) {
        let now = self.now.wall;
        for at in 0..self.state.open.len() {
            if call_at(&self.state.open[at], self.policy).is_none_or(|due| due > now) {
                continue;
            }
            let policy = self.policy;
            let held = self.held(at);
            // After a long stop, one call stands for all that would have been due meanwhile.
            while call_at(held, policy).is_some_and(|due| due <= now) {
                held.incident.called_again += 1;
            }
            let i = &held.incident;
            let (incident, reopened, nth) = (i.id, i.reopened, i.called_again);
            self.journal(Entry::CalledAgain { incident, nth });
            self.announce(Occasion::Unacknowledged { incident, reopened, nth }, Audience::Staff);
        }
    }
}

/// When staff are told again of this incident, if nobody takes it on before.
pub(crate) fn call_at(held: &Held, policy: &Policy) -> Option<Time> {
    let i = &held.incident;
    let wait = policy.first_word?;
    // What is well again wakes nobody.
    if i.called_again >= CALLS_MAX || held.good_since.is_some() || i.acknowledged().is_some() {
        return None;
    }
    Some(told_at(i).plus(wait.saturating_mul((2 << i.called_again) - 1)))
}

/// When staff were first told of it, or of its being opened again.
fn told_at(i: &Incident) -> Time {
    let reopened = i.updates.iter().rev().find(|u| matches!(u.said, Said::Reopened { .. }));
    reopened.map_or(i.opened_at, |u| u.at)
}
