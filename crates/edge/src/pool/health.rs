//! Whether a node is used: what throws it out, and what brings it back.
//!
//! Real traffic throws it out, at once; quick probes bring it back. Two nodes are the usual case, so that there is
//! nothing to compare a node with: one refused connection is enough, and a probe 25 ms later makes good if it was
//! a slip. What a crafted request could cause (the connection is cut, the rest is well) throws a node out only
//! once in a while; after that it must fail a probe too.

use super::Failure;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

const MS: u64 = 1_000;
/// The first probe after it was thrown out.
const FIRST_PROBE_US: u64 = 25 * MS;
/// From one probe to the next, while it may be a restart, and while somebody may be held for it: 10 ms, as the pool is asked every
/// 5 ms. Who was in work when the node died has waited for its work as well, and waits for it once more: of the 100 ms beyond an
/// outage this is all that is left to save.
const QUICK_US: u64 = 8 * MS;
const QUICK_FOR_US: u64 = 10_000 * MS;
/// And at most, in the end.
const SLOW_US: u64 = 500 * MS;
/// Probes of a node that is only suspected.
const SUSPECT_US: u64 = 150 * MS;
/// How long a probe may take: of a suspected node, of one that is out, and of one whose health page is slow.
const SUSPECT_WAIT_US: (u64, u64) = (200 * MS, 2_000 * MS);
const OUT_WAIT_US: (u64, u64) = (500 * MS, 5_000 * MS);
/// A probe nobody reported on is forgotten after its time and this.
const LOST_US: u64 = 1_000 * MS;
/// A cut connection followed by a good probe was a slip; for so long another one alone does not throw it out.
const SLIP_US: u64 = 5_000 * MS;
/// It was away so shortly that it cannot have been restarted.
const BLINK_US: u64 = 150 * MS;
/// A node whose health page always answers 5xx, or never answers HEAD, is tried with real requests after this, if
/// that page has never been seen to work.
const BENEFIT_US: u64 = 1_000 * MS;
/// And after this even if it has.
const BENEFIT_AT_LAST_US: u64 = 10_000 * MS;

/// How a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    Up,
    /// Back, and given more with every good answer.
    SlowStart,
    /// It has been silent for too long. Only used when there is no other.
    Suspect,
    Down,
}

/// Why it is in this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Nothing has spoken against it.
    New,
    /// No connection.
    Refused,
    /// The connection ended before an answer.
    Cut,
    /// No answer in time.
    Silent,
    /// Its answer was not HTTP.
    Garbled,
    /// It answered a request.
    Answered,
    /// It answered a probe.
    Probed,
}

/// What a probe has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// An answer below 500.
    Answers,
    /// An answer of 500 or above.
    Errs,
    /// A connection, but no answer in time.
    Connects,
    /// Not even a connection.
    Nothing,
}

/// What the pool has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    Out,
    Suspected,
    /// It takes connections again, and may be tried.
    Tried,
    /// It does not serve yet.
    NotYet,
    /// It is used again. `fresh`: it may have been restarted, and begins low.
    Back {
        fresh: bool,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Health {
    state: State,
    why: Why,
    since_us: u64,
    next_probe_us: u64,
    /// Until when the probe that is under way is waited for.
    probing_until_us: Option<u64>,
    every_us: u64,
    wait_us: u64,
    slip_us: u64,
    /// The health page has answered below 500 once.
    page_works: bool,
    /// How often it was suspected for nothing since its last answer: the next time is later.
    lenient: u32,
    /// It has been tried since it takes connections again. Once is enough: a server that begins slowly would else be given
    /// everybody who waits.
    tried: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Up,
    Suspect,
    Down,
}

// === impl Health ===

impl Health {
    pub(super) fn new(now_us: u64) -> Health {
        Health {
            state: State::Up,
            why: Why::New,
            since_us: now_us,
            // The first look tells whether the health page works, and finds a node that is away before a user does.
            next_probe_us: now_us,
            probing_until_us: None,
            every_us: QUICK_US,
            wait_us: OUT_WAIT_US.0,
            slip_us: 0,
            page_works: false,
            lenient: 0,
            tried: false,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }
    pub(super) fn why(&self) -> Why {
        self.why
    }
    pub(super) fn since_us(&self) -> u64 {
        self.since_us
    }
    pub(super) fn lenient(&self) -> u32 {
        self.lenient
    }
    /// Whether its probes must be asked for more often.
    pub(super) fn restless(&self) -> bool {
        self.state != State::Up || self.next_probe_us != u64::MAX
    }

    /// A request failed.
    pub(super) fn failed(&mut self, how: Failure, now_us: u64) -> Change {
        let why = match how {
            Failure::Connect => Why::Refused,
            Failure::Cut => Why::Cut,
            Failure::Silent => Why::Silent,
            Failure::Garbled => Why::Garbled,
        };
        match how {
            _ if self.state == State::Down => Change::Nothing,
            Failure::Silent => self.suspect(why, now_us),
            Failure::Cut | Failure::Garbled if now_us < self.slip_us => self.suspect(why, now_us),
            _ => self.out(why, now_us),
        }
    }

    /// It has been silent for longer than it should.
    pub(super) fn silent(&mut self, now_us: u64) -> Change {
        self.suspect(Why::Silent, now_us)
    }

    /// It answered a request of its present generation.
    pub(super) fn answered(&mut self, now_us: u64) -> Change {
        self.lenient = 0;
        if self.state != State::Suspect {
            return Change::Nothing;
        }
        self.turn(State::Up, Why::Answered, now_us);
        Change::Back { fresh: false }
    }

    /// How long the probe that is due now may take. It counts as under way from now on.
    pub(super) fn probe_due(&mut self, patience_us: u64, now_us: u64) -> Option<Duration> {
        if self.probing_until_us.is_some_and(|until| now_us < until) || now_us < self.next_probe_us {
            return None;
        }
        let wait = match self.state {
            State::Suspect => patience_us.clamp(SUSPECT_WAIT_US.0, SUSPECT_WAIT_US.1),
            _ => self.wait_us,
        };
        self.probing_until_us = Some(now_us + wait + LOST_US);
        if self.state == State::Down {
            let quick = now_us.saturating_sub(self.since_us) < QUICK_FOR_US;
            self.every_us = if quick { QUICK_US } else { (self.every_us * 3 / 2).min(SLOW_US) };
            self.next_probe_us = now_us + self.every_us;
        } else {
            self.next_probe_us = now_us + SUSPECT_US;
        }
        Some(Duration::from_micros(wait))
    }

    /// A probe has got its connection. Of a node that nobody could reach this says much, of one that hung nothing.
    pub(super) fn connected(&mut self, now_us: u64) -> Change {
        let away = now_us.saturating_sub(self.since_us);
        let gone = matches!(self.why, Why::Refused | Why::Cut) && away >= BLINK_US;
        if self.state != State::Down || !gone || std::mem::replace(&mut self.tried, true) {
            return Change::Nothing;
        }
        Change::Tried
    }

    /// `alone`: no other node is up.
    pub(super) fn probed(&mut self, sign: Sign, after: Duration, alone: bool, now_us: u64) -> Change {
        self.probing_until_us = None;
        if sign == Sign::Answers {
            self.page_works = true;
            self.wait_us = (4 * after.as_micros() as u64).clamp(OUT_WAIT_US.0, OUT_WAIT_US.1);
        } else if sign == Sign::Connects && self.state == State::Down {
            // Perhaps its health page is only slow.
            self.wait_us = (self.wait_us * 2).min(OUT_WAIT_US.1);
        }
        match self.state {
            State::Up => {
                self.next_probe_us = u64::MAX;
                if sign == Sign::Nothing { self.out(Why::Refused, now_us) } else { Change::Nothing }
            }
            State::Suspect => match sign {
                Sign::Answers | Sign::Errs => {
                    self.lenient += 1;
                    self.turn(State::Up, Why::Probed, now_us);
                    Change::Back { fresh: false }
                }
                Sign::Connects if alone => Change::Nothing,
                Sign::Connects => self.out(self.why, now_us),
                Sign::Nothing => self.out(Why::Refused, now_us),
            },
            State::Down => {
                let away = now_us.saturating_sub(self.since_us);
                let benefit = if self.page_works { BENEFIT_AT_LAST_US } else { BENEFIT_US };
                let well = match sign {
                    Sign::Answers => true,
                    Sign::Errs => away >= benefit,
                    // A port that only accepts may belong to a process that hangs: later, and with all requests on
                    // probation, because a silence makes it suspect again.
                    Sign::Connects => away >= if self.page_works { u64::MAX } else { 5 * benefit },
                    Sign::Nothing => false,
                };
                if !well {
                    self.tried &= sign != Sign::Nothing;
                    return Change::NotYet;
                }
                if matches!(self.why, Why::Cut | Why::Garbled) && away < BLINK_US {
                    self.slip_us = now_us + SLIP_US;
                }
                self.turn(State::Up, Why::Probed, now_us);
                Change::Back { fresh: away >= BLINK_US }
            }
        }
    }

    fn suspect(&mut self, why: Why, now_us: u64) -> Change {
        if self.state != State::Up {
            return Change::Nothing;
        }
        self.turn(State::Suspect, why, now_us);
        self.next_probe_us = now_us;
        Change::Suspected
    }

    fn out(&mut self, why: Why, now_us: u64) -> Change {
        self.turn(State::Down, why, now_us);
        // A probe that is still under way belongs to the time before.
        self.probing_until_us = None;
        self.next_probe_us = now_us + FIRST_PROBE_US;
        self.every_us = QUICK_US;
        self.tried = false;
        Change::Out
    }

    fn turn(&mut self, to: State, why: Why, now_us: u64) {
        self.state = to;
        self.why = why;
        self.since_us = now_us;
        if to == State::Up {
            self.next_probe_us = u64::MAX;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_TIME: Duration = Duration::ZERO;

    fn up(now: u64) -> Health {
        let mut h = Health::new(now);
        assert!(h.probe_due(150 * MS, now).is_some());
        assert_eq!(h.probed(Sign::Answers, NO_TIME, true, now), Change::Nothing);
        h
    }

    #[test]
    fn a_restarted_node_is_noticed_within_50_ms_at_first_and_after_10_s_within_half_a_second() {
        let mut h = up(0);
        assert_eq!(h.failed(Failure::Connect, 0), Change::Out);
        let (mut last, mut now) = (0, 0);
        while now < 60_000 * MS {
            now += 5 * MS;
            if h.probe_due(0, now).is_some() {
                assert_eq!(h.probed(Sign::Nothing, NO_TIME, true, now), Change::NotYet);
                let most = if now <= 10_000 * MS { 45 * MS } else { 505 * MS };
                assert!(now - last <= most, "{} ms at {} ms", (now - last) / MS, now / MS);
                last = now;
            }
        }
        assert!(now - last <= 505 * MS);
        assert_eq!(h.probed(Sign::Answers, NO_TIME, true, now), Change::Back { fresh: true });
    }

    #[test]
    fn cuts_alone_do_not_keep_a_node_out_that_answers_its_probes() {
        let mut h = up(0);
        assert_eq!(h.failed(Failure::Cut, 0), Change::Out);
        assert!(h.probe_due(0, 25 * MS).is_some());
        assert_eq!(h.probed(Sign::Answers, NO_TIME, true, 26 * MS), Change::Back { fresh: false });
        // A crafted request again: looked at, but not thrown out.
        assert_eq!(h.failed(Failure::Cut, 30 * MS), Change::Suspected);
        assert!(h.probe_due(0, 30 * MS).is_some());
        assert_eq!(h.probed(Sign::Answers, NO_TIME, false, 31 * MS), Change::Back { fresh: false });
        // Really killed: the next connection says so.
        assert_eq!(h.failed(Failure::Cut, 40 * MS), Change::Suspected);
        assert_eq!(h.failed(Failure::Connect, 41 * MS), Change::Out);
        assert_eq!(h.failed(Failure::Cut, 42 * MS), Change::Nothing, "it is out already");
    }

    #[test]
    fn a_silent_node_is_out_when_its_probe_fails_too_unless_it_is_the_last() {
        let mut h = up(0);
        assert_eq!(h.silent(1_000), Change::Suspected);
        assert_eq!(h.silent(1_001), Change::Nothing);
        assert_eq!(h.probe_due(300 * MS, 1_001), Some(Duration::from_millis(300)));
        assert_eq!(h.probe_due(300 * MS, 250 * MS), None, "one at a time");
        assert_eq!(h.probed(Sign::Connects, NO_TIME, true, 300 * MS), Change::Nothing);
        assert!(h.probe_due(300 * MS, 300 * MS).is_some());
        assert_eq!(h.probed(Sign::Connects, NO_TIME, false, 600 * MS), Change::Out);
        assert_eq!(h.why(), Why::Silent);
    }

    #[test]
    fn a_suspected_node_that_answers_anything_is_up() {
        let mut h = up(0);
        assert_eq!(h.silent(1_000), Change::Suspected);
        assert_eq!(h.answered(2_000), Change::Back { fresh: false });
        assert_eq!(h.answered(2_000), Change::Nothing);
    }

    #[test]
    fn a_health_page_that_never_works_does_not_keep_a_node_out_for_ever() {
        let table = [(Sign::Errs, 1_000), (Sign::Connects, 5_000), (Sign::Nothing, u64::MAX)];
        for (sign, back_after) in table {
            let mut h = Health::new(0);
            assert!(h.probe_due(0, 0).is_some());
            if h.probed(sign, NO_TIME, true, 0) != Change::Out {
                assert_eq!(h.failed(Failure::Connect, 0), Change::Out);
            }
            let mut back = u64::MAX;
            for ms in 0..60_000 {
                if h.probe_due(0, ms * MS).is_some()
                    && h.probed(sign, NO_TIME, true, ms * MS) == (Change::Back { fresh: true })
                {
                    back = ms;
                    break;
                }
            }
            assert!(back == back_after || back.abs_diff(back_after) < 500, "{sign:?}: {back}");
        }
    }

    #[test]
    fn a_health_page_that_worked_and_now_errs_keeps_it_out_while_it_starts() {
        let mut h = up(0);
        assert_eq!(h.failed(Failure::Connect, 0), Change::Out);
        assert!(h.probe_due(0, 5_000 * MS).is_some());
        assert_eq!(h.probed(Sign::Errs, NO_TIME, true, 5_000 * MS), Change::NotYet);
        assert!(h.probe_due(0, 11_000 * MS).is_some());
        assert_eq!(h.probed(Sign::Errs, NO_TIME, true, 11_000 * MS), Change::Back { fresh: true });
    }

    #[test]
    fn that_a_node_takes_connections_says_nothing_of_one_that_hung() {
        for (how, tried) in [(Failure::Cut, Change::Tried), (Failure::Garbled, Change::Nothing)] {
            let mut h = up(0);
            assert_eq!(h.failed(how, 0), Change::Out);
            assert_eq!(h.connected(200 * MS), tried, "{how:?}");
        }
        let mut h = up(0);
        assert_eq!(h.silent(0), Change::Suspected);
        assert_eq!(h.probed(Sign::Connects, NO_TIME, false, 1), Change::Out);
        assert_eq!(h.connected(200 * MS), Change::Nothing);
    }

    #[test]
    fn a_probe_nobody_reported_on_is_asked_for_again() {
        let mut h = up(0);
        assert_eq!(h.failed(Failure::Connect, 0), Change::Out);
        assert!(h.probe_due(0, 25 * MS).is_some());
        assert!(h.probe_due(0, 1_000 * MS).is_none());
        assert!(h.probe_due(0, 1_600 * MS).is_some());
    }
}
