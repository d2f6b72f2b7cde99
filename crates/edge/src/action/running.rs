//! An action that somebody owns and sends.

use super::{
    Answer, Inner, Request, Settle,
    principal::Hash,
    record::{self, Owner},
    seal::Kind,
    state::{Event, Refusal, Standing, State, step},
    writer::{Command, Shared},
};
use std::sync::Arc;
use stillhere_model::Time;
use tokio::sync::oneshot;

/// Yours to send, as long as you hold it. Dropped without a word, the action stays as it is on disk and is taken up
/// by whoever asks for what is due: sent if no byte of it left, otherwise only if the origin honours the key.
pub struct Running {
    inner: Arc<Inner>,
    lease: Lease,
    at: Standing,
    /// An attempt of this owner may have been executed, though the disk does not say so yet.
    doubt: bool,
    late: bool,
}

/// An action that is due, its request, and the right to send it.
#[derive(Debug)]
pub struct Due {
    /// The route it came by.
    pub route: String,
    pub request: Request,
    pub running: Running,
}

/// Why an action could not be settled. What is on disk is what it was before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSettled {
    /// Another sender owns it now.
    #[error("another sender owns the action")]
    Fenced,
    /// It is not in the journal any more.
    #[error("the action is not in the journal any more")]
    Gone,
    /// The event does not follow from where it stands.
    #[error("the action cannot do that from where it stands: {0:?}")]
    Refused(Refusal),
    #[error("keyed actions cannot be written: {0}")]
    Disk(String),
}

/// What the writer hands out with the right to send.
pub(super) struct Claim {
    pub(super) id: Hash,
    pub(super) at: Standing,
    pub(super) lease: Lease,
}

/// The right to send in memory: there is one at most for each action. Given back when dropped.
pub(super) struct Lease {
    pub(super) shared: Arc<Shared>,
    pub(super) id: Hash,
    pub(super) owner: Owner,
    /// The time as its holder last heard it.
    pub(super) now: Time,
}

// === impl Running ===

impl Running {
    pub(super) fn new(inner: Arc<Inner>, claim: Claim, now: Time) -> Running {
        let mut lease = claim.lease;
        lease.now = now;
        Running { inner, lease, at: claim.at, doubt: false, late: false }
    }

    pub(super) fn late(mut self) -> Running {
        self.late = true;
        self
    }

    /// Whether nobody waits for the answer: it was taken from what is due.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.late
    }

    /// Whether an earlier attempt may have been executed: then the node must honour the key.
    #[must_use]
    pub fn is_repeat(&self) -> bool {
        self.at.doubt || self.doubt
    }

    #[must_use]
    pub fn origin_honours(&self) -> bool {
        self.at.honours
    }

    /// The first byte is about to leave: not before this has come back. Free when it is on disk already.
    ///
    /// # Errors
    /// See [`NotSettled`]: not a byte may be sent then. It stays on disk as it was, so that it may be sent late: say
    /// that it is saved, not that it was turned away.
    pub async fn sending(&mut self, now: Time) -> Result<(), NotSettled> {
        if self.at.state == State::Sent {
            let maybe = Standing { doubt: self.is_repeat(), ..self.at };
            return step(maybe, Event::Sending).map(|_| ()).map_err(NotSettled::Refused);
        }
        self.write(Event::Sending, None, now).await
    }

    /// The last attempt may have been executed. True: the origin honours the key, and it may be repeated at once (on
    /// another node, without asking the disk). False: it must not; unless its answer still comes, call
    /// [`Running::unknown`].
    #[must_use]
    pub fn in_doubt(&mut self) -> bool {
        self.doubt |= self.at.state == State::Sent;
        self.at.honours
    }

    /// Surely not a byte of any attempt reached a node, and it is not tried any more for now. Keep holding it to try
    /// again ([`Running::sending`]); drop it to have it sent late.
    ///
    /// # Errors
    /// See [`NotSettled`]: it counts as sent then.
    pub async fn not_sent(&mut self, now: Time) -> Result<(), NotSettled> {
        if self.at.state == State::Saved {
            return Ok(());
        }
        self.write(Event::NotSent, None, now).await
    }

    /// The origin answered. Relay the answer after this has come back.
    ///
    /// # Errors
    /// See [`NotSettled`]. The answer is true all the same and should be relayed; it cannot be given again.
    pub async fn done(mut self, answer: &Answer, now: Time) -> Result<(), NotSettled> {
        self.write(Event::Done, Some(answer), now).await
    }

    /// The origin answered and said no.
    ///
    /// # Errors
    /// As [`Running::done`].
    pub async fn refused(mut self, answer: &Answer, now: Time) -> Result<(), NotSettled> {
        self.write(Event::Refused, Some(answer), now).await
    }

    /// The origin wants a person. `sure`: nothing was done, so that the same key may come again.
    ///
    /// # Errors
    /// See [`NotSettled`].
    pub async fn needs_you(mut self, sure: bool, now: Time) -> Result<(), NotSettled> {
        self.write(Event::NeedsYou { sure }, None, now).await
    }

    /// It was sent and nobody knows how it ended. If the origin honours the key, it is asked again later.
    ///
    /// # Errors
    /// See [`NotSettled`].
    pub async fn unknown(mut self, now: Time) -> Result<(), NotSettled> {
        self.write(Event::Lost, None, now).await
    }

    /// Surely nothing was done, and whoever asked is told so: nothing is kept, and the key is free.
    ///
    /// # Errors
    /// See [`NotSettled`].
    pub async fn forget(mut self, now: Time) -> Result<(), NotSettled> {
        self.write(Event::Forget, None, now).await
    }

    /// Settles it as [`Settle::of`] says.
    ///
    /// # Errors
    /// As [`Running::done`].
    pub async fn settle(mut self, how: Settle, answer: &Answer, now: Time) -> Result<(), NotSettled> {
        match how {
            Settle::Done => self.done(answer, now).await,
            Settle::Refused => self.refused(answer, now).await,
            Settle::NeedsYou { sure } => self.needs_you(sure, now).await,
            Settle::Later => self.not_sent(now).await,
            Settle::Forget => self.forget(now).await,
            Settle::Unknown => self.unknown(now).await,
        }
    }

    #[cfg(test)]
    pub(super) fn lease_of(&self) -> (Hash, Owner) {
        (self.lease.id, self.lease.owner)
    }

    async fn write(&mut self, event: Event, answer: Option<&Answer>, now: Time) -> Result<(), NotSettled> {
        self.lease.now = now;
        let mut events = Vec::with_capacity(2);
        if self.doubt && !self.at.doubt && self.at.state == State::Sent {
            events.push(Event::InDoubt);
        }
        events.push(event);
        // Also tried here: a slip of the caller should not cost the disk anything.
        let mut at = self.at;
        for e in &events {
            at = step(at, *e).map_err(NotSettled::Refused)?;
        }
        let answer = answer.map(|a| {
            let plain = record::write_answer(a).or_else(|| {
                // Headers beyond all measure: that it was answered is worth more than they are.
                record::write_answer(&Answer::bare(a.status))
            });
            let sealed = plain.map(|p| self.inner.secrets.seal(&self.lease.id, Kind::Answer, &p));
            (a.status.as_u16(), sealed.unwrap_or_default())
        });
        let (reply, settled) = oneshot::channel();
        let command =
            Command::Settle { id: self.lease.id, owner: self.lease.owner, events, answer, now, reply };
        let closed = || NotSettled::Disk("the journal is closed".to_owned());
        self.inner.queue.send(command).await.map_err(|_| closed())?;
        self.at = settled.await.map_err(|_| closed())??;
        if self.at.doubt {
            self.doubt = false;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("at", &self.at).field("late", &self.late).finish_non_exhaustive()
    }
}

// === impl Lease ===

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.lock().release(&self.id, self.owner, self.now);
    }
}
