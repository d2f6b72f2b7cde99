//! Any text as a condition of every kind of check: never a panic, and bounded.

use stillhere_observe::{Condition, KINDS};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for kind in KINDS {
        // A condition that is accepted has been evaluated on the kind's samples.
        if let Ok(condition) = Condition::parse(kind.names, text) {
            assert_eq!(condition.text(), text.trim());
        }
    }
}
