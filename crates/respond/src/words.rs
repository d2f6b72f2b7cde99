//! What a person writes: kept as it is, within limits, without characters that nobody can see.
//!
//! Escaping belongs to whoever prints it. What is taken out here cannot be escaped: control
//! characters, and the marks that turn the direction of everything printed after them.

use stillhere_model::{Refusal, Text};

/// Characters in a title.
pub const TITLE_MAX: usize = 200;
/// Characters in the text of an update or of a maintenance.
pub const TEXT_MAX: usize = 10_000;
/// Characters in the name of who asked.
const BY_MAX: usize = 100;

pub(crate) fn invalid(field: &str, problem: impl Into<String>) -> Refusal {
    Refusal::Invalid { field: field.to_owned(), problem: problem.into() }
}

/// # Errors
/// When nothing is left of it, or it is too long.
pub(crate) fn title(text: &Text) -> Result<Text, Refusal> {
    checked("title", text, TITLE_MAX, |c| if c == '\n' || c == '\t' { ' ' } else { c })
}

/// # Errors
/// When nothing is left of it, or it is too long.
pub(crate) fn body(field: &str, text: &Text) -> Result<Text, Refusal> {
    checked(field, text, TEXT_MAX, |c| c)
}

/// Who is to do something: one line.
///
/// # Errors
/// When nothing is left of it, or it is too long.
pub(crate) fn owner(name: &str) -> Result<String, Refusal> {
    let kept = by(name.trim());
    if kept.is_empty() || name.chars().count() > BY_MAX {
        return Err(invalid("owner", format!("a name of 1 to {BY_MAX} characters")));
    }
    Ok(kept)
}

pub(crate) fn by(name: &str) -> String {
    name.chars().filter(|c| visible(*c) && *c != '\n' && *c != '\t').take(BY_MAX).collect()
}

fn checked(field: &str, text: &Text, max: usize, map: fn(char) -> char) -> Result<Text, Refusal> {
    // Four bytes are the most a character takes: what is longer needs no counting, however long it is.
    if text.parts().any(|p| p.len() > max.saturating_mul(4) || p.chars().count() > max) {
        return Err(invalid(field, format!("is longer than {max} characters")));
    }
    let clean = |s: &String| -> String {
        s.replace("\r\n", "\n").chars().filter(|c| visible(*c)).map(map).collect::<String>().trim().to_owned()
    };
    let text = match text {
        Text::Same(s) => Text::Same(clean(s)),
        Text::Each(m) => Text::Each(m.iter().map(|(lang, s)| (*lang, clean(s))).collect()),
    };
    if text.parts().next().is_none() || text.parts().any(str::is_empty) {
        return Err(invalid(field, "is empty"));
    }
    Ok(text)
}

fn visible(c: char) -> bool {
    let turns = matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    c == '\n' || c == '\t' || !(c.is_control() || turns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_t_controls_and_direction_overrides_are_taken_out_and_markup_is_kept() {
        let text =
            Text::from("<script>alert(1)</script>\r\nSubject: x\u{202E}gnp.exe\u{2066}\u{0000}\u{0007}\tok");
        let kept = body("text", &text).expect("it is valid");
        assert_eq!(kept, Text::from("<script>alert(1)</script>\nSubject: xgnp.exe\tok"));
        assert_eq!(title(&Text::from("a\r\nb")).expect("valid"), Text::from("a b"));
        assert_eq!(by("eve\r\nBcc: all\u{202E}"), "eveBcc: all");
    }

    #[test]
    fn case_t_ten_megabytes_and_nothing_at_all_are_refused() {
        assert!(body("text", &Text::from("x".repeat(10_000_000))).is_err());
        assert!(body("text", &Text::from("字".repeat(TEXT_MAX))).is_ok());
        assert!(body("text", &Text::from("字".repeat(TEXT_MAX + 1))).is_err());
        assert!(body("text", &Text::from("\u{202E}\n ")).is_err());
        assert!(body("text", &Text::Each(std::collections::BTreeMap::new())).is_err());
    }
}
