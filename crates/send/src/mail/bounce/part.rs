//! As much of MIME (RFC 2045, 2046) and of header fields (RFC 5322) as a report needs, over bytes that anybody wrote.

use crate::text;
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::borrow::Cow;

/// Most parts of a mail that are looked at: a report has three.
const PARTS: usize = 16;
/// Most lines of a header, or of the fields of a report.
const LINES: usize = 2_000;
/// Longest field, unfolded.
const FIELD_BYTES: usize = 8 * 1024;
/// Longest boundary (RFC 2046, 5.1.1).
const BOUNDARY_BYTES: usize = 70;
/// Groups of fields in a report: one of the message, and one for each recipient.
const GROUPS: usize = 64;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What a part says that it is.
#[derive(Debug, Default)]
pub(super) struct Kind {
    main: String,
    sub: String,
    pub(super) boundary: Option<String>,
}

// === impl Kind ===

impl Kind {
    pub(super) fn of(head: &[u8]) -> Kind {
        let Some(value) = field(head, "content-type") else { return Kind::default() };
        let (kind, parameters) = value.split_once(';').unwrap_or((&value, ""));
        let (main, sub) = kind.split_once('/').unwrap_or((kind, ""));
        let word = |s: &str| s.trim().to_ascii_lowercase();
        Kind { main: word(main), sub: word(sub), boundary: parameter(parameters, "boundary") }
    }

    pub(super) fn is(&self, main: &str, sub: &str) -> bool {
        self.main == main && self.sub == sub
    }
}

/// Of `a=b; c="d;\"e"`.
fn parameter(mut rest: &str, wanted: &str) -> Option<String> {
    loop {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_matches(|c: char| c.is_whitespace() || c == ';');
        let after = after.trim_start();
        let value: String;
        if let Some(quoted) = after.strip_prefix('"') {
            let mut text = String::new();
            let (mut end, mut escaped) = (quoted.len(), false);
            for (at, c) in quoted.char_indices() {
                match c {
                    _ if escaped => {
                        text.push(c);
                        escaped = false;
                    }
                    '\\' => escaped = true,
                    '"' => {
                        end = at + 1;
                        break;
                    }
                    c => text.push(c),
                }
            }
            (value, rest) = (text, &quoted[end..]);
        } else {
            let (bare, more) = after.split_once(';').unwrap_or((after, ""));
            (value, rest) = (bare.trim().to_owned(), more);
        }
        if name.eq_ignore_ascii_case(wanted) {
            return (!value.is_empty() && value.len() <= BOUNDARY_BYTES).then_some(value);
        }
    }
}

/// Lines without their ends.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l))
}

/// Head and body: the first empty line is between them.
pub(super) fn split(part: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    for line in part.split_inclusive(|b| *b == b'\n') {
        if matches!(line, b"\n" | b"\r\n") {
            return (&part[..at], &part[at + line.len()..]);
        }
        at += line.len();
    }
    (part, b"")
}

/// Every field of that name, unfolded, in the order in which they stand.
pub(super) fn fields(head: &[u8], name: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut wanted = false;
    for line in lines(head).take(LINES) {
        if line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) {
            if let Some(value) = found.last_mut().filter(|v| wanted && v.len() < FIELD_BYTES) {
                value.push(' ');
                value.push_str(&String::from_utf8_lossy(line.trim_ascii()));
            }
            continue;
        }
        let colon = line.iter().position(|b| *b == b':');
        wanted = colon.is_some_and(|at| line[..at].trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
        if let Some(at) = colon.filter(|_| wanted) {
            let value = line[at + 1..].trim_ascii();
            found.push(String::from_utf8_lossy(&value[..value.len().min(FIELD_BYTES)]).into_owned());
        }
    }
    found
}

pub(super) fn field(head: &[u8], name: &str) -> Option<String> {
    fields(head, name).into_iter().next()
}

/// The parts of a multipart body, one below it and no deeper.
pub(super) fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    let (mut at, mut begin) = (0, None);
    for line in body.split_inclusive(|b| *b == b'\n') {
        let rest =
            line.trim_ascii_end().strip_prefix(b"--").and_then(|l| l.strip_prefix(boundary.as_bytes()));
        if let Some(rest) = rest.filter(|rest| rest.is_empty() || *rest == b"--") {
            if let Some(begin) = begin {
                found.push(&body[begin..at]);
            }
            begin = Some(at + line.len());
            if !rest.is_empty() || found.len() >= PARTS {
                return found;
            }
        }
        at += line.len();
    }
    // Cut off: what there is of the last one.
    found.extend(begin.map(|begin| &body[begin.min(body.len())..]));
    found
}

/// The body of a part as its encoding says.
pub(super) fn decoded<'a>(head: &[u8], body: &'a [u8]) -> Cow<'a, [u8]> {
    match field(head, "content-transfer-encoding").map(|e| e.trim().to_ascii_lowercase()).as_deref() {
        Some("base64") => {
            let packed: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
            LENIENT.decode(packed).map_or(Cow::Borrowed(b"".as_slice()), Cow::Owned)
        }
        Some("quoted-printable") => Cow::Owned(unquoted(body)),
        _ => Cow::Borrowed(body),
    }
}

fn unquoted(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        let hex = |b: &u8| char::from(*b).to_digit(16);
        let escaped = match (first, after) {
            (b'=', [b'\r', b'\n', more @ ..] | [b'\n', more @ ..]) => Some((None, more)),
            (b'=', [a, b, more @ ..]) => match (hex(a), hex(b)) {
                (Some(a), Some(b)) => Some((u8::try_from(a * 16 + b).ok(), more)),
                _ => None,
            },
            _ => None,
        };
        match escaped {
            Some((byte, more)) => {
                out.extend(byte);
                rest = more;
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// The groups of fields of a report, between empty lines.
pub(super) fn groups(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| {
            let (group, more) = split(rest);
            rest = more;
            group
        })
    })
    .filter(|group| !group.is_empty())
    .take(GROUPS)
}

/// On one line, without what could pretend to be something else, and not longer than that.
pub(super) fn line(said: &str, chars: usize) -> String {
    text::line(said.split_once(';').map_or(said, |(_, rest)| rest).trim(), chars)
}
