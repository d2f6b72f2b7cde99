//! One edge in this process: start, reload, drain, stop.

use crate::{
    action::{self, Actions},
    keyed,
    listen::{self, Door, Phase},
    report::{
        log::{Log, LogSpec},
        metrics,
    },
    room::Secret,
    route::Routes,
    serve::{self, Shared},
    spec::{Problem, Spec},
    tls::{Certificates, TlsSpec},
    upstream,
};
use std::{
    io,
    net::SocketAddr,
    num::NonZero,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};
use stillhere_net::{clock, entropy};
use tokio::sync::watch;

/// The file with the key that seals tickets.
const DOOR_KEY: &str = "tickets.key";

/// Before a stop's deadline, how long those who wait have for their answer.
const LAST_WORD: Duration = Duration::from_secs(1);

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
}

/// A running edge.
pub struct Edge {
    addr: SocketAddr,
    secure_addr: Option<SocketAddr>,
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
        stillhere_net::tls::install();
        let spec = settings.spec;
        let problems = spec.limits.validate();
        if !problems.is_empty() {
            return Err(StartError::Spec(under("limits", problems)));
        }
        let secret = door_secret(settings.data.as_deref());
        let routes =
            Routes::new(&spec, None, &secret, clock::mono(), clock::wall()).map_err(StartError::Spec)?;
        let actions = settings.data.as_deref().and_then(|data| {
            // Serving without promises is better than not serving.
            Actions::open(data, action::Limits::default(), clock::wall())
                .inspect_err(|e| tracing::error!(error = %e, "requests with a key are served, but not kept"))
                .ok()
        });
        let shared = Shared::new(&spec, routes, upstream::Shared::new()?, secret, actions);
        let (listener, addr) = bound(spec.listen)?;
        let certificates = Arc::new(Certificates::default());
        let mut secure = None;
        if let Some(tls) = &spec.tls {
            certificates.replace(&tls.read().map_err(|found| StartError::Spec(under("tls", found)))?);
            secure = Some((bound(tls.listen)?, certificates.acceptor()));
        }
        let metrics = spec.metrics.map(bound).transpose()?.map(|(listener, _)| listener);
        // Serving without a log is better than not serving.
        let log = spec.log.as_ref().map(|log| Log::open(log).inspect_err(|e| not_logged(log, e)));
        shared.log.store(log.and_then(Result::ok).map(Arc::new));
        let (phase, watching) = watch::channel(Phase::Serving);
        let count = spec.workers.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get));
        let mut workers = Vec::new();
        for number in 0..count {
            let mut doors =
                vec![Door { listener: listener.try_clone().map_err(StartError::Thread)?, tls: None }];
            if let Some(((listener, _), tls)) = &secure {
                let listener = listener.try_clone().map_err(StartError::Thread)?;
                doors.push(Door { listener, tls: Some(tls.clone()) });
            }
            let worker = listen::worker(number, doors, shared.clone(), watching.clone());
            workers.push(worker.map_err(StartError::Thread)?);
        }
        let keeper = keeper(shared.clone(), watching, metrics).map_err(StartError::Thread)?;
        let secure_addr = secure.map(|((_, addr), _)| addr);
        Ok(Edge { addr, secure_addr, certificates, shared, phase, workers, keeper: Some(keeper) })
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
        let read = spec.tls.as_ref().map(TlsSpec::read).transpose().map_err(|found| under("tls", found))?;
        let problems = spec.limits.validate();
        if !problems.is_empty() {
            return Err(under("limits", problems));
        }
        // Opened anew even if nothing about it has changed: whoever moved the file away wants that.
        let log = spec.log.as_ref().map(Log::open).transpose().map_err(|e| {
            let problem = format!("cannot be written: {e}");
            vec![Problem { path: "log.file".to_owned(), problem, hint: None }]
        })?;
        let before = self.shared.routes.load();
        let routes = Routes::new(spec, Some(&before), &self.shared.secret, clock::mono(), clock::wall())?;
        self.shared.limits.reload(&spec.limits);
        let names: Vec<String> = routes.pools().iter().map(|p| p.name().to_owned()).collect();
        if let Some(read) = read {
            self.certificates.replace(&read);
        }
        self.shared.routes.store(Arc::new(routes));
        self.shared.log.store(log.map(Arc::new));
        self.shared.board.keep_pools(|name| names.iter().any(|n| n == name));
        Ok(())
    }

    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Takes no more connections, lets every request that is under way end, tells those who still wait that it was for
    /// nothing, closes WebSockets with the reason, and cuts what is left after `within`.
    pub fn stop(mut self, within: Duration) {
        self.halt(within);
    }

    fn halt(&mut self, within: Duration) {
        let Some(keeper) = self.keeper.take() else { return };
        let _ = self.phase.send(Phase::Draining);
        let until = clock::mono() + within;
        let sockets = (!self.shared.sockets.open().is_empty() && !within.is_zero()).then(|| {
            let sockets = self.shared.sockets.clone();
            thread::spawn(move || apart(sockets.drain(within / 2, within)))
        });
        let tell = until - (within / 4).min(LAST_WORD);
        while clock::mono() < until && self.workers.iter().any(|w| !w.is_finished()) {
            thread::sleep(Duration::from_millis(5));
            if clock::mono() >= tell {
                self.shared.nodes.end();
            }
        }
        let _ = self.phase.send(Phase::Over);
        for thread in self.workers.drain(..).chain([keeper]) {
            let _ = thread.join();
        }
        if let Some(sockets) = sockets {
            let _ = sockets.join();
        }
        if let Some(actions) = self.shared.actions.clone() {
            // So that a successor can open the journal at once.
            let _ = thread::spawn(move || apart(actions.close())).join();
        }
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.halt(Duration::ZERO);
    }
}

/// Runs it beside whatever runtime the caller has.
fn apart<T>(what: impl Future<Output = T>) {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => drop(runtime.block_on(what)),
        Err(e) => tracing::warn!(error = %e, "something could not be ended cleanly"),
    }
}

fn bound(at: SocketAddr) -> Result<(std::net::TcpListener, SocketAddr), StartError> {
    let wrong = |e| StartError::Listen(at, e);
    let listener = listen::bind(at).map_err(wrong)?;
    let addr = listener.local_addr().map_err(wrong)?;
    Ok((listener, addr))
}

fn not_logged(spec: &LogSpec, e: &io::Error) {
    tracing::error!(file = ?spec.file, error = %e, "requests are served, but not logged");
}

fn under(key: &str, problems: Vec<Problem>) -> Vec<Problem> {
    problems.into_iter().map(|p| Problem { path: format!("{key}.{}", p.path), ..p }).collect()
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
                let written = write_private(&path, &key);
                written
                    .inspect_err(|e| tracing::warn!(error = %e, "the key of the tickets cannot be kept"))
                    .ok()?;
                Some(key)
            }
        }
    });
    Secret::new(&kept.unwrap_or_else(entropy::bytes))
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let new = path.with_extension("new");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(new, path)
}

/// What goes on beside the requests: trying nodes that are out. A thread of its own, so that it stays punctual.
fn keeper(
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
    metrics: Option<std::net::TcpListener>,
) -> io::Result<thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("edge-keeper".to_owned()).spawn(move || {
        runtime.block_on(async move {
            if let Some(listener) = metrics {
                tokio::spawn(metrics::serve(listener, shared.clone()));
            }
            if let Some(actions) = shared.actions.clone() {
                tokio::spawn(keyed::send_late(shared.clone(), actions));
            }
            tokio::select! {
                () = serve::keep_pools(shared) => {}
                _ = phase.wait_for(|p| *p == Phase::Over) => {}
            }
        });
    })
}
