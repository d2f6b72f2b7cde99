//! `stillhere up`: build everything, say where it is, wait, drain with a deadline.

use crate::{
    cli,
    edge::child::{Keeper, Without},
    exit::Exit,
    say,
};
use anyhow::Context as _;
use std::{
    io::{ErrorKind, IsTerminal as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use stillhere_access::secret::Handed;
use stillhere_config::Config;
use stillhere_net::{clock, entropy};
use stillhere_node::{Node, Source};
use stillhere_store::{SETUP_FOR, Ticket};
use tokio::{
    net::{TcpListener, UnixListener},
    signal::unix::{SignalKind, signal},
};

/// The control socket's name in the data folder.
pub const SOCKET: &str = "control.sock";
/// A graceful stop ends after this, whatever is still going on.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// A Stillhere that runs in this process.
pub struct App {
    node: Node,
    web: tokio::task::JoinHandle<()>,
    control: tokio::task::JoinHandle<()>,
    socket: PathBuf,
    addr: std::net::SocketAddr,
    edge: Option<Keeper>,
}

pub async fn run(args: cli::Up) -> Result<(), Exit> {
    logging(args.log_json, "info");
    open_more_files();
    let source = source(&args)?;
    let config = source.load().map_err(Exit::Usage)?;
    let in_front = config.edge.as_ref().map(|e| e.listen);
    let mut app = App::start(source, config).await?;
    app.stand_in_front(args.log_json, Without::Serves).await?;
    let watches = app.handle().settings().config.checks.len();
    say::out(&format!("Stillhere watches {watches} {}.", if watches == 1 { "check" } else { "checks" }));
    say::out(&format!("Status page   http://{}/", app.addr()));
    if let Some(listen) = in_front {
        say::out(&format!("Edge          http://{listen}/"));
    }
    say::out(&format!("Kept in       {}", app.socket.parent().unwrap_or(Path::new(".")).display()));
    app.offer_setup().await?;
    say::out("Stop with Ctrl-C. Read again after an edit with `stillhere reload`.");
    app.until_stopped().await
}

/// What the command line says about the configuration, as something that can be read again.
fn source(args: &cli::Up) -> Result<Source, Exit> {
    let over = stillhere_node::Over { listen: args.listen, data: args.data.clone() };
    if !args.watch.is_empty() {
        return Ok(Source::Watch { urls: args.watch.clone(), interval: args.interval, over });
    }
    let path = args.config.clone().unwrap_or_else(|| PathBuf::from("stillhere.toml"));
    if args.config.is_none() && !path.exists() {
        return Err(Exit::Usage(
            "there is no stillhere.toml here. Name something to watch:\n\n  stillhere up --watch https://example.com\n\n\
             or a file: stillhere up --config FILE"
                .to_owned(),
        ));
    }
    Ok(Source::File { path, over })
}

/// Log lines go to standard error; standard output is for people. `usual` is what `STILLHERE_LOG` would say.
pub fn logging(json: bool, usual: &str) {
    use tracing_subscriber::{EnvFilter, fmt, prelude::*};
    let filter = EnvFilter::try_from_env("STILLHERE_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    // An edge outlives the core whose standard error it has: that a line cannot be written is no reason to fail.
    let layer = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .log_internal_errors(false);
    let registry = tracing_subscriber::registry().with(filter);
    // Set twice only by tests that start two of us in one process; the first one stays.
    let _ = if json { registry.with(layer.json()).try_init() } else { registry.with(layer).try_init() };
}

/// The soft limit is kept at 1,024 for programs that use select(2); we don't, and each look and each open page is
/// a descriptor. Where it cannot be raised, `doctor` says what that means.
pub fn open_more_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    if let Err(e) = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum }) {
        tracing::warn!(error = %e, limit = ?now.current, "the limit of open files could not be raised");
    }
}

// === impl App ===

impl App {
    pub async fn start(source: Source, config: Config) -> Result<App, Exit> {
        let data = config.server.data.clone();
        let listen = config.server.listen;
        // The listener first: an address in use is the commonest mistake, and nothing else has happened yet.
        let listener = TcpListener::bind(listen).await.map_err(|e| {
            Exit::Usage(format!("cannot listen on {listen}: {e}. Another port: --listen 127.0.0.1:8081"))
        })?;
        let addr = listener.local_addr().context("the listener has no address")?;
        make_private(&data).with_context(|| format!("cannot use the data folder {}", data.display()))?;
        let socket = data.join(SOCKET);
        let unix = control_listener(&socket)?;
        let mut settings = stillhere_web::Settings::new(addr);
        settings.behind_proxy = config.server.behind_proxy;
        settings.allowed_hosts.extend(config.server.allowed_hosts.iter().cloned());
        let node = Node::start(source, config, addr).await.map_err(Exit::Own)?;
        let web = tokio::spawn(stillhere_web::serve(node.handle(), listener, settings.clone()));
        let control = tokio::spawn(stillhere_web::serve_control(node.handle(), unix, settings));
        Ok(App { node, web, control, socket, addr, edge: None })
    }

    /// Looks after an edge, as long as the file has one.
    pub async fn stand_in_front(&mut self, log_json: bool, without: Without) -> Result<(), Exit> {
        let data = self.socket.parent().unwrap_or(Path::new("."));
        let keeper = Keeper::start(&self.node.handle(), data, log_json, without).await;
        self.edge = Some(keeper.context("the edge")?);
        Ok(())
    }

    /// While nobody can log in, says how the first person does. The link is a secret, so it goes to a terminal alone: what is written
    /// to a pipe or a file is kept by somebody.
    pub async fn offer_setup(&self) -> Result<(), Exit> {
        let store = self.node.handle().store().clone();
        let nobody = !store.anybody().await.context("the people")?;
        if nobody && !std::io::stdout().is_terminal() {
            say::out(
                "Nobody can log in yet. `stillhere person add NAME --role admin` prints a link for the first.",
            );
        } else if nobody {
            let token = Handed::new(entropy::bytes());
            let ticket = Ticket { sha256: token.hash(), expires_at: clock::wall().plus(SETUP_FOR) };
            if store.setup_offer(&ticket).await.context("the link for setting up")? {
                say::out(&format!("Set up        http://{}/console/#setup={}", self.addr(), token.expose()));
                say::out(
                    "              Nobody can log in yet; this link makes the first, once, within a day.",
                );
            }
        }
        Ok(())
    }

    pub fn handle(&self) -> stillhere_node::Handle {
        self.node.handle()
    }

    pub fn addr(&self) -> std::net::SocketAddr {
        self.addr
    }

    /// Waits for a signal or a `stop`, then drains.
    pub async fn until_stopped(self) -> Result<(), Exit> {
        let handle = self.node.handle();
        let mut interrupted = signal(SignalKind::interrupt()).context("signals")?;
        let mut terminated = signal(SignalKind::terminate()).context("signals")?;
        let mut hung_up = signal(SignalKind::hangup()).context("signals")?;
        let mut stopping = handle.stopping();
        loop {
            tokio::select! {
                _ = interrupted.recv() => break,
                _ = terminated.recv() => break,
                _ = stopping.wait_for(|s| *s) => break,
                _ = hung_up.recv() => match handle.reload().await {
                    Ok(summary) => tracing::info!(summary, "read the configuration again"),
                    Err(report) => tracing::error!("the configuration was not taken over, nothing changed:\n{report}"),
                },
            }
        }
        self.stop().await
    }

    pub async fn stop(self) -> Result<(), Exit> {
        self.node.handle().stop();
        let drained = async {
            if let Some(edge) = self.edge {
                edge.stop().await;
            }
            // A listener that panicked has nothing left to drain.
            let _ = self.web.await;
            let _ = self.control.await;
            self.node.stopped().await;
        };
        let in_time = tokio::time::timeout(STOP_WITHIN, drained).await.is_ok();
        let _ = std::fs::remove_file(&self.socket);
        if in_time {
            Ok(())
        } else {
            Err(Exit::Own(format!(
                "not everything had ended after {} s; nothing acknowledged is lost",
                STOP_WITHIN.as_secs()
            )))
        }
    }
}

/// The data folder is ours alone: it holds the signing key, and who may open its socket may do everything.
pub fn make_private(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    let mode = std::fs::metadata(dir)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Binds the control socket. A socket that nobody answers on is left over from a process that was killed.
fn control_listener(path: &Path) -> Result<UnixListener, Exit> {
    if path.exists() {
        match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => {
                return Err(Exit::Usage(format!(
                    "a Stillhere is running with this data folder already ({}). Stop it with `stillhere stop`, or use another --data",
                    path.display()
                )));
            }
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).context("cannot remove the old control socket")?;
            }
            Err(e) => return Err(Exit::Own(format!("cannot use {}: {e}", path.display()))),
        }
    }
    let listener = UnixListener::bind(path).with_context(|| format!("cannot make {}", path.display()))?;
    // The folder is 0700 already; this holds also where somebody opened the folder up.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).context("control socket")?;
    Ok(listener)
}
