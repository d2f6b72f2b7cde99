//! What lets people in and keeps others out: passwords, codes, device marks, and how often somebody may try.
//!
//! Nothing here speaks HTTP or SQL, and time and randomness are parameters; what happens is decided in `web`, kept in
//! `store`. The threats and where each is met: `docs/security.md`.

pub mod gate;
pub mod keys;
pub mod oidc;
pub mod passkey;
pub mod password;
pub mod secret;
pub mod totp;

use std::sync::Mutex;

pub use gate::{Gate, Pass, Wait};
pub use keys::Keys;
pub use password::{Busy, Hasher};

/// Everything that a log-in needs beside the store. One for the whole process, so that all doors share one budget.
pub struct Access {
    pub keys: Keys,
    pub hasher: Hasher,
    gate: Mutex<Gate>,
}

// === impl Access ===

impl Access {
    /// `random`: for the hash that nobody's password has.
    #[must_use]
    pub fn new(keys: Keys, cost: password::Cost, random: [u8; 16]) -> Access {
        Access { keys, hasher: Hasher::new(cost, random), gate: Mutex::new(Gate::new()) }
    }

    /// The gate, for as short as a look at it takes.
    pub fn gate<T>(&self, look: impl FnOnce(&mut Gate) -> T) -> T {
        look(&mut self.gate.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
