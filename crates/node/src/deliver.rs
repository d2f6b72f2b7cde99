//! Carries the outbox to the channels: claim, deliver, settle.
//!
//! One task for each channel, so that a black hole in one holds up no other (case f), and none of them ever holds up a
//! look or a verdict: they meet only in the store. A message is settled by its receipt alone. What was claimed and
//! never settled (we were killed in between) is sent again under the same id, and that is counted.

use crate::{
    alerts::{self, Alerts},
    link::Signer,
    vitals::Vitals,
};
use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use stillhere_config::Channel as ChannelConfig;
use stillhere_model::{OutboxMessage, Payload, Receipt};
use stillhere_net::clock::Clock;
use stillhere_send::Channel;
use stillhere_store::{Settled, Store};
use tokio::{
    sync::{Notify, watch},
    task::{AbortHandle, JoinHandle, JoinSet},
};

/// Messages claimed at a time. One after the other they go out in the order they were written.
const CLAIM: u32 = 16;
/// A claim is ours this long; the deadline of every delivery is far below it.
const LEASE: Duration = Duration::from_secs(120);
/// Between looks at the outbox when nobody woke us: retries become due without a signal.
const SWEEP: Duration = Duration::from_secs(1);

/// Why a message that waited for a channel that is gone is a dead letter.
const NO_CHANNEL: &str = "the channel is no longer in the configuration";

pub(crate) struct Post {
    store: Store,
    clock: Clock,
    vitals: Arc<Vitals>,
    wake: Arc<Notify>,
    stop: watch::Receiver<bool>,
    signer: Signer,
    running: HashMap<String, (ChannelConfig, watch::Sender<bool>, JoinHandle<()>)>,
    /// Carries to browsers of staff.
    to_browsers: Option<JoinHandle<()>>,
    /// Channels that left the configuration and whose queue is about to be given up.
    leaving: HashMap<String, AbortHandle>,
}

// === impl Post ===

impl Post {
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        vitals: Arc<Vitals>,
        wake: Arc<Notify>,
        stop: watch::Receiver<bool>,
        signer: Signer,
    ) -> Post {
        Post {
            store,
            clock,
            vitals,
            wake,
            stop,
            signer,
            running: HashMap::new(),
            to_browsers: None,
            leaving: HashMap::new(),
        }
    }

    /// Runs one task for each of `channels`; tasks of channels that are gone or changed end after the delivery
    /// they are at. What waits for a channel that is gone becomes dead letters: nobody will ever carry it, and an alert
    /// that arrives weeks later, when a channel of that name is back, would mislead.
    pub(crate) fn replace(&mut self, channels: &[(ChannelConfig, Arc<Channel>)]) {
        let ends: Vec<String> = self
            .running
            .iter()
            .filter(|(_, (config, ..))| channels.iter().all(|(c, _)| c != config))
            .map(|(name, _)| name.clone())
            .collect();
        for name in ends {
            let Some((_, end, task)) = self.running.remove(&name) else { continue };
            end.send_replace(true);
            if channels.iter().all(|(c, _)| c.name != name) {
                self.leave(name, task);
            }
        }
        self.leaving.retain(|name, leaving| {
            let back = channels.iter().any(|(c, _)| &c.name == name);
            if back {
                leaving.abort();
            }
            !back && !leaving.is_finished()
        });
        for (config, channel) in channels {
            if self.running.contains_key(&config.name) {
                continue;
            }
            let (end, ended) = watch::channel(false);
            let carrier = self.carrier(config.name.clone(), Far::Channel(channel.clone()));
            let task = tokio::spawn(carrier.run(self.wake.clone(), self.stop.clone(), ended));
            self.running.insert(config.name.clone(), (config.clone(), end, task));
        }
    }

    /// Carries alerts to browsers too, from now on.
    pub(crate) fn browsers(&mut self, alerts: Alerts) {
        let carrier = self.carrier(alerts::CHANNEL.to_owned(), Far::Browsers(alerts));
        // Only the end of everything ends it.
        let task = tokio::spawn(carrier.run(self.wake.clone(), self.stop.clone(), self.stop.clone()));
        self.to_browsers = Some(task);
    }

    fn carrier(&self, name: String, far: Far) -> Carrier {
        Carrier {
            name,
            far,
            store: self.store.clone(),
            clock: self.clock,
            vitals: self.vitals.clone(),
            signer: self.signer.clone(),
        }
    }

    /// Gives up the queue of a channel that is gone, after the delivery it is at has its receipt.
    fn leave(&mut self, name: String, carrier: JoinHandle<()>) {
        let (store, clock, channel) = (self.store.clone(), self.clock, name.clone());
        let leaving = tokio::spawn(async move {
            // One that panicked has no receipt to wait for.
            let _ = carrier.await;
            abandon(&store, &channel, clock).await;
        });
        self.leaving.insert(name, leaving.abort_handle());
    }

    /// Waits for the deliveries under way.
    pub(crate) async fn stopped(&mut self) {
        for (_, (_, _, task)) in self.running.drain() {
            // A carrier that panicked has left its message claimed: it is sent again after the lease.
            let _ = task.await;
        }
        if let Some(task) = self.to_browsers.take() {
            let _ = task.await;
        }
    }
}

/// At the start: gives up the queues of channels that left the configuration while we were off.
pub(crate) async fn abandon_strangers(
    store: &Store,
    channels: &[(ChannelConfig, Arc<Channel>)],
    clock: Clock,
) {
    match store.outbox_stats().await {
        Ok(queues) => {
            for queue in queues {
                if queue.queued > 0
                    && queue.channel != alerts::CHANNEL
                    && channels.iter().all(|(c, _)| c.name != queue.channel)
                {
                    abandon(store, &queue.channel, clock).await;
                }
            }
        }
        Err(e) => tracing::error!(error = %e, "could not look for messages to channels that are gone"),
    }
}

/// The store writes each message's end into the journal.
async fn abandon(store: &Store, channel: &str, clock: Clock) {
    match store.abandon(channel, NO_CHANNEL, clock.now().wall).await {
        Ok(0) => {}
        Ok(n) => tracing::warn!(
            channel,
            messages = n,
            "the channel is no longer in the configuration; what waited for it became dead letters"
        ),
        // Tried again at the next start.
        Err(e) => {
            tracing::error!(channel, error = %e, "could not give up the queue of a channel that is gone")
        }
    }
}

/// Where a carrier carries to.
#[derive(Clone)]
enum Far {
    Channel(Arc<Channel>),
    Browsers(Alerts),
}

#[derive(Clone)]
struct Carrier {
    name: String,
    far: Far,
    store: Store,
    clock: Clock,
    vitals: Arc<Vitals>,
    signer: Signer,
}

// === impl Carrier ===

impl Carrier {
    async fn run(self, wake: Arc<Notify>, mut stop: watch::Receiver<bool>, mut ended: watch::Receiver<bool>) {
        loop {
            // Registered before the query, so that a message written in between wakes us.
            let woken = wake.notified();
            let more = self.carry().await;
            if *stop.borrow() || *ended.borrow() {
                return;
            }
            if more {
                continue;
            }
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep(SWEEP) => {}
                _ = stop.wait_for(|s| *s) => return,
                _ = ended.wait_for(|s| *s) => return,
            }
        }
    }

    /// True when there may be more at once.
    async fn carry(&self) -> bool {
        let claimed = match self.store.claim(&self.name, self.clock.now().wall, CLAIM, LEASE).await {
            Ok(claimed) => claimed,
            Err(e) => {
                tracing::error!(channel = self.name, error = %e, "could not read the outbox");
                return false;
            }
        };
        let full = claimed.len() == CLAIM as usize;
        match &self.far {
            Far::Channel(_) => {
                for claim in claimed {
                    self.hand_over(&claim).await;
                }
            }
            // Each has a push service of its own: one that hangs holds up nobody else.
            Far::Browsers(_) => {
                let mut all = JoinSet::new();
                for claim in claimed {
                    let one = self.clone();
                    all.spawn(async move { one.hand_over(&claim).await });
                }
                while all.join_next().await.is_some() {}
            }
        }
        full
    }

    async fn hand_over(&self, claim: &stillhere_store::Claimed) {
        if claim.sent_before {
            self.vitals.sent_again.fetch_add(1, Relaxed);
            tracing::warn!(channel = self.name, delivery = %claim.message.id, "sending again: whether the far side had it is not known");
        }
        let signed = self.signed(&claim.message);
        let (message, now) = (signed.as_ref().unwrap_or(&claim.message), self.clock.now().wall);
        let receipt = match &self.far {
            Far::Channel(channel) => channel.deliver(message, now).await,
            Far::Browsers(alerts) => alerts.deliver(message, now).await,
        };
        self.settle(claim, &receipt).await;
    }

    /// With the address that opens its link, which is nowhere but in the mail itself. The same each time.
    fn signed(&self, message: &OutboxMessage) -> Option<OutboxMessage> {
        let link = message.personal.as_ref()?.link?;
        let mut signed = message.clone();
        match &mut signed.payload {
            Payload::Mail { text, html, .. } => {
                *text = self.signer.sign(text, link);
                *html = self.signer.sign(html, link);
            }
            Payload::Push { url, .. } => *url = self.signer.sign(url, link),
            Payload::Webhook { .. } | Payload::Chat { .. } => {}
        }
        Some(signed)
    }

    async fn settle(&self, claim: &stillhere_store::Claimed, receipt: &Receipt) {
        let jitter = stillhere_net::entropy::u64();
        match self.store.settle(claim, receipt, self.clock.now().wall, jitter).await {
            Ok(Settled::Delivered { .. }) => {
                self.vitals.delivered.fetch_add(1, Relaxed);
                tracing::info!(channel = self.name, delivery = %claim.message.id, attempt = claim.attempt, "delivered");
            }
            Ok(Settled::Again { .. }) => {
                self.vitals.deferred.fetch_add(1, Relaxed);
                tracing::warn!(channel = self.name, delivery = %claim.message.id, attempt = claim.attempt, receipt = ?receipt, "not delivered, will be tried again");
            }
            Ok(Settled::Dead { .. }) => {
                self.vitals.dead_letters.fetch_add(1, Relaxed);
                tracing::error!(channel = self.name, delivery = %claim.message.id, attempt = claim.attempt, receipt = ?receipt, "given up: a dead letter");
            }
            Ok(Settled::NotOurs) => {}
            Err(e) => {
                tracing::error!(channel = self.name, delivery = %claim.message.id, error = %e, "could not write the receipt; it will be sent again under the same id");
            }
        }
    }
}

#[cfg(test)]
mod tests;
