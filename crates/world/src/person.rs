//! Somebody on duty, who writes, plans, corrects, and now and then opens an incident of their own.

use crate::{Event, HOUR, MINUTE, World, truth::Health};
use std::time::Duration;
use stillhere_model::{Command, Incident, IncidentId, IncidentStatus, ServiceId, Status};
use stillhere_respond::Input;

// === impl World ===

impl World {
    pub(crate) fn person(&mut self) -> Result<(), String> {
        if self.is_calm() {
            self.plan_in(10 * MINUTE, Event::Person);
        } else {
            let at = self.now + self.dice.about(HOUR);
            self.plan(at.min(self.calm_from), Event::Person);
        }
        if self.process.is_none() {
            return Ok(());
        }
        let Some(command) = self.think() else { return Ok(()) };
        self.report.commands += 1;
        self.audit.spoken_at = self.now;
        self.handle(None, Some(Input::Command { by: "kim".to_owned(), command }))
    }

    fn think(&mut self) -> Option<Command> {
        let open: Vec<Incident> = self.process.as_ref()?.respond.open().cloned().collect();
        let old = self.wall().minus(Duration::from_secs(3600));
        let done = open.iter().find(|i| i.by_hand && (self.is_calm() || i.opened_at < old));
        if let Some(i) = done {
            self.excuse_all(i);
            return Some(Command::ResolveIncident { incident: i.id, text: Some("It is over.".into()) });
        }
        if self.is_calm() {
            return None;
        }
        match self.dice.below(12) {
            0 => Some(self.open_one()),
            1 => self.plan_work(),
            2 | 3 => self.correct_one(),
            4 | 5 => {
                let at = self.dice.below(open.len());
                open.get(at).map(|i| Command::AcknowledgeIncident { incident: i.id })
            }
            _ => {
                let at = self.dice.below(open.len());
                open.get(at).map(|i| i.id).map(|id| self.write(id))
            }
        }
    }

    fn write(&mut self, incident: IncidentId) -> Command {
        let soon = self.dice.between(10, 120) * MINUTE;
        let soon = Duration::from_millis(u64::try_from(soon).unwrap_or(0));
        Command::UpdateIncident {
            incident,
            text: "Still at it.".into(),
            status: self.dice.chance(30).then_some(IncidentStatus::Identified),
            title: None,
            services: Vec::new(),
            next_update_by: self.dice.chance(50).then_some(self.wall().plus(soon)),
        }
    }

    fn open_one(&mut self) -> Command {
        let services = self.some_service(|_| true).map(|s| (s, Status::PartialOutage));
        let back = Duration::from_secs(self.dice.roll() % 3600);
        Command::OpenIncident {
            title: "Orders are late".into(),
            text: "We were told so.".into(),
            status: IncidentStatus::Investigating,
            impact: None,
            services: services.into_iter().collect(),
            started_at: self.dice.chance(50).then_some(self.wall().minus(back)),
            next_update_by: None,
        }
    }

    fn plan_work(&mut self) -> Option<Command> {
        let urgent = self.dice.chance(50);
        let service = self.some_service(|h| !urgent || h == Health::Down)?;
        let wait = if urgent { 0 } else { self.dice.roll() % 36_000 };
        let starts_at = self.wall().plus(Duration::from_secs(wait));
        let ends_at = starts_at.plus(Duration::from_secs(600 + self.dice.roll() % 7200));
        Some(Command::ScheduleMaintenance {
            title: "New disks".into(),
            body: None,
            services: vec![service],
            starts_at,
            ends_at,
            expect: Status::MajorOutage,
            from_file: None,
        })
    }

    fn correct_one(&mut self) -> Option<Command> {
        let n = self.store.incidents.len();
        let recent = self.dice.below(5.min(n));
        let incident = self.store.incidents.values().rev().nth(recent)?;
        let (id, start, end) = (incident.id, incident.started_at, incident.resolved_at);
        let by = Duration::from_secs(1 + self.dice.roll() % 900);
        let end = if self.dice.chance(50) { end.map(|e| e.minus(by)) } else { None };
        let start = if end.is_some() { start } else { start.minus(by) };
        Some(Command::CorrectIncident {
            incident: id,
            started_at: Some(start),
            resolved_at: end,
            update: None,
            note: None,
        })
    }

    fn some_service(&mut self, fits: impl Fn(Health) -> bool) -> Option<ServiceId> {
        let all: Vec<ServiceId> =
            self.truth.services.iter().filter(|s| fits(s.health)).map(|s| s.id.clone()).collect();
        all.get(self.dice.below(all.len())).cloned()
    }

    /// What they call over they answer for, whatever the checks see.
    fn excuse_all(&mut self, incident: &Incident) {
        for a in &incident.affected {
            if let Some(s) = self.truth.index(&a.service) {
                self.audit.excuse(s);
            }
        }
    }
}
