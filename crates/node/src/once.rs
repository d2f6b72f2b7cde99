//! Commands that are carried out once however often they are sent: a caller that did not hear our answer asks again
//! under the same key, and gets the answer it would have had.
//!
//! The answer is part of the same commit as what was done. A refused command changed nothing and is not kept: asked
//! again, it is judged again.

use crate::{flow::Flow, handle::CommandError};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use stillhere_model::{Accepted, By, Command, Incident, Maintenance, Moment};
use stillhere_store::Answered;

/// What makes two requests the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// As the caller chose it; every caller has their own.
    pub key: String,
    /// A hash of everything that was asked.
    pub request: [u8; 32],
}

/// What a command made or changed, as it was right after that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    Incident(Box<Incident>),
    Maintenance(Box<Maintenance>),
}

// === impl Once ===

impl Once {
    /// The name of the request, of which each caller has their own, and what was asked under it.
    pub(crate) fn hashes(&self, by: &By) -> (String, String) {
        (hashed(&by.name, self), hex(&self.request))
    }
}

// === impl Flow ===

impl Flow {
    pub(crate) async fn command_once(
        &mut self,
        by: By,
        once: &Once,
        command: Command,
        fill: bool,
        now: Moment,
    ) -> Result<Done, CommandError> {
        let (key, request) = once.hashes(&by);
        // Decided in this very round, and not on disk yet?
        let mut known = self.pending.write.answers.iter().find(|a| a.key == key).cloned();
        if known.is_none() {
            let kept = self.store.answered(&key, now.wall).await;
            known = kept.map_err(|e| CommandError::Unavailable(e.to_string()))?;
        }
        if let Some(known) = known {
            if known.request != request {
                return Err(CommandError::OtherRequest);
            }
            return serde_json::from_str(&known.answer).map_err(|e| {
                CommandError::Unavailable(format!("it was carried out; its answer cannot be read: {e}"))
            });
        }
        self.remember(&command).await;
        let command = if fill { self.filled(&by, command, now)? } else { command };
        let accepted = self.commanded(by, command, now)?;
        let done = self.done(&accepted).ok_or_else(|| {
            CommandError::Unavailable("it was carried out; its result cannot be shown".to_owned())
        })?;
        match serde_json::to_string(&done) {
            Ok(answer) => self.pending.write.answers.push(Answered { key, request, at: now.wall, answer }),
            Err(e) => tracing::error!(error = %e, "an answer cannot be kept; asked again, it is done again"),
        }
        Ok(done)
    }

    fn done(&self, accepted: &Accepted) -> Option<Done> {
        let write = &self.pending.write;
        match accepted {
            Accepted::Incident(id) => {
                let written = write.incidents.iter().find(|i| i.id == *id);
                let incident = written.or_else(|| self.respond.incident(*id))?;
                Some(Done::Incident(Box::new(incident.clone())))
            }
            Accepted::Maintenance(id) => {
                let written = write.maintenances.iter().find(|m| m.id == *id);
                let maintenance = written.or_else(|| self.respond.maintenances().find(|m| m.id == *id))?;
                Some(Done::Maintenance(Box::new(maintenance.clone())))
            }
        }
    }
}

/// Keys of different callers never meet.
fn hashed(by: &str, once: &Once) -> String {
    let mut context = Context::new(&SHA256);
    context.update(&(by.len() as u64).to_le_bytes());
    context.update(by.as_bytes());
    context.update(once.key.as_bytes());
    hex(context.finish().as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, b| {
        // Writing into a String cannot fail.
        let _ = write!(hex, "{b:02x}");
        hex
    })
}
