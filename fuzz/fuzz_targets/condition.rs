//! Any text as a condition of every kind of check: never a panic, and bounded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stillhere_observe::{Condition, KINDS};

fuzz_target!(|text: &str| {
    for kind in KINDS {
        // A condition that is accepted has been evaluated on the kind's samples.
        if let Ok(condition) = Condition::parse(kind.names, text) {
            assert_eq!(condition.text(), text.trim());
        }
    }
});
