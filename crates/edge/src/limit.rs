//! What one visitor may do at most.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one visitor may do at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitSpec {}
