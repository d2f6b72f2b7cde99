//! A small crowd of visitors that really come, through the edge, and count what they get.
//!
//! Nothing is computed from what should happen: a visit counts by its answer on the wire, an order by what the
//! database says of its key. What was promised and is not there is counted as lost.

mod follow;
mod tally;

pub use tally::{HISTORY, Second, Tally};

use super::{ask, ledger::Ledger};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};
use stillhere_net::{clock, entropy};
use tokio::sync::{Semaphore, watch};

/// A visit begins this often: 20 in a second.
const EVERY: Duration = Duration::from_millis(50);
/// Every fifth of them is an order.
const ORDER_EACH: u64 = 5;
/// So many different people.
const PEOPLE: u64 = 40;
/// Visits at a time; while there are as many, nobody else comes.
const VISITS_MAX: usize = 512;
/// Whoever has no answer by then has lost the connection.
const WITHIN: Duration = Duration::from_secs(30);
/// An answer that took longer than this was waited for.
pub const WAITED: Duration = Duration::from_secs(1);
/// Orders with a receipt whose end is watched. While there are as many, nobody orders.
const KEPT_MAX: usize = 4_096;

pub struct Crowd {
    edge: SocketAddr,
    ledger: Arc<Ledger>,
    on: watch::Sender<bool>,
    inner: Mutex<Inner>,
}

struct Inner {
    tally: Tally,
    began: Instant,
    kept: VecDeque<Kept>,
}

/// An order that the edge promised to take care of.
struct Kept {
    key: String,
    who: u64,
    since: Instant,
}

/// One visit, as it ended.
enum End {
    Served,
    /// The edge said what is going on, and promised nothing.
    Told,
    /// The edge gave a receipt.
    Kept(String),
    /// The shop itself answered with an error.
    Error,
    /// No answer, or a promise that was not true.
    Lost,
}

// === impl Crowd ===

impl Crowd {
    /// Visitors begin to come to the edge; they stop when this is dropped everywhere.
    pub fn start(edge: SocketAddr, ledger: Arc<Ledger>) -> Arc<Crowd> {
        let inner = Inner { tally: Tally::default(), began: clock::mono(), kept: VecDeque::new() };
        let (on, watching) = watch::channel(true);
        let crowd = Arc::new(Crowd { edge, ledger, on, inner: Mutex::new(inner) });
        tokio::spawn(come(Arc::downgrade(&crowd), watching));
        tokio::spawn(follow::follow(Arc::downgrade(&crowd)));
        crowd
    }

    pub fn is_on(&self) -> bool {
        *self.on.borrow()
    }

    pub fn set(&self, on: bool) {
        self.on.send_replace(on);
    }

    /// Counts from nothing again; promises that are still open stay open.
    pub fn forget(&self) {
        let mut inner = self.inner();
        inner.tally = Tally { doubled_before: self.ledger.doubled(), ..Tally::default() };
        inner.began = clock::mono();
    }

    /// What the crowd got until now.
    pub fn tally(&self) -> Tally {
        let mut inner = self.inner();
        let second = inner.second();
        inner.tally.second(second);
        let mut tally = inner.tally.clone();
        tally.kept = inner.kept.len() as u64;
        tally.doubled = self.ledger.doubled().saturating_sub(tally.doubled_before);
        tally
    }

    async fn visit(&self, number: u64) {
        let order = number.is_multiple_of(ORDER_EACH);
        if order && self.inner().kept.len() >= KEPT_MAX {
            return;
        }
        let began = clock::mono();
        let who = number % PEOPLE;
        let end = if order { self.order(who).await } else { self.look(who).await };
        let took = clock::mono().saturating_duration_since(began);
        let mut inner = self.inner();
        let second = inner.second();
        if let End::Kept(key) = &end {
            inner.kept.push_back(Kept { key: key.clone(), who, since: clock::mono() });
        }
        inner.tally.add(second, &end, took);
    }

    async fn look(&self, who: u64) -> End {
        let request = base(who).uri("/").header("accept", "text/html").body(Full::default());
        let Ok(request) = request else { return End::Error };
        match ask::send(self.edge, request, WITHIN).await {
            Ok(answer) if answer.status == 200 => End::Served,
            Ok(answer) if answer.headers.contains_key("stillhere-why") => End::Told,
            Ok(_) => End::Error,
            Err(_) => End::Lost,
        }
    }

    async fn order(&self, who: u64) -> End {
        let key = format!("crowd-{:016x}{:016x}", entropy::u64(), entropy::u64());
        let request = base(who)
            .method(Method::POST)
            .uri("/order")
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("idempotency-key", format!("\"{key}\""))
            .body(Full::new(Bytes::from_static(b"lantern=red")));
        let Ok(request) = request else { return End::Error };
        match ask::send(self.edge, request, WITHIN).await {
            // What was said to be done must be there.
            Ok(answer) if answer.status == 200 && self.ledger.times(&key) == 0 => End::Lost,
            Ok(answer) if answer.status == 200 => End::Served,
            // The edge has it on disk, and sees to it: kept, or sent and asked for again.
            Ok(answer) if answer.body.contains("\"receipt\"") => End::Kept(key),
            Ok(answer) if answer.headers.get("stillhere-outcome").is_some_and(|o| o == "unknown") => {
                End::Kept(key)
            }
            Ok(answer) if answer.headers.contains_key("stillhere-why") => End::Told,
            Ok(_) => End::Error,
            Err(_) => End::Lost,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics while it holds this lock")
    }
}

impl Inner {
    /// Which second it is since we count.
    fn second(&self) -> u64 {
        clock::mono().saturating_duration_since(self.began).as_secs()
    }
}

fn base(who: u64) -> hyper::http::request::Builder {
    let lang = if who.is_multiple_of(2) { "en" } else { "zh-CN" };
    Request::builder().header("accept-language", lang).header("cookie", format!("visitor=crowd-{who}"))
}

async fn come(crowd: std::sync::Weak<Crowd>, mut on: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(VISITS_MAX));
    let mut beat = tokio::time::interval(EVERY);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for number in 0_u64.. {
        if on.wait_for(|on| *on).await.is_err() {
            return;
        }
        beat.tick().await;
        let Some(crowd) = crowd.upgrade() else { return };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        tokio::spawn(async move {
            crowd.visit(number).await;
            drop(place);
        });
    }
}

#[cfg(test)]
mod tests;
