//! Any mail at the address that letters come back to: read twice the same, bounded, on one line; a mark is found only as we write them.

use stillhere_send::mail::bounce::{Fate, MARK_CHARS, Report, ReturnPath};

/// Longest text that is kept of what a server said.
const SAID_BYTES: usize = 300;

pub fn run(data: &[u8]) {
    let path: ReturnPath = "bounces+*@shop.test".parse().expect("a return path");
    if let Some(mark) = path.find(data) {
        assert_eq!(mark.len(), MARK_CHARS);
        assert_eq!(path.mark(&path.of(&mark)), Some(mark));
    }
    let report = Report::read(data);
    assert_eq!(report, Report::read(data));
    let Some(report) = report else { return };
    assert!(report.said.len() <= SAID_BYTES && !report.said.chars().any(char::is_control));
    assert!(matches!(report.status.class, 4 | 5));
    if report.fate("ann@example.com") == Fate::Gone {
        assert_eq!(report.status.class, 5);
        let names_her = data.windows(3).any(|w| w.eq_ignore_ascii_case(b"ann"));
        let packed = data.windows(6).any(|w| w.eq_ignore_ascii_case(b"base64"));
        let quoted = data.windows(6).any(|w| w.eq_ignore_ascii_case(b"quoted"));
        assert!(names_her || packed || quoted, "a report ends what it does not name");
    }
}
