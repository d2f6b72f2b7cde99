//! The edge beside a core: a process of its own, started again when it dies. Neither takes the other with it: when the
//! core is killed the edge serves on, and the core that comes next finds it by its lock and keeps it. The demo's edge
//! has nobody to serve without the demo, and ends with it, however that ends.

use super::{
    DRAIN_WITHIN,
    lock::{self, Lock},
};
use crate::up::{SOCKET, make_private};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use stillhere_node::{Handle, Part};
use tokio::{
    process::Command,
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// The edge's folder inside the core's.
pub const FOLDER: &str = "edge";
/// Held by a core without which its edge has nothing to do.
const ALIVE: &str = "demo.lock";
/// Between two starts: the first pause, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// One that has lived this long is not to blame for the deaths of its forerunners.
const SOUND_AFTER: Duration = Duration::from_secs(30);
/// How often one that we did not start is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Whoever looks after the edge.
pub struct Keeper {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Whether the edge outlives us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Without {
    /// That is what it is for.
    Serves,
    Ends,
}

struct Keeping {
    exe: PathBuf,
    /// The edge ends when this is let go.
    alive: Option<(Lock, PathBuf)>,
    socket: PathBuf,
    dir: PathBuf,
    log_json: bool,
    config: watch::Receiver<Arc<Part>>,
    stop: watch::Receiver<bool>,
}

/// Why there is nothing to wait for any more.
enum Why {
    Died,
    /// The file has no `[edge]` any more.
    Unwanted,
    Stop,
}

// === impl Keeper ===

impl Keeper {
    /// Looks after an edge as long as the configuration has one.
    pub async fn start(handle: &Handle, data: &Path, log_json: bool, without: Without) -> io::Result<Keeper> {
        let data = std::path::absolute(data)?;
        let alive = match without {
            Without::Serves => None,
            Without::Ends => {
                let file = data.join(ALIVE);
                let lock = Lock::of(&file).await?;
                Some((lock.ok_or_else(|| io::Error::other("another demo has its folder"))?, file))
            }
        };
        let (stop, stopping) = watch::channel(false);
        let keeping = Keeping {
            exe: this_program()?,
            alive,
            socket: data.join(SOCKET),
            dir: data.join(FOLDER),
            log_json,
            config: handle.edges().config(),
            stop: stopping,
        };
        Ok(Keeper { stop, task: tokio::spawn(keeping.run()) })
    }

    /// Lets the edge end gracefully, too.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.task.await;
    }
}

/// Whether the edge of this data folder runs.
pub fn lives_on(data: &Path) -> bool {
    let dir = data.join(FOLDER);
    dir.is_dir() && lock::holder(&dir).is_some()
}

/// Lets it end gracefully.
pub async fn end(data: &Path) {
    lock::end(&data.join(FOLDER), DRAIN_WITHIN + LOOK).await;
}

/// Also after the file was replaced by a newer version: then the newer one.
fn this_program() -> io::Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let gone = exe.to_str().and_then(|path| path.strip_suffix(" (deleted)")).map(PathBuf::from);
    Ok(gone.filter(|path| path.exists()).unwrap_or(exe))
}

// === impl Keeping ===

impl Keeping {
    async fn run(mut self) {
        let mut pause = PAUSE.0;
        loop {
            if !self.wanted() {
                lock::end(&self.dir, DRAIN_WITHIN).await;
                tokio::select! {
                    () = async { let _ = self.stop.wait_for(|s| *s).await; } => return,
                    changed = self.config.changed() => if changed.is_err() { return },
                }
                continue;
            }
            let began = stillhere_net::clock::mono();
            let why = match lock::holder(&self.dir) {
                Some(pid) => {
                    tracing::info!(
                        pid = pid.as_raw_nonzero().get(),
                        "the edge of before still serves; it is kept"
                    );
                    self.adopted().await
                }
                None => self.started().await,
            };
            match why {
                Why::Stop => return,
                Why::Unwanted => pause = PAUSE.0,
                Why::Died => {
                    let lived = stillhere_net::clock::mono().saturating_duration_since(began);
                    if lived >= SOUND_AFTER {
                        pause = PAUSE.0;
                    }
                    tracing::warn!(
                        lived_ms = lived.as_millis(),
                        again_in_ms = pause.as_millis(),
                        "the edge has ended; it is started again"
                    );
                    let stopped = async {
                        let _ = self.stop.wait_for(|s| *s).await;
                    };
                    if timeout(pause, stopped).await.is_ok() {
                        return;
                    }
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    fn wanted(&mut self) -> bool {
        self.config.borrow_and_update().config.is_some()
    }

    /// One that somebody else has started.
    async fn adopted(&mut self) -> Why {
        let dir = self.dir.clone();
        let ended = async {
            while lock::holder(&dir).is_some() {
                sleep(LOOK).await;
            }
        };
        let why = self.until(ended).await;
        if !matches!(why, Why::Died) {
            lock::end(&self.dir, DRAIN_WITHIN).await;
        }
        why
    }

    async fn started(&mut self) -> Why {
        if let Err(e) = make_private(&self.dir) {
            tracing::error!(folder = %self.dir.display(), error = %e, "the edge's folder cannot be used");
            return Why::Died;
        }
        let mut command = Command::new(&self.exe);
        command.arg("edge").arg("--join").arg(format!("unix:{}", self.socket.display()));
        command.arg("--data").arg(&self.dir).args(["--name", "local"]);
        if let Some((_, file)) = &self.alive {
            command.arg("--while-locked").arg(file);
        }
        if self.log_json {
            command.arg("--log-json");
        }
        // It says as much as we do: the demo is quiet.
        if std::env::var_os("STILLHERE_LOG").is_none() {
            let level = tracing::level_filters::LevelFilter::current();
            command.env("STILLHERE_LOG", level.to_string().to_lowercase());
        }
        // A group of its own: Ctrl-C in a terminal is for us, and we let it end gracefully.
        command.stdin(Stdio::null()).process_group(0);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(e) => {
                tracing::error!(program = %self.exe.display(), error = %e, "the edge cannot be started");
                return Why::Died;
            }
        };
        tracing::info!(pid = child.id(), "the edge is started");
        let why = self.until(async {
            match child.wait().await {
                Ok(status) => tracing::warn!(%status, "the edge ended"),
                Err(e) => tracing::error!(error = %e, "how the edge is cannot be known"),
            }
        });
        let why = why.await;
        if !matches!(why, Why::Died) {
            // By its id: it may be too young to hold the lock.
            if let Some(pid) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
                let _ = kill_process(pid, Signal::TERM);
            }
            if timeout(DRAIN_WITHIN + LOOK, child.wait()).await.is_err() {
                tracing::warn!("the edge did not end in time; cut off");
                let _ = child.kill().await;
            }
        }
        why
    }

    async fn until(&mut self, ended: impl Future<Output = ()>) -> Why {
        tokio::pin!(ended);
        loop {
            let (stop, config) = (&mut self.stop, &mut self.config);
            let changed = tokio::select! {
                () = &mut ended => return Why::Died,
                () = async { let _ = stop.wait_for(|s| *s).await; } => return Why::Stop,
                changed = config.changed() => changed,
            };
            if changed.is_err() {
                return Why::Stop;
            }
            if !self.wanted() {
                return Why::Unwanted;
            }
        }
    }
}
