//! What a person asks for: checked whole before anything changes, then done, with their words kept as
//! they wrote them.

mod correct;

use crate::{
    desk::{Desk, Next},
    effect::Effect,
    state::{Birth, Held},
    words::{self, invalid},
};
use std::{collections::HashSet, time::Duration};
use stillhere_model::{
    Accepted, Affected, Amendment, Audience, Author, Command, Entry, Impact, Incident, IncidentId,
    IncidentStatus, Occasion, Refusal, Said, ServiceId, Status, Text, Time, Update, text::BLANKS,
};

/// Updates that persons may write in one incident.
pub const UPDATES_BY_HAND_MAX: usize = 200;
/// Incidents opened by hand that may be open at the same time.
pub const OPEN_BY_HAND_MAX: usize = 100;
/// How far ahead the next update may be promised.
pub const PROMISE_MAX: Duration = Duration::from_hours(24 * 30);
/// How far back an incident may be said to have begun.
pub const BACKDATE_MAX: Duration = Duration::from_hours(24 * 400);

// === impl Desk ===

impl Desk<'_> {
    pub(crate) fn command(&mut self, by: &str, command: Command) -> Result<Accepted, Refusal> {
        let by = words::by(by);
        match command {
            Command::OpenIncident { .. } => self.open_incident(by, command),
            Command::UpdateIncident { .. } => self.update_incident(by, command),
            Command::ResolveIncident { incident, text } => self.resolve_incident(by, incident, text),
            Command::AcknowledgeIncident { incident } => self.acknowledge(by, incident),
            Command::EstimateIncident { incident, by: over_by } => {
                self.estimate_by_hand(by, incident, over_by)
            }
            Command::CorrectIncident { .. } => self.correct_incident(by, command),
            Command::AddPrevention { .. } | Command::ChangePrevention { .. } => {
                self.prevention_command(by, command)
            }
            _ => self.maintenance_command(by, command),
        }
    }

    pub(crate) fn commanded(&mut self, by: &str, command: Command) {
        self.journal(Entry::Commanded { by: by.to_owned(), from: None, command });
    }

    fn open_incident(&mut self, by: String, command: Command) -> Result<Accepted, Refusal> {
        let Command::OpenIncident { title, text, status, impact, services, started_at, next_update_by } =
            command
        else {
            return Err(invalid("command", "is not one that opens an incident"));
        };
        let now = self.now.wall;
        let (title, text) = (words::title(&title)?, words::body("text", &text)?);
        if !status.is_open() {
            return Err(invalid("status", "an incident opens as investigating, identified or monitoring"));
        }
        self.check_services(&services, None)?;
        self.check_promise(next_update_by)?;
        if let Some(at) = started_at {
            self.check_start(at)?;
        }
        if self.state.open.iter().filter(|h| h.incident.by_hand).count() >= OPEN_BY_HAND_MAX {
            return Err(invalid("incident", format!("{OPEN_BY_HAND_MAX} are already open by hand")));
        }

        let id = IncidentId(self.mint.uuid(now));
        let start = started_at.unwrap_or(now);
        let worst = services.iter().map(|(_, s)| *s).fold(Status::Operational, Status::worst);
        let incident = Incident {
            id,
            title: Some(title.clone()),
            impact: impact.unwrap_or(Impact::of(worst)),
            status,
            started_at: start,
            opened_at: now,
            monitoring_at: (status == IncidentStatus::Monitoring).then_some(now),
            resolved_at: None,
            affected: Vec::new(),
            origin: None,
            updates: Vec::new(),
            promises: Vec::new(),
            etas: Vec::new(),
            unstable: false,
            by_hand: true,
            reopened: 0,
            acknowledgements: Vec::new(),
            called_again: 0,
            preventions: Vec::new(),
        };
        self.commanded(
            &by,
            Command::OpenIncident {
                title,
                text: text.clone(),
                status,
                impact,
                services: services.clone(),
                started_at,
                next_update_by,
            },
        );
        self.state.open.push(Held::new(incident, self.now.mono_ms));
        let at = self.state.open.len() - 1;
        let ids = services.iter().map(|(s, _)| s.clone()).collect();
        self.journal(Entry::IncidentOpened {
            incident: id,
            services: ids,
            why: "a person opened it".to_owned(),
        });
        for (service, status) in &services {
            self.declare(at, service, *status, start);
            if start < now && status.is_problem() {
                self.amend(Amendment {
                    service: service.clone(),
                    from: start,
                    until: now,
                    status: *status,
                    incident: id,
                    made_at: now,
                });
            }
        }
        self.tell_judge(id, &services);
        let next = next_update_by.map_or(Next::ByPolicy, Next::By);
        self.spoke(at, &by);
        let update = self.say(at, Said::Text { text }, Author::Person(by), status, next);
        let level = self.level_now(at);
        self.held(at).level = level;
        self.announce_public(at, Occasion::IncidentOpened { incident: id, update });
        self.announce(Occasion::IncidentOpened { incident: id, update }, Audience::Staff);
        Ok(Accepted::Incident(id))
    }

    fn update_incident(&mut self, by: String, command: Command) -> Result<Accepted, Refusal> {
        let Command::UpdateIncident { incident: id, text, status, title, services, next_update_by } = command
        else {
            return Err(invalid("command", "is not one that updates an incident"));
        };
        if status == Some(IncidentStatus::Postmortem) {
            return self.post_mortem(by, id, text);
        }
        let at = self.find_open(id)?;
        let text = words::body("text", &text)?;
        let title = title.as_ref().map(words::title).transpose()?;
        self.check_services(&services, Some(id))?;
        self.check_promise(next_update_by)?;
        if status == Some(IncidentStatus::Resolved) {
            if !services.is_empty() || next_update_by.is_some() {
                return Err(invalid("status", "one that is resolved takes no services and promises nothing"));
            }
            if let Some(title) = title {
                self.held(at).incident.title = Some(title);
            }
            return self.resolve_incident(by, id, Some(text));
        }
        self.check_room(at)?;

        let command = Command::UpdateIncident {
            incident: id,
            text: text.clone(),
            status,
            title: title.clone(),
            services: services.clone(),
            next_update_by,
        };
        self.commanded(&by, command);
        let now = self.now.wall;
        for (service, declared) in &services {
            self.declare(at, service, *declared, now);
        }
        self.tell_judge(id, &services);
        let incident = &mut self.held(at).incident;
        let status = status.unwrap_or(incident.status);
        if title.is_some() {
            incident.title = title;
        }
        if status == IncidentStatus::Monitoring && incident.status != status {
            incident.monitoring_at = Some(now);
        }
        let worst = incident.affected.iter().map(|a| Impact::of(a.worst)).max();
        incident.impact = incident.impact.max(worst.unwrap_or(Impact::None));
        let next = next_update_by.map_or(Next::ByPolicy, Next::By);
        self.spoke(at, &by);
        let update = self.say(at, Said::Text { text }, Author::Person(by), status, next);
        let level = self.level_now(at);
        let held = self.held(at);
        held.level = level;
        held.birth = Birth::Known;
        self.announce_public(at, Occasion::IncidentUpdated { incident: id, update });
        self.announce_staff(at, Occasion::IncidentUpdated { incident: id, update });
        self.watch_recovery(at);
        Ok(Accepted::Incident(id))
    }

    fn resolve_incident(
        &mut self,
        by: String,
        id: IncidentId,
        text: Option<Text>,
    ) -> Result<Accepted, Refusal> {
        let at = self.find_open(id)?;
        let text = text.as_ref().map(|t| words::body("text", t)).transpose()?;
        self.commanded(&by, Command::ResolveIncident { incident: id, text: text.clone() });
        self.spoke(at, &by);
        self.resolve(at, Some((by, text)));
        Ok(Accepted::Incident(id))
    }

    /// Words about an incident that is over.
    fn post_mortem(&mut self, by: String, id: IncidentId, text: Text) -> Result<Accepted, Refusal> {
        if self.open_at(id).is_some() {
            return Err(Refusal::StillOpen);
        }
        let text = words::body("text", &text)?;
        if let Some(blank) = BLANKS.iter().find(|b| text.parts().any(|p| p.contains(**b))) {
            return Err(invalid("text", format!("still has a blank in it: {blank}")));
        }
        let now = self.now.wall;
        let update_id = stillhere_model::UpdateId(self.mint.uuid(now));
        let held = self.past_mut(id)?;
        if by_hand(&held.incident) >= UPDATES_BY_HAND_MAX {
            return Err(too_many());
        }
        let update = Update {
            id: update_id,
            at: now,
            status: IncidentStatus::Postmortem,
            said: Said::Text { text: text.clone() },
            by: Author::Person(by.clone()),
            changed: Vec::new(),
            next_update_by: None,
        };
        held.touched = true;
        held.incident.status = IncidentStatus::Postmortem;
        held.incident.updates.push(update.clone());
        self.commanded(
            &by,
            Command::UpdateIncident {
                incident: id,
                text,
                status: Some(IncidentStatus::Postmortem),
                title: None,
                services: Vec::new(),
                next_update_by: None,
            },
        );
        self.journal(Entry::IncidentSaid { incident: id, update });
        self.announce_past(id, Occasion::IncidentUpdated { incident: id, update: update_id });
        Ok(Accepted::Incident(id))
    }

    // -- declared services --

    /// Takes a person's word for a service. What the checks see may be worse, and then stays.
    fn declare(&mut self, at: usize, service: &ServiceId, status: Status, since: Time) {
        let now = self.now.wall;
        let seen = self.state.seen.get(service).filter(|s| !s.declared).map(|s| s.status);
        let id = self.incident(at).id;
        let effective = seen.filter(|s| s.is_problem()).map_or(status, |s| s.worst(status));
        self.state.attached.insert(service.clone(), id);
        self.state.dismissed.remove(service);
        let held = self.held(at);
        let affected = &mut held.incident.affected;
        let before = match affected.iter_mut().find(|a| &a.service == service) {
            Some(a) => {
                let before = a.now;
                a.now = effective;
                a.worst = a.worst.worst(effective);
                a.declared = status.is_problem();
                a.until = if effective.is_problem() { None } else { a.until.or(Some(now.max(a.since))) };
                before
            }
            None => {
                affected.push(Affected {
                    service: service.clone(),
                    worst: effective,
                    now: effective,
                    since,
                    until: (!effective.is_problem()).then_some(now),
                    declared: status.is_problem(),
                });
                seen.unwrap_or(Status::Operational)
            }
        };
        if before != effective {
            held.note_change(service, before, effective);
        }
    }

    fn tell_judge(&mut self, incident: IncidentId, services: &[(ServiceId, Status)]) {
        if !services.is_empty() {
            let services =
                services.iter().map(|(s, st)| (s.clone(), st.is_problem().then_some(*st))).collect();
            self.effect(Effect::Declare { incident, services });
        }
    }

    // -- checks --

    pub(crate) fn find_open(&self, id: IncidentId) -> Result<usize, Refusal> {
        match self.open_at(id) {
            Some(at) => Ok(at),
            None if self.state.incident(id).is_some() => Err(Refusal::AlreadyResolved),
            None => Err(Refusal::NoSuchIncident { id }),
        }
    }

    pub(crate) fn past_mut(&mut self, id: IncidentId) -> Result<&mut Held, Refusal> {
        let found = self.state.past.iter_mut().find(|h| h.incident.id == id);
        found.ok_or(Refusal::NoSuchIncident { id })
    }

    /// Announces what was said about an incident that may be over.
    pub(crate) fn announce_past(&mut self, id: IncidentId, occasion: Occasion) {
        let Some(incident) = self.state.incident(id) else { return };
        let affected = &incident.affected;
        if affected.is_empty() || affected.iter().any(|a| self.state.graph.is_public(&a.service)) {
            self.announce(occasion, Audience::Public);
        }
    }

    fn check_room(&self, at: usize) -> Result<(), Refusal> {
        if by_hand(self.incident(at)) >= UPDATES_BY_HAND_MAX { Err(too_many()) } else { Ok(()) }
    }

    fn check_services(
        &self,
        services: &[(ServiceId, Status)],
        of: Option<IncidentId>,
    ) -> Result<(), Refusal> {
        let mut known: HashSet<&ServiceId> = HashSet::new();
        for (service, status) in services {
            if !self.state.graph.knows(service) {
                return Err(Refusal::NoSuchService { id: service.clone() });
            }
            if !known.insert(service) {
                return Err(invalid("services", format!("\"{service}\" is named twice")));
            }
            if matches!(status, Status::UnderMaintenance | Status::Unknown) {
                let problem = format!("\"{service}\" cannot be declared {}", status.as_str());
                return Err(invalid("services", problem));
            }
            if let Some(other) = self.state.attached.get(service).filter(|id| of.as_ref() != Some(*id)) {
                let problem =
                    format!("\"{service}\" is already in the open incident {other}; update that one");
                return Err(invalid("services", problem));
            }
            let seen = self.state.seen.get(service).filter(|s| !s.declared && s.status.is_problem());
            if let Some(seen) = seen.filter(|s| s.status.gravity() > status.gravity()) {
                let seen = seen.status.as_str();
                let problem = format!("the checks see \"{service}\" as {seen}: nobody can declare it better");
                return Err(invalid("services", problem));
            }
        }
        Ok(())
    }

    fn check_promise(&self, due: Option<Time>) -> Result<(), Refusal> {
        match due {
            Some(due) if due <= self.now.wall => Err(invalid("next_update_by", "is not in the future")),
            Some(due) if due > self.now.wall.plus(PROMISE_MAX) => {
                Err(invalid("next_update_by", "is more than 30 days ahead"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn check_start(&self, at: Time) -> Result<(), Refusal> {
        if at > self.now.wall {
            return Err(invalid("started_at", "is in the future"));
        }
        if at < self.now.wall.minus(BACKDATE_MAX) {
            return Err(invalid("started_at", "is more than 400 days ago"));
        }
        Ok(())
    }

    pub(crate) fn amend(&mut self, amendment: Amendment) {
        if amendment.from < amendment.until {
            self.journal(Entry::Amended { amendment: amendment.clone() });
            self.effect(Effect::Amend(amendment));
        }
    }
}

/// Updates that persons wrote.
pub(crate) fn by_hand(incident: &Incident) -> usize {
    incident.updates.iter().filter(|u| matches!(u.by, Author::Person(_))).count()
}

pub(crate) fn too_many() -> Refusal {
    invalid("text", format!("this incident already has {UPDATES_BY_HAND_MAX} updates by hand"))
}
