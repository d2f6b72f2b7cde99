//! TLS: one crypto provider, connections that finish the handshake first and judge the certificate after.

use rustls::crypto::CryptoProvider;

/// Installs the one crypto provider (ring). The first line of `main` and of each test that may meet TLS; doing it
/// again does nothing.
pub fn install() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    debug_assert!(CryptoProvider::get_default().is_some(), "somebody installed one");
}
