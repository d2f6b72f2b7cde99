//! What may happen to an action, and what may never: nothing that may have been executed is sent again unless the
//! origin honours the key.
//!
//! Pure. The journal applies one [`step`] to each record inside its transaction.

/// Where an action stands, as it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// The request is on disk, and no byte of it has reached a node.
    Saved,
    /// A byte may have reached a node, and its sender still owns it.
    Sent,
    /// A byte may have reached a node, and its sender is gone without an answer.
    Unknown,
    /// The origin answered; the answer is on disk.
    Done,
    /// The origin answered and said no; the answer is on disk.
    Refused,
    /// The origin wants to know who it is: a person has to come.
    NeedsYou,
    /// It was never sent, it is too late now, and that was said: it never will be.
    Expired,
    /// Surely nothing was done, and the record goes: the key is free again.
    Forgotten,
}

/// The state with what decides about sending again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standing {
    pub state: State,
    /// The origin does a request once for each key, however often it comes.
    pub honours: bool,
    /// An earlier attempt may have been executed.
    pub doubt: bool,
}

/// What happened, or is about to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Somebody takes it in order to send it, the request in hand.
    Claim,
    /// The first byte is about to leave.
    Sending,
    /// The attempt surely wrote nothing, or was surely turned away before anything was done.
    NotSent,
    /// The attempt may have been executed, though its sender has not given up.
    InDoubt,
    Done,
    Refused,
    /// `sure`: the origin turned it away before doing anything.
    NeedsYou {
        sure: bool,
    },
    /// The sender is gone, or gives up, after a byte may have reached a node.
    Lost,
    TooLate,
    /// Surely nothing was done, and whoever asked was told to come again.
    Forget,
}

/// Why an event may not happen now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It may have been executed, and the origin does not honour the key.
    MayDouble,
    /// Another sender owns it.
    Taken,
    /// It is settled for good.
    Settled,
    /// It does not follow from where it stands.
    OutOfOrder,
}

/// The next standing.
///
/// # Errors
/// When the event may not happen now; nothing changes then.
pub fn step(at: Standing, event: Event) -> Result<Standing, Refusal> {
    let to = |state| Ok(Standing { state, ..at });
    let safe = at.honours || !at.doubt;
    match (at.state, event) {
        (State::Done | State::Refused | State::Expired | State::Forgotten, _) => Err(Refusal::Settled),

        (State::Sent, Event::Claim) => Err(Refusal::Taken),
        (State::Saved | State::Unknown | State::NeedsYou, Event::Claim) if !safe => Err(Refusal::MayDouble),
        // The person is here, and has brought the request again.
        (State::NeedsYou, Event::Claim) => to(if at.doubt { State::Unknown } else { State::Saved }),
        (state, Event::Claim) => to(state),
        (State::NeedsYou, Event::Sending) => Err(Refusal::OutOfOrder),
        (_, Event::Sending) if safe => to(State::Sent),
        (_, Event::Sending) => Err(Refusal::MayDouble),

        (State::Sent, Event::InDoubt) => Ok(Standing { doubt: true, ..at }),
        (State::Sent, Event::NotSent | Event::Forget) if at.doubt => to(State::Unknown),
        (State::Sent, Event::NotSent) => to(State::Saved),
        (State::Saved | State::Sent, Event::Forget) => to(State::Forgotten),
        (state, Event::NotSent) => to(state),

        (State::Sent, Event::Done) => to(State::Done),
        (State::Sent, Event::Refused) => to(State::Refused),
        (State::Sent, Event::NeedsYou { sure }) => {
            Ok(Standing { state: State::NeedsYou, doubt: at.doubt || !sure, ..at })
        }
        (State::Sent | State::Unknown, Event::Lost) => {
            Ok(Standing { state: State::Unknown, doubt: true, ..at })
        }
        (State::Saved, Event::TooLate) => to(State::Expired),

        (
            State::Saved | State::Unknown | State::NeedsYou,
            Event::InDoubt | Event::Done | Event::Refused | Event::NeedsYou { .. },
        )
        | (State::Saved | State::NeedsYou, Event::Lost)
        | (State::Unknown | State::NeedsYou, Event::Forget)
        | (State::Sent | State::Unknown | State::NeedsYou, Event::TooLate) => Err(Refusal::OutOfOrder),
    }
}

// === impl State ===

impl State {
    pub const ALL: [State; 8] = [
        State::Saved,
        State::Sent,
        State::Unknown,
        State::Done,
        State::Refused,
        State::NeedsYou,
        State::Expired,
        State::Forgotten,
    ];

    /// Whether an answer of the origin is kept with it.
    #[must_use]
    pub fn answered(self) -> bool {
        matches!(self, State::Done | State::Refused)
    }
}

impl Standing {
    /// Whether the request itself is still needed: only when it may be sent (again).
    #[must_use]
    pub fn needs_request(self) -> bool {
        match self.state {
            State::Saved | State::Sent => true,
            State::Unknown => self.honours,
            State::Done | State::Refused | State::NeedsYou | State::Expired | State::Forgotten => false,
        }
    }
}

#[cfg(test)]
mod tests;
