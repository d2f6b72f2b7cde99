//! What must hold in every world.
//!
//! - Whoever is out for long enough to be looked at is out on the page, in an incident, and told.
//! - Whoever is well is not blamed, and nothing stays open after all is long well.
//! - One outage is decided once: never two incidents for it, whatever was killed in between; nor for a service
//!   and one that it depends on.
//! - Nothing is called over that is not seen to be over.
//! - What was announced arrives, under one id; what was withdrawn does not.
//! - Every promise ends once, and is not missed before somebody was reminded of it; nobody is called without end.
//!   The record is only appended to. Recorded time is true time.

use crate::{BEGIN, Event, MINUTE, SECOND, World, store::Write, truth::Health};
use std::collections::HashMap;
use stillhere_judge::UNSTABLE_CALM;
use stillhere_model::{
    Audience, Author, Entry, Incident, IncidentId, MaintenanceStatus, Occasion, ServiceId, Status, Verdict,
    time::millis,
};
use stillhere_respond::Effect;

pub(crate) struct Audit {
    services: Vec<Watched>,
    /// When a person's word last made a difference.
    pub(crate) spoken_at: i64,
    pub(crate) settled_at: i64,
}

#[derive(Debug, Clone, Default)]
struct Watched {
    /// The outage that `incidents` are about, by its beginning.
    outage: i64,
    incidents: Vec<IncidentId>,
    audited: bool,
    /// A person called it over, or planned it: what the checks see is not said until it is well again.
    excused: bool,
    /// When it was last in a maintenance window.
    planned_at: Option<i64>,
}

// === impl Audit ===

impl Audit {
    pub(crate) fn new(services: usize) -> Audit {
        let services = vec![Watched::default(); services];
        Audit { services, spoken_at: i64::MIN / 2, settled_at: 0 }
    }

    pub(crate) fn excuse(&mut self, service: usize) {
        self.services[service].excused = true;
    }
}

// === impl World ===

impl World {
    pub(crate) fn audit_now(&mut self) -> Result<(), String> {
        self.plan_in(MINUTE, Event::Audit);
        self.note_planned();
        let Some(process) = self.process.as_ref().filter(|_| self.truth.uplink) else { return Ok(()) };
        let fit_since = process.started.max(self.truth.uplink_since);
        for s in 0..self.truth.services.len() {
            self.audit_service(s, fit_since)?;
        }
        self.audit_open()?;
        self.audit_causes()?;
        self.audit_end(fit_since)
    }

    fn note_planned(&mut self) {
        let live = self.store.maintenances.values().filter(|m| m.status == MaintenanceStatus::InProgress);
        let planned: Vec<usize> =
            live.flat_map(|m| &m.services).filter_map(|s| self.truth.index(s)).collect();
        for s in planned {
            self.audit.services[s].planned_at = Some(self.now);
            self.audit.services[s].excused = true;
        }
    }

    /// The longest time that anything takes to be seen here.
    fn seen_within(&self) -> i64 {
        self.truth.services.iter().map(|s| s.seen_within).max().unwrap_or(0)
    }

    fn audit_service(&mut self, s: usize, fit_since: i64) -> Result<(), String> {
        let Some(process) = &self.process else { return Ok(()) };
        let service = &self.truth.services[s];
        let watched = &self.audit.services[s];
        let steady = self.now - service.since.max(fit_since) > service.seen_within;
        let planned = watched.planned_at.is_some_and(|at| self.now - at <= service.seen_within + MINUTE);
        let Some(verdict) = process.judge.verdict(&service.id) else {
            return Err(format!("{} has no verdict", service.id));
        };
        if !steady {
            return Ok(());
        }
        let lasted = (self.now - service.since) / 1000;
        match service.health {
            Health::Down | Health::Slow if !planned => {
                let wanted = if service.health == Health::Down {
                    verdict.status == Status::MajorOutage
                } else {
                    verdict.status.is_problem()
                };
                if !wanted {
                    return Err(format!(
                        "{} is {:?} for {lasted} s and untold: {verdict:?}",
                        service.id, service.health
                    ));
                }
                let told = process.respond.open().any(|i| {
                    i.affected
                        .iter()
                        .any(|a| a.service == service.id && a.now.is_problem() && a.until.is_none())
                });
                if !told && !watched.excused {
                    return Err(format!(
                        "{} is {:?} for {lasted} s and in no incident",
                        service.id, service.health
                    ));
                }
                self.audit_date(s, fit_since, verdict)?;
                if service.health == Health::Down && !self.audit.services[s].audited {
                    self.audit.services[s].audited = true;
                    self.report.audited_outages += 1;
                }
            }
            Health::Good => {
                let long = 2 * self.seen_within();
                // The end of a window is a beginning, too, for those that stand on the service.
                let calm = |a: &usize| {
                    self.now - self.truth.services[*a].since > long
                        && self.audit.services[*a].planned_at.is_none_or(|at| self.now - at > long)
                };
                let calm_above = service.above.iter().all(calm);
                let by_hand = process.respond.open().any(|i| i.by_hand)
                    || self.now - self.audit.spoken_at <= service.seen_within;
                if verdict.status.is_problem() && calm_above && !by_hand {
                    return Err(format!("{} is well for {lasted} s and blamed: {verdict:?}", service.id));
                }
                if !verdict.status.is_problem() && verdict.status != Status::Unknown && !planned {
                    self.audit.services[s].excused = false;
                    self.audit.services[s].incidents.clear();
                }
            }
            Health::Down | Health::Slow => {}
        }
        Ok(())
    }

    /// An outage is dated to the first look that could find it, not later, and not before it began.
    fn audit_date(&self, s: usize, fit_since: i64, verdict: &Verdict) -> Result<(), String> {
        let service = &self.truth.services[s];
        let first = service.was_well_ms > service.seen_within && service.above.is_empty();
        let watched = !self.settings.jumps && !self.audit.services[s].excused && fit_since < service.since;
        if !(first && watched && service.health == Health::Down) {
            return Ok(());
        }
        let late = verdict.since.0 - BEGIN.0 - service.since;
        if late < -SECOND || late > service.seen_within * 2 / 3 {
            return Err(format!("the outage of {} is dated {late} ms late: {verdict:?}", service.id));
        }
        Ok(())
    }

    fn audit_open(&self) -> Result<(), String> {
        let Some(process) = &self.process else { return Ok(()) };
        let mut holds: HashMap<&ServiceId, IncidentId> = HashMap::new();
        for i in process.respond.open() {
            for a in i.affected.iter().filter(|a| a.until.is_none()) {
                if let Some(other) = holds.insert(&a.service, i.id) {
                    return Err(format!("{} is in two open incidents: {other}, {}", a.service, i.id));
                }
            }
            if self.store.incidents.get(&i.id) != Some(i) {
                return Err(format!("what is held of {} is not what is stored", i.id));
            }
            if i.open_promise().is_none() {
                return Err(format!("{} is open and promises nothing", i.id));
            }
        }
        Ok(())
    }

    /// What a failing service alone could be explained by is in the same incident.
    fn audit_causes(&self) -> Result<(), String> {
        let Some(process) = &self.process else { return Ok(()) };
        let automatic =
            |i: &&Incident| !i.by_hand && i.updates.iter().all(|u| matches!(u.by, Author::Automatic));
        let fails = |i: &Incident, s: &ServiceId| {
            i.affected.iter().any(|a| &a.service == s && a.until.is_none() && a.now.is_problem())
        };
        for i in process.respond.open().filter(automatic) {
            let [alone] = &i.affected[..] else { continue };
            let Some(s) = self.truth.index(&alone.service) else { continue };
            for above in &self.truth.services[s].above {
                let above = &self.truth.services[*above].id;
                let other =
                    process.respond.open().filter(automatic).find(|j| j.id != i.id && fails(j, above));
                if let Some(j) = other.filter(|_| fails(i, &alone.service)) {
                    return Err(format!(
                        "{above} explains {}, and they are two incidents: {j:?} {i:?}",
                        alone.service
                    ));
                }
            }
        }
        Ok(())
    }

    fn audit_end(&self, fit_since: i64) -> Result<(), String> {
        let Some(process) = &self.process else { return Ok(()) };
        let wait =
            2 * self.seen_within() + millis(self.policy.verify_unstable) + millis(UNSTABLE_CALM) + 2 * MINUTE;
        let well = self.truth.services.iter().all(|s| s.health == Health::Good);
        let changed = self.truth.services.iter().map(|s| s.since).max().unwrap_or(0);
        let since = changed.max(fit_since).max(self.audit.spoken_at);
        if well && self.now - since > wait {
            let left = process.respond.open().find(|i| !i.by_hand);
            if let Some(i) = left {
                return Err(format!("all is well for long and this is open: {i:?}"));
            }
        }
        Ok(())
    }

    /// Whether what was just committed decides anything for the second time.
    pub(crate) fn note_commit(&mut self, write: &Write) -> Result<(), String> {
        self.check_reminded(write)?;
        for effect in &write.effects {
            let Effect::Incident(i) = effect else { continue };
            let merged = i.is_merged();
            for a in &i.affected {
                let Some(s) = self.truth.index(&a.service) else { continue };
                let truth = &self.truth.services[s];
                let watched = &mut self.audit.services[s];
                if watched.outage != truth.since {
                    (watched.outage, watched.audited) = (truth.since, false);
                    watched.incidents.clear();
                }
                if merged {
                    watched.incidents.retain(|id| *id != i.id);
                    continue;
                }
                let live = i.status.is_open() && !i.by_hand && a.until.is_none() && a.now.is_problem();
                if live && truth.health == Health::Down && !watched.incidents.contains(&i.id) {
                    watched.incidents.push(i.id);
                }
            }
        }
        let twice = self.audit.services.iter().position(|w| w.incidents.len() > 1 && !w.excused);
        match twice {
            Some(s) => {
                let ids = &self.audit.services[s].incidents;
                let both: Vec<_> = ids.iter().filter_map(|id| self.store.incidents.get(id)).collect();
                Err(format!("one outage of s{s} was decided twice: {both:#?}"))
            }
            None => Ok(()),
        }
    }

    /// Nobody is told of a missed promise who was not reminded of it before (case m), unless we were off meanwhile, or the clock
    /// jumped over the reminder; and nobody is called to what somebody has.
    fn check_reminded(&self, write: &Write) -> Result<(), String> {
        let started = self.process.as_ref().map_or(i64::MAX, |p| p.started);
        for effect in &write.effects {
            match effect {
                Effect::Journal(Entry::PromiseMissed { incident, promise }) if !self.settings.jumps => {
                    let made = promise.made_at.0 - BEGIN.0;
                    let reminded =
                        usize::try_from(promise.nags).unwrap_or(usize::MAX) == self.policy.nag_at.len();
                    if made > started && !reminded {
                        return Err(format!("missed without a reminder in {incident}: {promise:?}"));
                    }
                }
                Effect::Announce { occasion: Occasion::Unacknowledged { incident, .. }, .. } => {
                    let has = self.store.incidents.get(incident).is_some_and(|i| i.acknowledged().is_some());
                    if has {
                        return Err(format!("called again about {incident}, which somebody has"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The end: all was well for hours, and everything must have come to its own end.
    pub(crate) fn judgement_day(&mut self) -> Result<(), String> {
        self.settle_down_time();
        let left = self.store.incidents.values().find(|i| i.status.is_open());
        if let Some(i) = left {
            return Err(format!("left open at the end: {i:?}"));
        }
        self.check_delivered()?;
        self.check_opened()?;
        self.check_promises()?;
        self.check_quiet()?;
        if self.settings.is_plain() {
            self.check_uptime()?;
        }
        let r = &mut self.report;
        r.incidents = self.store.incidents.len() as u64;
        r.reopened = self.store.incidents.values().map(|i| u64::from(i.reopened)).sum();
        let merged = |i: &&Incident| i.is_merged();
        r.merged = self.store.incidents.values().filter(merged).count() as u64;
        r.announced = self.store.all.len() as u64;
        r.withdrawn = self.store.withdrawn.len() as u64;
        r.maintenances = self.store.maintenances.len() as u64;
        (r.promises_kept, r.promises_missed) = (self.store.promises.1, self.store.promises.2);
        r.promises_withdrawn = self.store.promises.3;
        r.acknowledged = self.store.acknowledged;
        (r.nagged, r.called_again) = (self.store.nagged, self.store.called_again);
        Ok(())
    }

    fn check_delivered(&mut self) -> Result<(), String> {
        if let Some(m) = self.store.outbox.first() {
            return Err(format!("never delivered: {m:?}"));
        }
        let mut repeated = 0;
        for (id, occasion, audience) in &self.store.all {
            let arrived = self.far.arrived.get(id);
            let withdrawn = self.store.withdrawn.contains(id);
            match arrived {
                None if !withdrawn => return Err(format!("announced and never told: {occasion:?}")),
                Some(_) if withdrawn => return Err(format!("withdrawn and told: {occasion:?}")),
                Some((o, a, _)) if o != occasion || a != audience => {
                    return Err(format!("{id} came with another message: {o:?}"));
                }
                Some((.., n)) => repeated += n - 1,
                None => {}
            }
        }
        if repeated != self.far.lost_receipts {
            return Err(format!("{repeated} repeats for {} lost receipts", self.far.lost_receipts));
        }
        self.report.repeated = u64::from(repeated);
        Ok(())
    }

    /// Each incident was announced as opened once to each audience.
    fn check_opened(&self) -> Result<(), String> {
        let mut opened: HashMap<(IncidentId, Audience), u32> = HashMap::new();
        for (id, occasion, audience) in &self.store.all {
            if let Occasion::IncidentOpened { incident, .. } = occasion
                && !self.store.withdrawn.contains(id)
            {
                *opened.entry((*incident, *audience)).or_default() += 1;
            }
        }
        for i in self.store.incidents.values() {
            let merged = i.is_merged();
            let n = |a| opened.get(&(i.id, a)).copied().unwrap_or(0);
            let staff = n(Audience::Staff);
            if n(Audience::Public) != 1 || (staff != 1 && !(merged && staff == 0)) {
                return Err(format!("told {} and {staff} times that it opened: {i:?}", n(Audience::Public)));
            }
        }
        if self.store.opened != self.store.incidents.len() as u64 {
            return Err(format!("{} openings in the journal", self.store.opened));
        }
        Ok(())
    }

    /// No storm: each promise is reminded of a few times at the most, and each opening calls again a few times.
    fn check_quiet(&self) -> Result<(), String> {
        let mut calls: HashMap<IncidentId, u64> = HashMap::new();
        for (_, occasion, _) in &self.store.all {
            if let Occasion::Unacknowledged { incident, .. } = occasion {
                *calls.entry(*incident).or_default() += 1;
            }
        }
        for i in self.store.incidents.values() {
            let most = u64::from(stillhere_respond::CALLS_MAX) * u64::from(i.reopened + 1);
            let called = calls.get(&i.id).copied().unwrap_or(0);
            if called > most {
                return Err(format!("called {called} times about {}", i.id));
            }
            let nagged = i.promises.iter().find(|p| p.nags as usize > self.policy.nag_at.len());
            if let Some(p) = nagged {
                return Err(format!("reminded too often of {p:?}"));
            }
            if i.by_hand && i.acknowledgements.is_empty() {
                return Err(format!("who opened it has it: {i:?}"));
            }
        }
        Ok(())
    }

    fn check_promises(&self) -> Result<(), String> {
        let (made, kept, missed, withdrawn) = self.store.promises;
        let all = || self.store.incidents.values().flat_map(|i| &i.promises);
        let counted = (
            all().count() as u64,
            all().filter(|p| p.kept_at.is_some()).count() as u64,
            all().filter(|p| p.missed_at.is_some()).count() as u64,
            all().filter(|p| p.withdrawn.is_some()).count() as u64,
        );
        if counted != (made, kept, missed, withdrawn) || made != kept + missed + withdrawn {
            return Err(format!("promises {counted:?}, in the journal {:?}", self.store.promises));
        }
        Ok(())
    }
}
