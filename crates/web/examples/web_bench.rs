//! The front and the hub alone, for measuring: serves a file as the status page, and fans out what is posted to `/pub`.
//!
//! ```text
//! web_bench ADDR PAGE.html [WORKER_THREADS]
//! ```
#![expect(clippy::print_stdout, reason = "a command-line tool: its output is its result")]

use axum::{Router, routing::post};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use stillhere_model::Lang;
use stillhere_web::{
    front::{Front, Limits},
    host::Hosts,
    live::{Hub, LiveLimits, Position, Voice},
    ready::{Cut, Shelf, Shelves},
};

struct Quiet;

impl Voice for Quiet {
    fn beat(&self) -> String {
        "{}".into()
    }
    fn whole(&self, _: Lang) -> String {
        "{}".into()
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let addr = args.next().expect("ADDR");
    let page = std::fs::read_to_string(args.next().expect("PAGE.html")).expect("the page can be read");
    let threads = args.next().map_or(1, |n| n.parse().expect("WORKER_THREADS is a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    runtime.block_on(async move {
        let csp: Arc<str> = "default-src 'none'; frame-ancestors 'none'".into();
        let shelf = Shelf::new(vec![Lang::En, Lang::ZhCn], move |_, _| Cut {
            content_type: "text/html; charset=utf-8",
            body: page.clone(),
            csp: csp.clone(),
        });
        let limits = LiveLimits { writers: threads, ..LiveLimits::default() };
        let hub = Hub::start(limits, Position::default(), Arc::new(Quiet));
        let router = Router::new().route(
            "/pub",
            post({
                let hub = hub.clone();
                let seq = Arc::new(AtomicU64::new(0));
                move |body: String| async move {
                    let at = Position { epoch: 1, seq: seq.fetch_add(1, Relaxed) + 1, nth: 0 };
                    hub.change(Lang::En, at, &body);
                    "told"
                }
            }),
        );
        let limits = Limits { connections: 30_000, ..Limits::default() };
        let front =
            Arc::new(Front::new(Hosts::new([&addr]), Arc::new(Shelves::new(shelf)), hub, router, limits));
        let listener = tokio::net::TcpListener::bind(&addr).await.expect("ADDR can be bound");
        let (stop, stopping) = tokio::sync::watch::channel(false);
        println!("serving on {addr}");
        tokio::spawn(front.serve(listener, stopping));
        tokio::signal::ctrl_c().await.expect("signals can be waited for");
        stop.send_replace(true);
    });
}
