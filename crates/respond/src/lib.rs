//! From verdicts to incidents: opens one for each cause, says what happens in it, makes and scores
//! promises, and decides who is told what and when. Pure: `step(state, input, now) -> effects`.

mod effect;
mod policy;

pub use effect::{Effect, Input, Step};
pub use policy::{Policy, UpdateEvery};

use stillhere_model::{CheckId, Incident, IncidentId, Maintenance, Mint, Moment, Time, Topology, Verdict};

/// Everything respond remembers between two steps.
#[derive(Debug, Clone, Default)]
pub struct State {}

/// What was kept through a restart.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// All open incidents, and those resolved within the last day.
    pub incidents: Vec<Incident>,
    /// All that are not over, and those from the file that are.
    pub maintenances: Vec<Maintenance>,
    /// The same that the judge restores from.
    pub verdicts: Vec<Verdict>,
    /// Certificate thresholds that staff were already told about ([`State::certificates`]).
    pub certificates: Vec<(CheckId, u32)>,
}

/// Decides about one input. The caller carries out the effects, in their order.
pub fn step(
    state: &mut State,
    policy: &Policy,
    topology: &Topology,
    input: Input<'_>,
    now: Moment,
    mint: &mut Mint,
) -> Step {
    let _ = (state, policy, topology, input, now, mint);
    Step::default()
}

/// When a [`Input::Tick`] is worth its while, if nothing else happens.
#[must_use]
pub fn next_wake(state: &State, policy: &Policy, now: Moment) -> Option<Time> {
    let _ = (state, policy, now);
    None
}

// === impl State ===

impl State {
    #[must_use]
    pub fn new(topology: &Topology) -> State {
        let _ = topology;
        State::default()
    }

    /// Goes on where the last process stopped. The first input after it must be a [`Input::Tick`].
    #[must_use]
    pub fn restore(topology: &Topology, kept: Kept, now: Moment) -> State {
        let _ = (topology, kept, now);
        State::default()
    }

    /// Open incidents, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        std::iter::empty()
    }

    /// An incident that is held here, open or not.
    #[must_use]
    pub fn incident(&self, id: IncidentId) -> Option<&Incident> {
        let _ = id;
        None
    }

    /// Takes in an old resolved incident from the store, so that a command may correct it.
    pub fn remember(&mut self, incident: Incident) {
        let _ = incident;
    }

    pub fn maintenances(&self) -> impl Iterator<Item = &Maintenance> {
        std::iter::empty()
    }

    /// Certificate thresholds that staff were told about, to be kept through a restart.
    pub fn certificates(&self) -> impl Iterator<Item = (&CheckId, u32)> {
        std::iter::empty()
    }
}
