//! Follows the node's snapshots: keeps the shelf and the open pages in step with what is public.
//!
//! It also holds the clock against what it has: when a snapshot's time is over and no newer one came (the node is
//! frozen, or nothing can be looked at), everything that is served says so (case c). Nobody has to tell us that,
//! and nobody could.

use crate::{
    front::stopped,
    live::{Hub, Position, Voice},
    ready::{Cut, Route, Shelf, Shelves},
};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};
use stillhere_model::{Lang, Reason, Status};
use stillhere_net::clock;
use stillhere_tell::{Snapshot, View, feed, live, page, statuspage};
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{sleep_until, timeout},
};

/// A snapshot that differs only in its times ("checked 3 s ago") makes a new page this often at most: open pages
/// count the seconds by themselves, and caches keep their copies.
const RENEW: Duration = Duration::from_secs(5);
/// How often such a snapshot is compared with what open pages show: durations and days go by without a change.
const RECOMPARE: Duration = Duration::from_secs(30);
/// How long an answered write may wait for readers to see it. Longer means that the follower is in trouble, which is no
/// reason to hold back that the write was done.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(1);

/// Gives the signed notice of now.
pub(crate) type Notice = dyn Fn() -> Arc<str> + Send + Sync;

pub(crate) type Fragments = Vec<(String, String)>;

/// What is served now.
pub(crate) struct Public {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    notice: Arc<Notice>,
    shown: RwLock<Shown>,
    /// Up to where all answers are, the ready-made ones included.
    served: watch::Sender<Position>,
}

#[derive(Clone)]
pub(crate) struct Shown {
    /// When it is stale: the last one with every verdict replaced by "no fresh news".
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) stale: bool,
}

/// What open pages were told last.
struct Told {
    at: Position,
    fragments: [Fragments; Lang::ALL.len()],
    compared: Instant,
}

// === impl Public ===

impl Public {
    pub(crate) fn new(
        snapshots: watch::Receiver<Arc<Snapshot>>,
        notice: impl Fn() -> Arc<str> + Send + Sync + 'static,
    ) -> Public {
        let snapshot = snapshots.borrow().clone();
        let stale = snapshot.fresh_until <= snapshot.made_at;
        let served = watch::Sender::new(position(&snapshot));
        Public {
            snapshots,
            notice: Arc::new(notice),
            shown: RwLock::new(Shown::new(snapshot, stale)),
            served,
        }
    }

    pub(crate) fn shown(&self) -> Shown {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn position(&self) -> Position {
        position(&self.shown().snapshot)
    }

    /// Whoever was told that their write is done may read it at once: ends when what the node had made public by now is
    /// served, or after [`CAUGHT_UP_WITHIN`].
    pub(crate) async fn caught_up(&self) {
        let (mut served, committed) = (self.served.subscribe(), position(&self.snapshots.borrow()));
        let there = served.wait_for(|at| (at.epoch, at.seq) >= (committed.epoch, committed.seq));
        if timeout(CAUGHT_UP_WITHIN, there).await.is_err() {
            tracing::warn!("a write is answered before it can be read");
        }
    }

    /// A shelf of what is shown now.
    pub(crate) fn shelf(&self) -> Shelf {
        let Shown { snapshot, stale } = self.shown();
        let notice = self.notice.clone();
        let csp: Arc<str> = page_csp(&snapshot).into();
        let plain: Arc<str> = PLAIN_CSP.into();
        Shelf::new(snapshot.site.languages.clone(), move |route, lang| {
            let (content_type, body) = cut(route, lang, &snapshot, stale, &*notice);
            let csp = if content_type == HTML { &csp } else { &plain };
            Cut { content_type, body, csp: csp.clone() }
        })
    }

    /// Runs until the node stops. `pages`: what visitors are served from; the control socket has none.
    pub(crate) async fn follow(
        self: Arc<Self>,
        pages: Option<(Arc<Shelves>, Hub)>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut snapshots = self.snapshots.clone();
        let mut last = snapshots.borrow_and_update().clone();
        let mut fresh_until = deadline(&last);
        let mut shelved = clock::mono();
        let mut told = Told::new(self.shown().snapshot, pages.is_some()).await;
        loop {
            let stale = self.shown().stale;
            let news = tokio::select! {
                changed = snapshots.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    true
                }
                () = sleep_until(fresh_until.into()), if !stale => false,
                () = stopped(&mut stop) => return,
            };
            let before = last.clone();
            if news {
                last = snapshots.borrow_and_update().clone();
                fresh_until = deadline(&last);
            }
            let now_stale = fresh_until <= clock::mono();
            let differs = position(&before) != position(&last);
            let turned = stale != now_stale;
            let shown = Shown::new(last.clone(), now_stale);
            *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown.clone();
            let served = position(&last);
            let Some((shelves, hub)) = &pages else {
                self.served.send_replace(served);
                continue;
            };
            // The ready-made answers change together with the routed ones: whoever was told by one of them that
            // something changed must not read the old state from another. They are cut when asked for, or below.
            let mut unwarmed = (differs || turned).then(|| self.reshelve(shelves));
            self.served.send_replace(served);
            // Open pages first: theirs is the longer way.
            if differs || turned || told.compared.elapsed_since() >= RECOMPARE {
                told = told.tell(shown.snapshot, differs, hub).await;
            }
            if turned {
                tracing::warn!(
                    stale = now_stale,
                    "{}",
                    if now_stale { "no fresh news" } else { "news again" }
                );
                hub.beat();
            }
            if unwarmed.is_none() && shelved.elapsed_since() >= RENEW {
                unwarmed = Some(self.reshelve(shelves));
            }
            if let Some((before, next)) = unwarmed {
                shelved = clock::mono();
                if let Err(e) = spawn_blocking(move || next.warm(&before)).await {
                    tracing::error!(error = %e, "a page could not be made");
                }
            }
        }
    }

    /// Puts a new shelf in the place of the old one; gives both, so that what was asked for can be cut again.
    fn reshelve(&self, shelves: &Shelves) -> (Arc<Shelf>, Arc<Shelf>) {
        let (before, next) = (shelves.now(), Arc::new(self.shelf()));
        shelves.put(next.clone());
        (before, next)
    }
}

impl Voice for Public {
    fn beat(&self) -> String {
        live::beat(&self.shown().snapshot, clock::wall())
    }
    fn whole(&self, lang: Lang) -> String {
        live::whole(&self.shown().snapshot, lang, clock::wall())
    }
}

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const JSON: &str = "application/json";
/// For everything that is not a page: nothing may be loaded or framed.
pub(crate) const PLAIN_CSP: &str = "default-src 'none'; frame-ancestors 'none'";

/// `frame-ancestors` works only in the header, so it is added here.
pub(crate) fn page_csp(snapshot: &Snapshot) -> String {
    format!("{}; frame-ancestors 'none'", page::csp(&snapshot.site))
}

/// The same for the page of subscribing.
pub(crate) fn subscribe_csp(snapshot: &Snapshot) -> String {
    format!("{}; frame-ancestors 'none'", page::subscribe_csp(&snapshot.site))
}

fn cut(route: Route, lang: Lang, s: &Snapshot, stale: bool, notice: &Notice) -> (&'static str, String) {
    let view = View { stale, published_at: None, live: true };
    match route {
        Route::Status => (HTML, page::status(s, lang, &view)),
        Route::History => (HTML, page::history(s, lang, &view)),
        Route::Rss => ("application/rss+xml; charset=utf-8", feed::rss(s, lang)),
        Route::Atom => ("application/atom+xml; charset=utf-8", feed::atom(s, lang)),
        Route::Notice => (JSON, notice().as_ref().to_owned()),
        Route::V2Summary => (JSON, statuspage::summary(s).to_string()),
        Route::V2Status => (JSON, statuspage::status(s).to_string()),
        Route::V2Components => (JSON, statuspage::components(s).to_string()),
        Route::V2Incidents => (JSON, statuspage::incidents(s).to_string()),
        Route::V2Unresolved => (JSON, statuspage::unresolved(s).to_string()),
        Route::V2Maintenances => (JSON, statuspage::scheduled_maintenances(s).to_string()),
        Route::V2Upcoming => (JSON, statuspage::upcoming(s).to_string()),
        Route::V2Active => (JSON, statuspage::active(s).to_string()),
    }
}

fn position(s: &Snapshot) -> Position {
    Position { epoch: s.epoch, seq: s.seq, nth: 0 }
}

/// On the monotonic clock, because a wall clock that is set forward an hour must not make all news old (case r).
fn deadline(s: &Snapshot) -> Instant {
    clock::mono() + s.fresh_until.since(s.made_at)
}

trait ElapsedSince {
    fn elapsed_since(&self) -> Duration;
}

impl ElapsedSince for Instant {
    fn elapsed_since(&self) -> Duration {
        clock::mono().saturating_duration_since(*self)
    }
}

// === impl Shown ===

impl Shown {
    fn new(snapshot: Arc<Snapshot>, stale: bool) -> Shown {
        Shown { snapshot: if stale { without_news(&snapshot).into() } else { snapshot }, stale }
    }
}

/// What can be said when nothing new is known: not that a service works, nor that it does not.
fn without_news(s: &Snapshot) -> Snapshot {
    let mut s = s.clone();
    // Open pages compare it with the clock of the event that tells them. Told in the very millisecond in which the time
    // was over, or by a wall clock that was set back, they would go on for a whole beat as if nothing were wrong.
    s.fresh_until = s.fresh_until.min(clock::wall().minus(Duration::from_millis(1)));
    let since = s.last_look.unwrap_or(s.made_at);
    for service in &mut s.services {
        let mut view = service.as_ref().clone();
        view.verdict.status = Status::Unknown;
        view.verdict.since = since;
        view.verdict.reason = Reason::NoFreshNews;
        *service = Arc::new(view);
    }
    s
}

// === impl Told ===

impl Told {
    async fn new(snapshot: Arc<Snapshot>, to_anybody: bool) -> Told {
        let at = position(&snapshot);
        if !to_anybody {
            return Told {
                at,
                fragments: <[Fragments; Lang::ALL.len()]>::default(),
                compared: clock::mono(),
            };
        }
        let fragments = spawn_blocking(move || Lang::ALL.map(|lang| fragments(&snapshot, lang)));
        Told { at, fragments: fragments.await.unwrap_or_default(), compared: clock::mono() }
    }

    /// Tells open pages what differs from what they were told last.
    /// `differs`: it is another snapshot, not the same one seen later.
    async fn tell(self, next: Arc<Snapshot>, differs: bool, hub: &Hub) -> Told {
        let base = position(&next).max(self.at);
        // The same snapshot seen later must come after the pages that were made of it in the meantime.
        let again = !differs || base == self.at;
        let at = if again { Position { nth: base.nth + 1, ..base } } else { base };
        let (before, hub) = (self.fragments, hub.clone());
        let kept = before.clone();
        let told = spawn_blocking(move || {
            let mut any = false;
            let after = Lang::ALL.map(|lang| {
                let after = fragments(&next, lang);
                let before = &before[lang as usize];
                if !before.is_empty()
                    && let Some(data) = live::change(before, &after, &next, clock::wall())
                {
                    any = true;
                    hub.change(lang, at, &data);
                }
                after
            });
            (after, any)
        });
        match told.await {
            Ok((fragments, any)) => {
                Told { at: if any { at } else { self.at }, fragments, compared: clock::mono() }
            }
            Err(e) => {
                tracing::error!(error = %e, "a change could not be told to open pages");
                Told { at: self.at, fragments: kept, compared: clock::mono() }
            }
        }
    }
}

fn fragments(snapshot: &Snapshot, lang: Lang) -> Fragments {
    if snapshot.site.languages.contains(&lang) { page::fragments(snapshot, lang) } else { Fragments::new() }
}

#[cfg(test)]
mod tests;
