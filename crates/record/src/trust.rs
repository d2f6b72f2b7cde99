//! By what a status page can be judged, computed from the entries of the log and from nothing else: whoever has the log gets
//! the same report, byte for byte. What each figure means: `docs/trust.md`.
//!
//! Whole milliseconds and counts only, quantiles with their number, never a bare mean. Where there is too little to
//! say anything, there is no quantile; where there is no data at all, there is no figure.

mod figure;
mod honesty;
mod month;
mod story;

pub use figure::{P50_MIN, P90_MIN, Quantiles, Share};
pub use honesty::{Honesty, ServiceGap};
pub use month::Month;

use crate::{Checkpoint, Entry, EtaFrom};
use honesty::Lines;
use serde::{Deserialize, Serialize};
use stillhere_model::{Impact, IncidentId, ServiceId, Time};
use story::{Story, stories};

/// A first word within this time is a quick one.
pub const TOLD_WITHIN_MS: i64 = 5 * 60_000;
/// A promise that is met so much after its time is met.
pub const PROMISE_GRACE_MS: i64 = 60_000;

/// The report on a month, or on the whole log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub v: u32,
    /// What it was computed from.
    pub log: Head,
    /// `YYYY-MM` in UTC; `null`: the whole log.
    pub month: Option<Month>,
    pub from: Time,
    /// Not beyond what is known.
    pub until: Time,
    /// Entries that are of no kind known here, and were left out.
    pub unknown_entries: u64,
    /// The incidents that began in this time, oldest first.
    pub incidents: Vec<Line>,
    pub figures: Figures,
}

/// A log at one size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub origin: String,
    pub size: u64,
    /// In hexadecimal.
    pub root: String,
}

/// One incident in figures. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub incident: IncidentId,
    pub services: Vec<ServiceId>,
    pub impact: Impact,
    pub started_at: Time,
    /// The start as it was first said, where it was corrected.
    pub started_at_first: Option<Time>,
    pub over_at: Option<Time>,
    /// A person saw it before any check did.
    pub found_by_person: bool,
    pub detect_ms: Option<i64>,
    pub acknowledge_ms: Option<i64>,
    pub tell_ms: Option<i64>,
    pub told_after_end: bool,
    pub promises: Share,
    pub longest_silence_ms: Option<i64>,
    /// Times by which it was said to be over that were replaced by a later one.
    pub eta_slips: u32,
    /// Why its times count for nothing: it had begun before this log did, or it proved to be part of another.
    pub left_out: Option<LeftOut>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    BeforeTheLog,
    /// What was known of it was lost when a backup was put in place.
    Lost,
    Merged,
    HurtNobody,
}

/// All figures. What has no data is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// From its start to our own first sign of it; of those that our checks saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detect: Option<Quantiles>,
    /// Found by a person before any check saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_by_person: Option<Share>,
    /// From its opening by our checks until a person took it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledge: Option<Quantiles>,
    /// Taken on by a person at all, of those that our checks opened. Left out where nobody ever says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Share>,
    /// From its start to the first public word that names a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tell: Option<Quantiles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_within_5m: Option<Share>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_after_end: Option<Share>,
    /// Next updates that came by the promised time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promises_kept: Option<Share>,
    /// The longest time without a word, of each incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_silence: Option<Quantiles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_computed: Option<EtaFigures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_person: Option<EtaFigures>,
    /// What was to be done so that it does not happen again, and was done by its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prevented: Option<Share>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub honesty: Option<Honesty>,
}

/// How the times turned out by which incidents were said to be over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EtaFigures {
    /// It was not over by then.
    pub late: Share,
    /// The end minus the time that was given; below zero it was over earlier. Of those that are over.
    pub off: Quantiles,
    /// Incidents whose time was moved to a later one more than once, of those that had one.
    pub slipped_often: Share,
}

// === impl Report ===

impl Report {
    /// From the first `log.size` entries, in their order; `None` in the place of one that could not be read.
    #[must_use]
    pub fn new(entries: &[Option<Entry>], log: &Checkpoint, month: Option<Month>) -> Report {
        let known: Vec<&Entry> = entries.iter().flatten().collect();
        let began = known.first().map_or(Time::MIN, |e| e.at);
        let as_of = known.iter().map(|e| e.at).max().unwrap_or(began);
        let (from, until) = match month {
            Some(m) => (m.from().max(began), m.until().min(as_of)),
            None => (began, as_of),
        };
        let until = until.max(from);
        let within = |t: Time| month.is_none_or(|m| m.from() <= t && t < m.until());
        let mut told: Vec<Story> = stories(entries).into_iter().filter(|s| within(s.started_at)).collect();
        told.sort_by_key(|s| (s.started_at, s.id));
        let honesty = Lines::of(&known, as_of).measure(from, until);
        let incidents = told.iter().map(|s| s.line(as_of)).collect();
        Report {
            v: 1,
            log: Head { origin: log.origin.clone(), size: log.size, root: log.root.to_string() },
            month,
            from,
            until,
            unknown_entries: (entries.len() - known.len()) as u64,
            figures: Figures::of(&told, honesty, as_of),
            incidents,
        }
    }

    /// The months of a log, oldest first.
    #[must_use]
    pub fn months(entries: &[Option<Entry>]) -> Vec<Month> {
        let at = || entries.iter().flatten().map(|e| e.at);
        match (at().next(), at().max()) {
            (Some(first), Some(last)) => Month::between(first, last),
            _ => Vec::new(),
        }
    }

    /// As it is published: the same bytes for the same log.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        crate::canon::bytes(&serde_json::to_value(self).expect("a report is JSON"))
    }
}

// === impl Figures ===

impl Figures {
    fn of(all: &[Story], honesty: Option<Honesty>, as_of: Time) -> Figures {
        let counted: Vec<&Story> = all.iter().filter(|s| s.left_out().is_none()).collect();
        let named = || counted.iter().filter(|s| !s.services.is_empty());
        let told: Vec<(&Story, i64)> = named().filter_map(|s| Some((*s, s.tell_ms()?))).collect();
        let promises: Vec<bool> = counted.iter().flat_map(|s| s.promises(as_of)).collect();
        let silences = counted.iter().filter_map(|s| s.longest_silence_ms(as_of));
        Figures {
            detect: Quantiles::of(named().filter(|s| !s.found_by_person()).filter_map(|s| s.detect_ms())),
            found_by_person: Share::of(named().map(|s| s.found_by_person())),
            acknowledge: Quantiles::of(counted.iter().filter_map(|s| s.taken_on_ms())),
            acknowledged: Share::of(counted.iter().filter_map(|s| s.taken_on())).filter(|s| s.n > 0),
            tell: Quantiles::of(told.iter().map(|t| t.1)),
            told_within_5m: Share::of(told.iter().map(|t| t.1 <= TOLD_WITHIN_MS)),
            told_after_end: Share::of(told.iter().map(|t| t.0.told_after_end())),
            promises_kept: Share::of(promises),
            longest_silence: Quantiles::of(silences),
            eta_computed: EtaFigures::of(&counted, EtaFrom::Computed, as_of),
            eta_person: EtaFigures::of(&counted, EtaFrom::Person, as_of),
            prevented: Share::of(counted.iter().flat_map(|s| s.preventions(as_of))),
            honesty,
        }
    }
}

impl EtaFigures {
    fn of(all: &[&Story], from: EtaFrom, as_of: Time) -> Option<EtaFigures> {
        let known: Vec<(bool, Option<i64>)> = all.iter().flat_map(|s| s.etas(from, as_of)).collect();
        let late = Share::of(known.iter().map(|k| k.0))?;
        let off = Quantiles::of(known.iter().filter_map(|k| k.1)).unwrap_or_default();
        let slips = all.iter().filter(|s| s.has_eta(from)).map(|s| s.slips(Some(from)) > 1);
        Some(EtaFigures { late, off, slipped_often: Share::of(slips).unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests;
