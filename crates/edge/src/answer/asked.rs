//! What kind of answer, and in which language, the one who asks can use.

use http::{Method, request};
use stillhere_model::Lang;

/// What the one who asks can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    pub kind: Kind,
    /// The best of our languages that it named. `None`: it named none that we speak.
    pub lang: Option<Lang>,
    /// HEAD: no body.
    pub head: bool,
    /// The method changes nothing (RFC 9110, 9.2.1).
    pub safe: bool,
    /// Another site's page asked: its script may only read the answer if we allow it.
    pub cross_origin: bool,
}

/// Kinds of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A person's window.
    Page,
    Json,
    Grpc,
    /// `EventSource`, which gives up for ever at anything but a good answer.
    EventStream,
    Text,
    Script,
    Style,
    /// An image, a sound, a font: nothing of ours can stand in for it.
    Other,
}

// === impl Asked ===

impl Asked {
    #[must_use]
    pub fn of(parts: &request::Parts) -> Asked {
        Asked {
            kind: Kind::Text,
            lang: None,
            head: parts.method == Method::HEAD,
            safe: parts.method.is_safe(),
            cross_origin: false,
        }
    }
}
