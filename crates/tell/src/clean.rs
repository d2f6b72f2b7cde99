//! Text that somebody else wrote, made safe to show as text: bounded, without control characters, and without the
//! marks that turn the direction of what follows. Escaping for HTML, XML or JSON is done where those are written.

/// Longest title or name shown, in characters.
pub const TITLE_CHARS: usize = 200;
/// Longest text of an update or a maintenance, in characters: so long a one is taken, and shown on its own page.
pub const WHOLE_CHARS: usize = 10_000;
/// As much of it stands in feeds, messages and the API of other tools, which list many; then they say where the rest is.
pub const BODY_CHARS: usize = 4_000;
/// Longest piece of evidence (a condition, an answer) shown, in characters.
pub const EVIDENCE_CHARS: usize = 120;

/// The name of who asked as people read it: an address that acted through a link in its mail is just that address.
#[must_use]
pub fn who(name: &str) -> &str {
    name.strip_prefix("mail ").unwrap_or(name)
}

/// One line: every run of white space and control characters becomes one space.
#[must_use]
pub fn line(text: &str, max_chars: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            gap = !out.is_empty();
            continue;
        }
        if turns_direction(c) {
            continue;
        }
        if count + usize::from(gap) >= max_chars {
            return cut(out);
        }
        if gap {
            out.push(' ');
            count += 1;
            gap = false;
        }
        out.push(c);
        count += 1;
    }
    out
}

/// Several lines: line ends become `\n`, at most one blank line in a row, other control characters go.
#[must_use]
pub fn block(text: &str, max_chars: usize) -> String {
    block_or_part(text, max_chars).0
}

/// The same, and whether something was left out.
#[must_use]
pub fn block_or_part(text: &str, max_chars: usize) -> (String, bool) {
    let mut out = String::new();
    let mut count = 0;
    let mut ends = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let c = match c {
            '\r' if chars.peek() == Some(&'\n') => continue,
            '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            '\t' => ' ',
            c if c != '\n' && (c.is_control() || turns_direction(c)) => continue,
            c => c,
        };
        if c == '\n' {
            ends += 1;
            if ends > 2 || out.is_empty() {
                continue;
            }
        } else {
            ends = 0;
        }
        if count >= max_chars {
            return (cut(out), true);
        }
        out.push(c);
        count += 1;
    }
    out.truncate(out.trim_end().len());
    (out, false)
}

fn cut(mut text: String) -> String {
    text.pop();
    text.truncate(text.trim_end().len());
    text.push('…');
    text
}

/// Unicode's bidirectional controls, and the marks that are invisible and only serve to deceive (zero width, BOM).
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// For element text and attribute values in XML. Characters that XML 1.0 cannot carry are left out.
#[must_use]
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{FFFE}' | '\u{FFFF}' => {}
            c if c.is_control() && !matches!(c, '\n' | '\t') => {}
            c => out.push(c),
        }
    }
    out
}

/// An `https:` address that is safe in `href`; anything else is none. Plain `http:` passes for this very machine:
/// no network carries it (Secure Contexts, W3C), and a trial on one's own machine has nothing else.
#[must_use]
pub fn https(url: &str) -> Option<&str> {
    let bounded = url.len() <= 2_000;
    let plain = !url.chars().any(|c| c.is_whitespace() || c.is_control() || turns_direction(c));
    let secure = url.get(..8).is_some_and(|s| s.eq_ignore_ascii_case("https://")) || is_of_this_machine(url);
    (bounded && plain && secure).then_some(url)
}

fn is_of_this_machine(url: &str) -> bool {
    let hosts = ["127.0.0.1", "[::1]", "localhost"];
    let Some(rest) = url.strip_prefix("http://").and_then(|u| hosts.iter().find_map(|h| u.strip_prefix(h)))
    else {
        return false;
    };
    // Only a port may stand before the path: what follows "localhost:80@" is another host.
    let path = rest.strip_prefix(':').map_or(rest, |r| r.trim_start_matches(|c: char| c.is_ascii_digit()));
    path.is_empty() || path.starts_with(['/', '?', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_line_ends_no_controls_and_no_direction_marks() {
        assert_eq!(line("a\r\nBcc: x\u{202E}y\0 \t z", 100), "a Bcc: xy z");
        assert_eq!(line("  \n", 100), "");
    }

    #[test]
    fn case_t_long_text_is_cut_with_an_ellipsis_and_never_grows_past_its_limit() {
        let huge = "界 ".repeat(5_000_000);
        for max in [1, 2, 10, 200] {
            assert!(line(&huge, max).chars().count() <= max);
            assert!(block(&huge, max).chars().count() <= max);
            assert!(line(&huge, max).ends_with('…'));
        }
        assert_eq!(line("abc", 3), "abc");
        assert_eq!(block("abc", 3), "abc");
        assert_eq!(line("abcd", 3), "ab…");
    }

    #[test]
    fn a_block_keeps_paragraphs_and_drops_the_rest() {
        assert_eq!(block("\r\n\na\r\nb\r\rc\n\n\n\nd\u{2066}\u{7}\n", 100), "a\nb\n\nc\n\nd");
    }

    #[test]
    fn only_https_addresses_pass() {
        assert_eq!(https("https://chat.example/x"), Some("https://chat.example/x"));
        for own in ["http://127.0.0.1:8081/#help", "http://localhost", "http://[::1]/"] {
            assert_eq!(https(own), Some(own));
        }
        for bad in
            ["http://localhost:80@evil.example/", "http://127.0.0.1.evil.example/", "http://localhost.evil/"]
        {
            assert_eq!(https(bad), None, "{bad}");
        }
        for bad in
            ["javascript:alert(1)", "http://x", "https://a b", "data:text/html,x", "https://a\nb", "界界界"]
        {
            assert_eq!(https(bad), None, "{bad}");
        }
    }
}
