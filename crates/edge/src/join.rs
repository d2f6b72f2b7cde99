//! An edge of a core: gets its configuration, the notice and people's orders from it, and tells it how things are.
//!
//! ```text
//! core ──feed (long poll)──▶ take ──▶ Edge (start, reload), Board (notice), pools (pause), limits (bans)
//!   ▲                          └────▶ disk: the last good ones
//!   └──────report (each second, and at once when a pool's standing changes)── Gatherer ◀── counts
//! ```
//! Static stability: nothing that serves a request waits for anything here. It starts from what is on disk when the
//! core is away, and goes on with what it has when the core goes; asking goes on for ever, with pauses that grow.

mod client;
mod feed;
mod kept;
mod orders;
mod tell;

pub use client::{AskError, Core};

use crate::{
    edge::{Edge, Settings, StartError, UPGRADE_WITHIN},
    report::About,
    serve::Shared,
    spec::{Problem, Spec},
    upgrade::{self, Predecessor, Successor, UpgradeError},
};
use client::Client;
use kept::{Joined, Kept};
use std::{
    io::ErrorKind,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use stillhere_model::{
    Time,
    edge::{Feed, Have},
};
use stillhere_net::{Secret, clock, entropy};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::sleep,
};

/// A reload that needs other listeners lets what is under way end within this time.
const MOVE_WITHIN: Duration = Duration::from_secs(5);
/// How long until a configuration is tried again with which nothing could be started: somebody has the address.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How often a notice goes to disk that says nothing new but its time.
const NOTICE_EVERY: Duration = Duration::from_secs(10);

/// How an edge joins.
#[derive(Debug, Clone)]
pub struct Joining {
    pub core: Core,
    /// For the core over HTTPS.
    pub token: Option<Secret>,
    /// Whose certificates the core may show, as PEM, instead of those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// Ours alone, made by the caller.
    pub data: PathBuf,
    pub name: String,
    pub version: String,
    /// Instead of what the core says.
    pub listen: Option<SocketAddr>,
}

/// How one process takes over from another.
#[derive(Debug, Default)]
pub struct Handover {
    /// The one before this.
    pub predecessor: Option<Predecessor>,
    /// Rings when another is to take over.
    pub wanted: Arc<Notify>,
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Stopped,
    /// Another process serves now.
    Succeeded,
}

/// Why it ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("{0}")]
    Core(String),
}

/// What the tasks share.
struct State {
    about: Mutex<About>,
    /// The edge that serves now.
    serving: watch::Sender<Option<Arc<Shared>>>,
}

/// The edge and everything that is known, in one place.
struct Life {
    joining: Joining,
    kept: Kept,
    joined: Joined,
    edge: Option<(Edge, Spec)>,
    state: Arc<State>,
    key: Option<[u8; 32]>,
    /// When a notice went to disk, and what it said without its time.
    notice_kept: Option<(Time, String)>,
    /// Until the first edge of this process has begun.
    predecessor: Option<Predecessor>,
    /// The configuration with which it did not begin, what the core calls it, and why.
    unserved: Option<(String, String, String)>,
}

/// Serves for a core until `stop` turns true, then lets what is under way end within `drain`. `again` asks for the
/// files of the configuration (certificates, the log) to be opened anew. When another process has taken over, what is
/// under way ends, too.
///
/// # Errors
/// When the core cannot be asked at all. Everything else is tried again.
pub async fn run(
    joining: Joining,
    mut stop: watch::Receiver<bool>,
    again: Arc<Notify>,
    handover: Handover,
    drain: Duration,
) -> Result<Ended, JoinError> {
    stillhere_net::tls::install();
    let client = || {
        let (core, token) = (joining.core.clone(), joining.token.clone());
        Client::new(core, token, joining.ca_file.clone()).map_err(JoinError::Core)
    };
    let (to_ask, to_tell) = (client()?, client()?);
    let mut life = Life::new(joining, handover.predecessor);
    life.go_on().await;
    let (fed, mut feeds) = mpsc::channel(1);
    let have = life.have();
    let asking = tokio::spawn(feed::run(to_ask, life.joining.name.clone(), have, fed));
    let telling = tokio::spawn(tell::run(to_tell, life.state.clone()));
    let successor = loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|s| *s) => break None,
            () = again.notified() => life.again().await,
            () = handover.wanted.notified() => if let Some(successor) = life.upgrade().await {
                break Some(successor);
            },
            Some(feed) = feeds.recv() => life.take(feed).await,
            () = sleep(TRY_AGAIN), if life.unserved.is_some() => life.try_again().await,
        }
    };
    let ended = if successor.is_some() { Ended::Succeeded } else { Ended::Stopped };
    asking.abort();
    telling.abort();
    life.state.serving.send_replace(None);
    match (life.edge.take(), successor) {
        (Some((edge, _)), Some(successor)) => {
            let _ = tokio::task::spawn_blocking(move || edge.retire(successor, UPGRADE_WITHIN)).await;
        }
        (Some((edge, _)), None) => stopped(edge, drain).await,
        (None, _) => {}
    }
    Ok(ended)
}

async fn stopped(edge: Edge, within: Duration) {
    // Waiting for threads must not hold up this one.
    let _ = tokio::task::spawn_blocking(move || edge.stop(within)).await;
}

// === impl Life ===

impl Life {
    fn new(joining: Joining, predecessor: Option<Predecessor>) -> Life {
        let kept = Kept::new(&joining.data);
        let joined = kept.joined();
        let about = About {
            edge: joining.name.clone(),
            life: entropy::u64(),
            version: joining.version.clone(),
            config: String::new(),
            config_at: clock::wall(),
            refused: None,
        };
        let key = joined.notice_key.as_deref().and_then(key_of);
        let state = Arc::new(State { about: Mutex::new(about), serving: watch::channel(None).0 });
        Life { joining, kept, joined, edge: None, state, key, notice_kept: None, predecessor, unserved: None }
    }

    /// What is on disk, as what the core need not send again. A configuration that did not start is asked for again.
    fn have(&self) -> Have {
        Have {
            config: self.edge.as_ref().map(|_| self.joined.tag.clone()).unwrap_or_default(),
            notice: String::new(),
            orders: self.joined.orders_tag.clone(),
        }
    }

    /// From what was kept, without asking anybody.
    async fn go_on(&mut self) {
        if self.joined.config.is_empty() {
            return;
        }
        let (config, tag, at) = (self.joined.config.clone(), self.joined.tag.clone(), self.joined.at);
        match self.serve(&config).await {
            Ok(()) => {
                tracing::info!(since = %at, "serving with the last good configuration");
                self.in_force(&tag, at);
            }
            Err(e) => {
                tracing::error!("the last good configuration does not start any more: {e}");
                self.unserved = Some((config, tag, e));
            }
        }
    }

    async fn take(&mut self, feed: Feed) {
        if let Some(key) = &feed.notice_key {
            self.take_key(key);
        }
        match &feed.config {
            Some(config) => self.take_config(config, &feed.have.config).await,
            None if feed.have.config == Have::NO_CONFIG => {
                self.refused(Some("the core's file has no [edge]; the last one stays in force".to_owned()));
            }
            None => {}
        }
        if let Some(orders) = feed.orders {
            self.joined.orders = orders;
            self.joined.orders_tag = feed.have.orders;
            self.kept.keep_joined(&self.joined);
            self.carry_out();
        }
        if let Some(notice) = &feed.notice {
            self.take_notice(notice);
        }
    }

    async fn take_config(&mut self, config: &str, tag: &str) {
        match self.serve(config).await {
            Ok(()) => {
                let same = self.joined.tag == tag && self.joined.config == config;
                let at = if same { self.joined.at } else { clock::wall() };
                self.joined.config = config.to_owned();
                self.joined.tag = tag.to_owned();
                self.joined.at = at;
                self.unserved = None;
                self.kept.keep_joined(&self.joined);
                self.in_force(tag, at);
                tracing::info!("the configuration of the core is in force");
            }
            Err(e) => {
                let known = self.unserved.as_ref().is_some_and(|(_, _, why)| *why == e);
                if !known {
                    tracing::error!("the core's configuration was not taken over, nothing changed:\n{e}");
                }
                if self.edge.is_none() {
                    self.unserved = Some((config.to_owned(), tag.to_owned(), e.clone()));
                }
                self.refused(Some(e));
            }
        }
    }

    /// Nobody is served as long as nothing has begun, so what was in the way may have gone.
    async fn try_again(&mut self) {
        if let Some((config, tag, _)) = self.unserved.clone() {
            self.take_config(&config, &tag).await;
        }
    }

    /// Starts with a configuration, or takes it over. An error leaves everything as it was.
    async fn serve(&mut self, config: &str) -> Result<(), String> {
        let mut spec: Spec = serde_json::from_str(config)
            .map_err(|e| format!("it cannot be read; the core may be newer than this edge: {e}"))?;
        if let Some(listen) = self.joining.listen {
            spec.listen = listen;
        }
        let problems = spec.problems();
        if !problems.is_empty() {
            return Err(said(&problems));
        }
        match self.edge.take() {
            None => self.begin(spec).await,
            Some((edge, old)) if spec.needs_new_listeners(&old) => {
                tracing::info!("the addresses changed: what is under way ends, then the new ones are taken");
                self.state.serving.send_replace(None);
                stopped(edge, MOVE_WITHIN).await;
                let moved = self.begin(spec).await;
                if moved.is_err()
                    && let Err(e) = self.begin(old).await
                {
                    tracing::error!("nor does the configuration of before start again: {e}");
                }
                moved
            }
            Some((edge, old)) => {
                let taken = edge.reload(&spec).map_err(|p| said(&p));
                let now = if taken.is_ok() { spec } else { old };
                self.edge = Some((edge, now));
                taken
            }
        }?;
        self.carry_out();
        Ok(())
    }

    async fn begin(&mut self, spec: Spec) -> Result<(), String> {
        let settings = Settings { spec: spec.clone(), data: Some(self.joining.data.clone()) };
        // Opening the journal reads the disk.
        let predecessor = self.predecessor.take();
        let start = move || match predecessor {
            Some(predecessor) => Edge::take_over(settings, predecessor),
            None => Edge::start(settings),
        };
        let started = tokio::task::spawn_blocking(start).await;
        let edge = match started {
            Ok(Ok(edge)) => edge,
            Ok(Err(StartError::Spec(problems))) => return Err(said(&problems)),
            Ok(Err(ref e @ StartError::Listen(_, ref io))) if io.kind() == ErrorKind::AddrInUse => {
                return Err(format!(
                    "{e}. It is tried again. If an edge that has outlived its core serves there, \
                     `stillhere stop --data DIR`, with that core's folder, ends it"
                ));
            }
            Ok(Err(e)) => return Err(e.to_string()),
            Err(e) => return Err(e.to_string()),
        };
        tracing::info!(addr = %edge.addr(), secure = ?edge.secure_addr(), "the edge takes requests");
        let shared = edge.shared().clone();
        self.edge = Some((edge, spec));
        if let (Some(key), Some(text)) = (self.key, self.kept.notice())
            && let Err(e) = shared.board.take_notice(&text, &key, clock::wall())
        {
            tracing::warn!(error = %e, "the notice that was kept is not shown");
        }
        self.state.serving.send_replace(Some(shared));
        Ok(())
    }

    /// The first key is pinned: who takes over the core's address later has not its key.
    fn take_key(&mut self, text: &str) {
        let Some(key) = key_of(text) else {
            tracing::error!("the core's key of notices is not 64 hex digits");
            return;
        };
        match self.key {
            None => {
                self.key = Some(key);
                self.joined.notice_key = Some(text.to_owned());
                self.kept.keep_joined(&self.joined);
            }
            Some(pinned) if pinned == key => {}
            Some(_) => {
                let why = "the core signs with another key than the one that was pinned; its notices are not \
                           believed. If that is right, stop this edge and remove joined.json from its folder";
                tracing::error!("{why}");
                self.refused(Some(why.to_owned()));
            }
        }
    }

    fn take_notice(&mut self, text: &str) {
        let (Some(key), Some((edge, _))) = (self.key, &self.edge) else { return };
        let now = clock::wall();
        let board = &edge.shared().board;
        if let Err(e) = board.take_notice(text, &key, now) {
            tracing::debug!(error = %e, "a notice was not taken");
            return;
        }
        let Some(held) = board.current().notice.clone() else { return };
        let n = &held.notice;
        let says = format!("{}{}{:?}{:?}{:?}", n.epoch, n.indicator, n.headline, n.services, n.incidents);
        let new = self.notice_kept.as_ref().is_none_or(|(_, before)| *before != says);
        let due = self.notice_kept.as_ref().is_none_or(|(at, _)| now.since(*at) >= NOTICE_EVERY);
        if new || due {
            self.kept.keep_notice(text, new);
            self.notice_kept = Some((now, says));
        }
    }

    fn carry_out(&self) {
        if let Some((edge, _)) = &self.edge {
            orders::carry_out(&self.joined.orders, edge.shared(), clock::mono(), clock::wall());
        }
    }

    /// Another process takes over. None: it did not come to serve, and we go on.
    async fn upgrade(&mut self) -> Option<Successor> {
        let Some((edge, spec)) = self.edge.take() else {
            tracing::error!("there is no edge yet that another process could take over");
            return None;
        };
        let start = move || {
            let command = upgrade::again().map_err(UpgradeError::Start);
            let successor = command.and_then(|command| edge.upgrade(command));
            (edge, successor)
        };
        let (edge, successor) = match tokio::task::spawn_blocking(start).await {
            Ok(both) => both,
            Err(e) => {
                tracing::error!(error = %e, "the upgrade broke off");
                return None;
            }
        };
        self.edge = Some((edge, spec));
        successor
            .inspect(|s| tracing::info!(pid = s.id(), "another process has taken over"))
            .inspect_err(|e| tracing::error!(error = %e, "no other process takes over; this one goes on"))
            .ok()
    }

    /// Certificates and the log's file are opened anew.
    async fn again(&mut self) {
        let config = self.joined.config.clone();
        if config.is_empty() {
            return;
        }
        match self.serve(&config).await {
            Ok(()) => tracing::info!("read the files of the configuration again"),
            Err(e) => tracing::error!("nothing changed:\n{e}"),
        }
    }

    fn in_force(&self, tag: &str, at: Time) {
        let mut about = self.state.about.lock().unwrap_or_else(PoisonError::into_inner);
        tag.clone_into(&mut about.config);
        about.config_at = at;
        about.refused = None;
    }

    fn refused(&self, why: Option<String>) {
        // As much as fits into a report and onto a page.
        let why = why.map(|w| w.chars().take(2_000).collect());
        self.state.about.lock().unwrap_or_else(PoisonError::into_inner).refused = why;
    }
}

fn said(problems: &[Problem]) -> String {
    let line = |p: &Problem| {
        let hint = p.hint.as_ref().map(|h| format!(". {h}")).unwrap_or_default();
        format!("edge.{} {}{hint}", p.path, p.problem)
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn key_of(hex: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (n, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(key)
}
