//! Requests with an `Idempotency-Key` are kept and done once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Requests with an `Idempotency-Key` are kept and done once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyedSpec {}
