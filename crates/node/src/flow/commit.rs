//! What was decided goes to disk, and only then is it known.

use super::{BATCH_ROWS, BATCH_WAIT, Flow};
use crate::channels::Addressed;
use crate::subscribers;
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use stillhere_model::{Audience, DeliveryId, LinkId, Moment, NewsId, OutboxMessage, time::millis};
use tokio::sync::watch;

/// A snapshot that only renews freshness is made at most this often.
const RENEW: Duration = Duration::from_millis(500);
/// Between tries to commit what the store refused.
const COMMIT_RETRY: Duration = Duration::from_millis(250);

// === impl Flow ===

impl Flow {
    pub(super) fn commit_is_due(&self, now: Moment) -> bool {
        self.pending.deciding
            || self.pending.write.observations.len() >= BATCH_ROWS
            || self.pending.since_ms.is_some_and(|since| now.mono_ms - since >= millis(BATCH_WAIT))
    }

    /// Puts what was decided on disk, then lets it be known.
    pub(super) async fn commit(&mut self, stop: &mut watch::Receiver<bool>) {
        let mut pending = std::mem::take(&mut self.pending);
        // Looks don't wait for the disk: they change nothing by themselves, and a re-check is due in half a second.
        for ask in pending.looks.drain(..) {
            if self.asks.try_send(ask).is_err() {
                self.vitals.looks_skipped.fetch_add(1, Relaxed);
            }
        }
        let now = self.clock.now();
        let snapshot = Arc::new(self.public.snapshot(now.wall));
        let announced = std::mem::take(&mut pending.announce);
        // Cut only when somebody is to be told: most commits are looks.
        let for_staff = if announced.is_empty() { None } else { Some(self.public.staff_snapshot(now.wall)) };
        if announced.iter().any(|(_, audience, _)| *audience == Audience::Staff) {
            match self.store.staff_browsers().await {
                Ok(browsers) => self.browsers = browsers,
                // Those that were there a moment ago are told rather than nobody.
                Err(e) => tracing::error!(error = %e, "could not read which browsers are alerted"),
            }
        }
        for (occasion, audience, not_before) in announced {
            let all = for_staff.as_ref().unwrap_or(&snapshot);
            if audience == Audience::Public
                && self.subscribers.are_told()
                && let Some(news) =
                    subscribers::news(NewsId(self.mint.uuid(now.wall)), &occasion, &snapshot, now.wall)
            {
                pending.write.news.push(news);
            }
            let mut mint = || LinkId(self.mint.uuid(now.wall));
            let messages =
                self.channels.address(&occasion, audience, &snapshot, all, &self.browsers, &mut mint);
            for Addressed { channel, payload, personal, link_of } in messages {
                let id = personal.as_ref().and_then(|p| p.link);
                if let (Some(id), Some((through, of)), Some(incident)) = (id, link_of, occasion.incident()) {
                    let good_for = self.loaded.links.unwrap_or_default();
                    let link = crate::link::new(id, incident, &through, &of, now.wall, good_for);
                    pending.write.links.push(link);
                }
                pending.write.outbox.push(OutboxMessage {
                    id: DeliveryId(self.mint.uuid(now.wall)),
                    channel,
                    audience,
                    occasion: occasion.clone(),
                    created_at: now.wall,
                    not_before,
                    payload,
                    personal,
                });
            }
        }
        pending.write.alive_at = Some(now.wall);
        pending.write.seq = Some(snapshot.seq);
        pending.write.record = self.on_record(&pending.write, now.wall);
        let began_us = self.clock.mono_us();
        let dropped = self.vitals.observations_dropped.load(Relaxed);
        let mut failed_since = None;
        while let Err(e) = self.store.commit(&pending.write).await {
            self.vitals.commits_failed.fetch_add(1, Relaxed);
            if failed_since.is_none() {
                failed_since = Some(self.clock.now().wall);
                tracing::error!(error = %e, "could not write what was decided; trying again, saying nothing until then");
            }
            // On the way out there is nobody left to wait for: what is not acknowledged is not promised.
            if *stop.borrow() {
                return;
            }
            tokio::time::sleep(COMMIT_RETRY).await;
            self.book.date(&mut pending.write, self.clock.now().wall);
        }
        self.book.written(&pending.write);
        self.vitals.commits.fetch_add(1, Relaxed);
        self.vitals.commit_us_sum.fetch_add(self.clock.mono_us() - began_us, Relaxed);
        self.vitals.last_commit_ms.store(now.wall.0, Relaxed);
        let changed = self.snapshots.borrow().seq != snapshot.seq;
        if changed || now.mono_ms - self.last_renew_ms >= millis(RENEW) {
            self.last_renew_ms = now.mono_ms;
            let mut snapshot = snapshot;
            Arc::make_mut(&mut snapshot).recorded = self.book.size;
            self.notices.send_replace(stillhere_tell::notice::sign(&snapshot, &self.key).into());
            let for_staff = if self.public.hides_something() {
                Arc::new(for_staff.unwrap_or_else(|| self.public.staff_snapshot(now.wall)))
            } else {
                snapshot.clone()
            };
            self.snapshots.send_replace(snapshot);
            // Last: who reads this one may compare it with what is public, which must not be older.
            self.staff_snapshots.send_replace(for_staff);
        }
        if pending.jumped_ms != 0
            && let Err(e) = self.store.clock_jumped(pending.jumped_ms).await
        {
            tracing::error!(error = %e, "the outbox still counts by the clock of before; messages may go out late");
        }
        if !pending.write.news.is_empty() {
            self.subscribers.wake();
        }
        if !pending.write.outbox.is_empty() || !pending.write.withdraw.is_empty() {
            self.outbox.notify_waiters();
        }
        for reply in pending.replies {
            reply();
        }
        if let Some(since) = failed_since {
            tracing::warn!(since = %since, "writing works again");
            // We were not frozen: what was seen meanwhile waits in the queue. Only where it did not fit is there a gap.
            if self.vitals.observations_dropped.load(Relaxed) == dropped {
                self.last_tick = self.clock.now();
            }
        }
    }
}
