//! What is done so that it does not happen again: who does it, by when, and whether it was done. What nobody does by its
//! day is called to mind, a few times and a week apart; it stays on the record either way.

use crate::{
    command::PROMISE_MAX,
    desk::Desk,
    state::{Held, State},
    words::{self, invalid},
};
use std::time::Duration;
use stillhere_model::{
    Accepted, Audience, Command, Entry, IncidentId, Occasion, Prevention, PreventionId, Refusal, Time,
};

/// Items of one incident.
pub const PREVENTIONS_MAX: usize = 20;
/// How far ahead an item may be due.
const DUE_MAX: Duration = PROMISE_MAX.saturating_mul(24);
/// Times that staff are told that an item is overdue.
pub const REMINDERS_MAX: u32 = 4;
/// Between two of them.
const REMIND_EVERY: Duration = Duration::from_hours(24 * 7);

// === impl Desk ===

impl Desk<'_> {
    pub(crate) fn prevention_command(&mut self, by: String, command: Command) -> Result<Accepted, Refusal> {
        match command {
            Command::AddPrevention { incident, what, owner, due, public } => {
                let what = words::title(&what)?;
                let owner = words::owner(&owner)?;
                self.check_due(due)?;
                let now = self.now.wall;
                let id = PreventionId(self.mint.uuid(now));
                let held = self.any_mut(incident)?;
                if held.incident.preventions.len() >= PREVENTIONS_MAX {
                    let problem = format!("this incident already has {PREVENTIONS_MAX} items");
                    return Err(invalid("prevention", problem));
                }
                let made = Prevention {
                    id,
                    what: what.clone(),
                    owner: owner.clone(),
                    due,
                    public,
                    made_at: now,
                    done_at: None,
                    dropped_at: None,
                    reminders: 0,
                };
                held.incident.preventions.push(made.clone());
                held.touched = true;
                self.commanded(&by, Command::AddPrevention { incident, what, owner, due, public });
                self.journal(Entry::PreventionChanged { incident, prevention: made });
                Ok(Accepted::Incident(incident))
            }
            Command::ChangePrevention { incident, prevention, owner, due, public, done, dropped } => {
                let owner = owner.map(|o| words::owner(&o)).transpose()?;
                if let Some(due) = due {
                    self.check_due(due)?;
                }
                if done == Some(true) && dropped == Some(true) {
                    return Err(invalid("dropped", "it cannot be done and dropped"));
                }
                let now = self.now.wall;
                let held = self.any_mut(incident)?;
                let items = &mut held.incident.preventions;
                let Some(item) = items.iter_mut().find(|p| p.id == prevention) else {
                    return Err(invalid("prevention", format!("this incident has no item {prevention}")));
                };
                if let Some(owner) = &owner {
                    item.owner.clone_from(owner);
                }
                if let Some(due) = due {
                    // Another day, another reminder.
                    (item.due, item.reminders) = (due, 0);
                }
                item.public = public.unwrap_or(item.public);
                if let Some(done) = done {
                    item.done_at = done.then(|| item.done_at.unwrap_or(now));
                }
                if let Some(dropped) = dropped {
                    item.dropped_at = dropped.then(|| item.dropped_at.unwrap_or(now));
                }
                // The later word holds: what is done is not dropped, and what is dropped is not done.
                match (done, dropped) {
                    (Some(true), _) => item.dropped_at = None,
                    (_, Some(true)) => item.done_at = None,
                    _ => {}
                }
                let changed = item.clone();
                held.touched = true;
                self.commanded(
                    &by,
                    Command::ChangePrevention { incident, prevention, owner, due, public, done, dropped },
                );
                self.journal(Entry::PreventionChanged { incident, prevention: changed });
                Ok(Accepted::Incident(incident))
            }
            _ => Err(invalid("command", "is not about a prevention item")),
        }
    }

    fn check_due(&self, due: Time) -> Result<(), Refusal> {
        if due <= self.now.wall {
            return Err(invalid("due", "is not in the future"));
        }
        if due > self.now.wall.plus(DUE_MAX) {
            return Err(invalid("due", "is more than two years ahead"));
        }
        Ok(())
    }

    fn any_mut(&mut self, id: IncidentId) -> Result<&mut Held, Refusal> {
        let mut all = self.state.open.iter_mut().chain(&mut self.state.past);
        all.find(|h| h.incident.id == id).ok_or(Refusal::NoSuchIncident { id })
    }

    /// Calls overdue items to mind.
    pub(crate) fn remind(&mut self) {
        let now = self.now.wall;
        let mut overdue = Vec::new();
        for held in self.state.open.iter_mut().chain(&mut self.state.past) {
            let incident = held.incident.id;
            for p in &mut held.incident.preventions {
                if remind_at(p).is_none_or(|t| t > now) {
                    continue;
                }
                // After a long stop one reminder stands for all that fell due meanwhile.
                while remind_at(p).is_some_and(|t| t <= now) {
                    p.reminders += 1;
                }
                held.touched = true;
                overdue.push((incident, p.id, p.reminders));
            }
        }
        for (incident, prevention, nth) in overdue {
            self.announce(Occasion::PreventionOverdue { incident, prevention, nth }, Audience::Staff);
        }
    }
}

// === impl State ===

impl State {
    /// When an item is next called to mind.
    pub(crate) fn next_reminder(&self) -> Option<Time> {
        let all = self.open.iter().chain(&self.past);
        all.flat_map(|h| &h.incident.preventions).filter_map(remind_at).min()
    }
}

fn remind_at(p: &Prevention) -> Option<Time> {
    let waits = p.is_open() && p.reminders < REMINDERS_MAX;
    waits.then(|| p.due.plus(REMIND_EVERY.saturating_mul(p.reminders)))
}
