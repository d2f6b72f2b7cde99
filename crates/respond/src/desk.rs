//! One step in the making: the state, what it may look at, and the effects so far. The other modules
//! add what it can do, each its own stage.

use crate::{
    effect::{Effect, Input, Step},
    policy::{ALERT_WAIT_MAX, Policy},
    state::{Held, State},
};
use stillhere_model::{
    Accepted, Audience, Author, Entry, Incident, IncidentId, IncidentStatus, Mint, Moment, Occasion, Refusal,
    Said, ServiceId, Status, Time, Topology, Update, UpdateId, time::millis,
};

pub(crate) struct Desk<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) policy: &'a Policy,
    pub(crate) topology: &'a Topology,
    pub(crate) now: Moment,
    pub(crate) mint: &'a mut Mint,
    effects: Vec<Effect>,
}

/// What an update does to the promise in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is no news: the promise stays.
    Leave,
    /// It keeps the promise; the next one is made by the policy.
    ByPolicy,
    /// It keeps the promise; a person made the next one.
    By(Time),
    /// It keeps the promise, and there is nothing more to say.
    End,
}

// === impl Desk ===

impl<'a> Desk<'a> {
    pub(crate) fn new(
        state: &'a mut State,
        policy: &'a Policy,
        topology: &'a Topology,
        now: Moment,
        mint: &'a mut Mint,
    ) -> Desk<'a> {
        Desk { state, policy, topology, now, mint, effects: Vec::new() }
    }

    pub(crate) fn take(mut self, input: Input<'_>) -> Step {
        // First of all: what is due has passed, whatever the input would now say.
        self.miss_promises();
        self.pass_etas();
        let mut outcome = None;
        match input {
            Input::Verdicts(changes) => self.verdicts(changes),
            Input::Tick => self.tick(),
            Input::Command { by, command } => outcome = Some(self.command(&by, command)),
            Input::Estimated { incident, eta, why } => self.estimated(incident, eta, why),
            Input::Uplink { up } => self.uplink(up),
            Input::Certificate { check, days } => self.certificate(&check, days),
            Input::FellBehind { looks } => self.fell_behind(looks),
            Input::ClockJumped { by_ms } => self.clock_jumped(by_ms),
            Input::TopologyChanged => self.topology_changed(),
        }
        self.finish(outcome)
    }

    fn tick(&mut self) {
        let long_sent = self.mono_ago(ALERT_WAIT_MAX);
        for held in &mut self.state.open {
            held.alert.take_if(|a| a.until_mono <= long_sent);
        }
        if std::mem::take(&mut self.state.resuming) {
            self.resume();
        }
        self.attach_failures();
        self.name_joined();
        self.settle_all();
        self.resolve_verified();
        self.nag();
        self.call_again();
        self.remind();
        self.work();
    }

    fn finish(mut self, outcome: Option<Result<Accepted, Refusal>>) -> Step {
        let mut effects: Vec<Effect> = Vec::with_capacity(self.effects.len() + 1);
        for held in self.state.open.iter_mut().chain(&mut self.state.past) {
            if std::mem::take(&mut held.touched) {
                effects.push(Effect::Incident(Box::new(held.incident.clone())));
            }
        }
        for work in &mut self.state.works {
            if std::mem::take(&mut work.touched) {
                effects.push(Effect::Maintenance(Box::new(work.maintenance.clone())));
            }
        }
        effects.append(&mut self.effects);
        Step { effects, outcome }
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn journal(&mut self, entry: Entry) {
        self.effects.push(Effect::Journal(entry));
    }

    pub(crate) fn held(&mut self, at: usize) -> &mut Held {
        let held = &mut self.state.open[at];
        held.touched = true;
        held
    }

    pub(crate) fn incident(&self, at: usize) -> &Incident {
        &self.state.open[at].incident
    }

    pub(crate) fn open_at(&self, id: IncidentId) -> Option<usize> {
        self.state.open.iter().position(|h| h.incident.id == id)
    }

    /// Appends an update, with the status changes since the last one, and keeps or makes promises.
    pub(crate) fn say(
        &mut self,
        at: usize,
        said: Said,
        by: Author,
        status: IncidentStatus,
        next: Next,
    ) -> UpdateId {
        let id = UpdateId(self.mint.uuid(self.now.wall));
        let next_update_by = match next {
            Next::Leave => None,
            Next::ByPolicy => {
                self.keep_promise(at);
                self.promise_by_policy(at)
            }
            Next::By(due) => {
                self.keep_promise(at);
                self.promise(at, due);
                Some(due)
            }
            Next::End => {
                self.keep_promise(at);
                None
            }
        };
        let now = self.now.wall;
        let held = self.held(at);
        held.incident.status = status;
        let changed = std::mem::take(&mut held.changed);
        let update = Update { id, at: now, status, said, by, changed, next_update_by };
        held.incident.updates.push(update.clone());
        let incident = held.incident.id;
        self.journal(Entry::IncidentSaid { incident, update });
        id
    }

    pub(crate) fn announce(&mut self, occasion: Occasion, audience: Audience) {
        let not_before = self.now.wall;
        self.effect(Effect::Announce { occasion, audience, not_before });
    }

    /// Announces to the public, unless the incident is about nothing that the public can see.
    pub(crate) fn announce_public(&mut self, at: usize, occasion: Occasion) {
        let affected = &self.incident(at).affected;
        let public = affected.iter().any(|a| self.state.graph.is_public(&a.service));
        if public || affected.is_empty() {
            self.announce(occasion, Audience::Public);
        }
    }

    /// Announces to staff, though never before the alert that still waits: nobody should read of the end
    /// before the beginning.
    pub(crate) fn announce_staff(&mut self, at: usize, occasion: Occasion) {
        let now = self.now;
        let waits = self.state.open[at].alert.as_ref().filter(|a| a.waits(now));
        let not_before = waits.map_or(now.wall, |a| a.until);
        self.effect(Effect::Announce { occasion, audience: Audience::Staff, not_before });
    }

    /// A problem that is an incident.
    pub(crate) fn worthy(&self, status: Status) -> bool {
        status.is_problem() && (self.policy.open_when_slow || status != Status::DegradedPerformance)
    }

    /// Neither a problem nor out of sight.
    pub(crate) fn good(&self, status: Status) -> bool {
        status != Status::Unknown && !self.worthy(status)
    }

    pub(crate) fn names(&self, at: usize) -> Vec<ServiceId> {
        let incident = self.incident(at);
        let mut names: Vec<ServiceId> = incident.affected.iter().map(|a| a.service.clone()).collect();
        if let Some(origin) = &incident.origin
            && let Some(i) = names.iter().position(|n| n == origin)
        {
            names[..=i].rotate_right(1);
        }
        names
    }

    /// Milliseconds on the monotonic clock that lie `ago` back.
    pub(crate) fn mono_ago(&self, ago: std::time::Duration) -> i64 {
        self.now.mono_ms.saturating_sub(millis(ago))
    }

    pub(crate) fn mono_in(&self, wait: std::time::Duration) -> i64 {
        self.now.mono_ms.saturating_add(millis(wait))
    }
}
