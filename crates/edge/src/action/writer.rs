//! The one thread that writes, and what is known without asking the disk.
//!
//! Every decision about an action is made here, inside the transaction that writes it down: two requests with one
//! key, a request and the loop that sends late, an old sender and a new one can never both be told to go.
//! [`Table`] repeats in memory what is on disk, for those who must not wait for it; it is changed after the disk.

use super::{
    Begin, Limits, NotKept,
    journal::{Journal, Trouble},
    principal::Hash,
    record::{Owner, Record},
    running::{Claim, NotSettled},
    state::{Event, Standing, State},
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

mod batch;
mod table;

use batch::Batch;
pub(super) use table::Table;

/// Most commands in one transaction. More only make the first of them wait.
const BATCH: usize = 256;
/// Most bytes of requests and answers in one transaction.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Most actions that one sweep forgets in one transaction.
pub(super) const SWEEP: usize = 1_000;
/// How long after a failure the file is tried again.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// What the writer and everybody else know together.
pub(crate) struct Shared {
    table: Mutex<Table>,
    pub(super) commits: AtomicU64,
    pub(super) failures: AtomicU64,
}

/// What was taken to be sent: the right to, and the sealed request.
pub(super) type Taken = Vec<(Claim, Vec<u8>)>;

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
        reply: oneshot::Sender<Result<Taken, NotKept>>,
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
    Due(oneshot::Sender<Result<Taken, NotKept>>, Taken),
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
            let (mut bytes, mut swept) = (0, false);
            let mut next = Some(first);
            let mut closing = None;
            while let Some(command) = next {
                bytes += command.bytes();
                swept |= matches!(command, Command::Sweep { .. });
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
            if swept && closing.is_none() {
                self.pack();
            }
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

    /// After old actions were forgotten, and while nobody has one in hand.
    fn pack(&mut self) {
        let needed = {
            let table = self.shared.lock();
            if table.running() > 0 {
                return;
            }
            table.bytes()
        };
        if let Err(problem) = self.journal.pack(needed) {
            // The next command opens it again.
            tracing::warn!(%problem, "the journal of keyed actions could not be packed");
        }
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
        // One that may have been sent past the journal, to an origin that does not honour keys, stays as unknown: its
        // key must not be free to do it again.
        let unpromised = |id: &Hash, record: &Record| {
            let at = record.at;
            void.contains(id) && (at.state == State::Saved || at.state == State::Sent && at.honours)
        };
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
