//! How WebSockets are kept open.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How WebSockets are kept open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SocketSpec {}
