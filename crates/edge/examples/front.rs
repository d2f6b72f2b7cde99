//! An edge with some nodes and nothing else: `front LISTEN FOLDER NODE… [--with JSON]`. For benchmarks and trying things
//! out. POSTs with a key are kept, in FOLDER, and the nodes honour it; JSON is more of `[edge]`, such as limits. It says where
//! it listens and which process it is; SIGUSR2 starts another one that takes over, SIGTERM or the end of what it reads ends it.
#![expect(clippy::print_stdout, reason = "a program of its own")]

use std::time::Duration;
use stillhere_edge::{Edge, Settings, Spec, UPGRADE_WITHIN, spec::RouteSpec, upgrade};
use tokio::signal::unix::{SignalKind, signal};

/// How long a graceful end may take.
const STOP_WITHIN: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    End,
    HandOver,
}

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let with = args.iter().position(|a| a == "--with").map(|at| args.split_off(at));
    let with = with.and_then(|w| w.get(1).cloned()).unwrap_or_else(|| "{}".to_owned());
    let mut args = args.into_iter();
    let listen = args.next().expect("LISTEN").parse().expect("an address");
    let data = args.next().expect("FOLDER").into();
    let route = format!(
        r#"{{"keyed": {{"origin_honours": true}}, "nodes": {}}}"#,
        serde_json::to_string(&args.collect::<Vec<_>>()).expect("texts")
    );
    let route: RouteSpec = serde_json::from_str(&route).expect("a route");
    let mut spec: Spec = serde_json::from_str(&with).expect("a table as [edge] is");
    spec.listen = listen;
    if spec.routes.is_empty() {
        spec.routes.push(route);
    }
    let (tell, told) = std::sync::mpsc::channel();
    let ready = listen_for_signals(tell.clone());
    let settings = Settings { spec, data: Some(data) };
    let edge = match upgrade::predecessor().expect("a predecessor, or none") {
        Some(predecessor) => Edge::take_over(settings, predecessor).expect("takes over"),
        None => {
            std::thread::spawn(move || {
                let _ = std::io::stdin().read_line(&mut String::new());
                let _ = tell.send(Told::End);
            });
            Edge::start(settings).expect("starts")
        }
    };
    ready.recv().expect("signals");
    println!("{} {}", edge.addr(), std::process::id());
    while told.recv() == Ok(Told::HandOver) {
        match upgrade::again().map_err(upgrade::UpgradeError::Start).and_then(|c| edge.upgrade(c)) {
            Ok(successor) => return edge.retire(successor, UPGRADE_WITHIN),
            Err(e) => println!("nobody takes over: {e}"),
        }
    }
    edge.stop(STOP_WITHIN);
}

fn listen_for_signals(tell: std::sync::mpsc::Sender<Told>) -> std::sync::mpsc::Receiver<()> {
    let (set, ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let mut hand_over = signal(SignalKind::user_defined2()).expect("a signal");
            let mut end = signal(SignalKind::terminate()).expect("a signal");
            let _ = set.send(());
            loop {
                let what =
                    tokio::select! { _ = hand_over.recv() => Told::HandOver, _ = end.recv() => Told::End };
                if tell.send(what).is_err() {
                    return;
                }
            }
        });
    });
    ready
}
