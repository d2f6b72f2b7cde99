//! A queue before the door.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A queue before the door.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomSpec {}
