//! One incident as the log tells it.

use super::{LeftOut, Line, PROMISE_GRACE_MS, Share};
use crate::{Entry, EtaFrom, Fact, Voice};
use std::collections::{BTreeMap, HashMap};
use stillhere_model::{Impact, IncidentId, IncidentStatus, PreventionId, ServiceId, Status, Time};

/// Everything that counts about one incident.
pub(super) struct Story {
    pub id: IncidentId,
    pub services: Vec<ServiceId>,
    impact: Impact,
    pub started_at: Time,
    seen_since: Option<Time>,
    started_at_first: Time,
    corrected: bool,
    opened_by: Voice,
    /// When the log said that it is open.
    on_record_at: Time,
    before_the_log: bool,
    over_at: Option<Time>,
    merged: bool,
    lost: bool,
    /// Its number in the log.
    entry: u64,
    /// When something was said, news only.
    words: Vec<Time>,
    promises: Vec<Promise>,
    etas: Vec<Eta>,
    /// Until when, and when it was done.
    preventions: BTreeMap<PreventionId, (Time, Option<Time>)>,
    /// When a person first took it on.
    taken_on_at: Option<Time>,
    /// All is good again and being verified: nothing is known after this.
    recovering_at: Option<Time>,
    /// The first time after its start that our checks saw one of its services fail.
    seen_at: Option<Time>,
}

struct Promise {
    due: Time,
    kept_at: Option<Time>,
    missed: bool,
}

struct Eta {
    shown_at: Time,
    by: Option<Time>,
    from: EtaFrom,
}

/// All incidents of the log, in the order in which they came on record.
pub(super) fn stories(entries: &[Option<Entry>]) -> Vec<Story> {
    let began = entries.iter().flatten().next().map_or(Time::MIN, |e| e.at);
    let mut all: Vec<Story> = Vec::new();
    let mut index: HashMap<IncidentId, usize> = HashMap::new();
    // What our checks saw of each service, in the order of the log.
    let mut seen: HashMap<&ServiceId, Vec<(Time, Time)>> = HashMap::new();
    for (n, entry) in entries.iter().enumerate() {
        let Some(entry) = entry else { continue };
        match &entry.fact {
            Fact::Restored { back_to, .. } => {
                let lost = all.iter_mut().filter(|s| s.entry >= *back_to && s.over_at.is_none());
                lost.for_each(|s| s.lost = true);
            }
            Fact::Verdict { service, now, since, why, .. } if now.is_problem() && why != "declared" => {
                seen.entry(service).or_default().push((*since, entry.at));
            }
            Fact::IncidentOpened { incident, .. } => {
                index.entry(*incident).or_insert(all.len());
                if index[incident] == all.len() {
                    all.extend(Story::opened(n as u64, entry, began));
                }
            }
            Fact::IncidentJoined { incident, .. }
            | Fact::IncidentReopened { incident, .. }
            | Fact::Update { incident, .. }
            | Fact::IncidentResolved { incident, .. }
            | Fact::PromiseMade { incident, .. }
            | Fact::PromiseKept { incident, .. }
            | Fact::PromiseMissed { incident, .. }
            | Fact::PromiseWithdrawn { incident, .. }
            | Fact::Acknowledged { incident }
            | Fact::Prevention { incident, .. }
            | Fact::EtaShown { incident, .. } => {
                if let Some(i) = index.get(incident) {
                    all[*i].take(entry);
                }
            }
            _ => {}
        }
    }
    for story in &mut all {
        let signs = story.services.iter().filter_map(|s| seen.get(s)).flatten();
        let ours = signs.filter(|(since, at)| {
            // A failure that was over before this began is not a sign of this.
            *at >= story.started_at && *since <= story.on_record_at && *at <= story.on_record_at
        });
        story.seen_at = ours.map(|(_, at)| *at).min();
    }
    all
}

// === impl Story ===

impl Story {
    fn opened(number: u64, entry: &Entry, began: Time) -> Option<Story> {
        let Fact::IncidentOpened {
            incident, services, impact, started_at, opened_at, seen_since, by, ..
        } = &entry.fact
        else {
            return None;
        };
        Some(Story {
            id: *incident,
            services: services.named.clone(),
            impact: *impact,
            started_at: seen_since.unwrap_or(*started_at),
            seen_since: *seen_since,
            started_at_first: *started_at,
            corrected: false,
            opened_by: *by,
            on_record_at: entry.at,
            before_the_log: *opened_at < began,
            over_at: None,
            merged: false,
            lost: false,
            entry: number,
            words: Vec::new(),
            promises: Vec::new(),
            etas: Vec::new(),
            preventions: BTreeMap::new(),
            taken_on_at: None,
            recovering_at: None,
            seen_at: None,
        })
    }

    fn take(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::IncidentJoined { service, .. } if !self.services.contains(service) => {
                self.services.push(service.clone());
            }
            Fact::IncidentReopened { .. } => self.over_at = None,
            Fact::IncidentResolved { resolved_at, .. } => self.over_at = Some(*resolved_at),
            Fact::Update { said, impact, status, started_at, resolved_at, .. } => {
                let recovering = *status == IncidentStatus::Monitoring;
                self.recovering_at = recovering.then(|| self.recovering_at.unwrap_or(entry.at));
                self.started_at = self.seen_since.map_or(*started_at, |t| t.max(*started_at));
                self.over_at = *resolved_at;
                self.impact = self.impact.max(*impact);
                match said["kind"].as_str().unwrap_or_default() {
                    "start_corrected" => self.corrected = true,
                    "merged_into" => self.merged = true,
                    // Says that nothing was said, which is no news; a correction of words is none either.
                    "promise_missed" | "text_corrected" | "end_corrected" => {}
                    _ => self.words.push(entry.at),
                }
            }
            Fact::PromiseMade { due, .. } => {
                self.promises.push(Promise { due: *due, kept_at: None, missed: false });
            }
            Fact::PromiseKept { due, kept_at, .. } => {
                if let Some(p) = self.promises.iter_mut().rev().find(|p| p.due == *due) {
                    p.kept_at = Some(*kept_at);
                }
            }
            Fact::PromiseMissed { due, .. } => {
                if let Some(p) = self.promises.iter_mut().rev().find(|p| p.due == *due) {
                    p.missed = true;
                }
            }
            // Not broken: the word that stands is the other incident's.
            Fact::PromiseWithdrawn { due, .. } => {
                self.promises.retain(|p| p.due != *due || p.kept_at.is_some())
            }
            Fact::Prevention { prevention, due, done_at, .. } => {
                self.preventions.insert(*prevention, (*due, *done_at));
            }
            Fact::Acknowledged { .. } => drop(self.taken_on_at.get_or_insert(entry.at)),
            Fact::EtaShown { by, from, .. } => {
                self.etas.push(Eta { shown_at: entry.at, by: *by, from: *from });
            }
            _ => {}
        }
    }

    pub(super) fn left_out(&self) -> Option<LeftOut> {
        if self.merged {
            Some(LeftOut::Merged)
        } else if self.lost {
            Some(LeftOut::Lost)
        } else if self.before_the_log {
            Some(LeftOut::BeforeTheLog)
        } else if self.impact == Impact::None {
            Some(LeftOut::HurtNobody)
        } else {
            None
        }
    }

    pub(super) fn found_by_person(&self) -> bool {
        self.opened_by == Voice::Person && self.seen_at.is_none()
    }

    pub(super) fn detect_ms(&self) -> Option<i64> {
        let first = self.seen_at.map_or(self.on_record_at, |t| t.min(self.on_record_at));
        Some(span(self.started_at, first))
    }

    /// From its opening until a person took it on; of those that our checks opened, where somebody has it.
    pub(super) fn taken_on_ms(&self) -> Option<i64> {
        let automatic = self.opened_by == Voice::Automatic;
        self.taken_on_at.filter(|_| automatic).map(|t| span(self.on_record_at, t))
    }

    /// Whether a person took it on, of those that our checks opened; not known yet while it is open and nobody has.
    pub(super) fn taken_on(&self) -> Option<bool> {
        let known = self.taken_on_at.is_some() || self.over_at.is_some();
        (known && self.opened_by == Voice::Automatic).then_some(self.taken_on_at.is_some())
    }

    pub(super) fn tell_ms(&self) -> Option<i64> {
        self.words.first().map(|t| span(self.started_at, *t))
    }

    pub(super) fn told_after_end(&self) -> bool {
        self.words.first().zip(self.over_at).is_some_and(|(told, over)| told >= &over)
    }

    /// Whether each promise was kept, as far as that is known.
    pub(super) fn promises(&self, as_of: Time) -> Vec<bool> {
        let known = |p: &Promise| {
            let grace = Time(p.due.0.saturating_add(PROMISE_GRACE_MS));
            let came = self.words.iter().any(|t| *t > p.due && *t <= grace);
            match p.kept_at {
                Some(kept) => Some(kept <= grace),
                None if p.missed && came => Some(true),
                None if p.missed && as_of > grace => Some(false),
                None => None,
            }
        };
        self.promises.iter().filter_map(known).collect()
    }

    /// Whether each thing that was to be done by now was done by its time.
    pub(super) fn preventions(&self, as_of: Time) -> impl Iterator<Item = bool> {
        let known = move |(due, done): &(Time, Option<Time>)| match done {
            Some(done) => Some(done <= due),
            None if as_of > *due => Some(false),
            None => None,
        };
        self.preventions.values().filter_map(known)
    }

    /// From word to word while it was open; to now, where it is.
    pub(super) fn longest_silence_ms(&self, as_of: Time) -> Option<i64> {
        let (first, rest) = self.words.split_first()?;
        let end = self.over_at.is_none().then_some(as_of);
        let mut last = *first;
        let mut longest = 0;
        for t in rest.iter().copied().chain(end) {
            longest = longest.max(span(last, t));
            last = last.max(t);
        }
        Some(longest)
    }

    /// Whether each time that was given was too early, and by how much the end was off, as far as that is known.
    pub(super) fn etas(&self, from: EtaFrom, as_of: Time) -> Vec<(bool, Option<i64>)> {
        let known = |e: &Eta| {
            let by = e.by?;
            match self.over_at {
                // What was over before it was said says nothing about the estimate.
                Some(over) if over <= e.shown_at => None,
                Some(over) => Some((over > by, Some(over.0.saturating_sub(by.0)))),
                None if self.recovering_at.unwrap_or(as_of) > by => Some((true, None)),
                None => None,
            }
        };
        self.etas.iter().filter(|e| e.from == from).filter_map(known).collect()
    }

    pub(super) fn has_eta(&self, from: EtaFrom) -> bool {
        self.etas.iter().any(|e| e.from == from && e.by.is_some())
    }

    /// How often a time was replaced by a later one; `None`: whoever gave it.
    pub(super) fn slips(&self, from: Option<EtaFrom>) -> u32 {
        let given: Vec<Time> =
            self.etas.iter().filter(|e| from.is_none_or(|f| e.from == f)).filter_map(|e| e.by).collect();
        u32::try_from(given.windows(2).filter(|w| w[1] > w[0]).count()).unwrap_or(u32::MAX)
    }

    pub(super) fn line(&self, as_of: Time) -> Line {
        let named = !self.services.is_empty();
        Line {
            incident: self.id,
            services: self.services.clone(),
            impact: self.impact,
            started_at: self.started_at,
            started_at_first: self.corrected.then_some(self.started_at_first),
            over_at: self.over_at,
            found_by_person: self.found_by_person(),
            detect_ms: self.detect_ms().filter(|_| named && !self.found_by_person()),
            acknowledge_ms: self.taken_on_ms(),
            tell_ms: self.tell_ms().filter(|_| named),
            told_after_end: self.told_after_end(),
            promises: Share::of(self.promises(as_of)).unwrap_or_default(),
            longest_silence_ms: self.longest_silence_ms(as_of),
            eta_slips: self.slips(None),
            left_out: self.left_out(),
        }
    }
}

fn span(from: Time, until: Time) -> i64 {
    until.0.saturating_sub(from.0).max(0)
}

/// A status under which the page says that all is well.
pub(super) fn says_fine(status: Status) -> bool {
    status == Status::Operational
}
