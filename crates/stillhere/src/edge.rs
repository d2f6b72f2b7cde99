//! `stillhere edge`: the process that stands in front of the origin. It is a process of its own so that it outlives
//! the core, and the core outlives it.

mod tell;

use crate::{
    cli,
    exit::Exit,
    say,
    up::{logging, make_private, open_more_files},
};
use anyhow::Context as _;
use std::time::Duration;
use stillhere_edge::{Edge, Settings, Spec, StartError, action::KeyedSpec, spec::RouteSpec};
use tokio::signal::unix::{SignalKind, signal};

/// A graceful stop ends after this; WebSockets and streams that are left are cut then.
const DRAIN_WITHIN: Duration = Duration::from_secs(20);

/// Runs the edge, or speaks with the core about it.
pub async fn run(args: cli::Edge) -> Result<(), Exit> {
    match args.what {
        Some(what) => tell::run(what).await,
        None => alone(args.run).await,
    }
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
    let edge = Edge::start(Settings { spec, data }).map_err(not_started)?;
    say::out(&format!("Takes requests at http://{}/ for {}.", edge.addr(), args.to.join(", ")));
    wait().await?;
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
