//! One node: where it is, and what every request reads and writes of it, without a lock.

use super::{
    health::{self, Health},
    limiter::Limiter,
    routes::PATIENCE_US,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst},
};
use stillhere_net::tls;
use tokio::sync::Notify;

/// A node's number in its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(pub u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
    /// HTTP/2 without TLS.
    H2c,
}

/// Where a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub scheme: Scheme,
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    pub port: u16,
    /// Otherwise than any server in the web.
    pub tls: Option<Arc<NodeTls>>,
}

/// How a node proves who it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeTls {
    /// Trust the certificates in this file (PEM) instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(min = 1, max = 4_096))]
    pub ca_file: Option<PathBuf>,
    /// The name that is asked for, and that the certificate must hold. None: the node's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// Do not look at the certificate at all: whoever is in between reads and changes everything.
    #[serde(default)]
    pub insecure: bool,
}

#[derive(Debug)]
pub struct Node {
    id: NodeId,
    origin: Origin,
    state: Arc<State>,
}

/// What is known of a node. A pool that replaces another keeps it.
#[derive(Debug)]
pub(super) struct State {
    /// Generation (upper half) and requests without an answer (lower half): together, so that a request of the time
    /// before the node was thrown out cannot be counted against the node that came back.
    load: AtomicU64,
    /// Answers whose body is under way.
    open: AtomicU32,
    limit: AtomicU32,
    standing: AtomicU8,
    /// Latency as a multiple of the usual, as f32 bits, and when it was last measured.
    slowness: AtomicU32,
    measured_us: AtomicU64,
    /// The last answer, or the first request after there were none.
    quiet_us: AtomicU64,
    /// When its silence becomes odd.
    due_us: AtomicU64,
    /// Requests without an answer by their class of patience.
    unanswered: [AtomicU32; PATIENCE_US.len()],
    limiter: Mutex<Limiter>,
    health: Mutex<Health>,
    out: Notify,
    answers: AtomicU64,
    outs: AtomicU64,
    /// While it is out and tried: how many may still go there, plus one.
    trial: AtomicU32,
}

/// One request more at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub generation: u32,
    /// Requests without an answer, with this one.
    pub n: u32,
    /// There was no room for another one.
    pub full: bool,
    pub patience: u8,
    pub at_us: u64,
    /// The node is out; perhaps it serves again.
    pub trial: bool,
}

/// Suspected and slow nodes look at most so much worse.
const SLOWEST: f64 = 1_000.0;
/// What was measured is half forgotten after this.
const FORGET_US: f64 = 2_000_000.0;
/// A body under way weighs as much as this part of a request without an answer.
const BODY: f64 = 1.0 / 16.0;

// === impl NodeTls ===

impl NodeTls {
    pub(crate) fn options(&self) -> tls::Options {
        tls::Options { ca_file: self.ca_file.clone(), insecure: self.insecure, ..tls::Options::default() }
    }

    /// Reads the file.
    pub(crate) fn check(&self) -> Result<(), String> {
        Arc::new(tls::Store::default()).client(&self.options()).map(drop).map_err(|e| e.to_string())
    }
}

// === impl Origin ===

impl Origin {
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Origin, String> {
        let url = url::Url::parse(text).map_err(|e| format!("is not an address: {e}"))?;
        let (scheme, usual) = match url.scheme() {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            "h2c" => (Scheme::H2c, 80),
            other => return Err(format!("has the scheme {other}, not http, https or h2c")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a user or a password, which would be in every log".to_owned());
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("has a path; a node is only scheme, host and port".to_owned());
        }
        let host = url.host_str().filter(|h| !h.is_empty()).ok_or("has no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Origin { scheme, host, port: url.port().unwrap_or(usual), tls: None })
    }
}

// === impl Node ===

impl Node {
    pub(super) fn new(id: NodeId, origin: Origin, now_us: u64) -> Node {
        Node { id, origin, state: Arc::new(State::new(now_us)) }
    }
    /// The same node in the pool that replaces this one.
    pub(super) fn again(&self, id: NodeId) -> Node {
        Node { id, origin: self.origin.clone(), state: self.state.clone() }
    }
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
    /// Counts how often it was thrown out: kept connections of an older generation are not to be used.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.state.load.load(SeqCst) >> 32
    }
    pub(super) fn state(&self) -> &State {
        &self.state
    }
}

// === impl State ===

impl State {
    fn new(now_us: u64) -> State {
        let limiter = Limiter::new();
        State {
            load: AtomicU64::new(0),
            open: AtomicU32::new(0),
            limit: AtomicU32::new(limiter.limit()),
            standing: AtomicU8::new(health::State::Up as u8),
            slowness: AtomicU32::new(1f32.to_bits()),
            measured_us: AtomicU64::new(now_us),
            quiet_us: AtomicU64::new(now_us),
            due_us: AtomicU64::new(u64::MAX),
            unanswered: Default::default(),
            limiter: Mutex::new(limiter),
            health: Mutex::new(Health::new(now_us)),
            out: Notify::new(),
            answers: AtomicU64::new(0),
            outs: AtomicU64::new(0),
            trial: AtomicU32::new(0),
        }
    }

    pub(super) fn generation(&self) -> u32 {
        (self.load.load(SeqCst) >> 32) as u32
    }
    pub(super) fn in_flight(&self) -> u32 {
        self.load.load(SeqCst) as u32
    }
    pub(super) fn open(&self) -> u32 {
        self.open.load(Relaxed)
    }
    pub(super) fn limit(&self) -> u32 {
        self.limit.load(Relaxed)
    }
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Relaxed)
    }
    pub(super) fn quiet_us(&self) -> u64 {
        self.quiet_us.load(Relaxed)
    }
    pub(super) fn outs(&self) -> u64 {
        self.outs.load(Relaxed)
    }
    pub(super) fn is(&self, standing: health::State) -> bool {
        self.standing.load(SeqCst) == standing as u8
    }
    pub(super) fn has_room(&self) -> bool {
        self.in_flight() < self.limit()
    }
    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What another request would cost: how slow it is, times how much it has to do. `typical_us` is what an answer
    /// takes in this pool: somebody silent for longer is as slow as that already.
    pub(super) fn cost(&self, typical_us: f64, now_us: u64) -> f64 {
        let n = self.in_flight();
        let mut slow = self.slowness(now_us);
        if n > 0 {
            slow = slow.max(now_us.saturating_sub(self.quiet_us.load(Relaxed)) as f64 / typical_us);
        }
        slow * (1.0 + f64::from(n) + BODY * f64::from(self.open()))
    }

    pub(super) fn slowness(&self, now_us: u64) -> f64 {
        let slow = f64::from(f32::from_bits(self.slowness.load(Relaxed)));
        if slow <= 1.0 {
            return slow;
        }
        // A node that was slow once and is not asked any more must get another chance.
        let age = now_us.saturating_sub(self.measured_us.load(Relaxed)) as f64;
        1.0 + (slow - 1.0) * (-age / FORGET_US).exp2()
    }

    /// One request more, if it has room.
    pub(super) fn take(&self, patience: u8, now_us: u64) -> Option<Taken> {
        let limit = u64::from(self.limit());
        let more = |load: u64| ((load & 0xFFFF_FFFF) < limit).then_some(load + 1);
        let load = self.load.fetch_update(SeqCst, SeqCst, more).ok()?;
        let n = load as u32 + 1;
        if n == 1 {
            self.quiet_us.store(now_us, Relaxed);
        }
        self.unanswered[usize::from(patience)].fetch_add(1, Relaxed);
        self.due_us.fetch_min(now_us + PATIENCE_US[usize::from(patience)], Relaxed);
        let full = u64::from(n) >= limit;
        Some(Taken { generation: (load >> 32) as u32, n, full, patience, at_us: now_us, trial: false })
    }

    /// Somebody may still be sent there, though it is out.
    pub(super) fn is_tried(&self) -> bool {
        self.trial.load(SeqCst) > 1
    }

    /// The same at a node that is tried.
    pub(super) fn take_trial(&self, patience: u8, now_us: u64) -> Option<Taken> {
        let less = |left: u32| (left > 1).then(|| left - 1);
        self.trial.fetch_update(SeqCst, SeqCst, less).ok()?;
        self.take(patience, now_us).map(|taken| Taken { trial: true, ..taken })
    }

    /// One request less. False: the node has been thrown out since.
    pub(super) fn release(&self, taken: Taken) -> bool {
        let generation = u64::from(taken.generation);
        let less = |load: u64| (load >> 32 == generation && load as u32 > 0).then_some(load - 1);
        let Ok(load) = self.load.fetch_update(SeqCst, SeqCst, less) else { return false };
        let one_less = |n: u32| n.checked_sub(1);
        let _gone_with_an_ejection =
            self.unanswered[usize::from(taken.patience)].fetch_update(Relaxed, Relaxed, one_less);
        if load as u32 == 1 {
            self.due_us.store(u64::MAX, Relaxed);
        }
        true
    }

    /// An answer came.
    pub(super) fn heard(&self, now_us: u64) {
        self.answers.fetch_add(1, Relaxed);
        self.quiet_us.store(now_us, Relaxed);
        self.expect(now_us, 0);
    }

    /// From now on it is silent again, and may be until the most impatient request has waited long enough; twice
    /// as long for each time its silence was suspected for nothing.
    pub(super) fn expect(&self, now_us: u64, lenient: u32) {
        let waits = self.unanswered.iter().position(|n| n.load(Relaxed) > 0);
        let most = PATIENCE_US[PATIENCE_US.len() - 1];
        let due = match waits {
            Some(class) if self.in_flight() > 0 => {
                now_us + PATIENCE_US[class].saturating_mul(1 << lenient.min(10)).min(most)
            }
            _ => u64::MAX,
        };
        self.due_us.store(due, Relaxed);
    }

    /// Silent for longer than it should be.
    pub(super) fn overdue(&self, now_us: u64) -> bool {
        now_us >= self.due_us.load(Relaxed) && self.in_flight() > 0
    }

    /// The most impatient of its requests.
    pub(super) fn patience_us(&self) -> u64 {
        let class = self.unanswered.iter().position(|n| n.load(Relaxed) > 0);
        PATIENCE_US[class.unwrap_or(0)]
    }

    /// An answer that took `x` times the usual.
    pub(super) fn measure(&self, x: f64, now_us: u64) {
        let slow = self.slowness(now_us);
        let weight = if x > slow { 0.25 } else { 0.0625 };
        let slow = (slow + (x - slow) * weight).clamp(0.01, SLOWEST);
        self.slowness.store((slow as f32).to_bits(), Relaxed);
        self.measured_us.store(now_us, Relaxed);
    }

    /// Changes the limit.
    pub(super) fn limiter<T>(&self, change: impl FnOnce(&mut Limiter) -> T) -> T {
        let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        let done = change(&mut limiter);
        self.limit.store(limiter.limit(), Relaxed);
        done
    }

    pub(super) fn body_begins(&self) {
        self.open.fetch_add(1, Relaxed);
    }
    pub(super) fn body_ends(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    /// What its health says is now what everybody sees.
    pub(super) fn stand(&self, standing: health::State) {
        self.trial.store(0, SeqCst);
        self.standing.store(standing as u8, SeqCst);
    }

    /// Some may go there, though it is out.
    pub(super) fn begin_trial(&self, most: u32) {
        self.trial.store(most + 1, SeqCst);
    }

    /// It does not serve yet: those who were sent there are to go elsewhere.
    pub(super) fn end_trial(&self) {
        if self.trial.swap(0, SeqCst) > 0 {
            self.forget();
        }
    }

    /// It is out: whatever it was working on no longer counts.
    pub(super) fn throw_out(&self) {
        self.stand(health::State::Down);
        self.outs.fetch_add(1, Relaxed);
        self.forget();
    }

    fn forget(&self) {
        let next = |load: u64| Some(((load >> 32) + 1) << 32);
        let _always_some = self.load.fetch_update(SeqCst, SeqCst, next);
        for unanswered in &self.unanswered {
            unanswered.store(0, Relaxed);
        }
        self.due_us.store(u64::MAX, Relaxed);
        self.out.notify_waiters();
    }

    /// Ends when it has been thrown out since `generation`.
    pub(super) async fn thrown_out(&self, generation: u32) {
        loop {
            let told = self.out.notified();
            tokio::pin!(told);
            // Told from here on, so that nothing falls between the question and the waiting.
            told.as_mut().enable();
            if self.generation() != generation {
                return;
            }
            told.await;
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::H2c => "h2c",
        };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}
