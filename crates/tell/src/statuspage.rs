//! `/api/v2`: the JSON that Statuspage clients read, in its exact shape.

use crate::snapshot::Snapshot;
use serde_json::Value;

#[must_use]
pub fn summary(_s: &Snapshot) -> Value {
    Value::Null
}
#[must_use]
pub fn status(_s: &Snapshot) -> Value {
    Value::Null
}
#[must_use]
pub fn components(_s: &Snapshot) -> Value {
    Value::Null
}
#[must_use]
pub fn incidents(_s: &Snapshot) -> Value {
    Value::Null
}
#[must_use]
pub fn unresolved(_s: &Snapshot) -> Value {
    Value::Null
}
#[must_use]
pub fn scheduled_maintenances(_s: &Snapshot) -> Value {
    Value::Null
}
#[must_use]
pub fn upcoming(_s: &Snapshot) -> Value {
    Value::Null
}
#[must_use]
pub fn active(_s: &Snapshot) -> Value {
    Value::Null
}
