//! The judge: from looks to verdicts. Pure: no clock, no I/O, no randomness.
//!
//! `step` takes one input at one moment and returns what changed and where to look again. The rules are
//! tabulated in `docs/verdicts.md`, which a test holds against this code. What is kept between steps is
//! [`State`]; it is rebuilt after a restart from the last verdicts, so that nothing is announced twice.

mod change;
mod check;
mod claims;
mod depend;
mod flap;
mod look;
mod own;
mod resume;
mod state;
mod uplink;
mod vote;
mod weigh;
mod when;

pub use flap::{UNSTABLE_CALM, UNSTABLE_CHANGES, UNSTABLE_WINDOW};
pub use state::State;
pub use uplink::attribute;

use std::time::Duration;
use stillhere_model::{
    CheckId, IncidentId, MaintenanceId, Moment, Observation, ServiceId, Status, Topology, VantageId,
    VerdictChange,
};

/// How soon the second look follows the first one that failed (or was good again).
pub const RECHECK_AFTER: Duration = Duration::from_millis(500);

/// Looks asked for by one outage. A wider spread than this is looked at in its turn.
pub const MAX_LOOKS_NOW: usize = 512;

/// What the judge is told.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    Observed(&'a Observation),
    /// A person's word for services in an incident; `None` takes it back.
    Declared {
        incident: IncidentId,
        services: Vec<(ServiceId, Option<Status>)>,
    },
    /// Planned work begins (or changes) or ends. `expect`: the worst status that is part of the plan.
    Maintenance {
        id: MaintenanceId,
        services: Vec<ServiceId>,
        expect: Status,
        active: bool,
    },
    /// Our own connection to the world.
    Uplink {
        up: bool,
    },
    /// The vantages there are now. Votes of others are dropped.
    Vantages(Vec<VantageId>),
    /// The topology passed along is a new one.
    TopologyChanged,
    /// Time passed. Call about once a second.
    Tick,
}

/// What came of one input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Step {
    /// At most one per service; the service that a failure began with comes before those it takes along.
    pub changes: Vec<VerdictChange>,
    pub looks: Vec<Look>,
}

/// A look wanted out of turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Look again on a fresh connection, before a verdict.
    Recheck { check: CheckId, after: Duration },
    /// Look now, because of another service's outage.
    Now { check: CheckId, why: Why },
}

/// Why a look is wanted now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The check's service depends on `of`, which is out.
    DependantOf(ServiceId),
    /// The service `of`, which is out, depends on the check's service.
    AncestorOf(ServiceId),
}

/// Judges one input. `topology` must be the one that `state` was made with, except with
/// [`Input::TopologyChanged`], which takes over the new one.
pub fn step(state: &mut State, topology: &Topology, input: Input<'_>, now: Moment) -> Step {
    let mut looks = Vec::new();
    state.begin(now);
    match input {
        Input::Observed(obs) => state.observed(obs, now, &mut looks),
        Input::Declared { incident, services } => state.declare(incident, &services, now),
        Input::Maintenance { id, services, expect, active } => {
            state.plan(id, &services, active.then_some(expect), now);
        }
        Input::Uplink { up } => state.uplink(up, now),
        Input::Vantages(vantages) => state.take_vantages(vantages, now),
        Input::TopologyChanged => state.rebuild(topology, now),
        Input::Tick => state.tick(now),
    }
    let changes = state.finish(now, &mut looks);
    Step { changes, looks }
}
