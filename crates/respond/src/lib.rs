//! From verdicts to incidents: opens one for each cause, says what happens in it, makes and scores
//! promises, and decides who is told what and when. Pure: `step(state, input, now) -> effects`.
//!
//! A step goes through these stages, one module each:
//!
//! 1. `promise`: what was due and not kept has been missed, before anything else is said;
//! 2. `cause`: each new failure is taken into the incident of its cause, or opens one;
//! 3. `settle`: what that makes of each incident is said, in at most one update, and told
//!    (`alert` says who is told when);
//! 4. `recover`: what is good for long enough is over;
//! 5. `maintenance`: planned work begins and ends by the wall clock.
//!
//! `acknowledge` keeps who has taken it on, and calls again while nobody has. `command` does what a person asks for, `restore` goes on after a restart, `ours` is about ourselves.
//! Waiting is measured on the monotonic clock; promises and maintenance windows are wall times, for they
//! were made in public.

mod acknowledge;
mod alert;
mod cause;
mod command;
mod desk;
mod effect;
mod eta;
mod graph;
mod maintenance;
mod ours;
mod policy;
mod prevention;
mod promise;
mod recover;
mod restore;
mod settle;
mod state;
mod wake;
mod words;

pub use acknowledge::ACKNOWLEDGEMENTS_MAX;
pub use effect::{Effect, Input, Step};
pub use eta::ETAS_MAX;
pub use policy::{ALERT_WAIT_MAX, CALLS_MAX, Cadence, NAGS_MAX, Pace, Policy, STORM_WINDOW};
pub use prevention::{PREVENTIONS_MAX, REMINDERS_MAX};
pub use restore::Kept;
pub use state::State;
pub use wake::next_wake;
pub use words::{TEXT_MAX, TITLE_MAX};

use stillhere_model::{Mint, Moment, Topology};

/// Decides about one input. The caller carries out the effects, in their order. `topology` must be the one
/// that `state` was made with, except with [`Input::TopologyChanged`], which takes over the new one.
pub fn step(
    state: &mut State,
    policy: &Policy,
    topology: &Topology,
    input: Input<'_>,
    now: Moment,
    mint: &mut Mint,
) -> Step {
    desk::Desk::new(state, policy, topology, now, mint).take(input)
}
