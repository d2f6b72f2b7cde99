//! One edge in this process: start, reload, drain, stop.

use crate::{
    action::{self, Actions},
    keeper,
    keyed::{self, Desk, SETTLE_WITHIN},
    listen::{self, Crew, Door, Phase, UNREAD_FOR},
    pool::NodeTls,
    private,
    report::{
        log::{Log, LogSpec},
        metrics,
    },
    room::Secret,
    route::Routes,
    serve::Shared,
    spec::{Problem, Spec},
    tls::{self, Certificates, TlsSpec},
    upgrade::{Listening, Predecessor, Successor, UpgradeError},
    upstream,
};
use std::{
    io,
    net::SocketAddr,
    num::NonZero,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, atomic::Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};
use stillhere_net::{clock, entropy};
use tokio::{sync::watch, task::JoinSet};

/// The file with the key that seals tickets.
const DOOR_KEY: &str = "tickets.key";
/// How long a whole upgrade may take: what is left of the old process's requests is cut then.
pub const UPGRADE_WITHIN: Duration = Duration::from_secs(60);
/// When a successor has taken over, clients may use an idle connection once more within this time.
const IDLE_FOR: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(5);

/// Before a stop's deadline, how long those who wait have for their answer.
const LAST_WORD: Duration = Duration::from_secs(1);
/// What the disk has for the last lines of the access log.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What an edge is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    pub spec: Spec,
    /// Where it keeps what must outlive it: keyed actions, the last notice. None: it keeps nothing, and promises
    /// nothing.
    pub data: Option<PathBuf>,
}

/// Why it could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the configuration of the edge is wrong")]
    Spec(Vec<Problem>),
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    #[error("the system gives no thread: {0}")]
    Thread(io::Error),
    #[error(transparent)]
    Tls(#[from] stillhere_net::tls::Error),
    #[error("the process before this one does not hand over: {0}")]
    Predecessor(io::Error),
}

/// A running edge.
pub struct Edge {
    addr: SocketAddr,
    secure_addr: Option<SocketAddr>,
    data: Option<PathBuf>,
    /// What a successor goes on with.
    listening: Vec<Listening>,
    certificates: Arc<Certificates>,
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    workers: Vec<thread::JoinHandle<()>>,
    keeper: Option<thread::JoinHandle<()>>,
}

// === impl Edge ===

impl Edge {
    /// Listens, and serves from now on.
    ///
    /// # Errors
    /// When the configuration is wrong, or the address is taken.
    pub fn start(settings: Settings) -> Result<Edge, StartError> {
        Edge::begin(settings, None)
    }

    /// Goes on where another process leaves off: takes its listening sockets, tells it when this one serves, and gets
    /// the journal of keyed actions as soon as the other one has let go of it.
    ///
    /// # Errors
    /// When the configuration is wrong, or an address is taken that the other process did not have. It goes on as if
    /// nothing had been.
    pub fn take_over(settings: Settings, predecessor: Predecessor) -> Result<Edge, StartError> {
        Edge::begin(settings, Some(predecessor))
    }

    fn begin(settings: Settings, mut predecessor: Option<Predecessor>) -> Result<Edge, StartError> {
        stillhere_net::tls::install();
        let Settings { spec, data } = settings;
        let problems = checked(&spec, data.as_deref());
        if !problems.is_empty() {
            return Err(StartError::Spec(problems));
        }
        let secret = door_secret(data.as_deref());
        let routes =
            Routes::new(&spec, None, &secret, clock::mono(), clock::wall()).map_err(StartError::Spec)?;
        let actions = match (&predecessor, &data) {
            (Some(_), Some(_)) => Desk::coming(),
            (None, Some(data)) => Desk::new(journal(data)),
            (_, None) => Desk::new(None),
        };
        let shared = Shared::new(&spec, routes, upstream::Shared::new()?, secret, actions);
        // Before anybody can come for a session that is still there.
        let inherited = predecessor.as_mut().and_then(Predecessor::sessions);
        let inherited = inherited.map(|channel| (shared.sockets.expect(), channel));
        let certificates = shared.certificates.clone();
        if let Some(tls) = &spec.tls {
            certificates.configure(tls).map_err(|found| StartError::Spec(under("tls", found)))?;
        }
        let mut listening = vec![bound("plain", spec.listen, predecessor.as_mut())?];
        if let Some(tls) = &spec.tls {
            listening.push(bound("secure", tls.listen, predecessor.as_mut())?);
        }
        let metrics = spec.metrics.map(|at| bound("metrics", at, predecessor.as_mut())).transpose()?;
        // Serving without a log is better than not serving.
        let log = spec.log.as_ref().map(|log| Log::open(log).inspect_err(|e| not_logged(log, e)));
        shared.log.store(log.and_then(Result::ok).map(Arc::new));
        let (phase, watching) = watch::channel(Phase::Serving);
        let count = spec.workers.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get));
        let mut workers = Vec::new();
        for post in Crew::of(count) {
            let mut doors = Vec::new();
            for at in &listening {
                let listener = at.listener.try_clone().map_err(StartError::Thread)?;
                let tls = (at.kind == "secure").then(|| certificates.acceptor());
                doors.push(Door { listener, tls });
            }
            let worker = listen::worker(post, doors, shared.clone(), watching.clone());
            workers.push(worker.map_err(StartError::Thread)?);
        }
        let seen =
            metrics.as_ref().map(|m| m.listener.try_clone()).transpose().map_err(StartError::Thread)?;
        let keeper = keep(shared.clone(), certificates.clone(), data.clone(), seen, watching)
            .map_err(StartError::Thread)?;
        listening.extend(metrics);
        let addr = |kind: &str| listening.iter().find(|l| l.kind == kind).map(|l| l.addr);
        let edge = Edge {
            addr: addr("plain").expect("it is the first one"),
            secure_addr: addr("secure"),
            data: data.clone(),
            listening,
            certificates,
            shared,
            phase,
            workers,
            keeper: Some(keeper),
        };
        if let Some((expecting, channel)) = inherited {
            let sockets = edge.shared.sockets.clone();
            beside("edge-sessions", async move { sockets.take_in(expecting, channel).await })?;
        }
        if let Some(predecessor) = predecessor {
            edge.succeed(predecessor, data)?;
        }
        Ok(edge)
    }

    /// We serve; now the other one may go.
    fn succeed(&self, mut predecessor: Predecessor, data: Option<PathBuf>) -> Result<(), StartError> {
        predecessor.ready().map_err(StartError::Predecessor)?;
        let desk = self.shared.actions.clone();
        let waits = move || {
            predecessor.until_it_let_go();
            if let Some(data) = data {
                desk.arrived(journal(&data));
            }
        };
        let thread = thread::Builder::new().name("edge-journal".to_owned()).spawn(waits);
        thread.map(drop).map_err(StartError::Thread)
    }

    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it takes HTTPS.
    #[must_use]
    pub fn secure_addr(&self) -> Option<SocketAddr> {
        self.secure_addr
    }

    /// Takes a new configuration over: routes, pools, limits, certificates. Where it listens cannot change.
    ///
    /// # Errors
    /// When it is wrong; then nothing has changed.
    pub fn reload(&self, spec: &Spec) -> Result<(), Vec<Problem>> {
        let problems = checked(spec, self.data.as_deref());
        if !problems.is_empty() {
            return Err(problems);
        }
        // So that nothing has changed when a file is wrong.
        spec.tls.as_ref().map(TlsSpec::read).transpose().map_err(|found| under("tls", found))?;
        // Opened anew even if nothing about it has changed: whoever moved the file away wants that.
        let log = spec.log.as_ref().map(Log::open).transpose().map_err(|e| {
            let problem = format!("cannot be written: {e}");
            vec![Problem::new("log.file", problem, None)]
        })?;
        let before = self.shared.routes.load();
        let routes = Routes::new(spec, Some(&before), &self.shared.secret, clock::mono(), clock::wall())?;
        self.shared.limits.reload(&spec.limits);
        let names: Vec<String> = routes.pools().iter().map(|p| p.name().to_owned()).collect();
        if let Some(tls) = &spec.tls
            && let Err(found) = self.certificates.configure(tls)
        {
            // They were good a moment ago: somebody writes them now, and they will be read again.
            tracing::warn!(problem = found[0].problem, "the certificates stay as they were");
        }
        self.shared.nodes.forget_peers();
        self.shared.routes.store(Arc::new(routes));
        self.shared.log.store(log.map(Arc::new));
        self.shared.board.keep_pools(|name| names.iter().any(|n| n == name));
        Ok(())
    }

    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// How the certificates are.
    #[must_use]
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    /// Starts a successor by `command` (see [`crate::upgrade::again`]) and waits until it serves. Then both take
    /// connections; the caller calls [`Edge::retire`]. Blocks.
    ///
    /// # Errors
    /// When it does not come to serve. This edge goes on as if nothing had been.
    pub fn upgrade(&self, command: Command) -> Result<Successor, UpgradeError> {
        Successor::start(command, &self.listening)
    }

    /// Leaves everything to the successor: takes no more connections, lets every request that is under way end, tells
    /// WebSockets to come again, hands the journal over, and cuts what is left after `within`. Blocks.
    pub fn retire(mut self, successor: Successor, within: Duration) {
        self.halt(IDLE_FOR.min(within / 4), within, Some(successor));
    }

    /// Takes no more connections, lets every request that is under way end, tells those who still wait that it was for
    /// nothing, closes WebSockets with the reason, and cuts what is left after `within`.
    pub fn stop(mut self, within: Duration) {
        self.halt(Duration::ZERO, within, None);
    }

    fn halt(&mut self, idle: Duration, within: Duration, mut successor: Option<Successor>) {
        let Some(keeper) = self.keeper.take() else { return };
        // Or whoever connects would wait for somebody to take the connection.
        self.listening.clear();
        let began = clock::mono();
        let until = began + within;
        self.shared.draining.store(true, SeqCst);
        let _ = self.phase.send(Phase::Draining { idle });
        // They would last until the deadline.
        self.shared.streams.end();
        if let Some(channel) = successor.as_mut().and_then(|successor| successor.sessions.take()) {
            let (sockets, will) = (self.shared.sockets.clone(), self.shared.sockets.will());
            let gives = beside("edge-sessions", async move { sockets.give_away(will, channel).await });
            // Then they end here, with 1012.
            let _ = gives.inspect_err(|e| tracing::warn!(error = %e, "sessions cannot be handed over"));
        }
        let sockets = (!self.shared.sockets.open().is_empty() && !within.is_zero()).then(|| {
            let sockets = self.shared.sockets.clone();
            thread::spawn(move || apart(sockets.drain(within / 2, within)))
        });
        let journal = successor.map(|successor| {
            let shared = self.shared.clone();
            thread::spawn(move || give_away(&shared, successor, began + idle + UNREAD_FOR, until))
        });
        let tell = until - (within / 4).min(LAST_WORD);
        let left = || self.shared.busy.load(SeqCst) > 0 || sockets.as_ref().is_some_and(|s| !s.is_finished());
        while clock::mono() < until && left() {
            thread::sleep(LOOK);
            if clock::mono() >= tell {
                self.shared.nodes.end();
            }
        }
        let _ = self.phase.send(Phase::Over);
        for thread in self.workers.drain(..).chain([keeper]).chain(sockets).chain(journal) {
            let _ = thread.join();
        }
        self.shared.sockets.keep_the_rest();
        // The last lines are not the least.
        if let Some(log) = self.shared.log.swap(None) {
            log.finish(LAST_LINES);
        }
        // So that whoever comes next can open the journal at once.
        let shared = self.shared.clone();
        let _ = thread::spawn(move || apart(shared.actions.close(Duration::ZERO))).join();
    }
}

/// The journal goes to the successor when nobody uses it any more. As long as a request with a key may come on a
/// connection that is there, it stays here.
fn give_away(shared: &Shared, mut successor: Successor, comes_until: Instant, until: Instant) {
    while shared.busy.load(SeqCst) > 0 && clock::mono() < comes_until {
        thread::sleep(LOOK);
    }
    apart(shared.actions.close(SETTLE_WITHIN.min(until.saturating_duration_since(clock::mono()))));
    successor.let_go();
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.halt(Duration::ZERO, Duration::ZERO, None);
    }
}

/// Runs it beside whatever runtime the caller has.
fn apart<T>(what: impl Future<Output = T>) {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => drop(runtime.block_on(what)),
        Err(e) => tracing::warn!(error = %e, "something could not be ended cleanly"),
    }
}

/// Runs it on a thread of its own, which nobody waits for.
fn beside(name: &str, what: impl Future<Output = ()> + Send + 'static) -> Result<(), StartError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || apart(what));
    thread.map(drop).map_err(StartError::Thread)
}

/// A listening socket: the predecessor's if it has it, so that no connection meets a closed door.
fn bound(
    kind: &'static str,
    asked: SocketAddr,
    predecessor: Option<&mut Predecessor>,
) -> Result<Listening, StartError> {
    let wrong = |e| StartError::Listen(asked, e);
    let listener = match predecessor.and_then(|p| p.listener(kind, asked)) {
        Some(listener) => listener,
        None => listen::bind(asked).map_err(wrong)?,
    };
    let addr = listener.local_addr().map_err(wrong)?;
    Ok(Listening { kind, asked, addr, listener })
}

fn journal(data: &Path) -> Option<Arc<Actions>> {
    // Serving without promises is better than not serving.
    Actions::open(data, action::Limits::default(), clock::wall())
        .inspect_err(|e| tracing::error!(error = %e, "requests with a key are served, but not kept"))
        .ok()
}

/// What must hold before anything is built.
fn checked(spec: &Spec, data: Option<&Path>) -> Vec<Problem> {
    let mut found = under("limits", spec.limits.validate());
    for (name, pool) in &spec.pools {
        if let Some(Err(problem)) = pool.tls.as_ref().map(NodeTls::check) {
            found.push(Problem::new(format!("pools.{name}.tls.ca_file"), problem, None));
        }
    }
    if let Some(tls) = &spec.tls {
        found.extend(under("tls", tls.validate()));
        if tls.acme.is_some() && data.is_none() {
            let problem = "needs a data folder, where keys and certificates are kept";
            found.push(Problem::new("tls.acme", problem, "start the edge with --data DIR"));
        }
    }
    found
}

fn not_logged(spec: &LogSpec, e: &io::Error) {
    tracing::error!(file = ?spec.file, error = %e, "requests are served, but not logged");
}

fn under(key: &str, problems: Vec<Problem>) -> Vec<Problem> {
    problems.into_iter().map(|p| p.under(key)).collect()
}

/// What seals the tickets of waiting rooms. Kept, so that a ticket is worth as much after a restart; where it cannot
/// be kept, people queue anew.
fn door_secret(data: Option<&Path>) -> Secret {
    let kept = data.and_then(|data| {
        let path = data.join(DOOR_KEY);
        match std::fs::read(&path).map(<[u8; 32]>::try_from) {
            Ok(Ok(key)) => Some(key),
            // Another length is damage; a new one makes everybody queue anew, and is better than no door.
            Ok(Err(_)) | Err(_) => {
                let key = entropy::bytes();
                let written = private::write(&path, &key);
                written
                    .inspect_err(|e| tracing::warn!(error = %e, "the key of the tickets cannot be kept"))
                    .ok()?;
                Some(key)
            }
        }
    });
    Secret::new(&kept.unwrap_or_else(entropy::bytes))
}

/// What goes on beside the requests: trying nodes that are out, sending late, certificates. A thread of its own, so that
/// it stays punctual.
fn keep(
    shared: Arc<Shared>,
    certificates: Arc<Certificates>,
    data: Option<PathBuf>,
    metrics: Option<std::net::TcpListener>,
    mut phase: watch::Receiver<Phase>,
) -> io::Result<thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = move || {
        runtime.block_on(async move {
            let mut own = JoinSet::new();
            if let Some(listener) = metrics {
                own.spawn(metrics::serve(listener, shared.clone()));
            }
            own.spawn(keyed::send_late(shared.clone()));
            own.spawn(keep_certificates(certificates, data));
            let pools = tokio::spawn(keeper::keep_pools(shared));
            // A successor does that from now on; requests that are left still need the pools.
            let _ = phase.wait_for(|p| *p != Phase::Serving).await;
            own.abort_all();
            let _ = phase.wait_for(|p| *p == Phase::Over).await;
            pools.abort();
        });
    };
    thread::Builder::new().name("edge-keeper".to_owned()).spawn(work)
}

async fn keep_certificates(certificates: Arc<Certificates>, data: Option<PathBuf>) {
    let files = async {
        loop {
            tokio::time::sleep(tls::LOOK).await;
            certificates.look();
        }
    };
    let authority = async {
        match &data {
            Some(data) => tls::acme::keep(certificates.clone(), data).await,
            None => std::future::pending().await,
        }
    };
    tokio::join!(files, authority);
}
