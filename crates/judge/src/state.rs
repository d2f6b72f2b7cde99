//! What the judge remembers between steps.

use stillhere_model::{ServiceId, Topology, Verdict};

/// Everything known about every check and service.
#[derive(Debug, Clone, Default)]
pub struct State {
    verdicts: Vec<Verdict>,
}

// === impl State ===

impl State {
    /// Nothing has been looked at yet.
    #[must_use]
    pub fn new(topology: &Topology) -> State {
        State::restore(topology, Vec::new())
    }

    /// After a restart: the verdicts continue until a look confirms or changes them, or until there is no
    /// fresh news. Tell the judge what is declared and under maintenance before the first `Tick`.
    #[must_use]
    pub fn restore(_topology: &Topology, verdicts: Vec<Verdict>) -> State {
        State { verdicts }
    }

    /// The verdicts now, in the order of the configuration.
    pub fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter()
    }

    #[must_use]
    pub fn verdict(&self, service: &ServiceId) -> Option<&Verdict> {
        self.verdicts.iter().find(|v| &v.service == service)
    }
}
