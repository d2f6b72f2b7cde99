//! Keys of actions and rows of their journal: two readers must not take one key for two, and a broken row is no action.

use http::{HeaderMap, HeaderValue};
use std::fmt::Write as _;
use stillhere_edge::action::{Key, Row, rewritten};

/// As the documentation says.
const KEY_CHARS: std::ops::RangeInclusive<usize> = 8..=255;

pub fn run(data: &[u8]) {
    let Some((&what, rest)) = data.split_first() else { return };
    match what % 5 {
        0 => header(rest),
        1 => segment(&String::from_utf8_lossy(rest)),
        2 => row(Row::Record, rest),
        3 => row(Row::Request, rest),
        _ => row(Row::Answer, rest),
    }
}

fn header(value: &[u8]) {
    let Ok(key) = Key::parse(value) else { return };
    let text = key.as_str();
    assert!(KEY_CHARS.contains(&text.len()) && text.bytes().all(|b| (0x20..=0x7e).contains(&b)), "{text:?}");
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
    assert_eq!(value.trim_ascii(), format!("\"{quoted}\"").as_bytes(), "another text is the same key");
    assert!(text.len() < 16 || !format!("{key:?}").contains(text), "a key is shown");
    // The look-up finds it by its address, however that is written.
    let encoded = text.bytes().fold(String::new(), |mut s, b| {
        let _infallible = write!(s, "%{b:02x}");
        s
    });
    assert!(Key::from_segment(&encoded).is_ok_and(|again| again == key));
    if let Ok(value) = HeaderValue::from_bytes(value) {
        let mut headers = HeaderMap::new();
        headers.append("idempotency-key", value.clone());
        assert!(Key::from_headers(&headers).is_ok_and(|read| read.as_ref() == Some(&key)));
        headers.append("idempotency-key", value);
        assert!(Key::from_headers(&headers).is_err(), "two headers, and one of them is believed");
    }
}

/// What stands in the path of the look-up.
fn segment(text: &str) {
    let Ok(key) = Key::from_segment(text) else { return };
    let text = key.as_str();
    assert!(KEY_CHARS.contains(&text.len()) && text.bytes().all(|b| (0x20..=0x7e).contains(&b)), "{text:?}");
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
    assert!(Key::parse(format!("\"{quoted}\"").as_bytes()).is_ok_and(|again| again == key));
}

/// What was read is written as what is read the same.
fn row(kind: Row, bytes: &[u8]) {
    if let Some(once) = rewritten(kind, bytes) {
        assert_eq!(rewritten(kind, &once), Some(once.clone()), "{kind:?} {}", bytes.escape_ascii());
    }
}
