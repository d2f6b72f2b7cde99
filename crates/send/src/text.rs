//! Words from the far side, made harmless: one line, bounded.

/// Longest proof of a delivery, in bytes.
pub(crate) const PROOF_MAX: usize = 256;
/// Longest reason, in bytes.
pub(crate) const REASON_MAX: usize = 400;

/// One line of at most `max` bytes, without control characters.
pub(crate) fn line(s: &str, max: usize) -> String {
    let mut out = String::with_capacity(s.len().min(max));
    for c in s.chars() {
        let c = if harmless(c) { c } else { ' ' };
        if c == ' ' && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        if out.len() + c.len_utf8() > max {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out
}

/// Neither a control character nor one that ends a line or turns the direction of what follows.
fn harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_t_control_characters_line_ends_and_direction_marks_do_not_survive() {
        assert_eq!(line("a\r\nBcc: x\u{0}\u{2028}b\u{202e}c\u{85}d\t e", 99), "a Bcc: x b c d e");
    }

    #[test]
    fn a_line_is_bounded_between_characters() {
        assert_eq!(line(&"ü".repeat(500), 7), "üüü");
        assert_eq!(line("  x  ", 9), "x");
    }
}
