//! What the crowd got: in all, and in each of the last seconds.

use super::{End, WAITED};
use std::{collections::VecDeque, time::Duration};

/// Seconds that are shown one by one.
pub const HISTORY: usize = 60;

#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub served: u64,
    /// Of the served: those that took longer than [`WAITED`].
    pub waited: u64,
    pub longest: Duration,
    pub told: u64,
    /// Orders with a receipt that are not yet carried out.
    pub kept: u64,
    /// Orders that were carried out after the receipt was given.
    pub late: u64,
    pub errors: u64,
    pub lost: u64,
    /// Keys that the database carried out more than once.
    pub doubled: u64,
    /// As many were there when we began to count.
    pub(super) doubled_before: u64,
    pub(super) seconds: VecDeque<Second>,
}

/// What was answered within one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Second {
    at: u64,
    pub served: u64,
    pub waited: u64,
    pub told: u64,
    /// Errors and losses.
    pub bad: u64,
}

// === impl Tally ===

impl Tally {
    pub(super) fn add(&mut self, at: u64, end: &End, took: Duration) {
        let waited = took > WAITED;
        self.longest = self.longest.max(took);
        match end {
            End::Served => {
                self.served += 1;
                self.waited += u64::from(waited);
            }
            End::Told | End::Kept(_) => self.told += 1,
            End::Error => self.errors += 1,
            End::Lost => self.lost += 1,
        }
        let second = self.second(at);
        match end {
            End::Served if waited => second.waited += 1,
            End::Served => second.served += 1,
            End::Told | End::Kept(_) => second.told += 1,
            End::Error | End::Lost => second.bad += 1,
        }
    }

    /// The row of this second, which is the newest there is.
    pub(super) fn second(&mut self, at: u64) -> &mut Second {
        let newest = self.seconds.back().map_or(at.saturating_sub(HISTORY as u64), |s| s.at);
        // A long pause leaves only its last seconds.
        for at in newest.max(at.saturating_sub(HISTORY as u64))..at {
            self.seconds.push_back(Second { at: at + 1, ..Second::default() });
        }
        if self.seconds.is_empty() {
            self.seconds.push_back(Second { at, ..Second::default() });
        }
        while self.seconds.len() > HISTORY {
            self.seconds.pop_front();
        }
        self.seconds.back_mut().expect("it has just been put there")
    }

    /// The last seconds, oldest first; the one that goes on is not among them.
    pub fn seconds(&self) -> impl Iterator<Item = Second> {
        self.seconds.iter().copied().take(self.seconds.len().saturating_sub(1))
    }
}
