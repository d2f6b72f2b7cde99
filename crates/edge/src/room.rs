//! A queue before the door, for when more people come than can be served at once.
//!
//! The failure it defends against: a crowd in which everybody reloads, the fastest reloader wins, and the service dies
//! under those who lose. Here whoever comes gets a signed ticket with the time of its issue, and they enter in that
//! order, as many as there is room for. Whoever is inside has a pass and is not asked to queue again.
//!
//! Nothing is kept that could be lost. A ticket carries all that is needed to honour it, so it is good after a restart
//! and with every edge that has the same key. What is in memory is only who has asked lately: it tells who is first,
//! how many are ahead, and who has gone (a tab that is closed asks no more, and holds a place only until it is
//! overdue). After a restart it is learned again: when somebody shows a ticket from before, the door stays shut until
//! all who wait must have asked once, so that the first remains the first; and each token says how many were inside
//! when it was written, so that the house is not filled twice.
//!
//! The frontier: at every tick the first so many of those who wait, as many as there are free places, are the ones who
//! may enter; their places are theirs until they ask or are overdue. Whoever came after the frontier waits. When
//! nobody waits, the door is open and a visitor never learns that there is one.
//!
//! A ticket is bound to a route and to nothing about a person. Two who share one are one session; what they may do
//! together is for [`limit`](crate::limit) to say. It travels in the header `Stillhere-Ticket` or in a cookie, so that
//! programs without cookies can queue too.

mod queue;
mod spec;
#[cfg(test)]
mod tests;
mod ticket;

pub use spec::RoomSpec;
pub use ticket::{Bad, COOKIE, COOKIE_PLAIN, HEADER, Secret, presented};

use queue::{Place, Queue};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use stillhere_model::Time;
use ticket::{Kind, Token};

/// The door of one route. Shared by all workers.
#[derive(Debug)]
pub struct Room {
    spec: RoomSpec,
    route: u64,
    secret: Secret,
    queue: Mutex<Queue>,
}

/// What is said at the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Come in. The pass is to be shown with the next requests; it is the one that was shown, or a newer one.
    Enter { pass: String },
    /// Not yet. The ticket is to be shown at the next ask; asking sooner changes nothing.
    Wait {
        ticket: String,
        /// How many are before this one, about.
        ahead: Option<u64>,
        /// From the rate at which people really entered. None: nobody has entered yet, so nobody knows.
        eta: Option<Duration>,
        ask_again: Duration,
    },
    /// The token is worth nothing. Ask again without one.
    Bad(Bad),
}

/// How it stands, for metrics and the API.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    pub waiting: usize,
    pub active: usize,
    /// People who entered in a second, lately, while others waited.
    pub entered_per_second: Option<f64>,
}

// === impl Room ===

impl Room {
    /// `route` must be the same after a restart, as must the secret.
    #[must_use]
    pub fn new(spec: &RoomSpec, route: u64, secret: Secret, now: Time) -> Room {
        Room { spec: spec.clone(), route, secret, queue: Mutex::new(Queue::new(now)) }
    }

    /// Somebody asks for entry, with a ticket, a pass, or nothing. `dice` makes a new ticket unlike all others.
    pub fn ask(&self, shown: Option<&str>, now: Time, dice: u64) -> Ask {
        let token = match shown.map(|text| Token::read(text, &self.secret, self.route)).transpose() {
            Ok(token) => token,
            Err(bad) => return Ask::Bad(bad),
        };
        let life = match token {
            Some(Token { kind: Kind::Pass, .. }) => self.spec.pass_for,
            _ => self.spec.ticket_for,
        };
        if let Some(token) = &token
            && (now >= token.stamp.plus(life) || now >= token.issued.plus(ticket::LONGEST))
        {
            return Ask::Bad(Bad::Expired);
        }
        let mut queue = self.queue();
        queue.expire(now);
        if let Some(token) = &token {
            if queue.is_done(token) {
                return Ask::Bad(Bad::Used);
            }
            queue.learn(token, self.spec.pass_for, now);
        }
        match token {
            Some(pass) if pass.kind == Kind::Pass => {
                let fresh = now.since(pass.stamp) < self.spec.pass_for / 2;
                let stamp = if fresh { pass.stamp } else { now };
                queue.occupy(pass.nonce, stamp.plus(self.spec.pass_for));
                if fresh && let Some(text) = shown {
                    return Ask::Enter { pass: text.to_owned() };
                }
                let active = queue.active(now);
                drop(queue);
                Ask::Enter { pass: self.write(Token { stamp, active, ..pass }) }
            }
            waiting => {
                let token = waiting.unwrap_or(Token {
                    kind: Kind::Ticket,
                    issued: now,
                    nonce: dice,
                    stamp: now,
                    active: 0,
                });
                let place = queue.ask(token.issued, token.nonce, &self.spec, now);
                let active = queue.active(now);
                drop(queue);
                let token = Token { stamp: now, active, ..token };
                match place {
                    Place::Inside => Ask::Enter { pass: self.write(Token { kind: Kind::Pass, ..token }) },
                    Place::Waiting { ahead, eta, ask_again } => {
                        Ask::Wait { ticket: self.write(token), ahead, eta, ask_again }
                    }
                }
            }
        }
    }

    /// The session of this pass has ended (somebody logged out, or an order is done): its place is free at once.
    pub fn left(&self, pass: &str, now: Time) {
        let Ok(token) = Token::read(pass, &self.secret, self.route) else { return };
        if token.kind == Kind::Pass {
            let mut queue = self.queue();
            queue.learn(&token, self.spec.pass_for, now);
            queue.leave(token.nonce, now);
        }
    }

    /// How many new sessions a second the nodes can begin, as measured. Counts where `enter_per_minute` is not set.
    /// None: as many as come.
    pub fn capacity(&self, sessions_per_second: Option<f64>) {
        self.queue().capacity = sessions_per_second.filter(|c| c.is_finite() && *c >= 0.0);
    }

    #[must_use]
    pub fn standing(&self, now: Time) -> Standing {
        let mut queue = self.queue();
        queue.expire(now);
        let active = queue.active(now) as usize;
        Standing { waiting: queue.waiting(), active, entered_per_second: queue.rate(now) }
    }

    fn write(&self, token: Token) -> String {
        token.write(&self.secret, self.route)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoomSpec {
    /// What is wrong with it; paths are relative to its table.
    #[must_use]
    pub fn validate(&self) -> Vec<crate::spec::Problem> {
        spec::validate(self)
    }
}
