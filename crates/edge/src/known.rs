//! What the edge knows without asking anybody: the last good notice of the core, and what it has seen itself.
//!
//! The core may be dead when it is needed most. Then the last notice stays, together with its age; and where it says
//! that all is well and it is not, the edge adds its own sighting, with the time of it (HONESTY, case p). Nothing
//! here does I/O: whoever fetches a notice hands its text in.

use arc_swap::ArcSwap;
use std::{sync::Arc, time::Duration};
use stillhere_model::{Lang, ServiceId, Time};
use stillhere_tell::notice::{self, Notice, NoticeError};
use tokio::sync::watch;

/// Most pools with a sighting: more than a configuration may have.
pub const SIGHTINGS_MAX: usize = 1_024;
/// A notice older than this is not taken: what it says is of another time.
pub const NOTICE_AGE_MAX: Duration = Duration::from_secs(30 * 86_400);
/// A notice from further in the future than this is not taken: one of the two clocks is wrong.
pub const NOTICE_AHEAD_MAX: Duration = Duration::from_secs(3_600);

/// What the edge knows. One value, replaced as a whole, so that an answer never mixes two states.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub notice: Option<Arc<Held>>,
    /// The newest of each pool.
    pub sightings: Vec<Sighting>,
    /// Raised by every change.
    pub version: u64,
}

/// A notice that was believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    pub notice: Notice,
    /// As it was signed, for whoever asks us for it.
    pub text: Arc<str>,
    pub received: Time,
}

/// What the edge has seen itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub pool: String,
    pub service: Option<ServiceId>,
    pub what: Seen,
    pub since: Time,
}

/// How a pool of nodes looks from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Answering,
    /// No node answers.
    AllOut,
    /// A person paused it.
    Paused,
    /// More comes than it can do.
    Overloaded,
}

/// Why a notice was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    #[error(transparent)]
    NotBelieved(#[from] NoticeError),
    #[error("not newer than the one we have: {offered:?} against {held:?} (epoch, seq)")]
    NotNewer { offered: (u64, u64), held: (u64, u64) },
    #[error("made at {made_at}, too far in the future: one of the clocks is wrong")]
    Ahead { made_at: Time },
    #[error("made at {made_at}, too long ago")]
    TooOld { made_at: Time },
}

/// Where [`Known`] is kept: read by every answer without a lock, written rarely.
#[derive(Debug, Default)]
pub struct Board {
    known: ArcSwap<Known>,
    /// The version, for those who wait for the next one.
    version: watch::Sender<u64>,
}

// === impl Board ===

impl Board {
    #[must_use]
    pub fn new() -> Board {
        Board::default()
    }

    #[must_use]
    pub fn current(&self) -> Arc<Known> {
        self.known.load_full()
    }

    /// Takes a signed notice if it is believed and newer than what is held. Of two at once the newer one stays.
    ///
    /// # Errors
    /// When it is not taken; what was known stays known.
    pub fn take_notice(&self, text: &str, key: &[u8; 32], now: Time) -> Result<(), NotTaken> {
        let notice = notice::read(text, key)?;
        let made_at = notice.made_at;
        if made_at.since(now) > NOTICE_AHEAD_MAX {
            return Err(NotTaken::Ahead { made_at });
        }
        if now.since(made_at) > NOTICE_AGE_MAX {
            return Err(NotTaken::TooOld { made_at });
        }
        let offered = (notice.epoch, notice.seq);
        let held = Arc::new(Held { notice, text: text.into(), received: now });
        let mut newest = None;
        self.known.rcu(|known| {
            // The same statement, made again later, is what keeps it fresh while nothing happens.
            let before = |h: &&Arc<Held>| (h.order(), h.notice.made_at) < (offered, made_at);
            newest = known.notice.as_ref().filter(|h| !before(h)).map(|h| h.order());
            match newest {
                Some(_) => Arc::clone(known),
                None => Arc::new(Known {
                    notice: Some(Arc::clone(&held)),
                    sightings: known.sightings.clone(),
                    version: known.version + 1,
                }),
            }
        });
        self.tell();
        newest.map_or(Ok(()), |held| Err(NotTaken::NotNewer { offered, held }))
    }

    /// Notes how a pool looks now. The time of the first of equal sightings stays. True: it is news.
    pub fn sighting(&self, pool: &str, service: Option<&ServiceId>, what: Seen, now: Time) -> bool {
        let mut news = false;
        let same = |s: &Sighting| s.pool == pool && s.service.as_ref() == service;
        self.known.rcu(|known| {
            let old = known.sightings.iter().position(same);
            news = match old {
                Some(i) => known.sightings[i].what != what,
                // A pool that has always answered needs no word.
                None => what != Seen::Answering && known.sightings.len() < SIGHTINGS_MAX,
            };
            if !news {
                return Arc::clone(known);
            }
            let mut next = Known { version: known.version + 1, ..Known::clone(known) };
            let seen = Sighting { pool: pool.to_owned(), service: service.cloned(), what, since: now };
            match old {
                Some(i) => next.sightings[i] = seen,
                None => next.sightings.push(seen),
            }
            Arc::new(next)
        });
        self.tell();
        news
    }

    /// Forgets pools that a new configuration does not have any more.
    pub fn keep_pools(&self, is_there: impl Fn(&str) -> bool) {
        self.known.rcu(|known| {
            let mut next = Known::clone(known);
            next.sightings.retain(|s| is_there(&s.pool));
            if next.sightings.len() == known.sightings.len() {
                return Arc::clone(known);
            }
            next.version += 1;
            Arc::new(next)
        });
        self.tell();
    }

    /// Changes when anything that is known does.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    fn tell(&self) {
        let now = self.known.load().version;
        self.version.send_if_modified(|told| std::mem::replace(told, now.max(*told)) < now);
    }
}

// === impl Known ===

impl Known {
    /// The language to answer in.
    #[must_use]
    pub fn lang(&self, wanted: Option<Lang>) -> Lang {
        self.notice.as_ref().map_or(wanted.unwrap_or_default(), |h| h.notice.lang(wanted))
    }

    /// What we see of a service or a pool that is not as it should be.
    #[must_use]
    pub fn trouble(&self, service: Option<&ServiceId>, pool: Option<&str>) -> Option<&Sighting> {
        self.sightings.iter().find(|s| {
            s.what != Seen::Answering
                && match (service, pool) {
                    (_, Some(pool)) => s.pool == pool,
                    (Some(service), None) => s.service.as_ref() == Some(service),
                    (None, None) => false,
                }
        })
    }
}

// === impl Held ===

impl Held {
    #[must_use]
    pub fn order(&self) -> (u64, u64) {
        (self.notice.epoch, self.notice.seq)
    }

    /// True when it can no longer pass for the present. Judged by our clock and by how long we have had it, so that
    /// a wrong clock on either side does not keep old news fresh.
    #[must_use]
    pub fn is_old(&self, now: Time) -> bool {
        let good_for = self.notice.fresh_until.since(self.notice.made_at);
        now > self.notice.fresh_until || now.since(self.received) > good_for
    }

    #[must_use]
    pub fn age(&self, now: Time) -> Duration {
        now.since(self.notice.made_at).max(now.since(self.received))
    }
}

#[cfg(test)]
mod tests;
