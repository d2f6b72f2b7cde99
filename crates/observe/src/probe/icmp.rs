//! (placeholder: being written)

use crate::{
    condition::Name,
    probe::{Good, Look, Problem, Shared},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stillhere_net::{Fault, Phase, Trace};

/// What conditions may say.
pub static NAMES: &[Name] = &[];

/// (being written)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IcmpSpec {
    /// Host name or address.
    pub host: String,
}

pub(crate) struct Icmp;

// === impl IcmpSpec ===

impl IcmpSpec {
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        Vec::new()
    }
    /// Who is asked.
    #[must_use]
    pub fn target(&self) -> String {
        self.host.clone()
    }
}

// === impl Icmp ===

impl Icmp {
    pub(crate) fn new(_spec: &IcmpSpec, _shared: &Shared) -> Result<Icmp, Problem> {
        Err(Problem::new("kind", "this kind is being written"))
    }
    /// Should end before `look.deadline` with a finding of its own; `timed_out` is for when it did not.
    pub(crate) async fn look(&self, _look: &Look<'_>, _trace: &mut Trace) -> Result<Good, Fault> {
        Err(Fault::ours("being written", ""))
    }
    pub(crate) fn timed_out(&self, timeout_ms: u32) -> Fault {
        Fault::timeout(Phase::Connect, timeout_ms)
    }
}
