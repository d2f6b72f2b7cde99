//! What a look, or the lack of one, does to a check.

use crate::{
    Look, RECHECK_AFTER,
    check::{Blind, MAX_VANTAGES},
    state::State,
    uplink,
    vote::Vote,
    when,
};
use stillhere_model::{Finding, Moment, Observation, Outcome, Reason, VantageId};

// === impl State ===

impl State {
    /// A look came in. When it changes nothing, this is the whole cost of a look: no allocation, and nothing
    /// that grows with the number of services.
    pub(crate) fn observed(&mut self, obs: &Observation, now: Moment, looks: &mut Vec<Look>) {
        let Some(&i) = self.check_at.get(&obs.check) else { return };
        if now.mono_ms > self.checks[i].deadline_ms {
            self.expire(i, now);
        }
        let outcome = uplink::seen(obs.outcome, self.uplink);
        if outcome == Outcome::Unknown {
            return self.could_not_look(i, obs, now);
        }
        let at = when::began(obs, now);
        let Some((v, joined)) = self.voter(i, &obs.vantage) else { return };
        let check = &mut self.checks[i];
        let (s, place) = (check.service, check.place);
        check.known_ms = now.mono_ms;
        check.heard_ms = now.mono_ms;
        let works = outcome != Outcome::Down;
        if works {
            check.worked_ms = check.worked_ms.max(at.mono_ms);
        }
        let vote = &mut check.votes[v];
        vote.heard_ms = now.mono_ms;
        let counted = vote.count(outcome, at, check.rules.needed);
        let mut news = joined || counted.changed;
        if outcome == vote.standing {
            if vote.finding != obs.finding {
                vote.finding.clone_from(&obs.finding);
                news = true;
            }
        } else if counted.changed {
            vote.finding = None;
        }
        let began = if counted.changed { vote.since } else { at };
        if check.deadline_ms == i64::MAX && !check.rules.passive {
            check.deadline_ms = check.next_deadline();
        }
        if counted.recheck && !check.rules.passive {
            looks.push(Look::Recheck { check: obs.check.clone(), after: RECHECK_AFTER });
        }
        self.services[s].verdict.checks[place].last_look = Some(at.wall);
        let weighed = news && self.settle(i, began, true, now);
        if works && !weighed && matches!(self.services[s].verdict.reason, Reason::Dependency { .. }) {
            self.weigh(s, at, now);
        }
    }

    /// The vote of a vantage, made if need be; `None` for one that may not vote. The flag: it was made.
    fn voter(&mut self, i: usize, vantage: &VantageId) -> Option<(usize, bool)> {
        let check = &mut self.checks[i];
        if let Some(v) = check.votes.iter().position(|v| &v.vantage == vantage) {
            return Some((v, false));
        }
        let welcome = self.vantages.as_ref().is_none_or(|known| known.contains(vantage));
        if !welcome || check.votes.len() >= MAX_VANTAGES {
            return None;
        }
        let mut vote = Vote::new(vantage.clone(), check.seed.unwrap_or(Outcome::Unknown), check.since);
        if check.seed.is_some() {
            vote.finding.clone_from(&self.services[check.service].verdict.checks[check.place].finding);
        }
        // Most checks have one vantage for ever, and there are ten thousands of checks.
        check.votes.reserve_exact(1);
        check.votes.push(vote);
        Some((check.votes.len() - 1, true))
    }

    /// A look that could not look: it neither counts nor resets. It only tells why we do not see, if we don't.
    fn could_not_look(&mut self, i: usize, obs: &Observation, now: Moment) {
        let check = &mut self.checks[i];
        check.heard_ms = now.mono_ms;
        if obs.outcome != Outcome::Unknown {
            check.unseen = Some(Finding::OwnUplinkDown);
        } else if check.unseen != obs.finding {
            check.unseen.clone_from(&obs.finding);
        }
        if check.outcome == Outcome::Unknown {
            check.blind = Blind::because(check.unseen.as_ref(), self.uplink);
            self.settle(i, now, false, now);
        }
    }

    /// A time-out of this check may be due.
    fn expire(&mut self, i: usize, now: Moment) {
        let uplink = self.uplink;
        let check = &mut self.checks[i];
        let (stale, vote) = (check.rules.stale_ms(), check.rules.vote_ms());
        let heard = now.mono_ms.saturating_sub(check.heard_ms) <= stale;
        if check.outcome == Outcome::Unknown {
            if !heard {
                check.votes.clear();
                if uplink {
                    check.blind = Blind::NoFreshNews;
                }
            }
            self.settle(i, now, false, now);
        } else if now.mono_ms.saturating_sub(check.known_ms) > stale {
            check.votes.clear();
            check.seed = None;
            check.blind = match heard {
                false if uplink => Blind::NoFreshNews,
                _ => Blind::because(check.unseen.as_ref(), uplink),
            };
            // What was known held until the next look was due, not until we noticed that it did not come.
            let due = when::at_mono(check.known_ms.saturating_add(check.rules.interval_ms), now);
            self.settle(i, due, false, now);
        } else {
            check.votes.retain(|v| now.mono_ms.saturating_sub(v.heard_ms) <= vote);
            if !check.votes.is_empty() {
                check.seed = None; // everybody had the time to speak
            }
            self.settle(i, now, false, now);
        }
    }

    /// Recounts a check's votes and passes on what changed; true when the service was weighed.
    /// `began`: when the change began. `looked`: a look brought it, so that an outage is dated by the votes.
    fn settle(&mut self, i: usize, began: Moment, looked: bool, now: Moment) -> bool {
        let check = &mut self.checks[i];
        let tally = check.tally();
        let view = &mut self.services[check.service].verdict.checks[check.place];
        let resumed = tally.live == 0 && check.seed.is_some();
        if !resumed {
            (view.votes_down, view.votes_live) = (tally.down, tally.live);
        }
        let mut changed = false;
        let mut began = began;
        if tally.outcome != check.outcome {
            changed = true;
            began = tally.since.filter(|_| looked).unwrap_or(began);
            check.outcome = tally.outcome;
            check.since = began;
            check.seed = None;
            view.outcome = tally.outcome;
            view.since = when::since(check.since, view.since, now);
        }
        check.deadline_ms = check.next_deadline();
        if !resumed {
            let finding = match (check.outcome, check.blind) {
                (Outcome::Unknown, Blind::NotYetLooked) => Some(&Finding::NotYetLooked),
                (Outcome::Unknown, Blind::NoFreshNews) => Some(&Finding::NoFreshNews),
                (Outcome::Unknown, Blind::OwnUplinkDown) => Some(&Finding::OwnUplinkDown),
                (Outcome::Unknown, Blind::CannotSee) => check.unseen.as_ref(),
                _ => check.finding(),
            };
            if view.finding.as_ref() != finding {
                view.finding = finding.cloned();
                changed = true;
            }
        }
        if changed {
            let s = check.service;
            self.weigh(s, began, now);
        }
        changed
    }

    pub(crate) fn uplink(&mut self, up: bool, now: Moment) {
        if self.uplink == up {
            return;
        }
        self.uplink = up;
        for i in 0..self.checks.len() {
            let check = &mut self.checks[i];
            if up {
                if check.outcome == Outcome::Unknown && check.blind == Blind::OwnUplinkDown {
                    // The next looks have their time to come before this is called no fresh news.
                    check.heard_ms = now.mono_ms;
                    check.deadline_ms = check.next_deadline();
                }
                continue;
            }
            // Nothing that was known can be confirmed, an outage as little as a good state.
            check.votes.clear();
            check.seed = None;
            check.blind = Blind::OwnUplinkDown;
            self.settle(i, now, false, now);
        }
    }

    pub(crate) fn take_vantages(&mut self, vantages: Vec<VantageId>, now: Moment) {
        for i in 0..self.checks.len() {
            let check = &mut self.checks[i];
            let before = check.votes.len();
            check.votes.retain(|v| vantages.contains(&v.vantage));
            if check.votes.len() == before {
                continue;
            }
            if check.votes.is_empty() && check.outcome != Outcome::Unknown {
                // The last voter left (renamed, say): what is known stands until a look, or until it is stale.
                check.seed = Some(check.outcome);
            }
            self.settle(i, now, false, now);
        }
        self.vantages = Some(vantages);
    }

    pub(crate) fn tick(&mut self, now: Moment) {
        if std::mem::take(&mut self.resuming) {
            for service in &mut self.services {
                service.claims.drop_assumed();
            }
            self.weigh_all(now);
        }
        for i in 0..self.checks.len() {
            if now.mono_ms > self.checks[i].deadline_ms {
                self.expire(i, now);
            }
        }
        for s in std::mem::take(&mut self.unstable) {
            if self.services[s].flap.is_calm(now.mono_ms) {
                self.touch(s);
                self.services[s].verdict.unstable = false;
            } else {
                self.unstable.push(s);
            }
        }
    }
}
