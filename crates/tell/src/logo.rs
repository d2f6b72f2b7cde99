//! The operator's own mark beside the name: a picture or two from the configuration, served by ourselves.
//!
//! It is only ever shown as an image, and served under a policy that lets nothing in it run. Its name is made from its
//! content, so that a browser fetches it once, and a changed one at once; the page itself stays as small as without.

use ring::digest;
use serde::{Deserialize, Serialize};
use std::{fmt::Write as _, sync::Arc};

/// Largest picture.
pub const LOGO_MAX_BYTES: usize = 64 * 1024;
/// How far into an SVG its first element may be: comments and declarations come before it.
const SVG_HEAD: usize = 4 * 1024;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The pictures, for a light page and, if there is one, for a dark page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logo {
    pub light: Picture,
    pub dark: Option<Picture>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    kind: Kind,
    /// As it is asked for under `/logo/`: a part of its hash, and what it is.
    pub name: String,
    pub bytes: Arc<[u8]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Svg,
    Png,
}

// === impl Logo ===

impl Logo {
    pub fn pictures(&self) -> impl Iterator<Item = &Picture> {
        std::iter::once(&self.light).chain(&self.dark)
    }
}

// === impl Picture ===

impl Picture {
    /// # Errors
    /// A sentence that goes on after the file's name: "is …".
    pub fn new(bytes: Vec<u8>) -> Result<Picture, &'static str> {
        if bytes.len() > LOGO_MAX_BYTES {
            return Err("is larger than 64 KiB");
        }
        let (kind, suffix) = match &bytes[..] {
            b if b.starts_with(PNG) => (Kind::Png, "png"),
            b if is_svg(b) => (Kind::Svg, "svg"),
            _ => return Err("is neither an SVG nor a PNG picture"),
        };
        let hash = digest::digest(&digest::SHA256, &bytes);
        let mut name = String::new();
        for b in &hash.as_ref()[..8] {
            // Writing into a String cannot fail.
            let _ = write!(name, "{b:02x}");
        }
        Ok(Picture { kind, name: format!("{name}.{suffix}"), bytes: bytes.into() })
    }

    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self.kind {
            Kind::Svg => "image/svg+xml",
            Kind::Png => "image/png",
        }
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.bytes.len())
    }
}

fn is_svg(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        let head = &text[..text.floor_char_boundary(SVG_HEAD)];
        head.trim_start_matches('\u{FEFF}').trim_start().starts_with('<') && head.contains("<svg")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_content_and_named_after_it() {
        let svg =
            Picture::new(b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec());
        let svg = svg.expect("it is one");
        assert_eq!((svg.content_type(), svg.name.len()), ("image/svg+xml", 20));
        let png = Picture::new([PNG, b"rest"].concat()).expect("it is one");
        assert!(png.content_type() == "image/png" && png.name.ends_with(".png"));
        assert_ne!(png.name[..16], Picture::new([PNG, b"Rest"].concat()).expect("it is one").name[..16]);
        for not in [&b""[..], b"GIF89a", b"<html></html>", b"svg <svg", b"\xff<svg/>"] {
            assert!(Picture::new(not.to_vec()).is_err(), "{not:?}");
        }
        assert!(Picture::new([PNG, &vec![0; LOGO_MAX_BYTES]].concat()).is_err());
    }
}
