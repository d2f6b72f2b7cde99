//! Any bytes as a node's answer to the edge, cut anywhere: read the same however they are cut, bounded, and where the
//! connection is kept for the next request, ended at the place at which everybody ends it. Otherwise the rest
//! of one visitor's answer would be the beginning of another's.
//!
//! The first byte says what was asked for, the second how the answer is cut.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};
use stillhere_edge::upstream::{Framing, Garbled, HEADERS_MAX, Inside, Opening, Piece, TRAILERS_MAX};

const TO_HEAD: u8 = 1;

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: StatusCode,
    version: Version,
    headers: HeaderMap,
    framing: Framing,
    keep: bool,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// With so many bytes behind it.
    Over {
        behind: usize,
    },
    Cut,
    Garbled,
}

pub fn run(data: &[u8]) {
    let Some((&[how, cut], bytes)) = data.split_first_chunk::<2>() else { return };
    let to_head = how & TO_HEAD != 0;
    let whole = read(bytes, usize::MAX, to_head);
    assert_eq!(whole, read(bytes, usize::from(cut) + 1, to_head), "it depends on how it is cut");
    let Some(Answer { status, headers, framing, keep, body, trailers, end, .. }) = whole else { return };
    assert!(status.as_u16() >= 200, "{status} is no answer");
    assert!(headers.len() <= HEADERS_MAX && trailers.as_ref().is_none_or(|t| t.len() <= TRAILERS_MAX));
    assert!(body.len() <= bytes.len(), "it gave out more than came");
    if let (Framing::Length(n), End::Over { .. }) = (framing, &end) {
        assert_eq!(n, body.len() as u64);
    }
    if let (true, End::Over { behind }) = (keep, end) {
        let plain = plain(bytes, to_head).expect("a plain reader sees an answer");
        assert_eq!(plain, (body, bytes.len() - behind), "another reader sees another answer");
    }
}

/// None: it is no answer, or its head is not complete; which of the two may depend on how it comes.
fn read(bytes: &[u8], step: usize, to_head: bool) -> Option<Answer> {
    let mut pieces = bytes.chunks(step.min(bytes.len().max(1))).map(Bytes::copy_from_slice);
    let mut opening = Opening::new(to_head);
    let head = loop {
        if let Some(head) = opening.feed(pieces.next()?).ok()? {
            break head;
        }
    };
    let mut inside = Inside::new(head.framing, opening.rest());
    let (mut body, mut trailers) = (Vec::new(), None);
    let end = loop {
        match inside.next() {
            Ok(Piece::Data(data)) => {
                assert!(!data.is_empty(), "a piece of nothing");
                body.extend_from_slice(&data);
            }
            Ok(Piece::Trailers(fields)) => trailers = Some(fields),
            Ok(Piece::End) => {
                let behind = inside.rest().len() + pieces.map(|piece| piece.len()).sum::<usize>();
                break End::Over { behind };
            }
            Ok(Piece::More) => match pieces.next() {
                Some(piece) => inside.feed(piece),
                None if inside.is_until_end() => break End::Over { behind: 0 },
                None => break End::Cut,
            },
            Err(Garbled) => break End::Garbled,
        }
    };
    let (parts, ()) = head.response.into_parts();
    Some(Answer {
        status: parts.status,
        version: parts.version,
        headers: parts.headers,
        framing: head.framing,
        keep: head.keep,
        body,
        trailers,
        end,
    })
}

/// The dullest reader of RFC 9112 §6 and §7.1, for an answer that says where it ends: its body, and its length in all.
fn plain(bytes: &[u8], to_head: bool) -> Option<(Vec<u8>, usize)> {
    let mut at = 0;
    loop {
        let first = loop {
            let line = line(bytes, &mut at)?;
            if !line.is_empty() {
                break line;
            }
        };
        let code = std::str::from_utf8(first.split(|&b| b == b' ').nth(1)?).ok()?;
        let (mut length, mut coding) = (None, Vec::new());
        loop {
            let line = line(bytes, &mut at)?;
            if line.is_empty() {
                break;
            }
            let colon = line.iter().position(|&b| b == b':')?;
            let (name, value) = (line[..colon].to_ascii_lowercase(), line[colon + 1..].trim_ascii());
            match name.as_slice() {
                b"content-length" => length = std::str::from_utf8(value.split(|&b| b == b',').next()?).ok(),
                b"transfer-encoding" => coding = value.to_ascii_lowercase(),
                _ => {}
            }
        }
        if code.starts_with('1') {
            continue;
        }
        if to_head || code == "204" || code == "304" {
            return Some((Vec::new(), at));
        }
        if coding.ends_with(b"chunked") {
            return Some((unchunked(bytes, &mut at)?, at));
        }
        let end = at.checked_add(length?.trim().parse().ok()?)?;
        return Some((bytes.get(at..end)?.to_vec(), end));
    }
}

fn unchunked(bytes: &[u8], at: &mut usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(bytes, at)?;
        let digits = size.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let size = usize::from_str_radix(std::str::from_utf8(&size[..digits]).ok()?, 16).ok()?;
        if size == 0 {
            while !line(bytes, at)?.is_empty() {}
            return Some(body);
        }
        body.extend_from_slice(bytes.get(*at..at.checked_add(size)?)?);
        *at += size;
        if !line(bytes, at)?.is_empty() {
            return None;
        }
    }
}

/// Up to a line feed, and behind it.
fn line<'a>(bytes: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let rest = &bytes[*at..];
    let end = rest.iter().position(|&b| b == b'\n')?;
    *at += end + 1;
    Some(rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]))
}
