//! The one source of randomness. What decides takes it as a parameter, so that tests can seed it.

use ring::rand::SecureRandom as _;

/// `N` random bytes from the kernel, fit for tokens and keys.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0u8; N];
    ring::rand::SystemRandom::new()
        .fill(&mut out)
        .expect("getrandom does not fail once the kernel has booted");
    out
}

/// The same source, for what makes its own keys and signatures.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn source() -> impl ring::rand::SecureRandom {
    ring::rand::SystemRandom::new()
}

/// A random number.
#[must_use]
pub fn u64() -> u64 {
    u64::from_ne_bytes(bytes())
}
