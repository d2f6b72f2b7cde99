//! Who is told of an incident, and when: the public at once; staff, about its opening, as soon as nothing
//! is left that could turn out to be the cause.
//!
//! An alert about a service whose ancestors can still be asked waits for their answer, at most
//! [`ALERT_WAIT_MAX`](crate::ALERT_WAIT_MAX), and is replaced by one that names the cause when it is found. It is
//! in the outbox from the first moment on, so that a crash while it waits loses nothing.

use crate::{desk::Desk, effect::Effect, state::Alert};
use stillhere_model::{Audience, Occasion, ServiceId, UpdateId};

/// Services asked to be looked at when one incident opens.
pub const LOOK_NOW_MAX: usize = 64;

// === impl Desk ===

impl Desk<'_> {
    /// The alert about the opening: at once, or after ancestors whose looks are pending have answered.
    pub(crate) fn alert(&mut self, at: usize, update: UpdateId) {
        let pending = self.suspects(at);
        if pending.is_empty() {
            let incident = self.incident(at).id;
            self.announce(Occasion::IncidentOpened { incident, update }, Audience::Staff);
            return;
        }
        let wait = self.policy.alert_wait();
        let incident = self.incident(at).id;
        let occasion = Occasion::IncidentOpened { incident, update };
        let (until_mono, until) = (self.mono_in(wait), self.now.wall.plus(wait));
        let alert = Alert { until_mono, until, occasion: occasion.clone() };
        self.effect(Effect::Announce { occasion, audience: Audience::Staff, not_before: until });
        let held = self.held(at);
        held.alert = Some(alert);
        held.asked.clone_from(&pending);
        self.effect(Effect::LookNow { services: pending });
    }

    /// Ancestors of what fails that have not been seen failing, and can be looked at.
    fn suspects(&self, at: usize) -> Vec<ServiceId> {
        let mut found: Vec<ServiceId> = Vec::new();
        for a in &self.incident(at).affected {
            for s in self.state.graph.ancestors(&a.service) {
                let open = !self.state.failing.contains(&s) && self.state.graph.can_look(&s);
                if open && found.len() < LOOK_NOW_MAX && !found.contains(&s) {
                    found.push(s);
                }
            }
        }
        found
    }

    /// Puts a better alert in the place of the one that still waits. False when none waits.
    pub(crate) fn replace_alert(&mut self, at: usize, update: UpdateId) -> bool {
        let now = self.now;
        let Some(alert) = self.state.open[at].alert.clone().filter(|a| a.waits(now)) else {
            return false;
        };
        let incident = self.incident(at).id;
        let settled = match self.incident(at).origin.clone() {
            Some(origin) => {
                let above = self.state.graph.ancestors(&origin);
                !above.iter().any(|a| self.state.graph.can_look(a) && !self.state.failing.contains(a))
            }
            None => false,
        };
        let occasion = Occasion::IncidentOpened { incident, update };
        self.effect(Effect::Withdraw { incident });
        self.effect(Effect::Announce {
            occasion: occasion.clone(),
            audience: Audience::Staff,
            not_before: if settled { now.wall } else { alert.until },
        });
        self.held(at).alert = (!settled).then_some(Alert { occasion, ..alert });
        true
    }

    /// The clock went back: an alert that was to wait five seconds would now wait for the whole jump.
    pub(crate) fn release_alerts(&mut self) {
        let now = self.now.wall;
        for at in 0..self.state.open.len() {
            let Some(alert) = self.held(at).alert.take().filter(|a| a.until > now) else { continue };
            let Occasion::IncidentOpened { incident, .. } = alert.occasion else { continue };
            self.effect(Effect::Withdraw { incident });
            self.announce(alert.occasion, Audience::Staff);
        }
    }

    pub(crate) fn tell_public(&mut self, at: usize, update: UpdateId) {
        let incident = self.incident(at).id;
        self.announce_public(at, Occasion::IncidentUpdated { incident, update });
    }

    pub(crate) fn tell_staff(&mut self, at: usize, update: UpdateId) {
        let incident = self.incident(at).id;
        self.announce_staff(at, Occasion::IncidentUpdated { incident, update });
    }

    pub(crate) fn tell(&mut self, at: usize, update: UpdateId, staff: bool) {
        self.tell_public(at, update);
        if staff {
            self.tell_staff(at, update);
        }
    }

    pub(crate) fn tell_all(&mut self, at: usize, update: UpdateId) {
        self.tell(at, update, true);
    }
}
