//! One vantage's view of one check: consecutive looks, counted.

use stillhere_model::{Finding, Moment, Outcome, VantageId};

/// Consecutive looks of one sort.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    count: u32,
    /// When the first of them began; meaningless while `count` is 0.
    first: Option<Moment>,
}

/// What a vantage says of a check, and the looks that may change its mind.
#[derive(Debug, Clone)]
pub(crate) struct Vote {
    pub vantage: VantageId,
    /// What it says. `Unknown`: its looks have not settled anything yet; it is not counted as a voter.
    pub standing: Outcome,
    /// When that began: the first look of the run that decided it.
    pub since: Moment,
    /// The finding of the newest look that agrees with `standing`.
    pub finding: Option<Finding>,
    /// Monotonic time of the newest look's arrival.
    pub heard_ms: i64,
    down: Run,
    /// Up or slow: the service works.
    works: Run,
    slow: Run,
    up: Run,
}

/// How many consecutive looks it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needed {
    pub fail_after: u32,
    pub recover_after: u32,
}

/// What a look did to a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    pub changed: bool,
    /// A quick second look would settle it sooner.
    pub recheck: bool,
}

// === impl Run ===

impl Run {
    fn add(&mut self, at: Moment) {
        if self.count == 0 {
            self.first = Some(at);
        }
        self.count = self.count.saturating_add(1);
    }

    fn end(&mut self) {
        self.count = 0;
    }

    fn reached(&self, needed: u32) -> Option<Moment> {
        self.first.filter(|_| self.count >= needed.max(1))
    }
}

// === impl Vote ===

impl Vote {
    pub(crate) fn new(vantage: VantageId, standing: Outcome, since: Moment) -> Vote {
        Vote {
            vantage,
            standing,
            since,
            finding: None,
            heard_ms: 0,
            down: Run::default(),
            works: Run::default(),
            slow: Run::default(),
            up: Run::default(),
        }
    }

    /// Counts a look that began at `at`. `Unknown` must not come here: it neither counts nor resets.
    pub(crate) fn count(&mut self, look: Outcome, at: Moment, needed: Needed) -> Counted {
        match look {
            Outcome::Unknown => return Counted { changed: false, recheck: false },
            Outcome::Down => {
                self.down.add(at);
                self.works.end();
                self.slow.end();
                self.up.end();
            }
            Outcome::Slow => {
                self.down.end();
                self.works.add(at);
                self.slow.add(at);
                self.up.end();
            }
            Outcome::Up => {
                self.down.end();
                self.works.add(at);
                self.slow.end();
                self.up.add(at);
            }
        }
        let before = self.standing;
        let next = self.next(look, at, needed);
        if let Some((standing, since)) = next {
            self.standing = standing;
            self.since = since;
        }
        let recheck = match (before, look) {
            (Outcome::Down, Outcome::Up | Outcome::Slow) => {
                needed.recover_after >= 2 && self.works.count == 1
            }
            (Outcome::Up | Outcome::Slow | Outcome::Unknown, Outcome::Down) => {
                needed.fail_after >= 2 && self.down.count == 1
            }
            _ => false,
        };
        Counted { changed: next.is_some(), recheck }
    }

    /// The new standing and when it began, where the look that was just counted changes it.
    fn next(&self, look: Outcome, at: Moment, needed: Needed) -> Option<(Outcome, Moment)> {
        let slow = self.slow.reached(needed.fail_after);
        match (self.standing, look) {
            (Outcome::Down, Outcome::Down) | (_, Outcome::Unknown) => None,
            (_, Outcome::Down) => self.down.reached(needed.fail_after).map(|first| (Outcome::Down, first)),
            (Outcome::Down, _) => {
                let first = self.works.reached(needed.recover_after)?;
                Some((if slow.is_some() { Outcome::Slow } else { Outcome::Up }, first))
            }
            (Outcome::Slow, Outcome::Slow) => None,
            (_, Outcome::Slow) if slow.is_some() => slow.map(|first| (Outcome::Slow, first)),
            // The first good look settles what was not known: counting is for recovery from an outage.
            (Outcome::Unknown, _) => Some((Outcome::Up, at)),
            (Outcome::Slow, Outcome::Up) => {
                self.up.reached(needed.recover_after).map(|first| (Outcome::Up, first))
            }
            (Outcome::Up, _) => None,
        }
    }
}
