//! What all workers have in common: made once, and given to each of them.

use crate::{
    answer::Streams,
    inject,
    keyed::Desk,
    known::Board,
    limit::Limits,
    report::{Browsers, Idle, Sums, Told, log::Log},
    room::Secret,
    route::Routes,
    socket::Sockets,
    spec::Spec,
    stale::Stale,
    tls::{Certificates, Challenges},
    upstream,
};
use arc_swap::{ArcSwap, ArcSwapOption};
use std::{
    hash::RandomState,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize},
    },
};
use stillhere_net::{clock, entropy};
use tokio::sync::Notify;

/// Event streams that are held at a time while their origin is away; one more gets a short answer.
const STREAMS_MAX: usize = 20_000;
/// Memory for answers that are kept for bad times.
const STALE_BYTES: usize = 64 * 1024 * 1024;

/// What all workers share. Everything that a request reads is replaced as a whole by a reload.
pub struct Shared {
    pub routes: ArcSwap<Routes>,
    pub nodes: Arc<upstream::Shared>,
    pub board: Arc<Board>,
    pub streams: Arc<Streams>,
    pub stale: Stale,
    pub sockets: Arc<Sockets>,
    pub actions: Arc<Desk>,
    /// What a certificate authority asks to see.
    pub challenges: Arc<Challenges>,
    /// What is shown to clients over TLS.
    pub certificates: Arc<Certificates>,
    /// A successor takes new connections: each answer is the last one on its connection.
    pub(crate) draining: AtomicBool,
    /// Workers that still have connections.
    pub(crate) busy: AtomicUsize,
    pub limits: Limits,
    /// Own answers by reason, and what browsers report.
    pub told: Told,
    pub browsers: Browsers,
    /// What became of pages that the client's tag was to go into.
    pub injected: Arc<inject::Counts>,
    pub idle: Idle,
    pub sums: Sums,
    /// None: nobody wants one.
    pub log: ArcSwapOption<Log>,
    /// Rings when a pool looks otherwise than before.
    pub news: Notify,
    /// What seals the tickets of waiting rooms.
    pub secret: Secret,
    /// Turns an address into the number that stands for a client, differently in each process.
    pub(super) hasher: RandomState,
}

// === impl Shared ===

impl Shared {
    #[must_use]
    pub fn new(
        spec: &Spec,
        routes: Routes,
        nodes: Arc<upstream::Shared>,
        secret: Secret,
        actions: Arc<Desk>,
    ) -> Arc<Shared> {
        let challenges: Arc<Challenges> = Arc::default();
        Arc::new(Shared {
            certificates: Certificates::new(challenges.clone()),
            routes: ArcSwap::from_pointee(routes),
            nodes,
            board: Arc::new(Board::new()),
            streams: Streams::new(STREAMS_MAX),
            stale: Stale::new(STALE_BYTES),
            sockets: Sockets::new(),
            actions,
            challenges,
            draining: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
            limits: Limits::new(&spec.limits, entropy::u64(), clock::mono()),
            told: Told::default(),
            browsers: Browsers::default(),
            injected: Arc::default(),
            idle: Idle::default(),
            sums: Sums::default(),
            log: ArcSwapOption::empty(),
            news: Notify::new(),
            secret,
            hasher: RandomState::new(),
        })
    }
}
