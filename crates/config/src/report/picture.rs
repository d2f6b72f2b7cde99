//! One line of the file with a caret under the place, in columns of a terminal.

use super::secrets::{MASK, Secrets};
use std::{fmt, ops::Range};

/// Columns of a line that are shown; a longer one is cut around the caret.
const SHOWN: usize = 120;
/// Columns kept before the caret when a line is cut.
const BEFORE: usize = 30;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) line: usize,
    pub(super) column: usize,
    text: String,
    before: usize,
    carets: usize,
}

/// What one character of the line becomes.
struct Cell {
    text: String,
    width: usize,
    marked: bool,
}

// === impl Picture ===

impl Picture {
    pub(super) fn of(text: &str, span: Range<usize>, secrets: &Secrets) -> Picture {
        let start = floor(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
        let line = text[line_start..line_end].trim_end_matches('\r');
        let cells = cells(line, line_start, &(start..span.end.max(start + 1)), secrets);
        let (text_shown, before, carets) = cut(&cells);
        Picture {
            line: text[..start].bytes().filter(|b| *b == b'\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            text: text_shown,
            before,
            carets,
        }
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        writeln!(f, "  {number} | {}", self.text)?;
        write!(f, "  {:w$} | {:b$}{}", "", "", "^".repeat(self.carets), w = number.len(), b = self.before)
    }
}

/// The greatest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn cells(line: &str, offset: usize, span: &Range<usize>, secrets: &Secrets) -> Vec<Cell> {
    let mut out: Vec<Cell> = Vec::new();
    let mut masked: Option<usize> = None;
    for (i, c) in line.char_indices() {
        let at = offset + i;
        let marked = span.contains(&at);
        match secrets.span_at(at) {
            Some(secret) if masked == Some(secret) => {
                // One mask for the whole value: its length is nobody's business either.
                if let Some(last) = out.last_mut() {
                    last.marked |= marked;
                }
            }
            Some(secret) => {
                masked = Some(secret);
                out.push(Cell { text: MASK.to_owned(), width: MASK.len(), marked });
            }
            None => out.push(cell(c, marked)),
        }
    }
    out
}

/// Control characters and marks that turn the direction of text would disturb a terminal: they become a dot.
fn cell(c: char, marked: bool) -> Cell {
    let harmless = match c {
        '\t' => ' ',
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => '·',
        c if c.is_control() => '·',
        c => c,
    };
    Cell { text: harmless.to_string(), width: width(harmless), marked }
}

fn cut(cells: &[Cell]) -> (String, usize, usize) {
    let first = cells.iter().position(|c| c.marked).unwrap_or(cells.len());
    let columns = |cells: &[Cell]| cells.iter().map(|c| c.width).sum::<usize>();
    let mut from = 0;
    if columns(cells) > SHOWN {
        while columns(&cells[from..first]) > BEFORE {
            from += 1;
        }
    }
    let mut out = if from > 0 { "…".to_owned() } else { String::new() };
    let before = usize::from(from > 0) + columns(&cells[from..first]);
    let mut used = usize::from(from > 0);
    let mut carets = 0;
    for c in &cells[from..] {
        if used + c.width > SHOWN {
            out.push('…');
            break;
        }
        out.push_str(&c.text);
        used += c.width;
        carets += if c.marked { c.width } else { 0 };
    }
    (out, before, carets.max(1))
}

/// Columns of a character in a terminal: 2 for the wide ones of East Asia and pictures, 0 for combining marks
/// (Unicode Standard Annex 11, the blocks that people use).
fn width(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f | 0x1ab0..=0x1aff | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0x33ff
        | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff
        | 0xa000..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe4f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}
