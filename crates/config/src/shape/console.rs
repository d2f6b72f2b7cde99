//! What the console may not say, because it is about this machine.
//!
//! Threat: whoever got into the console as an admin has a check or a channel send a file or a variable of this machine to a server
//! of theirs. Therefore what is made there names neither; a secret is written itself.

use super::Shape;
use crate::{path::At, report::Faults};
use toml::de::DeValue;

/// Longest secret, in bytes.
const SECRET_BYTES: usize = 8 * 1024;

pub(super) fn check(shape: &Shape, value: &DeValue<'_>, at: &At<'_>, faults: &mut Faults) -> bool {
    if matches!(shape, Shape::LocalFile(_)) {
        let hint = "leave it out, or write this service or channel into the file".to_owned();
        faults.value(
            at.path(),
            "is a file of this machine, which only the configuration file may name",
            hint,
        );
        return false;
    }
    let held = match value {
        DeValue::Table(t) if t.len() == 1 => t.get("value").map(toml::Spanned::get_ref),
        _ => None,
    };
    let (problem, hint) = match held {
        Some(DeValue::String(s)) if s.trim().is_empty() => ("is empty", "write the secret"),
        Some(DeValue::String(s)) if s.len() <= SECRET_BYTES => return true,
        Some(DeValue::String(_)) => ("is too long for a secret", "8 KiB are the most"),
        _ => (
            "is not a secret itself, and where one is on this machine only the configuration file may say",
            "write { \"value\": \"the secret\" }",
        ),
    };
    faults.value(at.path(), problem, hint.to_owned());
    false
}
