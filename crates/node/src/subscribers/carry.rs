//! Hands out the news and carries it, one way for itself: hand out, claim, send at several at a time, settle together.
//!
//! What is claimed is bounded by what the senders can take, what is handed out by what waits, so a hundred thousand
//! subscribers cost no more memory than a hundred. Receipts are written as they come, as many as have come in one
//! transaction. What was claimed and never settled (we were killed) is sent again under the same id.

use super::{Inner, Purpose, Settings, Subscribers, compose, mark::Mark};
use crate::vitals::Vitals;
use jiff::tz::TimeZone;
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use stillhere_model::{Mint, NewsId, Receipt, Telling, Way};
use stillhere_net::entropy;
use stillhere_send::{
    hook::Hooked,
    mail::post::{List, Posted, ReadyLetter, Session},
    push::{Push, Pushed},
};
use stillhere_store::{ClaimedParcel, HandedOut, Outcome};
use stillhere_tell::Snapshot;
use tokio::{
    sync::{Mutex, mpsc, watch},
    task::JoinSet,
};

/// A claim is ours this long. A sender takes at most [`CLAIMED_A_SENDER`] × the longest deadline (120 s) to come to it.
const LEASE: Duration = Duration::from_secs(1_800);
/// Parcels that wait for each sender.
const CLAIMED_A_SENDER: usize = 4;
/// Webhooks that are called at the same time.
const HOOKS_AT_ONCE: usize = 16;
/// Messages to browsers that are on their way at the same time.
const PUSHES_AT_ONCE: usize = 32;
/// Between looks when nobody woke us: retries become due without a signal.
const SWEEP: Duration = Duration::from_secs(1);
/// Receipts that one transaction writes at most.
const SETTLED_TOGETHER: usize = 256;
/// A mail session that has nothing to carry is kept this long.
const SESSION_IDLE: Duration = Duration::from_secs(2);
/// How often it is asked whether the hour of the digest has come.
const DIGEST_LOOK: Duration = Duration::from_secs(30);

/// What the carriers need besides.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) subscribers: Subscribers,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) stop: watch::Receiver<bool>,
}

type Done = (ClaimedParcel, Outcome);

/// Until stopped: every way, and the digests.
pub(crate) async fn run(running: Running) {
    let mut tasks = JoinSet::new();
    for way in Way::ALL {
        tasks.spawn(running.clone().carry(way));
    }
    tasks.spawn(running.digests());
    while let Some(ended) = tasks.join_next().await {
        if let Err(e) = ended {
            tracing::error!(error = %e, "telling subscribers ended badly");
        }
    }
}

// === impl Running ===

impl Running {
    fn inner(&self) -> &Inner {
        &self.subscribers.0
    }

    /// Begins anew with each configuration; without one nothing is sent.
    async fn carry(mut self, way: Way) {
        let mut settings = self.subscribers.settings();
        loop {
            let now = settings.borrow_and_update().clone();
            match now {
                Some(now) => self.carry_with(way, now, &mut settings).await,
                None => {
                    tokio::select! {
                        changed = settings.changed() => if changed.is_err() { return },
                        _ = self.stop.wait_for(|s| *s) => {}
                    }
                }
            }
            if *self.stop.borrow() {
                return;
            }
        }
    }

    async fn carry_with(
        &mut self,
        way: Way,
        settings: Arc<Settings>,
        changes: &mut watch::Receiver<Option<Arc<Settings>>>,
    ) {
        let senders = match way {
            Way::Mail => settings.spec.mail_sessions as usize,
            Way::Webhook => HOOKS_AT_ONCE,
            Way::Push => PUSHES_AT_ONCE,
        };
        let (to_senders, parcels) = mpsc::channel(senders * CLAIMED_A_SENDER);
        let (done, receipts) = mpsc::channel(SETTLED_TOGETHER);
        let parcels = Arc::new(Mutex::new(parcels));
        let mut tasks = JoinSet::new();
        for _ in 0..senders {
            let (one, settings, parcels, done) =
                (self.clone(), settings.clone(), parcels.clone(), done.clone());
            tasks.spawn(one.send(way, settings, parcels, done));
        }
        drop((parcels, done));
        tasks.spawn(self.clone().settle(way, receipts));
        let wake = &self.subscribers.0.wake[way as usize];
        let mut stop = self.stop.clone();
        loop {
            let busy = self.dispatch(way, &to_senders).await;
            if *stop.borrow() || changes.has_changed().unwrap_or(true) {
                break;
            }
            if busy {
                continue;
            }
            tokio::select! {
                () = wake.notified() => {}
                () = tokio::time::sleep(SWEEP) => {}
                _ = stop.wait_for(|s| *s) => break,
                _ = changes.changed() => {
                    // Seen again by whoever called.
                    changes.mark_changed();
                    break;
                }
            }
        }
        // Senders end after what they were given, the settler after their receipts.
        drop(to_senders);
        while tasks.join_next().await.is_some() {}
    }

    /// Hands out and claims once. True: there may be more to do at once.
    async fn dispatch(&self, way: Way, to_senders: &mpsc::Sender<ClaimedParcel>) -> bool {
        let (store, now) = (&self.inner().store, self.inner().clock.now().wall);
        let handed_out = match store.hand_out(way, now).await {
            Ok(HandedOut::Some(_)) => true,
            Ok(HandedOut::Full | HandedOut::Nothing) => false,
            Err(e) => {
                tracing::error!(way = way.as_str(), error = %e, "could not hand out news; it goes on where it was");
                false
            }
        };
        let room = u32::try_from(to_senders.capacity()).unwrap_or(u32::MAX);
        if room == 0 {
            return false;
        }
        match store.claim_parcels(way, now, room, LEASE).await {
            Ok(claimed) => {
                let some = !claimed.is_empty();
                let again = claimed.iter().filter(|c| c.sent_before).count();
                if again > 0 {
                    self.vitals.sent_again.fetch_add(again as u64, Relaxed);
                    tracing::warn!(
                        way = way.as_str(),
                        again,
                        "sending again under the same ids: whether the far side had it is not known"
                    );
                }
                for c in claimed {
                    // There is room: nobody else fills this channel.
                    if to_senders.send(c).await.is_err() {
                        return false;
                    }
                }
                some || handed_out
            }
            Err(e) => {
                tracing::error!(way = way.as_str(), error = %e, "could not read what waits for subscribers");
                false
            }
        }
    }

    async fn send(
        self,
        way: Way,
        settings: Arc<Settings>,
        parcels: Arc<Mutex<mpsc::Receiver<ClaimedParcel>>>,
        done: mpsc::Sender<Done>,
    ) {
        let mut session = Session::default();
        loop {
            let next = async { parcels.lock().await.recv().await };
            let claimed = match tokio::time::timeout(SESSION_IDLE, next).await {
                Ok(Some(claimed)) => claimed,
                Ok(None) => break,
                Err(_) => {
                    session.end().await;
                    continue;
                }
            };
            // On the way out what was not begun stays for the next start.
            if *self.stop.borrow() {
                continue;
            }
            let outcome = match way {
                Way::Mail => self.mail(&settings, &mut session, &claimed).await,
                Way::Webhook => self.hook(&settings, &claimed).await,
                Way::Push => self.push(&settings, &claimed).await,
            };
            if done.send((claimed, outcome)).await.is_err() {
                break;
            }
        }
        session.end().await;
    }

    async fn mail(&self, settings: &Settings, session: &mut Session, c: &ClaimedParcel) -> Outcome {
        let (inner, parcel) = (self.inner(), &c.parcel);
        let Some(postman) = &settings.postman else {
            return Outcome::Dead { reason: "there is no mail channel".to_owned() };
        };
        let public = self.snapshots.borrow().clone();
        let Some(written) = compose::letter(inner, &public, &parcel.to, &parcel.telling) else {
            return Outcome::NotWanted;
        };
        let leave = compose::link(inner, &public, &parcel.to, Purpose::Leave);
        let host = host_of(&public.site.url);
        let is_news = matches!(parcel.telling, Telling::News(_) | Telling::Digest(_));
        let return_path = settings.return_path.as_ref().map(|path| {
            let to = &parcel.to;
            path.of(&Mark::of(&inner.keys, to.id, to.link, parcel.id, parcel.created_at).text())
        });
        let letter = ReadyLetter {
            id: parcel.id,
            to: &parcel.to.address,
            subject: &written.subject,
            text: &written.text,
            html: &written.html,
            thread: written.thread.as_deref(),
            list: is_news.then_some(List { id: &host, leave: &leave }),
            return_path: return_path.as_deref(),
        };
        match postman.post(session, &letter, inner.clock.now().wall).await {
            Posted::Of(receipt) => outcome(receipt),
            Posted::NobodyThere(reason) => {
                Outcome::NobodyThere { reason, silence_after: settings.spec.refusals }
            }
        }
    }

    async fn hook(&self, settings: &Settings, c: &ClaimedParcel) -> Outcome {
        let (inner, parcel) = (self.inner(), &c.parcel);
        let public = self.snapshots.borrow().clone();
        let (to, own) = (&parcel.to, &settings.spec.webhook_hosts);
        let challenge =
            (parcel.telling == Telling::Confirm).then(|| inner.keys.challenge(to.id, to.link, parcel.id));
        let challenge = challenge.as_deref();
        let Some(body) = compose::hook(inner, &public, to, &parcel.telling, challenge) else {
            return Outcome::NotWanted;
        };
        let now = inner.clock.now().wall;
        match inner.hooks.deliver(&to.address, own, parcel.id, &body, challenge, now).await {
            Hooked::Agreed => match self.subscribers.confirm(to).await {
                Ok(_) => Outcome::Delivered,
                Err(e) => Outcome::Later { reason: e.to_string(), retry_after_ms: None },
            },
            Hooked::Of(receipt) => outcome(receipt),
            Hooked::Gone(reason) => Outcome::NobodyThere { reason, silence_after: 1 },
        }
    }

    async fn push(&self, settings: &Settings, c: &ClaimedParcel) -> Outcome {
        let (inner, parcel) = (self.inner(), &c.parcel);
        let Some(keys) = parcel.to.keys.as_ref().filter(|_| settings.push) else {
            return Outcome::Dead { reason: "browsers are not notified".to_owned() };
        };
        let public = self.snapshots.borrow().clone();
        let Some(note) = compose::note(inner, &public, &parcel.to, &parcel.telling) else {
            return Outcome::NotWanted;
        };
        let push = Push {
            endpoint: &parcel.to.address,
            keys,
            payload: note.payload.as_bytes(),
            ttl: note.ttl,
            urgency: note.urgency,
            topic: Some(&note.topic),
            contact: settings.contact.as_deref(),
        };
        match inner.pusher.deliver(&push, &settings.spec.push_services, inner.clock.now().wall).await {
            Pushed::Of(receipt) => outcome(receipt),
            Pushed::Gone(reason) => Outcome::Gone { reason },
        }
    }

    async fn settle(self, way: Way, mut receipts: mpsc::Receiver<Done>) {
        let mut together = Vec::with_capacity(SETTLED_TOGETHER);
        while receipts.recv_many(&mut together, SETTLED_TOGETHER).await > 0 {
            let inner = self.inner();
            for (c, outcome) in &together {
                self.note(way, c, outcome);
            }
            let now = inner.clock.now().wall;
            // Tried until it is written: a receipt that is lost is a message that comes twice.
            while let Err(e) = inner.store.settle_parcels(&together, now, entropy::u64()).await {
                tracing::error!(way = way.as_str(), error = %e, "could not write receipts; trying again");
                if *self.stop.borrow() {
                    break;
                }
                tokio::time::sleep(SWEEP).await;
            }
            together.clear();
            inner.wake[way as usize].notify_one();
        }
    }

    /// Counts. Neither the address nor what the far side said of it (which often holds it) goes to the log.
    fn note(&self, way: Way, c: &ClaimedParcel, outcome: &Outcome) {
        let (way, delivery, attempt) = (way.as_str(), c.parcel.id, c.attempt);
        match outcome {
            Outcome::Delivered => {
                self.vitals.delivered.fetch_add(1, Relaxed);
                tracing::debug!(way, %delivery, attempt, "delivered to a subscriber");
            }
            Outcome::Later { .. } => {
                self.vitals.deferred.fetch_add(1, Relaxed);
                tracing::debug!(way, %delivery, attempt, "not delivered to a subscriber, will be tried again");
            }
            Outcome::Gone { .. } => {
                tracing::debug!(way, %delivery, attempt, "a subscriber's browser is gone, and forgotten");
            }
            Outcome::Dead { .. } | Outcome::NobodyThere { .. } => {
                self.vitals.dead_letters.fetch_add(1, Relaxed);
                tracing::warn!(way, %delivery, attempt, "not delivered to a subscriber, given up");
            }
            Outcome::NotWanted => {}
        }
    }

    /// Writes the digest of the day when its hour has come, or at the next start if we were off.
    async fn digests(mut self) {
        let mut mint = Mint::new(entropy::u64());
        loop {
            let now = self.inner().clock.now().wall;
            let hour = self.subscribers.settings().borrow().as_ref().map(|s| s.spec.digest_hour);
            let zone = TimeZone::get(&self.snapshots.borrow().site.time_zone).unwrap_or(TimeZone::UTC);
            if let (Some(hour), Some(at)) = (hour, now.to_jiff()) {
                let local = at.to_zoned(zone);
                let day = i64::from(local.date().year()) * 1_000 + i64::from(local.date().day_of_year());
                if i64::from(local.hour()) >= i64::from(hour) {
                    match self.inner().store.write_digest(NewsId(mint.uuid(now)), day, now).await {
                        Ok(true) => self.subscribers.wake(),
                        Ok(false) => {}
                        Err(e) => tracing::error!(error = %e, "could not write the digest; trying again"),
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(DIGEST_LOOK) => {}
                _ = self.stop.wait_for(|s| *s) => return,
            }
        }
    }
}

fn outcome(receipt: Receipt) -> Outcome {
    match receipt {
        Receipt::Accepted { .. } => Outcome::Delivered,
        Receipt::Deferred { reason, retry_after_ms } => Outcome::Later { reason, retry_after_ms },
        Receipt::Refused { reason } => Outcome::Dead { reason },
    }
}

/// What a list is named by.
fn host_of(url: &str) -> String {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    host.split(':').next().unwrap_or_default().to_owned()
}
