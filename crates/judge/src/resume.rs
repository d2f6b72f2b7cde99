//! After a restart: the last verdicts go on, so that nothing is announced twice and nothing is forgotten.
//!
//! A verdict holds what was said, not how it came about. Moments are derived from its wall times; votes and
//! runs are not saved, so each check starts from the outcome it had. Whom an outage had not taken along stays
//! free of it.

use crate::{
    check::{Blind, Check, Rules},
    state::{Kept, Service, State, is_outage},
    when,
};
use std::collections::HashMap;
use stillhere_model::{CheckView, Moment, Outcome, Reason, ServiceId, Status, Time, Topology, Verdict};

// === impl State ===

impl State {
    /// After a restart: the verdicts continue until a look confirms or changes them, or until there is no
    /// fresh news. What is declared and under maintenance is to be said again (`Declared`, `Maintenance`)
    /// before the first `Tick`, which weighs it and drops what was not.
    #[must_use]
    pub fn restore(topology: &Topology, verdicts: Vec<Verdict>) -> State {
        let mut state = State::empty();
        state.resuming = !verdicts.is_empty();
        let mut kept = Kept::new();
        let mut services = HashMap::new();
        for verdict in verdicts {
            for view in &verdict.checks {
                if let Some(def) = topology.checks.get(&view.check) {
                    kept.insert(view.check.clone(), (resumed(Rules::of(def), view), view.clone()));
                }
            }
            services.insert(verdict.service.clone(), Service::new(verdict, true));
        }
        state.build(topology, services, kept);
        for s in 0..state.services.len() {
            let judged = state.own(s).0;
            let Service { verdict, claims, .. } = &mut state.services[s];
            let declared = match verdict.reason {
                Reason::Declared { incident } => Some((incident, verdict.status)),
                _ => None,
            };
            let window = verdict.maintenance.map(|id| match verdict.reason {
                Reason::Maintenance { .. } => (id, judged),
                _ => (id, Status::UnderMaintenance),
            });
            claims.assume(declared, window);
        }
        state
    }

    /// Gives what was restored its place on the clocks of this process.
    pub(crate) fn resume(&mut self, now: Moment) {
        // Whatever was said before the restart began before now, even when the clock was set back meanwhile.
        let moment = |wall: Time| {
            let ago = now.wall.0.saturating_sub(wall.0).max(1);
            Moment::new(wall, when::ago(ago, now).mono_ms)
        };
        let resumed: Vec<usize> =
            (0..self.services.len()).filter(|s| std::mem::take(&mut self.services[*s].resumed)).collect();
        for &s in &resumed {
            let Service { verdict, checks, outage, flap, .. } = &mut self.services[s];
            *outage = is_outage(verdict.status).then(|| moment(verdict.since));
            if verdict.unstable {
                flap.resume(now.mono_ms);
                self.unstable.push(s);
            }
            for (i, view) in checks.iter().zip(&verdict.checks) {
                let check = &mut self.checks[*i];
                check.since = moment(view.since);
                if check.seed.is_some() || check.blind != Blind::NotYetLooked {
                    (check.known_ms, check.heard_ms) = (now.mono_ms, now.mono_ms);
                    check.deadline_ms = check.next_deadline();
                }
            }
        }
        for s in resumed {
            self.services[s].freed = self.free_of(s);
        }
    }

    /// The dependencies whose outage does not explain a restored verdict: had it not been seen to work
    /// without them, they would.
    fn free_of(&self, s: usize) -> Vec<ServiceId> {
        let named = self.named_origin(s);
        let said = self.pulls(s).filter(|p| named == Some(p.origin)).map(|p| p.rank(named)).max();
        self.pulls(s)
            .filter(|p| said.is_none_or(|said| p.rank(named) > said))
            .map(|p| self.services[p.dependency].verdict.service.clone())
            .collect()
    }
}

/// A check as its last verdict showed it.
fn resumed(rules: Rules, view: &CheckView) -> Check {
    let mut check = Check::new(rules);
    check.outcome = view.outcome;
    if view.outcome == Outcome::Unknown {
        check.blind = Blind::because(view.finding.as_ref(), true);
        check.unseen = view.finding.clone();
    } else {
        check.seed = Some(view.outcome);
    }
    check
}
