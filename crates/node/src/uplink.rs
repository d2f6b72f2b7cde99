//! Asks whether *we* are cut off before anybody else is blamed.
//!
//! Only a failing look asks, so a healthy system pays nothing. The answer is shared: looks that fail together
//! wait for one question, and it holds for [`HOLDS`]. Without configured targets only our own links are asked, see
//! [`link`]; and what the kernel says about routes the probes themselves report as our fault.

mod link;

use crate::flow::Seen;
use std::{path::PathBuf, sync::Arc, time::Duration};
use stillhere_net::clock::Clock;
use tokio::sync::{Mutex, mpsc};

/// How long an answer holds.
const HOLDS: Duration = Duration::from_millis(1_000);
/// How long one target may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(2);
/// While cut off, how often the way out is tried again.
const RETRY: Duration = Duration::from_secs(2);

pub(crate) struct Guard {
    targets: Mutex<Vec<String>>,
    /// Where `/proc` and `/sys` are.
    root: PathBuf,
    state: Mutex<State>,
    clock: Clock,
    seen: mpsc::Sender<Seen>,
}

struct State {
    up: bool,
    asked_ms: Option<i64>,
}

// === impl Guard ===

impl Guard {
    pub(crate) fn new(targets: Vec<String>, clock: Clock, seen: mpsc::Sender<Seen>) -> Arc<Guard> {
        Arc::new(Guard {
            targets: Mutex::new(targets),
            root: PathBuf::from("/"),
            state: Mutex::new(State { up: true, asked_ms: None }),
            clock,
            seen,
        })
    }

    pub(crate) async fn replace(&self, targets: Vec<String>) {
        *self.targets.lock().await = targets;
    }

    pub(crate) async fn uplink_is_up(&self) -> bool {
        // Held while asking: looks that fail meanwhile wait for this answer instead of asking again.
        let mut state = self.state.lock().await;
        let now = self.clock.now().mono_ms;
        if state.asked_ms.is_some_and(|at| now - at < stillhere_model::time::millis(HOLDS)) {
            return state.up;
        }
        let up = self.ask().await;
        state.asked_ms = Some(self.clock.now().mono_ms);
        if up != state.up {
            state.up = up;
            // Waits: this one must not be lost, and the judge's queue is drained all the time.
            let _ = self.seen.send(Seen::Uplink { up }).await;
        }
        up
    }

    /// Tries again while cut off, so that coming back is noticed without waiting for a look.
    pub(crate) async fn run(self: Arc<Guard>, mut stop: tokio::sync::watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stop.wait_for(|s| *s) => return,
                () = tokio::time::sleep(RETRY) => {}
            }
            if !self.state.lock().await.up {
                self.uplink_is_up().await;
            }
        }
    }

    /// True as soon as one target accepts a connection.
    async fn ask(&self) -> bool {
        let targets = self.targets.lock().await.clone();
        if targets.is_empty() {
            // A few lines out of the kernel's memory: not worth a thread.
            return !link::is_cut(&self.root);
        }
        let mut tries = tokio::task::JoinSet::new();
        for target in targets {
            tries.spawn(async move {
                matches!(
                    tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(&target)).await,
                    Ok(Ok(_))
                )
            });
        }
        while let Some(accepted) = tries.join_next().await {
            if accepted.unwrap_or(false) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{
        link::tests::{DEFAULT, picture, set},
        *,
    };

    #[tokio::test]
    async fn case_i_without_targets_a_lost_link_is_our_cut_until_it_is_back() {
        let dir = picture(&[("lo", "unknown", false), ("eth0", "up", true)], &[DEFAULT]);
        let (seen, mut heard) = mpsc::channel(8);
        let guard = Guard {
            targets: Mutex::default(),
            root: dir.path().to_owned(),
            state: Mutex::new(State { up: true, asked_ms: None }),
            clock: Clock::start(),
            seen,
        };
        assert!(guard.uplink_is_up().await);
        for (state, up) in [("down", false), ("up", true)] {
            set(&dir, "eth0", state);
            guard.state.lock().await.asked_ms = None;
            assert_eq!(guard.uplink_is_up().await, up);
            assert!(matches!(heard.try_recv(), Ok(Seen::Uplink { up: u }) if u == up), "{state}");
        }
        assert!(heard.try_recv().is_err());
    }
}
