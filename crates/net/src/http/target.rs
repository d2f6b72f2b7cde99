//! Where a request goes: a URL, taken apart once.

use crate::dns::Host;
use std::fmt;
use url::Url;

/// Longest URL, in bytes.
pub const MAX_URL: usize = 8 * 1024;

/// An `http` or `https` URL without user data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    host: Host,
    port: u16,
}

/// Why a URL cannot be asked. Never prints the URL, which may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotATarget {
    #[error("the URL is longer than {MAX_URL} bytes")]
    TooLong,
    #[error("this is not a URL: {0}")]
    Malformed(url::ParseError),
    #[error("the scheme is \"{0}\", not http or https")]
    Scheme(String),
    #[error("the URL names no host")]
    NoHost,
    #[error("the URL has no usable port")]
    NoPort,
    #[error("the URL holds a user name or password")]
    UserData,
}

// === impl Target ===

impl Target {
    /// # Errors
    /// When `url` is not an `http` or `https` URL with a host, or holds user data.
    pub fn parse(url: &str) -> Result<Target, NotATarget> {
        if url.len() > MAX_URL {
            return Err(NotATarget::TooLong);
        }
        Target::from_url(Url::parse(url).map_err(NotATarget::Malformed)?)
    }

    /// Where `location` leads from here.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn join(&self, location: &str) -> Result<Target, NotATarget> {
        if location.len() > MAX_URL {
            return Err(NotATarget::TooLong);
        }
        Target::from_url(self.url.join(location).map_err(NotATarget::Malformed)?)
    }

    fn from_url(mut url: Url) -> Result<Target, NotATarget> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(NotATarget::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NotATarget::UserData);
        }
        url.set_fragment(None);
        let host = Host::parse(url.host_str().ok_or(NotATarget::NoHost)?).ok_or(NotATarget::NoHost)?;
        let port = url.port_or_known_default().filter(|p| *p != 0).ok_or(NotATarget::NoPort)?;
        Ok(Target { url, host, port })
    }

    #[must_use]
    pub fn https(&self) -> bool {
        self.url.scheme() == "https"
    }
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }
    /// Path and query, as sent.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }
    /// The `Host` header: the port only where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }
    /// Scheme, host and port are the same, so that what is secret there is no secret here.
    #[must_use]
    pub fn same_origin(&self, other: &Target) -> bool {
        self.https() == other.https() && self.host == other.host && self.port == other.port
    }
}

impl fmt::Display for Target {
    /// Without the query, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url[..url::Position::AfterPath])
    }
}
