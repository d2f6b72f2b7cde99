//! What of a decision is public goes on record, in its transaction.

use super::Flow;
use crate::public::Public;
use stillhere_model::{Incident, IncidentId, Maintenance, MaintenanceId, ServiceId, Time};
use stillhere_net::entropy;
use stillhere_record::Sight;
use stillhere_store::{Recorded, Write};

/// What visitors see, with the decision that is being written.
struct Seen<'a> {
    public: &'a Public,
    respond: &'a stillhere_respond::State,
    write: &'a Write,
}

// === impl Flow ===

impl Flow {
    pub(super) fn on_record(&mut self, write: &Write, now: Time) -> Option<Recorded> {
        let sight = Seen { public: &self.public, respond: &self.respond, write };
        let mut drafts = Vec::new();
        if self.book.takes_services() {
            let verdicts: Vec<_> = self.judge.verdicts().cloned().collect();
            drafts = self.book.scribe.services(now, &verdicts, &sight);
            let shown = self.public.shown_incidents();
            drafts.extend(self.book.scribe.incidents(now, shown, &sight, &mut entropy::bytes));
        }
        drafts.extend(self.book.scribe.write(now, &write.journal, &sight, &mut entropy::bytes));
        (!drafts.is_empty()).then_some(Recorded { first: self.book.size, drafts })
    }
}

// === impl Seen ===

impl Sight for Seen<'_> {
    fn sees(&self, service: &ServiceId) -> bool {
        self.public.visitors_see(service)
    }

    fn concerns_visitors(&self, incident: &Incident) -> bool {
        self.public.concerns_visitors(incident)
    }

    fn incident(&self, id: IncidentId) -> Option<&Incident> {
        self.write.incidents.iter().find(|i| i.id == id).or_else(|| self.respond.incident(id))
    }

    fn maintenance(&self, id: MaintenanceId) -> Option<&Maintenance> {
        let kept = || self.respond.maintenances().find(|m| m.id == id);
        self.write.maintenances.iter().find(|m| m.id == id).or_else(kept)
    }
}
