//! Where in a page the tag goes: as early as a script may stand.
//!
//! What may stand before it is white space, comments, the document type, `<html …>` and `<head …>`; these are read as
//! browsers read them (WHATWG HTML, 13.2.5). Right behind `<head …>` is the place; and if anything else comes first,
//! right before that: a browser opens the head by itself then. What lies behind the place is not looked at at all, so
//! that a `<head>` in a script or in somebody's comment is nothing.

/// Bytes in which the place must be found.
pub const LOOK_MAX: usize = 16 * 1024;
const NAME_MAX: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Before the byte with this number.
    Here(usize),
    Nowhere,
    /// More of the page is needed.
    NotYet,
}

/// How far it has come.
#[derive(Debug, Default)]
pub struct Scan {
    at: usize,
}

// === impl Scan ===

impl Scan {
    /// `page` from its first byte on, each time with more behind it.
    pub fn look(&mut self, page: &[u8]) -> Found {
        match self.step(page) {
            Found::NotYet if page.len() >= LOOK_MAX => Found::Nowhere,
            // However much of it came at once.
            Found::Here(at) if at > LOOK_MAX => Found::Nowhere,
            found => found,
        }
    }

    fn step(&mut self, page: &[u8]) -> Found {
        if self.at == 0 {
            // Marks of an order of bytes: that of UTF-8 may stand there, the others say that this is not for us.
            match page {
                [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => return Found::Nowhere,
                [0xef, 0xbb, 0xbf, ..] => self.at = 3,
                [] | [0xfe] | [0xff] | [0xef] | [0xef, 0xbb] => return Found::NotYet,
                _ => {}
            }
        }
        loop {
            self.at += page[self.at..].iter().take_while(|b| is_space(**b)).count();
            let rest = &page[self.at..];
            let length = match rest {
                [] | [b'<'] => return Found::NotYet,
                // Every other byte of a wide character.
                [0, ..] | [_, 0, ..] => return Found::Nowhere,
                [b'<', b'!', b'-', b'-', ..] => comment(rest),
                [b'<', b'!'] | [b'<', b'!', b'-'] => None,
                [b'<', b'!' | b'?', ..] => rest.iter().position(|b| *b == b'>').map(|n| n + 1),
                [b'<', ..] => {
                    let name: Vec<u8> = rest[1..].iter().take(NAME_MAX).map(u8::to_ascii_lowercase).collect();
                    let ends =
                        |n: usize| name.get(n).is_some_and(|b| is_space(*b) || matches!(b, b'/' | b'>'));
                    let begun = [&b"html"[..], b"head"].iter().any(|tag| tag.starts_with(&name));
                    match &name[..] {
                        _ if begun => None,
                        [b'h', b't', b'm', b'l', ..] if ends(4) => tag(rest),
                        [b'h', b'e', b'a', b'd', ..] if ends(4) => match tag(rest) {
                            Some(n) => return Found::Here(self.at + n),
                            None => None,
                        },
                        _ => return Found::Here(self.at),
                    }
                }
                _ => return Found::Here(self.at),
            };
            let Some(length) = length else { return Found::NotYet };
            self.at += length;
        }
    }
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

/// The length of a comment, which begins with `<!--` and ends with `-->` or `--!>`; `<!-->` and `<!--->` are whole.
fn comment(rest: &[u8]) -> Option<usize> {
    let ends = |end: &[u8], from: usize| {
        rest.get(from..)?.windows(end.len()).position(|w| w == end).map(|n| from + n + end.len())
    };
    match (ends(b"-->", 2), ends(b"--!>", 4)) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The length of a tag. A `>` in the quotes of a value does not end it; a quote anywhere else is an ordinary byte.
fn tag(rest: &[u8]) -> Option<usize> {
    #[derive(PartialEq)]
    enum At {
        Name,
        Equals,
        Plain,
        In(u8),
    }
    let mut at = At::Name;
    for (n, b) in rest.iter().enumerate() {
        at = match (at, *b) {
            (At::In(quote), b) if b != quote => At::In(quote),
            (At::In(_), _) => At::Name,
            (_, b'>') => return Some(n + 1),
            (At::Equals, b @ (b'"' | b'\'')) => At::In(b),
            (At::Equals, b) if is_space(b) => At::Equals,
            (At::Equals, _) => At::Plain,
            (At::Plain, b) if is_space(b) => At::Name,
            (At::Plain, _) => At::Plain,
            (At::Name, b'=') => At::Equals,
            (At::Name, _) => At::Name,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The page with a mark at the place; fed in pieces of this length.
    fn marked(page: &[u8], step: usize) -> Option<String> {
        let mut scan = Scan::default();
        let mut given = 0;
        while given < page.len() {
            given = given.saturating_add(step).min(page.len());
            match scan.look(&page[..given]) {
                Found::Here(at) => {
                    return Some(
                        String::from_utf8_lossy(&[&page[..at], b"@", &page[at..]].concat()).into_owned(),
                    );
                }
                Found::Nowhere => return None,
                Found::NotYet => {}
            }
        }
        None
    }

    #[test]
    fn the_tag_goes_where_the_head_begins_and_nowhere_else() {
        for at in [
            "<!doctype html><html><head>@<title>x</title></head>",
            "<!DOCTYPE html>\n<HTML lang='en'>\n<HEAD profile=x>@\n<meta charset=utf-8>",
            "\u{feff}  <head>@</head>",
            "<!-- <head> --><html><head>@",
            "<!--><head>@",
            "<!---><head>@",
            "<!-- a --!><head>@",
            "<!-- -- > - --><head>@",
            "<html data-x=\"a > b\" data-y='<head>'><head>@",
            "<html a\"><head>@",
            "<html a = \"x>\"><head>@",
            "<html a=x\"><head>@",
            "<html/><head/>@",
            "<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0//EN\" \"http://www.w3.org/\"><html><head>@",
            "<!doctype html>@<title>no head at all</title>",
            "<html>@<body>",
            "@<header>a head it is not</header>",
            "@<htmlx><head>",
            "@plain words <head>",
            "@<script>'<head>'</script><head>",
            "@</head>",
        ] {
            let page = at.replace('@', "");
            for step in [1, 2, 3, 7, usize::MAX] {
                assert_eq!(marked(page.as_bytes(), step).as_deref(), Some(at), "in steps of {step}");
            }
        }
        for nowhere in
            ["", " ", "<!-- never ends", "<html", "<html a='>", "<!doctype html>", "<he", "<!x", "<head"]
        {
            assert_eq!(marked(nowhere.as_bytes(), 1), None, "{nowhere}");
        }
        assert_eq!(marked(b"\xff\xfe<\0h\0e\0a\0d\0>\0", 3), None);
        assert_eq!(marked(b"<\0h\0e\0a\0d\0>\0", 1), None);
        assert_eq!(marked(b"\0<\0h\0e\0a\0d\0>", 1), None);
        let long = format!("<!--{}--><head>", "x".repeat(LOOK_MAX));
        assert!(marked(long.as_bytes(), 1_000).is_none() && marked(long.as_bytes(), usize::MAX).is_none());
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("<html a=\"".to_owned()),
            Just("<head>".to_owned()),
            Just("<head x='".to_owned()),
            Just("<!--".to_owned()),
            Just("-->".to_owned()),
            Just("<!doctype html>".to_owned()),
            Just(" ".to_owned()),
            "[<>!'\"=a-z -]{0,6}",
        ]
    }

    proptest! {
        #[test]
        fn it_does_not_depend_on_how_a_page_is_cut(
            pieces in prop::collection::vec(piece(), 0..10),
            noise in prop::collection::vec(any::<u8>(), 0..5),
            step in 1_usize..9,
        ) {
            let page = [pieces.concat().as_bytes(), &noise].concat();
            prop_assert_eq!(marked(&page, step), marked(&page, usize::MAX));
        }
    }
}
