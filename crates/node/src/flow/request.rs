//! What somebody asks for: commands, heartbeats, changed settings. Each is answered when what came of it is on disk.

use super::Flow;
use crate::{
    fill::Previewed,
    handle::{Reply, Request},
};
use stillhere_model::{Accepted, By, Command, Entry, Incident, Moment, Refusal};
use stillhere_respond::{Effect, Input as RespondInput};

// === impl Flow ===

impl Flow {
    pub(super) async fn requested(&mut self, request: Request) {
        let now = self.clock.now();
        match request {
            Request::Command { by, command, fill, reply } => {
                self.remember(&command).await;
                let command = if fill { self.filled(&by, command, now) } else { Ok(command) };
                let outcome = command.and_then(|command| self.commanded(by, command, now));
                self.reply_after_commit(reply, outcome);
            }
            Request::CommandOnce { by, once, command, fill, reply } => {
                let outcome = self.command_once(by, &once, command, fill, now).await;
                self.reply_after_commit(reply, outcome);
            }
            Request::Preview { by, command, fill, reply } => {
                self.remember(&command).await;
                let previewed = if fill {
                    self.preview_filled(by, command, now)
                } else {
                    self.preview(by, command, now).map(|incident| Previewed { incident, missing: Vec::new() })
                };
                drop(reply.send(previewed));
            }
            Request::Push { key, slug, signal, reply } => {
                match self.heartbeats.signal(&key, slug.as_deref(), &signal, now) {
                    Ok(heard) => {
                        self.pending.write.push.push((heard.check, heard.state));
                        self.pending.deciding = true;
                        if let Some(observation) = heard.observation {
                            self.vitals.ended_passive(observation.outcome);
                            self.observed(observation, now);
                        }
                        self.reply_after_commit(reply, Ok(()));
                    }
                    // Changed nothing, so there is nothing to wait for: guessing keys must not cost us the disk.
                    Err(e) => drop(reply.send(Err(e))),
                }
            }
            Request::Draft { incident, reply } => {
                // Names of services that visitors do not see are in it: it is for staff.
                let held = self.respond.incident(incident).cloned();
                let found = match held {
                    Some(held) => Ok(Some(held)),
                    None => self.store.incident(incident).await.map_err(|e| e.to_string()),
                };
                let snapshot = self.public.staff_snapshot(now.wall);
                let draft = |i| stillhere_tell::postmortem::draft(&i, &snapshot);
                drop(reply.send(found.map(|i| i.map(draft))));
            }
            Request::OpenLink { id, reply } => {
                let outcome = self.open_link(id, now.wall).await;
                drop(reply.send(outcome));
            }
            Request::Act { id, what, from, reply } => {
                let outcome = self.act(id, what, from, now).await;
                self.reply_after_commit(reply, outcome);
            }
            Request::Setting { by, change, reply } => match self.change_setting(by, *change, now).await {
                Ok(version) => self.reply_after_commit(reply, Ok(version)),
                Err(e) => drop(reply.send(Err(e))),
            },
            Request::Reload { reply } => {
                let outcome = self.reload(now).await;
                self.reply_after_commit(reply, outcome);
            }
        }
    }

    /// Carries out what somebody asks for. The journal also says where it came from, which decides nothing.
    pub(crate) fn commanded(&mut self, by: By, command: Command, now: Moment) -> Result<Accepted, Refusal> {
        let before = self.pending.write.journal.len();
        let outcome = self
            .respond(RespondInput::Command { by: by.name, command }, now)
            .expect("respond answers every command with an outcome");
        for (_, entry) in &mut self.pending.write.journal[before..] {
            if let Entry::Commanded { from, .. } = entry {
                from.clone_from(&by.from);
            }
        }
        outcome
    }

    /// Decides on copies, so that nothing of it stays.
    pub(crate) fn preview(&self, by: By, command: Command, now: Moment) -> Result<Box<Incident>, Refusal> {
        let step = stillhere_respond::step(
            &mut self.respond.clone(),
            &self.loaded.policy,
            &self.loaded.topology,
            RespondInput::Command { by: by.name, command },
            now,
            &mut self.mint.clone(),
        );
        let id = match step.outcome {
            Some(Ok(Accepted::Incident(id))) => id,
            Some(Err(refusal)) => return Err(refusal),
            _ => {
                return Err(Refusal::Invalid {
                    field: "command".into(),
                    problem: "is not about an incident".into(),
                });
            }
        };
        let made = step.effects.into_iter().rev().find_map(|effect| match effect {
            Effect::Incident(incident) if incident.id == id => Some(incident),
            _ => None,
        });
        made.or_else(|| self.respond.incident(id).cloned().map(Box::new))
            .ok_or(Refusal::NoSuchIncident { id })
    }

    /// A command may be about an incident that is too old to be at hand.
    pub(crate) async fn remember(&mut self, command: &Command) {
        let (Command::UpdateIncident { incident, .. }
        | Command::ResolveIncident { incident, .. }
        | Command::EstimateIncident { incident, .. }
        | Command::AddPrevention { incident, .. }
        | Command::ChangePrevention { incident, .. }
        | Command::CorrectIncident { incident, .. }) = command
        else {
            return;
        };
        if self.respond.incident(*incident).is_none() {
            match self.store.incident(*incident).await {
                Ok(Some(kept)) => self.respond.remember(kept),
                // `respond` refuses it by name.
                Ok(None) => {}
                Err(e) => tracing::error!(%incident, error = %e, "could not read an old incident"),
            }
        }
    }

    fn reply_after_commit<T: Send + 'static>(&mut self, reply: Reply<T>, outcome: T) {
        // A caller that went away has its answer in the journal.
        self.pending.replies.push(Box::new(move || drop(reply.send(outcome))));
        self.pending.since_ms.get_or_insert(i64::MIN / 2);
    }
}
