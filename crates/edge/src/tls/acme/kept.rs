//! What is on disk: the account, and each certificate with its key in one file, so that the two are always of a pair.

use super::AcmeSpec;
use crate::private;
use instant_acme::AccountCredentials;
use ring::digest;
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

const ACCOUNT: &str = "account.json";
/// The greatest file that is read.
const FILE_MAX: u64 = 256 * 1024;

/// The folder of one authority: what another one gave is not mistaken for its.
pub(super) struct Kept(PathBuf);

// === impl Kept ===

impl Kept {
    /// # Errors
    /// When there can be no such folder.
    pub(super) fn open(data: &Path, spec: &AcmeSpec) -> io::Result<Kept> {
        let dir = Kept::dir(data, spec);
        private::folder(&dir)?;
        Ok(Kept(dir))
    }

    /// `acme/<host>-<8 hex digits of the address>`.
    pub(super) fn dir(data: &Path, spec: &AcmeSpec) -> PathBuf {
        let url = url::Url::parse(&spec.directory).ok();
        let host = url.as_ref().and_then(url::Url::host_str).unwrap_or("authority");
        let mut name: String =
            host.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        name.push('-');
        for byte in &digest::digest(&digest::SHA256, spec.directory.as_bytes()).as_ref()[..4] {
            let _infallible = write!(name, "{byte:02x}");
        }
        data.join("acme").join(name)
    }

    pub(super) fn account(&self) -> Option<AccountCredentials> {
        let text = read(&self.0.join(ACCOUNT)).ok()?;
        serde_json::from_slice(&text)
            .inspect_err(|e| tracing::warn!(error = %e, "the account with the authority cannot be read; a new one is made"))
            .ok()
    }

    pub(super) fn keep_account(&self, account: &AccountCredentials) -> io::Result<()> {
        private::write(&self.0.join(ACCOUNT), &serde_json::to_vec(account)?)
    }

    /// The certificate that was obtained last.
    pub(super) fn certificate(&self, name: &str) -> Option<CertifiedKey> {
        let path = self.path(name);
        let text = read(&path).ok()?;
        parse(&text)
            .inspect_err(|e| tracing::warn!(file = %path.display(), problem = e, "a certificate that was kept cannot be used"))
            .ok()
    }

    pub(super) fn keep_certificate(&self, name: &str, key: &str, chain: &str) -> io::Result<()> {
        private::write(&self.path(name), format!("{}\n{}", key.trim_end(), chain).as_bytes())
    }

    /// The name has been checked: it holds letters, digits, `-` and `.` only, and no empty part.
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.pem"))
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if std::fs::metadata(path)?.len() > FILE_MAX {
        return Err(io::Error::other("too large"));
    }
    std::fs::read(path)
}

/// A key and its chain, in one text.
pub(super) fn parse(text: &[u8]) -> Result<CertifiedKey, String> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    if chain.is_empty() {
        return Err("holds no certificate".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(text).map_err(|_| "holds no private key".to_owned())?;
    crate::tls::certified(chain, &key)
}
