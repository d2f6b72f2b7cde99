//! The edge's gate: a connection's first bytes, cut anywhere. What passes must be cut into the same messages by readers
//! that forgive in different ways, because they are whom a smuggled request is meant for.

use stillhere_edge::gate::{Check, Limits};

/// How a reader resolves what it should refuse.
#[derive(Debug, Clone, Copy)]
struct Reader {
    /// Transfer-Encoding beats Content-Length.
    coding_first: bool,
    /// Of two Content-Lengths the last counts.
    last_length: bool,
    /// A line may end with a line feed alone.
    bare_lf: bool,
}

pub fn run(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else { return };
    let whole = pass(&[bytes]);
    let singly: Vec<&[u8]> = bytes.chunks(usize::from(cut % 64) + 1).collect();
    let split = pass(&singly);
    assert_eq!(whole.1, split.1, "the verdict depends on how the bytes come");
    // Of a refused head a part may have passed, if it came in parts.
    assert!(if whole.1.is_some() { split.0 >= whole.0 } else { split.0 == whole.0 });
    let readers = [(true, true, true), (true, false, false), (false, true, false), (false, false, true)]
        .map(|(coding_first, last_length, bare_lf)| Reader { coding_first, last_length, bare_lf });
    let cuts = readers.map(|reader| messages(&bytes[..whole.0], reader));
    for other in &cuts[1..] {
        assert_eq!(&cuts[0], other, "two readers cut what passed at different places");
    }
}

/// How much passed, and the word of what was refused.
fn pass(pieces: &[&[u8]]) -> (usize, Option<&'static str>) {
    let mut check = Check::new(Limits::default());
    let mut passed = 0;
    for piece in pieces {
        let fed = check.feed(piece);
        assert!(fed.passed <= piece.len());
        passed += fed.passed;
        if let Some(why) = fed.refused {
            let after = check.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(after.passed, 0, "something passes after a refusal");
            return (passed, Some(why.word()));
        }
        if check.is_withholding() {
            return (passed, Some("withheld"));
        }
        assert_eq!(fed.passed, piece.len());
    }
    (passed, None)
}

/// Where each whole message ends.
fn messages(bytes: &[u8], reader: Reader) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        while bytes[at..].starts_with(b"\r\n") {
            at += 2;
        }
        let Some((lines, head)) = lines(&bytes[at..], reader) else { break };
        at += head;
        let mut lengths = Vec::new();
        let mut chunked = false;
        for line in lines.iter().skip(1) {
            let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
            let name = line[..colon].trim_ascii().to_ascii_lowercase();
            let value = line[colon + 1..].trim_ascii();
            match &name[..] {
                b"content-length" => {
                    lengths.extend(std::str::from_utf8(value).ok().and_then(|v| v.parse::<usize>().ok()))
                }
                b"transfer-encoding" => chunked |= value.to_ascii_lowercase().ends_with(b"chunked"),
                _ => {}
            }
        }
        let length = if reader.last_length { lengths.last() } else { lengths.first() };
        let body = match (chunked, length) {
            (true, None) => chunks(&bytes[at..], reader),
            (true, Some(_)) if reader.coding_first => chunks(&bytes[at..], reader),
            (_, Some(length)) => Some(*length).filter(|l| *l <= bytes.len() - at),
            (false, None) => Some(0),
        };
        let Some(body) = body else { break };
        at += body;
        ends.push(at);
    }
    ends
}

/// The lines up to an empty one, and how long they are.
fn lines(bytes: &[u8], reader: Reader) -> Option<(Vec<&[u8]>, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    loop {
        let line = next_line(&bytes[from..], reader)?;
        from += line.1;
        if line.0.is_empty() {
            return Some((found, from));
        }
        found.push(line.0);
    }
}

fn next_line(bytes: &[u8], reader: Reader) -> Option<(&[u8], usize)> {
    let mut from = 0;
    loop {
        let lf = from + bytes[from..].iter().position(|b| *b == b'\n')?;
        match bytes[..lf].strip_suffix(b"\r") {
            Some(line) => return Some((line, lf + 1)),
            None if reader.bare_lf => return Some((&bytes[..lf], lf + 1)),
            None => from = lf + 1,
        }
    }
}

fn chunks(bytes: &[u8], reader: Reader) -> Option<usize> {
    let mut at = 0;
    loop {
        let (line, n) = next_line(&bytes[at..], reader)?;
        at += n;
        let digits = line.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        if size == 0 {
            return lines(&bytes[at..], reader).map(|(_, n)| at + n);
        }
        at = at.checked_add(size).filter(|at| *at <= bytes.len())?;
        let (rest, n) = next_line(&bytes[at..], reader)?;
        assert!(rest.is_empty(), "a chunk that passed is longer than its size");
        at += n;
    }
}
