//! The one thread that writes, and what is known without asking the disk.
//!
//! Every decision about an action is made here, inside the transaction that writes it down: two requests with one
//! key, a request and the loop that sends late, an old sender and a new one can never both be told to go.
//! [`Table`] repeats in memory what is on disk, for those who must not wait for it; it is changed after the disk.

use super::{
    Begin, Limits, NotKept, View,
    journal::{Journal, Trouble, Tx},
    principal::Hash,
    record::{Owner, Record},
    running::{Claim, Lease, NotSettled},
    state::{Event, Refusal, Standing, State, step},
};
use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use stillhere_model::Time;
use stillhere_net::clock;
use tokio::sync::{mpsc, oneshot};

mod table;

pub(super) use table::Table;

/// Most commands in one transaction. More only make the first of them wait.
const BATCH: usize = 256;
/// Most bytes of requests and answers in one transaction.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Most actions that one sweep forgets in one transaction.
pub(super) const SWEEP: usize = 1_000;
/// Most actions that are looked at to find due ones, for each that is wanted: those that are too late do not count.
const DUE_LOOKS: usize = 16;
/// How long after a failure the file is tried again.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// What the writer and everybody else know together.
pub(crate) struct Shared {
    table: Mutex<Table>,
    pub(super) commits: AtomicU64,
    pub(super) failures: AtomicU64,
}

/// What the writer is asked to do.
pub(super) enum Command {
    Begin {
        id: Hash,
        record: Box<Record>,
        request: Vec<u8>,
        sending: bool,
        now: Time,
        reply: oneshot::Sender<Result<Decision, NotKept>>,
    },
    Settle {
        id: Hash,
        owner: Owner,
        events: Vec<Event>,
        answer: Option<(u16, Vec<u8>)>,
        now: Time,
        reply: oneshot::Sender<Result<Standing, NotSettled>>,
    },
    Due {
        now: Time,
        limit: usize,
        reply: oneshot::Sender<Result<Vec<(Claim, Vec<u8>)>, NotKept>>,
    },
    Sweep {
        now: Time,
        reply: oneshot::Sender<Result<usize, NotKept>>,
    },
    Close(oneshot::Sender<()>),
}

pub(super) enum Decision {
    Go(Claim),
    Done { status: u16, sealed: Option<Vec<u8>> },
    Known(Box<Begin>),
}

/// What is to be said once the disk has it.
enum Answered {
    Begin(oneshot::Sender<Result<Decision, NotKept>>, Result<Decision, NotKept>),
    Settle(oneshot::Sender<Result<Standing, NotSettled>>, Result<Standing, NotSettled>),
    Due(oneshot::Sender<Result<Vec<(Claim, Vec<u8>)>, NotKept>>, Vec<(Claim, Vec<u8>)>),
    Sweep(oneshot::Sender<Result<usize, NotKept>>, usize),
}

struct Writer {
    journal: Journal,
    shared: Arc<Shared>,
    limits: Limits,
    epoch: u64,
    /// The last failure: what is said until the file is open again, and when it is tried.
    failed: Option<(String, Instant)>,
    /// What is left to do for those who went away before they heard that they may send: nothing was sent.
    left_over: Vec<Command>,
    /// Actions that this transaction takes in.
    fresh: Vec<Hash>,
    /// Actions of which nobody knows whether they are on disk, because taking them in failed. Nothing was promised,
    /// and they may have been sent past the journal: they must not be found there and sent late.
    void: Vec<Hash>,
}

/// One transaction in the making: what changes in the table when it is on disk.
struct Batch<'a, 't> {
    tx: &'a mut Tx<'t>,
    shared: &'a Arc<Shared>,
    limits: &'a Limits,
    epoch: u64,
    changed: HashMap<Hash, Option<Record>>,
    twins: HashMap<Hash, Hash>,
    fresh: &'a mut Vec<Hash>,
}

/// Starts the thread. It ends when nobody can ask it anything any more, or when it is closed.
pub(super) fn start(
    journal: Journal,
    shared: Arc<Shared>,
    limits: Limits,
    commands: mpsc::Receiver<Command>,
) -> io::Result<()> {
    let epoch = journal.epoch();
    let writer = Writer {
        journal,
        shared,
        limits,
        epoch,
        failed: None,
        left_over: Vec::new(),
        fresh: Vec::new(),
        void: Vec::new(),
    };
    std::thread::Builder::new().name("actions".to_owned()).spawn(move || writer.run(commands))?;
    Ok(())
}

// === impl Shared ===

impl Shared {
    pub(super) fn new(loaded: super::journal::Loaded) -> Shared {
        Shared {
            table: Mutex::new(Table::new(loaded)),
            commits: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Table> {
        super::lock(&self.table)
    }
}

// === impl Writer ===

impl Writer {
    fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(first) = commands.blocking_recv() {
            let mut batch = VecDeque::from(std::mem::take(&mut self.left_over));
            let mut bytes = 0;
            let mut next = Some(first);
            let mut closing = None;
            while let Some(command) = next {
                bytes += command.bytes();
                match command {
                    Command::Close(reply) => {
                        commands.close();
                        closing = Some(reply);
                    }
                    command => batch.push_back(command),
                }
                next =
                    if batch.len() < BATCH && bytes < BATCH_BYTES { commands.try_recv().ok() } else { None };
            }
            self.batch(batch);
            // Who is closed takes no new commands, and those that wait are still served.
            if let Some(reply) = closing {
                while let Ok(command) = commands.try_recv() {
                    self.batch(VecDeque::from([command]));
                }
                let rest = std::mem::take(&mut self.left_over);
                self.batch(rest.into());
                self.journal.close();
                let _gone_is_fine = reply.send(());
                return;
            }
        }
        let rest = std::mem::take(&mut self.left_over);
        self.batch(rest.into());
    }

    fn batch(&mut self, commands: VecDeque<Command>) {
        if commands.is_empty() {
            return;
        }
        if let Err(why) = self.ready(&commands) {
            for command in commands {
                command.fail(&why);
            }
            return;
        }
        let mut waiting: VecDeque<Command> = commands;
        let mut answers = Vec::with_capacity(waiting.len());
        let (shared, limits, epoch) = (&self.shared, &self.limits, self.epoch);
        let fresh = &mut self.fresh;
        fresh.clear();
        let done = self.journal.transact(|tx| {
            let mut batch =
                Batch { tx, shared, limits, epoch, changed: HashMap::new(), twins: HashMap::new(), fresh };
            while let Some(command) = waiting.pop_front() {
                if let Some(answer) = batch.take(command)? {
                    answers.push(answer);
                }
            }
            Ok(batch.changed)
        });
        match done {
            Ok((changed, written)) => {
                if written {
                    self.shared.commits.fetch_add(1, Relaxed);
                }
                let mut table = self.shared.lock();
                for (id, record) in changed {
                    table.apply(id, record);
                }
                drop(table);
                for answer in answers {
                    self.say(answer);
                }
            }
            Err(trouble) => {
                self.shared.failures.fetch_add(1, Relaxed);
                let why = trouble.to_string();
                tracing::error!(
                    problem = why,
                    "keyed actions cannot be written; nothing is promised meanwhile"
                );
                self.failed = Some((why.clone(), clock::mono()));
                self.void.append(&mut self.fresh);
                // The claims in them are given back when they are dropped.
                for answer in answers {
                    answer.fail(&why);
                }
                for command in waiting {
                    command.fail(&why);
                }
            }
        }
    }

    /// The file is open; after a failure it is opened again, not too often, and what is in it is read anew.
    fn ready(&mut self, commands: &VecDeque<Command>) -> Result<(), String> {
        if self.journal.is_open() {
            return Ok(());
        }
        let now = commands.iter().map(Command::now).max().unwrap_or_default();
        if let Some((why, at)) = &self.failed
            && clock::mono().saturating_duration_since(*at) < REOPEN_AFTER
        {
            return Err(why.clone());
        }
        match self.journal.reopen(now) {
            Ok(mut loaded) => {
                if let Err(trouble) = self.void_unpromised(&mut loaded) {
                    let why = trouble.to_string();
                    self.failed = Some((why.clone(), clock::mono()));
                    return Err(why);
                }
                tracing::info!("keyed actions can be written again");
                self.failed = None;
                self.epoch = self.journal.epoch();
                self.shared.lock().reload(loaded, now);
                Ok(())
            }
            Err(trouble) => {
                let why = trouble.to_string();
                self.failed = Some((why.clone(), clock::mono()));
                Err(why)
            }
        }
    }

    fn void_unpromised(&mut self, loaded: &mut super::journal::Loaded) -> Result<(), Trouble> {
        let void = &self.void;
        let unpromised = |id: &Hash, record: &Record| record.at.state == State::Saved && void.contains(id);
        self.journal.transact(|tx| {
            for (id, _) in loaded.records.iter().filter(|(id, r)| unpromised(id, r)) {
                tx.remove(id)?;
            }
            Ok(())
        })?;
        loaded.records.retain(|(id, r)| !unpromised(id, r));
        self.void.clear();
        Ok(())
    }

    fn say(&mut self, answer: Answered) {
        match answer {
            Answered::Begin(reply, decision) => {
                if let Err(Ok(Decision::Go(claim))) = reply.send(decision) {
                    self.nobody_sends(&claim);
                }
            }
            Answered::Settle(reply, settled) => {
                let _gone_is_fine = reply.send(settled);
            }
            Answered::Due(reply, due) => {
                if let Err(Ok(due)) = reply.send(Ok(due)) {
                    for (claim, _) in &due {
                        self.nobody_sends(claim);
                    }
                }
            }
            Answered::Sweep(reply, n) => {
                let _gone_is_fine = reply.send(Ok(n));
            }
        }
    }

    /// Whoever asked has gone before hearing that it may send: so nothing was sent, and the disk is told so.
    fn nobody_sends(&mut self, claim: &Claim) {
        if claim.at.state == State::Sent {
            let (reply, _nobody) = oneshot::channel();
            self.left_over.push(Command::Settle {
                id: claim.id,
                owner: claim.lease.owner,
                events: vec![Event::NotSent],
                answer: None,
                now: claim.lease.now,
                reply,
            });
        }
    }
}

// === impl Batch ===

impl Batch<'_, '_> {
    /// An error makes the whole transaction fail; the command that caused it is answered by its dropped sender.
    fn take(&mut self, command: Command) -> Result<Option<Answered>, Trouble> {
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
            Err(_) => return known(Begin::InFlight { retry_after: super::AGAIN_AFTER.0 }),
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

    fn due(&mut self, now: Time, limit: usize) -> Result<Vec<(Claim, Vec<u8>)>, Trouble> {
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

// === impl Command ===

impl Command {
    fn bytes(&self) -> usize {
        match self {
            Command::Begin { request, .. } => request.len(),
            Command::Settle { answer: Some((_, sealed)), .. } => sealed.len(),
            _ => 0,
        }
    }

    fn now(&self) -> Time {
        match self {
            Command::Begin { now, .. }
            | Command::Settle { now, .. }
            | Command::Due { now, .. }
            | Command::Sweep { now, .. } => *now,
            Command::Close(_) => Time::MIN,
        }
    }

    fn fail(self, why: &str) {
        let why = why.to_owned();
        // Who has gone does not need to hear it.
        match self {
            Command::Begin { reply, .. } => drop(reply.send(Err(NotKept::Disk(why)))),
            Command::Settle { reply, .. } => drop(reply.send(Err(NotSettled::Disk(why)))),
            Command::Due { reply, .. } => drop(reply.send(Err(NotKept::Disk(why)))),
            Command::Sweep { reply, .. } => drop(reply.send(Err(NotKept::Disk(why)))),
            Command::Close(reply) => drop(reply.send(())),
        }
    }
}

impl Answered {
    fn fail(self, why: &str) {
        let why = why.to_owned();
        match self {
            Answered::Begin(reply, _) => drop(reply.send(Err(NotKept::Disk(why)))),
            Answered::Settle(reply, _) => drop(reply.send(Err(NotSettled::Disk(why)))),
            Answered::Due(reply, _) => drop(reply.send(Err(NotKept::Disk(why)))),
            Answered::Sweep(reply, _) => drop(reply.send(Err(NotKept::Disk(why)))),
        }
    }
}
