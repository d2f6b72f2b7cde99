//! The modelled store: one transaction carries verdicts, incidents, journal and outbox, or nothing does.

use crate::{outbox::Message, sum::Sums};
use std::collections::{BTreeMap, HashSet};
use stillhere_judge as judge;
use stillhere_model::{
    Audience, DeliveryId, Entry, Incident, IncidentId, Maintenance, MaintenanceId, Mint, Occasion, Promise,
    Said, ServiceId, Status, Time, Verdict, VerdictChange,
};
use stillhere_respond::{self as respond, Effect, Kept};

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) verdicts: BTreeMap<ServiceId, Verdict>,
    pub(crate) incidents: BTreeMap<IncidentId, Incident>,
    pub(crate) maintenances: BTreeMap<MaintenanceId, Maintenance>,
    pub(crate) outbox: Vec<Message>,
    pub(crate) announced: HashSet<(Occasion, Audience)>,
    pub(crate) withdrawn: HashSet<DeliveryId>,
    pub(crate) all: Vec<(DeliveryId, Occasion, Audience)>,
    /// Made, kept, missed, withdrawn.
    pub(crate) promises: (u64, u64, u64, u64),
    pub(crate) acknowledged: u64,
    pub(crate) nagged: u64,
    pub(crate) called_again: u64,
    pub(crate) opened: u64,
    pub(crate) uplink_lost: bool,
    pub(crate) sums: Sums,
    mint: Mint,
}

/// What one input came to, before it is committed.
#[derive(Debug, Default)]
pub(crate) struct Write {
    pub(crate) changes: Vec<VerdictChange>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) looks: Vec<judge::Look>,
}

// === impl Store ===

impl Store {
    pub(crate) fn new() -> Store {
        Store {
            verdicts: BTreeMap::new(),
            incidents: BTreeMap::new(),
            maintenances: BTreeMap::new(),
            outbox: Vec::new(),
            announced: HashSet::new(),
            withdrawn: HashSet::new(),
            all: Vec::new(),
            promises: (0, 0, 0, 0),
            acknowledged: 0,
            nagged: 0,
            called_again: 0,
            opened: 0,
            uplink_lost: false,
            sums: Sums::default(),
            mint: Mint::new(0xDE11_4E12),
        }
    }

    /// Commits, and looks at everything that is committed.
    pub(crate) fn commit(&mut self, write: &Write, now: Time, orderly: bool) -> Result<(), String> {
        for change in &write.changes {
            self.take_change(change, now, orderly)?;
        }
        for effect in &write.effects {
            match effect {
                Effect::Incident(i) => self.take_incident(i)?,
                Effect::Maintenance(m) => {
                    self.maintenances.insert(m.id, (**m).clone());
                }
                Effect::Announce { occasion, audience, not_before } => {
                    self.announce(occasion, *audience, *not_before, now)?;
                }
                Effect::Withdraw { incident } => self.withdraw(*incident),
                Effect::Journal(entry) => self.take_entry(entry),
                Effect::Amend(a) if a.from >= a.until => return Err(format!("an empty amendment: {a:?}")),
                _ => {}
            }
        }
        Ok(())
    }

    fn take_change(&mut self, change: &VerdictChange, now: Time, orderly: bool) -> Result<(), String> {
        let v = &change.now;
        let old = self.verdicts.get(&v.service);
        if change.before != old.map(|o| o.status) {
            return Err(format!("segments do not join: {:?} was {:?}", change, old.map(|o| o.status)));
        }
        if old.is_some_and(|o| v.since < o.since) {
            return Err(format!("a segment begins before the one before it: {change:?} after {old:?}"));
        }
        if orderly && v.since > now {
            return Err(format!("a verdict from the future at {now}: {v:?}"));
        }
        self.sums.take(v);
        self.verdicts.insert(v.service.clone(), v.clone());
        Ok(())
    }

    fn take_incident(&mut self, new: &Incident) -> Result<(), String> {
        if let Some(old) = self.incidents.get(&new.id) {
            let kept = new.updates.get(..old.updates.len()) == Some(&old.updates[..]);
            if !kept || new.opened_at != old.opened_at || new.promises.len() < old.promises.len() {
                return Err(format!("the record was rewritten: {old:?} to {new:?}"));
            }
            for (a, b) in old.promises.iter().zip(&new.promises) {
                let rewritten = a.due != b.due
                    || (a.kept_at.is_some() && b.kept_at != a.kept_at)
                    || (a.missed_at.is_some() && b.missed_at != a.missed_at)
                    || (a.withdrawn.is_some() && b.withdrawn != a.withdrawn)
                    || b.nags < a.nags;
                if rewritten {
                    return Err(format!("a promise was rewritten: {a:?} to {b:?}"));
                }
            }
        }
        if new.resolved_at.is_some_and(|end| end < new.started_at) {
            return Err(format!("it ended before it began: {new:?}"));
        }
        let ends = |p: &Promise| {
            [p.kept_at.is_some(), p.missed_at.is_some(), p.withdrawn.is_some()].iter().filter(|e| **e).count()
        };
        if new.promises.iter().any(|p| ends(p) > 1) {
            return Err(format!("a promise was scored twice: {new:?}"));
        }
        self.check_over(new)?;
        self.incidents.insert(new.id, new.clone());
        Ok(())
    }

    /// By itself an incident is only over when all that it affected are seen to be good.
    fn check_over(&self, new: &Incident) -> Result<(), String> {
        let was_open = self.incidents.get(&new.id).is_some_and(|old| old.status.is_open());
        let by_itself = new.updates.last().is_some_and(|u| matches!(u.said, Said::Resolved { .. }));
        if !was_open || !by_itself {
            return Ok(());
        }
        let elsewhere = |s: &ServiceId| {
            self.incidents.values().any(|i| i.id != new.id && i.status.is_open() && i.affects(s))
        };
        for a in &new.affected {
            let status = self.verdicts.get(&a.service).map(|v| v.status);
            let good = status.is_some_and(|s| !s.is_problem() && s != Status::Unknown);
            if !good && !elsewhere(&a.service) {
                return Err(format!("called over while {} is {status:?}: {new:?}", a.service));
            }
        }
        Ok(())
    }

    fn announce(
        &mut self,
        occasion: &Occasion,
        audience: Audience,
        not_before: Time,
        now: Time,
    ) -> Result<(), String> {
        if not_before.0 > now.0 + 5_000 {
            return Err(format!("{occasion:?} would wait until {not_before}"));
        }
        // What is about ourselves is told apart by wall time, which a clock set back brings again.
        let ours = matches!(
            occasion,
            Occasion::UplinkLost { .. }
                | Occasion::UplinkBack { .. }
                | Occasion::ClockJumped { .. }
                | Occasion::Test { .. }
                | Occasion::FallingBehind { .. }
        );
        if !self.announced.insert((occasion.clone(), audience)) && !ours {
            return Err(format!("announced twice: {occasion:?} to {audience:?}"));
        }
        let id = DeliveryId(self.mint.uuid(now));
        self.all.push((id, occasion.clone(), audience));
        let occasion = occasion.clone();
        self.outbox.push(Message { id, occasion, audience, not_before, again_at: 0, tried: false });
        Ok(())
    }

    fn withdraw(&mut self, incident: IncidentId) {
        let (gone, kept) = self.outbox.drain(..).partition(|m| m.is_unsent_of(incident));
        self.outbox = kept;
        for m in gone {
            self.announced.remove(&(m.occasion, m.audience));
            self.withdrawn.insert(m.id);
        }
    }

    fn take_entry(&mut self, entry: &Entry) {
        match entry {
            Entry::PromiseMade { .. } => self.promises.0 += 1,
            Entry::PromiseKept { .. } => self.promises.1 += 1,
            Entry::PromiseMissed { .. } => self.promises.2 += 1,
            Entry::PromiseWithdrawn { .. } => self.promises.3 += 1,
            Entry::Acknowledged { .. } => self.acknowledged += 1,
            Entry::Nagged { .. } => self.nagged += 1,
            Entry::CalledAgain { .. } => self.called_again += 1,
            Entry::IncidentOpened { .. } => self.opened += 1,
            Entry::Uplink { up } => self.uplink_lost = !up,
            _ => {}
        }
    }

    /// What a new process begins with.
    pub(crate) fn load(&self, now: Time) -> (Vec<Verdict>, Kept) {
        let verdicts: Vec<Verdict> = self.verdicts.values().cloned().collect();
        let day = std::time::Duration::from_secs(86_400);
        let recent = |i: &&Incident| i.resolved_at.is_none_or(|end| now.since(end) < day);
        let live = |m: &&Maintenance| m.completed_at.is_none();
        let kept = Kept {
            incidents: self.incidents.values().filter(recent).cloned().collect(),
            maintenances: self.maintenances.values().filter(live).cloned().collect(),
            verdicts: verdicts.clone(),
            certificates: Vec::new(),
            uplink_lost: self.uplink_lost,
        };
        (verdicts, kept)
    }
}

// === impl Write ===

impl Write {
    pub(crate) fn add(&mut self, step: respond::Step) -> Vec<judge::Input<'static>> {
        let to_judge = step.effects.iter().filter_map(|e| match e {
            Effect::Declare { incident, services } => {
                Some(judge::Input::Declared { incident: *incident, services: services.clone() })
            }
            Effect::MaintenanceActive { id, services, expect, active } => Some(judge::Input::Maintenance {
                id: *id,
                services: services.clone(),
                expect: *expect,
                active: *active,
            }),
            _ => None,
        });
        let to_judge = to_judge.collect();
        self.effects.extend(step.effects);
        to_judge
    }
}
