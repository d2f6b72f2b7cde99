//! Time itself: what becomes due without anybody saying so, and what the clocks did meanwhile.

use super::Flow;
use std::{sync::atomic::Ordering::Relaxed, time::Duration};
use stillhere_judge::Input as JudgeInput;
use stillhere_model::{Entry, Moment, Time, time::millis};
use stillhere_respond::Input as RespondInput;
use stillhere_tell::snapshot::OwnTrouble;

/// Bars of all services are computed anew this often.
const REFRESH: Duration = Duration::from_secs(60);
/// Wall and monotonic clock may drift apart by this much in one tick before it is called a jump.
const JUMP: Duration = Duration::from_secs(2);
/// Time that passed unseen (frozen, suspended) counts as a gap from here on.
const FREEZE: Duration = Duration::from_secs(5);
/// When nothing else is written, "we are alive" is.
const ALIVE: Duration = Duration::from_secs(5);

// === impl Flow ===

impl Flow {
    pub(super) fn tick(&mut self, now: Moment) {
        self.look_at_the_clock(now);
        let changes = self.judged(JudgeInput::Tick, now);
        self.verdicts(changes, now);
        for heard in self.heartbeats.tick(now) {
            self.pending.write.push.push((heard.check, heard.state));
            if let Some(observation) = heard.observation {
                self.vitals.ended_passive(observation.outcome);
                self.observed(observation, now);
            }
        }
        self.respond(RespondInput::Tick, now);
        if self.skipped > 0 {
            let looks = std::mem::take(&mut self.skipped);
            self.pending.write.journal.push((now.wall, Entry::FellBehind { looks }));
            if self.behind_since.is_none() {
                self.respond(RespondInput::FellBehind { looks }, now);
            }
            self.behind_since = Some(now);
        } else if self.behind_since.is_some_and(|since| now.mono_ms - since.mono_ms > millis(REFRESH)) {
            self.behind_since = None;
        }
        self.troubles(now);
        if now.mono_ms - self.last_refresh_ms >= millis(REFRESH) {
            self.last_refresh_ms = now.mono_ms;
            self.public.refresh_all(now.wall);
        }
        if now.wall.since(Time(self.vitals.last_commit_ms.load(Relaxed))) >= ALIVE {
            self.pending.since_ms.get_or_insert(i64::MIN / 2);
        }
        self.last_tick = now;
    }

    /// Tells a frozen process from a set clock, and writes down what cannot be known (cases b, c, r).
    pub(super) fn look_at_the_clock(&mut self, now: Moment) {
        let mono = now.mono_ms - self.last_tick.mono_ms;
        let wall = now.wall.0 - self.last_tick.wall.0;
        let jump = wall - mono;
        if jump.abs() > millis(JUMP) {
            tracing::warn!(by_ms = jump, "the wall clock jumped");
            self.pending.write.journal.push((now.wall, Entry::ClockJumped { by_ms: jump }));
            self.respond(RespondInput::ClockJumped { by_ms: jump }, now);
            self.pending.jumped_ms += jump;
        }
        // The stretch that was jumped over was seen by nobody, whether the machine slept or its clock was set.
        if wall > millis(FREEZE) {
            self.gap(self.last_tick.wall, now.wall, now);
        }
    }

    pub(crate) fn gap(&mut self, from: Time, until: Time, now: Moment) {
        self.pending.write.gaps.push((from, until));
        self.pending.write.journal.push((now.wall, Entry::Gap { from, until }));
        self.pending.deciding = true;
        self.public.gap(from, until, now.wall);
        self.heartbeats.was_deaf(from, now);
    }

    pub(super) fn troubles(&mut self, _now: Moment) {
        let mut own = Vec::new();
        if let Some(since) = self.uplink_down_since {
            own.push(OwnTrouble::UplinkDown { since });
        }
        if let Some(since) = self.behind_since {
            own.push(OwnTrouble::FallingBehind { since: since.wall });
        }
        self.public.trouble(own);
    }
}
