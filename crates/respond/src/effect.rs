//! What goes into a step and what comes out of it.

use stillhere_model::{
    Accepted, Amendment, Audience, CheckId, Command, Entry, Eta, Incident, IncidentId, Maintenance,
    MaintenanceId, Occasion, Refusal, ServiceId, Status, Time, VerdictChange,
};

/// Something that may call for a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Input<'a> {
    /// What the judge changed its mind about, in one batch.
    Verdicts(&'a [VerdictChange]),
    /// Time has passed. Also the first call after [`crate::State::restore`].
    Tick,
    Command {
        /// Who asks: a token's name, or `local` for the socket.
        by: String,
        command: Command,
    },
    /// When an incident is likely to be over, and why that is said now.
    Estimated { incident: IncidentId, eta: Eta, why: String },
    /// Our own way to the world was lost, or is back.
    Uplink { up: bool },
    /// A look found a certificate that ends in `days` days.
    Certificate { check: CheckId, days: u32 },
    /// So many looks were due and could not be begun in time since this was last said.
    FellBehind { looks: u64 },
    /// The wall clock moved against the monotonic one.
    ClockJumped { by_ms: i64 },
    /// The configuration was loaded anew: the topology is not the one of the last step.
    TopologyChanged,
}

/// What is to be done about it, in this order, in one transaction with the state it came from.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// The incident as it is now: replaces what is stored under its id.
    Incident(Box<Incident>),
    Maintenance(Box<Maintenance>),
    /// To the judge: a person's word on services; `None` takes it back.
    Declare {
        incident: IncidentId,
        services: Vec<(ServiceId, Option<Status>)>,
    },
    /// To the judge: planned work begins or ends.
    MaintenanceActive {
        id: MaintenanceId,
        services: Vec<ServiceId>,
        expect: Status,
        active: bool,
    },
    /// To the scheduler: look at these services now, the answer decides who is to blame.
    LookNow {
        services: Vec<ServiceId>,
    },
    /// One occasion for one audience, not to be sent before `not_before`. Never the same occasion twice.
    Announce {
        occasion: Occasion,
        audience: Audience,
        not_before: Time,
    },
    /// Staff messages of this incident that are not yet sent must not be: something better follows.
    Withdraw {
        incident: IncidentId,
    },
    Amend(Amendment),
    Journal(Entry),
}

/// What a step decided.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Step {
    pub effects: Vec<Effect>,
    /// The answer to a command, `None` for every other input.
    pub outcome: Option<Result<Accepted, Refusal>>,
}
