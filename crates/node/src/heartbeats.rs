//! The jobs that report by themselves: finds who called by the key, and keeps each job's state.
//!
//! Keys are secrets: they are compared by their SHA-256, so that neither a log nor the time a look-up takes gives
//! one away. With a ping key for all jobs a check is also found by its own id, which is no secret.

use crate::handle::PushError;
use ring::digest::{SHA256, digest};
use std::{collections::HashMap, sync::Arc};
use stillhere_model::{CheckId, Moment, Observation, Time};
use stillhere_observe::probe::push::{Push, PushState, Signal};

/// A heartbeat check, ready: who it is, and the hash of its key.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) check: CheckId,
    pub(crate) key: [u8; 32],
    pub(crate) push: Arc<Push>,
}

#[derive(Default)]
pub(crate) struct Heartbeats {
    jobs: Vec<(Job, PushState)>,
    by_key: HashMap<[u8; 32], usize>,
    /// The hash of the key for all jobs.
    ping_key: Option<[u8; 32]>,
    /// By the check's id in its service; `None` where several have it.
    by_slug: HashMap<String, Option<usize>>,
}

/// What a signal or the time came to.
pub(crate) struct Heard {
    pub(crate) check: CheckId,
    /// The state to keep, as JSON.
    pub(crate) state: String,
    pub(crate) observation: Option<Observation>,
}

// === impl Heartbeats ===

impl Heartbeats {
    pub(crate) fn new(
        jobs: &[Job],
        ping_key: Option<[u8; 32]>,
        kept: &HashMap<CheckId, String>,
    ) -> Heartbeats {
        let mut heartbeats = Heartbeats::default();
        let states = kept.iter().filter_map(|(check, json)| match PushState::from_json(json) {
            Ok(state) => Some((check.clone(), state)),
            Err(e) => {
                tracing::error!(%check, error = %e, "the kept state of a heartbeat was not understood; it begins anew");
                None
            }
        });
        heartbeats.take(jobs, ping_key, states.collect());
        heartbeats
    }

    /// Another configuration: jobs that stay keep their state.
    pub(crate) fn replace(&mut self, jobs: &[Job], ping_key: Option<[u8; 32]>) {
        let states =
            std::mem::take(&mut self.jobs).into_iter().map(|(job, state)| (job.check, state)).collect();
        self.take(jobs, ping_key, states);
    }

    fn take(&mut self, jobs: &[Job], ping_key: Option<[u8; 32]>, mut states: HashMap<CheckId, PushState>) {
        self.ping_key = ping_key;
        self.by_slug.clear();
        for (i, job) in jobs.iter().enumerate() {
            let slug = job.check.as_str().rsplit('/').next().unwrap_or_default();
            self.by_slug.entry(slug.to_owned()).and_modify(|one| *one = None).or_insert(Some(i));
        }
        self.jobs =
            jobs.iter().map(|job| (job.clone(), states.remove(&job.check).unwrap_or_default())).collect();
        self.by_key = self.jobs.iter().enumerate().map(|(i, (job, _))| (job.key, i)).collect();
    }

    /// We heard nothing from `from` until now: off, frozen, or a clock that was set.
    pub(crate) fn was_deaf(&mut self, from: Time, now: Moment) {
        for (_, state) in &mut self.jobs {
            state.listening_since(from, now);
        }
    }

    /// `slug`: with the key for all jobs instead of the check's own.
    pub(crate) fn signal(
        &mut self,
        key: &str,
        slug: Option<&str>,
        signal: &Signal,
        now: Moment,
    ) -> Result<Heard, PushError> {
        let key = hash(key);
        let slot = match slug {
            None => self.by_key.get(&key).copied().ok_or(PushError::NoSuchKey)?,
            Some(slug) if self.ping_key == Some(key) => {
                self.by_slug.get(slug).ok_or(PushError::NoSuchKey)?.ok_or(PushError::Ambiguous)?
            }
            Some(_) => return Err(PushError::NoSuchKey),
        };
        let (job, state) = &mut self.jobs[slot];
        let observation = state.signal(&job.push, signal, now);
        Ok(Heard { check: job.check.clone(), state: state.to_json(), observation })
    }

    /// Heartbeats that did not come.
    pub(crate) fn tick(&mut self, now: Moment) -> Vec<Heard> {
        self.jobs
            .iter_mut()
            .filter_map(|(job, state)| {
                let observation = state.tick(&job.push, now)?;
                Some(Heard {
                    check: job.check.clone(),
                    state: state.to_json(),
                    observation: Some(observation),
                })
            })
            .collect()
    }
}

pub(crate) fn hash(key: &str) -> [u8; 32] {
    digest(&SHA256, key.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes")
}
