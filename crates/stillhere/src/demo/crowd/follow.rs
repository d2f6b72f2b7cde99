//! What becomes of the orders with a receipt: each is followed to its end, in the database and at the edge.

use super::{Crowd, Kept};
use crate::demo::ask;
use http_body_util::Full;
use std::{sync::Weak, time::Duration};
use stillhere_net::clock;

/// How often the promises are looked at.
const EVERY: Duration = Duration::from_millis(500);
/// A promise that is older than this is asked for at the edge, so many at a time.
const ASK_AFTER: Duration = Duration::from_secs(2);
const ASK_MAX: usize = 8;
const WITHIN: Duration = Duration::from_secs(2);

/// What the edge says of a receipt.
enum Said {
    Open,
    Done,
    /// It was not done, and the receipt says so.
    Not,
    /// The edge knows nothing of it.
    Unknown,
}

pub(super) async fn follow(crowd: Weak<Crowd>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(crowd) = crowd.upgrade() else { return };
        let old = crowd.settle();
        for kept in old {
            let said = crowd.receipt(&kept).await;
            let done = crowd.ledger.times(&kept.key) > 0;
            let mut inner = crowd.inner();
            match said {
                _ if done => inner.tally.late += 1,
                // Said to be done, or forgotten, and the database has never heard of it.
                Said::Done | Said::Unknown => inner.tally.lost += 1,
                Said::Not => inner.tally.errors += 1,
                Said::Open => inner.kept.push_back(kept),
            }
        }
    }
}

impl Crowd {
    /// Takes those that were carried out off the list, and gives the oldest of the others.
    fn settle(&self) -> Vec<Kept> {
        let mut inner = self.inner();
        let before = inner.kept.len();
        inner.kept.retain(|k| self.ledger.times(&k.key) == 0);
        inner.tally.late += (before - inner.kept.len()) as u64;
        let now = clock::mono();
        let old = |k: &Kept| now.saturating_duration_since(k.since) > ASK_AFTER;
        let count = inner.kept.iter().take(ASK_MAX).take_while(|k| old(k)).count();
        inner.kept.drain(..count).collect()
    }

    async fn receipt(&self, kept: &Kept) -> Said {
        let path = format!("/.well-known/stillhere/action/{}", kept.key);
        let Ok(request) = super::base(kept.who).uri(path).body(Full::default()) else { return Said::Open };
        let Ok(answer) = ask::send(self.edge, request, WITHIN).await else { return Said::Open };
        if answer.status == 404 {
            return Said::Unknown;
        }
        let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
        match json["state"].as_str() {
            Some("done") => Said::Done,
            Some("refused" | "expired" | "needs_you") => Said::Not,
            _ => Said::Open,
        }
    }
}
