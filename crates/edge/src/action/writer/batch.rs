//! One transaction: every decision about an action is made here, and written down with it.

use super::{Answered, BATCH, Command, Decision, SWEEP, Shared, Taken, table};
use crate::action::{
    AGAIN_AFTER, Begin, Limits, NotKept, View,
    journal::{Trouble, Tx},
    principal::Hash,
    record::{Owner, Record},
    running::{Claim, Lease, NotSettled},
    state::{Event, Refusal, Standing, State, step},
};
use std::{collections::HashMap, sync::Arc};
use stillhere_model::Time;

/// Most actions that are looked at to find due ones, for each that is wanted: those that are too late do not count.
const DUE_LOOKS: usize = 16;

/// One transaction in the making: what changes in the table when it is on disk.
pub(super) struct Batch<'a, 't> {
    pub(super) tx: &'a mut Tx<'t>,
    pub(super) shared: &'a Arc<Shared>,
    pub(super) limits: &'a Limits,
    pub(super) epoch: u64,
    pub(super) changed: HashMap<Hash, Option<Record>>,
    pub(super) twins: HashMap<Hash, Hash>,
    pub(super) fresh: &'a mut Vec<Hash>,
}

// === impl Batch ===

impl Batch<'_, '_> {
    /// An error makes the whole transaction fail; the command that caused it is answered by its dropped sender.
    pub(super) fn take(&mut self, command: Command) -> Result<Option<Answered>, Trouble> {
        Ok(match command {
            Command::Begin { id, record, request, sending, now, reply } => {
                match self.begin(id, *record, &request, sending, now) {
                    Ok(decision) => Some(Answered::Begin(reply, decision)),
                    Err(e) => {
                        let _gone_is_fine = reply.send(Err(NotKept::Disk(e.to_string())));
                        return Err(e);
                    }
                }
            }
            Command::Settle { id, owner, events, answer, now, reply } => {
                match self.settle(&id, owner, &events, answer, now) {
                    Ok(settled) => Some(Answered::Settle(reply, settled)),
                    Err(e) => {
                        let _gone_is_fine = reply.send(Err(NotSettled::Disk(e.to_string())));
                        return Err(e);
                    }
                }
            }
            Command::Due { now, limit, reply } => match self.due(now, limit) {
                Ok(due) => Some(Answered::Due(reply, due)),
                Err(e) => {
                    let _gone_is_fine = reply.send(Err(NotKept::Disk(e.to_string())));
                    return Err(e);
                }
            },
            Command::Sweep { now, reply } => {
                let old = self.shared.lock().ended(now, SWEEP);
                for id in &old {
                    self.remove(id)?;
                }
                Some(Answered::Sweep(reply, old.len()))
            }
            Command::Close(reply) => {
                let _gone_is_fine = reply.send(());
                None
            }
        })
    }

    fn begin(
        &mut self,
        id: Hash,
        new: Record,
        request: &[u8],
        sending: bool,
        now: Time,
    ) -> Result<Result<Decision, NotKept>, Trouble> {
        let mut old = self.tx.get(&id)?;
        let leased = self.shared.lock().leased(&id);
        if let Some(record) = &old
            && !leased
            && record.ends() < now
        {
            self.remove(&id)?;
            old = None;
        }
        let known = |begin| Ok(Ok(Decision::Known(Box::new(begin))));
        let mut record = match old {
            None => {
                let new = new.clone();
                if let Some(twin) = &new.twin
                    && self.twin_forbids(twin, &id, now)?
                {
                    return known(Begin::OtherPrincipal);
                }
                if self.full(new.cost()) {
                    return Ok(Err(NotKept::Full));
                }
                if let Some(twin) = new.twin {
                    self.twins.insert(twin, id);
                }
                self.fresh.push(id);
                new
            }
            Some(record) => {
                if let Some(begin) = table::judge(&record, &new.fingerprint, leased, now) {
                    return known(begin);
                }
                if record.at.state.answered() {
                    let sealed = self.tx.answer(&id)?;
                    return Ok(Ok(Decision::Done { status: record.status, sealed }));
                }
                let at = match record.at.state {
                    // Its sender went away without a word.
                    State::Sent => step(record.at, Event::Lost),
                    _ => Ok(record.at),
                };
                // The origin's habit may have been taken back since; it is never believed in hindsight.
                let at = at.map(|at| Standing { honours: at.honours && new.at.honours, ..at });
                let at = at.unwrap_or(record.at);
                Record {
                    at,
                    request_bytes: new.request_bytes,
                    send_until: new.send_until,
                    send_ms: new.send_ms,
                    keep_ms: new.keep_ms,
                    ..record
                }
            }
        };
        let claimed = step(record.at, Event::Claim)
            .and_then(|at| if sending { step(at, Event::Sending) } else { Ok(at) });
        match claimed {
            Ok(at) => record.at = at,
            Err(Refusal::MayDouble) => {
                // Only an orphan gets here whose state was not on disk yet.
                record.updated = now;
                self.put(&id, &mut record)?;
                let begin = table::judge(&record, &new.fingerprint, false, now);
                return known(begin.unwrap_or(Begin::OutcomeUnknown(View::of(&record, false, now))));
            }
            Err(_) => return known(Begin::InFlight { retry_after: AGAIN_AFTER.0 }),
        }
        record.updated = now;
        // A person who comes back after a log-in brings the request anew; so the record needs it again.
        self.tx.put_request(&id, request)?;
        let claim = self.claim(id, &mut record, now);
        self.put(&id, &mut record)?;
        Ok(Ok(Decision::Go(claim)))
    }

    /// The same request under the same key, but under other credentials: it may go only if the first one was surely
    /// turned away, or is not there any more.
    fn twin_forbids(&mut self, twin: &Hash, id: &Hash, now: Time) -> Result<bool, Trouble> {
        let other = self.twins.get(twin).copied().or_else(|| self.shared.lock().twin(twin));
        let Some(other) = other.filter(|o| o != id) else { return Ok(false) };
        let Some(record) = self.tx.get(&other)? else { return Ok(false) };
        if self.shared.lock().leased(&other) {
            return Ok(true);
        }
        let turned_away = record.at.state == State::NeedsYou && !record.at.doubt;
        Ok(!turned_away && record.ends() >= now)
    }

    fn full(&self, cost: u64) -> bool {
        let table = self.shared.lock();
        let (mut actions, mut bytes) = (table.actions(), table.bytes() + cost);
        for (id, record) in &self.changed {
            match (table.record(id), record) {
                (None, Some(new)) => {
                    actions += 1;
                    bytes += new.cost();
                }
                (Some(old), None) => {
                    actions -= 1;
                    bytes -= old.cost();
                }
                (Some(old), Some(new)) => bytes = (bytes + new.cost()).saturating_sub(old.cost()),
                (None, None) => {}
            }
        }
        actions >= self.limits.actions || bytes > self.limits.bytes
    }

    fn settle(
        &mut self,
        id: &Hash,
        owner: Owner,
        events: &[Event],
        answer: Option<(u16, Vec<u8>)>,
        now: Time,
    ) -> Result<Result<Standing, NotSettled>, Trouble> {
        let Some(mut record) = self.tx.get(id)? else { return Ok(Err(NotSettled::Gone)) };
        // The fence.
        if record.owner != owner {
            return Ok(Err(NotSettled::Fenced));
        }
        for event in events {
            match step(record.at, *event) {
                Ok(at) => record.at = at,
                Err(why) => return Ok(Err(NotSettled::Refused(why))),
            }
        }
        record.updated = now;
        let at = record.at;
        if at.state == State::Forgotten {
            self.remove(id)?;
            return Ok(Ok(at));
        }
        if at.state.answered()
            && let Some((status, sealed)) = answer
        {
            record.status = status;
            record.answer_bytes = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
            self.tx.put_answer(id, &sealed)?;
        }
        self.put(id, &mut record)?;
        Ok(Ok(at))
    }

    fn due(&mut self, now: Time, limit: usize) -> Result<Taken, Trouble> {
        let limit = limit.min(BATCH);
        let mut due = Vec::new();
        let waiting = self.shared.lock().due(now, limit.saturating_mul(DUE_LOOKS));
        for id in waiting {
            if due.len() == limit {
                break;
            }
            if self.shared.lock().leased(&id) {
                continue;
            }
            let Some(mut record) = self.tx.get(&id)? else { continue };
            let before = record.at;
            if record.at.state == State::Sent
                && let Ok(at) = step(record.at, Event::Lost)
            {
                record.at = at;
            }
            let late = record.send_until < now;
            if late && let Ok(at) = step(record.at, Event::TooLate) {
                record.at = at;
            }
            let open = matches!(record.at.state, State::Saved | State::Unknown) && !late;
            let sealed =
                if open && step(record.at, Event::Claim).is_ok() { self.tx.request(&id)? } else { None };
            match sealed {
                Some(sealed) => {
                    let claim = self.claim(id, &mut record, now);
                    self.put(&id, &mut record)?;
                    due.push((claim, sealed));
                }
                None => {
                    if record.at != before {
                        record.updated = now;
                        self.put(&id, &mut record)?;
                    }
                    self.shared.lock().unschedule(&id);
                }
            }
        }
        Ok(due)
    }

    /// The right to send: written in the record, and held in memory. A claim that never gets to anybody is given
    /// back when it is dropped.
    fn claim(&mut self, id: Hash, record: &mut Record, now: Time) -> Claim {
        record.owner = Owner { epoch: self.epoch, attempt: record.owner.attempt.saturating_add(1) };
        self.shared.lock().lease(&id, record.owner);
        let lease = Lease { shared: self.shared.clone(), id, owner: record.owner, now };
        Claim { id, at: record.at, lease }
    }

    fn put(&mut self, id: &Hash, record: &mut Record) -> Result<(), Trouble> {
        self.tx.put(id, record)?;
        self.changed.insert(*id, Some(record.clone()));
        Ok(())
    }

    fn remove(&mut self, id: &Hash) -> Result<(), Trouble> {
        self.tx.remove(id)?;
        self.changed.insert(*id, None);
        Ok(())
    }
}
