//! One node: where it is.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A node's number in its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(pub u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
    /// HTTP/2 without TLS.
    H2c,
}

/// Where a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub scheme: Scheme,
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    pub port: u16,
}

#[derive(Debug)]
pub struct Node {
    id: NodeId,
    origin: Origin,
    generation: AtomicU64,
}

// === impl Origin ===

impl Origin {
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Origin, String> {
        let url = url::Url::parse(text).map_err(|e| format!("is not an address: {e}"))?;
        let (scheme, usual) = match url.scheme() {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            "h2c" => (Scheme::H2c, 80),
            other => return Err(format!("has the scheme {other}, not http, https or h2c")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a user or a password, which would be in every log".to_owned());
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("has a path; a node is only scheme, host and port".to_owned());
        }
        let host = url.host_str().filter(|h| !h.is_empty()).ok_or("has no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Origin { scheme, host, port: url.port().unwrap_or(usual) })
    }
}

// === impl Node ===

impl Node {
    pub(super) fn new(id: NodeId, origin: Origin) -> Node {
        Node { id, origin, generation: AtomicU64::new(0) }
    }
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
    /// Counts how often it was thrown out: kept connections of an older generation are not to be used.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }
}
