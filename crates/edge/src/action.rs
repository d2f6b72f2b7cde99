//! Keyed actions: a request with an `Idempotency-Key` is on disk before anything is promised, and is done once.
//!
//! What this defends against: the origin dies after it took an order and before it answered; the edge itself is
//! killed; a person presses the button again; a browser sends a POST again by itself; somebody else tries a key that
//! is not theirs.
//!
//! ```text
//!             begin                 sending                     done
//!   (request) ─────▶ Saved ────────────────────▶ Sent ────────────────────▶ Done, Refused
//!                     ▲ │   ◀──── not_sent ────   │ │ ─── needs_you ──────▶ NeedsYou
//!                     │ └─ too late ─▶ Expired    │ └── unknown, killed ──▶ Unknown
//!                     └── due: sent once, later   └─ forget ─▶ (gone)          │
//!                                                     due, only if the origin honours the key
//! ```
//!
//! One file of its own (redb) in the edge's folder, one thread that writes. Whoever wants something written queues;
//! the thread takes all that wait, settles them in one transaction, syncs the disk once, and answers them all. The
//! workers never touch the disk.
//!
//! Order of calls: [`Actions::principal`], [`Actions::begin`]; with [`Begin::Go`]: [`Running::sending`] (unless begun
//! with `sending`) before the first byte leaves, then exactly one of [`Running::done`] and its sisters *before* the
//! answer is relayed. All of that belongs into a task of its own: a client that goes away must not take the exchange
//! with it. A loop calls [`Actions::due`] and [`Actions::sweep`].

mod answer;
mod journal;
mod key;
mod principal;
mod record;
mod running;
mod seal;
mod spec;
mod state;
mod view;
mod writer;

pub use answer::{Answer, Settle};
pub use journal::FILE;
pub use key::{HEADER, KEY_MAX, KEY_MIN, KEY_MIN_NOBODY, Key, KeyError};
pub use principal::Principal;
#[doc(hidden)]
pub use record::{Row, rewritten};
pub use running::{Due, NotSettled, Running};
pub use seal::KEY_FILE;
pub use spec::{KeyedSpec, Limits};
pub use state::{Event, Refusal, Standing, State, step};
pub use view::{Said, View};

use bytes::Bytes;
use http::{HeaderMap, Method};
use journal::Journal;
use record::Record;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use stillhere_model::Time;
use tokio::sync::{mpsc, oneshot};
use writer::{Command, Decision, Shared};

/// Most bytes of headers and address of one request that are kept.
pub const HEAD_MAX: usize = 64 * 1024;
/// How long somebody is asked to wait who comes while the action is under way: from, to.
const AGAIN_AFTER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// The keyed actions of this edge. Cheap to share; when the last one is dropped the file is closed.
pub struct Actions {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    secrets: Arc<seal::Secrets>,
    shared: Arc<Shared>,
    limits: Limits,
    queue: mpsc::Sender<Command>,
    /// A request with a key was served without being kept.
    let_pass: AtomicBool,
}

/// A request as it is sent to the origin, now or later.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// Path and query.
    pub uri: String,
    /// Without those of the connection; with `host`, `authorization`, `cookie`, and the key itself.
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What somebody asks to be done.
#[derive(Debug)]
pub struct NewAction<'a> {
    /// The route's name, so that it can be sent later.
    pub route: &'a str,
    pub spec: &'a KeyedSpec,
    pub principal: Principal,
    pub key: Key,
    pub request: Request,
}

/// What is to be done with the request.
#[derive(Debug)]
#[must_use]
pub enum Begin {
    /// It is on disk, and yours to send.
    Go(Running),
    /// It is under way: 409 with Retry-After.
    InFlight { retry_after: Duration },
    /// It is done (or was refused by the origin): the same answer again.
    Done(Answer),
    /// Another request under the same key: 422.
    OtherBody,
    /// The same key and request under other credentials, and it may have been executed: 409. Nothing is told about it.
    OtherPrincipal,
    /// The request does not say who acts, and the key is short enough to be guessed: 400.
    KeyTooShort,
    /// It was sent and never answered, and the origin does not honour keys: it must not be sent again.
    OutcomeUnknown(View),
    /// It was turned away by a log-in page after it was sent late, and nobody knows for certain that nothing was
    /// done: it must not be sent again under this key.
    NeedsYou(View),
    /// It could not be sent in time, and that was said: it must not be sent under this key.
    Expired(View),
}

/// Nothing was promised: the action is not on disk. Whoever forwards the request all the same must not say that it
/// is done once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    #[error("the request is larger than {0} bytes")]
    TooLarge(u64),
    #[error("there are as many keyed actions as may be kept")]
    Full,
    #[error("too many keyed actions wait for the disk")]
    Busy,
    #[error("keyed actions cannot be written: {0}")]
    Disk(String),
}

/// Why the journal cannot be opened at all. The edge serves without promises then.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("keyed actions: {path}: {source}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("keyed actions: {} is in use by another process", .0.display())]
    InUse(PathBuf),
    #[error("keyed actions: {path}: {problem}")]
    Unusable { path: PathBuf, problem: String },
}

/// Numbers for metrics and health.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vitals {
    pub actions: usize,
    /// Requests and answers on disk.
    pub bytes: u64,
    /// That wait to be sent (again).
    pub waiting: usize,
    /// That somebody owns at the moment.
    pub running: usize,
    /// Transactions, each of them one sync of the disk.
    pub commits: u64,
    /// Transactions that failed.
    pub failures: u64,
    /// Where a damaged journal was moved to when this one was opened. Keys used before are not known any more.
    pub moved_aside: Option<PathBuf>,
}

// === impl Actions ===

impl Actions {
    /// Opens the journal in `dir`, or makes one, and takes stock after a crash. Blocks: call it before serving.
    ///
    /// A damaged file is moved aside and said ([`Vitals::moved_aside`], log), and a new one is begun.
    ///
    /// # Errors
    /// When the folder cannot be used, or another process has the journal.
    pub fn open(dir: &Path, limits: Limits, now: Time) -> Result<Arc<Actions>, OpenError> {
        Actions::open_on(dir, limits, now, journal::Disk::File)
    }

    fn open_on(
        dir: &Path,
        limits: Limits,
        now: Time,
        disk: journal::Disk,
    ) -> Result<Arc<Actions>, OpenError> {
        let (mut journal, mut loaded) = Journal::open(dir, disk, now)?;
        // Nobody waits yet. Should it fail, the file is opened again: what it holds is what matters.
        if let Err(problem) = journal.pack(loaded.records.iter().map(|(_, r)| r.cost()).sum()) {
            tracing::warn!(%problem, "the journal of keyed actions could not be packed");
            let again = journal
                .reopen(now)
                .map_err(|e| OpenError::Unusable { path: dir.join(journal::FILE), problem: e.to_string() })?;
            loaded = journal::Loaded { moved_aside: again.moved_aside.or(loaded.moved_aside), ..again };
        }
        let secrets = journal.secrets();
        let shared = Arc::new(Shared::new(loaded));
        let (queue, commands) = mpsc::channel(limits.waiting.max(1));
        writer::start(journal, shared.clone(), limits.clone(), commands)
            .map_err(|source| OpenError::Folder { path: dir.to_owned(), source })?;
        Ok(Arc::new(Actions {
            inner: Arc::new(Inner { secrets, shared, limits, queue, let_pass: AtomicBool::new(false) }),
        }))
    }

    /// Who makes this request, as the route's `principal` says.
    #[must_use]
    pub fn principal(&self, spec: &KeyedSpec, host: &str, headers: &HeaderMap) -> Principal {
        Principal::of(&self.inner.secrets, spec, host, headers)
    }

    /// Puts a request on disk, or says what became of it. `sending`: it is about to be sent at once, so that
    /// [`Running::sending`] need not be called and one sync is saved.
    ///
    /// # Errors
    /// When nothing is promised; see [`NotKept`].
    pub async fn begin(&self, action: NewAction<'_>, sending: bool, now: Time) -> Result<Begin, NotKept> {
        let NewAction { route, spec, principal, key, request } = action;
        if !principal.known && !key.unguessable() {
            return Ok(Begin::KeyTooShort);
        }
        let inner = &self.inner;
        let id = principal.id(&inner.secrets, &key);
        let fingerprint = principal::fingerprint(&request);
        // What is in memory settles most repeats without touching the disk.
        if let Some(known) = inner.shared.lock().known(&id, &fingerprint, now) {
            return Ok(known);
        }
        if request.body.len() as u64 > spec.body_max {
            return Err(NotKept::TooLarge(spec.body_max));
        }
        let Some(plain) = record::write_request(route, &request) else {
            return Err(NotKept::TooLarge(HEAD_MAX as u64));
        };
        let sealed = inner.secrets.seal(&id, seal::Kind::Request, &plain);
        let record = Record::new(
            spec,
            fingerprint,
            principal.twin(&inner.secrets, &key, &fingerprint),
            sealed.len(),
            now,
        );
        let (reply, decided) = oneshot::channel();
        let command = Command::Begin { id, record: Box::new(record), request: sealed, sending, now, reply };
        let decision = match inner.queue.try_send(command) {
            Ok(()) => decided.await.unwrap_or_else(|_| Err(closed())),
            Err(mpsc::error::TrySendError::Full(_)) => Err(NotKept::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(closed()),
        };
        let decision = match decision {
            Ok(decision) => decision,
            Err(why) => return inner.shared.lock().stand_in(&id).ok_or(why),
        };
        Ok(match decision {
            Decision::Go(claim) => Begin::Go(Running::new(inner.clone(), claim, now)),
            Decision::Done { status, sealed } => {
                Begin::Done(record::open_answer(&inner.secrets, &id, status, sealed.as_deref()))
            }
            Decision::Known(begin) => *begin,
        })
    }

    /// What became of an action. None: there is none, or it is somebody else's; nobody can tell which.
    #[must_use]
    pub fn look_up(&self, principal: &Principal, key: &Key, now: Time) -> Option<View> {
        if !principal.known && !key.unguessable() {
            return None;
        }
        self.inner.shared.lock().view(&principal.id(&self.inner.secrets, key), now)
    }

    /// A request with a key is served without being kept: from now on nobody can say of one that it never came.
    pub fn lets_pass(&self) {
        self.inner.let_pass.store(true, Relaxed);
    }

    /// Whether that has happened since the journal was opened.
    #[must_use]
    pub fn let_pass(&self) -> bool {
        self.inner.let_pass.load(Relaxed)
    }

    /// Takes up to `limit` actions that are due to be sent: never sent, or sent without an answer to an origin that
    /// honours the key. Each is owned by its [`Running`]; what was not sent in time is given up here.
    ///
    /// # Errors
    /// When the disk cannot be written: nothing may be sent then.
    pub async fn due(&self, now: Time, limit: usize) -> Result<Vec<Due>, NotKept> {
        let (reply, taken) = oneshot::channel();
        self.ask(Command::Due { now, limit, reply }).await?;
        let taken = taken.await.unwrap_or_else(|_| Err(closed()))?;
        let mut due = Vec::with_capacity(taken.len());
        for (claim, sealed) in taken {
            let id = claim.id;
            let running = Running::new(self.inner.clone(), claim, now).late();
            let plain = self.inner.secrets.unseal(&id, seal::Kind::Request, &sealed);
            match plain.as_deref().and_then(record::read_request) {
                Some((route, request)) => due.push(Due { route, request, running }),
                // Dropping it leaves it to be tried again, and given up in time: what cannot be read is never done.
                None => tracing::error!("a kept request cannot be read; it will not be sent"),
            }
        }
        Ok(due)
    }

    /// When [`Actions::due`] is worth calling next. None: nothing waits.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.inner.shared.lock().next_due()
    }

    /// A node is back: what waits is due at once, whatever its back-off.
    pub fn hurry(&self, now: Time) {
        self.inner.shared.lock().hurry(now);
    }

    /// Forgets what is older than its route keeps it. Returns how many; call it about once a minute.
    ///
    /// # Errors
    /// When the disk cannot be written.
    pub async fn sweep(&self, now: Time) -> Result<usize, NotKept> {
        let mut all = 0;
        loop {
            let (reply, swept) = oneshot::channel();
            self.ask(Command::Sweep { now, reply }).await?;
            let swept = swept.await.unwrap_or_else(|_| Err(closed()))?;
            all += swept;
            if swept < writer::SWEEP {
                return Ok(all);
            }
        }
    }

    /// Writes what waits and closes the file, so that a successor can open it. Every later call is an error.
    pub async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.ask(Command::Close(reply)).await.is_ok() {
            let _either_way_it_is_closed = closed.await;
        }
    }

    #[must_use]
    pub fn vitals(&self) -> Vitals {
        let shared = &self.inner.shared;
        let table = shared.lock();
        Vitals {
            actions: table.actions(),
            bytes: table.bytes(),
            waiting: table.waiting(),
            running: table.running(),
            commits: shared.commits.load(Relaxed),
            failures: shared.failures.load(Relaxed),
            moved_aside: table.moved_aside(),
        }
    }

    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    async fn ask(&self, command: Command) -> Result<(), NotKept> {
        self.inner.queue.send(command).await.map_err(|_| closed())
    }
}

impl std::fmt::Debug for Actions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Actions").field("vitals", &self.vitals()).finish_non_exhaustive()
    }
}

fn closed() -> NotKept {
    NotKept::Disk("the journal is closed".to_owned())
}

/// A panic elsewhere does not make what is behind the lock wrong: it is only changed in whole steps.
fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
