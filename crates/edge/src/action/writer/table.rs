//! What is on disk, in memory: for look-ups, for what is due, and for who owns what at the moment.

use crate::action::{
    AGAIN_AFTER, Answer, Begin, View,
    journal::Loaded,
    principal::Hash,
    record::{Owner, Record},
    state::{Event, State, step},
};
use http::StatusCode;
use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
    time::Duration,
};
use stillhere_model::Time;

/// How long after an attempt it is tried again: from, doubling, to.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

pub(crate) struct Table {
    records: HashMap<Hash, Record>,
    twins: HashMap<Hash, Hash>,
    leases: HashMap<Hash, Owner>,
    /// What is to be sent (again), by when; nothing that is owned is in it.
    queue: BTreeSet<(Time, Hash)>,
    queued: HashMap<Hash, Time>,
    bytes: u64,
    moved_aside: Option<PathBuf>,
}

/// What a record says about a request that comes under its key, when it says so without its answer. None: it may go,
/// or its answer is on disk.
pub(super) fn judge(record: &Record, fingerprint: &Hash, leased: bool, now: Time) -> Option<Begin> {
    if record.fingerprint != *fingerprint {
        return Some(Begin::OtherBody);
    }
    // Its answer is on disk a moment before its sender lets go of it.
    if leased && !record.at.state.answered() {
        // The longer it takes, the less often it is worth asking.
        let retry_after = (now.since(record.updated) / 2).clamp(AGAIN_AFTER.0, AGAIN_AFTER.1);
        return Some(Begin::InFlight { retry_after });
    }
    let view = || View::of(record, false, now);
    let stuck = step(record.at, Event::Claim).is_err();
    match record.at.state {
        State::Expired => Some(Begin::Expired(view())),
        State::Unknown if stuck => Some(Begin::OutcomeUnknown(view())),
        State::NeedsYou if stuck => Some(Begin::NeedsYou(view())),
        _ => None,
    }
}

// === impl Table ===

impl Table {
    pub(super) fn new(loaded: Loaded) -> Table {
        let mut table = Table {
            records: HashMap::with_capacity(loaded.records.len()),
            twins: HashMap::new(),
            leases: HashMap::new(),
            queue: BTreeSet::new(),
            queued: HashMap::new(),
            bytes: 0,
            moved_aside: loaded.moved_aside,
        };
        for (id, record) in loaded.records {
            let at = record.updated;
            let open = record.at.needs_request();
            table.apply(id, Some(record));
            if open {
                table.schedule(id, at);
            }
        }
        table
    }

    /// The file was opened again: it is right, whatever was remembered. Those who own something still do.
    pub(super) fn reload(&mut self, loaded: Loaded, now: Time) {
        let aside = loaded.moved_aside.clone().or(self.moved_aside.take());
        let leases = std::mem::take(&mut self.leases);
        *self = Table::new(loaded);
        self.moved_aside = aside;
        for id in leases.keys() {
            self.unschedule(id);
        }
        self.leases = leases;
        self.hurry(now);
    }

    /// What can be said to a request under a key without asking the disk.
    pub(crate) fn known(&self, id: &Hash, fingerprint: &Hash, now: Time) -> Option<Begin> {
        let record = self.records.get(id)?;
        let leased = self.leased(id);
        if record.ends() < now && !leased {
            return None;
        }
        judge(record, fingerprint, leased, now)
    }

    pub(crate) fn view(&self, id: &Hash, now: Time) -> Option<View> {
        self.records.get(id).map(|r| View::of(r, self.leased(id), now))
    }

    /// What is said while the disk cannot be asked: an action that is known must not go past the journal.
    pub(crate) fn stand_in(&self, id: &Hash) -> Option<Begin> {
        let record = self.records.get(id)?;
        if record.at.state.answered() {
            let status = StatusCode::from_u16(record.status).unwrap_or(StatusCode::OK);
            return Some(Begin::Done(Answer::bare(status)));
        }
        Some(Begin::InFlight { retry_after: AGAIN_AFTER.1 })
    }

    pub(super) fn record(&self, id: &Hash) -> Option<&Record> {
        self.records.get(id)
    }

    pub(super) fn twin(&self, twin: &Hash) -> Option<Hash> {
        self.twins.get(twin).copied()
    }

    /// What is on disk now.
    pub(super) fn apply(&mut self, id: Hash, record: Option<Record>) {
        let old = match record {
            Some(record) => {
                self.bytes += record.cost();
                if !record.at.needs_request() {
                    self.unschedule(&id);
                }
                if let Some(twin) = record.twin {
                    self.twins.insert(twin, id);
                }
                self.records.insert(id, record)
            }
            None => {
                self.unschedule(&id);
                self.records.remove(&id)
            }
        };
        let Some(old) = old else { return };
        self.bytes -= old.cost();
        if let Some(twin) = old.twin
            && !self.records.contains_key(&id)
            && self.twins.get(&twin) == Some(&id)
        {
            self.twins.remove(&twin);
        }
    }

    pub(super) fn leased(&self, id: &Hash) -> bool {
        self.leases.contains_key(id)
    }

    pub(super) fn lease(&mut self, id: &Hash, owner: Owner) {
        self.unschedule(id);
        self.leases.insert(*id, owner);
    }

    /// Its owner lets go; what is not settled is due again after a while.
    pub(crate) fn release(&mut self, id: &Hash, owner: Owner, now: Time) {
        if self.leases.get(id) != Some(&owner) {
            return;
        }
        self.leases.remove(id);
        if let Some(record) = self.records.get(id)
            && record.at.needs_request()
        {
            let doublings = record.owner.attempt.saturating_sub(1).min(16);
            let pause = (BACK_OFF.0 * (1 << doublings)).min(BACK_OFF.1);
            self.schedule(*id, now.plus(pause));
        }
    }

    fn schedule(&mut self, id: Hash, at: Time) {
        self.unschedule(&id);
        self.queue.insert((at, id));
        self.queued.insert(id, at);
    }

    pub(super) fn unschedule(&mut self, id: &Hash) {
        if let Some(at) = self.queued.remove(id) {
            self.queue.remove(&(at, *id));
        }
    }

    /// Those whose time has come, the longest waiting first. They stay in the queue until they are owned or settled.
    pub(super) fn due(&mut self, now: Time, limit: usize) -> Vec<Hash> {
        // Nothing is put off for longer than the longest pause: the clock was set back.
        if self.queue.last().is_some_and(|(at, _)| *at > now.plus(BACK_OFF.1)) {
            self.hurry(now);
        }
        self.queue.iter().take_while(|(at, _)| *at <= now).take(limit).map(|(_, id)| *id).collect()
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        self.queue.first().map(|(at, _)| *at)
    }

    pub(crate) fn hurry(&mut self, now: Time) {
        let later: Vec<Hash> = self.queue.iter().filter(|(at, _)| *at > now).map(|(_, id)| *id).collect();
        for id in later {
            self.schedule(id, now);
        }
    }

    /// Those that have been kept as long as they should be, and are not owned.
    pub(super) fn ended(&self, now: Time, limit: usize) -> Vec<Hash> {
        let ended = self.records.iter().filter(|(id, r)| r.ends() < now && !self.leased(id));
        ended.map(|(id, _)| *id).take(limit).collect()
    }

    pub(crate) fn actions(&self) -> usize {
        self.records.len()
    }
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }
    pub(crate) fn running(&self) -> usize {
        self.leases.len()
    }
    pub(crate) fn moved_aside(&self) -> Option<PathBuf> {
        self.moved_aside.clone()
    }
}
