//! The modelled outbox: at least once, under the same id, until there is a receipt; and the far side, which
//! counts what arrives.

use crate::{MINUTE, SECOND, World};
use std::collections::HashMap;
use stillhere_model::{Audience, DeliveryId, IncidentId, Occasion, Time};

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: DeliveryId,
    pub(crate) occasion: Occasion,
    pub(crate) audience: Audience,
    pub(crate) not_before: Time,
    /// On the true clock: when it may be tried again.
    pub(crate) again_at: i64,
    pub(crate) tried: bool,
}

#[derive(Debug, Default)]
pub(crate) struct FarSide {
    /// How often each message arrived, and what it was about.
    pub(crate) arrived: HashMap<DeliveryId, (Occasion, Audience, u32)>,
    /// Receipts that never came back, or came when nobody was there to write them down.
    pub(crate) lost_receipts: u32,
}

// === impl Message ===

impl Message {
    /// A staff message of this incident that nobody has tried to send yet.
    pub(crate) fn is_unsent_of(&self, id: IncidentId) -> bool {
        let of = match &self.occasion {
            Occasion::IncidentOpened { incident, .. }
            | Occasion::IncidentUpdated { incident, .. }
            | Occasion::IncidentResolved { incident, .. }
            | Occasion::PromiseDue { incident, .. }
            | Occasion::PromiseMissed { incident, .. }
            | Occasion::Unacknowledged { incident, .. }
            | Occasion::Acknowledged { incident, .. }
            | Occasion::PreventionOverdue { incident, .. } => *incident == id,
            _ => false,
        };
        of && self.audience == Audience::Staff && !self.tried
    }
}

// === impl World ===

impl World {
    pub(crate) fn send(&mut self, life: u32) {
        if life != self.life || self.process.is_none() {
            return;
        }
        self.plan_in(SECOND, crate::Event::Send { life });
        if self.store.outbox.is_empty() || !self.truth.uplink {
            return;
        }
        let (wall, now) = (self.wall(), self.now);
        let due: Vec<DeliveryId> = self
            .store
            .outbox
            .iter()
            .filter(|m| m.not_before <= wall && m.again_at <= now)
            .map(|m| m.id)
            .take(16)
            .collect();
        for id in due {
            if !self.attempt(id) {
                return;
            }
        }
    }

    /// False when the process died over it.
    fn attempt(&mut self, id: DeliveryId) -> bool {
        let Some(at) = self.store.outbox.iter().position(|m| m.id == id) else { return true };
        self.store.outbox[at].tried = true;
        if self.dice.once_in(40) {
            // The far side did not take it.
            self.store.outbox[at].again_at = self.now + MINUTE;
            return true;
        }
        let m = &self.store.outbox[at];
        let entry = self.far.arrived.entry(id).or_insert((m.occasion.clone(), m.audience, 0));
        entry.2 += 1;
        if !self.is_calm() && self.dice.once_in(400) {
            self.far.lost_receipts += 1;
            self.store.outbox[at].again_at = self.now + MINUTE;
            self.die();
            return false;
        }
        if self.dice.once_in(50) {
            self.far.lost_receipts += 1;
            self.store.outbox[at].again_at = self.now + MINUTE;
            return true;
        }
        self.store.outbox.remove(at);
        self.report.delivered += 1;
        true
    }
}
