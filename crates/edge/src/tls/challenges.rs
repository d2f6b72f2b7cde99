//! What a certificate authority asks us to show, so that it sees that a name is ours: a text under an address
//! (http-01), or a certificate made for the purpose (tls-alpn-01).
//!
//! Only what was asked for at this moment is shown. A token that is not ours goes on to the origin, which may have an
//! authority of its own.

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::{crypto::ring::sign::any_supported_type, pki_types::PrivateKeyDer, sign::CertifiedKey};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// Where http-01 looks.
pub const PREFIX: &str = "/.well-known/acme-challenge/";
/// The protocol of tls-alpn-01 (RFC 8737).
pub const ALPN: &[u8] = b"acme-tls/1";

/// What is shown at this moment.
#[derive(Default)]
pub struct Challenges {
    /// So that nobody takes the lock while there is nothing to show, which is nearly always.
    open: AtomicUsize,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    /// By token.
    texts: HashMap<String, String>,
    /// By name.
    certificates: HashMap<String, Arc<CertifiedKey>>,
}

/// Shows something until it is dropped.
pub(super) struct Showing {
    challenges: Arc<Challenges>,
    what: What,
}

enum What {
    Text(String),
    Certificate(String),
}

// === impl Challenges ===

impl Challenges {
    /// The answer to http-01, if this is an address that was asked for.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        let token = path.strip_prefix(PREFIX)?;
        if self.open.load(Relaxed) == 0 {
            return None;
        }
        self.lock().texts.get(token).cloned()
    }

    /// The certificate of tls-alpn-01 for this name.
    pub(super) fn certificate(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        self.lock().certificates.get(&name?.to_ascii_lowercase()).cloned()
    }

    pub(super) fn show_text(self: &Arc<Self>, token: &str, text: &str) -> Showing {
        self.lock().texts.insert(token.to_owned(), text.to_owned());
        self.showing(What::Text(token.to_owned()))
    }

    /// # Errors
    /// When no certificate can be made for the name.
    pub(super) fn show_certificate(self: &Arc<Self>, name: &str, digest: &[u8]) -> Result<Showing, String> {
        let (key, made) = made_for(name, digest).map_err(|e| e.to_string())?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let key = any_supported_type(&key).map_err(|e| e.to_string())?;
        // Not checked like others: it holds an extension that only the authority understands.
        let certified = CertifiedKey::new(vec![made.der().clone()], key);
        self.lock().certificates.insert(name.to_owned(), Arc::new(certified));
        Ok(self.showing(What::Certificate(name.to_owned())))
    }

    fn showing(self: &Arc<Self>, what: What) -> Showing {
        self.open.fetch_add(1, Relaxed);
        Showing { challenges: self.clone(), what }
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn made_for(name: &str, digest: &[u8]) -> Result<(KeyPair, rcgen::Certificate), rcgen::Error> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions.push(CustomExtension::new_acme_identifier(digest));
    let key = KeyPair::generate()?;
    let made = params.self_signed(&key)?;
    Ok((key, made))
}

impl Drop for Showing {
    fn drop(&mut self) {
        self.challenges.open.fetch_sub(1, Relaxed);
        let mut shown = self.challenges.lock();
        match &self.what {
            What::Text(token) => shown.texts.remove(token).is_some(),
            What::Certificate(name) => shown.certificates.remove(name).is_some(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_shown_as_long_as_it_is_asked_for_and_nothing_else() {
        let all = Arc::new(Challenges::default());
        let address = format!("{PREFIX}token");
        assert_eq!(all.text(&address), None);
        let text = all.show_text("token", "token.thumb");
        let certificate = all.show_certificate("shop.test", &[7; 32]).expect("a certificate");
        assert_eq!(all.text(&address).as_deref(), Some("token.thumb"));
        assert_eq!(all.text(&format!("{PREFIX}other")), None);
        assert_eq!(all.text("/token"), None);
        assert!(all.certificate(Some("SHOP.test")).is_some());
        assert!(all.certificate(Some("other.test")).is_none() && all.certificate(None).is_none());
        drop((text, certificate));
        assert_eq!(all.text(&address), None);
        assert!(all.certificate(Some("shop.test")).is_none());
    }
}
