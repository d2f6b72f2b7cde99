//! The end of an incident: all affected are good, that is verified for a while, and then it is over,
//! dated to the moment it really was.

use crate::{
    desk::{Desk, Next},
    effect::Effect,
    policy::Policy,
    settle::AUTOMATIC_UPDATES_MAX,
    state::Held,
};
use std::time::Duration;
use stillhere_model::{
    Author, Entry, IncidentStatus, Occasion, Said, ServiceId, Status, Text, Time, time::millis,
};

/// One that came back before is verified this many times longer, up to `verify_unstable`.
const RELAPSE_FACTOR: u32 = 4;

// === impl Desk ===

impl Desk<'_> {
    /// Starts or breaks off the verification.
    pub(crate) fn watch_recovery(&mut self, at: usize) {
        let i = self.incident(at);
        let good = !i.by_hand && self.parts(at).all(|a| self.good(a.now));
        if !good {
            self.held(at).good_since = None;
            return;
        }
        if self.state.open[at].good_since.is_some() {
            return;
        }
        let now = self.now;
        let verify_ms = u64::try_from(millis(self.verify(at))).unwrap_or(0);
        let held = self.held(at);
        held.good_since = Some(now.mono_ms);
        held.level = Status::Operational;
        let quiet = held.incident.unstable || held.incident.updates.len() >= AUTOMATIC_UPDATES_MAX;
        if quiet || held.is_recovering() {
            return;
        }
        held.incident.monitoring_at = Some(now.wall);
        let said = Said::Recovering { verify_ms };
        let update = self.say(at, said, Author::Automatic, IncidentStatus::Monitoring, Next::ByPolicy);
        let incident = self.incident(at).id;
        self.announce_public(at, Occasion::IncidentUpdated { incident, update });
    }

    fn verify(&self, at: usize) -> Duration {
        verify_for(&self.state.open[at], self.policy)
    }

    pub(crate) fn resolve_verified(&mut self) {
        let mut at = 0;
        while at < self.state.open.len() {
            let held = &self.state.open[at];
            let done = held
                .good_since
                .is_some_and(|since| self.now.mono_ms.saturating_sub(since) >= millis(self.verify(at)));
            if done {
                self.resolve(at, None);
            } else {
                at += 1;
            }
        }
    }

    /// Closes it: by verification, or by a person, with their words where they have some.
    pub(crate) fn resolve(&mut self, at: usize, person: Option<(String, Option<Text>)>) {
        let now = self.now.wall;
        let by_person = person.is_some();
        let i = self.incident(at);
        let recovered = i.affected.iter().map(|a| a.until).max().flatten();
        let all_over = i.affected.iter().all(|a| a.until.is_some());
        let end = recovered.filter(|_| all_over || !by_person).unwrap_or(now);
        let resolved_at: Time = end.min(now).max(i.started_at);
        let lasted_ms = u64::try_from(resolved_at.since(i.started_at).as_millis()).unwrap_or(u64::MAX);
        let declared: Vec<ServiceId> =
            i.affected.iter().filter(|a| a.declared).map(|a| a.service.clone()).collect();
        let still: Vec<(ServiceId, Status)> = i
            .affected
            .iter()
            .map(|a| (a.service.clone(), self.state.status(&a.service)))
            .filter(|(s, status)| status.is_problem() && self.state.seen.get(s).is_some_and(|x| !x.declared))
            .collect();
        let id = i.id;
        let incident = &mut self.held(at).incident;
        incident.resolved_at = Some(resolved_at);
        for a in &mut incident.affected {
            a.until.get_or_insert(resolved_at.max(a.since));
        }
        let (said, by) = match person {
            None => (Said::Resolved { lasted_ms }, Author::Automatic),
            Some((by, None)) => (Said::Resolved { lasted_ms }, Author::Person(by)),
            Some((by, Some(text))) => (Said::Text { text }, Author::Person(by)),
        };
        let update = self.say(at, said, by, IncidentStatus::Resolved, Next::End);
        self.journal(Entry::IncidentResolved { incident: id });
        self.announce_public(at, Occasion::IncidentResolved { incident: id, update });
        self.announce_staff(at, Occasion::IncidentResolved { incident: id, update });
        if !declared.is_empty() {
            let services = declared.into_iter().map(|s| (s, None)).collect();
            self.effect(Effect::Declare { incident: id, services });
        }
        self.state.dismissed.extend(still);
        self.put_away(at);
    }
}

/// How long this incident must be good before it is over.
pub(crate) fn verify_for(held: &Held, policy: &Policy) -> Duration {
    if held.incident.unstable {
        policy.verify_unstable.max(policy.verify)
    } else if held.relapses > 0 {
        policy.verify.saturating_mul(RELAPSE_FACTOR).min(policy.verify_unstable).max(policy.verify)
    } else {
        policy.verify
    }
}
