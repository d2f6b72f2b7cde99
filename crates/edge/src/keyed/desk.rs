//! Who has the journal of keyed actions: it is exclusive, and changes hands while requests come in.
//!
//! While a predecessor still has it, requests with a key wait for it, within bounds. When it has been given away,
//! they are sent away: nothing was sent, nothing is promised. They are never passed on past the journal, because it
//! may know them already.

use crate::action::Actions;
use std::{ops::Deref, sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};

/// How long a request with a key waits for the journal. More than a predecessor takes to give it away.
const WAIT: Duration = Duration::from_secs(15);
/// How long requests that have the journal may take to settle before it is given away without them. What they do not
/// settle is known to the successor as sent and not answered.
pub(crate) const SETTLE_WITHIN: Duration = Duration::from_secs(10);

/// Hands out the journal.
pub struct Desk {
    inner: watch::Sender<Inner>,
}

struct Inner {
    stands: Stands,
    leases: usize,
}

enum Stands {
    /// There is no folder to keep actions in, and nothing is promised.
    Never,
    /// A predecessor has it still.
    Coming,
    Here(Arc<Actions>),
    /// A successor has it.
    Gone,
}

/// The journal, for one request. It is not given away before this is dropped, within bounds.
pub struct Lease {
    actions: Arc<Actions>,
    desk: Arc<Desk>,
}

/// What a request with a key gets.
pub(crate) enum Taken {
    /// It is served as one without a key.
    Never,
    Lease(Lease),
    /// It is not to be sent at all.
    Away,
}

// === impl Desk ===

impl Desk {
    pub(crate) fn new(actions: Option<Arc<Actions>>) -> Arc<Desk> {
        Desk::standing(actions.map_or(Stands::Never, Stands::Here))
    }

    /// For a successor: it comes later, by [`Desk::arrived`].
    pub(crate) fn coming() -> Arc<Desk> {
        Desk::standing(Stands::Coming)
    }

    fn standing(stands: Stands) -> Arc<Desk> {
        Arc::new(Desk { inner: watch::Sender::new(Inner { stands, leases: 0 }) })
    }

    pub(crate) fn arrived(&self, actions: Option<Arc<Actions>>) {
        self.inner.send_modify(|inner| inner.stands = actions.map_or(Stands::Never, Stands::Here));
    }

    /// The journal, as soon as it is here.
    pub(crate) async fn take(self: &Arc<Self>) -> Taken {
        if let Some(taken) = self.try_take() {
            return taken;
        }
        let mut changes = self.inner.subscribe();
        let here = changes.wait_for(|inner| !matches!(inner.stands, Stands::Coming));
        // What is returned holds a lock, which must be let go of first.
        let in_time = timeout(WAIT, here).await.is_ok();
        if in_time { self.try_take().unwrap_or(Taken::Away) } else { Taken::Away }
    }

    /// The journal, if it is here now.
    pub(crate) fn now(self: &Arc<Self>) -> Option<Lease> {
        match self.try_take() {
            Some(Taken::Lease(lease)) => Some(lease),
            _ => None,
        }
    }

    /// Without taking it: for looking at its vitals. None: it is not here.
    #[must_use]
    pub fn peek(&self) -> Option<Arc<Actions>> {
        match &self.inner.borrow().stands {
            Stands::Here(actions) => Some(actions.clone()),
            _ => None,
        }
    }

    /// None: it is coming. Looking and counting are one step, so that it cannot be given away between them.
    fn try_take(self: &Arc<Self>) -> Option<Taken> {
        let mut taken = None;
        self.inner.send_if_modified(|inner| {
            taken = match &inner.stands {
                Stands::Never => Some(Taken::Never),
                Stands::Coming => None,
                Stands::Gone => Some(Taken::Away),
                Stands::Here(actions) => {
                    inner.leases += 1;
                    Some(Taken::Lease(Lease { actions: actions.clone(), desk: self.clone() }))
                }
            };
            false
        });
        taken
    }

    /// Where actions are kept here, and it is not known at this moment which.
    pub(crate) fn is_elsewhere(&self) -> bool {
        matches!(self.inner.borrow().stands, Stands::Coming | Stands::Gone)
    }

    /// Gives nothing out any more, waits for those who have it, and closes it.
    pub(crate) async fn close(&self, within: Duration) {
        let mut had = None;
        self.inner.send_modify(|inner| {
            if let Stands::Here(actions) = &inner.stands {
                had = Some(actions.clone());
                inner.stands = Stands::Gone;
            }
        });
        let Some(actions) = had else { return };
        let mut changes = self.inner.subscribe();
        let settled = timeout(within, changes.wait_for(|inner| inner.leases == 0)).await.is_ok();
        if !settled {
            tracing::warn!("the journal of keyed actions is given away while some are not settled");
        }
        actions.close().await;
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inner = self.inner.borrow();
        let stands = match inner.stands {
            Stands::Never => "never",
            Stands::Coming => "coming",
            Stands::Here(_) => "here",
            Stands::Gone => "gone",
        };
        f.debug_struct("Desk").field("journal", &stands).field("leases", &inner.leases).finish()
    }
}

// === impl Lease ===

impl Deref for Lease {
    type Target = Actions;

    fn deref(&self) -> &Actions {
        &self.actions
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.desk.inner.send_if_modified(|inner| {
            inner.leases -= 1;
            inner.leases == 0 && matches!(inner.stands, Stands::Gone)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Limits;
    use stillhere_net::clock;

    fn journal(dir: &std::path::Path) -> Arc<Actions> {
        Actions::open(dir, Limits::default(), clock::wall()).expect("a journal")
    }

    #[tokio::test]
    async fn case_o_a_request_with_a_key_waits_for_the_journal_and_never_goes_past_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::coming();
        assert!(desk.is_elsewhere() && desk.now().is_none());
        let waiting = tokio::spawn({
            let desk = desk.clone();
            async move { desk.take().await }
        });
        tokio::task::yield_now().await;
        desk.arrived(Some(journal(dir.path())));
        let Taken::Lease(lease) = waiting.await.expect("it waits") else { panic!("it is here") };

        let closing = tokio::spawn({
            let desk = desk.clone();
            async move { desk.close(SETTLE_WITHIN).await }
        });
        while !desk.is_elsewhere() {
            tokio::task::yield_now().await;
        }
        assert!(matches!(desk.take().await, Taken::Away));
        assert!(!closing.is_finished(), "somebody has it still");
        assert!(Actions::open(dir.path(), Limits::default(), clock::wall()).is_err());
        drop(lease);
        closing.await.expect("it closes");
        drop(journal(dir.path()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_journal_that_never_comes_is_not_waited_for_for_ever() {
        assert!(matches!(Desk::coming().take().await, Taken::Away));
        assert!(matches!(Desk::new(None).take().await, Taken::Never));
    }
}
