//! Beginnings of updates that an operator keeps, with places that are filled when the update is published.
//!
//! A place stands in braces: `{services}`. What it stands for is known only then, and may not be there at all; nothing is put
//! in for it, and whoever publishes is told.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What can be filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placeholder {
    /// The names of the affected services that visitors see.
    Services,
    /// When it began.
    Began,
    /// How long it has lasted, or did.
    Duration,
    /// When the next update is promised by.
    NextUpdate,
    /// When it is expected to be over.
    Eta,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Words(String),
    Place(Placeholder),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateFault {
    /// There is no such place.
    Unknown(String),
    /// A brace that is opened and not closed, or closed and not opened.
    Brace,
}

/// The parts of a text. `{{` and `}}` stand for the braces themselves.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn pieces(text: &str) -> Result<Vec<Piece>, TemplateFault> {
    let mut pieces = Vec::new();
    let mut words = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        words.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        rest = if let Some(after) = after.strip_prefix(brace) {
            words.push_str(brace);
            after
        } else if brace == "{" {
            let (name, after) = after.split_once('}').ok_or(TemplateFault::Brace)?;
            let place = Placeholder::of(name).ok_or_else(|| match name.contains('{') {
                true => TemplateFault::Brace,
                false => TemplateFault::Unknown(name.to_owned()),
            })?;
            if !words.is_empty() {
                pieces.push(Piece::Words(std::mem::take(&mut words)));
            }
            pieces.push(Piece::Place(place));
            after
        } else {
            return Err(TemplateFault::Brace);
        };
    }
    words.push_str(rest);
    if !words.is_empty() {
        pieces.push(Piece::Words(words));
    }
    Ok(pieces)
}

// === impl Placeholder ===

impl Placeholder {
    pub const ALL: [Placeholder; 5] = [
        Placeholder::Services,
        Placeholder::Began,
        Placeholder::Duration,
        Placeholder::NextUpdate,
        Placeholder::Eta,
    ];

    /// What stands between the braces.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Placeholder::Services => "services",
            Placeholder::Began => "began",
            Placeholder::Duration => "duration",
            Placeholder::NextUpdate => "next_update",
            Placeholder::Eta => "eta",
        }
    }

    #[must_use]
    pub fn of(name: &str) -> Option<Placeholder> {
        Placeholder::ALL.into_iter().find(|p| p.as_str() == name)
    }

    /// Why there is nothing to put in, when there is nothing.
    #[must_use]
    pub fn why_not(self) -> &'static str {
        match self {
            Placeholder::Services => "no service that visitors see is affected",
            Placeholder::Began | Placeholder::Duration => "it has not begun",
            Placeholder::NextUpdate => "no next update is promised",
            Placeholder::Eta => "no time is given by which it is over, or that time has passed",
        }
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.as_str())
    }
}

// === impl TemplateFault ===

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TemplateFault::Unknown(name) => {
                let all = Placeholder::ALL.map(|p| p.to_string()).join(", ");
                write!(f, "{{{name}}} cannot be filled in; what can is {all}")
            }
            TemplateFault::Brace => {
                f.write_str("has a brace without its other one; {{ and }} stand for the braces themselves")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart_and_what_cannot_be_filled_in_is_named() {
        let words = |s: &str| Piece::Words(s.to_owned());
        let table = [
            ("", vec![]),
            ("plain", vec![words("plain")]),
            ("{eta}", vec![Piece::Place(Placeholder::Eta)]),
            ("{services}：{{x}}", vec![Piece::Place(Placeholder::Services), words("：{x}")]),
            ("a {{{began}}} b", vec![words("a {"), Piece::Place(Placeholder::Began), words("} b")]),
        ];
        for (text, parts) in table {
            assert_eq!(pieces(text).as_ref(), Ok(&parts), "{text}");
        }
        let unknown = |n: &str| Err(TemplateFault::Unknown(n.to_owned()));
        assert_eq!(pieces("{ eta }"), unknown(" eta "));
        assert_eq!(pieces("{Eta}"), unknown("Eta"));
        assert_eq!(pieces("{}"), unknown(""));
        for text in ["{eta", "eta}", "{a {eta}", "}{", "{"] {
            assert_eq!(pieces(text), Err(TemplateFault::Brace), "{text}");
        }
        let said = pieces("{until}").unwrap_err().to_string();
        assert!(said.starts_with("{until} cannot be filled in") && said.contains("{next_update}"), "{said}");
    }
}
