//! Waiting for a place: the side of the one who waits.

use super::{
    Ask, NoPlace, Place, Pool,
    queue::{Outcome, Turn},
};
use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

/// What one gets who asks for a place.
#[derive(Debug)]
pub(super) enum Entry {
    Place(Place),
    Ticket(Ticket),
}

/// A turn in the queue; dropping it is leaving.
#[derive(Debug)]
pub(super) struct Ticket {
    pool: Arc<Pool>,
    ask: Ask,
    turn: Turn,
    /// When [`Ticket::overdue`] is to be asked.
    pub deadline: Instant,
    over: bool,
}

/// How the waiting ended.
#[derive(Debug)]
pub(super) enum Ended {
    Place(Place),
    No(NoPlace),
    /// Ask the pool's successor.
    Moved {
        since: Instant,
    },
}

// === impl Ticket ===

impl Ticket {
    pub(super) fn new(pool: Arc<Pool>, ask: Ask, turn: Turn, deadline: Instant) -> Ticket {
        Ticket { pool, ask, turn, deadline, over: false }
    }

    /// How it ended, if it has.
    pub(super) fn take(&mut self, waker: Option<&Waker>) -> Option<Ended> {
        if self.over {
            return None;
        }
        let outcome = self.pool.queue().take(self.turn, waker)?;
        self.over = true;
        Some(match outcome {
            Outcome::Place { node, taken, since_us } => {
                Ended::Place(self.pool.place(node, taken, &self.ask, since_us))
            }
            Outcome::No(why) => Ended::No(why),
            Outcome::Moved { since_us } => Ended::Moved { since: self.pool.instant(since_us) },
        })
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        self.take(Some(cx.waker())).map_or(Poll::Pending, Poll::Ready)
    }

    /// The deadline has come: either the waiting is over, or there is a later deadline.
    pub(super) fn overdue(&mut self, now: Instant) {
        if let Some(deadline) = self.pool.overdue(self.turn, now) {
            self.deadline = deadline;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.over {
            self.pool.leave(self.turn, &self.ask);
        }
    }
}

impl Pool {
    /// Waits for a place: until a node is there that may take one more, in the order of priority. Dropping the
    /// future is leaving the queue.
    ///
    /// # Errors
    /// When there is none in time, or the queue is full.
    pub async fn admit(self: &Arc<Self>, ask: Ask, now: Instant) -> Result<Place, NoPlace> {
        let (mut ask, mut now) = (ask, now);
        loop {
            let mut ticket = match self.heir().enter(ask, now)? {
                Entry::Place(place) => return Ok(place),
                Entry::Ticket(ticket) => ticket,
            };
            let sleep = tokio::time::sleep_until(ticket.deadline.into());
            tokio::pin!(sleep);
            let ended = loop {
                tokio::select! {
                    biased;
                    ended = std::future::poll_fn(|cx| ticket.poll(cx)) => break ended,
                    () = &mut sleep => {
                        // The timer never fires before its time, so that the deadline serves as the present.
                        let due = ticket.deadline;
                        ticket.overdue(due);
                        sleep.as_mut().reset(ticket.deadline.into());
                    }
                }
            };
            match ended {
                Ended::Place(place) => return Ok(place),
                Ended::No(why) => return Err(why),
                Ended::Moved { since } => {
                    // What it may wait in all stays the same.
                    let until = since + self.spec().hold;
                    ask.until = Some(ask.until.map_or(until, |u| u.min(until)));
                    now = self.heir().lately();
                }
            }
        }
    }
}
