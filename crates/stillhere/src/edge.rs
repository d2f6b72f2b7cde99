//! `stillhere edge`: the process that stands in front of the origin. It is a process of its own so that it outlives
//! the core, and the core outlives it.

pub mod child;
mod lock;
mod tell;

use crate::{
    cli,
    exit::Exit,
    say,
    up::{logging, make_private, open_more_files},
};
use anyhow::Context as _;
use std::{path::PathBuf, sync::Arc, time::Duration};
use stillhere_edge::{
    Edge, Settings, Spec, StartError, UPGRADE_WITHIN,
    action::KeyedSpec,
    join::{self, Core, Ended, Handover, Joining},
    spec::RouteSpec,
    upgrade::{self, Predecessor, UpgradeError},
};
use stillhere_net::SecretSource;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{Notify, oneshot, watch},
};

/// A graceful stop ends after this; WebSockets and streams that are left are cut then. Shorter than the core's own.
const DRAIN_WITHIN: Duration = Duration::from_secs(15);
/// The same for an edge that has nothing to do without whoever started it: its servers have ended, too.
const DRAIN_ALONE: Duration = Duration::from_secs(2);
/// Where an edge of a core elsewhere keeps what must outlive it.
const FOLDER: &str = "stillhere-edge";

/// Runs the edge, or speaks with the core about it.
pub async fn run(args: cli::Edge) -> Result<(), Exit> {
    match args.what {
        Some(cli::EdgeDo::Upgrade { data }) => upgraded(data).await,
        Some(what) => tell::run(what).await,
        None if args.run.join.is_some() => joined(args.run).await,
        None => alone(args.run).await,
    }
}

/// Tells the edge on this machine to hand over to a new process.
async fn upgraded(data: Option<PathBuf>) -> Result<(), Exit> {
    let data = data.unwrap_or_else(|| PathBuf::from(FOLDER));
    let within = upgrade::READY_WITHIN + UPGRADE_WITHIN + DRAIN_WITHIN;
    let (old, new) = lock::hand_over(&data, within).await?;
    say::out(&format!("process {} serves now; {} has ended", new.as_raw_nonzero(), old.as_raw_nonzero()));
    Ok(())
}

/// For a core, which may be away.
async fn joined(args: cli::EdgeRun) -> Result<(), Exit> {
    logging(args.log_json, "info");
    open_more_files();
    let url = args.join.unwrap_or_default();
    let core = Core::parse(&url).map_err(|e| Exit::Usage(format!("--join {url} {e}")))?;
    let token = args.token_file.map(|file| SecretSource::File(file).read()).transpose();
    let token = token.map_err(|e| Exit::Usage(format!("--token-file: {e}")))?;
    if matches!(core, Core::Web { .. }) && token.is_none() {
        return Err(Exit::Usage(
            "--join over the network needs --token-file. `stillhere token new NAME --scope edge` at the core makes a token"
                .to_owned(),
        ));
    }
    let data = args.data.unwrap_or_else(|| PathBuf::from(FOLDER));
    make_private(&data).with_context(|| format!("cannot use the data folder {}", data.display()))?;
    let predecessor = predecessor()?;
    let one = match &predecessor {
        None => Some(lock::take(&data).await?),
        // It has the lock as long as something is left there.
        Some(_) => None,
    };
    let another = kept_until_replaced(one, data.clone());
    let name = args.name.unwrap_or_else(this_machine);
    let joining = Joining {
        core,
        token,
        ca_file: args.ca_file,
        data,
        name,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        listen: args.listen,
    };
    let (stop, stopping) = watch::channel(false);
    let again = Arc::new(Notify::new());
    let mut hung_up = signal(SignalKind::hangup()).context("signals")?;
    let asked = again.clone();
    tokio::spawn(async move {
        while hung_up.recv().await.is_some() {
            asked.notify_one();
        }
    });
    let handover = Handover { predecessor, ..Handover::default() };
    let mut upgrade_wanted = signal(SignalKind::user_defined2()).context("signals")?;
    let wanted = handover.wanted.clone();
    tokio::spawn(async move {
        while upgrade_wanted.recv().await.is_some() {
            wanted.notify_one();
        }
    });
    let drain = if args.while_locked.is_some() { DRAIN_ALONE } else { DRAIN_WITHIN };
    let alone = args.while_locked.map(until_alone).transpose().context("a thread")?;
    let waiting = tokio::spawn(async move {
        let ended = tokio::select! {
            ended = wait() => ended,
            Ok(()) = another => {
                tracing::warn!("another edge has this folder now; this one ends");
                Ok(())
            }
            Ok(()) = async { alone.expect("looked at").await }, if alone.is_some() => {
                tracing::info!("whom this edge was for has ended");
                Ok(())
            }
        };
        stop.send_replace(true);
        ended
    });
    let ended = join::run(joining, stopping, again, handover, drain).await;
    match ended.map_err(|e| Exit::Own(e.to_string()))? {
        Ended::Stopped => waiting.await.context("signals")?,
        Ended::Succeeded => Ok(()),
    }
}

/// Holds the folder as long as the process lives, and rings when it has become another edge's. A successor has it when the
/// one before it has ended.
fn kept_until_replaced(lock: Option<lock::Lock>, data: PathBuf) -> oneshot::Receiver<()> {
    let (ring, rung) = oneshot::channel();
    tokio::spawn(async move {
        let lock = match lock {
            Some(lock) => Some(lock),
            None => lock::wait(data).await,
        };
        if let Some(lock) = &lock {
            lock.until_replaced().await;
            let _ = ring.send(());
        }
        std::future::pending::<()>().await;
    });
    rung
}

/// Rings when nobody holds the lock of this file any more. A thread of its own, which the end of the process does not wait for.
fn until_alone(file: PathBuf) -> std::io::Result<oneshot::Receiver<()>> {
    let (ring, rung) = oneshot::channel();
    std::thread::Builder::new().name("edge-alone".to_owned()).spawn(move || {
        lock::until_free(&file);
        let _ = ring.send(());
    })?;
    Ok(rung)
}

/// The process before this one, if this was started to take over from it.
fn predecessor() -> Result<Option<Predecessor>, Exit> {
    upgrade::predecessor().map_err(|e| Exit::Own(format!("cannot take over: {e}")))
}

/// As a name that an edge may have.
fn this_machine() -> String {
    let read = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = read.trim().chars().filter(plain).take(stillhere_model::edge::NAME_MAX).collect();
    if name.is_empty() { "edge".to_owned() } else { name }
}

/// Without a core: what the command line says is all there is.
async fn alone(args: cli::EdgeRun) -> Result<(), Exit> {
    logging(args.log_json, "info");
    open_more_files();
    if args.to.is_empty() {
        return Err(Exit::Usage(
            "the edge needs to know who answers. One of:\n\n  \
             stillhere edge --listen 127.0.0.1:8000 --to http://127.0.0.1:9001 --to http://127.0.0.1:9002\n  \
             stillhere edge --join https://status.example.com --token-file FILE"
                .to_owned(),
        ));
    }
    let spec = spec_of(&args);
    let problems = spec.problems();
    if !problems.is_empty() {
        return Err(Exit::Usage(said(&problems)));
    }
    let data = args.data.clone();
    if let Some(data) = &data {
        make_private(data).with_context(|| format!("cannot use the data folder {}", data.display()))?;
    }
    let settings = Settings { spec: spec.clone(), data };
    let started = match predecessor()? {
        Some(predecessor) => Edge::take_over(settings, predecessor),
        None => Edge::start(settings),
    };
    let mut edge = started.map_err(not_started)?;
    say::out(&format!("Takes requests at http://{}/ for {}.", edge.addr(), args.to.join(", ")));
    let ended = wait();
    tokio::pin!(ended);
    let mut hung_up = signal(SignalKind::hangup()).context("signals")?;
    let mut upgrade_wanted = signal(SignalKind::user_defined2()).context("signals")?;
    loop {
        tokio::select! {
            done = &mut ended => break done?,
            Some(()) = upgrade_wanted.recv() => match succeeded(edge).await? {
                None => return Ok(()),
                Some(goes_on) => edge = goes_on,
            },
            Some(()) = hung_up.recv() => match edge.reload(&spec) {
                Ok(()) => tracing::info!("read the files of the configuration again"),
                Err(problems) => tracing::error!("nothing changed:\n{}", said(&problems)),
            },
        }
    }
    drained(edge).await
}

fn spec_of(args: &cli::EdgeRun) -> Spec {
    let route = RouteSpec {
        nodes: args.to.clone(),
        keyed: args.keyed.then(KeyedSpec::default),
        ..RouteSpec::default()
    };
    let usual = Spec::default();
    Spec { listen: args.listen.unwrap_or(usual.listen), routes: vec![route], ..usual }
}

/// Until somebody wants it to end.
async fn wait() -> Result<(), Exit> {
    let mut interrupted = signal(SignalKind::interrupt()).context("signals")?;
    let mut terminated = signal(SignalKind::terminate()).context("signals")?;
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    Ok(())
}

/// Another process takes over, and what is under way ends here. Some: it does not, and this one goes on.
async fn succeeded(edge: Edge) -> Result<Option<Edge>, Exit> {
    let hand_over = move || {
        let command = upgrade::again().map_err(UpgradeError::Start);
        match command.and_then(|command| edge.upgrade(command)) {
            Ok(successor) => {
                tracing::info!(pid = successor.id(), "another process has taken over");
                edge.retire(successor, UPGRADE_WITHIN);
                None
            }
            Err(e) => {
                tracing::error!(error = %e, "no other process takes over; this one goes on");
                Some(edge)
            }
        }
    };
    Ok(tokio::task::spawn_blocking(hand_over).await.context("the upgrade broke off")?)
}

async fn drained(edge: Edge) -> Result<(), Exit> {
    tokio::task::spawn_blocking(move || edge.stop(DRAIN_WITHIN)).await.context("the edge ended badly")?;
    Ok(())
}

fn not_started(e: StartError) -> Exit {
    match e {
        StartError::Spec(problems) => Exit::Usage(said(&problems)),
        StartError::Listen(..) => Exit::Usage(format!("{e}. Another port: --listen 127.0.0.1:8001")),
        other => Exit::Own(other.to_string()),
    }
}

fn said(problems: &[stillhere_edge::Problem]) -> String {
    let line = |p: &stillhere_edge::Problem| {
        let hint = p.hint.as_ref().map(|h| format!(". {h}")).unwrap_or_default();
        format!("edge.{} {}{hint}", p.path, p.problem)
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}
