//! From what was decided to what is put on record. Decides nothing, adds nothing, leaves out what visitors do not see.
//!
//! What is not named here is not public: a new kind of journal entry stays private until somebody gives it a line.

use crate::{
    fact::{Entry, EtaFrom, Fact, Services, Voice},
    text::{Kept, Salt, Veil, Words, veiled, words},
};
use std::collections::{HashMap, HashSet};
use stillhere_model::{
    Author, Command, Entry as Journalled, Incident, IncidentId, Maintenance, MaintenanceId, Prevention,
    Reason, ServiceId, Status, Text, Time, Update, Verdict,
};

/// An entry to be, and the texts that stand beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub entry: Entry,
    pub texts: Vec<Kept>,
}

/// What visitors see, and the things as they are now.
pub trait Sight {
    fn sees(&self, service: &ServiceId) -> bool;
    fn concerns_visitors(&self, incident: &Incident) -> bool;
    fn incident(&self, id: IncidentId) -> Option<&Incident>;
    fn maintenance(&self, id: MaintenanceId) -> Option<&Maintenance>;
}

/// Writes entries, and knows what it has introduced.
#[derive(Debug, Clone, Default)]
pub struct Scribe {
    /// Incidents whose opening is on record.
    pub introduced: HashSet<IncidentId>,
    /// Services whose verdict is on record, and which it is.
    pub services: HashMap<ServiceId, Status>,
}

// === impl Scribe ===

impl Scribe {
    /// What is public of this, in the same order. `salt` gives a new one with every call.
    pub fn write(
        &mut self,
        now: Time,
        journal: &[(Time, Journalled)],
        sight: &dyn Sight,
        salt: &mut dyn FnMut() -> Salt,
    ) -> Vec<Draft> {
        let mut out = Out { now, salt, drafts: Vec::new() };
        for (_, entry) in journal {
            self.one(entry, sight, &mut out);
        }
        out.drafts
    }

    /// At a start, and when there are other services: those that visitors see are introduced, those they do not are dismissed,
    /// and where the record says something else than the page, it is put right.
    pub fn services(&mut self, now: Time, verdicts: &[Verdict], sight: &dyn Sight) -> Vec<Draft> {
        let mut facts = Vec::new();
        let mut gone: Vec<ServiceId> = self.services.keys().filter(|s| !sight.sees(s)).cloned().collect();
        gone.sort();
        for service in gone {
            self.services.remove(&service);
            facts.push(Fact::ServiceGone { service });
        }
        for v in verdicts {
            if !sight.sees(&v.service) {
                continue;
            }
            let before = self.services.insert(v.service.clone(), v.status);
            if before != Some(v.status) {
                facts.push(Fact::Verdict {
                    service: v.service.clone(),
                    before,
                    now: v.status,
                    since: v.since,
                    why: why(&v.reason),
                });
            }
        }
        facts.into_iter().map(|fact| Draft { entry: Entry { at: now, fact }, texts: Vec::new() }).collect()
    }

    /// At a start, and when there are other services: incidents that visitors see and the record does not know, because they
    /// are older than it, or were not public.
    pub fn incidents<'a>(
        &mut self,
        now: Time,
        shown: impl Iterator<Item = &'a Incident>,
        sight: &dyn Sight,
        salt: &mut dyn FnMut() -> Salt,
    ) -> Vec<Draft> {
        let mut out = Out { now, salt, drafts: Vec::new() };
        shown.for_each(|i| self.introduce(i, sight, &mut out));
        out.drafts
    }

    fn one(&mut self, entry: &Journalled, sight: &dyn Sight, out: &mut Out<'_>) {
        use Journalled as J;
        if let Some((incident, fact)) = of_incident(entry, out.now, sight) {
            if self.known(incident, sight, out).is_some() {
                fact.into_iter().for_each(|f| out.put(f));
            }
            return;
        }
        match entry {
            J::Verdict { service, before, now, since, reason } if sight.sees(service) => {
                self.services.insert(service.clone(), *now);
                let (service, before, now, since) = (service.clone(), *before, *now, *since);
                out.put(Fact::Verdict { service, before, now, since, why: why(reason) });
            }
            J::IncidentSaid { incident, update } => {
                if let Some(i) = self.known(*incident, sight, out) {
                    said(i, update, sight, out);
                }
            }
            J::IncidentResolved { incident } => {
                if let Some(i) = self.known(*incident, sight, out) {
                    let resolved_at = i.resolved_at.unwrap_or(out.now);
                    out.put(Fact::IncidentResolved { incident: i.id, resolved_at });
                }
            }
            J::PreventionChanged { incident, prevention } if prevention.public => {
                self.prevented(*incident, prevention, sight, out);
            }
            J::Commanded { command, .. } => self.commanded(command, sight, out),
            J::MaintenanceChanged { maintenance, .. } => maintained(*maintenance, sight, out),
            J::Gap { from, until } => out.put(Fact::Gap { from: *from, until: *until }),
            J::Uplink { up } => out.put(Fact::Uplink { up: *up }),
            _ => {}
        }
    }

    fn prevented(&mut self, incident: IncidentId, p: &Prevention, sight: &dyn Sight, out: &mut Out<'_>) {
        if self.known(incident, sight, out).is_none() {
            return;
        }
        let (prevention, due, done_at, dropped_at) = (p.id, p.due, p.done_at, p.dropped_at);
        out.put_with(|veil| Fact::Prevention {
            incident,
            prevention,
            what: words(&p.what, veil),
            due,
            done_at,
            dropped_at,
        });
    }

    /// Words that are in no other entry.
    fn commanded(&mut self, command: &Command, sight: &dyn Sight, out: &mut Out<'_>) {
        let (id, text) = match command {
            Command::UpdateIncident { incident, title: Some(title), .. } => {
                if self.known(*incident, sight, out).is_some() {
                    out.put_with(|veil| Fact::IncidentRenamed {
                        incident: *incident,
                        title: words(title, veil),
                    });
                }
                return;
            }
            Command::UpdateMaintenance { maintenance, text, .. } => (*maintenance, text),
            Command::CompleteMaintenance { maintenance, text: Some(text) }
            | Command::CancelMaintenance { maintenance, text: Some(text) } => (*maintenance, text),
            _ => return,
        };
        if visible(id, sight).is_some() {
            out.put_with(|veil| Fact::MaintenanceSaid { maintenance: id, text: words(text, veil) });
        }
    }

    /// The incident, when visitors see it, with its opening on record.
    fn known<'a>(&mut self, id: IncidentId, sight: &'a dyn Sight, out: &mut Out<'_>) -> Option<&'a Incident> {
        let i = sight.incident(id).filter(|i| sight.concerns_visitors(i))?;
        self.introduce(i, sight, out);
        Some(i)
    }

    fn introduce(&mut self, i: &Incident, sight: &dyn Sight, out: &mut Out<'_>) {
        if self.introduced.insert(i.id) {
            let affected = || i.affected.iter().filter(|a| sight.sees(&a.service));
            let by = if i.by_hand { Voice::Person } else { Voice::Automatic };
            out.put_with(|veil| Fact::IncidentOpened {
                incident: i.id,
                services: affected().map(|a| a.service.clone()).collect(),
                impact: i.impact,
                status: i.status,
                started_at: i.started_at,
                opened_at: i.opened_at,
                seen_since: seen_since(i, sight),
                by,
                title: maybe(i.title.as_ref(), veil),
            });
        }
    }
}

/// The incident that an entry is about, and what it says where that is in the entry alone.
fn of_incident(entry: &Journalled, now: Time, sight: &dyn Sight) -> Option<(IncidentId, Option<Fact>)> {
    use Journalled as J;
    let fact = match entry {
        J::IncidentOpened { incident, .. } => return Some((*incident, None)),
        J::IncidentJoined { incident, service, .. } if sight.sees(service) => {
            Fact::IncidentJoined { incident: *incident, service: service.clone() }
        }
        J::IncidentReopened { incident, service } => {
            let service = sight.sees(service).then(|| service.clone());
            Fact::IncidentReopened { incident: *incident, service }
        }
        J::Amended { amendment: a } if sight.sees(&a.service) => {
            let (incident, service, status) = (a.incident, a.service.clone(), a.status);
            Fact::Amended { incident, service, from: a.from, until: a.until, status }
        }
        J::PromiseMade { incident, promise } => Fact::PromiseMade { incident: *incident, due: promise.due },
        J::PromiseKept { incident, promise } => {
            let kept_at = promise.kept_at.unwrap_or(now);
            Fact::PromiseKept { incident: *incident, due: promise.due, kept_at }
        }
        J::PromiseMissed { incident, promise } => {
            Fact::PromiseMissed { incident: *incident, due: promise.due }
        }
        J::PromiseWithdrawn { incident, promise } => {
            Fact::PromiseWithdrawn { incident: *incident, due: promise.due }
        }
        J::Acknowledged { incident, .. } => Fact::Acknowledged { incident: *incident },
        J::EtaShown { incident, eta, .. } => {
            let from = if eta.is_computed() { EtaFrom::Computed } else { EtaFrom::Person };
            Fact::EtaShown { incident: *incident, by: eta.by, half: eta.half, from }
        }
        J::EtaPassed { incident, by } => Fact::EtaPassed { incident: *incident, by: *by },
        _ => return None,
    };
    let incident = fact.subject().and_then(|id| id.parse().ok())?;
    Some((incident, Some(fact)))
}

/// When it began for visitors, where services that they do not see failed first.
fn seen_since(i: &Incident, sight: &dyn Sight) -> Option<Time> {
    let hidden = i.affected.iter().any(|a| !sight.sees(&a.service));
    let theirs = i.affected.iter().filter(|a| sight.sees(&a.service)).map(|a| a.since).min();
    theirs.filter(|t| hidden && *t > i.started_at)
}

fn said(i: &Incident, update: &Update, sight: &dyn Sight, out: &mut Out<'_>) {
    let as_shown = serde_json::to_value(&update.said).unwrap_or_default();
    let by = match update.by {
        Author::Automatic => Voice::Automatic,
        Author::Person(_) => Voice::Person,
    };
    out.put_with(|veil| Fact::Update {
        incident: i.id,
        update: update.id,
        status: update.status,
        impact: i.impact,
        started_at: i.started_at,
        resolved_at: i.resolved_at,
        by,
        said: veiled(&as_shown, &|s| sight.sees(s), veil),
        next_update_by: update.next_update_by,
    });
}

fn visible(id: MaintenanceId, sight: &dyn Sight) -> Option<&Maintenance> {
    sight.maintenance(id).filter(|m| m.services.is_empty() || m.services.iter().any(|s| sight.sees(s)))
}

fn maintained(id: MaintenanceId, sight: &dyn Sight, out: &mut Out<'_>) {
    let Some(m) = visible(id, sight) else { return };
    let services: Services = m.services.iter().filter(|s| sight.sees(s)).cloned().collect();
    out.put_with(|veil| Fact::Maintenance {
        maintenance: id,
        status: m.status,
        services,
        starts_at: m.starts_at,
        ends_at: m.ends_at,
        title: words(&m.title, veil),
        body: maybe(m.body.as_ref(), veil),
    });
}

fn maybe(text: Option<&Text>, veil: &mut Veil<'_>) -> Words {
    text.map(|t| words(t, veil)).unwrap_or_default()
}

/// The kind of a reason; what was found is told with the incident.
fn why(reason: &Reason) -> String {
    let value = serde_json::to_value(reason).unwrap_or_default();
    value["kind"].as_str().unwrap_or_default().to_owned()
}

/// The drafts of one commit.
struct Out<'a> {
    now: Time,
    salt: &'a mut dyn FnMut() -> Salt,
    drafts: Vec<Draft>,
}

impl Out<'_> {
    fn put(&mut self, fact: Fact) {
        self.drafts.push(Draft { entry: Entry { at: self.now, fact }, texts: Vec::new() });
    }

    fn put_with(&mut self, make: impl FnOnce(&mut Veil<'_>) -> Fact) {
        let mut texts = Vec::new();
        let fact = make(&mut |text| {
            let kept = Kept::new((self.salt)(), text);
            texts.push(kept.clone());
            kept.hash
        });
        self.drafts.push(Draft { entry: Entry { at: self.now, fact }, texts });
    }
}

#[cfg(test)]
mod tests;
