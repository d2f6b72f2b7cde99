//! The same bytes in other pieces are the same message; and hyper's parser agrees on what passes.

use super::{
    table::{ambiguous, clear, others},
    *,
};
use proptest::prelude::*;

/// Bytes of connections: those of the tables, cut up, repeated, with a byte changed.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let mut all: Vec<Vec<u8>> = ambiguous().into_iter().chain(others()).map(|c| c.bytes).collect();
    all.extend(clear().into_iter().map(|(_, text)| text.into_bytes()));
    all.retain(|m| m.len() < 1000);
    let one = proptest::sample::select(all);
    (proptest::collection::vec(one, 1..4), proptest::option::of((any::<prop::sample::Index>(), any::<u8>())))
        .prop_map(|(messages, changed)| {
            let mut bytes = messages.concat();
            if let Some((at, byte)) = changed {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        })
}

/// What passed of it, and why it ended there.
fn run(pieces: &[&[u8]]) -> (Vec<u8>, Option<Violation>, bool) {
    let mut check = Check::new(Limits::default());
    let mut passed = Vec::new();
    for piece in pieces {
        let fed = check.feed(piece);
        passed.extend_from_slice(&piece[..fed.passed]);
        if fed.refused.is_some() || check.is_withholding() {
            break;
        }
    }
    (passed, check.refused(), check.is_withholding())
}

/// Whole heads that a forgiving reader finds at the front of `bytes`.
fn first_head(bytes: &[u8]) -> Option<usize> {
    let mut slots = [httparse::EMPTY_HEADER; HEADERS_MAX];
    match httparse::Request::new(&mut slots).parse(bytes) {
        Ok(httparse::Status::Complete(n)) => Some(n),
        _ => None,
    }
}

proptest! {
    #[test]
    fn the_verdict_does_not_depend_on_how_the_bytes_come(
        bytes in bytes(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        pieces.push(&bytes[from..]);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        let whole = run(&[&bytes]);
        for split in [run(&pieces), run(&single)] {
            prop_assert_eq!(&split.1, &whole.1);
            prop_assert_eq!(split.2, whole.2);
            // A refused head may have passed in part, never to its end.
            if whole.1.is_none() {
                prop_assert_eq!(&split.0, &whole.0);
            } else {
                prop_assert!(split.0.starts_with(&whole.0));
                prop_assert_eq!(first_head(&split.0[whole.0.len()..]), None);
            }
        }
    }

    #[test]
    fn any_bytes_at_all_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let (passed, _, _) = run(&[&bytes]);
        prop_assert!(bytes.starts_with(&passed));
    }

    /// What passes is cut where httparse cuts it: the first head ends at the same byte for both.
    #[test]
    fn ordinary_requests_pass_and_are_read_alike(
        method in "(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH)",
        path in "/[a-zA-Z0-9/._~%?&=-]{0,60}",
        headers in proptest::collection::vec(("X-[A-Za-z0-9-]{1,20}", "[ -~]{0,60}"), 0..30),
        body in proptest::collection::vec(any::<u8>(), 0..200),
        chunk in 1usize..50,
        is_chunked: bool,
    ) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: shop.example\r\n");
        for (name, value) in &headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut bytes;
        if is_chunked {
            bytes = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
            for piece in body.chunks(chunk) {
                bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                bytes.extend_from_slice(piece);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        } else {
            bytes = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
            bytes.extend_from_slice(&body);
        }
        let ends = first_head(&bytes);
        prop_assert!(ends.is_some());
        let mut check = Check::new(Limits::default());
        prop_assert_eq!(check.feed(&bytes), Fed { passed: bytes.len(), refused: None });
        prop_assert!(!check.is_in_head() && !check.is_in_body());
        // Exactly there: one byte less is unfinished.
        let mut check = Check::new(Limits::default());
        check.feed(&bytes[..bytes.len() - 1]);
        prop_assert!(check.is_in_head() || check.is_in_body());
    }
}
