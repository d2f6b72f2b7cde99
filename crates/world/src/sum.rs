//! The recorded timeline, and whether it adds up to what really was.

use crate::{SECOND, World, truth::Health};
use std::collections::BTreeMap;
use stillhere_model::{ServiceId, Status, Time, Verdict};

#[derive(Debug, Default)]
pub(crate) struct Sums {
    segments: BTreeMap<ServiceId, Vec<(Time, Status)>>,
    /// While no process ran.
    gaps: Vec<(Time, Time)>,
    off_since: Option<Time>,
}

// === impl Sums ===

impl Sums {
    pub(crate) fn take(&mut self, v: &Verdict) {
        let segments = self.segments.entry(v.service.clone()).or_default();
        if segments.last().is_none_or(|s| s.1 != v.status) {
            segments.push((v.since, v.status));
        }
    }

    pub(crate) fn gap_begins(&mut self, at: Time) {
        self.off_since.get_or_insert(at);
    }

    pub(crate) fn gap_ends(&mut self, at: Time) {
        if let Some(from) = self.off_since.take() {
            self.gaps.push((from, at));
        }
    }

    /// Recorded milliseconds of this status that were not in a gap, until `end`; and of every status.
    fn known(&self, service: &ServiceId, status: Status, end: Time) -> (i64, i64) {
        let Some(segments) = self.segments.get(service) else { return (0, 0) };
        let ends = segments.iter().skip(1).map(|s| s.0).chain([end]);
        let (mut of, mut all) = (0, 0);
        for ((from, is), until) in segments.iter().zip(ends) {
            let overlap = |g: &(Time, Time)| (g.1.0.min(until.0) - g.0.0.max(from.0)).max(0);
            let dark: i64 = self.gaps.iter().map(overlap).sum();
            let lasted = until.0 - from.0 - dark;
            all += lasted;
            of += if *is == status { lasted } else { 0 };
        }
        (of, all)
    }
}

// === impl World ===

impl World {
    /// Adds the time since the last change to what was really down while somebody was there to see it.
    pub(crate) fn settle_down_time(&mut self) {
        let lasted = self.now - std::mem::replace(&mut self.audit.settled_at, self.now);
        if self.process.is_some() && self.truth.uplink {
            for s in self.truth.services.iter_mut().filter(|s| s.health == Health::Down) {
                s.down_ms += lasted;
            }
        }
    }

    /// Recorded outage time is the true one, give or take a look at each of its ends.
    pub(crate) fn check_uptime(&mut self) -> Result<(), String> {
        self.settle_down_time();
        let end = self.wall();
        let disturbed = i64::from(self.life) + 2 * i64::try_from(self.report.uplink_cuts).unwrap_or(0);
        for s in &self.truth.services {
            let (recorded, all) = self.store.sums.known(&s.id, Status::MajorOutage, end);
            let ends = i64::from(s.changes)
                + s.above.iter().map(|a| i64::from(self.truth.services[*a].changes)).sum::<i64>();
            let slack = (ends + disturbed) * (s.seen_within / 3 + 5 * SECOND);
            if (recorded - s.down_ms).abs() > slack {
                let (true_s, recorded_s) = (s.down_ms / SECOND, recorded / SECOND);
                return Err(format!(
                    "{} was down for {true_s} s and {recorded_s} s are recorded (slack {} s)",
                    s.id,
                    slack / SECOND
                ));
            }
            if all > self.now {
                return Err(format!("{}: more time is recorded than has passed", s.id));
            }
            self.report.uptime_checked += 1;
        }
        Ok(())
    }
}
