//! What the page said against what is known to have been, service by service and millisecond by millisecond.
//!
//! The page says a verdict from the moment it is public. What was is known better afterwards: a verdict dates an outage back
//! to the first failed look, and a correction moves a start or an end. Where the two differ, the page was wrong: it said that
//! all was well and it was not, or the other way round. Times in which nothing could be seen count for neither.

use super::story::says_fine;
use crate::{Entry, Fact};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use stillhere_model::{ServiceId, Status, Time};

/// Over all services, in milliseconds of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Honesty {
    /// Of which it is known what the page said and what was.
    pub known_ms: i64,
    /// The page said that all is well, and it was not.
    pub said_fine_ms: i64,
    /// The longest single stretch of that.
    pub said_fine_longest_ms: i64,
    /// The page said that something is wrong, and all was well.
    pub said_broken_ms: i64,
    /// Nobody could see: we were off, or cut off.
    pub unseen_ms: i64,
    /// The services the page was wrong about, worst first.
    pub services: Vec<ServiceGap>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceGap {
    pub service: ServiceId,
    pub said_fine_ms: i64,
    pub said_broken_ms: i64,
}

/// A status from each of these times on.
#[derive(Debug, Clone, Default)]
struct Steps(BTreeMap<i64, Option<Status>>);

/// What was said and what was.
pub(super) struct Lines {
    services: BTreeMap<ServiceId, (Steps, Steps)>,
    unseen: Vec<(i64, i64)>,
}

// === impl Steps ===

impl Steps {
    fn at(&self, t: i64) -> Option<Status> {
        self.0.range(..=t).next_back().and_then(|(_, s)| *s)
    }

    /// From `from` on, until the end of time.
    fn turn(&mut self, from: i64, status: Option<Status>) {
        self.0.split_off(&from);
        self.0.insert(from, status);
    }

    fn amend(&mut self, from: i64, until: i64, status: Status) {
        if from >= until {
            return;
        }
        let after = self.at(until);
        self.0.retain(|t, _| !(from..until).contains(t));
        self.0.insert(from, Some(status));
        self.0.entry(until).or_insert(after);
    }
}

// === impl Lines ===

impl Lines {
    pub(super) fn of(entries: &[&Entry], as_of: Time) -> Lines {
        let mut services: BTreeMap<ServiceId, (Steps, Steps)> = BTreeMap::new();
        let mut unseen = Vec::new();
        let mut cut_off = None;
        for entry in entries {
            match &entry.fact {
                Fact::Verdict { service, now, since, .. } => {
                    let (said, was) = services.entry(service.clone()).or_default();
                    said.turn(entry.at.0, Some(*now));
                    // What was before the log began is not on record.
                    let known = entries.first().map_or(since.0, |e| since.0.max(e.at.0));
                    was.turn(known.min(entry.at.0), Some(*now));
                }
                Fact::ServiceGone { service } => {
                    if let Some((said, was)) = services.get_mut(service) {
                        said.turn(entry.at.0, None);
                        was.turn(entry.at.0, None);
                    }
                }
                Fact::Amended { service, from, until, status, .. } => {
                    if let Some((_, was)) = services.get_mut(service) {
                        was.amend(from.0, until.0, *status);
                    }
                }
                Fact::Gap { from, until } => unseen.push((from.0, until.0)),
                Fact::Uplink { up: false } => cut_off = Some(entry.at.0),
                Fact::Uplink { up: true } => unseen.extend(cut_off.take().map(|from| (from, entry.at.0))),
                _ => {}
            }
        }
        unseen.extend(cut_off.map(|from| (from, as_of.0)));
        Lines { services, unseen: joined(unseen) }
    }

    /// `None`: no service is on record.
    pub(super) fn measure(&self, from: Time, until: Time) -> Option<Honesty> {
        if self.services.is_empty() {
            return None;
        }
        let clip = |(a, b): &(i64, i64)| (b.min(&until.0) - a.max(&from.0)).max(0);
        let mut sum = Honesty {
            known_ms: 0,
            said_fine_ms: 0,
            said_fine_longest_ms: 0,
            said_broken_ms: 0,
            unseen_ms: self.unseen.iter().map(clip).sum(),
            services: Vec::new(),
        };
        for (service, (said, was)) in &self.services {
            let mut gap = ServiceGap { service: service.clone(), said_fine_ms: 0, said_broken_ms: 0 };
            let mut running = 0;
            for (a, b) in self.stretches(said, was, from.0, until.0) {
                let ms = b - a;
                let unseen = self.is_unseen(a);
                let (Some(said), Some(was)) = (said.at(a), was.at(a)) else {
                    running = 0;
                    continue;
                };
                if unseen || said == Status::Unknown || was == Status::Unknown {
                    running = 0;
                    continue;
                }
                sum.known_ms += ms;
                if says_fine(said) && was.is_problem() {
                    gap.said_fine_ms += ms;
                    running += ms;
                    sum.said_fine_longest_ms = sum.said_fine_longest_ms.max(running);
                } else {
                    running = 0;
                    if said.is_problem() && says_fine(was) {
                        gap.said_broken_ms += ms;
                    }
                }
            }
            sum.said_fine_ms += gap.said_fine_ms;
            sum.said_broken_ms += gap.said_broken_ms;
            if gap.said_fine_ms + gap.said_broken_ms > 0 {
                sum.services.push(gap);
            }
        }
        sum.services.sort_by_key(|g| std::cmp::Reverse((g.said_fine_ms, g.said_broken_ms)));
        Some(sum)
    }

    /// Pieces in which nothing changes.
    fn stretches(&self, said: &Steps, was: &Steps, from: i64, until: i64) -> Vec<(i64, i64)> {
        let mut cuts: BTreeSet<i64> = [from, until].into();
        if from < until {
            cuts.extend(said.0.range(from..until).chain(was.0.range(from..until)).map(|(t, _)| *t));
        }
        cuts.extend(self.unseen.iter().flat_map(|(a, b)| [*a, *b]).filter(|t| (from..until).contains(t)));
        let cuts: Vec<i64> = cuts.into_iter().collect();
        cuts.windows(2).map(|w| (w[0], w[1])).collect()
    }

    fn is_unseen(&self, t: i64) -> bool {
        let at = self.unseen.partition_point(|(from, _)| *from <= t);
        at.checked_sub(1).is_some_and(|i| t < self.unseen[i].1)
    }
}

/// In order, those that touch as one.
fn joined(mut all: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    all.sort_unstable();
    let mut out: Vec<(i64, i64)> = Vec::new();
    for (from, until) in all {
        match out.last_mut().filter(|last| from <= last.1) {
            Some(last) => last.1 = last.1.max(until),
            None => out.push((from, until)),
        }
    }
    out
}
