//! Planned work: scheduled, in progress, verifying, completed. It never masks an outage: the judge stops
//! reckoning with it the moment it should be over, and what still fails then is an incident.

use crate::{
    command::{PROMISE_MAX, UPDATES_BY_HAND_MAX},
    desk::Desk,
    effect::Effect,
    words::{self, invalid},
};
use std::{collections::HashSet, time::Duration};
use stillhere_model::{
    Accepted, Audience, Author, Command, Entry, IncidentStatus, Maintenance, MaintenanceId,
    MaintenanceStatus, Occasion, Refusal, Said, ServiceId, Status, Text, Time, Update, UpdateId,
    time::millis,
};

/// How long one maintenance may last.
pub const LENGTH_MAX: Duration = Duration::from_hours(24 * 30);
/// How far ahead it may be planned.
pub const AHEAD_MAX: Duration = Duration::from_hours(24 * 400);
/// Planned or under way at the same time.
pub const PLANNED_MAX: usize = 500;
/// Those that are over and still held. Older ones live in the store.
const OVER_MAX: usize = 200;
/// After so long it is completed even if its services are not well: that trouble is an incident by then.
pub const VERIFY_MAX: Duration = Duration::from_hours(1);

/// A maintenance, and since when it is being verified.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) maintenance: Maintenance,
    pub(crate) verifying_since: Option<i64>,
    pub(crate) good_since: Option<i64>,
    pub(crate) touched: bool,
}

// === impl Work ===

impl Work {
    pub(crate) fn new(maintenance: Maintenance) -> Work {
        Work { maintenance, verifying_since: None, good_since: None, touched: false }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.maintenance.status, MaintenanceStatus::Completed | MaintenanceStatus::Cancelled)
    }
}

// === impl Desk ===

impl Desk<'_> {
    /// What time alone does to planned work.
    pub(crate) fn work(&mut self) {
        let now = self.now;
        for at in 0..self.state.works.len() {
            let m = &self.state.works[at].maintenance;
            match m.status {
                MaintenanceStatus::Scheduled if m.ends_at <= now.wall => self.complete(at),
                MaintenanceStatus::Scheduled if m.starts_at <= now.wall => self.begin(at),
                MaintenanceStatus::InProgress if m.ends_at <= now.wall => self.begin_verifying(at),
                MaintenanceStatus::Verifying => self.verify_work(at),
                _ => {}
            }
        }
        while self.state.works.iter().filter(|w| w.is_over()).count() > OVER_MAX {
            if let Some(oldest) = self.state.works.iter().position(Work::is_over) {
                self.state.works.remove(oldest);
            }
        }
    }

    fn begin(&mut self, at: usize) {
        let id = self.turn(at, MaintenanceStatus::InProgress);
        self.activate(at, true);
        self.announce_work(at, Occasion::MaintenanceStarted { maintenance: id });
    }

    fn begin_verifying(&mut self, at: usize) {
        self.turn(at, MaintenanceStatus::Verifying);
        self.state.works[at].verifying_since = Some(self.now.mono_ms);
        self.state.works[at].good_since = None;
        self.activate(at, false);
        self.verify_work(at);
    }

    fn verify_work(&mut self, at: usize) {
        let mono = self.now.mono_ms;
        let services = &self.state.works[at].maintenance.services;
        // Until the judge has looked at them without the plan, they are neither fine nor not.
        let fine = services.iter().filter(|s| self.state.graph.knows(s)).all(|s| {
            let status = self.state.status(s);
            status != Status::Unknown && !status.is_problem()
        });
        let work = &mut self.state.works[at];
        let since = *work.verifying_since.get_or_insert(mono);
        work.good_since = if fine { work.good_since.or(Some(mono)) } else { None };
        let verified = work.good_since.is_some_and(|g| mono.saturating_sub(g) >= millis(self.policy.verify));
        if verified || mono.saturating_sub(since) >= millis(VERIFY_MAX) {
            self.complete(at);
        }
    }

    fn complete(&mut self, at: usize) {
        let now = self.now.wall;
        let active = self.state.works[at].maintenance.status == MaintenanceStatus::InProgress;
        let id = self.turn(at, MaintenanceStatus::Completed);
        self.state.works[at].maintenance.completed_at = Some(now);
        if active {
            self.activate(at, false);
        }
        self.announce_work(at, Occasion::MaintenanceCompleted { maintenance: id });
    }

    fn turn(&mut self, at: usize, status: MaintenanceStatus) -> MaintenanceId {
        let work = &mut self.state.works[at];
        work.touched = true;
        work.maintenance.status = status;
        let maintenance = work.maintenance.id;
        self.journal(Entry::MaintenanceChanged { maintenance, status: status.as_str().to_owned() });
        maintenance
    }

    pub(crate) fn activate(&mut self, at: usize, active: bool) {
        let m = &self.state.works[at].maintenance;
        let (id, services, expect) = (m.id, m.services.clone(), m.expect);
        self.effect(Effect::MaintenanceActive { id, services, expect, active });
    }

    fn announce_work(&mut self, at: usize, occasion: Occasion) {
        let services = &self.state.works[at].maintenance.services;
        if services.iter().any(|s| self.state.graph.is_public(s)) {
            self.announce(occasion, Audience::Public);
        }
    }

    // -- commands --

    pub(crate) fn maintenance_command(&mut self, by: String, command: Command) -> Result<Accepted, Refusal> {
        match command {
            Command::ScheduleMaintenance { .. } => self.schedule(&by, command),
            Command::UpdateMaintenance { maintenance, text, ends_at } => {
                self.update_maintenance(by, maintenance, &text, ends_at)
            }
            Command::CompleteMaintenance { maintenance, text } => {
                let at = self.find_work(maintenance)?;
                if self.state.works[at].maintenance.status == MaintenanceStatus::Scheduled {
                    return Err(invalid("maintenance", "has not begun; cancel it instead"));
                }
                let text = text.as_ref().map(|t| words::body("text", t)).transpose()?;
                self.commanded(&by, Command::CompleteMaintenance { maintenance, text: text.clone() });
                self.write(at, by, text);
                self.complete(at);
                Ok(Accepted::Maintenance(maintenance))
            }
            Command::CancelMaintenance { maintenance, text } => {
                let at = self.find_work(maintenance)?;
                let text = text.as_ref().map(|t| words::body("text", t)).transpose()?;
                self.commanded(&by, Command::CancelMaintenance { maintenance, text: text.clone() });
                self.write(at, by, text);
                let active = self.state.works[at].maintenance.status == MaintenanceStatus::InProgress;
                self.turn(at, MaintenanceStatus::Cancelled);
                if active {
                    self.activate(at, false);
                }
                self.announce_work(at, Occasion::MaintenanceCancelled { maintenance });
                Ok(Accepted::Maintenance(maintenance))
            }
            _ => Err(invalid("command", "is not one about maintenance")),
        }
    }

    fn schedule(&mut self, by: &str, command: Command) -> Result<Accepted, Refusal> {
        let Command::ScheduleMaintenance { title, body, services, starts_at, ends_at, expect, from_file } =
            command
        else {
            return Err(invalid("command", "is not one that schedules"));
        };
        let title = words::title(&title)?;
        let body = body.as_ref().map(|b| words::body("body", b)).transpose()?;
        self.check_window(&services, starts_at, ends_at)?;
        let same_key = |m: &Maintenance| from_file.is_some() && m.from_file == from_file;
        // A window that was worked through, or called off, is not begun again by reading the file again.
        let done = self
            .state
            .works
            .iter()
            .rev()
            .find(|w| w.is_over() && same_key(&w.maintenance) && w.maintenance.starts_at == starts_at);
        if let Some(done) = done {
            return Ok(Accepted::Maintenance(done.maintenance.id));
        }
        let known = self.state.works.iter().position(|w| !w.is_over() && same_key(&w.maintenance));
        let now = self.now.wall;
        if ends_at <= now && known.is_none() {
            return Err(invalid("ends_at", "is in the past"));
        }
        if known.is_none() && self.state.works.iter().filter(|w| !w.is_over()).count() >= PLANNED_MAX {
            return Err(invalid("maintenance", format!("{PLANNED_MAX} are already planned")));
        }
        let command = Command::ScheduleMaintenance {
            title: title.clone(),
            body: body.clone(),
            services: services.clone(),
            starts_at,
            ends_at,
            expect,
            from_file: from_file.clone(),
        };
        if let Some(at) = known {
            let id = self.state.works[at].maintenance.id;
            let old = self.state.works[at].maintenance.clone();
            let new = Maintenance { title, body, services, starts_at, ends_at, expect, ..old.clone() };
            if new != old {
                self.commanded(by, command);
                self.replace(at, old, new);
            }
            return Ok(Accepted::Maintenance(id));
        }
        let id = MaintenanceId(self.mint.uuid(now));
        self.commanded(by, command);
        let mut work = Work::new(Maintenance {
            id,
            title,
            body,
            services,
            starts_at,
            ends_at,
            expect,
            status: MaintenanceStatus::Scheduled,
            created_at: now,
            completed_at: None,
            updates: Vec::new(),
            from_file,
        });
        work.touched = true;
        self.state.works.push(work);
        let at = self.state.works.len() - 1;
        let status = MaintenanceStatus::Scheduled.as_str().to_owned();
        self.journal(Entry::MaintenanceChanged { maintenance: id, status });
        if starts_at <= now {
            self.begin(at);
        } else {
            self.announce_work(at, Occasion::MaintenanceScheduled { maintenance: id });
        }
        Ok(Accepted::Maintenance(id))
    }

    /// The file says something else about a window that is planned or under way.
    fn replace(&mut self, at: usize, old: Maintenance, new: Maintenance) {
        let moved = (old.starts_at, old.ends_at) != (new.starts_at, new.ends_at);
        let changed = old.services != new.services || old.expect != new.expect;
        if changed && old.status == MaintenanceStatus::InProgress {
            self.activate(at, false);
        }
        let (starts_at, ends_at) = (new.starts_at, new.ends_at);
        let work = &mut self.state.works[at];
        work.maintenance = new;
        work.touched = true;
        let maintenance = work.maintenance.id;
        if changed && old.status == MaintenanceStatus::InProgress {
            self.activate(at, true);
        }
        self.journal(Entry::MaintenanceChanged { maintenance, status: "changed".to_owned() });
        if moved {
            let update = self.append(at, Said::Rescheduled { starts_at, ends_at }, Author::Automatic);
            self.announce_work(at, Occasion::MaintenanceUpdated { maintenance, update });
            self.resume_if_longer(at);
        }
    }

    fn update_maintenance(
        &mut self,
        by: String,
        maintenance: MaintenanceId,
        text: &Text,
        ends_at: Option<Time>,
    ) -> Result<Accepted, Refusal> {
        let at = self.find_work(maintenance)?;
        let text = words::body("text", text)?;
        let m = &self.state.works[at].maintenance;
        if m.updates.len() >= UPDATES_BY_HAND_MAX {
            return Err(invalid(
                "text",
                format!("this maintenance already has {UPDATES_BY_HAND_MAX} updates"),
            ));
        }
        let ends_at = ends_at.filter(|t| *t != m.ends_at);
        if let Some(ends_at) = ends_at {
            if m.from_file.is_some() {
                return Err(invalid(
                    "ends_at",
                    "this window is written in the configuration file; change it there",
                ));
            }
            if ends_at <= self.now.wall {
                return Err(invalid("ends_at", "is in the past; complete it instead"));
            }
            let (services, starts_at) = (m.services.clone(), m.starts_at);
            self.check_window(&services, starts_at, ends_at)?;
        }
        self.commanded(&by, Command::UpdateMaintenance { maintenance, text: text.clone(), ends_at });
        if let Some(ends_at) = ends_at {
            let m = &mut self.state.works[at].maintenance;
            m.ends_at = ends_at;
            let starts_at = m.starts_at;
            self.append(at, Said::Rescheduled { starts_at, ends_at }, Author::Person(by.clone()));
            self.resume_if_longer(at);
        }
        let update = self.append(at, Said::Text { text }, Author::Person(by));
        self.announce_work(at, Occasion::MaintenanceUpdated { maintenance, update });
        Ok(Accepted::Maintenance(maintenance))
    }

    /// One that was being verified goes on when its end was moved into the future.
    fn resume_if_longer(&mut self, at: usize) {
        let m = &self.state.works[at].maintenance;
        if m.status == MaintenanceStatus::Verifying && m.ends_at > self.now.wall {
            self.turn(at, MaintenanceStatus::InProgress);
            self.state.works[at].verifying_since = None;
            self.activate(at, true);
        }
    }

    fn write(&mut self, at: usize, by: String, text: Option<Text>) {
        if let Some(text) = text {
            self.append(at, Said::Text { text }, Author::Person(by));
        }
    }

    /// `Update::status` has the words of incidents: a maintenance that has not begun is *investigating*,
    /// one in progress *identified*, one being verified *monitoring*.
    fn append(&mut self, at: usize, said: Said, by: Author) -> UpdateId {
        let id = UpdateId(self.mint.uuid(self.now.wall));
        let now = self.now.wall;
        let work = &mut self.state.works[at];
        work.touched = true;
        let status = match work.maintenance.status {
            MaintenanceStatus::Scheduled => IncidentStatus::Investigating,
            MaintenanceStatus::InProgress => IncidentStatus::Identified,
            MaintenanceStatus::Verifying => IncidentStatus::Monitoring,
            MaintenanceStatus::Completed | MaintenanceStatus::Cancelled => IncidentStatus::Resolved,
        };
        let update = Update { id, at: now, status, said, by, changed: Vec::new(), next_update_by: None };
        work.maintenance.updates.push(update);
        id
    }

    fn find_work(&self, id: MaintenanceId) -> Result<usize, Refusal> {
        let at = self.state.works.iter().position(|w| w.maintenance.id == id);
        let at = at.ok_or(Refusal::NoSuchMaintenance { id })?;
        let work = &self.state.works[at];
        if work.is_over() {
            return Err(Refusal::MaintenanceOver { status: work.maintenance.status.as_str().to_owned() });
        }
        Ok(at)
    }

    fn check_window(&self, services: &[ServiceId], starts_at: Time, ends_at: Time) -> Result<(), Refusal> {
        if services.is_empty() {
            return Err(invalid("services", "is empty"));
        }
        let mut known: HashSet<&ServiceId> = HashSet::new();
        for service in services {
            if !self.state.graph.knows(service) {
                return Err(Refusal::NoSuchService { id: service.clone() });
            }
            if !known.insert(service) {
                return Err(invalid("services", format!("\"{service}\" is named twice")));
            }
        }
        if ends_at <= starts_at {
            return Err(invalid("ends_at", "is not after the start"));
        }
        if ends_at.since(starts_at) > LENGTH_MAX {
            return Err(invalid("ends_at", "is more than 30 days after the start"));
        }
        if starts_at > self.now.wall.plus(AHEAD_MAX) {
            return Err(invalid("starts_at", "is more than 400 days ahead"));
        }
        if starts_at < self.now.wall.minus(PROMISE_MAX) {
            return Err(invalid("starts_at", "is more than 30 days ago"));
        }
        Ok(())
    }
}
