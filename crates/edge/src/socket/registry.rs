//! Who is there: sockets by route, so that those affected can be counted and told, and all can be asked to go.

use super::{Open, Way, Why, Words};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{
            AtomicU64, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::{Duration, Instant},
};
use stillhere_net::{clock::mono, entropy};
use tokio::sync::watch;

/// Routes that have no socket any more are forgotten when there are more than so many.
const ROUTES_KEPT: usize = 2_000;

/// What becomes of sockets. Each that was opened ends in exactly one of the ways that begin with `Closed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happened {
    Opened,
    /// A client came back to its session.
    Resumed,
    /// A session went on with another connection to the origin.
    Moved,
    /// Opened only to say why it cannot be, or not at all.
    TurnedAway,
    ClosedByClient,
    ClosedByOrigin,
    /// The origin ended without a word.
    ClosedOriginGone,
    /// No origin could be reached.
    ClosedOriginAway,
    ClosedEdgeRestarts,
    ClosedIdle,
    /// The client took nothing more.
    ClosedStalled,
    /// The client's connection ended without a word, and it did not come back in time.
    ClosedLost,
    /// One side broke the protocol.
    ClosedProtocol,
}

/// States of a service that a restart of one node does not bring.
const KNOWN_DOWN: [&str; 2] = ["down", "major_outage"];

/// All open sockets, by route.
#[derive(Debug)]
pub(super) struct Registry {
    routes: Mutex<BTreeMap<Arc<str>, Arc<Tally>>>,
    open: watch::Sender<usize>,
    stop: watch::Sender<Order>,
    happened: [AtomicU64; Happened::ALL.len()],
}

#[derive(Debug, Clone, Copy, Default)]
enum Order {
    #[default]
    None,
    /// Everybody closes at a moment of their own within this time.
    Close(Duration),
    Cut,
}

/// The sockets of one route.
#[derive(Debug)]
pub(super) struct Tally {
    route: Arc<str>,
    service: Option<Arc<str>>,
    counts: [AtomicUsize; 4],
}

/// What a socket is counted as.
#[derive(Debug, Clone, Copy)]
pub(super) enum As {
    Plain,
    Resumable,
    Lingering,
    Away,
}

/// Counts for as long as it lives.
#[derive(Debug)]
pub(super) struct Counted {
    tally: Arc<Tally>,
    kind: As,
}

/// One socket's place in the registry.
pub(super) struct Seat {
    registry: Arc<Registry>,
    tally: Arc<Tally>,
    words: Arc<dyn Words>,
    languages: Option<Box<str>>,
    _as: Option<Counted>,
}

/// What a socket is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// At the next frame boundary.
    Close,
    Cut,
}

/// Hears when the sockets are to go.
pub(super) struct Stopping {
    orders: watch::Receiver<Order>,
    close_at: Option<Instant>,
    told: bool,
}

// === impl Registry ===

impl Default for Registry {
    fn default() -> Registry {
        Registry {
            routes: Mutex::default(),
            open: watch::Sender::new(0),
            stop: watch::Sender::new(Order::None),
            happened: Default::default(),
        }
    }
}

impl Registry {
    fn tally(&self, way: &Way) -> Arc<Tally> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tally) = routes.get(&way.route) {
            return tally.clone();
        }
        if routes.len() >= ROUTES_KEPT {
            routes.retain(|_, tally| Arc::strong_count(tally) > 1);
        }
        let tally = Arc::new(Tally {
            route: way.route.clone(),
            service: way.service.clone(),
            counts: Default::default(),
        });
        routes.insert(way.route.clone(), tally.clone());
        tally
    }

    /// A place for a socket of this route; `kind` unless it counts itself.
    pub(super) fn seat(self: &Arc<Self>, way: &Way, languages: Option<&str>, kind: Option<As>) -> Seat {
        let tally = self.tally(way);
        self.open.send_modify(|n| *n += 1);
        Seat {
            registry: self.clone(),
            _as: kind.map(|kind| tally.count(kind)),
            tally,
            words: way.words.clone(),
            languages: languages.map(Into::into),
        }
    }

    pub(super) fn open(&self) -> Vec<Open> {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.values().map(|tally| tally.open()).filter(|open| open.sockets() > 0).collect()
    }

    pub(super) fn happened(&self, what: Happened) {
        self.happened[what as usize].fetch_add(1, Relaxed);
    }

    /// What was counted since the last time, without zeros.
    pub(super) fn take(&self) -> BTreeMap<String, u64> {
        let counts = Happened::ALL.iter().zip(&self.happened);
        counts.map(|(h, n)| (h.word().to_owned(), n.swap(0, SeqCst))).filter(|(_, n)| *n > 0).collect()
    }

    pub(super) async fn drain(&self, spread: Duration, deadline: Duration) -> usize {
        let mut open = self.open.subscribe();
        self.stop.send_replace(Order::Close(spread.min(deadline)));
        let _ = tokio::time::timeout(deadline, open.wait_for(|n| *n == 0)).await;
        self.stop.send_replace(Order::Cut);
        *open.borrow()
    }
}

// === impl Happened ===

impl Happened {
    const ALL: [Happened; 13] = [
        Happened::Opened,
        Happened::Resumed,
        Happened::Moved,
        Happened::TurnedAway,
        Happened::ClosedByClient,
        Happened::ClosedByOrigin,
        Happened::ClosedOriginGone,
        Happened::ClosedOriginAway,
        Happened::ClosedEdgeRestarts,
        Happened::ClosedIdle,
        Happened::ClosedStalled,
        Happened::ClosedLost,
        Happened::ClosedProtocol,
    ];

    fn word(self) -> &'static str {
        match self {
            Happened::Opened => "opened",
            Happened::Resumed => "resumed",
            Happened::Moved => "moved",
            Happened::TurnedAway => "turned_away",
            Happened::ClosedByClient => "closed_by_client",
            Happened::ClosedByOrigin => "closed_by_origin",
            Happened::ClosedOriginGone => "closed_origin_gone",
            Happened::ClosedOriginAway => "closed_origin_away",
            Happened::ClosedEdgeRestarts => "closed_edge_restarts",
            Happened::ClosedIdle => "closed_idle",
            Happened::ClosedStalled => "closed_stalled",
            Happened::ClosedLost => "closed_lost",
            Happened::ClosedProtocol => "closed_protocol",
        }
    }
}

// === impl Tally ===

impl Tally {
    pub(super) fn count(self: &Arc<Self>, kind: As) -> Counted {
        self.counts[kind as usize].fetch_add(1, Relaxed);
        Counted { tally: self.clone(), kind }
    }

    fn open(&self) -> Open {
        let [plain, resumable, lingering, away] = &self.counts;
        Open {
            route: self.route.clone(),
            service: self.service.clone(),
            plain: plain.load(Relaxed),
            resumable: resumable.load(Relaxed),
            lingering: lingering.load(Relaxed),
            away: away.load(Relaxed),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.tally.counts[self.kind as usize].fetch_sub(1, Relaxed);
    }
}

// === impl Seat ===

impl Seat {
    pub(super) fn route(&self) -> &str {
        &self.tally.route
    }
    pub(super) fn happened(&self, what: Happened) {
        self.registry.happened(what);
    }
    pub(super) fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }
    /// What its client reads.
    pub(super) fn languages(&self) -> Option<&str> {
        self.languages.as_deref()
    }
    pub(super) fn reason(&self, why: Why) -> String {
        self.words.reason(why, self.languages.as_deref())
    }
    pub(super) fn notice(&self) -> Option<super::Notice> {
        self.words.notice(self.languages.as_deref())
    }
    /// Whether the notice says that it will take longer than a restart.
    pub(super) fn is_known_down(&self) -> bool {
        self.notice().is_some_and(|notice| notice.state.as_deref().is_some_and(|s| KNOWN_DOWN.contains(&s)))
    }
    pub(super) fn stop(&self) -> Stopping {
        Stopping { orders: self.registry.stop.subscribe(), close_at: None, told: false }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.registry.open.send_modify(|n| *n -= 1);
    }
}

// === impl Stopping ===

impl Stopping {
    /// Waits for the next thing to do: first to close, later to cut.
    pub(super) async fn told(&mut self) -> Stop {
        loop {
            let order = *self.orders.borrow_and_update();
            match (order, self.close_at) {
                (Order::Cut, _) => return Stop::Cut,
                (Order::Close(spread), None) => {
                    let share = entropy::u64() % (spread.as_micros().max(1) as u64);
                    self.close_at = Some(mono() + Duration::from_micros(share));
                }
                (_, Some(at)) if !self.told => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at.into()) => {
                            self.told = true;
                            return Stop::Close;
                        }
                        changed = self.orders.changed() => if changed.is_err() { std::future::pending::<()>().await },
                    }
                }
                _ => {
                    if self.orders.changed().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
            }
        }
    }
}

// === impl Open ===

impl Open {
    /// Sockets and sessions of people, whatever their state.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.plain + self.resumable + self.lingering
    }
}
