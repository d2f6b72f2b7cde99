//! (placeholder: being written)

use crate::{condition::Name, probe::Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What conditions may say.
pub static NAMES: &[Name] = &[];

/// (being written)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PushSpec {}

impl PushSpec {
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        Vec::new()
    }
}
